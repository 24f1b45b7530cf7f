"""Feedback: the written answer and what came back: a score, a confirmation, a senior for a low score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AwareDatetime, Field

from complaints.base import (
    HANDLING,
    INSTANT,
    Coming,
    Command,
    Context,
    Event,
    Frozen,
    Happening,
    Refused,
    TextRef,
)
from complaints.chapters.conversation import heard
from complaints.chapters.letters import letter
from complaints.chapters.response import Draft
from complaints.people.standing import speaks_for_customer, unconflicted
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

Points = Annotated[int, Field(ge=1, le=5)]
"""1 (not at all content) to 5 (very)."""

Aspect = Annotated[int | None, Field(ge=1, le=5)]
"""As Points, for one side of the matter alone; None where the customer did not say."""

Recommend = Annotated[int | None, Field(ge=0, le=10)]
"""0 (would not recommend us at all) to 10 (certainly would), for the net promoter score; None: did not say."""


class Score(Frozen):
    """What the customer gave, and said about it.

    Next to the score of the whole stand those of four sides of it (service-centre S1.4 and S3.3: attitude,
    professionalism, efficiency, degree of solution) and the answer that the net promoter score is made of.
    """

    points: int
    comment: TextRef | None
    answered_at: AwareDatetime
    attitude: int | None = None
    professionalism: int | None = None
    efficiency: int | None = None
    solution: int | None = None
    recommend: int | None = None


class Feedback(Frozen):
    """The written feedback of the present round and what came back; `former_scores` are of rounds before.

    `asked_after` is the instant of the fact (the pack's `ask_after`) that satisfaction was last asked for.
    """

    drafts: int = 0
    draft: Draft | None = None
    issued_at: AwareDatetime | None = None
    no_delivery_reason: TextRef | None = None
    asked_at: AwareDatetime | None = None
    asked_after: AwareDatetime | None = None
    score: Score | None = None
    former_scores: tuple[Score, ...] = ()
    low_score_open: bool = False
    senior_reviewed_at: AwareDatetime | None = None
    confirmed_at: AwareDatetime | None = None
    confirmation_lapsed_at: AwareDatetime | None = None

    @property
    def issued(self) -> bool:
        """The final response has gone out in this round."""
        return self.issued_at is not None

    @property
    def approved(self) -> bool:
        """The response as it is drafted now is approved."""
        return self.draft is not None and self.draft.approved

    @property
    def no_delivery(self) -> bool:
        """It is on record why the customer gets no response."""
        return self.no_delivery_reason is not None

    def outdated(self) -> Feedback:
        """The issues changed: what was drafted does not answer them, and its approval is void."""
        if self.draft is None or self.issued:
            return self
        return self.model_copy(update={"draft": self.draft.model_copy(update={"outdated": True})})

    def reopened(self) -> Feedback:
        """A new round: another answer is owed; the scores stay, and a low one still wants its review."""
        return Feedback(
            drafts=self.drafts,
            asked_after=self.asked_after,
            former_scores=(*self.former_scores, self.score) if self.score else self.former_scores,
            low_score_open=self.low_score_open,
        )


def delivered_at(case: Case) -> datetime | None:
    """When this round's final response reached the customer; None before, and again after a bounce."""
    if not case.feedback.issued or not case.letters.reached("final_response"):
        return None
    return case.since_opened(Fact.RESPONSE_DELIVERED)


# Events -------------------------------------------------------------------------------------------


class SatisfactionAsked(Event):
    """`after` is the instant of what the pack asks after; the letter follows."""

    after: AwareDatetime

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.SATISFACTION_ASKED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        changes = {"asked_at": told.occurred_at, "asked_after": self.after}
        return case.changed(feedback=case.feedback.model_copy(update=changes))


class SatisfactionAnswered(Event):
    """Scores as in Score; what the customer left out is None."""

    hand: ClassVar[bool] = False

    points: int
    comment: TextRef | None = None
    attitude: int | None = None
    professionalism: int | None = None
    efficiency: int | None = None
    solution: int | None = None
    recommend: int | None = None

    def facts(self) -> tuple[Fact, ...]:
        said = () if self.comment is None else (Fact.FEEDBACK_RECEIVED,)
        return (Fact.SATISFACTION_ANSWERED, *said)

    def evolve(self, case: Case, told: Happening) -> Case:
        score = Score(
            points=self.points,
            comment=self.comment,
            answered_at=told.occurred_at,
            attitude=self.attitude,
            professionalism=self.professionalism,
            efficiency=self.efficiency,
            solution=self.solution,
            recommend=self.recommend,
        )
        after = case if self.comment is None else heard(case, told)
        return after.changed(feedback=case.feedback.model_copy(update={"score": score}))


class LowScoreEscalated(Event):
    """The score is so low that a senior looks at the case; until then it is not closed."""

    hand: ClassVar[bool] = False

    points: int

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.SENIOR_REVIEW_ASKED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(feedback=case.feedback.model_copy(update={"low_score_open": True}))


class SeniorReviewed(Event):
    text: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.SENIOR_REVIEWED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        changes = {"low_score_open": False, "senior_reviewed_at": told.occurred_at}
        return case.changed(feedback=case.feedback.model_copy(update=changes))


class OutcomeConfirmed(Event):
    """The customer says that the matter is settled for them (retail-2025 S6.2)."""

    hand: ClassVar[bool] = False

    note: TextRef | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.CUSTOMER_CONFIRMED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(feedback=case.feedback.model_copy(update={"confirmed_at": told.occurred_at}))


class ConfirmationWindowEnded(Event):
    """The customer neither confirmed nor disputed in the pack's time: the owner may close."""

    def evolve(self, case: Case, told: Happening) -> Case:
        changes = {"confirmation_lapsed_at": told.occurred_at}
        return case.changed(feedback=case.feedback.model_copy(update=changes))


# Commands -----------------------------------------------------------------------------------------


class AnswerSatisfaction(Command):
    """Give a score from 1 (not at all content) to 5 (very), for the whole and for its sides, and say why."""

    title: ClassVar[str] = "Answer on satisfaction"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.COMPLAINANT}

    score: Points
    attitude: Aspect = None
    professionalism: Aspect = None
    efficiency: Aspect = None
    solution: Aspect = None
    recommend: Recommend = None
    comment: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        speaks_for_customer(case, ctx.actor)
        if case.feedback.asked_at is None:
            raise Refused("not_asked", "The customer has not been asked yet; that follows the response.")
        if case.feedback.score is not None:
            raise Refused(
                "already_done", "A score was given for this response already; write a message instead."
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield SatisfactionAnswered(
            points=self.score,
            comment=self.comment,
            attitude=self.attitude,
            professionalism=self.professionalism,
            efficiency=self.efficiency,
            solution=self.solution,
            recommend=self.recommend,
        )
        if self.score <= ctx.rules.satisfaction.low_score:
            yield LowScoreEscalated(points=self.score)


class RecordSeniorReview(Command):
    """Write down what you found as a senior who does not own the complaint, and what you do about it."""

    title: ClassVar[str] = "Record a senior review"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD})

    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        unconflicted(case, ctx.actor)
        if not case.feedback.low_score_open and case.investigation.resolved_at is None:
            raise Refused("nothing_to_review", "There is nothing to review yet; decide the issues first.")
        if case.ownership.owner == ctx.actor.id:
            raise Refused("self_review", "You own this complaint; another senior has to review it.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield SeniorReviewed(text=self.text)


class ConfirmOutcome(Command):
    """The customer confirms that the matter is settled for them."""

    title: ClassVar[str] = "Confirm the outcome"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.COMPLAINANT}

    note: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        speaks_for_customer(case, ctx.actor)
        if case.feedback.confirmed_at is not None:
            raise Refused("already_done", "The outcome was confirmed already.")
        if case.dispute.open:
            raise Refused("disputed", "The outcome is disputed; conclude or withdraw the dispute first.")
        if delivered_at(case) is None:
            raise Refused(
                "not_delivered",
                "There is no response yet that reached the customer; record how it was served, if it was.",
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        reached = delivered_at(case)
        if reached is not None and ctx.occurred_at < reached:
            raise Refused(
                "before_start", "The response reached the customer later than that; correct the time."
            )
        yield OutcomeConfirmed(note=self.note)


# What time alone makes happen -------------------------------------------------------------------------


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """Satisfaction is asked once the pack's fact is there; the time to confirm runs out."""
    if case.ended or case.closure.archived_at is not None:
        return
    yield from _asking(pack, case)
    yield from _confirmation(pack, case)


def _asking(pack: Pack, case: Case) -> Iterator[Coming]:
    feedback = case.feedback
    if case.correspondent is None or feedback.no_delivery or feedback.score is not None:
        return
    after = case.since_opened(pack.satisfaction.ask_after)
    # Whoever was answered before we recorded the complaint (an import, say) is not asked years later.
    if after is not None and after >= case.recorded_at and after != feedback.asked_after:
        yield Coming(after, SatisfactionAsked(after=after))
    elif feedback.asked_at is not None:
        latest = case.letters.latest("satisfaction_request")
        if latest is None or latest.queued_at < feedback.asked_at:
            queued = letter(case, "satisfaction_request")
            if queued is not None:
                yield Coming(feedback.asked_at, queued)


def _confirmation(pack: Pack, case: Case) -> Iterator[Coming]:
    feedback, reached = case.feedback, delivered_at(case)
    if reached is None or case.dispute.open or case.closure.closed_at is not None:
        return
    if feedback.confirmed_at is None and feedback.confirmation_lapsed_at is None:
        # A dispute that was concluded gives the customer the time anew.
        start = max(reached, case.since_opened(Fact.DISPUTE_CLOSED) or reached)
        yield Coming(pack.after(start, pack.windows.confirm) + INSTANT, ConfirmationWindowEnded())
