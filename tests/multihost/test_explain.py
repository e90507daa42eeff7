"""What a person can ask about a fetch: who holds what (--plan), where the time went (--explain),
and how far it is (status)."""
import os
import re
import signal

from harness import KIB, MIB, SLOW, until


def three_holders(swarm, size):
    """Two hold all, the third nothing; the client's hosts.txt has them all."""
    data = os.urandom(size)
    hosts = [swarm.host(n, shared={"big": data} if n < 3 else {"other": 10},
                        options=["--max-upload", "8MiB"]) for n in (1, 2, 3)]
    return hosts, data


def test_a_plan_names_the_holders_and_transfers_nothing(swarm):
    hosts, data = three_holders(swarm, 5 * MIB)
    client = swarm.host(20, hosts=[1, 2, 3], start=False)
    get = client.run("get", "--plan", "big", "--wait-hosts", "3", "--bind", client.address, "--json")
    assert get.wait() == 0, get.tail()
    done = get.events("fetch_done")[0]
    plan = done["plan"]
    assert sorted(host["host"] for host in plan["hosts"]) == [hosts[0].name, hosts[1].name]
    assert {host["chunks"] for host in plan["hosts"]} == {plan["chunks"]} and plan["chunks"] > 1
    assert {host["rate"] for host in plan["hosts"]} == {8 * MIB}
    assert plan["rarity"] == [{"holders": 2, "chunks": plan["chunks"]}] and plan["here"] == 0
    assert abs(plan["seconds"] - len(data) / (16 * MIB)) < 0.02
    assert done["saved_as"] == "" and not get.events("fetch_started")
    assert not client.download("big").exists()
    for host in hosts:
        assert host.status()["sent"] == 0


def a_part(host):
    """The map of its download, once some of it is here."""
    drawn = host.status().get("download-1", "")
    return drawn if "#" in drawn or "+" in drawn else None


def test_a_plan_of_a_part_counts_what_is_rare_and_what_is_here(swarm):
    hosts, data = three_holders(swarm, 20 * MIB)
    slow = swarm.host(20, hosts=[1], start=False)
    prompt = slow.prompt(options=["--max-download", "2MiB"])
    slow.wait_port()
    prompt.send("get big\n")
    shown = until(lambda: a_part(slow), "a part is here")
    assert re.fullmatch(r"\d+ % [#+.]{50} big", shown), shown
    rates = [value for key, value in slow.status().items() if key.startswith("peer-")]
    assert len(rates) == 1 and rates[0].startswith(hosts[0].name + " in "), rates
    prompt.signal(signal.SIGINT)
    prompt.wait()
    get = slow.run("get", "--plan", "big", "--bind", slow.address, "--json")
    assert get.wait() == 0, get.tail()
    plan = get.events("fetch_done")[0]["plan"]
    assert 0 < plan["here"] < plan["chunks"]
    assert plan["rarity"] == [{"holders": 1, "chunks": plan["chunks"] - plan["here"]}]


def test_the_explanation_adds_up(swarm):
    hosts, data = three_holders(swarm, 4 * MIB)
    client = swarm.host(20, hosts=[1, 2, 3], start=False)
    get = client.run("get", "--explain", "big", "--wait-hosts", "3", "--bind", client.address, "--json")
    assert get.wait() == 0, get.tail()
    done = get.events("fetch_done")[0]
    times = done["times"]
    phases = sum(times[key] for key in ("connecting", "asking", "opening", "transferring", "saving"))
    assert abs(phases - done["seconds"]) < 0.002, (phases, done["seconds"])
    assert times["transferring"] > 0.5 * len(data) / (16 * MIB), times  # two sources of 8 MiB/s
    assert 0 < times["writing"] < times["transferring"] and times["hashing"] > 0, times
    assert sum(host["bytes"] for host in times["hosts"]) >= len(data)
    assert {host["host"] for host in times["hosts"]} == {hosts[0].name, hosts[1].name}
    for host in times["hosts"]:
        assert 0 < host["longest_wait"] <= host["busy"] <= times["transferring"] + 0.05 * SLOW, host
    for shown in (False, True):  # what is here already took no time worth telling
        said = client.run("get", "--explain", "big", "--bind", client.address)
        assert said.wait() == 0 and ("transferring" in said.out.text()) is shown, said.tail()
        client.download("big").unlink()


def test_the_prompt_plans_and_explains_too(swarm):
    hosts, _ = three_holders(swarm, 300 * KIB)
    client = swarm.host(20, hosts=[1, 2, 3], start=False)
    prompt = client.prompt(options=["--wait-hosts", "3"])
    prompt.send("get --plan big\nget --explain big\nget --plan big/\nget --what big\n")
    prompt.close_input()
    assert prompt.wait() == 2, prompt.tail()
    out, err = prompt.out.text(), prompt.err.text()
    assert "5 chunks at 2 hosts" in out and hosts[1].name in out, out
    assert "saved as" in out and "LONGEST WAIT" in out, out
    assert "a plan is of one file" in err and "'--what' is no option of get" in err, err


def test_who_stalls_is_named_with_what_is_missing(swarm):
    data = os.urandom(12 * MIB)
    hosts = [swarm.host(n, shared={"big": data}, options=["--max-upload", "3MiB"]) for n in (1, 2, 3)]
    client = swarm.host(20, hosts=[1, 2, 3], start=False)
    get = client.start_get("big", options=["--timeout", "60"])
    get.wait_event("fetch_progress", lambda one: one["done"] > 0)
    hosts[2].kill()
    for host in hosts[:2]:
        host.process.freeze()
    note = get.wait_event("fetch_note", kind="stalled", limit=20 * SLOW)
    said = re.fullmatch(r"nothing has come for (\d+) s; missing: (\d+) of (\d+) chunks \(([\d, .-]+)\); (.*)",
                        note["text"])
    assert said, note
    assert 5 <= int(said[1]) and 0 < int(said[2]) < int(said[3]), note
    for host in hosts[:2]:
        assert f"{host.name} claims {said[2]} of them, silent" in said[5], note
    assert f"{hosts[2].name}: gone (" in said[5], note
    for host in hosts[:2]:
        host.process.thaw()
    assert get.wait(60 * SLOW) == 0, get.tail()
    assert client.download("big").read_bytes() == data
