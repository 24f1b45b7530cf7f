"""Ladders and time that stands still: what is answered, paused or prolonged calls nobody, and nothing twice."""

from __future__ import annotations

from datetime import timedelta

from complaints.chapters.closure import Reopen
from complaints.chapters.escalation import AcknowledgeAlert, ReassignmentCalled
from complaints.chapters.extensions import AskExtension, GrantExtension
from complaints.chapters.pauses import PauseClocks, ResumeClocks
from complaints.chapters.triage import Triage
from complaints.timing.ladders import Ascent
from complaints.timing.occurrences import AcknowledgementExpired, Occurrence, RungClimbed, RungUnheld
from policies.rules import Applies, Extension, LadderChoice
from policies.vocabulary import Kind, Role, Severity, Tier
from tests.complaints.stages import closed
from tests.complaints.support import RECEIVED, Story, ana, dora, machine, text
from tests.complaints.timing.test_ladders import (
    CLOCK,
    FIRST,
    SECOND,
    called_for,
    calls,
    climbing,
    due_of,
    late,
    unheld,
)

EARLY = {"at": "-6 h", "tell": ["owner"], "acknowledge_within": "2 h"}
LATER = {"at": "-1 h", "tell": ["owner_supervisor"]}


def paused_for_days(story: Story) -> None:
    """An hour after the early rung the customer is waited for, for three days."""
    late(story, hours=-5)
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    story.wait(days=3)
    story.do(ana, ResumeClocks(reason="waiting_for_customer"))


def test_what_is_acknowledged_for_good_does_not_go_up_as_unanswered() -> None:
    story = Story.owned(pack=climbing(FIRST, SECOND, holds=None, snooze_at_most=None))
    late(story, minutes=30)
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
    late(story, hours=3, minutes=59)
    assert calls(story) == [(0, 0)]
    late(story, hours=4, minutes=1)
    assert calls(story) == [(0, 0), (1, 0)], "it holds nothing else: the next rung calls at its own moment"


def test_nobody_is_late_in_answering_while_the_clock_stands_still() -> None:
    story = Story.owned(pack=climbing(EARLY, LATER))
    paused_for_days(story)
    story.wait(minutes=55)
    assert calls(story) == [(0, 0)], "an hour before the pause, and not yet one after it"
    story.wait(minutes=10)
    assert calls(story) == [(0, 0), (1, 0)]


def test_the_repeats_of_a_pause_do_not_come_all_at_once_when_it_ends() -> None:
    again = {**EARLY, "repeat_every": "2 h", "repeat_at_most": 9}
    for holds in ("2 h", None):
        story = Story.owned(pack=climbing(again, holds=holds, snooze_at_most=None, unanswered="waits"))
        paused_for_days(story)
        story.wait(minutes=30)
        assert calls(story) == [(0, 0)]
        story.wait(hours=1)
        assert calls(story) == [(0, 0), (0, 1)]


def test_an_acknowledgement_is_not_forgotten_while_the_clock_stands_still() -> None:
    story = Story.owned(pack=climbing(EARLY, LATER))
    late(story, hours=-5, minutes=-30)
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
    paused_for_days(story)
    resumed = story.now
    story.wait(minutes=5)
    (expired,) = [told for told in story.happenings if isinstance(told.event, AcknowledgementExpired)]
    assert expired.occurred_at == resumed, "and not days ago, when nobody had anything to do"


def test_a_complaint_that_is_in_such_hands_already_is_taken_from_nobody() -> None:
    story = Story.owned(pack=climbing({**FIRST, "reassign_to": "handler"}))
    late(story, hours=1)
    assert calls(story) and not story.told(ReassignmentCalled)
    assert story.case.escalation.wanted is None


def test_what_a_ladder_wanted_before_the_complaint_was_closed_takes_it_from_nobody_afterwards() -> None:
    story = closed()
    story.happened(machine, ReassignmentCalled(to=Role.SUPERVISOR, clock=CLOCK.id))
    story.do(ana, Reopen(reason=text("It broke again.")))
    assert story.case.escalation.wanted is None
    assert story.case.ownership.owner == ana.id


def test_a_call_of_a_former_due_moment_is_not_passed_on_in_the_name_of_the_present_one() -> None:
    pack = climbing(FIRST, SECOND, unanswered="waits")
    more = Extension.model_validate(
        {
            "by": "24 h", "approved_by": ["supervisor"], "after_due": True, "basis": "choice",
            "chosen_by": "test", "since": "2025-01-01", "source": {"document": "test", "section": "1"},
        }
    )  # fmt: skip
    rule = pack.clocks[0].model_copy(update={"extension": more})
    story = Story.owned(pack=pack.model_copy(update={"clocks": (rule,)}))
    late(story, minutes=1)
    story.do(ana, AskExtension(clock=CLOCK.id, reason=text("The parts are late.")))
    story.do(dora, GrantExtension(clock=CLOCK.id))
    assert story.do(machine, unheld(0, "owner")) == (), "its due moment is gone, and the call with it"
    late(story, minutes=1)
    assert calls(story) == [(0, 0), (0, 0)]
    story.do(machine, unheld(0, "owner"))
    assert story.told(RungUnheld)[-1].passed_to == ("owner_supervisor",)


def test_a_run_from_before_its_moments_were_kept_knows_those_that_came_later() -> None:
    pack = climbing(FIRST, SECOND, {"at": "+20 h", "tell": ["role:department_head"]})
    called = RECEIVED + timedelta(hours=50)
    run = Occurrence(
        clock=CLOCK.id, number=1, started_at=RECEIVED, due_at=RECEIVED + timedelta(hours=48),
        breached_at=RECEIVED + timedelta(hours=48), rungs=((0, 0), (1, 0)), climbed_at=(called,),
    )  # fmt: skip
    assert run.due_at is not None
    spots = {
        spot.rung: spot
        for spot in Ascent(pack, pack.clocks[0], pack.ladders["own"], run, run.due_at, ()).spots()
    }
    assert spots[2].when == called + timedelta(hours=1), (
        "an hour after the second rung, and not after the first"
    )


def test_a_ladder_calls_for_no_due_moment_more_than_once() -> None:
    story = Story.owned(pack=climbing(FIRST, SECOND))
    due = due_of(story)
    late(story, days=9)
    assert {event.due_at for event in story.told(RungClimbed)} == {due}


def test_a_complaint_that_comes_to_another_ladder_is_called_for_by_all_of_it() -> None:
    pack = climbing(*({"at": f"-{hours} h", "tell": ["owner"]} for hours in (6, 4)), unanswered="waits")
    graver = climbing(
        {"at": "0", "tell": ["role:supervisor"]}, {"at": "+1 h", "tell": ["role:department_head"]}
    )
    choice = LadderChoice(applies_if=Applies(severities=(Severity.MAJOR,)), ladder="graver")
    rule = pack.clocks[0].model_copy(update={"ladders_if": (choice,)})
    ladders = {**pack.ladders, "graver": graver.ladders["own"].model_copy(update={"id": "graver"})}
    story = Story.owned(pack=pack.model_copy(update={"clocks": (rule,), "ladders": ladders}))
    late(story, hours=-1)
    assert calls(story) == [(0, 0), (1, 0)]
    story.do(ana, Triage(kind=Kind.COMPLAINT, severity=Severity.MAJOR, tier=Tier.STANDARD))
    late(story, hours=2)
    told = [(m.to, m.rung) for m in called_for(story) if m.rung is not None]
    assert told[2:] == [("role:supervisor", 0), ("role:department_head", 1)], (
        "whom it told is nobody of this one's"
    )
    late(story, days=9)
    assert calls(story)[2:] == [(0, 0), (1, 0)], "each of them once"
