"""A TCP relay that holds back what it carries: a link with a long round trip to a real host."""
import collections
import socket
import threading
import time


class DelayProxy:
    """Listens at `address` and carries to `target`, `delay` seconds late in each direction."""

    def __init__(self, address, target, delay):
        self.target, self.delay = target, delay
        self.listener = socket.create_server(address)
        threading.Thread(target=self.accept_all, daemon=True).start()

    def accept_all(self):
        while True:
            try:
                here, _ = self.listener.accept()
            except OSError:
                return
            try:
                there = socket.create_connection(self.target)
            except OSError:
                here.close()
                continue
            for one, other in ((here, there), (there, here)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.carry(one, other)

    def carry(self, source, sink):
        queue, changed = collections.deque(), threading.Condition()

        def read():
            data = b"first"
            while data:
                try:
                    data = source.recv(1 << 16)
                except OSError:
                    data = b""
                with changed:
                    queue.append((time.monotonic() + self.delay, data))
                    changed.notify()

        def write():
            data = b"first"
            while data:
                with changed:
                    changed.wait_for(lambda: queue)
                    due, data = queue.popleft()
                time.sleep(max(0, due - time.monotonic()))
                try:
                    sink.sendall(data) if data else sink.shutdown(socket.SHUT_WR)
                except OSError:
                    return

        for work in (read, write):
            threading.Thread(target=work, daemon=True).start()

    def close(self):
        self.listener.close()
