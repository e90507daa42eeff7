"""The FTP gateway as Python's ftplib sees it: rows F1 to F9, each command over real sockets."""
import contextlib
import ftplib
import hashlib
import os
import re
import socket
import struct
import time

from ftphost import (ANN, Raw, connect, fetch, gateway_host, read_to_end, refused, store,
                     wait_listed)
from harness import KIB, MIB, marks, small_disk, until


def bytes_of(path):
    return path.read_bytes()


def test_f1_the_swarm_is_one_tree(swarm):
    other = swarm.host(2, shared={"far.bin": 3 * MIB, "dir/deep/b.txt": b"bee\n", "both": 10})
    host = gateway_host(swarm, 1, hosts=[2], shared={"near.txt": b"near\n", "dir/a.txt": b"a\n", "both": 10})
    ftp = connect(host, ())
    for name in ("both", "dir", "far.bin", "near.txt"):
        wait_listed(ftp, name)
    assert sorted(ftp.nlst()) == ["both", "dir", "far.bin", "near.txt"]
    assert sorted(name for name, _ in ftp.mlsd("dir")) == ["a.txt", "deep"]
    ftp.cwd("dir/deep")
    assert ftp.pwd() == "/dir/deep"
    assert fetch(ftp, "b.txt") == b"bee\n"
    assert fetch(ftp, "/near.txt") == b"near\n"
    assert fetch(ftp, "../../far.bin") == bytes_of(other.shared("far.bin"))
    facts = dict(ftp.mlsd("/"))
    assert facts["dir"]["type"] == "dir" and facts["far.bin"]["type"] == "file"
    assert int(facts["far.bin"]["size"]) == 3 * MIB
    lines = []
    ftp.dir("/", lines.append)
    assert any(re.fullmatch(r"-r--r--r-- .* 3145728 \w{3} .* far\.bin", line) for line in lines), lines
    ftp.quit()


def test_folders_have_times_of_their_own(swarm):
    """One of this host the disk's, another the newest below it, and always the same."""
    def stamp(path, when):
        os.utime(path, (when, when))
        return time.strftime("%Y%m%d%H%M%S", time.gmtime(when))

    others = [swarm.host(2, start=False, shared={"far/a": b"a", "far/deep/b": b"b", "both/a": b"a"}),
              swarm.host(3, start=False, shared={"far/c": b"c"})]
    host = gateway_host(swarm, 1, start=False, hosts=[2, 3], shared={"near/a": b"a", "both/b": b"b"})
    stamp(others[0].shared("far/a"), 1_400_000_000)
    far = stamp(others[0].shared("far/deep/b"), 1_600_000_000)
    stamp(others[1].shared("far/c"), 1_500_000_000)
    near = stamp(host.shared("near"), 1_300_000_000)
    both = stamp(host.shared("both"), 1_200_000_000)
    for one in (*others, host):
        one.serve()
    host.process.wait_text("FTP gateway on")
    ftp = connect(host)
    wanted = {"far": far, "near": near, "both": both}

    def listed():
        return {name: facts["modify"] for name, facts in ftp.mlsd()}
    until(lambda: listed() == wanted, "all are connected")
    assert listed() == wanted
    for name, time_of in wanted.items():
        assert f"modify={time_of};" in ftp.sendcmd(f"MLST {name}"), name
    assert [facts["modify"] for name, facts in ftp.mlsd("far") if name == "deep"] == [far]
    lines = []
    ftp.dir(lines.append)
    assert sorted(line.split()[-4:] for line in lines) == [
        ["Jan", "10", "2008", "both"], ["Mar", "13", "2011", "near"], ["Sep", "13", "2020", "far"]], lines
    store(ftp, "near/new", b"new")
    until(lambda: listed()["near"] > far, "the folder has changed")
    assert listed() == wanted | {"near": time.strftime(
        "%Y%m%d%H%M%S", time.gmtime(int(host.shared("near").stat().st_mtime)))}
    ftp.quit()


def test_f4_active_and_passive_ipv4_and_ipv6(swarm):
    host = gateway_host(swarm, 1, shared={"f": 100 * KIB})
    wanted = bytes_of(host.shared("f"))
    ftp = connect(host)
    for passive in (True, False):
        ftp.set_pasv(passive)
        for name in ("one", "two"):  # each transfer has a connection of its own
            assert fetch(ftp, "f") == wanted
            assert store(ftp, name, wanted).startswith("226")
            assert bytes_of(host.shared(name)) == wanted
    for line in ("STOR x", "RETR f", "LIST"):
        with refused(425):
            ftp.sendcmd(line)
    ftp.quit()
    six = gateway_host(swarm, 2, shared={"f": 100 * KIB}, start=False)
    port = socket.create_server(("::1", 0), family=socket.AF_INET6)
    number = port.getsockname()[1]
    port.close()
    six.process = six.run("serve", "--bind", "::1", "--port", "0", "--json", "--ftp-port", str(number))
    six.process.wait_text("FTP gateway on [::1]")
    wanted = bytes_of(six.shared("f"))
    ftp = ftplib.FTP(timeout=20)
    ftp.connect("::1", number)
    ftp.login()
    for passive in (True, False):
        ftp.set_pasv(passive)
        assert fetch(ftp, "f") == wanted
    with refused(425):
        ftp.sendcmd("PASV")
    with refused(522):
        ftp.sendcmd("PORT 127,0,0,1,200,10")


def test_f5_reading_through_and_restarts(swarm):
    """Restarts of a file that only another host has; what came is kept."""
    other = swarm.host(2, shared={"f": 5 * MIB + 17})
    host = gateway_host(swarm, 1, hosts=[2])
    wanted = bytes_of(other.shared("f"))
    ftp = connect(host, ())
    wait_listed(ftp, "f")
    for rest in (4 * MIB + 1, 0, 5 * MIB + 16, 5 * MIB + 17):
        assert fetch(ftp, "f", rest) == wanted[rest:]
    with refused(554):
        fetch(ftp, "f", 5 * MIB + 18)
    other.kill()
    until(lambda: ftp.sendcmd("NETS") == "201 Network size is 1.", "the loss is counted")
    assert fetch(ftp, "f") == wanted


def test_f6_nets_counts_the_hosts(swarm):
    others = [swarm.host(number) for number in (2, 3)]
    host = gateway_host(swarm, 1, hosts=[2, 3])
    ftp = connect(host, ())
    until(lambda: ftp.sendcmd("NETS") == "201 Network size is 3.", "all are connected")
    others[0].kill()
    until(lambda: ftp.sendcmd("NETS") == "201 Network size is 2.", "one is gone")


def test_f7_writing_needs_a_login(swarm):
    host = gateway_host(swarm, 1, shared={"f": b"f\n"})
    for user in ((), ANN):
        ftp = connect(host, user)
        for line in ("DELE f", "MKD d", "RMD d", "RNFR f", "STOR x", "APPE f", "STOU",
                     "MFMT 20200101000000 f"):
            with refused(550):
                ftp.sendcmd(line)
        assert fetch(ftp, "f") == b"f\n"
    with refused(530):
        connect(host, ("joe", "wrong"))
    with refused(530):
        connect(host, ("nobody", "x"))
    store(connect(host), "g", b"g\n")
    assert bytes_of(host.shared("g")) == b"g\n"
    private = gateway_host(swarm, 2, "--ftp-anonymous", "off")
    with refused(530):
        connect(private, ())
    connect(private, ANN)


@marks(timeout=120)
def test_f8_descriptors_come_back_to_the_baseline(swarm):
    host = gateway_host(swarm, 1, shared={"f": 10 * KIB})
    wanted = bytes_of(host.shared("f"))

    def visit():
        client = connect(host, ())
        assert fetch(client, "f") == wanted
        client.quit()

    for _ in range(20):
        visit()
    before = until(lambda: host.process.descriptors(), "descriptors")
    for number in range(1000):
        visit()
    until(lambda: host.process.descriptors() <= before, f"{before} descriptors as before")


def test_f9_type_rest_appe_size_mdtm_hash(swarm):
    host = gateway_host(swarm, 1, shared={"unix.txt": b"one\ntwo\r\nthree\n"})
    ftp = connect(host)
    assert ftp.retrlines("RETR unix.txt", lambda line: None).startswith("226")
    raw = Raw(host)
    raw.say("TYPE A", "200")
    with raw.passive() as data:
        raw.say("RETR unix.txt")
        assert read_to_end(data) == b"one\r\ntwo\r\nthree\r\n"
    raw.reply("226")
    with raw.passive() as data:
        raw.say("STOR dos.txt")
        data.sendall(b"a\r\nb\rc\n\r\n")
    raw.reply("226")
    assert bytes_of(host.shared("dos.txt")) == b"a\nb\rc\n\n"
    ftp.voidcmd("TYPE I")
    assert store(ftp, "log", b"0123456789").startswith("226")
    assert store(ftp, "log", b"abc", "APPE").startswith("226")
    assert store(ftp, "log", b"XY", rest=5).startswith("226")
    assert bytes_of(host.shared("log")) == b"01234XY"
    assert ftp.size("log") == 7
    assert ftp.sendcmd("MFMT 20200229120000 log") == "213 Modify=20200229120000; /log"
    assert ftp.sendcmd("MDTM log") == "213 20200229120000"
    assert int(os.stat(host.shared("log")).st_mtime) == 1582977600
    digest = hashlib.sha256(b"01234XY").hexdigest()
    assert ftp.sendcmd("HASH log") == f"213 SHA-256 0-7 {digest} log"
    ftp.sendcmd("OPTS HASH BEP52")
    root = host.run("hash", "shared/log")
    root.wait()
    assert ftp.sendcmd("HASH log").split()[3] == root.out.text().split()[0]


def test_f9_names_and_folders(swarm):
    host = gateway_host(swarm, 1)
    ftp = connect(host)
    name = 'söme "quoted" näme 漢字'
    assert ftp.mkd(name) == "/" + name
    ftp.cwd(name)
    assert ftp.pwd() == "/" + name
    store(ftp, " leading and trailing ", b"x")
    assert ftp.nlst() == [" leading and trailing "]
    with refused(550):
        ftp.rmd("/" + name)  # not empty
    with refused(550):
        ftp.delete("/" + name)
    with refused(550):
        ftp.mkd("/" + name)
    ftp.rename(" leading and trailing ", "../moved")
    ftp.cwd("..")
    ftp.rmd(name)
    assert ftp.nlst() == ["moved"]
    ftp.mkd("dir")
    ftp.rename("moved", "dir/moved")
    ftp.rename("dir", "other")
    assert fetch(ftp, "other/moved") == b"x"
    assert bytes_of(host.shared("other/moved")) == b"x"
    assert (host.folder / "shared").joinpath("other/moved").exists()
    with refused("550|553"):
        store(ftp, "nowhere/x", b"")
    with refused(553):
        store(ftp, ".hidden", b"")
    with refused("550|553"):
        store(ftp, "x" * 256, b"")
    with refused("550|553"):
        store(ftp, "other", b"")
    assert not list((host.folder / "shared").glob(".*")), "nothing hidden is left"
    ftp.delete("other/moved")
    ftp.rmd("other")
    assert ftp.nlst() == []


def test_an_aborted_upload_changes_nothing(swarm):
    """By ABOR, by a reset, by the end of the control connection: the old file stays, no part is left."""
    host = gateway_host(swarm, 1, shared={"old": b"old\n"})
    shared = host.folder / "shared"

    def check():
        until(lambda: [path.name for path in shared.rglob("*")] == ["old"], "only the old file is there")
        assert bytes_of(shared / "old") == b"old\n"

    for command in ("STOR old", "STOR new", "APPE old", "STOU"):
        raw = Raw(host)
        data = raw.passive()
        raw.say(command)
        data.sendall(b"x" * 200_000)
        raw.say("ABOR", "426")
        raw.reply("226")
        data.close()
        check()
        data = raw.passive()
        raw.say(command)
        data.sendall(b"x" * 200_000)
        data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        data.close()
        raw.reply("426")
        check()
        data = raw.passive()
        raw.say(command)
        data.sendall(b"x" * 200_000)
        raw.close()  # as a kill of the client does: the control connection goes first
        data.close()
        check()


def test_pitfall22_an_upload_to_a_full_disk(swarm):
    """Refused with the reason; the old file stays, nothing hidden takes room; a smaller one fits then."""
    host = gateway_host(swarm, 1, start=False)
    with small_disk(host.folder / "shared", "8m") as shared:
        (shared / "old").write_bytes(b"old\n")
        host.serve()
        host.process.wait_text("FTP gateway on")
        raw = Raw(host)
        for command in ("STOR old", "STOR new", "APPE old"):
            data = raw.passive()
            raw.say(command)
            with contextlib.suppress(OSError), data:
                data.sendall(b"x" * 12 * MIB)
            assert "No space left" in raw.reply("452")
            until(lambda: [path.name for path in shared.rglob("*")] == ["old"], "only the old file is there")
            assert bytes_of(shared / "old") == b"old\n"
        data = raw.passive()
        raw.say("STOR new")
        with data:
            data.sendall(b"y" * 4 * MIB)
        raw.reply("226")
        assert (shared / "new").stat().st_size == 4 * MIB
        host.process.stop()


def test_abor_around_transfers_also_out_of_band(swarm):
    host = gateway_host(swarm, 1, shared={"f": 32 * MIB})
    raw = Raw(host)
    raw.say("ABOR", "225")
    data = raw.passive()
    raw.say("ABOR", "225")
    with contextlib.suppress(ConnectionResetError):  # when it was not accepted yet
        assert data.recv(1) == b""
    for synch in (False, True):
        data = raw.passive()
        raw.say("RETR f")
        data.recv(1000)
        if synch:
            raw.send(b"\xff\xf4")
            raw.sock.sendall(b"\xff", socket.MSG_OOB)
            raw.send(b"\xf2")
        raw.send("ABOR\r\n")
        raw.reply("426")
        raw.reply("226")
        data.close()
    data = raw.passive()
    raw.say("RETR f")
    data.recv(1000)
    data.close()  # the client has enough
    raw.reply("426")
    raw.say("NOOP", "200")
    data = raw.passive()
    raw.say("RETR f")
    assert raw.say("NOOP")[:3] == "200"
    assert raw.say("STAT")[:3] == "211"
    raw.send("SIZE f\r\n")  # waits
    assert len(read_to_end(data)) == 32 * MIB
    raw.reply("226")
    raw.reply("213")


def test_quit_and_rein_during_a_transfer(swarm):
    host = gateway_host(swarm, 1, shared={"f": 16 * MIB})
    raw = Raw(host)
    data = raw.passive()
    raw.say("STOR new")
    data.sendall(b"first")
    raw.say("QUIT", "221")
    data.sendall(b" second")
    data.close()
    raw.reply("226")
    assert raw.reply() is None
    assert bytes_of(host.shared("new")) == b"first second"
    raw = Raw(host)
    data = raw.passive()
    raw.say("RETR f")
    raw.say("REIN", "220")
    raw.say("SIZE f", "530")
    assert len(read_to_end(data)) == 16 * MIB
    raw.reply("226")
    raw.say("PWD", "530")


def test_stou_makes_names_of_its_own(swarm):
    host = gateway_host(swarm, 1)
    ftp = connect(host)
    names = set()
    for _ in range(5):
        with ftp.transfercmd("STOU log") as data:
            data.sendall(b"entry")
        ftp.voidresp()
    raw = Raw(host)
    said = raw.say("STOU")
    assert said.startswith("150 FILE: "), said
    with raw.passive() as data:
        data.sendall(b"late")
    raw.reply("226")
    names = set(ftp.nlst())
    assert len(names) == 6 and said.split("FILE: ")[1].strip() in names


def test_pipelined_commands_are_answered_in_order(swarm):
    host = gateway_host(swarm, 1, shared={"d/f": 10})
    raw = Raw(host, None)
    raw.send("USER joe\r\nPASS swordfish\r\nTYPE I\r\nCWD d\r\nSIZE f\r\nPWD\r\nMKD x\r\nRMD x\r\nNOOP\r\nQUIT\r\n")
    for code in "331 230 200 250 213 257 257 250 200 221".split():
        raw.reply(code)
    assert raw.reply() is None


def test_a_file_changed_while_it_is_sent_is_an_error(swarm):
    host = gateway_host(swarm, 1, shared={"f": 48 * MIB})
    raw = Raw(host)
    data = raw.passive()
    raw.say("RETR f")
    data.recv(100)
    os.truncate(host.shared("f"), 1000)
    read_to_end(data)
    assert raw.reply()[:3] in ("426", "450", "451"), "the end is not called complete"


def test_a_part_changed_while_it_is_read_is_an_error(swarm):
    """Another program writes where the gateway has verified what came, and not sent it yet."""
    server = swarm.host(2, shared={"f": 48 * MIB}, options=["--max-upload", "16MiB"])
    host = gateway_host(swarm, 1, hosts=[2])
    host.wait_connected(server)
    raw = Raw(host)
    data = raw.passive()
    raw.say("RETR f", "125")
    data.recv(100)
    part, place = host.folder / "downloads" / "f.part", 30 * MIB

    def has_come():
        with open(part, "rb") as file:
            file.seek(place)
            return any(file.read(1000))

    until(lambda: part.exists() and has_come(), "the place is there", limit=20)
    with open(part, "r+b") as file:
        file.seek(place)
        file.write(b"something")
    got = read_to_end(data)
    said = raw.reply()
    assert said[:3] in ("426", "450", "451") and b"something" not in got[place - MIB:place + MIB], said
