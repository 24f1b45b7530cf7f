"""Feedback: satisfaction, the senior who looks at a low score, confirmation, and a whole complaint."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from complaints.base import Actor, Money
from complaints.chapters.closure import CloseComplaint, Reopen
from complaints.chapters.dispute import RaiseDispute, WithdrawDispute
from complaints.chapters.feedback import (
    AnswerSatisfaction,
    ConfirmationWindowEnded,
    ConfirmOutcome,
    LowScoreEscalated,
    RecordSeniorReview,
    SatisfactionAnswered,
    SatisfactionAsked,
    Score,
    delivered_at,
)
from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.investigation import RecordFinding
from complaints.chapters.issues import DecideIssue, IssueOutcome
from complaints.chapters.letters import LetterQueued, ReportDelivery, ServeOtherwise
from complaints.chapters.ownership import Assign, TakeOwnership
from complaints.chapters.payments import PaymentState, PayRemedy, ReportPayment
from complaints.chapters.redress import AcceptRemedy, ApproveRemedy, OfferRemedy, ProposeRemedy
from complaints.chapters.remedies import RemedyBasis, RemedyKind
from complaints.chapters.response import (
    ApproveResponse,
    SendResponse,
)
from complaints.phases import Phase, phase
from policies.vocabulary import Channel, DeliveryState, Fact, Role
from tests.complaints.answers import DRAFT, answered, bounce, decided, drafted, response, sent
from tests.complaints.support import (
    PACK,
    RECEIVED,
    WEI,
    Story,
    ana,
    ben,
    cleo,
    customer,
    dora,
    emil,
    machine,
    person,
    text,
)


def test_satisfaction_is_asked_by_letter_when_the_response_arrives() -> None:
    story = sent()
    assert not story.told(SatisfactionAsked)
    assert story.refused(customer, AnswerSatisfaction(score=5)) == "not_asked"
    story.deliver(response(story))
    arrived = story.now
    told = story.until(arrived)
    assert [item.event.type for item in told[:2]] == ["SatisfactionAsked", "LetterQueued"]
    assert {item.occurred_at for item in told[:2]} == {arrived}
    letter = story.case.letters.latest("satisfaction_request")
    assert letter is not None
    assert letter.party == "P1"
    story.wait(days=3)
    assert len(story.told(SatisfactionAsked)) == 1  # and never again


@pytest.mark.parametrize("points", [0, 6, -1])
def test_a_score_is_one_to_five(points: int) -> None:
    with pytest.raises(ValidationError):
        AnswerSatisfaction(score=points)


@pytest.mark.parametrize("side", ["attitude", "professionalism", "efficiency", "solution", "recommend"])
def test_each_side_has_its_own_scale_and_may_be_left_out(side: str) -> None:
    lowest, highest = (0, 10) if side == "recommend" else (1, 5)
    for points in (lowest - 1, highest + 1):
        with pytest.raises(ValidationError):
            AnswerSatisfaction.model_validate({"score": 5, side: points})
    for points in (lowest, highest):
        story = answered()
        story.do(customer, AnswerSatisfaction.model_validate({"score": 5, side: points}))
        score = story.case.feedback.score
        assert score is not None
        given = {"attitude", "professionalism", "efficiency", "solution", "recommend"}
        told = {name: value for name in given if (value := getattr(score, name)) is not None}
        assert told == {side: points}
        assert story.case.at(Fact.SATISFACTION_ANSWERED) == story.now


def test_an_answer_from_before_the_sides_were_asked_reads_as_ever() -> None:
    event = SatisfactionAnswered.model_validate_json('{"points": 4, "comment": null}')
    assert (event.points, event.attitude, event.recommend) == (4, None, None)
    assert Score.model_validate({"points": 4, "comment": None, "answered_at": RECEIVED}).solution is None


@pytest.mark.parametrize(("points", "low"), [(1, True), (2, True), (3, False), (5, False)])
def test_a_low_score_goes_to_a_senior(points: int, low: bool) -> None:
    story = answered()
    story.do(customer, AnswerSatisfaction(score=points, comment=text("Well.")))
    assert story.case.feedback.low_score_open is low
    assert [event.points for event in story.told(LowScoreEscalated)] == ([points] if low else [])
    assert (story.case.at(Fact.SENIOR_REVIEW_ASKED) is not None) is low
    assert story.refused(customer, AnswerSatisfaction(score=5)) == "already_done"


def test_a_low_score_keeps_the_complaint_open_until_a_senior_has_looked() -> None:
    story = answered()
    story.do(customer, AnswerSatisfaction(score=1))
    story.do(customer, ConfirmOutcome())
    assert story.refused(ana, CloseComplaint()) == "not_ready_to_close"
    assert "low satisfaction score" in story.sentence
    review = RecordSeniorReview(text=text("I telephoned."))
    assert story.refused(ana, review) == "not_allowed"
    story.do(dora, Assign(to=person(dora)))
    assert story.refused(dora, review) == "self_review"
    story.do(emil, review)
    assert not story.case.feedback.low_score_open
    assert story.case.at(Fact.SENIOR_REVIEWED) == story.now
    story.do(dora, CloseComplaint())


def test_a_senior_may_review_before_a_score_but_not_before_a_decision() -> None:
    review = RecordSeniorReview(text=text("Sound."))
    story = Story.owned()
    assert story.refused(dora, review) == "nothing_to_review"
    decided(story)
    story.do(dora, review)


@pytest.mark.parametrize(
    ("actor", "code"), [(customer, None), (ana, None), (ben, "not_the_owner"), (cleo, "not_allowed")]
)
def test_the_customer_confirms_or_the_owner_records_it(actor: Actor, code: str | None) -> None:
    story = answered()
    if code is None:
        story.do(actor, ConfirmOutcome())
        assert story.case.at(Fact.CUSTOMER_CONFIRMED) == story.now
        assert story.refused(actor, ConfirmOutcome()) == "already_done"
        story.do(ana, CloseComplaint())
    else:
        assert story.refused(actor, ConfirmOutcome()) == code


def test_what_has_not_arrived_is_not_confirmed() -> None:
    story = decided()
    assert story.refused(customer, ConfirmOutcome()) == "not_delivered"
    sent(story)
    assert story.refused(customer, ConfirmOutcome()) == "not_delivered"
    story.do(ana, ServeOtherwise(letter=response(story), how=text("Handed over.")))
    served = story.now
    assert story.refused(ana, ConfirmOutcome(), occurred_at=served - timedelta(seconds=1)) == "before_start"
    story.do(ana, ConfirmOutcome(), occurred_at=served)


def closes_by_itself(story: Story) -> datetime:
    (told,) = [item for item in story.happenings if isinstance(item.event, ConfirmationWindowEnded)]
    return told.occurred_at


def test_silence_after_the_time_to_confirm_lets_the_owner_close() -> None:
    story = answered()
    arrived = delivered_at(story.case)
    assert arrived is not None
    ends = PACK.after(arrived, PACK.windows.confirm)
    story.until(ends)
    assert story.refused(ana, CloseComplaint(), at=ends) == "not_ready_to_close"
    story.do(ana, CloseComplaint(), at=ends + timedelta(seconds=1))
    assert closes_by_itself(story) == ends + timedelta(microseconds=1)
    story.do(customer, ConfirmOutcome())  # late, but welcome


@pytest.mark.parametrize("confirmed", [True, False])
def test_the_time_to_confirm_does_not_run_out_on_who_confirmed_or_disputed(confirmed: bool) -> None:
    story = answered()
    story.do(customer, ConfirmOutcome() if confirmed else RaiseDispute(grounds=text("No.")))
    story.wait(days=25)
    assert not story.told(ConfirmationWindowEnded)
    if not confirmed:
        assert story.refused(customer, ConfirmOutcome()) == "disputed"


def test_a_dispute_that_is_taken_back_gives_the_time_to_confirm_anew() -> None:
    story = answered()
    story.wait(days=5)
    story.do(customer, RaiseDispute(grounds=text("No.")))
    story.wait(days=5)
    story.do(customer, WithdrawDispute())
    ends = PACK.after(story.now, PACK.windows.confirm)
    story.until(ends)
    assert not story.told(ConfirmationWindowEnded)
    story.wait(seconds=1)
    assert closes_by_itself(story) == ends + timedelta(microseconds=1)


def test_a_letter_that_came_back_after_all_is_asked_about_again_when_it_arrives() -> None:
    story = sent()
    taken_over = ReportDelivery(letter=response(story), state=DeliveryState.SENT)
    story.do(machine, taken_over)  # over mail this counts as arrived, by retail-2025
    story.wait(minutes=1)
    assert len(story.told(SatisfactionAsked)) == 1
    bounce(story)
    assert delivered_at(story.case) is None
    assert story.refused(customer, ConfirmOutcome()) == "not_delivered"
    story.do(ana, SendResponse())
    story.do(machine, ReportDelivery(letter=response(story), state=DeliveryState.SENT))
    assert delivered_at(story.case) == story.now
    story.wait(minutes=1)
    assert len(story.told(SatisfactionAsked)) == 2
    assert len([item for item in story.told(LetterQueued) if item.kind == "satisfaction_request"]) == 2


def test_whoever_was_answered_before_we_recorded_it_is_not_asked_now() -> None:
    body = ReceiveComplaint(channel=Channel.IMPORT, parties=(WEI,), source="rows:1")
    story = Story(body, at=RECEIVED, received_at=RECEIVED - timedelta(days=400))
    story.do(ana, TakeOwnership())
    sent(decided(story))
    letter = story.case.letters.latest("final_response")
    assert letter is not None
    arrived = ReportDelivery(letter=letter.id, state=DeliveryState.DELIVERED)
    story.do(machine, arrived, occurred_at=RECEIVED - timedelta(days=390))
    assert story.case.letters.reached("final_response")
    story.wait(days=1)
    assert not story.told(SatisfactionAsked)


def test_reopening_asks_for_a_new_answer_and_keeps_the_score() -> None:
    story = answered()
    story.do(customer, AnswerSatisfaction(score=4))
    story.do(customer, ConfirmOutcome())
    story.do(ana, CloseComplaint())
    story.do(customer, Reopen(reason=text("It broke again.")))
    story.wait(hours=1)
    feedback = story.case.feedback
    assert not feedback.issued
    assert feedback.confirmed_at is None
    assert [score.points for score in feedback.former_scores] == [4]
    assert len(story.told(SatisfactionAsked)) == 1
    assert story.refused(customer, AnswerSatisfaction(score=1)) == "not_asked"
    assert story.refused(ana, SendResponse()) == "no_draft"
    story.do(ana, RecordFinding(text=text("Again.")))
    story.do(ana, DecideIssue(issue="I1", outcome=IssueOutcome.NOT_UPHELD, reasons=text("Worn out.")))
    sent(story)
    assert drafted(story) == "D2"
    assert delivered_at(story.case) is None
    story.deliver(response(story))
    story.until(story.now)
    assert len(story.told(SatisfactionAsked)) == 2
    story.do(customer, AnswerSatisfaction(score=1))
    assert story.case.feedback.low_score_open


def test_a_whole_complaint_with_money_from_receipt_to_closing() -> None:
    story = decided()
    money = Money(minor=29_900, currency="CNY")
    story.do(
        ana,
        ProposeRemedy(
            kind=RemedyKind.REFUND,
            basis=RemedyBasis.LIABILITY,
            amount=money,
            note=text("Their money back."),
            issue="I1",
            due_by=story.now + timedelta(days=5),
        ),
    )
    story.do(dora, ApproveRemedy(remedy="R1"))
    story.do(ana, OfferRemedy(remedy="R1"))
    story.do(customer, AcceptRemedy(remedy="R1"))
    story.do(ana, DRAFT)
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "gate_not_passed"
    assert "R1" in story.sentence
    story.do(ana, DRAFT.model_copy(update={"outstanding": text("We pay by Friday.")}))
    story.do(cleo, ApproveResponse(draft="D2"))
    story.do(ana, SendResponse())
    story.deliver(response(story))
    story.do(customer, AnswerSatisfaction(score=5))
    story.do(customer, ConfirmOutcome())
    assert story.refused(ana, CloseComplaint()) == "not_ready_to_close"
    assert "R1" in story.sentence
    story.do(ana, PayRemedy(remedy="R1", payee=text("account 1")))
    assert story.refused(ana, CloseComplaint()) == "not_ready_to_close"
    story.do(machine, ReportPayment(remedy="R1", attempt=1, outcome=PaymentState.SETTLED))
    story.do(ana, CloseComplaint())
    assert phase(story.case) is Phase.CLOSED


def test_a_party_without_authority_gives_no_score() -> None:
    story = answered()
    assert story.refused(Actor(id="party:P8", roles=(Role.COMPLAINANT,)), AnswerSatisfaction(score=1)) == (
        "not_a_party"
    )
