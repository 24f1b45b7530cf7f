"""Ladders: who is called when, what holds them, what expires, and that no alarm ends with nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache

import pytest

from complaints.base import Refused
from complaints.chapters.escalation import (
    AcknowledgeAlert,
    ReassignmentCalled,
    ReleaseAlert,
    ReportUnheld,
    SnoozeAlert,
)
from complaints.chapters.pauses import PauseClocks, ResumeClocks
from complaints.lifecycle import evolve
from complaints.messages import Message, messages
from complaints.people.tiers import TierRaised
from complaints.timing.occurrences import AcknowledgementExpired, ClockBreached, RungClimbed, RungUnheld
from policies.checking.contradictions import ladders_of
from policies.loading import PACKS, load_pack
from policies.pack import Applies, ClockRule, Ladder, Pack
from policies.vocabulary import AlertChannel, Fact, Role
from tests.complaints.support import PACK, Story, ana, machine, text

CLOCK = PACK.clock("complaint_outcome")
"""48 hours from receipt, which waiting for the customer pauses."""


def climbing(*rungs: Mapping[str, object], pack: Pack = PACK, **ladder: object) -> Pack:
    """The pack with this ladder, and its one clock that climbs it."""
    own = Ladder.model_validate(
        {
            "id": "own", "rungs": rungs, "holds": "2 h", "snooze_at_most": "6 h", "unanswered": "climbs",
            "basis": "choice", "chosen_by": "test", "since": "2025-01-01",
            "source": {"document": "test", "section": "1"}, **ladder,
        }
    )  # fmt: skip
    rule = CLOCK.model_copy(update={"ladder": "own", "warn_at": (), "raises_tier": False})
    return pack.model_copy(update={"ladders": {"own": own}, "clocks": (rule,)})


FIRST = {"at": "0", "tell": ["owner"], "acknowledge_within": "1 h"}
SECOND = {"at": "+4 h", "tell": ["owner_supervisor"], "acknowledge_within": "1 h"}
THIRD = {"at": "+8 h", "tell": ["role:department_head"]}
PLAIN = climbing(FIRST, SECOND, THIRD)


def due_of(story: Story) -> datetime:
    due = story.case.clocks.find(CLOCK.id, 1).due_at
    assert due is not None
    return due


def late(story: Story, **by: float) -> datetime:
    """The moment so long after due, which the story goes on to."""
    moment = due_of(story) + timedelta(**by)
    story.until(moment)
    return moment


def calls(story: Story) -> list[tuple[int, int]]:
    return [(event.rung, event.repeat) for event in story.told(RungClimbed)]


def called_for(story: Story) -> list[Message]:
    case = None
    found: list[Message] = []
    for told in story.happenings:
        case = evolve(case, told)
        found += messages(story.pack, case, told)
    return found


def unheld(rung: int, word: str, repeat: int = 0) -> ReportUnheld:
    return ReportUnheld(clock=CLOCK.id, occurrence=1, rung=rung, repeat=repeat, word=word, why="away")


def test_a_call_that_nobody_acknowledges_in_its_time_goes_up_at_once() -> None:
    story = Story.owned(pack=PLAIN)
    late(story, minutes=59)
    assert calls(story) == [(0, 0)]
    late(story, hours=1, minutes=1)
    assert calls(story) == [(0, 0), (1, 0)]
    late(story, hours=2, minutes=1)
    assert calls(story) == [(0, 0), (1, 0), (2, 0)]
    late(story, days=30)
    assert calls(story) == [(0, 0), (1, 0), (2, 0)], "each is called once by itself"


def test_a_ladder_that_waits_climbs_by_its_rungs_own_moments() -> None:
    story = Story.owned(pack=climbing(FIRST, SECOND, unanswered="waits"))
    late(story, hours=3, minutes=59)
    assert calls(story) == [(0, 0)]
    late(story, hours=4, minutes=1)
    assert calls(story) == [(0, 0), (1, 0)]


def test_an_acknowledgement_holds_the_whole_ladder_and_then_expires() -> None:
    story = Story.owned(pack=PLAIN)
    late(story, minutes=30)
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
    acknowledged = story.now
    story.until(acknowledged + timedelta(hours=1, minutes=59))
    assert calls(story) == [(0, 0)]
    assert story.refused(ana, AcknowledgeAlert(clock=CLOCK.id), at=story.now) == "already_done"
    story.until(acknowledged + timedelta(hours=2))
    (expired,) = [told for told in story.happenings if isinstance(told.event, AcknowledgementExpired)]
    assert expired.occurred_at == acknowledged + timedelta(hours=2)
    assert calls(story) == [(0, 0), (1, 0)], "forgotten, it goes up to the next"
    told = [m.to for m in called_for(story) if m.kind == "alert_expired"]
    assert told == ["staff:ana"], "who acknowledged, and those of the rung that it stands on: once each"


def test_what_expired_can_be_acknowledged_again_and_expires_again_under_another_key() -> None:
    story = Story.owned(pack=climbing(FIRST))
    late(story, minutes=10)
    for _ in range(3):
        story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
        story.wait(hours=5)
    keys = [m.dedupe for m in called_for(story) if m.kind == "alert_expired"]
    assert len(keys) == len(set(keys)) == 3


def test_an_expiry_goes_over_the_ways_of_the_call_that_was_acknowledged_and_belongs_to_it() -> None:
    story = Story.owned(pack=climbing({**FIRST, "over": ["mail", "desk", "webhook"]}))
    late(story, minutes=10)
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
    story.wait(hours=2, minutes=1)
    told = [m for m in called_for(story) if m.kind == "alert_expired"]
    assert [(m.to, m.channel.value) for m in told] == [
        ("staff:ana", "mail"), ("staff:ana", "desk"), ("webhooks", "webhook"),
    ]  # fmt: skip
    assert {(m.occurrence, m.rung, m.repeat, m.who) for m in told} == {(1, 0, 0, None)}
    assert len({m.dedupe for m in told}) == 3


def test_what_is_met_while_it_is_acknowledged_expires_no_more() -> None:
    story = Story.owned(pack=PLAIN)
    late(story, minutes=10)
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
    run = story.case.clocks.find(CLOCK.id, 1)
    assert run.held_until == story.now + timedelta(hours=2)
    assert run.due_at is not None and run.breached_at == run.due_at, "the deadline does not move"


def test_the_repeats_go_on_until_somebody_acknowledges() -> None:
    story = Story.owned(pack=climbing({**FIRST, "repeat_every": "1 h", "repeat_at_most": 5}))
    late(story, hours=2, minutes=30)
    assert calls(story) == [(0, 0), (0, 1), (0, 2)]
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id))
    released = story.now + timedelta(hours=1)
    story.until(released)
    assert calls(story) == [(0, 0), (0, 1), (0, 2)]
    story.do(ana, ReleaseAlert(clock=CLOCK.id), at=released)
    story.until(released)
    assert calls(story)[-1] == (0, 3), "what is released goes on where it stood"
    late(story, days=9)
    assert calls(story) == [(0, n) for n in range(6)]


def test_a_snooze_is_bounded_by_the_pack_and_may_be_given_again() -> None:
    story = Story.owned(pack=PLAIN)
    assert story.refused(ana, SnoozeAlert(clock=CLOCK.id, until=story.now + timedelta(days=9))) == "no_alert"
    late(story, minutes=10)
    assert story.refused(ana, SnoozeAlert(clock=CLOCK.id, until=story.now)) == "in_the_past"
    far = story.now + timedelta(hours=7, minutes=2)
    assert story.refused(ana, SnoozeAlert(clock=CLOCK.id, until=far)) == "too_long"
    story.do(ana, SnoozeAlert(clock=CLOCK.id, until=story.now + timedelta(hours=5)))
    story.wait(hours=4)
    until = story.now + timedelta(hours=5)
    story.do(ana, SnoozeAlert(clock=CLOCK.id, until=until))
    story.until(until - timedelta(seconds=1))
    assert calls(story) == [(0, 0)]
    story.until(until)
    assert calls(story) == [(0, 0), (1, 0), (2, 0)], "two moments passed meanwhile: neither is skipped"


def test_a_ladder_without_snoozing_says_so() -> None:
    story = Story.owned(pack=climbing(FIRST, snooze_at_most=None))
    late(story, minutes=10)
    assert (
        story.refused(ana, SnoozeAlert(clock=CLOCK.id, until=story.now + timedelta(hours=1))) == "no_snooze"
    )


def test_a_rung_may_ask_for_a_note() -> None:
    story = Story.owned(pack=climbing({**FIRST, "note_required": True}))
    late(story, minutes=10)
    assert story.refused(ana, AcknowledgeAlert(clock=CLOCK.id)) == "note_needed"
    assert (
        story.refused(ana, SnoozeAlert(clock=CLOCK.id, until=story.now + timedelta(hours=1))) == "note_needed"
    )
    story.do(ana, AcknowledgeAlert(clock=CLOCK.id, note=text("The parts are here on Friday.")))


def test_a_refused_acknowledgement_names_the_rung_that_asks_for_the_note_and_its_own_source() -> None:
    guide = {"source": {"document": "guide", "section": "S9"}}
    story = Story.owned(
        pack=climbing({**FIRST, "note_required": True}, {**SECOND, **guide, "note_required": True})
    )
    late(story, minutes=10)
    for rule, further in (
        ("ladder own, rung 1 (test, 1)", timedelta(hours=1)),
        ("ladder own, rung 2 (guide, S9)", timedelta()),
    ):
        with pytest.raises(Refused) as refused:
            story.do(ana, AcknowledgeAlert(clock=CLOCK.id), at=story.now)
        assert refused.value.rule == rule
        story.until(story.now + further)


def test_an_early_rung_warns_and_no_rung_at_due_is_called_before_it() -> None:
    early = {"at": "-6 h", "tell": ["owner"], "acknowledge_within": "1 h"}
    story = Story.owned(pack=climbing(early, FIRST))
    late(story, hours=-1)
    assert calls(story) == [(0, 0)]
    assert {m.kind for m in called_for(story) if m.rung is not None} == {"alert_warning"}
    late(story, seconds=0)
    assert calls(story) == [(0, 0)], "done exactly at due is in time"
    late(story, seconds=1)
    assert calls(story) == [(0, 0), (1, 0)]
    assert len(story.told(ClockBreached)) == 1


def test_a_pause_in_the_middle_of_a_ladder_skips_none_and_doubles_none() -> None:
    early = [{"at": f"-{hours} h", "tell": ["owner"]} for hours in (6, 4, 2)]
    story = Story.owned(pack=climbing(*early, FIRST, unanswered="waits"))
    late(story, hours=-5)
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    story.wait(days=3)
    assert calls(story) == [(0, 0)]
    story.do(ana, ResumeClocks(reason="waiting_for_customer"))
    late(story, hours=1)
    assert calls(story) == [(0, 0), (1, 0), (2, 0), (3, 0)]


def test_a_pause_that_ended_unnoticed_brings_two_rungs_at_once_each_of_them_once() -> None:
    early = [{"at": f"-{hours} h", "tell": ["owner"]} for hours in (6, 4)]
    story = Story.owned(pack=climbing(*early, FIRST, unanswered="waits"))
    late(story, hours=-7)
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    paused = story.now
    story.wait(hours=20)
    story.do(ana, ResumeClocks(reason="waiting_for_customer"), occurred_at=paused + timedelta(minutes=1))
    story.wait(minutes=1)
    assert calls(story) == [(0, 0), (1, 0), (2, 0)]
    story.wait(days=3)
    assert calls(story) == [(0, 0), (1, 0), (2, 0)]


def test_nobody_holds_an_alarm_back_by_pausing_what_is_overdue() -> None:
    story = Story.owned(pack=climbing(FIRST, SECOND, unanswered="waits"))
    late(story, minutes=30)
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    story.wait(hours=30)
    assert calls(story) == [(0, 0), (1, 0)]


def test_more_time_cancels_the_rungs_that_no_longer_hold_and_none_that_was_climbed() -> None:
    early = {"at": "-6 h", "tell": ["owner"]}
    story = Story.owned(pack=climbing(early, FIRST))
    late(story, hours=-5)
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    story.wait(hours=10)
    story.do(ana, ResumeClocks(reason="waiting_for_customer"))
    assert calls(story) == [(0, 0)]
    late(story, seconds=-1)
    assert calls(story) == [(0, 0)], "what was called before the pause is not called again for the new moment"


def test_a_call_goes_to_the_next_rungs_people_once_nobody_of_its_own_is_there() -> None:
    pack = climbing(
        {**FIRST, "tell": ["owner", "owner_supervisor"]}, {**SECOND, "tell": ["role:department_head"]}
    )
    story = Story.owned(pack=pack)
    late(story, minutes=1)
    story.do(machine, unheld(0, "owner"))
    assert story.told(RungUnheld)[-1].passed_to == (), "the supervisor may still be there"
    story.do(machine, unheld(0, "owner_supervisor"))
    assert story.told(RungUnheld)[-1].passed_to == ("role:department_head",)
    passed = [m for m in called_for(story) if m.to == "role:department_head"]
    assert [(m.rung, m.kind) for m in passed] == [(0, "alert_breach")]
    assert story.do(machine, unheld(0, "owner")) == (), "told twice it is known already"
    late(story, hours=1, minutes=1)
    again = [m for m in called_for(story) if m.to == "role:department_head"]
    assert [m.rung for m in again] == [0, 1], "the next rung is called at its own time all the same"
    assert len({m.dedupe for m in again}) == 2


def test_a_complaint_with_nobody_to_alert_is_itself_an_alert() -> None:
    story = Story.owned(pack=climbing(FIRST))
    late(story, minutes=1)
    story.do(machine, unheld(0, "owner"))
    assert story.told(RungUnheld)[-1].nobody
    assert [m.to for m in called_for(story) if m.kind == "alert_nobody"] == ["role:administrator"]


def test_two_words_for_one_person_are_one_call_that_reaches_nobody() -> None:
    pack = climbing({**FIRST, "tell": ["owner", f"person:{ana.id}"]}, SECOND)
    story = Story.owned(pack=pack)
    late(story, minutes=1)
    story.do(machine, unheld(0, "owner"))
    assert story.told(RungUnheld)[-1].passed_to == ("owner_supervisor",)


def test_a_call_of_a_clock_that_was_met_meanwhile_is_nobodys() -> None:
    story = Story.owned(pack=PLAIN)
    late(story, minutes=1)
    other = unheld(0, "owner").model_copy(update={"occurrence": 7})
    assert story.do(machine, other) == ()


def test_another_tier_climbs_another_ladder() -> None:
    high = PACK.ladders["within_hours"].model_copy(update={"id": "high"})
    pack = climbing(FIRST, SECOND)
    choice = {"applies_if": {"tiers": ["standard"]}, "ladder": "high"}
    rule = ClockRule.model_validate({**pack.clocks[0].model_dump(), "ladders_if": [choice]})
    pack = pack.model_copy(update={"clocks": (rule,), "ladders": {**pack.ladders, "high": high}})
    story = Story.owned(pack=pack)
    late(story, seconds=1)
    assert [event.ladder for event in story.told(RungClimbed)] == ["high"]


def test_a_rung_may_move_the_case_up_and_have_it_given_to_a_senior() -> None:
    tiered = load_pack(PACKS / "service-centre.yaml")
    pack = climbing(FIRST, {**SECOND, "raise_tier": True, "reassign_to": "supervisor"}).model_copy(
        update={"handling_tiers": tiered.handling_tiers}
    )
    story = Story.owned(pack=pack)
    late(story, minutes=59)
    assert not story.told(TierRaised)
    late(story, hours=1, minutes=1)
    assert [event.to for event in story.told(TierRaised)] == [2]
    assert [event.to for event in story.told(ReassignmentCalled)] == [Role.SUPERVISOR]
    assert story.case.ownership.owner == ana.id, "she answers for it until somebody else does"
    assert story.case.escalation.wanted is Role.SUPERVISOR


def test_each_way_has_its_own_message_and_webhooks_one_for_the_call() -> None:
    ways = ["mail", "desk", "webhook"]
    story = Story.owned(pack=climbing({**FIRST, "tell": ["owner", "owner_supervisor"], "over": ways}))
    late(story, seconds=1)
    sent = sorted((m.to, m.channel.value) for m in called_for(story) if m.rung == 0)
    assert sent == [
        ("staff:ana", "desk"), ("staff:ana", "mail"), ("staff:dora", "desk"), ("staff:dora", "mail"),
        ("webhooks", "webhook"),
    ]  # fmt: skip


# Every ladder of every pack ---------------------------------------------------------------------------


@cache
def packs() -> dict[str, Pack]:
    return {path.stem: load_pack(path) for path in sorted(PACKS.glob("*.yaml"))}


def alone(pack: Pack, rule: ClockRule, ladder: str) -> Pack:
    """The pack with this clock alone, on this ladder, for every complaint, from its receipt, met by nothing."""
    changes = {
        "starts_on": Fact.RECEIVED, "met_by": (Fact.POST_MORTEM_DONE,), "applies_if": Applies(), "only_if": None,
        "departments": (), "stops_on": (), "raises_tier": False, "ladder": ladder, "ladders_if": (),
    }  # fmt: skip
    return pack.model_copy(
        update={"clocks": (rule.model_copy(update=changes),), "handling_tiers": (), "dispatch": ()}
    )


@pytest.mark.parametrize(
    ("name", "clock", "ladder"),
    [
        (name, rule.id, ladder)
        for name, pack in packs().items()
        for rule in pack.clocks
        for ladder in ladders_of(rule)
    ],
)
def test_every_rung_of_every_packs_ladder_calls_somebody_each_time_once(
    name: str, clock: str, ladder: str
) -> None:
    pack = alone(packs()[name], packs()[name].clock(clock), ladder)
    rungs = pack.ladders[ladder].rungs
    early = [number for number, rung in enumerate(rungs) if rung.at.sign < 0]
    story = Story.owned(pack=pack)
    due = story.case.clocks.find(clock, 1).due_at
    assert due is not None
    story.until(due)
    assert calls(story) == [(number, 0) for number in early], "nobody is late before they are late"
    assert {m.kind for m in called_for(story) if m.rung is not None} <= {"alert_warning"}
    story.wait(days=200)
    made = sorted(calls(story))
    assert made == sorted(
        (number, repeat) for number, rung in enumerate(rungs) for repeat in range(rung.repeat_at_most + 1)
    )
    mails = [m for m in called_for(story) if m.rung is not None and m.channel is AlertChannel.MAIL]
    assert {(m.rung, m.repeat) for m in mails} == set(made), "each reaches a person's mail"
    keys = [m.dedupe for m in called_for(story)]
    assert len(keys) == len(set(keys))
