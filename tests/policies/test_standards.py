"""Every clock of every standard and regulator: kept a second before due and at due, broken a second after."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.occurrences import ClockBreached, ClockState
from policies.loading import packs_available
from tests.complaints.support import Story
from tests.policies.boundary import SECOND, Promise, begun, moment, pack_of, run_of
from tests.policies.promises_of_regulators import REGULATORS
from tests.policies.promises_of_standards import STANDARDS

PROMISES = (*STANDARDS, *REGULATORS)
NAMES = tuple(path.stem for path in packs_available())

each = pytest.mark.parametrize("promise", PROMISES, ids=str)


def broken(story: Story, promise: Promise) -> list[ClockBreached]:
    return [event for event in story.told(ClockBreached) if event.clock == promise.clock]


@each
def test_it_is_due_at_the_moment_that_the_source_says(promise: Promise) -> None:
    story = begun(promise)
    run = run_of(story, promise)
    assert run.started_at == moment(promise, promise.starts)
    assert run.due_at == moment(promise, promise.due)


@each
@pytest.mark.parametrize("early", [SECOND, timedelta()], ids=["a-second-before", "at-due"])
def test_done_a_second_before_due_or_at_due_it_is_kept(promise: Promise, early: timedelta) -> None:
    story = begun(promise)
    promise.meets(story, moment(promise, promise.due) - early)
    run = run_of(story, promise)
    assert run.state is ClockState.MET
    assert run.met_at == moment(promise, promise.due) - early
    story.until(story.now + timedelta(days=1))
    assert not broken(story, promise)


@each
def test_done_a_second_after_due_it_is_broken_and_kept_late(promise: Promise) -> None:
    story = begun(promise)
    due_at = moment(promise, promise.due)
    story.until(due_at)
    assert not broken(story, promise)
    tier = story.case.handling_tier
    promise.meets(story, due_at + SECOND)
    run = run_of(story, promise)
    assert [event.due_at for event in broken(story, promise)] == [due_at]
    if promise.moves_up:
        assert (run.state, story.case.handling_tier) == (ClockState.STOPPED, tier + 1)
    else:
        assert (run.state, run.met_at) == (ClockState.MET_LATE, due_at + SECOND)


def test_no_clock_of_any_pack_is_without_its_line() -> None:
    said = {(promise.pack, promise.clock) for promise in PROMISES}
    published = {
        (name, rule.id)
        for name in NAMES
        for parameter in (None, *pack_of(name).parameters)
        for rule in pack_of(name, parameter).clocks
    }
    assert said == published
