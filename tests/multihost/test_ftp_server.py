"""The FTP gateway as a service: limits, ports, users, delays, its end."""
import contextlib
import os
import re
import select
import socket
import time

from ftphost import FTP_PORT, Raw, connect, fetch, gateway_host, read_to_end, refused, store, wait_listed
from harness import KIB, MIB, marks, small_disk, until


def test_limits_of_clients(swarm):
    host = gateway_host(swarm, 1, "--ftp-threads", 2, "--ftp-clients-per-thread", 3)
    clients = [Raw(host) for _ in range(6)]
    with socket.create_connection((host.address, FTP_PORT), timeout=20) as sock:
        assert read_to_end(sock).startswith(b"421 ")
    clients[0].close()

    def fits():
        with socket.create_connection((host.address, FTP_PORT), timeout=20) as probe:
            return probe.recv(100).startswith(b"220 ")
    until(fits, "a place is free again")
    few = gateway_host(swarm, 2, "--ftp-clients-per-address", 2)
    clients = [Raw(few) for _ in range(2)]
    with socket.create_connection((few.address, FTP_PORT), timeout=20) as sock:
        assert read_to_end(sock).startswith(b"421 ")


def test_passive_ports_and_advertise(swarm):
    probe = socket.create_server((f"{swarm.net}.1", 0))
    low = probe.getsockname()[1]
    probe.close()
    low = min(low, 65000)
    host = gateway_host(swarm, 1, "--ftp-passive-ports", f"{low}-{low + 9}", "--ftp-advertise", "203.0.113.5")
    raws = [Raw(host) for _ in range(3)]
    for raw in raws:
        numbers = [int(one) for one in re.findall(r"\d+", raw.say("PASV", "227"))[1:]]
        assert numbers[:4] == [203, 0, 113, 5]
        assert low <= numbers[4] * 256 + numbers[5] <= low + 9
        assert low <= int(raw.say("EPSV", "229").split("|")[3]) <= low + 9


def test_ftp_user_and_the_users_file(swarm):
    host = gateway_host(swarm, 1)
    made = host.run("ftp-user", "eve", "--rights", "rw")
    made.send("pass word\n")
    made.close_input()
    assert made.wait() == 0
    with open(host.folder / "users", "a") as file:
        file.write(made.out.text())
    ftp = connect(host, ("eve", "pass word"))  # the file was read again
    store(ftp, "f", b"f")
    for arguments, typed, code in ((["e:ve"], "x\n", 2), (["eve"], "\n", 2), ([], "", 2),
                                   (["eve", "--rights", "w"], "x\n", 2)):
        wrong = host.run("ftp-user", *arguments)
        with contextlib.suppress(BrokenPipeError):  # it may have refused before it read
            wrong.send(typed)
        wrong.close_input()
        assert wrong.wait() == code, wrong.tail()
    broken = gateway_host(swarm, 2, start=False)
    (broken.folder / "users").write_text("joe:swordfish\n")
    process = broken.run("serve", "--bind", broken.address, *broken.options)
    assert process.wait() == 1
    assert "users:1: " in process.err.text()
    (broken.folder / "users").unlink()
    os.mkfifo(broken.folder / "users")
    process = broken.run("serve", "--bind", broken.address, *broken.options)
    assert process.wait() == 1 and "not a regular file" in process.err.text()


@marks(alone=True, bare=True)
def test_wrong_passwords_wait_longer_each_time(swarm):
    host = gateway_host(swarm, 1)
    start = time.monotonic()
    for _ in range(4):
        with refused(530):
            connect(host, ("joe", "wrong"))
    assert time.monotonic() - start > 3.5
    raw = Raw(host, None)
    for last in (False, False, True):
        raw.say("USER joe", "331")
        raw.say("PASS wrong", "530") if not last else raw.say("QUIT", "221")
    connect(host, ())  # anonymous readers do not wait


def test_the_gateway_ends_with_the_peer(swarm):
    host = gateway_host(swarm, 1, shared={"f": 64 * MIB})
    idle = Raw(host)
    busy = Raw(host)
    data = busy.passive()
    busy.say("RETR f")
    data.recv(1000)
    host.process.signal(15)
    idle.reply("421")
    read_to_end(data)
    busy.reply("226")
    assert host.process.wait() == 0


def test_appending_a_byte_copies_no_holes(swarm):
    """The new content shares the old one's blocks where the file system can, and has its holes."""
    host = gateway_host(swarm, 1, shared={"big": ("sparse", 256 << 20)})
    ftp = connect(host)
    store(ftp, "big", b"x", "APPE")
    path = host.shared("big")
    status = path.stat()
    assert status.st_size == (256 << 20) + 1 and status.st_blocks * 512 < 8 << 20, status
    with open(path, "rb") as file:
        file.seek(256 << 20)
        assert file.read() == b"x"
    store(ftp, "big", b"yz", "STOR", rest=1000)
    assert path.stat().st_size == 1002 and path.read_bytes()[-2:] == b"yz"


def test_streams_under_way_have_a_bound_on_the_disk(swarm):
    """Files larger than the cache: two of 100 MiB at once, the third begins when one has gone."""
    swarm.host(2, shared={name: ("sparse", (100 << 20) + ord(name)) for name in "abc"})
    gateway = gateway_host(swarm, 1, "--cache-size", "1MiB", hosts=[2])
    wait_listed(connect(gateway), "c")
    clients = {name: Raw(gateway) for name in "abc"}
    data = {}
    for name in "abc":
        data[name] = clients[name].passive()
        clients[name].send(f"RETR {name}\r\n")
        if name != "c":
            clients[name].reply()
    assert data["a"].recv(1) and data["b"].recv(1)
    time.sleep(0.5)
    held = sum(path.stat().st_blocks * 512 for path in (gateway.folder / "downloads").iterdir())
    assert held <= 201 << 20, held
    assert not select.select([clients["c"].sock], [], [], 0)[0], "there is no room for the third"
    data["a"].close()
    clients["a"].reply("426")
    clients["c"].reply()
    assert data["c"].recv(1)


def test_the_cache_gives_way_on_a_small_disk(swarm):
    """To what comes through the gateway, and to a user's order in another process."""
    size = 1500 * KIB
    swarm.host(2, shared={f"c{n}": size for n in range(6)})
    gateway = gateway_host(swarm, 1, hosts=[2], start=False)
    with small_disk(gateway.folder / "downloads", "4m"):
        gateway.serve()
        gateway.process.wait_text("FTP gateway on")  # its port opens after the peer's
        ftp = connect(gateway)
        for n in range(5):
            assert len(fetch(ftp, f"c{n}")) == size
        until(gateway.download("c4").exists, "the last one is in the cache")
        ftp.close()
        gateway.process.stop()
        user = gateway.run("get", "c5", "--bind", gateway.address, "--json", "--timeout", "5")
        assert user.wait() == 0, user.tail()
        assert gateway.download("c5").stat().st_size == size
        assert not gateway.download("c3").exists()


def test_what_a_user_got_is_never_evicted(swarm):
    """The user's order is another process than the gateway, in the same folder."""
    size = 600 * KIB
    swarm.host(2, shared={f"c{n}": size for n in range(5)})
    gateway = gateway_host(swarm, 1, "--cache-size", "1MiB", hosts=[2])
    ftp = connect(gateway)
    assert len(fetch(ftp, "c0")) == size
    until(gateway.download("c0").exists, "the cache has it")
    user = gateway.run("get", "c0", "--bind", gateway.address, "--json")
    assert user.wait() == 0 and user.events("fetch_done")[0]["already_here"], user.tail()
    for n in range(1, 5):
        assert len(fetch(ftp, f"c{n}")) == size
    until(lambda: not gateway.download("c1").exists(), "another one was evicted")
    assert gateway.download("c0").stat().st_size == size
    ftp.close()


def test_files_broken_off_hold_no_descriptors(swarm):
    swarm.host(2, shared={f"f{number}": ("sparse", (1 << 20) + number) for number in range(60)})
    gateway = gateway_host(swarm, 1, hosts=[2])
    ftp = connect(gateway)
    wait_listed(ftp, "f59")

    before = gateway.process.descriptors()
    for number in range(60):
        raw = Raw(gateway)
        with raw.passive() as data:
            raw.send(f"RETR f{number}\r\n")
            raw.reply()
            data.recv(1)
        raw.close()
    until(lambda: gateway.process.descriptors() <= before + 2, "descriptors come back")
