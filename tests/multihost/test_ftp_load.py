"""Many FTP clients at once: F2, first bytes, memory. The comparison with other servers is
`make bench-ftp`."""
import concurrent.futures
import resource
import socket
import time

from ftphost import FTP_PORT, Raw, connect, fetch, gateway_host, read_to_end, wait_listed
from harness import GIB, KIB, MIB, Skip, marks, sha256, until


def anonymous(host):
    """A logged-in session as a bare socket."""
    sock = socket.create_connection((host.address, FTP_PORT), timeout=60)
    for line in (b"", b"USER anonymous\r\n", b"PASS x\r\n"):
        sock.sendall(line)
        assert sock.recv(200)[:1] in b"23"
    return sock


def test_f2_400_clients_on_two_workers(swarm):
    host = gateway_host(swarm, 1, shared={"f": 40 * KIB})
    wanted = host.shared("f").read_bytes()
    connect(host).quit()  # by then all threads run
    threads = host.process.threads()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        clients = list(pool.map(lambda _: connect(host, ()), range(400)))
        assert list(pool.map(lambda ftp: fetch(ftp, "f"), clients)) == [wanted] * 400
        assert host.process.threads() == threads, f"{host.process.threads()}, not {threads}"
        assert [name for name in threads if name[-1].isdigit()] == ["ftp-0", "ftp-1"], threads
        with socket.create_connection((host.address, FTP_PORT), timeout=20) as sock:
            assert read_to_end(sock).startswith(b"421 ")
        list(pool.map(lambda ftp: ftp.quit(), clients))


@marks(alone=True, bare=True, timeout=120)
def test_f2_idle_sessions_cost_little(swarm):
    """1,000 here; 5,000 where the limit of descriptors lets us."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = 5000 if hard > 12_000 else 1000
    if hard < 2500:
        raise Skip(f"only {hard} descriptors")
    host = gateway_host(swarm, 1, "--ftp-clients-per-thread", 4000, shared={"f": KIB})

    def memory():
        with open(f"/proc/{host.process.pid}/smaps_rollup") as rollup:
            return next(int(line.split()[1]) * KIB for line in rollup if line.startswith("Pss:"))

    for one in [anonymous(host) for _ in range(50)]:
        one.close()
    before = memory()
    sessions = [anonymous(host) for _ in range(count)]
    each = (memory() - before) / count
    start = time.monotonic()
    for one in sessions:
        one.sendall(b"NOOP\r\n")
    for one in sessions:
        assert one.recv(100).startswith(b"200")
    noop = time.monotonic() - start
    start = time.monotonic()
    client = connect(host, ())
    assert len(fetch(client, "f")) == KIB
    fresh = time.monotonic() - start
    print(f"{count} idle sessions: {each:.0f} bytes each; NOOP to all {noop:.3f} s; login and 1 KiB "
          f"{fresh * 1000:.1f} ms")
    assert each < 3 * KIB, f"{each:.0f} bytes a session; asked are 2 KiB"
    assert noop < 1 and fresh < 0.2


@marks(alone=True, bare=True, timeout=120)
def test_f5_first_byte_long_before_the_last(swarm):
    """Read through: three hosts hold it, a fourth's gateway sends it while it arrives."""
    for number in (2, 3, 4):
        swarm.host(number, shared={"f": 128 * MIB}, options=["--max-upload", "12MiB"])
    host = gateway_host(swarm, 1, hosts=[2, 3, 4])
    wait_listed(connect(host), "f")
    raw = Raw(host)
    data = raw.passive()
    start = time.monotonic()
    raw.send("RETR f\r\n")
    assert len(data.recv(1)) == 1
    first = time.monotonic() - start
    raw.reply()
    rest = 1 + len(read_to_end(data))
    whole = time.monotonic() - start
    raw.reply("226")
    assert rest == 128 * MIB
    print(f"first byte after {first * 1000:.1f} ms, last after {whole:.2f} s")
    assert first < 0.25, f"{first:.3f} s; asked are 50 ms"
    assert whole > 4 * first


@marks(alone=True, bare=True, long=True, timeout=300)
def test_f5_as_fast_as_a_get(swarm):
    """1 GiB from three hosts through a fourth's gateway, beside `shoal get` of the same."""
    hosts = [swarm.host(number, shared={"f": GIB}) for number in (2, 3, 4)]
    getter = swarm.host(5, hosts=[2, 3, 4], start=False)
    start = time.monotonic()
    getter.get("f", options=["--wait-hosts", "3"], limit=120)
    direct = time.monotonic() - start
    host = gateway_host(swarm, 1, hosts=[2, 3, 4])
    wait_listed(connect(host), "f")
    raw = Raw(host)
    data = raw.passive()
    start = time.monotonic()
    raw.say("RETR f")
    moved = 0
    buffer = bytearray(1 << 20)
    while got := data.recv_into(buffer):
        moved += got
    through = time.monotonic() - start
    raw.reply("226")
    assert moved == GIB
    print(f"get {direct:.2f} s, through the gateway {through:.2f} s")
    until(lambda: host.download("f").exists(), "what came is kept")
    assert sha256(host.download("f")) == sha256(hosts[0].shared("f"))
    assert direct / through > 0.5, f"{direct / through:.2f} of a get; asked are 0.7"
