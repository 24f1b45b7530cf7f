"""Outside cases: a regulator's or a court's own case on a complaint, its deadlines and its direction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import AwareDatetime

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
from complaints.people.standing import texts_remain
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

Deadline = Literal["answer", "compliance"]
_ANSWERING = HANDLING | {Role.COMPLIANCE_OFFICER}


class OutsideCase(Frozen):
    """One case before an outside body. `id` is X1, X2 …; the body sets `answer_by` and `comply_by`.

    `passed` names the deadlines that passed unmet, each said once.
    """

    id: str
    body: TextRef
    their_reference: TextRef | None = None
    opened_at: AwareDatetime
    answer_by: AwareDatetime | None = None
    answered_at: AwareDatetime | None = None
    directed_at: AwareDatetime | None = None
    comply_by: AwareDatetime | None = None
    complied_at: AwareDatetime | None = None
    passed: tuple[Deadline, ...] = ()
    closed_at: AwareDatetime | None = None

    @property
    def open(self) -> bool:
        return self.closed_at is None

    @property
    def direction_unmet(self) -> bool:
        return self.directed_at is not None and self.complied_at is None


# Events -------------------------------------------------------------------------------------------


class OutsideCaseOpened(Event):
    """A body outside looks at the complaint; an archived one is live again until the body is done."""

    outside_case: str
    body: TextRef
    their_reference: TextRef | None = None
    answer_by: AwareDatetime | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.OUTSIDE_CASE_OPENED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        opened = OutsideCase(
            id=self.outside_case, body=self.body, their_reference=self.their_reference,
            opened_at=told.occurred_at, answer_by=self.answer_by,
        )  # fmt: skip
        return case.changed(
            dispute=case.dispute.model_copy(update={"outside": (*case.dispute.outside, opened)}),
            closure=case.closure.model_copy(update={"archived_at": None}),
        )


class _OutsideEvent(Event):
    outside_case: str

    @abstractmethod
    def change(self, found: OutsideCase, told: Happening) -> dict[str, object]:
        """The fields of the outside case that the event changes."""

    def evolve(self, case: Case, told: Happening) -> Case:
        outside = tuple(
            item.model_copy(update=self.change(item, told)) if item.id == self.outside_case else item
            for item in case.dispute.outside
        )
        return case.changed(dispute=case.dispute.model_copy(update={"outside": outside}))


class OutsideBodyAnswered(_OutsideEvent):
    """We answered what the body asked."""

    text: TextRef

    def change(self, found: OutsideCase, told: Happening) -> dict[str, object]:
        return {"answered_at": told.occurred_at}


class OutsideDirectionGiven(_OutsideEvent):
    """The body said what we must do; a later direction takes the place of one that was met."""

    text: TextRef
    comply_by: AwareDatetime | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.OUTSIDE_DIRECTION_GIVEN,)

    def change(self, found: OutsideCase, told: Happening) -> dict[str, object]:
        return {
            "directed_at": told.occurred_at,
            "comply_by": self.comply_by,
            "complied_at": None,
            "passed": tuple(deadline for deadline in found.passed if deadline != "compliance"),
        }


class OutsideDirectionMet(_OutsideEvent):
    text: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.OUTSIDE_DIRECTION_MET,)

    def change(self, found: OutsideCase, told: Happening) -> dict[str, object]:
        return {"complied_at": told.occurred_at}


class OutsideDeadlinePassed(_OutsideEvent):
    """A deadline that the outside body set passed unmet. `due_at` is that deadline."""

    deadline: Deadline
    due_at: AwareDatetime

    def change(self, found: OutsideCase, told: Happening) -> dict[str, object]:
        return {"passed": (*found.passed, self.deadline)}


class OutsideCaseClosed(_OutsideEvent):
    outcome: TextRef

    def change(self, found: OutsideCase, told: Happening) -> dict[str, object]:
        return {"closed_at": told.occurred_at}


def opened(case: Case, body: TextRef, their_reference: TextRef | None = None,
           answer_by: AwareDatetime | None = None) -> OutsideCaseOpened:  # fmt: skip
    """The event that opens the complaint's next outside case."""
    return OutsideCaseOpened(
        outside_case=f"X{len(case.dispute.outside) + 1}", body=body, their_reference=their_reference,
        answer_by=answer_by,
    )  # fmt: skip


# Commands -----------------------------------------------------------------------------------------


def _open_case(case: Case, outside_case: str) -> OutsideCase:
    found = next((item for item in case.dispute.outside if item.id == outside_case), None)
    if found is None:
        raise Refused("no_outside_case", f"This complaint has no outside case {outside_case}.")
    if not found.open:
        raise Refused("already_done", f"Outside case {outside_case} is closed.")
    return found


class OpenOutsideCase(Command):
    """Record that a body outside has taken up the complaint, with their reference and their deadline."""

    title: ClassVar[str] = "Open an outside case"
    who: ClassVar[frozenset[Role]] = _ANSWERING
    when_ended: ClassVar[bool] = True  # a body outside does not ask whether we are done

    body: TextRef
    their_reference: TextRef | None = None
    answer_by: AwareDatetime | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.answer_by is not None and self.answer_by < ctx.occurred_at:
            raise Refused(
                "deadline_before_start",
                "The deadline lies before the case was opened; correct one of them.",
            )
        yield opened(case, self.body, self.their_reference, self.answer_by)


class _OutsideCommand(Command):
    who: ClassVar[frozenset[Role]] = _ANSWERING
    when_ended: ClassVar[bool] = True

    outside_case: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)
        if not case.dispute.outside_open:
            raise Refused("no_outside_case", "No outside case on this complaint is open.")


class AnswerOutsideBody(_OutsideCommand):
    """Record what we answered to the outside body."""

    title: ClassVar[str] = "Answer the outside body"

    text: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        _open_case(case, self.outside_case)
        yield OutsideBodyAnswered(outside_case=self.outside_case, text=self.text)


class RecordOutsideDirection(_OutsideCommand):
    """Record what the outside body directed, and by when we must comply."""

    title: ClassVar[str] = "Record a direction"

    text: TextRef
    comply_by: AwareDatetime | None = None

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if _open_case(case, self.outside_case).direction_unmet:
            raise Refused(
                "direction_unmet", "An earlier direction is not met yet; record how it was met first."
            )
        if self.comply_by is not None and self.comply_by < ctx.occurred_at:
            raise Refused(
                "deadline_before_start",
                "The deadline lies before the direction was given; correct one of them.",
            )
        yield OutsideDirectionGiven(outside_case=self.outside_case, text=self.text, comply_by=self.comply_by)


class RecordCompliance(_OutsideCommand):
    """Record how we did what the outside body directed, with the proof (retail-2025 S7.2)."""

    title: ClassVar[str] = "Record compliance"

    text: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = _open_case(case, self.outside_case)
        if found.directed_at is None:
            raise Refused("no_direction", "The outside body has directed nothing yet.")
        if found.complied_at is not None:
            raise Refused("already_done", "This direction is met already.")
        if ctx.occurred_at < found.directed_at:
            raise Refused("before_start", "A direction can not be met before it was given; correct the time.")
        yield OutsideDirectionMet(outside_case=self.outside_case, text=self.text)


class CloseOutsideCase(_OutsideCommand):
    """Record how the outside case ended."""

    title: ClassVar[str] = "Close an outside case"

    outcome: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if _open_case(case, self.outside_case).direction_unmet:
            raise Refused(
                "direction_unmet",
                "The outside body's direction is not met yet; record how it was met first.",
            )
        yield OutsideCaseClosed(outside_case=self.outside_case, outcome=self.outcome)


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """A deadline that the outside body set, one instant after it passes unmet, once each."""
    for item in case.dispute.outside:
        if not item.open:
            continue
        if item.answer_by is not None and item.answered_at is None and "answer" not in item.passed:
            yield _passing(item, "answer", item.answer_by)
        if item.comply_by is not None and item.complied_at is None and "compliance" not in item.passed:
            yield _passing(item, "compliance", item.comply_by)


def _passing(item: OutsideCase, deadline: Deadline, due_at: AwareDatetime) -> Coming:
    # Exactly at the deadline is in time (DESIGN, Deadline arithmetic).
    return Coming(
        due_at + INSTANT, OutsideDeadlinePassed(outside_case=item.id, deadline=deadline, due_at=due_at)
    )
