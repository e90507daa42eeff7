"""The FTP gateway under bad input: lines 1 to 4, 11 to 16, 21, 24 and 26 of what a peer must withstand."""
import ftplib
import os
import random
import select
import socket
import threading
import time

import shoalwire as wire
from ftphost import ANN, FTP_PORT, JOE, Raw, connect, fetch, gateway_host, read_to_end, refused, store, users_line, \
    wait_listed
from harness import KIB, MIB, marks, until


def check_alive(host):
    ftp = connect(host)
    assert ftp.voidcmd("NOOP")[:3] == "200"
    ftp.quit()


def test_paths_never_leave_the_root(swarm):
    host = gateway_host(swarm, 1, shared={"f": b"inside\n"})
    (host.folder / "outside").write_text("secret\n")
    os.symlink("../outside", host.shared("link"))
    os.symlink("..", host.shared("up"))
    os.mkfifo(host.shared("fifo"))
    raw = Raw(host)
    data = raw.passive()
    for name in ("../outside", "/../outside", "../../../../etc/passwd", "link", "up/outside", "fifo",
                 "a/../../outside", "..\\outside", "./../shared/../outside", "f/../../outside",
                 "\\x2e\\x2e/outside", "%2e%2e/outside", ".", "..", "/", "x" * 300, "y/" * 300,
                 "nul\0byte", "\xff\xfe", "CON\r\0X"):
        line = f"{name}\r\n".encode("utf-8", "surrogateescape")
        for verb in (b"RETR ", b"SIZE ", b"MDTM ", b"STOR ", b"APPE ", b"DELE ", b"RMD ", b"RNFR "):
            raw.send(verb + line)
            said = raw.reply()
            if said[:3] in ("125", "150"):  # a name that is as good as any other, beneath the root
                assert verb in (b"STOR ", b"APPE "), (verb, name)
                data.close()
                raw.reply("226")
                data = raw.passive()
            else:
                assert said[:1] in "2345", said
    assert (host.folder / "outside").read_text() == "secret\n"
    assert {path.name for path in host.folder.iterdir()} >= {"outside", "shared"}
    assert host.shared("f").read_bytes() == b"inside\n"
    raw.say("CWD ..", "250")
    assert '"/"' in raw.say("PWD", "257")
    check_alive(host)


@marks(timeout=90)
def test_a_folder_swapped_for_a_link_lets_nothing_out(swarm):
    """One thread swaps a folder for a link to another place while clients read and write through it."""
    host = gateway_host(swarm, 1, shared={"dir/f": b"inside"})
    outside = host.folder / "away"
    outside.mkdir()
    (outside / "f").write_bytes(b"outside")
    shared, stop = host.folder / "shared", threading.Event()

    def swap():
        while not stop.is_set():
            os.rename(shared / "dir", host.folder / "kept")
            os.symlink(outside, shared / "dir")
            os.unlink(shared / "dir")
            os.rename(host.folder / "kept", shared / "dir")

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        ftp = connect(host)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            for action in (lambda: fetch(ftp, "dir/f"), lambda: store(ftp, "dir/g", b"new"),
                           lambda: ftp.delete("dir/g"), lambda: ftp.mkd("dir/d"), lambda: ftp.rmd("dir/d")):
                try:
                    got = action()
                    assert not isinstance(got, bytes) or got == b"inside", got
                except Exception as error:
                    assert str(error)[:1] in "45", error
    finally:
        stop.set()
        swapper.join()
    assert sorted(os.listdir(outside)) == ["f"]
    assert (outside / "f").read_bytes() == b"outside"
    check_alive(host)


def test_names_cannot_forge_replies_or_listings(swarm):
    host = gateway_host(swarm, 1, shared={"x\r\n226 forged": 3, "esc\x1b[2J": 4, "rtl\u202etxt.exe": 5})
    raw = Raw(host)
    for verb in ("LIST", "NLST", "MLSD"):
        with raw.passive() as data:
            raw.say(verb)
            lines = read_to_end(data).split(b"\r\n")
        raw.reply("226")
        assert len(lines) == 4 and lines[3] == b"", lines
        assert not any(b"\x1b" in line or b"\r" in line or b"\xe2\x80\xae" in line for line in lines)
    assert raw.say("STAT /").count("\r\n") == 5
    raw.say("SIZE esc\\x1B[2J", "213")
    raw.say("CWD no\x1b[2Jsuch", "550")
    assert "\x1b" not in host.process.err.text()
    raw.say("MKD x\x1by", "553")
    raw.say("USER \x1b[2J", "331")
    raw.say("PASS \x1b", "530")
    until(lambda: "refused" in host.process.err.text(), "the refusal is logged")
    assert "\x1b" not in host.process.err.text()


def test_nobody_is_dialled_for_another(swarm):
    host = gateway_host(swarm, 1, shared={"f": b"f"})
    raw = Raw(host)
    own = raw.sock.getsockname()[0]
    with socket.create_server((f"{swarm.net}.9", 0)) as victim:
        port = victim.getsockname()[1]
        victim.settimeout(0.3)
        there = f"{swarm.net}.9"
        for line in (f"PORT {there.replace('.', ',')},{port >> 8},{port & 255}", f"EPRT |1|{there}|{port}|",
                     f"PORT {own.replace('.', ',')},0,25", f"EPRT |1|{own}|1023|"):
            raw.say(line, "504")
            raw.say("RETR f", "425")
        try:
            victim.accept()
            raise AssertionError("the gateway dialled somebody else")
        except socket.timeout:
            pass
    port = int(raw.say("EPSV", "229").split("|")[3])
    with socket.create_connection((host.address, port), timeout=20,
                                  source_address=(f"{swarm.net}.9", 0)) as thief:
        assert thief.recv(10) == b"", "only the client itself may take its data"
        raw.send("RETR f\r\n")
        with socket.create_connection((host.address, port), timeout=20, source_address=(own, 0)) as data:
            raw.reply()
            assert read_to_end(data) == b"f"
    raw.reply("226")


def test_lines_that_are_no_ftp(swarm):
    host = gateway_host(swarm, 1)
    raw = Raw(host)
    raw.send(b"RETR " + b"x" * 10_000 + b"\r\n")
    raw.reply("500")
    raw.say("NOOP", "200")
    for junk in (b"\xff\xfb\x18\xff\xfd\x01NOOP\r\n", b"noop\n", b"\xff\xf1NOOP\r\n"):
        raw.send(junk)
        raw.file.peek(1)
        while raw.file.peek(1)[:1] == b"\xff":
            raw.file.read(3)
        raw.reply("200")
    for byte in b"STAT\r\n":
        raw.send(bytes([byte]))
    raw.reply("211")
    raw.say("\0\0\0", "500")
    raw.say("", "500")
    with socket.create_connection((host.address, FTP_PORT), timeout=20) as endless:
        try:
            for _ in range(64):
                endless.sendall(b"x" * 64 * KIB)
        except OSError:
            pass
        try:
            assert b"421" in read_to_end(endless)
        except ConnectionResetError:
            pass
    rng = random.Random(4)
    for _ in range(30):
        with socket.create_connection((host.address, FTP_PORT), timeout=20) as garbage:
            try:
                garbage.sendall(rng.randbytes(3000))
            except OSError:
                pass
    check_alive(host)


def test_commands_inside_an_http_request_are_not_obeyed(swarm):
    """What a web page can make a browser send."""
    host = gateway_host(swarm, 1, shared={"f": 10})
    body = f"USER {JOE[0]}\r\nPASS {JOE[1]}\r\nDELE f\r\nQUIT\r\n"
    for path in ("/", "/" + 3000 * "a", "/" + 5000 * "a", "/" + 70_000 * "a"):
        with socket.create_connection((host.address, FTP_PORT), timeout=20) as http:
            said = b""
            try:
                http.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                             f"{body}".encode())
                while block := http.recv(1000):
                    said += block
            except OSError:
                pass
            assert b"331" not in said and b"250" not in said, said
    check_alive(host)
    assert host.shared("f").exists()


def test_lines_of_strangers_hold_up_nobody(swarm):
    """20 who wait for a password's check, with a block of empty lines behind it."""
    host = gateway_host(swarm, 1, shared={"f": 10})
    strangers = [Raw(host, None) for _ in range(20)]
    memory = host.process.memory_peak()
    for raw in strangers:
        raw.send(b"USER x\r\nPASS y\r\n" + b"\n" * 16_368)
    client = connect(host)
    start = time.monotonic()
    for _ in range(20):
        assert client.voidcmd("NOOP")[:3] == "200"
    assert time.monotonic() - start < 3, "others are answered meanwhile"
    assert host.process.memory_peak() < memory + 20 * MIB
    raw = Raw(host, None)
    raw.send(b"\n" * 16_368)
    said = []
    while line := raw.reply():
        said.append(line)
    assert len(said) <= 20, "whoever says nothing that is FTP is hung up on"


@marks(timeout=60)
def test_a_right_password_waits_for_few_guesses(swarm):
    """150 guesses of 150 addresses, each of which costs a check; one right password behind them."""
    host = gateway_host(swarm, 1, start=False)
    users = host.folder / "users"
    users.write_text(users_line(*JOE, "rw", iterations=100_000))
    users.chmod(0o600)
    host.serve()
    host.process.wait_text("FTP gateway on")
    start = time.monotonic()
    connect(host).quit()
    alone = time.monotonic() - start
    guessers = []
    for number in range(150):
        sock = socket.create_connection((host.address, FTP_PORT), timeout=20,
                                        source_address=(f"127.200.{number + 1}.1", 0))
        sock.sendall(b"USER joe\r\nPASS guess\r\n")
        guessers.append(sock)
    start = time.monotonic()
    with socket.create_connection((host.address, FTP_PORT), timeout=20,
                                  source_address=("127.201.1.1", 0)) as sock:
        sock.sendall(f"USER {JOE[0]}\r\nPASS {JOE[1]}\r\n".encode())
        said = b""
        while b"\r\n230 " not in said:
            said += sock.recv(1000)
            assert b"421" not in said and b"530" not in said, said
    took = time.monotonic() - start
    assert took < 8 * alone + 0.5, f"{took} s, alone {alone} s"
    for sock in guessers:
        sock.close()


def test_slow_clients_hold_up_nobody(swarm):
    """500 that only connect, or send a byte now and then; one that never reads; others are served."""
    host = gateway_host(swarm, 1, "--ftp-clients-per-thread", 1000, shared={"f": 20 * MIB, "small": KIB})
    slow = [socket.create_connection((host.address, FTP_PORT), timeout=20) for _ in range(500)]
    for one in slow[::2]:
        one.sendall(b"U")
    stuck = Raw(host)
    data = stuck.passive()
    stuck.say("RETR f")
    flood = Raw(host)
    flood.sock.settimeout(0.5)
    try:
        while True:  # replies are not read: in the end no more commands are
            flood.send(b"HELP\r\n" * 1000)
    except OSError:
        pass
    for _ in range(20):
        client = connect(host)
        start = time.monotonic()
        assert len(fetch(client, "small")) == KIB
        assert time.monotonic() - start < 2, "a small file among slow clients"
        client.quit()
    assert host.process.memory_peak() < 400 * MIB
    data.close()


@marks(alone=True, bare=True)
def test_f3_a_small_file_beside_a_large_one(swarm):
    host = gateway_host(swarm, 1, shared={"big": ("sparse", 1 << 30), "small": KIB})
    big = Raw(host)
    until(lambda: big.say("SIZE big")[:3] == "213", "it is hashed", limit=30)
    clients = [Raw(host) for _ in range(2)]
    clients.append(big)
    streams, stop = [], threading.Event()
    for raw in clients:
        data = raw.passive()
        raw.say("RETR big")
        streams.append(threading.Thread(target=lambda sock=data: drain(sock, stop)))
        streams[-1].start()
    try:
        small = connect(host)
        small.voidcmd("TYPE I")
        best = []
        for _ in range(10):
            start = time.monotonic()
            assert len(fetch(small, "small")) == KIB
            best.append(time.monotonic() - start)
        assert sorted(best)[5] < 0.5, f"{best}: asked is 0.1 s"
    finally:
        stop.set()
        for thread in streams:
            thread.join()


def drain(sock, stop):
    with sock:
        while not stop.is_set() and sock.recv(1 << 18):
            pass


def test_passwords_are_not_told_nor_logged(swarm):
    host = gateway_host(swarm, 1, "--log-level", "debug")
    connect(host, JOE)
    with refused(530):
        connect(host, ("joe", "open sesame"))
    check_alive(host)
    said = host.process.err.text() + host.process.out.text()
    assert "swordfish" not in said and "open sesame" not in said
    raw = Raw(host, None)
    raw.say("USER joe", "331")
    raw.say("PASS guess", "530")
    unknown = Raw(host, None)
    assert unknown.say("USER nobody", "331") == "331 Username ok, send password.\r\n"
    assert unknown.say("PASS guess", "530") == "530 Authentication failed.\r\n"


def test_an_idle_client_goes_and_a_busy_one_stays(swarm):
    host = gateway_host(swarm, 1, "--ftp-idle", 1, shared={"f": 32 * MIB})
    idle, busy = Raw(host, ANN), Raw(host, ANN)
    data = busy.passive()
    busy.say("RETR f")
    start = time.monotonic()
    got = 0
    while not select.select([idle.sock], [], [], 0.05)[0]:
        got += len(data.recv(256 * KIB))  # slowly: it lasts for longer than the idle one is let
    idle.reply("421")
    assert idle.reply() is None
    assert time.monotonic() - start > 0.8
    assert got + len(read_to_end(data)) == 32 * MIB
    busy.reply("226")


def test_every_descriptor_is_closed_on_exec_and_high(swarm):
    host = gateway_host(swarm, 1, shared={"f": 32 * MIB})
    raw = Raw(host)
    data = raw.passive()
    raw.say("RETR f")
    data.recv(1)
    folder = f"/proc/{host.process.pid}"
    for number in os.listdir(f"{folder}/fd"):
        flags = open(f"{folder}/fdinfo/{number}").read().split("flags:")[1].split()[0]
        assert int(number) < 3 or int(flags, 8) & os.O_CLOEXEC, number
    inodes = {line.split()[9] for line in open("/proc/net/tcp") if line.split()[1].endswith(f":{FTP_PORT:04X}")}
    ours = {int(number): os.readlink(f"{folder}/fd/{number}") for number in os.listdir(f"{folder}/fd")}
    gateway = [number for number, link in ours.items()
               if link.startswith("socket:[") and link[8:-1] in inodes]
    assert gateway and min(gateway) >= 1024, gateway
    data.close()


def test_the_honest_version_follows_one_that_does_not_verify(swarm):
    for number in (2, 3):
        swarm.fake(number, {"small": b"false" * 700, "large": b"false" * 30000},
                   mangle=lambda payload, first: bytes(len(payload)))
    honest = swarm.host(4, shared={"small": 3 * KIB, "large": 200 * KIB})
    gateway = gateway_host(swarm, 1, hosts=[2, 3, 4])
    gateway.wait_connected(honest)
    ftp = connect(gateway)
    for name in ("small", "large"):
        wait_listed(ftp, name)
        try:
            fetch(ftp, name)
            raise AssertionError("what does not verify was sent")
        except ftplib.Error as error:
            assert str(error)[:3] in ("450", "426", "451") and "does not verify" in str(error), error
        assert fetch(ftp, name) == honest.shared(name).read_bytes()
    ftp.close()


@marks(long=True)
def test_an_endless_listing_is_not_waited_for_longer_than_silence(swarm):
    def endless(connection, message):
        connection.names = getattr(connection, "names", 0) + 1
        time.sleep(0.2)
        connection.send(wire.LISTING, message.id,
                        wire.pack_record(f"d/{connection.names:012d}", 1, bytes([1]) * 32, 1, 0),
                        first=1, count=1)
        return True

    swarm.fake(2, {}, on_list=endless)
    honest = swarm.host(3, shared={"d/real": KIB})
    gateway = gateway_host(swarm, 1, hosts=[2, 3])
    gateway.wait_connected(honest)
    ftp = connect(gateway)
    began = time.monotonic()
    with refused("450"):
        ftp.nlst("d")
    assert time.monotonic() - began < 30
    assert fetch(ftp, "d/real") == honest.shared("d/real").read_bytes()
    ftp.close()
