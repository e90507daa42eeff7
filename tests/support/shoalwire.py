"""The Shoal protocol in plain Python, written from docs/protocol.md alone: the messages, the tree and
a raw client, for tests (shoalfake.py has a server, golden.py checks the golden vectors with it).
Standard library only; simple rather than fast.

    with Client("127.0.0.2", 8080) as client:
        client.hello()
        print(client.query("name"))
"""
import hashlib
import hmac
import os
import socket
import struct

from shoalsearch import (GLOB, NAME_PART, REGEX, pack_address,  # noqa: F401
                         pack_hits, search_counts, search_fields, unpack_address, unpack_hits)

MAGIC = b"SHL1"
LEAF = 16384
MIB = 1 << 20

HELLO, PROOF, QUERY, LIST, CHUNK_HASHES, LEAF_HASHES = 1, 2, 3, 4, 5, 6
REQUEST, CANCEL, STATUS, SUBSCRIBE, UNSUBSCRIBE = 7, 8, 9, 10, 11
SEARCH, HITS, SEARCH_DONE = 32, 32, 33
ANSWER, FILE, LISTING, DATA, STATUS_TEXT, HOLDING, HAVE, CLOSING = 2, 3, 4, 7, 8, 9, 10, 11
STATUSES = ("ok pending not_found not_held changed unreadable bad_request closing busy cancelled "
            "unknown_type unknown_version not_let_in io_error").split()
OK, PENDING, NOT_FOUND, NOT_HELD, CHANGED, UNREADABLE, BAD_REQUEST = range(7)
UNKNOWN_TYPE, UNKNOWN_VERSION, NOT_LET_IN = 10, 11, 12
AUTHENTICATED, SUBSTITUTE, LAST_PAGE, MORE, INCOMPLETE, BEING_WRITTEN = 1, 2, 4, 8, 16, 32
TREE_COVERED = (CHUNK_HASHES, LEAF_HASHES, DATA)


class Message:
    """Fields by name; what is not given is zero."""
    layout, layout_names, blobs = None, (), ()

    def __init__(self, **fields):
        for name in self.layout_names:
            setattr(self, name, b"" if name in self.blobs else 0)
        self.magic = MAGIC
        self.payload = b""
        for name, value in fields.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def pack(self):
        return self.layout.pack(*(getattr(self, name) for name in self.layout_names))

    @classmethod
    def unpack(cls, raw):
        return cls(**dict(zip(cls.layout_names, cls.layout.unpack(raw))))

    def __repr__(self):
        shown = {name: getattr(self, name) for name in self.layout_names
                 if name not in ("magic", "mac", "reserved") and any_bits(getattr(self, name))}
        return "%s(%s, %d payload bytes)" % (type(self).__name__, shown, len(self.payload))


def any_bits(value):
    return any(value) if isinstance(value, bytes) else value


class ClientMessage(Message):
    layout = struct.Struct("<4sHHQQ32sQIHH16s400sHHI16s")
    layout_names = ("magic type flags id fileSize digest first count pathLength prefixLength nodeId "
                    "path port version reserved mac").split()
    blobs = ("magic", "digest", "nodeId", "path", "mac")

    @property
    def name(self):
        return self.path[:self.pathLength].decode()


class ServerMessage(Message):
    layout = struct.Struct("<4sHHQQQ32sQIHHQ16sH6s16s")
    layout_names = ("magic type status id payloadSize fileSize digest first count flags port held "
                    "nodeId version reserved mac").split()
    blobs = ("magic", "digest", "nodeId", "reserved", "mac")

    @property
    def status_name(self):
        return STATUSES[self.status] if self.status < len(STATUSES) else str(self.status)


assert ClientMessage.layout.size == 512 and ServerMessage.layout.size == 128


# The tree -----------------------------------------------------------------------------------------

def sha256(data):
    return hashlib.sha256(data).digest()


def pad(height):
    return bytes(32) if height == 0 else sha256(pad(height - 1) * 2)


def merge(nodes, height):
    """Root over `nodes`, which stand at `height`, padded to a power of two."""
    nodes = list(nodes)
    while len(nodes) & (len(nodes) - 1):
        nodes.append(pad(height))
    while len(nodes) > 1:
        nodes = [sha256(nodes[i] + nodes[i + 1]) for i in range(0, len(nodes), 2)]
    return nodes[0]


def chunk_size(file_size):
    size = 65536
    while size < 4 * MIB and file_size > size * 4096:
        size *= 2
    return size


def ceil_div(number, divisor):
    return -(-number // divisor)


def leaf_hashes(data):
    return [sha256(data[at:at + LEAF]) for at in range(0, len(data), LEAF)]


def chunk_hashes(data):
    size = chunk_size(len(data))
    per_chunk = size // LEAF
    if len(data) <= size:
        return [merge(leaf_hashes(data), 0)] if data else []
    leaves = leaf_hashes(data)
    return [merge(part + [pad(0)] * (per_chunk - len(part)), 0)
            for part in (leaves[at:at + per_chunk] for at in range(0, len(leaves), per_chunk))]


def root_of_chunks(hashes, file_size):
    height = (chunk_size(file_size) // LEAF).bit_length() - 1
    return merge(hashes, height) if hashes else bytes(32)


def file_root(data):
    return root_of_chunks(chunk_hashes(data), len(data))


# Payloads -----------------------------------------------------------------------------------------

RECORD = struct.Struct("<HQ32sQq")


def pack_record(name, size, root, held, mtime):
    raw = name.encode()
    return RECORD.pack(len(raw), size, root, held, mtime) + raw


def unpack_records(page):
    """(name, size, root, held, mtime) of each."""
    records, at = [], 0
    while at < len(page):
        length, size, root, held, mtime = RECORD.unpack_from(page, at)
        at += RECORD.size
        records.append((page[at:at + length].decode(), size, root, held, mtime))
        at += length
    return records


def pack_bitmap(chunks, count):
    out = bytearray(ceil_div(count, 8))
    for chunk in chunks:
        out[chunk // 8] |= 0x80 >> chunk % 8
    return bytes(out)


def unpack_bitmap(raw):
    return {8 * i + bit for i, byte in enumerate(raw) for bit in range(8) if byte & 0x80 >> bit}


def chunks_of(have):
    """The chunks that a `have` names."""
    more = struct.unpack(f"<{len(have.payload) // 4}I", have.payload)
    return {*range(have.first, have.first + have.count), *more}


def split_digests(payload):
    return [payload[at:at + 32] for at in range(0, len(payload), 32)]


# Authentication -----------------------------------------------------------------------------------

class Session:
    """Seals and opens; without a secret every mac is zero."""

    def __init__(self, secret=None, client_hello=None, server_hello=None):
        self.sent = self.received = 0
        self.on = secret is not None
        if self.on:
            a, b = client_hello, server_hello
            facts = struct.pack("<HHH16s16s32s32s", a.version, a.port, b.port, a.nodeId, b.nodeId,
                                a.digest, b.digest)
            self.client_key, self.server_key, self.client_proof, self.server_proof = (
                hmac.new(secret, label + facts, "sha256").digest()
                for label in (b"shoal client key  ", b"shoal server key  ",
                              b"shoal client proof", b"shoal server proof"))

    def mac(self, message, counter):
        if not self.on:
            return bytes(16)
        server = isinstance(message, ServerMessage)
        covered = b"" if server and message.type in TREE_COVERED else message.payload
        text = struct.pack("<Q", counter) + message.pack()[:-16] + bytes(16) + covered
        return hmac.new(self.server_key if server else self.client_key, text, "sha256").digest()[:16]

    def seal(self, message):
        message.mac = self.mac(message, self.sent)
        self.sent += 1
        return message

    def opens(self, message):
        self.received += 1
        return hmac.compare_digest(message.mac, self.mac(message, self.received - 1))


def read_exactly(sock, size):
    parts = []
    while size:
        part = sock.recv(min(size, MIB))
        if not part:
            raise EOFError("the other side closed the connection")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Client:
    """One connection to a server. `source` is an address of this machine to dial from."""

    def __init__(self, host, port, secret=None, port_announced=0, source=None, timeout=10):
        self.sock = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.secret, self.port_announced = secret, port_announced
        self.session = Session()
        self.node = os.urandom(16)
        self.last_id = 0
        self.waiting = []  # messages read while another was looked for: pushes, other answers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send_raw(self, data):
        self.sock.sendall(data)

    def send(self, kind, **fields):
        """Sends a message and returns its id."""
        self.last_id += 1
        if isinstance(fields.get("path"), str):
            fields["path"] = fields["path"].encode()
        fields.setdefault("pathLength", len(fields.get("path", b"")))
        fields.setdefault("id", self.last_id)
        message = self.session.seal(ClientMessage(type=kind, **fields))
        self.send_raw(message.pack())
        return message.id

    def recv_message(self):
        """The next message with its payload; EOFError at the end of the stream."""
        message = ServerMessage.unpack(read_exactly(self.sock, 128))
        assert message.magic == MAGIC, "bad magic"
        assert message.payloadSize <= MIB, "a payload of %d bytes" % message.payloadSize
        message.payload = read_exactly(self.sock, message.payloadSize)
        refused = message.type == ANSWER and message.status == NOT_LET_IN and not any(message.mac)
        assert refused or self.session.opens(message), "bad mac"
        return message

    def answer_to(self, wanted_id):
        """The next message with this id; others are kept in `waiting`."""
        for i, message in enumerate(self.waiting):
            if message.id == wanted_id:
                return self.waiting.pop(i)
        while True:
            message = self.recv_message()
            if message.id == wanted_id:
                return message
            self.waiting.append(message)

    def hello(self, version=1, **fields):
        """Says hello and, with a secret, proves; returns the server's hello (or its refusal)."""
        fields.setdefault("flags", AUTHENTICATED if self.secret else 0)
        mine = ClientMessage(nodeId=self.node, version=version, port=self.port_announced,
                             digest=os.urandom(32), **fields)
        self.send(HELLO, **{k: getattr(mine, k) for k in
                            ("nodeId", "version", "port", "digest", "flags")})
        theirs = self.answer_to(self.last_id)
        if self.secret and theirs.status == OK:
            assert theirs.flags & AUTHENTICATED, "the server has no secret"
            self.session = Session(self.secret, mine, theirs)
            answer = self.answer_to(self.send(PROOF, digest=self.session.client_proof))
            if answer.status != OK:
                return answer
            assert answer.digest == self.session.server_proof, "the server's proof is wrong"
        return theirs

    def ask(self, kind, **fields):
        return self.answer_to(self.send(kind, **fields))

    def query(self, name):
        """The final answer to a query."""
        return self.final_answer_to(self.send(QUERY, path=name))

    def final_answer_to(self, wanted_id):
        """As answer_to(), behind the interim ones."""
        answer = self.answer_to(wanted_id)
        while answer.status == PENDING:
            answer = self.answer_to(wanted_id)
        return answer

    def list_all(self, prefix=""):
        cursor, generation, records = prefix.encode(), 0, []
        while True:
            page = self.ask(LIST, path=cursor, prefixLength=len(prefix.encode()), first=generation)
            assert page.type == LISTING, page
            generation = generation or page.first
            records += unpack_records(page.payload)
            if page.flags & LAST_PAGE:
                return records
            cursor = records[-1][0].encode()
            cursor += b"\0" if cursor == prefix.encode() else b""

    def subscribe(self, size, root):
        """(id, chunks held). `have` pushes come under that id."""
        wanted = self.send(SUBSCRIBE, fileSize=size, digest=root)
        answer = self.answer_to(wanted)
        assert answer.type == HOLDING, answer
        chunks = ceil_div(size, chunk_size(size))
        whole = set(range(chunks)) if answer.held == chunks else set()
        return wanted, unpack_bitmap(answer.payload) or whole

    def chunk_hashes(self, size, root, first=0, count=None):
        count = ceil_div(size, chunk_size(size)) if count is None else count
        return self.ask(CHUNK_HASHES, fileSize=size, digest=root, first=first, count=count)

    def leaf_hashes(self, size, root, chunk):
        return self.ask(LEAF_HASHES, fileSize=size, digest=root, first=chunk)

    def request(self, size, root, first, count, substitute=False):
        """Asks for leaves and returns the id at once: answer_to(id) waits for them."""
        return self.send(REQUEST, fileSize=size, digest=root, first=first, count=count,
                         flags=SUBSTITUTE if substitute else 0)

    def search(self, pattern, **how):
        """(search_done or refusal, hits that came before it as unpack_hits() gives them)."""
        before = len(self.waiting)
        done = self.answer_to(self.send(SEARCH, **search_fields(pattern, **how)))
        hits = [one for one in self.waiting[before:] if one.type == HITS]
        self.waiting = [one for one in self.waiting if one.type != HITS]
        return done, [unpack_hits(one.payload) for one in hits]

    def cancel(self, request_id):
        self.send(CANCEL, first=request_id)

    def fetch(self, name):
        """The whole file, checked against its root."""
        file = self.query(name)
        assert file.type == FILE, file
        leaves = ceil_div(file.fileSize, LEAF)
        wanted = [self.request(file.fileSize, file.digest, at, min(64, leaves - at))
                  for at in range(0, leaves, 64)]
        data = b"".join(self.answer_to(each).payload for each in wanted)
        assert len(data) == file.fileSize and file_root(data) == file.digest, "wrong bytes"
        return data
