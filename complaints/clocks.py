"""Clocks: how events start, meet and stop them by the pack, and what time alone makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from complaints.base import INSTANT, Coming, Event, Frozen, Happening
from complaints.occurrences import (
    ClockBreached,
    ClockMet,
    ClockRecalculated,
    Clocks,
    ClockStarted,
    ClockStopped,
    ClockWarned,
    Occurrence,
    RungClimbed,
)
from complaints.pauses import Paused, Resumed
from policies.vocabulary import Channel, Fact, FeedbackClass, Kind, Severity, Tier

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import ClockRule, Pack


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


def _counts(rule: ClockRule, case: Case, run: Occurrence, start: datetime) -> bool:
    """Whether this run keeps the promise of the present round, so that no other is to be started.

    A stopped run does not: it fell away when the case was classed otherwise (one that an ending stopped is
    kept out by the fact that stopped it). The receipt may have been corrected since, so a run from the
    beginning is known by its round and not by its start.
    """
    if run.stopped_at is not None:
        return False
    if run.running:
        return True
    if rule.starts_on in _BEGINNINGS:
        return _of_this_round(case, run)
    return run.started_at >= start


def _of_this_round(case: Case, run: Occurrence) -> bool:
    reopened = case.facts.get(Fact.REOPENED)
    return reopened is None or run.started_at >= reopened


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
        if any(run.clock == rule.id and _counts(rule, case, run, start) for run in case.clocks.occurrences):
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
        if running is None or rule.starts_on is not Fact.RECEIVED:
            continue
        if Fact.REOPENED in case.facts and _of_this_round(case, running):
            continue  # it counts from the reopening
        due_at = pack.deadline(rule, case.received_at, pauses_of(rule, case.clocks))
        yield ClockRecalculated(
            clock=rule.id,
            occurrence=running.number,
            due_at=due_at,
            why="receipt corrected",
            started_at=case.received_at,
        )


# What time alone makes happen -------------------------------------------------------------------------


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """Warnings, breaches, rungs and the ends of pauses that lie ahead (or are overdue to be said)."""
    for pause in case.clocks.pauses:
        if pause.to is None and pause.ends_by is not None:
            yield Coming(pause.ends_by, Resumed(reason=pause.reason, why="limit"))
    for occurrence in case.clocks.occurrences:
        if occurrence.running and occurrence.due_at is not None:
            yield from _coming_of(pack, pack.clock(occurrence.clock), case, occurrence, occurrence.due_at)


def _coming_of(
    pack: Pack, rule: ClockRule, case: Case, run: Occurrence, due_at: datetime
) -> Iterator[Coming]:
    late = due_at + INSTANT
    overdue_when_recorded = due_at < case.recorded_at
    if run.breached_at is None:
        yield Coming(
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
                yield Coming(
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
        if run.breached_at is None and rung.at.sign >= 0:
            continue  # it can not come before the breach, after which it is looked at again
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
        yield Coming(
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
