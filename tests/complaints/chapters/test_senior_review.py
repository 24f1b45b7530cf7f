"""The senior review of high-end-service (S5.2): each complaint, once resolved, is looked at by somebody above."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import INSTANT
from complaints.chapters.closure import CloseComplaint
from complaints.chapters.departments import TellDepartment
from complaints.chapters.feedback import ConfirmOutcome, RecordSeniorReview
from complaints.chapters.investigation import ProposePlan, RecordContact, RecordFinding
from complaints.chapters.issues import AddIssue, DecideIssue, IssueOutcome
from complaints.chapters.ownership import Assign
from complaints.chapters.response import ApproveResponse, DraftResponse, SendResponse
from complaints.lifecycle import possible
from complaints.timing.occurrences import ClockState
from policies.loading import load_pack, packs_available
from policies.pack import Pack
from policies.vocabulary import Channel
from tests.complaints.support import Story, ana, cleo, customer, dora, emil, person, text

HIGH_END: Pack = load_pack(next(path for path in packs_available() if path.stem == "high-end-service"))
REVIEW = RecordSeniorReview(text=text("I telephoned; all is well."))


def resolved(story: Story | None = None) -> Story:
    """Decided, with all that the pack wants to be known before."""
    story = story or Story.owned(pack=HIGH_END)
    story.do(ana, AddIssue(text=text("The lounge was closed.")))
    story.do(ana, RecordFinding(text=text("It was.")))
    spoken = text("She would like another night.")
    story.do(ana, RecordContact(way=Channel.PHONE, content=spoken, reaction=spoken, outcome=spoken))
    story.do(ana, ProposePlan(text=text("Another night.")))
    story.do(ana, DecideIssue(issue="I1", outcome=IssueOutcome.NOT_UPHELD, reasons=text("It was announced.")))
    return story


@pytest.mark.parametrize(("beside", "late"), [(-INSTANT, False), (timedelta(0), False), (INSTANT, True)])
def test_the_time_for_it_runs_from_the_resolution_and_is_kept_to_the_instant(
    beside: timedelta, late: bool
) -> None:
    story = resolved()
    run = story.case.clocks.find("senior_review", 1)
    assert run.started_at == story.now
    assert run.due_at is not None
    story.do(dora, REVIEW, at=run.due_at + beside)
    state = story.case.clocks.find("senior_review", 1).state
    assert state is (ClockState.MET_LATE if late else ClockState.MET)


def test_it_is_offered_to_seniors_who_do_not_own_it_and_only_once_it_is_resolved() -> None:
    story = Story.owned(pack=HIGH_END)
    assert possible(HIGH_END, story.case, RecordSeniorReview, dora, story.now) is not None
    resolved(story)
    for senior in (dora, emil):
        assert possible(HIGH_END, story.case, RecordSeniorReview, senior, story.now) is None
    assert story.refused(ana, REVIEW) == "not_allowed"
    story.do(emil, Assign(to=person(dora)))
    assert story.refused(dora, REVIEW) == "self_review"
    story.do(emil, REVIEW)


def test_nothing_is_closed_before_a_senior_has_looked_and_the_department_knows() -> None:
    story = resolved()
    story.do(
        ana,
        DraftResponse(
            text=text("It was announced."), next_step=text("You can contest this."), outstanding=text("Nothing."),
            remedy_dates=True, outside_body_named=True, outside_time_limit_named=True,
        ),
    )  # fmt: skip
    story.do(cleo, ApproveResponse(draft="D1"))
    story.do(ana, SendResponse())
    letter = story.case.letters.latest("final_response")
    assert letter is not None
    story.deliver(letter.id)
    story.do(customer, ConfirmOutcome())
    assert story.refused(ana, CloseComplaint()) == "not_ready_to_close"
    assert "who does not own it" in story.sentence
    assert "tell the department concerned" in story.sentence
    story.do(dora, REVIEW)
    story.do(
        ana, TellDepartment(department=next(iter(HIGH_END.departments)), text=text("Announce it earlier."))
    )
    story.do(ana, CloseComplaint())
