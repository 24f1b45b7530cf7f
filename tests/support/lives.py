"""Lives of complaints, step by step on a living service: for recorded histories, and to count what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from complaints.base import Actor, Command, Money, Person, TextRef
from complaints.chapters.actions import AddAction, CheckEffectiveness, CompleteAction
from complaints.chapters.closure import CloseComplaint
from complaints.chapters.dispute import ConcludeDispute, RaiseDispute
from complaints.chapters.feedback import ConfirmOutcome
from complaints.chapters.intake import Acknowledge
from complaints.chapters.investigation import RecordFinding
from complaints.chapters.issues import AddIssue, CauseClass, DecideIssue, IssueOutcome
from complaints.chapters.letters import LetterKind, ReportDelivery
from complaints.chapters.ownership import TakeOwnership
from complaints.chapters.payments import PayRemedy
from complaints.chapters.post_mortem import ClassifyCause, FinishPostMortem, RecordWhys
from complaints.chapters.redress import AcceptRemedy, ApproveRemedy, OfferRemedy, ProposeRemedy
from complaints.chapters.remedies import RemedyBasis, RemedyKind, RemedyState
from complaints.chapters.response import ApproveResponse, DraftResponse, SendResponse
from complaints.chapters.review import (
    ApproveDisputeReply,
    AssignReviewer,
    DecideDispute,
    DraftDisputeReply,
    RecordDisputeInvestigation,
)
from policies.arithmetic.durations import Duration
from policies.pack import Pack
from policies.vocabulary import DeliveryState, Role
from tests.support.living import PACK, Living, ana, ben, cleo, customer, dora, iris, machine
from tests.support.waiting import eventually

BRISK: Pack = PACK.model_copy(
    update={
        "name": "brisk-2025",
        "windows": PACK.windows.model_copy(
            update={
                "dispute": Duration.parse("15 min"),
                "confirm": Duration.parse("5 min"),
                "archive_after": Duration.parse("15 min"),
            }
        ),
    }
)
"""retail-2025 with windows of minutes for days: a life reaches its archive while one watches."""

rosa = Actor(id="usr_rosa", roles=(Role.HANDLER,), supervisor="usr_sven")
"""A reviewer from another team."""
sven = Actor(id="usr_sven", roles=(Role.SUPERVISOR,), supervisor="usr_emil")
carl = Actor(id="usr_carl", roles=(Role.APPROVER,), supervisor="usr_emil")


@dataclass
class Life:
    """One complaint and the hand that leads it; a letter arrives when `arrives` says so."""

    service: Living
    reference: str

    @classmethod
    async def begun(cls, service: Living, pack: Pack = BRISK) -> Life:
        """Received and on record."""
        reference = await service.receive(pack=pack)
        await eventually(lambda: service.record.sequence(reference), what=f"{reference} on record")
        return cls(service, reference)

    async def does(self, actor: Actor, body: Command, order_id: str | None = None) -> None:
        await self.service.do(self.reference, actor, body, order_id)

    async def text(self, words: str) -> TextRef:
        return await self.service.text(self.reference, words)

    async def has(self, event: str, within: float = 30.0) -> None:
        """Waits until an event of this type is in the record."""

        async def there() -> bool:
            return event in await self.service.types(self.reference)

        await eventually(there, within=within, what=f"{event} of {self.reference}")

    async def owned(self) -> None:
        """Ana's, and acknowledged."""
        await self.does(iris, Acknowledge())
        await self.does(ana, TakeOwnership())

    async def decided(self) -> None:
        """Investigated and decided: the customer is right."""
        await self.does(ana, AddIssue(text=await self.text("It broke after a day.")))
        await self.does(ana, RecordFinding(text=await self.text("The seal was broken.")))
        reasons = await self.text("So it was.")
        cause = CauseClass.PROCESS_DEFECT
        await self.does(
            ana, DecideIssue(issue="I1", outcome=IssueOutcome.UPHELD, reasons=reasons, cause=cause)
        )

    async def paid(self) -> None:
        """A refund proposed, approved, offered, accepted, ordered, and settled by the provider."""
        await self.does(
            ana,
            ProposeRemedy(
                kind=RemedyKind.REFUND, basis=RemedyBasis.LIABILITY, amount=Money(minor=29_900, currency="CNY"),
                note=await self.text("The price."),
            ),
        )  # fmt: skip
        await self.does(dora, ApproveRemedy(remedy="R1"))
        await self.does(ana, OfferRemedy(remedy="R1"))
        await self.does(customer, AcceptRemedy(remedy="R1"))
        await self.does(ana, PayRemedy(remedy="R1", payee=await self.text("6222 0000 0000 0000")))

    async def settled(self, within: float = 30.0) -> None:
        """Waits until the provider's word is in the record."""

        async def paid() -> bool:
            case = await self.service.case(self.reference)
            return case.remedies.of("R1").state is RemedyState.PAID

        await eventually(paid, within=within, what=f"the remedy of {self.reference} to be paid")

    async def answered(self) -> None:
        """The final response drafted, approved by somebody else, sent, and arrived."""
        draft = DraftResponse(
            text=await self.text("You are right."),
            next_step=await self.text("We write to the store."),
            outstanding=await self.text("Nothing."),
            remedy_dates=True,
        )
        await self.does(ana, draft)
        await self.does(cleo, ApproveResponse(draft="D1"))
        await self.does(ana, SendResponse())
        await self.arrives("final_response")

    async def arrives(self, kind: LetterKind) -> None:
        """The mail system tells that the latest letter of this kind was taken."""
        letter = (await self.service.case(self.reference)).letters.latest(kind)
        assert letter is not None
        told = ReportDelivery(letter=letter.id, state=DeliveryState.SENT)
        before = await self.service.record.sequence(self.reference)
        await self.service.engine.tell(self.reference, self.service.order(machine, told))

        async def recorded() -> bool:
            return await self.service.record.sequence(self.reference) > before

        await eventually(recorded, what=f"the delivery of {kind} of {self.reference}")

    async def disputed(self) -> None:
        """Contested, reviewed by others, answered again, and concluded."""
        await self.does(customer, RaiseDispute(grounds=await self.text("That is not all.")))
        await self.does(sven, AssignReviewer(reviewer=Person(**rosa.model_dump())))
        await self.does(rosa, RecordDisputeInvestigation(summary=await self.text("There was more.")))
        await self.does(rosa, DecideDispute(outcome="upheld", reasons=await self.text("Indeed.")))
        await self.does(rosa, DraftDisputeReply(text=await self.text("You were right again.")))
        await self.does(carl, ApproveDisputeReply())
        await self.arrives("dispute_outcome")
        await self.does(ana, ConcludeDispute())

    async def closed(self) -> None:
        """Confirmed by the customer, and closed."""
        await self.does(customer, ConfirmOutcome())
        await self.does(ana, CloseComplaint())

    async def learnt_from(self, *, action: bool) -> None:
        """The post-mortem, with an action whose effect is checked where one is asked for."""
        whys = tuple([await self.text(f"Why {n}") for n in range(1, 6)])
        await self.does(ana, RecordWhys(whys=whys))
        text = await self.text("Thin boxes.")
        await self.does(ana, ClassifyCause(cause=CauseClass.PROCESS_DEFECT, text=text))
        if action:
            await self._acted()
        await self.does(ana, FinishPostMortem())

    async def _acted(self) -> None:
        now = self.service.clock.now()
        check_after = now + timedelta(minutes=6)
        add = AddAction(
            kind="preventive", owner=Person(**ben.model_dump()), text=await self.text("Thicker boxes."),
            due=now + timedelta(minutes=5), check_after=check_after,
        )  # fmt: skip
        await self.does(ana, add)
        await self.does(ben, CompleteAction(action="A1", text=await self.text("Ordered.")))
        await eventually(
            lambda: self.service.clock.now() > check_after, within=30.0, what="the time to check the effect"
        )
        effect = await self.text("No cracks since.")
        await self.does(dora, CheckEffectiveness(action="A1", effective=True, text=effect))

    async def archived(self, within: float = 60.0) -> None:
        """Waits until time has archived it."""
        await self.has("Archived", within)


async def plain_life(service: Living) -> Life:
    """From receipt to archive: acknowledged, investigated, decided, answered, learnt from, confirmed, closed.

    Once it is closed nothing is left to do: on a fast clock its archive is seconds away.
    """
    life = await Life.begun(service)
    await life.owned()
    await life.decided()
    await life.answered()
    await life.learnt_from(action=False)
    await life.closed()
    await life.archived()
    return life


async def whole_life(service: Living, *, action: bool = True) -> Life:
    """As `plain_life`, with a remedy paid before the answer and, unless told otherwise, an action checked after it."""
    life = await Life.begun(service)
    await life.owned()
    await life.decided()
    await life.paid()
    await life.settled()
    await life.answered()
    await life.learnt_from(action=action)
    await life.closed()
    await life.archived()
    return life
