"""The ladder of a clock as people see it: which rungs have called, which is next and when, what holds it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from pydantic import AwareDatetime

from complaints.base import Frozen, Happening
from complaints.chapters.escalation import held_until, note_needed, snooze_until
from complaints.timing.alarms import told_with_the_recording
from complaints.timing.clocks import pauses_of
from complaints.timing.ladders import Ascent, Spot, ladder_of
from complaints.timing.occurrences import (
    AlertAcknowledged,
    AlertSnoozed,
    Occurrence,
    RungClimbed,
    RungUnheld,
    Unheld,
)
from policies.arithmetic.calendars import CalendarError
from policies.rules import Basis
from policies.vocabulary import AlertChannel, Role
from policies.wording.in_words import moment, source

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Ladder, Pack, Rung


class RungState(StrEnum):
    """How a rung stands. Of a ladder at most one rung is NEXT."""

    CLIMBED = "climbed"  # it has called
    FIRING = "firing"  # its moment has come, and that it called is not on record yet
    NEXT = "next"
    LATER = "later"
    HELD = "held"  # it would call sooner, but an acknowledgement holds the ladder
    CANCELLED = "cancelled"  # the clock is over, or was overdue before anyone could know: it will not call


class Missed(Frozen):
    """Nobody was there for one word of a call; `passed_to` are the words that it went to instead.

    `nobody`: none were left, and the administrators were told.
    """

    repeat: int
    who: str
    why: Unheld
    passed_to: tuple[str, ...]
    nobody: bool
    at: AwareDatetime


class Called(Frozen):
    """One call that a rung has made, and whom and over what it was meant for. `repeat` 0 is the first."""

    repeat: int
    at: AwareDatetime
    tell: tuple[str, ...]
    over: tuple[str, ...]


class RungView(Frozen):
    """One rung. `number` counts from 1; words for people (`owner`, `role:supervisor`) are those of the pack.

    `at` is when it called first or, for one to come, when it will as things stand: None while a pause hides
    it, or where it will not. `again_at` is when it calls once more, `again_firing` that this has come.
    `answer_by` is when its time to be acknowledged ends. `source`, `basis`, `since` and `chosen_by` are those that
    hold for it, with `own_source` where they are not its ladder's; None for a rung of a ladder it had before.
    """

    number: int
    state: RungState
    at: AwareDatetime | None
    offset: str
    tell: tuple[str, ...]
    over: tuple[AlertChannel, ...]
    calls: tuple[Called, ...] = ()
    missed: tuple[Missed, ...] = ()
    again_at: AwareDatetime | None = None
    again_firing: bool = False
    answer_by: AwareDatetime | None = None
    raise_tier: bool = False
    reassign_to: Role | None = None
    note_required: bool = False
    source: str | None = None
    basis: Basis | None = None
    since: date | None = None
    chosen_by: str | None = None
    own_source: bool = False


class Answered(Frozen):
    """That somebody saw the alert: who, when, until when it was to hold (None: for good), and whether as a snooze."""

    by: str
    at: AwareDatetime
    until: AwareDatetime | None
    snoozed: bool


class LadderView(Frozen):
    """The ladder of one run of a clock. `source` is where the pack has it from.

    `running` is False once the clock was met or fell away, `paused` while a pause hides its due moment.
    `held_until` is when the acknowledgement that holds it expires; `expired`: that has passed, and is not on
    record yet. `acknowledged_by` and `_at` stay empty where nobody has, or none holds any more; `answers` are
    all there were. `may_hold_until` and `may_snooze_until` say what an acknowledgement given now would do:
    hold until then, or with `for_good` end the repeats, and how long one may ask for silence.
    """

    clock: str
    occurrence: int
    ladder: str
    title: dict[str, str]
    source: str
    due_at: AwareDatetime | None
    running: bool
    paused: bool
    told_at_once: bool
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None
    held_until: AwareDatetime | None
    expired: bool
    answers: tuple[Answered, ...]
    alarming: bool
    for_good: bool
    may_hold_until: AwareDatetime | None
    may_snooze_until: AwareDatetime | None
    note_required: bool
    rungs: tuple[RungView, ...]

    @property
    def climbed(self) -> int:
        """The number of the highest rung that has called; 0 where none has."""
        return max((rung.number for rung in self.rungs if rung.calls), default=0)


def ladder_view(
    pack: Pack, case: Case, run: Occurrence, happenings: Sequence[Happening], at: datetime
) -> LadderView | None:
    """The ladder of one run at an instant; None where the pack has none for it, or it is over and never called.

    `pack` is the one whose promise the run is, `happenings` the complaint's own. Moments to come are worked
    out by the functions that make them happen.
    """
    rule = pack.clock(run.clock)
    ladder = ladder_of(pack, case, rule)
    if ladder is None or not (run.running or run.rungs):
        return None
    run = run.on(ladder.id)  # what another ladder called is none of this one's
    told = [item for item in happenings if _of(item, run)]
    held = run.held_until is not None and run.running
    at_once = run.running and run.due_at is not None and told_with_the_recording(case, run)
    alarming = run.alarming and not at_once
    return LadderView(
        clock=run.clock,
        occurrence=run.number,
        ladder=ladder.id,
        title=dict(rule.title),
        source=source(ladder.source),
        due_at=run.due_at if run.running else run.frozen_due,
        running=run.running,
        paused=run.running and run.due_at is None,
        told_at_once=at_once,
        acknowledged_at=run.acknowledged_at,
        acknowledged_by=run.acknowledged_by,
        held_until=run.held_until,
        expired=held and run.held_until is not None and run.held_until <= at,
        answers=tuple(_answers(told)),
        alarming=alarming,
        for_good=ladder.holds is None,
        may_hold_until=_safely(lambda: held_until(pack, case, run, at)) if alarming else None,
        may_snooze_until=_safely(lambda: snooze_until(pack, case, run, at)) if alarming else None,
        note_required=alarming and note_needed(pack, case, run),
        rungs=tuple(_rungs(_Seen(pack, case, ladder, run, at), told)),
    )


class _Seen(NamedTuple):
    """One run of a clock, looked at: under which pack, of which complaint, by which ladder, at which instant."""

    pack: Pack
    case: Case
    ladder: Ladder
    run: Occurrence
    at: datetime


def _of(told: Happening, run: Occurrence) -> bool:
    event = told.event
    kinds = (RungClimbed, RungUnheld, AlertAcknowledged, AlertSnoozed)
    return isinstance(event, kinds) and (event.clock, event.occurrence) == (run.clock, run.number)


def _answers(told: Sequence[Happening]) -> Iterator[Answered]:
    for item in told:
        match item.event:
            case AlertAcknowledged(until=until):
                yield Answered(by=item.actor, at=item.occurred_at, until=until, snoozed=False)
            case AlertSnoozed(until=until):
                yield Answered(by=item.actor, at=item.occurred_at, until=until, snoozed=True)


def _rungs(seen: _Seen, told: Sequence[Happening]) -> Iterator[RungView]:
    run, calls, missed = seen.run, _calls(seen.run, told), _missed(seen.run, told)
    own = _spots(seen, run.model_copy(update=_FREE))
    coming = own
    if run.held_until is not None:  # what it will be once the acknowledgement has expired
        free = run.model_copy(update={**_FREE, "resumed_at": run.held_until})
        coming = _spots(seen, free, not_before=run.held_until)
    elif run.acknowledged_at is not None:  # for good: its repeats are over, the rungs above it call still
        coming = {number: spot for number, spot in own.items() if not spot.repeat}
    first = min(
        (spot.when for spot in coming.values() if not spot.repeat and spot.when > seen.at), default=None
    )
    for number in range(max((len(seen.ladder.rungs), *(index + 1 for index in calls)))):
        spot, made = coming.get(number), calls.get(number, ())
        state = RungState.CLIMBED if made else _state(seen, spot, own.get(number), first)
        yield _shown(seen, number, state, spot, made).model_copy(update={"missed": missed.get(number, ())})


_FREE: dict[str, object] = {"acknowledged_at": None, "acknowledged_by": None, "held_until": None}
"""What a run is without the acknowledgement that holds it."""


def _state(seen: _Seen, spot: Spot | None, own: Spot | None, first: datetime | None) -> RungState:
    """How a rung stands that has not called: `spot` is its call to come, `own` what it were if nothing held it."""
    run = seen.run
    if spot is None:
        # A pause hides its moment; where none does, it will not come any more.
        return RungState.LATER if run.running and run.due_at is None else RungState.CANCELLED
    if spot.when <= seen.at:
        return RungState.FIRING
    if run.held_until is not None and own is not None and seen.at < run.held_until > own.when:
        return RungState.HELD
    return RungState.NEXT if spot.when == first else RungState.LATER


def _shown(
    seen: _Seen, number: int, state: RungState, spot: Spot | None, made: tuple[Called, ...]
) -> RungView:
    if number >= len(
        seen.ladder.rungs
    ):  # of the ladder that it had before the complaint was classed otherwise
        over = tuple(map(AlertChannel, made[-1].over))
        return RungView(
            number=number + 1,
            state=state,
            at=made[0].at,
            offset="",
            tell=made[-1].tell,
            over=over,
            calls=made,
        )
    sourced = seen.ladder.sourced_rungs()[number]
    rung = sourced.rung
    again = spot if spot is not None and spot.repeat else None
    return RungView(
        number=number + 1,
        state=state,
        at=made[0].at if made else spot.when if spot else None,
        offset=moment(rung.at),
        tell=rung.tell,
        over=rung.over,
        calls=made,
        again_at=again.when if again else None,
        again_firing=again is not None and again.when <= seen.at,
        answer_by=_answer_by(seen, rung, made),
        raise_tier=rung.raise_tier,
        reassign_to=rung.reassign_to,
        note_required=rung.note_required,
        source=source(sourced.source),
        basis=sourced.basis,
        since=sourced.since,
        chosen_by=sourced.chosen_by,
        own_source=rung.says_its_origin,
    )


def _answer_by(seen: _Seen, rung: Rung, made: Sequence[Called]) -> datetime | None:
    pack, run = seen.pack, seen.run
    if not made or not run.running or run.acknowledged_at is not None or rung.acknowledge_within is None:
        return None
    within, called = rung.acknowledge_within, made[0].at
    rule = pack.clock(run.clock)
    over = tuple((begin, end) for begin, end in pauses_of(rule, seen.case.clocks) if end is not None)
    return _safely(lambda: pack.after(called, within, rule, paused=over))


def _spots(seen: _Seen, run: Occurrence, not_before: datetime | None = None) -> dict[int, Spot]:
    """The next call of each rung that has one to make; none where time does not make the ladder climb.

    A call that goes unanswered may bring the next one sooner: each is foreseen as if nobody answered.
    """
    found: dict[int, Spot] = {}
    if not run.running or run.due_at is None or told_with_the_recording(seen.case, run):
        return found
    rule = seen.pack.clock(run.clock)
    ascent = Ascent(seen.pack, rule, seen.ladder, run, run.due_at, pauses_of(rule, seen.case.clocks))
    for _ in seen.ladder.rungs:
        try:
            ahead = [
                spot if not_before is None else spot._replace(when=max(spot.when, not_before))
                for spot in ascent.spots()
                if spot.rung not in found
            ]
        except CalendarError:  # beyond the holidays that anybody knows
            return found
        found |= {spot.rung: spot for spot in ahead if spot.repeat}
        firsts = sorted((spot for spot in ahead if not spot.repeat), key=lambda spot: (spot.when, spot.rung))
        run = ascent.run
        if len(run.climbed_at) < len(run.rungs):  # of before it was kept when each was climbed
            return found | {spot.rung: spot for spot in firsts}
        if not firsts:
            return found
        first = firsts[0]
        found[first.rung] = first
        climbed = {
            "rungs": (*run.rungs, (first.rung, 0)), "climbed_at": (*run.climbed_at, first.when)
        }  # fmt: skip
        ascent = ascent._replace(run=run.model_copy(update=climbed))
    return found


def _calls(run: Occurrence, told: Sequence[Happening]) -> dict[int, tuple[Called, ...]]:
    """By rung, the calls of this due moment: those of one that was extended away are history."""
    climbed = [(item.event, item.occurred_at) for item in told if isinstance(item.event, RungClimbed)]
    made: dict[int, tuple[Called, ...]] = {}
    for event, at in climbed[len(climbed) - len(run.rungs) :]:
        call = Called(repeat=event.repeat, at=at, tell=event.tell, over=event.over)
        made[event.rung] = (*made.get(event.rung, ()), call)
    return made


def _missed(run: Occurrence, told: Sequence[Happening]) -> dict[int, tuple[Missed, ...]]:
    found: dict[int, tuple[Missed, ...]] = {}
    for item in told:
        event = item.event
        if isinstance(event, RungUnheld) and (event.rung, event.repeat, event.who) in run.unheld:
            miss = Missed(
                repeat=event.repeat, who=event.who, why=event.why, passed_to=event.passed_to,
                nobody=event.nobody, at=item.occurred_at,
            )  # fmt: skip
            found[event.rung] = (*found.get(event.rung, ()), miss)
    return found


def _safely(moment_of: Callable[[], datetime | None]) -> datetime | None:
    """A moment, or None where it lies beyond what the calendar knows."""
    try:
        return moment_of()
    except CalendarError:
        return None
