"""Investigation: issues, findings, contacts, departments, plans and decisions, as a handler meets them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import Actor, Command
from complaints.chapters.closure import CloseComplaint, Reopen
from complaints.chapters.departments import AnswerDepartment, AskDepartment
from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.investigation import (
    CompletePreliminaryInvestigation,
    InvestigationOpened,
    ProposeManagementPlan,
    ProposePlan,
    RecordContact,
    RecordFinding,
    ReportProgress,
)
from complaints.chapters.issues import AddIssue, CauseClass, DecideIssue, IssueOutcome, Resolved
from complaints.chapters.ownership import TakeOwnership
from complaints.chapters.response import ApproveResponse, DraftResponse, ReturnResponse, SendResponse
from complaints.phases import Phase, phase
from policies.vocabulary import Channel, Fact, FeedbackClass
from tests.complaints.support import PACK, RECEIVED, Story, ana, ben, cleo, customer, dora, emil, iris, text

CONTACT = RecordContact(
    way=Channel.PHONE, content=text("What happened"), reaction=text("Calm"), outcome=text("Sends the receipt")
)
FINDING = RecordFinding(text=text("The seal was broken."))


def upheld(issue: str = "I1", cause: CauseClass | None = CauseClass.PROCESS_DEFECT) -> DecideIssue:
    return DecideIssue(issue=issue, outcome=IssueOutcome.UPHELD, reasons=text("It was so."), cause=cause)


def not_upheld(issue: str = "I1") -> DecideIssue:
    return DecideIssue(issue=issue, outcome=IssueOutcome.NOT_UPHELD, reasons=text("It was not so."))


def with_issues(count: int = 1) -> Story:
    story = Story.owned()
    for number in range(count):
        story.do(ana, AddIssue(text=text(f"Head {number}")))
    story.do(ana, FINDING)
    return story


def clock(story: Story, name: str) -> str:
    return next(o.state for o in story.case.clocks.occurrences if o.clock == name)


@pytest.mark.parametrize(
    ("actor", "command", "code"),
    [
        (ben, FINDING, "not_the_owner"),
        (customer, FINDING, "not_allowed"),
        (iris, FINDING, "not_allowed"),
        (ana, RecordFinding(issue="I7", text=text("x")), "no_issue"),
        (ana, AnswerDepartment(question="Q1", text=text("x")), "no_question"),
        (ana, CompletePreliminaryInvestigation(summary=text("x")), "not_investigated"),
        (ana, ProposeManagementPlan(text=text("x")), "not_allowed"),
        (ana, upheld(), "no_issue"),
    ],
)
def test_what_does_not_fit_a_fresh_complaint_is_refused(actor: Actor, command: Command, code: str) -> None:
    assert Story.owned().refused(actor, command) == code


def test_the_first_finding_opens_the_investigation_and_the_second_does_not() -> None:
    story = Story.owned()
    assert phase(story.case) is Phase.RECEIVED
    story.do(ana, FINDING)
    story.do(ana, RecordFinding(text=text("And wet.")))
    assert len(story.told(InvestigationOpened)) == 1
    assert phase(story.case) is Phase.INVESTIGATING
    assert [finding.id for finding in story.case.investigation.findings] == ["F1", "F2"]


def test_a_conversation_counts_from_when_it_took_place() -> None:
    story = Story.owned()
    spoke = story.now
    story.do(iris, CONTACT, at=spoke + timedelta(hours=2), occurred_at=spoke + timedelta(minutes=5))
    assert story.case.at(Fact.CUSTOMER_CONTACTED) == spoke + timedelta(minutes=5)


def test_a_department_is_asked_and_answers_once() -> None:
    story = Story.owned()
    story.do(ana, AskDepartment(department="logistics", question=text("Where is it?")))
    asked = story.now
    answer = AnswerDepartment(question="Q1", text=text("In Wuhan."))
    assert story.refused(ben, answer) == "not_the_owner"
    assert story.refused(emil, answer, occurred_at=asked - timedelta(seconds=1)) == "before_start"
    assert story.refused(ana, AnswerDepartment(question="Q2", text=text("x"))) == "no_question"
    story.do(emil, answer)  # the head of the department that was asked
    assert story.case.investigation.questions[0].answer == text("In Wuhan.")
    assert story.refused(ana, answer) == "no_question"
    story.do(ana, AskDepartment(department="logistics", question=text("And now?")))
    assert story.refused(ana, answer) == "already_done"


def test_the_preliminary_investigation_wants_what_the_pack_wants() -> None:
    complete = CompletePreliminaryInvestigation(summary=text("Found and understood."))
    both = {"investigating": (Fact.FINDING_RECORDED, Fact.CUSTOMER_CONTACTED)}
    strict = PACK.model_copy(update={"phases_require": both})
    story = Story.owned(pack=strict)
    assert story.refused(ana, complete) == "not_investigated"
    assert "record a finding" in story.sentence
    assert "contact the customer" in story.sentence
    story.do(ana, FINDING)
    assert story.refused(ana, complete) == "not_investigated"
    assert "finding" not in story.sentence
    story.do(ana, CONTACT)
    story.do(ana, complete)
    assert phase(story.case) is Phase.RESOLVING
    assert story.refused(ana, complete) == "already_done"

    nobody = Story.anonymous(pack=strict)
    nobody.do(ana, FINDING)
    nobody.do(ana, complete)  # nobody left a way to be contacted


def test_a_decision_wants_the_investigation_that_the_pack_wants() -> None:
    wants = {"investigating": (Fact.FINDING_RECORDED, Fact.PRELIMINARY_INVESTIGATED)}
    story = Story.owned(pack=PACK.model_copy(update={"phases_require": wants}))
    story.do(ana, AddIssue(text=text("It broke.")))
    story.do(ana, FINDING)
    assert story.refused(ana, upheld()) == "not_investigated"
    assert "complete the preliminary investigation" in story.sentence
    story.do(ana, CompletePreliminaryInvestigation(summary=text("Understood.")))
    story.do(ana, upheld())


def test_a_plan_meets_first_handling_and_a_letter_tells_the_customer() -> None:
    quiet = Story.owned()
    quiet.do(ana, ProposePlan(text=text("Swap it.")))
    assert clock(quiet, "first_handling") == "met"
    assert quiet.case.letters.sent == ()

    story = Story.owned()
    story.do(ana, ProposePlan(text=text("Swap it."), progress=text("We will swap it.")))
    letter = story.case.letters.latest("progress_report")
    assert letter is not None
    assert (letter.party, letter.text) == ("P1", text("We will swap it."))
    assert story.case.at(Fact.PROGRESS_REPORTED) == story.now


def test_progress_meets_the_first_answer_in_substance() -> None:
    story = Story.owned()
    assert clock(story, "complaint_response") == "running"
    story.do(ana, ReportProgress(text=text("We are on it.")))
    assert clock(story, "complaint_response") == "met"


def test_nobody_can_be_told_of_an_anonymous_complaint() -> None:
    story = Story.anonymous()
    assert story.refused(ana, ReportProgress(text=text("x"))) == "nobody_to_write_to"
    assert story.refused(ana, ProposePlan(text=text("x"), progress=text("y"))) == "nobody_to_write_to"
    story.do(ana, ProposePlan(text=text("Clean it.")))


def test_managements_plan_meets_the_systemic_clock() -> None:
    story = Story(ReceiveComplaint(channel=Channel.WEB, feedback_class=FeedbackClass.SYSTEMIC))
    assert clock(story, "systemic_feedback") == "running"
    story.do(dora, ProposeManagementPlan(text=text("Train the stores.")))
    assert clock(story, "systemic_feedback") == "met"


# Decisions ----------------------------------------------------------------------------------------


def test_the_last_decision_resolves_the_complaint() -> None:
    story = with_issues(2)
    story.do(ana, upheld("I1"))
    assert not story.told(Resolved)
    story.do(ana, not_upheld("I2"))
    assert len(story.told(Resolved)) == 1
    assert story.case.at(Fact.RESOLVED) == story.now
    assert story.case.investigation.resolved


def test_another_issue_makes_it_unresolved_until_it_is_decided() -> None:
    story = with_issues()
    story.do(ana, upheld())
    story.do(iris, AddIssue(text=text("And rude.")))
    assert not story.case.investigation.resolved
    assert [issue.id for issue in story.case.investigation.undecided] == ["I2"]
    story.do(ana, upheld("I2"))
    assert len(story.told(Resolved)) == 2


@pytest.mark.parametrize("outcome", [IssueOutcome.UPHELD, IssueOutcome.PARTLY_UPHELD])
def test_what_is_upheld_has_a_cause(outcome: IssueOutcome) -> None:
    story = with_issues()
    bare = DecideIssue(issue="I1", outcome=outcome, reasons=text("So."))
    assert story.refused(ana, bare) == "no_cause"
    story.do(ana, not_upheld())


def test_a_decision_can_not_lie_before_the_issue() -> None:
    story = with_issues()
    raised = story.case.investigation.issues[0].raised_at
    assert story.refused(ana, upheld(), occurred_at=raised - timedelta(seconds=1)) == "before_start"
    story.do(ana, upheld(), occurred_at=raised)


def test_a_decision_stands_anew_with_its_reasons_and_the_former_one_is_kept() -> None:
    story = with_issues()
    story.do(ana, not_upheld())
    resolved_at = story.case.investigation.resolved_at
    story.do(ana, upheld())
    issue = story.case.investigation.issues[0]
    assert issue.decision is not None
    assert issue.decision.outcome is IssueOutcome.UPHELD
    assert [former.outcome for former in issue.former] == [IssueOutcome.NOT_UPHELD]
    assert story.case.investigation.resolved_at == resolved_at  # it was resolved, and is


def test_no_deciding_anew_once_the_response_is_approved() -> None:
    story = with_issues()
    story.do(ana, upheld())
    story.do(ana, DraftResponse(text=text("You are right."), next_step=text("Nothing to do.")))
    story.do(cleo, ApproveResponse(draft="D1"))
    assert story.refused(ana, not_upheld()) == "response_approved"
    story.do(cleo, ReturnResponse(draft="D1", reason=text("The receipt has turned up.")))
    story.do(ana, not_upheld())


def test_an_issue_that_comes_after_the_approval_voids_it() -> None:
    story = with_issues()
    story.do(ana, upheld())
    story.do(ana, DraftResponse(text=text("You are right."), next_step=text("Nothing to do.")))
    story.do(cleo, ApproveResponse(draft="D1"))
    story.do(ana, AddIssue(text=text("And late.")))
    assert story.refused(ana, SendResponse()) == "not_approved"
    story.do(ana, upheld("I2"))
    assert story.refused(cleo, ApproveResponse(draft="D1")) == "draft_outdated"


def test_what_has_been_answered_is_not_decided_or_added_to() -> None:
    story = with_issues()
    story.do(ana, upheld())
    story.do(ana, DraftResponse(text=text("You are right."), next_step=text("Nothing to do.")))
    story.do(cleo, ApproveResponse(draft="D1"))
    story.do(ana, SendResponse())
    assert story.refused(ana, not_upheld()) == "response_issued"
    assert story.refused(ana, AddIssue(text=text("x"))) == "response_issued"


def test_reopening_wants_everything_decided_again_and_forgets_nothing() -> None:
    story = Story.anonymous()
    story.do(ana, AddIssue(text=text("It smells.")))
    story.do(ana, FINDING)
    story.do(ana, not_upheld())
    story.do(ana, CloseComplaint())
    assert story.refused(ana, FINDING) == "closed"
    story.do(dora, Reopen(reason=text("It still smells.")))
    assert [issue.id for issue in story.case.investigation.undecided] == ["I1"]
    assert story.case.investigation.issues[0].former[0].outcome is IssueOutcome.NOT_UPHELD
    assert len(story.case.investigation.findings) == 1
    assert story.refused(ana, upheld()) == "not_investigated"  # what was found then does not say what is now
    story.do(ana, RecordFinding(issue="I1", text=text("The drain is blocked.")))
    assert story.told(InvestigationOpened)[-1] is not None
    assert len(story.told(InvestigationOpened)) == 2
    story.do(ana, upheld())
    assert story.case.since_opened(Fact.RESOLVED) == story.now


def test_nobody_owns_it_so_nobody_investigates_it() -> None:
    story = Story(at=RECEIVED)
    assert story.refused(ana, FINDING) == "not_the_owner"
    assert "take it" in story.sentence
    story.do(ana, TakeOwnership())
    story.do(ana, FINDING)
