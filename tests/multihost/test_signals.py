"""Signals, clocks and name servers: what must neither end a peer nor hold it up."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

from harness import MIB, SHOAL, SLOW, Skip, check_equal, marks, until


def ignored(process):
    """The numbers of the signals that it ignores."""
    mask = int(process.status_field("SigIgn"), 16)
    return {number for number in range(1, 32) if mask >> (number - 1) & 1}


def test_pitfall31_hup_reloads_a_service(swarm):
    """Log, hosts and users are read anew; nothing else changes, and the service stays."""
    other = swarm.host(2, shared={"f": 100_000})
    host = swarm.host(1, start=False)
    users, log = host.folder / "users", host.folder / "log"
    users.write_text("")
    users.chmod(0o600)
    host.serve(options=["--log-file", log, "--ftp-port", "2121", "--ftp-users", users])
    host.status()  # the gateways have read their files
    rotated = host.folder / "log.1"
    log.rename(rotated)
    users.write_text("no user at all\n")
    host.set_hosts([2])
    host.process.signal(signal.SIGHUP)
    until(lambda: log.exists() and "SIGHUP" in log.read_text(), "the log is opened anew")
    until(lambda: "users known before stay" in log.read_text(), "the users are read at once")
    assert "SIGHUP" not in rotated.read_text()
    host.wait_connected(other)
    host.process.signal(signal.SIGHUP)  # as often as one likes
    until(lambda: log.read_text().count("SIGHUP") == 2, "it is heard again")
    assert host.status()["servers"] == 1
    assert host.process.stop() == 0


def test_pitfall31_what_was_ignored_at_start_stays_ignored(swarm):
    host = swarm.host(1, shared={"f": 1000}, start=False)
    host.serve(wrap=["sh", "-c", 'trap "" HUP INT; exec "$@"', "sh"])
    assert {signal.SIGHUP, signal.SIGINT} <= ignored(host.process)
    for _ in range(3):
        host.process.signal(signal.SIGHUP)
        host.process.signal(signal.SIGINT)
    assert host.status()["files"] == 1
    assert host.process.stop() == 0


def test_a_prompt_outlives_hup_while_its_terminal_is_there(swarm):
    host = swarm.host(1, start=False)
    prompt = host.prompt(terminal=True, environment={"TERM": "xterm"})
    prompt.wait_text("shoal>")
    prompt.signal(signal.SIGHUP)
    prompt.wait_text("SIGHUP")
    prompt.send("quit\r")
    assert prompt.wait() == 0


def test_a_prompt_whose_terminal_goes_ends_unless_hup_is_ignored(swarm):
    host = swarm.host(1, shared={"f": 1000}, start=False)
    for wrap, stays in (([], False), (["sh", "-c", 'trap "" HUP; exec "$@"', "sh"], True)):
        master, inside = os.openpty()
        prompt = subprocess.Popen([*wrap, *SHOAL, "--bind", host.address], cwd=host.folder,
                                  env={**os.environ, "TERM": "xterm"}, stdin=inside,
                                  stdout=inside, stderr=inside)
        os.close(inside)
        try:
            until(lambda: b"shoal>" in os.read(master, 65536), "the prompt is there")
            os.close(master)  # as when its window is closed
            if stays:
                assert host.status()["files"] == 1
                prompt.terminate()
            assert prompt.wait(20 * SLOW) == (143 if stays else 0)
        finally:
            prompt.kill()
            prompt.wait()


@marks(long=True, alone=True)
def test_time_in_which_a_fetch_was_stopped_is_no_silence(swarm):
    """The server says nothing for 1.5 s of the time in which the fetch runs, and for 7 s in all."""
    server = swarm.host(2, shared={"f": 4 * MIB}, options=["--max-upload", "1MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    fetch = host.start_get("f", options=["--timeout", round(5 * SLOW)])
    fetch.wait_event("fetch_progress", lambda one: one["done"] > 0)
    server.process.freeze()
    time.sleep(1)
    fetch.freeze()
    time.sleep(6 * SLOW)
    fetch.thaw()
    time.sleep(0.5)
    server.process.thaw()
    assert fetch.wait(60) == 0, fetch.tail()
    check_equal(host.download("f"), server.shared("f"))


@contextlib.contextmanager
def dead_name_server(swarm):
    """What to wrap a process in, so that its only name server never answers."""
    if os.geteuid() != 0:
        raise Skip("a resolv.conf of its own needs root")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((f"{swarm.net}.250", 53))
        conf = swarm.folder / "resolv.conf"
        conf.write_text(f"nameserver {swarm.net}.250\n")
        wrap = ["unshare", "-m", "sh", "-c",
                f'mount --bind {conf} /etc/resolv.conf && exec "$@"', "sh"]
        if subprocess.run([*wrap, "true"], capture_output=True).returncode:
            raise Skip("mounting is not allowed here")
        yield wrap


def children(process):
    found = []
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        found += (task / "children").read_text().split()
    return [int(pid) for pid in found]


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@marks(bare=True)
def test_pitfall31_a_dead_name_server_holds_up_nobody(swarm):
    """The host known by its number is there at once; the prompt's quit ends at once; the threads
    stay the four; and the process that waits for the name server goes with the peer."""
    server = swarm.host(2, shared={"f": 100_000})
    host = swarm.host(1, hosts=["one.dead.example", 2, "two.dead.example"], start=False)
    with dead_name_server(swarm) as wrap:
        began = time.monotonic()
        host.get("f", limit=20, wrap=wrap)
        assert time.monotonic() - began < 4, "the name server was waited for"
        check_equal(host.download("f"), server.shared("f"))

        prompt = host.prompt(options=["--json"], wrap=wrap)
        prompt.send("peers\n")
        until(lambda: children(prompt), "names are looked up elsewhere")
        helpers = children(prompt)
        assert len(helpers) == 1
        until(lambda: prompt.threads() ==
              ["connector", "listener", "reader", "requester", "shoal"], "four threads and main")
        began = time.monotonic()
        prompt.send("quit\n")
        assert prompt.wait(20) == 0
        assert time.monotonic() - began < 4, "the end waited for the name server"
        until(lambda: not any(map(alive, helpers)), "the helper goes with the peer")


@marks(bare=True)
def test_an_absent_name_is_told_though_a_name_server_is_dead(swarm):
    """Nobody has it: said when the hosts that are connected have said so, not after the timeout."""
    swarm.host(2)
    host = swarm.host(1, hosts=["dead.example", 2], start=False)
    with dead_name_server(swarm) as wrap:
        began = time.monotonic()
        host.get("nothing", code=3, limit=30, wrap=wrap)
        assert time.monotonic() - began < 15


def test_names_are_looked_up_by_a_process_of_their_own(swarm):
    """localhost gets its number, and then that process is gone."""
    server = swarm.host(2)
    host = swarm.host(1, hosts=["localhost:1", 2], start=False)
    prompt = host.prompt(options=["--json"])
    host.wait_connected(server)

    def localhost_has_its_number():
        prompt.send("peers\n")
        hosts = [peer["address"] for event in prompt.events("peer_list") for peer in event["rows"]]
        return "127.0.0.1:1" in hosts or "[::1]:1" in hosts
    until(localhost_has_its_number, "the name is looked up", every=0.1)
    until(lambda: not children(prompt), "nothing is left to be looked up")
    prompt.send("quit\n")
    assert prompt.wait() == 0
