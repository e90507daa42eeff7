"""The prompt on a pipe and on a terminal, the one-shots, what they print, and their exit codes: P9, P11,
P15, P34."""
import fcntl
import json
import shutil
import signal
import struct
import subprocess
import termios
import time

from harness import KIB, MIB, PORT, SHOAL, Skip, check_equal, marks, until


def test_p9_names_from_a_pipe(swarm):
    server = swarm.host(2, shared={"f1": 2 * MIB, "f2": MIB, "with a space": 1000, "list": 10})
    host = swarm.host(1, hosts=[2], start=False)
    prompt = host.prompt(options=["--wait-hosts", "1"])
    prompt.send("f1\nf2\nwith a space\n\"with a space\"\nget -- list\nquit\n")
    assert prompt.wait() == 0, prompt.tail()
    for name in ("f1", "f2", "with a space", "list"):
        check_equal(host.download(name), server.shared(name))
    # Nothing that is meant for a terminal.
    assert "\x1b" not in prompt.out.text() and "\r" not in prompt.out.text() + prompt.err.text()
    assert "shoal>" not in prompt.out.text()


def test_p9_the_end_of_input_finishes_what_was_asked(swarm):
    server = swarm.host(2, shared={"f": 6 * MIB}, options=["--max-upload", "4MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    prompt = host.prompt(options=["--wait-hosts", "1"])
    prompt.send("f")  # without a line end, too
    prompt.close_input()
    assert prompt.wait() == 0, prompt.tail()
    check_equal(host.download("f"), server.shared("f"))


def test_p9_the_worst_exit_code_counts(swarm):
    swarm.host(2, shared={"f": KIB})
    host = swarm.host(1, hosts=[2], start=False)
    prompt = host.prompt(options=["--wait-hosts", "1"])
    prompt.send("f\nnothing-of-that-name\nf\n")
    prompt.close_input()
    assert prompt.wait() == 3, prompt.tail()
    assert "No server has 'nothing-of-that-name'" in prompt.err.text() + prompt.out.text()


def test_p9_commands_while_a_download_runs(swarm):
    swarm.host(2, shared={"slow": 8 * MIB, "dir/quick": KIB}, options=["--max-upload", "2MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    prompt = host.prompt(options=["--json", "--wait-hosts", "1"])
    prompt.send("slow\n")
    prompt.wait_event("fetch_progress", lambda one: one["done"] > 0)
    prompt.send("list\npeers\nstatus\nlimit\ndir/quick\n")
    rows = prompt.wait_event("file_list")["rows"]
    assert {row["name"]: row["complete"] for row in rows}["dir/quick"] == 1, rows
    peers = prompt.wait_event("peer_list")["rows"]
    assert peers[0]["state"] == "connected" and peers[0]["from_hosts_file"], peers
    assert prompt.wait_event("status")["values"]
    prompt.wait_event("fetch_done", name="dir/quick", outcome="done")
    assert not prompt.events("fetch_done", name="slow")
    prompt.send("cancel slow\n")
    assert prompt.wait_event("fetch_done", name="slow")["outcome"] == "cancelled"
    prompt.send("nonsense \"unclosed\nhelp\nquit\n")
    assert prompt.wait() != 0


class Screen:
    """A pseudo-terminal of a size, and what was drawn on it."""

    def __init__(self, process, columns=100):
        self.process = process
        size = struct.pack("HHHH", 30, columns, 0, 0)
        fcntl.ioctl(process.input, termios.TIOCSWINSZ, size)

    def text(self):
        return self.process.out.text()


def terminal_prompt(host, **how):
    process = host.prompt(terminal=True, environment={"TERM": "xterm"}, **how)
    screen = Screen(process)
    process.wait_text("shoal>")
    return process, screen


def test_p15_a_terminal_shows_progress_then_the_closing_line(swarm):
    server = swarm.host(2, shared={"some-file": 8 * MIB}, options=["--max-upload", "4MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    process, screen = terminal_prompt(host)
    process.wait_text("connected")
    process.send("some-file\r")
    process.wait_text("MiB/s")
    assert "%" in screen.text() and "\u2588" in screen.text() and "host" in screen.text()
    assert "saved as" not in screen.text() and not host.download("some-file").exists()
    process.wait_text("saved as")
    check_equal(host.download("some-file"), server.shared("some-file"))
    process.send("quit\r")
    assert process.wait() == 0
    root = until(lambda: next((word for word in screen.text().split() if len(word) == 64), None), "root")
    assert int(root, 16)


def test_p15_nothing_of_it_when_stderr_is_no_terminal(swarm):
    swarm.host(2, shared={"f": 10 * MIB}, options=["--max-upload", "4MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    process = host.run("get", "f", "--bind", host.address)
    assert process.wait() == 0
    assert "%" not in process.err.text() and "\x1b" not in process.err.text() + process.out.text()
    assert "root" in process.out.text() and " in " in process.out.text(), process.tail()
    host.download("f").unlink()
    process = host.run("get", "f", "--bind", host.address, "--progress", "always")
    assert process.wait() == 0
    assert "%" in process.err.text() and "MiB/s" in process.err.text(), process.tail()


def test_the_line_editor_completes_and_remembers(swarm):
    swarm.host(2, shared={"uncommon-name.bin": 1000, "other": 10})
    host = swarm.host(1, hosts=[2], start=False)
    process, screen = terminal_prompt(host)
    process.wait_text("connected")

    def completed():
        process.send("\t")
        return "uncommon-name.bin" in screen.text()

    process.send("uncom")
    until(completed, "Tab completes a name of the swarm", 8, every=0.5)
    process.send("\r")
    process.wait_text("saved as")
    process.send("\x1b[A")  # up: the line before
    process.send("\x15quit\r")
    assert process.wait() == 0
    history = (host.folder / ".shoal" / "history").read_text()
    assert "uncommon-name.bin" in history
    again, screen = terminal_prompt(host)
    again.send("\x1b[A")
    again.send("\x1b[A")
    again.wait_text("uncommon-name.bin")
    again.send("\x15")
    again.send("\x04")  # Ctrl-D on an empty line
    assert again.wait() == 0


def test_the_terminal_is_left_as_it_was(swarm):
    host = swarm.host(1, start=False)
    for number in (None, signal.SIGTERM):
        process, _ = terminal_prompt(host)
        raw = termios.tcgetattr(process.input)
        assert not raw[3] & termios.ICANON
        process.signal(number) if number else process.send("quit\r")
        process.wait()
        assert termios.tcgetattr(process.input)[3] & (termios.ICANON | termios.ECHO) == \
            termios.ICANON | termios.ECHO


def test_several_pasted_lines_are_several_commands(swarm):
    """Whether the terminal marks what is pasted or not; the end of a lone line waits for Enter."""
    names = ["one", "two", "three", "four", "five", "six"]
    swarm.host(2, shared={name: 100 for name in names})
    host = swarm.host(1, hosts=[2], start=False)
    process, screen = terminal_prompt(host)
    process.wait_text("connected")
    process.send("\x1b[200~one\r\ntwo\nthr\x1b[201~")
    process.send("ee\r")
    process.send("four\rfive\r")
    process.send("\x1b[200~six\n\x1b[201~")
    for name in names[:5]:
        process.wait_text(f"saved as downloads/{name}")
    assert "saved as downloads/six" not in screen.text() and not host.download("six").exists()
    process.send("\r")
    process.wait_text("saved as downloads/six")
    process.send("quit\r")
    assert process.wait() == 0, process.tail()
    check_equal(host.download("six"), swarm.folder / "host2" / "shared" / "six")


def test_ctrl_c_says_first_that_others_fetch_from_here(swarm):
    server = swarm.host(2, shared={"f": 20 * MIB}, start=False)
    server.options += ["--max-upload", "2MiB"]
    process, screen = terminal_prompt(server)
    server.wait_port()
    get = swarm.host(1, hosts=[2], start=False).start_get("f")
    get.wait_event("fetch_progress", lambda one: one["done"] > 0)
    process.send("\x03")
    process.wait_text("1 host fetches from here; Ctrl-C once more quits.")
    assert process.running()
    process.send("\x03")
    assert process.wait() == 130, process.tail()


def test_a_dumb_terminal_gets_whole_lines(swarm):
    """A greeting, notices that begin a line, the prompt behind them, progress in lines."""
    server = swarm.host(2, shared={"f": 12 * MIB}, options=["--max-upload", "4MiB"], start=False)
    host = swarm.host(1, hosts=[2], start=False)
    process = host.prompt(terminal=True, environment={"TERM": "dumb"})
    process.wait_text("Type a filename to fetch it")
    process.wait_text("shoal> ")
    server.serve()
    process.wait_text(f"\n{server.name} connected\r\nshoal> ")
    process.send("f\n")
    process.wait_text("MiB/s")
    process.wait_text("saved as")
    text = process.out.text()
    assert "\x1b" not in text, text
    lines = [line for line in text.split("\r\n") if "%" in line]
    assert lines and all(line.startswith("f  ") for line in lines), text
    process.send("quit\n")
    assert process.wait() == 0, process.tail()
    check_equal(host.download("f"), server.shared("f"))


def test_ctrl_c_at_a_dumb_terminal_stops_and_then_quits(swarm):
    """Each first one stops what is under way; two in a row end it, but not one and another later."""
    swarm.host(2, shared={"f": 64 * MIB, "g": 100}, options=["--max-upload", "4MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    process = host.prompt(terminal=True, environment={"TERM": "dumb"})
    process.wait_text(" connected")
    process.signal(signal.SIGINT)
    process.wait_text("Ctrl-C once more quits.")
    for _ in range(2):
        seen = process.out.text().count("Stopped; Ctrl-C once more quits.")
        process.send("f\n")
        until(lambda: host.status()["downloads"] == 1, "it is under way")
        process.signal(signal.SIGINT)
        until(lambda: process.out.text().count("Stopped; Ctrl-C once more quits.") > seen, "it was stopped")
        until(lambda: host.status()["downloads"] == 0, "nothing is under way")
    process.send("g\n")
    process.wait_text("saved as")
    assert process.running()
    seen = process.out.text().count("once more quits.")
    process.signal(signal.SIGINT)
    until(lambda: process.out.text().count("once more quits.") > seen, "it has said so")
    process.signal(signal.SIGINT)
    assert process.wait() == 130, process.tail()


class Tmux:
    """A real terminal emulator around the program: what stands on its screen, and above it."""

    def __init__(self, host, columns, *words):
        if not shutil.which("tmux"):
            raise Skip("there is no tmux")
        self.host = host
        # Below a line, since tmux keeps in its history what is erased from the top of the screen on.
        self.run("-f", "/dev/null", "new-session", "-d", "-x", columns, "-y", 24, "-s", "t", "env",
                 "LC_ALL=C.UTF-8", "sh", "-c", 'echo; exec "$@"', "sh", *SHOAL, *words, "--bind", host.address)
        self.run("set-option", "-g", "window-size", "manual")

    def run(self, *words):
        return subprocess.run(["tmux", "-S", str(self.host.folder / "tmux"), *map(str, words)], cwd=self.host.folder,
                              check=True, capture_output=True, text=True).stdout

    def lines(self):
        return self.run("capture-pane", "-p", "-J", "-S", "-1000", "-t", "t").splitlines()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run("kill-server")


@marks(long=True)
def test_a_window_that_narrows_leaves_no_stale_lines(swarm):
    """A line is being typed, progress above it: both are drawn anew in the narrower window."""
    swarm.host(2, shared={"some-file": 40 * MIB}, options=["--max-upload", "4MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    with Tmux(host, 100) as tmux:
        until(lambda: any("connected" in line for line in tmux.lines()), "it is connected")
        tmux.run("send-keys", "-t", "t", "some-file", "Enter")
        until(lambda: any("MiB/s" in line for line in tmux.lines()), "there is progress")
        tmux.run("send-keys", "-t", "t", "a-name-" * 10)
        until(lambda: any("a-name" in line for line in tmux.lines()), "it is typed")
        for columns in (70, 40, 33):
            tmux.run("resize-window", "-t", "t", "-x", columns, "-y", 24)
            time.sleep(0.5)  # some frames
        shown = tmux.lines()
        assert sum("%" in line for line in shown) == 1, shown
        assert sum("a-name" in line for line in shown) == 1, shown


@marks(long=True)
def test_ctrl_c_leaves_no_stale_line(swarm):
    """The terminal echoes ^C: at the end of a full line that would begin another one."""
    swarm.host(2, shared={"some-file": 40 * MIB}, options=["--max-upload", "4MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    with Tmux(host, 80, "get", "some-file") as tmux:
        tmux.run("set-option", "-g", "remain-on-exit", "on")
        until(lambda: any("MiB/s" in line for line in tmux.lines()), "there is progress")
        tmux.run("send-keys", "-t", "t", "C-c")
        until(lambda: any("interrupted" in line for line in tmux.lines()), "it ends")
        shown = tmux.lines()
        assert not any("MiB/s" in line for line in shown), shown


def test_no_color_is_heeded(swarm):
    swarm.host(2, shared={"f": 1000})
    host = swarm.host(1, hosts=[2], start=False)
    process = host.run("get", "f", "nothing", "--bind", host.address, terminal=True,
                       environment={"NO_COLOR": "1", "TERM": "xterm"})
    assert process.wait() == 3
    assert "\x1b[3" not in process.out.text() and "\x1b[1m" not in process.out.text()


def test_usage_errors_are_exit_2(swarm):
    host = swarm.host(1, start=False)
    for words in (["--nonsense"], ["get"], ["frobnicate"], ["serve", "--port", "99999"],
                  ["get", "f", "--max-upload", "fast"], ["status", "--stay"], ["--bind", "nowhere"],
                  ["serve", "--ftp-users", "u"], ["get", "f", "--plan", "--explain"]):
        process = host.run(*words)
        assert process.wait(5) == 2, (words, process.tail())
        assert process.err.text().startswith("shoal: "), process.tail()
    for words in (["--help"], ["--version"], ["get", "--help"]):
        process = host.run(*words)
        assert process.wait(5) == 0 and process.out.text(), process.tail()


def test_one_shots_beside_a_resident_peer(swarm):
    server = swarm.host(2, shared={"a/x": 1000, "b": 2000})
    host = swarm.host(1, hosts=[2])
    host.wait_connected(server)
    listing = host.run("list", "--bind", host.address, "--json", "--wait-hosts", "1")
    assert listing.wait() == 0
    rows = listing.events("file_list")[0]["rows"]
    assert [row["name"] for row in rows] == ["a/x", "b"], rows
    table = host.run("list", "a/", "--bind", host.address, "--wait-hosts", "1")
    assert table.wait() == 0 and "a/x" in table.out.text() and "b" not in table.out.text().split()
    host.get("b")
    status = host.run("status", "--bind", host.address, "--json")
    assert status.wait() == 0 and json.loads(status.out.lines[0])["values"]
    nobody = host.run("status", "--bind", f"{swarm.net}.9")
    assert nobody.wait() == 4, nobody.tail()
    assert host.process.running()
    # The resident peer soon offers what the one-shot fetched.
    with swarm.client(host) as client:
        until(lambda: client.query("b").type == 3, "offered by the resident peer", 5)


def test_get_of_several_goes_on_after_a_miss(swarm):
    swarm.host(2, shared={"f": 1000, "g": 1000})
    host = swarm.host(1, hosts=[2], start=False)
    process = host.get("f", "missing", "g", code=3)
    outcomes = {one["name"]: one["outcome"] for one in process.events("fetch_done")}
    assert outcomes == {"f": "done", "missing": "not-found", "g": "done"}


def test_the_closing_line_has_root_time_and_shares(swarm):
    for n in (2, 3):
        swarm.host(n, shared={"f": 8 * MIB}, options=["--max-upload", "8MiB"])
    host = swarm.host(1, hosts=[2, 3], start=False)
    process = host.run("get", "f", "--bind", host.address, "--wait-hosts", "2")
    assert process.wait() == 0
    line = process.out.text()
    root = host.run("hash", "downloads/f")
    root.wait()
    assert root.out.text().split()[0] in line
    assert f"{swarm.net}.2:{PORT}" in line and f"{swarm.net}.3:{PORT}" in line and " s" in line, line


def test_a_reader_that_goes_away_ends_it(swarm):
    """A closed pipe is an error, not a signal."""
    swarm.host(2, shared={f"file{n}": 10 for n in range(50)})
    host = swarm.host(1, hosts=[2], start=False)
    process = host.run("list", "--bind", host.address, "--wait-hosts", "1", wrap=["sh", "-c",
                       "\"$@\" | head -c 10; exit 0", "sh"])
    assert process.wait(10) == 0
    assert "SIGPIPE" not in process.err.text()
