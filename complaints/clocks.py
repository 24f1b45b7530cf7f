"""Clocks: every running deadline of a complaint, started, met, warned, breached and paused as its pack says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import Coming, Command, Context, Event, Frozen, Happening, Refused, TextRef
from policies.vocabulary import Channel, Fact, FeedbackClass, Kind, Role, Severity, Tier

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import ClockRule, Pack

INSTANT = timedelta(microseconds=1)
"""The finest instant there is. Exactly at the due moment is in time; one INSTANT later is not."""

HANDLING = frozenset({Role.HANDLER, Role.SUPERVISOR, Role.DEPARTMENT_HEAD})


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MET_LATE = "met_late"
    STOPPED = "stopped"


class Occurrence(Frozen):
    """One run of one clock. `due_at` is None while a pause hides it; `breached_at` stays once set."""

    clock: str
    number: int
    started_at: AwareDatetime
    due_at: AwareDatetime | None
    warned: tuple[int, ...] = ()
    rungs: tuple[tuple[int, int], ...] = ()  # (rung, repeat) already climbed
    breached_at: AwareDatetime | None = None
    acknowledged_at: AwareDatetime | None = None
    met_at: AwareDatetime | None = None
    stopped_at: AwareDatetime | None = None
    frozen_due: AwareDatetime | None = None  # the due moment as it stood when met or stopped

    @property
    def running(self) -> bool:
        return self.met_at is None and self.stopped_at is None

    @property
    def state(self) -> ClockState:
        if self.stopped_at is not None:
            return ClockState.STOPPED
        if self.met_at is not None:
            late = self.frozen_due is not None and self.met_at > self.frozen_due
            return ClockState.MET_LATE if late else ClockState.MET
        return ClockState.PAUSED if self.due_at is None else ClockState.RUNNING

    @property
    def key(self) -> str:
        return f"{self.clock}/{self.number}"


class Pause(Frozen):
    """A half-open interval in which the clocks that allow its reason stand still; `to` None while open."""

    reason: str
    start: AwareDatetime
    to: AwareDatetime | None = None
    ends_by: AwareDatetime | None = None  # the pack's limit


class Clocks(Frozen):
    """All occurrences, in the order they started, and the pauses they share."""

    occurrences: tuple[Occurrence, ...] = ()
    pauses: tuple[Pause, ...] = ()

    def running(self, clock: str) -> Occurrence | None:
        for occurrence in self.occurrences:
            if occurrence.clock == clock and occurrence.running:
                return occurrence
        return None

    def find(self, clock: str, number: int) -> Occurrence:
        for occurrence in self.occurrences:
            if occurrence.clock == clock and occurrence.number == number:
                return occurrence
        raise KeyError((clock, number))

    def count(self, clock: str) -> int:
        return sum(occurrence.clock == clock for occurrence in self.occurrences)

    def replaced(self, changed: Occurrence) -> Clocks:
        occurrences = tuple(
            changed if (o.clock, o.number) == (changed.clock, changed.number) else o for o in self.occurrences
        )
        return self.model_copy(update={"occurrences": occurrences})

    def open_pause(self, reason: str) -> Pause | None:
        for pause in self.pauses:
            if pause.reason == reason and pause.to is None:
                return pause
        return None


# Events -------------------------------------------------------------------------------------------


class _OccurrenceEvent(Event):
    clock: str
    occurrence: int

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        raise NotImplementedError

    def evolve(self, case: Case, told: Happening) -> Case:
        found = case.clocks.find(self.clock, self.occurrence)
        return case.changed(clocks=case.clocks.replaced(self.change(found, told)))


class ClockStarted(Event):
    clock: str
    occurrence: int
    due_at: AwareDatetime | None

    def evolve(self, case: Case, told: Happening) -> Case:
        fresh = Occurrence(
            clock=self.clock, number=self.occurrence, started_at=told.occurred_at, due_at=self.due_at
        )
        return case.changed(
            clocks=case.clocks.model_copy(update={"occurrences": (*case.clocks.occurrences, fresh)})
        )


class ClockMet(_OccurrenceEvent):
    """`due_at` is the due moment as it stood; in time is when it happened at or before it."""

    due_at: AwareDatetime | None

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(
            update={"met_at": told.occurred_at, "frozen_due": self.due_at, "due_at": self.due_at}
        )


class ClockStopped(_OccurrenceEvent):
    """The promise fell away (the case ended, or was reclassified): neither met nor breached by this."""

    why: str

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"stopped_at": told.occurred_at, "frozen_due": found.due_at})


class ClockWarned(_OccurrenceEvent):
    """`warning` is the index in the rule's `warn_at`."""

    warning: int
    due_at: AwareDatetime

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"warned": (*found.warned, self.warning)})


class ClockBreached(_OccurrenceEvent):
    """`before_recording`: the due moment had passed before the complaint was even recorded."""

    due_at: AwareDatetime
    before_recording: bool = False

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"breached_at": self.due_at})


class RungClimbed(_OccurrenceEvent):
    """A rung of the clock's ladder: `rung` its index, `repeat` 0 for the first call; `tell` whom."""

    ladder: str
    rung: int
    repeat: int
    tell: tuple[str, ...]
    over: tuple[str, ...]
    due_at: AwareDatetime

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"rungs": (*found.rungs, (self.rung, self.repeat))})


class AlertAcknowledged(_OccurrenceEvent):
    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"acknowledged_at": told.occurred_at})


class ClockRecalculated(_OccurrenceEvent):
    """The due moment moved, or is hidden (None) by a pause; `why` says what moved it."""

    due_at: AwareDatetime | None
    why: str

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"due_at": self.due_at})


class Paused(Event):
    """Clocks that allow this reason stand still from here on; `ends_by` is the pack's limit."""

    reason: str
    note: TextRef | None = None
    ends_by: AwareDatetime | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.WAITING_FOR_CUSTOMER,) if self.reason == "waiting_for_customer" else ()

    def evolve(self, case: Case, told: Happening) -> Case:
        pause = Pause(reason=self.reason, start=told.occurred_at, ends_by=self.ends_by)
        return case.changed(clocks=case.clocks.model_copy(update={"pauses": (*case.clocks.pauses, pause)}))


class Resumed(Event):
    """`why`: person, fact or limit."""

    reason: str
    why: str

    def evolve(self, case: Case, told: Happening) -> Case:
        pauses = tuple(
            p.model_copy(update={"to": max(told.occurred_at, p.start)})
            if p.reason == self.reason and p.to is None
            else p
            for p in case.clocks.pauses
        )
        return case.changed(clocks=case.clocks.model_copy(update={"pauses": pauses}))


# What follows from an event, by the pack --------------------------------------------------------------


class Classes(Frozen):
    """What a clock's `applies_if` looks at."""

    kind: Kind
    severity: Severity
    tier: Tier
    channel: Channel
    feedback_class: FeedbackClass | None
    anonymous: bool
    simple: bool


def applies(pack: Pack, rule: ClockRule, case: Case) -> bool:
    """Whether this promise holds for the case as it is classed now."""
    if rule.only_if is not None and not pack.parameters.get(rule.only_if, False):
        return False
    classes = case.classes
    return rule.applies_if.holds(
        kind=classes.kind,
        severity=classes.severity,
        tier=classes.tier,
        channel=classes.channel,
        feedback_class=classes.feedback_class,
        anonymous=classes.anonymous,
        simple=classes.simple,
    )


def pauses_of(rule: ClockRule, clocks: Clocks) -> tuple[tuple[datetime, datetime | None], ...]:
    """The intervals in which this clock stands still; none for a statutory one."""
    if rule.statutory:
        return ()
    return tuple((p.start, p.to) for p in clocks.pauses if p.reason in rule.pauses_on)


def follow(pack: Pack, case: Case, told: Happening) -> Iterator[Event]:
    """The clock events that one happening calls for; `case` is the case after it.

    Each yielded event takes effect when the happening did, except that a clock which is found to have
    been met already (after reclassification) is met when that fact took effect: see `instant_of`.
    """
    facts = told.event.facts()
    for rule in pack.clocks:
        running = case.clocks.running(rule.id)
        if running is not None:
            if any(fact in rule.met_by for fact in facts):
                yield ClockMet(
                    clock=rule.id,
                    occurrence=running.number,
                    due_at=_due_if_resumed(pack, rule, case, running, told.occurred_at),
                )
                running = None
            elif any(fact in rule.stops_on for fact in facts):
                yield ClockStopped(clock=rule.id, occurrence=running.number, why=told.event.type)
                continue
            elif case.closure.archived_at is not None:
                yield ClockStopped(clock=rule.id, occurrence=running.number, why="archived")
                continue
            elif not applies(pack, rule, case):
                yield ClockStopped(clock=rule.id, occurrence=running.number, why="reclassified")
                continue
            else:
                yield from _recalculated(pack, rule, case, running, told)
        if running is None and _starts(rule, facts) and applies(pack, rule, case):
            number = case.clocks.count(rule.id) + 1
            due_at = pack.deadline(rule, told.occurred_at, pauses_of(rule, case.clocks))
            yield ClockStarted(clock=rule.id, occurrence=number, due_at=due_at)


_BEGINNINGS = (Fact.RECEIVED, Fact.RECORDED)
"""Facts of the beginning, which a reopening is, too: what runs from them runs anew (DESIGN, Phases)."""


def _starts(rule: ClockRule, facts: tuple[Fact, ...]) -> bool:
    return rule.starts_on in facts or (rule.starts_on in _BEGINNINGS and Fact.REOPENED in facts)


def _start_of(rule: ClockRule, case: Case) -> datetime | None:
    """When the round's run of this clock starts, or started; None before the fact it starts on."""
    start, reopened = case.facts.get(rule.starts_on), case.facts.get(Fact.REOPENED)
    if start is not None and reopened is not None and rule.starts_on in _BEGINNINGS:
        return max(start, reopened)
    return start


def _due_if_resumed(
    pack: Pack, rule: ClockRule, case: Case, found: Occurrence, at: datetime
) -> datetime | None:
    """The due moment to judge a meeting by: what an open pause hides is worked out as if it ended now."""
    if found.due_at is not None:
        return found.due_at
    closed = tuple(
        (start, to if to is not None else max(at, start)) for start, to in pauses_of(rule, case.clocks)
    )
    return pack.deadline(rule, found.started_at, closed)


def _recalculated(
    pack: Pack, rule: ClockRule, case: Case, running: Occurrence, told: Happening
) -> Iterator[Event]:
    if (
        isinstance(told.event, Paused | Resumed)
        and told.event.reason in rule.pauses_on
        and not rule.statutory
    ):
        due_at = pack.deadline(rule, running.started_at, pauses_of(rule, case.clocks))
        if due_at != running.due_at:
            yield ClockRecalculated(
                clock=rule.id, occurrence=running.number, due_at=due_at, why=told.event.type.lower()
            )


def reclassified(pack: Pack, case: Case) -> Iterator[tuple[datetime, Event]]:
    """Clocks that begin to apply after a change of class: from their original start, with when each took effect.

    One whose meeting fact was there already is met at that instant (DESIGN, Deadline arithmetic:
    reclassification recalculates from the original start).
    """
    for rule in pack.clocks:
        start = _start_of(rule, case)
        if start is None or not applies(pack, rule, case):
            continue
        if any(run.clock == rule.id and run.started_at >= start for run in case.clocks.occurrences):
            continue
        if any(fact in case.facts and case.facts[fact] >= start for fact in rule.stops_on):
            continue
        due_at = pack.deadline(rule, start, pauses_of(rule, case.clocks))
        number = case.clocks.count(rule.id) + 1
        yield start, ClockStarted(clock=rule.id, occurrence=number, due_at=due_at)
        met = sorted(
            case.facts[fact] for fact in rule.met_by if fact in case.facts and case.facts[fact] >= start
        )
        if met:
            yield met[0], ClockMet(clock=rule.id, occurrence=number, due_at=due_at)


def corrected(pack: Pack, case: Case) -> Iterator[Event]:
    """New due moments of the running clocks that count from a receipt that was corrected."""
    for rule in pack.clocks:
        running = case.clocks.running(rule.id)
        if running is None or rule.starts_on is not Fact.RECEIVED or running.number != 1:
            continue
        due_at = pack.deadline(rule, case.received_at, pauses_of(rule, case.clocks))
        yield ClockRecalculated(clock=rule.id, occurrence=1, due_at=due_at, why="receipt corrected")


# What time alone makes happen -------------------------------------------------------------------------


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """Warnings, breaches, rungs and the ends of pauses that lie ahead (or are overdue to be said)."""
    for pause in case.clocks.pauses:
        if pause.to is None and pause.ends_by is not None:
            yield Coming.of(pause.ends_by, Resumed(reason=pause.reason, why="limit"))
    for occurrence in case.clocks.occurrences:
        if occurrence.running and occurrence.due_at is not None:
            yield from _coming_of(pack, pack.clock(occurrence.clock), case, occurrence, occurrence.due_at)


def _coming_of(
    pack: Pack, rule: ClockRule, case: Case, run: Occurrence, due_at: datetime
) -> Iterator[Coming]:
    late = due_at + INSTANT
    overdue_when_recorded = due_at < case.recorded_at
    if run.breached_at is None:
        yield Coming.of(
            late,
            ClockBreached(
                clock=run.clock, occurrence=run.number, due_at=due_at, before_recording=overdue_when_recorded
            ),
        )
    if overdue_when_recorded and run.started_at <= case.recorded_at:
        # One alert says it all: neither the warnings nor the rungs before recording were anybody's to heed.
        return
    pauses = pauses_of(rule, case.clocks)
    if run.breached_at is None:
        for index, offset in enumerate(rule.warn_at):
            if index not in run.warned:
                when = pack.offset_from(rule, run.started_at, due_at, offset, pauses)
                yield Coming.of(
                    when, ClockWarned(clock=run.clock, occurrence=run.number, warning=index, due_at=due_at)
                )
    if rule.ladder is not None:
        yield from _rungs(pack, rule, run, due_at, pauses)


def _rungs(
    pack: Pack,
    rule: ClockRule,
    run: Occurrence,
    due_at: datetime,
    pauses: tuple[tuple[datetime, datetime | None], ...],
) -> Iterator[Coming]:
    assert rule.ladder is not None  # noqa: S101 - narrows for the type checker; the caller looked
    for index, rung in enumerate(pack.ladders[rule.ladder].rungs):
        climbed = [repeat for at, repeat in run.rungs if at == index]
        repeat = len(climbed)
        if repeat and (rung.repeat_every is None or repeat > rung.repeat_at_most or run.acknowledged_at):
            continue
        when = pack.offset_from(rule, run.started_at, due_at, rung.at, pauses)
        if when >= due_at:
            when += INSTANT  # nothing is late before it is late
        if repeat and rung.repeat_every is not None:
            for _ in range(repeat):
                when = pack.after(when, rung.repeat_every, rule)
        yield Coming.of(
            when,
            RungClimbed(
                clock=run.clock,
                occurrence=run.number,
                ladder=rule.ladder,
                rung=index,
                repeat=repeat,
                tell=rung.tell,
                over=rung.over,
                due_at=due_at,
            ),
        )


# Commands ---------------------------------------------------------------------------------------------


class PauseClocks(Command):
    """Let the clocks stand still for a reason the pack allows."""

    title: ClassVar[str] = "Pause clocks"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    reason: str
    note: TextRef | None = None

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        rule = ctx.rules.pause_reasons.get(self.reason)
        if rule is None:
            allowed = ", ".join(sorted(ctx.rules.pause_reasons)) or "none"
            raise Refused(
                "pause_reason_unknown",
                f"This pack allows no pause for “{self.reason}”; it allows: {allowed}.",
            )
        if case.clocks.open_pause(self.reason):
            raise Refused("already_paused", "The clocks are paused for this reason already.")
        pausable = [
            r
            for r in ctx.rules.clocks
            if self.reason in r.pauses_on and not r.statutory and case.clocks.running(r.id)
        ]
        if not pausable:
            raise Refused(
                "nothing_to_pause", "No running clock of this complaint may be paused for this reason."
            )
        ends_by = ctx.rules.after(ctx.occurred_at, rule.limit) if rule.limit is not None else None
        yield Paused(reason=self.reason, note=self.note, ends_by=ends_by)


class ResumeClocks(Command):
    """End a pause before its limit."""

    title: ClassVar[str] = "Resume clocks"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    reason: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not any(p.to is None for p in case.clocks.pauses):
            raise Refused("not_paused", "No clock of this complaint is paused.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        pause = case.clocks.open_pause(self.reason)
        if pause is None:
            raise Refused("not_paused", f"The clocks are not paused for “{self.reason}”.")
        if ctx.occurred_at < pause.start:
            raise Refused("before_start", "A pause can not end before it began; correct the time.")
        yield Resumed(reason=self.reason, why="person")


class AcknowledgeAlert(Command):
    """Say that the alert was seen: its repeats stop, the deadline does not move."""

    title: ClassVar[str] = "Acknowledge alert"
    who: ClassVar[frozenset[Role]] = HANDLING

    clock: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not any(o.running and (o.rungs or o.breached_at) for o in case.clocks.occurrences):
            raise Refused("no_alert", "No alert of this complaint is waiting to be acknowledged.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        running = case.clocks.running(self.clock)
        if running is None or not (running.rungs or running.breached_at):
            raise Refused("no_alert", f"The clock “{self.clock}” has no alert to acknowledge.")
        if running.acknowledged_at is not None:
            raise Refused("already_done", "This alert was acknowledged already.")
        yield AlertAcknowledged(clock=running.clock, occurrence=running.number)
