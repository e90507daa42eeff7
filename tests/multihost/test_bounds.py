"""What a remote can make grow or keep busy has a bound: PITFALLS 29. Strangers at every door, answers
that are not taken, floods of messages, ids of others, refusals without end, waits without number."""
import contextlib
import socket
import threading
import time

import ftphost
import jsonhost
import shoalwire as wire
from harness import KIB, MIB, PORT, SECRET, SLOW, check_equal, content, guarded, marks, until

PAGE = 2048  # hashes in one answer: 64 KiB
PAGED = PAGE * 64 * KIB  # the size of a file that has so many


def strangers(swarm, host, port, count, numbers):
    """Connections that say nothing, so many from each of the addresses."""
    made = []
    for number in numbers:
        for _ in range(count):
            one = socket.socket()
            one.bind((f"{swarm.net}.{number}", 0))
            one.settimeout(10 * SLOW)
            one.connect((host.address, port))
            made.append(one)
    return made


def ended(sock):
    sock.setblocking(False)
    try:
        while sock.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


# Strangers -----------------------------------------------------------------------------------------

def test_pitfall29_silent_strangers_lock_nobody_out_of_the_peer(swarm):
    """Seven addresses, each at its limit; then the own address is full of strangers, too."""
    host = swarm.host(2, shared={"f": 1000}, options=["--max-clients", "24",
                                                      "--max-clients-per-address", "4"])
    known = [swarm.client(host, 100 + n) for n in range(3)]
    made = strangers(swarm, host, PORT, 4, range(200, 207))
    for number in (210, 211, 200):
        for _ in range(3):
            client = swarm.client(host, number)  # says hello, or fails
            assert client.query("f").status_name == "ok"
            known.append(client)
    for client in known:  # those who have said hello stayed
        assert client.query("f").status_name == "ok"
    until(lambda: sum(map(ended, made)) >= 4 * 7 - (24 - 12), "strangers have gone")


def test_pitfall29_silent_strangers_with_a_secret(swarm):
    host = guarded(swarm, 2, shared={"f": 1000},
                   options=["--max-clients", "12", "--max-clients-per-address", "4"]).serve()
    made = strangers(swarm, host, PORT, 4, range(200, 205))
    half = [swarm.client(host, 206, hello=False) for _ in range(4)]
    for one in half:  # a hello with flag 1, and no proof
        one.send(wire.HELLO, version=1, flags=wire.AUTHENTICATED, nodeId=one.node, digest=bytes(32))
    for number in (210, 206):
        with swarm.client(host, number, secret=SECRET) as client:
            assert client.query("f").status_name == "ok"
    assert made


def test_pitfall29_silent_strangers_lock_nobody_out_of_ftp(swarm):
    host = ftphost.gateway_host(swarm, 2, "--ftp-threads", "2", "--ftp-clients-per-thread", "6",
                                "--ftp-clients-per-address", "4", shared={"f": 1000})
    inside = ftphost.connect(host)
    made = strangers(swarm, host, ftphost.FTP_PORT, 4, range(200, 204))
    for _ in range(6):
        ftphost.connect(host).quit()  # logs in
    assert inside.nlst() == ["f"]
    until(lambda: sum(map(ended, made)) >= 4, "strangers have gone")


def test_pitfall29_silent_strangers_lock_nobody_out_of_json(swarm):
    host = jsonhost.gateway_host(swarm, 2, "--max-clients", "12", "--max-clients-per-address", "4")
    inside = jsonhost.connect(host, number=220)
    made = strangers(swarm, host, jsonhost.JSON_PORT, 4, [200])
    with jsonhost.connect(host, number=200) as gateway:  # the address is full, the door is not
        assert gateway.call("STATUS")[0]["status"] == jsonhost.OK
    made += strangers(swarm, host, jsonhost.JSON_PORT, 4, range(200, 205))
    for number in (210, 200, 201):  # two of them are full of strangers
        with jsonhost.connect(host, number=number) as gateway:
            assert gateway.call("STATUS")[0]["status"] == jsonhost.OK
    assert inside.call("STATUS")[0]["status"] == jsonhost.OK
    until(lambda: sum(map(ended, made)) >= 4, "strangers have gone")


# Answers that are not taken ------------------------------------------------------------------------

class Pipeline(threading.Thread):
    """A client that keeps so many questions for pages of hashes open and takes the answers as slowly
    as it is told, never ending."""

    def __init__(self, client, size, root, open_max, rate):
        super().__init__(daemon=True)
        self.client, self.size, self.root = client, size, root
        self.open_max, self.rate = open_max, rate
        self.taken = 0
        self.fault = None
        self.over = threading.Event()
        self.start()

    def ask(self):
        return self.client.send(wire.CHUNK_HASHES, fileSize=self.size, digest=self.root, first=0,
                                count=PAGE)

    def run(self):
        began = time.monotonic()
        try:
            for _ in range(self.open_max):
                self.ask()
            while not self.over.is_set():
                wire.read_exactly(self.client.sock, 128 + PAGE * 32)
                self.taken += 1
                self.ask()
                ahead = self.taken * 64 * KIB / self.rate - (time.monotonic() - began)
                self.over.wait(max(0, ahead))
        except (OSError, EOFError, AssertionError) as fault:
            if not self.over.is_set():
                self.fault = fault


@marks(timeout=120)
def test_pitfall29_pipelined_pages_take_bounded_memory(swarm):
    """200 pages of 64 KiB asked for at any time, taken without a pause but slowly."""
    host = swarm.host(2, shared={"f": PAGED})
    with swarm.client(host, 240) as one, swarm.client(host, 241) as other:
        file = one.query("f")
        before = host.process.memory()
        lines = [Pipeline(client, PAGED, file.digest, 200, 60 * MIB) for client in (one, other)]
        slowest = 0
        with swarm.client(host, 242) as third:
            end = time.monotonic() + 2
            while time.monotonic() < end:
                began = time.monotonic()
                assert third.query("f").status_name == "ok"
                slowest = max(slowest, time.monotonic() - began)
        for line in lines:
            line.over.set()
            assert line.fault is None, line.fault
            assert line.taken > 20
        grown = host.process.memory() - before
        # What is freed stays in a sanitizer's quarantine.
        assert grown < 30 * MIB or SLOW > 1, f"{grown // MIB} MiB more"
        assert slowest < 1 * SLOW, f"another client waited {slowest:.2f} s"


def test_within_the_limits_nobody_is_reset(swarm):
    """One request of 64 leaves and 128 pages of hashes behind it; then 1,000 pages, 500 at a time."""
    size = PAGED
    host = swarm.host(2, shared={"f": size})
    with swarm.client(host, 240) as client:
        file = client.query("f")
        data = client.request(size, file.digest, 0, 64)
        pages = [client.send(wire.CHUNK_HASHES, fileSize=size, digest=file.digest, first=0, count=PAGE)
                 for _ in range(128)]
        time.sleep(0.3)  # nobody reads meanwhile: the server has its buffers full
        assert len(client.answer_to(data).payload) == MIB
        for page in pages:
            assert client.answer_to(page).type == wire.CHUNK_HASHES
        assert not client.waiting
        for _ in range(2):
            pages = [client.send(wire.CHUNK_HASHES, fileSize=size, digest=file.digest, first=0,
                                 count=PAGE) for _ in range(500)]
            for page in pages:
                assert client.answer_to(page).type == wire.CHUNK_HASHES


@marks(alone=True)
def test_idle_subscriptions_cost_queries_nothing(swarm):
    host = swarm.host(2, shared={"f": 1000})

    def time_of_queries():
        best = 1e9
        with swarm.client(host, 250) as client:
            client.query("f")
            for _ in range(5):
                began = time.monotonic()
                for _ in range(200):
                    client.query("f")
                best = min(best, time.monotonic() - began)
        return best

    alone = time_of_queries()
    with contextlib.ExitStack() as stack:
        for n in range(60):
            client = stack.enter_context(swarm.client(host, 100 + n))
            raw = b"".join(wire.ClientMessage(type=wire.SUBSCRIBE, id=10 + i, fileSize=10 * MIB + n,
                                              digest=i.to_bytes(32, "big")).pack() for i in range(256))
            client.send_raw(raw)
            for _ in range(256):
                assert client.recv_message().type == wire.HOLDING
        beside = time_of_queries()
    assert beside < 3 * alone + 0.05, f"{alone:.3f} s alone, {beside:.3f} s beside 15,360 subscriptions"


def test_subscriptions_to_one_file_are_few(swarm):
    host = swarm.host(2)
    with swarm.client(host) as client:
        said = [client.ask(wire.SUBSCRIBE, fileSize=MIB, digest=bytes(32)).status_name for _ in range(10)]
        assert said == ["ok"] * 8 + ["busy"] * 2, said
        assert client.ask(wire.SUBSCRIBE, fileSize=MIB + 1, digest=bytes(32)).status_name == "ok"


# Whose id it is ------------------------------------------------------------------------------------

def test_an_id_that_another_host_says_hides_nobody(swarm):
    """Both are connected, and what only the honest one has is found; also when it dials first."""
    honest = swarm.host(3, shared={"f": 300 * KIB})
    with swarm.client(honest, 240, hello=False) as client:
        node = client.hello().nodeId
    liar = swarm.fake(2, {"g": b"x"}, node=node)
    host = swarm.host(1, hosts=[2])
    host.process.wait_event("notice", kind="host-connected", host=f"{swarm.net}.2:{PORT}")
    host.set_hosts([2, 3])
    host.wait_connected(honest)
    getting = swarm.host(4, hosts=[2, 3], start=False)
    getting.get("f", options=["--wait-hosts", "2"])
    check_equal(getting.download("f"), honest.shared("f"))
    assert liar.received
    # The dial-back goes to who has connected, whatever id stood there before.
    fourth = swarm.host(5, hosts=[2])
    fourth.process.wait_event("notice", kind="host-connected", host=f"{swarm.net}.2:{PORT}")
    honest.set_hosts([5])
    fourth.wait_connected(honest)


# Floods of a server --------------------------------------------------------------------------------

class Flood(threading.Thread):
    """Sends these bytes on the fake server's connections without end."""

    def __init__(self, server, make):
        super().__init__(daemon=True)
        self.server, self.make = server, make
        self.sent = 0
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            ready = [one for one in self.server.connections if one.subscriptions and one.proven]
            for connection in ready:
                block = self.make(connection)
                try:
                    with connection.lock:
                        connection.sock.sendall(block)
                    self.sent += len(block)
                except OSError:
                    connection.subscriptions.clear()
            if not ready:
                self.over.wait(0.01)


def unknown_messages(connection):
    return wire.ServerMessage(type=40).pack() * 512


def many_haves(connection):
    one = next(iter(connection.subscriptions))
    return wire.ServerMessage(type=wire.HAVE, id=one, first=0, count=1023).pack() * 512


def flood_beside_honest_hosts(swarm, make):
    size = 64 * MIB
    for number in (3, 4, 5):
        swarm.host(number, shared={"big": size}, options=["--max-upload", "16MiB"])
    flooder = swarm.fake(2, {"big": b"".join(content("big", size))}, refuse=8, held={"big": set()})
    flood = Flood(flooder, make)
    getting = swarm.host(1, hosts=[2, 3, 4, 5], start=False)
    getting.get("big", options=["--wait-hosts", "4", "--timeout", "20"], limit=100)
    flood.over.set()
    assert flood.sent > 10 * MIB, flood.sent
    assert getting.download("big").stat().st_size == size


@marks(timeout=150, long=True)
def test_a_flood_of_unknown_messages_stops_no_verification(swarm):
    flood_beside_honest_hosts(swarm, unknown_messages)


@marks(timeout=150)
def test_a_flood_of_haves_stops_no_verification(swarm):
    flood_beside_honest_hosts(swarm, many_haves)


def test_refusals_that_nobody_asked_for_are_not_answered_by_requests(swarm):
    """`cancelled` to what nobody cancelled, and `busy` without end: a pause follows, not a race."""
    for status, name in ((9, "big"), (8, "big"), (8, "small")):
        files = {"big": bytes(MIB), "small": bytes(1000)}
        server = swarm.fake(2, files, refuse=status)
        host = swarm.host(100 + 10 * status + len(name), hosts=[2], start=False)
        host.get(name, options=["--timeout", "1"], code=5)
        asked = sum(message.type == wire.REQUEST for message in server.received)
        assert 0 < asked < 300, f"{asked} requests to {wire.STATUSES[status]}"
        server.stop()
        swarm.fakes.remove(server)


# Waits ---------------------------------------------------------------------------------------------

def test_a_chain_behind_a_limited_host_says_little(swarm):
    """A, limited, to B to C: C waits for each chunk, and says so once if at all."""
    first = swarm.host(2, shared={"f": 3 * MIB}, options=["--max-upload", "1MiB"])
    middle = swarm.host(3, hosts=[2], start=False)
    between = middle.prompt(options=["--json"])
    between.send("f\n")
    between.wait_event("fetch_progress", lambda one: one["done"] > 0)
    last = swarm.host(4, hosts=[3], start=False)
    process = last.get("f", options=["--wait-hosts", "1"])
    check_equal(last.download("f"), first.shared("f"))
    words = [note for note in process.events("fetch_note") if note["kind"] in ("parked", "unparked")]
    assert len(words) <= 4, f"{len(words)} lines of waiting and going on"
