"""Roots and chunk hashes are those of BitTorrent v2 (BEP 52), says other people's software:
python3-libtorrent, where a Python on this machine has it."""
import json
import shutil
import subprocess
import sys

import shoalwire as wire
from harness import MIB, ROOT, Skip, make_file, marks

ORACLE = ROOT / "tests" / "support" / "torrent_oracle.py"
SIZES = [0, 1, 16384, 16385, 20000, 65536, 65537, 327680, 10 * MIB + 1, 257 * MIB]


def python_with_libtorrent():
    for python in (sys.executable, "/usr/bin/python3", shutil.which("python3")):
        if python and subprocess.run([python, "-c", "import libtorrent"],
                                     capture_output=True).returncode == 0:
            return python
    raise Skip("python3-libtorrent is not installed")


@marks(timeout=120, bare=True)
def test_roots_and_layers_are_those_of_bittorrent(swarm):
    python = python_with_libtorrent()
    host = swarm.host(2, start=False)
    for size in SIZES:
        make_file(host.shared(f"s{size}"), size)
    host.serve()
    with swarm.client(host) as client:
        client.sock.settimeout(60)
        for size in SIZES:
            path = host.shared(f"s{size}")
            said = subprocess.run([python, ORACLE, path, str(wire.chunk_size(size))], check=True,
                                  capture_output=True, text=True)
            oracle = json.loads(said.stdout)
            hashed = host.run("hash", path)
            assert hashed.wait() == 0
            assert hashed.out.text().split()[:2] == [oracle["root"], str(size)], (size, oracle)
            file = client.query(f"s{size}")
            assert (file.digest.hex(), file.fileSize) == (oracle["root"], size)
            chunks = wire.ceil_div(size, wire.chunk_size(size))
            layer = [file.digest.hex()] if chunks == 1 else []
            while len(layer) < chunks:
                page = client.chunk_hashes(size, file.digest, len(layer),
                                           min(2048, chunks - len(layer)))
                layer += [digest.hex() for digest in wire.split_digests(page.payload)]
            assert layer == oracle["layer"], size
