"""What the benchmarks share: the hosts they start, the simulator, how a figure is written, and whose
memory it is."""
import argparse
import contextlib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "multihost"))
import harness  # noqa: E402


@contextlib.contextmanager
def hosts_of(name, options):
    """A swarm of options.shoal, below options.dir if there is one. Who had a fault ends the benchmark
    with it."""
    harness.SHOAL = [str(options.shoal.resolve())]
    if "dir" in options:
        os.environ["SHOAL_TEST_DIR"] = options.dir
    swarm = harness.Swarm(name)
    try:
        yield swarm
    finally:
        faults = swarm.close()
    if faults:
        sys.exit("\n".join(faults))


def simulated(doc, cases):
    """What the simulator's test cases say; the program lies where the command line tells."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    return subprocess.run([parser.parse_args().build.resolve() / "sim-tests", cases], cwd=ROOT, text=True,
                          capture_output=True, check=True).stdout


def line(what, value, goal="", good=None):
    mark = "" if good is None else ("ok" if good else "MISSED")
    print(f"{what:66} {value:>16}  {goal:18} {mark}", flush=True)


def pss(pid):
    """Proportional resident bytes of a process; 0 when it has just gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.partition("\nPss:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return 0
