"""The longest of the lives of every_command.py: from receipt through redress and post-mortem to a reopening."""

from __future__ import annotations

from datetime import timedelta

from complaints.base import Money
from complaints.chapters.actions import AddAction, CheckEffectiveness, CompleteAction
from complaints.chapters.closure import CloseComplaint, Reopen
from complaints.chapters.departments import AnswerDepartment, AskDepartment
from complaints.chapters.feedback import AnswerSatisfaction, ConfirmOutcome, RecordSeniorReview
from complaints.chapters.intake import (
    Acknowledge,
)
from complaints.chapters.internal_review import (
    AssignInternalReviewer,
    OpenInternalReview,
    RecordInternalReview,
)
from complaints.chapters.investigation import (
    CompletePreliminaryInvestigation,
    ProposeManagementPlan,
    ProposePlan,
    RecordContact,
    ReportProgress,
)
from complaints.chapters.issues import CauseClass
from complaints.chapters.letters import ServeOtherwise
from complaints.chapters.library import PutInLibrary
from complaints.chapters.payments import PayRemedy, RetryPayment, ReverseRemedy
from complaints.chapters.pilots import ComparePilot, PilotAction, RollOutAction
from complaints.chapters.post_mortem import (
    Bone,
    BoneCategory,
    ClassifyCause,
    FinishPostMortem,
    RecordFishbone,
    RecordLessons,
    RecordWhys,
)
from complaints.chapters.redress import (
    AcceptRemedy,
    ApproveRemedy,
    FulfilRemedy,
    OfferRemedy,
    ProposeRemedy,
    RefuseRemedy,
    RejectRemedy,
    WithdrawRemedy,
)
from complaints.chapters.remedies import RemedyBasis, RemedyKind
from complaints.chapters.response import DraftResponse, ReturnResponse
from complaints.people.tiers import RaiseTier
from policies.vocabulary import Channel, DeliveryState
from tests.complaints.stages import REVIEWER as rosa  # noqa: N811 - people go by their names here
from tests.complaints.support import ana, ben, cleo, customer, dora, emil, iris, olga, person
from tests.support.hands import Hand
from tests.support.life_steps import (
    arrives,
    decided,
    received,
    sent,
    triage,
)


async def whole(hand: Hand) -> None:
    """Investigated, made good in every way there is, answered, scored, closed, learnt from, opened again."""
    await received(hand, "service-centre")
    await hand.does(iris, Acknowledge())
    await hand.does(iris, triage())
    await _investigated(hand)
    await _reviewed_internally(hand)
    await _made_good(hand)
    draft = DraftResponse(text=await hand.text("You may be right."))
    await hand.does(ana, draft)
    await hand.does(cleo, ReturnResponse(draft="D1", reason=await hand.text("May be?")))
    await sent(hand)
    await arrives(hand, "final_response", DeliveryState.BOUNCED)
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
    await decided(hand)
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
    bone = Bone(category=BoneCategory.METHOD, text=await hand.text("Nobody checks."))
    await hand.does(ana, RecordFishbone(bones=(bone,)))
    text = await hand.text("The seals.")
    await hand.does(ana, ClassifyCause(cause=CauseClass.PROCESS_DEFECT, text=text))
    await hand.does(ana, RecordLessons(text=await hand.text("Check seals.")))
    text = await hand.text("Check them daily.")
    due = hand.now() + timedelta(
        seconds=2
    )  # not before the text is stored: it has to be to come when it is given
    action = AddAction(kind="preventive", owner=person(ben), text=text, due=due, check_after=due)
    await hand.does(ana, action)
    where = await hand.text("In the store in the old town.")
    await hand.does(ben, PilotAction(action="A1", where=where, until=due + timedelta(days=1)))
    before, after = await hand.text("Two a day."), await hand.text("None.")
    await hand.does(ben, ComparePilot(action="A1", before=before, after=after, held=True))
    await hand.does(ben, RollOutAction(action="A1"))
    await hand.does(ben, CompleteAction(action="A1", text=await hand.text("Done.")))
    await hand.until(due)
    helped = await hand.text("No leaks since.")
    await hand.does(dora, CheckEffectiveness(action="A1", effective=True, text=helped))
    heading, lesson = await hand.text("Seals"), await hand.text("They age in a year.")
    await hand.does(olga, PutInLibrary(heading=heading, lesson=lesson, confirmed=True))
    await hand.does(ana, FinishPostMortem())
