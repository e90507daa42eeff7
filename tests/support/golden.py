"""Checks the golden vectors of the protocol's page against shoalwire.py, which was written from that
page alone:  python3 tests/support/golden.py docs/protocol.md
"""
import re
import sys

from shoalsearch import check_search_vectors
from shoalwire import ClientMessage, ServerMessage, Session, file_root


def golden_blocks(page):
    """The golden vectors of docs/protocol.md by label."""
    blocks = {}
    for label, text in re.findall(r"```golden (\S+)\n(.*?)```", page, re.S):
        lines = (line.split() for line in text.splitlines())
        blocks[label] = b"".join(bytes(int(words[1])) if words[0] == "zeros"
                                 else bytes.fromhex(words[0]) for words in lines)
    return blocks


def check_golden(page):
    blocks = golden_blocks(page)
    messages = {}
    for label, raw in blocks.items():
        if not label.startswith("auth-"):
            kind = ClientMessage if len(raw) == 512 else ServerMessage
            messages[label] = kind.unpack(raw[:kind.layout.size])
            messages[label].payload = raw[kind.layout.size:]
            assert messages[label].pack() + messages[label].payload == raw, label
    check_search_vectors(messages)
    session = Session(b"correct horse battery staple", messages["client-hello"],
                      messages["server-hello"])
    assert session.client_proof == blocks["auth-client-proof"]
    assert session.server_proof == blocks["auth-server-proof"]
    for order in (("sealed-proof", "sealed-query"), ("sealed-answer", "sealed-refusal")):
        session.received = 0
        assert all(session.opens(messages[label]) for label in order), order
    for size, root in re.findall(r"^\| (\d+) \| `([0-9a-f]{64})` \|$", page, re.M):
        assert file_root(bytes(i % 251 for i in range(int(size)))).hex() == root, size
    return len(blocks)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as page_file:
        print("%d golden vectors agree" % check_golden(page_file.read()))
