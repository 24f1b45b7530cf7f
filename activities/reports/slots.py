"""When reports are called for: each morning, and on Mondays, at a set time of day in the organisation's zone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from complaints.base import Frozen
from ledger.report_preferences import ReportKind
from policies.arithmetic.calendars import WEEK, Weekday
from policies.pack import Pack

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_WORKING = frozenset(WEEK[:5])
"""The days on which people work under a pack that has no calendar."""


class Slot(Frozen):
    """One round of a report: its local day (of a week: the Monday it begins with), and that day's zone."""

    kind: ReportKind
    day: date
    zone: str

    @property
    def name(self) -> str:
        """What the round is known by, and what the mail is written from."""
        return f"{self.day.isoformat()}/{self.zone}"

    @classmethod
    def named(cls, kind: ReportKind, name: str) -> Self | None:
        """The round of this name, or None where that is none."""
        day, _, zone = name.partition("/")
        try:
            return cls(kind=kind, day=date.fromisoformat(day), zone=ZoneInfo(zone).key)
        except (ValueError, OSError, LookupError):  # what dates and zones object to
            return None

    @property
    def begins_at(self) -> datetime:
        """The instant (UTC) at which the local day begins."""
        return midnight(self.day, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The instant (UTC) at which it ends, 23, 24 or 25 hours later where clocks change."""
        return midnight(self.day + _DAY, self.zone)

    @property
    def week_ends_at(self) -> datetime:
        """The instant (UTC) at which the seven days that begin with it end."""
        return midnight(self.day + _WEEK, self.zone)

    @property
    def week_before_at(self) -> datetime:
        """The instant (UTC) at which the seven days before it began."""
        return midnight(self.day - _WEEK, self.zone)


def midnight(day: date, zone: str) -> datetime:
    """The instant (UTC) at which a local date begins; of a time that clocks skip, when they have skipped it."""
    return moment(day, time(), zone)


def moment(day: date, at: time, zone: str) -> datetime:
    """The instant (UTC) of a time of day on a local date.

    A time that the clocks skip comes as much later as they skip; of one that they repeat it is the first.
    """
    return datetime.combine(day, at, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def called_for(at: datetime, zone: str, morning: time) -> Iterator[tuple[Slot, datetime]]:
    """The rounds whose moment has come at `at` and whose time is not over, each with its moment (UTC).

    What was missed in the morning is made good later on the same day, and the weekly report within its week.
    """
    today = at.astimezone(ZoneInfo(zone)).date()
    monday = today - timedelta(days=today.weekday())
    for kind, day in (
        (ReportKind.MORNING_WORKLIST, today),
        (ReportKind.OVERDUE_SUMMARY, today),
        (ReportKind.WEEKLY_REPORT, monday),
    ):
        due = moment(day, morning, zone)
        if due <= at:
            yield Slot(kind=kind, day=day, zone=zone), due


def works_on(packs: Iterable[Pack], day: date) -> bool:
    """Whether anybody works on this date under these packs: in one of the calendars that they count in.

    Where a pack has none, from Monday to Friday. Where there are no packs, too.
    """
    given = tuple(packs)
    for pack in given:
        calendars = pack.calendars.values()
        if any(calendar.ranges_on(day) for calendar in calendars) or (not calendars and _weekday(day)):
            return True
    return not given and _weekday(day)


def _weekday(day: date) -> bool:
    return Weekday(WEEK[day.weekday()]) in _WORKING
