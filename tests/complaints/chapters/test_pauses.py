"""Pauses: begun by a person or a fact, reminded of before their limit, ended by what was waited for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.chapters.conversation import AskCustomer, WriteMessage
from complaints.chapters.endings import Withdraw
from complaints.chapters.letters import LetterQueued
from complaints.chapters.pauses import PauseClocks, Paused, PauseReminded, ResumeClocks, Resumed
from complaints.timing.occurrences import ClockState, Occurrence
from policies.vocabulary import Channel
from tests.complaints.made_packs import clock, with_clocks
from tests.complaints.support import RECEIVED, Story, ana, customer, text

ASK = AskCustomer(text=text("Which shop was it?"))
WRITE = WriteMessage(text=text("The one at the corner."), channel=Channel.WEB)


def run_of(story: Story, clock: str = "complaint_outcome") -> Occurrence:
    return story.case.clocks.find(clock, 1)


def test_asking_the_customer_pauses_what_waits_for_them_and_their_answer_resumes_it() -> None:
    story = Story.owned()
    story.do(ana, ASK)
    asked = story.now
    assert run_of(story).state is ClockState.PAUSED
    assert run_of(story, "complaint_response").state is ClockState.RUNNING, "this one waits for nobody"
    story.do(customer, WRITE, asked + timedelta(hours=5))
    assert run_of(story).due_at == RECEIVED + timedelta(hours=48 + 5)
    assert [event.why for event in story.told(Resumed)] == ["fact"]


def test_asking_twice_is_one_pause() -> None:
    story = Story.owned()
    story.do(ana, ASK)
    story.do(ana, ASK)
    assert len(story.told(Paused)) == 1


def test_nothing_is_paused_where_no_clock_may_stand_still_for_it() -> None:
    story = Story.owned(
        pack=with_clocks(clock("outcome", starts_on="received", met_by=["resolved"], duration="48 h"))
    )
    story.do(ana, ASK)
    assert not story.told(Paused)


def test_the_customer_is_reminded_before_the_limit_and_then_it_goes_on() -> None:
    story = Story.owned()
    story.do(ana, ASK)
    limit = story.case.clocks.pauses[0].ends_by
    assert limit is not None
    story.until(limit + timedelta(seconds=1))
    reminded = [told.occurred_at for told in story.happenings if isinstance(told.event, PauseReminded)]
    assert [limit - when for when in reminded] == [timedelta(days=7), timedelta(days=2)]
    letters = [queued.kind for queued in story.told(LetterQueued)]
    assert letters == ["question", "reminder", "reminder"]
    assert [event.why for event in story.told(Resumed)] == ["limit"]
    assert run_of(story).state is ClockState.RUNNING


def test_nobody_is_reminded_who_has_answered() -> None:
    story = Story.owned()
    story.do(ana, ASK)
    story.do(customer, WRITE, story.now + timedelta(days=1))
    story.wait(days=20)
    assert not story.told(PauseReminded)


@pytest.mark.parametrize("first", ["waiting_for_customer", "waiting_for_outside"])
def test_two_pauses_at_once_stand_still_until_both_are_over(first: str) -> None:
    rule = clock(
        "outcome",
        starts_on="received",
        met_by=["resolved"],
        duration="48 h",
        pauses_on=["waiting_for_customer", "waiting_for_outside"],
    )
    story = Story.owned(pack=with_clocks(rule))
    second = "waiting_for_outside" if first == "waiting_for_customer" else "waiting_for_customer"
    story.do(ana, PauseClocks(reason=first))
    began = story.now
    story.do(ana, PauseClocks(reason=second), began + timedelta(hours=1))
    story.do(ana, ResumeClocks(reason=first), began + timedelta(hours=2))
    assert run_of(story, "outcome").state is ClockState.PAUSED
    story.do(ana, ResumeClocks(reason=second), began + timedelta(hours=3))
    assert run_of(story, "outcome").due_at == RECEIVED + timedelta(hours=48 + 3), (
        "overlapping pauses count once"
    )


def test_a_statutory_clock_is_paused_by_nobody() -> None:
    rule = clock("law", starts_on="received", met_by=["resolved"], duration="8 weeks", statutory=True)
    other = clock(
        "ours", starts_on="received", met_by=["resolved"], duration="48 h", pauses_on=["waiting_for_customer"]
    )
    story = Story.owned(pack=with_clocks(rule, other))
    before = run_of(story, "law").due_at
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    assert run_of(story, "law").due_at == before
    assert run_of(story, "ours").state is ClockState.PAUSED


def test_an_end_of_the_complaint_ends_what_waits() -> None:
    story = Story.owned()
    story.do(ana, ASK)
    story.do(customer, Withdraw(reason=text("Never mind.")))
    assert story.case.clocks.open_pause("waiting_for_customer") is None
    story.wait(days=30)
    assert not story.told(PauseReminded)


def test_a_question_told_of_after_its_answer_is_on_record_pauses_nothing() -> None:
    story = Story.owned()
    asked = story.now + timedelta(hours=1)
    story.do(customer, WRITE, asked + timedelta(hours=1))
    story.do(ana, ASK, asked + timedelta(hours=4), occurred_at=asked)
    assert run_of(story).state is ClockState.RUNNING, "the customer has answered: nobody waits for them"


def test_nobody_is_reminded_of_a_limit_that_was_over_when_it_was_told_of() -> None:
    story = Story.owned()
    asked = story.now + timedelta(hours=1)
    story.do(ana, ASK, asked + timedelta(days=20), occurred_at=asked)
    story.wait(seconds=1)
    assert [event.why for event in story.told(Resumed)] == ["limit"]
    assert [queued.kind for queued in story.told(LetterQueued)] == ["question"]
