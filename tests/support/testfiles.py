"""Files for tests: made up, compared, and where they lie."""
import hashlib
import os
import pathlib
import random
import shutil

MIB = 1 << 20


def content(name, size):
    """Blocks of bytes that only this name and size have, the same in every run."""
    source = random.Random(f"{name}:{size}")
    while size > 0:
        block = source.randbytes(min(size, MIB))
        size -= len(block)
        yield block


def temporary_folder():
    """Where tests put their hosts: in memory where that can be; None is Python's own choice."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return os.environ.get("SHOAL_TEST_DIR", memory)


def make_file(path, spec):
    """`spec`: bytes as they are, a number of bytes to make up, ("sparse", size), or a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(spec, pathlib.Path):
        try:
            os.link(spec, path)
        except OSError:
            shutil.copyfile(spec, path)
        return
    with open(path, "wb") as file:
        if isinstance(spec, int):
            file.writelines(content(path.name, spec))
        elif isinstance(spec, tuple):
            file.truncate(spec[1])
            file.write(b"begin")
            file.seek(spec[1] // 2)
            file.write(b"middle")
            file.seek(spec[1] - 3)
            file.write(b"end")
        else:
            file.write(spec)


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
