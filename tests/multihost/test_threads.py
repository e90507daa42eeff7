"""The four threads and the process as a whole: P4, P5, P22, P23, P30, P31, signals (PITFALLS 21, 26)."""
import os
import pathlib
import signal
import socket
import time

import shoalwire
from harness import KIB, MIB, PORT, check_equal, marks, until


@marks(bare=True)  # a sanitizer has threads of its own
def test_p4_exactly_four_threads_besides_main(swarm):
    server = swarm.host(2, shared={"f": 4 * MIB})
    host = swarm.host(1, hosts=[2])
    host.wait_connected(server)
    names = ["connector", "listener", "reader", "requester", "shoal"]
    until(lambda: host.process.threads() == names, what="all threads of the host")
    getting = swarm.host(3, hosts=[2], options=["--max-download", "1MiB"], start=False).start_get("f")
    getting.wait_event("fetch_progress", lambda one: one["done"] > 0)
    assert server.process.threads() == names and getting.threads() == names


@marks(bare=True)
def test_p5_p30_an_idle_peer_sleeps(swarm):
    up = [swarm.host(n) for n in (2, 3, 4)]
    host = swarm.host(1, hosts=[2, 3, 4, 8, 9])
    host.wait_connected(*up)
    before = host.process.cpu_seconds()
    time.sleep(10)
    used = host.process.cpu_seconds() - before
    assert used < 0.1, f"{used} s of CPU in 10 s"


def wakeups(process):
    """How often each thread was put to sleep by its own will, so far."""
    tasks = pathlib.Path(f"/proc/{process.pid}/task").iterdir()
    return {task.joinpath("comm").read_text().strip():
            int(task.joinpath("status").read_text().partition("\nvoluntary_ctxt_switches:")[2].split()[0])
            for task in tasks}


@marks(bare=True)
def test_p30_nobody_polls_a_flag(swarm):
    host = swarm.host(1)
    until(lambda: host.process.running(), "up")
    time.sleep(1)  # what starting wakes is over
    before = wakeups(host.process)
    time.sleep(4)
    woken = {name: count - before[name] for name, count in wakeups(host.process).items()}
    # The connector looks at hosts.txt once a second; the others have nothing to wake for.
    assert woken["connector"] <= 20, woken
    assert all(woken[name] <= 2 for name in ("listener", "reader", "requester", "shoal")), woken


@marks(alone=True)
def test_p22_quit_ends_all_threads_within_a_second(swarm):
    other = swarm.host(2)
    prompt = swarm.host(1, hosts=[2, 9], start=False).prompt()
    prompt.wait_text(f"{other.name} connected")
    start = time.monotonic()
    prompt.send("quit\n")
    assert prompt.wait(5) == 0
    assert time.monotonic() - start < 1 * max(1, float(os.environ.get("SHOAL_TEST_SLOW", "1")))
    assert other.process.stop() == 0


def test_p23_a_thread_that_cannot_go_on_ends_all(swarm):
    with socket.create_server((f"{swarm.net}.1", PORT)):
        host = swarm.host(1, start=False)
        start = time.monotonic()
        process = host.run("serve", "--bind", host.address)
        assert process.wait(3) not in (0, None)
        assert str(PORT) in process.err.text(), process.tail()
    assert time.monotonic() - start < 3


def test_p31_a_closing_peer_drains(swarm):
    server = swarm.host(2, shared={"f": 8 * MIB}, options=["--max-upload", "1MiB"])
    with swarm.client(server, 251) as watcher, swarm.client(server) as client:
        file = client.query("f")
        wanted = client.request(file.fileSize, file.digest, 0, 64)
        head = client.sock.recv(100)  # the answer is under way, for a second or so
        server.process.signal(signal.SIGTERM)
        until(lambda: watcher.ask(shoalwire.QUERY, path="f").status_name == "closing", "it closes", 5)
        message = shoalwire.ServerMessage.unpack(head + shoalwire.read_exactly(client.sock, 28))
        payload = shoalwire.read_exactly(client.sock, message.payloadSize)
    assert message.id == wanted and len(payload) == MIB, message
    assert server.shared("f").read_bytes()[:MIB] == payload
    assert server.process.wait(10) == 0


def test_signals_give_their_exit_codes(swarm):
    for number, signal_number in ((1, signal.SIGINT), (2, signal.SIGTERM)):
        host = swarm.host(number, hosts=[8], start=False)
        with socket.create_server((f"{swarm.net}.8", PORT)) as silent:
            process = host.start_get("f")
            connection, _ = silent.accept()
            process.signal(signal_number)
            assert process.wait(5) == 128 + signal_number, process.tail()
            connection.close()
    assert swarm.host(3).process.stop() == 0


def test_interrupt_says_how_to_resume(swarm):
    server = swarm.host(2, shared={"f": 16 * MIB}, options=["--max-upload", "4MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    process = host.run("get", "f", "--bind", host.address)
    until(lambda: host.download("f.part").exists() and host.download("f.part").stat().st_blocks > 2000,
          "some of it is here")
    process.signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert "interrupted" in process.err.text() and "goes on from there" in process.err.text()
    done = host.get("f", options=["--max-download", "64MiB"]).events("fetch_done")[0]
    assert done["kept"] > 0, done
    check_equal(host.download("f"), server.shared("f"))


def test_pitfall21_a_storm_of_signals(swarm):
    server = swarm.host(2, shared={"f": 24 * MIB}, options=["--max-upload", "16MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    process = host.start_get("f")
    process.wait_event("fetch_started")
    while process.running():
        for one in (process, server.process):
            if one.child.poll() is None:
                os.kill(one.pid, signal.SIGUSR1)
        time.sleep(0.0005)
    assert process.wait() == 0, process.tail()
    check_equal(host.download("f"), server.shared("f"))


@marks(bare=True)
def test_pitfall26_every_descriptor_is_closed_on_exec(swarm):
    """FD_CLOEXEC as the kernel shows it, of a peer that serves, fetches and watches."""
    server = swarm.host(2, shared={"f": 8 * MIB, "small": 10 * KIB}, options=["--max-upload", "2MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    process = host.start_get("f")
    process.wait_event("fetch_progress", lambda one: one["done"] > 0)
    for one in (process, server.process):
        for info in pathlib.Path(f"/proc/{one.pid}/fdinfo").iterdir():
            try:
                flags = int(info.read_text().partition("flags:")[2].split()[0], 8)
                target = os.readlink(f"/proc/{one.pid}/fd/{info.name}")
            except FileNotFoundError:
                continue  # it came and went
            assert int(info.name) <= 2 or flags & os.O_CLOEXEC, (info.name, target)
    part = host.download("f.part").stat()
    assert part.st_mode & 0o777 == 0o600, oct(part.st_mode)


@marks(alone=True)
def test_descriptors_return_to_the_baseline(swarm):
    server = swarm.host(2, shared={"f": 100_000})
    with swarm.client(server) as client:
        client.query("f")
        before = server.process.descriptors()
    for _ in range(200):
        with swarm.client(server) as client:
            client.fetch("f")
    until(lambda: server.process.descriptors() <= before, "no descriptor is lost", 5)
