"""Duty rotas as iCalendar (RFC 5545): shifts out as events, and events of any calendar in as shifts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import recurring_ical_events  # type: ignore[import-untyped]  # it has no stubs
from icalendar import Calendar, Component, Event

from complaints.base import Frozen
from complaints.people.duty import Rota, Shift
from ledger.directory import StaffMember
from policies.arithmetic.zones import from_micros, wall_moment

MEDIA_TYPE: Final = "text/calendar"
MOST_SHIFTS: Final = 1_000
"""That one calendar may bring: a year of two or three a day."""
_MOST_EVENTS = 1_000
_MOST_TIMES_A_DAY = 24
_TOLD = 50
_A_DAY = timedelta(days=1)
_EARLIEST_YEAR = 1970
# What the libraries raise at what is not well formed; none of their messages is repeated, they quote what was sent.
_NOT_READABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, AssertionError)


class Fault(Frozen):
    """What is wrong with one event, counted from 1 as they stand in the calendar; 0 is the calendar itself."""

    event: int
    sentence: str


class NotTaken(Exception):  # noqa: N818 - an answer, not a fault
    """The calendar is not taken in, and nothing of it is done; `faults` say why, event by event."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("The calendar is not taken in.")


def calendar_of(
    rota: Rota, shifts: Iterable[Shift], names: Mapping[str, str], stamp: datetime, host: str
) -> bytes:
    """A rota's shifts as a calendar, each an event that is called after whoever has it.

    The same shift has the same UID each time (at `host`), so that a calendar that subscribes shows it once.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Redress//Duty//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", rota.title)
    for shift in shifts:
        event = Event()
        event.add("uid", f"{rota.id}-{shift.person}-{shift.begins_at:%Y%m%dT%H%M%SZ}@{host}")
        event.add("dtstamp", stamp)
        event.add("dtstart", shift.begins_at)
        event.add("dtend", shift.ends_at)
        event.add("summary", names.get(shift.person, shift.person))
        event.add("categories", [rota.title])
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written


def shifts_of(
    sent: bytes, rota: Rota, people: Sequence[StaffMember], since: datetime, until: datetime
) -> tuple[Shift, ...]:
    """The shifts that a calendar has between two instants, its repeating events spelt out.

    An event is a member's by an ATTENDEE with their mail address, or a SUMMARY that is their login or name. Dates and
    times without a zone are those of the rota. Cancelled events are left out. Raises NotTaken.
    """
    members = _Members([one for one in people if one.id in rota.members])
    calendar = _read(sent)
    events = list(calendar.walk("VEVENT"))
    _require_moderate(events)
    numbers = {_uid(event): number for number, event in reversed(list(enumerate(events, 1)))}
    found: list[Shift] = []
    faults: dict[int, Fault] = {}
    try:
        for event in _occurrences(calendar, since, until):
            number = numbers.get(_uid(event), 0)
            begins_at, ends_at = _instant(event.start, rota.timezone), _instant(event.end, rota.timezone)
            if ends_at <= since or begins_at >= until or _cancelled(event):
                continue
            if ends_at <= begins_at:
                faults[number] = Fault(event=number, sentence="It ends before it begins, or as it does.")
                continue
            whose, sentence = members.whose(event)
            if sentence is not None:
                faults[number] = Fault(event=number, sentence=sentence)
            found += [Shift(person=one, begins_at=begins_at, ends_at=ends_at) for one in whose]
            if len(found) > MOST_SHIFTS:
                raise NotTaken([Fault(event=0, sentence=f"It has more than {MOST_SHIFTS} shifts.")])
    except _NOT_READABLE:
        raise NotTaken([Fault(event=0, sentence="One of its events can not be understood.")]) from None
    if faults:
        raise NotTaken([faults[number] for number in sorted(faults)][:_TOLD])
    return tuple(found)


class _Members:
    """Who is meant by an address, a login or a name; what two of them share means nobody."""

    def __init__(self, people: Sequence[StaffMember]) -> None:
        self._by_address = _unique((one.email, one.id) for one in people)
        said = {(name, one.id) for one in people for name in (_plain(one.login), _plain(one.name))}
        self._by_name = _unique(said)

    def whose(self, event: Component) -> tuple[tuple[str, ...], str | None]:
        """The members whose shift it is; else a sentence that says how an event names them."""
        attendees = event.get("ATTENDEE", [])
        addresses = attendees if isinstance(attendees, list) else [attendees]
        asked = [self._by_address.get(_plain(str(one)).removeprefix("mailto:")) for one in addresses]
        found = dict.fromkeys(one for one in asked if one is not None)
        if not found and (named := self._by_name.get(_plain(str(event.get("SUMMARY", ""))))):
            found = {named: None}
        if found:
            return tuple(found), None
        return (), (
            "It names no member of this rota: an ATTENDEE has to have a member's mail address, or the SUMMARY has"
            " to be a member's login or name."
        )


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    shared: set[str] = set()
    for said, whom in pairs:
        if found.setdefault(_plain(said), whom) != whom:
            shared.add(_plain(said))
    return {said: whom for said, whom in found.items() if said not in shared}


def _plain(said: str) -> str:
    return " ".join(said.split()).casefold()


def _read(sent: bytes) -> Calendar:
    try:
        calendar = Calendar.from_ical(sent)
    except _NOT_READABLE:
        calendar = None
    if not isinstance(calendar, Calendar):
        raise NotTaken(
            [Fault(event=0, sentence="This is not a calendar (RFC 5545): it begins with BEGIN:VCALENDAR.")]
        )
    return calendar


def _require_moderate(events: Sequence[Component]) -> None:
    """A rule that repeats every second would keep us busy for hours."""
    if len(events) > _MOST_EVENTS:
        raise NotTaken([Fault(event=0, sentence=f"It has more than {_MOST_EVENTS} events.")])
    faults = []
    for number, event in enumerate(events, 1):
        try:
            moderate = _moderate(event)
        except _NOT_READABLE:
            faults.append(Fault(event=number, sentence="It can not be understood."))
            continue
        if not moderate:
            said = f"It begins before {_EARLIEST_YEAR}, or repeats more than {_MOST_TIMES_A_DAY} times a day."
            faults.append(Fault(event=number, sentence=said))
    if faults:
        raise NotTaken(faults[:_TOLD])


def _moderate(event: Component) -> bool:
    rules: Any = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        if {str(one).upper() for one in rule.get("FREQ", [])} & {"SECONDLY", "MINUTELY"}:
            return False
        times = 1
        for part in ("BYHOUR", "BYMINUTE", "BYSECOND"):
            times *= max(1, len(rule.get(part, [])))
        if times > _MOST_TIMES_A_DAY:
            return False
    begins: Any = event["DTSTART"]
    return bool(begins.dt.year >= _EARLIEST_YEAR)


def _occurrences(calendar: Calendar, since: datetime, until: datetime) -> Iterator[Any]:
    """The events, in order, from the day before `since` to the day after `until`: times without a zone may shift."""
    for event in recurring_ical_events.of(calendar).after(since - _A_DAY):
        begins = event.start
        if (begins.date() if isinstance(begins, datetime) else begins) > (until + _A_DAY).date():
            return
        yield event


def _instant(value: date, timezone: str) -> datetime:
    """A date is its midnight in the zone; a time without a zone is one of that zone."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - its zone is the next line's
    if value.tzinfo is None:
        return from_micros(wall_moment(timezone, value))
    return value.astimezone(UTC)


def _uid(event: Component) -> str:
    return str(event.get("UID", ""))


def _cancelled(event: Component) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"
