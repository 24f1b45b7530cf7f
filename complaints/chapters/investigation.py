"""Investigation: what was found out, whom we asked and spoke with, what is planned and reported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import AwareDatetime

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.chapters.issues import Issue, investigated, issue_of
from complaints.people.standing import letter_to_customer, still_open
from policies.vocabulary import Channel, Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case


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


def stepped(case: Case, event: Event, **changes: Any) -> Case:
    """The case after an event of the investigation, whose facts count for the present round."""
    before = case.investigation
    fresh = tuple(fact for fact in event.facts() if fact not in before.done)
    changed = before.model_copy(update={"done": (*before.done, *fresh), **changes})
    return case.changed(investigation=changed)


class _Step(Event):
    """An event of the investigation: its facts count for the present round."""

    def change(self, before: Investigation, told: Happening) -> dict[str, Any]:
        """The fields of the investigation that the event changes."""
        return {}

    def evolve(self, case: Case, told: Happening) -> Case:
        return stepped(case, self, **self.change(case.investigation, told))


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


def opened(case: Case) -> Iterator[Event]:
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
        yield from opened(case)
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
        yield from opened(case)
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
