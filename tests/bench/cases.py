"""What is measured over real links. Each case: its links, who serves, who fetches, what happens in the
middle, and its ideal: the seconds in which the links carry what must pass if nothing is wasted."""
import dataclasses
import signal
from typing import Callable

from links import carried

MIB = 1 << 20


def nothing(_net, _player):
    pass


@dataclasses.dataclass
class Case:
    name: str
    size: int
    links: list                # (up, down) in Mbit/s of each host; 0: as fast as it goes
    servers: list
    clients: list
    ideal: float               # seconds
    goal: float                # shoal: at most so many times the ideal
    others: tuple = ()         # names of players beside shoal
    when: float = 0.0          # seconds after the start ...
    then: Callable = nothing   # ... this happens
    absent: tuple = ()         # clients that need not finish
    joins: dict = dataclasses.field(default_factory=dict)  # client: seconds after the start
    limit: float = 60.0
    absolute: bool = False  # `ideal` is the goal itself


def process_of(player, number):
    return player.processes[player.servers.index(number)]


def kill(net, player):
    process_of(player, player.servers[-1]).kill()


def cut(net, player):
    net.cut(player.servers[-1])


def stop(net, player):
    process_of(player, player.servers[-1]).send_signal(signal.SIGSTOP)


def sources(name, size, ups, goal, others, down=0, **more):
    """One client, host 0, of servers with these uplinks."""
    rate = sum(carried(up) for up in ups)
    ideal = size / (min(rate, carried(down)) if down else rate)
    links = [(down, down)] + [(up, up) for up in ups]
    return Case(name, size, links, list(range(1, len(ups) + 1)), [0], ideal, goal, others, **more)


def lost_source(name, then, goal, others):
    """One of four is gone when the three and it have brought half."""
    size, up = 256 * MIB, 200
    half = size / 2 / (4 * carried(up))
    ideal = half + size / 2 / (3 * carried(up))
    case = sources(name, size, [up] * 4, goal, others)
    return dataclasses.replace(case, ideal=ideal, when=half, then=then)


def crowd(name, ups, goal, others, size=64 * MIB, seed=100, down=100, **more):
    """One seed, host 0; everybody else fetches from the start."""
    count = len(ups)
    once = size / carried(seed)
    all_of_it = count * size / (carried(seed) + sum(carried(up) for up in ups))
    ideal = max(once, size / carried(down), all_of_it)
    links = [(seed, seed)] + [(up, down) for up in ups]
    return Case(name, size, links, [0], list(range(1, count + 1)), ideal, goal, others, **more)


def kill_first_client(net, player):
    player.processes[len(player.servers)].kill()


def all_cases():
    mirrors = ("aria2c http", "libtorrent")
    once = 64 * MIB / carried(100)
    late = {number: 2.0 for number in range(21, 31)}
    return {
        "equal": sources("4 x 200 Mbit/s, 256 MiB", 256 * MIB, [200] * 4, 1 / 0.98, mirrors),
        "unequal": sources("400/200/100/50 Mbit/s, 256 MiB", 256 * MIB, [400, 200, 100, 50],
                           1 / 0.97, mirrors),
        "killed": lost_source("one of 4 killed at 50 %", kill, 1.05, mirrors),
        "cut": lost_source("one of 4: its cable cut at 50 %", cut, 1.15, mirrors),
        "stopped": lost_source("one of 4 stopped at 50 %", stop, 1.15, mirrors),
        "narrow": sources("client of 20 Mbit/s, 4 fast sources, 32 MiB", 32 * MIB, [1000] * 4,
                          1 / 0.98, ("aria2c http",), down=20),
        "small": Case("1 MiB, from start to exit", MIB, [(0, 0), (0, 0)], [1], [0], 0.06, 1.0,
                      ("curl", "aria2c http", "libtorrent"), absolute=True),
        "crowd8": crowd("flash crowd of 8, 64 MiB", [100] * 8, 1.10,
                        ("relay (limit)", "libtorrent", "curl")),
        "crowd30": crowd("flash crowd of 30, 64 MiB", [100] * 30, 1.15,
                         ("relay (limit)", "libtorrent")),
        "uneven30": crowd("30, uplinks of 50 and 200", [50, 200] * 15, 1.15, ("libtorrent",),
                          down=200),
        "dying30": crowd("30, one dies at 50 %", [100] * 30, 1.15, ("libtorrent",), when=once / 2,
                         then=kill_first_client, absent=(1,)),
        "late30": dataclasses.replace(
            crowd("30, ten of them 2 s late", [100] * 30, 1.15, ("libtorrent",), joins=late),
            ideal=once + 2.0),
        "liar30": dataclasses.replace(
            crowd("30, one claims all and serves 1 Mbit/s", [1] + [100] * 29, 1.15, ("libtorrent",)),
            servers=[0, 1], clients=list(range(2, 31)), ideal=once),
    }
