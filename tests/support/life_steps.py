"""Steps that lives of complaints have in common, whoever plays them (hands.py), and what they happen to."""

from __future__ import annotations

from collections.abc import Mapping

from complaints.base import Actor
from complaints.chapters.intake import (
    PartyDetails,
    ReceiveComplaint,
)
from complaints.chapters.investigation import (
    RecordFinding,
)
from complaints.chapters.issues import AddIssue, CauseClass, DecideIssue, IssueOutcome
from complaints.chapters.letters import LetterKind, ReportDelivery
from complaints.chapters.ownership import (
    TakeOwnership,
)
from complaints.chapters.response import ApproveResponse, DraftResponse, SendResponse
from complaints.chapters.triage import Triage
from complaints.references import reference, systemic_reference
from policies.loading import packs_available, publish, read_pack
from policies.pack import Pack
from policies.vocabulary import Channel, DeliveryState, Kind, Role, Severity, Tier
from tests.complaints.support import ana, cleo
from tests.support.hands import Hand

COMING: Mapping[str, Pack] = {pack.name: pack for pack in map(publish, map(read_pack, packs_available()))}
"""The packs that come with the service, by name, as complaints are pinned to them."""

sven = Actor(id="sven", roles=(Role.SUPERVISOR,), supervisor="emil")
"""Rosa's supervisor."""

ELSEWHERE, ANOTHER = reference(7), reference(8)
SYSTEMIC = systemic_reference(7)


async def received(hand: Hand, pack: str, *, days_ago: int = 0) -> None:
    """A customer's mail, under the pack of this name."""
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


def triage(severity: Severity = Severity.REGULAR) -> Triage:
    """A complaint of an ordinary customer."""
    return Triage(kind=Kind.COMPLAINT, severity=severity, tier=Tier.STANDARD)


async def arrives(hand: Hand, kind: LetterKind, state: DeliveryState = DeliveryState.DELIVERED) -> None:
    """The latest letter of this kind has come so far."""
    letter = (await hand.case()).letters.latest(kind)
    assert letter is not None
    await hand.hears(ReportDelivery.model_validate({"letter": letter.id, "state": state}))


async def decided(hand: Hand) -> None:
    """Owned by Ana, investigated, and upheld."""
    await hand.does(ana, TakeOwnership())
    await hand.does(ana, AddIssue(text=await hand.text("The kettle leaks.")))
    await hand.does(ana, RecordFinding(issue="I1", text=await hand.text("The seal was broken.")))
    reasons = await hand.text("So it was.")
    cause = CauseClass.PROCESS_DEFECT
    await hand.does(ana, DecideIssue(issue="I1", outcome=IssueOutcome.UPHELD, reasons=reasons, cause=cause))


async def sent(hand: Hand) -> None:
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


async def answered(hand: Hand) -> None:
    """The answer went out, and is with the customer."""
    await decided(hand)
    await sent(hand)
    await arrives(hand, "final_response", DeliveryState.SENT)
    await arrives(hand, "final_response")
