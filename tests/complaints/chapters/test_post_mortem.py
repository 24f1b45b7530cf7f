"""The post-mortem and its actions: what has to be in it, who may judge, and what time says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from complaints.base import INSTANT
from complaints.chapters.actions import (
    ActionOverdue,
    AddAction,
    CheckEffectiveness,
    CompleteAction,
    EffectivenessCheckDue,
)
from complaints.chapters.closure import Reopen
from complaints.chapters.issues import CauseClass
from complaints.chapters.post_mortem import ClassifyCause, FinishPostMortem, RecordLessons, RecordWhys
from policies.vocabulary import Fact
from tests.complaints.stages import answered, closed, decided, sent
from tests.complaints.support import Story, ana, ben, customer, dora, olga, person, text

WHYS = RecordWhys(whys=tuple(text(f"why {n}") for n in range(5)))
CAUSE = ClassifyCause(cause=CauseClass.PROCESS_DEFECT, text=text("Thin boxes."))
EFFECTIVE = CheckEffectiveness(action="A1", effective=True, text=text("No cracks since."))
DONE = CompleteAction(action="A1", text=text("Thicker boxes ordered."))


def with_action() -> Story:
    """Ben is to do something within ten days; its effect can be judged after thirty."""
    story = answered()
    story.do(
        ana,
        AddAction(
            kind="preventive",
            owner=person(ben),
            text=text("Thicker boxes."),
            due=story.now + timedelta(days=10),
            check_after=story.now + timedelta(days=30),
        ),
    )
    return story


def test_it_begins_once_the_answer_has_gone_out() -> None:
    assert decided().refused(ana, WHYS) == "not_responded"
    assert sent().refused(ana, WHYS) == "not_responded", "queued is not sent"
    answered().do(ana, WHYS)
    closed().do(ana, WHYS)


def test_it_needs_whys_and_cause_and_then_is_finished_for_good() -> None:
    story = answered()
    assert story.refused(ana, FinishPostMortem()) == "post_mortem_incomplete"
    assert "record the whys" in story.sentence
    assert "classify the cause" in story.sentence
    story.do(ana, WHYS)
    assert story.refused(ana, FinishPostMortem()) == "post_mortem_incomplete"
    story.do(ana, CAUSE)
    story.do(ana, RecordLessons(text=text("Boxes matter.")))
    assert story.refused(ben, FinishPostMortem()) == "not_the_owner"
    story.do(ana, FinishPostMortem())
    assert story.case.at(Fact.POST_MORTEM_DONE) == story.now
    for command in (WHYS, CAUSE, RecordLessons(text=text("x")), FinishPostMortem()):
        assert story.refused(ana, command) == "already_done"


@pytest.mark.parametrize("number", [0, 6])
def test_there_are_one_to_five_whys(number: int) -> None:
    with pytest.raises(ValidationError):
        RecordWhys(whys=tuple(text(str(n)) for n in range(number)))


def test_a_reopened_complaint_takes_its_post_mortem_up_again() -> None:
    story = closed()
    story.do(ana, WHYS)
    story.do(ana, CAUSE)
    story.do(ana, FinishPostMortem())
    story.do(customer, Reopen(reason=text("Again.")))
    assert story.case.post_mortem.whys == WHYS.whys
    story.do(ana, CAUSE)


def test_an_action_runs_from_plan_to_effect() -> None:
    story = with_action()
    story.do(ben, DONE)
    assert story.refused(dora, EFFECTIVE) == "too_early"
    story.until(story.case.post_mortem.actions[0].check_after - INSTANT)
    assert story.told(EffectivenessCheckDue) == []
    story.wait(days=1)
    assert len(story.told(EffectivenessCheckDue)) == 1
    assert story.told(ActionOverdue) == []
    story.do(dora, EFFECTIVE)
    assert story.refused(dora, EFFECTIVE) == "no_action"
    story.wait(days=31)
    assert len(story.told(EffectivenessCheckDue)) == 1


def test_an_overdue_action_is_said_once_and_to_the_instant() -> None:
    story = with_action()
    due = story.case.post_mortem.actions[0].due
    story.until(due)
    assert story.told(ActionOverdue) == []
    story.until(due + INSTANT)
    assert story.told(ActionOverdue) == [ActionOverdue(action="A1", owner="ben", due_at=due)]
    story.wait(days=90)
    assert len(story.told(ActionOverdue)) == 1
    assert story.told(EffectivenessCheckDue) == [], "there is nothing to check yet"
    story.do(ben, DONE)
    story.wait(minutes=1)
    assert len(story.told(EffectivenessCheckDue)) == 1


def test_the_owner_does_it_and_somebody_else_judges_it() -> None:
    story = with_action()
    assert story.refused(olga, DONE) == "not_the_owner"
    assert story.refused(ana, DONE) == "not_the_owner"
    assert story.refused(dora, EFFECTIVE) == "no_action"
    story.do(ben, DONE)
    assert story.refused(ben, DONE) == "no_action"
    story.wait(days=31)
    assert story.refused(ben, EFFECTIVE) == "self_approval"
    story.do(olga, EFFECTIVE)


def test_among_several_actions_ones_own_is_still_ones_own() -> None:
    story = with_action()
    later = story.now + timedelta(days=1)
    story.do(
        ana,
        AddAction(kind="corrective", owner=person(olga), text=text("x"), due=later, check_after=later),
    )
    story.do(olga, CompleteAction(action="A2", text=text("Done.")))
    assert story.refused(olga, DONE) == "not_the_owner"
    story.do(ben, DONE)
    story.wait(days=31)
    assert story.refused(ben, EFFECTIVE) == "self_approval"
    story.do(olga, EFFECTIVE)
    assert story.refused(dora, CheckEffectiveness(action="A3", effective=True, text=text("x"))) == "no_action"


def test_a_supervisor_may_report_it_done() -> None:
    story = with_action()
    story.do(dora, DONE)
    assert story.case.post_mortem.actions[0].completed_at == story.now


def test_doing_an_action_is_no_hand_in_the_case() -> None:
    story = with_action()
    story.do(ben, DONE)
    assert "ben" not in story.case.hands
    assert "ana" in story.case.hands


def test_an_action_that_has_not_helped_is_done_again() -> None:
    story = with_action()
    story.do(ben, DONE)
    story.wait(days=31)
    failed = CheckEffectiveness(action="A1", effective=False, text=text("Cracks again."))
    assert story.refused(dora, failed) == "new_dates_missing"
    due, check = story.now + timedelta(days=5), story.now + timedelta(days=9)
    story.do(dora, failed.model_copy(update={"new_due": due, "new_check_after": check}))
    assert story.case.post_mortem.unfinished
    story.until(due + INSTANT)
    assert [event.due_at for event in story.told(ActionOverdue)] == [due]
    story.do(ben, DONE)
    story.until(check)
    assert len(story.told(EffectivenessCheckDue)) == 2
    story.do(dora, EFFECTIVE)
    assert story.case.post_mortem.actions[0].attempts == 2


@pytest.mark.parametrize(("due", "check", "code"), [(0, 1, "due_in_the_past"), (2, 1, "check_before_due")])
def test_dates_have_to_make_sense(due: int, check: int, code: str) -> None:
    story = answered()
    now = story.now
    add = AddAction(
        kind="corrective",
        owner=person(ben),
        text=text("x"),
        due=now + timedelta(days=due),
        check_after=now + timedelta(days=check),
    )
    assert story.refused(ana, add) == code


def test_an_action_is_owned_by_staff() -> None:
    story = answered()
    later = story.now + timedelta(days=1)
    add = AddAction(kind="corrective", owner=person(customer), text=text("x"), due=later, check_after=later)
    assert story.refused(ana, add) == "not_staff"
