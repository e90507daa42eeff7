#!/usr/bin/env python3
"""What `make demo` shows: four hosts on this machine, one of which fetches a real file from the other
three at once; one of those is killed midway; the file is whole all the same.

    demo.py PROGRAM

Needs no root and leaves nothing behind. Takes about ten seconds.
"""
import contextlib
import hashlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PORT = 8080
HOLDERS = 3
SECONDS = 8  # of fetching, about
LIMIT = 60   # at most: then something is wrong


def say(text):
    print(f"\n== {text}", flush=True)


def real_file():
    """A file worth fetching, over 20 MiB, that every machine with a compiler has."""
    said = subprocess.run(["g++", "-print-prog-name=cc1plus"], capture_output=True, text=True, check=True)
    path = pathlib.Path(said.stdout.strip())
    if path.is_file() and path.stat().st_size > 20 << 20:
        return path.resolve()
    return pathlib.Path(max(pathlib.Path("/usr/lib").rglob("*.so*"), key=lambda one: one.stat().st_size))


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_net():
    """A net of loopback addresses on which nobody uses the port. Linux has them all."""
    for _ in range(100):
        net = f"127.{random.randint(2, 250)}.{random.randint(1, 250)}"
        with contextlib.suppress(OSError), contextlib.ExitStack() as probes:
            for number in range(1, HOLDERS + 2):
                probe = probes.enter_context(socket.socket())
                probe.bind((f"{net}.{number}", PORT))
            return net
    sys.exit("demo: found no free loopback addresses")


class Demo:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.net = free_net()
        self.running = []

    def address(self, number):
        return f"{self.net}.{number}"

    def prepare(self, number, others):
        host = self.folder / f"host{number}"
        (host / "shared").mkdir(parents=True)
        (host / "downloads").mkdir()
        (host / "hosts.txt").write_text("".join(f"{self.address(one)}\n" for one in others))
        return host

    def start(self, host, number, *arguments, **how):
        process = subprocess.Popen([self.program, *arguments, "--bind", self.address(number)],
                                   cwd=host, **how)
        self.running.append(process)
        return process

    def serve(self, number, file, rate):
        """A holder: starts it and waits until it answers."""
        host = self.prepare(number, [])
        shutil.copyfile(file, host / "shared" / file.name)
        process = self.start(host, number, "serve", "--max-upload", str(rate), "--log-level", "error")
        end = time.monotonic() + 10
        while not self.answers(number):
            if process.poll() is not None or time.monotonic() > end:
                sys.exit(f"demo: the host {self.address(number)} did not start")
            time.sleep(0.02)
        return process

    def answers(self, number):
        with socket.socket() as probe:
            return probe.connect_ex((self.address(number), PORT)) == 0

    def stop(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()


def fetch(demo, file, rate, holders):
    """Fetches, kills a holder midway; returns the exit code and what arrived."""
    numbers = range(2, HOLDERS + 2)
    host = demo.prepare(1, numbers)
    fetching = demo.start(host, 1, "get", file.name, "--wait-hosts", str(HOLDERS), "--progress",
                          "auto" if sys.stderr.isatty() else "always")
    time.sleep(file.stat().st_size / 2 / (HOLDERS * rate))  # when half of it should be here
    if fetching.poll() is not None:
        sys.exit("demo: the fetch ended before its middle")
    holders[0].send_signal(signal.SIGKILL)
    say(f"killed {demo.address(2)} (kill -9), the others go on\n")
    return fetching.wait(LIMIT), host / "downloads" / file.name


def run(program):
    file = real_file()
    size = file.stat().st_size
    # Half comes from all holders, half from one fewer: this fills the seconds.
    rate = int(size / 2 * (1 / HOLDERS + 1 / (HOLDERS - 1)) / SECONDS)
    with tempfile.TemporaryDirectory(prefix="shoal-demo-") as folder:
        demo = Demo(program, pathlib.Path(folder))
        try:
            say(f"{HOLDERS} hosts offer {file.name} ({size / 2**20:.1f} MiB, a real file: {file}),\n"
                f"   each sends at most {rate / 2**20:.1f} MiB/s")
            holders = [demo.serve(number, file, rate) for number in range(2, HOLDERS + 2)]
            say(f"host {demo.address(1)} types: shoal get {file.name}\n")
            code, got = fetch(demo, file, rate, holders)
            if code != 0:
                sys.exit(f"demo: FAILED, shoal get ended with exit code {code}")
            say("is it the same file?")
            wanted, arrived = sha256(file), sha256(got)
            print(f"   original  SHA-256 {wanted}\n   fetched   SHA-256 {arrived}")
            if wanted != arrived:
                sys.exit("demo: FAILED, the bytes differ")
            say(f"yes: {size} bytes from {HOLDERS} hosts at once, one of them killed midway, verified.")
        finally:
            demo.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run(os.path.abspath(sys.argv[1]))
