"""Internal review: our own process is looked into by somebody else, and no answer goes out before they are done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import INSTANT, Actor
from complaints.chapters.closure import Archived, CloseComplaint, Reopen
from complaints.chapters.dispute import RaiseDispute, WithdrawDispute
from complaints.chapters.endings import Withdraw
from complaints.chapters.feedback import ConfirmOutcome
from complaints.chapters.internal_review import (
    AssignInternalReviewer,
    InternalReviewOpened,
    OpenInternalReview,
    RecordInternalReview,
)
from complaints.chapters.investigation import RecordFinding
from complaints.chapters.issues import AddIssue, DecideIssue, IssueOutcome
from complaints.chapters.ownership import Assign, DeclareConflict, OfferHandover, TakeOwnership
from complaints.chapters.response import ApproveResponse, DraftResponse, RecordNoDelivery, SendResponse
from complaints.chapters.review import AssignReviewer
from complaints.chapters.triage import Reclassify, Triage
from complaints.lifecycle import possible
from complaints.messages import messages
from complaints.timing.occurrences import ClockState
from policies.loading import load_pack, packs_available
from policies.pack import Pack
from policies.vocabulary import Fact, Kind, Role, Severity, Tier
from tests.complaints.stages import LATER, REVIEWER, answered, decided
from tests.complaints.support import Story, ana, ben, cleo, customer, dora, emil, iris, olga, person, text

CENTRE: Pack = load_pack(next(path for path in packs_available() if path.stem == "service-centre"))
"""Its S3.2 has a complaint about our own process reviewed internally."""

OPEN = OpenInternalReview(reason=text("She says we lost her letter."))
SOUND = RecordInternalReview(findings=text("Nothing was lost."), outcome="sound")
ROSA = AssignInternalReviewer(reviewer=person(REVIEWER))
SVEN = Actor(id="sven", roles=(Role.SUPERVISOR,), supervisor="emil")
"""A supervisor of another team, with no hand in the case."""
RESPONSE = DraftResponse(
    text=text("We looked into it."), next_step=text("You can contest this."), outstanding=text("Nothing."),
    remedy_dates=True, outside_body_named=True, outside_time_limit_named=True,
)  # fmt: skip


def triaged(problem_type: str, story: Story | None = None) -> Story:
    story = story or Story.owned(pack=CENTRE)
    fields = {"kind": Kind.COMPLAINT, "severity": Severity.REGULAR, "tier": Tier.STANDARD}
    if story.case.at(Fact.TRIAGED):
        story.do(ana, Reclassify(**fields, problem_type=problem_type, reason=text("It is another matter.")))
    else:
        story.do(iris, Triage(**fields, problem_type=problem_type))
    return story


def in_review() -> Story:
    """About our own process; Rosa, who had no hand in it, reviews it."""
    story = triaged("own_process")
    story.do(dora, ROSA)
    return story


def opened(story: Story) -> int:
    return len(story.told(InternalReviewOpened))


def test_a_complaint_about_our_own_process_opens_a_review_once_a_round() -> None:
    story = triaged("own_process")
    assert story.case.internal_review.open
    assert story.case.at(Fact.INTERNAL_REVIEW_OPENED) == story.now
    assert story.told(InternalReviewOpened)[0].problem_type == "own_process"
    triaged("billing", story)
    triaged("own_process", story)
    assert opened(story) == 1
    story.do(customer, Withdraw())
    story.do(customer, Reopen(reason=text("I was too quick.")))
    triaged("billing", story)
    triaged("own_process", story)
    assert opened(story) == 2


def test_a_complaint_about_anything_else_opens_none() -> None:
    assert opened(triaged("billing")) == 0
    assert (
        opened(triaged("own_process", Story.owned(pack=CENTRE.model_copy(update={"internal_review": None}))))
        == 0
    )


def test_supervisors_and_compliance_officers_hear_of_it() -> None:
    story = triaged("own_process")
    told = [
        message for happening in story.happenings for message in messages(CENTRE, story.case, happening)
        if message.kind == "internal_review_opened"
    ]  # fmt: skip
    assert [message.to for message in told] == ["role:supervisor", "role:compliance_officer"]
    assert len({message.dedupe for message in told}) == 2


@pytest.mark.parametrize(("actor", "code"), [(dora, None), (emil, None), (olga, None), (ana, "not_allowed")])
def test_somebody_set_above_opens_one_by_hand_with_the_reason(actor: Actor, code: str | None) -> None:
    story = Story.owned(pack=CENTRE)
    if code is not None:
        assert story.refused(actor, OPEN) == code
        return
    story.do(actor, OPEN)
    assert story.case.internal_review.open
    assert story.refused(actor, OPEN) == "already_done"


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (ana, "hand"),
        (Actor(id="nora", roles=(Role.HANDLER,), supervisor="ana"), "report"),
        (ben, "conflict"),
        (Actor(id="carla", roles=(Role.HANDLER,), supervisor="sven"), "on offer"),
    ],
)
def test_the_reviewer_is_not_the_handler(candidate: Actor, why: str) -> None:
    story = triaged("own_process")
    story.do(ben, DeclareConflict(reason=text("My cousin.")))
    story.do(ana, OfferHandover(to=person(Actor(id="carla", roles=(Role.HANDLER,), supervisor="sven"))))
    assert story.refused(dora, AssignInternalReviewer(reviewer=person(candidate))) == "not_independent"
    assert why in story.sentence
    assert story.refused(dora, AssignInternalReviewer(reviewer=person(iris))) == "not_a_reviewer"


def test_a_compliance_officer_may_review_where_no_handler_is_left() -> None:
    story = triaged("own_process")
    story.do(olga, AssignInternalReviewer(reviewer=person(olga)))
    assert story.refused(olga, AssignInternalReviewer(reviewer=person(olga))) == "already_done"
    story.do(olga, SOUND)
    assert not story.case.internal_review.open


@pytest.mark.parametrize("done", [False, True])
def test_whoever_reviews_neither_owns_nor_decides_not_even_afterwards(done: bool) -> None:
    story = triaged("own_process")
    story.do(ana, AddIssue(text=text("You lost my letter.")))
    story.do(ana, RecordFinding(text=text("There is no trace of it.")))
    story.do(dora, AssignInternalReviewer(reviewer=person(SVEN)))
    if done:
        story.do(SVEN, SOUND)
    assert story.refused(dora, Assign(to=person(SVEN))) == "reviews_it"
    assert story.refused(ana, OfferHandover(to=person(SVEN))) == "reviews_it"
    decision = DecideIssue(issue="I1", outcome=IssueOutcome.NOT_UPHELD, reasons=text("So it is."))
    assert story.refused(SVEN, decision) == "reviews_it"
    refusal = possible(story.pack, story.case, DecideIssue, SVEN, story.now)
    assert refusal is not None, "the desk does not offer it to them either"
    story.do(ana, decision)


def test_a_reviewer_does_not_take_what_nobody_owns() -> None:
    story = Story(pack=CENTRE)
    story.do(dora, OPEN)
    story.do(dora, ROSA)
    assert story.refused(REVIEWER, TakeOwnership()) == "reviews_it"
    story.do(ana, TakeOwnership())


def test_a_reviewer_who_is_replaced_before_the_end_is_free_again() -> None:
    story = in_review()
    story.do(dora, AssignInternalReviewer(reviewer=person(SVEN)))
    assert story.refused(REVIEWER, SOUND) == "not_the_reviewer"
    story.do(dora, Assign(to=person(REVIEWER)))


def test_only_the_reviewer_records_and_a_defect_needs_its_correction() -> None:
    story = triaged("own_process")
    assert story.refused(REVIEWER, SOUND) == "no_reviewer"
    story.do(dora, ROSA)
    assert story.refused(ana, SOUND) == "not_the_reviewer"
    before = story.now - timedelta(days=1)
    assert story.refused(REVIEWER, SOUND, occurred_at=before) == "before_receipt"
    defective = SOUND.model_copy(update={"outcome": "defective"})
    assert story.refused(REVIEWER, defective) == "no_corrections"
    story.do(REVIEWER, defective.model_copy(update={"corrections": text("Letters are scanned on arrival.")}))
    review = story.case.internal_review
    assert (review.open, review.outcome, review.findings) == (False, "defective", SOUND.findings)
    assert story.case.at(Fact.INTERNAL_REVIEWED) == story.now
    assert story.refused(REVIEWER, SOUND) == "no_internal_review"


@pytest.mark.parametrize(("beside", "late"), [(-INSTANT, False), (timedelta(0), False), (INSTANT, True)])
def test_the_packs_time_for_a_review_is_kept_to_the_instant(beside: timedelta, late: bool) -> None:
    story = in_review()
    due = story.case.clocks.find("internal_review", 1).due_at
    assert due is not None
    story.do(REVIEWER, SOUND, at=due + beside)
    assert story.case.clocks.find("internal_review", 1).state is (
        ClockState.MET_LATE if late else ClockState.MET
    )


def test_no_answer_goes_out_before_the_review_is_done() -> None:
    story = decided(triaged("own_process"))
    story.do(ana, RESPONSE)
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "gate_not_passed"
    assert "have an internal reviewer assigned" in story.sentence
    story.do(dora, ROSA)
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "gate_not_passed"
    assert "have the internal reviewer record" in story.sentence
    story.do(REVIEWER, SOUND)
    story.do(cleo, ApproveResponse(draft="D1"))
    story.do(olga, OPEN)  # something came up after the approval
    assert story.refused(ana, SendResponse()) == "internal_review_open"
    story.do(olga, AssignInternalReviewer(reviewer=person(SVEN)))
    story.do(SVEN, SOUND)
    story.do(ana, SendResponse())


def test_without_anybody_to_answer_the_review_still_comes_before_closing() -> None:
    story = Story.anonymous(pack=CENTRE)
    decided(triaged("own_process", story))
    story.do(ana, RecordNoDelivery(reason=text("Nobody to write to.")))
    assert story.refused(ana, CloseComplaint()) == "not_ready_to_close"
    assert "internal reviewer" in story.sentence
    story.do(dora, ROSA)
    story.do(REVIEWER, SOUND)
    story.do(ana, CloseComplaint())


def test_whoever_reviewed_internally_does_not_review_the_dispute_as_well() -> None:
    story = answered(in_review_done())
    story.do(customer, RaiseDispute(grounds=text("It was lost.")))
    assert story.refused(dora, AssignReviewer(reviewer=person(REVIEWER))) == "not_independent"


def in_review_done() -> Story:
    story = in_review()
    story.do(REVIEWER, SOUND)
    return story


def test_a_review_that_was_opened_late_is_finished_before_the_complaint_rests() -> None:
    story = answered(Story.owned(pack=CENTRE))
    story.do(customer, ConfirmOutcome())
    story.do(ana, CloseComplaint())
    story.do(customer, RaiseDispute(grounds=text("It was lost.")))
    story.do(olga, OPEN)
    story.do(customer, WithdrawDispute())
    story.do(olga, AssignInternalReviewer(reviewer=person(SVEN)))
    story.until(LATER)
    assert not story.told(Archived)
    story.do(SVEN, SOUND)
    story.wait(days=1)
    assert len(story.told(Archived)) == 1
