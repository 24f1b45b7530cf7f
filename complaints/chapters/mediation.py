"""Mediation: a third party is offered; where that brings no settlement, the way to court is pointed out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import AwareDatetime

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.chapters.letters import letter
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case

MediationOutcome = Literal["settled", "failed", "declined"]


class Mediation(Frozen):
    """The latest mediation. `pointed_on_at`: when the customer was pointed to arbitration or court."""

    offered_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    outcome: MediationOutcome | None = None
    pointed_on_at: AwareDatetime | None = None

    @property
    def open(self) -> bool:
        return self.offered_at is not None and self.ended_at is None

    def settled_since(self, when: datetime | None) -> bool:
        """Whether the two sides settled in a mediation that ended at or after `when`."""
        if self.outcome != "settled" or self.ended_at is None or when is None:
            return False
        return self.ended_at >= when


class MediationOffered(Event):
    mediator: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(mediation=Mediation(offered_at=told.occurred_at))


class MediationEnded(Event):
    outcome: MediationOutcome
    text: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        ended = {"ended_at": told.occurred_at, "outcome": self.outcome}
        return case.changed(mediation=case.mediation.model_copy(update=ended))


class WayToCourtPointedOut(Event):
    """All else failed: the customer was pointed to arbitration or court (retail-2025 S7.3)."""

    next_step: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        pointed = {"pointed_on_at": told.occurred_at}
        return case.changed(mediation=case.mediation.model_copy(update=pointed))


class OfferMediation(Command):
    """Offer the customer a mediator from outside (retail-2025 S7.3)."""

    title: ClassVar[str] = "Offer mediation"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    mediator: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.dispute.raised_at is None:
            raise Refused("no_dispute", "The customer has contested nothing; there is nothing to mediate.")
        if case.mediation.open:
            raise Refused("already_offered", "A mediation is under way already; record how it ended first.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield MediationOffered(mediator=self.mediator)


class RecordMediation(Command):
    """Record how the mediation ended. Where it brought no settlement, write to the customer how they can
    go on to arbitration or court: that text goes out as a letter.
    """

    title: ClassVar[str] = "Record the mediation's outcome"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    outcome: MediationOutcome
    text: TextRef
    next_step: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not case.mediation.open:
            raise Refused("no_mediation", "No mediation is under way; offer one first.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.outcome == "settled":
            yield MediationEnded(outcome=self.outcome, text=self.text)
            return
        if self.next_step is None:
            raise Refused(
                "next_step_missing",
                "The mediation brought no settlement: write to the customer how to go on, "
                "to arbitration or to court.",
                rule="retail-2025 S7.3",
            )
        yield MediationEnded(outcome=self.outcome, text=self.text)
        yield WayToCourtPointedOut(next_step=self.next_step)
        queued = letter(case, "progress_report", self.next_step)
        if queued is not None:
            yield queued
