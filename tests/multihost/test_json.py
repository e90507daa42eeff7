"""The JSON gateway, row by row (docs/json-api.md): the door, the pool, the dispatcher, GET."""
import base64
import json
import socket
import threading

from harness import KIB, MIB, content, marks, until
from jsonhost import (BAD_RANGE, BAD_REQUEST, BUSY, JSON_PORT, NOT_FOUND, OK, READ_ONLY, REMOTE_NEWER, SECRET, TOO_LARGE,
                      UNKNOWN_TYPE, connect, gateway_host, raw, shoal_json, status_of,
                      until_closed, values)


# J1, J2: nobody is heard before the handshake -----------------------------------------------------

def test_j1_no_json_is_read_before_the_handshake(swarm):
    host = gateway_host(swarm, 2, shared={"a.txt": b"hello"})
    for said in (b'{"request_type":"PING"}\n', b"GET / HTTP/1.1\r\n\r\n", b"\n", b"x" * 500,
                 b'SHOAL-JSON 1 client auth {"request_type":"PING"}\n'):
        with raw(host) as sock:
            sock.sendall(said)
            answer = until_closed(sock)
            assert answer.startswith(b"REFUSED ") and b"{" not in answer, (said, answer)
    with connect(host) as gateway:
        assert gateway.call("GET", {"rel_endpoint": "a.txt"})[1] == b"hello"


def test_j1_the_handshake_may_come_byte_by_byte(swarm):
    host = gateway_host(swarm, 2)

    class Dribble(shoal_json.Gateway):
        def shake_hands(self, secret):
            plain = self.socket

            class OneByOne:
                def __getattr__(self, name):
                    return getattr(plain, name)

                def sendall(self, data):
                    for i in range(len(data)):
                        plain.sendall(data[i:i + 1])
            self.socket = OneByOne()
            super().shake_hands(secret)

    with Dribble(host.address, JSON_PORT, SECRET) as gateway:
        assert status_of(gateway, "PING") == OK


def test_j2_only_who_knows_the_secret(swarm):
    host = gateway_host(swarm, 2, shared={"a.txt": b"hello"})
    for secret in (b"another secret, wrong", None):
        try:
            connect(host, secret)
            raise AssertionError("let in")
        except shoal_json.Refused as refused:
            assert "secret" in str(refused)
    with connect(host) as gateway:
        assert gateway.call("GET", {"rel_endpoint": "a.txt"})[1] == b"hello"


def test_without_a_secret_only_on_loopback(swarm):
    host = gateway_host(swarm, 2, secret=None, shared={"a.txt": b"hello"})
    host.process.wait_text("without a secret")
    with raw(host) as sock:  # as a person with netcat would
        file = sock.makefile("rwb")
        file.write(b"SHOAL-JSON 1 client open " + b"0" * 32 + b" " + b"0" * 64 + b"\n"
                   b'{"request_type":"GET","body":{"rel_endpoint":"a.txt"}}\n')
        file.flush()
        assert file.readline().startswith(b"SHOAL-JSON 1 server open ")
        assert json.loads(file.readline())["content_length"] == 5
        assert file.read(5) == b"hello"
    for bind in ("0.0.0.0", "::"):
        process = host.run("serve", "--bind", bind, "--port", "0", "--json-port", str(JSON_PORT),
                           "--state", "other", "--downloads", "other")
        assert process.wait(10) == 1, process.tail()
        assert "--secret-file" in process.err.text(), process.tail()


# J3: a fixed pool --------------------------------------------------------------------------------

def test_j3_a_hundred_clients_on_four_threads(swarm):
    host = gateway_host(swarm, 2, "--max-clients-per-address", "200", shared={"a.txt": 4 * KIB})
    wanted = b"".join(content("a.txt", 4 * KIB))
    idle = [connect(host) for _ in range(20)]  # who says nothing holds no thread
    threads = host.process.threads()
    assert sum(name.startswith("json-work") for name in threads) == 4, threads
    start, answers = threading.Barrier(100), []

    def client():
        with connect(host) as gateway:
            start.wait()
            for _ in range(20):
                reply, data = gateway.call("GET", {"rel_endpoint": "a.txt"})
                answers.append(reply["status"])
                assert reply["status"] == BUSY or data == wanted
                if reply["status"] == BUSY:
                    return

    clients = [threading.Thread(target=client) for _ in range(100)]
    for one in clients:
        one.start()
    until(lambda: len(answers) > 50, "answers")
    assert host.process.threads() == threads
    for one in clients:
        one.join()
    assert answers.count(OK) + answers.count(BUSY) == len(answers)
    assert answers.count(OK) >= 1000, answers
    for one in idle:
        assert status_of(one, "PING") == OK
        one.close()


@marks(timeout=120)
def test_j3_beyond_the_queue_busy_is_said(swarm):
    """One thread, 64 may wait: of 150 that want something long at once, some are turned away."""
    host = gateway_host(swarm, 2, "--json-threads", "1", "--max-clients-per-address", "200",
                        shared={f"{i}.txt": 8 * MIB for i in range(4)})
    until(lambda: "4" == values(host)["files"], "all are hashed", limit=30)
    gateways = [connect(host) for _ in range(150)]
    host.process.freeze()  # so that all of it comes at once
    for i, gateway in enumerate(gateways):
        gateway.send_line(json.dumps({"request_type": "CMP", "body": {
            "rel_endpoint": f"{i % 4}.txt", "hash": "sha256:" + "0" * 64}}).encode())
    host.process.thaw()
    statuses = [gateway.receive_line()["status"] for gateway in gateways]
    assert set(statuses) == {REMOTE_NEWER, BUSY}, statuses
    assert statuses.count(REMOTE_NEWER) >= 64
    for gateway, status in zip(gateways, statuses):
        if status == BUSY:
            assert gateway.file.read() == b"", "busy, then closed"
        gateway.close()
    with connect(host) as gateway:
        assert status_of(gateway, "PING") == OK


# J4: the dispatcher ------------------------------------------------------------------------------

def test_j4_an_unknown_type_or_body_and_the_connection_lives(swarm):
    host = gateway_host(swarm, 2, shared={"a.txt": b"hello"})
    with connect(host) as gateway:
        for request, status in (
                ({"request_type": "NONSENSE"}, UNKNOWN_TYPE), ({"request_type": "get"}, UNKNOWN_TYPE),
                ({"request_type": "GET"}, BAD_REQUEST), ({"request_type": "GET", "body": {}}, BAD_REQUEST),
                ({"request_type": "GET", "body": []}, BAD_REQUEST), ({"body": {}}, BAD_REQUEST), ({}, BAD_REQUEST),
                ({"request_type": "GET", "body": {"rel_endpoint": 7}}, BAD_REQUEST),
                ({"request_type": "GET", "body": {"rel_endpoint": "a.txt", "x": 1}}, BAD_REQUEST),
                ({"request_type": "GET", "body": {"rel_endpoint": "a.txt", "limit": 1}}, BAD_REQUEST),
                ({"request_type": "PING", "x": 1}, BAD_REQUEST), ({"request_type": "CMP", "body": {
                    "rel_endpoint": "a.txt", "hash": "abc"}}, BAD_REQUEST)):
            gateway.send_line(json.dumps({**request, "id": "q"}).encode())
            reply = gateway.receive_line()
            assert reply["status"] == status and reply["message"] and reply["id"] == "q", (request, reply)
        # What was announced is skipped, whatever became of the request.
        assert status_of(gateway, "NONSENSE", {}, b"{}\n" * 50000) == UNKNOWN_TYPE
        assert status_of(gateway, "PUSH", {"rel_endpoint": "b.txt"}, b"x" * 100_000) == READ_ONLY
        assert gateway.call("GET", {"rel_endpoint": "a.txt"})[1] == b"hello"


def test_requests_may_be_sent_ahead(swarm):
    host = gateway_host(swarm, 2, shared={f"{i}.txt": 1000 + i for i in range(50)})
    with connect(host) as gateway:
        for i in range(50):
            gateway.send_line(json.dumps({"id": i, "request_type": "GET",
                                          "body": {"rel_endpoint": f"{i}.txt"}}).encode())
        for i in range(50):
            reply = gateway.receive_line()
            assert (reply["id"], reply["content_length"]) == (i, 1000 + i)
            assert b"".join(gateway.receive_content(1000 + i)) == b"".join(content(f"{i}.txt", 1000 + i))
        gateway.send_line(b'{"request_type":"PING"}')
        gateway.socket.shutdown(socket.SHUT_WR)  # as `nc -N` does: what was asked is still answered
        assert gateway.receive_line()["status"] == OK
        assert gateway.file.read() == b""


# J5: GET -----------------------------------------------------------------------------------------

def test_j5_get_from_here_and_from_the_swarm(swarm):
    sizes = {"one/deep/a.txt": 5 * MIB + 7, "one/small.txt": 300, "one/empty.txt": 0}
    server = gateway_host(swarm, 3, shared=sizes)
    host = gateway_host(swarm, 2, hosts=[3], shared={"here/b.txt": 3 * MIB + 1, "here/c.txt": 70_000})
    host.wait_connected(server)
    files = {**{name: server.shared(name) for name in sizes},
             "here/b.txt": host.shared("here/b.txt"), "here/c.txt": host.shared("here/c.txt")}
    with connect(host) as gateway:
        for name, path in files.items():
            reply, data = gateway.call("GET", {"rel_endpoint": name})
            assert reply["status"] == OK, (name, reply)
            assert data == path.read_bytes(), name
            assert f"size={len(data)}" in reply["meta_data"], reply
        for name in ("missing.txt", "one/missing.txt"):
            reply, data = gateway.call("GET", {"rel_endpoint": name})
            assert reply["status"] == NOT_FOUND and data is None and name in reply["message"], reply
        assert status_of(gateway, "PING") == OK


def test_j5_ranges_and_inline_content(swarm):
    host = gateway_host(swarm, 2, shared={"a.txt": 3 * MIB, "b.txt": 1000, "empty.txt": b""})
    with connect(host) as gateway:
        for name in ("a.txt", "b.txt", "b.txt", "empty.txt"):
            whole = host.shared(name).read_bytes()
            for offset, length in ((0, 0), (0, 1), (0, 2 ** 63), (5, 100), (len(whole), 5), (65536, 65536),
                                   (len(whole) // 2, 2 ** 64 - 1), (999, 2), (1 * MIB - 1, 70_000)):
                for inline in (False, True):
                    reply, data = gateway.call("GET", {"rel_endpoint": name, "range": [offset, length],
                                                       "inline": inline})
                    if offset > len(whole):
                        assert reply["status"] == BAD_RANGE
                        continue
                    wanted = whole[offset:offset + length]
                    if inline and len(wanted) > 512 * KIB:
                        assert reply["status"] == TOO_LARGE
                        continue
                    assert reply["status"] == OK, reply
                    assert (base64.b64decode(reply["content"]) if inline else data) == wanted
            assert status_of(gateway, "GET", {"rel_endpoint": name, "range": [len(whole) + 1, 1]}) == BAD_RANGE


def test_j5_a_file_that_changes_is_never_served_stale(swarm):
    host = gateway_host(swarm, 2, shared={"a.txt": b"first"})
    path = host.shared("a.txt")
    with connect(host) as gateway:
        def get():
            reply, data = gateway.call("GET", {"rel_endpoint": "a.txt"})
            return data if reply["status"] == OK else reply["status"]
        assert get() == get() == b"first"  # the second one from memory
        path.write_bytes(b"other")  # in place, the same length
        assert get() != b"first"
        until(lambda: get() == b"other", "the new content")
        new = path.with_name("new")
        new.write_bytes(b"third")
        new.rename(path)
        assert get() != b"other"
        until(lambda: get() == b"third", "the file in its place")
        (host.folder / "shared" / "d").mkdir()
        path.rename(host.shared("d/a.txt"))
        until(lambda: get() == NOT_FOUND, "it is gone")
