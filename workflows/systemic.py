"""The systemic issue's workflow: takes orders, commits them, and tells every joined complaint."""

import asyncio
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from complaints.base import SYSTEM, Actor, Command, Happening, Order, Refused
    from complaints.systemic import (
        SystemicIssue,
        decide_systemic,
        evolve_systemic,
        open_systemic,
        tells,
    )
    from complaints.transition import systemic_transition
    from policies.vocabulary import Role
    from workflows.committing import committed, taken
    from workflows.contract import SYSTEMIC, Outcome, SystemicStart, complaint_workflow_id
    from workflows.handled import HandledOrders
    from workflows.noting import note
    from workflows.refusals import as_failure, moving
    from workflows.runs import history_is_long


@workflow.defn(name=SYSTEMIC)
class SystemicIssueWorkflow:
    """One systemic issue. Time alone makes nothing happen to it; it lives as long as its cause may come back."""

    @workflow.init
    def __init__(self, start: SystemicStart) -> None:
        self._reference = start.reference
        self._clock = start.clock
        self._issue: SystemicIssue | None = start.issue
        self._handled = HandledOrders(start.handled)
        self._lock = asyncio.Lock()
        self._moving = False

    @workflow.run
    async def run(self, start: SystemicStart) -> None:
        """Lives until the issue is resolved and everyone has been told."""
        if start.order is not None and self._issue is None:
            try:
                await self._commit(open_systemic(self._reference, self._recorded(start.order)))
            except Refused as refusal:
                raise as_failure(refusal) from None
        await workflow.wait_condition(lambda: self._resolved or history_is_long())
        self._moving = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self._resolved:
            workflow.continue_as_new(
                start.model_copy(
                    update={"order": None, "issue": self._issue, "handled": self._handled.kept()}
                )
            )

    @workflow.update
    async def execute(self, order: Order) -> Outcome:
        """Carry out a person's decision; refuse with an ApplicationError of type `Refused`."""
        await workflow.wait_condition(lambda: self._issue is not None)
        async with self._lock:
            while order.id not in self._handled:
                try:
                    happenings = decide_systemic(self._held, self._recorded(order))
                except Refused as refusal:
                    raise as_failure(refusal) from None
                if await self._commit(happenings):
                    return self._outcome(order.id, happenings)
            return self._outcome(order.id, duplicate=True)

    @execute.validator
    def _refuse_early(self, order: Order) -> None:
        if self._moving:
            raise moving()
        if self._issue is None or order.id in self._handled:
            return
        try:
            decide_systemic(self._issue, self._recorded(order))
        except Refused as refusal:
            raise as_failure(refusal) from None

    @property
    def _held(self) -> SystemicIssue:
        if self._issue is None:
            raise ValueError("asked before it was opened")
        return self._issue

    @property
    def _resolved(self) -> bool:
        return self._issue is not None and self._issue.resolved_at is not None

    def _now(self) -> datetime:
        return self._clock.virtual(workflow.now())

    def _recorded(self, order: Order) -> Order:
        """The order as recorded now, having taken effect when it reached us unless it tells of earlier."""
        now = max(self._now(), order.at)
        return order.model_copy(update={"at": now, "occurred_at": order.occurred_at or order.at})

    async def _commit(self, happenings: tuple[Happening, ...]) -> bool:
        """Write the happenings, evolve and pass on what the record then holds; whether it holds just these."""
        result = await committed(systemic_transition(self._issue, self._reference, happenings))
        for told in taken(result, happenings):
            self._issue = evolve_systemic(self._issue, told)
            if told.command is not None:
                self._handled.remember(told.command, self._issue.sequence)
            for complaint, fact in tells(self._issue, told):
                await self._tell(complaint, fact)
        if result.duplicate and result.stored:
            self._handled.remember(str(result.stored[0].command), result.sequence)
        return result.stored is None

    async def _tell(self, complaint: str, fact: Command) -> None:
        """Give a complaint a fact. One whose workflow is over is left as it is: it was answered already."""
        order = Order(
            id=f"systemic/{self._reference}/{getattr(fact, 'number', 0)}/{fact.type}",
            actor=Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,)),
            body=fact,
            at=self._now(),
        )
        try:
            await workflow.get_external_workflow_handle(complaint_workflow_id(complaint)).signal(
                "fact", order
            )
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            note("complaint not told", reference=complaint, error=type(failure).__name__)

    def _outcome(
        self, command: str, happenings: tuple[Happening, ...] = (), *, duplicate: bool = False
    ) -> Outcome:
        return Outcome(
            reference=self._reference,
            version=self._held.sequence,
            sequence=self._handled.sequence(command),
            events=tuple(told.event.type for told in happenings if told.command == command),
            duplicate=duplicate,
        )
