"""The timeline: what happened, by whom and when in both instants, with what followed by rule beneath each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from activities.delivery.wording import sum_of
from api.desk.times import Face
from api.desk.words import (
    CLOCK_EVENTS,
    MESSAGE_EVENTS,
    detail_words,
    event_words,
    headed,
    recipient,
    said,
    why_changed,
)
from api.showing import Reader
from complaints.base import SYSTEM, AttachmentRef, Event, Happening, Money, Person, TextRef
from complaints.chapters.erasure import PersonalDataErased, the_rule
from complaints.chapters.intake import Party
from complaints.chapters.post_mortem import Bone
from complaints.people.dispatching import Dispatched, DispatchFailed
from complaints.systemic.outage_state import Broadcast
from complaints.systemic.outages import spoken
from complaints.timing.occurrences import RungClimbed
from policies.pack import Pack
from policies.wording.in_words import source

Kind = Literal["messages", "work", "clocks"]
KINDS: Mapping[str, str] = {"all": "Everything", "messages": "Messages", "work": "Work", "clocks": "Clocks"}
_APART = timedelta(minutes=1)
_BESIDE = (event_words("InvestigationOpened"), event_words("Resolved"))
"""What a step brings with it, and never what a step is called by."""
_NOT_SHOWN = frozenset(
    {"reference", "pack", "occurrence", "key", "digest", "clock", "warning", "rung", "repeat", "ladder", "number",
     "reverses", "status", "after", "source", "provider_reference", "when_known", "kind", "letter", "person", "rule",
     "entry", "held"}
)  # fmt: skip


@dataclass(frozen=True)
class Quoted:
    """A text of a person, as far as this reader may see it. `state`: shown, withheld or erased."""

    label: str
    text: str
    state: str


@dataclass(frozen=True)
class Step:
    """One event: what it is called, what it says of itself, the texts it carries, the rule it rests on."""

    sequence: int
    title: str
    details: tuple[tuple[str, str], ...]
    quoted: tuple[Quoted, ...]
    rule: str
    kind: Kind


@dataclass(frozen=True)
class Entry:
    """What one command, or one moment, made happen."""

    who: str
    by_rule: bool
    at: datetime
    recorded_at: datetime | None
    first: Step
    followed: tuple[Step, ...]


@dataclass(frozen=True)
class Telling:
    """What events are told with."""

    pack: Pack
    names: Mapping[str, str]
    face: Face
    reader: Reader


def entries(telling: Telling, happenings: Sequence[Happening], show: str = "all") -> tuple[Entry, ...]:
    """The timeline, latest first; `show` is one of KINDS."""
    found: list[Entry] = []
    for group in _together(happenings):
        steps = tuple(_step(telling, sequence, told.event) for sequence, told in group)
        wanted = tuple(step for step in steps if show in ("all", step.kind))
        if not wanted:
            continue
        wanted = tuple(sorted(wanted, key=lambda step: step.title in _BESIDE))
        told = group[steps.index(wanted[0])][1]
        found.append(
            Entry(
                who=who(told.actor, telling.names),
                by_rule=told.actor == SYSTEM,
                at=told.occurred_at,
                recorded_at=told.recorded_at if told.recorded_at - told.occurred_at >= _APART else None,
                first=wanted[0],
                followed=wanted[1:],
            )
        )
    return tuple(reversed(found))


def who(actor: str, names: Mapping[str, str]) -> str:
    """An actor by name."""
    if actor == SYSTEM:
        return "By rule"
    if actor.startswith("party:"):
        return f"The customer ({actor.removeprefix('party:')})"
    return names.get(actor, "Somebody who has left")


def _together(happenings: Sequence[Happening]) -> Iterator[list[tuple[int, Happening]]]:
    """The events of one command, or those that time made happen at one moment."""
    group: list[tuple[int, Happening]] = []
    for sequence, told in enumerate(happenings, start=1):
        if group:
            last = group[-1][1]
            same = told.command == last.command if told.command else told.recorded_at == last.recorded_at
            if not same or told.command != last.command or told.actor != last.actor:
                yield group
                group = []
        group.append((sequence, told))
    if group:
        yield group


def _step(telling: Telling, sequence: int, event: Event) -> Step:
    details: list[tuple[str, str]] = []
    quoted: list[Quoted] = []
    for name in event.__class__.model_fields:
        value = getattr(event, name)
        if isinstance(value, TextRef):
            quoted.append(_quoted(telling.reader, detail_words(name, event.type), value))
        elif isinstance(value, AttachmentRef):
            quoted.append(_quoted(telling.reader, "file", value.filename))
        elif isinstance(value, tuple) and value and isinstance(value[0], TextRef):
            quoted += [_quoted(telling.reader, f"{n}.", ref) for n, ref in enumerate(value, start=1)]
        elif isinstance(value, tuple) and value and isinstance(value[0], Bone):
            quoted += [_quoted(telling.reader, said(bone.category), bone.text) for bone in value]
        elif name not in _NOT_SHOWN:
            words = _words(telling, name, value)
            if words:
                details.append((detail_words(name, event.type), words))
    return Step(
        sequence, _title(telling, event), tuple(details), tuple(quoted), _rule(telling, event), _kind(event)
    )


def _kind(event: Event) -> Kind:
    if event.type in CLOCK_EVENTS:
        return "clocks"
    return "messages" if event.type in MESSAGE_EVENTS else "work"


def _title(telling: Telling, event: Event) -> str:
    fields: Any = event
    match event.type:
        case "LetterQueued":
            return f"Letter {fields.letter} ({said(fields.kind)}) on its way to {fields.party}"
        case "LetterMoved":
            return f"Letter {fields.letter} ({said(fields.kind)}): {said(fields.state)}"
        case "PaymentMoved":
            way = "Payment" if fields.direction == "pay" else "Reversal"
            return f"{way} for {fields.remedy}: {said(fields.state)}"
        case "ComplaintReceived":
            return f"{headed(fields.kind)} received by {said(fields.channel)}"
        case "OwnershipTaken":
            return f"{telling.names.get(fields.person.id, 'Somebody')} took ownership"
        case "PilotCompared":
            return "The pilot held" if fields.held else "The pilot did not hold"
        case "ActionAdded":
            return f"{headed(fields.kind)} action added"
        case _:
            title = event_words(event.type)
    clock = getattr(event, "clock", None)
    return title if clock is None else f"{title}: {clock_title(telling.pack, clock)}"


def clock_title(pack: Pack, clock: str) -> str:
    """What the pack calls a clock."""
    try:
        return pack.clock(clock).title["en"]
    except KeyError:
        return headed(clock)


def _rule(telling: Telling, event: Event) -> str:
    """The rule that acted, with its source."""
    if isinstance(event, Dispatched | DispatchFailed):
        return _dispatch_rule(telling.pack, event.rule)
    if isinstance(event, PersonalDataErased):
        return "" if event.kept_until is None else f"{telling.pack.name}: {the_rule(telling.pack)}"
    clock = getattr(event, "clock", None)
    if clock is None:
        return ""
    try:
        rule = telling.pack.clock(clock)
    except KeyError:
        return ""
    said = f"{telling.pack.name}: {rule.duration}; {source(rule.source)}"
    return said + (_rung_rule(telling.pack, event) if isinstance(event, RungClimbed) else "")


def _rung_rule(pack: Pack, event: RungClimbed) -> str:
    """Where the rung that called has its origin, if that is not its ladder's."""
    ladder = pack.ladders.get(event.ladder)
    if ladder is None or event.rung >= len(ladder.rungs):
        return ""
    found = ladder.sourced_rungs()[event.rung]
    return f"; rung {event.rung + 1}: {source(found.source)}" if found.rung.says_its_origin else ""


def _dispatch_rule(pack: Pack, number: int) -> str:
    if number >= len(pack.dispatch):
        return ""
    rule = pack.dispatch[number]
    within = f" in {said(rule.department)}" if rule.department else ""
    whom = f"to a {said(rule.to)}{within} with the least to do"
    return f"{pack.name}: {whom}; {source(rule.source)}"


def _words(telling: Telling, name: str, value: Any) -> str:
    """A field's value as a timeline says it; empty where there is nothing to say."""
    match value:
        case None | () | "" | False:
            return ""
        case True:
            return "yes"
        case datetime():
            return telling.face.due(value)
        case Money():
            return sum_of(value)
        case Person(id=id_):
            return telling.names.get(id_, "somebody who has left")
        case Party():
            return _party(value)
        case StrEnum():
            return said(value)
        case tuple():
            return ", ".join(_item(telling, name, item) for item in value)
        case str() if name == "problem_type" and value in telling.pack.problem_types:
            return telling.pack.problem_types[value].title["en"]
        case str() if name == "why":
            return why_changed(value)
        case str() if name in ("to", "owner", "by", "who"):
            return recipient(value if name == "who" else f"person:{value}", telling.names)
        case _:
            return said(str(value))


def _item(telling: Telling, name: str, item: Any) -> str:
    if isinstance(item, Party):
        return _party(item)
    if isinstance(item, Broadcast):
        return f"{spoken(item.channel)} ({said(item.how)})"
    return recipient(str(item), telling.names) if name in ("tell", "passed_to") else said(str(item))


def _party(party: Party) -> str:
    return f"{party.id} ({said(party.role)}, {said(party.channel)})"


def _quoted(reader: Reader, label: str, ref: TextRef) -> Quoted:
    held = reader.text(ref)
    return Quoted(label, held["text"] or "", str(held["state"]))
