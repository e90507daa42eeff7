"""The JSON gateway, row by row: CMP, PUSH, rights, lists, FETCH, `shoal call`, the document's session."""
import hashlib
import json
import os
import re
import stat
import subprocess
import sys

from harness import MIB, ROOT, make_file, sha256, until
from jsonhost import (ABSENT, BAD_REQUEST, EXISTS, HASH_DIFFERS, NOT_ALLOWED, NOT_FOUND, OK, OTHER_METADATA, READ_ONLY,
                      REMOTE_NEWER, REMOTE_OLDER, SAME, UNKNOWN_TYPE, call, call_hash, connect,
                      gateway_host, raw, status_of, values)


# J6: CMP -----------------------------------------------------------------------------------------

def test_j6_cmp_walks_from_same_to_absent(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"a.txt": b"one" * 10_000})
    root = call_hash(host, host.shared("a.txt"))
    os.utime(host.shared("a.txt"), (1_700_000_000, 1_700_000_000))
    plain = hashlib.sha256(b"one" * 10_000).hexdigest()  # of one leaf it would be the root
    with connect(host) as gateway:
        def cmp(digest, *meta_data):
            return status_of(gateway, "CMP", {"rel_endpoint": "a.txt", "hash": digest, "meta_data": list(meta_data)})
        until(lambda: cmp(root, "mtime=1700000000") == SAME, "the new time is seen")
        for digest in (root, root.upper(), "root:" + root, plain, "sha256:" + plain):
            assert cmp(digest, "size=30000", "mtime=1700000000") == SAME
            assert cmp(digest) == SAME
            assert cmp(digest, "mtime=1600000000") == OTHER_METADATA
            assert cmp(digest, "size=30000", "mtime=1800000000") == OTHER_METADATA
        for other in (hashlib.sha256(b"two").hexdigest(), "root:" + plain, "sha256:" + root):
            assert cmp(other, "mtime=1600000000") == REMOTE_NEWER
            assert cmp(other, "mtime=1800000000", "size=30000") == REMOTE_OLDER
            assert cmp(other) == REMOTE_NEWER
        assert status_of(gateway, "DELETE", {"rel_endpoint": "a.txt"}) == OK
        assert cmp(root, "mtime=1700000000") == ABSENT


def test_j6_cmp_with_what_only_the_swarm_has(swarm):
    server = gateway_host(swarm, 3, shared={"a.txt": 2 * MIB + 3})
    host = gateway_host(swarm, 2, hosts=[3])
    host.wait_connected(server)
    with connect(host) as gateway:
        body = {"rel_endpoint": "a.txt", "hash": sha256(server.shared("a.txt"))}
        assert status_of(gateway, "CMP", body) == SAME
        assert status_of(gateway, "CMP", {**body, "hash": "1" * 64, "meta_data": ["mtime=1"]}) == REMOTE_NEWER
        assert status_of(gateway, "CMP", {"rel_endpoint": "b.txt", "hash": "1" * 64}) == ABSENT


# J7: PUSH, see also test_json_push.py ------------------------------------------------------------

def test_j7_push_and_delete(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"old.txt": b"old"})
    with connect(host) as gateway:
        for name, data in (("new/a.txt", b"new"), ("old.txt", b"over" * 100_000), ("empty.txt", b"")):
            reply, _ = gateway.call("PUSH", {"rel_endpoint": name, "meta_data": ["mtime=1700000000"],
                                             "hash": hashlib.sha256(data).hexdigest()}, data)
            assert reply["status"] == OK, reply
            assert host.shared(name).read_bytes() == data
            assert int(host.shared(name).stat().st_mtime) == 1_700_000_000
            assert gateway.call("GET", {"rel_endpoint": name})[1] == data
        assert status_of(gateway, "PUSH", {"rel_endpoint": "in.txt", "content": "aGk="}) == OK
        assert host.shared("in.txt").read_bytes() == b"hi"
        for body, data, status in (
                ({"content": "aGk="}, b"x", BAD_REQUEST), ({"content": "!"}, None, BAD_REQUEST),
                ({}, None, BAD_REQUEST), ({"meta_data": ["size=5"]}, b"x", BAD_REQUEST),
                ({"hash": "0" * 64}, b"x" * 100_000, HASH_DIFFERS)):
            assert status_of(gateway, "PUSH", {"rel_endpoint": "in.txt", **body}, data) == status, body
        assert host.shared("in.txt").read_bytes() == b"hi"
        assert status_of(gateway, "DELETE", {"rel_endpoint": "in.txt"}) == OK
        assert not host.shared("in.txt").exists()
        assert status_of(gateway, "DELETE", {"rel_endpoint": "in.txt"}) == NOT_FOUND
        leftovers = [path for path in host.folder.rglob("*") if path.is_file() and path.name.startswith(".")
                     and ".shoal" not in path.parts]
        assert not leftovers, leftovers


# J8: rights --------------------------------------------------------------------------------------

def test_j8_endings_and_rights(swarm):
    host = gateway_host(swarm, 2, shared={"a.txt": b"text", "a.exe": b"program", "b.TXT": b"loud"})
    until(lambda: values(host)["files"] == "3", "all are hashed")
    requests = (("GET", {}), ("CMP", {"hash": "0" * 64}), ("PUSH", {"content": ""}), ("DELETE", {}), ("FETCH", {}))
    with connect(host) as gateway:
        for request_type, body in requests:
            reads = request_type in ("GET", "CMP")
            expected = NOT_ALLOWED if reads else READ_ONLY
            assert status_of(gateway, request_type, {"rel_endpoint": "a.exe", **body}) == expected
            if not reads:
                assert status_of(gateway, request_type, {"rel_endpoint": "a.txt", **body}) == READ_ONLY
        assert gateway.call("GET", {"rel_endpoint": "b.TXT"})[1] == b"loud"
        names = {row["name"] for row in gateway.call("LIST")[0]["content"]}
        assert names == {"a.txt", "b.TXT"}, names
        found = {row["name"] for row in gateway.call("SEARCH", {"name": "a"})[0]["content"]}
        assert found == {"a.txt"}, found
    host.process.stop()
    host.serve(options=["--json-allow", ".exe,.bin", "--json-write"])
    with connect(host) as gateway:
        assert gateway.call("GET", {"rel_endpoint": "a.exe"})[1] == b"program"
        for request_type, body in requests:
            assert status_of(gateway, request_type, {"rel_endpoint": "a.txt", **body}) == NOT_ALLOWED
    host.process.stop()
    host.serve(options=["--json-allow", "*"])
    with connect(host) as gateway:
        assert gateway.call("GET", {"rel_endpoint": "a.exe"})[1] == b"program"


# Listing, searching, fetching --------------------------------------------------------------------

def test_list_search_and_status(swarm):
    server = gateway_host(swarm, 3, shared={f"many/{i:03}.txt": 10 for i in range(30)})
    host = gateway_host(swarm, 2, hosts=[3], shared={"many/own.txt": 5, "a/Report.txt": 1, "top.txt": 2})
    host.wait_connected(server)
    until(lambda: (values(host)["files"], values(server)["files"]) == ("3", "30"), "all are hashed")
    with connect(host) as gateway:
        top = {row["name"]: row for row in gateway.call("LIST")[0]["content"]}
        assert set(top) == {"many", "a", "top.txt"} and top["many"]["folder"] and top["top.txt"]["here"], top
        names, after = [], ""
        while True:
            reply, _ = gateway.call("LIST", {"folder": "many/", "limit": 7, "after": after})
            names += [row["name"] for row in reply["content"]]
            if not reply["more"]:
                break
            after = names[-1]
        assert names == [f"{i:03}.txt" for i in range(30)] + ["own.txt"], names
        assert status_of(gateway, "LIST", {"folder": "nowhere"}) == NOT_FOUND
        found = [row["name"] for row in gateway.call("SEARCH", {"name": "report"})[0]["content"]]
        assert found == ["a/Report.txt"], found
        reply, _ = gateway.call("SEARCH", {"name": "many/", "limit": 5})
        assert len(reply["content"]) == 5 and reply["more"] and reply["hosts"] == 1, reply
        status, _ = gateway.call("STATUS")
        assert status["content"]["servers"] == "1", status


def test_search_beyond_the_hosts_that_are_known_and_fetch_what_it_finds(swarm):
    far = gateway_host(swarm, 4, shared={"far/report.txt": 200_000, "far/report.exe": 10})
    near = gateway_host(swarm, 3, hosts=[4], shared={"near/Report.TXT": 300})
    host = gateway_host(swarm, 2, "--json-write", hosts=[3], shared={"own/report.txt": 100, "own/other.txt": 1})
    near.wait_connected(far)
    host.wait_connected(near)
    for one, files in ((far, "2"), (near, "1"), (host, "2")):
        until(lambda one=one, files=files: values(one)["files"] == files, "all are hashed")
    with connect(host) as gateway:
        def search(name, **body):
            reply, _ = gateway.call("SEARCH", {"name": name, **body})
            assert reply["status"] == OK, reply
            return {row["name"]: row for row in reply["content"]}, reply
        rows, reply = search("report")
        assert list(rows) == ["own/report.txt", "near/Report.TXT", "far/report.txt"], reply
        assert [row["hops"] for row in rows.values()] == [0, 1, 2] and reply["complete"], reply
        assert rows["own/report.txt"]["here"] and rows["own/report.txt"]["holders"] == 1, reply
        assert set(search("report", ttl=1)[0]) == {"own/report.txt", "near/Report.TXT"}
        assert set(search("r*.txt", match="glob")[0]) == {"own/report.txt", "far/report.txt"}
        assert set(search("^near/", match="regex")[0]) == {"near/Report.TXT"}
        assert set(search("", extensions="txt", size_min=100, size_max=300)[0]) == {
            "own/report.txt", "near/Report.TXT"}
        for body in ({"match": "soundex"}, {"match": "regex", "name": "("}, {"ttl": 0}, {"ttl": 16}, {"timeout": 0}):
            assert status_of(gateway, "SEARCH", {"name": "a", **body}) == BAD_REQUEST, body
        row = rows["far/report.txt"]
        order = {"rel_endpoint": "got.txt", "hash": row["root"], "size": row["size"], "hosts": row["hosts"]}
        for odd in ({"size": row["size"]}, {"hosts": []}, {"hosts": row["hosts"], "size": row["size"]},
                    {**order, "hash": row["root"][:8]}):
            assert status_of(gateway, "FETCH", {"rel_endpoint": "got.txt", **odd}) == BAD_REQUEST, odd
        assert status_of(gateway, "FETCH", order) == OK
        assert sha256(host.download("got.txt")) == sha256(far.shared("far/report.txt"))


def test_what_search_finds_pending_is_fetched_by_its_hosts_alone(swarm):
    far = gateway_host(swarm, 4, shared={"other.txt": 1})
    near = gateway_host(swarm, 3, hosts=[4])
    host = gateway_host(swarm, 2, "--json-write", hosts=[3])
    near.wait_connected(far)
    host.wait_connected(near)
    with connect(host) as gateway:
        def search(name):
            reply, _ = gateway.call("SEARCH", {"name": name})
            assert reply["status"] == OK, reply
            return reply
        with open(far.shared("needle.txt"), "wb") as file:
            file.write(b"n" * 200_000)
            file.flush()
            reply = until(lambda: (found := search("needle"))["content"] and found, "it is seen there")
            (row,) = reply["content"]
            assert row["pending"] and row["root"] == "" and row["hosts"] == [far.name], reply
            assert "still hashed or written" in reply["message"], reply
        reply, _ = gateway.call("FETCH", {"rel_endpoint": row["name"], "hosts": row["hosts"]})
        assert reply["status"] == OK and reply["content"]["fetched"] == 200_000, reply
        assert sha256(host.download("needle.txt")) == sha256(far.shared("needle.txt"))
        reply = search("nobody has this")
        assert reply["content"] == [] and reply["doubts"] == "" and reply["message"] == "ok", reply


def test_search_of_a_host_alone(swarm):
    host = gateway_host(swarm, 2, shared={"a.txt": 5})
    until(lambda: values(host)["files"] == "1", "it is hashed")
    with connect(host) as gateway:
        reply, _ = gateway.call("SEARCH", {"name": "a"})
        assert reply["status"] == OK and [row["name"] for row in reply["content"]] == ["a.txt"], reply
        assert reply["hosts"] == 0 and "no host to ask" in reply["message"], reply


def test_fetch_with_events(swarm):
    server = gateway_host(swarm, 3, "--max-upload", "4MiB", shared={"big.txt": 6 * MIB, "x.txt": b"theirs"})
    host = gateway_host(swarm, 2, "--json-write", hosts=[3])
    make_file(host.download("x.txt"), b"mine")
    host.wait_connected(server)
    with connect(host) as gateway:
        events = []
        reply, _ = gateway.call("FETCH", {"rel_endpoint": "big.txt"}, on_event=events.append)
        assert reply["status"] == OK and reply["content"]["saved_as"].endswith("big.txt"), reply
        assert sha256(host.download("big.txt")) == sha256(server.shared("big.txt"))
        kinds = [event["event"] for event in events]
        assert kinds[0] == "started" and "progress" in kinds, kinds
        done = [event["done"] for event in events if event["event"] == "progress"]
        assert done == sorted(done) and {event["id"] for event in events} == {reply["id"]}
        assert status_of(gateway, "FETCH", {"rel_endpoint": "none.txt", "timeout": 5}) == NOT_FOUND
        assert status_of(gateway, "FETCH", {"rel_endpoint": "x.txt"}) == EXISTS
        assert host.download("x.txt").read_bytes() == b"mine"
        assert status_of(gateway, "FETCH", {"rel_endpoint": "big.txt", "hash": "zz"}) == BAD_REQUEST


def test_fetch_ends_with_who_watched_it_or_goes_on(swarm):
    server = gateway_host(swarm, 3, "--max-upload", "2MiB",
                          shared={"watched.txt": 40 * MIB, "left.txt": 3 * MIB})
    host = gateway_host(swarm, 2, "--json-write", hosts=[3])
    host.wait_connected(server)
    with connect(host) as gateway:
        gateway.send_line(b'{"request_type":"FETCH","body":{"rel_endpoint":"watched.txt"}}')
        while gateway.receive_line().get("event") != "progress":
            pass
    until(lambda: values(host)["downloads"] == "0", "the download is stopped")
    assert not host.download("watched.txt").exists()
    with connect(host) as gateway:
        assert status_of(gateway, "FETCH", {"rel_endpoint": "left.txt", "wait": False}) == OK
    until(host.download("left.txt").exists, "it is fetched all the same", limit=20)


# `shoal call` ------------------------------------------------------------------------------------

def test_call_from_the_command_line(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"a.txt": 100_000})
    assert call(host, "PING")[0]["message"] == "pong"
    got = host.folder / "got"
    reply = call(host, "GET", "a.txt", options=["--output", str(got)])[0]
    assert reply["content_length"] == 100_000 and got.read_bytes() == host.shared("a.txt").read_bytes()
    call(host, "GET", "a.txt", "range=10,20", options=["--output", str(got)])
    assert got.read_bytes() == host.shared("a.txt").read_bytes()[10:30]
    got.chmod(0o640)
    link = host.folder / "link"
    link.symlink_to(got)
    call(host, "GET", "a.txt", "range=0,5", options=["--output", str(link)])
    assert link.is_symlink() and got.read_bytes() == host.shared("a.txt").read_bytes()[:5]
    assert got.stat().st_mode & 0o777 == 0o640
    pipe = host.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    call(host, "GET", "a.txt", "range=0,5", options=["--output", str(pipe)])
    assert stat.S_ISFIFO(pipe.lstat().st_mode) and os.read(reader, 100) == got.read_bytes()
    os.close(reader)
    call(host, "PUSH", "b.txt", options=["--input", str(host.shared("a.txt"))])
    assert sha256(host.shared("b.txt")) == sha256(host.shared("a.txt"))
    call(host, "PUSH", "c.txt", options=["--input", "-"], input_text="from a pipe")
    assert host.shared("c.txt").read_bytes() == b"from a pipe"
    two = call(host, '{"id":1,"request_type":"PING"}', '{"id":2,"request_type":"NO"}', code=2)
    assert [(reply["id"], reply["status"]) for reply in two] == [(1, OK), (2, UNKNOWN_TYPE)]
    digest = sha256(host.shared("a.txt"))
    assert call(host, "CMP", "a.txt", f"hash={digest}")[0]["status"] == SAME
    assert call(host, "CMP", "a.txt", "hash=" + "0" * 64, code=1)[0]["status"] == REMOTE_NEWER
    assert call(host, "CMP", "z.txt", f"hash={digest}", code=1)[0]["status"] == ABSENT
    assert call(host, "GET", "none.txt", code=3)[0]["status"] == NOT_FOUND
    assert call(host, "GET", "a.exe", code=8)[0]["status"] == NOT_ALLOWED
    call(host, "GET", "a.txt", "b.txt", code=2)
    call(host, "{}", code=2)
    host.process.stop()
    call(host, "PING", code=4)


def test_call_writes_content_to_stdout(swarm):
    host = gateway_host(swarm, 2, shared={"a.txt": b"line one\nline two\n"})
    process = host.run("call", "GET", "a.txt", "--bind", host.address, "--secret-file", "secret")
    assert process.wait() == 0
    assert process.out.lines == ["line one", "line two"] and "content_length" in process.err.text()


def test_the_example_client_from_the_command_line(swarm):
    host = gateway_host(swarm, 2, "--json-write", shared={"a.txt": 5000})
    client = [sys.executable, str(ROOT / "docs/examples/shoal_json.py"), "--host", host.address,
              "--secret-file", str(host.folder / "secret")]
    got = host.folder / "got"
    subprocess.run([*client, "GET", "rel_endpoint=a.txt", "--output", str(got)], check=True)
    assert got.read_bytes() == host.shared("a.txt").read_bytes()
    subprocess.run([*client, "PUSH", "rel_endpoint=b.txt", "--input", str(got)], check=True)
    assert host.shared("b.txt").read_bytes() == got.read_bytes()
    done = subprocess.run([*client, "GET", "rel_endpoint=no.txt"], capture_output=True, text=True)
    assert done.returncode == 1 and json.loads(done.stdout)["status"] == NOT_FOUND


def test_the_documents_example_session(swarm):
    """docs/json-api.md: each line that the client says there is answered as it stands there."""
    page = (ROOT / "docs/json-api.md").read_text()
    session = re.search(r"```session\n(.*?)```", page, re.S)[1].splitlines()
    host = gateway_host(swarm, 2, "--json-write", secret=None, shared={"notes/today.txt": b"buy milk\n"})
    os.utime(host.shared("notes/today.txt"), (1_700_000_000, 1_700_000_000))
    until(lambda: os.stat(host.shared("notes/today.txt")).st_mtime == 1_700_000_000, "touched")
    host.process.stop()
    host.serve()
    with raw(host) as sock:
        file = sock.makefile("rwb")
        for line in session:
            who, said = line[:2], line[3:].encode() + b"\n"
            if who == "C:":
                file.write(said)
                file.flush()
            elif said.startswith(b"SHOAL-JSON"):
                assert re.fullmatch(rb"SHOAL-JSON 1 server open [0-9a-f]{32} [0-9a-f]{64}\n", file.readline())
            elif said.startswith(b"{"):
                got = file.readline()
                assert json.loads(got) == json.loads(said), (got, said)
            else:
                assert file.read(len(said)) == said
        assert len(session) > 12
