"""Membership: a complaint's side of a systemic issue, which it joins, hears from, and leaves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import Command, Context, Event, Frozen, Happening, TextRef
from complaints.chapters.letters import letter
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case


class Membership(Frozen):
    """One systemic issue that the complaint is or was part of.

    `heard` are the numbers of the issue's happenings that arrived here: what is told twice is heard once.
    `moved` is the number of the joining or leaving that `joined` follows from: they may arrive out of order.
    """

    systemic_issue: str
    joined: bool = False
    moved: int = 0
    heard: tuple[int, ...] = ()
    since: AwareDatetime


def joined(case: Case) -> tuple[str, ...]:
    """The references of the systemic issues that the complaint is part of now."""
    return tuple(item.systemic_issue for item in case.systemic if item.joined)


# Events -------------------------------------------------------------------------------------------


class _Heard(Event):
    """`number` is the sequence of the happening in the systemic issue's own stream."""

    hand: ClassVar[bool] = False

    systemic_issue: str
    number: int

    def change(self, before: Membership) -> dict[str, object]:
        """What else of the membership changes, beside that this was heard."""
        return {}

    def evolve(self, case: Case, told: Happening) -> Case:
        found = next((item for item in case.systemic if item.systemic_issue == self.systemic_issue), None)
        before = found or Membership(systemic_issue=self.systemic_issue, since=told.occurred_at)
        after = before.model_copy(update={"heard": (*before.heard, self.number), **self.change(before)})
        if found is None:
            return case.changed(systemic=(*case.systemic, after))
        return case.changed(
            systemic=tuple(
                after if item.systemic_issue == self.systemic_issue else item for item in case.systemic
            )
        )


class SystemicJoined(_Heard):
    def change(self, before: Membership) -> dict[str, object]:
        return {"joined": True, "moved": self.number} if self.number > before.moved else {}


class SystemicLeft(_Heard):
    def change(self, before: Membership) -> dict[str, object]:
        return {"joined": False, "moved": self.number} if self.number > before.moved else {}


class SystemicHeard(_Heard):
    """What is new about the systemic issue; the customer was written to where `tell_customer` says so."""

    text: TextRef
    tell_customer: bool


class SystemicPlanHeard(_Heard):
    """Management has a plan against what lies behind the complaint (retail-2025 S6.2)."""

    text: TextRef

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.MANAGEMENT_PLANNED,)


# Facts from the systemic issue ------------------------------------------------------------------------


class _Note(Command):
    """A fact that the systemic issue's workflow tells the complaint; told twice, it is noted once."""

    who: ClassVar[frozenset[Role]] = frozenset({Role.ADMINISTRATOR})
    fact: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    systemic_issue: str
    number: int

    def news(self, case: Case) -> bool:
        return not any(
            item.systemic_issue == self.systemic_issue and self.number in item.heard for item in case.systemic
        )


class NoteSystemicJoin(_Note):
    """The complaint was joined to a systemic issue."""

    title: ClassVar[str] = "Joined to a systemic issue"

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.news(case):
            yield SystemicJoined(systemic_issue=self.systemic_issue, number=self.number)


class NoteSystemicLeave(_Note):
    """The complaint was taken out of a systemic issue."""

    title: ClassVar[str] = "Taken out of a systemic issue"

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.news(case):
            yield SystemicLeft(systemic_issue=self.systemic_issue, number=self.number)


class NoteSystemicUpdate(_Note):
    """There is news about a systemic issue; the customer is written to where it says so."""

    title: ClassVar[str] = "News about a systemic issue"

    text: TextRef
    tell_customer: bool

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if not self.news(case):
            return
        queued = None
        if self.tell_customer and case.erased is None:  # with the texts, the address is gone
            queued = letter(case, "systemic_update", self.text)
        yield SystemicHeard(
            systemic_issue=self.systemic_issue,
            number=self.number,
            text=self.text,
            tell_customer=queued is not None,
        )
        if queued is not None:
            yield queued


class NoteSystemicPlan(_Note):
    """Management has made a plan against a systemic issue."""

    title: ClassVar[str] = "Plan against a systemic issue"

    text: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.news(case):
            yield SystemicPlanHeard(systemic_issue=self.systemic_issue, number=self.number, text=self.text)
