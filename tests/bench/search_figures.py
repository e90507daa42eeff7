#!/usr/bin/env python3
"""Runs the simulator's "what searches cost" and writes its table into docs/search.md and its plot to
docs/search.svg:

    tests/bench/search_figures.py [--build build/release]

Minutes: half a million hosts are asked.
"""
import re

from figures import ROOT, simulated

HOSTS = 10_000
LINE = re.compile(r"^\s+(.+?)\s+found\s+([\d.]+) %\s+holders\s+([\d.]+)\s+hosts\s+([\d.]+)\s+searches\s+([\d.]+)"
                  r"\s+hits\s+([\d.]+)\s+answers\s+([\d.]+)\s+KiB\s+([\d.]+)\s+first\s+(\d+) ms\s+all\s+(\d+) ms"
                  r"\s+plain\s+([\d.]+)$", re.M)
FIELDS = "found holders hosts searches hits answers kib first all plain".split()


def table(rows):
    yield ("| a file on | asked | found | holders found | hosts asked | `search` | plain flooding | minimum | "
           "`hits` | `search_done` | in all | first hit | all answered |")
    yield "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    for label, row in rows.items():
        holders, how = label.split()
        if how not in ("once", "rings"):
            continue
        yield (f"| {int(holders) / HOSTS:.1%} | {'at once, TTL 7' if how == 'once' else 'in rings'} | "
               f"{row['found']:.0f} % | {row['holders']:.1f} | {row['hosts']:,.0f} | {row['searches']:,.0f} | "
               f"{row['plain']:,.0f} | {row['hosts']:,.0f} | {row['hits']:,.0f} | {row['answers']:,.0f} | "
               f"{row['kib'] / 1024:.1f} MiB | {row['first']:.0f} ms | {row['all'] / 1000:.2f} s |")


def plot(rows):
    """Messages by TTL on a logarithmic scale: what is sent, plain flooding, and the minimum."""
    import math
    ttls = [(int(label.split()[1]), row) for label, row in rows.items() if label.startswith("ttl ")]
    width, height, left, bottom, top = 640, 360, 70, 50, 20
    most = math.log10(max(row["plain"] for _, row in ttls)) * 1.02
    x = {ttl: left + (ttl - 1) * (width - left - 150) / (len(ttls) - 1) for ttl, _ in ttls}

    def y(value):
        return height - bottom - math.log10(max(value, 1)) / most * (height - bottom - top)

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for power in range(int(most) + 1):
        lines.append(f'<line x1="{left}" x2="{width - 150}" y1="{y(10 ** power):.1f}" y2="{y(10 ** power):.1f}" '
                     f'stroke="#ddd"/><text x="{left - 8}" y="{y(10 ** power) + 4:.1f}" '
                     f'text-anchor="end">{10 ** power:,}</text>')
    for ttl in x:
        lines.append(f'<text x="{x[ttl]:.1f}" y="{height - bottom + 18}" text-anchor="middle">{ttl}</text>')
    lines.append(f'<text x="{(left + width - 150) / 2}" y="{height - 10}" text-anchor="middle">TTL</text>')
    series = (("plain", "plain flooding", "#b33", "6 3"), ("searches", "search messages", "#26c", ""),
              ("hosts", "minimum: hosts reached", "#383", "2 3"))
    for key, name, colour, dashes in series:
        points = " ".join(f"{x[ttl]:.1f},{y(row[key]):.1f}" for ttl, row in ttls)
        end = y(ttls[-1][1][key])
        shift = {"plain": -6, "searches": 6, "hosts": 10}[key]
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" '
                     f'stroke-dasharray="{dashes}"/><text x="{width - 145}" y="{end + shift:.1f}" '
                     f'fill="{colour}">{name}</text>')
    return "\n".join([*lines, "</svg>", ""])


def main():
    rows = {label: dict(zip(FIELDS, map(float, numbers)))
            for label, *numbers in LINE.findall(simulated(__doc__, "what searches cost"))}
    page = ROOT / "docs" / "search.md"
    text = re.sub(r"(<!-- table -->\n).*?(<!-- end -->)",
                  lambda match: match[1] + "\n".join(table(rows)) + "\n" + match[2], page.read_text(), flags=re.S)
    page.write_text(text)
    (ROOT / "docs" / "search.svg").write_text(plot(rows))
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
