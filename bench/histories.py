"""What a complaint costs in Temporal, from real histories: actions of a life, events of a year, time of a replay."""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails

from complaints.case import Case
from complaints.lifecycle import due, fold, next_wakeup
from policies.pack import Pack
from runtime.engine import DATA_CONVERTER
from tests.support.actions import runs_of, total_actions
from tests.support.lives import Life, plain_life
from tests.support.living import PACK, Living
from tests.support.waiting import eventually
from worker import WORKFLOWS
from workflows.contract import complaint_workflow_id

YEAR = timedelta(days=365)
EVENTS_OF_A_WAKE = 6
"""What one acted wake-up adds to a history: the timer, its firing, a task of three, and the commit's marker."""


async def life_actions(service: Living) -> Counter[str]:
    """The actions of one plain life, from receipt to archive, by what they were for."""
    life = await plain_life(service)
    return total_actions(await runs_of(service.client, complaint_workflow_id(life.reference)))


@dataclass(frozen=True)
class Year:
    """A neglected complaint: its history's events, the wake-ups that happened, and those of a patient clock.

    On a fast clock alarms that lie minutes apart may be said in one wake-up; `events` counts each as its own.
    """

    recorded: int
    wakes: int
    wakes_in_calm: int

    @property
    def events(self) -> int:
        return self.recorded + EVENTS_OF_A_WAKE * (self.wakes_in_calm - self.wakes)


async def year_of_sleep(service: Living, within: float) -> Year:
    """A complaint that nobody touches, until time has nothing more to say to it, or for a year.

    `within` are real seconds. Raises AssertionError where its last alarm has not gone by then.
    """
    life = await Life.begun(service, PACK)
    received = await service.case(life.reference)
    until = received.received_at + YEAR

    async def said_all() -> bool:
        wake = next_wakeup(PACK, await service.case(life.reference))
        return wake is None or wake > until

    await eventually(said_all, within=within, what="the last alarm of a year")
    histories = await runs_of(service.client, complaint_workflow_id(life.reference))
    recorded = sum(len(history.events) for history in histories)
    return Year(recorded, total_actions(histories)["timers"], wakes_of(PACK, received, YEAR))


def wakes_of(pack: Pack, case: Case, span: timedelta) -> int:
    """How often time alone wakes a complaint in `span` from its receipt, each wake-up in its own moment."""
    wakes, until = 0, case.received_at + span
    while (wake := next_wakeup(pack, case)) is not None and wake <= until:
        wakes += 1
        case = fold(due(pack, case, wake), case)
    return wakes


async def longest_histories(client: Client, references: Sequence[str], count: int) -> list[WorkflowHistory]:
    """The histories of the latest runs of these complaints that have the most events, longest first."""
    handles = [client.get_workflow_handle(complaint_workflow_id(reference)) for reference in references]
    lengths = {handle.id: (await handle.describe()).history_length for handle in handles}
    handles.sort(key=lambda handle: -lengths[handle.id])
    return [await handle.fetch_history() for handle in handles[:count]]


@dataclass(frozen=True)
class Replayed:
    """The largest workflow task, in milliseconds, and how much was replayed."""

    largest_ms: float
    tasks: int
    events: int


async def replayed(histories: Iterable[WorkflowHistory], times: int = 3) -> Replayed:
    """Each history replayed `times` times by the worker's own runner; a task's time is the median of these.

    The making of a workflow counts to its first task. Raises what the SDK raises for one that goes astray.
    """
    largest, tasks, events = 0.0, 0, 0
    for history in histories:
        taken: dict[int, list[float]] = defaultdict(list)
        for _ in range(times):
            runner = _TimedRunner()
            replayer = Replayer(workflows=WORKFLOWS, workflow_runner=runner, data_converter=DATA_CONVERTER)
            await replayer.replay_workflow(history)
            for task, seconds in runner.taken.items():
                taken[task].append(seconds)
        largest = max(largest, *(statistics.median(seconds) for seconds in taken.values()))
        tasks += len(taken)
        events += len(history.events)
    return Replayed(largest * 1000, tasks, events)


class _TimedRunner(UnsandboxedWorkflowRunner):
    """The worker's runner, with a watch: seconds by workflow task, which is told by the history's length at it.

    A task may take several activations (one more for each local activity that it waited for).
    """

    def __init__(self) -> None:
        self.taken: dict[int, float] = defaultdict(float)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        began = time.perf_counter()
        instance = super().create_instance(det)
        made = time.perf_counter() - began
        activate = instance.activate

        def timed(act: WorkflowActivation) -> WorkflowActivationCompletion:
            nonlocal made
            start = time.perf_counter()
            try:
                return activate(act)
            finally:
                self.taken[act.history_length] += time.perf_counter() - start + made
                made = 0.0

        instance.activate = timed  # type: ignore[method-assign]
        return instance
