#!/usr/bin/env python3
"""What `make bench` measures, beside a limit measured in the same run, interleaved; medians of 7.

    run.py --build DIR --shoal PROGRAM [--dir /dev/shm] [--quick]

1. One server, one client, 1 GiB over loopback: (a) a probe that only moves the bytes, (b) the same
   with SHA-256 of one stream, (c) `shoal get` from `shoal serve`, from start to exit, (d) curl from
   nginx, where both are installed.
2. Peak resident memory of both sides, for 1 GiB and for 4 GiB.
3. 2,000 files of 4 KiB by `shoal get folder/`, and by `curl -Z` (16 at once) from nginx.

Everything lies on tmpfs, in memory that was taken before (memory.py).
"""
import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import time

import memory
import nginx
from figures import ROOT, harness, hosts_of, line

MIB, GIB = 1 << 20, 1 << 30
BUFFERS_KIB = (64, 256, 1024)
ROUNDS = 7


def fill(path, size):
    source = random.Random(1)
    with open(path, "wb") as file:
        for _ in range(0, size, MIB):
            file.write(source.randbytes(MIB))


def probe(program, folder, source, kib, *hashed):
    """Seconds of one run."""
    with memory.warm(folder, source.stat().st_size):
        said = subprocess.run([program, source, folder / "probe.out", str(kib), *hashed],
                              check=True, capture_output=True, text=True)
    (folder / "probe.out").unlink()
    return float(said.stdout.split()[0])


def empty_downloads(host):
    shutil.rmtree(host.folder / "downloads")
    (host.folder / "downloads").mkdir()


def get(swarm, host, name, size):
    """Seconds of one `shoal get` in an empty downloads/, from start to exit."""
    empty_downloads(host)
    with memory.warm(swarm.folder, size):
        start = time.monotonic()
        subprocess.run([*harness.SHOAL, "get", name, "--bind", host.address], cwd=host.folder,
                       check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - start


def memory_peaks(server, host, name):
    """Peak resident KiB of both sides. The client is asked while it still runs (--stay): what
    wait4 says of a child counts the memory of the parent that forked it, too."""
    empty_downloads(host)
    client = host.start_get(name, options=["--stay"])
    client.wait_event("fetch_done", outcome="done", limit=120)
    peaks = server.process.memory_peak() // 1024, client.memory_peak() // 1024
    client.stop()
    return peaks


def server_with(swarm, number, files):
    """A fresh server (its peak of memory is that of serving, and of hashing before)."""
    server = swarm.host(number, start=False)
    for name, size in files.items():
        path = server.shared(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        fill(path, size) if size >= MIB else path.write_bytes(os.urandom(size))
    server.serve()
    with swarm.client(server) as client:
        client.sock.settimeout(300)
        for name in (files if len(files) < 10 else ()):
            client.query(name)
        harness.until(lambda: len(client.list_all()) == len(files), "hashed", 300, every=0.2)
    return server


def curl(swarm, size, *words):
    """Seconds of one curl, from start to exit; what it writes goes below curl/."""
    folder = swarm.folder / "curl"
    folder.mkdir()
    with memory.warm(swarm.folder, size):
        start = time.monotonic()
        subprocess.run(["curl", "-sf", *words], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        took = time.monotonic() - start
    shutil.rmtree(folder)
    return took


def pair(swarm, program, size):
    """The four of part 1, a round at a time."""
    server = server_with(swarm, 2, {"big": size})
    host = swarm.host(1, hosts=[2], start=False)
    source = server.shared("big")
    times = {f"a{kib}": [] for kib in BUFFERS_KIB} | {f"b{kib}": [] for kib in BUFFERS_KIB} | {"c": []}
    with nginx.for_curl(swarm.folder / "nginx", source.parent, f"{swarm.net}.9") as url:
        for _ in range(ROUNDS):
            for kib in BUFFERS_KIB:
                times[f"a{kib}"].append(probe(program, swarm.folder, source, kib))
                times[f"b{kib}"].append(probe(program, swarm.folder, source, kib, "hash"))
            times["c"].append(get(swarm, host, "big", size))
            if url:
                times.setdefault("d", []).append(curl(swarm, size, "-o", "big", f"{url}/big"))
    medians = {name: statistics.median(values) for name, values in times.items()}
    best = {letter: min(value for name, value in medians.items() if name[0] == letter)
            for letter in {name[0] for name in medians}}
    spread = {letter: next(times[name] for name, value in medians.items()
                           if name[0] == letter and value == best[letter]) for letter in best}
    peaks = memory_peaks(server, host, "big")
    server.process.stop()
    shutil.rmtree(server.folder)
    shutil.rmtree(host.folder)
    return best, spread, peaks


def huge_file(swarm, size):
    """Seconds, and peak KiB of server and client."""
    server = server_with(swarm, 4, {"huge": size})
    host = swarm.host(3, hosts=[4], start=False)
    took = get(swarm, host, "huge", size)
    peaks = memory_peaks(server, host, "huge")
    server.process.stop()
    shutil.rmtree(server.folder)
    shutil.rmtree(host.folder)
    return took, peaks


def small_files(swarm, count):
    """Medians of seconds: shoal's, and curl's or None."""
    server = server_with(swarm, 6, {f"many/{n}": 4096 for n in range(count)})
    host = swarm.host(5, hosts=[6], start=False)
    ours, theirs = [], []
    with nginx.for_curl(swarm.folder / "nginx-many", server.folder / "shared", f"{swarm.net}.10") as url:
        for _ in range(ROUNDS):
            ours.append(get(swarm, host, "many/", 0))
            if url:
                theirs.append(curl(swarm, 0, "-Z", "--parallel-max", "16", "-o", "#1",
                                   f"{url}/many/[0-{count - 1}]"))
    return statistics.median(ours), statistics.median(theirs) if theirs else None


def report_pair(size, best, spread):
    print(f"{size // MIB} MiB over loopback, tmpfs to tmpfs, median of {ROUNDS} (min ... max):")
    for letter, what in (("a", "a  probe FILE OUT {64,256,1024}, the best"),
                         ("b", "b  probe FILE OUT {64,256,1024} hash, the best"),
                         ("c", "c  shoal get big --bind ADDRESS"),
                         ("d", "d  curl -o big URL, from nginx")):
        if letter not in best:
            continue
        line(f"  {what}  ({min(spread[letter]):.2f} ... {max(spread[letter]):.2f})",
             f"{best[letter]:.3f} s", f"{size / best[letter] / MIB:.0f} MiB/s")
    line("  c / b", f"{best['c'] / best['b']:.2f}", "<= 0.83", best["c"] <= best["b"] / 1.2)
    line("  c / a", f"{best['c'] / best['a']:.2f}", "<= 1.43", best["c"] <= best["a"] / 0.7)
    if "d" in best:
        line("  c / d", f"{best['c'] / best['d']:.2f}", "< 1", best["c"] < best["d"])


def report_memory(peaks):
    for side, peak in zip(("shoal serve", "shoal get"), peaks):
        line(f"  peak resident memory of {side}", f"{peak / 1024:.1f} MiB", "< 24 MiB",
             peak < 24 * 1024)


def report_small_files(count, ours, theirs):
    print(f"{count} files of 4 KiB, median of {ROUNDS}: {ours:.3f} s")
    line("  shoal get many/", f"{count / ours:.0f} files/s", ">= 20000", count / ours >= 20000)
    if theirs:
        line("  curl -Z --parallel-max 16, from nginx", f"{count / theirs:.0f} files/s")
        line("  shoal / curl", f"{theirs / ours:.2f}", ">= 1.3", theirs / ours >= 1.3)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--shoal", type=pathlib.Path, default=ROOT / "shoal")
    parser.add_argument("--dir", default="/dev/shm")
    parser.add_argument("--quick", action="store_true", help="256 MiB, no 4 GiB")
    options = parser.parse_args()
    program = options.build.resolve() / "bench" / "probe"
    size = 256 * MIB if options.quick else GIB
    with hosts_of("bench", options) as swarm:
        best, spread, peaks = pair(swarm, program, size)
        report_pair(size, best, spread)
        report_memory(peaks)
        if not options.quick:
            took, peaks = huge_file(swarm, 4 * GIB)
            print(f"4 GiB, once: {took:.2f} s")
            report_memory(peaks)
        count = 2000
        report_small_files(count, *small_files(swarm, count))


if __name__ == "__main__":
    main()
