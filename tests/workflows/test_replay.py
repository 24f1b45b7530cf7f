"""Recorded histories replay under today's code: a change that would break what runs in production fails here.

How they were recorded, and when to do it anew, is said in record_histories.py.
"""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from runtime.engine import DATA_CONVERTER
from tests.workflows import recorded
from worker import WORKFLOWS, sandbox
from workflows import packs


@pytest.fixture(autouse=True)
def held_packs() -> None:
    """The packs as they were when the complaints were pinned to them, word for word."""
    for digest, pack in recorded.packs().items():
        assert pack.digest == digest, (
            "a published pack no longer reads as it was published: its digest changed"
        )
        packs.hold(pack)


async def replay(history: WorkflowHistory) -> Exception | None:
    """What is wrong with a history, replayed as the worker would: its workflows, sandbox and converter."""
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=sandbox(), data_converter=DATA_CONVERTER)
    return (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure


@pytest.mark.parametrize("name", recorded.names())
async def test_a_recorded_history_replays(name: str) -> None:
    assert await replay(recorded.read(name)) is None


def _events(name: str, kind: EventType.ValueType) -> int:
    return sum(event.event_type == kind for event in recorded.read(name).events)


def test_the_histories_hold_what_they_were_recorded_for() -> None:
    """A story that was recorded without its point would replay for ever and guard nothing."""
    names = recorded.names()
    assert sum(name.startswith("continue-as-new-complaint") for name in names) >= 2, "it moved to no new run"
    moved = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
    assert _events("continue-as-new-complaint-1", moved) == 1
    patient = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
    assert _events("database-away-complaint-1", patient) == 1, "the patient activity was not needed"
    assert _events("late-payment-payment-1", patient) == 1, "the provider was not asked again"
    assert _events("breach-complaint-1", EventType.EVENT_TYPE_TIMER_FIRED) >= 10
    assert _events("paid-life-complaint-1", EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED) == 1
    assert _events("paid-life-payment-1", EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED) == 1
    ordered = EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED
    assert _events("paid-life-complaint-1", ordered) == 1
    told = EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED
    assert _events("systemic-systemic-1", told) >= 4
    assert _events("systemic-systemic-1", EventType.EVENT_TYPE_TIMER_STARTED) == 0, "it was no outage"
    assert _events("outage-systemic-1", EventType.EVENT_TYPE_TIMER_FIRED) >= 2, "nobody was silent"
    assert _events("risk-systemic-1", EventType.EVENT_TYPE_TIMER_FIRED) == 1, "the review was made in time"
    for name, least in (("dispute-complaint-1", 15), ("pause-complaint-1", 6)):
        assert _events(name, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED) >= least


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        (
            "breach-complaint-1",
            "workflows.complaint.next_wakeup",
        ),  # the complaint would set no timer any more
        ("outage-systemic-1", "workflows.systemic.next_wakeup_systemic"),  # nobody would hear of silence
        ("risk-systemic-1", "workflows.systemic.next_wakeup_systemic"),  # nor of a review that nobody makes
        ("paid-life-complaint-1", "workflows.complaint.payment_workflow_id"),  # it would start another child
    ],
)
async def test_code_that_goes_another_way_is_found(
    name: str, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed, lambda *_: None if "wakeup" in changed else "payment/another")
    failure = await replay(recorded.read(name))
    assert failure is not None
    assert "TMPRL1100" in str(failure), "that is the code by which the SDK names a history gone astray"
