"""Systemic issues: what joined complaints hear, each thing once, whenever and however often it is told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complaints.base import Actor, Command, Happening, Order, Refused
from complaints.chapters.endings import Withdraw
from complaints.chapters.membership import SystemicHeard, joined
from complaints.chapters.triage import Triage
from complaints.references import reference, systemic_reference
from complaints.systemic.issue import (
    JoinComplaint,
    OpenSystemicIssue,
    PlanSystemic,
    RemoveComplaint,
    ResolveSystemic,
    SystemicIssue,
    UpdateSystemic,
    decide_systemic,
    evolve_systemic,
    fold_systemic,
    open_systemic,
    tells,
)
from complaints.systemic.view import systemic_view
from policies.vocabulary import Fact, FeedbackClass, Kind, Severity, Tier
from tests.complaints.support import RECEIVED, Story, ana, customer, dora, iris, machine, olga, text

SYS = systemic_reference(7)
ONE, TWO = reference(1), reference(2)


class Issue:
    """A systemic issue told step by step; `given` is what each complaint was given, in order."""

    def __init__(self) -> None:
        self.now: datetime = RECEIVED
        self.happenings: list[Happening] = []
        self.given: dict[str, list[Command]] = {}
        body = OpenSystemicIssue(name=text("Cracked kettles"), description=text("One batch."))
        self._record(None, open_systemic(SYS, self._order(dora, body)))

    def do(self, actor: Actor, command: Command) -> None:
        self._record(self.issue, decide_systemic(self.issue, self._order(actor, command)))

    def refused(self, actor: Actor, command: Command) -> str:
        before = self.issue
        with pytest.raises(Refused) as refused:
            decide_systemic(self.issue, self._order(actor, command))
        assert self.issue == before
        assert refused.value.sentence.endswith(".")
        return refused.value.code

    def _order(self, actor: Actor, body: Command) -> Order:
        self.now += timedelta(minutes=1)
        order = Order(id=f"s{self.now.isoformat()}", actor=actor, body=body, at=self.now)
        assert Order.model_validate_json(order.model_dump_json()) == order
        return order

    def _record(self, issue: SystemicIssue | None, happenings: tuple[Happening, ...]) -> None:
        for told in happenings:
            again = Happening.model_validate_json(told.model_dump_json())
            issue = evolve_systemic(issue, again)
            self.happenings.append(again)
            for complaint, fact in tells(issue, again):
                self.given.setdefault(complaint, []).append(fact)
        assert issue is not None
        self.issue = issue
        assert fold_systemic(self.happenings) == issue


def hear(story: Story, facts: list[Command]) -> Story:
    for fact in facts:
        story.do(machine, fact)
    return story


def test_all_joined_complaints_hear_together() -> None:
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    issue.do(dora, JoinComplaint(complaint=TWO))
    issue.do(dora, UpdateSystemic(text=text("We recall the batch."), tell_customers=True))
    assert len(issue.given[ONE]) == len(issue.given[TWO]) == 2
    story = hear(Story.owned(), issue.given[ONE])
    assert joined(story.case) == (SYS,)
    letter = story.case.letters.latest("systemic_update")
    assert letter is not None
    assert letter.text == text("We recall the batch.")


def test_whoever_joins_late_hears_what_was_said_before() -> None:
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    issue.do(dora, UpdateSystemic(text=text("First.")))
    issue.do(dora, PlanSystemic(text=text("Other boxes.")))
    issue.do(dora, UpdateSystemic(text=text("Second."), tell_customers=True))
    issue.do(ana, JoinComplaint(complaint=TWO))
    early, late = hear(Story.owned(), issue.given[ONE]), hear(Story.owned(), issue.given[TWO])
    assert late.told(SystemicHeard) == early.told(SystemicHeard)
    assert [event.text for event in late.told(SystemicHeard)] == [text("First."), text("Second.")]
    assert [letter.kind for letter in late.case.letters.sent] == ["systemic_update"]
    assert late.case.at(Fact.MANAGEMENT_PLANNED) is not None


def test_managements_plan_meets_the_clock_of_systemic_feedback() -> None:
    story = Story.owned()
    story.do(
        iris,
        Triage(
            kind=Kind.SUGGESTION,
            severity=Severity.REGULAR,
            tier=Tier.STANDARD,
            feedback_class=FeedbackClass.SYSTEMIC,
        ),
    )
    assert story.case.clocks.running("systemic_feedback") is not None
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    issue.do(dora, PlanSystemic(text=text("Other boxes.")))
    hear(story, issue.given[ONE])
    assert story.case.clocks.find("systemic_feedback", 1).met_at == story.now


def _told_of_a_complaint_that_came_and_went() -> list[Command]:
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    issue.do(dora, UpdateSystemic(text=text("News."), tell_customers=True))
    issue.do(dora, RemoveComplaint(complaint=ONE, reason=text("Another batch.")))
    issue.do(dora, JoinComplaint(complaint=ONE))
    issue.do(dora, RemoveComplaint(complaint=ONE, reason=text("Really.")))
    return issue.given[ONE]


@settings(deadline=None, max_examples=40)
@given(st.permutations(_told_of_a_complaint_that_came_and_went() * 2))
def test_told_again_and_in_any_order_it_is_heard_once_and_comes_to_the_same(facts: list[Command]) -> None:
    story = hear(Story.owned(), facts)
    assert joined(story.case) == ()
    assert len(story.told(SystemicHeard)) == 1
    assert len(story.case.letters.sent) == 1


def test_a_complaint_that_ended_hears_too() -> None:
    story = Story.owned()
    story.do(customer, Withdraw())
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    issue.do(dora, UpdateSystemic(text=text("Recall."), tell_customers=True))
    hear(story, issue.given[ONE])
    assert [letter.kind for letter in story.case.letters.sent] == ["systemic_update"]


def test_whoever_left_hears_no_more() -> None:
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    issue.do(dora, RemoveComplaint(complaint=ONE, reason=text("Another batch.")))
    told = len(issue.given[ONE])
    issue.do(dora, UpdateSystemic(text=text("News.")))
    assert len(issue.given[ONE]) == told
    assert joined(hear(Story.owned(), issue.given[ONE]).case) == ()


def test_hearing_is_nobodys_hand_in_the_case() -> None:
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    assert "machine" not in hear(Story.owned(), issue.given[ONE]).case.hands


def test_refusals() -> None:
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    assert issue.refused(ana, UpdateSystemic(text=text("x"))) == "not_allowed"
    assert issue.refused(dora, JoinComplaint(complaint=ONE.lower())) == "already_done"
    assert issue.refused(dora, JoinComplaint(complaint=SYS)) == "bad_reference"
    assert issue.refused(dora, JoinComplaint(complaint="nonsense")) == "bad_reference"
    assert issue.refused(dora, RemoveComplaint(complaint=TWO, reason=text("x"))) == "not_joined"
    assert issue.refused(dora, OpenSystemicIssue(name=text("x"), description=text("x"))) == "already_done"
    assert issue.refused(customer, Withdraw()) == "not_systemic"
    assert issue.refused(dora, ResolveSystemic(text=text("x"))) == "not_planned"
    issue.do(olga, PlanSystemic(text=text("Plan.")))
    issue.do(olga, ResolveSystemic(text=text("Done."), tell_customers=True))
    assert issue.refused(dora, UpdateSystemic(text=text("x"))) == "resolved"


def test_a_decision_on_what_has_changed_meanwhile_is_refused() -> None:
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    order = Order(id="late", actor=dora, body=JoinComplaint(complaint=TWO), at=issue.now, expected_version=1)
    with pytest.raises(Refused, match="changed_meanwhile"):
        decide_systemic(issue.issue, order)


def test_only_some_may_open_one() -> None:
    body = OpenSystemicIssue(name=text("x"), description=text("x"))
    order = Order(id="o", actor=ana, body=body, at=RECEIVED)
    with pytest.raises(Refused, match="not_allowed"):
        open_systemic(SYS, order)


def test_lists_show_what_has_become_of_it() -> None:
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    issue.do(dora, PlanSystemic(text=text("Plan.")))
    row = systemic_view(issue.issue)
    assert (row.reference, row.members, row.words, row.sequence) == (SYS, (ONE,), 1, 3)
    assert row.planned_at == issue.now
    assert row.resolved_at is None


def test_a_stream_begins_with_its_opening() -> None:
    issue = Issue()
    issue.do(dora, JoinComplaint(complaint=ONE))
    with pytest.raises(ValueError, match="SystemicOpened"):
        evolve_systemic(None, issue.happenings[1])
    with pytest.raises(ValueError, match="empty"):
        fold_systemic([])
