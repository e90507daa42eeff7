#!/usr/bin/env python3
"""Transfers over shaped links beside other programs, in network namespaces; root only.

    run_links.py [--build DIR] [--shoal PROGRAM] [--rounds 5] [--only CASE,…] [--alone]
                 [--dir /dev/shm]    where all files lie, in memory that was taken before
                 [--write docs]      a table links.md and a plot links.svg there
                 [--bucket MS]       of its rate that a link which was idle may make up for (10 at 100 Mbit/s)

Each round runs every program of a case once, one after another; the figures are medians. A time is
from the first process's start until the last client has the whole file. The ideal is what the links
carry: R·1448/1514 of R bit/s. The relay is no program to compare with: it is what the machine can do
when a crowd of hosts passes the file on in a row, by one connection each."""
import argparse
import os
import pathlib
import platform
import random
import selectors
import shutil
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import cases  # noqa: E402
import links  # noqa: E402
import memory  # noqa: E402
import players  # noqa: E402
import plots  # noqa: E402

PLAYERS = {player.name: player for player in
           (players.Shoal, players.Relay, players.Curl, players.Aria2Http, players.Libtorrent)}


def fill(path, size):
    source = random.Random(7)
    with open(path, "wb") as file:
        for at in range(0, size, links_block := 1 << 20):
            file.write(source.randbytes(min(links_block, size - at)))


class Watch:
    """Clients that were started: which of them have the file, and when the last had it."""

    def __init__(self, case, player, start):
        self.case, self.player, self.start = case, player, start
        self.waiting = {}  # process by client
        self.finished = {}
        self.selector = selectors.DefaultSelector()

    def begin(self, number):
        process = self.player.fetch(number)
        self.waiting[number] = process
        if process.stdout is not None:
            self.selector.register(process.stdout, selectors.EVENT_READ, number)

    def finish(self, number):
        self.finished[number] = time.monotonic() - self.start
        del self.waiting[number]

    def look(self, patience):
        stays = bool(self.selector.get_map())
        for key, _ in self.selector.select(patience if stays else 0):
            data = os.read(key.fileobj.fileno(), 1 << 16)
            if self.player.done_mark in data and key.data in self.waiting:
                self.finish(key.data)
            if not data:
                self.selector.unregister(key.fileobj)
        for number, process in list(self.waiting.items()):
            if process.stdout is None and process.poll() is not None:
                self.finish(number)
        if not stays:
            time.sleep(0.0005)

    def lacking(self):
        return [n for n in self.case.clients
                if n not in self.finished and n not in self.case.absent]


def measure(case, player):
    """Seconds until the last has it; None: not within the limit, or not the file."""
    start = time.monotonic()
    watch = Watch(case, player, start)
    plan = sorted((case.joins.get(number, 0.0), number) for number in case.clients)
    happened = case.when == 0
    while watch.lacking():
        now = time.monotonic() - start
        while plan and plan[0][0] <= now:
            watch.begin(plan.pop(0)[1])
        if not happened and now >= case.when:
            case.then(player.net, player)
            happened = True
        if now > case.limit:
            return None
        watch.look(0.02)
    took = max(watch.finished[n] for n in case.clients if n not in case.absent)
    whole = all(player.result(n).exists() and player.result(n).stat().st_size == case.size
                for n in case.clients if n not in case.absent)
    return took if whole else None


def one_run(case, kind, folder, source):
    with links.network(case.links) as net:
        player = kind(net, folder, source, case.servers, case.clients)
        try:
            player.serve()
            before = net.sent(case.servers[0])
            with memory.warm(folder.parent, case.size * len(case.clients)):
                took = measure(case, player)
            copies = (net.sent(case.servers[0]) - before) / case.size * links.PAYLOAD / links.FRAME
        finally:
            player.stop()
    return took, copies


def run_case(case, options, folder):
    """Per program: the times of all rounds, and the copies that the first server sent."""
    names = ["shoal"] if options.alone else ["shoal", *case.others]
    able = [name for name in names if not PLAYERS[name].missing()]
    for name in set(names) - set(able):
        print(f"  {name}: skipped, {PLAYERS[name].missing()}")
    times, copies = {name: [] for name in able}, {name: [] for name in able}
    source = folder / "source"
    fill(source, case.size)
    for _ in range(options.rounds):
        for name in able:
            took, sent = one_run(case, PLAYERS[name], folder / "hosts", source)
            times[name].append(took if took is not None else float("inf"))
            copies[name].append(sent)
    source.unlink()
    return times, copies


def report(case, times, copies):
    print(f"{case.name}  (ideal {case.ideal:.2f} s)", flush=True)
    for name, all_times in times.items():
        median = statistics.median(all_times)
        good = "" if name != "shoal" else "ok" if median <= case.goal * case.ideal else "MISSED"
        goal = f"<= {case.goal:.3f}" if name == "shoal" else ""
        sent = f"{statistics.median(copies[name]):.2f} copies" if len(case.servers) == 1 else ""
        print(f"  {name:14} {median:8.3f} s  {median / case.ideal:7.3f} of ideal  {goal:9} {good:7}"
              f" {sent:12} ({min(all_times):.2f} ... {max(all_times):.2f})", flush=True)


def machine():
    names = [line.partition(":")[2].strip() for line in open("/proc/cpuinfo", encoding="ascii")
             if line.startswith("model name")]
    control = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text(encoding="ascii")
    return (f"{len(names)} × {names[0] if names else platform.machine()}, Linux {platform.release()}, "
            f"TCP {control.strip()}")


def write_down(options, results):
    versions = "; ".join(filter(None, (PLAYERS[name].version() for name in PLAYERS)))
    head = (f"Measured on {machine()}; medians of {options.rounds}, the programs taking turns. {versions}. "
            f"Command: `tests/bench/run_links.py {' '.join(sys.argv[1:])}`.\n\n"
            "![time over ideal](links.svg)\n\n")
    (options.write / "links.md").write_text("# Over shaped links\n\n" + head + plots.table(results))
    (options.write / "links.svg").write_text(
        plots.plot(results, "Time over what the links permit (1.00); red: the goal"))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build/release")
    parser.add_argument("--shoal", type=pathlib.Path, default=HERE.parents[1] / "shoal")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--alone", action="store_true", help="without the other programs")
    parser.add_argument("--dir", default="/dev/shm")
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--bucket", type=float, default=0)
    options = parser.parse_args()
    links.Network.bucket_ms = options.bucket
    players.Shoal.program = [str(options.shoal.resolve())]
    players.Relay.program = str((options.build / "bench/relay").resolve())
    known = cases.all_cases()
    results = []
    wanted = options.only.split(",") if options.only else list(known)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="shoal-links-", dir=options.dir))
    try:
        for key in wanted:
            results.append((known[key], *run_case(known[key], options, folder)))
            report(*results[-1])
    except links.Unable as error:
        print(f"skipped: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.write and results:
        write_down(options, results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
