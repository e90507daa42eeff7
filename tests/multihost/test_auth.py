"""With a secret: who may come in, and what a stranger can do (PITFALLS 19, 20; design section 7)."""
import os
import socket
import threading

import shoalwire as wire
from ftphost import FTP_PORT, JOE, connect, fetch, gateway_host, refused as refused_with, store, users_line, wait_listed
from harness import KIB, SECRET, check_equal, guarded, until


def test_with_the_same_secret_all_is_as_ever(swarm):
    server = guarded(swarm, 2, shared={"f": 300 * KIB, "empty": 0}).serve()
    host = guarded(swarm, 1, hosts=[2])
    host.get("f", "empty")
    check_equal(host.download("f"), server.shared("f"))
    with swarm.client(server, secret=SECRET) as client:
        assert len(client.fetch("f")) == 300 * KIB
        assert {one[0] for one in client.list_all()} == {"f", "empty"}
    status = server.run("status", "--bind", server.address, "--secret-file", "secret")
    assert status.wait() == 0, status.tail()


def test_without_it_nobody_is_let_in(swarm):
    server = guarded(swarm, 2, shared={"f": 300 * KIB}).serve()
    host = swarm.host(1, hosts=[2], start=False)
    host.get("f", options=["--timeout", "5"], code=8)
    wrong = guarded(swarm, 3, secret=b"another secret, wrong", hosts=[2])
    wrong.get("f", options=["--timeout", "5"], code=8)
    status = host.run("status", "--bind", server.address)
    assert status.wait() == 8, status.tail()


def test_a_client_with_a_secret_shuns_a_server_without(swarm):
    swarm.host(2, shared={"f": 1000})
    host = guarded(swarm, 1, hosts=[2])
    process = host.start_get("f", options=["--timeout", "3"])
    assert process.wait(15) in (4, 8), process.tail()
    assert not host.download("f").exists()


def refused(client):
    """What a stranger gets: at most not_let_in, then the end."""
    try:
        while True:
            message = wire.ServerMessage.unpack(wire.read_exactly(client.sock, 128))
            wire.read_exactly(client.sock, message.payloadSize)
            assert message.status == wire.NOT_LET_IN, message
    except (EOFError, ConnectionResetError):
        return True


def say_hello(client, flags=wire.AUTHENTICATED):
    mine = wire.ClientMessage(type=wire.HELLO, id=1, flags=flags, version=1, nodeId=client.node,
                              digest=os.urandom(32))
    client.send_raw(mine.pack())
    theirs = wire.ServerMessage.unpack(wire.read_exactly(client.sock, 128))
    theirs.payload = wire.read_exactly(client.sock, theirs.payloadSize)
    return mine, theirs


def test_pitfall19_downgrade_is_refused(swarm):
    server = guarded(swarm, 2, shared={"f": 1000}).serve()
    with swarm.client(server, hello=False) as client:
        _, theirs = say_hello(client, flags=0)
        assert theirs.type == wire.ANSWER and theirs.status == wire.NOT_LET_IN
        assert refused(client)
    for first in (wire.QUERY, wire.LIST, wire.STATUS, wire.REQUEST, wire.SUBSCRIBE):
        with swarm.client(server, hello=False) as client:
            say_hello(client)
            client.send_raw(wire.ClientMessage(type=first, id=2, path=b"f", pathLength=1).pack())
            assert refused(client), first


def test_pitfall19_replay_is_refused(swarm):
    """A recorded conversation, played again, opens nothing: the nonce is new."""
    server = guarded(swarm, 2, shared={"f": 1000}).serve()
    recorded = bytearray()
    with swarm.client(server, hello=False, secret=SECRET) as client:
        plain = client.send_raw
        client.send_raw = lambda data: (recorded.extend(data), plain(data))
        client.hello()
        assert client.query("f").status_name == "ok"
    with swarm.client(server, hello=False) as client:
        client.send_raw(recorded[:512])
        assert wire.ServerMessage.unpack(wire.read_exactly(client.sock, 128)).type == wire.HELLO
        client.send_raw(recorded[512:])
        assert refused(client)


def test_pitfall19_a_message_twice_or_moved_or_changed(swarm):
    server = guarded(swarm, 2, shared={"f": 1000}).serve()

    def sealed(client, **fields):
        return client.session.seal(wire.ClientMessage(type=wire.QUERY, path=b"f", pathLength=1,
                                                      **fields)).pack()

    for fault in ("twice", "left out", "changed"):
        with swarm.client(server, secret=SECRET) as client:
            first, second = sealed(client, id=10), sealed(client, id=11)
            changed = bytearray(second)
            changed[8] ^= 1
            client.send_raw({"twice": first + first, "left out": second,
                             "changed": first + bytes(changed)}[fault])
            answers = []
            try:
                while True:
                    message = wire.ServerMessage.unpack(wire.read_exactly(client.sock, 128))
                    wire.read_exactly(client.sock, message.payloadSize)
                    answers.append(message.status)
            except (EOFError, ConnectionResetError):
                pass
            good = 0 if fault == "left out" else 1
            assert answers.count(wire.OK) == len(answers) <= good, (fault, answers)  # then closed


def test_pitfall19_reflection_is_refused(swarm):
    """Somebody between two connections to the same server, without the secret, feeding the one
    what the other said."""
    server = guarded(swarm, 2, shared={"f": 1000}).serve()
    with swarm.client(server, hello=False) as one, swarm.client(server, 251, hello=False) as two:
        _, theirs = say_hello(one)
        # The other connection gets the server's own nonce and id as its client hello.
        echo = wire.ClientMessage(type=wire.HELLO, id=1, flags=wire.AUTHENTICATED, version=1,
                                  nodeId=theirs.nodeId, digest=theirs.digest, port=theirs.port)
        two.send_raw(echo.pack())
        answer = wire.ServerMessage.unpack(wire.read_exactly(two.sock, 128))
        for client, digest in ((one, answer.digest), (two, theirs.digest)):
            client.send_raw(wire.ClientMessage(type=wire.PROOF, id=2, digest=digest,
                                               mac=digest[:16]).pack())
            assert refused(client)


def test_pitfall19_a_liar_in_between_is_noticed(swarm):
    """A proxy that changes one byte of an answer: the client closes, nothing wrong is believed."""
    server = guarded(swarm, 3, shared={"f": 1000}).serve()
    listener = socket.create_server((f"{swarm.net}.2", 8080))

    def pump(source, target, change):
        seen = 0
        try:
            while data := bytearray(source.recv(65536)):
                if change and seen <= 300 < seen + len(data):
                    data[300 - seen] ^= 1  # within the answer to the proof, or what follows
                seen += len(data)
                target.sendall(data)
        except OSError:
            pass
        finally:
            target.close()

    def proxy():
        while True:
            try:
                inside, _ = listener.accept()
            except OSError:
                return
            outside = socket.create_connection((server.address, 8080))
            threading.Thread(target=pump, args=(inside, outside, False), daemon=True).start()
            threading.Thread(target=pump, args=(outside, inside, True), daemon=True).start()

    threading.Thread(target=proxy, daemon=True).start()
    host = guarded(swarm, 1, hosts=[2])
    process = host.start_get("f", options=["--timeout", "3"])
    assert process.wait(20) != 0, process.tail()
    assert not host.download("f").exists()
    listener.close()


def test_pitfall20_the_secret_stays_secret(swarm):
    host = guarded(swarm, 1)
    path = host.folder / "secret"
    path.chmod(0o644)
    process = host.run("serve", "--bind", host.address, *host.options)
    assert process.wait(5) not in (0, None) and "secret" in process.err.text(), process.tail()
    path.chmod(0o600)
    path.write_bytes(b"short")
    assert host.run("serve", "--bind", host.address, *host.options).wait(5) not in (0, None)
    path.write_bytes(SECRET)
    host.serve(options=["--log-level", "debug"])
    until(host.process.running, "up")
    with open(f"/proc/{host.process.pid}/cmdline", "rb") as file:
        assert SECRET not in file.read()
    with open(f"/proc/{host.process.pid}/limits") as file:
        assert "Max core file size        0 " in file.read()
    assert SECRET.decode() not in host.process.out.text() + host.process.err.text()
    for path in (host.folder / ".shoal").rglob("*"):
        assert not path.is_file() or SECRET not in path.read_bytes(), path


def test_pitfall33_own_files_are_never_offered(swarm):
    """Whatever the shared folder is: secret, users, log, settings, hosts and state stay here."""
    (alone := swarm.host(1, start=False)).folder.joinpath("secret").write_bytes(SECRET)
    folder = alone.folder
    (folder / "secret").chmod(0o600)
    (folder / "users").write_text(users_line(*JOE, "rw"))
    (folder / "users").chmod(0o600)
    (folder / "f").write_text("f")
    (folder / "sub").mkdir()
    os.link(folder / "secret", folder / "sub" / "twin")
    (folder / "settings").write_text(
        "shared = .\nstate = state\nsecret-file = secret\nftp-users = users\nlog-file = log\n"
        f"ftp-port = {FTP_PORT}\n")
    alone.options += ["--config", "settings"]
    alone.serve()
    until(lambda: "FTP gateway on" in (folder / "log").read_text(), "the gateway is up")
    with refused_with(530):
        connect(alone, ())  # nobody said that those without a name may read
    ftp = connect(alone)
    wait_listed(ftp, "f")
    assert set(ftp.nlst()) == {"f", "sub", "shared", "downloads"} & set(ftp.nlst()), ftp.nlst()
    assert ftp.nlst("sub") == []
    for name in ("secret", "users", "log", "settings", "hosts.txt", "state/index", "sub/twin"):
        for line in (f"SIZE {name}", f"RNFR {name}", f"DELE {name}", f"MDTM {name}",
                     f"MFMT 20200101000000 {name}"):
            with refused_with(550):
                ftp.sendcmd(line)
        with refused_with(550):
            store(ftp, name, b"mine")
        with refused_with(550):
            fetch(ftp, name)
    ftp.sendcmd("RNFR f")
    with refused_with(550):
        ftp.sendcmd("RNTO state/x")
    other = guarded(swarm, 2, hosts=[1])
    other.get("f")
    for name in ("secret", "users", "log", "settings", "hosts.txt", "state/index", "sub/twin"):
        other.get(name, code=3)
    assert (folder / "secret").read_bytes() == SECRET
    with open(f"/proc/{alone.process.pid}/limits") as file:
        assert "Max core file size        0 " in file.read()


def test_users_alone_keep_the_memory_private(swarm):
    host = gateway_host(swarm, 1)
    with open(f"/proc/{host.process.pid}/limits") as file:
        assert "Max core file size        0 " in file.read()
    with connect(host, ()) as ftp:  # there is no secret
        ftp.nlst()
    both = guarded(swarm, 2)
    both.options += ["--ftp-port", str(FTP_PORT), "--ftp-anonymous", "on"]
    both.serve()
    both.process.wait_text("FTP gateway on")
    connect(both, ()).quit()
