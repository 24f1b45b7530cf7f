"""What became of a complaint's clocks, from a handful of known facts and without its events: quick, for thousands.

It goes by the same rules as the clocks of a living complaint (clocks.py, alarms.py, tiers.py), and a test holds the two
together on real records. It knows no pauses, extensions or departments: nothing of them is in such facts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from complaints.base import INSTANT
from complaints.timing.clocks import Classes
from policies.arithmetic.calendars import CalendarError
from policies.pack import ClockRule, Pack
from policies.rules import MetWhen
from policies.vocabulary import Fact

_KEPT = 32_768
"""Due moments that are remembered: what comes in at one minute, or on one day, is worked out once."""


class Outcome(StrEnum):
    """What became of one run of a clock by the moment up to which it is judged."""

    MET = "met"
    MET_LATE = "met_late"  # breached, and met afterwards
    OVERDUE = "overdue"  # breached, and not met since
    RUNNING = "running"
    STOPPED = "stopped"  # fell away in time, when the complaint moved to another tier of handling
    NOT_KNOWN = "not_known"  # the facts do not tell, or the calendar does not reach there


class Judged(NamedTuple):
    """One run of one clock: when it started, when it was due (None where not known), and what became of it.

    `warnings` is how many of the pack's warnings would have gone out.
    """

    clock: str
    started_at: datetime
    due_at: datetime | None
    outcome: Outcome
    warnings: int


class Known(NamedTuple):
    """What is known of a complaint.

    `began` are the facts of its receipt, `ended` those of its end, with their instants. `answers` are the
    facts of which the source would tell: a clock that they cannot meet is not judged. It is judged up to
    and including `until`.
    """

    classes: Classes
    began: Mapping[Fact, datetime]
    ended: Mapping[Fact, datetime]
    answers: frozenset[Fact]
    until: datetime


@dataclass(slots=True)
class _Run:
    rule: ClockRule
    started_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None = None
    met_at: datetime | None = None
    raised: bool = False


class Judge:
    """Judges complaints under one pack; remembers what repeats, in bounded memory."""

    def __init__(self, pack: Pack) -> None:
        rules = {rule.id: rule for rule in pack.clocks}

        @lru_cache(maxsize=_KEPT)
        def due(clock: str, started_at: datetime) -> datetime | None:
            """When a run is due; None where the calendar cannot tell."""
            try:
                return pack.deadline(rules[clock], started_at)
            except CalendarError:
                return None

        @lru_cache(maxsize=_KEPT)
        def warnings(clock: str, started_at: datetime, due_at: datetime) -> tuple[datetime, ...]:
            """When a run warns."""
            rule = rules[clock]
            return tuple(pack.offset_from(rule, started_at, due_at, offset) for offset in rule.warn_at)

        self._pack = pack
        self._due: Callable[[str, datetime], datetime | None] = due
        self._warnings: Callable[[str, datetime, datetime], tuple[datetime, ...]] = warnings
        self._tiers = {tier.number for tier in pack.handling_tiers}
        self._applying: dict[Classes, tuple[ClockRule, ...]] = {}

    def judged(self, known: Known) -> tuple[Judged, ...]:
        """What became of every clock that the complaint's receipt, or its tiers of handling, started."""
        facts = dict(known.began)
        classes = known.classes
        runs = [
            self._run(rule, facts[rule.starts_on])
            for rule in self._rules_for(classes)
            if rule.starts_on in facts
        ]
        while (breach := self._next_raise(runs, known, classes)) is not None:
            at, run = breach
            run.raised = True
            classes = classes.model_copy(update={"handling_tier": classes.handling_tier + 1})
            facts[Fact.TIER_ENTERED] = at
            self._raise(runs, facts, classes, at)
        return tuple(self._found(run, known) for run in runs)

    def _rules_for(self, classes: Classes) -> tuple[ClockRule, ...]:
        if classes not in self._applying:
            said = classes.model_dump()
            self._applying[classes] = tuple(
                rule
                for rule in self._pack.clocks
                if rule.applies_if.holds(**said)
                and (rule.only_if is None or self._pack.parameters.get(rule.only_if, False))
            )
        return self._applying[classes]

    def _run(self, rule: ClockRule, started_at: datetime) -> _Run:
        return _Run(rule, started_at, self._due(rule.id, started_at))

    # What running out of time in a tier brings about

    def _next_raise(self, runs: list[_Run], known: Known, classes: Classes) -> tuple[datetime, _Run] | None:
        """The next breach that moves the complaint up a tier, with its run; None where there is none."""
        if classes.handling_tier + 1 not in self._tiers:
            return None
        found = [
            (run.due_at + INSTANT, run)
            for run in runs
            if run.rule.raises_tier
            and not run.raised
            and run.stopped_at is None
            and run.met_at is None
            and run.due_at is not None
            and answered(run.rule, known.answers)
            and run.due_at < min(known.until, _met(run, known.ended) or known.until)
        ]
        return min(found, key=lambda pair: pair[0], default=None)

    def _raise(
        self, runs: list[_Run], facts: Mapping[Fact, datetime], classes: Classes, at: datetime
    ) -> None:
        """Clocks that entering a tier meets, stops, starts, or makes apply from their original start."""
        applying = {rule.id: rule for rule in self._rules_for(classes)}
        for run in runs:
            if run.stopped_at is not None or run.met_at is not None:
                continue
            if Fact.TIER_ENTERED in run.rule.met_by and run.rule.met_when is MetWhen.ANY:
                run.met_at = at
            elif Fact.TIER_ENTERED in run.rule.stops_on or run.rule.id not in applying:
                run.stopped_at = at
        for rule in applying.values():
            if rule.starts_on not in facts:
                continue
            mine = [run for run in runs if run.rule.id == rule.id]
            if any(run.stopped_at is None and run.met_at is None for run in mine):
                continue
            start = facts[rule.starts_on]
            if rule.starts_on is not Fact.TIER_ENTERED:
                if any(run.stopped_at is None for run in mine):
                    continue  # it was kept in this round already
                if mine:
                    mine[-1].stopped_at = None  # it takes up again
                    continue
            runs.append(self._run(rule, start))

    # What became of a run

    def _found(self, run: _Run, known: Known) -> Judged:
        met_at = run.met_at or _met(run, known.ended)
        outcome = self._outcome(run, met_at, known)
        warned = 0
        if run.due_at is not None and outcome is not Outcome.NOT_KNOWN:
            ends = (known.until, run.stopped_at, met_at, run.due_at)
            over = min(moment for moment in ends if moment is not None)
            warnings = self._warnings(run.rule.id, run.started_at, run.due_at)
            warned = sum(moment <= over for moment in warnings)
        return Judged(run.rule.id, run.started_at, run.due_at, outcome, warned)

    def _outcome(self, run: _Run, met_at: datetime | None, known: Known) -> Outcome:
        if run.due_at is None or not (run.met_at or answered(run.rule, known.answers)):
            return Outcome.NOT_KNOWN
        if self._pauses_at_once(run.rule, known):
            return Outcome.NOT_KNOWN
        if run.stopped_at is not None:
            return Outcome.OVERDUE if run.due_at < run.stopped_at else Outcome.STOPPED
        if met_at is not None:
            return Outcome.MET if met_at <= run.due_at else Outcome.MET_LATE
        return Outcome.OVERDUE if run.due_at < known.until else Outcome.RUNNING

    def _pauses_at_once(self, rule: ClockRule, known: Known) -> bool:
        """Whether the clock stands still from the receipt on, so that nothing tells when it is due."""
        reasons = self._pack.pause_reasons
        return not rule.statutory and any(
            fact in known.began for name in rule.pauses_on for fact in reasons[name].starts_on
        )


def answered(rule: ClockRule, answers: frozenset[Fact]) -> bool:
    """Whether what the source tells can meet this clock."""
    if rule.met_when is MetWhen.ALL:
        return answers.issuperset(rule.met_by)
    return not answers.isdisjoint(rule.met_by)


def _met(run: _Run, ended: Mapping[Fact, datetime]) -> datetime | None:
    """When the facts of the end met the run; None where they did not."""
    found = [ended[fact] for fact in run.rule.met_by if fact in ended and ended[fact] >= run.started_at]
    if run.rule.met_when is MetWhen.ALL:
        return max(found) if len(found) == len(run.rule.met_by) else None
    return min(found, default=None)
