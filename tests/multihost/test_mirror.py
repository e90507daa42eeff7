"""Mirroring clients delete what they are not shown. From a gateway in any state of its swarm they must
never be shown a listing that looks whole and is not."""
import concurrent.futures
import contextlib
import os
import shutil
import subprocess
import time

from delayproxy import DelayProxy
from ftphost import FTP_PORT, connect, fetch, gateway_host, refused, store, wait_listed
from harness import KIB, MIB, PORT, SLOW, Skip, make_file, marks, until

WITHIN = 60 * SLOW


def mirrors(host, folder):
    """Both clients at work, each on a copy of its own; as anybody would call them."""
    rclone = ["rclone", "sync", ":ftp:", "rclone", "--config", "/dev/null", "--ftp-host", host.address,
              "--ftp-port", str(FTP_PORT), "--ftp-user", "anonymous", "--ftp-pass", obscured(),
              "--retries", "1", "--low-level-retries", "1", "--timeout", "30s"]
    lftp = ["lftp", "-c", "set net:max-retries 1; set net:timeout 30; set ftp:ssl-allow no; set dns:order inet;"
            f"open -p {FTP_PORT} {host.address}; mirror --delete --no-perms / lftp"]
    return [subprocess.Popen(call, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for call in (rclone, lftp)]


def disk(command, folder):
    """Mounts or unmounts a small disk of its own on `folder`; whether that may be done here."""
    call = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder] if command == "mount" else ["umount", folder]
    return subprocess.run(call, capture_output=True).returncode == 0


def obscured():
    return subprocess.run(["rclone", "obscure", "anybody"], capture_output=True, text=True,
                          check=True).stdout.strip()


def ended(clients, limit=WITHIN):
    """Their exit codes, and what they said; those that take longer are killed."""
    end, said = time.monotonic() + limit, []
    for client in clients:
        try:
            said.append(client.communicate(timeout=max(0.0, end - time.monotonic()))[0])
        except subprocess.TimeoutExpired:
            client.kill()
            said.append(client.communicate()[0])
    return [client.returncode for client in clients], said


def tree(folder):
    return {str(path.relative_to(folder)): path.stat().st_size
            for path in folder.rglob("*") if path.is_file()}


@marks(long=True, timeout=300)
def test_mirroring_clients_delete_nothing_that_exists(swarm):
    for client in ("rclone", "lftp"):
        if not shutil.which(client):
            raise Skip(f"{client} is not installed")
    files = {f"near/{i}": KIB for i in range(20)} | {"near/deep/er/x": KIB, "big": MIB}
    near = swarm.host(2, shared=files)
    far = swarm.host(3, shared={"far/a": KIB, "far/b": KIB, "y": KIB}, start=False)
    place, kept = far.shared("disk"), far.folder / "kept"
    place.mkdir()
    kept.write_bytes(bytes(KIB))
    mounted = disk("mount", place)  # else the state of an unmounted disk is left out
    try:
        walk(swarm, near, far, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", place], capture_output=True)


def walk(swarm, near, far, mounted):
    place, kept = far.shared("disk"), far.folder / "kept"
    shutil.copy2(kept, place / "m")
    far.serve()
    gate = gateway_host(swarm, 1, hosts=[2, 3], shared={"own/z": KIB})
    gate.wait_connected(near, far)
    copies = swarm.folder / "copies"
    for client in ("rclone", "lftp"):  # not through the gateway, whose cache would have it all
        for host in (near, far, gate):
            shutil.copytree(host.folder / "shared", copies / client, dirs_exist_ok=True)
    codes, said = ended(mirrors(gate, copies))
    assert codes == [0, 0], said
    whole = tree(copies / "rclone")
    assert len(whole) == 27 and tree(copies / "lftp") == whole, whole
    assert not list((gate.folder / "downloads").rglob("*")), "nothing was fetched"

    def check(state, may_fail=True):
        # Who waits for a stopped host at each folder takes long, and is not waited for to the end.
        codes, said = ended(mirrors(gate, copies), WITHIN / 2 if may_fail else WITHIN)
        for client in ("rclone", "lftp"):
            missing = whole.keys() - tree(copies / client).keys()
            assert not missing, f"{state}: {client} has deleted {sorted(missing)}\n{said}"
        assert may_fail or codes == [0, 0], f"{state}: {codes}\n{said}"

    def restart_gate():
        gate.process.stop()
        gate.serve()
        gate.process.wait_text("FTP gateway on")

    restart_gate()
    check("the gateway starts")
    gate.wait_connected(near, far)
    check("all are there again", may_fail=False)

    near.process.freeze()
    check("a host is stopped, and had told")
    restart_gate()
    check("a host is stopped, and was never heard")
    near.process.thaw()
    gate.wait_connected(near)
    check("it goes on", may_fail=False)

    if mounted:
        assert disk("umount", place)
        check("a disk below shared/ is unmounted")
        assert disk("mount", place)
        shutil.copy2(kept, place / "m")
        until(lambda: far.status()["files"] == 4, "it is mounted again")
        check("it is mounted again", may_fail=False)  # all of it is told

    far.process.kill()
    check("a host is killed, and had told", may_fail=False)
    shutil.rmtree(far.folder / ".shoal")
    with open(far.shared("0"), "wb") as file:
        file.truncate(2 << 30)  # to be hashed first
    far.serve()
    check("a host hashes all anew")
    far.shared("0").unlink()
    gate.wait_connected(far)
    until(lambda: far.status()["hashing"] == 0, "all is hashed", limit=60)

    restart_gate()
    gate.wait_connected(near, far)
    far.process.kill()
    check("a host is killed, and was never asked")


def test_a_lost_hosts_names_stay_and_are_refused_for_now(swarm):
    other = swarm.host(2, shared={"d/x": KIB, "e/z": KIB})
    gate = gateway_host(swarm, 1, hosts=[2], shared={"own": KIB})
    gate.wait_connected(other)
    ftp = connect(gate)
    wait_listed(ftp, "d")
    assert ftp.nlst("d") == ["d/x"]
    other.process.kill()
    gate.process.wait_event("notice", kind="host-lost")
    assert sorted(ftp.nlst()) == ["d", "e", "own"]
    assert ftp.nlst("d") == ["d/x"]
    ftp.voidcmd("TYPE I")  # a size counts bytes
    assert ftp.size("d/x") == KIB
    with refused("450"):
        fetch(ftp, "d/x")
    ftp.voidcmd("TYPE I")
    with refused("550"):  # it told all of that folder
        ftp.size("d/other")
    other.shared("d/x").unlink()
    other.serve()
    gate.wait_connected(other)
    until(lambda: "d" not in ftp.nlst() and ftp.nlst("e") == ["e/z"], "it is back, and told anew")
    other.process.kill()
    gate.set_hosts([])
    until(lambda: ftp.nlst() == ["own"], "it has left hosts.txt")


def test_a_slow_host_is_waited_for_and_what_it_has_got_since_is_listed(swarm):
    far = swarm.host(2, shared={"far/old": KIB})
    proxy = DelayProxy(f"{swarm.net}.3", far.address, PORT, delay=0.0)
    with contextlib.closing(proxy):
        gate = gateway_host(swarm, 1, hosts=[3])
        ftp = connect(gate)
        until(lambda: ftp.nlst() == ["far"] and ftp.nlst("far") == ["far/old"], "it is listed", limit=30)
        proxy.delay = 0.6  # 1.2 s for an answer
        for name in ("far/new", "far/deep/er"):
            make_file(far.shared(name), KIB)
        until(lambda: far.status()["files"] == 3, "it has them")
        ftp.voidcmd("TYPE I")
        assert ftp.size("far/new") == KIB
        assert ftp.nlst("far") == ["far/deep", "far/new", "far/old"]
        assert len(fetch(ftp, "far/new")) == KIB  # it is listed, and can be had
        far.shared("far/old").unlink()
        until(lambda: ftp.nlst("far") == ["far/deep", "far/new"], "what is gone there is gone")


def test_a_stopped_hosts_names_are_not_known_until_it_goes_on(swarm):
    far = swarm.host(2, shared={"far/old": KIB})
    gate = gateway_host(swarm, 1, hosts=[2])
    ftp, other = connect(gate), connect(gate)
    until(lambda: ftp.nlst("far") == ["far/old"], "it is listed", limit=30)
    ftp.voidcmd("TYPE I")
    far.process.freeze()
    for name in ("far/new", "top"):
        make_file(far.shared(name), KIB)
    # What it told is there; that there is nothing else, only the host itself can say.
    assert ftp.size("far/old") == KIB
    with concurrent.futures.ThreadPoolExecutor() as pool:
        size = pool.submit(ftp.size, "far/new")
        names = pool.submit(other.nlst)
        done, _ = concurrent.futures.wait([size, names], timeout=2)
        assert not done, "nobody can know"
        far.process.thaw()
        assert size.result(timeout=WITHIN) == KIB
        assert "far" in names.result(timeout=WITHIN)
    until(lambda: other.nlst() == ["far", "top"], "it has seen what was made meanwhile")


@marks(long=True, timeout=120)
def test_what_a_stopped_host_does_not_say_is_refused_in_the_end(swarm):
    far = swarm.host(2, shared={"far/old": KIB})
    gate = gateway_host(swarm, 1, hosts=[2])
    ftp = connect(gate)
    until(lambda: ftp.nlst("far") == ["far/old"], "it is listed", limit=30)
    ftp.voidcmd("TYPE I")
    far.process.freeze()
    with refused("450"):
        ftp.size("far/new")
    with refused("450|451"):
        ftp.nlst("far")
    far.process.thaw()
    until(lambda: ftp.nlst("far") == ["far/old"], "it goes on", limit=30)
    with refused("550"):
        ftp.voidcmd("TYPE I")
        ftp.size("far/new")


def test_a_folder_that_was_made_a_moment_ago_is_listed_whole(swarm):
    far = swarm.host(2)
    gate = gateway_host(swarm, 1, hosts=[2])
    gate.wait_connected(far)
    ftp = connect(gate)
    for i in range(40):
        far.shared(f"r{i}/deep").mkdir(parents=True)
        make_file(far.shared(f"r{i}/f"), 1)
        assert ftp.nlst(f"r{i}") == [f"r{i}/f"]


def test_a_killed_hosts_folder_shows_in_those_above(swarm):
    far = swarm.host(2, shared={"far/deep/x": KIB})
    gate = gateway_host(swarm, 1, hosts=[2])
    ftp = connect(gate)
    until(lambda: ftp.nlst("far/deep") == ["far/deep/x"], "it is listed", limit=30)
    far.process.kill()
    gate.process.wait_event("notice", kind="host-lost")
    assert ftp.nlst("far/deep") == ["far/deep/x"]
    ftp.cwd("/far")  # nobody has ever listed what is above
    gate.set_hosts([])
    with refused("550"):
        until(lambda: ftp.nlst("/far/deep") is None, "the host is forgotten")


def test_a_gateway_that_starts_before_a_host_waits_for_it(swarm):
    far = swarm.host(2, shared={"far/x": KIB}, start=False)
    gate = gateway_host(swarm, 1, hosts=[2])
    ftp, other = connect(gate), connect(gate)
    ftp.voidcmd("TYPE I")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        names, size = pool.submit(other.nlst), pool.submit(ftp.size, "far/x")
        done, _ = concurrent.futures.wait([names, size], timeout=1)
        assert not done, "it may be about to start"
        far.serve()
        assert names.result(timeout=WITHIN) == ["far"]
        assert size.result(timeout=WITHIN) == KIB


def test_pitfall30_what_its_owner_deletes_is_gone_everywhere(swarm):
    far = gateway_host(swarm, 2, hosts=[1])
    near = gateway_host(swarm, 1, hosts=[2])
    near.wait_connected(far)
    far.wait_connected(near)
    here, there = connect(near), connect(far)
    for name, size in (("small", KIB), ("large", MIB), ("moved", KIB)):
        store(here, name, bytes(size))
        assert fetch(there, name) == bytes(size)  # its cache has it now
    assert here.sendcmd("DELE small").startswith("250")
    assert here.sendcmd("DELE large").startswith("250")
    here.sendcmd("RNFR moved")
    assert here.sendcmd("RNTO new").startswith("250")
    for ftp in (here, there):
        until(lambda: ftp.nlst() == ["new"], "only the new name is left", limit=3)
        for name in ("small", "large", "moved"):
            with refused("550"):
                ftp.size(name)
    assert fetch(there, "new") == bytes(KIB)


def test_a_name_that_others_hold_is_not_called_deleted(swarm):
    other = swarm.host(2, shared={"both": KIB, "d/theirs": KIB})
    gate = gateway_host(swarm, 1, hosts=[2], shared={"both": KIB, "d/own": KIB})
    gate.wait_connected(other)
    ftp = connect(gate)
    with refused("550"):
        ftp.delete("both")
    assert not gate.shared("both").exists() and "both" in ftp.nlst()
    assert ftp.delete("d/own").startswith("250")
    with refused("550"):
        ftp.rmd("d")
    assert "d" in ftp.nlst()


def test_new_names_wait_for_nobody(swarm):
    other = swarm.host(2, shared={"x": KIB})
    gate = gateway_host(swarm, 1, hosts=[2], shared={"d/y": KIB})
    gate.wait_connected(other)
    other.process.freeze()
    ftp = connect(gate)
    begun = time.monotonic()
    for i in range(10):
        store(ftp, f"d/new{i}", b"x")
        ftp.mkd(f"d/folder{i}")
    assert time.monotonic() - begun < 5 * SLOW, "ten of each, one second each if the other were asked"
    other.process.thaw()
