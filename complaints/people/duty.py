"""Who is on duty when: the arithmetic of rotas, by turns, by shifts, with hours, take-overs and gaps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, StrictInt, StringConstraints, model_validator

from complaints.base import Code, Frozen
from policies.arithmetic.calendars import WEEK, Calendar, OpenRange, TimeZone, Weekday
from policies.arithmetic.open_time import open_time
from policies.arithmetic.zones import from_micros, local_ordinal, to_micros, wall_moment

EARLIEST = date(1970, 1, 1)
LATEST = date(2199, 12, 31)


def _some_range(hours: dict[Weekday, tuple[OpenRange, ...]]) -> dict[Weekday, tuple[OpenRange, ...]]:
    if not any(hours.values()):
        raise ValueError("hours need at least one range; leave them out where duty is at all hours")
    return hours


WeeklyHours = Annotated[
    dict[Weekday, Annotated[tuple[OpenRange, ...], Field(max_length=12)]], AfterValidator(_some_range)
]
"""The open ranges of each weekday, as a calendar has them; a weekday that is not named is closed."""

Title = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1F\x7F-\x9F][^\x00-\x1F\x7F-\x9F]*$"
    ),
]


class Handover(Frozen):
    """When one member hands over to the next: every so many days or weeks at a time of day in the rota's zone.

    A time that a clock change removes is the moment of that change; of one that it repeats, the first counts.
    """

    every: Annotated[StrictInt, Field(ge=1, le=52)] = 1
    unit: Literal["days", "weeks"] = "weeks"
    weekday: Weekday | None = None
    at: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]

    @model_validator(mode="after")
    def _weekday_with_weeks(self) -> Self:
        if (self.weekday is not None) != (self.unit == "weeks"):
            raise ValueError(
                "a hand-over every so many weeks names its weekday; one every so many days has none"
            )
        return self


class Shift(Frozen):
    """One person's duty over the half-open span from `begins_at` to `ends_at`."""

    person: str
    begins_at: AwareDatetime
    ends_at: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.begins_at:
            raise ValueError("this ends before it begins, or as it does")
        return self

    def covers(self, at: datetime) -> bool:
        """Whether the instant lies in it; its end does not."""
        return self.begins_at <= at < self.ends_at


class Substitution(Shift):
    """Somebody's duty taken over by `person`: that of `instead_of`, or with None whoever had it, or nobody had."""

    number: int = 0
    instead_of: str | None = None


class Gap(Frozen):
    """A half-open span in which somebody should be on duty and nobody is."""

    begins_at: AwareDatetime
    ends_at: AwareDatetime


class Rota(Frozen):
    """A duty rota. Who has it at an instant, the first that says so wins:

    outside `hours` nobody; the latest of the `substitutions`; the `shifts` of its calendar; the turn of a
    member. Turns go round the `members` in order, from the hand-over's time on `starts_on`; without a
    `handover` there are only shifts. Somebody should be on duty at all hours, or at all `hours` that it has.
    """

    id: Code
    title: Title
    timezone: TimeZone
    members: tuple[str, ...] = ()
    handover: Handover | None = None
    starts_on: Annotated[date, Field(ge=EARLIEST, le=LATEST)]
    hours: WeeklyHours | None = None
    substitutions: tuple[Substitution, ...] = ()
    shifts: tuple[Shift, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.members)) < len(self.members):
            raise ValueError("somebody is named twice among the members; each has one place in the order")
        return self


def is_open(timezone: str, hours: WeeklyHours | None, at: datetime) -> bool:
    """Whether weekly hours are open at an instant; None are always open."""
    if hours is None:
        return True
    moment = to_micros(at)
    return open_time(Calendar(timezone=timezone, hours=hours)).between(moment, moment + 1) > 0


def on_duty(rota: Rota, at: datetime) -> tuple[str, ...]:
    """The ids of those on duty at an instant: usually one; none off hours or in a gap."""
    return _people(rota, at) if is_open(rota.timezone, rota.hours, at) else ()


def shifts(rota: Rota, begin: datetime, end: datetime) -> tuple[Shift, ...]:
    """Who has duty when between two instants, each one's adjoining spans as one, in order of their beginning."""
    done: list[Shift] = []
    held: dict[str, tuple[datetime, datetime]] = {}
    for low, high, people in pieces(rota, begin, end):
        for person in people:
            since, until = held.get(person, (low, low))
            if until < low:
                done.append(Shift(person=person, begins_at=since, ends_at=until))
                since = low
            held[person] = since, high
    done += [Shift(person=one, begins_at=since, ends_at=until) for one, (since, until) in held.items()]
    return tuple(sorted(done, key=lambda shift: (shift.begins_at, shift.person)))


def gaps(rota: Rota, begin: datetime, end: datetime) -> tuple[Gap, ...]:
    """When between two instants somebody should be on duty and nobody is."""
    found: list[tuple[datetime, datetime]] = []
    for low, high, people in pieces(rota, begin, end):
        if people:
            continue
        if found and found[-1][1] == low:
            found[-1] = found[-1][0], high
        else:
            found.append((low, high))
    return tuple(Gap(begins_at=low, ends_at=high) for low, high in found)


def until(rota: Rota, at: datetime, within: timedelta) -> datetime | None:
    """When the set of those on duty at `at` next changes; None where it does not within that time."""
    now = on_duty(rota, at)
    reached = at
    for low, high, people in pieces(rota, at, at + within):
        if low > reached and now:  # hours ended, and with them the duty
            return reached
        if people != now:
            return low
        reached = high
    return reached if now and reached < at + within else None


def pieces(
    rota: Rota, begin: datetime, end: datetime, also: Iterable[datetime] = ()
) -> Iterator[tuple[datetime, datetime, tuple[str, ...]]]:
    """The open time between two instants, in order, cut wherever somebody begins or ends (and `also` there), each
    piece with who has it.
    """
    if end <= begin:
        return
    edges = {moment for one in (*rota.shifts, *rota.substitutions) for moment in (one.begins_at, one.ends_at)}
    edges |= {*_handovers(rota, begin, end), *also}
    cuts = sorted(moment.astimezone(UTC) for moment in edges if begin < moment < end)
    for opens, closes in _open_spans(rota, begin, end):
        inside = [opens, *(cut for cut in cuts if opens < cut < closes), closes]
        for low, high in pairwise(inside):
            yield low, high, _people(rota, low)


def _people(rota: Rota, at: datetime) -> tuple[str, ...]:
    people = [shift.person for shift in rota.shifts if shift.covers(at)] or _turn(rota, at)
    for taken in sorted(rota.substitutions, key=lambda one: one.number):
        if not taken.covers(at):
            continue
        if taken.instead_of is None:
            people = [taken.person]
        else:
            people = [taken.person if one == taken.instead_of else one for one in people]
    return tuple(dict.fromkeys(people))


def _open_spans(rota: Rota, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    if rota.hours is None:
        yield begin.astimezone(UTC), end.astimezone(UTC)
        return
    index = open_time(Calendar(timezone=rota.timezone, hours=rota.hours))
    for low, high in index.spans(to_micros(begin), to_micros(end)):
        yield from_micros(low), from_micros(high)


# Turns are counted from 0, the one that begins on `starts_on`; the first may be shorter than the others.


def _turn(rota: Rota, at: datetime) -> list[str]:
    number = _turn_number(rota, at)
    return [] if number is None or not rota.members else [rota.members[number % len(rota.members)]]


def _turn_number(rota: Rota, at: datetime) -> int | None:
    """Whose turn it is at an instant, counted from 0; None before the first and where there are no turns."""
    if rota.handover is None or at < _turn_begins(rota, rota.handover, 0):
        return None
    first, step = _anchor(rota, rota.handover), _step(rota.handover)
    number = max(0, (local_ordinal(rota.timezone, to_micros(at)) - first) // step)
    while number > 0 and _turn_begins(rota, rota.handover, number) > at:
        number -= 1
    while _turn_begins(rota, rota.handover, number + 1) <= at:
        number += 1
    return number


def _handovers(rota: Rota, begin: datetime, end: datetime) -> Iterator[datetime]:
    if rota.handover is None:
        return
    number = _turn_number(rota, begin) or 0
    while (moment := _turn_begins(rota, rota.handover, number)) < end:
        yield moment
        number += 1


def _turn_begins(rota: Rota, handover: Handover, number: int) -> datetime:
    day = rota.starts_on.toordinal() if number == 0 else _anchor(rota, handover) + number * _step(handover)
    hour, minute = int(handover.at[:2]), int(handover.at[3:])
    return from_micros(
        wall_moment(rota.timezone, datetime.fromordinal(day).replace(hour=hour, minute=minute))
    )


def _anchor(rota: Rota, handover: Handover) -> int:
    """The date, as its ordinal, from which hand-overs are counted: the weekday on or before `starts_on`."""
    day = rota.starts_on
    if handover.weekday is None:
        return day.toordinal()
    return day.toordinal() - (day.weekday() - WEEK.index(handover.weekday)) % 7


def _step(handover: Handover) -> int:
    return handover.every * (7 if handover.unit == "weeks" else 1)
