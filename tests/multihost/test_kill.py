"""P26 and PITFALLS 23: kill -9 at random moments, of holders and of the requester itself. Ten here, two
hundred in the long run (SHOAL_TEST_KILLS); SHOAL_TEST_SEED repeats a run."""
import os
import random
import time

from harness import MIB, check_equal, marks

KILLS = int(os.environ.get("SHOAL_TEST_KILLS", "10"))
SIZE = 6 * MIB


def chance():
    seed = int(os.environ.get("SHOAL_TEST_SEED", random.randrange(2**32)))
    print(f"SHOAL_TEST_SEED={seed}")
    return random.Random(seed)


@marks(timeout=60 + 4 * KILLS)
def test_p26_holders_die_at_any_moment(swarm):
    """Two holders take turns at dying; the other one stays, so every fetch completes."""
    dice = chance()
    servers = [swarm.host(n, shared={"f": SIZE}, options=["--max-upload", "16MiB"]) for n in (2, 3)]
    host = swarm.host(1, hosts=[2, 3], start=False)
    for kill in range(KILLS):
        victim = servers[kill % 2]
        process = host.start_get("f")
        time.sleep(dice.random() * 0.3)
        victim.kill()
        assert process.wait(30) == 0, f"kill {kill}\n{process.tail()}"
        check_equal(host.download("f"), victim.shared("f"))
        host.download("f").unlink()
        victim.serve()


@marks(timeout=60 + 4 * KILLS)
def test_p26_the_requester_dies_at_any_moment(swarm):
    """Again and again, until it is whole: nothing false under the final name, and it says what it
    took over from the try before. Half of the moments are counted from the first verified chunk,
    since a slow machine may spend all of the others on starting."""
    dice = chance()
    server = swarm.host(2, shared={"f": SIZE}, options=["--max-upload", "16MiB"])
    host = swarm.host(1, hosts=[2], start=False)
    killed = resumed = 0
    while killed < KILLS:
        process = host.start_get("f")
        if killed % 2:
            process.wait_event("fetch_progress", lambda one: one["done"] > 0)
        time.sleep(dice.random() * 0.35)
        if process.running():
            process.kill()
            killed += 1
        started = process.events("fetch_started")
        resumed += bool(started and started[0]["kept"])
        if host.download("f").exists():
            check_equal_final(host, server)
            host.download("f").unlink()
    host.get("f")
    check_equal(host.download("f"), server.shared("f"))
    assert resumed or KILLS < 10, "no run went on from the one before"


def check_equal_final(host, server):
    assert host.download("f").read_bytes() == server.shared("f").read_bytes()


@marks(timeout=60 + 4 * KILLS)
def test_p26_the_resident_peer_dies_while_it_serves_and_fetches(swarm):
    dice = chance()
    seed = swarm.host(2, shared={"f": SIZE}, options=["--max-upload", "8MiB"])
    middle = swarm.host(3, hosts=[2], start=False)
    host = swarm.host(1, hosts=[2, 3], start=False)
    for kill in range(max(1, KILLS // 2)):
        prompt = middle.prompt(options=["--json"])
        prompt.send("f\n")
        process = host.start_get("f")
        time.sleep(dice.random() * 0.5)
        prompt.kill()
        assert process.wait(30) == 0, f"kill {kill}\n{process.tail()}"
        check_equal(host.download("f"), seed.shared("f"))
        host.download("f").unlink()
        final = middle.download("f")
        assert not final.exists() or final.read_bytes() == seed.shared("f").read_bytes()
