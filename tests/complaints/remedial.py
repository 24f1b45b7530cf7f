"""Remedies brought as far as a test needs them, and what the payment provider may say of them."""

from __future__ import annotations

from complaints.base import Actor, Money
from complaints.chapters.payments import (
    Direction,
    PaymentState,
    PayRemedy,
    ReportPayment,
    ReverseRemedy,
)
from complaints.chapters.redress import (
    AcceptRemedy,
    ApproveRemedy,
    OfferRemedy,
    ProposeRemedy,
)
from complaints.chapters.remedies import RemedyBasis, RemedyKind, RemedyState
from tests.complaints.support import (
    Story,
    ana,
    customer,
    dora,
    text,
)

PAY = PayRemedy(remedy="R1", payee=text("account 1"))
REVERSE = ReverseRemedy(remedy="R1", reason=text("Paid to the wrong person."))
SETTLED, PENDING = PaymentState.SETTLED, PaymentState.PENDING
UNKNOWN, REFUSED = PaymentState.UNKNOWN, PaymentState.REFUSED


def refund(minor: int, currency: str = "CNY") -> ProposeRemedy:
    return ProposeRemedy(
        kind=RemedyKind.REFUND,
        basis=RemedyBasis.LIABILITY,
        amount=Money(minor=minor, currency=currency),
        note=text("Their money back."),
    )


def kind(of: RemedyKind) -> ProposeRemedy:
    return ProposeRemedy(kind=of, basis=RemedyBasis.GOODWILL, note=text("For the trouble."))


def report(
    outcome: PaymentState, attempt: int = 1, direction: Direction = "pay", remedy: str = "R1"
) -> ReportPayment:
    return ReportPayment.model_validate(
        {"remedy": remedy, "attempt": attempt, "direction": direction, "outcome": outcome}
    )


def approve(story: Story, *by: Actor, remedy: str = "R1") -> None:
    for actor in by:
        story.do(actor, ApproveRemedy(remedy=remedy))


def offered(remedy: ProposeRemedy | None = None) -> Story:
    story = Story.owned()
    story.do(ana, remedy or refund(30_000))
    approve(story, dora)
    story.do(ana, OfferRemedy(remedy="R1"))
    return story


def ordered() -> Story:
    story = offered()
    story.do(customer, AcceptRemedy(remedy="R1"))
    story.do(ana, PAY)
    return story


def state(story: Story, remedy: str = "R1") -> RemedyState:
    return story.case.remedies.of(remedy).state
