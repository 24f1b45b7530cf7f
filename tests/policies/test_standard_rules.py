"""What the five standards ask beside their clocks, by the packs that come with the service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from complaints.base import INSTANT, Actor
from complaints.chapters.closure import CloseComplaint, Reopen
from complaints.chapters.conversation import AskCustomer, WriteMessage
from complaints.chapters.departments import DepartmentTold
from complaints.chapters.internal_review import AssignInternalReviewer, InternalReviewOpened
from complaints.chapters.ownership import AcceptHandover, OfferHandover, TakeOwnership
from complaints.chapters.triage import Triage
from complaints.messages import messages
from complaints.people.dispatching import rule_for
from complaints.people.tiers import TierRaised
from complaints.timing.occurrences import ClockBreached, ClockStarted, ClockState
from policies.vocabulary import Channel, Kind, Severity, Tier
from tests.complaints.support import (
    RECEIVED,
    WEI,
    ana,
    ben,
    customer,
    dora,
    emil,
    person,
    text,
)
from tests.policies import doing
from tests.policies.boundary import Step
from tests.policies.stories import classes, latest, queued, received, reclassify, runs, then

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


# high-end-service ---------------------------------------------------------------------------------


@pytest.mark.parametrize("half", [doing.finding, doing.contact])
def test_half_a_preliminary_investigation_is_none(half: Step) -> None:
    story = then(received("high-end-service"), doing.take, half)
    due_at = latest(story, "preliminary_investigation").due_at
    assert due_at is not None
    story.until(due_at + INSTANT)
    assert "preliminary_investigation" in {event.clock for event in story.told(ClockBreached)}


def test_a_handover_is_no_second_acceptance() -> None:
    story = then(received("high-end-service"), doing.take, doing.finding, doing.contact)
    assert latest(story, "preliminary_investigation").state is ClockState.MET
    story.do(ana, OfferHandover(to=person(ben)))
    story.do(ben, AcceptHandover())
    story.do(ben, Triage(**classes(story)))
    assert runs(story, "preliminary_investigation") == 1


def test_nothing_is_resolved_before_the_cause_the_need_and_a_plan_are_on_record() -> None:
    story = then(received("high-end-service"), doing.take, doing.issue, doing.finding)
    assert story.refused(ana, doing.DECISION) == "not_investigated"
    assert "contact the customer" in story.sentence
    assert "plan" in story.sentence
    then(story, doing.contact, doing.plan, doing.decide)
    assert story.case.investigation.resolved


def test_it_is_not_closed_before_a_senior_has_reviewed_it_and_the_department_knows() -> None:
    story = then(
        received("high-end-service"),
        *(doing.take, doing.issue, doing.finding, doing.contact, doing.plan, doing.decide),
        *(doing.draft, doing.approve, doing.send, doing.response_arrives, doing.confirm),
    )
    assert story.refused(ana, CloseComplaint()) == "not_ready_to_close"
    assert "review how it was handled" in story.sentence
    assert "department" in story.sentence
    then(story, doing.senior_review, doing.tell("operations"), doing.close)
    assert story.case.closure.closed_at is not None


def test_only_high_end_customers_have_the_promise_of_four_hours() -> None:
    standard, premium = received("high-end-service"), received("high-end-service", tier=Tier.PREMIUM)
    assert runs(standard, "high_end_response") == 0
    assert runs(premium, "high_end_response") == 1
    assert runs(premium, "initial_response") == 1  # the outer figure runs beside it


def test_who_can_not_be_written_to_by_itself_gets_the_first_feedback_from_a_person() -> None:
    by_phone = WEI.model_copy(update={"channel": Channel.PHONE})
    story = received("high-end-service", parties=(by_phone,))
    assert "receipt" not in queued(story)
    then(story, doing.take, doing.contact)
    assert latest(story, "first_feedback").state is ClockState.MET


def test_waiting_for_the_customer_moves_the_handling_and_not_the_first_feedback() -> None:
    story = then(received("high-end-service"), doing.take)
    story.do(ana, AskCustomer(text=text("Which kettle?")), at=RECEIVED + HOUR)
    assert latest(story, "handling").due_at is None
    assert latest(story, "initial_response").due_at == RECEIVED + DAY
    story.do(customer, WriteMessage(text=text("The blue one.")), at=RECEIVED + 6 * HOUR)
    assert latest(story, "handling").due_at == RECEIVED + 3 * DAY + 5 * HOUR
    assert latest(story, "second_response").due_at == RECEIVED + 2 * DAY + 5 * HOUR


# service-centre -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "tier", "holders"),
    [
        (Severity.REGULAR, 1, (ana, dora, emil)),
        (Severity.URGENT, 1, (ana, dora, emil)),
        (Severity.COMPLEX, 2, (dora, emil)),
        (Severity.MAJOR, 3, (emil,)),
    ],
)
def test_complex_goes_to_senior_staff(severity: Severity, tier: int, holders: tuple[Actor, ...]) -> None:
    for actor in (ana, dora, emil):
        story = received("service-centre", severity=severity)
        assert story.case.handling_tier == tier
        if actor in holders:
            story.do(actor, TakeOwnership())
        else:
            assert story.refused(actor, TakeOwnership()) == "tier_too_high"


def test_running_past_a_tiers_time_moves_the_case_up_to_the_top_where_it_stays() -> None:
    story = then(received("service-centre"), doing.take)
    story.until(RECEIVED + 12 * HOUR)
    assert story.case.handling_tier == 1
    story.until(RECEIVED + 12 * HOUR + INSTANT)
    assert story.case.handling_tier == 2
    second = latest(story, "tier_2_time")
    assert second.due_at == RECEIVED + 36 * HOUR + INSTANT
    story.wait(days=9)
    assert story.case.handling_tier == 3
    assert [event.to for event in story.told(TierRaised)] == [2, 3]
    assert latest(story, "tier_3_time").breached_at is not None


def test_those_who_hold_the_next_tier_hear_of_it() -> None:
    story = then(received("service-centre"), doing.take)
    raised = [told for told in story.until(RECEIVED + 13 * HOUR) if isinstance(told.event, TierRaised)]
    told = [message.to for message in messages(story.pack, story.case, raised[0])]
    assert "role:supervisor" in told


def test_a_complaint_about_our_own_process_is_reviewed_by_somebody_else() -> None:
    story = then(received("service-centre", problem_type="own_process"), doing.take, doing.triage)
    assert len(story.told(InternalReviewOpened)) == 1
    assert story.refused(dora, AssignInternalReviewer(reviewer=person(ana))) == "not_independent"
    other = then(received("service-centre", problem_type="delivery"), doing.take, doing.triage)
    assert not other.told(InternalReviewOpened)


def test_the_stricter_figure_for_urgent_matters_breaks_while_the_outer_limit_still_runs() -> None:
    story = received("service-centre", severity=Severity.URGENT)
    story.until(RECEIVED + timedelta(minutes=6))
    assert [event.clock for event in story.told(ClockBreached)] == ["urgent_response"]
    then(story, doing.acknowledge)
    assert latest(story, "urgent_response").state is ClockState.MET_LATE
    assert latest(story, "urgent_response_limit").state is ClockState.MET


def test_a_service_request_that_is_done_is_not_done_before_the_customer_knows() -> None:
    story = then(received("service-centre", kind=Kind.SERVICE_REQUEST), *doing.APPROVED)
    assert story.case.investigation.resolved
    assert latest(story, "service_request_done").state is ClockState.RUNNING
    then(story, doing.response_arrives)
    assert latest(story, "service_request_done").state is ClockState.MET


@pytest.mark.parametrize("pack", ["service-centre", "crm-service"])
def test_every_message_of_the_customers_starts_its_own_day(pack: str) -> None:
    clock = "feedback_handled" if pack == "service-centre" else "feedback_closed"
    story = then(received(pack), doing.take, doing.write, doing.answer)
    assert latest(story, clock).state is ClockState.MET
    story.wait(hours=1)
    then(story, doing.write)
    assert runs(story, clock) == 2
    assert latest(story, clock).due_at == story.now + DAY


# service-standards --------------------------------------------------------------------------------


def test_triage_tells_the_department_that_handles_such_problems() -> None:
    story = then(received("service-standards", problem_type="product_fault"), doing.triage)
    assert [event.department for event in story.told(DepartmentTold)] == ["product"]
    assert latest(story, "triage").state is ClockState.MET


def test_triage_without_a_department_is_only_half_of_it() -> None:
    story = then(received("service-standards"), doing.triage)
    assert latest(story, "triage").state is ClockState.RUNNING


def test_who_took_it_before_triage_needs_no_dispatch() -> None:
    story = then(received("service-standards"), doing.take, doing.plan, doing.triage)
    assert latest(story, "dispatch").state is ClockState.MET
    assert latest(story, "initial_plan").state is ClockState.MET
    story.wait(hours=3)
    assert {"dispatch", "initial_plan"}.isdisjoint(event.clock for event in story.told(ClockBreached))


def test_a_reclassification_is_no_second_triage() -> None:
    story = then(received("service-standards"), doing.triage, doing.dispatch)
    plan_due = latest(story, "initial_plan").due_at
    story.wait(hours=1)
    reclassify(story, severity=Severity.URGENT)
    assert (runs(story, "dispatch"), runs(story, "initial_plan")) == (1, 1)
    assert latest(story, "initial_plan").due_at == plan_due


def test_a_suggestion_is_passed_on_when_both_departments_know_of_it() -> None:
    story = then(received("service-standards", kind=Kind.SUGGESTION), doing.tell("product"))
    assert latest(story, "suggestion_passed_on").state is ClockState.RUNNING
    then(story, doing.tell("complaints"))
    assert latest(story, "suggestion_passed_on").state is ClockState.RUNNING
    then(story, doing.tell("operations"))
    assert latest(story, "suggestion_passed_on").state is ClockState.MET


def test_each_question_to_a_department_has_its_own_time() -> None:
    story = then(received("service-standards"), doing.take, doing.ask("product"))
    first = story.now
    story.wait(hours=2)
    then(story, doing.ask("product"), doing.ask("operations"), doing.ask("logistics"))
    started = [(event.clock, event.subject) for event in story.told(ClockStarted) if event.subject]
    assert started == [("product_answer", "Q1"), ("product_answer", "Q2"), ("logistics_answer", "Q4")]
    then(story, doing.department_answers)
    states = {
        run.subject: (run.state, run.started_at) for run in story.case.clocks.occurrences if run.subject
    }
    assert states["Q1"] == (ClockState.MET, first)
    assert states["Q2"][0] is ClockState.RUNNING


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"tier": Tier.MAJOR, "problem_type": "product_fault"}, 0),
        ({"severity": Severity.COMPLEX}, 1),
        ({"problem_type": "product_quality"}, 2),
        ({"problem_type": "wrong_order"}, 3),
        ({}, 4),
    ],
)
def test_it_is_dispatched_by_problem_type_and_customer_tier(said: dict[str, Any], rule: int) -> None:
    story = then(received("service-standards", **said), doing.triage)
    assert rule_for(story.pack, story.case) == rule


def test_a_complaint_can_be_closed_within_48_hours_though_the_customer_is_silent() -> None:
    story = then(received("service-standards"), *doing.ANSWERED)
    answered = story.now
    story.until(answered + 24 * HOUR)
    assert story.refused(ana, CloseComplaint(), at=story.now) == "not_ready_to_close"
    then(story, doing.close)
    assert latest(story, "complaint_closed").state is ClockState.MET


def test_the_result_going_out_starts_the_survey() -> None:
    story = then(received("service-standards"), *doing.ANSWERED)
    story.until(story.now)
    assert queued(story)[-1] == "satisfaction_request"


def test_messages_that_one_answer_answered_are_not_owed_another_by_a_reclassification() -> None:
    story = then(received("crm-service"), doing.take, doing.triage, doing.write)
    story.wait(hours=1)
    then(story, doing.write, doing.answer)
    reclassify(story, severity=Severity.COMPLEX)
    assert runs(story, "feedback_closed") == 1


def test_a_reopened_complaint_that_still_has_its_owner_is_investigated_anew() -> None:
    story = then(
        received("high-end-service"),
        *(doing.take, doing.issue, doing.finding, doing.contact, doing.plan, doing.decide),
        *(doing.draft, doing.approve, doing.send, doing.response_arrives, doing.confirm),
        *(doing.senior_review, doing.tell("operations"), doing.close),
    )
    story.do(ana, Reopen(reason=text("It broke again.")))
    run = latest(story, "preliminary_investigation")
    assert (runs(story, "preliminary_investigation"), run.started_at) == (2, story.now)
    assert run.due_at == story.now + 2 * DAY
    before = len(story.told(ClockStarted))
    then(story, doing.triage)
    reclassify(story, tier=Tier.PREMIUM)
    assert [event.clock for event in story.told(ClockStarted)[before:]] == ["high_end_response"]
