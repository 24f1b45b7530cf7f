"""Departments: which of them are told of a complaint, what they are asked, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from complaints.base import HANDLING, About, Command, Context, Event, Happening, Refused, TextRef
from complaints.chapters.investigation import Question, opened, stepped
from complaints.people.standing import still_open
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

Department = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
"""A department by its short code."""


# Events -------------------------------------------------------------------------------------------


class DepartmentTold(Event):
    """The department that a complaint concerns knows of it. `text` is None where triage itself told it."""

    department: str
    text: TextRef | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DEPARTMENT_TOLD,)

    def about(self) -> About:
        return About(department=self.department)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(departments_told={**case.departments_told, self.department: told.occurred_at})


class DepartmentAsked(Event):
    question: str
    department: str
    text: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DEPARTMENT_ASKED,)

    def about(self) -> About:
        return About(subject=self.question, department=self.department)

    def evolve(self, case: Case, told: Happening) -> Case:
        asked = Question(
            id=self.question, department=self.department, text=self.text, asked_at=told.occurred_at
        )
        return stepped(case, self, questions=(*case.investigation.questions, asked))


class DepartmentAnswered(Event):
    """`department` is empty in records from before it stood here."""

    question: str
    text: TextRef
    department: str = ""

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.DEPARTMENT_ANSWERED,)

    def about(self) -> About:
        return About(subject=self.question, department=self.department or None)

    def evolve(self, case: Case, told: Happening) -> Case:
        answer = {"answer": self.text, "answered_at": told.occurred_at}
        return stepped(
            case,
            self,
            questions=tuple(
                item.model_copy(update=answer) if item.id == self.question else item
                for item in case.investigation.questions
            ),
        )


# Commands -----------------------------------------------------------------------------------------


def told_by_triage(pack: Pack, case: Case) -> Iterator[Event]:
    """What triage tells: the department that handles problems of the case's type, where the pack names one.

    `case` is as triage has classed it. A department that knows of the complaint already is not told again.
    """
    problem = pack.problem_types.get(case.problem_type) if case.problem_type else None
    department = problem.department if problem else None
    if department is not None and department not in case.departments_told:
        yield DepartmentTold(department=department)


class TellDepartment(Command):
    """Tell a department of this complaint, or pass a suggestion on to it; nothing is asked of it."""

    title: ClassVar[str] = "Tell a department"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT}

    department: Department
    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        _known(ctx.rules, self.department)
        yield DepartmentTold(department=self.department, text=self.text)


class AskDepartment(Command):
    """Ask a department what it knows, or what it can do."""

    title: ClassVar[str] = "Ask a department"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    department: Department
    question: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        _known(ctx.rules, self.department)
        yield from opened(case)
        number = len(case.investigation.questions) + 1
        yield DepartmentAsked(question=f"Q{number}", department=self.department, text=self.question)


class AnswerDepartment(Command):
    """Record what the department answered; a department head may answer directly."""

    title: ClassVar[str] = "Record a department's answer"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

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
        yield DepartmentAnswered(question=self.question, text=self.text, department=found.department)


def _known(pack: Pack, department: str) -> None:
    """Refuse a department that the pack, where it names any, does not name. Raises Refused."""
    if pack.departments and department not in pack.departments:
        named = ", ".join(sorted(pack.departments))
        raise Refused("no_such_department", f"There is no department {department} here; there are: {named}.")
