"""What a payment's workflow tells when the provider's word changes back and forth: each word is news of its own."""

from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

from runtime.polling import polling

with workflow.unsafe.imports_passed_through():
    from complaints.base import Money, Order, TextRef
    from complaints.chapters.payments import PaymentState
    from runtime.clock import SYSTEM
    from workflows.contract import complaint_workflow_id
    from workflows.payment import (
        ASK,
        SUBMIT,
        PaymentAsk,
        PaymentOrder,
        PaymentReport,
        PaymentStart,
        PaymentWorkflow,
        payment_workflow_id,
    )


@workflow.defn(name="Complaint", sandboxed=False)
class Hearing:
    """In a complaint's place: keeps the ids of the facts it is told, until the last of them."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    @workflow.run
    async def run(self) -> list[str]:
        await workflow.wait_condition(lambda: any("settled" in told for told in self.ids))
        return self.ids

    @workflow.signal
    def fact(self, order: Order) -> None:
        self.ids.append(order.id)


async def test_what_is_unknown_for_the_second_time_is_told_under_an_id_of_its_own(
    temporal_client: Client,
) -> None:
    news = iter([PaymentState.PENDING, PaymentState.UNKNOWN, PaymentState.SETTLED])

    @activity.defn(name=SUBMIT)
    async def submit(order: PaymentOrder) -> PaymentReport:
        return PaymentReport(outcome=PaymentState.UNKNOWN)

    @activity.defn(name=ASK)
    async def ask(asked: PaymentAsk) -> PaymentReport:
        return PaymentReport.model_validate({"outcome": next(news)})

    reference = f"CASE-{uuid4().hex[:8]}"
    key = f"{reference}/R1/pay/1"
    queue = f"reports-{uuid4()}"
    start = PaymentStart(
        reference=reference,
        remedy="R1",
        attempt=1,
        direction="pay",
        key=key,
        amount=Money(minor=2500, currency="EUR"),
        payee=TextRef(id="T1", digest="0" * 64),
        clock=SYSTEM,
    )
    worker = Worker(
        temporal_client, task_queue=queue, workflows=[PaymentWorkflow, Hearing], activities=[submit, ask]
    )
    async with polling(worker):
        complaint = await temporal_client.start_workflow(
            Hearing.run, id=complaint_workflow_id(reference), task_queue=queue
        )
        await temporal_client.execute_workflow(
            PaymentWorkflow.run, start, id=payment_workflow_id(key), task_queue=queue
        )
        first = f"payment/{key}/unknown"
        expected = [first, f"payment/{key}/pending/2", f"{first}/3", f"payment/{key}/settled/4"]
        assert await complaint.result() == expected
