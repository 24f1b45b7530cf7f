"""Alarms: what time alone makes of the clocks: warnings, breaches, the rungs of ladders, the ends of pauses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from complaints.base import INSTANT, Coming
from complaints.chapters import pauses
from complaints.timing.clocks import pauses_of
from complaints.timing.ladders import Ascent, Spot, expiry, ladder_of
from complaints.timing.occurrences import ClockBreached, ClockWarned, Occurrence, RungClimbed

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
    if told_with_the_recording(case, run):
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
    ladder = ladder_of(pack, case, rule)
    if ladder is None:
        return
    if (expired := expiry(ladder, run, due_at, paused)) is not None:
        yield expired
        return  # an acknowledgement that has not expired holds the ladder
    for spot in Ascent(pack, rule, ladder, run, due_at, paused).spots():
        if run.breached_at is not None or spot.before_breach:
            yield Coming(spot.when, _climbed(run, ladder.id, spot, due_at))


def told_with_the_recording(case: Case, run: Occurrence) -> bool:
    """Whether a run was overdue before the complaint was recorded: its breach is told once, and not by a ladder."""
    return run.due_at is not None and run.due_at < case.recorded_at and run.started_at <= case.recorded_at


def _climbed(run: Occurrence, ladder: str, spot: Spot, due_at: datetime) -> RungClimbed:
    return RungClimbed(
        clock=run.clock,
        occurrence=run.number,
        ladder=ladder,
        rung=spot.rung,
        repeat=spot.repeat,
        tell=spot.tell,
        over=spot.over,
        due_at=due_at,
    )
