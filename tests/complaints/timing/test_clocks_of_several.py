"""Clocks that take several facts, several departments, or run once for each question asked."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from complaints.chapters.departments import AnswerDepartment, AskDepartment, TellDepartment
from complaints.chapters.escalation import AcknowledgeAlert
from complaints.chapters.investigation import RecordContact, RecordFinding
from complaints.chapters.triage import Reclassify, Triage
from complaints.timing.occurrences import ClockState, Occurrence, RungClimbed
from policies.vocabulary import Channel, Kind, Severity, Tier
from tests.complaints.made_packs import clock, with_clocks
from tests.complaints.support import RECEIVED, Story, ana, text

BOTH = clock(
    "both",
    starts_on="owned",
    met_by=["finding_recorded", "customer_contacted"],
    met_when="all",
    duration="48 h",
)
FINDING = RecordFinding(text=text("A seam gave way."))
CONTACT = RecordContact(
    way=Channel.PHONE, content=text("Asked."), reaction=text("Calm."), outcome=text("Knows.")
)


def run_of(story: Story, clock: str, number: int = 1) -> Occurrence:
    return story.case.clocks.find(clock, number)


@pytest.mark.parametrize("first_finding", [True, False])
@pytest.mark.parametrize(
    ("late", "state"), [(-1, ClockState.MET), (0, ClockState.MET), (1, ClockState.MET_LATE)]
)
def test_a_clock_that_takes_two_facts_is_met_by_the_second(
    first_finding: bool, late: int, state: ClockState
) -> None:
    story = Story.owned(pack=with_clocks(BOTH))
    due = run_of(story, "both").due_at
    assert due is not None
    first, second = (FINDING, CONTACT) if first_finding else (CONTACT, FINDING)
    story.do(ana, first)
    assert run_of(story, "both").state is ClockState.RUNNING, "one of two is not enough"
    story.do(ana, second, due + timedelta(seconds=late))
    assert run_of(story, "both").state is state
    assert (run_of(story, "both").breached_at is None) == (late <= 0)


def test_what_is_told_late_counts_from_when_it_happened_and_the_last_of_the_facts_decides() -> None:
    story = Story.owned(pack=with_clocks(BOTH))
    called = story.now + timedelta(minutes=5)
    story.do(ana, FINDING, story.now + timedelta(hours=3))
    found = story.now
    story.do(ana, CONTACT, found + timedelta(hours=1), occurred_at=called)
    assert run_of(story, "both").met_at == found, "the finding was the later of the two"


def test_only_the_first_time_of_each_fact_counts() -> None:
    story = Story.owned(pack=with_clocks(BOTH))
    story.do(ana, FINDING)
    story.do(ana, FINDING, story.now + timedelta(hours=3))
    called = story.now - timedelta(hours=1)
    story.do(ana, CONTACT, occurred_at=called)
    assert run_of(story, "both").met_at == called


def test_a_clock_of_two_facts_that_begins_to_apply_later_knows_what_has_come_already() -> None:
    only = clock(
        "both",
        starts_on="received",
        met_by=["finding_recorded", "customer_contacted"],
        met_when="all",
        duration="48 h",
        applies_if={"kinds": ["suggestion"]},
    )
    story = Story.owned(pack=with_clocks(only))
    story.do(ana, Triage(kind=Kind.COMPLAINT, severity=Severity.REGULAR, tier=Tier.STANDARD))
    story.do(ana, FINDING)
    other = Reclassify(
        kind=Kind.SUGGESTION, severity=Severity.REGULAR, tier=Tier.STANDARD, reason=text("It is one.")
    )
    story.do(ana, other)
    assert run_of(story, "both").state is ClockState.RUNNING
    assert run_of(story, "both").started_at == RECEIVED
    story.do(ana, CONTACT)
    assert run_of(story, "both").state is ClockState.MET


ASKED = clock(
    "answer",
    starts_on="department_asked",
    met_by=["department_answered"],
    departments=["logistics"],
    duration="4 h",
)


def ask(story: Story, department: str = "logistics") -> datetime:
    story.do(ana, AskDepartment(department=department, question=text("Where is it?")))
    return story.now


def test_each_question_has_a_clock_of_its_own_and_only_its_answer_meets_it() -> None:
    story = Story.owned(pack=with_clocks(ASKED))
    first = ask(story)
    second = ask(story)
    assert [run.due_at for run in story.case.clocks.all_running("answer")] == [
        first + timedelta(hours=4),
        second + timedelta(hours=4),
    ]
    story.do(ana, AnswerDepartment(question="Q2", text=text("On its way.")))
    assert run_of(story, "answer", 1).state is ClockState.RUNNING, "the answer was to the other question"
    assert run_of(story, "answer", 2).state is ClockState.MET
    story.wait(hours=5)
    assert run_of(story, "answer", 1).breached_at == first + timedelta(hours=4)


def test_the_alerts_of_every_question_that_waits_can_be_acknowledged() -> None:
    story = Story.owned(pack=with_clocks(ASKED.model_copy(update={"ladder": "within_hours"})))
    ask(story)
    ask(story)
    story.wait(hours=5)
    assert story.refused(ana, AcknowledgeAlert(clock="answer")) == "note_needed"
    story.do(ana, AcknowledgeAlert(clock="answer", note=text("I call them now.")))
    climbed = len(story.told(RungClimbed))
    story.wait(hours=2)
    assert len(story.told(RungClimbed)) == climbed, "what was acknowledged is not said again"
    assert story.refused(ana, AcknowledgeAlert(clock="answer")) == "already_done"


def test_what_another_department_does_is_nothing_to_a_clock_of_this_one() -> None:
    answered = clock(
        "answered",
        starts_on="owned",
        met_by=["department_answered"],
        departments=["logistics"],
        duration="4 h",
    )
    passed_on = clock(
        "seen_to", starts_on="department_told", met_by=["resolved"], departments=["logistics"], duration="4 h"
    )
    story = Story.owned(pack=with_clocks(answered, passed_on))
    tell(story, "product")
    ask(story, "product")
    story.do(ana, AnswerDepartment(question="Q1", text=text("It is the seam.")))
    assert [run.state for run in story.case.clocks.occurrences] == [ClockState.RUNNING]
    tell(story, "logistics")
    ask(story)
    story.do(ana, AnswerDepartment(question="Q2", text=text("On its way.")))
    assert run_of(story, "answered").state is ClockState.MET
    assert run_of(story, "seen_to").state is ClockState.RUNNING


def test_a_question_to_another_department_starts_no_clock_of_this_one() -> None:
    story = Story.owned(pack=with_clocks(ASKED))
    ask(story, "product")
    assert not story.case.clocks.occurrences


PASSED_ON = clock(
    "passed_on",
    starts_on="recorded",
    met_by=["department_told"],
    departments=["product", "operations"],
    duration="48 h",
)


def tell(story: Story, department: str, at: datetime | None = None) -> None:
    story.do(ana, TellDepartment(department=department, text=text("A wish of a customer's.")), at)


@pytest.mark.parametrize(
    ("late", "state"), [(-1, ClockState.MET), (0, ClockState.MET), (1, ClockState.MET_LATE)]
)
def test_a_clock_for_several_departments_is_met_when_the_last_one_is_told(
    late: int, state: ClockState
) -> None:
    story = Story.owned(pack=with_clocks(PASSED_ON))
    due = run_of(story, "passed_on").due_at
    assert due is not None
    tell(story, "product")
    tell(story, "logistics")
    assert run_of(story, "passed_on").state is ClockState.RUNNING
    tell(story, "operations", due + timedelta(seconds=late))
    assert run_of(story, "passed_on").state is state


def test_what_counts_from_recording_is_not_late_because_the_entry_was() -> None:
    story = Story(at=RECEIVED, received_at=RECEIVED - timedelta(days=3), pack=with_clocks(PASSED_ON))
    assert run_of(story, "passed_on").started_at == RECEIVED
    assert run_of(story, "passed_on").due_at == RECEIVED + timedelta(hours=48)
    story.wait(hours=1)
    assert run_of(story, "passed_on").breached_at is None
    story.do(
        ana,
        TellDepartment(department="product", text=text("A wish.")),
        occurred_at=RECEIVED - timedelta(days=1),
    )
    story.do(ana, TellDepartment(department="operations", text=text("A wish.")))
    assert run_of(story, "passed_on").state is ClockState.MET, "one was told before it was even recorded"
