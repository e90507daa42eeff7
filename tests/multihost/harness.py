"""Real Shoal processes on loopback addresses, each a host of its own: for the tests beside it.

A test gets a Swarm: a random net 127.x.y.0/24 and a folder, both its own and gone when it ends.
Host n lives at 127.x.y.n in a working directory of its own, and all use port 8080. Nothing here
sleeps in the hope that something has happened: output and events are read as they come, and what
cannot be waited for is asked again until it is so or the time is up.

SHOAL names the program, SHOAL_TEST_SLOW=4 stretches every limit of time (sanitizers do that).
"""
import contextlib
import json
import os
import pathlib
import pty
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from testfiles import content, make_file, sha256, temporary_folder  # noqa: E402, F401

SHOAL = shlex.split(os.environ.get("SHOAL", str(ROOT / "shoal")))
SLOW = float(os.environ.get("SHOAL_TEST_SLOW", "1"))
PORT = 8080
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
SECRET = b"correct horse battery staple"
# What a sanitizer says; a process that says it fails its test, whatever else it did.
ALARMS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer",
          "runtime error:", "Assertion", "terminate called")


class Skip(Exception):
    """The test cannot run here; says why."""


def marks(**what):
    """On a test. timeout=SECONDS; alone=True: nothing beside it, it measures time; bare=True: not
    under a sanitizer; long=True: not in the short run."""
    def mark(test):
        test.marks = what
        return test
    return mark


def until(condition, what, limit=10.0, every=0.01):
    """Asks `condition` again until it is true; returns what it returned."""
    end = time.monotonic() + limit * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit * SLOW:g} s: {what}")
        time.sleep(every)


@contextlib.contextmanager
def small_disk(folder, size):
    """`folder` is a file system of its own, of that size ("24m")."""
    if os.geteuid() != 0:
        raise Skip("mounting a small tmpfs needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]).returncode:
        raise Skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


class Output:
    """The lines of one pipe, gathered as they come."""

    def __init__(self, fd, changed):
        self.lines, self.ended, self.rest, self.changed = [], False, b"", changed
        self.fd = fd
        threading.Thread(target=self.read_all, daemon=True).start()

    def read_all(self):
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # a pseudo-terminal says EIO when the other side is gone
                data = b""
            with self.changed:
                *whole, self.rest = (self.rest + data).split(b"\n")
                self.lines += [line.decode("utf-8", "replace") for line in whole]
                self.ended = not data
                self.changed.notify_all()
            if not data:
                return os.close(self.fd)

    def text(self):
        return "\n".join(self.lines + [self.rest.decode("utf-8", "replace")])


class Process:
    """One run of the program: its output, its events, its end."""

    def __init__(self, name, arguments, folder, terminal=False, environment=None, wrap=()):
        self.name, self.arguments, self.folder = name, arguments, folder
        self.changed = threading.Condition()
        self.ended_by_test = False
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})}
        command = [*wrap, *SHOAL, *arguments]
        if terminal:
            self.input, inside = pty.openpty()
            self.child = subprocess.Popen(command, cwd=folder, env=environment, stdin=inside,
                                          stdout=inside, stderr=inside)
            os.close(inside)
            self.out = self.err = Output(os.dup(self.input), self.changed)
        else:
            self.child = subprocess.Popen(command, cwd=folder, env=environment,
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE)
            self.input = self.child.stdin.fileno()
            self.out = Output(os.dup(self.child.stdout.fileno()), self.changed)
            self.err = Output(os.dup(self.child.stderr.fileno()), self.changed)
            self.child.stdout.close()
            self.child.stderr.close()
        self.pid = self.child.pid

    def wait_until(self, condition, what, limit):
        """`condition` is asked again whenever something was said."""
        end = time.monotonic() + limit * SLOW
        with self.changed:
            while True:
                value = condition()
                if value:
                    return value
                over = self.out.ended and self.err.ended
                if over or not self.changed.wait(max(0.0, end - time.monotonic())):
                    value = condition()
                    if value:
                        return value
                    why = "it ended" if over else f"not within {limit * SLOW:g} s"
                    raise AssertionError(f"{self.name}: {why}: {what}\n{self.tail()}")

    def events(self, event=None, **wanted):
        found = []
        for line in list(self.out.lines):
            if line.startswith("{"):
                one = json.loads(line)
                if (event in (None, one["event"]) and
                        all(one.get(key) == value for key, value in wanted.items())):
                    found.append(one)
        return found

    def wait_event(self, event, test=lambda one: True, limit=20.0, **wanted):
        """The first such event, among those that came already too."""
        return self.wait_until(lambda: next(filter(test, self.events(event, **wanted)), None),
                               f"event {event} {wanted}", limit)

    def wait_text(self, text, limit=20.0):
        self.wait_until(lambda: text in self.out.text() or text in self.err.text(),
                        f"the text {text!r}", limit)

    def send(self, text):
        os.write(self.input, text.encode() if isinstance(text, str) else text)

    def close_input(self):
        self.child.stdin.close()

    def wait(self, limit=30.0):
        """Its exit code, when all it said has been read."""
        try:
            self.child.wait(limit * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name}: has not ended within {limit * SLOW:g} s\n"
                                 + self.tail()) from None
        self.wait_until(lambda: self.out.ended and self.err.ended, "the end of its output", 5)
        return self.child.returncode

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        self.ended_by_test = True
        if self.running():
            self.child.send_signal(number)

    def freeze(self):
        """Stops it, and returns when each thread stands: those that run on go on for a moment."""
        self.child.send_signal(signal.SIGSTOP)
        until(lambda: all(task.joinpath("stat").read_text().rpartition(")")[2].split()[0] in "TZ"
                          for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir()),
              "every thread is stopped")

    def thaw(self):
        self.child.send_signal(signal.SIGCONT)

    def kill(self):
        """As a power cut would: no goodbye."""
        self.signal(signal.SIGKILL)
        self.child.wait()

    def stop(self, limit=10.0):
        """Asks it to end, as a service manager would; returns its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(limit)

    def ended_within(self, limit):
        try:
            self.child.wait(limit)
            return True
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self):
        return sorted(task.joinpath("comm").read_text().strip()
                      for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir())

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def status_field(self, name):
        """The first word of a line of /proc/PID/status."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return status.partition(f"{name}:")[2].split()[0]

    def memory(self):
        """Resident bytes now; without a sanitizer's shadow only when there is none."""
        return int(self.status_field("VmRSS")) * KIB

    def memory_peak(self):
        """Likewise, at most so far."""
        return int(self.status_field("VmHWM")) * KIB

    def memory_peak_to_the_end(self):
        """Likewise, seen until it has ended."""
        peak = 0
        while self.running():
            try:
                peak = max(peak, self.memory_peak())
            except (OSError, IndexError):
                break  # it has just ended
            time.sleep(0.01)
        return peak

    def tail(self, lines=30):
        said = [f"  {mark} {line[:400]}" for mark, output in (("out", self.out), ("err", self.err))
                for line in output.text().splitlines()[-lines:]]
        return f"  $ shoal {shlex.join(map(str, self.arguments))}  ({self.name})\n" + "\n".join(said)

    def fault(self):
        """What is wrong with how it ended or with what it said, if anything."""
        code = self.child.returncode
        text = self.out.text() + self.err.text()
        if any(alarm in text for alarm in ALARMS):
            return "a sanitizer or an assertion spoke"
        if code is not None and code < 0 and not self.ended_by_test:
            return f"died by signal {-code}"
        return None


class Host:
    """A working directory and an address; processes come and go."""

    def __init__(self, swarm, number, shared=None, hosts=(), options=()):
        self.swarm, self.number = swarm, number
        self.address = f"{swarm.net}.{number}"
        self.name = f"{self.address}:{PORT}"
        self.folder = swarm.folder / f"host{number}"
        self.options = [str(option) for option in options]
        for part in ("shared", "downloads"):
            (self.folder / part).mkdir(parents=True)
        for name, spec in (shared or {}).items():
            make_file(self.shared(name), spec)
        self.set_hosts(hosts)
        self.process = None

    def shared(self, name):
        return self.folder / "shared" / name

    def download(self, name):
        return self.folder / "downloads" / name

    def set_hosts(self, hosts):
        """Numbers of hosts, or lines as they are."""
        lines = [f"{self.swarm.net}.{one}" if isinstance(one, int) else one for one in hosts]
        (self.folder / "hosts.txt").write_text("".join(line + "\n" for line in lines))

    def run(self, *arguments, options=(), **how):
        """Any run of the program from here."""
        process = Process(f"host{self.number}", [*arguments, *map(str, options)], self.folder, **how)
        self.swarm.processes.append(process)
        return process

    def serve(self, options=(), **how):
        """Starts the resident peer and returns when its port answers."""
        self.process = self.run("serve", "--bind", self.address, "--port", str(PORT), "--json",
                                *self.options, options=options, **how)
        self.wait_port()
        return self

    def wait_port(self):
        def answers():
            assert self.process.running(), f"it ended\n{self.process.tail()}"
            with socket.socket() as probe:
                probe.bind((f"{self.swarm.net}.253", 0))
                return probe.connect_ex((self.address, PORT)) == 0
        until(answers, f"{self.address} answers")

    def prompt(self, options=(), **how):
        """The peer with a prompt, on a pipe or (terminal=True) on a pseudo-terminal."""
        self.process = self.run("--bind", self.address, *self.options, options=options, **how)
        return self.process

    def start_get(self, *names, options=(), **how):
        return self.run("get", *names, "--bind", self.address, "--json", *self.options,
                        options=options, **how)

    def get(self, *names, code=0, limit=60.0, **how):
        """Fetches; returns the process when it has ended, with `code`."""
        process = self.start_get(*names, **how)
        ended = process.wait(limit)
        assert ended == code, f"exit code {ended}, not {code}\n{process.tail()}"
        return process

    def status(self):
        """What the resident says of itself, numbers as numbers."""
        asked = self.run("status", "--bind", self.address, "--json")
        assert asked.wait() == 0, asked.tail()
        values = asked.events("status")[0]["values"]
        return {key: int(value) if value.isdigit() else value for key, value in values.items()}

    def wait_connected(self, *others, limit=10.0):
        """Until this peer's own client side stands with all of them, whenever that was."""
        for other in others:
            self.process.wait_event("notice", kind="host-connected", host=other.name, limit=limit)

    def kill(self):
        self.process.kill()


class Swarm:
    """The hosts of one test."""

    def __init__(self, name):
        self.processes, self.fakes = [], []
        self.claim_net()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"shoal-{name}-", dir=temporary_folder()))

    def claim_net(self):
        """A net that no other run uses: whoever holds this port of its last address has it."""
        while True:
            self.net = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}"
            self.claim = socket.socket()
            try:
                return self.claim.bind((f"{self.net}.254", 8079))
            except OSError:
                self.claim.close()

    def host(self, number, shared=None, hosts=(), options=(), start=True):
        host = Host(self, number, shared, hosts, options)
        return host.serve() if start else host

    def fake(self, number, files, secret=None, **hooks):
        """A server in Python that does as its hooks say (tests/support/shoalfake.py)."""
        import shoalfake
        server = shoalfake.FakeServer(files, f"{self.net}.{number}", PORT, secret=secret)
        for hook, value in hooks.items():
            setattr(server, hook, value)
        self.fakes.append(server)
        return server.start()

    def client(self, host, number=252, hello=True, **how):
        """A raw client of the wire, dialling from an address of its own."""
        import shoalwire
        client = shoalwire.Client(host.address, PORT, source=f"{self.net}.{number}",
                                  timeout=10 * SLOW, **how)
        if hello:
            client.hello()
        return client

    def close(self):
        """Ends what still runs; returns what was wrong with how the processes ended."""
        for process in self.processes:  # under a sanitizer they shall look for leaks
            process.signal(signal.SIGTERM if SLOW > 1 else signal.SIGKILL)
            process.signal(signal.SIGCONT)  # a test that failed may have left it stopped
        stuck = [process for process in self.processes if not process.ended_within(10 * SLOW)]
        for fake in self.fakes:
            fake.stop()
        self.claim.close()
        faults = [f"does not end when asked to:\n{process.tail()}" for process in stuck]
        faults += [f"{fault}:\n{process.tail(80)}"
                   for process in self.processes if (fault := process.fault())]
        shutil.rmtree(self.folder, ignore_errors=True)
        return faults


def check_equal(got, wanted):
    """Same bytes, by SHA-256, and nothing half-done beside it."""
    assert got.exists(), f"{got} is not there"
    assert sha256(got) == sha256(wanted), f"{got} differs from {wanted}"
    assert not got.with_name(got.name + ".part").exists(), f"{got}.part was left behind"


def guarded(swarm, number, secret=SECRET, **how):
    """A host with that secret, not started."""
    host = swarm.host(number, start=False, **how)
    path = host.folder / "secret"
    path.write_bytes(secret + b"\n")
    path.chmod(0o600)
    host.options += ["--secret-file", "secret"]
    return host
