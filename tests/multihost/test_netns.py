"""Hosts with real links: network namespaces on a bridge, their speed shaped with tc. Root only; all
names carry the number of this process, and all is deleted at the end."""
import contextlib
import os
import shutil
import subprocess
import time

from harness import MIB, Skip, check_equal, make_file, marks


def sh(command):
    subprocess.run(command.split(), check=True, capture_output=True)


@contextlib.contextmanager
def network(count, rate, delay_ms=2):
    """Namespaces shoal-PID-1 … N, addresses 10.99.0.1 … N, each link shaped to `rate` both ways;
    the bridge lives in a namespace of its own, so this machine's network is left alone."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
        raise Skip("needs root, ip and tc")
    prefix = f"shoal-{os.getpid()}-"
    hub = prefix + "hub"
    made = []
    try:
        try:
            sh(f"ip netns add {hub}")
        except subprocess.CalledProcessError as error:
            raise Skip("network namespaces are not allowed here") from error
        made.append(hub)
        sh(f"ip -n {hub} link add bridge type bridge")
        sh(f"ip -n {hub} link set bridge up")
        for n in range(1, count + 1):
            name = f"{prefix}{n}"
            sh(f"ip netns add {name}")
            made.append(name)
            sh(f"ip -n {hub} link add port{n} type veth peer name eth0 netns {name}")
            sh(f"ip -n {hub} link set port{n} master bridge up")
            sh(f"ip -n {name} addr add 10.99.0.{n}/24 dev eth0")
            sh(f"ip -n {name} link set eth0 up")
            sh(f"ip -n {name} link set lo up")
            for space, link in ((name, "eth0"), (hub, f"port{n}")):
                try:
                    sh(f"ip netns exec {space} tc qdisc add dev {link} root tbf rate {rate} "
                       f"burst 128kb latency {40 + delay_ms}ms")
                except subprocess.CalledProcessError as error:
                    raise Skip("this kernel cannot shape links") from error
        yield prefix
    finally:
        for name in reversed(made):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def inside(prefix, number):
    return ["ip", "netns", "exec", f"{prefix}{number}"]


def place(swarm, prefix, number, others, size=None):
    """A host whose address is that of its namespace."""
    host = swarm.host(number, hosts=[f"10.99.0.{n}" for n in others], start=False)
    host.address = f"10.99.0.{number}"
    host.name = f"{host.address}:8080"
    if size:
        make_file(host.shared("f"), size)
        host.process = host.run("serve", "--json", wrap=inside(prefix, number))
    return host


@marks(alone=True, timeout=120, bare=True)
def test_links_add_up_until_the_requester_is_full(swarm):
    """Three holders with 40 Mbit/s each behind a requester with 40 Mbit/s: its link is used well,
    and a host that is cut off in the middle costs little."""
    size, rate = 20 * MIB, 40e6 / 8
    with network(4, "40mbit") as prefix:
        servers = [place(swarm, prefix, n, [1], size) for n in (2, 3, 4)]
        host = place(swarm, prefix, 1, [2, 3, 4])
        process = host.run("get", "f", "--json", "--wait-hosts", "3", wrap=inside(prefix, 1))
        process.wait_event("fetch_progress", lambda one: one["done"] > 0)
        start = time.monotonic()
        process.wait_event("fetch_progress", lambda one: one["done"] > size / 3)
        sh(f"ip -n {prefix}2 link set eth0 down")  # a cable pulled: no goodbye, no reset
        assert process.wait(60) == 0, process.tail()
        took = time.monotonic() - start
        check_equal(host.download("f"), servers[0].shared("f"))
        for one in servers:
            one.kill()
    assert took < size / rate * 2, f"{took:.1f} s; the link alone needs {size / rate:.1f} s"


@marks(alone=True, timeout=120, bare=True)
def test_p35_a_limit_holds_over_a_real_link(swarm):
    with network(2, "200mbit") as prefix:
        server = place(swarm, prefix, 2, [1], 12 * MIB)
        host = place(swarm, prefix, 1, [2])
        start = time.monotonic()
        process = host.run("get", "f", "--json", "--wait-hosts", "1", "--max-download", "4MiB",
                           wrap=inside(prefix, 1))
        assert process.wait(30) == 0, process.tail()
        took = time.monotonic() - start
        check_equal(host.download("f"), server.shared("f"))
        server.kill()
    assert 2.4 < took < 5, took
