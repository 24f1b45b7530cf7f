"""The payments port and its activities, against the real payment service and a real database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.payments import (
    HttpPayments,
    NullPayments,
    PaymentActivities,
    PaymentKeyReused,
    Payments,
    PaymentsAway,
    PaymentUncertain,
    make_payments,
)
from complaints.base import Money, TextRef
from complaints.chapters.payments import PaymentState
from ledger.database import create_engine
from ledger.texts import Texts, destroy_key
from runtime.ports import free_port
from runtime.settings import Settings
from tests.support.payments import TOKEN, PaymentDesk, payment_desk
from tests.support.waiting import PATIENCE
from workflows.payment import PaymentAsk, PaymentOrder, PaymentReport

REFERENCE = "7K2M-9QF3-XA5C"
KEY = f"{REFERENCE}/R1/pay/1"
PAYEE = "Erika Mustermann, DE02 1203 0000 0000 2020 51"


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaymentDesk]:
    async with payment_desk(tmp_path_factory.mktemp("payments")) as desk:
        yield desk


@pytest.fixture
async def desk(running: PaymentDesk) -> PaymentDesk:
    await running.clear()
    return running


@pytest.fixture
async def provider(desk: PaymentDesk) -> AsyncIterator[HttpPayments]:
    """Asked by somebody who waits for the answer of a busy machine."""
    payments = HttpPayments(desk.url, TOKEN, httpx.Timeout(PATIENCE))
    yield payments
    await payments.aclose()


@pytest.fixture
async def hurried(desk: PaymentDesk) -> AsyncIterator[HttpPayments]:
    """Asked by somebody who soon gives up: for what is never answered."""
    payments = HttpPayments(desk.url, TOKEN, httpx.Timeout(0.5))
    yield payments
    await payments.aclose()


def order(payee: str = "T1", key: str = KEY, reverses: str | None = None) -> PaymentOrder:
    return PaymentOrder(
        reference=REFERENCE,
        direction="pay" if reverses is None else "reverse",
        key=key,
        amount=Money(minor=2500, currency="EUR"),
        payee=TextRef(id=payee, digest="0" * 64),
        reverses=reverses,
    )


# The port -----------------------------------------------------------------------------------------


async def test_a_payment_reaches_the_provider_with_its_key_and_nothing_of_the_case(
    provider: HttpPayments, desk: PaymentDesk
) -> None:
    report = await provider.pay(order(), PAYEE)
    (made,) = await desk.payments()
    assert report == PaymentReport(outcome=PaymentState.SETTLED, provider_reference=made["id"])
    assert (made["key"], made["amount_minor"], made["currency"]) == (KEY, 2500, "EUR")
    assert (made["payee"], made["description"]) == (PAYEE, "Remedy for a complaint")
    assert await provider.ask(KEY) == report


async def test_a_key_the_provider_never_had_is_not_unknown_but_absent(provider: HttpPayments) -> None:
    assert await provider.ask(KEY) is None


@pytest.mark.parametrize(
    ("payee", "outcome"), [("demo:refuse", PaymentState.REFUSED), ("demo:late:600", PaymentState.PENDING)]
)
async def test_the_providers_word_is_reported(
    provider: HttpPayments, payee: str, outcome: PaymentState
) -> None:
    assert (await provider.pay(order(), payee)).outcome is outcome


@pytest.mark.parametrize("payee", ["demo:timeout", "demo:hang", "demo:fail-once"])
async def test_what_may_have_been_paid_is_uncertain(hurried: HttpPayments, payee: str) -> None:
    with pytest.raises(PaymentUncertain):
        await hurried.pay(order(), payee)


async def test_what_the_provider_did_not_begin_is_certain(provider: HttpPayments, desk: PaymentDesk) -> None:
    with pytest.raises(PaymentsAway):
        await provider.pay(order(), "demo:away")
    for url, token in ((f"http://127.0.0.1:{free_port()}", TOKEN), (desk.url, "wrong"), (desk.url, None)):
        elsewhere = HttpPayments(url, token, httpx.Timeout(PATIENCE))
        with pytest.raises(PaymentsAway):
            await elsewhere.pay(order(), PAYEE)
        await elsewhere.aclose()
    assert await desk.payments() == []


async def test_a_key_with_other_content_is_not_taken_for_a_refusal(provider: HttpPayments) -> None:
    await provider.pay(order(), PAYEE)
    with pytest.raises(PaymentKeyReused):
        await provider.pay(order(), "somebody else")


async def test_a_malformed_order_is_refused(provider: HttpPayments) -> None:
    assert (await provider.pay(order(), "")).outcome is PaymentState.REFUSED


async def test_a_reversal_takes_back_what_was_paid(provider: HttpPayments, desk: PaymentDesk) -> None:
    paid = await provider.pay(order(), PAYEE)
    back = order(key=f"{REFERENCE}/R1/reverse/1", reverses=KEY)
    report = await provider.reverse(back, KEY)
    assert report.outcome is PaymentState.SETTLED
    assert [p["reverses"] for p in await desk.payments()] == [None, paid.provider_reference]
    assert await provider.reverse(back, KEY) == report


async def test_there_is_nothing_to_take_back_of_what_was_never_paid(provider: HttpPayments) -> None:
    assert (await provider.reverse(order(reverses=KEY), KEY)).outcome is PaymentState.REFUSED


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b'HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n{"id": "a b", "state": "settled"}',
        b'HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{"id":"p1","state":"maybe"}',
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
        b"",
        b"what?\r\n\r\n",
    ],
)
async def test_an_answer_that_can_not_be_read_leaves_the_payment_unknown(answer: bytes) -> None:
    async with _answering(answer) as url:
        payments = HttpPayments(url, TOKEN, httpx.Timeout(PATIENCE))
        with pytest.raises(PaymentUncertain):
            await payments.pay(order(), PAYEE)
        await payments.aclose()


def test_without_a_configured_provider_there_is_the_null_twin(settings: Settings) -> None:
    assert isinstance(make_payments(settings), NullPayments)
    configured = settings.model_copy(update={"payments_url": "http://127.0.0.1:1"})
    assert isinstance(make_payments(configured), HttpPayments)


# The activities -------------------------------------------------------------------------------------

Paying = Callable[[Payments], PaymentActivities]


@pytest.fixture
async def paying(database: str) -> AsyncIterator[Paying]:
    """The activities over a database that holds the payee under T1, and an erased one under T2."""
    engine = create_engine(database)
    texts = Texts(b"k" * 32)
    async with engine.begin() as connection:
        await texts.put(connection, REFERENCE, {"T1": PAYEE})
        await texts.put(connection, "gone", {"T2": PAYEE})
        await destroy_key(connection, "gone")
    yield lambda payments: PaymentActivities(payments, texts, engine)
    await engine.dispose()


async def submit(activities: PaymentActivities, asked: PaymentOrder) -> PaymentReport:
    report: PaymentReport = await ActivityEnvironment().run(activities.submit_payment, asked)
    return report


async def news(activities: PaymentActivities, asked: PaymentOrder, told: PaymentState) -> PaymentReport:
    known = PaymentReport.model_validate({"outcome": told})
    ask = PaymentAsk(order=asked, told=known)
    report: PaymentReport = await ActivityEnvironment().run(activities.ask_payment, ask)
    return report


async def fails(call: Awaitable[PaymentReport]) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await call
    assert PAYEE not in repr(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


async def test_the_payee_is_decrypted_for_the_provider_alone(
    paying: Paying, provider: HttpPayments, desk: PaymentDesk
) -> None:
    report = await submit(paying(provider), order())
    assert report.outcome is PaymentState.SETTLED
    assert [made["payee"] for made in await desk.payments()] == [PAYEE]
    assert PAYEE not in report.model_dump_json()


async def test_submitting_twice_pays_once(paying: Paying, provider: HttpPayments, desk: PaymentDesk) -> None:
    first, second = [await submit(paying(provider), order()) for _ in range(2)]
    assert first == second
    assert len(await desk.payments()) == 1


@pytest.mark.parametrize("payee", ["T2", "T3"])
async def test_nobody_is_paid_whose_name_is_erased_or_missing(
    paying: Paying, provider: HttpPayments, desk: PaymentDesk, payee: str
) -> None:
    assert (await submit(paying(provider), order(payee))).outcome is PaymentState.REFUSED
    assert await desk.payments() == []


async def test_an_uncertain_end_is_unknown_and_is_found_out_by_asking(
    paying: Paying, provider: HttpPayments, hurried: HttpPayments, desk: PaymentDesk
) -> None:
    await desk.behave("time_out", asks_fail=True)
    activities = paying(provider)
    assert (await submit(paying(hurried), order())).outcome is PaymentState.UNKNOWN
    failure = await fails(news(activities, order(), PaymentState.UNKNOWN))
    assert (failure.type, failure.non_retryable) == ("PaymentsAway", False)
    await desk.behave("settle")
    assert (await news(activities, order(), PaymentState.UNKNOWN)).outcome is PaymentState.SETTLED
    assert len(await desk.payments()) == 1


async def test_an_order_the_provider_never_had_is_submitted_again_under_its_key(
    paying: Paying, provider: HttpPayments, hurried: HttpPayments, desk: PaymentDesk
) -> None:
    await desk.behave("hang")
    activities = paying(hurried)
    assert (await submit(activities, order())).outcome is PaymentState.UNKNOWN
    assert (await fails(news(activities, order(), PaymentState.UNKNOWN))).type == "PaymentsAway"
    await desk.behave("settle")
    assert (await news(paying(provider), order(), PaymentState.UNKNOWN)).outcome is PaymentState.SETTLED
    assert [made["key"] for made in await desk.payments()] == [KEY]


async def test_as_long_as_it_is_pending_there_is_no_news(
    paying: Paying, provider: HttpPayments, desk: PaymentDesk
) -> None:
    await desk.behave("settle_late")
    activities = paying(provider)
    assert (await submit(activities, order())).outcome is PaymentState.PENDING
    failure = await fails(news(activities, order(), PaymentState.PENDING))
    assert (failure.type, failure.non_retryable) == ("NothingNew", False)
    await desk.settle(KEY)
    assert (await news(activities, order(), PaymentState.PENDING)).outcome is PaymentState.SETTLED


async def test_a_reused_key_is_final(paying: Paying, provider: HttpPayments) -> None:
    await provider.pay(order(), "somebody else")
    failure = await fails(submit(paying(provider), order()))
    assert (failure.type, failure.non_retryable) == ("PaymentKeyReused", True)


async def test_a_database_that_is_away_is_retried(provider: HttpPayments) -> None:
    engine = create_engine(f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none")
    failure = await fails(submit(PaymentActivities(provider, Texts(b"k" * 32), engine), order()))
    assert (failure.type, failure.non_retryable) == ("DatabaseAway", False)
    await engine.dispose()


async def test_a_wrong_master_key_pays_nobody(
    paying: Paying, provider: HttpPayments, desk: PaymentDesk, database: str
) -> None:
    engine = create_engine(database)
    failure = await fails(submit(PaymentActivities(provider, Texts(b"x" * 32), engine), order()))
    assert (failure.type, failure.non_retryable) == ("PayeeUnreadable", False)
    assert await desk.payments() == []
    await engine.dispose()


async def test_without_a_provider_an_order_is_refused_and_an_old_one_stays_open(paying: Paying) -> None:
    activities = paying(NullPayments())
    assert (await submit(activities, order())).outcome is PaymentState.REFUSED
    failure = await fails(news(activities, order(), PaymentState.UNKNOWN))
    assert "REDRESS_PAYMENTS_URL" in str(failure)


class _answering:  # noqa: N801 - reads as the verb it is used as
    """A server that gives every request the same bytes and hangs up."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    async def __aenter__(self) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answer)
            await writer.drain()
            writer.close()

        self._server = await asyncio.start_server(answer, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
