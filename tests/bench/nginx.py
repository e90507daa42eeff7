"""nginx as the others' server: one process, sendfile, no log."""
import contextlib
import shutil
import socket
import subprocess
import time

CONFIG = """daemon off; master_process off; pid {home}/pid; error_log /dev/null;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; tcp_nopush on;
  server {{ listen {listen}; root {root}; }} }}
"""
PORT = 8000


def missing():
    return None if shutil.which("nginx") else "nginx is not installed"


def command(home, root, listen):
    """What runs it, when its configuration is written into `home`."""
    (home / "nginx.conf").write_text(CONFIG.format(home=home, root=root, listen=listen))
    return ["nginx", "-p", home, "-c", home / "nginx.conf"]


@contextlib.contextmanager
def for_curl(home, root, address):
    """The URL under which it serves `root` from an address of this machine, inside a `with`. None,
    and said so, where it or curl is not installed."""
    without = missing() or (None if shutil.which("curl") else "curl is not installed")
    if without:
        print(f"curl from nginx: SKIPPED, {without}")
        yield None
        return
    home.mkdir()
    process = subprocess.Popen(command(home, root, f"{address}:{PORT}"), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        wait_answers(address)
        yield f"http://{address}:{PORT}"
    finally:
        process.terminate()
        process.wait()


def wait_answers(address):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex((address, PORT)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nginx does not answer at {address}")
