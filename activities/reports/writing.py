"""What reports say, from what was found for them. No I/O; nothing of a customer's is among what they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from activities.delivery.render import Sender
from activities.reports.slots import Slot
from activities.reports.words import LETTERS, language_of, say
from ledger.reports import Entry, Listed, Load, Morning, Offer, Offers, Overdue, Week
from policies.letters import Written

Titles = Mapping[tuple[str, int], Mapping[str, Mapping[str, str]]]
"""{(pack, version): {clock: {language: its title}}}, with the pack's own title under the clock ``""``."""


@dataclass(frozen=True)
class Around:
    """What every report is written with. `names` are those of colleagues, by staff id."""

    sender: Sender
    slot: Slot
    language: str
    titles: Titles
    names: Mapping[str, str]

    def say(self, name: str, /, **fields: object) -> str:
        """One of the reports' sentences."""
        return say(language_of(self.language), name, **fields)

    def name(self, staff: str | None) -> str:
        """A colleague's name."""
        return self.say("nobody") if staff is None else self.names.get(staff) or self.say("left")

    def title(self, pack: str, version: int, clock: str) -> str:
        """What the pack calls a clock, or itself (``""``)."""
        titles = self.titles.get((pack, version), {}).get(clock, {})
        return titles.get(language_of(self.language)) or titles.get("en") or clock or pack

    def at(self, instant: datetime) -> str:
        """An instant in the report's zone, to the minute; a deadline at midnight is the end of the day before."""
        local = instant.astimezone(ZoneInfo(self.slot.zone))
        if (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0):
            before = (instant - timedelta(microseconds=1)).astimezone(ZoneInfo(self.slot.zone))
            return f"{before:%Y-%m-%d} 24:00"
        return f"{local:%Y-%m-%d %H:%M}"

    def counted(self, complaints: int) -> str:
        """So many open complaints."""
        return self.say("complaints_one" if complaints == 1 else "complaints_many", n=complaints)


def write_morning(around: Around, found: Morning) -> Written:
    """A member of staff's worklist: what is overdue first, then today's, what was offered, what is unacknowledged."""
    sections = (
        _entries(around, "overdue", found.overdue, _was_due),
        _entries(around, "today", found.today, _due),
        _offers(around, "offered", found.offered, _to_me),
        _entries(around, "unacknowledged", found.unacknowledged, _of_owner),
    )
    # A morning's mail leaves out what there is none of.
    told = [section for section, listed in zip(sections, _morning_lists(found), strict=True) if listed.total]
    return _written(
        around, told, open=around.counted(found.open), link=around.sender.worklist(), count=found.open
    )


def write_week(around: Around, found: Week) -> Written:
    """How a team stands; a list with nothing in it says so, so that silence is never good news."""
    load = [_load(around, one) for one in found.load] or [around.say("none")]
    sections = (
        _entries(around, "overdue", found.overdue, _of_owner),
        _entries(around, "breached", found.breached, _breached),
        _entries(around, "unacknowledged", found.unacknowledged, _of_owner),
        _section(around.say("load"), load),
        _offers(around, "handovers", found.handovers, _between),
    )
    return _written(
        around, sections, open=around.counted(found.open), link=around.sender.worklist(), count=found.open
    )


def write_overdue(around: Around, found: Overdue) -> Written:
    """All that is overdue: counts by clock, then each, the oldest first."""
    counts = [
        around.say(
            "counted", pack=around.title(one.pack, one.pack_version, ""),
            clock=around.title(one.pack, one.pack_version, one.clock), n=one.overdue,
        )
        for one in found.by_clock
    ]  # fmt: skip
    sections = (
        _section(around.say("by_clock"), counts),
        _entries(around, "overdue_first", found.listed, _of_owner),
    )
    return _written(
        around, sections, open=around.counted(found.complaints), link=around.sender.overdue_list(),
        count=found.complaints,
    )  # fmt: skip


# The parts ----------------------------------------------------------------------------------------------


def _written(around: Around, sections: Iterable[str], *, open: str, link: str, count: int) -> Written:  # noqa: A002 - the template's own name
    letter = LETTERS[around.slot.kind][language_of(around.language)]
    sender = around.sender
    foot = around.say(
        "foot", zone=around.slot.zone, organisation=sender.organisation, mails=sender.mails_page()
    )
    return letter.filled(
        {
            "date": around.slot.day.isoformat(),
            "week": around.slot.day.isoformat(),
            "count": str(count),
            "open": open,
            "sections": "\n\n".join(sections),
            "link": link,
            "foot": foot,
        }
    )


def _section(heading: str, lines: Iterable[str]) -> str:
    return "\n".join([heading, *(f"– {line}" for line in lines)])


def _entries(
    around: Around, name: str, listed: Listed, line: Callable[[Around, Entry], Iterator[str]]
) -> str:
    lines = [
        " · ".join((entry.reference, *line(around, entry), around.sender.case_page(entry.reference)))
        for entry in listed.entries
    ]
    return _section(around.say(name, n=listed.total), _cut(around, lines, listed.total))


def _offers(around: Around, name: str, offers: Offers, line: Callable[[Around, Offer], Iterator[str]]) -> str:
    lines = [
        " · ".join((offer.reference, *line(around, offer), around.sender.case_page(offer.reference)))
        for offer in offers.offers
    ]
    return _section(around.say(name, n=offers.total), _cut(around, lines, offers.total))


def _cut(around: Around, lines: list[str], total: int) -> list[str]:
    """The lines, and how many more there are."""
    more = total - len(lines)
    return [*lines, *([around.say("more", n=more)] if more else [])] or [around.say("none")]


def _clock(around: Around, entry: Entry) -> str:
    return around.title(entry.pack, entry.pack_version, entry.clock)


def _due(around: Around, entry: Entry) -> Iterator[str]:
    yield _clock(around, entry)
    yield around.say("due", at=around.at(entry.due_at)) if entry.due_at else around.say("paused")


def _was_due(around: Around, entry: Entry) -> Iterator[str]:
    yield _clock(around, entry)
    yield around.say("was_due", at=around.at(entry.due_at)) if entry.due_at else around.say("paused")


def _of_owner(around: Around, entry: Entry) -> Iterator[str]:
    yield from _due(around, entry)
    yield around.name(entry.owner)


def _breached(around: Around, entry: Entry) -> Iterator[str]:
    yield from _was_due(around, entry)
    yield around.say("done_late", at=around.at(entry.met_at)) if entry.met_at else around.say("not_done")
    yield around.name(entry.owner)


def _to_me(around: Around, offer: Offer) -> Iterator[str]:
    if offer.owner is not None:
        yield around.say("offered_by", owner=around.name(offer.owner), to=around.name(offer.offered_to))
    yield from _next(around, offer)


def _between(around: Around, offer: Offer) -> Iterator[str]:
    if offer.owner is None:
        yield around.say("offered_to", to=around.name(offer.offered_to))
    else:
        yield around.say("offered_by", owner=around.name(offer.owner), to=around.name(offer.offered_to))
    yield from _next(around, offer)


def _next(around: Around, offer: Offer) -> Iterator[str]:
    if offer.next_due_at is not None:
        yield around.say("next_due", at=around.at(offer.next_due_at))


def _load(around: Around, one: Load) -> str:
    return around.say(
        "load_of", name=around.name(one.staff), open=one.open, overdue=one.overdue, soon=one.soon,
        offered=one.offered,
    )  # fmt: skip


def _morning_lists(found: Morning) -> tuple[Listed | Offers, ...]:
    return found.overdue, found.today, found.offered, found.unacknowledged


def staff_in(found: Morning | Week | Overdue) -> frozenset[str]:
    """The ids of the colleagues whose names a report tells."""
    lists: tuple[Listed, ...]
    offers = Offers()
    people: set[str | None] = set()
    match found:
        case Morning():
            lists, offers = (found.overdue, found.today, found.unacknowledged), found.offered
        case Week():
            lists, offers = (found.overdue, found.breached, found.unacknowledged), found.handovers
            people = {one.staff for one in found.load}
        case Overdue():
            lists = (found.listed,)
    people |= {entry.owner for listed in lists for entry in listed.entries}
    people |= {person for offer in offers.offers for person in (offer.owner, offer.offered_to)}
    return frozenset(person for person in people if person is not None)
