"""Closing, reopening, archiving: what is still to do is named, doors close on time, rounds start anew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import INSTANT, Money
from complaints.chapters.actions import AddAction, CheckEffectiveness, CompleteAction
from complaints.chapters.closure import Archived, CloseComplaint, Reopen
from complaints.chapters.departments import TellDepartment
from complaints.chapters.dispute import RaiseDispute, WithdrawDispute
from complaints.chapters.feedback import AnswerSatisfaction, ConfirmOutcome, RecordSeniorReview
from complaints.chapters.intake import Acknowledge, AddNote, ReceiveComplaint
from complaints.chapters.investigation import RecordFinding
from complaints.chapters.issues import AddIssue, CauseClass, DecideIssue, IssueOutcome
from complaints.chapters.letters import ReportDelivery
from complaints.chapters.ownership import TakeOwnership
from complaints.chapters.payments import PayRemedy, ReportPayment
from complaints.chapters.post_mortem import ClassifyCause, FinishPostMortem, RecordWhys
from complaints.chapters.redress import (
    AcceptRemedy,
    ApproveRemedy,
    OfferRemedy,
    ProposeRemedy,
    RemedyBasis,
    RemedyKind,
)
from complaints.chapters.response import RecordNoDelivery
from complaints.chapters.triage import Reclassify, Triage
from complaints.phases import Phase, phase
from complaints.timing.occurrences import ClockState
from policies.arithmetic.durations import Duration
from policies.vocabulary import Channel, DeliveryState, Fact, FeedbackClass, Kind, Severity, Tier
from tests.complaints.stages import LATER, answered, closed, decided, sent
from tests.complaints.support import PACK, WEI, Story, ana, ben, cleo, customer, dora, machine, person, text

CLOSE = CloseComplaint()
AGAIN = Reopen(reason=text("It broke again."))


def test_everything_that_is_owed_is_named_at_once() -> None:
    story = Story.owned()
    story.do(ana, AddIssue(text=text("One.")))
    story.do(ana, AddIssue(text=text("Two.")))
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    for owed in ("decide issue I1", "decide issue I2", "send the final response"):
        assert owed in story.sentence


def test_an_answer_has_to_arrive_and_be_taken_note_of() -> None:
    story = sent()
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert "serve it otherwise" in story.sentence
    letter = story.case.letters.latest("final_response")
    assert letter is not None
    story.deliver(letter.id)
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert "have the customer confirm" in story.sentence
    story.do(customer, ConfirmOutcome())
    story.do(ana, CLOSE)
    assert phase(story.case) is Phase.CLOSED


def test_a_bounced_answer_has_not_arrived() -> None:
    story = sent()
    letter = story.case.letters.latest("final_response")
    assert letter is not None
    story.do(machine, ReportDelivery(letter=letter.id, state=DeliveryState.SENT))
    story.do(machine, ReportDelivery(letter=letter.id, state=DeliveryState.BOUNCED))
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    story.do(ana, RecordNoDelivery(reason=text("The address is gone.")))
    story.do(ana, CLOSE)


def test_silence_lets_the_owner_close_once_the_time_to_confirm_is_over() -> None:
    story = answered()
    delivered = story.case.at(Fact.RESPONSE_DELIVERED)
    assert delivered is not None
    end = PACK.after(delivered, PACK.windows.confirm)
    assert story.refused(ana, CLOSE, at=end) == "not_ready_to_close"
    story.do(ana, CLOSE, at=end + timedelta(seconds=1))


def test_an_anonymous_complaint_closes_without_an_answer_but_not_undecided() -> None:
    story = Story.anonymous()
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    decided(story)
    story.do(ana, CLOSE)
    assert phase(story.case) is Phase.CLOSED


def test_a_low_score_wants_its_senior_review_first() -> None:
    story = answered()
    story.do(customer, ConfirmOutcome())
    story.do(customer, AnswerSatisfaction(score=1))
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert "senior" in story.sentence
    story.do(dora, RecordSeniorReview(text=text("Called him.")))
    story.do(ana, CLOSE)


def test_what_was_accepted_is_paid_before_closing() -> None:
    story = answered()
    story.do(
        ana,
        ProposeRemedy(
            kind=RemedyKind.REFUND,
            basis=RemedyBasis.GOODWILL,
            amount=Money(minor=1000, currency="CNY"),
            note=text("Half the price."),
        ),
    )
    story.do(cleo, ApproveRemedy(remedy="R1"))
    story.do(ana, OfferRemedy(remedy="R1"))
    story.do(customer, AcceptRemedy(remedy="R1"))
    story.do(customer, ConfirmOutcome())
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert "settle remedy R1" in story.sentence
    story.do(ana, PayRemedy(remedy="R1", payee=text("Wei's account")))
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert "payment provider" in story.sentence
    story.do(machine, ReportPayment(remedy="R1", attempt=1, direction="pay", outcome="settled"))
    story.do(ana, CLOSE)


def test_only_the_owner_closes_and_only_once() -> None:
    story = answered()
    story.do(customer, ConfirmOutcome())
    assert story.refused(ben, CLOSE) == "not_the_owner"
    story.do(ana, CLOSE)
    assert story.refused(ana, CLOSE) == "already_done"


# Reopening --------------------------------------------------------------------------------------------


def test_a_reopening_starts_new_occurrences_and_what_was_met_stays_met() -> None:
    story = closed()
    first = story.case.clocks.find("response", 1)
    assert first.state is ClockState.MET
    story.wait(days=10)
    story.do(customer, AGAIN)
    assert story.case.open
    again = story.case.clocks.find("response", 2)
    assert again.started_at == story.now
    assert again.due_at == story.now + timedelta(minutes=15)
    assert story.case.clocks.find("response", 1) == first
    assert phase(story.case) is not Phase.CLOSED
    # The customer is told again that it has arrived, and that meets the new occurrence.
    story.do(ana, Acknowledge())
    assert story.case.clocks.find("response", 2).state is ClockState.MET
    assert story.refused(ana, Acknowledge()) == "already_done"


def test_a_reopened_complaint_is_answered_and_closed_anew() -> None:
    story = closed()
    story.do(customer, AGAIN)
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert "send the final response" in story.sentence
    assert phase(closed(story).case) is Phase.CLOSED
    assert story.case.closure.reopened == 1


def test_a_clock_that_applies_only_after_the_reopening_counts_from_there() -> None:
    story = Story(ReceiveComplaint(channel=Channel.MAIL, kind=Kind.ENQUIRY, parties=(WEI,)))
    story.do(ana, TakeOwnership())
    story.do(ana, Triage(kind=Kind.ENQUIRY, severity=Severity.REGULAR, tier=Tier.STANDARD))
    closed(story)
    assert story.case.clocks.count("complaint_outcome") == 0
    story.wait(days=3)
    story.do(customer, AGAIN)
    reopened = story.now
    he_complains = Reclassify(
        kind=Kind.COMPLAINT, severity=Severity.REGULAR, tier=Tier.STANDARD, reason=text("He complains.")
    )
    story.do(ana, he_complains)
    run = story.case.clocks.find("complaint_outcome", 1)
    assert run.started_at == reopened
    assert run.running


@pytest.mark.parametrize(("beside", "code"), [(timedelta(0), None), (INSTANT, "window_over")])
def test_the_door_to_reopening_closes_to_the_instant(beside: timedelta, code: str | None) -> None:
    story = closed()
    closed_at = story.case.closure.closed_at
    assert closed_at is not None
    when = PACK.after(closed_at, PACK.windows.reopen) + beside
    if code is None:
        story.do(customer, AGAIN, at=when)
        assert story.case.open
        assert story.case.closure.archived_at is None
    else:
        assert story.refused(customer, AGAIN, at=when) == code


def test_who_may_reopen_and_what() -> None:
    story = answered()
    assert story.refused(customer, AGAIN) == "not_closed"
    story = closed()
    assert story.refused(ben, AGAIN) == "not_the_owner"
    story.do(dora, AGAIN)


# Archiving ----------------------------------------------------------------------------------------------


def _archived_at(story: Story) -> list[object]:
    return [told.occurred_at for told in story.happenings if isinstance(told.event, Archived)]


def test_a_closed_complaint_rests_after_its_time_and_nothing_runs_on() -> None:
    story = closed()
    closed_at = story.case.closure.closed_at
    assert closed_at is not None
    when = PACK.after(closed_at, PACK.windows.archive_after)
    story.until(when - timedelta(microseconds=1))
    assert phase(story.case) is Phase.CLOSED
    story.until(when)
    assert phase(story.case) is Phase.ARCHIVED
    assert _archived_at(story) == [when]
    assert not [run for run in story.case.clocks.occurrences if run.running]
    story.until(LATER)
    assert _archived_at(story) == [when]
    assert story.refused(ana, AddIssue(text=text("x"))) == "archived"
    story.do(ana, AddNote(text=text("He called.")))


def test_a_promise_still_running_stops_when_the_complaint_rests() -> None:
    story = Story.owned()
    systemic = Triage(
        kind=Kind.COMPLAINT,
        severity=Severity.REGULAR,
        tier=Tier.STANDARD,
        feedback_class=FeedbackClass.SYSTEMIC,
    )
    story.do(ana, systemic)
    closed(story)
    assert story.case.clocks.running("systemic_feedback") is not None
    story.until(LATER)
    assert phase(story.case) is Phase.ARCHIVED
    run = story.case.clocks.find("systemic_feedback", 1)
    assert run.state is ClockState.STOPPED
    assert run.breached_at is not None, "what was breached stays breached"
    assert story.wait(days=300) == (), "an archived complaint alarms nobody"


def test_nothing_is_archived_while_something_is_outstanding() -> None:
    story = closed()
    story.do(ana, RecordWhys(whys=(text("Why?"),)))
    due = story.now + timedelta(days=60)
    story.do(
        ana,
        AddAction(kind="corrective", owner=person(ben), text=text("Pack better."), due=due, check_after=due),
    )
    story.until(due + timedelta(days=1))
    assert _archived_at(story) == []
    story.do(ben, CompleteAction(action="A1", text=text("Done.")))
    story.do(ana, CheckEffectiveness(action="A1", effective=True, text=text("No cracks since.")))
    story.wait(days=1)
    assert _archived_at(story) == [], "the post-mortem is begun and not finished"
    story.do(ana, ClassifyCause(cause=CauseClass.PROCESS_DEFECT, text=text("Thin boxes.")))
    story.do(ana, FinishPostMortem())
    finished = story.now
    story.wait(days=1)
    assert _archived_at(story) == [finished], "never before what kept it open"


def test_a_dispute_keeps_a_closed_complaint_from_resting() -> None:
    story = closed()
    story.wait(days=29)
    story.do(customer, RaiseDispute(grounds=text("No.")))
    story.wait(days=30)
    assert _archived_at(story) == []
    story.do(customer, WithdrawDispute())
    withdrawn = story.now
    story.wait(hours=1)
    assert _archived_at(story) == [withdrawn]


def test_the_archive_does_not_shut_the_door_to_a_dispute() -> None:
    longer = PACK.windows.model_copy(update={"dispute": Duration.parse("60 calendar days")})
    pack = PACK.model_copy(update={"windows": longer})
    story = closed(Story.owned(pack=pack))
    delivered = story.case.at(Fact.RESPONSE_DELIVERED)
    assert delivered is not None
    until = pack.after(delivered, longer.dispute)
    story.until(until - timedelta(hours=1))
    assert _archived_at(story) == []
    story.do(customer, RaiseDispute(grounds=text("No.")), at=until - timedelta(minutes=30))


def test_a_pack_may_ask_for_the_post_mortem_before_the_archive() -> None:
    pack = PACK.model_copy(update={"phases_require": {"closed": (Fact.POST_MORTEM_DONE,)}})
    story = closed(Story.owned(pack=pack))
    story.wait(days=60)
    assert _archived_at(story) == []
    story.do(ana, RecordWhys(whys=(text("Why?"),)))
    story.do(ana, ClassifyCause(cause=CauseClass.THIRD_PARTY, text=text("The carrier.")))
    story.do(ana, FinishPostMortem())
    story.wait(minutes=1)
    assert len(_archived_at(story)) == 1


def confirmed(wanted: Fact) -> Story:
    """Answered and confirmed, by a pack that wants this fact before a closed complaint rests."""
    story = answered(Story.owned(pack=PACK.model_copy(update={"phases_require": {"closed": (wanted,)}})))
    story.do(customer, ConfirmOutcome())
    return story


def test_a_senior_reviews_every_complaint_where_the_pack_says_so_before_it_is_closed() -> None:
    """high-end-service S5.2: resolved, then reviewed and followed up by a senior."""
    story = confirmed(Fact.SENIOR_REVIEWED)
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert "have a supervisor or department head who does not own it review" in story.sentence
    story.do(dora, RecordSeniorReview(text=text("Called him; all well.")))
    story.do(ana, CLOSE)
    story.do(customer, AGAIN)
    story.do(ana, RecordFinding(text=text("Worn out.")))
    story.do(ana, DecideIssue(issue="I1", outcome=IssueOutcome.NOT_UPHELD, reasons=text("Worn out.")))
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert "who does not own it" in story.sentence, "another round wants another look"


def test_a_low_score_wants_one_review_and_not_two() -> None:
    story = confirmed(Fact.SENIOR_REVIEWED)
    story.do(customer, AnswerSatisfaction(score=1))
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert story.sentence.count("review") == 1
    story.do(dora, RecordSeniorReview(text=text("Called him; all well.")))
    story.do(ana, CLOSE)


def test_the_departments_concerned_are_told_before_closing_where_the_pack_says_so() -> None:
    """high-end-service S1.4: the departments concerned are told, too, so that the process improves."""
    story = confirmed(Fact.DEPARTMENT_TOLD)
    assert story.refused(ana, CLOSE) == "not_ready_to_close"
    assert "tell the department concerned" in story.sentence
    story.do(ana, TellDepartment(department="product", text=text("The lid breaks.")))
    story.do(ana, CLOSE)
