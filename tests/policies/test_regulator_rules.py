"""What the regulators ask beside their clocks, by the packs that come with the service."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from complaints.base import INSTANT
from complaints.chapters.extensions import AskExtension, GrantExtension
from complaints.chapters.letters import LetterQueued
from complaints.chapters.response import ApproveResponse, DraftResponse
from complaints.chapters.review import AssignReviewer
from complaints.timing.occurrences import ClockState
from tests.complaints.support import RECEIVED, ana, ben, cleo, dora, person, text
from tests.policies import doing
from tests.policies.stories import latest, queued, received, reclassify, runs, then

PAYMENT = {"problem_type": "payment_services"}
DELAY = AskExtension(clock="payment_services_response", reason=text("The other bank is silent."))
GRANT = GrantExtension(clock="payment_services_response")


def test_what_turns_out_to_be_about_payment_services_has_15_business_days_from_its_receipt() -> None:
    story = then(received("uk-fca-disp"), doing.take, doing.triage)
    assert latest(story, "final_response").state is ClockState.RUNNING
    story.wait(days=3)
    reclassify(story, **PAYMENT)
    assert latest(story, "final_response").state is ClockState.STOPPED
    run = latest(story, "payment_services_response")
    assert run.started_at == RECEIVED
    assert run.due_at == datetime.fromisoformat("2025-09-23T00:00+01:00")


def test_a_holding_reply_without_an_extension_does_not_lengthen_the_15_business_days() -> None:
    story = then(received("uk-fca-disp", **PAYMENT), doing.take)
    due_at = latest(story, "payment_services_response").due_at
    then(story, doing.holding)
    assert latest(story, "payment_services_response").due_at == due_at
    assert latest(story, "payment_services_response").state is ClockState.RUNNING
    assert runs(story, "final_after_not_yet") == 0


@pytest.mark.parametrize(
    ("pack", "said", "clock", "letter"),
    [
        ("uk-fca-disp", PAYMENT, "payment_services_response", "holding_reply"),
        ("eu-psd2", PAYMENT, "reply", "holding_reply"),
        ("uk-housing", {}, "stage_one_response", "extension"),
    ],
)
def test_more_time_is_granted_once_by_somebody_above_and_the_customer_is_told(
    pack: str, said: dict[str, Any], clock: str, letter: str
) -> None:
    story = then(received(pack, **said), doing.take, doing.acknowledge)
    reason = text("The expert is ill.")
    story.do(ana, AskExtension(clock=clock, reason=reason))
    assert story.refused(ben, GrantExtension(clock=clock)) == "not_allowed"
    assert letter not in queued(story)
    story.do(dora, GrantExtension(clock=clock))
    sent = [event for event in story.told(LetterQueued) if event.kind == letter]
    assert [event.text for event in sent] == [reason]
    assert story.refused(ana, AskExtension(clock=clock, reason=reason)) == "extended_already"


def test_what_is_overdue_gets_no_more_time() -> None:
    story = then(received("uk-fca-disp", **PAYMENT), doing.take)
    due_at = latest(story, "payment_services_response").due_at
    assert due_at is not None
    assert story.refused(ana, DELAY, at=due_at + INSTANT) == "overdue"
    in_time = then(received("uk-fca-disp", **PAYMENT), doing.take)
    in_time.do(ana, DELAY, at=due_at)
    assert in_time.refused(dora, GRANT, at=due_at + INSTANT) == "overdue"


def test_saying_that_work_is_in_progress_leaves_the_sixty_days_running() -> None:
    story = then(received("us-cfpb"), doing.take, doing.holding)
    assert latest(story, "response").state is ClockState.MET
    assert latest(story, "final_response").state is ClockState.RUNNING


def test_stage_two_is_not_looked_at_by_whoever_answered_stage_one() -> None:
    story = then(received("uk-housing"), doing.acknowledge, *doing.ANSWERED, doing.dispute)
    assert story.refused(dora, AssignReviewer(reviewer=person(ana))) == "not_independent"
    assert story.refused(dora, AssignReviewer(reviewer=person(cleo))) == "not_independent"


def test_an_acknowledgement_that_defines_nothing_keeps_no_stage_one() -> None:
    story = then(received("uk-housing"), doing.acknowledge)
    assert latest(story, "stage_one_acknowledgement").state is ClockState.RUNNING
    then(story, doing.triage)
    assert latest(story, "stage_one_acknowledgement").state is ClockState.MET


def test_a_full_answer_that_comes_before_its_acknowledgement_keeps_stage_one() -> None:
    story = then(received("uk-housing"), *doing.ANSWERED, doing.acknowledge)
    assert latest(story, "stage_one_response").state is ClockState.MET


@pytest.mark.parametrize("pack", ["uk-fca-disp", "uk-housing", "us-dot-airline", "eu-psd2", "us-cfpb"])
def test_an_answer_that_does_not_say_what_comes_next_does_not_go_out(pack: str) -> None:
    story = then(received(pack), *doing.RESOLVED)
    story.do(ana, DraftResponse(text=text("You are right."), remedy_dates=True))
    draft = story.case.feedback.draft
    assert draft is not None
    assert story.refused(cleo, ApproveResponse(draft=draft.id)) == "gate_not_passed"
    assert "next" in story.sentence
