"""Internal review: a complaint about our own process is looked into by somebody in the house who did not handle it.

Service-centre S3.2: where the firm's own process is the subject of the complaint, an internal review branch
starts, and the reviewer is not the handler. It runs beside the handling and ends before the answer goes out.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import AwareDatetime

from complaints.base import Command, Context, Event, Frozen, Happening, Person, Refused, TextRef
from complaints.chapters.review import ABOVE, REVIEWING, permit_reviewer
from complaints.people.standing import still_open, unconflicted
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

InternalOutcome = Literal["sound", "defective"]
"""Whether the process that the customer complains of is sound, or defective and to be corrected."""


class InternalReview(Frozen):
    """The latest internal review; the former ones are in the record. `number` counts them.

    `round` is how often the case had been reopened when it was opened. `reviewed_by` are all who ever recorded
    the findings of one: they stay apart from the handling.
    """

    number: int = 0
    round: int = 0
    opened_at: AwareDatetime | None = None
    reviewer: str | None = None
    reviewed_at: AwareDatetime | None = None
    findings: TextRef | None = None
    outcome: InternalOutcome | None = None
    corrections: TextRef | None = None
    reviewed_by: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        return self.opened_at is not None and self.reviewed_at is None

    def of_this_round(self, case: Case) -> bool:
        """Whether it was opened in the round that the case is in."""
        return self.opened_at is not None and self.round == case.closure.reopened


def owed(case: Case) -> Iterator[str]:
    """What an open internal review still wants, as a handler would be told it; nothing where none is open."""
    if case.internal_review.open:
        if case.internal_review.reviewer is None:
            yield "have an internal reviewer assigned, who records what they find"
        else:
            yield "have the internal reviewer record what they find"


def reviews(case: Case, person: str) -> bool:
    """Whether this person reviews the complaint internally, or did: they stay apart from its handling."""
    return person == case.internal_review.reviewer or person in case.internal_review.reviewed_by


def apart_from_review(case: Case, person: str) -> None:
    """Refuse as owner, or as the one who decides, whoever reviews the complaint internally. Raises Refused."""
    if reviews(case, person):
        raise Refused(
            "reviews_it",
            "Whoever reviews a complaint internally can neither own nor decide it; somebody else has to.",
            rule="The internal reviewer is not the handler.",
        )


# Events -------------------------------------------------------------------------------------------


class _ReviewEvent(Event):
    hand: ClassVar[bool] = False

    @abstractmethod
    def change(self, case: Case, told: Happening) -> dict[str, Any]:
        """The fields of the internal review that the event changes."""

    def evolve(self, case: Case, told: Happening) -> Case:
        changed = case.internal_review.model_copy(update=self.change(case, told))
        return case.changed(internal_review=changed)


class InternalReviewOpened(_ReviewEvent):
    """By the pack, for a problem of type `problem_type`, or by somebody, for their `reason`."""

    problem_type: str | None = None
    reason: TextRef | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.INTERNAL_REVIEW_OPENED,)

    def change(self, case: Case, told: Happening) -> dict[str, Any]:
        before = case.internal_review
        return {
            "number": before.number + 1, "round": case.closure.reopened, "opened_at": told.occurred_at,
            "reviewer": None, "reviewed_at": None, "findings": None, "outcome": None, "corrections": None,
        }  # fmt: skip


class InternalReviewerAssigned(_ReviewEvent):
    """Choosing a reviewer is no hand in the case, as in the review of a dispute."""

    reviewer: Person

    def change(self, case: Case, told: Happening) -> dict[str, Any]:
        return {"reviewer": self.reviewer.id}


class InternalReviewed(_ReviewEvent):
    """`corrections` is what has to change where the process is defective."""

    hand: ClassVar[bool] = True  # who looked into it once can not look at it with fresh eyes in a dispute

    findings: TextRef
    outcome: InternalOutcome
    corrections: TextRef | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.INTERNAL_REVIEWED,)

    def change(self, case: Case, told: Happening) -> dict[str, Any]:
        return {
            "reviewed_at": told.occurred_at, "findings": self.findings, "outcome": self.outcome,
            "corrections": self.corrections, "reviewed_by": (*case.internal_review.reviewed_by, told.actor),
        }  # fmt: skip


def opened_by_triage(pack: Pack, case: Case) -> Iterator[Event]:
    """The internal review that the complaint's problem type calls for by the pack, once a round."""
    rule = pack.internal_review
    if rule is None or case.problem_type not in rule.opens_for:
        return
    if not case.internal_review.of_this_round(case):
        yield InternalReviewOpened(problem_type=case.problem_type)


# Commands -----------------------------------------------------------------------------------------


def _in_review(case: Case) -> InternalReview:
    if not case.internal_review.open:
        raise Refused("no_internal_review", "No internal review of this complaint is open.")
    return case.internal_review


class OpenInternalReview(Command):
    """Have our own part in what is complained of reviewed by somebody who does not handle the complaint.

    Until they have recorded what they find, the final response is not sent and the complaint not closed.
    """

    title: ClassVar[str] = "Open an internal review"
    who: ClassVar[frozenset[Role]] = ABOVE | {Role.COMPLIANCE_OFFICER}

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        if case.internal_review.open:
            raise Refused("already_done", "An internal review of this complaint is open already.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield InternalReviewOpened(reason=self.reason)


class AssignInternalReviewer(Command):
    """Choose who reviews our own part: somebody with no hand in the case, who reports to nobody who had one."""

    title: ClassVar[str] = "Assign an internal reviewer"
    who: ClassVar[frozenset[Role]] = ABOVE | {Role.COMPLIANCE_OFFICER}

    reviewer: Person

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _in_review(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.reviewer.id == case.internal_review.reviewer:
            raise Refused("already_done", "This person is the internal reviewer already.")
        on_offer = self.reviewer.id == case.ownership.offered_to
        permit_reviewer(
            case,
            self.reviewer,
            why_not="this complaint is on offer to them" if on_offer else None,
            of="our part in this",
            otherwise="a compliance officer may do it where no handler is left",
            rule="The internal reviewer is not the handler and does not report to one who is.",
        )
        yield InternalReviewerAssigned(reviewer=self.reviewer)


class RecordInternalReview(Command):
    """Write down what the internal review found; where the process is defective, say what has to change."""

    title: ClassVar[str] = "Record the internal review"
    who: ClassVar[frozenset[Role]] = REVIEWING

    findings: TextRef
    outcome: InternalOutcome
    corrections: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        found = _in_review(case)
        if found.reviewer is None:
            raise Refused(
                "no_reviewer", "Nobody reviews this internally yet; have a supervisor assign a reviewer."
            )
        if found.reviewer != ctx.actor.id:
            raise Refused(
                "not_the_reviewer", "Only the internal reviewer may do this.", who="the internal reviewer"
            )
        unconflicted(case, ctx.actor)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        opened_at = _in_review(case).opened_at
        if opened_at is not None and ctx.occurred_at < opened_at:
            raise Refused("before_start", "The internal review was opened later than that; correct the time.")
        if self.outcome == "defective" and self.corrections is None:
            raise Refused(
                "no_corrections", "Say what has to change: a process that is defective is to be corrected."
            )
        yield InternalReviewed(findings=self.findings, outcome=self.outcome, corrections=self.corrections)
