"""Redress: remedies are proposed, approved by other eyes within a limit, offered, accepted, fulfilled.

What a remedy is lies in remedies.py, how money for it moves in payments.py.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import AwareDatetime

from complaints.base import (
    HANDLING,
    INSTANT,
    Coming,
    Command,
    Context,
    Event,
    Happening,
    Money,
    Refused,
    TextRef,
)
from complaints.chapters.issues import issue_of
from complaints.chapters.payments import PaymentDue, ReportPayment, not_in_flight
from complaints.chapters.remedies import MONEY_KINDS, Remedies, Remedy, RemedyBasis, RemedyKind, RemedyState
from complaints.people.authority import some_authority, total_with, within_limit
from complaints.people.standing import (
    fresh_eyes,
    letter_to_customer,
    speaks_for_customer,
    still_open,
    texts_remain,
    unconflicted,
)
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

__all__ = ["PaymentDue", "Remedies", "Remedy", "RemedyBasis", "RemedyKind", "RemedyState", "ReportPayment"]

_NEEDS_NO_YES = frozenset({RemedyKind.APOLOGY, RemedyKind.CORRECTION})
"""What is owed whether the customer says yes or not: an apology is made, a wrong is put right."""
_BEFORE_PAYMENT = (
    RemedyState.PROPOSED, RemedyState.APPROVED, RemedyState.OFFERED, RemedyState.ACCEPTED,
    RemedyState.PAYMENT_REFUSED,
)  # fmt: skip
_PROMISED = (RemedyState.ACCEPTED, RemedyState.PAYMENT_REFUSED)


# Events -------------------------------------------------------------------------------------------


class RemedyProposed(Event):
    remedy: str
    kind: RemedyKind
    basis: RemedyBasis
    amount: Money | None
    note: TextRef
    issue: str | None = None
    due_by: AwareDatetime | None = None

    def evolve(self, case: Case, told: Happening) -> Case:
        proposed = Remedy(
            id=self.remedy,
            kind=self.kind,
            basis=self.basis,
            amount=self.amount,
            note=self.note,
            issue=self.issue,
            due_by=self.due_by,
            proposed_by=told.actor,
            proposed_at=told.occurred_at,
        )
        return case.changed(remedies=Remedies(items=(*case.remedies.items, proposed)))


class _RemedyEvent(Event):
    remedy: str

    @abstractmethod
    def change(self, found: Remedy, told: Happening) -> dict[str, Any]:
        """The fields of the remedy that the event changes."""

    def evolve(self, case: Case, told: Happening) -> Case:
        found = case.remedies.find(self.remedy)
        if found is None:
            return case
        changed = found.model_copy(update=self.change(found, told))
        return case.changed(remedies=case.remedies.replaced(changed))


class RemedyApproved(_RemedyEvent):
    """One approval; `complete` when no further one is needed."""

    complete: bool

    def change(self, found: Remedy, told: Happening) -> dict[str, Any]:
        stage = RemedyState.APPROVED if self.complete else RemedyState.PROPOSED
        return {"approvals": (*found.approvals, told.actor), "stage": stage}


class RemedyRejected(_RemedyEvent):
    reason: TextRef

    def change(self, found: Remedy, told: Happening) -> dict[str, Any]:
        return {"stage": RemedyState.REJECTED}


class RemedyOffered(_RemedyEvent):
    lapses_at: AwareDatetime

    def change(self, found: Remedy, told: Happening) -> dict[str, Any]:
        return {"stage": RemedyState.OFFERED, "offered_at": told.occurred_at, "lapses_at": self.lapses_at}


class RemedyAccepted(_RemedyEvent):
    note: TextRef | None = None

    def change(self, found: Remedy, told: Happening) -> dict[str, Any]:
        return {"stage": RemedyState.ACCEPTED}


class RemedyRefused(_RemedyEvent):
    note: TextRef | None = None

    def change(self, found: Remedy, told: Happening) -> dict[str, Any]:
        return {"stage": RemedyState.REFUSED}


class RemedyLapsed(_RemedyEvent):
    """Nobody answered the offer in time."""

    def change(self, found: Remedy, told: Happening) -> dict[str, Any]:
        return {"stage": RemedyState.LAPSED}


class RemedyWithdrawn(_RemedyEvent):
    reason: TextRef

    def change(self, found: Remedy, told: Happening) -> dict[str, Any]:
        return {"stage": RemedyState.WITHDRAWN}


class RemedyFulfilled(_RemedyEvent):
    """What is no money was done: replaced, upgraded, apologised for, put right."""

    note: TextRef | None = None

    def change(self, found: Remedy, told: Happening) -> dict[str, Any]:
        return {"stage": RemedyState.FULFILLED}


# Commands -----------------------------------------------------------------------------------------


class ProposeRemedy(Command):
    """Propose what makes good. Sums of money carry an amount; `due_by` says by when the customer has it."""

    title: ClassVar[str] = "Propose a remedy"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    kind: RemedyKind
    basis: RemedyBasis
    amount: Money | None = None
    note: TextRef
    issue: str | None = None
    due_by: AwareDatetime | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.kind in MONEY_KINDS and self.amount is None:
            raise Refused("no_amount", "Say how much: this kind of remedy is a sum of money.")
        if self.kind not in MONEY_KINDS and self.amount is not None:
            raise Refused("not_money", "This kind of remedy is no sum of money; leave the amount out.")
        if self.issue is not None:
            issue_of(case, self.issue)
        yield RemedyProposed(
            remedy=f"R{len(case.remedies.items) + 1}",
            kind=self.kind,
            basis=self.basis,
            amount=self.amount,
            note=self.note,
            issue=self.issue,
            due_by=self.due_by,
        )


class _Approval(Command):
    """A decision on a proposal; how much somebody may approve stands in the pack."""

    who: ClassVar[frozenset[Role]] = HANDLING | {Role.APPROVER}

    remedy: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        unconflicted(case, ctx.actor)
        if not case.remedies.undecided():
            raise Refused("nothing_to_approve", "No remedy of this complaint is waiting for approval.")
        some_authority(ctx)

    def proposal(self, case: Case) -> Remedy:
        found = case.remedies.of(self.remedy)
        if found.state is not RemedyState.PROPOSED:
            raise Refused("nothing_to_approve", f"{found.id} is {found.words}; nothing waits for approval.")
        return found


class ApproveRemedy(_Approval):
    """Approve what somebody else proposed, up to your limit; a large sum needs two approvers.

    What was approved before in this complaint counts towards the limit.
    """

    title: ClassVar[str] = "Approve a remedy"

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = self.proposal(case)
        if ctx.actor.id in found.approvals:
            raise Refused("already_done", f"You approved {found.id} already; a second person has to, too.")
        total = total_with(case, found)
        two = found.amount is not None and ctx.rules.needs_second_approver(total, found.amount.currency)
        alone = ctx.rules.parameters.get("self_approval_within_limit", False) and not two
        fresh_eyes(case, ctx.actor, () if alone else (found.proposed_by,), "proposed this remedy")
        if found.amount is not None:
            within_limit(ctx, total, found.amount.currency)
        yield RemedyApproved(remedy=found.id, complete=len(found.approvals) + 1 >= (2 if two else 1))


class RejectRemedy(_Approval):
    """Reject a proposed remedy, with the reason."""

    title: ClassVar[str] = "Reject a remedy"

    reason: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = self.proposal(case)
        if found.proposed_by == ctx.actor.id:
            raise Refused("self_approval", f"You proposed {found.id}; withdraw it instead.")
        yield RemedyRejected(remedy=found.id, reason=self.reason)


class OfferRemedy(Command):
    """Offer an approved remedy to the customer; it lapses unless they answer in time.

    Give `letter` to write to them about it.
    """

    title: ClassVar[str] = "Offer a remedy"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    remedy: str
    letter: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        if not any(item.state is RemedyState.APPROVED for item in case.remedies.items):
            raise Refused("not_approved", "No approved remedy of this complaint is waiting to be offered.")
        if case.correspondent is None:
            raise Refused(
                "nobody_to_write_to", "Nobody left a way to be reached, so nothing can be offered to them."
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.remedies.of(self.remedy)
        if found.state is RemedyState.PROPOSED:
            raise Refused("not_approved", f"{found.id} is not approved yet; have it approved first.")
        if found.state is not RemedyState.APPROVED:
            raise Refused("not_approved", f"{found.id} is {found.words}; only an approved remedy is offered.")
        lapses_at = ctx.rules.after(ctx.occurred_at, ctx.rules.windows.offer_lapses)
        yield RemedyOffered(remedy=found.id, lapses_at=lapses_at)
        if self.letter is not None:
            yield letter_to_customer(case, "progress_report", self.letter, "add a party who can be reached")


class _CustomersAnswer(Command):
    """What the customer says to an offer: their own word, or recorded by the owner."""

    who: ClassVar[frozenset[Role]] = HANDLING | {Role.COMPLAINANT}

    remedy: str
    note: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        speaks_for_customer(case, ctx.actor)
        if not any(item.state in (RemedyState.OFFERED, RemedyState.LAPSED) for item in case.remedies.items):
            raise Refused("no_offer", "No remedy of this complaint is on offer.")

    def offer(self, case: Case, ctx: Context) -> Remedy:
        """The offer as it stood when the answer was given; one recorded late still counts. Raises Refused."""
        found = case.remedies.of(self.remedy)
        if found.offered_at is None or found.lapses_at is None:
            raise Refused("no_offer", f"{found.id} is {found.words}; it was not offered.")
        if found.state is RemedyState.LAPSED and ctx.occurred_at > found.lapses_at:
            raise Refused("offer_lapsed", f"The offer of {found.id} has lapsed; propose the remedy again.")
        if found.state not in (RemedyState.OFFERED, RemedyState.LAPSED):
            raise Refused("no_offer", f"{found.id} is {found.words}; it is not on offer.")
        if ctx.occurred_at < found.offered_at:
            raise Refused(
                "before_start", "An offer can not be answered before it was made; correct the time."
            )
        return found


class AcceptRemedy(_CustomersAnswer):
    """The customer accepts the offer."""

    title: ClassVar[str] = "Accept a remedy"

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield RemedyAccepted(remedy=self.offer(case, ctx).id, note=self.note)


class RefuseRemedy(_CustomersAnswer):
    """The customer does not want what is offered."""

    title: ClassVar[str] = "Refuse a remedy"

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield RemedyRefused(remedy=self.offer(case, ctx).id, note=self.note)


class WithdrawRemedy(Command):
    """Take a remedy back before its payment is ordered; what the customer accepted, only a supervisor may."""

    title: ClassVar[str] = "Withdraw a remedy"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    remedy: str
    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not any(item.state in _BEFORE_PAYMENT for item in case.remedies.items):
            raise Refused("nothing_to_withdraw", "No remedy of this complaint can be withdrawn.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.remedies.of(self.remedy)
        not_in_flight(found)
        if found.state not in _BEFORE_PAYMENT:
            raise Refused("nothing_to_withdraw", f"{found.id} is {found.words}; it can not be withdrawn.")
        if found.state in _PROMISED and not ctx.actor.has(Role.SUPERVISOR, Role.DEPARTMENT_HEAD):
            raise Refused(
                "promised",
                f"The customer accepted {found.id}; a supervisor has to withdraw it.",
                who="supervisor, department head",
            )
        yield RemedyWithdrawn(remedy=found.id, reason=self.reason)


class FulfilRemedy(Command):
    """Record that what is no money was done: replaced, upgraded, apologised for, put right."""

    title: ClassVar[str] = "Fulfil a remedy"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    remedy: str
    note: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)
        if not any(_fulfillable(item) for item in case.remedies.items):
            raise Refused("nothing_to_fulfil", "No remedy of this complaint is waiting to be fulfilled.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.remedies.of(self.remedy)
        if found.kind in MONEY_KINDS:
            raise Refused("money", f"{found.id} is a sum of money; pay it instead.")
        if not _fulfillable(found):
            raise Refused("not_accepted", f"{found.id} is {found.words}; it can not be fulfilled.")
        yield RemedyFulfilled(remedy=found.id, note=self.note)


def _fulfillable(remedy: Remedy) -> bool:
    agreed = remedy.state is RemedyState.ACCEPTED
    owed_anyway = remedy.state in (RemedyState.APPROVED, RemedyState.OFFERED) and remedy.kind in _NEEDS_NO_YES
    return remedy.kind not in MONEY_KINDS and (agreed or owed_anyway)


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """An offer that nobody answers lapses; an answer at the very last instant is in time."""
    for item in case.remedies.open_offers():
        if item.lapses_at is not None:
            yield Coming(item.lapses_at + INSTANT, RemedyLapsed(remedy=item.id))
