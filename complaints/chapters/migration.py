"""Migration: a named person moves a complaint to another version of a pack, knowing what that changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import Command, Context, Event, Frozen, Happening, PackRef, Refused, TextRef
from complaints.chapters.triage import permit_classes
from complaints.timing import clocks
from complaints.timing.occurrences import MIGRATED, ClockRecalculated, ClockStopped
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack


class PackMigrated(Event):
    """From here on another version of a pack holds; what was met stays met, what was breached stays breached."""

    hand: ClassVar[bool] = False

    pack: PackRef
    former: PackRef
    reason: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        # What is over was promised, and is explained, by the pack that held then.
        runs = tuple(
            run if run.running or run.pack is not None else run.model_copy(update={"pack": self.former})
            for run in case.clocks.occurrences
        )
        clocks = case.clocks.model_copy(update={"occurrences": runs})
        return case.changed(pack=self.pack, clocks=clocks)


class MigratePack(Command):
    """Move the complaint to another version of its pack, or to another pack; look at the preview first."""

    title: ClassVar[str] = "Move to another pack version"
    who: ClassVar[frozenset[Role]] = frozenset({Role.DEPARTMENT_HEAD, Role.COMPLIANCE_OFFICER})

    pack: PackRef
    reason: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.pack.digest == case.pack.digest:
            raise Refused(
                "nothing_changes",
                f"The complaint is under {self.pack.name} version {self.pack.version} already.",
            )
        yield PackMigrated(pack=self.pack, former=case.pack, reason=self.reason)


def permit_under(pack: Pack, case: Case) -> None:
    """Refuse a pack that does not know how the complaint is classed. Raises Refused."""
    permit_classes(
        pack, kind=case.kind, severity=case.severity, tier=case.tier, problem_type=case.problem_type
    )


def carried_over(pack: Pack, case: Case, former: PackRef) -> Iterator[tuple[datetime, Event]]:
    """What the new pack makes of the clocks, each with when it takes effect; `case` is under it already.

    Those that run on, or stop, do so at present; those that begin to run count from their original start.
    """
    now = case.latest_at or case.received_at
    known = {rule.id: rule for rule in pack.clocks}
    for run in case.clocks.occurrences:
        if not run.running:
            continue
        rule = known.get(run.clock)
        if rule is None or not clocks.applies(pack, rule, case):
            why = MIGRATED
            yield now, ClockStopped(clock=run.clock, occurrence=run.number, why=why, pack=former)
            continue
        due_at = clocks.deadline_of(pack, rule, case, run)
        if due_at != run.due_at:
            yield (
                now,
                ClockRecalculated(clock=run.clock, occurrence=run.number, due_at=due_at, why=MIGRATED),
            )
    yield from clocks.reclassified(pack, case)


def pack_after(case: Case | None, happenings: Iterable[Happening]) -> PackRef | None:
    """The pack that a complaint is under once these have happened; None where it is only being received."""
    ref = case.pack if case is not None else None
    for told in happenings:
        if isinstance(told.event, PackMigrated):
            ref = told.event.pack
    return ref


class ClockChange(Frozen):
    """What a migration makes of one clock: it starts, stops, or is due at another moment. None: not then, or paused."""

    clock: str
    before: AwareDatetime | None
    after: AwareDatetime | None
    change: str  # starts, stops, moves, stays


def preview(case: Case, migrated: Case) -> tuple[ClockChange, ...]:
    """The clocks that run before or after a migration: the old ones in their order, then the new."""
    before = {(run.clock, run.number): run for run in case.clocks.occurrences if run.running}
    after = {(run.clock, run.number): run for run in migrated.clocks.occurrences if run.running}
    changes = []
    for key in (*before, *(key for key in after if key not in before)):
        was, will = before.get(key), after.get(key)
        change = "stops" if will is None else "starts" if was is None else "stays"
        if was is not None and will is not None and was.due_at != will.due_at:
            change = "moves"
        changes.append(
            ClockChange(
                clock=key[0],
                before=was.due_at if was is not None else None,
                after=will.due_at if will is not None else None,
                change=change,
            )
        )
    return tuple(changes)
