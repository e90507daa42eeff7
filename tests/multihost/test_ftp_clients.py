"""The FTP gateway as real clients use it: curl, lftp, tnftp, wget, aria2c. Each is skipped, and says
so, where it is not installed (tests/support/install-deps.sh with EXTRA installs them)."""
import concurrent.futures
import os
import shutil
import socket
import subprocess

from ftphost import FTP_PORT, JOE, connect, gateway_host, wait_listed
from harness import KIB, MIB, SLOW, Skip, check_equal, make_file, marks, sha256, until


def client(*arguments, cwd=None, code=0, typed=None):
    """Runs a client to its end; returns what it said."""
    if not shutil.which(arguments[0]):
        raise Skip(f"{arguments[0]} is not installed")
    done = subprocess.run(arguments, cwd=cwd, input=typed, capture_output=True, text=True,
                          timeout=50 * SLOW, env={**os.environ, "HOME": str(cwd or "/nonexistent")})
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def url(host, name="", user=None):
    who = f"{user[0]}:{user[1]}@" if user else ""
    return f"ftp://{who}{host.address}:{FTP_PORT}/{name}"


def work_folder(swarm):
    folder = swarm.folder / "client"
    folder.mkdir()
    return folder


def tree(folder):
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}


FILES = {"a.txt": 17, "b with space.bin": 300 * KIB, "dir/c.bin": 2 * MIB, "dir/sub/ünï.txt": 5, "empty": 0}


def test_curl_fetches_and_puts_in_all_modes(swarm):
    host = gateway_host(swarm, 1, shared=FILES)
    folder = work_folder(swarm)
    for number, mode in enumerate((["--ftp-port", "-"], ["--ftp-pasv"], ["--disable-epsv"],
                                   ["--disable-eprt", "--ftp-port", "-"], ["--ftp-method", "nocwd"])):
        client("curl", "-sS", *mode, "-o", "got", url(host, "dir/c.bin"), cwd=folder)
        check_equal(folder / "got", host.shared("dir/c.bin"))
        client("curl", "-sS", *mode, "-T", "got", url(host, f"put{number}", JOE), cwd=folder)
        check_equal(host.shared(f"put{number}"), folder / "got")
    client("curl", "-sS", "-r", "100-199", "-o", "part", url(host, "dir/c.bin"), cwd=folder)
    assert (folder / "part").read_bytes() == host.shared("dir/c.bin").read_bytes()[100:200]
    (folder / "half").write_bytes(host.shared("dir/c.bin").read_bytes()[:MIB])
    client("curl", "-sS", "-C", "-", "-o", "half", url(host, "dir/c.bin"), cwd=folder)
    check_equal(folder / "half", host.shared("dir/c.bin"))
    listed = client("curl", "-sS", "-l", url(host, "dir/"), cwd=folder)
    assert sorted(listed.split()) == ["c.bin", "sub"]
    client("curl", "-sS", "-Q", "-DELE put0", url(host, "", JOE), cwd=folder)
    assert not host.shared("put0").exists()
    client("curl", "-sS", url(host, "nowhere"), cwd=folder, code=78)
    client("curl", "-sS", url(host, "a.txt", ("joe", "wrong")), cwd=folder, code=67)
    client("curl", "-sS", "-T", "got", "--ftp-create-dirs", url(host, "new/er/x", JOE), cwd=folder)
    check_equal(host.shared("new/er/x"), folder / "got")


def test_curl_over_ipv6(swarm):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as probe:
        port = probe.getsockname()[1]
    host = gateway_host(swarm, 1, shared=FILES, start=False)
    host.process = host.run("serve", "--bind", "::1", "--port", "0", "--ftp-port", str(port),
                            "--ftp-users", "users")
    host.process.wait_text("FTP gateway on [::1]")
    folder = work_folder(swarm)
    for mode in ([], ["--ftp-port", "-"]):
        client("curl", "-sSg", *mode, "-o", "got", f"ftp://[::1]:{port}/dir/c.bin", cwd=folder)
        check_equal(folder / "got", host.shared("dir/c.bin"))


def test_lftp_mirrors_both_ways_and_fetches_in_parts(swarm):
    other = swarm.host(2, shared={"far/big.bin": 12 * MIB})
    host = gateway_host(swarm, 1, hosts=[2], shared=FILES)
    wait_listed(connect(host), "far")
    folder = work_folder(swarm)

    def lftp(*commands, user=JOE):
        setup = "set net:max-retries 1; set net:timeout 20; set xfer:clobber on; set ftp:ssl-allow no;"
        return client("lftp", "-c", f"{setup} open -u {user[0]},{user[1]} -p {FTP_PORT} {host.address};"
                      + ";".join(commands), cwd=folder)

    lftp("mirror --parallel=3 / down")
    wanted = tree(host.folder / "shared") | {"far/big.bin": sha256(other.shared("far/big.bin"))}
    assert tree(folder / "down") == wanted
    lftp("set ftp:prefer-epsv no", "mirror -R --parallel=2 down up")
    assert tree(host.folder / "shared" / "up") == wanted
    again = lftp("mirror --verbose -R down up")
    assert "Transferring" not in again, again
    lftp("pget -n 4 far/big.bin -o big")
    check_equal(folder / "big", other.shared("far/big.bin"))
    lftp("set ftp:passive-mode off", "get dir/c.bin -o active")
    check_equal(folder / "active", host.shared("dir/c.bin"))
    lftp("rm -r up/dir", "mv up/a.txt up/moved", "mkdir -p x/y", "glob rm up/b*")
    assert sorted(tree(host.folder / "shared" / "up")) == ["empty", "far/big.bin", "moved"]
    assert (host.folder / "shared/x/y").is_dir()
    assert "c.bin" in lftp("cls dir/*.bin")


def test_tnftp_gets_puts_and_globs(swarm):
    host = gateway_host(swarm, 1, shared=FILES)
    folder = work_folder(swarm)
    (folder / "up").write_bytes(b"from tnftp\n" * 1000)
    for mode in ("passive on", "passive off"):
        client("tnftp", "-n", "-v", "-i", host.address, str(FTP_PORT), cwd=folder, typed=f"""
user {JOE[0]} {JOE[1]}
{mode}
binary
get dir/c.bin got
put up up.txt
mget *.txt
rename up.txt moved.txt
mkdir made
ls
quit
""")
        check_equal(folder / "got", host.shared("dir/c.bin"))
        check_equal(host.shared("moved.txt"), folder / "up")
        check_equal(folder / "a.txt", host.shared("a.txt"))
        assert (host.folder / "shared" / "made").is_dir()
        host.shared("moved.txt").unlink()
    client("tnftp", "-o", "auto", url(host, "dir/c.bin"), cwd=folder)
    check_equal(folder / "auto", host.shared("dir/c.bin"))


def test_wget_fetches_the_tree(swarm):
    other = swarm.host(2, shared={"dir/far.bin": 3 * MIB})
    host = gateway_host(swarm, 1, hosts=[2], shared=FILES)
    folder = work_folder(swarm)
    until(lambda: "dir/far.bin" in connect(host).nlst("dir"), "the other host's file is listed")
    client("wget", "-q", "-r", "-nH", "--no-passive-ftp", url(host), cwd=folder)
    assert tree(folder) == tree(host.folder / "shared") | {"dir/far.bin": sha256(other.shared("dir/far.bin"))}
    (folder / "half").write_bytes(other.shared("dir/far.bin").read_bytes()[:MIB])
    client("wget", "-q", "-c", "-O", "half", url(host, "dir/far.bin"), cwd=folder)
    check_equal(folder / "half", other.shared("dir/far.bin"))


def test_aria2_takes_one_file_from_three_gateways_at_once(swarm):
    hosts = [gateway_host(swarm, number, hosts=[one for one in (1, 2, 3) if one != number],
                          shared={"f": 24 * MIB} if number == 1 else {}) for number in (1, 2, 3)]
    for host in hosts:
        wait_listed(connect(host), "f")
    folder = work_folder(swarm)
    client("aria2c", "-q", "-s", "6", "-x", "2", "-k", "1M", "--file-allocation=none", "-o", "got",
           *[url(host, "f") for host in hosts], cwd=folder)
    check_equal(folder / "got", hosts[0].shared("f"))


@marks(timeout=120)
def test_put_at_one_peer_get_at_another(swarm):
    """100 MiB; several clients of the second gateway share one fetch."""
    hosts = [gateway_host(swarm, number, hosts=[3 - number]) for number in (1, 2)]
    folder = work_folder(swarm)
    make_file(folder / "big", 100 * MIB)
    client("curl", "-sS", "-T", "big", url(hosts[0], "big", JOE), cwd=folder)
    wait_listed(connect(hosts[1]), "big")
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        names = ["one", "two", "three"]
        list(pool.map(lambda name: client("curl", "-sS", "-o", name, url(hosts[1], "big"), cwd=folder),
                      names))
    for name in names:
        assert sha256(folder / name) == sha256(folder / "big")
        (folder / name).unlink()
