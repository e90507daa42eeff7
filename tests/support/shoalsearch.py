"""Searches of the Shoal protocol in plain Python, written from docs/protocol.md alone: how the fields of
search, hits and search_done are used. shoalwire.py has the messages themselves.
"""
import os
import socket
import struct

NAME_PART, GLOB, REGEX = 0, 1, 2


def pack_address(host, port):
    """IPv4 as ::ffff:a.b.c.d; None is an address that is not known."""
    raw = bytes(16) if host is None else bytes(10) + b"\xff\xff" + socket.inet_aton(host)
    return raw + struct.pack("<H", port)


def unpack_address(raw):
    port = struct.unpack("<H", raw[16:])[0]
    if not any(raw[:16]):
        return None, port
    v4 = raw[:12] == bytes(10) + b"\xff\xff"
    return (socket.inet_ntoa(raw[12:16]) if v4 else
            socket.inet_ntop(socket.AF_INET6, raw[:16])), port


def search_fields(pattern, kind=NAME_PART, search_id=None, ttl=7, wait_ms=2000, stack=(),
                  extensions="", size_min=0, size_max=(1 << 64) - 1):
    """The fields of a search; the stack is of (host, port), the origin first."""
    stacked = b"".join(pack_address(*one) for one in stack)
    question = pattern.encode() + (b"\0" + extensions.encode() if extensions else b"")
    return dict(nodeId=search_id or os.urandom(16), port=ttl, version=kind, count=wait_ms,
                fileSize=size_min, first=size_max, path=stacked + question,
                prefixLength=len(stacked))


HIT = struct.Struct("<HHQ32s")


def pending_root(size):
    """Stands for the root of a file that is not hashed yet."""
    return bytes(32) if size else b"\xff" * 32


def pack_hits(records, address=(None, 0), rate=0, path=()):
    """`records`: (name, size, root, whole) of each."""
    out = pack_address(*address) + struct.pack("<QH", rate, len(path))
    out += b"".join(pack_address(*one) for one in path)
    for name, size, root, whole in records:
        raw = name.encode()
        out += HIT.pack(len(raw), 1 if whole else 0, size, root) + raw
    return out


def unpack_hits(payload):
    """(address of the holder, rate, path, records)."""
    rate, hosts = struct.unpack_from("<QH", payload, 18)
    at, path, records = 28, [], []
    for _ in range(hosts):
        path.append(unpack_address(payload[at:at + 18]))
        at += 18
    while at < len(payload):
        length, flags, size, root = HIT.unpack_from(payload, at)
        at += HIT.size
        records.append((payload[at:at + length].decode(), size, root, bool(flags & 1)))
        at += length
    return unpack_address(payload[:18]), rate, path, records


def search_counts(message):
    """Of a search_done."""
    lost, late, refused, cut, unsure = struct.unpack_from("<5I", message.digest)
    return dict(hosts=message.count, messages=message.first, bytes=message.fileSize, lost=lost,
                duplicates=message.held, late=late, refused=refused, cut=cut, unsure=unsure)


def check_search_vectors(messages):
    """The golden ones, as golden.py has read them."""
    found = messages["server-hits"]
    address, rate, path, records = unpack_hits(found.payload)
    assert pack_hits(records, address, rate, path) == found.payload and len(records) == found.count
    asked = messages["client-search"]
    again = search_fields("*\u00c4*", GLOB, asked.nodeId, 5, 3500,
                          [("192.0.2.1", 8080), ("192.0.2.2", 8081)], "ogg,mp3", 10, 1000000)
    again["path"] += bytes(400 - len(again["path"]))
    assert all(getattr(asked, name) == value for name, value in again.items()), asked
    assert search_counts(messages["server-search-done"]) == dict(
        hosts=29, messages=70, bytes=20000, duplicates=12, lost=1, late=2, refused=3, cut=4,
        unsure=5)
