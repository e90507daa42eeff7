"""Memory that a measurement will fill, taken before it starts. A virtual machine's memory is slow at
its first touch (seconds for each GiB), and what is freed may be handed back to the host at once: a
run that writes to tmpfs would measure that. So the pages lie in a file until the run needs them."""
import contextlib
import os
import threading

MIB = 1 << 20
BLOCK, AHEAD, STEP = 4 * MIB, 256 * MIB, 32 * MIB
EVERY = 0.01  # seconds


class Warm:
    """A file of `size` bytes that shrinks as the rest of its file system grows, AHEAD of it."""

    def __init__(self, path, size):
        self.path, self.size, self.given = path, size, 0
        with open(path, "wb") as file:
            for _ in range(0, size, BLOCK):
                file.write(bytes(BLOCK))
        self.before = self.used()

    def used(self):
        about = os.statvfs(self.path)
        return (about.f_blocks - about.f_bfree) * about.f_frsize

    def follow(self):
        grown = self.used() - self.before + self.given
        due = min(self.size, max(0, grown) + AHEAD)
        if due - self.given >= STEP or due == self.size > self.given:
            os.truncate(self.path, self.size - due)
            self.given = due


@contextlib.contextmanager
def warm(folder, size):
    """For what is written below `folder` meanwhile, `size` bytes in all."""
    path = folder / "warm"
    pages = Warm(path, size)
    over = threading.Event()

    def follow():
        while not over.wait(EVERY):
            pages.follow()

    pages.follow()
    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        path.unlink()
