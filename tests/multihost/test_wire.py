"""The peer port as a raw client sees it: P14, P27, the rules of docs/protocol.md, and PITFALLS 1, 5, 6,
8, 11."""
import os
import random
import socket
import subprocess
import sys

import shoalwire as wire
from harness import KIB, MIB, ROOT, marks, until

SIZE = 300_001  # five chunks, the last leaf short


def serving(swarm, **files):
    return swarm.host(2, shared=files or {"f": SIZE})


def alive(swarm, host):
    """A fresh client is still served."""
    with swarm.client(host, 250) as client:
        assert client.query("f").status_name == "ok"


def dead_or_refused(client):
    """True when the server closed, perhaps behind a last answer that is a refusal."""
    try:
        while True:
            message = client.recv_message()
            assert message.status != wire.OK or message.type in (wire.HELLO, wire.CLOSING), message
    except (EOFError, ConnectionResetError, BrokenPipeError):
        return True


def test_p27_golden_vectors_of_the_page(swarm):
    page = ROOT / "docs" / "protocol.md"
    said = subprocess.run([sys.executable, ROOT / "tests/support/golden.py", page],
                          capture_output=True, text=True)
    assert said.returncode == 0, said.stderr



def test_p14_past_the_end_is_answered(swarm):
    host = serving(swarm)
    with swarm.client(host) as client:
        file = client.query("f")
        leaves = wire.ceil_div(SIZE, wire.LEAF)
        for first, count in ((leaves, 1), (leaves - 1, 2), (0, 0), (0, 65), (2**63, 1), (2**64 - 1, 1),
                             (2**64 - 64, 64), (0, 2**32 - 1), (2**60, 64)):
            answer = client.answer_to(client.request(SIZE, file.digest, first, count))
            assert answer.type == wire.ANSWER and answer.status_name == "bad_request", (first, count)
            assert answer.payloadSize <= 1024
        data = client.answer_to(client.request(SIZE, file.digest, leaves - 1, 1))
        assert data.type == wire.DATA and len(data.payload) == SIZE - (leaves - 1) * wire.LEAF


def test_pitfall5_numbers_at_every_limit(swarm):
    """Offsets, counts, sizes and ids at the ends of their ranges, in every request."""
    host = serving(swarm)
    edges = (0, 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**40 + 1, 2**63 - 1, 2**63, 2**64 - 1)
    with swarm.client(host) as client:
        root = client.query("f").digest
        for kind in (wire.CHUNK_HASHES, wire.LEAF_HASHES, wire.REQUEST, wire.SUBSCRIBE):
            for size in (SIZE, *edges):
                for first in edges:
                    for count in (0, 1, 2**31, 2**32 - 1):
                        fine = size == SIZE and first in (0, 1) and count == 1
                        if fine or kind in (wire.LEAF_HASHES, wire.SUBSCRIBE) and count:
                            continue
                        answer = client.ask(kind, fileSize=size, digest=root, first=first,
                                            count=count)
                        assert answer.type != wire.DATA, answer
                        if kind == wire.SUBSCRIBE and answer.type == wire.HOLDING:
                            client.ask(wire.UNSUBSCRIBE, first=answer.id)
        assert client.fetch("f")


def test_pitfall1_names_that_lead_out(swarm):
    host = serving(swarm)
    (host.folder / "secret").write_bytes(b"secret")
    names = ["..", "../secret", "a/../../secret", "/etc/passwd", "a//f", "./f", "f/", "/f", "f/.", "",
             "\0", "f\0", "a\\..\\secret", "x" * 256, "a/" + "x" * 398, b"\xff\xfe", b"\xc0\xae\xc0\xae",
             "..\\secret", "a/b/../../../secret"]
    with swarm.client(host) as client:
        for name in names:
            answer = client.ask(wire.QUERY, path=name)
            assert answer.status_name == "bad_request", (name, answer)
        for prefix in ("../", "/", "a//", "a/../", "./"):
            answer = client.ask(wire.LIST, path=prefix, prefixLength=len(prefix))
            assert answer.status_name == "bad_request", (prefix, answer)
        assert client.query("f").status_name == "ok"


def test_pitfall6_no_byte_beyond_the_end(swarm):
    host = serving(swarm, one=b"x", f=SIZE, edge=wire.LEAF + 1)
    with swarm.client(host) as client:
        for name, size in (("one", 1), ("edge", wire.LEAF + 1), ("f", SIZE)):
            file = client.query(name)
            last = wire.ceil_div(size, wire.LEAF) - 1
            answer = client.answer_to(client.request(size, file.digest, last, 1))
            assert answer.payloadSize == size - last * wire.LEAF == len(answer.payload)
            # A size that is a lie is another identity, not a longer read.
            lie = client.answer_to(client.request(size + 5 * wire.LEAF, file.digest, last, 1))
            assert lie.status_name == "not_found" and lie.payloadSize <= 1024


def test_answers_obey_the_size_rules(swarm):
    host = serving(swarm)
    chunks = wire.ceil_div(SIZE, 65536)
    with swarm.client(host) as client:
        file = client.query("f")
        hashes = client.chunk_hashes(SIZE, file.digest)
        assert wire.root_of_chunks(wire.split_digests(hashes.payload), SIZE) == file.digest
        data = client.fetch("f")
        for chunk in range(chunks):
            leaves = client.leaf_hashes(SIZE, file.digest, chunk)
            assert wire.split_digests(leaves.payload) == \
                wire.leaf_hashes(data[chunk * 65536:(chunk + 1) * 65536])
        subscription, held = client.subscribe(SIZE, file.digest)
        assert held == set(range(chunks))
        assert client.ask(wire.UNSUBSCRIBE, first=subscription).status_name == "ok"
        assert client.ask(wire.UNSUBSCRIBE, first=subscription).status_name == "ok"
        assert client.subscribe(12345, os.urandom(32))[1] == set()
        status = client.ask(wire.STATUS).payload.decode()
        assert status.endswith("\n") and all(" " in line for line in status.splitlines())


def test_listing_pages_go_on_from_the_cursor(swarm):
    names = sorted(f"d{n // 40}/{'x' * 180}{n}" for n in range(600))
    host = swarm.host(2, shared={name: b"1" for name in names})
    with swarm.client(host) as client:
        until(lambda: [one[0] for one in client.list_all()] == names, "all are listed")
        assert [one[0] for one in client.list_all("d3/")] == [n for n in names if n.startswith("d3/")]
        assert client.list_all("none/") == []
        page = client.ask(wire.LIST)
        assert not page.flags & wire.LAST_PAGE and page.payloadSize <= 65536


def test_hello_comes_first_and_once(swarm):
    host = serving(swarm)
    with swarm.client(host, hello=False) as client:
        answer = client.ask(wire.QUERY, path="f")
        assert answer.type == wire.ANSWER and answer.status_name == "bad_request"
        assert dead_or_refused(client)
    with swarm.client(host) as client:
        assert client.ask(wire.HELLO, version=1, nodeId=client.node).status_name == "bad_request"
        assert client.query("f").status_name == "ok"
    with swarm.client(host, hello=False) as client:
        theirs = client.hello(version=77)
        assert theirs.type == wire.HELLO and theirs.status_name == "unknown_version"
        assert theirs.version == 1 and dead_or_refused(client)
    with swarm.client(host, hello=False) as client:  # requests may follow without waiting
        client.send(wire.HELLO, version=1, nodeId=client.node)
        query = client.send(wire.QUERY, path="f")
        assert client.answer_to(query).status_name == "ok"


def test_leaf_hashes_wait_in_line_and_all_come(swarm):
    """Each costs the server some work: one a turn, while others are served."""
    host = serving(swarm)
    with swarm.client(host) as client, swarm.client(host) as other:
        file = client.query("f")
        chunks = -(-SIZE // wire.chunk_size(SIZE))
        wanted = [client.send(wire.LEAF_HASHES, fileSize=SIZE, digest=file.digest, first=at % chunks)
                  for at in range(50)]
        last = client.send(wire.QUERY, path="f")
        assert other.query("f").status_name == "ok"
        for at, each in enumerate(wanted):
            answer = client.answer_to(each)
            assert answer.type == wire.LEAF_HASHES and answer.first == at % chunks
        assert client.answer_to(last).status_name == "ok"


def test_unknown_types_and_ids_in_use(swarm):
    host = serving(swarm)
    with swarm.client(host) as client:
        for kind in (0, 12, 33, 48, 64, 1000, 65535):
            assert client.ask(kind).status_name == "unknown_type", kind
        assert client.ask(wire.QUERY, path="f", id=0).status_name == "bad_request"
        subscription, _ = client.subscribe(SIZE, client.query("f").digest)
        clash = client.ask(wire.QUERY, path="f", id=subscription)
        while clash.type == wire.HAVE:  # the subscription's own pushes come under that id too
            clash = client.answer_to(subscription)
        assert clash.status_name == "bad_request"
        assert client.query("f").status_name == "ok"


MALFORMED = {"magic": {"magic": b"SHL2"}, "path too long": {"pathLength": 401},
             "prefix beyond path": {"path": b"f", "pathLength": 1, "prefixLength": 2},
             "reserved": {"reserved": 1}, "mac without a secret": {"mac": b"m" * 16}}


def test_pitfall11_malformed_messages_close(swarm):
    host = serving(swarm)
    for what, fields in MALFORMED.items():
        with swarm.client(host) as client:
            client.send_raw(wire.ClientMessage(**{"type": wire.QUERY, "id": 9, **fields}).pack())
            assert dead_or_refused(client), what
    alive(swarm, host)


def test_pitfall11_truncated_at_every_byte_and_dribbled(swarm):
    host = serving(swarm)
    hello = wire.ClientMessage(type=wire.HELLO, id=1, version=1, nodeId=os.urandom(16)).pack()
    query = wire.ClientMessage(type=wire.QUERY, id=2, path=b"f", pathLength=1).pack()
    whole = hello + query
    for at in range(len(whole)):
        with swarm.client(host, hello=False) as client:
            client.send_raw(whole[:at])
    with swarm.client(host, 250, hello=False) as client:  # one byte a segment
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(whole)):
            client.send_raw(whole[at:at + 1])
        assert client.answer_to(1).type == wire.HELLO
        assert client.answer_to(2).status_name == "ok"
    alive(swarm, host)


def test_pitfall11_garbage_and_an_endless_line(swarm):
    host = serving(swarm)
    chance = random.Random(11)
    for garbage in [chance.randbytes(chance.randint(1, 5000)) for _ in range(60)] + \
            [b"A" * MIB, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 40, bytes(512), b"SHL1" * 200]:
        with swarm.client(host, hello=False) as client:
            try:
                client.send_raw(garbage)
                client.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it closed already
            assert dead_or_refused(client)
        with swarm.client(host) as client:  # the same behind a good hello
            try:
                client.send_raw(garbage)
                client.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            assert dead_or_refused(client)
    alive(swarm, host)


def test_many_requests_outstanding_and_too_many(swarm):
    host = swarm.host(2, shared={"f": 4 * MIB}, options=["--max-upload", "512KiB"])
    with swarm.client(host) as client:
        file = client.query("f")
        asked = [client.request(file.fileSize, file.digest, n % 256, 1) for n in range(1500)]
        for one in asked:
            client.cancel(one)
        answers = [client.answer_to(one) for one in asked]
        said = {answer.status_name for answer in answers}
        assert "busy" in said and "cancelled" in said and said <= {"ok", "busy", "cancelled"}, said
        data = [answer for answer in answers if answer.type == wire.DATA]
        assert all(len(one.payload) == wire.LEAF for one in data)
        subscriptions = [client.ask(wire.SUBSCRIBE, fileSize=n + 1, digest=os.urandom(32)).status_name
                         for n in range(300)]
        assert "busy" in subscriptions and subscriptions[0] == "ok", subscriptions


def test_substitute_is_another_run_of_the_file(swarm):
    host = serving(swarm, f=4 * MIB)
    with swarm.client(host) as client:
        file = client.query("f")
        whole = host.shared("f").read_bytes()
        for first in (0, 100, 200):
            wanted = client.request(file.fileSize, file.digest, first, 16, substitute=True)
            answer = client.answer_to(wanted)
            assert answer.type == wire.DATA and answer.count <= 16, answer
            at = answer.first * wire.LEAF
            assert answer.payload == whole[at:at + len(answer.payload)]


@marks(timeout=90)
def test_have_is_pushed_to_subscribers_of_a_partial_file(swarm):
    seed = swarm.host(3, shared={"f": 6 * MIB}, options=["--max-upload", "3MiB"])
    host = swarm.host(2, hosts=[3], start=False)
    process = host.prompt(options=["--json"])
    process.send("f\n")
    process.wait_event("fetch_progress", lambda one: one["done"] > 0)
    whole = seed.shared("f").read_bytes()
    with swarm.client(host) as client:
        file = until(lambda: (answer := client.query("f")).type == wire.FILE and answer, "known")
        subscription, held = client.subscribe(file.fileSize, file.digest)
        chunks = wire.ceil_div(file.fileSize, 65536)
        while len(held) < chunks:
            message = client.recv_message()
            if message.type == wire.HAVE and message.id == subscription:
                new = wire.chunks_of(message)
                held |= new
                first = min(new) * 4  # what it says it has it gives
                data = client.answer_to(client.request(file.fileSize, file.digest, first, 4))
                assert data.payload == whole[first * wire.LEAF:(first + 4) * wire.LEAF], data
            held |= {chunk for push in client.waiting if push.type == wire.HAVE
                     for chunk in wire.chunks_of(push)}
    assert held == set(range(chunks))


def test_one_connection_serves_interleaved_work(swarm):
    """Forty threads' worth of requests of every kind on one connection: one answer each."""
    host = serving(swarm, f=SIZE, g=4 * KIB)
    with swarm.client(host) as client:
        file = client.query("f")
        client.query("g")  # both are hashed: a pending name has more than one answer
        asked = []
        for n in range(200):
            asked += [client.send(wire.QUERY, path="fg"[n % 2]), client.send(wire.STATUS),
                      client.request(SIZE, file.digest, n % 18, 1), client.send(wire.LIST),
                      client.send(wire.LEAF_HASHES, fileSize=SIZE, digest=file.digest, first=n % 5)]
        got = [client.answer_to(one) for one in asked]
        assert all(one.status in (wire.OK, wire.PENDING) for one in got)
        assert not client.waiting
