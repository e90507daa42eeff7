#!/usr/bin/env python3
"""Runs the tests that make has built; `make test`, `test-long`, `asan`, `tsan` and `fuzz` call it.

    run.py test|long|asan|tsan|fuzz [--build DIR] [--shoal PROGRAM]

Each stage counts its own tests; what fails is shown in full. A stage that ran no test has failed. The
last line is "N passed, N failed", perhaps with ", N skipped".
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
Count = collections.namedtuple("Count", "passed failed skipped", defaults=(0, 0, 0))
# What a stage runs: its name, the command, and how to read the count from what it says.
Stage = collections.namedtuple("Stage", "name command count environment limit", defaults=({}, 900))
SLOW = {"asan": "4", "tsan": "8"}


def count_line(text, code):
    """Of tidy and multihost: the last line that says so."""
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", text, re.M)
    if not found:
        return Count(failed=1)
    count = Count(*(int(number or 0) for number in found[-1]))
    return count if code == 0 or count.failed else count._replace(failed=1)


def count_catch(text, code):
    """Of Catch2's console reporter; a program that died without a summary is one failure. A test that cannot
    run here says "SKIPPED: why", and Catch calls it passed."""
    skipped = len(re.findall(r"^\s*SKIPPED: ", text, re.M))
    if good := re.search(r"^All tests passed \(.* in (\d+) test cases?\)", text, re.M):
        return Count(int(good[1]) - skipped, 0 if code == 0 else 1, skipped)
    if mixed := re.search(r"^test cases:(.*)$", text, re.M):
        numbers = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed)", mixed[1])}
        return Count(numbers.get("passed", 0) - skipped, max(1, numbers.get("failed", 0)), skipped)
    return Count(failed=1)


def count_one(_, code):
    return Count(passed=1) if code == 0 else Count(failed=1)


def catch(name, build, program, *arguments, prefix=()):
    return Stage(name, [*prefix, build / program, *arguments], count_catch)


def fuzzers(build, seconds, replay_only=False):
    """One stage a target: all of its corpus, then new inputs for so many seconds. libFuzzer calls
    its options otherwise than the seeded loop does."""
    for program in sorted((build / "fuzz").glob("fuzz_*")):
        if not (ROOT / "tests/fuzz" / f"{program.name}.cpp").exists():
            continue
        corpus = ROOT / "tests/fuzz/corpus" / program.name.removeprefix("fuzz_")
        libfuzzer = b"libFuzzer" in program.read_bytes()
        where = [corpus] if corpus.exists() else []
        limit = [f"-max_total_time={seconds}", "-timeout=30", "-max_len=8192"] if libfuzzer else \
            [f"-seconds={seconds}"]
        if libfuzzer:  # new inputs that it finds go to a folder of their own
            found = build / "fuzz" / f"{program.name}.found"
            found.mkdir(exist_ok=True)
            where.insert(0, found)
        yield Stage(f"fuzz {program.name}", [program, *where, *(() if replay_only else limit)],
                    count_one, {"ASAN_OPTIONS": "detect_leaks=1"}, seconds + 120)


def multihost(shoal, *arguments, environment=None, name="multihost", limit=1500):
    command = [sys.executable, ROOT / "tests/multihost/run.py", *arguments]
    return Stage(name, command, count_line, {"SHOAL": shoal, **(environment or {})}, limit)


def tidy(shoal):
    return Stage("tidy", [sys.executable, ROOT / "tests/tidy/tidy.py", "--shoal", shoal], count_line)


def sanitized(variant, words=()):
    """Unit tests, simulator and real processes built with a sanitizer. ThreadSanitizer wants the
    old layout of addresses, and has nothing to look for in the simulator, which is one thread."""
    build = ROOT / "build" / variant
    fixed = variant == "tsan" and shutil.which("setarch")
    prefix = ["setarch", os.uname().machine, "-R"] if fixed else []
    shoal = " ".join([*prefix, str(build / "shoal")])
    simulator = [] if variant == "tsan" else [catch(f"{variant} sim", build, "sim-tests", prefix=prefix)]
    return [catch(f"{variant} unit", build, "unit-tests", prefix=prefix), *simulator,
            multihost(shoal, *words, environment={"SHOAL_TEST_SLOW": SLOW[variant]},
                      name=f"{variant} multihost")]


def run_stage(stage):
    start = time.monotonic()
    environment = {**os.environ, **{key: str(value) for key, value in stage.environment.items()}}
    with tempfile.TemporaryDirectory(prefix="shoal-stage-") as folder:
        cwd = folder if stage.name.startswith("fuzz") else ROOT
        try:
            done = subprocess.run([str(part) for part in stage.command], cwd=cwd, env=environment,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=stage.limit, check=False)
            text, code = done.stdout.decode("utf-8", "replace"), done.returncode
        except subprocess.TimeoutExpired as late:
            text = (late.stdout or b"").decode("utf-8", "replace") + f"\nstopped after {stage.limit} s\n"
            code = 1
        except OSError as error:
            text, code = f"cannot run {stage.command[0]}: {error}\n", 1
        keep_crashes(pathlib.Path(folder), stage.name)
    count = stage.count(text, code)
    if not count.passed and not count.failed:
        text, count = text + "\nno test ran\n", count._replace(failed=1)
    return stage, count, text, time.monotonic() - start


def keep_crashes(folder, name):
    for crash in [*folder.glob("crash-*"), *folder.glob("timeout-*"), *folder.glob("leak-*")]:
        kept = ROOT / "build" / f"{name.replace(' ', '-')}-{crash.name}"
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(crash, kept)
        print(f"kept the input as {kept}")


def show(stage, count, text, seconds):
    skipped = f", {count.skipped} skipped" if count.skipped else ""
    # Not "N passed, N failed": that line stands once, at the end.
    print(f"{stage.name:24} {count.passed:5} passed {count.failed:3} failed{skipped}  {seconds:6.1f} s",
          flush=True)
    lines = text.splitlines()
    if count.failed:
        print("\n".join(line for line in lines if not re.match(r"\d+ passed, \d+ failed", line)))
    else:
        print("".join(f"{line}\n" for line in lines if re.match(r"\s*(skipped |SKIPPED: )", line)), end="")


def run_all(phases):
    """Phase after phase, each with so many stages at a time."""
    counts = []
    for workers, stages in phases:
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for done in concurrent.futures.as_completed([pool.submit(run_stage, one) for one in stages]):
                show(*done.result())
                counts.append(done.result()[1])
    return Count(*(sum(column) for column in zip(*counts))) if counts else Count(failed=1)


def long_stages(build, shoal, seconds):
    """What takes long, and between two of those the fuzzers, since each keeps one core busy."""
    heavy = [[stage] for stage in (*sanitized("asan"), *sanitized("tsan", TSAN_WORDS))]
    heavy += [[multihost(shoal, "test_kill", environment={"SHOAL_TEST_KILLS": "200"}, name="200 kills",
                         limit=1800)],
              [multihost(shoal, "--long", "over_4_gib", "100000", name="multihost, long")],
              [catch("unit, long", build, "unit-tests", "[long]")],
              [catch("sim, long", build, "sim-tests", "[long]")._replace(limit=1800)]]
    for n, fuzzer in enumerate(fuzzers(ROOT / "build" / "fuzz", seconds)):
        heavy[n % len(heavy)].append(fuzzer)
    return [stage for group in heavy for stage in group]


def stages(what, build, shoal):
    seconds = int(os.environ.get("FUZZ_SECONDS", "20" if what == "long" else "60"))
    workers = max(2, os.cpu_count() or 2)
    if what == "fuzz":
        return [(workers, list(fuzzers(ROOT / "build" / "fuzz", seconds)))]
    if what in SLOW:
        return [(1, sanitized(what))]
    if what == "long":
        return [(workers, long_stages(build, shoal, seconds))]
    compute = [catch("unit", build, "unit-tests"), catch("sim", build, "sim-tests"), tidy(shoal),
               *fuzzers(build, 2)]
    return [(workers, compute), (1, [multihost(shoal)])]  # the last one watches the clock


# Under ThreadSanitizer everything takes ten times as long: what moves data between the threads.
TSAN_WORDS = ["test_threads", "test_swarm", "test_auth", "test_kill", "test_p3", "test_p6", "test_p9",
              "test_pitfall16", "test_pitfall21", "test_have", "test_json"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["test", "long", "asan", "tsan", "fuzz"])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--shoal", type=pathlib.Path, default=ROOT / "shoal")
    options = parser.parse_args()
    start = time.monotonic()
    build, shoal = options.build.resolve(), options.shoal.resolve()
    count = run_all(stages(options.what, build, shoal))
    print(f"{time.monotonic() - start:.0f} s")
    skipped = f", {count.skipped} skipped" if count.skipped else ""
    print(f"{count.passed} passed, {count.failed} failed{skipped}")
    return 1 if count.failed or not count.passed else 0


if __name__ == "__main__":
    sys.exit(main())
