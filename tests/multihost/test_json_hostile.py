"""The JSON gateway and those who mean it ill: rewritten, recorded and crossed sessions, bad JSON, bad names,
slow and many clients (PITFALLS 1 to 5, 10, 11, 14 to 16, 19, 20)."""
import json
import os
import random
import socket
import threading

from harness import KIB, MIB, SLOW, marks, until
from jsonhost import (BAD_JSON, BAD_NAME, BAD_REQUEST, FORBIDDEN, JSON_PORT, NOT_FOUND, OK,
                      SECRET, connect, gateway_host, raw, shoal_json, status_of,
                      until_closed, values)


class Between(threading.Thread):
    """Relays one connection to a gateway, or what its hook makes of each piece; keeps a record."""

    def __init__(self, swarm, host, change=lambda to_server, data: data):
        super().__init__(daemon=True)
        self.listener = socket.create_server((f"{swarm.net}.200", 0))
        self.port = self.listener.getsockname()[1]
        self.address, self.host, self.change = f"{swarm.net}.200", host, change
        self.record = []
        self.start()

    def run(self):
        inside, _ = self.listener.accept()
        outside = socket.create_connection((self.host.address, JSON_PORT))
        pumps = [threading.Thread(target=self.pump, args=pair, daemon=True)
                 for pair in ((inside, outside, True), (outside, inside, False))]
        for pump in pumps:
            pump.start()
        for pump in pumps:
            pump.join()
        self.listener.close()

    def pump(self, source, target, to_server):
        try:
            while data := source.recv(65536):
                data = self.change(to_server, data)
                self.record.append((to_server, data))
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def connect(self):
        return shoal_json.Gateway(self.address, self.port, SECRET, timeout=20 * SLOW)


def refused(connect_and_ask):
    try:
        connect_and_ask()
    except (shoal_json.Refused, OSError):
        return True
    return False


def test_pitfall19_a_recorded_session_opens_nothing(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"a.txt": b"hello"})
    between = Between(swarm, host)
    with between.connect() as gateway:
        assert status_of(gateway, "PUSH", {"rel_endpoint": "b.txt"}, b"once") == OK
    between.join()
    host.shared("b.txt").unlink()
    said = b"".join(data for to_server, data in between.record if to_server)
    with raw(host) as sock:
        sock.sendall(said)
        answer = until_closed(sock)
    assert answer.count(b"\n") == 2 and b"REFUSED secret" in answer, answer
    assert not host.shared("b.txt").exists()


def test_pitfall19_a_recorded_gateway_convinces_nobody(swarm):
    """What a gateway once said, said again to the client's new hello."""
    host = gateway_host(swarm, 2)
    between = Between(swarm, host)
    with between.connect() as gateway:
        assert status_of(gateway, "PING") == OK
    between.join()
    said = b"".join(data for to_server, data in between.record if not to_server)
    listener = socket.create_server((f"{swarm.net}.201", 0))

    def play():
        sock, _ = listener.accept()
        with sock:
            sock.sendall(said)
            until_closed(sock)
    threading.Thread(target=play, daemon=True).start()
    port = listener.getsockname()[1]
    assert refused(lambda: shoal_json.Gateway(f"{swarm.net}.201", port, SECRET, timeout=20))
    listener.close()


def test_pitfall19_crossed_and_reflected_connections(swarm):
    host = gateway_host(swarm, 2)

    def hello(sock, line):
        sock.sendall(line)
        return sock.makefile("rb").readline()

    # Without the secret: what the gateway says on one connection is said to it on the other.
    with raw(host) as one, raw(host) as two:
        theirs = hello(one, b"SHOAL-JSON 1 client auth " + b"0" * 32 + b" " + b"1" * 64 + b"\n")
        answer = hello(two, theirs)
        assert answer.startswith(b"REFUSED"), answer  # the role is part of a hello
        until_closed(two)
    with raw(host) as one, raw(host) as two:
        theirs = hello(one, b"SHOAL-JSON 1 client auth " + b"0" * 32 + b" " + b"1" * 64 + b"\n")
        hello(two, theirs.replace(b"server", b"client"))
        for sock in (one, two):
            sock.sendall(b"PROOF " + theirs.split()[5] + b"\n")
            assert b"REFUSED secret" in until_closed(sock)
    # Two clients that know it, their proofs swapped in between.
    with raw(host) as one, raw(host) as two:
        macs = []
        for sock in (one, two):
            mine = f"SHOAL-JSON 1 client auth {os.urandom(16).hex()} {os.urandom(32).hex()}\n".encode()
            theirs = hello(sock, mine)
            macs.append(shoal_json.hmac.digest(SECRET, b"shoal json client proof\n" + mine + theirs, "sha256"))
        for sock, mac in ((one, macs[1]), (two, macs[0])):
            sock.sendall(b"PROOF " + mac.hex().encode() + b"\n")
            assert b"REFUSED secret" in until_closed(sock)


def test_pitfall19_a_stripped_version_or_mode_is_noticed(swarm):
    host = gateway_host(swarm, 2)
    for old, new, way in ((b"JSON 1 client", b"JSON 2 client", True), (b"JSON 1 server", b"JSON 0 server", False),
                          (b"client auth", b"client open", True), (b"server auth", b"server open", False)):
        between = Between(swarm, host, lambda to_server, data, old=old, new=new, way=way:
                          data.replace(old, new) if to_server == way else data)
        assert refused(lambda between=between: status_of(between.connect(), "PING")), new
    # Both hellos rewritten alike, so that each side believes the other wants no secret.
    between = Between(swarm, host, lambda _, data: data.replace(b" auth ", b" open "))
    assert refused(lambda: status_of(between.connect(), "PING"))


def test_pitfall19_no_message_is_changed_repeated_or_left_out(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"a.txt": 200_000})

    def changed(data):
        return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]

    for fault in (changed, lambda data: data + data, lambda data: b""):
        for to_server in (True, False):
            armed = threading.Event()
            between = Between(swarm, host, lambda way, data, fault=fault, to_server=to_server, armed=armed:
                              fault(data) if armed.is_set() and way == to_server else data)
            with between.connect() as gateway:
                assert status_of(gateway, "PING") == OK
                armed.set()
                gateway.socket.settimeout(1)
                try:
                    gateway.send_line(b'{"request_type":"PUSH","body":{"rel_endpoint":"x.txt","content":"aGk="}}')
                    gateway.receive_line()
                    gateway.send_line(b'{"request_type":"PING"}')
                    gateway.receive_line()
                    gateway.receive_line()
                    raise AssertionError("went on as if nothing had happened")
                except OSError:
                    pass
    with connect(host) as gateway:
        assert status_of(gateway, "PING") == OK


def test_pitfall14_guessing_becomes_slow_and_hinders_nobody_else(swarm):
    host = gateway_host(swarm, 2)

    def guess():
        with raw(host) as sock:
            sock.sendall(b"SHOAL-JSON 1 client auth " + b"0" * 32 + b" " + b"1" * 64 + b"\nPROOF " + b"0" * 64 + b"\n")
            return until_closed(sock)
    begin = os.times().elapsed
    for _ in range(3):
        assert b"REFUSED secret" in guess()
    took = os.times().elapsed - begin
    assert took >= 0.25 + 0.5 + 1.0, took
    with connect(host, number=77) as gateway:
        assert status_of(gateway, "PING") == OK


# Bad JSON ----------------------------------------------------------------------------------------

def fuzzed(source):
    """One line that is hardly a request."""
    kind = source.randrange(8)
    if kind == 0:
        return source.randbytes(source.randrange(200)).replace(b"\n", b"")
    if kind == 1:
        opening, closing = source.choice([(b'{"a":', b"}"), (b"[", b"]")])
        depth = source.choice([10, 31, 32, 33, 1000, 100_000])
        return b'{"request_type":"GET","body":' + opening * depth + b"1" + closing * depth + b"}"
    if kind == 2:
        return b'{"request_type":"GET","body":{"rel_endpoint":%s}}' % source.choice(
            [b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"a.txt\\u0000.exe"', b"1e999", b"-1e999", b"NaN",
             b"Infinity", b"01", b"1.", b'"\xff"', b'"\xed\xa0\x80"', b"nul", b"[]", b"{}", b'"' + b"a" * 500 + b'"'])
    if kind == 3:
        return b'{"request_type":"PING","request_type":"STATUS","body":{}}'
    if kind == 4:
        return b'{"request_type":"PING"}' + source.choice([b"{}", b"x", b"}", b"\0", b",", b"//"])
    if kind == 5:
        value = source.choice([None, True, 5, -1, 1.5, [], {}, [[]], "x", {"rel_endpoint": ["a"]}, 2 ** 70])
        member = source.choice(["request_type", "body", "id", "x", "range"])
        return json.dumps({"request_type": "GET", "body": {"rel_endpoint": "a.txt"}, member: value}).encode()
    line = bytearray(json.dumps({"id": 5, "request_type": source.choice(["GET", "CMP", "LIST", "SEARCH"]), "body": {
        "rel_endpoint": "a.txt", "hash": "0" * 64, "range": [0, 10]}}).encode())
    for _ in range(source.randrange(1, 5)):
        line[source.randrange(len(line))] = source.randrange(256)
    return bytes(line).replace(b"\n", b" ")


@marks(timeout=120)
def test_j9_ten_thousand_fuzzed_requests(swarm):
    """A status each, or a clean close; the gateway's memory stays what it was."""
    host = gateway_host(swarm, 2, shared={"a.txt": b"hello"})
    source = random.Random(6)
    memory, done, closed, gateway = None, 0, 0, None
    while done < 10_000:
        gateway = gateway or connect(host)
        line = fuzzed(source)
        gateway.send_line(line)
        try:
            reply = gateway.receive_line()
            assert isinstance(reply["status"], int) and isinstance(reply["message"], str), (line, reply)
            list(gateway.receive_content(reply.get("content_length", 0)))
        except json.JSONDecodeError as error:
            raise AssertionError(f"{line!r} was answered with nonsense") from error
        done += 1
        if reply["status"] in (BAD_JSON, BAD_REQUEST) and gateway.file.closed is False:
            # Closed after what cannot be framed; asked by the next request.
            try:
                gateway.send_line(b'{"request_type":"PING"}')
                assert gateway.receive_line()["message"] == "pong"
            except OSError:
                assert reply["status"] == BAD_JSON, (line, reply)
                closed += 1
                gateway.close()
                gateway = None
        if done == 2000:
            memory = host.process.memory_peak()
    assert closed > 100
    room = 16 * MIB if SLOW == 1 else 320 * MIB  # AddressSanitizer keeps 256 MiB of what was freed
    assert host.process.memory_peak() < memory + room, (memory, host.process.memory_peak())


def test_pitfall11_lines_without_end_and_of_a_mebibyte(swarm):
    host = gateway_host(swarm, 2)
    with connect(host) as gateway:
        padding = (1 << 20) - len('{"request_type":"PING","body":{}}')
        gateway.send_line(b'{"request_type":"PING","body":{}' + b" " * padding + b"}")
        assert gateway.receive_line()["status"] == OK
        gateway.send_line(b'{"request_type":"PING","body":{}' + b" " * (padding + 1) + b"}")
        assert gateway.receive_line()["status"] == BAD_JSON
        assert gateway.file.read() == b""
    with connect(host) as gateway:
        gateway.socket.sendall(b"x" * (2 << 20))
        assert gateway.receive_line()["status"] == BAD_JSON
    with connect(host) as gateway:  # a frame cut at each byte
        for i in range(60):
            with connect(host, number=60) as other:
                other.socket.sendall((other.sends.next(b"{}").hex().encode() + b" {}\n")[:i % 35])
        assert status_of(gateway, "PING") == OK


# Bad names ---------------------------------------------------------------------------------------

BAD_NAMES = ("../a.txt", "/etc/hosts.txt", "a//b.txt", "a/../b.txt", "./a.txt", "a\\b.txt", ".hidden.txt", "a/.b.txt",
             "x" * 256 + ".txt", "/".join(["d" * 50] * 9) + "/a.txt", "", "a/", "..", "a/./b.txt", "a\u202e.txt/../b.txt")


def test_pitfall1_names_that_leave_the_tree(swarm):
    host = gateway_host(swarm, 2, "--json-write", "--json-allow", "*", shared={"a.txt": b"hello"})
    (host.folder / "outside.txt").write_bytes(b"outside")

    def files():
        return sorted(path for path in host.folder.rglob("*") if ".shoal" not in path.parts)
    before = files()
    with connect(host) as gateway:
        for name in BAD_NAMES:
            for request_type, body in (("GET", {}), ("CMP", {"hash": "0" * 64}), ("PUSH", {"content": "aGk="}),
                                       ("DELETE", {}), ("FETCH", {"timeout": 2})):
                status = status_of(gateway, request_type, {"rel_endpoint": name, **body})
                assert status in (BAD_NAME, BAD_REQUEST, 2), (request_type, name, status)
        assert files() == before
        for name in ("\u001b[31mred.txt", "new\nline.txt", "rtl\u202etxt.txt"):
            reply, _ = gateway.call("GET", {"rel_endpoint": name})
            assert reply["status"] in (NOT_FOUND, BAD_NAME), reply
    assert "\x1b" not in host.process.err.text()


def test_pitfall2_links_and_devices_are_not_served(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"real/a.txt": b"hello"})
    (host.folder / "secret.txt").write_bytes(b"not for you")
    host.shared("link.txt").symlink_to(host.folder / "secret.txt")
    host.shared("folder").symlink_to(host.folder)
    os.mkfifo(host.shared("fifo.txt"))
    with connect(host) as gateway:
        for name in ("link.txt", "folder/secret.txt", "fifo.txt"):
            reply, data = gateway.call("GET", {"rel_endpoint": name})
            assert reply["status"] in (NOT_FOUND, FORBIDDEN, BAD_NAME), (name, reply)
        assert status_of(gateway, "PUSH", {"rel_endpoint": "folder/new.txt"}, b"x") != OK
        assert not (host.folder / "new.txt").exists()
        assert gateway.call("GET", {"rel_endpoint": "real/a.txt"})[1] == b"hello"


# Slow and many -----------------------------------------------------------------------------------

@marks(timeout=90)
def test_pitfall15_slow_clients_hold_nothing(swarm):
    host = gateway_host(swarm, 2, "--json-threads", "1", shared={"big.txt": 64 * MIB, "a.txt": b"hello"})
    until(lambda: values(host)["files"] == "2", "both are hashed", limit=30)
    before = host.process.memory_peak()
    silent = [raw(host) for _ in range(10)]  # never say hello
    for i, sock in enumerate(silent):
        sock.sendall(b"SHOAL-JSON 1"[:i])
    with connect(host) as slow, connect(host, number=9) as quick:
        for _ in range(20):  # asks for much, reads nothing
            slow.send_line(b'{"request_type":"GET","body":{"rel_endpoint":"big.txt"}}')
        for _ in range(200):
            assert quick.call("GET", {"rel_endpoint": "a.txt"})[1] == b"hello"
        assert host.process.memory_peak() < before + 24 * MIB * SLOW
    for sock in silent:
        sock.settimeout(30 * SLOW)
        assert until_closed(sock) == b""
        sock.close()


def test_pitfall16_caps_in_all_and_of_an_address(swarm):
    host = gateway_host(swarm, 2, "--max-clients", "12", "--max-clients-per-address", "8")
    many = [connect(host, number=10) for _ in range(8)]
    with raw_from(host, 10) as sock:
        assert until_closed(sock).startswith(b"REFUSED busy")
    others = [connect(host, number=11) for _ in range(4)]
    with raw_from(host, 12) as sock:
        assert until_closed(sock).startswith(b"REFUSED busy")
    for gateway in many + others:
        assert status_of(gateway, "PING") == OK
        gateway.close()

    def let_in_again():
        try:
            with connect(host, number=10) as gateway:
                return status_of(gateway, "PING") == OK
        except (shoal_json.Refused, OSError):
            return False
    until(let_in_again, "there is room again")


def test_pitfall16_strangers_who_only_sit_there_keep_nobody_out(swarm):
    host = gateway_host(swarm, 2, "--max-clients", "12", "--max-clients-per-address", "6")
    inside = connect(host, number=12)
    silent = [raw_from(host, 10 + i % 2) for i in range(11)]
    with connect(host, number=13) as gateway:
        assert status_of(gateway, "PING") == OK
    assert until_closed(silent[0]).startswith(b"REFUSED busy"), "who sat there the longest had to go"
    assert status_of(inside, "PING") == OK
    for sock in (*silent, inside):
        sock.close()


def raw_from(host, number):
    return socket.create_connection((host.address, JSON_PORT), timeout=20 * SLOW,
                                    source_address=(f"{host.swarm.net}.{number}", 0))


def test_descriptors_come_back_and_lie_above_select(swarm):
    host = gateway_host(swarm, 2, shared={"a.txt": 100 * KIB})
    with connect(host) as gateway:
        assert gateway.call("GET", {"rel_endpoint": "a.txt"})[0]["status"] == OK
    before = host.process.descriptors()
    for _ in range(200):
        with connect(host) as gateway:
            gateway.call("GET", {"rel_endpoint": "a.txt"})
    until(lambda: host.process.descriptors() <= before, "descriptors as before")
    with connect(host):
        sockets = [int(fd) for fd in os.listdir(f"/proc/{host.process.pid}/fd")]
        assert max(sockets) >= 1024


def test_a_stop_lets_requests_end(swarm):
    server = gateway_host(swarm, 3, "--max-upload", "4MiB", shared={"big.txt": 6 * MIB})
    host = gateway_host(swarm, 2, hosts=[3])
    host.wait_connected(server)
    idle = connect(host)
    with connect(host) as gateway:
        gateway.send_line(b'{"request_type":"GET","body":{"rel_endpoint":"big.txt"}}')
        reply = gateway.receive_line()
        host.process.signal(15)
        got = sum(map(len, gateway.receive_content(reply["content_length"])))
        assert got == 6 * MIB
    assert idle.file.read() == b""
    assert host.process.wait(10) == 0
