"""Payments: money for a remedy is ordered under a key, and paid or reversed when the provider says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Money, Refused, TextRef
from complaints.people.standing import APPROVING, fresh_eyes, texts_remain
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case
    from complaints.chapters.redress import Remedy

Direction = Literal["pay", "reverse"]
ProviderReference = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")]


class PaymentState(StrEnum):
    """How far one order to the provider has come. Only the provider says; `unknown` is not `refused`."""

    ORDERED = "ordered"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SETTLED = "settled"
    REFUSED = "refused"


_IN_FLIGHT = (PaymentState.ORDERED, PaymentState.PENDING, PaymentState.UNKNOWN)


class Payment(Frozen):
    """One order to the provider. `attempt` counts from 1 in each direction; `key` is its idempotency key.

    `reverses` is the key of the payment that a reversal takes back.
    """

    direction: Direction
    attempt: int
    key: str
    payee: TextRef
    ordered_by: str
    ordered_at: AwareDatetime
    reverses: str | None = None
    state: PaymentState = PaymentState.ORDERED
    provider_reference: str | None = None

    @property
    def in_flight(self) -> bool:
        """Nobody knows yet whether money has moved."""
        return self.state in _IN_FLIGHT


class PaymentDue(Frozen):
    """What the provider has to be asked for, under the same `key` however often it is asked.

    `reverses` is the key of the payment that a reversal takes back.
    """

    remedy: str
    attempt: int
    direction: Direction
    key: str
    amount: Money
    payee: TextRef
    reverses: str | None = None


# Events -------------------------------------------------------------------------------------------


class _Ordered(Event):
    direction: ClassVar[Direction]

    remedy: str
    attempt: int
    key: str
    amount: Money
    payee: TextRef

    def payment(self, told: Happening) -> Payment:
        return Payment(
            direction=self.direction,
            attempt=self.attempt,
            key=self.key,
            payee=self.payee,
            ordered_by=told.actor,
            ordered_at=told.occurred_at,
        )

    def evolve(self, case: Case, told: Happening) -> Case:
        payment = self.payment(told)
        return _payments_changed(case, self.remedy, lambda payments: (*payments, payment))


class PaymentOrdered(_Ordered):
    """The provider is to pay; until it says so, nothing is paid."""

    direction: ClassVar[Direction] = "pay"


class PaymentReversalOrdered(_Ordered):
    """The provider is to take a payment back; until it says so, it is paid."""

    direction: ClassVar[Direction] = "reverse"

    reverses: str
    reason: TextRef

    def payment(self, told: Happening) -> Payment:
        return super().payment(told).model_copy(update={"reverses": self.reverses})


class PaymentMoved(Event):
    """The provider told how far an order has come."""

    hand: ClassVar[bool] = False

    remedy: str
    direction: Direction
    attempt: int
    state: PaymentState
    provider_reference: str | None = None

    def evolve(self, case: Case, told: Happening) -> Case:
        def moved(payment: Payment) -> Payment:
            if (payment.direction, payment.attempt) != (self.direction, self.attempt):
                return payment
            reference = self.provider_reference or payment.provider_reference
            return payment.model_copy(update={"state": self.state, "provider_reference": reference})

        return _payments_changed(case, self.remedy, lambda payments: tuple(map(moved, payments)))


def _payments_changed(
    case: Case, remedy: str, change: Callable[[tuple[Payment, ...]], tuple[Payment, ...]]
) -> Case:
    found = case.remedies.find(remedy)
    if found is None:
        return case
    changed = found.model_copy(update={"payments": change(found.payments)})
    return case.changed(remedies=case.remedies.replaced(changed))


# Commands -----------------------------------------------------------------------------------------


def not_in_flight(remedy: Remedy) -> None:
    """Refuse while nobody knows whether money has moved for this remedy. Raises Refused."""
    if remedy.in_flight is not None:
        raise Refused(
            "payment_in_flight",
            f"It is not known yet whether the money for {remedy.id} has moved; wait for the provider's word.",
        )


def _key(case: Case, remedy: Remedy, direction: Direction, attempt: int) -> str:
    return f"{case.reference}/{remedy.id}/{direction}/{attempt}"


def _pay(case: Case, remedy: Remedy, payee: TextRef) -> PaymentOrdered:
    if remedy.amount is None:
        raise Refused("no_money", f"{remedy.id} is no sum of money; fulfil it instead.")
    attempt = remedy.attempts("pay") + 1
    key = _key(case, remedy, "pay", attempt)
    return PaymentOrdered(remedy=remedy.id, attempt=attempt, key=key, amount=remedy.amount, payee=payee)


class PayRemedy(Command):
    """Order the payment of an accepted remedy; `payee` says to whom and to which account."""

    title: ClassVar[str] = "Pay a remedy"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    remedy: str
    payee: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)
        if not any(item.state == "accepted" and item.amount for item in case.remedies.items):
            raise Refused("nothing_to_pay", "No sum of money that the customer accepted is left to pay.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.remedies.of(self.remedy)
        not_in_flight(found)
        if found.state == "payment_refused":
            raise Refused("payment_refused", f"The payment of {found.id} was refused; retry it.")
        if found.state == "paid":
            raise Refused("already_done", f"{found.id} is paid already.")
        if found.state != "accepted":
            raise Refused(
                "not_accepted", f"{found.id} is {found.words}; only what the customer accepted is paid."
            )
        yield _pay(case, found, self.payee)


class RetryPayment(Command):
    """Order a refused payment again; give `payee` where the account was wrong."""

    title: ClassVar[str] = "Retry a payment"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    remedy: str
    payee: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)
        if not any(item.in_flight or item.state == "payment_refused" for item in case.remedies.items):
            raise Refused("nothing_to_retry", "No payment of this complaint was refused.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.remedies.of(self.remedy)
        not_in_flight(found)
        if found.state != "payment_refused":
            raise Refused(
                "nothing_to_retry", f"{found.id} is {found.words}; only a refused payment is retried."
            )
        yield _pay(case, found, self.payee or found.payments[-1].payee)


class ReverseRemedy(Command):
    """Take a payment back that should not have been made; someone else than who ordered it."""

    title: ClassVar[str] = "Reverse a payment"
    who: ClassVar[frozenset[Role]] = APPROVING
    when_ended: ClassVar[bool] = True

    remedy: str
    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)
        if not any(item.in_flight or item.to_take_back() for item in case.remedies.items):
            raise Refused("not_paid", "Nothing was paid in this complaint.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.remedies.of(self.remedy)
        not_in_flight(found)
        payment = found.to_take_back()
        if payment is None or found.amount is None:
            raise Refused("not_paid", f"{found.id} is {found.words}; only what is paid can be reversed.")
        fresh_eyes(case, ctx.actor, [payment.ordered_by], "ordered this payment")
        attempt = found.attempts("reverse") + 1
        yield PaymentReversalOrdered(
            remedy=found.id,
            attempt=attempt,
            key=_key(case, found, "reverse", attempt),
            amount=found.amount,
            payee=payment.payee,
            reverses=payment.key,
            reason=self.reason,
        )


class ReportPayment(Command):
    """The payment provider tells how far an order has come."""

    title: ClassVar[str] = "Report a payment"
    who: ClassVar[frozenset[Role]] = frozenset({Role.ADMINISTRATOR})
    fact: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    remedy: str
    attempt: int
    direction: Direction = "pay"
    outcome: Literal[PaymentState.SETTLED, PaymentState.PENDING, PaymentState.UNKNOWN, PaymentState.REFUSED]
    provider_reference: ProviderReference | None = None

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.remedies.find(self.remedy)
        payment = found.payment(self.direction, self.attempt) if found else None
        if payment is None or payment.state == self.outcome or payment.state is PaymentState.SETTLED:
            return  # told twice, or told late: nothing new
        if payment.state is PaymentState.REFUSED and self.outcome is not PaymentState.SETTLED:
            return
        # Settled after refused is no stale news: the money has moved after all.
        yield PaymentMoved(
            remedy=self.remedy,
            direction=self.direction,
            attempt=self.attempt,
            state=self.outcome,
            provider_reference=self.provider_reference,
        )
