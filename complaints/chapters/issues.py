"""Issues: the heads of a complaint, each decided by itself with reasons; when all are, it is resolved."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.chapters.internal_review import apart_from_review
from complaints.people import tiers
from complaints.people.standing import still_open
from complaints.required import can_be_had, to_do, wanted
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case


class IssueOutcome(StrEnum):
    """How an issue is decided."""

    UPHELD = "upheld"
    PARTLY_UPHELD = "partly_upheld"
    NOT_UPHELD = "not_upheld"


class CauseClass(StrEnum):
    """What lay behind it (DESIGN, Vocabulary)."""

    HUMAN_ERROR = "human_error"
    SYSTEM_FAILURE = "system_failure"
    PROCESS_DEFECT = "process_defect"
    THIRD_PARTY = "third_party"
    POLICY = "policy"
    UNCLEAR_AUTHORITY = "unclear_authority"


class Decision(Frozen):
    """How an issue was decided, by whom, and why. `cause` is None only where it was not upheld."""

    outcome: IssueOutcome
    reasons: TextRef
    cause: CauseClass | None
    by: str
    decided_at: AwareDatetime


class Issue(Frozen):
    """One head of complaint. `id` is I1, I2 …; `former` are decisions that were replaced, oldest first."""

    id: str
    text: TextRef
    raised_at: AwareDatetime
    decision: Decision | None = None
    former: tuple[Decision, ...] = ()

    def undecided(self) -> Issue:
        """The issue open again, its decision kept as a former one."""
        if self.decision is None:
            return self
        return self.model_copy(update={"decision": None, "former": (*self.former, self.decision)})


_OF_A_ROUND = (Fact.FINDING_RECORDED, Fact.CUSTOMER_CONTACTED, Fact.PRELIMINARY_INVESTIGATED)


def investigated(case: Case, ctx: Context, besides: Fact | None = None) -> None:
    """Refuse while something is missing that the pack wants on record before an investigation is left.

    The pack's `phases_require.investigating` names the facts, but for the fact `besides`; where it is silent,
    a finding is wanted. What it asks for before `received` and `acknowledged` are left is asked for here, too: a
    phase follows from what happened, and this is the first decision that leaves all three. What an investigation
    establishes must be established in the present round. Raises Refused, naming everything that is missing.
    """
    required = wanted(ctx.rules, "received", "acknowledged", "investigating")
    if "investigating" not in ctx.rules.phases_require:
        required = (*required, Fact.FINDING_RECORDED)
    missing = []
    for fact in required:
        if fact is besides or not can_be_had(case, fact):
            continue
        known = fact in case.investigation.done if fact in _OF_A_ROUND else case.at(fact) is not None
        if not known:
            missing.append(to_do(fact))
    if missing:
        raise Refused(
            "not_investigated",
            f"The investigation is not complete; first: {'; '.join(missing)}.",
            rule="phases_require.investigating",
        )


def issue_of(case: Case, issue: str) -> Issue:
    """The issue of this id. Raises Refused."""
    found = case.investigation.issue(issue)
    if found is None:
        known = ", ".join(item.id for item in case.investigation.issues) or "none yet; add one"
        raise Refused("no_issue", f"This complaint has no issue {issue}; its issues are: {known}.")
    return found


# Events -------------------------------------------------------------------------------------------


class IssueAdded(Event):
    """Another head of complaint. What was drafted before it does not answer it."""

    issue: str
    text: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        added = Issue(id=self.issue, text=self.text, raised_at=told.occurred_at)
        changes = {"issues": (*case.investigation.issues, added), "resolved_at": None}
        return case.changed(
            investigation=case.investigation.model_copy(update=changes), feedback=case.feedback.outdated()
        )


class IssueDecided(Event):
    """An issue was decided, for the first time or anew. What was drafted before does not say so."""

    issue: str
    outcome: IssueOutcome
    reasons: TextRef
    cause: CauseClass | None

    def evolve(self, case: Case, told: Happening) -> Case:
        decision = Decision(
            outcome=self.outcome,
            reasons=self.reasons,
            cause=self.cause,
            by=told.actor,
            decided_at=told.occurred_at,
        )
        issues = tuple(
            issue.undecided().model_copy(update={"decision": decision}) if issue.id == self.issue else issue
            for issue in case.investigation.issues
        )
        return case.changed(
            investigation=case.investigation.model_copy(update={"issues": issues}),
            feedback=case.feedback.outdated(),
        )


class Resolved(Event):
    """Every issue is decided."""

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.RESOLVED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(
            investigation=case.investigation.model_copy(update={"resolved_at": told.occurred_at})
        )


# Commands -----------------------------------------------------------------------------------------


def _unanswered(case: Case) -> None:
    if case.feedback.issued:
        raise Refused(
            "response_issued",
            "The final response has gone out with its decisions; what changes them now is a dispute, "
            "a reopening, or a complaint of its own.",
        )


class AddIssue(Command):
    """Name one thing that is complained of; each is decided by itself."""

    title: ClassVar[str] = "Add an issue"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        _unanswered(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield IssueAdded(issue=f"I{len(case.investigation.issues) + 1}", text=self.text)


class DecideIssue(Command):
    """Uphold an issue, in whole or in part, or not, with reasons and what lay behind it.

    It can be decided anew, with reasons, until the final response is approved.
    """

    title: ClassVar[str] = "Decide an issue"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    issue: str
    outcome: IssueOutcome
    reasons: TextRef
    cause: CauseClass | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        _unanswered(case)
        if not case.investigation.issues:
            raise Refused("no_issue", "Nothing to decide yet; add an issue for each thing complained of.")
        if case.feedback.approved:
            raise Refused(
                "response_approved",
                "The response with these decisions is approved; have it returned, or draft it again, "
                "before you decide anew.",
            )
        apart_from_review(case, ctx.actor.id)
        investigated(case, ctx)
        tiers.permit_holder(ctx.rules, case, ctx.actor)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = issue_of(case, self.issue)
        if self.cause is None and self.outcome is not IssueOutcome.NOT_UPHELD:
            raise Refused("no_cause", "Say what lay behind it: an issue that is upheld has a cause.")
        if ctx.occurred_at < found.raised_at:
            raise Refused(
                "before_start", "An issue can not be decided before it was raised; correct the time."
            )
        yield IssueDecided(issue=self.issue, outcome=self.outcome, reasons=self.reasons, cause=self.cause)
        last = all(issue.id == self.issue for issue in case.investigation.undecided)
        if last and case.investigation.resolved_at is None:
            yield Resolved()
