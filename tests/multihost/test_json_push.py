"""PUSH through the JSON gateway, interrupted: old content or new, never a mixture, nothing left behind
(PITFALLS 22, 23, 26)."""
import json
import threading

from harness import MIB, marks, until
from jsonhost import OK, connect, gateway_host, status_of

OLD, NEW = b"old content " * 50_000, b"the new one " * 400_000


def whole(host):
    """What stands there; it must be one of the two."""
    data = host.shared("a.txt").read_bytes()
    assert data in (OLD, NEW), f"a mixture of {len(data)} bytes"
    return data


def hidden(host):
    return [path for path in host.folder.joinpath("shared").rglob("*") if path.is_file() and path.name != "a.txt"]


def begin_push(gateway, part):
    """The request and that part of its content; the rest never comes."""
    line = {"request_type": "PUSH", "body": {"rel_endpoint": "a.txt"}, "content_length": len(NEW)}
    gateway.send_line(json.dumps(line).encode())
    sealed = bytearray()
    for start in range(0, len(NEW), 65536):
        block = NEW[start:start + 65536]
        sealed += block + gateway.sends.next(block)
    gateway.socket.sendall(sealed[:int(len(sealed) * part)])


def test_j7_push_interrupted_at_every_tenth(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"a.txt": OLD})
    for tenth in range(10):
        with connect(host) as gateway:
            begin_push(gateway, tenth / 10)
        with connect(host) as gateway:
            assert status_of(gateway, "PING") == OK
        assert whole(host) == OLD
    until(lambda: not hidden(host), "what was begun is gone")
    with connect(host) as gateway:
        assert status_of(gateway, "PUSH", {"rel_endpoint": "a.txt"}, NEW) == OK
    assert whole(host) == NEW


@marks(timeout=120)
def test_j7_push_and_kill_9(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"a.txt": OLD})
    for step in range(11):
        with connect(host) as gateway:
            begin_push(gateway, step / 10)
            host.kill()
        data = whole(host)
        assert data == OLD or step == 10
        host.serve()
        until(lambda: not hidden(host), "what the dead one had begun is gone")
        with connect(host) as gateway:
            reply, got = gateway.call("GET", {"rel_endpoint": "a.txt"})
            assert reply["status"] == OK and got == data, (step, reply)
        host.shared("a.txt").write_bytes(OLD)


def test_j7_whoever_reads_sees_old_or_new(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"a.txt": OLD})
    stop, seen, faults = threading.Event(), set(), []

    def read():
        with connect(host) as gateway:
            while not stop.is_set():
                reply, data = gateway.call("GET", {"rel_endpoint": "a.txt"})
                if reply["status"] == OK and data not in (OLD, NEW):
                    faults.append(len(data))
                seen.add((reply["status"], data == NEW))
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    with connect(host) as gateway:
        for i in range(12):
            assert status_of(gateway, "PUSH", {"rel_endpoint": "a.txt"}, OLD if i % 2 else NEW) == OK
            whole(host)
    stop.set()
    for reader in readers:
        reader.join()
    assert not faults and (OK, True) in seen and (OK, False) in seen, (faults, seen)


def test_a_pushed_file_is_offered_to_the_swarm(swarm):
    host = gateway_host(swarm, 2, "--json-write")
    with connect(host) as gateway:
        assert status_of(gateway, "PUSH", {"rel_endpoint": "deep/er/a.txt"}, b"x" * (3 * MIB)) == OK
    other = swarm.host(4, hosts=[2], start=False)
    other.run("get", "deep/er/a.txt", "--bind", other.address, "--secret-file", str(host.folder / "secret")).wait()
    assert other.download("deep/er/a.txt").read_bytes() == b"x" * (3 * MIB)
