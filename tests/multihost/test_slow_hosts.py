"""A host of hosts.txt that is slow, full or silent beside one that is well: no answer is not "no"."""
from delayproxy import DelayProxy
from harness import PORT, check_equal, guarded, marks
from test_why import occupied


def asked(host, *words):
    return host.run(*words, "--bind", host.address, "--json")


def test_a_silent_host_beside_another_is_named_and_is_no_answer(swarm):
    far = swarm.host(2, shared={"d/x": 10, "far": 10})
    near = swarm.host(3, shared={"d/y": 20})
    hosts = [swarm.host(number, hosts=[2, 3], start=False) for number in range(10, 14)]
    far.process.freeze()
    folder, file, here = (host.start_get(name, "--timeout", "2")
                          for host, name in zip(hosts, ("d/", "far", "d/y")))
    search = asked(hosts[3], "search", "far", "--wait", "1")
    for process, code in ((folder, 5), (file, 5), (here, 0)):
        assert process.wait() == code, process.tail()
    for process in (folder, file):
        assert far.name in process.events("fetch_done")[0]["text"], process.tail()
    check_equal(hosts[0].download("d/y"), near.shared("d/y"))
    assert search.wait() == 5 and far.name in search.tail(), search.tail()


@marks(long=True)
def test_a_list_names_a_silent_host(swarm):
    far = swarm.host(2, shared={"far": 10})
    swarm.host(3, shared={"near": 20})
    host = swarm.host(1, hosts=[2, 3], start=False)
    far.process.freeze()
    process = asked(host, "list")
    assert process.wait() == 5, process.tail()
    told = process.events("file_list")[0]
    assert [gap["host"] for gap in told["gaps"]] == [far.name], told
    assert [row["name"] for row in told["rows"]] == ["near"], told


@marks(long=True)
def test_a_long_round_trip_is_waited_for(swarm):
    far = swarm.host(2, shared={"d/x": 10, "far": 10})
    near = swarm.host(3, shared={"d/y": 20})
    proxy = DelayProxy(f"{swarm.net}.4", far.address, PORT, delay=0.6)
    hosts = [swarm.host(number, hosts=[3, 4], start=False) for number in range(10, 14)]
    processes = [hosts[0].start_get("d/"), hosts[1].start_get("far"), asked(hosts[2], "list"),
                 asked(hosts[3], "search", "far")]
    for process in processes:
        assert process.wait() == 0, process.tail()
    check_equal(hosts[0].download("d/x"), far.shared("d/x"))
    check_equal(hosts[0].download("d/y"), near.shared("d/y"))
    check_equal(hosts[1].download("far"), far.shared("far"))
    told = processes[2].events("file_list")[0]
    assert [row["name"] for row in told["rows"]] == ["d/x", "d/y", "far"], told
    proxy.close()


def test_a_full_host_beside_another_has_not_said_no(swarm):
    full = swarm.host(2, shared={"d/x": 10, "far": 10}, options=["--max-clients", "1"])
    near = swarm.host(3, shared={"d/y": 20})
    occupant = occupied(swarm, full)
    host = swarm.host(1, hosts=[2, 3], start=False)
    for name in ("far", "nope", "d/"):
        done = host.get(name, code=5).events("fetch_done")[0]
        assert f"{full.name}: " in done["text"] and "full" in done["text"], done
    check_equal(host.download("d/y"), near.shared("d/y"))
    host.get("d/y")
    process = asked(host, "list")
    assert process.wait() == 5, process.tail()
    assert [gap["host"] for gap in process.events("file_list")[0]["gaps"]] == [full.name]
    occupant.close()


def test_a_host_that_lets_nobody_in_beside_another_has_not_said_no(swarm):
    far = guarded(swarm, 2, shared={"far": 10})
    far.serve()
    swarm.host(3, shared={"d/y": 20})
    host = swarm.host(1, hosts=[2, 3], start=False)
    for name in ("far", "d/"):
        done = host.get(name, code=5).events("fetch_done")[0]
        assert far.name in done["text"], done
    process = asked(host, "list")
    assert process.wait() == 5, process.tail()


def test_a_host_that_is_switched_off_delays_nobody(swarm):
    swarm.host(3, shared={"d/y": 20})
    host = swarm.host(1, hosts=[2, 3], start=False)
    host.get("d/")
    done = host.get("nope", code=3).events("fetch_done")[0]
    assert "No server has 'nope'" in done["text"], done
    process = asked(host, "list")
    assert process.wait() == 0, process.tail()
    assert process.events("file_list")[0]["gaps"] == [], process.tail()
