"""The count of wake-ups in a year, on which the bench's figure for a sleeping complaint rests."""

from __future__ import annotations

from datetime import timedelta

from bench.histories import YEAR, Year, wakes_of
from tests.complaints.support import PACK, Story


def test_alarms_said_together_on_a_fast_clock_count_as_if_each_had_its_own_wake_up() -> None:
    assert Year(recorded=100, wakes=15, wakes_in_calm=15).events == 100
    assert Year(recorded=100, wakes=15, wakes_in_calm=22).events == 142


def test_a_longer_time_of_neglect_wakes_more_often_until_nothing_is_left_to_say() -> None:
    case = Story().case
    first_hour = wakes_of(PACK, case, timedelta(hours=1))
    assert 0 < first_hour < wakes_of(PACK, case, YEAR) == wakes_of(PACK, case, 2 * YEAR)
