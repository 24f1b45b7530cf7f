"""The desk's own words, all in one place: chapters, fields, choices, events and states, never an enum's value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from complaints.base import Command

CHAPTERS: Mapping[str, str] = {
    "ownership": "Ownership",
    "tiers": "Ownership",
    "triage": "Classification",
    "intake": "Intake and notes",
    "parties": "Customer and parties",
    "conversation": "Conversation with the customer",
    "issues": "Issues",
    "investigation": "Investigation",
    "departments": "Departments",
    "internal_review": "Internal review",
    "redress": "Remedies",
    "payments": "Payments",
    "response": "Final response",
    "letters": "Letters",
    "feedback": "Feedback",
    "dispute": "Dispute",
    "review": "Independent review",
    "mediation": "Mediation",
    "outside": "Outside body",
    "clocks": "Clocks and alerts",
    "pauses": "Clocks and alerts",
    "extensions": "Clocks and alerts",
    "migration": "Clocks and alerts",
    "escalation": "Escalation",
    "post_mortem": "Post-mortem",
    "actions": "Actions",
    "pilots": "Actions",
    "library": "Case library",
    "closure": "Closing",
    "endings": "Other endings",
    "erasure": "Keeping and erasing",
}
"""Headings of the chapters of a complaint's life, in the order the desk shows them."""

_SPECIAL: Mapping[str, str] = {
    "mail": "e-mail",
    "web": "web form",
    "in_person": "in person",
    "social": "social media",
    "import": "imported",
    "service_request": "service request",
    "time_barred": "time-barred",
    "before_court": "before a court",
    "met_late": "met late",
    "long_term": "long-term",
    "awaiting_customer": "awaiting customer",
    "loss": "compensation for loss",
    "distress": "compensation for distress",
    "served_otherwise": "served otherwise",
    "waiting_for_customer": "waiting for the customer",
    "vexatious": "abuse of the complaint procedure",
    "payment_unknown": "payment: outcome not known yet",
    "reversal_unknown": "reversal: outcome not known yet",
    "ordered": "payment ordered",
}


def said(code: str) -> str:
    """A code of the rules in words: `partly_upheld` is “partly upheld”."""
    return _SPECIAL.get(str(code)) or str(code).replace("_", " ")


def headed(code: str) -> str:
    """As `said`, with a capital: for a cell or a choice that stands alone."""
    words = said(code)
    return words[:1].upper() + words[1:]


_LABELS: Mapping[str, str] = {
    "AddAction.text": "What is to be done",
    "AddAction.due": "To be complete by",
    "AddAction.check_after": "Effect can be judged from",
    "AddAction.owner": "Who does it",
    "AddIssue.text": "What is complained about",
    "AddNote.text": "Note",
    "AnswerDepartment.text": "Their answer",
    "AnswerDepartment.question": "Which question",
    "AnswerCustomer.text": "What we write to the customer",
    "AskCustomer.text": "What you ask the customer",
    "AcknowledgeDispute.text": "Words of your own in the letter",
    "AssignInternalReviewer.reviewer": "Who reviews our own part",
    "AskDepartment.department": "Department",
    "AskDepartment.question": "What you ask them",
    "Acknowledge.text": "Words of your own in the letter",
    "AcknowledgeAlert.clock": "Which clock",
    "AcknowledgeAlert.note": "What is being done about it",
    "AnswerSatisfaction.score": "How content they are (1 not at all, 5 very)",
    "AnswerSatisfaction.attitude": "With the way they were treated (1 to 5)",
    "AnswerSatisfaction.professionalism": "With how well we knew our work (1 to 5)",
    "AnswerSatisfaction.efficiency": "With how quickly we worked (1 to 5)",
    "AnswerSatisfaction.solution": "With how far the problem is solved (1 to 5)",
    "AnswerSatisfaction.recommend": "Would recommend us (0 not at all, 10 certainly)",
    "ApproveReceiptCorrection.approve": "Approve the correction (leave empty to reject it)",
    "ChangePreferredChannel.party": "Who",
    "ChangePreferredChannel.channel": "Wants to hear from us by",
    "ChangePreferredChannel.address": "Address or number for it, if another one",
    "CheckEffectiveness.effective": "The action has helped",
    "CheckEffectiveness.text": "What shows it",
    "CheckEffectiveness.new_due": "If not: to be complete by",
    "CheckEffectiveness.new_check_after": "If not: effect can be judged from",
    "ClassifyCause.text": "What it rests on",
    "CompleteAction.text": "What was done",
    "ComparePilot.after": "How it was in the pilot",
    "ComparePilot.before": "How it was before",
    "ComparePilot.held": "The pilot held: it is better than before",
    "ConcludeDispute.no_delivery": "Why the reply can not be delivered, if so",
    "Decline.text": "What we write to the customer",
    "DraftResponse.text": "The response",
    "DraftResponse.next_step": "What happens next",
    "DraftResponse.outstanding": "What is still outstanding",
    "DraftResponse.remedy_dates": "The dates of the remedies are in it",
    "DraftResponse.outside_body_named": "The outside body is named in it",
    "DraftResponse.outside_time_limit_named": "The outside body's time limit is in it",
    "Forward.to": "To whom",
    "Forward.text": "What we write to the customer",
    "MergeInto.into": "Reference of the other complaint",
    "NeedsNoAnswer.reason": "Why it needs no answer",
    "OpenInternalReview.reason": "What of our own is to be reviewed, and why",
    "RecordInternalReview.findings": "What was found",
    "RecordInternalReview.outcome": "Is our process sound?",
    "RecordInternalReview.corrections": "If it is defective: what has to change",
    "SendHoldingReply.text": "Why the answer takes longer",
    "SendHoldingReply.until": "The customer hears from us by",
    "NoteNeed.consented": "The customer has consented to our noting this",
    "NoteNeed.text": "Need or adjustment",
    "AnnounceOutage.text": "What customers are told",
    "AnnounceOutage.over": "Over which channels",
    "VerifyOutageOver.text": "What customers are told",
    "SummariseOutage.text": "What happened, what it came from, what is done against it",
    "GradeOutage.grade": "Grade",
    "GradeOutage.pack": "By the rules of",
    "AssessRisk.likelihood": "How likely is it (1 rare, 5 almost certain)",
    "AssessRisk.impact": "How grave would it be (1 slight, 5 severe)",
    "AssessRisk.treatment": "What is done about it",
    "AssessRisk.reasons": "Reasons, and what is done in particular",
    "AssessRisk.owner": "Who answers for it",
    "AssessRisk.review_by": "Looked at again by",
    "JoinComplaint.complaint": "Reference of the complaint",
    "RemoveComplaint.complaint": "Which complaint",
    "UpdateSystemic.text": "What is new",
    "UpdateSystemic.tell_customers": "Write it to the customers of the joined complaints",
    "PlanSystemic.text": "Management's plan",
    "ResolveSystemic.text": "How the cause was removed",
    "ResolveSystemic.tell_customers": "Write it to the customers of the joined complaints",
    "OpenSystemicIssue.name": "What it is called",
    "OpenSystemicIssue.description": "What is known of it",
    "OfferHandover.to": "Offer it to",
    "Assign.to": "Assign it to",
    "OfferRemedy.letter": "What we write to the customer",
    "PayRemedy.payee": "To be paid to (account)",
    "PilotAction.change": "What was changed since the last pilot, if one did not hold",
    "PilotAction.until": "The pilot ends",
    "PilotAction.where": "Where it is tried",
    "PutInLibrary.confirmed": "Nobody can be recognised: no name, address, reference, or date",
    "PutInLibrary.heading": "What the case is about, in a line",
    "PutInLibrary.lesson": "What can be learnt from it",
    "RecordFishbone.bones": "Possible cause",
    "RecordFishbone.category": "Where it lies",
    "RecordFishbone.text": "What it is",
    "ProposePlan.text": "The plan",
    "ProposePlan.progress": "What we write to the customer, if anything",
    "ProposeManagementPlan.text": "Management's plan",
    "ProposeRemedy.note": "Note for colleagues",
    "ProposeRemedy.due_by": "The customer is to have it by",
    "RecordContact.way": "How",
    "RecordContact.content": "What was said",
    "RecordContact.reaction": "How the customer took it",
    "RecordContact.outcome": "What came of it",
    "RecordFinding.text": "What was found",
    "RecordFinding.issue": "Which issue it belongs to",
    "RecordLessons.text": "What can be learnt",
    "RecordWhys.whys": "Why did it happen? And why that?",
    "RecordSeniorReview.text": "What you found, and what you do about it",
    "ReportProgress.text": "What we write to the customer",
    "ServeOtherwise.how": "How the customer got it",
    "SnoozeAlert.clock": "Which clock",
    "SnoozeAlert.note": "What is being done about it",
    "SnoozeAlert.until": "Hold the ladder until",
    "ReleaseAlert.clock": "Which clock",
    "WriteMessage.text": "What the customer wrote",
    "WriteMessage.channel": "Over which channel",
    "TellDepartment.text": "What they are to know",
    "Triage.simple": "A simple problem, to be handled to the end at once",
    "Reclassify.simple": "A simple problem, to be handled to the end at once",
    "OpenOutsideCase.body": "Name of the body",
    "OpenOutsideCase.answer_by": "The body wants an answer by",
    "RecordOutsideDirection.comply_by": "To be complied with by",
}

_FIELDS: Mapping[str, str] = {
    "text": "Text",
    "feedback_class": "Class of feedback",
    "cause": "Class of cause",
    "their_reference": "Their reference",
    "amount": "Amount",
    "outside_case": "Which outside case",
    "received_at": "True time of receipt",
    "issue": "Issue",
    "role": "Role",
    "address": "Address or number",
    "authority": "What their authority rests on",
    "language": "Language",
}


def label(command: type[Command], name: str) -> str:
    """What a field of a form is called."""
    return _LABELS.get(f"{command.__name__}.{name}") or _FIELDS.get(name) or headed(name)


def about(command: type[Command]) -> str:
    """What a command does, as its own description says it, with fields by what the form calls them."""
    words = " ".join((command.__doc__ or "").split())
    return re.sub(r"`(\w+)`", lambda found: f"“{label(command, found[1])}”", words)


# Events -------------------------------------------------------------------------------------------

_EVENTS: Mapping[str, str] = {
    "ComplaintReceived": "Complaint received",
    "SystemicOpened": "Systemic issue opened",
    "SystemicUpdated": "News for the joined complaints",
    "SystemicPlanned": "Management's plan recorded",
    "SystemicResolved": "Resolved",
    "ComplaintLeft": "Complaint taken out",
    "OutageGraded": "Outage graded",
    "OutageAnnounced": "Outage announced to customers",
    "OutageSilent": "Customers were left without news",
    "OutageVerified": "The service is back, and customers were told",
    "OutageSummarised": "Outage summed up",
    "RiskAssessed": "Risk assessed",
    "RiskReviewDue": "The risk was not looked at again in time",
    "CustomerWrote": "The customer wrote",
    "CustomerAsked": "The customer was asked a question",
    "CustomerAnswered": "The customer's message was answered",
    "FeedbackSettled": "The customer's message needs no answer",
    "HoldingReplied": "The customer was told why the answer takes longer",
    "InternalReviewed": "Internal review recorded",
    "EvidenceAttached": "File attached",
    "ContactRecorded": "Contact with the customer recorded",
    "OwnershipTaken": "Ownership taken",
    "Dispatched": "Assigned by the service",
    "DispatchFailed": "Nobody was found to assign it to",
    "PreferredChannelChanged": "The customer wants to hear from us another way",
    "Resolved": "Every issue is decided",
    "RungClimbed": "Alert sent",
    "RungUnheld": "Nobody was there to alert",
    "AlertReleased": "Acknowledgement taken back, the ladder goes on",
    "AcknowledgementExpired": "Acknowledgement expired, the ladder goes on",
    "ReassignmentCalled": "To be given to somebody else, as the ladder says",
    "LowScoreEscalated": "A low score goes to a senior",
    "SatisfactionAsked": "Customer asked how content they are",
    "SatisfactionAnswered": "Customer gave a score",
    "ConfirmationWindowEnded": "The customer's time to confirm has ended",
    "ImportedClosed": "Imported as closed",
    "WayToCourtPointedOut": "The way to arbitration or court was pointed out",
    "PaymentReversalOrdered": "Reversal of a payment ordered",
    "ClockBreached": "Deadline missed",
    "ClockWarned": "Deadline is near",
    "ClockMet": "Deadline met",
    "ClockStarted": "Clock started",
    "ClockStopped": "Clock stopped",
    "ClockRecalculated": "Deadline moved",
    "Paused": "Clocks paused",
    "Resumed": "Clocks run again",
    "ActionPiloted": "Action piloted",
    "ActionRolledOut": "Action rolled out",
    "PilotOverdue": "A pilot is over and was not compared",
    "FishboneRecorded": "Possible causes laid out on a fishbone",
    "LibraryEntryMade": "Put into the case library",
    "PersonalDataErased": "Personal data erased",
    "EffectivenessCheckDue": "An action's effect can be judged now",
}

CLOCK_EVENTS = frozenset(
    {"ClockStarted", "ClockMet", "ClockStopped", "ClockWarned", "ClockBreached", "ClockRecalculated", "RungClimbed",
     "RungUnheld", "AlertAcknowledged", "AlertSnoozed", "AlertReleased", "AcknowledgementExpired",
     "ReassignmentCalled", "Paused", "Resumed"}
)  # fmt: skip
MESSAGE_EVENTS = frozenset(
    {"ComplaintReceived", "CustomerWrote", "CustomerAsked", "CustomerAnswered", "FeedbackSettled",
     "HoldingReplied", "LetterQueued", "LetterMoved", "ContactRecorded", "NoteAdded",
     "EvidenceAttached", "DepartmentTold", "DepartmentAsked", "DepartmentAnswered", "PreferredChannelChanged"}
)  # fmt: skip

_DETAILS: Mapping[str, str] = {
    "tell": "told",
    "channels": "by",
    "news_by": "next word due",
    "over": "by",
    "to": "to",
    "due_at": "due",
    "lapses_at": "lapses",
    "ends_by": "ends at the latest",
    "appeal_by": "appeal until",
    "into": "joined to",
    "points": "score",
    "load": "complaints they had open",
    "unplaced": "why",
    "before_recording": "before it was recorded",
    "complete": "all approvals are there",
    "arrived": "counts as arrived",
    "owner": "who",
    "check_after": "effect judged from",
    "ends_at": "pilot ends",
    "change_made": "changed since the last pilot",
    "way": "how",
    "until": "hears from us by",
    "PersonalDataErased.kept_until": "kept until",
    "AlertAcknowledged.until": "holds until",
    "AlertSnoozed.until": "holds until",
    "AlertAcknowledged.note": "what is being done",
    "AlertSnoozed.note": "what is being done",
    "AcknowledgementExpired.by": "it was acknowledged by",
    "RungUnheld.who": "called",
    "RungUnheld.nobody": "nobody was left to call",
    "passed_to": "passed on to",
    "review_by": "looked at again by",
    "reviewer": "reviewer",
}


def event_words(event: str) -> str:
    """What an event of this type is called in a timeline: its name, read out."""
    known = _EVENTS.get(event)
    if known:
        return known
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", event).lower()
    return words[:1].upper() + words[1:]


def detail_words(name: str, event: str = "") -> str:
    """What a field is called in a timeline, of this type of event where it is called differently there."""
    return _DETAILS.get(f"{event}.{name}") or _DETAILS.get(name) or said(name)


def recipient(who: str, names: Mapping[str, str]) -> str:
    """Whom an alert went to: `role:supervisor` is “every supervisor”, a person goes by name."""
    kind, _, of = who.partition(":")
    match kind:
        case "role":
            return f"every {said(of)}"
        case "person" | "staff":
            return names.get(of, "somebody who has left")
        case "on_duty":
            return f"whoever is on duty ({said(of)})"
        case "department":
            return f"the department {said(of)}"
        case "webhook" | "webhooks":
            return "other systems"
        case "party":
            return "the customer" if of == "P1" else f"the customer's side ({of})"
        case _:
            return {"owner": "the owner", "owner_supervisor": "the owner's supervisor"}.get(who, said(who))


def why_changed(why: str) -> str:
    """Why a clock stopped or a deadline moved, from the event's own short word."""
    known = {
        "ComplaintClosed": "the complaint was closed",
        "paused": "the clocks were paused",
        "resumed": "the clocks run again",
        "reclassified": "the complaint was reclassified",
        "receipt corrected": "the time of receipt was corrected",
        "archived": "the complaint was archived",
        "person": "somebody ended the pause",
        "fact": "what was waited for has come",
        "limit": "the longest time for a pause is over",
        "nobody": "there is no such person",
        "away": "away",
        "off_duty": "off duty",
        "unreachable": "their address takes nothing",
    }
    return known.get(why) or event_words(why)


def choice(value: Any) -> str:
    """A choice of a form in words."""
    return headed(str(value))
