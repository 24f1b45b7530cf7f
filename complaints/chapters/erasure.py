"""Erasure and the legal hold that stops it: what happened stays on record, what was said is gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from complaints.base import Command, Context, Event, Happening, Refused, TextRef
from complaints.people.standing import texts_remain
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case

ErasureReason = Literal["retention_ended", "asked_by_the_person", "recorded_in_error", "ordered_by_authority"]


class PersonalDataErased(Event):
    """The ledger destroys the complaint's key when it records this: its texts can be read no more."""

    hand: ClassVar[bool] = False

    reason: ErasureReason

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(erased=told.occurred_at)


class LegalHoldPlaced(Event):
    hand: ClassVar[bool] = False

    reason: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(legal_hold=True)


class LegalHoldReleased(Event):
    hand: ClassVar[bool] = False

    reason: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(legal_hold=False)


class ErasePersonalData(Command):
    """Destroy what people wrote in this complaint, for good. What happened stays on record, and provable."""

    title: ClassVar[str] = "Erase personal data"
    who: ClassVar[frozenset[Role]] = frozenset({Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR})
    when_ended: ClassVar[bool] = True

    reason: ErasureReason

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.erased is not None:
            raise Refused("already_done", "The texts of this complaint were erased already.")
        if case.legal_hold:
            raise Refused(
                "legal_hold",
                "This complaint is under legal hold; release the hold first, where that is lawful.",
            )
        if case.closure.archived_at is None and not case.ended:
            raise Refused(
                "not_archived",
                "Only an archived or ended complaint can be erased; wait until it is archived.",
            )
        if case.dispute.outside_open:
            raise Refused(
                "outside_case_open",
                "An outside body is still looking at this complaint; close its case first.",
            )
        if case.remedies.payments_in_flight():
            raise Refused(
                "payment_in_flight",
                "A payment is on its way; wait until the provider says how it ended.",
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        over_since = case.closure.over_since
        if self.reason == "retention_ended" and over_since is not None:
            until = ctx.rules.after(over_since, ctx.rules.retention)
            if ctx.at < until:
                source = ctx.rules.retained.source
                raise Refused(
                    "retention_runs",
                    f"The pack keeps these texts until {until:%Y-%m-%d %H:%M} UTC; wait until then, or give "
                    "the reason for which they go before.",
                    rule=f"retained ({source.document}, {source.section})",
                )
        yield PersonalDataErased(reason=self.reason)


class PlaceLegalHold(Command):
    """Keep every text of this complaint, whatever its retention says, until the hold is released."""

    title: ClassVar[str] = "Place a legal hold"
    who: ClassVar[frozenset[Role]] = frozenset({Role.COMPLIANCE_OFFICER})
    when_ended: ClassVar[bool] = True

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)
        if case.legal_hold:
            raise Refused("already_done", "This complaint is under legal hold already.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield LegalHoldPlaced(reason=self.reason)


class ReleaseLegalHold(Command):
    """Let the complaint's retention run again."""

    title: ClassVar[str] = "Release the legal hold"
    who: ClassVar[frozenset[Role]] = frozenset({Role.COMPLIANCE_OFFICER})
    when_ended: ClassVar[bool] = True

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not case.legal_hold:
            raise Refused("no_hold", "This complaint is under no legal hold.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield LegalHoldReleased(reason=self.reason)
