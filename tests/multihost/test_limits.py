"""Rates: P35, and limits given at the prompt."""
import concurrent.futures
import time

from harness import MIB, check_equal, marks

SECONDS = 10


def check_rate(process, rate):
    """Bytes a second between two looks ten seconds apart, within 3 %."""
    def look(after):
        process.wait_event("fetch_progress", lambda one: one["done"] > after)
        return time.monotonic(), process.events("fetch_progress")[-1]["done"]

    first = look(rate / 2)  # the first burst is over
    last = first
    while last[0] < first[0] + SECONDS:
        last = look(last[1])
    measured = (last[1] - first[1]) / (last[0] - first[0])
    assert 0.97 < measured / rate < 1.03, f"{measured / MIB:.3f} MiB/s, not {rate / MIB:g}"


@marks(alone=True, bare=True)
def test_p35_upload_and_download_limits_hold(swarm):
    """Both at once, in two swarms, since each takes ten seconds."""
    swarm.host(2, shared={"f": 200 * MIB}, options=["--max-upload", "12MiB"])
    for n in (3, 4):
        swarm.host(n, shared={"g": 200 * MIB})
    up = swarm.host(1, hosts=[2], start=False).start_get("f")
    down = swarm.host(5, hosts=[3, 4], start=False).start_get("g", options=["--max-download", "80Mbit"])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for check in [pool.submit(check_rate, up, 12 * MIB), pool.submit(check_rate, down, 10_000_000)]:
            check.result()


@marks(alone=True, bare=True)
def test_limits_change_at_the_prompt(swarm):
    server = swarm.host(2, shared={"f": 24 * MIB})
    host = swarm.host(1, hosts=[2], start=False)
    prompt = host.prompt(options=["--json", "--max-download", "1MiB"])
    prompt.send("f\n")
    prompt.wait_event("fetch_progress", lambda one: one["done"] > 0)
    start = time.monotonic()
    prompt.send("limit down off\n")
    prompt.wait_event("fetch_done", outcome="done")
    assert time.monotonic() - start < 5
    check_equal(host.download("f"), server.shared("f"))
