"""Complaints that are upheld and answered as far as a test needs them."""

from __future__ import annotations

from complaints.chapters.investigation import RecordFinding
from complaints.chapters.issues import AddIssue, CauseClass, DecideIssue, IssueOutcome
from complaints.chapters.letters import ReportDelivery
from complaints.chapters.response import (
    ApproveResponse,
    DraftResponse,
    RecordNoDelivery,
    SendResponse,
)
from policies.vocabulary import DeliveryState
from tests.complaints.support import (
    Story,
    ana,
    cleo,
    machine,
    text,
)

DRAFT = DraftResponse(text=text("You are right."), next_step=text("We write to the store."))
NO_DELIVERY = RecordNoDelivery(reason=text("Nobody to write to."))


def decided(story: Story | None = None) -> Story:
    story = story or Story.owned()
    story.do(ana, AddIssue(text=text("It broke.")))
    story.do(ana, RecordFinding(text=text("The seal was broken.")))
    story.do(
        ana,
        DecideIssue(
            issue="I1",
            outcome=IssueOutcome.UPHELD,
            reasons=text("So it was."),
            cause=CauseClass.HUMAN_ERROR,
        ),
    )
    return story


def sent(story: Story | None = None) -> Story:
    story = story or decided()
    story.do(ana, DRAFT)
    story.do(cleo, ApproveResponse(draft=drafted(story)))
    story.do(ana, SendResponse())
    return story


def answered() -> Story:
    story = sent()
    story.deliver(response(story))
    story.until(story.now)
    return story


def drafted(story: Story) -> str:
    assert story.case.feedback.draft is not None
    return story.case.feedback.draft.id


def response(story: Story) -> str:
    letter = story.case.letters.latest("final_response")
    assert letter is not None
    return letter.id


def bounce(story: Story) -> None:
    story.do(machine, ReportDelivery(letter=response(story), state=DeliveryState.BOUNCED, status="5.1.1"))
