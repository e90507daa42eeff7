#!/usr/bin/env python3
"""A client of Shoal's JSON gateway, with nothing but Python's standard library.

    shoal_json.py [--host H] [--port P] [--secret-file F] TYPE [FIELD=VALUE...] [--input F] [--output F]

    shoal_json.py PING
    shoal_json.py GET rel_endpoint=notes/today.txt --output today.txt
    shoal_json.py PUSH rel_endpoint=notes/today.txt --input today.txt
    shoal_json.py LIST folder=notes

As a module:

    with Gateway("192.168.1.5", 8081, secret=b"...") as gateway:
        reply, content = gateway.call("GET", {"rel_endpoint": "notes/today.txt"})

docs/json-api.md says what goes over the wire.
"""
import argparse
import hmac
import json
import os
import pathlib
import socket
import sys

BLOCK = 65536
MAC = 16


class Refused(Exception):
    """The gateway turned us away, or is not the one that knows our secret."""


class Macs:
    """The MACs of one direction: each covers its place in the stream."""

    def __init__(self, key):
        self.key, self.count = key, 0

    def next(self, data):
        place = self.count.to_bytes(8, "little")
        self.count += 1
        return hmac.digest(self.key, place + data, "sha256")[:MAC]


def read_secret(path):
    """A file's secret: one line end behind it does not belong to it."""
    data = pathlib.Path(path).read_bytes()
    data = data[:-1] if data.endswith(b"\n") else data
    return data[:-1] if data.endswith(b"\r") else data


class Gateway:
    """A connection; one request after another."""

    def __init__(self, host="127.0.0.1", port=8081, secret=None, timeout=30, source=None):
        self.socket = socket.create_connection((host, port), timeout, source_address=source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.sends = self.receives = None
        self.next_id = 1
        try:
            self.shake_hands(secret)
        except BaseException:
            self.close()
            raise

    def shake_hands(self, secret):
        mode = "auth" if secret else "open"
        mine = f"SHOAL-JSON 1 client {mode} {os.urandom(16).hex()} {os.urandom(32).hex()}\n".encode()
        self.socket.sendall(mine)
        theirs = self.handshake_line()
        words = theirs.split()
        if words[:3] != [b"SHOAL-JSON", b"1", b"server"] or words[3:4] != [mode.encode()]:
            raise Refused(f"not the gateway that was wanted: {theirs!r}")
        if not secret:
            return

        def derive(label):
            return hmac.digest(secret, label + b"\n" + mine + theirs, "sha256")

        self.socket.sendall(b"PROOF " + derive(b"shoal json client proof").hex().encode() + b"\n")
        wanted = b"PROOF " + derive(b"shoal json server proof").hex().encode() + b"\n"
        if not hmac.compare_digest(self.handshake_line(), wanted):
            raise Refused("the gateway does not know the secret")
        self.sends = Macs(derive(b"shoal json client key"))
        self.receives = Macs(derive(b"shoal json server key"))

    def handshake_line(self):
        line = self.file.readline(161)
        if line.startswith(b"REFUSED "):
            raise Refused(line[8:].decode("utf-8", "replace").strip())
        if not line.endswith(b"\n"):
            raise Refused("the connection was closed")
        return line

    # Messages ------------------------------------------------------------------------------------

    def send_line(self, data):
        mark = self.sends.next(data).hex().encode() + b" " if self.sends else b""
        self.socket.sendall(mark + data + b"\n")

    def send_content(self, data):
        for start in range(0, len(data), BLOCK):
            block = data[start:start + BLOCK]
            self.socket.sendall(block + (self.sends.next(block) if self.sends else b""))

    def receive_line(self):
        line = self.file.readline((1 << 20) + 64)
        if not line.endswith(b"\n"):
            raise ConnectionError("the gateway has closed the connection")
        line = line[:-1]
        if self.receives:
            mark, line = line[:2 * MAC], line[2 * MAC + 1:]
            if not hmac.compare_digest(mark, self.receives.next(line).hex().encode()):
                raise ConnectionError("what came is not what the gateway sent")
        return json.loads(line)

    def receive_content(self, length):
        """Its blocks, each of them proven."""
        while length > 0:
            block = self.exactly(min(length, BLOCK))
            if self.receives and not hmac.compare_digest(self.exactly(MAC), self.receives.next(block)):
                raise ConnectionError("what came is not what the gateway sent")
            length -= len(block)
            yield block

    def exactly(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise ConnectionError("the content came incomplete")
        return data

    # Requests ------------------------------------------------------------------------------------

    def call(self, request_type, body=None, content=None, on_event=None):
        """One request: (its reply, the reply's raw content or None)."""
        request = {"id": self.next_id, "request_type": request_type, "body": body or {}}
        self.next_id += 1
        if content is not None:
            request["content_length"] = len(content)
        self.send_line(json.dumps(request).encode())
        if content is not None:
            self.send_content(content)
        while "status" not in (reply := self.receive_line()):
            if on_event:
                on_event(reply)
        if "content_length" not in reply:
            return reply, None
        return reply, b"".join(self.receive_content(reply["content_length"]))

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def parse_fields(words):
    """FIELD=VALUE: what reads as JSON counts as JSON, all else as text; meta_data is gathered."""
    body = {}
    for word in words:
        field, sign, value = word.partition("=")
        if not sign:
            raise SystemExit(f"'{word}' is not FIELD=VALUE")
        if field == "meta_data":
            body.setdefault(field, []).append(value)
        elif field in ("range", "limit", "timeout", "wait", "inline"):
            body[field] = json.loads(value)
        else:
            body[field] = value
    return body


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--secret-file")
    parser.add_argument("--input")
    parser.add_argument("--output")
    parser.add_argument("type")
    parser.add_argument("fields", nargs="*")
    options = parser.parse_intermixed_args()
    secret = read_secret(options.secret_file) if options.secret_file else None
    content = pathlib.Path(options.input).read_bytes() if options.input else None
    try:
        with Gateway(options.host, options.port, secret) as gateway:
            reply, data = gateway.call(options.type, parse_fields(options.fields), content,
                                       on_event=lambda event: print(json.dumps(event)))
    except (OSError, Refused) as error:
        print(f"shoal_json: {error}", file=sys.stderr)
        return 4
    print(json.dumps(reply), file=sys.stdout if data is None or options.output else sys.stderr)
    if data is not None and options.output:
        pathlib.Path(options.output).write_bytes(data)
    elif data is not None:
        sys.stdout.buffer.write(data)
    return 0 if reply["status"] in (0, 10) else 1


if __name__ == "__main__":
    sys.exit(main())
