"""Processor time of a server: of its process and of all that it started (Linux)."""

import os
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def seconds(pid: int) -> float:
    """Return what a process, its living descendants and their ended children have used, by /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return 0.0
    times = stat.rpartition(") ")[2].split()[11:15]  # utime, stime, cutime, cstime: see proc(5)
    return sum(map(int, times)) / TICKS_PER_SECOND + sum(seconds(int(child)) for child in children)
