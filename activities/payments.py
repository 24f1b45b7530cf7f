"""Paying: the port to the provider, and the activities that submit a payment and ask what became of it."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import quote

import httpx
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError

from complaints.chapters.payments import PaymentState
from ledger.texts import ERASED, Erased, TextDamaged, Texts
from runtime.settings import Settings
from workflows.payment import ASK, KEY_REUSED, SUBMIT, PaymentAsk, PaymentOrder, PaymentReport

DESCRIPTION = "Remedy for a complaint"
"""What the payee reads on the statement: nothing of the case, whose reference only the key carries."""

ANSWERS_WITHIN = httpx.Timeout(5.0, connect=2.0)
"""Seconds; well below what the workflow allows the quick activity."""

_NOTHING_DONE = frozenset({401, 403, 429, 503})
"""Answers by which the provider says that it has not begun: to be tried again, also after a new token."""
_DATABASE = (SQLAlchemyError, OSError, TimeoutError)


class PaymentsAway(Exception):  # noqa: N818 - a state of the provider, met as an exception
    """The provider was not reached or would not begin: certainly nothing was paid by this attempt."""


class PaymentUncertain(Exception):  # noqa: N818 - as above
    """The provider was asked and gave no usable answer: it may have paid."""


class PaymentKeyReused(Exception):  # noqa: N818 - as above
    """The provider knows the key with other content."""


class Payments(Protocol):
    """The port to whoever moves the money. The order's key is the idempotency key of every attempt."""

    async def pay(self, order: PaymentOrder, payee: str) -> PaymentReport:
        """Pay. Raises PaymentsAway, PaymentUncertain, PaymentKeyReused."""
        ...

    async def reverse(self, order: PaymentOrder, reverses: str) -> PaymentReport:
        """Take back the payment that was made with the key `reverses`. Raises as `pay`."""
        ...

    async def ask(self, key: str) -> PaymentReport | None:
        """What became of the payment or reversal with this key; None where the provider never had it.

        Raises PaymentsAway, PaymentUncertain.
        """
        ...

    async def aclose(self) -> None:
        """Give back what it holds."""
        ...


class NullPayments:
    """No provider is configured (REDRESS_PAYMENTS_URL): every order is refused, and nobody waits."""

    async def pay(self, order: PaymentOrder, payee: str) -> PaymentReport:
        activity.logger.warning("no payments provider is configured: set REDRESS_PAYMENTS_URL")
        return PaymentReport(outcome=PaymentState.REFUSED)

    async def reverse(self, order: PaymentOrder, reverses: str) -> PaymentReport:
        return await self.pay(order, "")

    async def ask(self, key: str) -> PaymentReport | None:
        # An order from when there was a provider may have been carried out: its end stays unknown.
        raise PaymentsAway("no payments provider is configured: set REDRESS_PAYMENTS_URL")

    async def aclose(self) -> None:
        return


class _Answer(BaseModel):
    """The provider's JSON; what else it says does not matter here."""

    id: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,100}$")
    state: str = Field(pattern="^(settled|pending|refused)$")

    def report(self) -> PaymentReport:
        return PaymentReport.model_validate({"outcome": self.state, "provider_reference": self.id})


class HttpPayments:
    """The provider over HTTP: POST /payments, GET /payments/by-key/KEY, POST /payments/ID/reversal."""

    def __init__(self, url: str, token: str | None, timeout: httpx.Timeout = ANSWERS_WITHIN) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout)

    async def pay(self, order: PaymentOrder, payee: str) -> PaymentReport:
        return await self._post(
            "/payments",
            {
                "key": order.key,
                "amount_minor": order.amount.minor,
                "currency": order.amount.currency,
                "payee": payee,
                "description": DESCRIPTION,
            },
        )

    async def reverse(self, order: PaymentOrder, reverses: str) -> PaymentReport:
        original = await self.ask(reverses)
        if original is None or original.provider_reference is None:
            return PaymentReport(outcome=PaymentState.REFUSED)  # there is nothing to take back
        return await self._post(f"/payments/{original.provider_reference}/reversal", {"key": order.key})

    async def ask(self, key: str) -> PaymentReport | None:
        answer = await self._send("GET", f"/payments/by-key/{quote(key, safe='')}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise PaymentUncertain(f"the provider answered {answer.status_code}")
        return _read(answer)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _post(self, path: str, content: dict[str, Any]) -> PaymentReport:
        answer = await self._send("POST", path, json=content)
        if answer.status_code == httpx.codes.CONFLICT:
            raise PaymentKeyReused
        if answer.is_client_error:
            return PaymentReport(outcome=PaymentState.REFUSED)
        if not answer.is_success:
            raise PaymentUncertain(f"the provider answered {answer.status_code}")
        return _read(answer)

    async def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """One request; failures are sorted by whether the provider can have begun, and told in our words."""
        try:
            answer = await self._client.request(method, path, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol):
            raise PaymentsAway("the provider could not be reached") from None
        except httpx.HTTPError as error:
            raise PaymentUncertain(f"no answer: {type(error).__name__}") from None
        if answer.status_code in _NOTHING_DONE:
            raise PaymentsAway(f"the provider answered {answer.status_code}")
        return answer


def _read(answer: httpx.Response) -> PaymentReport:
    try:
        return _Answer.model_validate_json(answer.content).report()
    except ValidationError:
        raise PaymentUncertain("the provider's answer can not be read") from None


def make_payments(settings: Settings) -> Payments:
    """The provider that the settings name, or its Null twin where they name none."""
    if settings.payments_url is None:
        return NullPayments()
    token = settings.payments_token
    return HttpPayments(settings.payments_url, None if token is None else token.get_secret_value())


class PaymentActivities:
    """The activities of a payment. The payee is decrypted here, and goes nowhere but to the provider."""

    def __init__(self, payments: Payments, texts: Texts, engine: AsyncEngine) -> None:
        self._payments = payments
        self._texts = texts
        self._engine = engine

    @activity.defn(name=SUBMIT)
    async def submit_payment(self, order: PaymentOrder) -> PaymentReport:
        """The provider's answer to the order; `unknown` where it may or may not have taken it.

        Raises a retryable ApplicationError (`PaymentsAway`, `DatabaseAway`) where certainly nothing was
        paid by this attempt, and a final one (`PaymentKeyReused`) where the key stands for something else.
        """
        try:
            return await self._submit(order)
        except PaymentUncertain:
            return PaymentReport(outcome=PaymentState.UNKNOWN)
        except PaymentsAway as away:
            raise ApplicationError(str(away), type="PaymentsAway") from None

    @activity.defn(name=ASK)
    async def ask_payment(self, ask: PaymentAsk) -> PaymentReport:
        """What became of the order, once that is no longer what was `told`.

        Until then it raises a retryable ApplicationError (`NothingNew`, `PaymentsAway`, `DatabaseAway`):
        Temporal's retries are the polling. An order that the provider never had is submitted again,
        which its key makes safe.
        """
        try:
            report = await self._payments.ask(ask.order.key)
            if report is None:
                report = await self._submit(ask.order)
        except (PaymentsAway, PaymentUncertain) as away:
            raise ApplicationError(str(away), type="PaymentsAway") from None
        if report.outcome == ask.told.outcome:
            raise ApplicationError(f"the payment is {report.outcome} still", type="NothingNew")
        return report

    async def _submit(self, order: PaymentOrder) -> PaymentReport:
        try:
            if order.direction == "reverse":
                if order.reverses is None:
                    return PaymentReport(outcome=PaymentState.REFUSED)
                return await self._payments.reverse(order, order.reverses)
            payee = await self._payee(order)
            if isinstance(payee, Erased):
                return PaymentReport(outcome=PaymentState.REFUSED)  # nobody knows any more whom to pay
            return await self._payments.pay(order, payee)
        except PaymentKeyReused:
            raise ApplicationError(
                "the provider knows this key with other content", type=KEY_REUSED, non_retryable=True
            ) from None

    async def _payee(self, order: PaymentOrder) -> str | Erased:
        """Whom to pay; ERASED also where the text is not there at all."""
        try:
            async with self._engine.connect() as connection:
                found = await self._texts.get(connection, [order.payee.id])
        except _DATABASE as error:
            kind = type(error).__name__
            raise ApplicationError(f"the payee could not be read: {kind}", type="DatabaseAway") from None
        except TextDamaged:  # perhaps this process has another master key: try again once it is put right
            raise ApplicationError("the payee does not decrypt", type="PayeeUnreadable") from None
        return found.get(order.payee.id, ERASED)
