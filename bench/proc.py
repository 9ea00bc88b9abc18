"""What Linux says of a process and all its children: CPU time spent and memory held.

CPU time is user plus system time from ``/proc/PID/stat``, in ticks of ``SC_CLK_TCK`` (10 ms on
usual kernels, so rounds last seconds). A living child counts with its own figures, a child that
ended and was waited for counts in its parent's; nothing is counted twice.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Stat:
    """One line of ``/proc/PID/stat``: the fields that are asked for here."""

    pid: int
    parent: int
    ticks: int


def parse_stat(text: str) -> Stat:
    """Read a line of ``/proc/PID/stat``; the command's name may hold spaces and brackets (proc(5))."""
    pid, _, rest = text.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    # After pid and comm: state is field 3 of proc(5), so field n stands at n - 3.
    return Stat(int(pid), int(fields[1]), sum(int(field) for field in fields[11:15]))


def family(root: int, stats: Mapping[int, Stat]) -> frozenset[int]:
    """The pids of ``root`` and of all that descend from it, as far as they are in ``stats``."""
    found = {root} & stats.keys()
    while grown := {pid for pid, stat in stats.items() if stat.parent in found} - found:
        found |= grown
    return frozenset(found)


def cpu_seconds(root: int) -> float:
    """CPU seconds spent until now by the process ``root`` and its children; ProcessLookupError if gone."""
    stats = _stats()
    return sum(stats[pid].ticks for pid in _living(root, stats)) / TICKS_PER_S


def rss_bytes(root: int) -> int:
    """Resident bytes of ``root`` and its children, pages they share counted once for each of them."""
    pages = 0
    for pid in _living(root, _stats()):
        pages += int((PROC / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _living(root: int, stats: Mapping[int, Stat]) -> frozenset[int]:
    found = family(root, stats)
    if not found:
        raise ProcessLookupError(f"process {root} is gone")
    return found


def _stats() -> dict[int, Stat]:
    stats: dict[int, Stat] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                stat = parse_stat((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we were looking
            stats[stat.pid] = stat
    return stats
