"""The payment's workflow on a real Temporal server, with the real payment service and a real database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import Replayer, Worker

from runtime.polling import polling
from tests.support.payments import TOKEN, PaymentDesk, payment_desk
from tests.support.waiting import PATIENCE, eventually

with workflow.unsafe.imports_passed_through():
    from activities.payments import HttpPayments, PaymentActivities
    from complaints.base import Money, Order
    from complaints.chapters.payments import PaymentState, ReportPayment
    from ledger.database import create_engine
    from ledger.texts import Texts
    from runtime.clock import SYSTEM, ClockSpec
    from workflows.contract import complaint_workflow_id
    from workflows.payment import PaymentReport, PaymentStart, PaymentWorkflow, payment_workflow_id

PAYEE = "Erika Mustermann, DE02 1203 0000 0000 2020 51"
QUEUE = "payments"


@workflow.defn(name="Complaint", sandboxed=False)
class Listening:
    """In a complaint's place: keeps the facts it is told, in order, until it is told to end."""

    def __init__(self) -> None:
        self.told: list[Order] = []
        self.over = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self.over)

    @workflow.signal
    def fact(self, order: Order) -> None:
        self.told.append(order)

    @workflow.signal
    def end(self) -> None:
        self.over = True

    @workflow.query
    def facts(self) -> list[Order]:
        return self.told


class Case:
    """One complaint of the test, and the payments that it orders."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.reference = f"CASE-{uuid4().hex[:8]}"
        self.key = f"{self.reference}/R1/pay/1"

    async def receive(self) -> None:
        await self.client.start_workflow(
            Listening.run, id=complaint_workflow_id(self.reference), task_queue=QUEUE
        )

    async def pay(
        self, *, clock: ClockSpec = SYSTEM, reverses: str | None = None
    ) -> WorkflowHandle[PaymentWorkflow, PaymentReport]:
        direction = "pay" if reverses is None else "reverse"
        key = f"{self.reference}/R1/{direction}/1"
        start = PaymentStart.model_validate(
            {
                "reference": self.reference,
                "remedy": "R1",
                "attempt": 1,
                "direction": direction,
                "key": key,
                "amount": Money(minor=2500, currency="EUR"),
                "payee": {"id": "T1", "digest": "0" * 64},
                "reverses": reverses,
                "clock": clock,
            }
        )
        return await self.client.start_workflow(
            PaymentWorkflow.run, start, id=payment_workflow_id(key), task_queue=QUEUE
        )

    async def facts(self) -> list[Order]:
        handle = self.client.get_workflow_handle(complaint_workflow_id(self.reference))
        return await handle.query(Listening.facts)

    async def told(self) -> list[str]:
        return [
            report.outcome for order in await self.facts() if isinstance(report := order.body, ReportPayment)
        ]

    async def hears(self, *outcomes: str) -> None:
        """Waits until the complaint was told just these."""

        async def look() -> bool:
            return await self.told() == list(outcomes)

        await eventually(look, what=f"the complaint to hear {', '.join(outcomes)}")


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaymentDesk]:
    async with payment_desk(tmp_path_factory.mktemp("payments")) as desk:
        yield desk


@pytest.fixture
async def desk(running: PaymentDesk) -> PaymentDesk:
    await running.clear()
    return running


@pytest.fixture
async def case(desk: PaymentDesk, database: str, temporal_client: Client) -> AsyncIterator[Case]:
    """A complaint with a worker that serves it and its payments."""
    async with serving(desk, database, temporal_client):
        yield Case(temporal_client)


@pytest.fixture
async def hurried(desk: PaymentDesk, database: str, temporal_client: Client) -> AsyncIterator[Case]:
    """The same, with a worker that soon takes the provider to be silent."""
    async with serving(desk, database, temporal_client, patience=1.0):
        yield Case(temporal_client)


@asynccontextmanager
async def serving(
    desk: PaymentDesk, database: str, client: Client, patience: float = PATIENCE
) -> AsyncIterator[None]:
    """`patience`: seconds for which the provider's answer is waited for."""
    engine = create_engine(database)
    texts = Texts(b"k" * 32)
    async with engine.begin() as connection:
        await texts.put(connection, "CASE", {"T1": PAYEE})
    payments = HttpPayments(desk.url, TOKEN, httpx.Timeout(patience))
    paying = PaymentActivities(payments, texts, engine)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[PaymentWorkflow, Listening],
        activities=[paying.submit_payment, paying.ask_payment],
    )
    async with polling(worker):
        yield
    await payments.aclose()
    await engine.dispose()


async def test_a_settled_payment_is_told_once_and_costs_at_most_twelve_events(
    case: Case, desk: PaymentDesk
) -> None:
    await case.receive()
    payment = await case.pay()
    report = await payment.result()
    (made,) = await desk.payments()
    assert report == PaymentReport(outcome=PaymentState.SETTLED, provider_reference=made["id"])
    (order,) = await case.facts()
    assert order.id == f"payment/{case.key}/settled"
    assert order.actor.id == "system"
    assert order.body == ReportPayment(
        remedy="R1", attempt=1, direction="pay", outcome=PaymentState.SETTLED, provider_reference=made["id"]
    )
    history = await payment.fetch_history()
    assert len(history.events) <= 12


async def test_the_payee_is_not_in_temporal(case: Case, desk: PaymentDesk) -> None:
    await case.receive()
    payment = await case.pay()
    await payment.result()
    assert [made["payee"] for made in await desk.payments()] == [PAYEE]
    events = (await payment.fetch_history()).events
    written = b"".join(event.SerializeToString() for event in events)  # in JSON, payloads would be base64
    assert b"Erika" not in written
    assert b'"payee"' in written
    assert case.key.encode() in written


async def test_the_report_carries_the_services_own_time(case: Case) -> None:
    virtual = ClockSpec(
        real_anchor=datetime(2026, 1, 1, tzinfo=UTC),
        virtual_anchor=datetime(2050, 1, 1, tzinfo=UTC),
        speed=60,
    )
    await case.receive()
    payment = await case.pay(clock=virtual)
    await payment.result()
    described = await payment.describe()
    assert described.close_time is not None
    (order,) = await case.facts()
    assert virtual.virtual(described.start_time) <= order.at <= virtual.virtual(described.close_time)


@pytest.mark.parametrize("manner", ["time_out", "fail_once"])
async def test_what_is_uncertain_is_unknown_until_the_provider_says_so(
    hurried: Case, desk: PaymentDesk, manner: str
) -> None:
    case = hurried
    await desk.behave(manner)
    await case.receive()
    payment = await case.pay()
    assert (await payment.result()).outcome == PaymentState.SETTLED
    assert await case.told() == ["unknown", "settled"]
    assert [made["key"] for made in await desk.payments()] == [case.key]


async def test_unknown_is_told_once_however_long_it_lasts(hurried: Case, desk: PaymentDesk) -> None:
    case = hurried
    await desk.behave("hang", asks_fail=True)
    await case.receive()
    payment = await case.pay()
    await case.hears("unknown")

    async def asked_again() -> bool:
        pending = (await payment.describe()).raw_description.pending_activities
        return bool(pending) and pending[0].attempt >= 3

    await eventually(asked_again)
    assert await case.told() == ["unknown"]
    before = len((await payment.fetch_history()).events)
    await desk.behave("settle")
    assert (await payment.result()).outcome == PaymentState.SETTLED
    assert await case.told() == ["unknown", "settled"]
    assert before <= 16  # asking again and again left no trace in the history
    assert len(await desk.payments()) == 1


async def test_a_late_payment_is_pending_and_then_settled(case: Case, desk: PaymentDesk) -> None:
    await desk.behave("settle_late")
    await case.receive()
    payment = await case.pay()
    await case.hears("pending")
    await desk.settle(case.key)
    assert (await payment.result()).outcome == PaymentState.SETTLED
    assert await case.told() == ["pending", "settled"]


async def test_a_refusal_is_told(case: Case, desk: PaymentDesk) -> None:
    await desk.behave("refuse")
    await case.receive()
    payment = await case.pay()
    assert (await payment.result()).outcome == PaymentState.REFUSED
    assert await case.told() == ["refused"]


async def test_nothing_is_told_while_the_provider_is_away(case: Case, desk: PaymentDesk) -> None:
    await desk.behave("away")
    await case.receive()
    payment = await case.pay()

    async def tried_twice() -> bool:
        pending = (await payment.describe()).raw_description.pending_activities
        return bool(pending) and pending[0].attempt >= 2

    await eventually(tried_twice)
    assert await case.told() == []
    await desk.behave("settle")
    assert (await payment.result()).outcome == PaymentState.SETTLED
    assert await case.told() == ["settled"]


async def test_a_complaint_that_is_gone_is_told_when_it_is_back(case: Case) -> None:
    payment = await case.pay()

    async def tried_to_tell() -> bool:
        names = [event.WhichOneof("attributes") for event in (await payment.fetch_history()).events]
        return any("signal_external_workflow_execution_failed" in str(name) for name in names)

    await eventually(tried_to_tell)
    assert (await payment.describe()).status == WorkflowExecutionStatus.RUNNING
    await case.receive()
    assert (await payment.result()).outcome == PaymentState.SETTLED
    assert await case.told() == ["settled"]


async def test_a_reversal_is_followed_like_a_payment(case: Case, desk: PaymentDesk) -> None:
    await case.receive()
    await (await case.pay()).result()
    reversal = await case.pay(reverses=case.key)
    assert (await reversal.result()).outcome == PaymentState.SETTLED
    directions = [o.body.direction for o in await case.facts() if isinstance(o.body, ReportPayment)]
    assert directions == ["pay", "reverse"]
    assert [made["direction"] for made in await desk.payments()] == ["pay", "reverse"]


async def test_a_reused_key_ends_the_payment_and_leaves_it_unknown(case: Case, desk: PaymentDesk) -> None:
    other = {"key": case.key, "amount_minor": 1, "currency": "EUR", "payee": "x"}
    (await desk.request("POST", "/payments", json=other)).raise_for_status()
    await case.receive()
    payment = await case.pay()
    with pytest.raises(WorkflowFailureError) as failed:
        await payment.result()
    cause: BaseException | None = failed.value.cause
    cause = cause.cause if isinstance(cause, ActivityError) else cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "PaymentKeyReused"
    assert await case.told() == ["unknown"]


async def test_a_payment_survives_its_worker(
    desk: PaymentDesk, database: str, temporal_client: Client
) -> None:
    case = Case(temporal_client)
    await desk.behave("settle_late")
    async with serving(desk, database, temporal_client):
        await case.receive()
        payment = await case.pay()
        await case.hears("pending")
    await desk.settle(case.key)
    async with serving(desk, database, temporal_client):
        assert (await payment.result()).outcome == PaymentState.SETTLED
        assert await case.told() == ["pending", "settled"]


async def test_its_histories_replay(hurried: Case, desk: PaymentDesk) -> None:
    case = hurried
    await case.receive()
    settled = await case.pay()
    await settled.result()
    other = Case(case.client)
    await desk.behave("time_out")
    unknown = await other.pay()  # told late as well: its complaint comes only now
    await other.receive()
    await unknown.result()
    replayer = Replayer(workflows=[PaymentWorkflow], data_converter=pydantic_data_converter)
    for history in await asyncio.gather(settled.fetch_history(), unknown.fetch_history()):
        await replayer.replay_workflow(history)
