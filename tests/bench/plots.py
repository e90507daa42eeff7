"""Results of run_links.py as a table in Markdown and as a plot in SVG: bars of time over ideal."""
import html
import math
import statistics

COLOURS = {"shoal": "#1b6ca8", "libtorrent": "#d98c3f", "aria2c http": "#6aa66a", "curl": "#9a86b8",
           "relay (limit)": "#999999"}
BAR, GAP, LEFT, WIDTH, MOST = 14, 12, 270, 760, 4.0


def figure(value):
    return "–" if math.isinf(value) else f"{value:.2f}"


def table(results):
    """One row a case; `results` holds (case, {program: times}, {program: copies})."""
    rows = ["| case | ideal | goal | shoal | others |", "|---|---|---|---|---|"]
    for case, times, copies in results:
        def cell(name):
            median = statistics.median(times[name])
            sent = f", {statistics.median(copies[name]):.2f} copies" if len(case.servers) == 1 else ""
            if math.isinf(median):
                return f"{name}: not within {case.limit:.0f} s"
            return f"{median:.2f} s = {median / case.ideal:.2f}{sent}"
        others = "; ".join(cell(name) if "not within" in cell(name) else f"{name} {cell(name)}"
                           for name in times if name != "shoal")
        goal = f"≤ {case.goal:.2f}"
        missed = ": missed" if statistics.median(times["shoal"]) > case.goal * case.ideal else ""
        rows.append(f"| {case.name} | {case.ideal:.2f} s | {goal} | {cell('shoal')}{missed} | {others} |")
    return "\n".join(rows) + "\n"


def plot(results, title):
    """Time over ideal, the goal as a mark; bars longer than MOST are cut and say how long."""
    scale = (WIDTH - LEFT - 70) / (MOST - 1)
    x_of = lambda ratio: LEFT + (min(ratio, MOST) - 1) * scale
    parts, y = [], 46
    for case, times, _ in results:
        height = len(times) * BAR
        parts.append(f'<text x="{LEFT - 8}" y="{y + height / 2 + 4}" text-anchor="end">'
                     f'{html.escape(case.name)}</text>')
        goal = x_of(case.goal)
        parts.append(f'<line x1="{goal:.1f}" x2="{goal:.1f}" y1="{y - 3}" y2="{y + height + 3}" '
                     'stroke="#c03030"/>')
        for name, all_times in times.items():
            ratio = statistics.median(all_times) / case.ideal
            width = max(1.0, x_of(ratio) - LEFT)
            parts.append(f'<rect x="{LEFT}" y="{y + 1}" width="{width:.1f}" height="{BAR - 2}" '
                         f'fill="{COLOURS.get(name, "#888")}"/>')
            parts.append(f'<text x="{LEFT + width + 5:.1f}" y="{y + BAR - 3}">{figure(ratio)}</text>')
            y += BAR
        y += GAP
    legend = "".join(f'<rect x="{LEFT + 95 * n}" y="26" width="10" height="10" fill="{colour}"/>'
                     f'<text x="{LEFT + 14 + 95 * n}" y="35">{name}</text>'
                     for n, (name, colour) in enumerate(COLOURS.items()))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
            'font-family="sans-serif" font-size="11">'
            f'<rect width="{WIDTH}" height="{y}" fill="white"/>'
            f'<text x="8" y="16" font-size="13">{html.escape(title)}</text>{legend}'
            + "".join(parts) + "</svg>\n")
