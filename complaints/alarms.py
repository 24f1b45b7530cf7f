"""Alarms: what time alone makes of the clocks: warnings, breaches, the rungs of ladders, the ends of pauses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from complaints import pauses
from complaints.base import INSTANT, Coming
from complaints.clocks import pauses_of
from complaints.occurrences import ClockBreached, ClockWarned, Occurrence, RungClimbed

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import ClockRule, Pack


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """Warnings, breaches, rungs, reminders and ends of pauses that lie ahead (or are overdue to be said)."""
    yield from pauses.coming(pack, case)
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
    paused = pauses_of(rule, case.clocks)
    if run.breached_at is None or (run.extensions and run.breached_at < due_at):
        for index, offset in enumerate(rule.warn_at):
            if index not in run.warned:
                when = pack.offset_from(
                    rule, run.started_at, due_at, offset, paused, extensions=run.extensions
                )
                yield Coming(
                    when, ClockWarned(clock=run.clock, occurrence=run.number, warning=index, due_at=due_at)
                )
    if rule.ladder is not None:
        yield from _rungs(pack, rule, run, due_at, paused)


def _rungs(
    pack: Pack,
    rule: ClockRule,
    run: Occurrence,
    due_at: datetime,
    paused: tuple[tuple[datetime, datetime | None], ...],
) -> Iterator[Coming]:
    assert rule.ladder is not None  # noqa: S101 - narrows for the type checker; the caller looked
    for index, rung in enumerate(pack.ladders[rule.ladder].rungs):
        if run.breached_at is None and rung.at.sign >= 0:
            continue  # it can not come before the breach, after which it is looked at again
        climbed = [repeat for at, repeat in run.rungs if at == index]
        repeat = len(climbed)
        if repeat and (rung.repeat_every is None or repeat > rung.repeat_at_most or run.acknowledged_at):
            continue
        when = pack.offset_from(rule, run.started_at, due_at, rung.at, paused, extensions=run.extensions)
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
