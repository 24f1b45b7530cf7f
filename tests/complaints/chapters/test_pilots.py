"""Pilots and the fishbone: tried in one place, compared, then rolled out; and where the causes may lie."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from complaints.base import INSTANT
from complaints.case import Case
from complaints.chapters.actions import Action, ActionAdded, ActionOverdue, CheckEffectiveness, CompleteAction
from complaints.chapters.pilots import ComparePilot, PilotAction, PilotOverdue, RollOutAction
from complaints.chapters.post_mortem import Bone, BoneCategory, FinishPostMortem, PostMortem, RecordFishbone
from complaints.messages import messages
from tests.complaints.chapters.test_post_mortem import CAUSE, DONE, WHYS, with_action
from tests.complaints.stages import answered
from tests.complaints.support import Story, ana, ben, dora, olga, text

HELD = ComparePilot(action="A1", before=text("Nine."), after=text("One."), held=True)
FAILED = ComparePilot(action="A1", before=text("Nine."), after=text("Ten."), held=False)
ROLL_OUT = RollOutAction(action="A1")


def pilot(story: Story, **fields: object) -> PilotAction:
    body = {"action": "A1", "where": text("In one store."), "until": story.now + timedelta(days=3)}
    return PilotAction.model_validate(body | fields)


def piloted() -> Story:
    """Ben's action, which he tries for three days in one store."""
    story = with_action()
    story.do(ben, pilot(story))
    return story


def test_what_is_piloted_is_complete_only_once_it_held_and_was_rolled_out() -> None:
    story = piloted()
    assert story.refused(ben, DONE) == "pilot_not_compared"
    assert story.refused(ben, ROLL_OUT) == "no_action"
    assert story.refused(ben, pilot(story)) == "no_action", "one pilot at a time"
    story.do(ben, HELD)
    assert story.refused(ben, DONE) == "not_rolled_out"
    assert story.refused(ben, HELD) == "no_action"
    story.do(ben, ROLL_OUT)
    assert story.refused(ben, ROLL_OUT) == "no_action"
    story.do(ben, DONE)
    tried = story.case.post_mortem.actions[0].pilots[0]
    assert (tried.held, tried.before, tried.after) == (True, text("Nine."), text("One."))
    assert tried.rolled_out_at is not None


def test_what_did_not_hold_goes_back_to_be_changed_and_is_piloted_again() -> None:
    story = piloted()
    story.do(ben, FAILED)
    assert story.refused(ben, DONE) == "pilot_did_not_hold"
    assert story.refused(ben, ROLL_OUT) == "no_action"
    assert story.refused(ben, pilot(story)) == "change_missing"
    story.do(ben, pilot(story, change=text("Thicker still.")))
    assert story.refused(ben, DONE) == "pilot_not_compared"
    story.do(ben, HELD)
    story.do(ben, ROLL_OUT)
    story.do(ben, DONE)
    first, second = story.case.post_mortem.actions[0].pilots
    assert (first.held, second.held, second.change) == (False, True, text("Thicker still."))


def test_an_action_without_a_pilot_is_done_as_ever() -> None:
    story = with_action()
    story.do(ben, DONE)
    assert story.case.post_mortem.actions[0].pilots == ()
    assert story.refused(ben, pilot(story)) == "no_action", "it is complete"


def test_only_its_owner_or_those_above_pilot_an_action() -> None:
    story = with_action()
    for other in (ana, olga):
        assert story.refused(other, pilot(story)) == "not_the_owner"
    story.do(dora, pilot(story))
    assert story.refused(olga, HELD) == "not_the_owner"
    story.do(dora, HELD)
    assert story.refused(olga, ROLL_OUT) == "not_the_owner"
    story.do(dora, ROLL_OUT)
    assert "ben" not in story.case.hands
    assert "dora" not in story.case.hands, "to carry out an action is no hand in the case"


def test_a_pilot_ends_later_than_now() -> None:
    story = with_action()
    assert story.refused(ben, pilot(story, until=story.now)) == "due_in_the_past"


def test_a_pilot_that_is_over_reminds_the_owner_once_and_to_the_instant() -> None:
    story = piloted()
    ends = story.case.post_mortem.actions[0].pilots[0].ends_at
    story.until(ends)
    assert story.told(PilotOverdue) == []
    story.until(ends + INSTANT)
    assert story.told(PilotOverdue) == [PilotOverdue(action="A1", owner="ben", ends_at=ends)]
    (told,) = [it for it in story.happenings if isinstance(it.event, PilotOverdue)]
    (message,) = messages(story.pack, story.case, told)
    assert (message.kind, message.to, message.due_at) == ("action_overdue", "staff:ben", ends)
    story.wait(days=20)
    assert len(story.told(PilotOverdue)) == 1
    (late,) = [it for it in story.happenings if isinstance(it.event, ActionOverdue)]
    (alarm,) = messages(story.pack, story.case, late)
    assert alarm.dedupe != message.dedupe, "the action's own alarm still goes out"
    story.do(ben, FAILED)
    story.do(ben, pilot(story, change=text("Another box.")))
    story.wait(days=4)
    keys = {
        message.dedupe
        for it in story.happenings
        if isinstance(it.event, PilotOverdue)
        for message in messages(story.pack, story.case, it)
    }
    assert len(story.told(PilotOverdue)) == 2
    assert len(keys) == 2


def test_a_pilot_that_was_compared_in_time_reminds_nobody() -> None:
    story = piloted()
    story.do(ben, HELD)
    story.wait(days=5)
    assert story.told(PilotOverdue) == []


def test_what_has_not_helped_may_be_piloted_anew() -> None:
    story = piloted()
    story.do(ben, HELD)
    story.do(ben, ROLL_OUT)
    story.do(ben, DONE)
    story.wait(days=31)
    due, check = story.now + timedelta(days=5), story.now + timedelta(days=9)
    again = CheckEffectiveness(
        action="A1", effective=False, text=text("No."), new_due=due, new_check_after=check
    )
    story.do(dora, again)
    assert story.refused(ben, ROLL_OUT) == "no_action"
    story.do(ben, pilot(story))
    assert story.refused(ben, CompleteAction(action="A1", text=text("x"))) == "pilot_not_compared"


def test_what_was_recorded_before_there_were_pilots_is_read_as_it_was() -> None:
    story = with_action()
    (added,) = story.told(ActionAdded)
    held = story.case.post_mortem.actions[0].model_dump(mode="json")
    del held["pilots"]
    assert Action.model_validate(held) == story.case.post_mortem.actions[0]
    assert "pilots" not in added.model_dump()
    old = story.case.post_mortem.model_dump(mode="json")
    del old["bones"], old["library"]
    assert PostMortem.model_validate(old) == story.case.post_mortem


# The fishbone --------------------------------------------------------------------------------------


def bones(*kinds: BoneCategory) -> tuple[Bone, ...]:
    return tuple(Bone(category=kind, text=text(f"{kind} {n}")) for n, kind in enumerate(kinds))


def test_a_fishbone_is_laid_out_and_laid_out_again() -> None:
    story = answered()
    first = bones(BoneCategory.PEOPLE, BoneCategory.MATERIAL)
    story.do(ana, RecordFishbone(bones=first))
    assert story.case.post_mortem.bones == first
    assert story.case.post_mortem.begun
    second = bones(*BoneCategory)
    story.do(ana, RecordFishbone(bones=second))
    assert story.case.post_mortem.bones == second
    assert Case.model_validate_json(story.case.model_dump_json()) == story.case
    assert story.refused(ben, RecordFishbone(bones=first)) == "not_the_owner"
    story.do(ana, WHYS)
    story.do(ana, CAUSE)
    story.do(ana, FinishPostMortem())
    assert story.refused(ana, RecordFishbone(bones=first)) == "already_done"


@pytest.mark.parametrize("number", [0, 25])
def test_a_fishbone_has_one_to_24_causes(number: int) -> None:
    with pytest.raises(ValidationError):
        RecordFishbone(bones=bones(*[BoneCategory.METHOD] * number))
