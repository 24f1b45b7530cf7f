"""A clock that stands still: for tests in which a moment, and not how long the machine takes, decides."""

from __future__ import annotations

from datetime import datetime

from runtime.clock import Clock, ClockSpec


class StillClock(Clock):
    """It is always `at`, until it is set. At `speed` its time would go so many times as fast as outside."""

    def __init__(self, at: datetime, speed: int = 1) -> None:
        super().__init__(ClockSpec(real_anchor=Clock().now(), virtual_anchor=at, speed=speed))

    def set(self, at: datetime, speed: int = 1) -> None:
        """Another moment from here on."""
        self.spec = ClockSpec(real_anchor=Clock().now(), virtual_anchor=at, speed=speed)

    def now(self) -> datetime:
        """The moment that it was set to (aware UTC)."""
        return self.spec.virtual_anchor
