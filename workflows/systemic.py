"""The systemic issue's workflow: takes orders, commits them, tells every joined complaint, and lets time act."""

import asyncio
import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from complaints.base import SYSTEM, Actor, Command, Happening, Order, Refused
    from complaints.systemic.issue import (
        SystemicIssue,
        decide_systemic,
        evolve_systemic,
        open_systemic,
        pack_needed,
        tells,
    )
    from complaints.systemic.moments import due_systemic, next_wakeup_systemic
    from complaints.transition import systemic_transition
    from policies.pack import Pack
    from policies.vocabulary import Role
    from workflows import packs
    from workflows.committing import committed, taken
    from workflows.contract import SYSTEMIC, Outcome, SystemicStart, complaint_workflow_id
    from workflows.handled import HandledOrders
    from workflows.noting import note
    from workflows.refusals import as_failure, moving
    from workflows.runs import history_is_long

_PAUSES = tuple(timedelta(seconds=2**n) for n in range(9))
"""Between the tries to tell a complaint whose workflow is not there: eight and a half minutes in all.

Recovery takes no longer; an archived complaint is not there for good, and each try costs two events.
"""


_TICK = timedelta(milliseconds=1)
"""Timers are kept in milliseconds: one more, and a timer never fires before its moment."""


@workflow.defn(name=SYSTEMIC)
class SystemicIssueWorkflow:
    """One systemic issue; it lives as long as its cause may come back.

    Time alone makes something happen to it only while it is an outage, or has a risk to be looked at again.
    """

    @workflow.init
    def __init__(self, start: SystemicStart) -> None:
        self._reference = start.reference
        self._clock = start.clock
        self._issue: SystemicIssue | None = start.issue
        self._handled = HandledOrders(start.handled)
        self._lock = asyncio.Lock()
        self._moving = False
        self._stirred = False
        self._timer: asyncio.Task[None] | None = None
        self._timer_at: datetime | None = None
        self._telling: set[asyncio.Task[None]] = set()

    @workflow.run
    async def run(self, start: SystemicStart) -> None:
        """Lives until the issue is resolved and everyone has been told."""
        if start.order is not None and self._issue is None:
            try:
                await self._commit(open_systemic(self._reference, start.order.recorded(self._now())))
            except Refused as refusal:
                raise as_failure(refusal) from None
        while not (self._resolved or history_is_long()):
            self._stirred = False
            await self._let_time_act()
            if not self._stirred:
                await self._wait()
        self._moving = True
        await workflow.wait_condition(lambda: workflow.all_handlers_finished() and not self._telling)
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
                    happenings = self._decided(self._held, order)
                except Refused as refusal:
                    raise as_failure(refusal) from None
                if await self._commit(happenings):
                    return self._outcome(order.id, happenings)
            return self._outcome(order.id, duplicate=True)

    @execute.validator
    def _refuse_early(self, order: Order) -> None:
        if self._moving and not self._resolved:
            raise moving()
        if self._issue is None or order.id in self._handled:
            return
        try:
            self._decided(self._issue, order)
        except Refused as refusal:
            raise as_failure(refusal) from None
        except packs.PackNotHeldError:  # published a moment ago: the handler waits until it is held
            return

    @workflow.signal
    def nudge(self) -> None:
        """Look again whether something is due (the watchdog saw that it was)."""
        self._stirred = True

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

    def _decided(self, issue: SystemicIssue, order: Order) -> tuple[Happening, ...]:
        """What time had made happen before the order took effect, then what the order makes happen.

        A word that reached us in time is in time though it is read in later, so time acts only up to that
        moment here, and on to the present in the loop.
        """
        recorded = order.recorded(self._now())
        before = self._due(issue, recorded.occurred_at or recorded.at, recorded.at)
        for told in before:
            issue = evolve_systemic(issue, told)
        ref = pack_needed(issue, recorded.body)
        pack: Pack | None = None if ref is None else packs.held(ref)
        return (*before, *decide_systemic(issue, recorded, pack))

    def _due(self, issue: SystemicIssue, at: datetime, recorded_at: datetime) -> tuple[Happening, ...]:
        pack = None if issue.outage is None else packs.held(issue.outage.pack)
        return due_systemic(pack, issue, at, recorded_at)

    async def _let_time_act(self) -> None:
        if self._issue is None or (self._issue.outage is None and self._issue.risk is None):
            return  # an issue that is neither goes on exactly as it did before there were outages and risks
        async with self._lock:
            while happenings := self._due(self._issue, self._now(), self._now()):
                await self._commit(happenings)

    async def _wait(self) -> None:
        """Sleep until the next moment or until something happened. One timer; it is only ever set earlier."""
        wake_at = None if self._issue is None else next_wakeup_systemic(self._issue)
        if wake_at is not None and (self._timer_at is None or wake_at < self._timer_at):
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = wake_at
            self._timer = asyncio.create_task(self._ring(self._clock.real(wake_at) - workflow.now()))
        await workflow.wait_condition(lambda: self._stirred or self._resolved or history_is_long())

    async def _ring(self, delay: timedelta) -> None:
        await workflow.sleep(max(delay, timedelta()) + _TICK)
        self._timer = self._timer_at = None
        self._stirred = True

    async def _commit(self, happenings: tuple[Happening, ...]) -> bool:
        """Write the happenings, evolve and pass on what the record then holds; whether it holds just these."""
        result = await committed(systemic_transition(self._issue, self._reference, happenings))
        untold: list[tuple[str, Order]] = []
        for told in taken(result, happenings):
            self._issue = evolve_systemic(self._issue, told)
            if told.command is not None:
                self._handled.remember(told.command, self._issue.sequence)
            for complaint, fact in tells(self._issue, told):
                order = self._fact(fact)
                if not await self._told(complaint, order):
                    untold.append((complaint, order))
        if untold:
            # Not here: whoever gives the next order would wait for the lock all the while.
            telling = asyncio.create_task(self._tell_again(untold))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)
        if result.duplicate and result.stored:
            self._handled.remember(str(result.stored[0].command), result.sequence)
        self._stirred = True
        return result.stored is None

    def _fact(self, fact: Command) -> Order:
        return Order(
            id=f"systemic/{self._reference}/{getattr(fact, 'number', 0)}/{fact.type}",
            actor=Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,)),
            body=fact,
            at=self._now(),
        )

    async def _told(self, complaint: str, order: Order) -> bool:
        """Give a complaint a fact; whether its workflow was there to take it."""
        try:
            await workflow.get_external_workflow_handle(complaint_workflow_id(complaint)).signal(
                "fact", order
            )
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            return False
        return True

    async def _tell_again(self, untold: list[tuple[str, Order]]) -> None:
        """Try for a while: a workflow may be not started yet, or lost until recovery starts it again.

        One whose workflow stays away is left as it is: it is archived, and was answered already.
        """
        for pause in _PAUSES:
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._leaving, timeout=pause)
            if self._leaving:
                break
            untold = [
                (complaint, order) for complaint, order in untold if not await self._told(complaint, order)
            ]
            if not untold:
                return
        for complaint, order in untold:
            note("complaint not told", reference=complaint, command_id=order.id)

    @property
    def _leaving(self) -> bool:
        """On the way into a new run, which callers wait for: nobody is tried any longer."""
        return self._moving and not self._resolved

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
