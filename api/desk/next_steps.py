"""Which of the commands that are possible now is the one to offer first, and the page after this one in the list."""

from __future__ import annotations

from collections.abc import Callable, Collection

from complaints.base import Command
from complaints.case import Case
from complaints.chapters.closure import CloseComplaint
from complaints.chapters.conversation import AnswerCustomer
from complaints.chapters.dispute import AcknowledgeDispute, ConcludeDispute
from complaints.chapters.extensions import GrantExtension
from complaints.chapters.intake import Acknowledge, AddNote, ApproveReceiptCorrection
from complaints.chapters.internal_review import AssignInternalReviewer, RecordInternalReview
from complaints.chapters.investigation import ProposePlan, RecordFinding
from complaints.chapters.issues import AddIssue, DecideIssue
from complaints.chapters.ownership import AcceptHandover, TakeOwnership
from complaints.chapters.pauses import ResumeClocks
from complaints.chapters.post_mortem import FinishPostMortem, RecordWhys
from complaints.chapters.redress import ApproveRemedy, OfferRemedy
from complaints.chapters.remedies import RemedyState
from complaints.chapters.response import ApproveResponse, DraftResponse, SendResponse
from complaints.chapters.review import (
    ApproveDisputeReply,
    AssignReviewer,
    DecideDispute,
    DraftDisputeReply,
    RecordDisputeInvestigation,
)
from complaints.chapters.triage import Triage
from policies.vocabulary import Fact


def _always(case: Case) -> bool:
    return True


def _undecided(case: Case) -> bool:
    return any(issue.decision is None for issue in case.investigation.issues)


def _remedy_in(*states: RemedyState) -> Callable[[Case], bool]:
    return lambda case: any(remedy.state in states for remedy in case.remedies.items)


_ORDER: tuple[tuple[type[Command], Callable[[Case], bool]], ...] = (
    (AcceptHandover, _always),
    (TakeOwnership, lambda case: case.ownership.owner is None),
    (Acknowledge, _always),
    (Triage, lambda case: case.at(Fact.TRIAGED) is None),
    (ApproveReceiptCorrection, _always),
    (GrantExtension, _always),
    (AnswerCustomer, _always),
    (AcknowledgeDispute, _always),
    (AssignInternalReviewer, lambda case: case.internal_review.reviewer is None),
    (RecordInternalReview, _always),
    (ApproveResponse, _always),
    (ApproveDisputeReply, _always),
    (ApproveRemedy, _remedy_in(RemedyState.PROPOSED)),
    (OfferRemedy, _remedy_in(RemedyState.APPROVED)),
    (SendResponse, _always),
    (AssignReviewer, lambda case: case.dispute.reviewer is None),
    (RecordDisputeInvestigation, _always),
    (DecideDispute, _always),
    (DraftDisputeReply, lambda case: case.dispute.reply is None),
    (ConcludeDispute, _always),
    (AddIssue, lambda case: not case.investigation.issues),
    (ProposePlan, lambda case: case.investigation.plan is None and not case.investigation.resolved_at),
    (RecordFinding, lambda case: not case.investigation.findings and not case.investigation.resolved_at),
    (DecideIssue, _undecided),
    (DraftResponse, lambda case: case.feedback.draft is None or case.feedback.draft.returned),
    (CloseComplaint, _always),
    (RecordWhys, lambda case: not case.post_mortem.whys),
    (FinishPostMortem, _always),
    (ResumeClocks, _always),
    (AddNote, _always),
)


def first_of(case: Case, possible: Collection[type[Command]]) -> type[Command] | None:
    """The one command to offer in the header: the earliest step of a complaint's life that is still to be done."""
    return next((command for command, holds in _ORDER if command in possible and holds(case)), None)
