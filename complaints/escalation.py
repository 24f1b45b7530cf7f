"""Escalation: a person raises the alarm without waiting for a clock, or says that an alarm was seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.occurrences import AlertAcknowledged
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case


class Escalation(Frozen):
    """`level` is how often it was raised; the supervisors know since `raised_at`."""

    level: int = 0
    raised_at: AwareDatetime | None = None


class Escalated(Event):
    reason: TextRef
    tell: tuple[str, ...]

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(
            escalation=Escalation(level=case.escalation.level + 1, raised_at=told.occurred_at)
        )


class Escalate(Command):
    """Raise the alarm with the supervisors, and from the second time on with the department heads."""

    title: ClassVar[str] = "Escalate"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not case.open:
            raise Refused("closed", "This complaint is closed; reopen it first.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        upwards = Role.DEPARTMENT_HEAD if case.escalation.level else Role.SUPERVISOR
        tell = (f"role:{upwards}",) if case.escalation.level else ("owner_supervisor", f"role:{upwards}")
        yield Escalated(reason=self.reason, tell=tell)


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
        # A clock may run several times at once, for each of several questions: one word stills them all.
        alarming = [run for run in case.clocks.all_running(self.clock) if run.rungs or run.breached_at]
        if not alarming:
            titles = (rule.title["en"] for rule in ctx.rules.clocks if rule.id == self.clock)
            named = next(titles, self.clock)
            raise Refused("no_alert", f"The clock “{named}” has no alert to acknowledge.")
        unseen = [run for run in alarming if run.acknowledged_at is None]
        if not unseen:
            raise Refused("already_done", "This alert was acknowledged already.")
        for run in unseen:
            yield AlertAcknowledged(clock=run.clock, occurrence=run.number)
