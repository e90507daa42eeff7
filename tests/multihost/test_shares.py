"""What a share is made of: links and odd names, and disks that come and go while it is shared."""
import concurrent.futures
import ftplib
import os

from ftphost import connect, gateway_host, refused
from harness import SLOW, check_equal, make_file, small_disk, until


def test_what_cannot_be_offered_is_said_once(swarm):
    """Links, special files and names that no message can carry: with count and first names."""
    host = swarm.host(1, shared={"good": 100}, start=False)
    shared = host.folder / "shared"
    for name in ("link1", "link2"):
        (shared / name).symlink_to("good")
    os.mkfifo(shared / "pipe")
    (shared / "back\\slash").write_text("x")
    with open(os.fsencode(shared) + b"/caf\xe9", "w") as file:
        file.write("x")
    deep = shared / ("d" * 200)
    deep.mkdir()
    (deep / ("f" * 201)).write_text("x")
    host.serve()
    host.process.wait_text("not offered: 6:")
    said = next(line for line in host.process.err.text().splitlines() if "not offered" in line)
    for words in ("2 symbolic links ('link1', 'link2')", "1 special file ('pipe')",
                  "1 name with a backslash", "1 name that is not UTF-8",
                  "1 path of more than 400 bytes"):
        assert words in said, said
    status = host.status()
    assert status["files"] == 1
    assert status["left-out"].startswith("6: 2 symbolic links ('link1', 'link2')"), status
    # What is mended leaves the status; nothing is said twice.
    (shared / "link1").unlink()
    until(lambda: host.status()["left-out"].startswith("5: 1 symbolic link ('link2')"),
          "the link is gone from the status")
    assert host.process.err.text().count("not offered") == 1
    assert host.process.stop() == 0


def test_pitfall32_a_disk_that_is_mounted_later_is_offered(swarm):
    server = swarm.host(2, shared={"before": 1000})
    asker = swarm.host(1, hosts=[2], start=False)
    disk = server.folder / "shared" / "disk"
    disk.mkdir()
    with small_disk(str(disk), "8m"):
        make_file(server.shared("disk/deep/f"), 100_000)
        until(lambda: server.status()["files"] == 2, "the disk's file is offered", every=0.1)
        asker.get("disk/deep/f")
        check_equal(asker.download("disk/deep/f"), server.shared("disk/deep/f"))
        make_file(server.shared("disk/later"), 1000)  # it is watched like any other folder
        until(lambda: server.status()["files"] == 3, "what comes later too", every=0.1)
    # Gone, but not known to be deleted: nobody is told that it is not there.
    until(lambda: server.status()["files"] == 1, "what cannot be read is not offered", every=0.1)
    server.process.wait_text("is no longer there")
    asker.get("disk/later", code=5, options=["--timeout", "2"])
    with small_disk(str(disk), "8m"):
        make_file(server.shared("disk/later"), 1000)
        until(lambda: server.status()["files"] == 2, "it is there again", every=0.1)
        asker.get("disk/later")
    assert server.process.stop() == 0


def test_a_disk_that_is_not_mounted_at_the_start_is_not_known_rather_than_empty(swarm):
    server = swarm.host(2, shared={"d/before": 1000}, start=False)
    gate = gateway_host(swarm, 1, hosts=[2])
    disk = server.folder / "shared" / "d" / "disk"
    disk.mkdir()
    make_file(server.shared("d/disk/beneath"), 10)
    with small_disk(str(disk), "8m"):
        make_file(server.shared("d/disk/f"), 1000)
        server.serve()
        gate.wait_connected(server)
        until(lambda: server.status()["files"] == 2, "the disk's file is offered", every=0.1)
        assert server.process.stop() == 0
    for _ in range(2):  # nor at the one after
        server.serve()
        server.process.wait_text("is no longer there")
        gate.wait_connected(server)
        assert server.status()["files"] == 2, "what stands beneath is offered"
        assert server.process.stop() == 0
    server.serve()
    gate.wait_connected(server)
    ftp = connect(gate)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        names = pool.submit(ftp.nlst, "d/disk")
        assert not concurrent.futures.wait([names], timeout=1).done, "nobody can know"
        with small_disk(str(disk), "8m"):
            make_file(server.shared("d/disk/f"), 1000)
            names.result(timeout=30 * SLOW)
            until(lambda: ftp.nlst("d/disk") == ["d/disk/f"], "it is mounted again", limit=30)


def test_what_a_host_cannot_see_is_not_known_and_all_else_is(swarm):
    server = swarm.host(2, shared={"top": 10, "d/sibling": 10}, start=False)
    gate = gateway_host(swarm, 1, hosts=[2])
    disk = server.folder / "shared" / "d" / "disk"
    disk.mkdir()
    with small_disk(str(disk), "8m"):
        make_file(server.shared("d/disk/deep/f"), 1000)
        server.serve()
        gate.wait_connected(server)
        until(lambda: server.status()["files"] == 3, "the disk's file is offered", every=0.1)
    until(lambda: server.status()["files"] == 2, "the disk is gone", every=0.1)
    ftp, other = connect(gate), connect(gate)
    names = ftp.nlst(), ftp.nlst("d")
    assert names == (["d", "top"], ["d/disk", "d/sibling"]), names
    ftp.voidcmd("TYPE I")
    assert ftp.size("/d/sibling") == 10
    with refused("550"):
        ftp.size("/d/neverwas")
    ftp.cwd("/d/disk")
    ftp.cwd("/")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        names = pool.submit(other.nlst, "/d/disk")
        size = pool.submit(ftp.size, "/d/disk/neverwas")
        assert not concurrent.futures.wait([names, size], timeout=1).done, "nobody can know"
        with small_disk(str(disk), "8m"):
            make_file(server.shared("d/disk/f"), 1000)
            with refused("550"):
                size.result(timeout=30 * SLOW)
            try:
                assert names.result(timeout=30 * SLOW) == ["/d/disk/f"]
            except ftplib.error_perm as empty:  # before the file was made: others' empty folders are none
                assert str(empty).startswith("550"), empty


def test_a_share_that_is_replaced_is_said_and_its_names_are_not_known(swarm):
    server = swarm.host(2, shared={"f": 10})
    asker = swarm.host(1, hosts=[2], start=False)
    shared, away = server.folder / "shared", server.folder / "away"
    shared.rename(away)
    shared.mkdir()
    server.process.wait_text("is another folder than at the start")
    make_file(server.shared("new"), 10)
    asker.get("new", code=5, options=["--timeout", "1"])
    asker.get("f")
    server.shared("new").unlink()
    shared.rmdir()
    away.rename(shared)
    server.process.wait_text("is the folder again")
    asker.get("new", code=3)
    with small_disk(str(shared), "8m"):
        until(lambda: server.process.err.text().count("is another folder than") == 2, "mounted over")
    until(lambda: server.process.err.text().count("is the folder again") == 2, "and no longer")
    assert server.process.stop() == 0
