"""Complaints brought as far as a test needs them, by the commands that bring them there."""

from __future__ import annotations

from datetime import UTC, datetime

from complaints.base import Actor
from complaints.chapters.closure import CloseComplaint
from complaints.chapters.feedback import ConfirmOutcome
from complaints.chapters.intake import Acknowledge
from complaints.chapters.investigation import RecordFinding
from complaints.chapters.issues import AddIssue, DecideIssue, IssueOutcome
from complaints.chapters.response import ApproveResponse, DraftResponse, SendResponse
from policies.vocabulary import Role
from tests.complaints.support import Story, ana, cleo, customer, text

REVIEWER = Actor(id="rosa", roles=(Role.HANDLER,), supervisor="sven")
"""Somebody in another team: no hand in the case, and her supervisor has none either."""

LATER = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""Half a year after the stories begin: later than every window of the pack that is about them."""


def decided(story: Story | None = None) -> Story:
    """Investigated by Ana, every issue decided."""
    story = story or Story.owned()
    story.do(ana, Acknowledge())
    if not story.case.investigation.issues:
        story.do(ana, AddIssue(text=text("The kettle broke.")))
    story.do(ana, RecordFinding(text=text("The kettle was cracked.")))
    reasons = text("It was dropped.")
    for issue in story.case.investigation.undecided:
        story.do(ana, DecideIssue(issue=issue.id, outcome=IssueOutcome.NOT_UPHELD, reasons=reasons))
    return story


def sent(story: Story | None = None) -> Story:
    """Decided by Ana and answered; Cleo approved; the letter is on its way."""
    story = decided(story)
    story.do(
        ana,
        DraftResponse(
            text=text("It was dropped, so we can not replace it."),
            next_step=text("You can contest this."),
            outstanding=text("Nothing."),
            remedy_dates=True,
            outside_body_named=True,
            outside_time_limit_named=True,
        ),
    )
    draft = story.case.feedback.draft
    assert draft is not None
    story.do(cleo, ApproveResponse(draft=draft.id))
    story.do(ana, SendResponse())
    return story


def answered(story: Story | None = None) -> Story:
    """The answer has reached the customer."""
    story = sent(story)
    latest = story.case.letters.latest("final_response")
    assert latest is not None
    story.deliver(latest.id)
    return story


def closed(story: Story | None = None) -> Story:
    """Confirmed by the customer and closed by Ana."""
    story = answered(story)
    story.do(customer, ConfirmOutcome())
    story.do(ana, CloseComplaint())
    return story
