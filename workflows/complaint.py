"""The complaint's workflow: a thin loop that takes orders, waits for the next moment, and commits what is decided."""

import asyncio
import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from complaints.base import Happening, Order, Refused
    from complaints.case import Case
    from complaints.chapters.migration import MigratePack, pack_after
    from complaints.lifecycle import carry_out, due, evolve, fold, next_wakeup, receive
    from complaints.phases import phase
    from complaints.transition import transition
    from policies.pack import Pack
    from workflows import packs
    from workflows.committing import committed, taken
    from workflows.contract import COMPLAINT, PAYMENT, ComplaintStart, Live, LiveClock, Outcome
    from workflows.handled import HandledOrders
    from workflows.noting import note
    from workflows.payment import PaymentStart, payment_workflow_id
    from workflows.refusals import as_failure, moving
    from workflows.runs import history_is_long

_TICK = timedelta(milliseconds=1)
"""Timers are kept in milliseconds: one more, and a timer never fires before its moment."""


@workflow.defn(name=COMPLAINT)
class ComplaintWorkflow:
    """One complaint. Its case is what the ledger answered, never what was only decided."""

    @workflow.init
    def __init__(self, start: ComplaintStart) -> None:
        self._reference = start.reference
        self._clock = start.clock
        self._pinned = start.pack
        self._case: Case | None = start.case
        self._handled = HandledOrders(start.handled)
        self._payments_started: dict[str, None] = dict.fromkeys(start.payments_started)
        self._lock = asyncio.Lock()
        self._moving = False
        self._stirred = False
        self._foreseen: tuple[Order, Case, tuple[Happening, ...]] | None = None
        self._timer: asyncio.Task[None] | None = None
        self._timer_at: datetime | None = None

    @workflow.run
    async def run(self, start: ComplaintStart) -> str:
        """Lives until the complaint is archived and no payment is on its way; returns its last phase."""
        if start.order is not None:
            await self._receive(start.order)
        while True:
            self._stirred = False
            await self._let_time_act()
            await self._start_payments()
            if self._stirred:
                continue
            if self._over and workflow.all_handlers_finished():
                return phase(self._held)
            if history_is_long():
                await self._move_on(start)
            await self._wait()

    # What callers may ask ---------------------------------------------------------------------------

    @workflow.update
    async def execute(self, order: Order) -> Outcome:
        """Carry out a person's decision; refuse with an ApplicationError of type `Refused`."""
        await workflow.wait_condition(lambda: self._case is not None)
        try:
            return await self._carry_out(order)
        except Refused as refusal:
            raise as_failure(refusal) from None

    @execute.validator
    def _refuse_early(self, order: Order) -> None:
        """Refuse what can be seen not to fit, before it costs an event of history."""
        if self._moving:
            raise moving()
        if self._case is None or order.id in self._handled:
            return
        try:
            self._decided(self._case, order)
        except Refused as refusal:
            raise as_failure(refusal) from None
        except packs.PackNotHeldError:
            return  # a pack that was published a moment ago: the handler waits until this process holds it

    @workflow.signal
    async def fact(self, order: Order) -> None:
        """Take a fact from outside. It can not be refused: what does not fit changes nothing."""
        await workflow.wait_condition(lambda: self._case is not None)
        try:
            await self._carry_out(order)
        except Refused as refusal:
            note("fact not placed", reference=self._reference, code=refusal.code, command_id=order.id)
        except FailureError as failure:  # an error that escaped here would fail the workflow
            note(
                "fact not recorded",
                reference=self._reference,
                error=type(failure).__name__,
                command_id=order.id,
            )

    @workflow.signal
    def nudge(self) -> None:
        """Look again whether something is due (the watchdog saw that it was)."""
        self._stirred = True

    @workflow.query
    def live(self) -> Live:
        """What this workflow holds right now."""
        case = self._held
        return Live(
            reference=self._reference,
            sequence=case.sequence,
            version=case.version,
            phase=phase(case),
            wake_at=next_wakeup(self._pack, case),
            clocks=tuple(
                LiveClock(
                    clock=item.clock,
                    occurrence=item.number,
                    due_at=item.due_at,
                    breached=item.breached_at is not None,
                )
                for item in case.clocks.occurrences
                if item.running
            ),
            handled=self._handled.ids(),
            run_history_length=workflow.info().get_current_history_length(),
        )

    @property
    def _pack(self) -> Pack:
        """The pack that the complaint is under now: the one pinned at receipt, unless somebody moved it."""
        return packs.held(self._pinned if self._case is None else self._case.pack)

    # How it is done ------------------------------------------------------------------------------------

    @property
    def _held(self) -> Case:
        if self._case is None:
            raise ApplicationError("The complaint is being received.", type="NotReceived", non_retryable=True)
        return self._case

    @property
    def _over(self) -> bool:
        # A reversal may be ordered after the archive: somebody has to be here when the provider's word comes.
        return self._held.closure.archived_at is not None and not self._held.remedies.payments_in_flight()

    def _now(self) -> datetime:
        return self._clock.virtual(workflow.now())

    async def _receive(self, order: Order) -> None:
        """Record the receipt, and with it what was overdue before anyone could know."""
        recorded = order.recorded(self._now())
        try:
            received = receive(self._pack, self._reference, recorded)
        except Refused as refusal:
            raise as_failure(refusal) from None
        overdue = due(self._pack, fold(received), recorded.at)
        await self._commit((*received, *overdue))

    async def _carry_out(self, order: Order) -> Outcome:
        async with self._lock:
            while order.id not in self._handled:
                happenings = self._decided(self._held, order)
                if not happenings:  # a fact that is no news
                    self._handled.remember(order.id, self._held.sequence)
                    return self._outcome(order.id)
                if await self._commit(happenings):
                    return self._outcome(order.id, happenings)
            return self._outcome(order.id, duplicate=True)

    def _decided(self, case: Case, order: Order) -> tuple[Happening, ...]:
        """What the order makes happen, and time before it."""
        recorded = order.recorded(self._now())
        if self._foreseen is not None and self._foreseen[0] == recorded and self._foreseen[1] is case:
            return self._foreseen[2]  # decided in the validator a moment ago, from the very same
        happenings = carry_out(self._pack, case, recorded, other=_moved_to(order))
        self._foreseen = (recorded, case, happenings)
        return happenings

    async def _let_time_act(self) -> None:
        async with self._lock:
            while happenings := due(self._pack, self._held, self._now()):
                await self._commit(happenings)

    async def _commit(self, happenings: tuple[Happening, ...]) -> bool:
        """Write the happenings, evolve what the record then holds; whether it holds just these."""
        pack = packs.held(pack_after(self._case, happenings) or self._pinned)
        result = await committed(transition(pack, self._case, self._reference, happenings))
        for told in taken(result, happenings):
            self._case = evolve(self._case, told)
            if told.command is not None:
                self._handled.remember(told.command, self._case.sequence)
        if result.duplicate and result.stored:
            self._handled.remember(str(result.stored[0].command), result.sequence)
        self._stirred = True
        return result.stored is None

    def _outcome(
        self, command: str, happenings: tuple[Happening, ...] = (), *, duplicate: bool = False
    ) -> Outcome:
        return Outcome(
            reference=self._reference,
            version=self._held.version,
            sequence=self._handled.sequence(command),
            events=tuple(told.event.type for told in happenings if told.command == command),
            duplicate=duplicate,
        )

    async def _start_payments(self) -> None:
        """Start a payment's own workflow for each that the record orders; its id makes it one for ever."""
        for payment in self._held.remedies.payments_in_flight():
            if payment.key in self._payments_started:
                continue
            self._payments_started[payment.key] = None
            with contextlib.suppress(WorkflowAlreadyStartedError):
                await workflow.start_child_workflow(
                    PAYMENT,
                    PaymentStart(reference=self._reference, clock=self._clock, **dict(payment)),
                    id=payment_workflow_id(payment.key),
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                )

    async def _wait(self) -> None:
        """Sleep until the next moment or until something happened. One timer; it is only ever set earlier."""
        wake_at = next_wakeup(self._pack, self._held)
        if wake_at is not None and (self._timer_at is None or wake_at < self._timer_at):
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = wake_at
            self._timer = asyncio.create_task(self._ring(self._clock.real(wake_at) - workflow.now()))
        await workflow.wait_condition(
            lambda: self._stirred or (self._over and workflow.all_handlers_finished())
        )

    async def _ring(self, delay: timedelta) -> None:
        await workflow.sleep(max(delay, timedelta()) + _TICK)
        self._timer = self._timer_at = None
        self._stirred = True

    async def _move_on(self, start: ComplaintStart) -> None:
        """Carry the case on in a new run, once nothing is in flight; newcomers are told to send again."""
        self._moving = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(
            start.model_copy(
                update={
                    "order": None,
                    "case": self._held,
                    "handled": self._handled.kept(),
                    "payments_started": tuple(self._payments_started),
                }
            )
        )


def _moved_to(order: Order) -> Pack | None:
    """The pack that an order moves its complaint to. Raises packs.PackNotHeldError."""
    return packs.held(order.body.pack) if isinstance(order.body, MigratePack) else None
