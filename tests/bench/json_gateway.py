#!/usr/bin/env python3
"""GETs of a 4 KiB file from the JSON gateway over loopback; medians of 5, with their spread.

    json_gateway.py --build DIR --shoal PROGRAM [--seconds 3]

With and without a secret, 8 connections, one request at a time on each and 16 ahead; and 100
connections. tests/bench/bench_json.cpp is the client; it shares the cores with the gateway.
"""
import argparse
import pathlib
import re
import statistics
import subprocess

from figures import harness, hosts_of  # it lets the next be found
import jsonhost

ROUNDS = 5


def measure(options, host, secret, connections, ahead):
    runs = []
    for _ in range(ROUNDS):
        said = subprocess.run([options.build / "bench/bench_json", host.address, str(jsonhost.JSON_PORT),
                               host.folder / "secret" if secret else "-", "a.txt", str(connections), str(ahead),
                               str(options.seconds)], check=True, capture_output=True, text=True).stdout
        runs.append([float(number) for number in re.findall(r"[\d.]+(?= req| us)", said)])
    rates = [run[0] for run in runs]
    p50, p99 = (statistics.median(run[i] for run in runs) for i in (1, 2))
    print(f"| {'secret' if secret else 'open'}, {connections} connections, {ahead} ahead "
          f"| {statistics.median(rates):,.0f}/s ({min(rates):,.0f} … {max(rates):,.0f}) "
          f"| {p50:.0f} µs | {p99:.0f} µs |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--shoal", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    options.build = options.build.resolve()
    with hosts_of("bench-json", options) as swarm:
        print("| | rate | p50 | p99 |\n|---|---|---|---|")
        for number, secret in ((2, jsonhost.SECRET), (3, None)):
            host = jsonhost.gateway_host(swarm, number, "--max-clients-per-address", "200", secret=secret,
                                         shared={"a.txt": 4 * harness.KIB})
            for connections, ahead in ((8, 1), (8, 16), (100, 1)):
                measure(options, host, secret, connections, ahead)
            host.process.stop()


if __name__ == "__main__":
    main()
