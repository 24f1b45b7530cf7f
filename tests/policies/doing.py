"""What people do in a story, as steps that a table of promises is written with."""

from __future__ import annotations

from datetime import datetime, timedelta

from complaints.base import Actor, Command
from complaints.chapters.closure import CloseComplaint
from complaints.chapters.conversation import AnswerCustomer, SendHoldingReply, WriteMessage
from complaints.chapters.departments import AnswerDepartment, AskDepartment, TellDepartment
from complaints.chapters.dispute import AcknowledgeDispute, RaiseDispute
from complaints.chapters.extensions import AskExtension, GrantExtension
from complaints.chapters.feedback import ConfirmOutcome, RecordSeniorReview
from complaints.chapters.intake import Acknowledge
from complaints.chapters.internal_review import AssignInternalReviewer, RecordInternalReview
from complaints.chapters.investigation import (
    ProposeManagementPlan,
    ProposePlan,
    RecordContact,
    RecordFinding,
    ReportProgress,
)
from complaints.chapters.issues import AddIssue, CauseClass, DecideIssue, IssueOutcome
from complaints.chapters.letters import LetterKind, ReportDelivery
from complaints.chapters.ownership import TakeOwnership
from complaints.chapters.post_mortem import ClassifyCause, FinishPostMortem, RecordWhys
from complaints.chapters.response import ApproveResponse, DraftResponse, SendResponse
from complaints.chapters.review import (
    ApproveDisputeReply,
    AssignReviewer,
    DecideDispute,
    DraftDisputeReply,
    RecordDisputeInvestigation,
)
from complaints.chapters.triage import Triage
from complaints.people.dispatching import Dispatch
from policies.vocabulary import Channel, DeliveryState
from tests.complaints.stages import REVIEWER
from tests.complaints.support import (
    Story,
    ana,
    carl,
    cleo,
    customer,
    dora,
    emil,
    iris,
    machine,
    person,
    text,
)
from tests.policies.boundary import Step


def by(actor: Actor, command: Command) -> Step:
    """This person gives this command."""
    return lambda story, at: story.do(actor, command, at=at)


def arrives(kind: LetterKind) -> Step:
    """The customer's mail server takes over the latest letter of this kind: by these packs it has arrived."""

    def step(story: Story, at: datetime) -> None:
        found = story.case.letters.latest(kind)
        assert found is not None, f"no {kind} was written"
        story.do(machine, ReportDelivery(letter=found.id, state=DeliveryState.SENT), at=at)

    return step


def _approve(story: Story, at: datetime) -> None:
    assert story.case.feedback.draft is not None
    story.do(cleo, ApproveResponse(draft=story.case.feedback.draft.id), at=at)


def _classed(story: Story, at: datetime) -> None:
    """Triage that changes nothing of what intake said."""
    case = story.case
    story.do(
        ana,
        Triage(
            kind=case.kind,
            severity=case.severity,
            tier=case.tier,
            feedback_class=case.feedback_class,
            problem_type=case.problem_type,
        ),
        at=at,
    )


triage: Step = _classed
take = by(ana, TakeOwnership())
take_as_supervisor = by(dora, TakeOwnership())
take_as_head = by(emil, TakeOwnership())
acknowledge = by(iris, Acknowledge())
issue = by(iris, AddIssue(text=text("The kettle broke.")))
FINDING = RecordFinding(text=text("The kettle was cracked."))
finding = by(ana, FINDING)
contact = by(
    ana,
    RecordContact(
        way=Channel.PHONE,
        content=text("What do you need?"),
        reaction=text("Calm."),
        outcome=text("A kettle."),
    ),
)
plan = by(ana, ProposePlan(text=text("We send another one.")))
progress = by(ana, ReportProgress(text=text("We look at it.")))
management_plan = by(dora, ProposeManagementPlan(text=text("Another supplier.")))
DECISION = DecideIssue(
    issue="I1", outcome=IssueOutcome.UPHELD, reasons=text("It was cracked."), cause=CauseClass.PROCESS_DEFECT
)
decide = by(ana, DECISION)
decide_as_supervisor = by(dora, DECISION)
decide_as_head = by(emil, DECISION)
draft = by(
    ana,
    DraftResponse(
        text=text("You are right."),
        next_step=text("We send another one."),
        outstanding=text("Nothing."),
        remedy_dates=True,
        outside_body_named=True,
        outside_time_limit_named=True,
    ),
)
approve: Step = _approve
send = by(ana, SendResponse())
response_arrives = arrives("final_response")
confirm = by(customer, ConfirmOutcome())
close = by(ana, CloseComplaint())
senior_review = by(emil, RecordSeniorReview(text=text("Handled well.")))
whys = by(ana, RecordWhys(whys=(text("The box was thin."),)))
cause = by(ana, ClassifyCause(cause=CauseClass.PROCESS_DEFECT, text=text("Packing.")))
finish_post_mortem = by(ana, FinishPostMortem())

write = by(customer, WriteMessage(text=text("And when?")))
answer = by(ana, AnswerCustomer(text=text("On Monday.")))
dispatch = by(machine, Dispatch(to=person(ana), rule=4, load=0))


def holding(story: Story, at: datetime) -> None:
    """Ana writes why it takes longer."""
    until = at + timedelta(days=20)
    story.do(ana, SendHoldingReply(text=text("We wait for the bank."), until=until), at=at)


def tell(department: str) -> Step:
    return by(iris, TellDepartment(department=department, text=text("For you.")))


def ask(department: str) -> Step:
    return by(ana, AskDepartment(department=department, question=text("Is it known?")))


department_answers = by(ana, AnswerDepartment(question="Q1", text=text("It is.")))

dispute = by(customer, RaiseDispute(grounds=text("It was not dropped.")))
dispute_acknowledged = by(iris, AcknowledgeDispute())
reviewer = by(dora, AssignReviewer(reviewer=person(REVIEWER)))
dispute_findings = by(REVIEWER, RecordDisputeInvestigation(summary=text("The crack is old.")))
dispute_decision = by(REVIEWER, DecideDispute(outcome="upheld", reasons=text("It came cracked.")))
dispute_draft = by(REVIEWER, DraftDisputeReply(text=text("You were right.")))
dispute_approval = by(carl, ApproveDisputeReply())
dispute_reply_arrives = arrives("dispute_outcome")

internal_reviewer = by(dora, AssignInternalReviewer(reviewer=person(REVIEWER)))
internal_findings = by(REVIEWER, RecordInternalReview(findings=text("It held."), outcome="sound"))


def extend(clock: str) -> tuple[Step, Step]:
    """Ana asks for more time and Dora grants it."""
    reason = text("The bank has not answered.")
    return by(ana, AskExtension(clock=clock, reason=reason)), by(dora, GrantExtension(clock=clock))


# Several steps that always come together

UNDECIDED = (take, issue, finding)
RESOLVED = (*UNDECIDED, decide)
APPROVED = (*RESOLVED, draft, approve, send)
ANSWERED = (*APPROVED, response_arrives)
