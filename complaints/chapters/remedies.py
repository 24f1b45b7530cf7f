"""Remedies: what makes good, where each one stands, and what was promised in all."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from complaints.base import Frozen, Money, Refused, TextRef
from complaints.chapters.payments import Direction, Payment, PaymentDue, PaymentState


class RemedyKind(StrEnum):
    """What makes good (DESIGN, Vocabulary). The first five are sums of money, the others are not."""

    REFUND = "refund"
    LOSS = "loss"
    DISTRESS = "distress"
    INTEREST = "interest"
    STATUTORY_MULTIPLE = "statutory_multiple"
    REPLACEMENT = "replacement"
    UPGRADE = "upgrade"
    APOLOGY = "apology"
    CORRECTION = "correction"


MONEY_KINDS = frozenset(
    {
        RemedyKind.REFUND,
        RemedyKind.LOSS,
        RemedyKind.DISTRESS,
        RemedyKind.INTEREST,
        RemedyKind.STATUTORY_MULTIPLE,
    }
)


class RemedyBasis(StrEnum):
    """Why it is given."""

    LIABILITY = "liability"
    GOODWILL = "goodwill"
    WITHOUT_ADMISSION = "without_admission"


class RemedyState(StrEnum):
    """Where a remedy stands. From `ordered` on it follows from what the payment provider said."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    FULFILLED = "fulfilled"
    ORDERED = "ordered"
    PAYMENT_PENDING = "payment_pending"
    PAYMENT_UNKNOWN = "payment_unknown"
    PAYMENT_REFUSED = "payment_refused"
    PAID = "paid"
    REVERSAL_ORDERED = "reversal_ordered"
    REVERSAL_PENDING = "reversal_pending"
    REVERSAL_UNKNOWN = "reversal_unknown"
    REVERSAL_REFUSED = "reversal_refused"
    REVERSED = "reversed"


_DEAD = (
    RemedyState.REJECTED, RemedyState.REFUSED, RemedyState.LAPSED, RemedyState.WITHDRAWN,
    RemedyState.REVERSED,
)  # fmt: skip
_KEPT = (RemedyState.PAID, RemedyState.REVERSAL_REFUSED, RemedyState.FULFILLED)
_IN_FLIGHT_STATES: dict[tuple[Direction, PaymentState], RemedyState] = {
    ("pay", PaymentState.ORDERED): RemedyState.ORDERED,
    ("pay", PaymentState.PENDING): RemedyState.PAYMENT_PENDING,
    ("pay", PaymentState.UNKNOWN): RemedyState.PAYMENT_UNKNOWN,
    ("reverse", PaymentState.ORDERED): RemedyState.REVERSAL_ORDERED,
    ("reverse", PaymentState.PENDING): RemedyState.REVERSAL_PENDING,
    ("reverse", PaymentState.UNKNOWN): RemedyState.REVERSAL_UNKNOWN,
}


class Remedy(Frozen):
    """One remedy. `id` is R1, R2 …; `amount` is set for sums of money alone; `due_by` is when
    the customer is to have it; `stage` is what people decided, `state` where it stands, money included.
    """

    id: str
    kind: RemedyKind
    basis: RemedyBasis
    amount: Money | None
    note: TextRef
    issue: str | None
    due_by: AwareDatetime | None = None
    stage: RemedyState = RemedyState.PROPOSED
    proposed_by: str
    proposed_at: AwareDatetime
    approvals: tuple[str, ...] = ()
    offered_at: AwareDatetime | None = None
    lapses_at: AwareDatetime | None = None
    payments: tuple[Payment, ...] = ()

    @property
    def in_flight(self) -> Payment | None:
        """The order of which nobody knows yet whether it moved money."""
        return next((payment for payment in self.payments if payment.in_flight), None)

    @property
    def times_paid(self) -> int:
        """How often the sum was paid and not taken back; 2 where a refused payment settled late after all."""
        return sum(
            1 if payment.direction == "pay" else -1
            for payment in self.payments
            if payment.state is PaymentState.SETTLED
        )

    @property
    def state(self) -> RemedyState:
        flying = self.in_flight
        if flying is not None:
            return _IN_FLIGHT_STATES[flying.direction, flying.state]
        if not self.payments:
            return self.stage
        last = self.payments[-1]
        if self.times_paid > 0:
            back = last.direction == "reverse" and last.state is PaymentState.REFUSED
            return RemedyState.REVERSAL_REFUSED if back else RemedyState.PAID
        if any(payment.state is PaymentState.SETTLED for payment in self.payments):
            return RemedyState.REVERSED
        return RemedyState.WITHDRAWN if self.stage is RemedyState.WITHDRAWN else RemedyState.PAYMENT_REFUSED

    @property
    def live(self) -> bool:
        """Neither given up nor taken back: it counts towards what was promised."""
        return self.state not in _DEAD

    @property
    def owed(self) -> bool:
        """Promised to the customer, who accepted it, and not made good yet, or paid once too often."""
        settled = self.state in _KEPT or self.state in _DEAD
        return self.times_paid > 1 or (self.stage is RemedyState.ACCEPTED and not settled)

    @property
    def words(self) -> str:
        """The state as a sentence says it."""
        return self.state.replace("_", " ")

    def payment(self, direction: Direction, attempt: int) -> Payment | None:
        return next((p for p in self.payments if (p.direction, p.attempt) == (direction, attempt)), None)

    def to_take_back(self) -> Payment | None:
        """The last payment that settled and was not taken back."""
        settled = [payment for payment in self.payments if payment.state is PaymentState.SETTLED]
        back = {payment.reverses for payment in settled}
        return next((p for p in reversed(settled) if p.direction == "pay" and p.key not in back), None)

    def attempts(self, direction: Direction) -> int:
        return sum(payment.direction == direction for payment in self.payments)


class Remedies(Frozen):
    """All remedies of a complaint, in the order they were proposed. They stay through a reopening."""

    items: tuple[Remedy, ...] = ()

    def find(self, remedy: str) -> Remedy | None:
        return next((item for item in self.items if item.id == remedy), None)

    def of(self, remedy: str) -> Remedy:
        """The remedy of this id. Raises Refused."""
        found = self.find(remedy)
        if found is None:
            known = ", ".join(item.id for item in self.items) or "none yet; propose one"
            raise Refused("no_remedy", f"This complaint has no remedy {remedy}; its remedies are: {known}.")
        return found

    def replaced(self, changed: Remedy) -> Remedies:
        return Remedies(items=tuple(changed if item.id == changed.id else item for item in self.items))

    def payments_in_flight(self) -> tuple[PaymentDue, ...]:
        """Every order of which nobody knows yet whether it moved money; the provider is asked for each."""
        return tuple(
            PaymentDue(
                remedy=item.id,
                attempt=payment.attempt,
                direction=payment.direction,
                key=payment.key,
                amount=item.amount,
                payee=payment.payee,
                reverses=payment.reverses,
            )
            for item in self.items
            for payment in item.payments
            if payment.in_flight and item.amount is not None
        )

    def owed(self) -> tuple[Remedy, ...]:
        """What the customer accepted and has not got yet; also what was paid once too often."""
        return tuple(item for item in self.items if item.owed)

    def undecided(self) -> tuple[Remedy, ...]:
        """What waits for an approval."""
        return tuple(item for item in self.items if item.state is RemedyState.PROPOSED)

    def open_offers(self) -> tuple[Remedy, ...]:
        """What the customer may still accept."""
        return tuple(item for item in self.items if item.state is RemedyState.OFFERED)

    def promised_minor(self, currency: str, besides: str) -> int:
        """The sum, in minor units, of the other live remedies in this currency that somebody approved."""
        return sum(
            item.amount.minor
            for item in self.items
            if item.id != besides
            and item.approvals
            and item.live
            and item.amount is not None
            and item.amount.currency == currency
        )
