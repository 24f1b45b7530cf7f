"""Counts Temporal actions in real histories, by the rule that Temporal Cloud bills (docs.temporal.io/cloud/actions).

One action each:

* a run that starts: by a client, as a child, or by continue-as-new;
* a child workflow that is ordered, in its parent (its own start counts once more, in its own history);
* a timer that starts;
* an update that the worker accepts (one that its validator refuses is billed too, and leaves no history: callers
  that are refused have to be counted where they are made);
* a signal that a run receives; one that a workflow sends counts once, where it arrives;
* each attempt of an ordinary activity: of those that were retried the history tells the last attempt's number;
* all local activities that one workflow task ran, together: they count one for as long as they end within the
  task's first 100 ms, and every heartbeat of the task begins anew, which shows as a task of its own;
* a side effect or an upsert of search attributes (this service makes neither).

Nothing else is billed: not the workflow tasks, nor the results, nor a timer that fires or is cancelled.
Replays cost nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory

_ONE_EACH = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "runs started",
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: "children ordered",
    EventType.EVENT_TYPE_TIMER_STARTED: "timers",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "updates",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "signals",
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "search attributes",
}
_LOCAL_ACTIVITY = "core_local_activity"
"""The marker by which the SDK records the end of a local activity."""


def actions(history: WorkflowHistory) -> Counter[str]:
    """The actions of one run, by what they were for; `total()` is what is billed."""
    counted: Counter[str] = Counter()
    tasks_with_local_activities: set[int] = set()
    for event in history.events:
        if event.event_type in _ONE_EACH:
            counted[_ONE_EACH[event.event_type]] += 1
        elif event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            # Written when the activity is over, with the number of the attempt that ended it.
            counted["activity attempts"] += event.activity_task_started_event_attributes.attempt
        elif event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            _mark(event, counted, tasks_with_local_activities)
    if tasks_with_local_activities:
        counted["tasks with local activities"] = len(tasks_with_local_activities)
    return counted


def _mark(event: HistoryEvent, counted: Counter[str], tasks: set[int]) -> None:
    marker = event.marker_recorded_event_attributes
    if marker.marker_name == _LOCAL_ACTIVITY:
        tasks.add(marker.workflow_task_completed_event_id)
    else:
        counted["side effects"] += 1


def total_actions(histories: Iterable[WorkflowHistory]) -> Counter[str]:
    """The actions of several runs together."""
    counted: Counter[str] = Counter()
    for history in histories:
        counted += actions(history)
    return counted


async def runs_of(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """The histories of all runs of a workflow, from the first on through every continue-as-new.

    Of a workflow that was started again under its id (recovery) only the latest chain.
    """
    latest = await client.get_workflow_handle(workflow_id).fetch_history()
    run: str = latest.events[0].workflow_execution_started_event_attributes.first_execution_run_id
    found: list[WorkflowHistory] = []
    while run:
        history = await client.get_workflow_handle(workflow_id, run_id=run).fetch_history()
        found.append(history)
        run = history.events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return found
