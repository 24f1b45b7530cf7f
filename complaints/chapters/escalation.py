"""Escalation: a person raises the alarm without a clock, or answers one: seen, wait, go on, nobody was there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AwareDatetime, Field

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.people.recipients import each_once
from complaints.timing.ladders import Call, ladder_of, passed_to
from complaints.timing.occurrences import (
    AlertAcknowledged,
    AlertReleased,
    AlertSnoozed,
    Occurrence,
    RungClimbed,
    RungUnheld,
    Unheld,
)
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Ladder, Pack


Word = Annotated[str, Field(pattern=r"^[a-z_]{1,40}(:[A-Za-z0-9_-]{1,63})?$")]
"""Whom a rung tells, as the pack writes it: owner, role:supervisor, on_duty:desk."""


class Escalation(Frozen):
    """`level` is how often it was raised; the supervisors know since `raised_at`.

    `wanted` is the role that a rung has the complaint given to, until somebody who has it owns it.
    """

    level: int = 0
    raised_at: AwareDatetime | None = None
    wanted: Role | None = None

    def reopened(self) -> Escalation:
        """What a ladder of the last round wanted is nothing to the next, which has ladders of its own."""
        return self.model_copy(update={"wanted": None})


# Raised by hand ---------------------------------------------------------------------------------------


class Escalated(Event):
    reason: TextRef
    tell: tuple[str, ...]

    def evolve(self, case: Case, told: Happening) -> Case:
        raised = {"level": case.escalation.level + 1, "raised_at": told.occurred_at}
        return case.changed(escalation=case.escalation.model_copy(update=raised))


class Escalate(Command):
    """Raise the alarm with the supervisors, and from the second time on with the department heads."""

    title: ClassVar[str] = "Escalate"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}
    unaided: ClassVar[bool] = True

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not case.open:
            raise Refused("closed", "This complaint is closed; reopen it first.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        upwards = Role.DEPARTMENT_HEAD if case.escalation.level else Role.SUPERVISOR
        tell = (f"role:{upwards}",) if case.escalation.level else ("owner_supervisor", f"role:{upwards}")
        yield Escalated(reason=self.reason, tell=tell)


# Answers to an alert ----------------------------------------------------------------------------------


class AcknowledgeAlert(Command):
    """Say that the alert was seen: it holds the ladder for as long as the pack says, the deadline does not move."""

    title: ClassVar[str] = "Acknowledge alert"
    who: ClassVar[frozenset[Role]] = HANDLING
    unaided: ClassVar[bool] = True

    clock: str
    note: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _some_alert(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        # A clock may run several times at once, for each of several questions: one word stills them all.
        unseen = [run for run in _alarming(ctx.rules, case, self.clock) if run.acknowledged_at is None]
        if not unseen:
            raise Refused("already_done", "This alert was acknowledged already.")
        _note_needed(ctx.rules, case, unseen, self.note)
        for run in unseen:
            until = held_until(ctx.rules, case, run, ctx.occurred_at)
            yield AlertAcknowledged(clock=run.clock, occurrence=run.number, until=until, note=self.note)


class SnoozeAlert(Command):
    """Say that the alert was seen and hold the ladder until a moment, as far ahead as the pack allows.

    Given again it extends the silence, or shortens it. The deadline does not move.
    """

    title: ClassVar[str] = "Snooze alert"
    who: ClassVar[frozenset[Role]] = HANDLING
    unaided: ClassVar[bool] = True

    clock: str
    until: AwareDatetime
    note: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _some_alert(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        runs = _alarming(ctx.rules, case, self.clock)
        _note_needed(ctx.rules, case, runs, self.note)
        for run in runs:
            latest = snooze_until(ctx.rules, case, run, ctx.occurred_at)
            if latest is None:
                raise Refused(
                    "no_snooze",
                    "The pack of this complaint knows no snoozing for this alert; acknowledge it instead.",
                    rule=_rule_of(ctx.rules, case, run),
                )
            if self.until <= ctx.occurred_at:
                raise Refused("in_the_past", "An alert is snoozed until a moment that is still to come.")
            if self.until > latest:
                raise Refused(
                    "too_long",
                    f"This alert may be snoozed until {latest.isoformat(timespec='minutes')} at most.",
                    rule=_rule_of(ctx.rules, case, run),
                )
            yield AlertSnoozed(clock=run.clock, occurrence=run.number, until=self.until, note=self.note)


class ReleaseAlert(Command):
    """Let the ladder go on before the acknowledgement expires."""

    title: ClassVar[str] = "Release alert"
    who: ClassVar[frozenset[Role]] = HANDLING
    unaided: ClassVar[bool] = True

    clock: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not any(run.running and run.held_until is not None for run in case.clocks.occurrences):
            raise Refused("not_held", "No acknowledgement holds a ladder of this complaint.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        held = [run for run in case.clocks.all_running(self.clock) if run.held_until is not None]
        if not held:
            raise Refused(
                "not_held", f"No acknowledgement holds the ladder of “{_named(ctx.rules, self.clock)}”."
            )
        for run in held:
            yield AlertReleased(clock=run.clock, occurrence=run.number)


def held_until(pack: Pack, case: Case, run: Occurrence, at: datetime) -> datetime | None:
    """How long an acknowledgement given at `at` would hold this run's ladder; None: for good."""
    ladder = _ladder(pack, case, run)
    if ladder is None or ladder.holds is None:
        return None
    return pack.after(at, ladder.holds, pack.clock(run.clock))


def snooze_until(pack: Pack, case: Case, run: Occurrence, at: datetime) -> datetime | None:
    """Until when an alert of this run may be snoozed at most; None: not at all."""
    ladder = _ladder(pack, case, run)
    if ladder is None or ladder.snooze_at_most is None:
        return None
    return pack.after(at, ladder.snooze_at_most, pack.clock(run.clock))


def note_needed(pack: Pack, case: Case, run: Occurrence) -> bool:
    """Whether whoever acknowledges has to say what is being done: the rung that called last asks for it."""
    ladder = _ladder(pack, case, run)
    if ladder is None or not run.on(ladder.id).rungs:
        return False
    number = run.rungs[-1][0]
    return number < len(ladder.rungs) and ladder.rungs[number].note_required


def _some_alert(case: Case) -> None:
    if not any(run.alarming for run in case.clocks.occurrences):
        raise Refused("no_alert", "No alert of this complaint is waiting to be acknowledged.")


def _alarming(pack: Pack, case: Case, clock: str) -> list[Occurrence]:
    """The runs of this clock that have called. Raises Refused where there are none."""
    alarming = [run for run in case.clocks.all_running(clock) if run.alarming]
    if not alarming:
        raise Refused("no_alert", f"The clock “{_named(pack, clock)}” has no alert to acknowledge.")
    return alarming


def _note_needed(pack: Pack, case: Case, runs: Iterable[Occurrence], note: TextRef | None) -> None:
    for run in runs:
        if note is None and note_needed(pack, case, run):
            raise Refused(
                "note_needed",
                "This alert has climbed so far that whoever acknowledges it says what is being done; add a note.",
                rule=_rule_of_rung(pack, case, run),
            )


def _ladder(pack: Pack, case: Case, run: Occurrence) -> Ladder | None:
    return ladder_of(pack, case, pack.clock(run.clock))


def _rule_of(pack: Pack, case: Case, run: Occurrence) -> str:
    ladder = _ladder(pack, case, run)
    return "" if ladder is None else f"ladder {ladder.id} ({ladder.source.document}, {ladder.source.section})"


def _rule_of_rung(pack: Pack, case: Case, run: Occurrence) -> str:
    """The rung that called last, with the source that holds for it."""
    ladder = _ladder(pack, case, run)
    if ladder is None or not run.rungs or run.rungs[-1][0] >= len(ladder.rungs):
        return _rule_of(pack, case, run)
    number = run.rungs[-1][0]
    found = ladder.sourced_rungs()[number].source
    return f"ladder {ladder.id}, rung {number + 1} ({found.document}, {found.section})"


def _named(pack: Pack, clock: str) -> str:
    return next((rule.title["en"] for rule in pack.clocks if rule.id == clock), clock)


# What rungs do beside calling, and calls that reach nobody --------------------------------------------


class ReassignmentCalled(Event):
    """A rung has the service give the complaint to somebody with this role; the owner answers for it until then."""

    hand: ClassVar[bool] = False

    to: Role
    clock: str

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(escalation=case.escalation.model_copy(update={"wanted": self.to}))


def reassigned_by_rung(pack: Pack, case: Case, climbed: RungClimbed) -> Iterator[ReassignmentCalled]:
    """That the complaint is wanted in other hands, where the rung says so and it is not in such hands already."""
    rung = pack.ladders[climbed.ladder].rungs[climbed.rung]
    there = case.ownership.owner is not None and rung.reassign_to in case.ownership.roles
    if climbed.repeat == 0 and rung.reassign_to is not None and case.open and not there:
        yield ReassignmentCalled(to=rung.reassign_to, clock=climbed.clock)


class ReportUnheld(Command):
    """Nobody was there for one word of a ladder's call."""

    title: ClassVar[str] = "Nobody to alert"
    who: ClassVar[frozenset[Role]] = frozenset({Role.ADMINISTRATOR})
    fact: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    clock: str
    occurrence: int
    rung: int
    repeat: int
    word: Word
    why: Unheld

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = [run for run in case.clocks.all_running(self.clock) if run.number == self.occurrence]
        if not found or (self.rung, self.repeat, self.word) in found[0].unheld:
            return  # met meanwhile, or known already
        (run,) = found
        ladder = _ladder(ctx.rules, case, run)
        if ladder is None or self.rung >= len(ladder.rungs):
            return  # the complaint is classed otherwise by now
        if (self.rung, self.repeat) not in run.on(ladder.id).rungs:
            return  # a call of a former due moment, or ladder: the present one has calls of its own
        passed = passed_to(case, ladder, run, Call(self.rung, self.repeat, self.word))
        yield RungUnheld(
            clock=run.clock,
            occurrence=run.number,
            rung=self.rung,
            repeat=self.repeat,
            who=self.word,
            why=self.why,
            passed_to=tuple(each_once(case, passed or ())),
            nobody=passed == (),
            over=ladder.rungs[self.rung].over,
            due_at=run.due_at,
        )
