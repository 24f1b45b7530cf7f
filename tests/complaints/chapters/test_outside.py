"""Outside cases: the deadlines that others set, and being told once when one passes."""

from __future__ import annotations

from datetime import timedelta

from complaints.base import INSTANT
from complaints.chapters.closure import Archived
from complaints.chapters.endings import Decline
from complaints.chapters.outside import (
    AnswerOutsideBody,
    CloseOutsideCase,
    OpenOutsideCase,
    OutsideDeadlinePassed,
    RecordCompliance,
    RecordOutsideDirection,
)
from complaints.phases import Phase, phase
from policies.vocabulary import Fact
from tests.complaints.stages import LATER, closed
from tests.complaints.support import Story, ana, dora, olga, text

BODY = text("The regulator")


def test_an_answer_not_given_by_its_deadline_is_told_once() -> None:
    story = Story.owned()
    answer_by = story.now + timedelta(days=10)
    story.do(olga, OpenOutsideCase(body=BODY, their_reference=text("R-1"), answer_by=answer_by))
    story.until(answer_by)
    assert story.told(OutsideDeadlinePassed) == []
    passed = story.until(answer_by + INSTANT)
    told = [happening for happening in passed if isinstance(happening.event, OutsideDeadlinePassed)]
    assert [happening.occurred_at for happening in told] == [answer_by + INSTANT]
    assert told[0].event == OutsideDeadlinePassed(outside_case="X1", deadline="answer", due_at=answer_by)
    story.wait(days=30)
    assert len(story.told(OutsideDeadlinePassed)) == 1


def test_what_was_answered_in_time_is_not_told() -> None:
    story = Story.owned()
    answer_by = story.now + timedelta(days=10)
    story.do(ana, OpenOutsideCase(body=BODY, answer_by=answer_by))
    story.do(ana, AnswerOutsideBody(outside_case="X1", text=text("Our file.")), at=answer_by)
    story.wait(days=30)
    assert story.told(OutsideDeadlinePassed) == []


def test_each_direction_has_its_own_deadline() -> None:
    story = Story.owned()
    story.do(olga, OpenOutsideCase(body=BODY))
    comply = RecordCompliance(outside_case="X1", text=text("Paid, receipt attached."))
    assert story.refused(olga, comply) == "no_direction"
    first = story.now + timedelta(days=5)
    direct = RecordOutsideDirection(outside_case="X1", text=text("Pay."), comply_by=first)
    story.do(olga, direct)
    assert story.refused(olga, direct) == "direction_unmet"
    assert story.refused(olga, CloseOutsideCase(outside_case="X1", outcome=text("x"))) == "direction_unmet"
    story.wait(days=6)
    story.do(olga, comply)
    assert story.refused(olga, comply) == "already_done"
    assert story.case.at(Fact.OUTSIDE_DIRECTION_MET)
    second = story.now + timedelta(days=5)
    story.do(olga, RecordOutsideDirection(outside_case="X1", text=text("And say sorry."), comply_by=second))
    story.wait(days=6)
    assert [event.due_at for event in story.told(OutsideDeadlinePassed)] == [first, second]


def test_a_deadline_before_its_beginning_is_a_mistake() -> None:
    story = Story.owned()
    early = story.now - timedelta(days=1)
    assert story.refused(olga, OpenOutsideCase(body=BODY, answer_by=early)) == "deadline_before_start"
    story.do(olga, OpenOutsideCase(body=BODY))
    direct = RecordOutsideDirection(outside_case="X1", text=text("Pay."), comply_by=early)
    assert story.refused(olga, direct) == "deadline_before_start"
    assert story.refused(olga, AnswerOutsideBody(outside_case="X2", text=text("x"))) == "no_outside_case"


def test_a_regulator_may_take_up_what_we_declined() -> None:
    story = Story.owned()
    story.do(dora, Decline(ground="time_barred", text=text("Too late.")))
    story.do(olga, OpenOutsideCase(body=BODY))
    story.until(LATER)
    assert story.told(Archived) == []
    story.do(olga, CloseOutsideCase(outside_case="X1", outcome=text("They agree.")))
    assert story.refused(olga, CloseOutsideCase(outside_case="X1", outcome=text("x"))) == "no_outside_case"
    story.wait(days=1)
    assert phase(story.case) is Phase.ARCHIVED


def test_an_archived_complaint_is_live_again_while_a_body_looks_at_it() -> None:
    story = closed()
    story.until(LATER)
    assert phase(story.case) is Phase.ARCHIVED
    story.do(olga, OpenOutsideCase(body=BODY, answer_by=LATER + timedelta(days=9)))
    assert phase(story.case) is Phase.CLOSED
    story.wait(days=20)
    assert len(story.told(OutsideDeadlinePassed)) == 1
    ended = story.now + timedelta(minutes=1)
    story.do(olga, CloseOutsideCase(outside_case="X1", outcome=text("Settled.")), at=ended)
    again = [told.occurred_at for told in story.wait(hours=1) if told.event == Archived()]
    assert again == [ended], "nothing is archived before its last event"
