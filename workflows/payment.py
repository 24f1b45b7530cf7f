"""The payment's workflow: one order to pay or to reverse, followed until the provider has settled it."""

from datetime import timedelta
from typing import Literal, NoReturn

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from complaints.base import SYSTEM, Actor, Frozen, Money, Order, TextRef
    from complaints.chapters.payments import PaymentState, ReportPayment
    from policies.vocabulary import Role
    from runtime.clock import ClockSpec
    from workflows.contract import PAYMENT, complaint_workflow_id
    from workflows.noting import note

SUBMIT = "submit_payment"
ASK = "ask_payment"
"""The activities' names; activities/payments.py implements them."""

KEY_REUSED = "PaymentKeyReused"
"""The provider knows the key with other content: nothing more can be done here, a person has to look."""

HISTORY_LIMIT = 1_000
"""Events after which a payment that nobody can be told of is carried on in a new run."""

_QUICK = timedelta(seconds=7)
"""For the local activity; below the 8 s after which it would cost the workflow a heartbeat."""
_ATTEMPT = timedelta(seconds=30)
_SUBMITTING = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=5)
)
_ASKING = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=1.5, maximum_interval=timedelta(minutes=10)
)
_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(minutes=30)


def payment_workflow_id(key: str) -> str:
    return f"payment/{key}"


Outcome = Literal[PaymentState.SETTLED, PaymentState.PENDING, PaymentState.UNKNOWN, PaymentState.REFUSED]


class PaymentReport(Frozen):
    """What the provider has made of a payment; its own reference for it, where it has one."""

    outcome: Outcome
    provider_reference: str | None = None

    @property
    def final(self) -> bool:
        return self.outcome in (PaymentState.SETTLED, PaymentState.REFUSED)


class PaymentOrder(Frozen):
    """What the provider is asked for. `reverses` is the key of the payment that a reversal takes back."""

    reference: str
    direction: Literal["pay", "reverse"]
    key: str
    amount: Money
    payee: TextRef
    reverses: str | None = None


class PaymentAsk(Frozen):
    """Asks what became of an order since `told`, the last that is known of it."""

    order: PaymentOrder
    told: PaymentReport


class PaymentStart(PaymentOrder):
    """What a payment's workflow starts with; `report` and `told` after continue-as-new.

    `report` is the provider's last word, `told` whether the complaint has it, `reported` how many it had before.
    """

    remedy: str
    attempt: int
    clock: ClockSpec
    report: PaymentReport | None = None
    told: bool = False
    reported: int = 0

    def order(self) -> PaymentOrder:
        return PaymentOrder(**{name: getattr(self, name) for name in PaymentOrder.model_fields})


@workflow.defn(name=PAYMENT)
class PaymentWorkflow:
    """One order to the provider. Whatever is uncertain stays `unknown`, never paid and never cancelled."""

    @workflow.init
    def __init__(self, start: PaymentStart) -> None:
        self._start = start
        self._order = start.order()
        self._report = start.report
        self._told = start.told
        self._reported = start.reported

    @workflow.run
    async def run(self, start: PaymentStart) -> PaymentReport:
        """Lives until the payment has settled or was refused, and the complaint knows it."""
        report = self._report
        if report is None:
            report = await self._submitted()
        while True:
            if not self._told:
                await self._tell(report)
            if report.final:
                return report
            report = await self._news(report)
            self._report, self._told = report, False

    async def _submitted(self) -> PaymentReport:
        """The provider's first word: by a quick local activity, else by one that retries patiently.

        The key makes it safe to submit again after an attempt whose end nobody saw.
        """
        try:
            self._report = await workflow.execute_local_activity(
                SUBMIT,
                self._order,
                result_type=PaymentReport,
                schedule_to_close_timeout=_QUICK,
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            if _final(failure):
                await self._give_up(failure)
            try:
                self._report = await workflow.execute_activity(
                    SUBMIT,
                    self._order,
                    result_type=PaymentReport,
                    start_to_close_timeout=_ATTEMPT,
                    retry_policy=_SUBMITTING,
                )
            except FailureError as patient:
                if _final(patient):
                    await self._give_up(patient)
                raise
        return self._report

    async def _news(self, told: PaymentReport) -> PaymentReport:
        """What is no longer as `told`. The activity's retries are the polling: it costs no history."""
        news: PaymentReport = await workflow.execute_activity(
            ASK,
            PaymentAsk(order=self._order, told=told),
            result_type=PaymentReport,
            start_to_close_timeout=_ATTEMPT,
            retry_policy=_ASKING,
        )
        return news

    async def _tell(self, report: PaymentReport) -> None:
        """Signal the report to the complaint, however long its workflow is not there."""
        start = self._start
        # What was unknown, then pending, may be unknown again: that is news, so its id is not the first one's.
        again = f"/{self._reported + 1}" if self._reported else ""
        order = Order(
            id=f"payment/{start.key}/{report.outcome}{again}",
            actor=Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,)),
            body=ReportPayment(
                remedy=start.remedy,
                attempt=start.attempt,
                direction=start.direction,
                outcome=report.outcome,
                provider_reference=report.provider_reference,
            ),
            at=start.clock.virtual(workflow.now()),
        )
        complaint = workflow.get_external_workflow_handle(complaint_workflow_id(start.reference))
        pause = _FIRST_PAUSE
        while True:
            try:
                await complaint.signal("fact", order)
            except FailureError as failure:
                if is_cancelled_exception(failure):
                    raise
                # Its workflow is gone until recovery, or somebody's next command, starts it again.
                note("payment not told", reference=start.reference, error=type(failure).__name__)
            else:
                self._told = True
                self._reported += 1
                return
            if workflow.info().get_current_history_length() > HISTORY_LIMIT:
                workflow.continue_as_new(
                    start.model_copy(update={"report": report, "told": False, "reported": self._reported})
                )
            await workflow.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _give_up(self, failure: FailureError) -> NoReturn:
        """What can never succeed: whether money moved is not known, and a person has to find out."""
        await self._tell(PaymentReport(outcome=PaymentState.UNKNOWN))
        raise failure


def _final(failure: FailureError) -> bool:
    """Whether trying again can not help; a local activity raises its ApplicationError bare or as a cause."""
    cause = failure.cause if isinstance(failure, ActivityError) else failure
    return isinstance(cause, ApplicationError) and cause.non_retryable
