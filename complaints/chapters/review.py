"""The review of a dispute: somebody with no hand in the case looks again, decides and replies."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from complaints.base import HANDLING, Actor, Command, Context, Event, Happening, Person, Refused, TextRef
from complaints.chapters import outside
from complaints.chapters.letters import letter
from complaints.people.standing import fresh_eyes, unconflicted
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from complaints.chapters.dispute import Dispute

REVIEWING = HANDLING | {Role.APPROVER, Role.COMPLIANCE_OFFICER}
ABOVE = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD})
DisputeOutcome = Literal["upheld", "partly_upheld", "not_upheld"]


def not_independent(case: Case, person: Person) -> str | None:
    """Why this person can not review the case, or None.

    A reviewer had no hand in it and does not report to one who had (service-centre S3.2, retail-2025 S7.1).
    """
    if person.id in case.hands or person.id == case.ownership.owner:
        return "they had a hand in this case"
    if person.id in case.ownership.conflicted:
        return "they have declared a conflict of interest"
    if person.supervisor is not None and person.supervisor in (*case.hands, case.ownership.owner):
        return "they report to somebody who had a hand in this case"
    return None


def permit_reviewer(
    case: Case, person: Person, *, why_not: str | None, of: str, otherwise: str, rule: str
) -> None:
    """Refuse somebody who can not look at the case with fresh eyes. Raises Refused.

    `why_not` is a reason of the caller's own, beside those of `not_independent`; `of` and `otherwise` end the
    sentences “This person can not review …” and “Choose somebody else; …”.
    """
    if not any(role in REVIEWING for role in person.roles):
        raise Refused("not_a_reviewer", "This person handles no complaints; choose somebody who does.")
    why = not_independent(case, person) or why_not
    if why is not None:
        raise Refused(
            "not_independent",
            f"This person can not review {of}: {why}. Choose somebody else; {otherwise}.",
            rule=rule,
        )


# Events -------------------------------------------------------------------------------------------


class OnDispute:
    """What events that change the dispute have in common."""

    @abstractmethod
    def change(self, told: Happening) -> dict[str, object]:
        """The fields of the dispute that the event changes."""

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(dispute=case.dispute.model_copy(update=self.change(told)))


class ReviewerAssigned(OnDispute, Event):
    """Choosing a reviewer is no hand in the case, or nobody under the chooser could ever take their place."""

    hand: ClassVar[bool] = False

    reviewer: Person

    def change(self, told: Happening) -> dict[str, object]:
        return {"reviewer": self.reviewer.id}


class DisputeSentOutside(OnDispute, Event):
    """Nobody in the house may review this: it goes to the outside case that opens with this event."""

    hand: ClassVar[bool] = False

    reason: TextRef

    def change(self, told: Happening) -> dict[str, object]:
        return {"sent_outside_at": told.occurred_at, "reviewer": None}


class DisputeInvestigated(OnDispute, Event):
    summary: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DISPUTE_INVESTIGATED,)

    def change(self, told: Happening) -> dict[str, object]:
        return {"investigated_at": told.occurred_at}


class DisputeDecided(OnDispute, Event):
    outcome: DisputeOutcome
    reasons: TextRef

    def change(self, told: Happening) -> dict[str, object]:
        return {"outcome": self.outcome}


class DisputeReplyDrafted(OnDispute, Event):
    text: TextRef

    def change(self, told: Happening) -> dict[str, object]:
        return {"reply": self.text, "reply_by": told.actor}


class DisputeReplyApproved(OnDispute, Event):
    """`letter` is the letter that carries the reply, None where the complaint has nobody to write to."""

    letter: str | None = None

    def change(self, told: Happening) -> dict[str, object]:
        return {"reply_approved_at": told.occurred_at, "reply_letter": self.letter}


# Commands -----------------------------------------------------------------------------------------


def in_dispute(case: Case) -> Dispute:
    """The dispute that is open. Raises Refused("no_dispute")."""
    if not case.dispute.open:
        raise Refused("no_dispute", "No dispute about this complaint is open.")
    return case.dispute


def _to_review(case: Case) -> Dispute:
    found = in_dispute(case)
    if found.sent_outside_at is not None:
        raise Refused("sent_outside", "This dispute went outside; record there what becomes of it.")
    if found.outcome is not None:
        raise Refused("already_done", "This dispute is decided already.")
    return found


class AssignReviewer(Command):
    """Choose who looks at the case again: somebody who had no hand in it and reports to nobody who had."""

    title: ClassVar[str] = "Assign a reviewer"
    who: ClassVar[frozenset[Role]] = ABOVE

    reviewer: Person

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _to_review(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.reviewer.id == case.dispute.reviewer:
            raise Refused("already_done", "This person reviews the dispute already.")
        permit_reviewer(
            case,
            self.reviewer,
            why_not=None,
            of="the dispute",
            otherwise="if nobody is left, send the dispute outside",
            rule="A reviewer had no hand in the case and does not report to one who had.",
        )
        yield ReviewerAssigned(reviewer=self.reviewer)


class SendOutside(Command):
    """Send the dispute to a body outside, because nobody in the house may review it."""

    title: ClassVar[str] = "Send the dispute outside"
    who: ClassVar[frozenset[Role]] = ABOVE

    reason: TextRef
    body: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _to_review(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield DisputeSentOutside(reason=self.reason)
        yield outside.opened(case, self.body)


def _for_reviewer(dispute: Dispute, case: Case, actor: Actor) -> None:
    if dispute.reviewer is None:
        raise Refused("no_reviewer", "Nobody reviews this dispute yet; have a supervisor assign a reviewer.")
    if dispute.reviewer != actor.id:
        raise Refused("not_the_reviewer", "Only the reviewer may do this.", who="the reviewer")
    unconflicted(case, actor)


class RecordDisputeInvestigation(Command):
    """Sum up what the new look at the case has found."""

    title: ClassVar[str] = "Record the review's findings"
    who: ClassVar[frozenset[Role]] = REVIEWING

    summary: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        found = _to_review(case)
        _for_reviewer(found, case, ctx.actor)
        if found.investigated_at is not None:
            raise Refused("already_done", "The findings are recorded already; decide the dispute.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield DisputeInvestigated(summary=self.summary)


class DecideDispute(Command):
    """Decide whether the customer was right to contest the answer, and why."""

    title: ClassVar[str] = "Decide the dispute"
    who: ClassVar[frozenset[Role]] = REVIEWING

    outcome: DisputeOutcome
    reasons: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        found = _to_review(case)
        _for_reviewer(found, case, ctx.actor)
        if found.investigated_at is None:
            raise Refused("not_investigated", "Record the review's findings before you decide.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield DisputeDecided(outcome=self.outcome, reasons=self.reasons)


def _to_reply(case: Case) -> Dispute:
    found = in_dispute(case)
    if found.outcome is None:
        raise Refused("not_decided", "Decide the dispute before you answer it.")
    if found.reply_approved_at is not None:
        raise Refused("already_done", "The reply was approved and sent already.")
    return found


class DraftDisputeReply(Command):
    """Write the reply; somebody else approves it, then it goes out. Writing again replaces the draft."""

    title: ClassVar[str] = "Draft the dispute's reply"
    who: ClassVar[frozenset[Role]] = REVIEWING

    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _for_reviewer(_to_reply(case), case, ctx.actor)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield DisputeReplyDrafted(text=self.text)


class ApproveDisputeReply(Command):
    """Approve the reply that the reviewer drafted; it goes out at once."""

    title: ClassVar[str] = "Approve the dispute's reply"
    who: ClassVar[frozenset[Role]] = ABOVE | {Role.APPROVER, Role.COMPLIANCE_OFFICER}

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        found = _to_reply(case)
        if found.reply is None:
            raise Refused("no_draft", "No reply is drafted yet; the reviewer writes it.")
        makers = [who for who in (found.reply_by, found.reviewer) if who is not None]
        fresh_eyes(case, ctx.actor, makers, "reviewed the dispute and drafted the reply")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        queued = letter(case, "dispute_outcome", case.dispute.reply)
        yield DisputeReplyApproved(letter=queued.letter if queued is not None else None)
        if queued is not None:
            yield queued
