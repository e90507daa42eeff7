#!/usr/bin/env python3
"""A server with many clients, over loopback; medians of 5, interleaved.

    load.py --build DIR --shoal PROGRAM [--dir /dev/shm]

1. 64 clients at once fetch 16 MiB each, all let in before a common start; one client alone fetches
   as much in all. tests/bench/swarm_load.cpp is all of them: it throws away what it gets. Beside it,
   where they are installed, nginx with as many processes of curl that write to /dev/null; these have
   started and wait for their URL.
2. 900 idle clients that are let in: the server's memory for each (PSS), and how long another one
   waits for a run of 64 KiB beside how long it waits without them: runs asked for one after the
   other, and such asked for after a pause.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

import nginx
from figures import ROOT, harness, hosts_of, line, pss

MIB = 1 << 20
ROUNDS = 5
CLIENTS, FILE = 64, 16 * MIB
IDLE, RUNS = 900, 200
PAUSES_MS = 0, 5


def swarm_load(options, host, *words):
    said = subprocess.run([options.load, host.address, str(harness.PORT), *map(str, words)],
                          check=True, capture_output=True, text=True).stdout
    return [float(number) for number in said.split()]


def curls(url, count, times):
    """(bytes a second, slowest / fastest) of so many processes that each get the file so often."""
    ends, said = os.pipe()
    processes = [subprocess.Popen(["curl", "-sfK", "-"], stdin=subprocess.PIPE, stdout=said)
                 for _ in range(count)]
    os.close(said)
    time.sleep(0.5)  # until they all read their configuration
    wanted = f'url = "{url}?[1-{times}]"\noutput = "/dev/null"\nwrite-out = "."\n'.encode()
    start = time.monotonic()
    for process in processes:
        process.stdin.write(wanted)
        process.stdin.close()
    marks = []
    while done := os.read(ends, 4096):
        marks += [time.monotonic() - start] * len(done)
    os.close(ends)
    if any([process.wait() for process in processes]) or len(marks) != count * times:
        sys.exit("curl did not get the file from nginx")
    return count * times * FILE / marks[-1], marks[-1] / marks[0]


def crowd(options, swarm, host):
    """By server and number of clients: (bytes a second, slowest / fastest) of each round."""
    load = {"shoal": lambda count: swarm_load(options, host, "fetch", count, CLIENTS // count, "f")}
    with nginx.for_curl(swarm.folder / "nginx", host.folder / "shared", f"{swarm.net}.9") as url:
        if url:
            load["nginx and curl"] = lambda count: curls(f"{url}/f", count, CLIENTS // count)
        figures = {name: {1: [], CLIENTS: []} for name in load}
        for _ in range(ROUNDS):
            for name, by_count in figures.items():
                for count, rounds in by_count.items():
                    rounds.append(load[name](count))
    return figures


def report_crowd(figures):
    print(f"{CLIENTS} clients x {FILE // MIB} MiB at once, one server, medians of {ROUNDS}:")
    for name, by_count in figures.items():
        one, many = ([rate for rate, _ in by_count[count]] for count in (1, CLIENTS))
        spreads = [spread for _, spread in by_count[CLIENTS]]
        for what, rates in ((f"{name}, one client", one), (f"{name}, {CLIENTS} clients", many)):
            line(f"  {what}  ({min(rates) / 1e9:.2f} ... {max(rates) / 1e9:.2f})",
                 f"{statistics.median(rates) / 1e9:.2f} GB/s")
        ratio = statistics.median(many) / statistics.median(one)
        spread = statistics.median(spreads)
        goals = name == "shoal"
        line("    all / one", f"{ratio:.2f}", ">= 0.8" * goals, ratio >= 0.8 if goals else None)
        line("    slowest / fastest", f"{spread:.2f}", "<= 1.5" * goals, spread <= 1.5 if goals else None)


def latencies(options, host):
    """Microseconds of a run after each of the pauses."""
    return [swarm_load(options, host, "latency", RUNS, pause, "f")[0] for pause in PAUSES_MS]


def idle(options, host):
    """[bytes a client, microseconds of a run without them ..., with them ...] of each round."""
    rounds = []
    for _ in range(ROUNDS):
        host.process.stop()  # a fresh one: what it keeps of former clients would hide what they cost
        host.serve()
        alone = latencies(options, host)
        before = pss(host.process.pid)
        clients = subprocess.Popen([options.load, host.address, str(harness.PORT), "idle", str(IDLE)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if clients.stdout.readline() != "ready\n":
            sys.exit("the idle clients were not let in")
        time.sleep(1)  # idle is who has been quiet for a while
        each = (pss(host.process.pid) - before) / IDLE
        rounds.append([each, *alone, *latencies(options, host)])
        clients.communicate("\n")
    return rounds


def report_idle(rounds):
    print(f"{IDLE} idle clients, medians of {ROUNDS}:")
    each, *times = map(statistics.median, zip(*rounds))
    line("  memory of each (PSS)", f"{each / 1024:.2f} KiB", "< 4 KiB", each < 4096)
    for pause, alone, beside in zip(PAUSES_MS, times, times[len(PAUSES_MS):]):
        asked = f"asked for {pause} ms after the last" if pause else "one after the other"
        line(f"  64 KiB, {asked}: with none idle", f"{alone:.0f} us")
        line(f"    beside {IDLE}", f"{beside:.0f} us", "< 2 x that", beside < 2 * alone)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--shoal", type=pathlib.Path, default=ROOT / "shoal")
    parser.add_argument("--dir", default="/dev/shm")
    options = parser.parse_args()
    options.load = options.build.resolve() / "bench" / "swarm_load"
    with hosts_of("load", options) as swarm:
        many = str(IDLE + 10)
        host = swarm.host(2, shared={"f": FILE},
                          options=["--max-clients", many, "--max-clients-per-address", many])
        with swarm.client(host) as client:
            client.query("f")
        report_crowd(crowd(options, swarm, host))
        report_idle(idle(options, host))


if __name__ == "__main__":
    main()
