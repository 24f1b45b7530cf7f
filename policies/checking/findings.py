"""What a check of a pack reports: where it stands, and what is wrong, as a sentence."""

from collections.abc import Iterator
from typing import NamedTuple

from policies.arithmetic.durations import HOUR, Duration, Measure, Offset, Unit
from policies.pack import Path


class Finding(NamedTuple):
    """One contradiction: the path of the entry in the pack, and a sentence."""

    path: Path
    sentence: str


def countable(size: Duration | None, has_calendar: bool, path: Path) -> Iterator[Finding]:
    """Working time and working days can not be counted where no calendar says what works."""
    working = size is not None and size.measure in (Measure.WORKING_TIME, Measure.WORKING_DAYS)
    if working and not has_calendar:
        yield Finding(path, f"'{size}' needs a clock with a calendar")


def reaches_past(offset: Offset, duration: Duration) -> bool:
    """Whether an offset before due surely lies at or before the start, whenever that is."""
    if offset.percent is not None:
        return offset.percent <= -100
    size = offset.size
    if size is None:
        return False
    if size.unit is duration.unit:
        return size.amount >= duration.amount
    if size.measure is duration.measure is Measure.WORKING_TIME:
        return size.microseconds >= duration.microseconds
    longest = _longest(duration)
    return longest is not None and _shortest(size) >= longest


_DAYS = {Unit.CALENDAR_DAYS: (1, 1), Unit.WEEKS: (7, 7), Unit.MONTHS: (28, 31), Unit.YEARS: (365, 366)}
"""How many days a civil unit has at least and at most."""


def _longest(duration: Duration) -> int | None:
    """Microseconds that it takes at most; None where a calendar, which may be closed for long, has a say."""
    if duration.measure is Measure.ELAPSED:
        return duration.microseconds
    if duration.measure is not Measure.CIVIL:
        return None
    # The rest of the first day, and an hour that a change of the clocks repeats.
    return (duration.amount * _DAYS[duration.unit][1] + 1) * 24 * HOUR + HOUR


def _shortest(size: Duration) -> int:
    """Microseconds that lie at least between the due moment and one so much before it."""
    if size.measure in (Measure.ELAPSED, Measure.WORKING_TIME):
        return size.microseconds
    # Days before end at the end of a day, so nearly one less may pass, and one a change of the clocks takes away.
    least = 1 if size.measure is Measure.WORKING_DAYS else _DAYS[size.unit][0]
    return max(0, (size.amount * least - 1) * 24 * HOUR - HOUR)
