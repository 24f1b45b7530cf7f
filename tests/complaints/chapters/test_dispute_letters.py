"""A dispute's letters: it is acknowledged once, and only its own reply keeps the promise of a reply."""

from __future__ import annotations

import pytest

from complaints.base import Actor
from complaints.chapters.dispute import AcknowledgeDispute, DisputeRaised, RaiseDispute, WithdrawDispute
from complaints.chapters.letters import Letter, LetterMoved, ReportDelivery, ServeOtherwise
from complaints.chapters.review import (
    ApproveDisputeReply,
    AssignReviewer,
    DecideDispute,
    DraftDisputeReply,
    RecordDisputeInvestigation,
)
from policies.vocabulary import DeliveryState, Fact
from tests.complaints.stages import REVIEWER, answered
from tests.complaints.support import Story, ana, carl, cleo, customer, dora, iris, machine, person, text

CONTEST = RaiseDispute(grounds=text("It was cracked when it came."))


def disputed(story: Story | None = None) -> Story:
    story = answered(story)
    story.do(customer, CONTEST)
    return story


def replied(story: Story) -> Letter:
    """Rosa looks again and Carl approves; the reply that is on its way."""
    story.do(dora, AssignReviewer(reviewer=person(REVIEWER)))
    story.do(REVIEWER, RecordDisputeInvestigation(summary=text("The crack is old.")))
    story.do(REVIEWER, DecideDispute(outcome="upheld", reasons=text("It came cracked.")))
    story.do(REVIEWER, DraftDisputeReply(text=text("You were right.")))
    story.do(carl, ApproveDisputeReply())
    letter = story.case.letters.latest("dispute_outcome")
    assert letter is not None
    return letter


def test_a_dispute_is_acknowledged_once_and_by_letter() -> None:
    story = disputed()
    story.do(iris, AcknowledgeDispute())
    letter = story.case.letters.latest("dispute_acknowledgement")
    assert letter is not None
    assert letter.party == "P1"
    assert story.case.at(Fact.DISPUTE_ACKNOWLEDGED) == story.now
    assert story.refused(ana, AcknowledgeDispute()) == "already_done"
    story.do(customer, WithdrawDispute())
    assert story.refused(ana, AcknowledgeDispute()) == "no_dispute"


def test_nothing_is_acknowledged_that_nobody_contests() -> None:
    assert answered().refused(ana, AcknowledgeDispute()) == "no_dispute"
    assert disputed().refused(cleo, AcknowledgeDispute()) == "not_allowed"


def test_acknowledging_a_dispute_is_no_hand_in_what_it_contests() -> None:
    story = disputed()
    story.do(REVIEWER, AcknowledgeDispute(text=text("Dear Wei")))
    story.do(dora, AssignReviewer(reviewer=person(REVIEWER)))


def test_the_reply_to_this_dispute_keeps_its_promise() -> None:
    story = disputed()
    letter = replied(story)
    story.deliver(letter.id)
    assert story.case.at(Fact.DISPUTE_REPLY_DELIVERED) == story.now
    assert story.case.clocks.find("dispute_reply", 1).met_at == story.now


@pytest.mark.parametrize("actor", [machine, ana])
def test_the_reply_to_an_earlier_dispute_keeps_no_promise_of_a_later_one(actor: Actor) -> None:
    story = disputed()
    late = replied(story)
    story.do(customer, WithdrawDispute())
    story.happened(customer, DisputeRaised(grounds=text("And the lid.")))
    report = ReportDelivery(letter=late.id, state=DeliveryState.DELIVERED)
    serve = ServeOtherwise(letter=late.id, how=text("Read out."))
    story.do(actor, report if actor is machine else serve)
    assert not story.told(LetterMoved)[-1].counts
    assert story.case.at(Fact.DISPUTE_REPLY_DELIVERED) is None
    found = story.case.letters.find(late.id)
    assert found is not None
    assert found.arrived, "that it arrived is on record all the same"
    assert not story.case.dispute.reply_reached(story.case)
