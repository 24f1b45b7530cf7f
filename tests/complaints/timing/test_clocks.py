"""Clocks: each promise is kept, warned of, broken, paused and recalculated at the very instant the pack says."""

from datetime import timedelta

import pytest

from complaints.base import Order, Refused
from complaints.chapters.closure import CloseComplaint, Reopen
from complaints.chapters.conversation import WriteMessage
from complaints.chapters.dispute import RaiseDispute
from complaints.chapters.endings import Withdraw
from complaints.chapters.escalation import AcknowledgeAlert
from complaints.chapters.feedback import ConfirmOutcome
from complaints.chapters.intake import (
    Acknowledge,
    ApproveReceiptCorrection,
    CorrectReceipt,
    ReceiveComplaint,
)
from complaints.chapters.pauses import PauseClocks, ResumeClocks
from complaints.chapters.triage import Reclassify, Triage
from complaints.lifecycle import due, fold, next_wakeup, receive
from complaints.timing.occurrences import (
    ClockBreached,
    ClockMet,
    ClockRecalculated,
    ClockStarted,
    ClockState,
    ClockStopped,
    ClockWarned,
    RungClimbed,
)
from policies.vocabulary import Channel, FeedbackClass, Kind, Severity, Tier
from tests.complaints.stages import sent
from tests.complaints.support import PACK, RECEIVED, WEI, Story, ana, customer, dora, iris, text

TICK = timedelta(microseconds=1)
MINUTES_15 = timedelta(minutes=15)


def state(story: Story, clock: str) -> ClockState:
    return story.case.clocks.find(clock, 1).state


def test_a_complaint_starts_the_clocks_its_pack_promises() -> None:
    started = {event.clock: event.due_at for event in Story().told(ClockStarted)}
    assert started == {
        "response": RECEIVED + MINUTES_15,
        "first_handling": RECEIVED + timedelta(minutes=30),
        "complaint_response": RECEIVED + timedelta(hours=24),
        "complaint_outcome": RECEIVED + timedelta(hours=48),
    }


def test_an_anonymous_complainant_gets_no_clock_that_needs_a_reply() -> None:
    story = Story(ReceiveComplaint(channel=Channel.WEB, narrative=text("It smells.")))
    assert {event.clock for event in story.told(ClockStarted)} == {"first_handling"}


@pytest.mark.parametrize(
    ("late_by", "expected"),
    [(-TICK, ClockState.MET), (timedelta(), ClockState.MET), (TICK, ClockState.MET_LATE)],
)
def test_done_exactly_at_the_due_moment_is_in_time(late_by: timedelta, expected: ClockState) -> None:
    story = Story()
    story.do(ana, Acknowledge(), at=RECEIVED + MINUTES_15 + late_by)
    assert state(story, "response") is expected
    assert bool(story.told(ClockBreached)) is (expected is ClockState.MET_LATE)


def test_it_is_not_breached_at_the_due_moment_and_is_an_instant_later() -> None:
    story = Story()
    at_due = story.until(RECEIVED + MINUTES_15)
    assert not [told for told in at_due if isinstance(told.event, ClockBreached)]
    just_after = story.until(RECEIVED + MINUTES_15 + TICK)
    assert [told.event.clock for told in just_after if isinstance(told.event, ClockBreached)] == ["response"]


def test_the_warning_comes_a_fifth_of_the_time_before_due_and_once() -> None:
    story = Story()
    warned_at = RECEIVED + timedelta(minutes=12)
    assert not [t for t in story.until(warned_at - TICK) if isinstance(t.event, ClockWarned)]
    assert [t.event.clock for t in story.until(warned_at) if isinstance(t.event, ClockWarned)] == ["response"]
    story.until(RECEIVED + timedelta(minutes=14))
    assert len([e for e in story.told(ClockWarned) if e.clock == "response"]) == 1


def test_a_promise_that_was_kept_is_neither_warned_of_nor_broken() -> None:
    story = Story()
    story.do(ana, Acknowledge())
    story.wait(days=3)
    assert "response" not in {event.clock for event in (*story.told(ClockWarned), *story.told(ClockBreached))}


def test_what_counts_is_when_it_happened_not_when_it_was_keyed_in() -> None:
    story = Story()
    story.until(RECEIVED + timedelta(minutes=20))  # the breach has been announced meanwhile
    assert [event.clock for event in story.told(ClockBreached)] == ["response"]
    story.do(ana, Acknowledge(), occurred_at=RECEIVED + timedelta(minutes=9))
    assert state(story, "response") is ClockState.MET


def test_a_late_entry_is_breached_before_recording_and_nobody_is_warned_of_the_past() -> None:
    order_at = RECEIVED + timedelta(hours=2)
    order = Order(
        id="keyed-in",
        actor=iris,
        body=ReceiveComplaint(channel=Channel.LETTER, narrative=text("On paper."), parties=(WEI,)),
        at=order_at,
        occurred_at=RECEIVED,
    )
    received = receive(PACK, "7K2M-9QF3-XA5C", order)
    overdue = due(PACK, fold(received), order_at)
    breached = [told for told in overdue if isinstance(told.event, ClockBreached)]
    assert [
        (t.event.clock, t.event.before_recording) for t in breached if isinstance(t.event, ClockBreached)
    ] == [
        ("response", True),
        ("first_handling", True),
    ]
    assert not [t for t in overdue if isinstance(t.event, ClockWarned | RungClimbed)]
    assert fold((*received, *overdue)).received_at == RECEIVED


def test_the_ladder_climbs_repeats_three_times_and_then_the_head_hears_of_it() -> None:
    story = Story()
    story.wait(hours=12)
    rungs = [(e.rung, e.repeat) for e in story.told(RungClimbed) if e.clock == "response"]
    assert sorted(rungs) == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    assert ("role:department_head",) in [e.tell for e in story.told(RungClimbed) if e.clock == "response"]


def test_an_acknowledged_alert_is_not_repeated_while_that_holds() -> None:
    story = Story()
    story.wait(minutes=16)
    story.do(ana, AcknowledgeAlert(clock="response"))
    story.wait(minutes=58)
    assert [e.repeat for e in story.told(RungClimbed) if e.clock == "response" and e.rung == 0] == [0]
    assert story.refused(ana, AcknowledgeAlert(clock="response")) == "already_done"


def test_a_pause_moves_the_due_moment_by_just_its_length_and_ends_when_the_customer_writes() -> None:
    story = Story.owned()
    before = story.case.clocks.find("complaint_outcome", 1).due_at
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    paused_at = story.now
    assert state(story, "complaint_outcome") is ClockState.PAUSED
    assert state(story, "response") is ClockState.RUNNING  # its pack lets nothing pause it
    story.do(customer, WriteMessage(text=text("Here is my receipt.")), at=paused_at + timedelta(hours=5))
    assert before is not None
    assert story.case.clocks.find("complaint_outcome", 1).due_at == before + timedelta(hours=5)
    assert story.refused(ana, ResumeClocks(reason="waiting_for_customer")) == "not_paused"


def test_a_pause_that_nobody_ends_ends_at_the_packs_limit() -> None:
    story = Story.owned()
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    story.wait(days=20)
    moved = [e for e in story.told(ClockRecalculated) if e.clock == "complaint_outcome"]
    assert [(e.due_at is None, e.why) for e in moved] == [(True, "paused"), (False, "resumed")]


def test_an_ending_ends_every_pause_and_a_reopened_complaint_has_its_deadlines() -> None:
    story = Story.owned()
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    story.do(customer, Withdraw())
    assert story.case.clocks.open_pause("waiting_for_customer") is None
    assert story.case.clocks.find("complaint_outcome", 1).frozen_due is not None
    story.wait(days=1)
    story.do(customer, Reopen(reason=text("I was too quick.")))
    assert story.case.clocks.find("complaint_outcome", 2).due_at == story.now + timedelta(hours=48)


def test_closing_ends_every_pause() -> None:
    story = sent()
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    latest = story.case.letters.latest("final_response")
    assert latest is not None
    story.deliver(latest.id)
    story.do(customer, ConfirmOutcome())
    story.do(ana, CloseComplaint())
    assert story.case.clocks.open_pause("waiting_for_customer") is None


def test_a_dispute_ends_the_wait_for_the_customer_before_its_clock_starts() -> None:
    story = sent()
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    latest = story.case.letters.latest("final_response")
    assert latest is not None
    story.deliver(latest.id)
    assert story.case.clocks.open_pause("waiting_for_customer") is not None
    told = story.do(customer, RaiseDispute(grounds=text("It was cracked.")))
    order = [t.event.type for t in told]
    assert order.index("Resumed") < order.index("ClockStarted")
    assert story.case.clocks.find("dispute_investigation", 1).due_at is not None


def test_a_pause_for_a_reason_the_pack_does_not_know_is_refused() -> None:
    story = Story.owned()
    assert story.refused(ana, PauseClocks(reason="tea")) == "pause_reason_unknown"
    assert "Waiting for the customer" in story.sentence


def test_reclassification_counts_from_the_original_start_and_drops_what_no_longer_applies() -> None:
    story = Story.owned()
    story.do(ana, Triage(kind=Kind.COMPLAINT, severity=Severity.REGULAR, tier=Tier.STANDARD))
    story.wait(hours=1)
    story.do(
        ana,
        Reclassify(
            kind=Kind.SUGGESTION,
            severity=Severity.REGULAR,
            tier=Tier.STANDARD,
            feedback_class=FeedbackClass.IMMEDIATE,
            reason=text("Only an idea."),
        ),
    )
    assert {event.clock for event in story.told(ClockStopped)} == {"complaint_response", "complaint_outcome"}
    assert story.case.clocks.find("immediate_feedback", 1).started_at == RECEIVED
    assert story.case.clocks.find("immediate_feedback", 1).due_at == RECEIVED + timedelta(hours=24)
    breached = story.case.clocks.find("response", 1)
    assert breached.breached_at == RECEIVED + MINUTES_15  # never un-breached


def test_a_corrected_receipt_moves_the_clocks_once_someone_else_has_approved_it() -> None:
    story = Story()
    earlier = RECEIVED - timedelta(minutes=10)
    story.do(iris, CorrectReceipt(received_at=earlier, reason=text("Stamped at the counter.")))
    assert story.case.received_at == RECEIVED
    story.do(dora, ApproveReceiptCorrection())
    assert story.case.received_at == earlier
    assert story.case.clocks.find("response", 1).due_at == earlier + MINUTES_15


def test_the_asker_can_not_approve_their_own_correction() -> None:
    story = Story()
    story.do(dora, CorrectReceipt(received_at=RECEIVED - MINUTES_15, reason=text("Stamped.")))
    assert story.refused(dora, ApproveReceiptCorrection()) == "self_approval"


def test_time_has_nothing_to_say_before_the_next_wake_up_and_something_at_it() -> None:
    story = Story()
    for _ in range(12):
        wake_at = next_wakeup(PACK, story.case)
        assert wake_at is not None
        assert due(PACK, story.case, wake_at - TICK) == ()
        assert story.until(wake_at)


def test_an_order_from_before_the_receipt_is_refused() -> None:
    story = Story()
    with pytest.raises(Refused) as refusal:
        story.do(ana, Acknowledge(), occurred_at=RECEIVED - TICK)
    assert refusal.value.code == "before_receipt"


def test_the_promise_met_by_an_acknowledgement_is_frozen() -> None:
    story = Story()
    story.do(ana, Acknowledge())
    met = story.told(ClockMet)[0]
    story.wait(days=30)
    assert story.case.clocks.find("response", 1).frozen_due == met.due_at
