"""How much memory a process may have: the machine's, or what its control group allows it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_GROUP = Path("/sys/fs/cgroup")
_FILES = ("memory.max", "memory/memory.limit_in_bytes")
"""Version two and version one of control groups; in a container they stand for the container."""


def memory_allowed(group: Path = _GROUP) -> int:
    """Bytes. A limit that says nothing (`max`, or more than there is) is none."""
    allowed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in _FILES:
        with suppress(OSError, ValueError):
            allowed = min(allowed, int((group / name).read_text()))
    return allowed
