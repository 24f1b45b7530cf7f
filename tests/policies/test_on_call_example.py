"""The pack on-call-example: whom it calls and when, and that docs/packs.md walks through the file as it is."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from complaints.chapters.escalation import AcknowledgeAlert, ReassignmentCalled, SnoozeAlert
from complaints.chapters.intake import Acknowledge, ReceiveComplaint
from complaints.chapters.ownership import TakeOwnership
from complaints.people.tiers import TierRaised
from complaints.timing.occurrences import AcknowledgementExpired, RungClimbed
from policies.loading import PACKS
from policies.pack import Basis
from policies.vocabulary import AlertChannel, Channel, Role, Tier
from policies.wording.in_words import NOBODY_YET
from tests.complaints.support import RECEIVED, WEI, Story, ana, text
from tests.policies.boundary import pack_of

PACK = pack_of("on-call-example")
RETAIL = pack_of("retail-2025")
FILE = PACKS / "on-call-example.yaml"
WALK = Path(__file__).parents[2] / "docs" / "packs.md"
SHIFT = "on_duty:complaints-desk"


def minutes(of: float) -> timedelta:
    return timedelta(minutes=of)


def called(story: Story, clock: str = "response") -> dict[tuple[int, int], tuple[timedelta, tuple[str, ...]]]:
    """{(rung, repeat): (how long after receipt, whom)} of a clock's calls."""
    return {
        (told.event.rung, told.event.repeat): (told.occurred_at - RECEIVED, told.event.tell)
        for told in story.happenings
        if isinstance(told.event, RungClimbed) and told.event.clock == clock
    }


def test_whoever_is_on_duty_is_called_six_minutes_before_the_response_is_due_then_it_climbs() -> None:
    story = Story(pack=PACK)
    story.until(RECEIVED + minutes(9) - timedelta(seconds=1))
    assert called(story) == {}
    story.until(RECEIVED + timedelta(days=3))
    soon = timedelta(microseconds=1)
    found = called(story)
    owner = ("owner", "owner_supervisor")
    assert found[0, 0] == (minutes(9), (SHIFT,))
    assert found[1, 0] == (minutes(15) + soon, owner), "a call at due is none before it, answered or not"
    assert [found[1, again][0] - found[1, again - 1][0] for again in (1, 2, 3)] == [minutes(10)] * 3
    assert found[2, 0] == (minutes(35) + soon, ("role:supervisor",)), (
        "twenty minutes unanswered brings the next"
    )
    assert found[3, 0] == (minutes(50) + soon, ("role:department_head",))
    assert set(found) == {(0, 0), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (3, 0)}


def test_the_early_call_of_a_clock_of_working_days_comes_in_working_time() -> None:
    story = Story(
        ReceiveComplaint(
            channel=Channel.WEB, narrative=text("More benches."), parties=(WEI,), kind="suggestion",
            feedback_class="long_term",
        ),
        pack=PACK,
    )  # fmt: skip
    run = story.case.clocks.find("long_term_feedback", 1)
    assert run.due_at is not None
    story.until(run.due_at)
    (early,) = called(story, "long_term_feedback").values()
    assert early[1] == (SHIFT,)
    # Due at midnight, at the end of a working day that closed at 18:00: four hours of it before that are 14:00.
    assert run.due_at - (RECEIVED + early[0]) == timedelta(hours=10)


def test_an_early_call_that_is_seen_and_forgotten_expires_and_the_ladder_goes_on() -> None:
    story = Story(pack=PACK)
    story.do(ana, TakeOwnership())
    story.do(ana, AcknowledgeAlert(clock="response"), at=RECEIVED + minutes(10))
    story.until(RECEIVED + minutes(29))
    assert set(called(story)) == {(0, 0)}, "an acknowledgement holds the whole ladder for twenty minutes"
    story.until(RECEIVED + minutes(31))
    assert [event.by for event in story.told(AcknowledgementExpired)] == ["ana"]
    assert called(story)[1, 0][0] == minutes(30)
    story.do(ana, SnoozeAlert(clock="response", until=story.now + timedelta(hours=2)))
    assert (
        story.refused(ana, SnoozeAlert(clock="response", until=story.now + timedelta(hours=3))) == "too_long"
    )


def test_a_rung_that_nobody_answers_moves_the_case_up_and_has_it_given_to_a_senior() -> None:
    story = Story(pack=PACK)
    story.do(ana, TakeOwnership())
    story.until(RECEIVED + minutes(34))
    assert not story.told(TierRaised)
    story.until(RECEIVED + minutes(36))
    assert [event.to for event in story.told(TierRaised)] == [2]
    assert {event.to for event in story.told(ReassignmentCalled)} == {Role.SUPERVISOR}


def test_the_last_rung_asks_what_is_being_done() -> None:
    story = Story(pack=PACK)
    story.do(ana, TakeOwnership())
    story.until(RECEIVED + minutes(52))
    assert story.refused(ana, AcknowledgeAlert(clock="response")) == "note_needed"
    story.do(ana, AcknowledgeAlert(clock="response", note=text("I have rung her.")))


def test_what_a_premium_customer_complains_of_climbs_a_ladder_of_its_own() -> None:
    def ladders(tier: Tier) -> set[str]:
        body = ReceiveComplaint(channel=Channel.MAIL, narrative=text("No."), parties=(WEI,), tier=tier)
        story = Story(body, pack=PACK)
        story.do(ana, Acknowledge())
        story.until(RECEIVED + timedelta(days=2))
        return {event.ladder for event in story.told(RungClimbed) if event.clock == "complaint_response"}

    assert ladders(Tier.PREMIUM) == {"premium"}
    assert ladders(Tier.STANDARD) == {"within_hours"}


def test_every_figure_of_its_own_is_a_choice_that_says_it_is_an_example_and_the_guides_stay_the_guides() -> (
    None
):
    guides = {repr(rule) for _, rule in RETAIL.sourced()}
    own = [(path, rule) for path, rule in PACK.sourced() if repr(rule) not in guides]
    changed = {path[0] for path, _ in own}
    assert changed == {"clocks", "ladders", "handling_tiers"}
    for path, rule in own:
        if path[0] == "clocks":
            continue  # of these nothing but the ladders of some is another
        assert (rule.basis, rule.chosen_by) == (Basis.CHOICE, NOBODY_YET), path
        assert "example" in rule.source.section or path[-2:] == ("rungs", 2), path
    for rule in RETAIL.clocks:
        ours = PACK.clock(rule.id)
        assert ours.model_copy(update={"ladders_if": ()}) == rule


def test_its_ladders_use_all_that_a_ladder_can_say() -> None:
    rungs = [rung for ladder in PACK.ladders.values() for rung in ladder.rungs]
    assert {way for rung in rungs for way in rung.over} == set(AlertChannel)
    assert {word.partition(":")[0] for rung in rungs for word in rung.tell} >= {
        "on_duty",
        "owner",
        "owner_supervisor",
        "role",
    }
    for field in ("repeat_every", "acknowledge_within", "raise_tier", "reassign_to", "note_required"):
        assert any(getattr(rung, field) for rung in rungs), field
    for ladder in PACK.ladders.values():
        assert ladder.rungs[0].at.sign < 0
        assert ladder.holds and ladder.snooze_at_most and ladder.unanswered == "climbs"


def test_the_walk_through_it_shows_the_file_as_it_is() -> None:
    section = WALK.read_text(encoding="utf-8").split("\n### Somebody on call", 1)[1].split("\n#", 1)[0]
    snippets = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert len(snippets) >= 4
    file = FILE.read_text(encoding="utf-8")
    for snippet in snippets:
        assert snippet in file, snippet
