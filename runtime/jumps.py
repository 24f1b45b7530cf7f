"""Jumps: whether the system's time was set, by holding it against the clock that only ever goes forward."""

from __future__ import annotations

import time
from datetime import timedelta

from runtime.clock import SYSTEM, Clock

SMALLEST = timedelta(seconds=2)
"""What is less is drift, or a moment's delay between two readings."""


class Jumps:
    """Asked now and then, it says by how much the system's time was set since it was last asked."""

    def __init__(self) -> None:
        self._clock = Clock(SYSTEM)
        self._before = self._offset()

    def since_last(self) -> timedelta | None:
        """How far the time jumped, forward or (negative) backward; None where it did not."""
        now = self._offset()
        jump, self._before = now - self._before, now
        return jump if abs(jump) >= SMALLEST else None

    def _offset(self) -> timedelta:
        now = self._clock.now()
        return timedelta(seconds=now.timestamp() - time.monotonic())
