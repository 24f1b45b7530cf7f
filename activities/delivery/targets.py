"""Targets: how much one mail domain, webhook or chat service is given to do at once, and when it is left alone.

Times are seconds of a clock that only goes forward, which the caller reads; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Circuit(StrEnum):
    """CLOSED: as usual. OPEN: nothing is sent there for a while. HALF_OPEN: one try tells what comes next."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class Rate:
    """So many a second in the long run, and at most `burst` of them at once."""

    per_second: float
    burst: int


RATES: Mapping[str, Rate] = MappingProxyType(
    {"mail": Rate(500, 1000), "webhook": Rate(20, 40), "chat": Rate(1, 5)}
)
"""Our own mail server has its own ways with mail domains; chat services take about one message a second."""


@dataclass(frozen=True)
class Limits:
    """What is asked of one target at most. Times in real seconds."""

    at_once: int = 12
    """Of the dispatcher's slots; the others stay free for other targets."""
    failures: int = 5
    """In a row, and the circuit opens. An answer is no failure, whatever it says."""
    pause: float = 10.0
    """How long it stays open the first time; doubled from time to time."""
    longest_pause: float = 300.0
    patience: float = 1.0
    """How long a message waits for a place at its target before it makes room for others."""
    rates: Mapping[str, Rate] = field(default_factory=lambda: RATES)
    """By what stands before the first colon of a target's name; what is not named has no limit."""


@dataclass
class Target:
    """One target's state. `ask` first; after a yes `begin`, and `end` whatever comes of it."""

    limits: Limits
    rate: Rate | None = None
    under_way: int = 0
    circuit: Circuit = Circuit.CLOSED
    failures: int = 0
    _pauses: int = 0
    _closed_until: float = 0.0
    _next: float = 0.0  # when the rate's bucket would be full again (GCRA's theoretical arrival time)
    _last_end: float = field(default=float("-inf"))

    @property
    def full(self) -> bool:
        """Whether as many are under way as may be."""
        return self.under_way >= self.limits.at_once

    @property
    def idle(self) -> bool:
        """Whether there is nothing about it to remember."""
        return not self.under_way and not self.failures and self.circuit is Circuit.CLOSED

    def stuck(self, now: float) -> bool:
        """Whether it is full and nothing there was finished for a while: it is of no use to wait."""
        return self.full and now - self._last_end > self.limits.patience

    def ask(self, now: float) -> float:
        """In how many seconds it may be tried; 0 is now, as far as circuit and rate go."""
        if self.circuit is Circuit.OPEN:
            if now < self._closed_until:
                return self._closed_until - now
            self.circuit = Circuit.HALF_OPEN
        if self.circuit is Circuit.HALF_OPEN and self.under_way:
            return self.limits.pause
        if self.rate is None:
            return 0.0
        allowance = (self.rate.burst - 1) / self.rate.per_second
        return max(0.0, self._next - allowance - now)

    def begin(self, now: float) -> None:
        """Something is sent there from now on."""
        if not self.under_way:
            self._last_end = now
        self.under_way += 1
        if self.rate is not None:
            self._next = max(self._next, now) + 1 / self.rate.per_second

    def end(self, now: float, *, answered: bool | None, spread: float = 1.0) -> None:
        """It was sent or not. `answered` None: that says nothing about the target.

        `spread`, about 1, keeps those whose pauses began together from ending them together.
        """
        self.under_way -= 1
        self._last_end = now
        if answered is None:
            return
        if answered:
            self.failures, self._pauses, self.circuit = 0, 0, Circuit.CLOSED
            return
        self.failures += 1
        if self.circuit is Circuit.HALF_OPEN or (
            self.circuit is Circuit.CLOSED and self.failures >= self.limits.failures
        ):
            pause = min(self.limits.pause * 2 ** min(self._pauses, 30), self.limits.longest_pause)
            self._pauses += 1
            self.circuit, self._closed_until = Circuit.OPEN, now + pause * spread
