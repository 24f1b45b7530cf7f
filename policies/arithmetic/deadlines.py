"""When a clock is due, how much of it has run, and the moments before and after due that alerts need."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from policies.arithmetic.calendars import Calendar
from policies.arithmetic.day_count import Dates, civil_days, days_in
from policies.arithmetic.durations import DayRule, Duration, Measure, Offset
from policies.arithmetic.open_time import open_time
from policies.arithmetic.running import (
    Always,
    Line,
    Paused,
    PauseInstants,
    before,
    counted,
    merged,
    pause_over,
    reached,
)
from policies.arithmetic.zones import from_micros, local_ordinal, to_micros

__all__ = [
    "DayRule",
    "add_working_days",
    "count_working_days",
    "due_at",
    "elapsed",
    "moved",
    "offset_at",
]

_NO_PAUSES: PauseInstants = ()
_WORKING = (Measure.WORKING_TIME, Measure.WORKING_DAYS)


def due_at(
    start: datetime,
    duration: Duration,
    calendar: Calendar | None,
    pauses: Sequence[tuple[datetime, datetime | None]] = _NO_PAUSES,
    day_rule: DayRule = DayRule.END_OF_DAY,
    *,
    statutory: bool = False,
    roll: bool = False,
    zone: str = "UTC",
) -> datetime | None:
    """The due moment (UTC) of a clock; None while a pause without an end keeps it from being known.

    `roll` moves a last civil day that does not work to the next one that does (PRC Civil Code, article
    203). A statutory clock does not pause. `zone` gives the days where there is no calendar.
    CalendarError where the calendar cannot answer; ValueError for working time without a calendar.
    """
    begin, paused = to_micros(start), () if statutory else merged(pauses)
    if duration.measure in (Measure.ELAPSED, Measure.WORKING_TIME):
        moment = reached(own_line(duration, calendar), begin, duration.microseconds, paused)
        return None if moment is None else from_micros(moment)
    if duration.is_zero and duration.measure is Measure.WORKING_DAYS:
        moment = reached(own_line(duration, calendar), begin, 0, paused)
        return None if moment is None else from_micros(moment)
    dates = dates_of(start, duration, calendar, day_rule, zone)
    last = last_day(begin, duration, dates, paused, roll=roll)
    return None if last is None else from_micros(max(begin, dates.end_of(last)))


def elapsed(
    start: datetime,
    end: datetime,
    calendar: Calendar | None,
    pauses: Sequence[tuple[datetime, datetime | None]] = _NO_PAUSES,
) -> timedelta:
    """Exactly how much open time (without a calendar: time) lies in [start, end) outside the pauses.

    ValueError where `end` lies before `start`; CalendarNotKnown outside what is known.
    """
    begin, until = to_micros(start), to_micros(end)
    if until < begin:
        raise ValueError("the end lies before the start")
    line: Line = Always() if calendar is None else open_time(calendar)
    return timedelta(microseconds=counted(line, begin, until, merged(pauses)))


def offset_at(
    start: datetime,
    due: datetime,
    duration: Duration,
    offset: Offset,
    calendar: Calendar | None,
    *,
    pauses: Sequence[tuple[datetime, datetime | None]] = _NO_PAUSES,
    day_rule: DayRule = DayRule.END_OF_DAY,
    statutory: bool = False,
    zone: str = "UTC",
) -> datetime:
    """The moment (UTC) that lies `offset` before or after `due`, in the clock's own time.

    The own time of a clock in working hours or working days is open time, of any other all time. A share
    is taken of what the clock runs from `start` to `due`, to the microsecond, rounded down. Before due,
    pauses do not count, and no moment lies before `start`; after due a clock no longer pauses, so that
    nobody can hold an escalation back by pausing what is overdue.
    """
    if offset.sign == 0:
        return due
    begin, until = to_micros(start), to_micros(due)
    paused = () if statutory else merged(pauses)
    size = offset.size
    if size is not None and size.measure in (Measure.WORKING_DAYS, Measure.CIVIL):
        own_rule = day_rule if duration.measure is size.measure else DayRule.SAME_TIME
        anchor = start if duration.measure is size.measure else due
        dates = dates_of(anchor, size, calendar, own_rule, zone)
        if offset.sign > 0:
            return from_micros(dates.later(until, days_in(size, dates.day_of(until), 1)))
        return from_micros(max(begin, dates.before(until, days_in(size, dates.day_of(until), -1), paused)))
    if size is not None and size.measure is Measure.WORKING_TIME:
        line, amount = own_line(size, calendar), size.microseconds
    else:
        line = own_line(duration, calendar)
        amount = size.microseconds if size is not None else 0
    if offset.percent is not None:
        whole = counted(line, begin, until, paused)
        amount = whole * abs(offset.percent) // 100
    if amount == 0:
        return due
    if offset.sign < 0:
        return from_micros(before(line, until, amount, paused, min(begin, until)))
    return from_micros(line.forward(until, amount))


def moved(
    moment: datetime,
    by: timedelta,
    calendar: Calendar | None,
    pauses: Sequence[tuple[datetime, datetime | None]] = _NO_PAUSES,
) -> datetime | None:
    """The moment (UTC) that lies `by` of open time (without a calendar: of time) after or before another.

    None where a pause without an end keeps it from being reached.
    """
    line: Line = Always() if calendar is None else open_time(calendar)
    amount = by // timedelta(microseconds=1)
    if amount == 0:
        return moment
    if amount < 0:
        return from_micros(before(line, to_micros(moment), -amount, merged(pauses)))
    ahead = reached(line, to_micros(moment), amount, merged(pauses))
    return None if ahead is None else from_micros(ahead)


def add_working_days(start: date, count: int, calendar: Calendar) -> date:
    """The `count`-th working day after `start` (before it where `count` < 0); `start` itself for 0."""
    return date.fromordinal(open_time(calendar).add_days(start.toordinal(), count))


def count_working_days(first: date, end: date, calendar: Calendar) -> int:
    """Working days from `first` to `end`, the latter excluded; ValueError where `end` comes first."""
    if end < first:
        raise ValueError("the end lies before the start")
    return open_time(calendar).count_days(first.toordinal(), end.toordinal())


# What the explanation shares


def own_line(duration: Duration, calendar: Calendar | None) -> Line:
    """What a clock of this duration counts along; ValueError for working time without a calendar."""
    if duration.measure not in _WORKING:
        return Always()
    if calendar is None:
        raise ValueError(f"'{duration}' needs a calendar that says what is working time")
    return open_time(calendar)


def dates_of(
    start: datetime, duration: Duration, calendar: Calendar | None, rule: DayRule, zone: str
) -> Dates:
    """The dates that a duration in days counts, in the calendar's zone (without one: in `zone`)."""
    working = duration.measure is Measure.WORKING_DAYS
    if working and calendar is None:
        raise ValueError(f"'{duration}' needs a calendar that says which days work")
    works = None if calendar is None else open_time(calendar)
    where = zone if calendar is None else calendar.timezone
    return Dates(where, works, only_working=working, rule=rule, start=to_micros(start))


def last_day(
    begin: int,
    duration: Duration,
    dates: Dates,
    paused: Paused,
    *,
    roll: bool,
) -> int | None:
    """The date (ordinal) on which a duration in days is due; None while a pause lasts."""
    if duration.measure is Measure.WORKING_DAYS:
        return dates.reached(begin, duration.amount, paused)
    index = dates.works
    last = dates.reached(begin, civil_days(local_ordinal(dates.zone, begin), duration), paused)
    if not roll or index is None:
        return last
    while last is not None:
        held = pause_over(dates.end_of(last), paused)
        if held is None and index.works(last):
            return last
        last = None if held is not None and held[1] is None else index.add_days(last, 1)
    return None
