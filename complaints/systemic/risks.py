"""The risk register: what a systemic issue may still bring about is assessed, treated, and looked at again in time.

Each systemic issue has one risk at most; a new assessment takes the place of the former, which stays in the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

from pydantic import AwareDatetime

from complaints.base import INSTANT, Command, Context, Event, Happening, Person, Refused, TextRef
from complaints.messages import Message
from complaints.systemic.issue import LEADING, SystemicIssue, refuse_resolved
from complaints.systemic.risk_state import Rating, Risk, RiskLevel, Treatment, level_of
from policies.vocabulary import Role

GRAVE = frozenset({RiskLevel.HIGH, RiskLevel.EXTREME})
"""Levels that only a department head may accept: a choice of ours, the standard (crm-service S7.2) gives none."""


class RiskAssessed(Event):
    """How likely and how grave it is, what is done about it, who answers for that, and when it is looked at again."""

    likelihood: Rating
    impact: Rating
    treatment: Treatment
    reasons: TextRef
    owner: str
    review_by: AwareDatetime

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        risk = Risk(
            likelihood=self.likelihood,
            impact=self.impact,
            treatment=self.treatment,
            reasons=self.reasons,
            owner=self.owner,
            review_by=self.review_by,
            assessed_at=told.occurred_at,
            times=case.risk.times + 1 if case.risk else 1,
        )
        return case.changed(risk=risk)


class RiskReviewDue(Event):
    """Nobody looked at the risk again by `due_at`."""

    owner: str
    due_at: AwareDatetime

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        return case.changed(risk=_risk(case).model_copy(update={"overdue": True}))


class AssessRisk(Command):
    """Say how likely it is that this goes on or comes back, how grave that would be, and what is done about it.

    How grave the risk is follows from both, by the matrix of the risk register. To accept a high or extreme one
    takes a department head. Whoever answers for it is alerted where it is not assessed again in time.
    """

    title: ClassVar[str] = "Assess the risk"
    who: ClassVar[frozenset[Role]] = LEADING
    to_systemic: ClassVar[bool] = True

    likelihood: Rating
    impact: Rating
    treatment: Treatment
    reasons: TextRef
    owner: Person
    review_by: AwareDatetime

    @classmethod
    def check(cls, case: SystemicIssue, ctx: Context) -> None:
        refuse_resolved(case)

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        level = level_of(self.likelihood, self.impact)
        head = Role.DEPARTMENT_HEAD.replace("_", " ")
        if self.treatment is Treatment.ACCEPT and level in GRAVE and not ctx.actor.has(Role.DEPARTMENT_HEAD):
            raise Refused(
                "not_allowed",
                f"This risk is {level}; to accept one that is high or extreme takes a {head}. Treat it"
                " another way, or have it accepted there.",
                who=head,
            )
        if self.review_by <= ctx.at:
            raise Refused("in_the_past", "Choose a moment still to come for looking at the risk again.")
        yield RiskAssessed(
            likelihood=self.likelihood,
            impact=self.impact,
            treatment=self.treatment,
            reasons=self.reasons,
            owner=self.owner.id,
            review_by=self.review_by,
        )


# What time alone makes happen -------------------------------------------------------------------------


def next_review_missed(issue: SystemicIssue) -> datetime | None:
    """The first instant at which a review of the risk is overdue and nobody was told so yet, or None."""
    if issue.risk is None or issue.risk.overdue or issue.resolved_at is not None:
        return None
    return issue.risk.review_by + INSTANT


def review_missed(issue: SystemicIssue) -> RiskReviewDue:
    """What happens at `next_review_missed`. Raises ValueError for an issue without a risk."""
    risk = _risk(issue)
    return RiskReviewDue(owner=risk.owner, due_at=risk.review_by)


def messages_about_risk(issue: SystemicIssue, told: Happening) -> Iterator[Message]:
    """The one alert to whoever answers for the risk; `issue` is the issue after the happening."""
    event = told.event
    if isinstance(event, RiskReviewDue):
        yield Message(
            dedupe=f"{issue.reference}/risk/review/{event.due_at.isoformat()}",
            kind="check_due",
            to=f"staff:{event.owner}",
            fallback=f"role:{Role.SUPERVISOR}",
            due_at=event.due_at,
        )


def _risk(issue: SystemicIssue) -> Risk:
    if issue.risk is None:
        raise ValueError(f"{issue.reference} has no risk")
    return issue.risk
