"""Disputes: the customer contests the answer; it is open until concluded or withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import HANDLING, Coming, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.chapters import outside
from complaints.chapters.letters import letter
from complaints.chapters.outside import OutsideCase
from complaints.chapters.review import DisputeOutcome, OnDispute, in_dispute
from complaints.people.standing import speaks_for_customer
from complaints.required import can_be_had, to_do, wanted
from complaints.timing.windows import within
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack


class Dispute(Frozen):
    """The latest dispute; the former ones are in the record. `number` counts them.

    `round` is how often the case had been reopened when it was raised: each round has one answer to contest.

    `reply_by` drafted the reply, `reply_letter` is the letter that carries it (None where there is nobody to
    write to). `outside` holds every outside case of the complaint, disputed or not.
    """

    number: int = 0
    round: int = 0
    raised_at: AwareDatetime | None = None
    acknowledged_at: AwareDatetime | None = None
    reviewer: str | None = None
    sent_outside_at: AwareDatetime | None = None
    investigated_at: AwareDatetime | None = None
    outcome: DisputeOutcome | None = None
    reply: TextRef | None = None
    reply_by: str | None = None
    reply_approved_at: AwareDatetime | None = None
    reply_letter: str | None = None
    concluded_at: AwareDatetime | None = None
    outside: tuple[OutsideCase, ...] = ()

    def knows(self, when: datetime | None) -> bool:
        """Whether something took effect since this dispute was raised."""
        return when is not None and self.raised_at is not None and when >= self.raised_at

    @property
    def open(self) -> bool:
        return self.raised_at is not None and self.concluded_at is None

    @property
    def outside_open(self) -> bool:
        return any(item.open for item in self.outside)

    def reply_reached(self, case: Case) -> bool:
        """Whether this dispute's reply has arrived, by the pack's rule for its channel."""
        found = case.letters.find(self.reply_letter) if self.reply_letter is not None else None
        return found is not None and found.arrived

    def of_this_round(self, case: Case) -> bool:
        """Whether this dispute, open or concluded, is about the answer of the round that the case is in."""
        return self.raised_at is not None and self.round == case.closure.reopened


# Events -------------------------------------------------------------------------------------------


class DisputeRaised(Event):
    """The customer contests the answer; what the dispute before this one came to stays in the record."""

    hand: ClassVar[bool] = False

    grounds: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DISPUTED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        raised = Dispute(
            number=case.dispute.number + 1,
            round=case.closure.reopened,
            raised_at=told.occurred_at,
            outside=case.dispute.outside,
        )
        return case.changed(dispute=raised)


class DisputeAcknowledged(OnDispute, Event):
    """The customer is told that the dispute has arrived; that is no hand in what it contests.

    `letter` is the letter that says so, None where there is nobody to write to.
    """

    hand: ClassVar[bool] = False

    letter: str | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DISPUTE_ACKNOWLEDGED,)

    def change(self, told: Happening) -> dict[str, object]:
        return {"acknowledged_at": told.occurred_at}


class DisputeConcluded(OnDispute, Event):
    no_delivery: TextRef | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DISPUTE_CLOSED,)

    def change(self, told: Happening) -> dict[str, object]:
        return {"concluded_at": told.occurred_at}


class DisputeWithdrawn(OnDispute, Event):
    reason: TextRef | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DISPUTE_CLOSED,)

    def change(self, told: Happening) -> dict[str, object]:
        return {"concluded_at": told.occurred_at}


# Commands -----------------------------------------------------------------------------------------


class RaiseDispute(Command):
    """Contest the answer: say what is wrong with it. Somebody who had no hand in the case will look again."""

    title: ClassVar[str] = "Raise a dispute"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT, Role.COMPLAINANT}

    grounds: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.dispute.open:
            raise Refused("already_disputed", "A dispute about this complaint is open already.")
        if not ctx.actor.is_staff:
            speaks_for_customer(case, ctx.actor)
        # Who contests an answer has evidently read it, whatever the mail system could tell of its way.
        answered_at = case.since_opened(Fact.RESPONSE_DELIVERED) or case.since_opened(Fact.RESPONSE_SENT)
        if answered_at is None:
            raise Refused(
                "not_answered", "There is no answer to contest yet; wait for it, or write a message."
            )
        if case.dispute.of_this_round(case):
            raise Refused(
                "already_disputed",
                "This answer was contested already; mediation or an outside body is the next step.",
            )
        within(
            ctx, answered_at, "dispute",
            not_before="An answer can not be contested before it was given; correct the time.",
            over="The answer could be contested until {until}; an outside body may still help.",
        )  # fmt: skip

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield DisputeRaised(grounds=self.grounds)


class AcknowledgeDispute(Command):
    """Tell the customer that their dispute has arrived, and that somebody with no part in the answer looks again."""

    title: ClassVar[str] = "Acknowledge the dispute"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    text: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if in_dispute(case).acknowledged_at is not None:
            raise Refused("already_done", "This dispute was acknowledged already.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        queued = letter(case, "dispute_acknowledgement", self.text)
        yield DisputeAcknowledged(letter=queued.letter if queued is not None else None)
        if queued is not None:
            yield queued


class ConcludeDispute(Command):
    """End the dispute once the reply has reached the customer; say why where it could not be delivered."""

    title: ClassVar[str] = "Conclude the dispute"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    no_delivery: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        found = in_dispute(case)
        if found.sent_outside_at is not None and found.outside_open:
            raise Refused("outside_case_open", "The outside body is not done yet; close its case first.")
        if found.sent_outside_at is not None or case.mediation.settled_since(found.raised_at):
            return
        if found.outcome is None:
            raise Refused("not_decided", "The reviewer has not decided this dispute yet.")
        if found.reply_approved_at is None:
            raise Refused("no_reply", "The dispute's reply is not approved yet; it has to go out first.")
        missing = [
            to_do(fact)
            for fact in wanted(ctx.rules, "disputed")
            if can_be_had(case, fact) and not found.knows(case.at(fact))
        ]
        if missing:
            raise Refused(
                "not_on_record",
                f"Before this dispute is concluded: {'; '.join(missing)}.",
                rule="phases_require.disputed",
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.dispute
        if found.reply_approved_at is not None and not found.reply_reached(case) and self.no_delivery is None:
            raise Refused(
                "not_delivered",
                "The reply has not reached the customer; wait for it, serve it otherwise, "
                "or say why it can not be.",
            )
        yield DisputeConcluded(no_delivery=self.no_delivery)


class WithdrawDispute(Command):
    """Take the dispute back: the answer stands."""

    title: ClassVar[str] = "Withdraw the dispute"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.COMPLAINANT}

    reason: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        in_dispute(case)
        speaks_for_customer(case, ctx.actor)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield DisputeWithdrawn(reason=self.reason)


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """The deadlines that outside bodies set; the review's own are clocks of the pack."""
    yield from outside.coming(pack, case)
