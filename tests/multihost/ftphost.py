"""What the tests of the FTP gateway share: hosts with one, users, clients of it."""
import contextlib
import ftplib
import hashlib
import io
import socket

from harness import SLOW, until

FTP_PORT = 2121
TIMEOUT = 20 * SLOW
JOE = ("joe", "swordfish")  # may write
ANN = ("ann", "guppy")      # may read


def users_line(name, password, rights, iterations=1000):
    salt = name.encode() * 4
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    return f"{name}:{rights}:pbkdf2-sha256:{iterations}:{salt.hex()}:{key.hex()}\n"


def gateway_host(swarm, number, *options, start=True, **how):
    host = swarm.host(number, start=False, **how)
    users = host.folder / "users"
    users.write_text(users_line(*JOE, "rw") + users_line(*ANN, "r"))
    users.chmod(0o600)
    host.options += ["--ftp-port", str(FTP_PORT), "--ftp-users", "users", *map(str, options)]
    if start:
        host.serve()
        host.process.wait_text("FTP gateway on")  # its port opens after the peer's
        own = len(how.get("shared") or {})
        until(lambda: host.status()["files"] >= own, "its own files are hashed, and listed", limit=30)
    return host


def connect(host, user=JOE, address=None):
    """A client that has logged in; user=None: one that has not, () is anonymous."""
    ftp = ftplib.FTP(timeout=TIMEOUT, encoding="utf-8")
    ftp.connect(address or host.address, FTP_PORT)
    if user is not None:
        ftp.login(*user)
    return ftp


class Raw:
    """A control connection, line by line."""

    def __init__(self, host, user=JOE):
        self.sock = socket.create_connection((host.address, FTP_PORT), timeout=TIMEOUT)
        self.file = self.sock.makefile("rb")
        self.reply("220")
        if user:
            self.say(f"USER {user[0]}", "331")
            self.say(f"PASS {user[1]}", "230")
            self.say("TYPE I", "200")

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def reply(self, code=None):
        """The next reply, whole; None at the end of the connection."""
        try:
            lines = [self.file.readline()]
            while lines[0][3:4] == b"-" and not (lines[-1].startswith(lines[0][:3] + b" ")):
                lines.append(self.file.readline())
                assert lines[-1], f"the connection ended within {lines}"
        except ConnectionResetError:
            lines = [b""]
        text = b"".join(lines).decode("utf-8", "surrogateescape")
        assert code is None or text[:3] == code, f"{text!r}, not {code}"
        assert not text or text.endswith("\r\n"), repr(text)
        return text or None

    def say(self, line, code=None):
        self.send(line if isinstance(line, bytes) else line + "\r\n")
        return self.reply(code)

    def passive(self):
        """A data connection, connected."""
        port = int(self.say("EPSV", "229").split("|")[3])
        return socket.create_connection((self.sock.getpeername()[0], port), timeout=TIMEOUT)

    def close(self):
        self.file.close()
        self.sock.close()


def fetch(ftp, name, rest=None):
    into = io.BytesIO()
    ftp.retrbinary(f"RETR {name}", into.write, rest=rest)
    return into.getvalue()


def store(ftp, name, data, command="STOR", rest=None):
    return ftp.storbinary(f"{command} {name}", io.BytesIO(data), rest=rest)


@contextlib.contextmanager
def refused(code):
    """What is inside must be refused with that code."""
    try:
        yield
    except ftplib.Error as error:
        assert str(error)[:3] in str(code).split("|"), f"{error}, not {code}"
    else:
        raise AssertionError(f"was not refused with {code}")


def wait_listed(ftp, name):
    """Until the tree has it: other hosts' files come with a moment's delay."""
    until(lambda: name in ftp.nlst(), f"{name} is listed")


def read_to_end(sock):
    blocks = []
    while block := sock.recv(1 << 18):
        blocks.append(block)
    return b"".join(blocks)
