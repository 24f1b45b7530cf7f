"""What the pack wants on record before a phase may be left: asked for at the decision that leaves it."""

from __future__ import annotations

import pytest

from complaints.base import Actor
from complaints.chapters.closure import CloseComplaint
from complaints.chapters.departments import TellDepartment
from complaints.chapters.dispute import ConcludeDispute, RaiseDispute
from complaints.chapters.feedback import ConfirmOutcome
from complaints.chapters.intake import Acknowledge
from complaints.chapters.investigation import ProposePlan, RecordFinding, ReportProgress
from complaints.chapters.issues import AddIssue, DecideIssue, IssueOutcome
from complaints.chapters.response import ApproveResponse, DraftResponse
from complaints.chapters.review import (
    ApproveDisputeReply,
    AssignReviewer,
    DecideDispute,
    DraftDisputeReply,
    RecordDisputeInvestigation,
)
from complaints.chapters.triage import Triage
from policies.pack import Pack
from policies.vocabulary import Fact, Kind, Role, Severity, Tier
from tests.complaints.stages import REVIEWER, answered, decided
from tests.complaints.support import PACK, Story, ana, carl, cleo, customer, person, text

TOLD = TellDepartment(department="product", text=text("The lid breaks."))
sven = Actor(id="sven", roles=(Role.SUPERVISOR,), supervisor="emil")
DECIDE = DecideIssue(issue="I1", outcome=IssueOutcome.NOT_UPHELD, reasons=text("It was dropped."))


def wanting(phase: str, *facts: Fact) -> Pack:
    """The pack as it is, but for what it wants before this phase is left."""
    return PACK.model_copy(update={"phases_require": {**PACK.phases_require, phase: facts}})


@pytest.mark.parametrize("phase", ["received", "acknowledged", "investigating"])
def test_a_decision_leaves_all_that_came_before_it(phase: str) -> None:
    story = Story.owned(pack=wanting(phase, Fact.FINDING_RECORDED, Fact.TRIAGED))
    story.do(ana, AddIssue(text=text("The kettle broke.")))
    story.do(ana, RecordFinding(text=text("Cracked.")))
    assert story.refused(ana, DECIDE) == "not_investigated"
    assert "triage it" in story.sentence
    story.do(ana, Triage(kind=Kind.COMPLAINT, severity=Severity.REGULAR, tier=Tier.STANDARD))
    story.do(ana, DECIDE)


def test_the_answer_is_not_approved_before_what_resolving_wants_is_on_record() -> None:
    pack = wanting("resolving", Fact.RESOLVED, Fact.PLAN_PROPOSED)
    story = decided(Story.owned(pack=pack))
    story.do(ana, DraftResponse(text=text("It was dropped."), next_step=text("You can contest this.")))
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "gate_not_passed"
    assert "propose a plan" in story.sentence
    story.do(ana, ProposePlan(text=text("We explain.")))
    story.do(cleo, ApproveResponse(draft="D1"))


@pytest.mark.parametrize("phase", ["responded", "awaiting_customer"])
def test_it_is_not_closed_before_what_the_answer_wants_is_on_record(phase: str) -> None:
    pack = wanting(phase, Fact.RESPONSE_DELIVERED, Fact.DEPARTMENT_TOLD)
    story = answered(Story.owned(pack=pack))
    story.do(customer, ConfirmOutcome())
    assert story.refused(ana, CloseComplaint()) == "not_ready_to_close"
    assert "tell the department concerned" in story.sentence
    story.do(ana, TOLD)
    story.do(ana, CloseComplaint())


def test_a_dispute_is_not_concluded_before_what_it_wants_is_on_record() -> None:
    """Of this dispute: what the last one had on record counts for nothing."""
    story = answered(Story.owned(pack=wanting("disputed", Fact.DISPUTE_INVESTIGATED, Fact.DEPARTMENT_TOLD)))
    story.do(ana, TOLD)
    story.do(customer, RaiseDispute(grounds=text("It was cracked when it came.")))
    story.do(sven, AssignReviewer(reviewer=person(REVIEWER)))
    story.do(REVIEWER, RecordDisputeInvestigation(summary=text("The crack is old.")))
    story.do(REVIEWER, DecideDispute(outcome="upheld", reasons=text("It came cracked.")))
    story.do(REVIEWER, DraftDisputeReply(text=text("You were right.")))
    story.do(carl, ApproveDisputeReply())
    reply = story.case.letters.latest("dispute_outcome")
    assert reply is not None
    story.deliver(reply.id)
    assert story.refused(ana, ConcludeDispute()) == "not_on_record"
    assert "tell the department concerned" in story.sentence
    story.do(ana, TOLD)
    story.do(ana, ConcludeDispute())


def test_nothing_that_needs_the_customer_is_wanted_of_one_nobody_can_reach() -> None:
    story = Story.anonymous(pack=wanting("acknowledged", Fact.ACKNOWLEDGED, Fact.PROGRESS_REPORTED))
    story.do(ana, AddIssue(text=text("The kettle broke.")))
    story.do(ana, RecordFinding(text=text("Cracked.")))
    story.do(ana, DECIDE)
    known = Story.owned(pack=wanting("acknowledged", Fact.ACKNOWLEDGED, Fact.PROGRESS_REPORTED))
    known.do(ana, AddIssue(text=text("The kettle broke.")))
    known.do(ana, RecordFinding(text=text("Cracked.")))
    assert known.refused(ana, DECIDE) == "not_investigated"
    known.do(ana, Acknowledge())
    known.do(ana, ReportProgress(text=text("We look into it.")))
    known.do(ana, DECIDE)
