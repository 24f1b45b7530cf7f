"""Instants and spans as people read them: absolute with the zone, what is left in words, days that end at 24:00."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from policies.arithmetic.deadlines import count_working_days
from policies.arithmetic.durations import Measure
from policies.arithmetic.open_time import open_time
from policies.arithmetic.zones import to_micros
from policies.pack import ClockRule, Pack

_INSTANT = timedelta(microseconds=1)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Face:
    """How instants are shown: in one zone, as of one moment. Names of days do not hang on the system's locale."""

    zone: str
    now: datetime

    def at(self, instant: datetime) -> str:
        """`Thu 26 Nov 17:00 CST`, with the year where it is not the present one."""
        return self._said(self._local(instant), f"{self._local(instant):%H:%M}")

    def due(self, instant: datetime) -> str:
        """As `at`; a deadline at midnight is the end of the day before, 24:00."""
        local = self._local(instant)
        if (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0):
            return self._said(self._local(instant - _INSTANT), "24:00")
        return self.at(instant)

    def exact(self, instant: datetime) -> str:
        """As `at`, to the second."""
        return self._said(self._local(instant), f"{self._local(instant):%H:%M:%S}")

    def counted(self, instant: datetime) -> str:
        """`20 Nov 09:00:00`: for the columns of a table that says its zone elsewhere."""
        local = self._local(instant)
        return f"{local.day} {_MONTHS[local.month - 1]} {local:%H:%M:%S}"

    def day(self, instant: datetime) -> str:
        """`Thu 26 Nov`, with the year where it is not the present one."""
        return self._day(self._local(instant))

    def clock(self, instant: datetime) -> str:
        """`10:42:07 CST`."""
        return f"{self._local(instant):%H:%M:%S %Z}"

    def minute(self, instant: datetime) -> str:
        """`10:42`."""
        return f"{self._local(instant):%H:%M}"

    def form_value(self, instant: datetime) -> str:
        """What an input of type datetime-local holds, in this zone and to the minute."""
        return f"{self._local(instant):%Y-%m-%dT%H:%M}"

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(ZoneInfo(self.zone))

    def _day(self, local: datetime) -> str:
        year = "" if local.year == self._local(self.now).year else f" {local.year}"
        return f"{_WEEKDAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}{year}"

    def _said(self, local: datetime, time: str) -> str:
        return f"{self._day(local)} {time} {local:%Z}"


def span(length: timedelta) -> str:
    """How long something is, by its two largest units: `2 d 3 h`, `5 min`; under a minute says so."""
    minutes = int(length.total_seconds()) // 60
    if minutes < 1:
        return "less than a minute"
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n]
    return " ".join(parts[:2])


def left(pack: Pack, rule: ClockRule, now: datetime, due: datetime) -> str:
    """What is left until `due`, in the clock's own time: working days and hours where it counts those.

    Once overdue, by how much, in elapsed time: lateness is what the customer waited.
    """
    if now > due:
        return f"overdue by {span(now - due)}"
    calendar = pack.calendar_of(rule)
    if calendar is not None and rule.duration.measure is Measure.WORKING_DAYS:
        zone = ZoneInfo(calendar.timezone)
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        last = (due - _INSTANT).astimezone(zone).date()
        days = count_working_days(tomorrow, last + timedelta(days=1), calendar) if last >= tomorrow else 0
        if days:
            return f"{days} working day{'s' if days > 1 else ''} left"
    elif calendar is not None and rule.duration.measure is Measure.WORKING_TIME:
        counted = open_time(calendar).between(to_micros(now), to_micros(due))
        hours, minutes = divmod(counted // _MICROSECONDS // 60, 60)
        return f"{hours} working h {minutes} min left"
    return f"{span(due - now)} left"
