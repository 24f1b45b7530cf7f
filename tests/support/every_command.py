"""Lives of complaints that between them need every command there is, for whoever plays them (hands.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from complaints.base import PackRef
from complaints.case import Case
from complaints.chapters.closure import CloseComplaint
from complaints.chapters.conversation import (
    AnswerCustomer,
    AskCustomer,
    NeedsNoAnswer,
    SendHoldingReply,
    WriteMessage,
)
from complaints.chapters.departments import TellDepartment
from complaints.chapters.dispute import AcknowledgeDispute, ConcludeDispute, RaiseDispute, WithdrawDispute
from complaints.chapters.endings import AppealDecline, Decline, Forward, MergeInto, Withdraw
from complaints.chapters.erasure import ErasePersonalData, PlaceLegalHold, ReleaseLegalHold
from complaints.chapters.escalation import AcknowledgeAlert, Escalate, ReleaseAlert, ReportUnheld, SnoozeAlert
from complaints.chapters.extensions import AskExtension, GrantExtension, RefuseExtension
from complaints.chapters.intake import (
    Acknowledge,
    AddNote,
    ApproveReceiptCorrection,
    AttachEvidence,
    CorrectReceipt,
    PartyDetails,
)
from complaints.chapters.mediation import OfferMediation, RecordMediation
from complaints.chapters.membership import (
    NoteSystemicJoin,
    NoteSystemicLeave,
    NoteSystemicPlan,
    NoteSystemicUpdate,
)
from complaints.chapters.migration import MigratePack
from complaints.chapters.outside import (
    AnswerOutsideBody,
    CloseOutsideCase,
    OpenOutsideCase,
    RecordCompliance,
    RecordOutsideDirection,
)
from complaints.chapters.ownership import (
    AcceptHandover,
    Assign,
    DeclareConflict,
    DeclineHandover,
    OfferHandover,
    TakeOwnership,
    WithdrawHandover,
)
from complaints.chapters.parties import AddParty, ChangePreferredChannel, NoteNeed, RevokeAuthority
from complaints.chapters.pauses import PauseClocks, ResumeClocks
from complaints.chapters.response import RecordNoDelivery
from complaints.chapters.review import (
    ApproveDisputeReply,
    AssignReviewer,
    DecideDispute,
    DraftDisputeReply,
    RecordDisputeInvestigation,
    SendOutside,
)
from complaints.chapters.triage import Reclassify
from complaints.people.dispatching import Dispatch, ReportNobody, rule_for
from complaints.systemic.issue import (
    JoinComplaint,
    OpenSystemicIssue,
    PlanSystemic,
    RemoveComplaint,
    ResolveSystemic,
    UpdateSystemic,
)
from complaints.systemic.outages import AnnounceOutage, GradeOutage, SummariseOutage, VerifyOutageOver
from complaints.systemic.risk_state import Treatment
from complaints.systemic.risks import AssessRisk
from policies.vocabulary import Channel, DeliveryState, Kind, Severity, Tier
from tests.complaints.stages import REVIEWER as rosa  # noqa: N811 - people go by their names here
from tests.complaints.support import ana, ben, carl, customer, dora, emil, iris, olga, person
from tests.support.hands import Hand, IssueHand
from tests.support.life_steps import (
    ANOTHER,
    COMING,
    ELSEWHERE,
    SYSTEMIC,
    answered,
    arrives,
    decided,
    received,
    sent,
    sven,
    triage,
)
from tests.support.whole_complaint import whole

Life = Callable[[Hand], Awaitable[None]]


# Lives --------------------------------------------------------------------------------------------


async def handed_round(hand: Hand) -> None:
    """Intake, parties and conversation; owned by one after the other; withdrawn, held, and erased."""
    await received(hand, "retail-2025")
    await hand.does(iris, Acknowledge(text=await hand.text("We have it.")))
    await hand.does(iris, AddNote(text=await hand.text("Rang, no answer.")))
    await hand.does(iris, AttachEvidence(attachment=await hand.file("bill.txt")))
    await hand.does(iris, NoteNeed(text=await hand.text("Hard of hearing."), consented=True))
    relative = PartyDetails(
        role="representative",
        name=await hand.text("Lin Zhang"),
        address=await hand.text("lin@example.org"),
        authority=await hand.text("A letter of attorney."),
    )
    await hand.does(iris, AddParty(party=relative))
    await hand.does(iris, RevokeAuthority(party="P2"))
    number = await hand.text("+49 170 0000000")
    await hand.does(iris, ChangePreferredChannel(party="P1", channel=Channel.PHONE, address=number))
    came = (await hand.case()).received_at
    why = await hand.text("It lay in the post room.")
    await hand.does(iris, CorrectReceipt(received_at=came - timedelta(hours=1), reason=why))
    await hand.does(dora, ApproveReceiptCorrection())
    await hand.does(iris, triage())
    await hand.does(iris, Escalate(reason=await hand.text("They are at the counter.")))
    await hand.does(iris, TellDepartment(department="product", text=await hand.text("For your attention.")))

    await hand.does(ana, TakeOwnership())
    reason = await hand.text("I am away next week.")
    await hand.does(ana, OfferHandover(to=person(ben), reason=reason))
    await hand.does(ana, WithdrawHandover())
    await hand.does(ana, OfferHandover(to=person(ben)))
    await hand.does(ben, DeclineHandover(reason=await hand.text("So am I.")))
    await hand.does(ana, OfferHandover(to=person(ben)))
    await hand.does(ben, AcceptHandover())
    await hand.does(dora, Assign(to=person(ana), reason=await hand.text("You know it best.")))
    await hand.does(ben, DeclareConflict(reason=await hand.text("We are cousins.")))

    await hand.does(customer, WriteMessage(text=await hand.text("Any news?")))
    await hand.does(ana, AnswerCustomer(text=await hand.text("Soon.")))
    await hand.does(customer, WriteMessage(text=await hand.text("Thank you.")))
    await hand.does(ana, NeedsNoAnswer(reason=await hand.text("They only thank us.")))
    until = hand.now() + timedelta(days=3)
    await hand.does(ana, SendHoldingReply(text=await hand.text("The maker has to look."), until=until))
    note = await hand.text("They look for the bill.")
    await hand.does(ana, PauseClocks(reason="waiting_for_customer", note=note))
    await hand.does(ana, ResumeClocks(reason="waiting_for_customer"))
    await hand.does(ana, AskCustomer(text=await hand.text("Which model is it?")))
    await hand.does(
        ana,
        Reclassify(
            kind=Kind.COMPLAINT, severity=Severity.COMPLEX, tier=Tier.STANDARD,
            reason=await hand.text("Two stores are in it."),
        ),
    )  # fmt: skip
    await hand.does(customer, Withdraw(reason=await hand.text("I have bought another.")))
    await hand.does(olga, PlaceLegalHold(reason=await hand.text("A court asked.")))
    await hand.does(olga, ReleaseLegalHold(reason=await hand.text("It is over.")))
    await hand.does(olga, ErasePersonalData(reason="asked_by_the_person"))


async def contested(hand: Hand) -> None:
    """Contested, reviewed by others, mediated, and before an outside body."""
    await received(hand, "retail-2025")
    await answered(hand)
    await hand.does(customer, RaiseDispute(grounds=await hand.text("That is not all.")))
    await hand.does(iris, AcknowledgeDispute(text=await hand.text("We look again.")))
    await hand.does(sven, AssignReviewer(reviewer=person(rosa)))
    await hand.does(rosa, RecordDisputeInvestigation(summary=await hand.text("There was more.")))
    await hand.does(rosa, DecideDispute(outcome="upheld", reasons=await hand.text("Indeed.")))
    await hand.does(rosa, DraftDisputeReply(text=await hand.text("You were right again.")))
    await hand.does(carl, ApproveDisputeReply())
    await arrives(hand, "dispute_outcome")
    await hand.does(ana, OfferMediation(mediator=await hand.text("The chamber of commerce.")))
    ended = RecordMediation(
        outcome="failed", text=await hand.text("They left."), next_step=await hand.text("The court.")
    )
    await hand.does(ana, ended)
    their_reference = await hand.text("OMB-4711")
    body = await hand.text("The ombudsman")
    await hand.does(olga, OpenOutsideCase(body=body, their_reference=their_reference))
    await hand.does(olga, AnswerOutsideBody(outside_case="X1", text=await hand.text("Our view.")))
    directed = RecordOutsideDirection(outside_case="X1", text=await hand.text("Pay them."))
    await hand.does(olga, directed)
    await hand.does(olga, RecordCompliance(outside_case="X1", text=await hand.text("Paid.")))
    await hand.does(olga, CloseOutsideCase(outside_case="X1", outcome=await hand.text("Settled.")))
    await hand.does(ana, ConcludeDispute())


async def sent_outside(hand: Hand) -> None:
    """Answered by post, contested, and nobody in the house may look at it again; then taken back."""
    await received(hand, "uk-fca-disp")
    street = await hand.text("12 Garden Street")
    await hand.does(iris, ChangePreferredChannel(party="P1", channel=Channel.LETTER, address=street))
    await answered(hand)
    await hand.does(customer, RaiseDispute(grounds=await hand.text("That is wrong.")))
    reason, body = await hand.text("All had a hand in it."), await hand.text("The ombudsman")
    await hand.does(dora, SendOutside(reason=reason, body=body))
    await hand.does(customer, WithdrawDispute(reason=await hand.text("Never mind.")))


async def came_back(hand: Hand) -> None:
    """The answer came back, and there is no other way to the customer: closed all the same."""
    await received(hand, "crm-service")
    await decided(hand)
    await sent(hand)
    await arrives(hand, "final_response", DeliveryState.BOUNCED)
    await hand.does(ana, RecordNoDelivery(reason=await hand.text("They have moved.")))
    await hand.does(ana, CloseComplaint())


async def given_more_time(hand: Hand) -> None:
    """More time refused, then granted; then under another pack."""
    await received(hand, "uk-housing")
    await hand.does(iris, Acknowledge())
    await hand.does(iris, triage())
    await hand.does(ana, TakeOwnership())
    ask = AskExtension(clock="stage_one_response", reason=await hand.text("The roof is wet."))
    await hand.does(ana, ask)
    no = await hand.text("It has been wet before.")
    await hand.does(dora, RefuseExtension(clock="stage_one_response", reason=no))
    await hand.does(ana, ask)
    await hand.does(dora, GrantExtension(clock="stage_one_response"))
    other = COMING["high-end-service"]
    ref = PackRef(name=other.name, version=other.version, digest=other.digest)
    await hand.does(olga, MigratePack(pack=ref, reason=await hand.text("They moved up.")))


async def dispatched(hand: Hand) -> None:
    """The service finds nobody at first; what is systemic about it comes and goes."""
    await received(hand, "service-standards")
    await hand.does(iris, triage())
    await hand.hears(ReportNobody(rule=_rule(await hand.case()), unplaced="all_away"))
    await hand.hears(Dispatch(to=person(ana), rule=_rule(await hand.case()), load=0))
    await hand.hears(NoteSystemicJoin(systemic_issue=SYSTEMIC, number=2))
    news = await hand.text("One batch is bad.")
    await hand.hears(NoteSystemicUpdate(systemic_issue=SYSTEMIC, number=3, text=news, tell_customer=True))
    plan = await hand.text("Exchange them all.")
    await hand.hears(NoteSystemicPlan(systemic_issue=SYSTEMIC, number=4, text=plan))
    await hand.hears(NoteSystemicLeave(systemic_issue=SYSTEMIC, number=5))


def _rule(case: Case) -> int:
    number = rule_for(COMING[case.pack.name], case)
    assert number is not None
    return number


async def overdue(hand: Hand) -> None:
    """Keyed in a month late: its alerts are there at once. Belongs to somebody else."""
    await received(hand, "us-cfpb", days_ago=30)
    await hand.does(ana, TakeOwnership())
    late = _breached(await hand.case())
    note = await hand.text("I am on it.")
    await hand.does(ana, AcknowledgeAlert(clock=late, note=note))
    await hand.does(ana, SnoozeAlert(clock=late, until=hand.now() + timedelta(hours=2), note=note))
    await hand.does(ana, ReleaseAlert(clock=late))
    to, letter = await hand.text("The maker"), await hand.text("They look after you.")
    await hand.does(ana, Forward(to=to, text=letter))


async def called(hand: Hand) -> None:
    """It came a day before it was said to have come: its answer is due in a moment, and who is called is away."""
    await received(hand, "retail-2025")
    await hand.does(ana, TakeOwnership())
    earlier = (await hand.case()).received_at - timedelta(hours=24) + timedelta(seconds=3)
    await hand.does(iris, CorrectReceipt(received_at=earlier, reason=await hand.text("The post mark.")))
    await hand.does(dora, ApproveReceiptCorrection())
    await hand.sees(lambda case: any(run.rungs for run in case.clocks.occurrences))
    run = next(run for run in (await hand.case()).clocks.occurrences if run.rungs)
    rung, repeat = run.rungs[0]
    await hand.hears(
        ReportUnheld(
            clock=run.clock, occurrence=run.number, rung=rung, repeat=repeat, word="owner", why="away"
        )
    )


def _breached(case: Case) -> str:
    return next(run.clock for run in case.clocks.occurrences if run.running and run.breached_at is not None)


async def declined(hand: Hand) -> None:
    """Declined, appealed against, and then merged into another."""
    await received(hand, "us-dot-airline")
    text = await hand.text("It is not about us.")
    await hand.does(dora, Decline(ground="out_of_scope", text=text))
    await hand.does(customer, AppealDecline(reason=await hand.text("It is.")))
    await hand.does(ana, TakeOwnership())
    await hand.does(ana, MergeInto(into=ELSEWHERE))


LIVES: tuple[Life, ...] = (
    handed_round, whole, contested, sent_outside, came_back, given_more_time, dispatched, overdue, called, declined,
)  # fmt: skip


async def outage(hand: IssueHand) -> None:
    """A systemic issue from its opening to its end, an outage on the way."""
    name, known = await hand.text("One batch of kettles"), await hand.text("They leak.")
    await hand.opens(dora, OpenSystemicIssue(name=name, description=known, complaints=(ELSEWHERE,)))
    await hand.does(ana, JoinComplaint(complaint=ANOTHER))
    reason = await hand.text("Another make.")
    await hand.does(dora, RemoveComplaint(complaint=ANOTHER, reason=reason))
    news = await hand.text("Sales are stopped.")
    await hand.does(dora, UpdateSystemic(text=news, tell_customers=True))
    risk = AssessRisk(
        likelihood=4,
        impact=3,
        treatment=Treatment.REDUCE,
        reasons=await hand.text("There are more of them in the stores."),
        owner=person(emil),
        review_by=datetime(2190, 1, 1, tzinfo=UTC),
    )
    await hand.does(dora, risk)
    await hand.does(emil, PlanSystemic(text=await hand.text("Exchange them all.")))
    rules = COMING["service-centre"]
    ref = PackRef(name=rules.name, version=rules.version, digest=rules.digest)
    grave = await hand.text("The web shop is down, too.")
    await hand.does(dora, GradeOutage(grade=2, reason=grave, pack=ref))
    over = (Channel.WEB, Channel.APP, Channel.MAIL)
    await hand.does(dora, AnnounceOutage(text=await hand.text("We are on it."), over=over))
    await hand.does(dora, VerifyOutageOver(text=await hand.text("It is back.")))
    await hand.does(dora, SummariseOutage(text=await hand.text("A full disk.")))
    await hand.does(dora, ResolveSystemic(text=await hand.text("Larger disks."), tell_customers=False))
