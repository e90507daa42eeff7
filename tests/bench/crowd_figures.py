#!/usr/bin/env python3
"""Runs the simulator's crowds of 8 to 1,000 and draws how the time grows with their number, over the
logarithm of it, into docs/crowds.svg:

    tests/bench/crowd_figures.py [--build build/release]

Minutes: the crowd of 1,000 alone takes more than one.
"""
import math
import re

from figures import ROOT, simulated

LINE = re.compile(r"^\s+flash crowd of ([\d,]+).*ratio\s+([\d.]+)\s+seed\s+([\d.]+) copies", re.M)
CASES = ("a flash crowd completes near the time of one copy,"
         "larger crowds: slower by the logarithm of their number")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 320, 60, 30, 30, 50
LOW, HIGH = 1.0, 1.5


def plot(points):
    most = math.log10(points[-1][0])

    def place(count, ratio):
        return (LEFT + math.log10(count) / most * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (ratio - LOW) / (HIGH - LOW) * (HEIGHT - TOP - BOTTOM))

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="12">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             '<text x="8" y="18">time of the last leecher over the time in which the seed sends one copy</text>']
    for step in range(round((HIGH - LOW) * 10) + 1):
        ratio = LOW + step / 10
        y = place(1, ratio)[1]
        lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
                     f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{ratio:.1f}</text>')
    for count, ratio, _ in points:
        x, y = place(count, ratio)
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{count:,}</text>'
                     f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1b6ca8"/>'
                     f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{ratio:.2f}</text>')
    path = " ".join("{:.1f},{:.1f}".format(*place(count, ratio)) for count, ratio, _ in points)
    lines.append(f'<polyline points="{path}" fill="none" stroke="#1b6ca8" stroke-width="2"/>'
                 f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">leechers</text>')
    return "\n".join([*lines, "</svg>", ""])


def main():
    points = [(int(count.replace(",", "")), float(ratio), float(copies))
              for count, ratio, copies in LINE.findall(simulated(__doc__, CASES))]
    (ROOT / "docs" / "crowds.svg").write_text(plot(points))
    for count, ratio, copies in points:
        print(f"| {count:,} | {ratio:.2f} | {copies:.2f} |")


if __name__ == "__main__":
    main()
