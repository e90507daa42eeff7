"""Why a host cannot be asked, or does not answer as it should: said of each, in words and as a reason."""
import http.server
import socket
import threading

import shoalwire as wire
from harness import KIB, PORT, check_equal, content, marks, until


def answering(address, reply):
    """A server that is none: it says `reply` to whoever connects, and no more."""
    listener = socket.create_server((address, PORT))

    def run():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(reply)
                connection.settimeout(5)
                try:
                    while connection.recv(4096):
                        pass
                except OSError:
                    pass
    threading.Thread(target=run, daemon=True).start()
    return listener


def occupied(swarm, server):
    """Its one place is taken, also if somebody else had it until just now."""
    def taken():
        try:
            return swarm.client(server)
        except (OSError, EOFError, AssertionError):
            return None
    return until(taken, "the place is free", every=0.1)


def altered(swarm, number, **fields):
    """A server whose hello is changed so."""
    def alter(message):
        if message.type == wire.HELLO:
            for field, value in fields.items():
                setattr(message, field, value)
    return swarm.fake(number, {"f": b"x"}, alter=alter)


def test_every_reason_is_kept_apart_and_told(swarm):
    full = swarm.host(2, shared={"f": 1000}, options=["--max-clients", "1"])
    occupant = occupied(swarm, full)
    altered(swarm, 3, version=9)
    altered(swarm, 4, type=wire.ANSWER, status=wire.STATUSES.index("closing"))
    altered(swarm, 5, type=wire.ANSWER, status=77)
    others = [answering(f"{swarm.net}.6", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
              answering(f"{swarm.net}.7", b"SHL1" + b"\xff" * 124)]
    reasons = {2: ("full", "is full"), 3: ("other-version", "speaks version 9 of the protocol, this host 1"),
               4: ("closing", "is about to end"), 5: ("refused", "status 77"),
               6: ("not-shoal", "HTTP answers on that port"), 7: ("broken-protocol", "does not keep to the protocol"),
               8: ("unreachable", "Connection refused")}
    host = swarm.host(1, hosts=list(reasons), start=False)
    process = host.get("f", code=4)
    done = process.events("fetch_done")[0]
    told = {one["host"]: one for one in done["unreached"]}
    prompt = host.prompt(options=["--json"])
    prompt.send("peers\nquit\n")
    assert prompt.wait() == 0, prompt.tail()
    rows = {row["address"]: row for row in prompt.events("peer_list")[0]["rows"]}
    for number, (reason, words) in reasons.items():
        name = f"{swarm.net}.{number}:{PORT}"
        assert told[name]["reason"] == reason and words in told[name]["text"], told[name]
        assert told[name]["text"].startswith(name), told[name]
        assert (rows[name]["state"], rows[name]["reason"]) == ("down", reason), rows[name]
        assert words in rows[name]["why"], rows[name]
        notices = process.events("notice", kind="refused", host=name)
        assert [one["reason"] for one in notices] == ([] if number == 8 else [reason]), notices
    assert f"no host could be reached: {full.name} is full; " in done["text"], done["text"]
    occupant.close()
    for other in others:
        other.close()


def test_who_is_full_says_so_to_a_person(swarm):
    full = swarm.host(2, shared={"f": 1000}, options=["--max-clients", "1"])
    occupant = occupied(swarm, full)
    host = swarm.host(1, hosts=[2], start=False)
    for words, code in ((["get", "f"], 4), (["list"], 4), (["search", "f"], 4)):
        process = host.run(*words, "--bind", host.address)
        assert process.wait() == code, process.tail()
        assert f"no host could be reached: {full.name} is full" in process.err.text(), process.tail()
    occupant.close()


@marks(long=True)
def test_an_http_server_that_waits_for_more_is_found_out(swarm):
    """Python's own waits for the end of a line; it is told that none follows."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((f"{swarm.net}.2", PORT), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    silent = socket.create_server((f"{swarm.net}.3", PORT))
    host = swarm.host(1, hosts=[2, 3], start=False)
    done = host.get("f", code=4).events("fetch_done")[0]
    assert {one["reason"] for one in done["unreached"]} <= {"not-shoal", "silent"}, done
    assert "no hello came" in done["text"], done
    server.shutdown()
    silent.close()


def test_peers_as_the_first_line_lists_every_host(swarm):
    swarm.host(2)
    host = swarm.host(1, hosts=[2, 3, 4, 5], start=False)
    prompt = host.prompt(options=["--json"])
    prompt.send("peers\nquit\n")
    assert prompt.wait() == 0, prompt.tail()
    rows = {row["address"]: row for row in prompt.events("peer_list")[0]["rows"]}
    assert {name for name, row in rows.items() if row["from_hosts_file"]} == \
        {f"{swarm.net}.{n}:{PORT}" for n in (2, 3, 4, 5)}, rows
    assert rows[f"{swarm.net}.2:{PORT}"]["state"] == "connected", rows
    assert rows[f"{swarm.net}.3:{PORT}"]["reason"] == "unreachable", rows


def test_a_refusal_is_told_as_what_it_is(swarm):
    """Of large files, of small ones, and of the question itself."""
    data = b"".join(content("f", 300 * KIB))
    for number, status, words in ((2, wire.BAD_REQUEST, "status bad_request"), (3, 77, "status 77")):
        swarm.fake(number, {f"large{number}": data, f"small{number}": data[:1000]}, refuse=status)
        host = swarm.host(10 + number, hosts=[number], start=False)
        for name in (f"large{number}", f"small{number}"):
            process = host.get(name, options=["--timeout", "1"], code=5)
            notes = process.events("fetch_note", kind="source-lost")
            assert any(words in note["text"] for note in notes), process.tail()
            assert not any("changed" in note["text"] for note in process.events("fetch_note")), process.tail()

    def alter(message):
        if message.type == wire.FILE:
            message.type, message.status = wire.ANSWER, 77

    swarm.fake(4, {"f": data}, alter=alter)
    process = swarm.host(14, hosts=[4], start=False).get("f", code=5)
    assert "status 77" in process.events("fetch_done")[0]["text"], process.tail()


def test_names_that_look_like_nothing_are_shown(swarm):
    name = "a\x7fb\u0085c\u200bd\u2060e\u00adf\u3164g\U000e0041h\ufe0f"
    server = swarm.host(2, shared={name: 1000})
    host = swarm.host(1, hosts=[2], start=False)
    process = host.run("list", "--json", "--bind", host.address)
    assert process.wait() == 0, process.tail()
    raw = process.out.text()
    assert not any(sign in raw for sign in name if not sign.isascii() or sign == "\x7f"), raw
    assert process.events("file_list")[0]["rows"][0]["name"] == name
    process = host.run("list", "--bind", host.address)
    assert process.wait() == 0, process.tail()
    assert "a\\x7Fb\\u{0085}c\\u{200B}d\\u{2060}e\\u{00AD}f\\u{3164}g\\u{E0041}h\\u{FE0F}" in process.out.text()
    host.get(name)
    check_equal(host.download(name), server.shared(name))


def test_the_words_of_a_refusal_keep_to_their_bound(swarm):
    client = swarm.client(swarm.host(2))
    # Escaped, it is four times as long as it may be in all.
    reply = client.ask(wire.QUERY, path=b"\x01" * 200 + b"/" + "\u200b".encode() * 60 + b"/../x")
    assert reply.type == wire.ANSWER and reply.status == wire.BAD_REQUEST, reply
    assert 0 < len(reply.payload) <= 1024
    reply.payload.decode("utf-8")
