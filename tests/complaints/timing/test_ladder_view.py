"""The ladder as people see it: what it says is to come is what comes, and what called, held or fell away is told so."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from complaints.chapters.endings import Withdraw
from complaints.chapters.escalation import AcknowledgeAlert, ReleaseAlert, SnoozeAlert
from complaints.chapters.pauses import PauseClocks
from complaints.timing.ladder_view import LadderView, RungState, ladder_view
from policies.pack import Pack
from tests.complaints.support import PACK, RECEIVED, Story, ana, customer, machine, text
from tests.complaints.timing.test_ladders import (
    CLOCK,
    FIRST,
    PLAIN,
    SECOND,
    THIRD,
    calls,
    climbing,
    due_of,
    late,
    unheld,
)

C, F, N, L, H, X = (
    RungState.CLIMBED,
    RungState.FIRING,
    RungState.NEXT,
    RungState.LATER,
    RungState.HELD,
    RungState.CANCELLED,
)


def seen(story: Story, at: datetime | None = None) -> LadderView:
    run = story.case.clocks.find(CLOCK.id, 1)
    found = ladder_view(story.pack, story.case, run, story.happenings, at or story.now)
    assert found is not None
    return found


def states(story: Story, at: datetime | None = None) -> list[RungState]:
    return [rung.state for rung in seen(story, at).rungs]


@pytest.mark.parametrize(
    ("told_until", "looked_at", "expected"),
    [
        ({"hours": -1}, {"hours": -1}, [N, L, L]),
        ({"hours": -1}, {"seconds": 0}, [N, L, L]),  # exactly at due nothing is late
        ({"hours": -1}, {"seconds": 1}, [F, N, L]),  # the record has not heard of it yet
        ({"minutes": 30}, {"minutes": 30}, [C, N, L]),
        ({"minutes": 30}, {"hours": 1, "minutes": 5}, [C, F, N]),  # unanswered, it goes up
        ({"hours": 1, "minutes": 5}, {"hours": 1, "minutes": 5}, [C, C, N]),
        ({"hours": 3}, {"hours": 3}, [C, C, C]),
    ],
)
def test_a_rung_is_climbed_firing_next_or_later(
    told_until: dict[str, float], looked_at: dict[str, float], expected: list[RungState]
) -> None:
    story = Story.owned(pack=PLAIN)
    late(story, **told_until)
    assert states(story, due_of(story) + timedelta(**looked_at)) == expected


@pytest.mark.parametrize("pack", [PLAIN, climbing(FIRST, SECOND, THIRD, unanswered="waits")])
def test_what_is_foreseen_is_what_comes(pack: Pack) -> None:
    story = Story.owned(pack=pack)
    foreseen = [rung.at for rung in seen(story).rungs]
    late(story, days=2)
    assert foreseen == [rung.at for rung in seen(story).rungs]
    assert [rung.state for rung in seen(story).rungs] == [C, C, C]


def test_a_rung_says_whom_it_calls_when_over_what_and_what_else_it_does() -> None:
    rung = {**SECOND, "over": ["mail", "desk"], "raise_tier": True, "note_required": True}
    shown = seen(Story.owned(pack=climbing(FIRST, rung))).rungs[1]
    assert (shown.number, shown.tell, [str(way) for way in shown.over]) == (
        2, ("owner_supervisor",), ["mail", "desk"],
    )  # fmt: skip
    assert shown.offset == "4 h after it was due"
    assert shown.raise_tier and shown.note_required


def test_a_rung_says_where_it_has_its_origin_its_own_or_its_ladders() -> None:
    guide = {"basis": "requirement", "source": {"document": "guide", "section": "S9"}}
    first, second = seen(Story.owned(pack=climbing(FIRST, {**SECOND, **guide}))).rungs
    assert (first.source, first.basis, first.chosen_by, first.own_source) == (
        "test, 1",
        "choice",
        "test",
        False,
    )
    assert (second.source, second.basis, second.chosen_by, second.own_source) == (
        "guide, S9", "requirement", None, True,
    )  # fmt: skip
    assert second.since == first.since == date(2025, 1, 1)


def test_an_acknowledgement_holds_what_would_call_sooner_and_says_who_and_until_when() -> None:
    story = Story.owned(pack=climbing({**FIRST, "repeat_every": "1 h", "repeat_at_most": 5}, SECOND, THIRD))
    late(story, minutes=30)
    before = seen(story)
    assert before.alarming and before.acknowledged_at is None
    assert before.may_hold_until == story.now + timedelta(hours=2)
    assert before.may_snooze_until == story.now + timedelta(hours=6)
    assert before.rungs[0].answer_by == before.rungs[0].calls[0].at + timedelta(hours=1)
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
    told, until = seen(story), story.now + timedelta(hours=2)
    assert (told.acknowledged_by, told.held_until, told.expired) == (ana.id, until, False)
    assert [rung.state for rung in told.rungs] == [C, H, H]
    assert told.rungs[1].at == until, "it calls as soon as the acknowledgement has expired"
    assert told.rungs[0].again_at == until
    assert told.rungs[2].at == until + timedelta(hours=1), "and the next one when that goes unanswered"
    assert told.rungs[0].answer_by is None
    assert not told.rungs[0].again_firing


def test_what_has_expired_is_never_a_frozen_countdown() -> None:
    story = Story.owned(pack=PLAIN)
    late(story, minutes=30)
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
    until = story.now + timedelta(hours=2)
    unheard = seen(story, until + timedelta(minutes=1))  # as while the engine is away
    assert unheard.expired
    assert [rung.state for rung in unheard.rungs][:2] == [C, F]
    story.until(until)
    heard = seen(story)
    assert (heard.acknowledged_at, heard.expired) == (None, False)
    assert [rung.state for rung in heard.rungs][:2] == [C, C]
    assert [(answer.by, answer.until) for answer in heard.answers] == [(ana.id, until)]


def test_a_snooze_and_a_release_are_told() -> None:
    story = Story.owned(pack=PLAIN)
    late(story, minutes=10)
    until = story.now + timedelta(hours=5)
    story.do(ana, SnoozeAlert(clock=CLOCK.id, until=until))
    told = seen(story)
    assert told.held_until == until
    assert told.answers[-1].snoozed
    assert [rung.state for rung in told.rungs] == [C, H, H]
    story.do(ana, ReleaseAlert(clock=CLOCK.id))
    assert seen(story).held_until is None
    assert states(story)[1] in {N, F, C}


def test_without_a_hold_an_acknowledgement_ends_the_repeats_and_nothing_else() -> None:
    repeating = {**FIRST, "repeat_every": "1 h", "repeat_at_most": 5}
    story = Story.owned(pack=climbing(repeating, SECOND, holds=None, snooze_at_most=None, unanswered="waits"))
    late(story, minutes=10)
    assert seen(story).for_good and seen(story).may_snooze_until is None
    assert seen(story).rungs[0].again_at is not None
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
    told = seen(story)
    assert told.rungs[0].again_at is None
    assert told.rungs[1].state is N
    assert told.rungs[1].at is not None and told.rungs[1].at - timedelta(hours=4) < due_of(story) + timedelta(
        seconds=1
    )


def test_repeats_are_counted_and_the_next_one_is_told() -> None:
    story = Story.owned(pack=climbing({**FIRST, "repeat_every": "1 h", "repeat_at_most": 5}))
    late(story, hours=2, minutes=30)
    (rung,) = seen(story).rungs
    assert [call.repeat for call in rung.calls] == [0, 1, 2]
    assert rung.again_at is not None and story.now < rung.again_at < story.now + timedelta(hours=1)
    (later,) = seen(story, story.now + timedelta(hours=1)).rungs
    assert later.again_firing


def test_nobody_there_is_told_with_why_and_to_whom_it_went() -> None:
    story = Story.owned(pack=PLAIN)
    late(story, minutes=1)
    story.do(machine, unheld(0, "owner"))
    (missed,) = seen(story).rungs[0].missed
    assert (missed.who, missed.why, missed.passed_to) == ("owner", "away", ("owner_supervisor",))


def test_a_pause_hides_the_moments_and_keeps_what_was_climbed() -> None:
    early = {"at": "-6 h", "tell": ["owner"]}
    story = Story.owned(pack=climbing(early, FIRST, SECOND))
    late(story, hours=-5)
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    told = seen(story)
    assert told.paused and told.due_at is None
    assert [(rung.state, rung.at is None) for rung in told.rungs] == [(C, False), (L, True), (L, True)]


def test_a_clock_that_is_over_calls_no_more_and_what_called_stays() -> None:
    story = Story.owned(pack=PLAIN)
    late(story, minutes=30)
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id, note=text("On it.")))
    story.do(customer, Withdraw())
    told = seen(story)
    assert not told.running and not told.alarming
    assert [rung.state for rung in told.rungs] == [C, X, X]
    assert told.may_hold_until is None and told.may_snooze_until is None


def test_what_was_overdue_before_it_was_recorded_has_no_rung_to_come() -> None:
    story = Story(pack=PLAIN, at=RECEIVED + timedelta(days=9), received_at=RECEIVED)
    story.wait(hours=1)
    told = seen(story)
    assert told.told_at_once and not told.alarming
    assert [rung.state for rung in told.rungs] == [X, X, X]


def test_a_clock_without_a_ladder_and_one_that_ended_quietly_have_nothing_to_show() -> None:
    rule = CLOCK.model_copy(update={"ladder": None, "warn_at": ()})
    story = Story.owned(pack=PACK.model_copy(update={"clocks": (rule,)}))
    run = story.case.clocks.find(CLOCK.id, 1)
    assert ladder_view(story.pack, story.case, run, story.happenings, story.now) is None
    quiet = Story.owned(pack=PLAIN)
    over = quiet.case.clocks.find(CLOCK.id, 1).model_copy(update={"stopped_at": quiet.now})
    assert ladder_view(quiet.pack, quiet.case, over, quiet.happenings, quiet.now) is None


def test_what_was_called_is_told_in_the_order_of_the_record() -> None:
    story = Story.owned(pack=PLAIN)
    late(story, days=1)
    told = [(rung.number - 1, call.repeat) for rung in seen(story).rungs for call in rung.calls]
    assert told == calls(story)
