"""What the tests of the JSON gateway share: hosts with a gateway, clients of it."""
import json
import socket
import sys

from harness import ROOT, SLOW

sys.path.insert(0, str(ROOT / "docs" / "examples"))
import shoal_json  # noqa: E402

SECRET = b"correct horse battery staple"
JSON_PORT = 8081
OK, SAME, OTHER_METADATA, REMOTE_NEWER, REMOTE_OLDER, ABSENT = 0, 10, 11, 12, 13, 14
BAD_JSON, BAD_REQUEST, UNKNOWN_TYPE, BAD_NAME, NOT_ALLOWED, READ_ONLY = 20, 21, 22, 23, 24, 25
BAD_RANGE, TOO_LARGE, HASH_DIFFERS, NOT_FOUND, EXISTS, FORBIDDEN, BUSY = 26, 27, 28, 40, 44, 46, 50


def gateway_host(swarm, number, *options, secret=SECRET, start=True, **how):
    host = swarm.host(number, start=False, **how)
    if secret:
        path = host.folder / "secret"
        path.write_bytes(secret + b"\n")
        path.chmod(0o600)
        host.options += ["--secret-file", "secret"]
    host.options += ["--json-port", str(JSON_PORT), *options]
    serve = host.serve

    def serve_both(*arguments, **how):
        serve(*arguments, **how)
        host.process.wait_text("JSON gateway on")
        return host
    host.serve = serve_both
    return host.serve() if start else host


def connect(host, secret=SECRET, number=None):
    source = (f"{host.swarm.net}.{number}", 0) if number else None
    return shoal_json.Gateway(host.address, JSON_PORT, secret, timeout=20 * SLOW, source=source)


def raw(host):
    sock = socket.create_connection((host.address, JSON_PORT), timeout=20 * SLOW)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def until_closed(sock):
    said = b""
    try:
        while data := sock.recv(65536):
            said += data
    except ConnectionResetError:
        pass
    return said


def status_of(gateway, request_type, body=None, content=None):
    return gateway.call(request_type, body, content)[0]["status"]


def call(host, *words, code=0, options=(), input_text=None):
    """`shoal call`: what it said on stdout, as objects."""
    process = host.run("call", *words, "--bind", host.address, "--json-port", str(JSON_PORT),
                       "--secret-file", "secret", options=options)
    if input_text is not None:
        process.send(input_text)
    process.close_input()
    ended = process.wait()
    assert ended == code, f"exit code {ended}, not {code}\n{process.tail()}"
    return [json.loads(line) for line in process.out.lines if line.startswith("{")]


def values(host):
    with connect(host) as gateway:
        return gateway.call("STATUS")[0]["content"]


def call_hash(host, path):
    process = host.run("hash", str(path))
    assert process.wait() == 0
    return process.out.lines[0].split()[0]
