"""What a check of a pack reports: where it stands, and what is wrong, as a sentence."""

from collections.abc import Iterator
from typing import NamedTuple

from policies.durations import Duration, Measure, Offset
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
    """Whether an offset before due lies at or before the start, as far as the units tell."""
    if offset.percent is not None:
        return offset.percent <= -100
    size = offset.size
    if size is None or size.measure is not duration.measure:
        return False
    if size.measure in (Measure.ELAPSED, Measure.WORKING_TIME):
        return size.microseconds >= duration.microseconds
    return size.unit is duration.unit and size.amount >= duration.amount
