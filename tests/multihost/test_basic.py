"""Starting, finding each other, fetching files of any size: P1, P2, P3, P5, P6, P7, P8, P10, P11, P13,
P24, P25, and what hash says."""
import os
import socket
import time

from harness import GIB, KIB, MIB, PORT, Skip, check_equal, marks, until


def test_p1_starts_without_arguments_and_ends_with_its_input(swarm):
    # In a network namespace of its own, where port 8080 of every address is surely free.
    host = swarm.host(1, start=False)
    wrap = ["unshare", "--net", "--"] if os.geteuid() == 0 else []
    process = host.run(wrap=wrap, options=[] if wrap else ["--bind", host.address])
    process.close_input()
    assert process.wait(5) == 0, process.tail()


def test_p2_a_second_peer_on_the_port_names_it(swarm):
    first = swarm.host(1)
    second = first.run("serve", "--bind", first.address, options=["--state", "other"])
    assert second.wait(5) not in (0, None)
    assert str(PORT) in second.err.text() and first.address in second.err.text(), second.tail()


def test_p3_hosts_file_names_the_hosts(swarm):
    up = [swarm.host(2), swarm.host(3)]
    host = swarm.host(1, hosts=["# the others", "", f"{up[0].address}   {swarm.net}.9 # one is down",
                                f"{up[1].name}", "no port:99999999"])
    host.wait_connected(*up)
    bad = host.process.wait_event("notice", kind="hosts-file")
    assert "hosts.txt:5:" in bad["text"], bad
    # An edit is picked up; a host that was there stays connected.
    late = swarm.host(4)
    host.set_hosts([2, 3, 4])
    host.wait_connected(late, limit=2)
    assert not host.process.events("notice", kind="host-lost")


def test_p3_without_hosts_file_it_says_so(swarm):
    host = swarm.host(1, start=False)
    (host.folder / "hosts.txt").unlink()
    process = host.run("serve", "--bind", host.address)
    assert process.wait(5) not in (0, None)
    assert "hosts.txt" in process.err.text(), process.tail()


def test_p5_a_host_that_comes_late_is_found(swarm):
    host = swarm.host(1, hosts=[2])
    time.sleep(2.3)  # so that several rounds have found nobody
    late = swarm.host(2)
    host.wait_connected(late, limit=2)


def test_p6_a_host_that_comes_back_is_used_again(swarm):
    host = swarm.host(1, hosts=[2])
    other = swarm.host(2, shared={"f": MIB})
    host.wait_connected(other)
    other.kill()
    host.process.wait_event("notice", kind="host-lost", host=other.name, limit=3)
    other.serve()
    host.process.wait_until(
        lambda: len(host.process.events("notice", kind="host-connected", host=other.name)) == 2,
        "connected again", 2)
    other.run("status", "--bind", other.address).wait()
    host.get("f")
    check_equal(host.download("f"), other.shared("f"))


def test_p7_a_black_hole_delays_nobody(swarm):
    # It accepts connections and never says a word; another one does not even accept.
    with socket.create_server((f"{swarm.net}.8", PORT)), socket.socket() as full:
        full.bind((f"{swarm.net}.9", PORT))
        full.listen(0)
        fill = [socket.socket() for _ in range(3)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex((f"{swarm.net}.9", PORT))
        others = [swarm.host(2, shared={"f": MIB}), swarm.host(3)]
        host = swarm.host(1, hosts=[8, 9, 2, 3])
        host.wait_connected(*others, limit=2)
        host.process.stop()
        process = host.get("f", limit=10)
        check_equal(host.download("f"), others[0].shared("f"))
        assert process.events("fetch_done")[0]["seconds"] < 5
        for one in fill:
            one.close()


def test_p8_never_connected_to_itself(swarm):
    number = 1
    host = swarm.host(number, hosts=[1, f"{swarm.net}.1:{PORT}", f"[::ffff:{swarm.net}.1]:{PORT}", 2])
    other = swarm.host(2)
    host.wait_connected(other)
    status = host.run("status", "--bind", host.address, options=["--json"])
    assert status.wait() == 0
    prompt = swarm.host(3, hosts=[3, f"{swarm.net}.3:{PORT}", f"[::ffff:{swarm.net}.3]:{PORT}"],
                        start=False).prompt()
    prompt.wait_until(lambda: (prompt.send("peers\n"), "this host" in prompt.out.text())[1],
                      "its own address is known as its own", 5)
    assert " connected" not in prompt.out.text(), prompt.tail()
    own = [one for one in host.process.events("notice", kind="host-connected")
           if one["host"] != other.name]
    assert not own, own


def test_p10_all_are_asked_and_the_holder_sends(swarm):
    fakes = [swarm.fake(n, {"f": b"x" * 300_000} if n == 4 else {}) for n in (2, 3, 4)]
    host = swarm.host(1, hosts=[2, 3, 4], start=False)
    done = host.get("f").events("fetch_done")[0]
    assert host.download("f").read_bytes() == b"x" * 300_000
    for fake in fakes:
        assert any(one.type == 3 and one.name == "f" for one in fake.received), fake.host
    assert [one.served != [] for one in fakes] == [False, False, True]
    assert [share["host"] for share in done["shares"]] == [f"{swarm.net}.4:{PORT}"]


def test_p11_not_found_is_said_with_near_names(swarm):
    swarm.host(2, shared={"music/holiday.ogg": KIB, "holidays.txt": KIB})
    host = swarm.host(1, hosts=[2], start=False)
    process = host.run("get", "Holiday.ogg", "--bind", host.address)
    assert process.wait() == 3, process.tail()
    said = process.out.text() + process.err.text()
    assert "No server has 'Holiday.ogg'" in said and "music/holiday.ogg" in said, said
    alone = swarm.host(3, hosts=[9], start=False).get("f", code=4)
    assert alone.events("fetch_done")[0]["outcome"] == "no-host"


SIZES = [0, 1, 16383, 16384, 16385, 65535, 65536, 65537, 131072, 10 * MIB + 1]


def test_p13_any_size(swarm):
    server = swarm.host(2, shared={f"s{size}": size for size in SIZES})
    host = swarm.host(1, hosts=[2], start=False)
    process = host.get(*[f"s{size}" for size in SIZES])
    for size in SIZES:
        check_equal(host.download(f"s{size}"), server.shared(f"s{size}"))
    assert all(one["outcome"] == "done" for one in process.events("fetch_done"))


@marks(timeout=240, long=True, bare=True)
def test_p13_over_4_gib(swarm):
    size = 4 * GIB + 123_457
    if os.statvfs(swarm.folder).f_bavail * os.statvfs(swarm.folder).f_bsize < 6 * GIB:
        raise Skip("needs 6 GiB of room")
    server = swarm.host(2, shared={"big": ("sparse", size)})
    host = swarm.host(1, hosts=[2], start=False)
    host.get("big", limit=200)
    assert host.download("big").stat().st_size == size
    check_equal(host.download("big"), server.shared("big"))


def test_a_folders_bytes_are_told_apart_from_what_was_here(swarm):
    swarm.host(2, shared={"d/here": 8 * MIB, "d/missing": 300 * KIB, "d/small": 10})
    host = swarm.host(1, hosts=[2], start=False)
    assert host.get("d/here").events("fetch_done")[0]["fetched"] == 8 * MIB
    done = host.get("d/", options=["--explain"]).events("fetch_done")[0]
    assert done["size"] == 8 * MIB + 300 * KIB + 10 and done["files"] == 3, done
    assert done["fetched"] == 300 * KIB + 10, done
    assert [one["bytes"] for one in done["times"]["hosts"]] == [300 * KIB], done  # of transfers
    assert host.get("d/").events("fetch_done")[0]["fetched"] == 0


def test_p24_paths_keep_their_folders(swarm):
    names = ["a/b/c.txt", "a/b/d e.txt", "a/b/ä/f.bin", "other/x"]
    server = swarm.host(2, shared={name: 70_000 + len(name) for name in names})
    host = swarm.host(1, hosts=[2], start=False)
    host.get("a/b/c.txt")
    check_equal(host.download("a/b/c.txt"), server.shared("a/b/c.txt"))
    done = host.get("a/").events("fetch_done")[-1]
    assert done["outcome"] == "done" and done["files"] == 3, done
    for name in names[:3]:
        check_equal(host.download(name), server.shared(name))
    assert not host.download("other").exists()


def test_p25_an_unreadable_file_is_said_to_be_so(swarm):
    # Root may read everything, so here the server gives up that right.
    wrap = (["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search", "--"]
            if os.geteuid() == 0 else [])
    server = swarm.host(2, shared={"f": 1000, "g": 1000}, start=False)
    os.chmod(server.shared("f"), 0)
    server.serve(wrap=wrap)
    with swarm.client(server) as client:
        assert client.query("f").status_name == "unreadable"
        assert client.query("g").status_name == "ok"
    host = swarm.host(1, hosts=[2], start=False)
    process = host.start_get("f", options=["--timeout", "3"])
    assert process.wait(15) not in (0, None)
    assert "read" in process.events("fetch_done")[0]["text"], process.tail()


def test_hash_says_what_the_protocol_page_says(swarm):
    host = swarm.host(1, start=False)
    path = host.folder / "pattern"
    path.write_bytes(bytes(i % 251 for i in range(20000)))
    process = host.run("hash", "pattern", "nothing")
    assert process.wait() == 1
    assert "0d9a7d79e625f2aa31653463e4111041db33c9d69f30d23d920b2936c844c916" in process.out.text()
    assert "nothing" in process.err.text()
