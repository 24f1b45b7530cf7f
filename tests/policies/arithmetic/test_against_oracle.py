"""The fast arithmetic agrees with the minute-by-minute oracle over thousands of random calendars."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from policies.arithmetic.calendars import Calendar
from policies.arithmetic.deadlines import add_working_days, count_working_days, due_at, elapsed, moved
from policies.arithmetic.durations import Duration, Unit
from tests.policies.arithmetic.slow_oracle import MINUTE, Oracle

DAYS = 3
MINUTES = DAYS * 1440

# A date of local clock change, and what it does there.
CHANGES = (
    ("Europe/London", "2025-03-29"),  # 01:00 becomes 02:00 on the 30th
    ("Europe/London", "2025-10-25"),  # 02:00 becomes 01:00 on the 26th
    ("America/New_York", "2025-03-08"),
    ("America/New_York", "2025-11-01"),
    ("Australia/Lord_Howe", "2025-04-05"),  # half an hour is repeated
    ("Australia/Lord_Howe", "2025-10-04"),
    ("America/Sao_Paulo", "2018-11-03"),  # midnight itself is removed
    ("America/Sao_Paulo", "2018-02-17"),  # the hour before midnight is repeated
    ("America/Havana", "2025-11-01"),  # the hour after midnight is repeated
    ("Africa/Cairo", "2025-04-24"),
    ("Africa/Cairo", "2025-10-30"),
    ("Pacific/Apia", "2011-12-28"),  # the 30th did not exist
    ("Asia/Shanghai", "2025-09-26"),
    ("Asia/Kathmandu", "2025-01-01"),  # 05:45 east
    ("America/St_Johns", "2025-03-08"),
)

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _ranges(dice: random.Random) -> list[list[str]]:
    ranges = []
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        grid = dice.choice((1, 15, 60))
        low, high = (dice.randrange(0, 1440, grid) for _ in "ab")
        closes = "24:00" if dice.random() < 0.15 else f"{high // 60:02}:{high % 60:02}"
        ranges.append([f"{low // 60:02}:{low % 60:02}", closes])
    return ranges


def _calendar(dice: random.Random, zone: str, first: datetime) -> dict[str, Any]:
    days = [(first + timedelta(n)).date().isoformat() for n in range(-1, DAYS + 1)]
    return {
        "timezone": zone,
        "hours": {name: _ranges(dice) for name in NAMES if dice.random() < 0.85},
        "holidays": dice.sample(days, dice.choice((0, 0, 1, 2))),
        "overrides": {day: _ranges(dice) for day in dice.sample(days, dice.choice((0, 0, 1)))},
        "working_dates": dice.sample(days, dice.choice((0, 0, 1))),
    }


def _pauses(dice: random.Random, first: datetime) -> list[tuple[datetime, datetime | None]]:
    found: list[tuple[datetime, datetime | None]] = []
    for _ in range(dice.choice((0, 0, 1, 2, 3))):
        begin = first + dice.randrange(MINUTES) * MINUTE
        found.append((begin, begin + dice.randrange(1500) * MINUTE))
    if dice.random() < 0.1:
        found.append((first + dice.randrange(MINUTES) * MINUTE, None))
    return found


@pytest.mark.parametrize(("zone", "near"), CHANGES)
def test_due_elapsed_and_offsets_are_those_of_the_slow_oracle(zone: str, near: str) -> None:
    dice = random.Random(f"{zone} {near}")  # noqa: S311 - repeatable cases, no secret
    first = datetime.fromisoformat(near).replace(tzinfo=UTC)
    compared = 0
    for _ in range(120):
        said = _calendar(dice, zone, first)
        calendar, oracle = Calendar.model_validate(said), Oracle(said, first, MINUTES)
        pauses = _pauses(dice, first)
        start = first + dice.randrange(MINUTES // 2) * MINUTE
        end = start + dice.randrange(MINUTES // 2) * MINUTE

        expected = oracle.elapsed(start, end, pauses)
        assert elapsed(start, end, calendar, pauses) == expected, (said, start, end, pauses)

        minutes = dice.choice((0, 1, expected // MINUTE, dice.randrange(1500)))
        due = oracle.due(start, minutes, pauses)
        if due is None:
            continue
        compared += 1
        length = Duration(amount=minutes, unit=Unit.WORKING_MINUTES)
        assert due_at(start, length, calendar, pauses) == due, (said, start, minutes, pauses)
        closed = [(low, high) for low, high in pauses if high is not None]
        if minutes and len(closed) == len(pauses):
            back = moved(due, -minutes * MINUTE, calendar, closed)
            assert back is not None
            assert back >= start >= first
            assert oracle.elapsed(back, due, closed) == minutes * MINUTE
    assert compared > 30, "too few cases reached a due moment for the comparison to mean anything"


@pytest.mark.parametrize(("zone", "near"), CHANGES)
def test_working_days_are_those_with_an_open_range(zone: str, near: str) -> None:
    dice = random.Random(f"days {zone} {near}")  # noqa: S311 - repeatable cases, no secret
    first = datetime.fromisoformat(near).replace(tzinfo=UTC)
    for _ in range(40):
        said = _calendar(dice, zone, first)
        calendar, oracle = Calendar.model_validate(said), Oracle(said, first, 1)
        begin = first.date() + timedelta(dice.randrange(-30, 3))
        days = [begin + timedelta(n) for n in range(dice.randrange(60))]
        works = [day for day in days if oracle.ranges(day)]
        end = begin + timedelta(len(days))
        assert count_working_days(begin, end, calendar) == len(works), said
        for number, day in enumerate(works, start=1):
            assert add_working_days(begin - timedelta(1), number, calendar) == day, said
            assert add_working_days(end, number - len(works) - 1, calendar) == day, said
