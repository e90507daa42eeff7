"""A server of the Shoal protocol with files in memory, and with hooks to misbehave; for tests.

    server = FakeServer({"name": b"content"}, "127.0.0.3", 8080)
    server.mangle = lambda payload, first: bytes(len(payload))   # wrong bytes
    server.start() ... server.stop()

Hooks may be set at any time and hold for all connections:
    mangle(payload, first)   returns the bytes to send for the run that begins at leaf `first`
    alter(message)           changes a ServerMessage in place before it is sealed: lies about sizes
    stall_after = N          after N data messages in all: read on, answer no more requests
    close_after = N          after N bytes in all: shut every connection in mid-message
    delay = SECONDS          before each data message
    held[name] = {chunks}    only these chunks are held; push_have(name, chunks) adds some
    on_search(connection, message)  is called for each search; without it they are answered: nobody
    on_list, on_query(connection, message)  may answer a list or a query: true if so
    refuse = STATUS          answers every request for data with this status
What came in is in `received` (ClientMessages) and `served` (first, count of each run).
"""
import os
import socket
import threading
import time

import shoalwire as wire
from shoalwire import ClientMessage, ServerMessage, Session


class File:
    def __init__(self, name, data):
        self.name, self.data = name, data
        self.chunk_hashes = wire.chunk_hashes(data)
        self.root = wire.root_of_chunks(self.chunk_hashes, len(data))
        self.chunk_size = wire.chunk_size(len(data))
        self.leaves = wire.ceil_div(len(data), wire.LEAF)

    def chunks(self):
        return set(range(len(self.chunk_hashes)))

    def chunks_of(self, first, count):
        per_chunk = self.chunk_size // wire.LEAF
        return set(range(first // per_chunk, (first + count - 1) // per_chunk + 1))


class Connection(threading.Thread):
    """One client; answers in the order of the requests."""

    def __init__(self, server, sock):
        super().__init__(daemon=True)
        self.server, self.sock = server, sock
        self.session = Session()
        self.hello = None
        self.proven = server.secret is None
        self.subscriptions = {}  # id: file
        self.lock = threading.Lock()  # pushes come from other threads

    def run(self):
        try:
            while True:
                message = ClientMessage.unpack(wire.read_exactly(self.sock, 512))
                self.server.received.append(message)
                if message.magic != wire.MAGIC:
                    return
                if not self.session.opens(message):
                    self.refuse_entry(message)
                    return
                if not self.handle(message):
                    return
        except (EOFError, OSError):
            pass
        finally:
            self.sock.close()

    def send(self, kind, to_id, payload=b"", **fields):
        message = ServerMessage(type=kind, id=to_id, payload=payload, payloadSize=len(payload),
                                **fields)
        if self.server.alter:
            self.server.alter(message)
        with self.lock:
            raw = self.session.seal(message).pack() + message.payload
            room = self.server.room_to_send(len(raw))
            self.sock.sendall(raw[:room])
        if room < len(raw):
            self.sock.shutdown(socket.SHUT_RDWR)
            raise EOFError("closed in mid-message, as told")

    def answer(self, to_id, status, **fields):
        self.send(wire.ANSWER, to_id, status=status, **fields)

    def handle(self, message):
        """Whether the connection lives on."""
        if self.hello is None or message.type == wire.HELLO:
            return self.handle_hello(message)
        if not self.proven:
            return self.handle_proof(message)
        handler = {wire.QUERY: self.query, wire.LIST: self.list, wire.CANCEL: lambda m: None,
                   wire.CHUNK_HASHES: self.chunk_hashes, wire.LEAF_HASHES: self.leaf_hashes,
                   wire.REQUEST: self.request, wire.SUBSCRIBE: self.subscribe,
                   wire.STATUS: lambda m: self.send(wire.STATUS_TEXT, m.id, b"fake yes\n"),
                   wire.SEARCH: self.search, wire.UNSUBSCRIBE: self.unsubscribe}.get(message.type)
        if handler:
            handler(message)
        else:
            self.answer(message.id, wire.UNKNOWN_TYPE)
        return True

    def search(self, message):
        if self.server.on_search:
            self.server.on_search(self, message)
        else:
            self.end_search(message)

    def end_search(self, message, hosts=1):
        self.send(wire.SEARCH_DONE, message.id, count=hosts)

    def push_hits(self, search_id, records, **how):
        self.send(wire.HITS, 0, wire.pack_hits(records, **how), digest=search_id + bytes(16),
                  nodeId=self.server.node, count=len(records))

    def handle_hello(self, message):
        if message.type != wire.HELLO or self.hello is not None:
            self.answer(message.id, wire.BAD_REQUEST)
            return False
        self.hello = message
        status = wire.OK if message.version == 1 else wire.UNKNOWN_VERSION
        if self.server.secret and not message.flags & wire.AUTHENTICATED:
            status = wire.NOT_LET_IN
        fields = dict(nodeId=self.server.node, port=self.server.port, version=1, status=status,
                      digest=os.urandom(32),
                      flags=wire.AUTHENTICATED if self.server.secret else 0)
        self.send(wire.HELLO, message.id, **fields)
        if self.server.secret:
            self.session = Session(self.server.secret, message, ServerMessage(**fields))
        return status == wire.OK

    def handle_proof(self, message):
        self.proven = (message.type == wire.PROOF and
                       message.digest == self.session.client_proof)
        if self.proven:
            self.answer(message.id, wire.OK, digest=self.session.server_proof)
        else:
            self.refuse_entry(message)
        return self.proven

    def refuse_entry(self, message):
        self.session = Session()  # its mac is zero
        self.answer(message.id, wire.NOT_LET_IN)

    def query(self, message):
        if self.server.on_query and self.server.on_query(self, message):
            return
        file = self.server.files.get(message.name)
        if file is None:
            self.answer(message.id, wire.NOT_FOUND)
            return
        self.send(wire.FILE, message.id, fileSize=len(file.data), digest=file.root,
                  first=self.server.mtime, held=len(self.server.held_of(file)))

    def list(self, message):
        if self.server.on_list and self.server.on_list(self, message):
            return
        prefix, cursor = message.path[:message.prefixLength], message.path[:message.pathLength]
        names = sorted(name.encode() for name in self.server.files)
        names = [name for name in names if name.startswith(prefix) and
                 (name > cursor or cursor == prefix)]
        page = [self.server.files[name.decode()] for name in names[:100]]
        payload = b"".join(wire.pack_record(file.name, len(file.data), file.root,
                                            len(self.server.held_of(file)), self.server.mtime)
                           for file in page)
        self.send(wire.LISTING, message.id, payload, first=1, count=len(page),
                  flags=0 if names[100:] else wire.LAST_PAGE)

    def known(self, message):
        """The file that the message is about; without one, not_found has been answered."""
        file = self.server.by_identity(message.fileSize, message.digest)
        if file is None:
            self.answer(message.id, wire.NOT_FOUND)
        return file

    def reply(self, kind, message, payload, **fields):
        self.send(kind, message.id, payload, fileSize=message.fileSize, digest=message.digest,
                  **fields)

    def chunk_hashes(self, message):
        file = self.known(message)
        if not file:
            return
        end = message.first + message.count
        if not 0 < message.count <= 2048 or end > len(file.chunk_hashes):
            self.answer(message.id, wire.BAD_REQUEST)
            return
        self.reply(wire.CHUNK_HASHES, message, b"".join(file.chunk_hashes[message.first:end]),
                   first=message.first, count=message.count)

    def leaf_hashes(self, message):
        file = self.known(message)
        if not file:
            return
        if message.first not in self.server.held_of(file):
            past_end = message.first not in file.chunks()
            self.answer(message.id, wire.BAD_REQUEST if past_end else wire.NOT_HELD)
            return
        at = message.first * file.chunk_size
        hashes = wire.leaf_hashes(file.data[at:at + file.chunk_size])
        self.reply(wire.LEAF_HASHES, message, b"".join(hashes), first=message.first,
                   count=len(hashes))

    def request(self, message):
        file = self.known(message)
        if not file:
            return
        first, count = message.first, message.count
        if not 0 < count <= 64 or first + count > file.leaves:
            self.answer(message.id, wire.BAD_REQUEST)
        elif self.server.refuse is not None:
            self.answer(message.id, self.server.refuse)
        elif not file.chunks_of(first, count) <= self.server.held_of(file):
            self.answer(message.id, wire.NOT_HELD)
        elif self.server.may_serve():
            time.sleep(self.server.delay)
            payload = file.data[first * wire.LEAF:(first + count) * wire.LEAF]
            if self.server.mangle:
                payload = self.server.mangle(payload, first)
            self.server.served.append((first, count))
            self.reply(wire.DATA, message, payload, first=first, count=count)

    def subscribe(self, message):
        file = self.server.by_identity(message.fileSize, message.digest)
        held = self.server.held_of(file) if file else set()
        partly = file and held and held != file.chunks()
        self.subscriptions[message.id] = file
        self.reply(wire.HOLDING, message, wire.pack_bitmap(held, len(file.chunks()))
                   if partly else b"", held=len(held))

    def unsubscribe(self, message):
        known = message.first in self.subscriptions
        self.subscriptions.pop(message.first, None)
        self.answer(message.id, wire.OK if known else wire.NOT_FOUND)


class FakeServer:
    def __init__(self, files=(), host="127.0.0.1", port=0, secret=None):
        self.files = {name: File(name, data) for name, data in dict(files).items()}
        self.secret, self.node = secret, os.urandom(16)
        self.mtime = int(time.time())
        self.mangle = self.alter = self.stall_after = self.close_after = self.refuse = None
        self.on_search = self.on_list = self.on_query = None
        self.delay = 0
        self.held = {}
        self.received, self.served = [], []
        self.sent_bytes = 0
        self.connections = []
        self.lock = threading.Lock()
        self.listener = socket.create_server((host, port), backlog=64)
        self.host, self.port = self.listener.getsockname()[:2]

    def start(self):
        threading.Thread(target=self.accept_all, daemon=True).start()
        return self

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop_all()

    def drop_all(self):
        """Closes every connection, as if the host had died; new ones are accepted."""
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it was closed already

    def accept_all(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return  # stopped
            connection = Connection(self, sock)
            self.connections.append(connection)
            connection.start()

    def held_of(self, file):
        return self.held.get(file.name, file.chunks())

    def by_identity(self, size, root):
        return next((file for file in self.files.values()
                     if file.root == root and len(file.data) == size), None)

    def push_have(self, name, chunks):
        """From now on these chunks are held too; subscribers are told."""
        file = self.files[name]
        self.held[name] = self.held_of(file) | set(chunks)
        for connection in self.connections:
            for subscription, wanted in list(connection.subscriptions.items()):
                for chunk in chunks if wanted is file else ():
                    connection.send(wire.HAVE, subscription, first=chunk, count=1)

    def may_serve(self):
        return self.stall_after is None or len(self.served) < self.stall_after

    def room_to_send(self, size):
        """How much of the next `size` bytes may go out."""
        with self.lock:
            room = size
            if self.close_after is not None:
                room = max(0, min(size, self.close_after - self.sent_bytes))
            self.sent_bytes += room
            return room
