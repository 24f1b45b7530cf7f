"""Erasure and the legal hold that stops it: what happened stays on record, what was said is gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import AwareDatetime

from complaints.base import SYSTEM, Command, Context, Event, Happening, Refused, TextRef
from complaints.chapters.conversation import unanswered
from complaints.people.standing import texts_remain
from policies.vocabulary import Role
from policies.wording.in_words import NOBODY_YET

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

ErasureReason = Literal["retention_ended", "asked_by_the_person", "recorded_in_error", "ordered_by_authority"]


# When it may be -------------------------------------------------------------------------------------


def retention_chosen(pack: Pack) -> bool:
    """Whether somebody has said how long texts are kept: a source, or an organisation that made the choice its own."""
    return pack.retained.chosen_by != NOBODY_YET


def kept_until(pack: Pack, case: Case) -> datetime | None:
    """Until when (UTC) the pack keeps the texts: its `retained`, from closing or ending; None while it is open.

    At that instant their time is over.
    """
    over_since = case.closure.over_since
    return None if over_since is None else pack.after(over_since, pack.retention)


def erased_from(pack: Pack, case: Case) -> datetime | None:
    """From when (UTC) time alone is reason enough to erase the texts; None where something stands against it.

    Somebody has to have chosen how long texts are kept: by the figure that comes with the service none go. And the
    complaint has to rest in the archive: one that ended may be erased before that, but by a person. What came
    into the record when its time was over already (an import of old ones) can not go before anybody has seen it. What
    the customer wrote, and nobody has answered, is kept as long from the day it came: it may be why they still wait.
    """
    until = kept_until(pack, case)
    if until is None or not retention_chosen(pack) or case.closure.archived_at is None:
        return None
    if hindrance(case) is not None:
        return None
    waiting = (pack.after(item.received_at, pack.retention) for item in unanswered(pack, case))
    return max(until, case.recorded_at, *waiting)


def hindrance(case: Case) -> Refused | None:
    """What keeps the texts of the complaint from being erased now, for whatever reason; None where nothing does."""
    if case.erased is not None:
        return Refused("already_done", "The texts of this complaint were erased already.")
    if case.legal_hold:
        return Refused(
            "legal_hold", "This complaint is under legal hold; release the hold first, where that is lawful."
        )
    if case.closure.archived_at is None and not case.ended:
        return Refused(
            "not_archived", "Only an archived or ended complaint can be erased; wait until it is archived."
        )
    if case.dispute.outside_open:
        return Refused(
            "outside_case_open",
            "An outside body is still looking at this complaint; close its case first.",
        )
    if case.remedies.payments_in_flight():
        return Refused(
            "payment_in_flight", "A payment is on its way; wait until the provider says how it ended."
        )
    return None


def the_rule(pack: Pack) -> str:
    """The pack's rule of how long texts are kept, with its source."""
    source = pack.retained.source
    return f"retained ({source.document}, {source.section})"


# Events -------------------------------------------------------------------------------------------


class PersonalDataErased(Event):
    """The ledger destroys the complaint's key when it records this: its texts can be read no more.

    Where their time was over by the pack's rule (`the_rule`), since when; older records do not say.
    """

    hand: ClassVar[bool] = False

    reason: ErasureReason
    kept_until: AwareDatetime | None = None

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


# Commands -------------------------------------------------------------------------------------------


class ErasePersonalData(Command):
    """Destroy what people wrote in this complaint, for good. What happened stays on record, and provable."""

    title: ClassVar[str] = "Erase personal data"
    who: ClassVar[frozenset[Role]] = frozenset({Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR})
    when_ended: ClassVar[bool] = True

    reason: ErasureReason

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        refused = hindrance(case)
        if refused is not None:
            raise refused

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        until = kept_until(ctx.rules, case)
        if ctx.actor.id == SYSTEM:  # what speaks against it may have come after the order was given
            until = erased_from(ctx.rules, case) or until
        if self.reason != "retention_ended" or until is None:
            yield PersonalDataErased(reason=self.reason)
            return
        rule = the_rule(ctx.rules)
        if ctx.actor.id == SYSTEM and not retention_chosen(ctx.rules):
            raise Refused(
                "retention_not_chosen",
                "Nobody has chosen yet how long the pack keeps texts, so none go by themselves; choose it in the "
                "pack, or have a person erase them.",
                rule=rule,
            )
        # Their time has to be over when it takes effect, and not only when an order that waited is read.
        if ctx.occurred_at < until:
            raise Refused(
                "retention_runs",
                f"The pack keeps these texts until {until:%Y-%m-%d %H:%M} UTC; wait until then, or give "
                "the reason for which they go before.",
                rule=rule,
            )
        yield PersonalDataErased(reason=self.reason, kept_until=until)


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
