"""Disputes: who may contest what until when, who may look again, and what has to happen before it is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import INSTANT, Actor
from complaints.chapters.closure import CloseComplaint, Reopen
from complaints.chapters.dispute import ConcludeDispute, RaiseDispute, WithdrawDispute
from complaints.chapters.feedback import ConfirmOutcome
from complaints.chapters.letters import LetterQueued, ReportDelivery, ServeOtherwise
from complaints.chapters.outside import CloseOutsideCase
from complaints.chapters.ownership import Assign, DeclareConflict
from complaints.chapters.review import (
    ApproveDisputeReply,
    AssignReviewer,
    DecideDispute,
    DraftDisputeReply,
    RecordDisputeInvestigation,
    SendOutside,
)
from complaints.phases import Phase, phase
from policies.vocabulary import DeliveryState, Fact, Role
from tests.complaints.stages import REVIEWER, answered, closed, decided, sent
from tests.complaints.support import (
    PACK,
    Story,
    ana,
    ben,
    carl,
    customer,
    dora,
    emil,
    iris,
    machine,
    person,
    text,
)

CONTEST = RaiseDispute(grounds=text("It was cracked when it came."))
sven = Actor(id="sven", roles=(Role.SUPERVISOR,), supervisor="emil")


def disputed() -> Story:
    story = answered()
    story.do(customer, CONTEST)
    return story


def reviewed() -> Story:
    """Rosa has looked again and decided."""
    story = disputed()
    story.do(sven, AssignReviewer(reviewer=person(REVIEWER)))
    story.do(REVIEWER, RecordDisputeInvestigation(summary=text("The crack is old.")))
    story.do(REVIEWER, DecideDispute(outcome="upheld", reasons=text("It came cracked.")))
    return story


def replied() -> Story:
    story = reviewed()
    story.do(REVIEWER, DraftDisputeReply(text=text("You were right.")))
    story.do(carl, ApproveDisputeReply())
    return story


def test_a_dispute_runs_from_contest_to_conclusion() -> None:
    story = replied()
    assert phase(story.case) is Phase.DISPUTED
    letter = story.case.letters.latest("dispute_outcome")
    assert letter is not None
    assert letter.text == text("You were right.")
    assert story.refused(ana, ConcludeDispute()) == "not_delivered"
    story.deliver(letter.id)
    story.do(ana, ConcludeDispute())
    assert phase(story.case) is Phase.AWAITING_CUSTOMER
    facts = story.case.facts
    order = [Fact.DISPUTED, Fact.DISPUTE_INVESTIGATED, Fact.DISPUTE_REPLY_DELIVERED, Fact.DISPUTE_CLOSED]
    assert [facts[fact] for fact in order] == sorted(facts[fact] for fact in order)
    met = {run.clock for run in story.case.clocks.occurrences if run.met_at is not None}
    assert {"dispute_investigation", "dispute_reply"} <= met


def test_nothing_can_be_contested_before_the_answer() -> None:
    story = decided()
    assert story.refused(customer, CONTEST) == "not_answered"


def test_an_answer_on_its_way_can_be_contested_by_whoever_has_read_it() -> None:
    story = sent()
    letter = story.case.letters.latest("final_response")
    assert letter is not None
    story.do(machine, ReportDelivery(letter=letter.id, state=DeliveryState.SENT))
    story.do(customer, CONTEST)
    story.deliver(letter.id)
    # The delivery told later makes it no other answer.
    assert story.refused(customer, CONTEST) == "already_disputed"
    story.do(customer, WithdrawDispute())
    assert story.refused(customer, CONTEST) == "already_disputed"


@pytest.mark.parametrize(("beside", "code"), [(timedelta(0), None), (INSTANT, "window_over")])
def test_the_window_ends_to_the_instant(beside: timedelta, code: str | None) -> None:
    story = answered()
    delivered = story.case.at(Fact.RESPONSE_DELIVERED)
    assert delivered is not None
    when = PACK.after(delivered, PACK.windows.dispute) + beside
    if code is None:
        story.do(customer, CONTEST, at=when)
        assert phase(story.case) is Phase.DISPUTED
    else:
        assert story.refused(customer, CONTEST, at=when) == code


def test_what_was_contested_in_time_is_in_time_though_it_is_recorded_later() -> None:
    story = answered()
    delivered = story.case.at(Fact.RESPONSE_DELIVERED)
    assert delivered is not None
    end = PACK.after(delivered, PACK.windows.dispute)
    story.do(iris, CONTEST, at=end + timedelta(days=1), occurred_at=end)
    assert story.case.dispute.raised_at == end


def test_nobody_contests_before_there_was_an_answer() -> None:
    story = answered()
    delivered = story.case.at(Fact.RESPONSE_DELIVERED)
    assert delivered is not None
    assert story.refused(iris, CONTEST, occurred_at=delivered - timedelta(seconds=1)) == "before_start"


def test_a_stranger_can_not_contest() -> None:
    stranger = Actor(id="party:P9", roles=(Role.COMPLAINANT,))
    assert answered().refused(stranger, CONTEST) == "not_a_party"


def test_a_closed_complaint_is_open_while_disputed_and_closed_again_after() -> None:
    story = closed()
    story.do(customer, CONTEST)
    assert phase(story.case) is Phase.DISPUTED
    assert story.case.open
    assert story.refused(customer, Reopen(reason=text("Again."))) == "disputed"
    story.do(customer, WithdrawDispute(reason=text("Never mind.")))
    assert phase(story.case) is Phase.CLOSED
    assert not story.case.open


def test_a_reopened_complaint_has_another_answer_to_contest() -> None:
    story = closed()
    story.do(customer, CONTEST)
    story.do(customer, WithdrawDispute())
    story.do(customer, Reopen(reason=text("It broke again.")))
    assert story.refused(customer, CONTEST) == "not_answered"
    answered(story)
    story.do(customer, CONTEST)
    assert story.case.dispute.number == 2


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (ana, "hand"),  # owner and investigator
        (Actor(id="cleo", roles=(Role.APPROVER,)), "hand"),  # approved the response
        (Actor(id="nora", roles=(Role.HANDLER,), supervisor="ana"), "report"),
        (Actor(id="nick", roles=(Role.HANDLER,), supervisor="cleo"), "report"),
        (ben, "conflict"),
    ],
)
def test_a_reviewer_is_independent(candidate: Actor, why: str) -> None:
    story = answered()
    story.do(ben, DeclareConflict(reason=text("My cousin.")))
    story.do(customer, CONTEST)
    assert story.refused(dora, AssignReviewer(reviewer=person(candidate))) == "not_independent"
    assert why in story.sentence


def test_an_owner_who_never_did_anything_had_a_hand_all_the_same() -> None:
    story = Story.owned()
    story.do(emil, Assign(to=person(REVIEWER)))
    story.do(emil, Assign(to=person(ana)))
    answered(story)
    story.do(customer, CONTEST)
    assert story.refused(sven, AssignReviewer(reviewer=person(REVIEWER))) == "not_independent"


def test_choosing_a_reviewer_does_not_make_their_team_unfit() -> None:
    story = disputed()
    first = Actor(id="rita", roles=(Role.HANDLER,), supervisor="sven")
    story.do(sven, AssignReviewer(reviewer=person(first)))
    story.do(sven, AssignReviewer(reviewer=person(REVIEWER)))
    assert story.case.dispute.reviewer == "rosa"
    assert story.refused(sven, AssignReviewer(reviewer=person(REVIEWER))) == "already_done"


def test_a_customer_or_a_clerk_is_no_reviewer() -> None:
    assert disputed().refused(sven, AssignReviewer(reviewer=person(iris))) == "not_a_reviewer"


def test_only_the_reviewer_reviews() -> None:
    story = disputed()
    look = RecordDisputeInvestigation(summary=text("x"))
    assert story.refused(REVIEWER, look) == "no_reviewer"
    story.do(sven, AssignReviewer(reviewer=person(REVIEWER)))
    decide = DecideDispute(outcome="not_upheld", reasons=text("x"))
    assert story.refused(ana, look) == "not_the_reviewer"
    assert story.refused(REVIEWER, decide) == "not_investigated"
    story.do(REVIEWER, look)
    assert story.refused(REVIEWER, look) == "already_done"
    assert story.refused(ana, decide) == "not_the_reviewer"
    story.do(REVIEWER, DeclareConflict(reason=text("I know him after all.")))
    assert story.refused(REVIEWER, decide) == "conflict_declared"


def test_the_reply_is_approved_by_somebody_else() -> None:
    story = reviewed()
    assert story.refused(carl, ApproveDisputeReply()) == "no_draft"
    assert story.refused(ana, DraftDisputeReply(text=text("x"))) == "not_the_reviewer"
    story.do(REVIEWER, DraftDisputeReply(text=text("first")))
    story.do(REVIEWER, DraftDisputeReply(text=text("second")))
    rosa_approves = Actor(id="rosa", roles=(Role.APPROVER, Role.HANDLER))
    assert story.refused(rosa_approves, ApproveDisputeReply()) == "self_approval"
    assert not [letter for letter in story.told(LetterQueued) if letter.kind == "dispute_outcome"]
    story.do(carl, ApproveDisputeReply())
    letter = story.case.letters.latest("dispute_outcome")
    assert letter is not None
    assert letter.text == text("second")
    assert story.refused(REVIEWER, DraftDisputeReply(text=text("third"))) == "already_done"


def test_a_dispute_is_not_over_before_it_is_decided_and_answered() -> None:
    story = disputed()
    assert story.refused(ana, ConcludeDispute()) == "not_decided"
    story = reviewed()
    assert story.refused(ana, ConcludeDispute()) == "no_reply"


def test_a_reply_that_can_not_be_delivered_needs_its_reason_on_record() -> None:
    story = replied()
    letter = story.case.letters.latest("dispute_outcome")
    assert letter is not None
    story.do(machine, ReportDelivery(letter=letter.id, state=DeliveryState.BOUNCED))
    assert story.refused(ana, ConcludeDispute()) == "not_delivered"
    story.do(ana, ConcludeDispute(no_delivery=text("The address is gone.")))
    assert not story.case.dispute.open


def test_a_reply_read_out_on_the_telephone_has_arrived() -> None:
    story = replied()
    letter = story.case.letters.latest("dispute_outcome")
    assert letter is not None
    story.do(ana, ServeOtherwise(letter=letter.id, how=text("Read out.")))
    story.do(ana, ConcludeDispute())
    assert not story.case.dispute.open


def test_where_nobody_is_eligible_the_dispute_goes_outside() -> None:
    story = disputed()
    story.do(dora, SendOutside(reason=text("We all worked on it."), body=text("The ombudsman")))
    assert story.case.at(Fact.OUTSIDE_CASE_OPENED)
    assert story.refused(sven, AssignReviewer(reviewer=person(REVIEWER))) == "sent_outside"
    assert story.refused(ana, ConcludeDispute()) == "outside_case_open"
    story.do(ana, CloseOutsideCase(outside_case="X1", outcome=text("They found for us.")))
    story.do(ana, ConcludeDispute())
    assert phase(story.case) is Phase.AWAITING_CUSTOMER


def test_the_complaint_does_not_close_while_disputed() -> None:
    story = answered()
    story.do(customer, ConfirmOutcome())
    story.do(customer, CONTEST)
    assert story.refused(ana, CloseComplaint()) == "not_ready_to_close"
    assert "conclude the dispute" in story.sentence


def test_only_the_customer_or_the_owner_takes_a_dispute_back() -> None:
    story = disputed()
    assert story.refused(ben, WithdrawDispute()) == "not_the_owner"
    story.do(ana, WithdrawDispute())
    assert story.refused(ana, WithdrawDispute()) == "no_dispute"
