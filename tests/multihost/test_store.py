"""The disk: P14 is in test_wire; here P29, P32, P33, P34, the index, and PITFALLS 2, 3, 22, 23, 24, 25."""
import ctypes
import os
import signal
import socket
import threading
import time

import shoalwire
from harness import KIB, MIB, check_equal, content, make_file, marks, small_disk, until


@marks(timeout=90)
def test_p29_a_file_changed_while_served(swarm):
    """Overwritten, cut short and deleted under the server: never a wrong byte, nobody is a liar."""
    for change in ("overwrite", "truncate", "delete", "replace"):
        name = f"f-{change}"
        number = 2 + len(swarm.processes)
        server = swarm.host(number, shared={name: 12 * MIB}, options=["--max-upload", "4MiB"])
        host = swarm.host(number + 1, hosts=[number], start=False)
        process = host.start_get(name, options=["--timeout", "2"])
        process.wait_event("fetch_progress", lambda one: one["done"] > 3 * MIB)
        path = server.shared(name)
        if change == "overwrite":
            with open(path, "r+b") as file:
                file.write(b"?" * (12 * MIB))
        elif change == "truncate":
            os.truncate(path, MIB)
        elif change == "delete":
            path.unlink()
        else:
            make_file(path.with_name("other"), 12 * MIB)
            os.replace(path.with_name("other"), path)
        code = process.wait(30)
        original = b"".join(content(name, 12 * MIB))
        got = host.download(name)
        assert code != 0 or got.read_bytes() == original, change
        assert code in (0, 5), f"{change}: exit code {code}: stale is not a lie\n{process.tail()}"
        assert code == 0 or not got.exists(), change
        assert not process.events("fetch_note", kind="bad-source"), process.tail()


def test_p29_another_holder_goes_on(swarm):
    servers = [swarm.host(n, shared={"f": 16 * MIB}, options=["--max-upload", "3MiB"]) for n in (2, 3)]
    host = swarm.host(1, hosts=[2, 3], start=False)
    process = host.start_get("f", options=["--wait-hosts", "2"])
    process.wait_event("fetch_progress", lambda one: one["done"] > 2 * MIB)
    with open(servers[0].shared("f"), "r+b") as file:
        file.write(b"?" * (16 * MIB))
    assert process.wait(30) == 0, process.tail()
    check_equal(host.download("f"), servers[1].shared("f"))


def test_p32_a_file_dropped_into_shared_is_offered(swarm):
    server = swarm.host(2)
    with swarm.client(server) as client:
        assert client.query("new/late").status_name == "not_found"
        data = b"".join(content("late", 3 * MIB))
        server.shared("new").mkdir()
        asked = []
        with open(server.shared("new/late"), "wb") as file:
            for at in range(0, len(data), MIB):  # slowly, with pauses, as a copy over a network
                file.write(data[at:at + MIB])
                file.flush()
                asked.append(client.send(shoalwire.QUERY, path="new/late"))
                time.sleep(0.3)
        until(lambda: client.query("new/late").fileSize == len(data), "offered whole", 2)
        for one in asked:  # at once or later: never half of it
            answer = client.final_answer_to(one)
            assert answer.type != shoalwire.FILE or answer.fileSize == len(data), answer
        assert client.fetch("new/late") == data
        until(lambda: [one[0] for one in client.list_all()] == ["new/late"], "listed", 2)
        server.shared("new/late").unlink()
        until(lambda: client.query("new/late").status_name == "not_found", "gone again", 2)


@marks(timeout=90)
def test_p33_space_is_checked_and_a_full_disk_parks(swarm):
    """downloads/ on a file system of 24 MiB of its own."""
    server = swarm.host(2, shared={"huge": 32 * MIB, "f": 12 * MIB}, options=["--max-upload", "6MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    with small_disk(host.folder / "downloads", "24m") as small:
        process = host.get("huge", code=9)
        assert "room" in process.events("fetch_done")[0]["text"], process.tail()
        prompt = host.prompt(options=["--json"])
        prompt.send("f\n")
        prompt.wait_event("fetch_progress", lambda one: one["done"] > 2 * MIB)
        filler = small / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(64 * KIB))
            except OSError:
                pass
        prompt.wait_event("fetch_note", kind="parked", limit=10)
        assert not host.download("f").exists()
        filler.unlink()
        assert prompt.wait_event("fetch_done", limit=30)["outcome"] == "done"
        check_equal(host.download("f"), server.shared("f"))
        prompt.kill()


def test_p34_a_name_that_is_taken(swarm):
    swarm.host(2, shared={"f.txt": b"theirs" * 1000})
    host = swarm.host(1, hosts=[2], start=False)
    host.get("f.txt")
    stamp = host.download("f.txt").stat()
    again = host.get("f.txt").events("fetch_done")[0]
    assert again["already_here"] and not again["shares"], again
    assert host.download("f.txt").stat().st_mtime_ns == stamp.st_mtime_ns
    host.download("f.txt").write_bytes(b"mine")
    host.get("f.txt", code=10)
    assert host.download("f.txt").read_bytes() == b"mine"
    host.get("f.txt", options=["--rename"])
    assert host.download("f (1).txt").read_bytes() == b"theirs" * 1000
    prompt = host.prompt()
    prompt.send("f.txt\nquit\n")
    assert prompt.wait() == 0
    assert host.download("f.txt").read_bytes() == b"mine", "the prompt never overwrites"


def test_the_index_is_kept_and_a_change_is_seen(swarm):
    """A restart hashes nothing twice; what changed meanwhile is hashed again."""
    server = swarm.host(2, shared={"f": 32 * MIB, "g": 1000})
    with swarm.client(server) as client:
        first = client.query("f")
        until(lambda: len(client.list_all()) == 2, "hashed")
    assert server.process.stop() == 0
    server.shared("g").write_bytes(b"changed")
    server.serve()
    with swarm.client(server) as client:
        assert client.query("f").digest == first.digest
        assert client.fetch("g") == b"changed"
    index = [path for path in (server.folder / ".shoal").iterdir() if path.is_file()]
    assert index
    server.process.stop()
    for path in index:  # a broken index costs time, no more
        path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    server.serve()
    with swarm.client(server) as client:
        assert client.query("f").digest == first.digest


def test_pitfall2_links_do_not_lead_out(swarm):
    server = swarm.host(2, shared={"real": 100}, start=False)
    secret = server.folder / "secret"
    secret.write_bytes(b"secret")
    (server.folder / "outside").mkdir()
    (server.folder / "outside" / "x").write_bytes(b"secret")
    server.shared("link").symlink_to(secret)
    server.shared("up").symlink_to(server.folder / "outside")
    server.serve()
    with swarm.client(server) as client:
        until(lambda: [one[0] for one in client.list_all()] == ["real"], "only what is real")
        for name in ("link", "up/x", "../secret"):
            assert client.query(name).type != 3, name


@marks(timeout=60)
def test_pitfall2_a_folder_swapped_for_a_link(swarm):
    """A thread swaps a folder for a link out of the share, as fast as it can: no escape, in either
    direction (reading from shared/, writing to downloads/)."""
    library = ctypes.CDLL(None, use_errno=True)

    def exchange(one, other):
        library.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2)

    server = swarm.host(2, shared={"d/x": b"good" * 100, "e/y": b"good" * 50_000})
    outside = server.folder / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"evil" * 100)
    server.shared("swap").symlink_to(outside)
    host = swarm.host(1, hosts=[2], start=False)
    trap = host.folder / "trap"
    trap.mkdir()
    (host.folder / "downloads" / "e").mkdir()
    (host.folder / "downloads" / "swap").symlink_to(trap)
    stop = threading.Event()

    def swapping():
        while not stop.is_set():
            exchange(server.shared("d"), server.shared("swap"))
            exchange(host.download("e"), host.download("swap"))

    swapper = threading.Thread(target=swapping)
    swapper.start()
    try:
        end = time.monotonic() + 10
        with swarm.client(server) as client:
            while time.monotonic() < end:
                answer = client.query("d/x")
                if answer.type == 3:
                    data = client.answer_to(client.request(answer.fileSize, answer.digest, 0, 1))
                    assert b"evil" not in data.payload
                process = host.start_get("e/y", options=["--timeout", "1"])
                process.wait(20)
                assert not list(trap.iterdir()), "it wrote outside of downloads/"
                for path in (host.folder / "downloads").glob("*/y"):
                    path.unlink(missing_ok=True)
    finally:
        stop.set()
        swapper.join()


def test_pitfall3_no_pipe_device_or_socket_is_served(swarm):
    server = swarm.host(2, shared={"real": 100}, start=False)
    os.mkfifo(server.shared("fifo"))
    with socket.socket(socket.AF_UNIX) as unix:
        folder = os.open(server.folder / "shared", os.O_RDONLY)
        unix.bind(f"/proc/self/fd/{folder}/socket")
        os.close(folder)
        if os.geteuid() == 0:
            os.mknod(server.shared("zero"), 0o20666, os.makedev(1, 5))
        server.serve()
        with swarm.client(server) as client:
            for name in ("fifo", "socket", "zero", "real"):
                assert (client.query(name).type == 3) == (name == "real"), name
            until(lambda: [one[0] for one in client.list_all()] == ["real"], "only the file")


def test_pitfall23_killed_while_fetching_resumes(swarm):
    """Data before journal: what the journal says is there needs no second look, the rest little."""
    server = swarm.host(2, shared={"f": 24 * MIB}, options=["--max-upload", "8MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    process = host.start_get("f")
    process.wait_event("fetch_progress", lambda one: one["done"] > 12 * MIB)
    process.kill()
    assert not host.download("f").exists()
    again = host.get("f")
    started = again.events("fetch_started")[0]
    assert started["kept"] >= 4 * MIB, started
    assert started["rechecked"] <= 16 * MIB, started
    check_equal(host.download("f"), server.shared("f"))


def test_pitfall24_names_that_look_alike_stay_apart(swarm):
    names = ["Readme", "README", "caf\u00e9", "cafe\u0301", "n" * 255, "d/" + "m" * 255]
    server = swarm.host(2, shared={name: name.encode() * 3 for name in names})
    host = swarm.host(1, hosts=[2], start=False)
    host.get(*names)
    for name in names:
        assert host.download(name).read_bytes() == name.encode() * 3, name
    with swarm.client(server) as client:
        assert sorted(one[0] for one in client.list_all()) == sorted(names)


@marks(alone=True, bare=True, timeout=90)
def test_pitfall25_two_thousand_small_files(swarm):
    files = {f"many/{n // 100}/{n}": 4 * KIB for n in range(2000)}
    server = swarm.host(2, shared=files)
    with swarm.client(server) as client:
        until(lambda: len(client.list_all()) == 2000, "hashed", 20)
    host = swarm.host(1, hosts=[2], start=False)
    start = time.monotonic()
    done = host.get("many/").events("fetch_done")[-1]
    took = time.monotonic() - start
    assert done["outcome"] == "done" and done["files"] == 2000, done
    assert took < 2, f"{took:.2f} s: that is a round trip each"
    for name in list(files)[::37]:
        check_equal(host.download(name), server.shared(name))


@marks(bare=True, timeout=120, long=True)
def test_pitfall25_a_listing_of_100000_files_keeps_memory_flat(swarm):
    server = swarm.host(2, start=False)
    for n in range(100_000):
        path = server.shared(f"{n // 1000}/{n}")
        if n % 1000 == 0:
            path.parent.mkdir()
        path.write_bytes(b"%d" % n)
    server.serve()
    with swarm.client(server) as client:
        until(lambda: len(client.list_all()) == 100_000, "hashed", 60, every=1)
        before = server.process.memory_peak()
        for _ in range(3):
            client.list_all()
        assert server.process.memory_peak() - before < 8 * MIB


def test_one_process_at_a_time_writes_a_partial_file(swarm):
    swarm.host(2, shared={"f": 12 * MIB}, options=["--max-upload", "4MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    first = host.start_get("f")
    first.wait_event("fetch_progress", lambda one: one["done"] > MIB)
    second = host.start_get("f", options=["--timeout", "2"])
    assert second.wait(10) != 0, second.tail()
    assert first.wait() == 0
    check_equal(host.download("f"), swarm.folder / "host2" / "shared" / "f")


def test_parts_are_not_listed_nor_served_as_files(swarm):
    swarm.host(2, shared={"f": 12 * MIB}, options=["--max-upload", "2MiB"])
    host = swarm.host(1, hosts=[2])
    host.process.wait_event("notice", kind="host-connected")
    host.process.stop()
    prompt = host.prompt(options=["--json"])
    prompt.send("f\n")
    prompt.wait_event("fetch_progress", lambda one: one["done"] > MIB)
    with swarm.client(host) as client:
        assert client.query("f.part").type != 3 and client.query("f.part.journal").type != 3
        answer = client.query("f")
        assert answer.type == 3 and 0 < answer.held < 192, answer
        names = [one[0] for one in client.list_all()]
        assert names == ["f"], names
    prompt.signal(signal.SIGTERM)
    prompt.wait(10)
