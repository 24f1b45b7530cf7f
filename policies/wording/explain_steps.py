"""An explanation put in order: what counted and what did not, one after another, as few steps as can be read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TypeVar

from policies.arithmetic.calendars import Calendar
from policies.arithmetic.durations import Measure
from policies.arithmetic.explain import CountedDay, CountedInterval, Explanation, HolidayPassed
from policies.arithmetic.zones import PIECE_BITS, SECOND, day_end, from_micros, regimes, to_micros, zone_of
from policies.rules import Texts

EACH_AT_MOST = 60
"""More counted intervals, or days, than this are told month by month."""

T = TypeVar("T")


@dataclass(frozen=True)
class NamedPause:
    """A pause [begin, end) of the clock and what it was for; `end` is None while it lasts."""

    reason: str
    title: Texts
    begin: datetime
    end: datetime | None


@dataclass(frozen=True)
class TimeCounted:
    """One interval that counted, or `intervals` of them in one month; `make_up`: on a day made to work."""

    begin: datetime
    end: datetime
    intervals: int
    took: timedelta
    total: timedelta
    make_up: date | None = None


@dataclass(frozen=True)
class DaysCounted:
    """Dates that counted, as the `first`-th to the `last`-th; `unbroken` where no date lies between two of them."""

    begin: datetime
    end: datetime
    days: tuple[date, ...]
    first: int
    last: int
    unbroken: bool
    make_up: tuple[date, ...] = ()


@dataclass(frozen=True)
class PauseMade:
    """The pause of a clock, for one reason or several that overlap."""

    begin: datetime
    end: datetime | None
    reasons: tuple[NamedPause, ...]


@dataclass(frozen=True)
class Holidays:
    """Holidays of one name on successive dates, both included. `begin` and `end` are the dates' bounds."""

    begin: datetime
    end: datetime
    first: date
    last: date
    name: str


@dataclass(frozen=True)
class ClockChange:
    """The zone's clock goes on by `by` (below zero: back) at `begin`; `counts` whether the clock ran then."""

    begin: datetime
    by: timedelta
    counts: bool


Step = TimeCounted | DaysCounted | PauseMade | Holidays | ClockChange


def steps(
    why: Explanation,
    pauses: Sequence[NamedPause] = (),
    calendar: Calendar | None = None,
    *,
    in_runs: bool = False,
) -> tuple[Step, ...]:
    """What counted and what did not, by when it began.

    `pauses` are those of the clock with their reasons, `calendar` the one it counts in. `in_runs` tells
    successive dates as one step each run. Above EACH_AT_MOST, counted time and days are told month by month.
    """
    found: list[Step] = [*_counted(why, calendar, in_runs=in_runs), *pauses_made(why, pauses)]
    found += holidays_passed(why)
    found += _clock_changes(why)
    order = (ClockChange, Holidays, PauseMade, TimeCounted, DaysCounted)
    return tuple(sorted(found, key=lambda step: (step.begin, order.index(type(step)))))


def pauses_made(why: Explanation, pauses: Sequence[NamedPause]) -> Iterator[PauseMade]:
    """The pauses that counted, each with the reasons that made it up."""
    for span in why.pauses:
        reasons = tuple(
            pause
            for pause in pauses
            if (span.end is None or pause.begin < span.end) and (pause.end is None or pause.end > span.begin)
        )
        yield PauseMade(span.begin, span.end, reasons)


def holidays_passed(why: Explanation) -> Iterator[Holidays]:
    """The holidays on the way, successive dates of one name as one."""
    runs: list[list[HolidayPassed]] = []
    for holiday in why.holidays:
        follows = runs and runs[-1][-1].name == holiday.name
        if follows and holiday.day - runs[-1][-1].day == timedelta(days=1):
            runs[-1].append(holiday)
        else:
            runs.append([holiday])
    for run in runs:
        first, last = run[0].day, run[-1].day
        yield Holidays(_midnight(why.zone, first), _midnight(why.zone, _next(last)), first, last, run[0].name)


def day_began(why: Explanation, day: CountedDay) -> datetime:
    """When a counted date began for its clock: at midnight, or a day before the time of day at which it ends."""
    return max(_midnight(why.zone, day.day), day.ends - timedelta(days=1))


# Counted


def _counted(why: Explanation, calendar: Calendar | None, *, in_runs: bool) -> Iterator[Step]:
    zone, working = why.zone, why.duration.measure in (Measure.WORKING_TIME, Measure.WORKING_DAYS)
    make_up = frozenset(calendar.working_dates if calendar is not None and working else ())
    if len(why.intervals) > EACH_AT_MOST:
        yield from (_of_month(held) for held in _by_month(why.intervals, lambda i: _date(zone, i.begin)))
    else:
        for interval in why.intervals:
            day = _date(zone, interval.begin)
            yield TimeCounted(
                interval.begin,
                interval.end,
                1,
                interval.took,
                interval.total,
                day if day in make_up else None,
            )
    days = _runs(why.days) if in_runs else [[day] for day in why.days]
    if len(days) > EACH_AT_MOST:
        days = _by_month(why.days, lambda day: day.day)
    yield from (_of_days(why, held, make_up) for held in days)


def _of_month(held: list[CountedInterval]) -> TimeCounted:
    took = sum((interval.took for interval in held), timedelta())
    return TimeCounted(held[0].begin, held[-1].end, len(held), took, held[-1].total)


def _of_days(why: Explanation, held: list[CountedDay], make_up: frozenset[date]) -> DaysCounted:
    dates = tuple(day.day for day in held)
    return DaysCounted(
        begin=day_began(why, held[0]),
        end=held[-1].ends,
        days=dates,
        first=held[0].number,
        last=held[-1].number,
        unbroken=(dates[-1] - dates[0]).days == len(dates) - 1,
        make_up=tuple(day for day in dates if day in make_up),
    )


def _runs(days: Sequence[CountedDay]) -> list[list[CountedDay]]:
    keyed = groupby(enumerate(days), key=lambda pair: pair[1].day.toordinal() - pair[0])
    return [[day for _, day in run] for _, run in keyed]


def _by_month(items: Sequence[T], day_of: Callable[[T], date]) -> list[list[T]]:
    return [list(held) for _, held in groupby(items, key=lambda item: day_of(item).replace(day=1))]


# Clock changes


def _clock_changes(why: Explanation) -> Iterator[ClockChange]:
    """Only where time is counted: a date has one end, however long it was."""
    if why.duration.measure not in (Measure.ELAPSED, Measure.WORKING_TIME) or not why.intervals:
        return
    begin, end = to_micros(why.start) // SECOND, to_micros(why.intervals[-1].end) // SECOND
    offset = None
    for piece in range(begin >> PIECE_BITS, (end >> PIECE_BITS) + 1):
        for regime in regimes(why.zone, piece):
            if offset is not None and regime.offset != offset and begin < regime.begin < end:
                at = from_micros(regime.begin * SECOND)
                by = timedelta(seconds=regime.offset - offset)
                yield ClockChange(at, by, counts=_touches(why, at, by))
            offset = regime.offset


def _touches(why: Explanation, at: datetime, by: timedelta) -> bool:
    """Whether the hour that is removed, or repeated, lies where the clock would have run, or ran."""
    if by > timedelta():
        return any(i.begin <= at < i.end for i in why.intervals)
    return any(i.begin < at - by and i.end > at + by for i in why.intervals)


def _date(zone: str, at: datetime) -> date:
    return at.astimezone(zone_of(zone)).date()


def _midnight(zone: str, day: date) -> datetime:
    return from_micros(day_end(zone, day.toordinal() - 1))


def _next(day: date) -> date:
    return day + timedelta(days=1)
