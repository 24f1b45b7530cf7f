"""Investigation: what was found out, whom we asked and spoke with, what is planned and reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AwareDatetime, Field

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.issues import Issue, investigated, issue_of
from complaints.standing import letter_to_customer, still_open
from policies.vocabulary import Channel, Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case

Department = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
"""A department by its short code."""


class Finding(Frozen):
    """What was found out, about one issue or about the whole. `id` is F1, F2 …"""

    id: str
    issue: str | None
    text: TextRef
    by: str
    found_at: AwareDatetime


class Question(Frozen):
    """What a department was asked. `id` is Q1, Q2 …"""

    id: str
    department: str
    text: TextRef
    asked_at: AwareDatetime
    answer: TextRef | None = None
    answered_at: AwareDatetime | None = None


class Investigation(Frozen):
    """The work on a complaint. A reopening begins another round.

    `done` (facts that this chapter made true), the plans and `resolved_at` are of the present round.
    """

    issues: tuple[Issue, ...] = ()
    findings: tuple[Finding, ...] = ()
    questions: tuple[Question, ...] = ()
    contacts: int = 0
    done: tuple[Fact, ...] = ()
    plan: TextRef | None = None
    management_plan: TextRef | None = None
    resolved_at: AwareDatetime | None = None

    @property
    def undecided(self) -> tuple[Issue, ...]:
        """The issues that still want a decision."""
        return tuple(issue for issue in self.issues if issue.decision is None)

    @property
    def resolved(self) -> bool:
        """Every issue is decided, and there is at least one."""
        return bool(self.issues) and not self.undecided

    def issue(self, issue: str) -> Issue | None:
        return next((item for item in self.issues if item.id == issue), None)

    def question(self, question: str) -> Question | None:
        return next((item for item in self.questions if item.id == question), None)

    def reopened(self) -> Investigation:
        """A new round: what was found stays on record, and every issue wants a decision again."""
        return Investigation(
            issues=tuple(issue.undecided() for issue in self.issues),
            findings=self.findings,
            questions=self.questions,
            contacts=self.contacts,
        )


# Events -------------------------------------------------------------------------------------------


class _Step(Event):
    """An event of the investigation: its facts count for the present round."""

    def change(self, before: Investigation, told: Happening) -> dict[str, Any]:
        """The fields of the investigation that the event changes."""
        return {}

    def evolve(self, case: Case, told: Happening) -> Case:
        before = case.investigation
        fresh = tuple(fact for fact in self.facts() if fact not in before.done)
        changes = {"done": (*before.done, *fresh), **self.change(before, told)}
        return case.changed(investigation=before.model_copy(update=changes))


class InvestigationOpened(_Step):
    def facts(self) -> tuple[Fact, ...]:
        return (Fact.INVESTIGATION_OPENED,)


class FindingRecorded(_Step):
    finding: str
    issue: str | None
    text: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.FINDING_RECORDED,)

    def change(self, before: Investigation, told: Happening) -> dict[str, Any]:
        found = Finding(
            id=self.finding, issue=self.issue, text=self.text, by=told.actor, found_at=told.occurred_at
        )
        return {"findings": (*before.findings, found)}


class ContactRecorded(_Step):
    """The customer was spoken with: time, way, content, reaction and outcome (retail-2025 S6.3)."""

    way: Channel
    content: TextRef
    reaction: TextRef
    outcome: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.CUSTOMER_CONTACTED,)

    def change(self, before: Investigation, told: Happening) -> dict[str, Any]:
        return {"contacts": before.contacts + 1}


class DepartmentAsked(_Step):
    question: str
    department: str
    text: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DEPARTMENT_ASKED,)

    def change(self, before: Investigation, told: Happening) -> dict[str, Any]:
        asked = Question(
            id=self.question, department=self.department, text=self.text, asked_at=told.occurred_at
        )
        return {"questions": (*before.questions, asked)}


class DepartmentAnswered(_Step):
    question: str
    text: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DEPARTMENT_ANSWERED,)

    def change(self, before: Investigation, told: Happening) -> dict[str, Any]:
        answer = {"answer": self.text, "answered_at": told.occurred_at}
        return {
            "questions": tuple(
                item.model_copy(update=answer) if item.id == self.question else item
                for item in before.questions
            )
        }


class PreliminaryInvestigated(_Step):
    summary: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.PRELIMINARY_INVESTIGATED,)


class PlanProposed(_Step):
    text: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.PLAN_PROPOSED,)

    def change(self, before: Investigation, told: Happening) -> dict[str, Any]:
        return {"plan": self.text}


class ProgressReported(_Step):
    """The customer was told how far it has come; the letter follows."""

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.PROGRESS_REPORTED,)


class ManagementPlanned(_Step):
    text: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.MANAGEMENT_PLANNED,)

    def change(self, before: Investigation, told: Happening) -> dict[str, Any]:
        return {"management_plan": self.text}


# Commands -----------------------------------------------------------------------------------------


class _Handling(Command):
    """What the owner does with a complaint that is open."""

    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)


def _opened(case: Case) -> Iterator[Event]:
    """The first step of an investigation opens it."""
    if Fact.INVESTIGATION_OPENED not in case.investigation.done:
        yield InvestigationOpened()


class RecordFinding(_Handling):
    """Write down what was found out, about one issue or about the whole complaint."""

    title: ClassVar[str] = "Record a finding"

    issue: str | None = None
    text: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.issue is not None:
            issue_of(case, self.issue)
        yield from _opened(case)
        number = len(case.investigation.findings) + 1
        yield FindingRecorded(finding=f"F{number}", issue=self.issue, text=self.text)


class RecordContact(Command):
    """Write down a conversation with the customer: way, content, how they took it, and what came of it."""

    title: ClassVar[str] = "Record a contact with the customer"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    way: Channel
    content: TextRef
    reaction: TextRef
    outcome: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield ContactRecorded(
            way=self.way, content=self.content, reaction=self.reaction, outcome=self.outcome
        )


class AskDepartment(_Handling):
    """Ask a department what it knows, or what it can do."""

    title: ClassVar[str] = "Ask a department"

    department: Department
    question: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield from _opened(case)
        number = len(case.investigation.questions) + 1
        yield DepartmentAsked(question=f"Q{number}", department=self.department, text=self.question)


class AnswerDepartment(_Handling):
    """Record what the department answered; a department head may answer directly."""

    title: ClassVar[str] = "Record a department's answer"

    question: str
    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        if not any(item.answer is None for item in case.investigation.questions):
            raise Refused("no_question", "No department has a question of this complaint to answer.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.investigation.question(self.question)
        if found is None:
            raise Refused("no_question", f"This complaint has no question {self.question}.")
        if found.answer is not None:
            raise Refused("already_done", f"Question {self.question} was answered already; ask another.")
        if ctx.occurred_at < found.asked_at:
            raise Refused(
                "before_start", "A question can not be answered before it was asked; correct the time."
            )
        yield DepartmentAnswered(question=self.question, text=self.text)


class CompletePreliminaryInvestigation(_Handling):
    """Say that the cause is known and what the customer needs is understood, with a summary."""

    title: ClassVar[str] = "Complete the preliminary investigation"

    summary: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        if Fact.PRELIMINARY_INVESTIGATED in case.investigation.done:
            raise Refused("already_done", "The preliminary investigation is complete already.")
        investigated(case, ctx, besides=Fact.PRELIMINARY_INVESTIGATED)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield from _opened(case)
        yield PreliminaryInvestigated(summary=self.summary)


class ProposePlan(_Handling):
    """Say what is to be done about the complaint; give `progress` to write to the customer about it, too."""

    title: ClassVar[str] = "Propose a plan"

    text: TextRef
    progress: TextRef | None = None

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield PlanProposed(text=self.text)
        if self.progress is not None:
            yield from _reported(case, self.progress)


def _reported(case: Case, text: TextRef) -> Iterator[Event]:
    queued = letter_to_customer(
        case, "progress_report", text, "keep the progress in a note, or add a party who can be reached"
    )
    yield ProgressReported()
    yield queued


class ReportProgress(_Handling):
    """Write to the customer how far their complaint has come."""

    title: ClassVar[str] = "Report progress to the customer"

    text: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield from _reported(case, self.text)


class ProposeManagementPlan(Command):
    """Say what management will do about what lies behind this complaint; a later plan replaces it."""

    title: ClassVar[str] = "Propose management's plan"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD})

    text: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield ManagementPlanned(text=self.text)
