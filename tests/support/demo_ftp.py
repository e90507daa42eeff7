#!/usr/bin/env python3
"""What `make demo-ftp` shows: three hosts with FTP gateways; a file is put at one of them by an FTP
client and got at another by another, which never heard of Shoal.

    demo_ftp.py PROGRAM

Needs no root and leaves nothing behind. Takes a few seconds.
"""
import ftplib
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import demo

FTP_PORT = 2121
HOSTS = (1, 2, 3)
NAME, PASSWORD = "joe", "swordfish"


class FtpDemo(demo.Demo):
    def serve_all(self):
        """Starts the hosts, each of which knows the others and has a gateway."""
        line = subprocess.run([self.program, "ftp-user", NAME, "--rights", "rw"], text=True,
                              input=PASSWORD + "\n", capture_output=True, check=True).stdout
        for number in HOSTS:
            host = self.prepare(number, [one for one in HOSTS if one != number])
            (host / "users").write_text(line)
            (host / "users").chmod(0o600)
            self.start(host, number, "serve", "--log-level", "error", "--ftp-port", str(FTP_PORT),
                       "--ftp-users", "users")

    def log_in(self, number, name="", password=""):
        end = time.monotonic() + demo.LIMIT
        while True:
            try:
                client = ftplib.FTP(timeout=demo.LIMIT)
                client.connect(self.address(number), FTP_PORT)
                client.login(name, password)
                return client
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    sys.exit(f"demo: the gateway of {self.address(number)} did not start")
                time.sleep(0.02)

    def wait_for_swarm(self, client):
        end = time.monotonic() + demo.LIMIT
        while client.sendcmd("NETS") != f"201 Network size is {len(HOSTS)}.":
            if time.monotonic() > end:
                sys.exit("demo: the hosts did not find each other")
            time.sleep(0.02)


def command_line(arguments):
    print("   $ " + " ".join(arguments), flush=True)
    subprocess.run(arguments, check=True)


def put(running, file):
    """With curl where that is installed, else with Python's client."""
    url = f"ftp://{running.address(1)}:{FTP_PORT}/{file.name}"
    if shutil.which("curl"):
        command_line(["curl", "-sS", "--user", f"{NAME}:{PASSWORD}", "-T", str(file), url])
        return
    with running.log_in(1, NAME, PASSWORD) as client, open(file, "rb") as source:
        print("   " + client.storbinary(f"STOR {file.name}", source))


def get(running, file, target):
    url = f"ftp://{running.address(2)}:{FTP_PORT}/{file.name}"
    if shutil.which("curl"):
        command_line(["curl", "-sS", "-o", str(target), url])
        return
    with running.log_in(2) as client, open(target, "wb") as sink:
        print("   " + client.retrbinary(f"RETR {file.name}", sink.write))


def listing(running, number):
    with running.log_in(number) as client:
        client.dir(lambda line: print("   " + line))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(program):
    file = demo.real_file()
    with tempfile.TemporaryDirectory(prefix="shoal-demo-") as folder:
        running = FtpDemo(program, pathlib.Path(folder))
        try:
            running.serve_all()
            with running.log_in(1) as client:
                running.wait_for_swarm(client)
            demo.say(f"{len(HOSTS)} hosts with FTP gateways; {file.name} ({file.stat().st_size / 2**20:.1f} "
                     f"MiB) is put at {running.address(1)}\n")
            put(running, file)
            demo.say(f"host {running.address(2)} does not have it, but lists it\n")
            listing(running, 2)
            demo.say(f"and sends it, as it comes from {running.address(1)}\n")
            target = pathlib.Path(folder) / "got"
            get(running, file, target)
            if digest(file) != digest(target):
                sys.exit("demo: FAILED, the bytes differ")
            demo.say(f"the same file: SHA-256 {digest(target)}")
        finally:
            running.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run(os.path.abspath(sys.argv[1]))
