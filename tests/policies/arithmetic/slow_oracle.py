"""An independent slow reading of DESIGN's arithmetic: looks at the wall clock minute by minute.

It shares no code with policies/: it asks the zone for the local time of every single minute, and counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Pauses = Sequence[tuple[datetime, datetime | None]]


@lru_cache(maxsize=64)
def wall_clock(zone: str, first: datetime, minutes: int) -> tuple[tuple[int, int], ...]:
    """For each minute from `first` on: the local date (ordinal) and minute of the day."""
    where = ZoneInfo(zone)
    shown = []
    for n in range(minutes):
        local = (first + n * MINUTE).astimezone(where)
        shown.append((local.toordinal(), local.hour * 60 + local.minute))
    return tuple(shown)


class Oracle:
    """One calendar (as the JSON object of `redress clock`) over a window of minutes from `first`."""

    def __init__(self, calendar: Mapping[str, Any], first: datetime, minutes: int) -> None:
        self.first = first
        self.calendar = calendar
        self._flags: dict[int, bytearray] = {}
        wall = wall_clock(calendar["timezone"], first, minutes)
        self.open = [bool(self._day(ordinal)[minute]) for ordinal, minute in wall]

    def ranges(self, day: date) -> list[tuple[int, int]]:
        """Ranges of a date in minutes from its midnight, past-midnight ones ending after 1,440."""
        text, said = day.isoformat(), self.calendar
        if text in said.get("overrides", {}):
            written = said["overrides"][text]
        elif text in said.get("working_dates", []):
            opened = [name for name in WEEK if said["hours"].get(name)]
            written = said["hours"][opened[0]] if opened else []
        elif text in said.get("holidays", []):
            written = []
        else:
            written = said["hours"].get(WEEK[day.weekday()], [])
        found = []
        for opens, closes in written:
            low, high = (int(text[:2]) * 60 + int(text[3:]) for text in (opens, closes))
            found.append((low, high if high > low else high + 1440))
        return found

    def _day(self, ordinal: int) -> bytearray:
        if ordinal not in self._flags:
            flags = bytearray(1440)
            today = date.fromordinal(ordinal)
            for low, high in self.ranges(today):
                for minute in range(low, min(high, 1440)):
                    flags[minute] = 1
            for low, high in self.ranges(today - timedelta(1)):
                for minute in range(max(low, 1440), high):
                    flags[minute - 1440] = 1
            self._flags[ordinal] = flags
        return self._flags[ordinal]

    def counted(self, start: datetime, pauses: Pauses) -> Iterator[datetime]:
        """The beginnings of the minutes from `start` on that are open and not paused."""
        stopped = [(low, high or datetime.max.replace(tzinfo=UTC)) for low, high in pauses]
        for n in range((start - self.first) // MINUTE, len(self.open)):
            if self.open[n]:
                at = self.first + n * MINUTE
                if not any(low <= at < high for low, high in stopped):
                    yield at

    def due(self, start: datetime, minutes: int, pauses: Pauses) -> datetime | None:
        """When so many minutes have been counted; None where the window ends before."""
        for n, at in enumerate(self.counted(start, pauses), start=1):
            if minutes == 0:
                return at
            if n == minutes:
                return at + MINUTE
        return None

    def elapsed(self, start: datetime, end: datetime, pauses: Pauses) -> timedelta:
        """Minutes counted in [start, end)."""
        return sum((MINUTE for at in self.counted(start, pauses) if at < end), timedelta())
