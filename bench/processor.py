"""How much processor time each part of the service has used, out of /proc.

Unlike time by the clock it does not grow because others are at work on the same machine.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


def used(parts: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds so far, by the parts' names: of the process with that id and all that descend from it.

    Those of its children that ended and were waited for are counted; a process that is gone counts for nothing.
    """
    children: dict[int, list[int]] = defaultdict(list)
    spent: dict[int, int] = {}
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # The name, in brackets, may hold blanks: proc(5) numbers the state after it as the third field.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we were looking
            continue
        pid = int(folder.name)
        children[int(fields[1])].append(pid)
        spent[pid] = sum(int(ticks) for ticks in fields[11:15])  # own, and of children waited for

    def of(pid: int) -> int:
        return spent.get(pid, 0) + sum(of(child) for child in children.get(pid, ()))

    return {name: of(pid) / _TICKS for name, pid in parts.items()}


def each(before: Mapping[str, float], after: Mapping[str, float], count: int) -> dict[str, float]:
    """Processor milliseconds by part for each of `count` things that were done between the two looks."""
    return {name: (after[name] - before[name]) / max(count, 1) * 1000 for name in after}
