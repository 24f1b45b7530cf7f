"""Reclassification and corrected receipts: each promise of the round has one run, from its true start."""

from __future__ import annotations

from datetime import timedelta

from complaints.chapters.closure import Reopen
from complaints.chapters.endings import Withdraw
from complaints.chapters.intake import Acknowledge, ApproveReceiptCorrection, CorrectReceipt
from complaints.chapters.investigation import RecordContact
from complaints.chapters.ownership import TakeOwnership
from complaints.chapters.pauses import PauseClocks, ResumeClocks
from complaints.chapters.triage import Reclassify, Triage
from complaints.timing.occurrences import ClockBreached, ClockState, RungClimbed
from policies.vocabulary import Channel, Kind, Severity, Tier
from tests.complaints.made_packs import clock, with_clocks
from tests.complaints.support import RECEIVED, Story, ana, customer, dora, iris, text

TRIAGE = Triage(kind=Kind.COMPLAINT, severity=Severity.REGULAR, tier=Tier.STANDARD)


def reclassify(kind: Kind, severity: Severity = Severity.REGULAR) -> Reclassify:
    return Reclassify(kind=kind, severity=severity, tier=Tier.STANDARD, reason=text("A mistake."))


def correct(story: Story, by: timedelta) -> None:
    """The receipt is moved by so much, and Dora approves."""
    story.do(iris, CorrectReceipt(received_at=story.case.received_at + by, reason=text("Stamped.")))
    story.do(dora, ApproveReceiptCorrection())


def test_a_complaint_classed_away_and_back_has_its_deadline_again_from_the_original_start() -> None:
    story = Story.owned()
    story.do(ana, TRIAGE)
    story.do(ana, reclassify(Kind.SUGGESTION))
    assert story.case.clocks.running("complaint_outcome") is None
    story.do(ana, reclassify(Kind.COMPLAINT))
    again = story.case.clocks.running("complaint_outcome")
    assert again is not None
    assert (again.number, again.started_at) == (1, RECEIVED)
    assert again.due_at == RECEIVED + timedelta(hours=48)


def test_a_breach_is_told_once_though_the_complaint_is_classed_away_and_back() -> None:
    story = Story.owned()
    story.do(ana, TRIAGE)
    story.wait(hours=50)
    told = [event for event in story.told(ClockBreached) if event.clock == "complaint_outcome"]
    climbed = [event for event in story.told(RungClimbed) if event.clock == "complaint_outcome"]
    story.do(ana, reclassify(Kind.SUGGESTION))
    story.do(ana, reclassify(Kind.COMPLAINT))
    story.wait(minutes=1)
    assert [event for event in story.told(ClockBreached) if event.clock == "complaint_outcome"] == told
    assert [event for event in story.told(RungClimbed) if event.clock == "complaint_outcome"] == climbed
    run = story.case.clocks.running("complaint_outcome")
    assert run is not None, "the promise holds again"
    assert run.breached_at is not None, "and what was breached stays breached"


def test_a_deadline_that_came_back_follows_a_corrected_receipt() -> None:
    story = Story.owned()
    story.do(ana, TRIAGE)
    story.do(ana, reclassify(Kind.SUGGESTION))
    story.do(ana, reclassify(Kind.COMPLAINT))
    correct(story, timedelta(hours=-3))
    again = story.case.clocks.running("complaint_outcome")
    assert again is not None
    assert again.due_at == RECEIVED + timedelta(hours=45)


def test_a_corrected_receipt_moves_the_start_of_the_clocks_too() -> None:
    story = Story.owned()
    correct(story, timedelta(hours=-10))
    assert story.case.clocks.find("complaint_outcome", 1).started_at == RECEIVED - timedelta(hours=10)


def test_a_pause_after_a_corrected_receipt_does_not_undo_the_correction() -> None:
    story = Story.owned()
    correct(story, timedelta(hours=-10))
    story.do(ana, PauseClocks(reason="waiting_for_customer"))
    story.do(ana, ResumeClocks(reason="waiting_for_customer"))
    due_at = story.case.clocks.find("complaint_outcome", 1).due_at
    assert due_at == RECEIVED + timedelta(hours=38, minutes=1)


def test_triage_after_a_receipt_corrected_to_later_starts_nothing_twice() -> None:
    story = Story(at=RECEIVED + timedelta(minutes=5), received_at=RECEIVED)
    correct(story, timedelta(minutes=3))
    story.do(ana, TakeOwnership())
    story.do(ana, TRIAGE)
    assert {run.number for run in story.case.clocks.occurrences} == {1}


def test_a_promise_kept_before_the_receipt_was_corrected_is_not_started_again() -> None:
    story = Story(at=RECEIVED + timedelta(minutes=10), received_at=RECEIVED)
    story.do(ana, Acknowledge())
    story.do(ana, TRIAGE)
    correct(story, timedelta(minutes=9))
    story.do(ana, reclassify(Kind.COMPLAINT, Severity.URGENT))
    assert story.case.clocks.count("response") == 1
    assert story.case.clocks.find("response", 1).state is ClockState.MET


def test_a_clock_that_counts_from_a_reopening_is_left_alone_by_a_corrected_receipt() -> None:
    story = Story.owned()
    story.do(ana, TRIAGE)
    story.do(ana, reclassify(Kind.SUGGESTION))
    story.do(customer, Withdraw())
    story.do(customer, Reopen(reason=text("It is not over.")))
    reopened_at = story.now
    story.do(ana, reclassify(Kind.COMPLAINT))
    correct(story, timedelta(hours=-1))
    running = story.case.clocks.running("complaint_outcome")
    assert running is not None
    assert running.started_at == reopened_at


CALLED = clock(
    "called", starts_on="received", met_by=["customer_contacted"], duration="2 h",
    applies_if={"kinds": ["complaint"]},
)  # fmt: skip
CALL = RecordContact(
    way=Channel.PHONE, content=text("Asked."), reaction=text("Calm."), outcome=text("Knows.")
)


def away_and_back(*calls: timedelta) -> Story:
    """Taken in as a complaint, held for an enquiry while the customer was called, and a complaint after all."""
    story = Story.owned(pack=with_clocks(CALLED))
    enquiry = Triage(kind=Kind.ENQUIRY, severity=Severity.REGULAR, tier=Tier.STANDARD)
    story.do(ana, enquiry)
    for after in calls:
        story.do(ana, CALL, RECEIVED + after)
    story.do(ana, reclassify(Kind.COMPLAINT))
    story.wait(days=1)
    return story


def test_a_promise_that_was_kept_while_it_had_fallen_away_is_kept() -> None:
    run = away_and_back(timedelta(hours=1)).case.clocks.find("called", 1)
    assert (run.state, run.met_at, run.breached_at) == (ClockState.MET, RECEIVED + timedelta(hours=1), None)


def test_of_what_came_several_times_meanwhile_the_first_keeps_the_promise() -> None:
    story = away_and_back(timedelta(hours=1), timedelta(hours=7))
    assert story.case.clocks.find("called", 1).met_at == RECEIVED + timedelta(hours=1)
    assert not story.told(ClockBreached)


def test_a_promise_that_was_broken_while_it_had_fallen_away_is_broken() -> None:
    run = away_and_back(timedelta(hours=3)).case.clocks.find("called", 1)
    assert run.state is ClockState.MET_LATE


def test_a_promise_that_nobody_kept_meanwhile_is_overdue() -> None:
    assert away_and_back().case.clocks.find("called", 1).breached_at == RECEIVED + timedelta(hours=2)


def test_what_kept_the_promise_of_the_last_round_keeps_none_of_this_one() -> None:
    story = away_and_back(timedelta(hours=1))
    story.do(customer, Withdraw(reason=text("Never mind.")))
    story.do(customer, Reopen(reason=text("It broke again.")))
    reopened = story.now
    story.do(ana, reclassify(Kind.ENQUIRY))
    story.do(ana, reclassify(Kind.COMPLAINT))
    story.wait(hours=3)
    assert story.case.clocks.find("called", 2).breached_at == reopened + timedelta(hours=2)
