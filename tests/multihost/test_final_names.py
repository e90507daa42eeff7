"""A final name is what it says: whatever others do to a download, and whatever the disk does."""
import os
import shutil
import signal
import subprocess
import time

from ftphost import connect, gateway_host
from harness import KIB, MIB, ROOT, Skip, check_equal, content, marks, until

SLOWLY = ["--max-download", "6MiB"]


def faults(swarm, **what):
    """The environment in which a program has the faults of tests/support/faults.c."""
    if "asan" in os.environ.get("SHOAL", "") or "tsan" in os.environ.get("SHOAL", ""):
        raise Skip("a sanitizer wants to be loaded first")
    library = swarm.folder / "faults.so"
    if not library.exists():
        source = ROOT / "tests" / "support" / "faults.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return {"LD_PRELOAD": str(library), **{f"FAULT_{key}": str(value) for key, value in what.items()}}


def begun(host, name, at_least=3 * MIB, options=SLOWLY):
    process = host.start_get(name, options=options)
    process.wait_event("fetch_progress", lambda one: one["done"] > at_least)
    return process


def nothing_else(host, *names):
    """downloads/ holds these and nothing that a download left behind."""
    assert sorted(os.listdir(host.folder / "downloads")) == sorted(names)


def test_a_kept_chunk_is_proven_again(swarm):
    server = swarm.host(2, shared={"big": 12 * MIB})
    host = swarm.host(1, hosts=[2], start=False)
    part = host.download("big.part")
    for damage in ("overwritten", "zeroed"):
        process = begun(host, "big")
        process.signal(signal.SIGINT)
        assert process.wait() == 130, process.tail()
        if damage == "overwritten":
            with open(part, "r+b") as file:
                at = os.lseek(file.fileno(), 0, os.SEEK_DATA)
                file.seek(at + 8 * KIB)
                file.write(b"?" * 4096)
        else:
            os.truncate(part, 0)
            os.truncate(part, 12 * MIB)
        host.get("big")
        check_equal(host.download("big"), server.shared("big"))
        nothing_else(host, "big")
        host.download("big").unlink()


@marks(timeout=90)
def test_whoever_meddles_with_a_download_is_noticed(swarm):
    """The content is right in the end, the user is told why it was begun anew, and nothing that is
    not ours is touched."""
    server = swarm.host(2, shared={"d/big": 12 * MIB})
    for number, meddle in enumerate(("replace", "truncate", "remove", "write"), 3):
        host = swarm.host(number, hosts=[2], start=False)
        part = host.download("d/big.part")
        process = begun(host, "d/big")
        mine = []
        if meddle == "replace":
            part.rename(host.folder / "away")
            part.write_text("mine\n")
            mine = ["big.part"]
        elif meddle == "truncate":
            os.truncate(part, 100)
        elif meddle == "remove":
            shutil.rmtree(host.download("d"))
        else:
            with open(part, "r+b") as file:
                file.seek(os.lseek(file.fileno(), 0, os.SEEK_DATA))
                file.write(b"?" * 4096)
        assert process.wait() == 0, process.tail()
        check_equal_but(host.download("d/big"), server.shared("d/big"))
        assert sorted(os.listdir(host.download("d"))) == sorted(["big", *mine]), meddle
        assert not mine or part.read_text() == "mine\n"
        assert any("anew" in one["text"] for one in process.events("fetch_note")), process.tail()
        assert not process.events("fetch_note", kind="bad-source"), process.tail()


def check_equal_but(got, wanted):
    """As check_equal(), where a .part of the user's may stand beside it."""
    assert got.read_bytes() == wanted.read_bytes()


def test_a_downloads_folder_that_goes_away(swarm):
    swarm.host(2, shared={"big": 12 * MIB})
    host = swarm.host(1, hosts=[2], start=False)
    process = begun(host, "big")
    shutil.rmtree(host.folder / "downloads")
    assert process.wait(10) == 1, process.tail()
    done = process.events("fetch_done")[0]
    assert "downloads" in done["text"] and "removed" in done["text"], done


def test_two_processes_and_a_part_that_was_removed(swarm):
    server = swarm.host(2, shared={"big": 12 * MIB})
    host = swarm.host(1, hosts=[2], start=False)
    first = begun(host, "big")
    for path in (host.folder / "downloads").glob("big.part*"):
        path.unlink()
    second = host.start_get("big", options=SLOWLY)
    codes = [first.wait(), second.wait()]
    assert 0 in codes and set(codes) <= {0, 1, 10}, first.tail() + second.tail()
    check_equal(host.download("big"), server.shared("big"))


def test_a_folder_where_the_file_must_go(swarm):
    swarm.host(2, shared={"big": 12 * MIB, "d/big": 12 * MIB, "small": 10})
    host = swarm.host(1, hosts=[2], start=False)
    host.download("big").mkdir()
    host.download("small").mkdir()
    host.download("d").write_text("a file\n")
    for name in ("big", "d/big", "small"):
        process = host.get(name, code=10)
        done = process.events("fetch_done")[0]
        assert "folder" in done["text"] or "exist" in done["text"].lower(), done
        assert name == "small" or not done["shares"], f"it was fetched first: {done}"
    nothing_else(host, "big", "d", "small")
    host.get("big", options=["--rename"])
    check_equal(host.download("big (1)"), swarm.folder / "host2" / "shared" / "big")


@marks(timeout=90)
def test_names_like_those_of_parts(swarm):
    """`get X X.part`, a shared X.part.journal, and a folder with all of them."""
    sizes = {"x": 3 * MIB, "x.part": 2 * MIB, "x.part.part": 2 * MIB, "x.part.journal": MIB, "s": 9,
             "s.part": 10, "s.part.journal": 11}
    server = swarm.host(2, shared={**sizes, **{f"d/{name}": size for name, size in sizes.items()}})
    host = swarm.host(1, hosts=[2], start=False)
    host.get(*sizes)
    host.get("d/")
    for name in [*sizes, *(f"d/{name}" for name in sizes)]:
        check_equal_but(host.download(name), server.shared(name))
    assert sorted(os.listdir(host.download("d"))) == sorted(sizes)
    host.serve()
    with swarm.client(host) as client:  # and they are offered on
        listed = until(lambda: len(found := client.list_all()) == 14 and found, "all are offered")
        assert {one[0] for one in listed} == {*sizes, *(f"d/{name}" for name in sizes)}


def test_a_users_own_part_is_left_alone(swarm):
    server = swarm.host(2, shared={"big": 3 * MIB, "small": 1000})
    host = swarm.host(1, hosts=[2], start=False)
    mine = []
    for name in ("big", "small"):
        done = swarm.host(3 + len(mine), hosts=[2], start=False).get(name).events("fetch_done")[0]
        mark = done["root"][:8]
        mine += [f"{name}.part", f"{name}.{mark}.part", f"{name}.{mark}-2.part"]
    for name in mine:
        host.download(name).write_text(name)
    host.get("big", "small")
    for name in mine:
        assert host.download(name).read_text() == name
    nothing_else(host, "big", "small", *mine)
    check_equal_but(host.download("big"), server.shared("big"))


def test_a_bad_disk_under_a_served_file(swarm):
    """Said where the disk is and to who asks; its only holder is asked again, until it can."""
    server = swarm.host(2, shared={"big": 6 * MIB}, start=False)
    broken = server.folder / "broken"
    server.serve(environment=faults(swarm, READ="/big", WHEN=broken))
    host = swarm.host(1, hosts=[2], start=False)
    process = begun(host, "big", MIB, ["--max-download", "2MiB"])
    broken.touch()
    server.process.wait_text("look after the disk")
    assert "Input/output error" in server.process.err.text()
    broken.unlink()
    assert process.wait() == 0, process.tail()
    check_equal(host.download("big"), server.shared("big"))
    assert not process.events("fetch_note", kind="bad-source"), process.tail()


def test_a_folder_that_cannot_be_synced(swarm):
    """Exit 1 and no final name, or 0 and one."""
    swarm.host(2, shared={"small": 1000, "big": 2 * MIB})
    host = swarm.host(1, hosts=[2], start=False)
    for name in ("small", "big"):
        process = host.get(name, code=1, environment=faults(swarm, FOLDER_SYNC=1))
        assert "Input/output error" in process.events("fetch_done")[0]["text"], process.tail()
        assert not host.download(name).exists()
    host.get("small", "big")
    nothing_else(host, "small", "big")


@marks(timeout=90)
def test_a_file_system_without_locks(swarm):
    """All goes on, and says so once."""
    server = swarm.host(2, shared={"big": 2 * MIB, "small": 10})
    host = swarm.host(1, hosts=[2], start=False)
    process = host.get("big", "small", environment=faults(swarm, LOCKS=1))
    assert process.err.text().count("cannot be locked") == 1, process.tail()
    check_equal(host.download("big"), server.shared("big"))
    nothing_else(host, "big", "small")
    gateway = gateway_host(swarm, 3, start=False)
    gateway.serve(environment=faults(swarm, LOCKS=1))
    gateway.process.wait_text("FTP gateway on")
    ftp = connect(gateway)
    with ftp.transfercmd("STOR whole") as data:
        data.sendall(b"whole")
    assert ftp.voidresp().startswith("226")
    data = ftp.transfercmd("STOR torn")
    data.sendall(b"half of it")
    ftp.close()
    data.close()
    until(lambda: os.listdir(gateway.folder / "shared") == ["whole"], "no draft is left behind")


def test_a_slow_disk_holds_up_no_signal(swarm):
    """A part of an earlier run is checked in slices."""
    swarm.host(2, shared={"big": 24 * MIB})
    host = swarm.host(1, hosts=[2], start=False)
    process = begun(host, "big", 12 * MIB, ["--max-download", "24MiB"])
    process.signal(signal.SIGINT)
    assert process.wait() == 130
    again = host.start_get("big", environment=faults(swarm, SLOW="/big.part"))
    again.wait_event("fetch_note", lambda one: "is being checked" in one["text"])
    began = time.monotonic()
    again.signal(signal.SIGINT)
    assert again.wait(10) == 130, again.tail()
    assert time.monotonic() - began < 5
    assert host.download("big.part").exists()


def test_a_pipe_in_the_place_of_a_state_file(swarm):
    host = swarm.host(1, shared={"f": 10}, start=False)
    state = host.folder / ".shoal"
    state.mkdir()
    for name in ("gateway-cache", "gateway-cache.new", "gateway-claims", "index", "index.new", "history"):
        os.mkfifo(state / name)
    os.mkfifo(host.download("big.part.journal"))
    host.serve()
    with swarm.client(host) as client:
        assert client.fetch("f") == b"".join(content("f", 10))
    assert host.process.stop() == 0, host.process.tail()


def test_a_served_file_is_let_go_of(swarm):
    server = swarm.host(2, shared={"f": 3 * MIB})
    host = swarm.host(1, hosts=[2], start=False)
    host.get("f")

    def is_open():
        folder = f"/proc/{server.process.pid}/fd"
        for number in os.listdir(folder):
            try:
                if os.readlink(f"{folder}/{number}").startswith(str(server.shared("f"))):
                    return True
            except OSError:
                pass
        return False

    until(lambda: not is_open(), "the file is closed", limit=15, every=0.2)


def test_two_orders_at_once_for_the_same_are_both_done(swarm):
    seed = swarm.host(2, shared={f"m/{n}": 3000 for n in range(100)} | {"small": 5000})
    host = swarm.host(1, hosts=[2], start=False)
    for name in ("m/", "small"):
        for process in [host.start_get(name) for _ in range(2)]:
            assert process.wait() == 0, process.tail()
    check_equal(host.download("small"), seed.shared("small"))
    for n in range(100):
        check_equal(host.download(f"m/{n}"), seed.shared(f"m/{n}"))


def test_what_came_meanwhile_is_compared(swarm):
    """The user puts a file there while it is fetched: the same one will do, another one stays."""
    size = 2 * MIB
    seed = swarm.host(2, shared={"same": size, "other": size}, options=["--max-upload", "2MiB"])
    hosts = [swarm.host(number, hosts=[2], start=False) for number in (10, 11)]
    for host, name, code in zip(hosts, ("same", "other"), (0, 10)):
        process = host.start_get(name)
        until(host.download(f"{name}.part").exists, "it has begun")
        data = seed.shared("same").read_bytes()
        host.download(name).write_bytes(data)
        assert process.wait() == code, process.tail()
        assert host.download(name).read_bytes() == data
        assert host.download(f"{name}.part").exists() == (code != 0), process.tail()
