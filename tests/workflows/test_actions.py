"""What a complaint costs in Temporal, by its real histories: actions in a whole life, events in a year of sleep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from complaints.lifecycle import due, evolve, next_wakeup
from runtime.clock import Clock, ClockSpec
from runtime.settings import Settings
from tests.support.actions import runs_of, total_actions
from tests.support.lives import BRISK, Life, plain_life
from tests.support.living import PACK, Living, living
from tests.support.waiting import eventually
from workflows.contract import complaint_workflow_id

YEAR = timedelta(days=365)
EVENTS_OF_A_WAKE = 6
"""What one acted wake-up adds to a history: the timer, its firing, a task of three, and the commit's marker."""


def at_speed(settings: Settings, speed: int) -> Settings:
    now = Clock().now()
    clock = ClockSpec(real_anchor=now, virtual_anchor=now, speed=speed)
    return settings.model_copy(update={"clock": clock})


@pytest.fixture
async def quick(settings: Settings) -> AsyncIterator[Living]:
    """A service whose minute lasts a second."""
    async with living(at_speed(settings, 60), BRISK) as service:
        yield service


@pytest.fixture
async def sleeping(settings: Settings) -> AsyncIterator[Living]:
    """A service whose two days last a quarter of a minute."""
    async with living(at_speed(settings, 12_000)) as service:
        yield service


async def test_a_life_from_receipt_to_archive_takes_at_most_forty_actions(quick: Living) -> None:
    life = await plain_life(quick)
    histories = await runs_of(quick.client, complaint_workflow_id(life.reference))
    counted = total_actions(histories)
    assert counted["updates"] == 13, f"the life is another one than was counted on: {counted}"
    assert counted.total() <= 40, counted


async def test_a_complaint_asleep_for_a_year_has_at_most_two_hundred_events(sleeping: Living) -> None:
    """Nobody does anything. When the last alarm has gone, time has nothing more to say, this year or ever."""
    life = await Life.begun(sleeping, PACK)
    received = await sleeping.case(life.reference)

    async def all_said() -> bool:
        return next_wakeup(PACK, await sleeping.case(life.reference)) is None

    await eventually(all_said, within=90.0, what="the last alarm")
    histories = await runs_of(sleeping.client, complaint_workflow_id(life.reference))
    events = sum(len(history.events) for history in histories)
    timers = total_actions(histories)["timers"]
    # Temporal's timers are true to about a second, hours here: alarms that lie closer are said in one wake-up.
    # Each that was spared so is counted as if it had been its own.
    case, wakes = received, 0
    while (wake := next_wakeup(PACK, case)) is not None and wake < received.received_at + YEAR:
        wakes += 1
        for told in due(PACK, case, wake):
            case = evolve(case, told)
    assert wakes >= timers, "the workflow woke for nothing"
    assert events + EVENTS_OF_A_WAKE * (wakes - timers) <= 200, f"{events} events, {timers} of {wakes} timers"
