"""Lives of complaints that between them need every command there is, for whoever plays them (hands.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from complaints.actions import AddAction, CheckEffectiveness, CompleteAction
from complaints.base import Actor, Money, PackRef
from complaints.case import Case
from complaints.closure import CloseComplaint, Reopen
from complaints.conversation import AnswerCustomer, AskCustomer, NeedsNoAnswer, SendHoldingReply, WriteMessage
from complaints.departments import AnswerDepartment, AskDepartment, TellDepartment
from complaints.dispatching import Dispatch, ReportNobody, rule_for
from complaints.dispute import AcknowledgeDispute, ConcludeDispute, RaiseDispute, WithdrawDispute
from complaints.endings import AppealDecline, Decline, Forward, MergeInto, Withdraw
from complaints.erasure import ErasePersonalData, PlaceLegalHold, ReleaseLegalHold
from complaints.escalation import AcknowledgeAlert, Escalate
from complaints.extensions import AskExtension, GrantExtension, RefuseExtension
from complaints.feedback import AnswerSatisfaction, ConfirmOutcome, RecordSeniorReview
from complaints.intake import (
    Acknowledge,
    AddNote,
    ApproveReceiptCorrection,
    AttachEvidence,
    CorrectReceipt,
    PartyDetails,
    ReceiveComplaint,
)
from complaints.internal_review import AssignInternalReviewer, OpenInternalReview, RecordInternalReview
from complaints.investigation import (
    CompletePreliminaryInvestigation,
    ProposeManagementPlan,
    ProposePlan,
    RecordContact,
    RecordFinding,
    ReportProgress,
)
from complaints.issues import AddIssue, CauseClass, DecideIssue, IssueOutcome
from complaints.letters import LetterKind, ReportDelivery, ServeOtherwise
from complaints.mediation import OfferMediation, RecordMediation
from complaints.membership import NoteSystemicJoin, NoteSystemicLeave, NoteSystemicPlan, NoteSystemicUpdate
from complaints.migration import MigratePack
from complaints.outages import AnnounceOutage, GradeOutage, SummariseOutage, VerifyOutageOver
from complaints.outside import (
    AnswerOutsideBody,
    CloseOutsideCase,
    OpenOutsideCase,
    RecordCompliance,
    RecordOutsideDirection,
)
from complaints.ownership import (
    AcceptHandover,
    Assign,
    DeclareConflict,
    DeclineHandover,
    OfferHandover,
    TakeOwnership,
    WithdrawHandover,
)
from complaints.parties import AddParty, ChangePreferredChannel, NoteNeed, RevokeAuthority
from complaints.pauses import PauseClocks, ResumeClocks
from complaints.payments import PayRemedy, RetryPayment, ReverseRemedy
from complaints.post_mortem import ClassifyCause, FinishPostMortem, RecordLessons, RecordWhys
from complaints.redress import (
    AcceptRemedy,
    ApproveRemedy,
    FulfilRemedy,
    OfferRemedy,
    ProposeRemedy,
    RefuseRemedy,
    RejectRemedy,
    WithdrawRemedy,
)
from complaints.references import reference, systemic_reference
from complaints.remedies import RemedyBasis, RemedyKind
from complaints.response import ApproveResponse, DraftResponse, RecordNoDelivery, ReturnResponse, SendResponse
from complaints.review import (
    ApproveDisputeReply,
    AssignReviewer,
    DecideDispute,
    DraftDisputeReply,
    RecordDisputeInvestigation,
    SendOutside,
)
from complaints.systemic import (
    JoinComplaint,
    OpenSystemicIssue,
    PlanSystemic,
    RemoveComplaint,
    ResolveSystemic,
    UpdateSystemic,
)
from complaints.tiers import RaiseTier
from complaints.triage import Reclassify, Triage
from policies.loading import packs_available, publish, read_pack
from policies.pack import Pack
from policies.vocabulary import Channel, DeliveryState, Kind, Role, Severity, Tier
from tests.complaints.stages import REVIEWER as rosa  # noqa: N811 - people go by their names here
from tests.complaints.support import ana, ben, carl, cleo, customer, dora, emil, iris, olga, person
from tests.support.hands import Hand, IssueHand

COMING: Mapping[str, Pack] = {pack.name: pack for pack in map(publish, map(read_pack, packs_available()))}
"""The packs that come with the service, by name, as complaints are pinned to them."""

sven = Actor(id="sven", roles=(Role.SUPERVISOR,), supervisor="emil")
"""Rosa's supervisor."""

ELSEWHERE, ANOTHER = reference(7), reference(8)
SYSTEMIC = systemic_reference(7)

Life = Callable[[Hand], Awaitable[None]]


async def _received(hand: Hand, pack: str, *, days_ago: int = 0) -> None:
    party = PartyDetails(
        role="customer",
        name=await hand.text("Wei Zhang"),
        address=await hand.text("wei@example.org"),
        channel=Channel.MAIL,
    )
    body = ReceiveComplaint(
        channel=Channel.MAIL,
        subject=await hand.text("A broken kettle"),
        narrative=await hand.text("It broke after a day."),
        parties=(party,),
    )
    await hand.receives(body, COMING[pack], days_ago=days_ago)


def _triage(severity: Severity = Severity.REGULAR) -> Triage:
    return Triage(kind=Kind.COMPLAINT, severity=severity, tier=Tier.STANDARD)


async def _arrives(hand: Hand, kind: LetterKind, state: DeliveryState = DeliveryState.DELIVERED) -> None:
    letter = (await hand.case()).letters.latest(kind)
    assert letter is not None
    await hand.hears(ReportDelivery.model_validate({"letter": letter.id, "state": state}))


async def _decided(hand: Hand) -> None:
    """Owned by Ana, investigated, and upheld."""
    await hand.does(ana, TakeOwnership())
    await hand.does(ana, AddIssue(text=await hand.text("The kettle leaks.")))
    await hand.does(ana, RecordFinding(issue="I1", text=await hand.text("The seal was broken.")))
    reasons = await hand.text("So it was.")
    cause = CauseClass.PROCESS_DEFECT
    await hand.does(ana, DecideIssue(issue="I1", outcome=IssueOutcome.UPHELD, reasons=reasons, cause=cause))


async def _sent(hand: Hand) -> None:
    """Drafted, approved by somebody else, and on its way."""
    await hand.does(
        ana,
        DraftResponse(
            text=await hand.text("You are right."),
            next_step=await hand.text("We write to the store."),
            outstanding=await hand.text("Nothing."),
            remedy_dates=True,
            outside_body_named=True,
            outside_time_limit_named=True,
        ),
    )
    draft = (await hand.case()).feedback.draft
    assert draft is not None
    await hand.does(cleo, ApproveResponse(draft=draft.id))
    await hand.does(ana, SendResponse())


async def _answered(hand: Hand) -> None:
    await _decided(hand)
    await _sent(hand)
    await _arrives(hand, "final_response")


# Lives --------------------------------------------------------------------------------------------


async def handed_round(hand: Hand) -> None:
    """Intake, parties and conversation; owned by one after the other; withdrawn, held, and erased."""
    await _received(hand, "retail-2025")
    await hand.does(iris, Acknowledge(text=await hand.text("We have it.")))
    await hand.does(iris, AddNote(text=await hand.text("Rang, no answer.")))
    await hand.does(iris, AttachEvidence(attachment=await hand.file("kettle.jpg")))
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
    received = (await hand.case()).received_at
    why = await hand.text("It lay in the post room.")
    await hand.does(iris, CorrectReceipt(received_at=received - timedelta(hours=1), reason=why))
    await hand.does(dora, ApproveReceiptCorrection())
    await hand.does(iris, _triage())
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


async def whole(hand: Hand) -> None:
    """Investigated, made good in every way there is, answered, scored, closed, learnt from, opened again."""
    await _received(hand, "service-centre")
    await hand.does(iris, Acknowledge())
    await hand.does(iris, _triage())
    await _investigated(hand)
    await _reviewed_internally(hand)
    await _made_good(hand)
    draft = DraftResponse(text=await hand.text("You may be right."))
    await hand.does(ana, draft)
    await hand.does(cleo, ReturnResponse(draft="D1", reason=await hand.text("May be?")))
    await _sent(hand)
    await _arrives(hand, "final_response", DeliveryState.BOUNCED)
    how = await hand.text("Handed over at the counter.")
    bounced = (await hand.case()).letters.latest("final_response")
    assert bounced is not None
    await hand.does(ana, ServeOtherwise(letter=bounced.id, how=how))
    await hand.sees(lambda case: case.feedback.asked_at is not None)
    comment = await hand.text("It took long.")
    await hand.does(customer, AnswerSatisfaction(score=1, attitude=4, recommend=3, comment=comment))
    await hand.does(emil, RecordSeniorReview(text=await hand.text("It did; we hire.")))
    await hand.does(customer, ConfirmOutcome(note=await hand.text("But it is all right.")))
    await hand.does(ana, CloseComplaint())
    await _learnt_from(hand)
    await hand.does(customer, Reopen(reason=await hand.text("It broke again.")))


async def _investigated(hand: Hand) -> None:
    await _decided(hand)
    await hand.does(
        ana,
        RecordContact(
            way=Channel.PHONE,
            content=await hand.text("Rang them."),
            reaction=await hand.text("Friendly."),
            outcome=await hand.text("They send it in."),
        ),
    )
    await hand.does(ana, AskDepartment(department="product", question=await hand.text("Is it known?")))
    await hand.does(ana, AnswerDepartment(question="Q1", text=await hand.text("It is.")))
    await hand.does(ana, CompletePreliminaryInvestigation(summary=await hand.text("A bad batch.")))
    await hand.does(ana, ProposePlan(text=await hand.text("A new one.")))
    await hand.does(dora, ProposeManagementPlan(text=await hand.text("Check the batch.")))
    await hand.does(ana, ReportProgress(text=await hand.text("We know what it was.")))
    await hand.does(ana, RaiseTier(reason=await hand.text("It may be many.")))


async def _reviewed_internally(hand: Hand) -> None:
    await hand.does(olga, OpenInternalReview(reason=await hand.text("How did it pass our check?")))
    await hand.does(olga, AssignInternalReviewer(reviewer=person(rosa)))
    await hand.does(
        rosa,
        RecordInternalReview(
            findings=await hand.text("Nobody checks seals."),
            outcome="defective",
            corrections=await hand.text("Somebody does."),
        ),
    )


async def _made_good(hand: Hand) -> None:
    """R1 paid at the second try and taken back; R2 an apology; R3 to R5 rejected, refused and withdrawn."""

    async def propose(kind: RemedyKind) -> None:
        amount = Money(minor=9_900, currency="CNY") if kind is RemedyKind.REFUND else None
        note = await hand.text("For the trouble.")
        body = ProposeRemedy(kind=kind, basis=RemedyBasis.LIABILITY, amount=amount, note=note, issue="I1")
        await hand.does(ana, body)

    await propose(RemedyKind.REFUND)
    await hand.does(dora, ApproveRemedy(remedy="R1"))
    await hand.does(ana, OfferRemedy(remedy="R1", letter=await hand.text("We pay it back.")))
    await hand.does(customer, AcceptRemedy(remedy="R1", note=await hand.text("Gladly.")))
    account = await hand.text("DE02 1203 0000 0000 2020 51")
    await hand.pays(ana, PayRemedy(remedy="R1", payee=account), ends="refused")
    account = await hand.text("DE02 1203 0000 0000 2020 52")
    await hand.pays(ana, RetryPayment(remedy="R1", payee=account), ends="settled")
    why = await hand.text("It went to somebody else.")
    await hand.pays(dora, ReverseRemedy(remedy="R1", reason=why), ends="settled")
    await propose(RemedyKind.APOLOGY)
    await hand.does(dora, ApproveRemedy(remedy="R2"))
    await hand.does(ana, FulfilRemedy(remedy="R2", note=await hand.text("By telephone.")))
    await propose(RemedyKind.UPGRADE)
    await hand.does(dora, RejectRemedy(remedy="R3", reason=await hand.text("There is none.")))
    await propose(RemedyKind.REPLACEMENT)
    await hand.does(dora, ApproveRemedy(remedy="R4"))
    await hand.does(ana, OfferRemedy(remedy="R4"))
    await hand.does(customer, RefuseRemedy(remedy="R4", note=await hand.text("No more kettles.")))
    await propose(RemedyKind.CORRECTION)
    await hand.does(ana, WithdrawRemedy(remedy="R5", reason=await hand.text("Nothing to correct.")))


async def _learnt_from(hand: Hand) -> None:
    await hand.does(ana, RecordWhys(whys=(await hand.text("Why?"), await hand.text("And why that?"))))
    text = await hand.text("The seals.")
    await hand.does(ana, ClassifyCause(cause=CauseClass.PROCESS_DEFECT, text=text))
    await hand.does(ana, RecordLessons(text=await hand.text("Check seals.")))
    due = hand.now() + timedelta(seconds=2)
    text = await hand.text("Check them daily.")
    action = AddAction(kind="preventive", owner=person(ben), text=text, due=due, check_after=due)
    await hand.does(ana, action)
    await hand.does(ben, CompleteAction(action="A1", text=await hand.text("Done.")))
    await hand.until(due)
    helped = await hand.text("No leaks since.")
    await hand.does(dora, CheckEffectiveness(action="A1", effective=True, text=helped))
    await hand.does(ana, FinishPostMortem())


async def contested(hand: Hand) -> None:
    """Contested, reviewed by others, mediated, and before an outside body."""
    await _received(hand, "retail-2025")
    await _answered(hand)
    await hand.does(customer, RaiseDispute(grounds=await hand.text("That is not all.")))
    await hand.does(iris, AcknowledgeDispute(text=await hand.text("We look again.")))
    await hand.does(sven, AssignReviewer(reviewer=person(rosa)))
    await hand.does(rosa, RecordDisputeInvestigation(summary=await hand.text("There was more.")))
    await hand.does(rosa, DecideDispute(outcome="upheld", reasons=await hand.text("Indeed.")))
    await hand.does(rosa, DraftDisputeReply(text=await hand.text("You were right again.")))
    await hand.does(carl, ApproveDisputeReply())
    await _arrives(hand, "dispute_outcome")
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
    """Contested, and nobody in the house may look at it again; then taken back."""
    await _received(hand, "uk-fca-disp")
    await _answered(hand)
    await hand.does(customer, RaiseDispute(grounds=await hand.text("That is wrong.")))
    reason, body = await hand.text("All had a hand in it."), await hand.text("The ombudsman")
    await hand.does(dora, SendOutside(reason=reason, body=body))
    await hand.does(customer, WithdrawDispute(reason=await hand.text("Never mind.")))


async def came_back(hand: Hand) -> None:
    """The answer came back, and there is no other way to the customer: closed all the same."""
    await _received(hand, "crm-service")
    await _decided(hand)
    await _sent(hand)
    await _arrives(hand, "final_response", DeliveryState.BOUNCED)
    await hand.does(ana, RecordNoDelivery(reason=await hand.text("They have moved.")))
    await hand.does(ana, CloseComplaint())


async def given_more_time(hand: Hand) -> None:
    """More time refused, then granted; then under another pack."""
    await _received(hand, "uk-housing")
    await hand.does(iris, Acknowledge())
    await hand.does(iris, _triage())
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
    await _received(hand, "service-standards")
    await hand.does(iris, _triage())
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
    await _received(hand, "us-cfpb", days_ago=30)
    await hand.does(ana, TakeOwnership())
    await hand.does(ana, AcknowledgeAlert(clock=_breached(await hand.case())))
    to, letter = await hand.text("The maker"), await hand.text("They look after you.")
    await hand.does(ana, Forward(to=to, text=letter))


def _breached(case: Case) -> str:
    return next(run.clock for run in case.clocks.occurrences if run.running and run.breached_at is not None)


async def declined(hand: Hand) -> None:
    """Declined, appealed against, and then merged into another."""
    await _received(hand, "us-dot-airline")
    text = await hand.text("It is not about us.")
    await hand.does(dora, Decline(ground="out_of_scope", text=text))
    await hand.does(customer, AppealDecline(reason=await hand.text("It is.")))
    await hand.does(ana, TakeOwnership())
    await hand.does(ana, MergeInto(into=ELSEWHERE))


LIVES: tuple[Life, ...] = (
    handed_round, whole, contested, sent_outside, came_back, given_more_time, dispatched, overdue, declined,
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
