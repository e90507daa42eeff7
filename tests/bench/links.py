"""Hosts with real links, for the benchmarks: one network namespace each, a veth to a bridge that is
in a namespace of its own, rates by `tc tbf` in both directions. Root only."""
import contextlib
import os
import shutil
import subprocess

FRAME, PAYLOAD = 1514, 1448  # a shaped link counts whole frames; this much of each is file


class Unable(Exception):
    """The machine does not allow what is measured; said and skipped."""


def sh(command):
    return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout


def carried(mbit):
    """Bytes of file a second that a link of so many Mbit/s carries at most."""
    return mbit * 1e6 / 8 * PAYLOAD / FRAME


def shape(space, device, mbit, bucket_ms):
    if mbit:
        # KiB, at least 128: whole segments of TSO pass, which spares much CPU
        burst = max(128, int(mbit * 0.25), int(mbit * bucket_ms / 8.192))
        sh(f"ip netns exec {space} tc qdisc replace dev {device} root tbf rate {mbit}mbit "
           f"burst {burst}kb latency 50ms")


class Network:
    """Hosts 0 … n - 1 at 10.99.0.1 …; `up` and `down` in Mbit/s, 0: not shaped. A host that does not
    get a processor for a while may make up for `bucket_ms` of its rate."""

    bucket_ms = 0

    def __init__(self, links):
        self.prefix = f"bench-{os.getpid()}-"
        self.hub = self.prefix + "hub"
        self.spaces = [f"{self.prefix}{n}" for n in range(len(links))]
        self.links = links

    def address(self, number):
        return f"10.99.{(number + 1) // 250}.{(number + 1) % 250}"

    def inside(self, number):
        return ["ip", "netns", "exec", self.spaces[number]]

    def build(self):
        sh(f"ip netns add {self.hub}")
        sh(f"ip -n {self.hub} link add bridge type bridge")
        sh(f"ip -n {self.hub} link set bridge up")
        # A firewall that looked at what passes would take a twentieth of the processors.
        subprocess.run(["ip", "netns", "exec", self.hub, "sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0"],
                       capture_output=True, check=False)
        for number, (up, down) in enumerate(self.links):
            space = self.spaces[number]
            sh(f"ip netns add {space}")
            sh(f"ip -n {self.hub} link add port{number} type veth peer name eth0 netns {space}")
            sh(f"ip -n {self.hub} link set port{number} master bridge up")
            sh(f"ip -n {space} addr add {self.address(number)}/16 dev eth0")
            sh(f"ip -n {space} link set eth0 up")
            sh(f"ip -n {space} link set lo up")
            shape(space, "eth0", up, self.bucket_ms)
            shape(self.hub, f"port{number}", down, self.bucket_ms)

    def cut(self, number):
        """The cable: neither FIN nor RST."""
        sh(f"ip -n {self.hub} link set port{number} down")

    def mend(self, number):
        sh(f"ip -n {self.hub} link set port{number} up")

    def sent(self, number):
        """Bytes that have left the host."""
        counters = sh(f"ip netns exec {self.spaces[number]} cat /proc/net/dev")
        line = next(one for one in counters.splitlines() if "eth0:" in one)
        return int(line.split(":")[1].split()[8])

    def remove(self):
        for space in [*reversed(self.spaces), self.hub]:
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)


@contextlib.contextmanager
def network(links):
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("tc"):
        raise Unable("needs root, ip and tc")
    net = Network(links)
    try:
        try:
            net.build()
        except subprocess.CalledProcessError as error:
            raise Unable(f"namespaces or shaping are not allowed: {error.stderr}") from error
        yield net
    finally:
        net.remove()
