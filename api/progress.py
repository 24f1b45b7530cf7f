"""How a complaint stands, for the person who made it: five plain steps, the next news, the letters."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from complaints.base import Frozen
from complaints.case import Case
from complaints.chapters.conversation import next_news, towards_customer
from complaints.chapters.letters import LetterKind
from complaints.phases import Phase, phase
from policies.pack import Pack
from policies.vocabulary import DeliveryState, Fact

Step = Literal["received", "investigating", "deciding", "answered", "closed"]
STEPS: tuple[Step, ...] = ("received", "investigating", "deciding", "answered", "closed")

_STEP_OF: dict[Phase, Step] = {
    Phase.RECEIVED: "received",
    Phase.ACKNOWLEDGED: "received",
    Phase.INVESTIGATING: "investigating",
    Phase.DISPUTED: "investigating",
    Phase.RESOLVING: "deciding",
    Phase.RESPONDED: "answered",
    Phase.AWAITING_CUSTOMER: "answered",
}


class LetterSent(Frozen):
    """A letter to the customer and how far it has come."""

    id: str
    kind: LetterKind
    state: DeliveryState
    queued_at: AwareDatetime


class Progress(Frozen):
    """What the customer is told. It holds no text of anybody's."""

    reference: str
    step: Step = Field(
        description="Where it stands, of: received, investigating, deciding, answered, closed."
    )
    phase: Phase
    received_at: AwareDatetime
    next_news_by: AwareDatetime | None = Field(description="When the next deadline towards the customer is.")
    overdue: bool = Field(description="A deadline has passed: the outside body may be turned to.")
    waiting_for_you: bool = Field(description="We wait for something from the customer.")
    letters: tuple[LetterSent, ...]
    outside_body: dict[str, str] = Field(description="Its name, by language.")
    outside_contact: str


def progress(pack: Pack, case: Case) -> Progress:
    """How this complaint stands."""
    stands = phase(case)
    for_customer = [name for name, why in pack.pause_reasons.items() if Fact.CUSTOMER_WROTE in why.ends_on]
    return Progress(
        reference=case.reference,
        step=_STEP_OF.get(stands, "closed"),
        phase=stands,
        received_at=case.received_at,
        next_news_by=next_news(pack, case),
        overdue=any(run.breached_at is not None for run in towards_customer(pack, case)),
        waiting_for_you=any(
            pause.to is None and pause.reason in for_customer for pause in case.clocks.pauses
        ),
        letters=tuple(
            LetterSent(id=letter.id, kind=letter.kind, state=letter.state, queued_at=letter.queued_at)
            for letter in case.letters.sent
        ),
        outside_body=pack.outside_body.name,
        outside_contact=pack.outside_body.contact,
    )
