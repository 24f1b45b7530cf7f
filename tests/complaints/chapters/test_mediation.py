"""Mediation: offered to whoever contests, and the way to court pointed out where it brings nothing."""

from __future__ import annotations

import pytest

from complaints.chapters.dispute import ConcludeDispute, RaiseDispute
from complaints.chapters.mediation import (
    MediationOutcome,
    OfferMediation,
    RecordMediation,
    WayToCourtPointedOut,
)
from tests.complaints.stages import answered
from tests.complaints.support import Story, ana, ben, customer, text

OFFER = OfferMediation(mediator=text("The consumers' association"))


def in_mediation() -> Story:
    story = answered()
    story.do(customer, RaiseDispute(grounds=text("No.")))
    story.do(ana, OFFER)
    return story


def test_there_is_nothing_to_mediate_before_a_dispute() -> None:
    assert answered().refused(ana, OFFER) == "no_dispute"


def test_a_settlement_lets_the_dispute_end_without_a_reply() -> None:
    story = in_mediation()
    assert story.refused(ana, ConcludeDispute()) == "not_decided"
    story.do(ana, RecordMediation(outcome="settled", text=text("Half each.")))
    story.do(ana, ConcludeDispute())
    assert not story.case.dispute.open
    assert story.told(WayToCourtPointedOut) == []


@pytest.mark.parametrize("outcome", ["failed", "declined"])
def test_without_settlement_the_customer_is_told_the_way_to_court(outcome: MediationOutcome) -> None:
    story = in_mediation()
    without = RecordMediation(outcome=outcome, text=text("No agreement."))
    assert story.refused(ana, without) == "next_step_missing"
    way = text("You can go to the people's court.")
    letters = len(story.case.letters.sent)
    story.do(ana, RecordMediation(outcome=outcome, text=text("No agreement."), next_step=way))
    assert story.case.mediation.pointed_on_at is not None
    assert [letter.text for letter in story.case.letters.sent[letters:]] == [way]
    assert story.refused(ana, ConcludeDispute()) == "not_decided"


def test_one_mediation_at_a_time_and_only_the_owner_runs_it() -> None:
    story = in_mediation()
    assert story.refused(ana, OFFER) == "already_offered"
    record = RecordMediation(outcome="settled", text=text("x"))
    assert story.refused(ben, record) == "not_the_owner"
    story.do(ana, record)
    assert story.refused(ana, record) == "no_mediation"
    story.do(ana, OFFER)
