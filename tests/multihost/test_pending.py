"""Not yet is not no: files that are not hashed yet, hosts that are slow, listings that break off."""
import threading
import time

import shoalwire as wire
from harness import GIB, KIB, MIB, PORT, check_equal, marks, until
from test_search import line, search


def many(count, folder="n"):
    return {f"{folder}/{number:05}": b"file %d" % number for number in range(count)}


def check_all(host, files):
    got = {str(path.relative_to(host.folder / "downloads")): path.read_bytes()
           for path in (host.folder / "downloads").rglob("*") if path.is_file()}
    missing = sorted(set(files) - set(got))
    assert got == files, f"{len(missing)} of {len(files)} are missing, as {missing[:3]}"


def get_folder_at_once(swarm, count, **more):
    """Right after the start of a host that has hashed nothing."""
    files = many(count)
    server = swarm.host(2, shared={**files, **more})
    host = swarm.host(1, hosts=[2], start=False)
    host.get("n/", options=["--timeout", "20"], limit=300)
    check_all(host, files)
    return server


def test_a_folder_is_fetched_before_it_is_hashed(swarm):
    get_folder_at_once(swarm, 2000)


def test_a_huge_file_does_not_hide_small_ones(swarm):
    server = get_folder_at_once(swarm, 100, **{"a": ("sparse", 60 * GIB)})
    lister = swarm.host(3, hosts=[2], start=False)
    listing = lister.run("list", "--bind", lister.address, "--json")
    assert listing.wait() == 0, listing.tail()
    rows = {row["name"]: row for row in listing.events("file_list")[0]["rows"]}
    assert len(rows) == 101
    assert rows["a"]["pending"] and rows["a"]["size"] == 60 * GIB and rows["a"]["root"] == ""
    assert not rows["n/00000"]["pending"] and len(rows["n/00000"]["root"]) == 64
    plain = lister.run("list", "a", "--bind", lister.address)
    assert plain.wait() == 0 and "pending" in plain.out.text(), plain.tail()
    with swarm.client(server) as client:  # who waits for it hears that it goes on
        wanted = client.send(wire.QUERY, path="a")
        told = [client.answer_to(wanted) for _ in range(3)]
        assert {one.status for one in told} == {wire.PENDING}, told
        assert {one.fileSize for one in told} == {60 * GIB}
        hashed = [one.first for one in told]
        assert hashed == sorted(hashed) and hashed[-1] > hashed[0], hashed


@marks(long=True, timeout=400)
def test_twenty_thousand_files_are_fetched_before_they_are_hashed(swarm):
    get_folder_at_once(swarm, 20_000)


def test_what_is_being_written_is_named_and_said(swarm):
    server = swarm.host(2, shared={"d/a": b"aa"})
    host = swarm.host(1, hosts=[2], start=False)
    with open(server.shared("d/slow"), "wb") as writer:
        writer.write(b"half")
        writer.flush()
        listing = host.run("list", "d/", "--bind", host.address, "--json")
        assert listing.wait() == 0, listing.tail()
        rows = {row["name"]: row for row in listing.events("file_list")[0]["rows"]}
        assert rows["d/slow"]["pending"] and rows["d/slow"]["size"] == 4, rows
        for name in ("d/slow", "d/"):
            ended = host.get(name, code=5, options=["--timeout", "1"]).events("fetch_done")[0]
            assert ended["outcome"] == "incomplete"
            assert f"{server.name}: d/slow is being written there" in ended["text"], ended
        assert host.download("d/a").read_bytes() == b"aa"
        process = host.start_get("d/", options=["--timeout", "20"])
        process.wait_event("fetch_started")
        writer.write(b" and half")
    assert process.wait() == 0, process.tail()
    assert host.download("d/slow").read_bytes() == b"half and half"


def test_a_changed_file_stays_listed_while_it_is_hashed_again(swarm):
    server = swarm.host(2, shared={"d/f": 64 * MIB})
    with swarm.client(server) as client:
        before = client.query("d/f")
        assert before.type == wire.FILE
        over = threading.Event()
        seen = []

        def watch():
            with swarm.client(server, number=251) as other:
                while not over.is_set():
                    seen.append(other.list_all("d/"))

        watcher = threading.Thread(target=watch)
        watcher.start()
        with open(server.shared("d/f"), "r+b") as file:
            file.write(b"other")
            file.truncate(65 * MIB)
        until(lambda: client.query("d/f").fileSize == 65 * MIB, "hashed again")
        over.set()
        watcher.join()
    for records in seen:
        assert [record[0] for record in records] == ["d/f"], records
        name, size, root, held, _ = records[0]
        assert root in (before.digest, bytes(32)) or size == 65 * MIB, records
        assert held == 0 or root != bytes(32), records


def test_a_stopped_host_has_not_said_no(swarm):
    stopped = swarm.host(2, shared={"d/theirs": b"x"})
    swarm.host(3, shared={"d/mine": b"y"})
    host = swarm.host(1, hosts=[2, 3], start=False)
    prompt = host.prompt(options=["--json", "--timeout", "1"])
    prompt.wait_event("notice", kind="host-connected", host=stopped.name)
    prompt.wait_event("notice", kind="host-connected", host=f"{swarm.net}.3:8080")
    stopped.process.freeze()
    try:
        prompt.send("get d/nowhere\nlist d\n")
        ended = prompt.wait_event("fetch_done", name="d/nowhere", limit=20)
        listed = prompt.wait_event("file_list", limit=20)
        assert ended["outcome"] == "incomplete" and stopped.name in ended["text"], ended
        assert listed["problem"] == "incomplete", listed
        assert [gap["host"] for gap in listed["gaps"]] == [stopped.name], listed
        assert [row["name"] for row in listed["rows"]] == ["d/mine"]
        prompt.send("get d/\n")
        ended = prompt.wait_event("fetch_done", name="d/", limit=20)
        assert ended["outcome"] == "incomplete" and stopped.name in ended["text"], ended
        assert host.download("d/mine").read_bytes() == b"y"
    finally:
        stopped.process.thaw()


BREAKS = ("cut", "busy", "closing", "io_error", "repeats", "back")


def breaker(how):
    """Lets the first page go, and breaks off whatever comes behind it."""
    def on_list(connection, message):
        cursor = message.path[:message.pathLength]
        if len(cursor) <= message.prefixLength:
            return False
        if how == "cut":
            raise EOFError("as told")
        if how in ("repeats", "back"):
            first = "d/00000" if how == "repeats" else "d/00050"
            file = connection.server.files[first]
            connection.send(wire.LISTING, message.id,
                            wire.pack_record(first, len(file.data), file.root, 1, 0), count=1)
        else:
            connection.answer(message.id, wire.STATUSES.index(how))
        return True
    return on_list


def test_a_listing_that_breaks_off_is_not_all(swarm):
    files = many(150, "d")  # the fake's pages have 100
    runs = []
    for number, how in enumerate(BREAKS):
        swarm.fake(20 + number, files, on_list=breaker(how))
        host = swarm.host(1 + number, hosts=[20 + number], start=False)
        runs.append((how, host, host.start_get("d/", options=["--timeout", "3"])))
    for how, host, process in runs:
        assert process.wait(40) == 5, f"{how}\n{process.tail()}"
        ended = process.events("fetch_done")[0]
        assert f"{swarm.net}.{20 + host.number - 1}:8080" in ended["text"], (how, ended)
        assert len(list(host.download("d").iterdir())) == 100, how
    listing = runs[0][1].run("list", "d/", "--bind", runs[0][1].address)
    assert listing.wait() == 5, listing.tail()
    assert "files may be missing" in listing.err.text(), listing.tail()


def test_a_host_that_was_busy_once_is_asked_again(swarm):
    files = many(150, "d")
    refusals = [wire.STATUSES.index("busy"), wire.STATUSES.index("io_error")]

    def on_list(connection, message):
        if message.pathLength > message.prefixLength and refusals:
            connection.answer(message.id, refusals.pop())
            return True
        return False

    swarm.fake(2, files, on_list=on_list)
    host = swarm.host(1, hosts=[2], start=False)
    host.get("d/")
    check_all(host, files)


def test_an_incomplete_listing_is_asked_again(swarm):
    """The second time it is whole; one that never is ends with 5."""
    files = many(20, "d")
    asked = []

    def on_list(connection, message):
        asked.append(message)
        short = len(asked) < 3
        names = sorted(files)[:10 if short else 20]
        found = [connection.server.files[name] for name in names]
        payload = b"".join(wire.pack_record(one.name, len(one.data), one.root, 1, 0)
                           for one in found)
        flags = wire.LAST_PAGE | (wire.INCOMPLETE if short or on_list.never else 0)
        connection.send(wire.LISTING, message.id, payload, first=1, count=len(found), flags=flags)
        return True

    on_list.never = False
    swarm.fake(2, files, on_list=on_list)
    host = swarm.host(1, hosts=[2], start=False)
    host.get("d/")
    check_all(host, files)
    on_list.never = True
    other = swarm.host(3, hosts=[2], start=False)
    ended = other.get("d/", code=5, options=["--timeout", "1"]).events("fetch_done")[0]
    assert "has not said all that it has" in ended["text"], ended
    check_all(other, files)


def test_no_needs_the_word_of_every_host(swarm):
    """Busy, closing, a failing disk, a host that goes: none of them has said no."""
    swarm.fake(10, {})
    for number, how in enumerate(("busy", "closing", "io_error", "cut")):
        def on_query(connection, message, how=how):
            if how == "cut":
                raise EOFError("as told")
            connection.answer(message.id, wire.STATUSES.index(how))
            return True
        swarm.fake(20 + number, {}, on_query=on_query)
        host = swarm.host(1 + number, hosts=[10, 20 + number], start=False)
        process = host.get("x", code=5, options=["--timeout", "1", "--wait-hosts", "2"])
        assert f"{swarm.net}.{20 + number}:8080" in process.events("fetch_done")[0]["text"], how
    host = swarm.host(9, hosts=[10], start=False)
    host.get("x", code=3)


def test_a_disk_that_fails_there_is_called_so(swarm):
    """Large and small files: not "changed"."""
    swarm.fake(2, {"large": bytes(200_000), "small": b"x"}, refuse=wire.STATUSES.index("io_error"))
    host = swarm.host(1, hosts=[2], start=False)
    for name in ("large", "small"):
        process = host.get(name, code=5, options=["--timeout", "1"])
        notes = " ".join(note["text"] for note in process.events("fetch_note"))
        assert "disk" in notes and "changed" not in notes, notes


def test_list_takes_any_prefix(swarm):
    swarm.host(2, shared={"photos/a": b"a", "photo": b"p", "pi": b""})
    host = swarm.host(1, hosts=[2], shared={"phone": b"own"}, start=False)
    for prefix, names in (("", ["phone", "photo", "photos/a", "pi"]), ("photo", ["photo", "photos/a"]),
                          ("photos/", ["photos/a"]), ("phone", ["phone"]), ("x", [])):
        listing = host.run("list", prefix, "--bind", host.address, "--json")
        assert listing.wait() == 0, listing.tail()
        assert [row["name"] for row in listing.events("file_list")[0]["rows"]] == names, prefix
    bad = host.run("list", "../x", "--bind", host.address)
    assert bad.wait() == 2, bad.tail()


def test_a_search_tells_what_is_pending_and_get_waits_for_it(swarm):
    """At a host that only the known one knows."""
    hosts = line(swarm, 2, {2: {"near": 5}})
    asker = swarm.host(20, hosts=[1], start=False)
    needle = hosts[2].shared("needle")

    def writer():
        file = open(needle, "ab")
        file.write(b"x" * 100_000)
        file.flush()
        return file

    def pending(rows):
        return [(row["name"], row["root"], row["pending"]) for row in rows] == [("needle", "", True)]

    with writer():
        with swarm.client(hosts[2]) as client:
            until(lambda: client.search("needle", ttl=1)[1], "it is seen there")
        results = search(asker, "needle", code=5)
        (row,) = results["files"]
        assert results["problem"] == "incomplete" and results["complete"], results
        assert pending([row]) and row["size"] == 100_000 and row["hops"] == 2, row
        assert row["complete"] == row["partial"] == 0, row
        assert [one["host"] for one in row["hosts"]] == [hosts[2].name], row
        plain = asker.run("search", "needle", "--bind", asker.address)
        assert plain.wait() == 5 and "pending" in plain.out.text(), plain.tail()
        assert "1 pending: being hashed or written" in plain.err.text(), plain.tail()
        both = search(asker, "ne")["files"]
        assert sorted((row["name"], row["pending"]) for row in both) == [("near", False),
                                                                         ("needle", True)]
        process = asker.get("needle", options=["--search", "--timeout", "1"], code=5)
        assert (f"{hosts[2].name}: needle is being written there"
                in process.events("fetch_done")[0]["text"]), process.tail()
        waiting = asker.start_get("needle", options=["--search"])
        waiting.wait_event("notice", kind="host-connected", host=hosts[2].name)
    assert waiting.wait(30) == 0, waiting.tail()
    check_equal(asker.download("needle"), needle)
    hashed = search(asker, "needle")["files"]
    assert [(row["pending"], len(row["root"]), row["complete"]) for row in hashed] == [(False, 64, 1)]


def test_a_pending_result_of_a_search_is_fetched_by_its_number(swarm):
    hosts = line(swarm, 2, {2: {"far/early": 5}})
    asker = swarm.host(20, hosts=[1], start=False)
    prompt = asker.prompt(options=["--json", "--wait-hosts", "1"])
    with open(hosts[2].shared("far/late"), "wb") as file:
        file.write(b"late")
        file.flush()
        with swarm.client(hosts[2]) as client:
            until(lambda: client.search("late", ttl=1)[1], "it is seen there")
        prompt.send("search far/\n")
        files = prompt.wait_event("search_results")["files"]
        number = [row["name"] for row in files].index("far/late") + 1
        assert files[number - 1]["pending"], files
        prompt.send(f"get #{number}\nquit\n")
        prompt.wait_event("notice", kind="host-connected", host=hosts[2].name)
    assert prompt.wait(30) == 0, prompt.tail()
    assert asker.download("far/late").read_bytes() == b"late"


def test_a_search_that_not_everybody_answers_has_not_found_nothing(swarm):
    stopped = line(swarm, 2, {2: {"f": 1}})[2]
    asker = swarm.host(20, hosts=[1], start=False)
    assert search(asker, "nobody has this", code=3)["doubts"] == ""
    stopped.process.freeze()
    try:
        results = search(asker, "f", "--wait", "1", "--ttl", "2", code=5)
        assert results["problem"] == "incomplete" and not results["complete"], results
        assert "1 host did not answer in time" in results["doubts"], results
        ended = asker.get("f", options=["--search"], code=5).events("fetch_done")[0]
        assert "did not answer in time" in ended["text"], ended
    finally:
        stopped.process.thaw()


@marks(long=True, timeout=300)
def test_an_endless_listing_is_bounded(swarm):
    """Ascending names of 400 bytes without end."""
    def on_list(connection, message):
        on_list.pages += 1
        names = [f"{on_list.pages:08}/{number:03}" for number in range(120)]
        payload = b"".join(wire.pack_record(name + "/" + "x" * (220 - len(name)) + "/" + "y" * 178,
                                            5, bytes([1]) * 32, 1, 0) for name in names)
        connection.send(wire.LISTING, message.id, payload, first=1, count=len(names))
        return True

    on_list.pages = 0
    swarm.fake(2, {}, on_list=on_list)
    host = swarm.host(1, hosts=[2], start=False)
    listing = host.run("list", "--bind", host.address)
    peak = listing.memory_peak_to_the_end()
    assert listing.wait(200) == 5, listing.err.text()
    assert "there are more files than are shown" in listing.err.text()
    assert peak < 1.5 * GIB, f"{peak >> 20} MiB"


def pending_for_ever(step, flags=0):
    """To each question: it is being hashed, so many bytes further each time."""
    def answer(connection, message):
        def tell():
            done = 0
            try:
                while True:
                    done += step
                    connection.send(wire.FILE, message.id, status=wire.PENDING, fileSize=1 << 39,
                                    first=done, flags=flags)
                    time.sleep(0.1)
            except OSError:
                pass  # the test is over
        threading.Thread(target=tell, daemon=True).start()
        return True
    return answer


def test_hashing_that_crawls_is_no_progress(swarm):
    def list_pending(connection, message):
        connection.send(wire.LISTING, message.id, wire.pack_record("d/x", 5, bytes(32), 0, 0),
                        first=1, count=1, flags=wire.LAST_PAGE)
        return True

    liar = swarm.fake(2, {}, on_query=pending_for_ever(1), on_list=list_pending)
    near = swarm.host(3, shared={"d/y": KIB})
    hosts = [swarm.host(number, hosts=[2, 3], start=False) for number in (10, 11)]
    processes = [host.start_get(name, "--timeout", "2") for host, name in zip(hosts, ("x", "d/"))]
    for process in processes:
        assert process.wait(20) == 5, process.tail()
        assert f"{liar.host}:{PORT} still hashes" in process.events("fetch_done")[0]["text"]
    check_equal(hosts[1].download("d/y"), near.shared("d/y"))
