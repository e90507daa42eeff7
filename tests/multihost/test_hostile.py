"""Servers that lie, stall or break off, and clients that do: PITFALLS 4, 7, 8, 9, 15, 16, 18 at the peer
port, and the liar among several sources."""
import resource
import socket
import time

import shoalwire as wire
from harness import KIB, MIB, PORT, check_equal, content, marks, until

SIZE = 4 * MIB + 77


def data_of(name="f", size=SIZE):
    return b"".join(content(name, size))


def test_a_lone_liar_is_named_and_nothing_is_kept(swarm):
    swarm.fake(2, {"f": data_of()}, mangle=lambda payload, first: bytes(len(payload)))
    host = swarm.host(1, hosts=[2], start=False)
    began = time.monotonic()
    process = host.get("f", options=["--timeout", "60"], code=6)
    assert time.monotonic() - began < 30, "it waited for others, and there are none"
    assert process.events("fetch_note", kind="bad-source", host=f"{swarm.net}.2:{PORT}")
    assert not host.download("f").exists()


@marks(timeout=90)
def test_a_liar_among_honest_holders_is_dropped(swarm):
    """It sends one wrong leaf in eight: found out by leaf hashes, named, used no more."""
    def mangle(payload, first):
        wrong = bytearray(payload)
        for at in range(0, len(wrong), 16 * KIB):
            if (first + at // (16 * KIB)) % 8 == 5:
                wrong[at] ^= 1
        return bytes(wrong)

    liar = swarm.fake(2, {"f": data_of()}, mangle=mangle)
    servers = [swarm.host(n, shared={"f": SIZE}, options=["--max-upload", "2MiB"]) for n in (3, 4)]
    host = swarm.host(1, hosts=[2, 3, 4], start=False)
    process = host.get("f", options=["--wait-hosts", "3"])
    check_equal(host.download("f"), servers[0].shared("f"))
    blamed = {note["host"] for note in process.events("fetch_note", kind="bad-source")}
    assert blamed == {f"{swarm.net}.2:{PORT}"}, blamed
    assert liar.served


def two_liars(swarm, sizes):
    """Hosts 2 and 3 claim one content that they do not send."""
    false = {name: data_of("false", size) for name, size in sizes.items()}
    for number in (2, 3):
        swarm.fake(number, false, mangle=lambda payload, first: bytes(len(payload)))


def test_a_folder_is_fetched_past_a_version_that_does_not_verify(swarm):
    sizes = {"d/large": 200 * KIB, "d/small": 3 * KIB}
    two_liars(swarm, {**sizes, "d/lie": KIB})
    honest = swarm.host(4, shared=sizes)
    host = swarm.host(1, hosts=[2, 3, 4], start=False)
    began = time.monotonic()
    process = host.get("d/", options=["--wait-hosts", "3", "--timeout", "60"], code=6)
    assert time.monotonic() - began < 30, "a lie that nobody else can mend was waited for"
    for name in ("d/large", "d/small"):
        check_equal(host.download(name), honest.shared(name))
    assert not host.download("d/lie").exists()
    taken = [note["name"] for note in process.events("fetch_note", kind="waiting")
             if "does not verify; another version is taken" in note["text"]]
    assert sorted(taken) == ["d/large", "d/small"], process.tail()


def test_wrong_chunk_hashes_do_not_get_in(swarm):
    def alter(message):
        if message.type == wire.CHUNK_HASHES:
            message.payload = bytes(len(message.payload))

    swarm.fake(2, {"f": data_of()}, alter=alter)
    swarm.host(3, shared={"f": SIZE})
    host = swarm.host(1, hosts=[2, 3], start=False)
    host.get("f", options=["--wait-hosts", "2"])
    assert host.download("f").read_bytes() == data_of()


@marks(timeout=90)
def test_pitfall7_lying_sizes_are_refused_before_memory_is_taken(swarm):
    host = swarm.host(1, hosts=[2, 3], start=False)
    swarm.host(3, shared={"f": SIZE})

    def claim(**fields):
        def alter(message):
            if message.type == wire.FILE:
                for name, value in fields.items():
                    setattr(message, name, value)
        return alter

    def payload_size(message):
        if message.type == wire.DATA:
            message.payloadSize = 2**60

    liar = swarm.fake(2, {"f": data_of()})
    for alter in (claim(fileSize=2**60), claim(fileSize=2**64 - 1), claim(held=2**63),
                  claim(payloadSize=2**60), payload_size):
        liar.alter = alter
        process = host.start_get("f", options=["--wait-hosts", "1"])
        peak = process.memory_peak_to_the_end()
        assert process.wait(30) == 0, process.tail()
        assert host.download("f").read_bytes() == data_of()
        assert peak < 200 * MIB, peak
        host.download("f").unlink()


def test_pitfall8_unasked_duplicate_and_foreign_data(swarm):
    """Data that nobody waits for is skipped, not written: under an unknown id, twice, of another
    file or another place of this one."""
    data, other = data_of(), data_of("g")
    server = swarm.fake(2, {"f": data, "g": other})

    def extra(message):
        if message.type == wire.DATA and message.id not in extra.done:
            extra.done.add(message.id)
            connection = server.connections[-1]
            file = server.files["g"]
            junk = wire.ServerMessage(type=wire.DATA, id=message.id + 1_000_000, fileSize=SIZE,
                                      digest=message.digest, first=0, count=1,
                                      payloadSize=wire.LEAF, payload=b"j" * wire.LEAF)
            again = wire.ServerMessage(type=wire.DATA, id=extra.last, fileSize=SIZE,
                                       digest=file.root, first=0, count=1, payloadSize=wire.LEAF,
                                       payload=b"k" * wire.LEAF)
            extra.last = message.id
            for one in (junk, again):
                connection.sock.sendall(connection.session.seal(one).pack() + one.payload)

    extra.done, extra.last = set(), 2**40
    server.alter = extra
    host = swarm.host(1, hosts=[2], start=False)
    process = host.start_get("f", options=["--timeout", "3"])
    code = process.wait(20)
    got = host.download("f")
    assert (code == 0 and got.read_bytes() == data) or (code != 0 and not got.exists()), process.tail()


def test_a_server_that_breaks_off_in_mid_message(swarm):
    honest = swarm.host(3, shared={"f": SIZE}, options=["--max-upload", "4MiB"])
    for after in (1, 127, 128, 200, 5000, 100_000, 1_000_001):
        server = swarm.fake(2, {"f": data_of()}, close_after=after)
        host = swarm.host(100 + after % 97, hosts=[2, 3], start=False)
        host.get("f", options=["--wait-hosts", "1"])
        check_equal(host.download("f"), honest.shared("f"))
        server.stop()
        swarm.fakes.remove(server)


@marks(alone=True)
def test_a_server_that_stalls_is_gone_round(swarm):
    swarm.fake(2, {"f": data_of()}, stall_after=2)
    honest = swarm.host(3, shared={"f": SIZE})
    host = swarm.host(1, hosts=[2, 3], start=False)
    start = time.monotonic()
    host.get("f", options=["--wait-hosts", "2"])
    check_equal(host.download("f"), honest.shared("f"))
    assert time.monotonic() - start < 10


def test_all_stall_and_the_script_ends(swarm):
    swarm.fake(2, {"f": data_of()}, stall_after=3)
    host = swarm.host(1, hosts=[2], start=False)
    host.get("f", options=["--timeout", "1"], code=5, limit=15)
    assert not host.download("f").exists()


def test_pitfall4_names_cannot_forge_a_line(swarm):
    """ESC, CR, LF and bidi marks of a remote name are shown escaped; dot-files are not made."""
    nasty = "a\x1b[31mred\r\nforged: yes\u202egnp.exe"
    swarm.fake(2, {nasty: b"x", ".bashrc": b"evil", "d/.ssh/key": b"evil", "fine": b"y"})
    host = swarm.host(1, hosts=[2], start=False)
    listing = host.run("list", "--bind", host.address, "--wait-hosts", "1")
    assert listing.wait(15) == 0, listing.tail()
    shown = listing.out.text() + listing.err.text()
    assert not any(mark in shown for mark in ("\x1b", "\r", "\u202e")) and "\nforged" not in shown, shown
    assert "fine" in shown
    process = host.run("get", nasty, "--bind", host.address, "--timeout", "3")
    process.wait(15)
    shown = process.out.text() + process.err.text()
    assert not any(mark in shown for mark in ("\x1b", "\r", "\u202e")) and "\nforged" not in shown, shown
    for name in (".bashrc", "d/.ssh/key"):
        assert host.start_get(name, options=["--timeout", "3"]).wait(15) != 0, name
    assert not host.download(".bashrc").exists() and not host.download("d/.ssh").exists()


def test_pitfall1_a_listing_cannot_write_outside(swarm):
    swarm.fake(2, {"d/../../../escape": b"x", "d/ok": b"fine", "d//x": b"y", "d/a\\b": b"z"})
    host = swarm.host(1, hosts=[2], start=False)
    host.start_get("d/", options=["--timeout", "3"]).wait(15)
    assert not list(swarm.folder.rglob("escape"))
    escaped = [path for path in (host.folder / "downloads").rglob("*")
               if path.is_file() and path.name != "ok"]
    assert not escaped, escaped


@marks(bare=True, timeout=90)
def test_pitfall9_eleven_hundred_connections(swarm):
    """Descriptors at FD_SETSIZE never reach select(): those that are too many are turned away."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    host = swarm.host(2, shared={"f": 100 * KIB},
                      options=["--max-clients", "928", "--max-clients-per-address", "928"])
    sockets = []
    for n in range(1100):
        one = socket.socket()
        one.bind((f"{swarm.net}.{200 + n % 40}", 0))
        one.settimeout(10)
        one.connect((host.address, PORT))
        sockets.append(one)
    assert host.process.running()
    for one in sockets[:20]:
        one.close()
    with until(lambda: try_client(swarm, host), "room again for one") as client:
        assert len(client.fetch("f")) == 100 * KIB
    for one in sockets:
        one.close()
    until(lambda: host.process.descriptors() < 60, "all descriptors are free again", 10)
    with swarm.client(host) as client:
        assert client.query("f").status_name == "ok"


def try_client(swarm, host):
    try:
        client = swarm.client(host, hello=False)
        if client.hello().status == wire.OK:
            return client
    except (EOFError, OSError):
        pass
    return None


def test_pitfall16_caps_per_address_and_in_all(swarm):
    host = swarm.host(2, shared={"f": 1000},
                      options=["--max-clients", "12", "--max-clients-per-address", "5"])
    first = [try_client(swarm, host) for _ in range(8)]
    assert sum(one is not None for one in first) == 5, "per address"
    others = []
    for number in range(200, 212):
        try:
            others.append(swarm.client(host, number))
        except (EOFError, OSError, AssertionError):
            others.append(None)
    fine = [one for one in others if one and one.query("f").status_name == "ok"]
    assert len(fine) <= 12 - 5 and fine, len(fine)


@marks(alone=True, bare=True)
def test_pitfall16_running_out_of_descriptors_does_not_spin(swarm):
    host = swarm.host(2, shared={"f": 1000}, start=False)
    host.serve(wrap=["prlimit", "--nofile=40:40", "--"])
    sockets = [socket.create_connection((host.address, PORT), 5) for _ in range(80)]
    before = host.process.cpu_seconds()
    time.sleep(2)
    assert host.process.running()
    assert host.process.cpu_seconds() - before < 0.3, "the acceptor spins"
    for one in sockets:
        one.close()
    with until(lambda: try_client(swarm, host), "served again", 10) as client:
        assert client.query("f").status_name == "ok"


@marks(timeout=120)
def test_pitfall15_silent_clients_are_closed(swarm):
    """A deadline before the hello is complete, whatever dribbles in."""
    host = swarm.host(2, shared={"f": 1000})
    with swarm.client(host, hello=False) as silent, swarm.client(host, 251, hello=False) as dribbling:
        raw = wire.ClientMessage(type=wire.HELLO, id=1, version=1).pack()
        silent.sock.setblocking(False)
        dribbling.sock.setblocking(False)

        def closed(client):
            try:
                return client.sock.recv(1) == b""
            except BlockingIOError:
                return False
            except OSError:
                return True

        position = 0
        end = time.monotonic() + 60
        ended = set()
        while len(ended) < 2:
            assert time.monotonic() < end, "never closed"
            if position < 500 and 2 not in ended:
                try:
                    dribbling.sock.send(raw[position:position + 1])
                    position += 1
                except OSError:
                    ended.add(2)
            ended |= {n for n, client in ((1, silent), (2, dribbling)) if closed(client)}
            time.sleep(0.2)


def test_pitfall18_no_address_of_a_message_is_dialled(swarm):
    """The port of a hello is tried at the address seen on the socket, and nowhere else."""
    with socket.create_server((f"{swarm.net}.77", 4567)) as elsewhere, \
            socket.create_server((f"{swarm.net}.250", 4567)) as here:
        host = swarm.host(2)
        with swarm.client(host, 250, port_announced=4567):
            here.settimeout(5)
            _, caller = here.accept()
            assert caller[0] == host.address, caller
            elsewhere.settimeout(0.5)
            try:
                elsewhere.accept()
                raise AssertionError("it dialled an address that nobody came from")
            except TimeoutError:
                pass


@marks(timeout=90)
def test_pitfall21_peers_killed_during_send(swarm):
    host = swarm.host(2, shared={"f": 16 * MIB})
    for n in range(30):
        client = swarm.client(host)
        file = client.query("f")
        for first in range(0, 1024, 64):
            client.request(file.fileSize, file.digest, first, 64)
        client.sock.recv(1 << (n % 16))
        if n % 2:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    getting = swarm.host(3, hosts=[2], start=False)
    process = getting.start_get("f")
    process.freeze()
    process.kill()
    getting.get("f")
    check_equal(getting.download("f"), host.shared("f"))


def test_status_counts_what_was_turned_away(swarm):
    host = swarm.host(2, shared={"f": 1000})
    for _ in range(3):
        with swarm.client(host) as client:
            client.send_raw(b"garbage" * 100)
            try:
                wire.read_exactly(client.sock, 1)
            except (EOFError, OSError):
                pass
    with swarm.client(host) as client:
        said = dict(line.split(" ", 1) for line in client.ask(wire.STATUS).payload.decode().splitlines())
    assert any(value.strip().startswith("3") for value in said.values()), said


def test_an_endless_listing_ends_and_holds_up_nobody(swarm):
    """A new name at a time, and never the last page."""
    def endless(connection, message):
        connection.names = getattr(connection, "names", 0) + 1
        time.sleep(0.2)
        connection.send(wire.LISTING, message.id,
                        wire.pack_record(f"d/{connection.names:012d}", 1, bytes([1]) * 32, 1, 0),
                        first=1, count=1)
        return True

    swarm.fake(2, {}, on_list=endless)
    honest = swarm.host(3, shared={"d/real": KIB})
    host = swarm.host(1, hosts=[2, 3], start=False)
    process = host.get("d/", options=["--timeout", "3"], code=5, limit=20)
    check_equal(host.download("d/real"), honest.shared("d/real"))
    assert f"{swarm.net}.2:{PORT}" in process.events("fetch_done")[0]["text"], process.tail()
