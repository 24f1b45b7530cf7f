"""The time during which a clock runs: open moments, or all of them, less its pauses.

Instants and amounts are whole microseconds (policies.arithmetic.zones). Pauses are half-open intervals
[from, to), merged and in order; an end of None is a pause that still lasts.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from policies.arithmetic.zones import to_micros

PauseInstants = Sequence[tuple[datetime, datetime | None]]
Paused = tuple[tuple[int, int | None], ...]


class Line(Protocol):
    """What can be counted along: every moment, or the open moments of a calendar."""

    def between(self, begin: int, end: int) -> int:
        """Counted microseconds in [begin, end)."""

    def forward(self, begin: int, amount: int) -> int:
        """The earliest moment by which `amount` > 0 have passed since `begin`."""

    def back(self, end: int, amount: int) -> int:
        """The latest moment from which `amount` > 0 pass until `end`."""

    def first_open(self, begin: int) -> int:
        """The first counted moment at or after `begin`."""

    def spans(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The counted spans within [begin, end), in order."""


class Always:
    """Elapsed time: every moment counts."""

    def between(self, begin: int, end: int) -> int:
        """Microseconds from `begin` to `end`."""
        return max(0, end - begin)

    def forward(self, begin: int, amount: int) -> int:
        """`amount` after `begin`."""
        return begin + amount

    def back(self, end: int, amount: int) -> int:
        """`amount` before `end`."""
        return end - amount

    def first_open(self, begin: int) -> int:
        """`begin` itself."""
        return begin

    def spans(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The one span there is."""
        if end > begin:
            yield (begin, end)


def merged(pauses: PauseInstants) -> Paused:
    """Pauses in order, overlapping and touching ones as one, empty ones left out.

    ValueError for a pause that ends before it begins or has no time zone.
    """
    spans: list[tuple[int, int | None]] = []
    for begin, end in pauses:
        low, high = to_micros(begin), None if end is None else to_micros(end)
        if high is not None and high < low:
            raise ValueError(f"a pause ends before it begins: {begin.isoformat()}")
        if high != low:
            spans.append((low, high))
    spans.sort(key=lambda span: span[0])
    joined: list[tuple[int, int | None]] = []
    for low, high in spans:
        if joined and (last := joined[-1])[1] is None:
            break
        if joined and last[1] is not None and low <= last[1]:
            joined[-1] = (last[0], None if high is None else max(high, last[1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def pause_over(moment: int, paused: Paused) -> tuple[int, int | None] | None:
    """The pause under which `moment` passes: one that began before it and ends then or later."""
    return next((p for p in paused if p[0] < moment and (p[1] is None or moment <= p[1])), None)


def running_stretches(begin: int, end: int | None, paused: Paused) -> Iterator[tuple[int, int | None]]:
    """The stretches of [begin, end) outside the pauses; an end of None is without bound."""
    at = begin
    for low, high in paused:
        if end is not None and low >= end:
            break
        if low > at:
            yield (at, low)
        if high is None:
            return
        at = max(at, high)
    if end is None or at < end:
        yield (at, end)


def counted(line: Line, begin: int, end: int, paused: Paused) -> int:
    """Counted microseconds in [begin, end) outside the pauses."""
    if not paused:
        return line.between(begin, end)
    return sum(
        line.between(low, end if high is None else high)
        for low, high in running_stretches(begin, end, paused)
    )


def counted_spans(line: Line, begin: int, end: int, paused: Paused) -> Iterator[tuple[int, int]]:
    """The counted spans in [begin, end) outside the pauses."""
    for low, high in running_stretches(begin, end, paused):
        yield from line.spans(low, end if high is None else high)


def reached(line: Line, begin: int, amount: int, paused: Paused) -> int | None:
    """The earliest moment by which `amount` have been counted since `begin`; None while a pause lasts.

    For an amount of zero: the first counted moment at or after `begin`.
    """
    for low, high in running_stretches(begin, None, paused):
        if amount == 0:
            moment = line.first_open(low)
            if high is None or moment < high:
                return moment
            continue
        if high is None:
            return line.forward(low, amount)
        passed = line.between(low, high)
        if passed >= amount:
            return line.forward(low, amount)
        amount -= passed
    return None


def before(line: Line, end: int, amount: int, paused: Paused, not_before: int | None = None) -> int:
    """The latest moment from which `amount` > 0 are counted until `end`; `not_before` where that is later."""
    earliest = min([end, *(low for low, _ in paused)]) if not_before is None else not_before
    for low, high in reversed(tuple(running_stretches(earliest, end, paused))):
        until = end if high is None else high
        passed = line.between(low, until)
        if passed >= amount:
            return line.back(until, amount)
        amount -= passed
    return line.back(earliest, amount) if not_before is None else not_before
