"""The engine as the API, the scheduler and the command line see it: receive, execute, tell, ask, revive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar, cast

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
from temporalio.api.update.v1 import UpdateRef, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowExecutionUpdateResponse,
)
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from complaints.base import Order, PackRef, Refused
from complaints.case import Case
from complaints.references import is_systemic
from complaints.systemic.issue import SystemicIssue, decide_systemic
from runtime.clock import ClockSpec
from workflows.contract import (
    COMPLAINT,
    SYSTEMIC,
    ComplaintStart,
    Live,
    Outcome,
    SystemicStart,
    complaint_workflow_id,
    systemic_workflow_id,
)
from workflows.refusals import MOVING, as_refusal

WAIT = timedelta(seconds=10)
"""How long a caller waits for a command's outcome before it is told where to look."""

_AGAIN = (
    RPCStatusCode.RESOURCE_EXHAUSTED,  # too many updates in flight for one complaint
    RPCStatusCode.ABORTED,
    RPCStatusCode.INTERNAL,
)
_AWAY = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,
)
AWAY_AFTER: Final = 3
"""So many complaints in a row that could not be reached: then it is Temporal that is away, and not one workflow."""
_GLANCE = timedelta(seconds=1)
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5

T = TypeVar("T")
Start = ComplaintStart | SystemicStart


class EngineAway(Exception):  # noqa: N818 - a state of the engine, met as an exception
    """Temporal can not be reached, or did not take the order in time. The same order may be sent again."""


class Unknown(Exception):  # noqa: N818 - as above
    """There is no such complaint or systemic issue."""


class Engine:
    """Temporal behind five verbs. `connect` is awaited once, on first use, and again after it failed.

    `held_case` folds a complaint out of the ledger, or gives None where there is none: for complaints
    whose workflow has ended (archived) or was lost with Temporal's database. `held_issue` does the same
    for systemic issues; who gives none orders of them needs none.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Client]],
        task_queue: str,
        clock: ClockSpec,
        held_case: Callable[[str], Awaitable[Case | None]],
        held_issue: Callable[[str], Awaitable[SystemicIssue | None]] | None = None,
        *,
        wait: timedelta = WAIT,
    ) -> None:
        self._connect = connect
        self._task_queue = task_queue
        self._clock = clock
        self._held_case = held_case
        self._held_issue = held_issue
        self._wait = wait
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def receive(self, reference: str, pack: PackRef, order: Order) -> None:
        """Start the complaint's workflow with its receipt. Safe to repeat. Raises EngineAway."""
        start = ComplaintStart(reference=reference, pack=pack, clock=self._clock, order=order)
        await self._start(COMPLAINT, complaint_workflow_id(reference), start, reopen=False)

    async def revive(self, reference: str, case: Case) -> bool:
        """Start the workflow of a complaint from its record, clocks intact; False where it runs already.

        Raises EngineAway.
        """
        start = ComplaintStart(reference=reference, pack=case.pack, clock=self._clock, case=case)
        return await self._start(COMPLAINT, complaint_workflow_id(reference), start, reopen=True)

    async def execute(self, reference: str, order: Order, wait: timedelta | None = None) -> Outcome | None:
        """Give an order to a complaint. None: it was taken and is still at work after `wait` (else the engine's own).

        Raises Refused, Unknown, EngineAway.
        """
        wait = self._wait if wait is None else wait
        try:
            return await self._update(complaint_workflow_id(reference), order, wait)
        except Unknown:
            case = await self._held_case(reference)
            if case is None:
                raise
        # Archived, or lost with Temporal's database: its record is whole, so it goes on from there.
        start = ComplaintStart(reference=reference, pack=case.pack, clock=self._clock, case=case)
        return await self._update(complaint_workflow_id(reference), order, wait, start)

    async def refusal(self, reference: str, order_id: str) -> Refused | None:
        """The refusal of an order that was taken before, None while it is at work or where nothing is known of it.

        Raises EngineAway.
        """
        workflow_id = (systemic_workflow_id if is_systemic(reference) else complaint_workflow_id)(reference)

        async def ask(client: Client) -> None:
            handle = client.get_workflow_handle(workflow_id)
            await handle.get_update_handle(order_id).result(rpc_timeout=_GLANCE)

        try:
            await self._reach(ask)
        except WorkflowUpdateFailedError as failure:
            refused = _refusal(failure)
            return refused if isinstance(refused, Refused) else None
        except (Unknown, WorkflowUpdateRPCTimeoutOrCancelledError):
            return None
        return None

    async def tell(self, reference: str, order: Order) -> None:
        """Signal a fact to a complaint. Raises Unknown, EngineAway."""
        try:
            await self._signal(complaint_workflow_id(reference), "fact", order)
        except Unknown:
            case = await self._held_case(reference)
            if case is None:
                raise
            await self._start_with_fact(reference, case, order)

    async def nudge(self, reference: str) -> None:
        """Have a complaint's or systemic issue's workflow look whether something is due. Raises Unknown, EngineAway."""
        workflow_id = (systemic_workflow_id if is_systemic(reference) else complaint_workflow_id)(reference)
        await self._signal(workflow_id, "nudge")

    async def live(self, reference: str) -> Live:
        """What the complaint's workflow itself holds. Raises Unknown, EngineAway."""
        return await self._reach(
            lambda client: client.get_workflow_handle(complaint_workflow_id(reference)).query(
                "live", result_type=Live, rpc_timeout=timedelta(seconds=5)
            )
        )

    async def open_systemic(self, reference: str, order: Order) -> None:
        """Start a systemic issue's workflow. Safe to repeat. Raises EngineAway."""
        start = SystemicStart(reference=reference, clock=self._clock, order=order)
        await self._start(SYSTEMIC, systemic_workflow_id(reference), start, reopen=False)

    async def revive_systemic(self, reference: str, issue: SystemicIssue) -> bool:
        """Start a systemic issue's workflow from its record; False where it runs already. Raises EngineAway."""
        start = SystemicStart(reference=reference, clock=self._clock, issue=issue)
        return await self._start(SYSTEMIC, systemic_workflow_id(reference), start, reopen=True)

    async def execute_systemic(
        self, reference: str, order: Order, wait: timedelta | None = None
    ) -> Outcome | None:
        """Give an order to a systemic issue; as `execute`."""
        wait = self._wait if wait is None else wait
        try:
            return await self._update(systemic_workflow_id(reference), order, wait)
        except Unknown:
            issue = await self._held_issue(reference) if self._held_issue is not None else None
            if issue is None:
                raise
        if issue.resolved_at is not None:
            decide_systemic(issue, order)  # its workflow is over: it refuses here in the same words as there
        start = SystemicStart(reference=reference, clock=self._clock, issue=issue)
        return await self._update(systemic_workflow_id(reference), order, wait, start)

    # How it is done ------------------------------------------------------------------------------------

    async def _start(self, workflow: str, workflow_id: str, start: Start, *, reopen: bool) -> bool:
        reuse = WorkflowIDReusePolicy.ALLOW_DUPLICATE if reopen else WorkflowIDReusePolicy.REJECT_DUPLICATE
        conflict = WorkflowIDConflictPolicy.FAIL if reopen else WorkflowIDConflictPolicy.USE_EXISTING

        async def begin(client: Client) -> bool:
            try:
                await client.start_workflow(
                    workflow,
                    start,
                    id=workflow_id,
                    task_queue=self._task_queue,
                    id_reuse_policy=reuse,
                    id_conflict_policy=conflict,
                    rpc_timeout=timedelta(seconds=5),
                )
            except WorkflowAlreadyStartedError:
                return False
            return True

        return await self._reach(begin)

    async def _start_with_fact(self, reference: str, case: Case, order: Order) -> None:
        """Start a complaint from its record with a fact, in one call: an archived one ends as soon as it may."""
        start = ComplaintStart(reference=reference, pack=case.pack, clock=self._clock, case=case)
        await self._reach(
            lambda client: client.start_workflow(
                COMPLAINT,
                start,
                id=complaint_workflow_id(reference),
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal="fact",
                start_signal_args=[order],
                rpc_timeout=timedelta(seconds=5),
            )
        )

    async def _signal(self, workflow_id: str, name: str, *args: Any) -> None:
        await self._reach(
            lambda client: client.get_workflow_handle(workflow_id).signal(
                name, args=args, rpc_timeout=timedelta(seconds=5)
            )
        )

    async def _update(
        self, workflow_id: str, order: Order, wait: timedelta, start: Start | None = None
    ) -> Outcome | None:
        """One update in one round trip, sent again with the same id on what passes, until `wait` has gone by."""
        now = asyncio.get_running_loop().time
        deadline = now() + wait.total_seconds()
        pause = _FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._reach(lambda client: self._send(client, workflow_id, order, start))
            except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
                if await self._accepted(workflow_id, order.id):
                    return None  # it will be carried out, whatever dies
                raise EngineAway("the complaint's worker did not take the order in time") from None
            except _Again as again:
                if now() + pause >= deadline:
                    raise EngineAway("the engine is busy") from again
            except WorkflowUpdateFailedError as failure:
                if not _moving(failure):
                    raise _refusal(failure) from None
                if now() + pause >= deadline:
                    raise EngineAway("the complaint is moving to a new run") from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _send(self, client: Client, workflow_id: str, order: Order, start: Start | None) -> Outcome:
        if start is None:
            handle = client.get_workflow_handle(workflow_id)
            outcome = await handle.execute_update("execute", order, id=order.id, result_type=Outcome)
        else:
            outcome = await client.execute_update_with_start_workflow(
                "execute",
                order,
                id=order.id,
                result_type=Outcome,
                start_workflow_operation=WithStartWorkflowOperation(
                    COMPLAINT if isinstance(start, ComplaintStart) else SYSTEMIC,
                    start,
                    id=workflow_id,
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                ),
            )
        return cast(Outcome, outcome)  # the SDK can not tell the type by the update's name

    async def _accepted(self, workflow_id: str, update_id: str) -> bool:
        """Whether the engine holds the update durably; one that is only admitted dies with the server."""

        def ask(client: Client) -> Awaitable[PollWorkflowExecutionUpdateResponse]:
            request = PollWorkflowExecutionUpdateRequest(
                namespace=client.namespace,
                update_ref=UpdateRef(
                    workflow_execution=WorkflowExecution(workflow_id=workflow_id), update_id=update_id
                ),
                wait_policy=WaitPolicy(
                    lifecycle_stage=UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
                ),
            )
            return client.workflow_service.poll_workflow_execution_update(request, timeout=_GLANCE)

        try:
            async with asyncio.timeout(_GLANCE.total_seconds()):  # with the time that it takes to connect
                answer = await self._reach(ask)
        except (EngineAway, Unknown, TimeoutError):
            return False
        accepted: bool = (
            answer.stage
            >= UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
        )
        return accepted

    async def _reach(self, call: Callable[[Client], Awaitable[T]]) -> T:
        """Run a call on the client; sort what goes wrong into unknown, away, and worth another try."""
        client = await self._connected()
        try:
            return await call(client)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise Unknown(str(error.status.name)) from None
            if error.status in _AGAIN:
                raise _Again from None
            if error.status in _AWAY:
                raise EngineAway(error.status.name) from None
            raise

    async def _connected(self) -> Client:
        if self._client is None:
            async with self._connecting:
                if self._client is None:
                    try:
                        self._client = await self._connect()
                    except (RuntimeError, RPCError, OSError) as error:
                        raise EngineAway("Temporal can not be reached") from error
        return self._client


class _Again(EngineAway):
    """The server asks for another try."""


def _moving(failure: WorkflowUpdateFailedError) -> bool:
    cause = failure.cause
    return isinstance(cause, ApplicationError) and cause.type == MOVING


def _refusal(failure: WorkflowUpdateFailedError) -> Exception:
    cause = failure.cause
    if isinstance(cause, ApplicationError):
        refused = as_refusal(cause)
        if refused is not None:
            return refused
    return failure
