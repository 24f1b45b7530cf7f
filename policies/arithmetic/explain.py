"""How a due moment came about: every counted interval or day, every pause, every holiday passed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from policies.arithmetic.calendars import BeyondKnown, Calendar
from policies.arithmetic.day_count import Dates
from policies.arithmetic.deadlines import DayRule, dates_of, due_at, last_day, own_line
from policies.arithmetic.durations import Duration, Measure
from policies.arithmetic.running import Paused, counted_spans, merged, pause_over
from policies.arithmetic.zones import from_micros, local_ordinal, to_micros


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class CountedInterval(_Frozen):
    """A stretch [begin, end) during which the clock ran, and what had been counted by its end."""

    begin: datetime
    end: datetime
    took: timedelta
    total: timedelta


class CountedDay(_Frozen):
    """A date that was counted, as which, and the moment at which it ends."""

    day: date
    number: int
    ends: datetime


class PauseSpan(_Frozen):
    """A pause as it counts: overlapping ones joined; `end` is None while it lasts."""

    begin: datetime
    end: datetime | None


class HolidayPassed(_Frozen):
    """A holiday between start and due on which the calendar was closed; the name as the calendar gives it."""

    day: date
    name: str


class ExtensionSpan(_Frozen):
    """What extensions added: how many times, by how much each, and when it was due without them."""

    times: int
    by: Duration
    due_before: datetime | None


class Explanation(_Frozen):
    """Why a clock is due when it is (DESIGN: "Every deadline explains itself").

    A clock in hours fills `intervals`, one in days `days`. `rolled_from` is the last day before it moved
    to a working one. `assumed_after` is the last date whose holidays are known, where the deadline lies
    beyond it and was counted by weekly hours alone. `due` is None while a pause lasts, and then the lists
    end where the clock stopped.
    """

    start: datetime
    duration: Duration
    zone: str
    day_rule: DayRule | None
    statutory: bool
    intervals: tuple[CountedInterval, ...]
    days: tuple[CountedDay, ...]
    pauses: tuple[PauseSpan, ...]
    holidays: tuple[HolidayPassed, ...]
    rolled_from: date | None
    assumed_after: date | None
    due: datetime | None
    extension: ExtensionSpan | None = None


def explain(
    start: datetime,
    duration: Duration,
    calendar: Calendar | None,
    pauses: Sequence[tuple[datetime, datetime | None]] = (),
    day_rule: DayRule = DayRule.END_OF_DAY,
    *,
    statutory: bool = False,
    roll: bool = False,
    zone: str = "UTC",
) -> Explanation:
    """Explain what `due_at` answers to the same arguments; raises what it raises."""
    due = due_at(start, duration, calendar, pauses, day_rule, statutory=statutory, roll=roll, zone=zone)
    paused = () if statutory else merged(pauses)
    where = zone if calendar is None else calendar.timezone
    in_days = duration.measure in (Measure.WORKING_DAYS, Measure.CIVIL)
    begin = to_micros(start)
    end = to_micros(due) if due is not None else max(begin, next(p[0] for p in paused if p[1] is None))
    days: tuple[CountedDay, ...] = ()
    rolled_from = None
    if in_days and not duration.is_zero:
        dates = dates_of(start, duration, calendar, day_rule, zone)
        unrolled = last_day(begin, duration, dates, paused, roll=False)
        days = _days(begin, end, dates, unrolled, paused)
        rolled = last_day(begin, duration, dates, paused, roll=roll)
        rolled_from = date.fromordinal(unrolled) if unrolled is not None and unrolled != rolled else None
    touched = date.fromordinal(local_ordinal(where, begin)), date.fromordinal(local_ordinal(where, end - 1))
    uses_calendar = duration.measure is not Measure.ELAPSED and (
        duration.measure is not Measure.CIVIL or roll
    )
    bound = calendar if uses_calendar else None
    return Explanation(
        start=from_micros(begin),
        duration=duration,
        zone=where,
        day_rule=day_rule if in_days else None,
        statutory=statutory,
        intervals=() if in_days else intervals_between(begin, end, duration, calendar, paused),
        days=days,
        pauses=tuple(
            PauseSpan(begin=from_micros(low), end=None if high is None else from_micros(high))
            for low, high in paused
            if high is None or (low < end and high > begin)
        ),
        holidays=()
        if bound is None
        else tuple(HolidayPassed(day=day, name=name) for day, name in bound.holidays_between(*touched)),
        rolled_from=rolled_from,
        assumed_after=_assumed_after(bound, touched[1]),
        due=due,
    )


def intervals_between(
    begin: int, end: int, duration: Duration, calendar: Calendar | None, paused: Paused
) -> tuple[CountedInterval, ...]:
    """What a clock of this duration counts in [begin, end) (microseconds), with running totals."""
    found, total = [], 0
    for low, high in counted_spans(own_line(duration, calendar), begin, end, paused):
        total += high - low
        found.append(
            CountedInterval(
                begin=from_micros(low),
                end=from_micros(high),
                took=timedelta(microseconds=high - low),
                total=timedelta(microseconds=total),
            )
        )
    return tuple(found)


def _days(begin: int, end: int, dates: Dates, last: int | None, paused: Paused) -> tuple[CountedDay, ...]:
    found: list[CountedDay] = []
    at = local_ordinal(dates.zone, begin)
    until = dates.last_ended(end) if last is None else last
    for _ in range(dates.between(at, until)):
        at = dates.add(at, 1)
        ends = dates.end_of(at)
        if pause_over(ends, paused) is None:
            found.append(CountedDay(day=date.fromordinal(at), number=len(found) + 1, ends=from_micros(ends)))
    return tuple(found)


def _assumed_after(calendar: Calendar | None, last: date) -> date | None:
    if calendar is None or calendar.beyond_known is BeyondKnown.REFUSE or calendar.knows(last):
        return None
    return calendar.known_until
