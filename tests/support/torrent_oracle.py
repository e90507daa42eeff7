#!/usr/bin/python3
"""What BitTorrent v2 software says about a file: its pieces root and its piece layer.

    torrent_oracle.py FILE PIECESIZE

prints one JSON line {"size": N, "root": HEX, "layer": [HEX, ...]}. PIECESIZE is a power of
two of at least 65536. A file of at most one piece has no layer of its own in the torrent; its
root is its only piece's hash, so it stands here as the one entry. An empty file has no root in
a torrent; here it is 32 zero bytes. Exit code 77, the one for skipped tests, if libtorrent is
missing.
"""

import json
import os
import sys

SKIPPED = 77
HASH_SIZE = 32
PIECE_SIZE_MIN = 64 * 1024


def describe(path, piece_size):
    """The file's size, root and layer, as hex, computed by libtorrent alone."""
    import libtorrent

    size = os.path.getsize(path)
    if size == 0:
        return {"size": 0, "root": "00" * HASH_SIZE, "layer": []}
    folder, name = os.path.split(os.path.abspath(path))
    storage = libtorrent.file_storage()
    storage.add_file(name, size)
    torrent = libtorrent.create_torrent(
        storage, piece_size, flags=libtorrent.create_torrent.v2_only
    )
    libtorrent.set_piece_hashes(torrent, folder)
    entry = torrent.generate()
    root = entry[b"info"][b"file tree"][name.encode()][b""][b"pieces root"]
    layer = entry.get(b"piece layers", {}).get(root, root)
    return {
        "size": size,
        "root": root.hex(),
        "layer": [
            layer[at : at + HASH_SIZE].hex() for at in range(0, len(layer), HASH_SIZE)
        ],
    }


def differences(ours, oracle):
    """Lines that say where two such descriptions differ; none if they agree."""
    lines = [
        f"{key}: ours {ours[key]}, oracle {oracle[key]}"
        for key in ("size", "root")
        if ours[key] != oracle[key]
    ]
    if len(ours["layer"]) != len(oracle["layer"]):
        lines.append(
            f"layer: ours has {len(ours['layer'])} hashes, oracle {len(oracle['layer'])}"
        )
    lines += [
        f"layer[{index}]: ours {mine}, oracle {theirs}"
        for index, (mine, theirs) in enumerate(zip(ours["layer"], oracle["layer"]))
        if mine != theirs
    ]
    return lines


def is_piece_size(word):
    return word.isdecimal() and int(word) >= PIECE_SIZE_MIN and int(word).bit_count() == 1


def main(arguments):
    if len(arguments) != 2 or not is_piece_size(arguments[1]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        print(json.dumps(describe(arguments[0], int(arguments[1]))))
    except ImportError:
        print("torrent_oracle: python3-libtorrent is not installed", file=sys.stderr)
        return SKIPPED
    except OSError as error:
        print(f"torrent_oracle: cannot read '{arguments[0]}': {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
