"""What the benchmarks that stand alone share: how a figure is written, and whose memory it is."""
import pathlib


def line(what, value, goal="", good=None):
    mark = "" if good is None else ("ok" if good else "MISSED")
    print(f"{what:66} {value:>16}  {goal:18} {mark}", flush=True)


def pss(pid):
    """Proportional resident bytes of a process; 0 when it has just gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.partition("\nPss:")[2].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        return 0
