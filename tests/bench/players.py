"""The programs that are compared: how each serves, and how each fetches. A player is started for one
network and one file; fetch() gives a process that ends when the host has the file."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

import nginx

PYTHON = next((one for one in (sys.executable, "/usr/bin/python3") if subprocess.run(
    [one, "-c", "import libtorrent"], check=False, capture_output=True).returncode == 0), None)
HERE = pathlib.Path(__file__).resolve().parent
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def wait_listening(net, number, port, limit=20):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        said = subprocess.run([*net.inside(number), "ss", "-Hltn", f"sport = :{port}"],
                              capture_output=True, text=True, check=True).stdout
        if said.strip():
            return
        time.sleep(0.02)
    raise AssertionError(f"host {number} does not listen on {port}")


class Player:
    name = "?"
    done_mark = None  # what a client that goes on serving says when it has the file

    def __init__(self, net, folder, source, servers, clients):
        self.net, self.source, self.servers, self.clients = net, source, servers, clients
        self.folder = folder / self.name.replace(" ", "-")
        self.processes = []
        for number in range(len(net.spaces)):
            self.home(number).mkdir(parents=True)

    def home(self, number):
        return self.folder / str(number)

    def spawn(self, number, command, **more):
        process = subprocess.Popen([*self.net.inside(number), *map(str, command)],
                                   cwd=self.home(number), **{**QUIET, **more})
        self.processes.append(process)
        return process

    def place(self, number, path):
        """The file as a server has it: a link costs nothing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(self.source, path)

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def result(self, number):
        """Where a client has the file."""
        return self.home(number) / "f"

    # What each defines: `missing` says why it cannot run here; serve(); fetch().
    @classmethod
    def missing(cls):
        return None

    asks_version = ()

    @classmethod
    def version(cls):
        """What it says of itself in its first line."""
        if cls.missing() or not cls.asks_version:
            return ""
        said = subprocess.run(cls.asks_version, capture_output=True, text=True, check=False)
        return (said.stdout + said.stderr).splitlines()[0].partition(" (")[0].strip()


class Shoal(Player):
    name = "shoal"
    done_mark = b'"fetch_done"'
    program = ["shoal"]

    def serve(self):
        for number in self.servers:
            self.place(number, self.home(number) / "shared" / "f")
            (self.home(number) / "hosts.txt").write_text("")
            self.server(number)
        for number in self.servers:
            wait_listening(self.net, number, 8080)
            subprocess.run([*self.net.inside(number), *self.program, "get", "f"],
                           cwd=self.hashed_by(number), check=True, **QUIET)

    def server(self, number):
        return self.spawn(number, [*self.program, "serve"])

    def hashed_by(self, number):
        """A folder of a client that makes the server hash its file, over its own loopback."""
        folder = self.folder / f"asker-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "hosts.txt").write_text("127.0.0.1\n")
        return folder

    def fetch(self, number):
        home = self.home(number)
        others = [n for n in (*self.servers, *self.clients) if n != number]
        (home / "hosts.txt").write_text("".join(f"{self.net.address(n)}\n" for n in others))
        if len(self.clients) == 1:
            return self.spawn(number, [*self.program, "get", "f"])
        return self.spawn(number, [*self.program, "get", "f", "--port", "8080", "--stay", "--json"],
                          stdout=subprocess.PIPE)

    def result(self, number):
        return self.home(number) / "downloads" / "f"


class Relay(Player):
    """No program to compare with but the limit of the machine: relay.cpp."""
    name = "relay (limit)"
    done_mark = b"done"
    program = "relay"

    @classmethod
    def missing(cls):
        return None if shutil.which(cls.program) else "not built"

    def serve(self):
        self.place(self.servers[0], self.home(self.servers[0]) / "f")
        self.server(self.servers[0])
        wait_listening(self.net, self.servers[0], 7000)

    def server(self, number):
        return self.spawn(number, [self.program, "first", "f"])

    def fetch(self, number):
        at = self.clients.index(number)
        before = self.clients[at - 1] if at else self.servers[0]
        role = "last" if number == self.clients[-1] else "next"
        return self.spawn(number, [self.program, role, self.net.address(before),
                                   self.source.stat().st_size, "f"], stdout=subprocess.PIPE)


class Nginx(Player):
    """HTTP servers; who fetches from them is for the subclasses to say."""

    @classmethod
    def missing(cls):
        return nginx.missing()

    def serve(self):
        for number in self.servers:
            self.place(number, self.home(number) / "www" / "f")
            os.chmod(self.folder.parent, 0o755)
            self.server(number)
        for number in self.servers:
            wait_listening(self.net, number, nginx.PORT)

    def server(self, number):
        home = self.home(number)
        return self.spawn(number, nginx.command(home, home / "www", nginx.PORT))

    def urls(self):
        return [f"http://{self.net.address(number)}:{nginx.PORT}/f" for number in self.servers]


class Curl(Nginx):
    name = "curl"
    asks_version = ("curl", "--version")

    def fetch(self, number):
        return self.spawn(number, ["curl", "-s", "-o", "f", self.urls()[0]])


class Aria2Http(Nginx):
    name = "aria2c http"
    asks_version = ("aria2c", "--version")

    @classmethod
    def missing(cls):
        return super().missing() or (None if shutil.which("aria2c") else "aria2c is not installed")

    def fetch(self, number):
        count = len(self.servers)
        return self.spawn(number, ["aria2c", "-q", "--file-allocation=none", f"-s{4 * count}", "-x4",
                                   "-k1M", "--max-connection-per-server=4", *self.urls()])


class Libtorrent(Player):
    """python3-libtorrent: torrent_host.py seeds or fetches; peers are told of each other."""
    name = "libtorrent"
    done_mark = b"done"

    @classmethod
    def version(cls):
        return "" if cls.missing() else "libtorrent " + subprocess.run(
            [PYTHON, "-c", "import libtorrent; print(libtorrent.__version__)"],
            capture_output=True, text=True, check=True).stdout.strip()

    @classmethod
    def missing(cls):
        return None if PYTHON else "python3-libtorrent is not installed"

    def torrent(self):
        return self.folder / "f.torrent"

    def serve(self):
        for number in self.servers:
            self.place(number, self.home(number) / "f")
        subprocess.run([PYTHON, HERE / "torrent_host.py", "make", self.home(self.servers[0]) / "f",
                        self.torrent()], check=True, **QUIET)
        for number in self.servers:
            self.server(number)
        for number in self.servers:
            wait_listening(self.net, number, 6881)
        time.sleep(0.5)

    def server(self, number):
        return self.spawn(number, [PYTHON, HERE / "torrent_host.py", "seed", self.torrent(),
                                   self.home(number), self.net.address(number)])

    def fetch(self, number):
        others = [self.net.address(n) for n in (*self.servers, *self.clients) if n != number]
        stays = len(self.clients) > 1
        return self.spawn(number, [PYTHON, HERE / "torrent_host.py", "fetch", self.torrent(),
                                   self.home(number), self.net.address(number),
                                   *(["--stay"] if stays else []), *others],
                          stdout=subprocess.PIPE if stays else subprocess.DEVNULL)
