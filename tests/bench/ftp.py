#!/usr/bin/env python3
"""The FTP gateway under load, beside vsftpd and pyftpdlib where they are installed, in one run.

    ftp.py --build DIR --shoal PROGRAM [--sessions 5000] [--seconds 5] [--fetches-only]

For each server: memory of an idle session (PSS), anonymous logins a second while they stand, the
time of a NOOP to all of them, a login and 1 KiB among them; before that, 64 clients that fetch
4 x 16 MiB each, connected before a common start: in one epoll loop with receives of 256 KiB, and by
a thread for each. Everything lies on tmpfs. Wants root for vsftpd.
"""
import argparse
import ftplib
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import figures

PORT = 2121
ROUNDS = 5
ONE_THREAD = "shoal, 1 thread"  # of the fetches only
PYFTPD = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer
import logging
logging.basicConfig(level=logging.ERROR)
authorizer = DummyAuthorizer()
authorizer.add_anonymous(sys.argv[2])
FTPHandler.authorizer = authorizer
server = FTPServer((sys.argv[1], int(sys.argv[3])), FTPHandler)
server.max_cons = 100_000
server.serve_forever()
"""
VSFTPD = """listen=YES
listen_address={address}
listen_port={port}
background=NO
anonymous_enable=YES
local_enable=NO
anon_root={root}
no_anon_password=NO
max_clients=0
max_per_ip=0
secure_chroot_dir={empty}
run_as_launching_user=NO
seccomp_sandbox=NO
"""


class Server:
    def __init__(self, name, address, folder):
        self.name, self.address, self.folder = name, address, folder
        self.process = None

    def start(self, command):
        self.process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex((self.address, PORT)) == 0:
                    return self
            time.sleep(0.05)
        sys.exit(f"{self.name} did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def pss(self):
        """Of the server and all its children."""
        wanted = {self.process.pid}
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except OSError:
                    pass
        while more := {pid for pid, parent in parents.items() if parent in wanted} - wanted:
            wanted |= more
        return sum(map(figures.pss, wanted))


def servers(options, root):
    net = f"127.{os.getpid() % 200 + 1}.7"
    (root / "empty").mkdir()
    plain = root / "plain"
    plain.mkdir()
    (plain / "small").write_bytes(os.urandom(1024))
    (plain / "big").write_bytes(os.urandom(16 << 20))
    for name, address, settings in (("shoal", f"{net}.1", []),
                                    (ONE_THREAD, f"{net}.4", ["--ftp-threads", "1"])):
        home = root / name
        (home / "shared").mkdir(parents=True)
        for file in plain.iterdir():  # the same pages, for caches are part of what is measured
            (home / "shared" / file.name).hardlink_to(file)
        (home / "downloads").mkdir()
        (home / "hosts.txt").touch()
        yield Server(name, address, home), [
            options.shoal.resolve(), "serve", "--bind", address, "--ftp-port", str(PORT),
            "--ftp-clients-per-thread", str(options.sessions), *settings]
    pythons = [python for python in (sys.executable, "/usr/bin/python3")  # Debian's has its packages
               if subprocess.run([python, "-c", "import pyftpdlib"], capture_output=True).returncode == 0]
    if pythons:
        yield Server("pyftpdlib", f"{net}.2", root), [
            pythons[0], "-W", "ignore", "-c", PYFTPD, f"{net}.2", root / "plain", str(PORT)]
    if shutil.which("vsftpd"):
        config = root / "vsftpd.conf"
        config.write_text(VSFTPD.format(address=f"{net}.3", port=PORT, root=root / "plain", empty=root / "empty"))
        yield Server("vsftpd", f"{net}.3", root), ["vsftpd", config]


def measure_sessions(load, server, options):
    for _ in range(20):  # what the first clients cost is no session's
        ftplib.FTP().connect(server.address, PORT)
    before = server.pss()
    sessions = options.sessions if server.name != "vsftpd" else min(options.sessions, 500)
    child = subprocess.Popen([load, server.address, str(PORT), "logins", str(options.seconds), str(sessions)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    rate, noop = map(float, child.stdout.readline().split())
    each = (server.pss() - before) / sessions
    times = []
    for _ in range(9):
        start = time.monotonic()
        client = ftplib.FTP()
        client.connect(server.address, PORT)
        client.login()
        client.retrbinary("RETR small", lambda block: None)
        times.append(time.monotonic() - start)
        client.quit()
    child.communicate("\n")
    print(f"{server.name:10} {sessions} sessions: {each / 1024:7.2f} KiB each, {rate:7.0f} logins/s, NOOP to "
          f"all {noop:.3f} s, login and 1 KiB {sorted(times)[4] * 1000:.1f} ms", flush=True)


def measure_fetches(load, running, client):
    """The servers take turns; medians."""
    said = {server.name: [] for server in running}
    for _ in range(ROUNDS):
        for server in running:
            out = subprocess.run([load, server.address, str(PORT), client, "64", "4", "big"], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout.split()
            said[server.name].append((float(out[0]) / 1e9, float(out[1])))
    for name, runs in said.items():
        rates, spreads = zip(*runs)
        print(f"{name:16} 64 clients x 4 x 16 MiB ({client}): {statistics.median(rates):.2f} GB/s ({min(rates):.2f} "
              f"... {max(rates):.2f}), slowest/fastest {statistics.median(spreads):.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--shoal", type=pathlib.Path, required=True)
    parser.add_argument("--sessions", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--fetches-only", action="store_true")
    options = parser.parse_args()
    load = options.build / "bench" / "ftp_load"
    with tempfile.TemporaryDirectory(prefix="shoal-ftp-", dir="/dev/shm") as folder:
        root = pathlib.Path(folder)
        root.chmod(0o755)
        running = []
        try:
            for server, command in servers(options, root):
                running.append(server.start(command))
            for client in ("loop", "fetch"):
                measure_fetches(load, running, client)
            for server in running:
                if server.name != ONE_THREAD and not options.fetches_only:
                    measure_sessions(load, server, options)
        finally:
            for server in running:
                server.stop()


if __name__ == "__main__":
    main()
