"""Clocks: how events start, meet and stop them by the pack, and what another class makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from complaints.base import Event, Frozen, Happening
from complaints.chapters.pauses import Paused, Resumed
from complaints.timing.occurrences import (
    ClockMet,
    ClockPartMet,
    ClockRecalculated,
    ClockRestored,
    Clocks,
    ClockStarted,
    ClockStopped,
    Occurrence,
)
from policies.rules import MetWhen
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
    problem_type: str | None = None
    handling_tier: int = 1


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
        problem_type=classes.problem_type,
        handling_tier=classes.handling_tier,
    )


def pauses_of(rule: ClockRule, clocks: Clocks) -> tuple[tuple[datetime, datetime | None], ...]:
    """The intervals in which this clock stands still; none for a statutory one."""
    if rule.statutory:
        return ()
    return tuple((p.start, p.to) for p in clocks.pauses if p.reason in rule.pauses_on)


def deadline_of(
    pack: Pack, rule: ClockRule, case: Case, run: Occurrence, started_at: datetime | None = None
) -> datetime | None:
    """When a run is due, by its pauses and extensions; None while a pause lasts. `started_at`: had it begun then."""
    start = started_at or run.started_at
    return pack.deadline(rule, start, pauses_of(rule, case.clocks), extensions=run.extensions)


def follow(pack: Pack, case: Case, told: Happening) -> Iterator[tuple[datetime, Event]]:
    """The clock events that one happening calls for, each with when it takes effect.

    `case` is the case after it. That is when the happening did, but for a clock that it takes several facts
    to meet: that one is met at the last of them, whichever was told last.
    """
    for rule in pack.clocks:
        for run in case.clocks.all_running(rule.id):
            yield from _followed(pack, rule, case, run, told)
        if not _starts(rule, case, told.event) or not applies(pack, rule, case) or case.closure.archived_at:
            continue  # what rests owes nobody anything, until somebody opens it again
        if rule.starts_on in _ONCE_A_ROUND and _kept_this_round(rule, case):
            continue
        subject = told.event.about().subject if rule.starts_on in _ONE_EACH else None
        running = case.clocks.running(rule.id, subject)
        if running is None or _meets(rule, running, case, told) is not None:
            number = case.clocks.count(rule.id) + 1
            start = (
                told.recorded_at
                if Fact.RECORDED in told.event.facts() and _by_record(rule)
                else told.occurred_at
            )
            due_at = pack.deadline(rule, start, pauses_of(rule, case.clocks))
            yield start, ClockStarted(clock=rule.id, occurrence=number, due_at=due_at, subject=subject)
            if rule.starts_on in _MOOT_IF_MET and _met_this_round(rule, case):
                yield told.occurred_at, ClockMet(clock=rule.id, occurrence=number, due_at=due_at)


def _followed(
    pack: Pack, rule: ClockRule, case: Case, run: Occurrence, told: Happening
) -> Iterator[tuple[datetime, Event]]:
    """What a happening makes of one running occurrence."""
    facts = told.event.facts()
    for fact in _parts(rule, run, told):
        yield told.occurred_at, ClockPartMet(clock=rule.id, occurrence=run.number, fact=fact)
    met_at = _meets(rule, run, case, told)
    if met_at is not None:
        due_at = _due_if_resumed(pack, rule, case, run, met_at)
        yield met_at, ClockMet(clock=rule.id, occurrence=run.number, due_at=due_at)
        return
    why = None
    if any(fact in rule.stops_on for fact in facts):
        why = told.event.type
    elif case.closure.archived_at is not None:
        why = "archived"
    elif not applies(pack, rule, case):
        why = "reclassified"
    if why is not None:
        yield told.occurred_at, ClockStopped(clock=rule.id, occurrence=run.number, why=why)
    else:
        for event in _recalculated(pack, rule, case, run, told):
            yield told.occurred_at, event


def _parts(rule: ClockRule, run: Occurrence, told: Happening) -> Iterator[Fact]:
    """The facts of a happening that come for the first time to a clock that only all of them meet."""
    if rule.met_when is MetWhen.ALL and told.occurred_at >= run.started_at:
        known = {fact for fact, _ in run.parts}
        for fact in _facts_for(rule, told.event):
            if fact in rule.met_by and fact not in known:
                yield fact


def _meets(rule: ClockRule, run: Occurrence, case: Case, told: Happening) -> datetime | None:
    """When the run is met, if this happening meets it; else None."""
    about = told.event.about()
    facts = [fact for fact in _facts_for(rule, told.event) if fact in rule.met_by]
    if not facts or (run.subject is not None and about.subject not in (None, run.subject)):
        return None
    if rule.met_when is MetWhen.ALL:
        parts = dict(run.parts) | dict.fromkeys(_parts(rule, run, told), told.occurred_at)
        return max(parts.values()) if all(fact in parts for fact in rule.met_by) else None
    if rule.departments and facts == [Fact.DEPARTMENT_TOLD]:
        return _all_told(rule, case, _since(rule, case, run))
    return told.occurred_at


def _facts_for(rule: ClockRule, event: Event) -> tuple[Fact, ...]:
    """What an event makes true for this clock: what another department does is nothing to one of its own."""
    department = event.about().department
    if not rule.departments or department is None or department in rule.departments:
        return event.facts()
    return tuple(fact for fact in event.facts() if fact not in _OF_DEPARTMENTS)


_OF_DEPARTMENTS = (Fact.DEPARTMENT_ASKED, Fact.DEPARTMENT_ANSWERED, Fact.DEPARTMENT_TOLD)


def _by_record(rule: ClockRule) -> bool:
    """Whether the clock counts from when the complaint was recorded, which a late entry is long after its receipt."""
    return rule.starts_on is Fact.RECORDED


def _since(rule: ClockRule, case: Case, run: Occurrence) -> datetime:
    """From when on what happens meets the run: what was done between receipt and recording is done as well."""
    return min(run.started_at, case.received_at) if _by_record(rule) else run.started_at


def _all_told(rule: ClockRule, case: Case, since: datetime) -> datetime | None:
    """When the last of the rule's departments was told; None while one has not been since then."""
    moments = [case.departments_told.get(department) for department in rule.departments]
    known = [moment for moment in moments if moment is not None and moment >= since]
    return max(known) if len(known) == len(moments) else None


_ONE_EACH = (Fact.DEPARTMENT_ASKED,)
"""Facts of which several can be open at a time: each starts a run of its own."""

_BEGINNINGS = (Fact.RECEIVED, Fact.RECORDED, Fact.TIER_ENTERED)
"""Facts of the beginning, which a reopening is, too: what runs from them runs anew (DESIGN, Phases)."""


_ONCE_A_ROUND = (Fact.OWNED,)
"""Facts that may come again without a promise being made again: a handover is no second acceptance."""


_MOOT_IF_MET = (Fact.ACKNOWLEDGED, Fact.TRIAGED, Fact.OWNED)
"""Facts that whoever is quick comes before: what was owned when it was triaged waits for no dispatch."""


def _met_this_round(rule: ClockRule, case: Case) -> bool:
    """Whether something that meets the promise came before what starts it; what takes several facts waits for them."""
    return rule.met_when is MetWhen.ANY and any(case.since_opened(fact) for fact in rule.met_by)


def _kept_this_round(rule: ClockRule, case: Case) -> bool:
    return any(
        run.clock == rule.id and run.stopped_at is None and _of_this_round(case, run)
        for run in case.clocks.occurrences
    )


def _starts(rule: ClockRule, case: Case, event: Event) -> bool:
    facts = _facts_for(rule, event)
    return rule.starts_on in facts or (Fact.REOPENED in facts and _begins_anew(rule, case))


def _begins_anew(rule: ClockRule, case: Case) -> bool:
    """Whether a reopening starts this clock, too: what still has its owner is theirs anew."""
    owned = rule.starts_on is Fact.OWNED and case.ownership.owner is not None
    return owned or rule.starts_on in _BEGINNINGS


def _start_of(rule: ClockRule, case: Case) -> datetime | None:
    """When the round's run of this clock starts, or started; None before the fact it starts on, in this round."""
    start, reopened = case.facts.get(rule.starts_on), case.facts.get(Fact.REOPENED)
    if start is None or reopened is None or start >= reopened:
        return start
    return reopened if _begins_anew(rule, case) else None


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
    if rule.starts_on in (*_BEGINNINGS, *_ONCE_A_ROUND) and rule.starts_on is not Fact.TIER_ENTERED:
        return _of_this_round(case, run)
    # What starts it may come again while it runs (a second message, say) and is then met with the first.
    return run.started_at >= start or (run.met_at is not None and run.met_at >= start)


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
    return pack.deadline(rule, found.started_at, closed, extensions=found.extensions)


def _recalculated(
    pack: Pack, rule: ClockRule, case: Case, running: Occurrence, told: Happening
) -> Iterator[Event]:
    if (
        isinstance(told.event, Paused | Resumed)
        and told.event.reason in rule.pauses_on
        and not rule.statutory
    ):
        due_at = deadline_of(pack, rule, case, running)
        if due_at != running.due_at:
            yield ClockRecalculated(
                clock=rule.id, occurrence=running.number, due_at=due_at, why=told.event.type.lower()
            )


def reclassified(pack: Pack, case: Case) -> Iterator[tuple[datetime, Event]]:
    """Clocks that begin to apply after a change of class: from their original start, with when each took effect.

    One whose meeting fact was there already is met at that instant (DESIGN, Deadline arithmetic:
    reclassification recalculates from the original start).
    """
    if case.closure.archived_at is not None:
        return  # what rests owes nobody anything
    for rule in pack.clocks:
        start = _start_of(rule, case)
        if start is None or rule.starts_on in _ONE_EACH or not applies(pack, rule, case):
            continue
        if any(run.clock == rule.id and _counts(rule, case, run, start) for run in case.clocks.occurrences):
            continue
        if any(fact in case.facts and case.facts[fact] >= start for fact in rule.stops_on):
            continue
        stopped = _fell_away(rule, case, start)
        if stopped is not None:
            due_at = deadline_of(pack, rule, case, stopped, start)
            run = stopped.model_copy(update={"due_at": due_at, "started_at": start})
            restored = ClockRestored(clock=rule.id, occurrence=run.number, due_at=due_at, started_at=start)
            yield case.latest_at or start, restored
        else:
            due_at = pack.deadline(rule, start, pauses_of(rule, case.clocks))
            run = Occurrence(
                clock=rule.id, number=case.clocks.count(rule.id) + 1, started_at=start, due_at=due_at
            )
            yield start, ClockStarted(clock=rule.id, occurrence=run.number, due_at=due_at)
        yield from _kept_meanwhile(pack, rule, case, run)


def _kept_meanwhile(
    pack: Pack, rule: ClockRule, case: Case, run: Occurrence
) -> Iterator[tuple[datetime, Event]]:
    """What has come since its start of that which meets a run that begins to apply only now."""
    since = _since(rule, case, run)
    came = {fact: when for fact in rule.met_by if (when := _came(case, fact, since)) is not None}
    if rule.met_when is MetWhen.ALL:
        known = {fact for fact, _ in run.parts}
        for fact, when in sorted(came.items(), key=lambda item: (item[1], item[0])):
            if fact not in known:
                yield when, ClockPartMet(clock=rule.id, occurrence=run.number, fact=fact)
    met = _met_already(rule, case, run, came)
    if met is not None:
        due_at = _due_if_resumed(pack, rule, case, run, met)
        yield met, ClockMet(clock=rule.id, occurrence=run.number, due_at=due_at)


def _fell_away(rule: ClockRule, case: Case, start: datetime) -> Occurrence | None:
    """The round's run of this clock that fell away with a class: it takes up again, with all that it has said."""
    for run in case.clocks.occurrences:
        fell_away = run.clock == rule.id and run.stopped_at is not None
        this_round = _of_this_round(case, run) if rule.starts_on in _BEGINNINGS else run.started_at >= start
        if fell_away and this_round:
            return run
    return None


def _came(case: Case, fact: Fact, start: datetime) -> datetime | None:
    """When the fact first took effect at or after `start`, as far as the case still knows; None where it has not."""
    known = (case.firsts.get(fact), case.facts.get(fact))
    return min((when for when in known if when is not None and when >= start), default=None)


def _met_already(
    rule: ClockRule, case: Case, run: Occurrence, came: Mapping[Fact, datetime]
) -> datetime | None:
    """When what came met the run; None where it has not."""
    if rule.departments and Fact.DEPARTMENT_TOLD in rule.met_by:
        return _all_told(rule, case, _since(rule, case, run))
    if rule.met_when is MetWhen.ALL:
        parts = dict(came) | dict(run.parts)
        return max(parts.values()) if all(fact in parts for fact in rule.met_by) else None
    return min(came.values(), default=None)


def corrected(pack: Pack, case: Case) -> Iterator[Event]:
    """New due moments of the running clocks that count from a receipt that was corrected."""
    for rule in pack.clocks:
        running = case.clocks.running(rule.id)
        # The tier that a complaint came into, it came into at its receipt.
        since_receipt = rule.starts_on is Fact.RECEIVED or (
            rule.starts_on is Fact.TIER_ENTERED and case.facts.get(rule.starts_on) == case.received_at
        )
        if running is None or not since_receipt:
            continue
        if Fact.REOPENED in case.facts and _of_this_round(case, running):
            continue  # it counts from the reopening
        yield ClockRecalculated(
            clock=rule.id,
            occurrence=running.number,
            due_at=deadline_of(pack, rule, case, running, case.received_at),
            why="receipt corrected",
            started_at=case.received_at,
        )
