"""Ladders as the desk shows them: each rung in a word, whom it told and whether that reached them, what holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from api.desk.choices import Choice
from api.desk.times import Face, span
from api.desk.words import headed, recipient, said, why_changed
from api.ladder import CallBody, LadderBody, RungBody
from complaints.case import Case
from complaints.timing.explained import about
from complaints.timing.ladder_view import RungState
from ledger.alerts import Reached
from policies.pack import Pack
from policies.vocabulary import AlertChannel
from policies.wording.in_words import basis

Mark = Literal["climbed", "firing", "next", "later", "held", "cancelled"]
_WORDS: Mapping[RungState, str] = {
    RungState.CLIMBED: "Climbed",
    RungState.FIRING: "Firing, awaiting confirmation",
    RungState.NEXT: "Next",
    RungState.LATER: "Later",
    RungState.HELD: "Held",
    RungState.CANCELLED: "Will not call",
}
REACHED: Mapping[Reached, str] = {
    Reached.UNDER_WAY: "on its way",
    Reached.SENT: "sent",
    Reached.BOUNCED: "came back",
    Reached.GIVEN_UP: "given up",
    Reached.NOBODY: "nobody there",
    Reached.NOT_SENT: "not sent any more",
}
FAILED = frozenset({Reached.BOUNCED, Reached.GIVEN_UP, Reached.NOBODY})
"""A call that did not come to whom it was meant for."""
_WAYS = {"mail": "e-mail", "desk": "desk", "chat": "chat", "webhook": "webhook"}
SNOOZES = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480, 1440, 2880))
"""For how long one may ask for silence, as far as the pack allows; the longest that it does is offered as well."""


@dataclass(frozen=True)
class Way:
    """One call over one way, in words. `failed`: it did not reach them; `status` is the code for why."""

    over: str
    reached: str
    failed: bool
    status: str


@dataclass(frozen=True)
class Told:
    """One call on one recipient, over every way that it took."""

    who: str
    ways: tuple[Way, ...]
    at: datetime
    at_words: str


@dataclass(frozen=True)
class RungShown:
    """One rung as it is shown. `remarks` are whole sentences; `source` is empty where its ladder's holds for it."""

    number: int
    mark: Mark
    word: str
    at: datetime | None
    when: str
    plan: str
    told: tuple[Told, ...]
    remarks: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class LadderShown:
    """A ladder as it is shown. `standing` says in a sentence whether somebody has seen the alert, `what` what
    acknowledging it now would do; empty where there is nothing to acknowledge. `quiet`: it has called on
    nobody, and is shown folded, with what lies `ahead`.
    """

    clock: str
    title: str
    source: str
    quiet: bool
    ahead: str
    standing: str
    alarm: bool
    what: str
    acknowledge: bool
    release: bool
    snoozes: tuple[Choice, ...]
    note_required: bool
    rungs: tuple[RungShown, ...]


def ladders_shown(
    pack: Pack, case: Case, ladders: Sequence[LadderBody], names: Mapping[str, str], face: Face
) -> tuple[LadderShown, ...]:
    """The ladders of a complaint in words, in the order they come."""
    return tuple(_shown(pack, case, ladder, names, face) for ladder in ladders)


def hold_words(ladder: LadderBody, face: Face) -> str:
    """What the button does: `Holds the ladder until Thu 26 Nov 14:30 CST. The deadline does not move.`"""
    if ladder.may_hold_until is not None:
        return f"Holds the ladder until {face.at(ladder.may_hold_until)}. The deadline does not move."
    return "Ends the repeats of this alert. Higher rungs still call, and the deadline does not move."


def snoozes(ladder: LadderBody, face: Face) -> Iterator[Choice]:
    """The moments until which one may ask for silence, as the address of a form takes them; none where not at all."""
    latest = ladder.may_snooze_until
    if latest is None:
        return
    for length in SNOOZES:
        if face.now + length < latest:
            until = face.now + length
            yield Choice(face.form_value(until), f"{face.at(until)} ({span(length)})")
    if latest > face.now + timedelta(minutes=1):
        yield Choice(face.form_value(latest), f"{face.at(latest)} (the longest)")


def way(over: str) -> str:
    """Over what a call goes, in words."""
    return _WAYS.get(over, said(over))


def told_words(calls: Sequence[CallBody], names: Mapping[str, str], face: Face) -> tuple[Told, ...]:
    """Calls in words, those of one moment on one recipient together, in the order they were made."""
    groups: dict[tuple[int, bool, str], list[CallBody]] = {}
    for call in calls:
        groups.setdefault((call.repeat, call.expired, call.to), []).append(call)
    return tuple(
        Told(
            who=headed(recipient(to, names)) + (", that it has expired" if expired else ""),
            ways=tuple(_way(call) for call in group),
            at=(first := min(call.at for call in group)),
            at_words=face.at(first),
        )
        for (_, expired, to), group in groups.items()
    )


def _way(call: CallBody) -> Way:
    wrong = call.reached in (Reached.BOUNCED, Reached.GIVEN_UP)
    here = call.over == AlertChannel.DESK and call.reached is Reached.SENT
    return Way(
        over="" if here else way(call.over),
        reached="on their desk" if here else REACHED[call.reached],
        failed=call.reached in FAILED,
        status=call.status or "" if wrong else "",
    )


def _shown(pack: Pack, case: Case, ladder: LadderBody, names: Mapping[str, str], face: Face) -> LadderShown:
    run = case.clocks.find(ladder.clock, ladder.occurrence)
    subject = about(pack, run, "en")
    several = case.clocks.count(run.clock) > 1
    may_acknowledge = ladder.alarming and ladder.acknowledged_at is None
    return LadderShown(
        clock=ladder.clock,
        title=ladder.title["en"]
        + (f", {subject}" if subject else "")
        + (f", run {ladder.occurrence}" if several else ""),
        source=ladder.source,
        quiet=not ladder.alarming
        and not any(rung.told or rung.calls or rung.state is RungState.FIRING for rung in ladder.rungs),
        ahead=_ahead(ladder, face),
        standing=_standing(ladder, names, face),
        alarm=may_acknowledge,
        what=hold_words(ladder, face) if may_acknowledge else "",
        acknowledge=may_acknowledge,
        release=ladder.running and ladder.held_until is not None and not ladder.expired,
        snoozes=tuple(snoozes(ladder, face)),
        note_required=ladder.note_required,
        rungs=tuple(_rung(ladder, rung, names, face) for rung in ladder.rungs),
    )


def _ahead(ladder: LadderBody, face: Face) -> str:
    """What a ladder that has called on nobody does next: `rung 1 calls Thu 26 Nov 17:00 CST`."""
    for rung in ladder.rungs:
        if rung.state is RungState.NEXT and rung.at is not None:
            return f"rung {rung.number} calls {face.at(rung.at)}"
    return "waits for the end of the pause" if ladder.paused else "calls nobody"


def _standing(ladder: LadderBody, names: Mapping[str, str], face: Face) -> str:
    """Whether somebody has seen the alert, and until when that holds."""
    if not ladder.running:
        return "The clock is over; the ladder calls no more."
    if ladder.told_at_once:
        return "It was overdue before it was recorded: that was told once, and the ladder does not call."
    by = names.get(ladder.acknowledged_by or "", "Somebody")
    if ladder.acknowledged_at is not None and ladder.held_until is not None:
        if ladder.expired:
            return f"{by} acknowledged it; that expired {face.at(ladder.held_until)}, awaiting confirmation."
        return f"Held until {face.at(ladder.held_until)}: {by} acknowledged it {face.at(ladder.acknowledged_at)}."
    if ladder.acknowledged_at is not None:
        return f"{by} acknowledged it {face.at(ladder.acknowledged_at)}; it does not call on these again."
    if ladder.alarming:
        last = ladder.answers[-1] if ladder.answers else None
        if last is None:
            return ""
        who = names.get(last.by, "Somebody who has left")
        return f"Nobody has it in hand: {who} acknowledged it {face.at(last.at)}, and that holds no more."
    if ladder.paused:
        return "The clock is paused; its rungs wait with it."
    return ""


def _rung(ladder: LadderBody, rung: RungBody, names: Mapping[str, str], face: Face) -> RungShown:
    return RungShown(
        number=rung.number,
        mark=rung.state.value,
        word=_WORDS[rung.state],
        at=rung.at if rung.state is not RungState.CANCELLED else None,
        when=_when(ladder, rung, face),
        plan=_plan(rung, names),
        told=told_words(rung.told, names, face),
        remarks=tuple(_remarks(ladder, rung, names, face)),
        source=_source(rung),
    )


def _source(rung: RungBody) -> str:
    """`Guide 2025, S2.3 (required), since 2025-01-01`, where it is the rung's own."""
    if not rung.own_source or rung.basis is None:
        return ""
    return f"{rung.source} ({basis(rung.basis, rung.chosen_by)}), since {rung.since}"


def _when(ladder: LadderBody, rung: RungBody, face: Face) -> str:
    if rung.state is RungState.CANCELLED:
        return ""
    if rung.at is None:
        return "when the pause is over" if ladder.paused else "at no moment that can be told yet"
    return face.at(rung.at)


def _plan(rung: RungBody, names: Mapping[str, str]) -> str:
    """`The owner and every supervisor, by e-mail, 2 working hours after it was due`."""
    whom = _listed([recipient(who, names) for who in rung.tell])
    over = _listed([way(each) for each in rung.over])
    return headed(f"{whom}, by {over}" + (f", {rung.offset}" if rung.offset else ""))


def _remarks(ladder: LadderBody, rung: RungBody, names: Mapping[str, str], face: Face) -> Iterator[str]:
    repeats = len(rung.calls) - 1
    if repeats > 0:
        times = "once" if repeats == 1 else f"{repeats} times"
        yield f"Repeated {times}, last {face.at(rung.calls[-1].at)}."
    if rung.again_firing:
        yield "Calls again now: firing, awaiting confirmation."
    elif rung.again_at is not None:
        unless = "it is done or held for longer" if ladder.held_until else "somebody acknowledges"
        yield f"Calls again {face.at(rung.again_at)} unless {unless}."
    if rung.answer_by is not None:
        past = "had" if rung.answer_by <= face.now else "has"
        yield f"It {past} to be acknowledged by {face.at(rung.answer_by)}."
    for miss in rung.missed:
        gone = f"Nobody was there for {recipient(miss.who, names)} ({why_changed(miss.why)})"
        if miss.passed_to:
            yield f"{gone}; passed on to {_listed([recipient(who, names) for who in miss.passed_to])}."
        elif miss.nobody:
            yield f"{gone}; nobody was left, and the administrators were told."
        else:
            yield f"{gone}."
    if rung.state is RungState.FIRING and rung.told:
        yield "The call has gone out already; the record follows."
    yield from _besides(rung)


def _besides(rung: RungBody) -> Iterator[str]:
    """What the rung does beside calling."""
    if rung.raise_tier:
        yield "Raises the complaint to the next tier of handling."
    if rung.reassign_to is not None:
        yield f"Gives the complaint to a {said(rung.reassign_to)}."
    if rung.note_required:
        yield "Whoever acknowledges it says what is being done."


def _listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
