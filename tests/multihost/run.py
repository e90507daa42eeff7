#!/usr/bin/env python3
"""Runs the tests of real processes: functions test_* of the files test_*.py beside this one.

    run.py [WORD...] [--jobs N] [--long] [--list]

Only tests whose name (file.function) contains one of the words, if any are given. Each test is a
process of its own, a few at a time, with a limit of time; what fails is shown in full. The last
line is "N passed, N failed, N skipped".
"""
import argparse
import concurrent.futures
import importlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import harness  # noqa: E402

PASSED, FAILED, SKIPPED = 0, 1, 77
TIMEOUT = 60


def discover():
    """Every test by its name."""
    tests = {}
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        for name, test in vars(module).items():
            if name.startswith("test_") and callable(test):
                tests[f"{path.stem}.{name}"] = test
    return tests


def marks_of(test):
    return getattr(test, "marks", {})


def run_here(name):
    """One test, in this process; returns how it ended."""
    test = discover()[name]
    swarm = harness.Swarm(name.rpartition(".test_")[2][:40])
    result, faults = PASSED, []
    try:
        test(swarm)
    except harness.Skip as skip:
        print(f"skipped: {skip}")
        result = SKIPPED
    except BaseException:
        traceback.print_exc(limit=-4, file=sys.stdout)
        result = FAILED
    finally:
        if result == FAILED:
            print("\n".join(process.tail() for process in swarm.processes))
        faults = swarm.close()
    if faults:
        print("\n".join(faults))
    return FAILED if faults else result


def run_apart(name, limit):
    """One test in a process group of its own: (name, how it ended, what it said, seconds)."""
    start = time.monotonic()
    child = subprocess.Popen([sys.executable, __file__, "--one", name], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True)
    try:
        said, _ = child.communicate(timeout=limit)
        result = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        said, _ = child.communicate()
        said += f"\nstopped after {limit:g} s\n".encode()
        result = FAILED
    return name, result, said.decode("utf-8", "replace"), time.monotonic() - start


def show(name, result, said, seconds):
    word = {PASSED: "ok", SKIPPED: "skipped"}.get(result, "FAILED")
    why = said.strip().removeprefix("skipped: ") if result == SKIPPED else ""
    print(f"  {word:8}{name}  {seconds:.1f} s  {why}".rstrip(), flush=True)
    if word == "FAILED":
        print("    " + said.replace("\n", "\n    "), flush=True)


def wanted_tests(options):
    for name, test in discover().items():
        marks = marks_of(test)
        if options.words and not any(word in name for word in options.words):
            continue
        if marks.get("long") and not options.long and not options.words:
            continue
        if marks.get("bare") and harness.SLOW > 1:
            continue
        yield name, marks


def run_all(chosen, jobs):
    """Those that measure time come last, one by one."""
    results = []

    def finished(one):
        show(*one)
        results.append(one[1])

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = [pool.submit(run_apart, name, marks.get("timeout", TIMEOUT) * harness.SLOW)
                   for name, marks in chosen if not marks.get("alone")]
        for one in concurrent.futures.as_completed(running):
            finished(one.result())
    for name, marks in chosen:
        if marks.get("alone"):
            finished(run_apart(name, marks.get("timeout", TIMEOUT) * harness.SLOW))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--jobs", type=int, default=max(2, (os.cpu_count() or 2) + 1))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return run_here(options.one)
    chosen = list(wanted_tests(options))
    if options.list:
        print("\n".join(name for name, _ in chosen))
        return 0
    # One folder around all, so that not even a test that had to be stopped leaves anything behind.
    with tempfile.TemporaryDirectory(prefix="shoal-", dir=harness.temporary_folder(),
                                     ignore_cleanup_errors=True) as folder:
        os.environ["SHOAL_TEST_DIR"] = folder
        results = run_all(chosen, options.jobs)
    passed, skipped = results.count(PASSED), results.count(SKIPPED)
    failed = len(results) - passed - skipped
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
