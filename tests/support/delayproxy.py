"""A relay that holds back every byte for a while, each way: a host far off, as others see it."""
import collections
import select
import socket
import threading
import time


class DelayProxy:
    """Listens at `address`, and passes on to `target`; `delay` may be changed at any time."""

    def __init__(self, address, target, port, delay):
        self.delay = delay
        self._target, self._port = target, port
        self._own = address
        self._listener = socket.create_server((address, port))
        self._peers, self._closed = {}, set()
        self._held = collections.deque()  # (when, to, bytes; none: the end)
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._waker.close()
        self._thread.join()
        for one in (self._listener, self._wake, *self._peers):
            one.close()

    def _run(self):
        while True:
            wait = max(0.0, self._held[0][0] - time.monotonic()) if self._held else None
            open_ones = [one for one in self._peers if one not in self._closed]
            for ready in select.select([self._listener, self._wake, *open_ones], [], [], wait)[0]:
                if ready is self._wake:
                    return
                self._accept() if ready is self._listener else self._read(ready)
            self._pass_on()

    def _accept(self):
        near = self._listener.accept()[0]
        try:
            far = socket.create_connection((self._target, self._port), source_address=(self._own, 0))
        except OSError:
            return near.close()
        self._peers.update({near: far, far: near})

    def _read(self, one):
        try:
            data = one.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            self._closed.add(one)
        self._held.append((time.monotonic() + self.delay, self._peers[one], data))

    def _pass_on(self):
        while self._held and self._held[0][0] <= time.monotonic():
            _, to, data = self._held.popleft()
            try:
                to.sendall(data) if data else to.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._closed.add(to)
