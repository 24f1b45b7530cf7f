"""What the bench says of a burst: one alert left out, or given twice, must not look like success."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.deadline_chapter import part
from bench.deadlines import Burst, Held
from bench.figures import Target
from bench.report import Machine, Report, as_page, write
from runtime.waiting import TooLateError


def test_a_burst_tells_its_slow_end_and_everything_that_was_not_queued_exactly_once() -> None:
    lags = tuple(n / 100 for n in range(1, 101))
    burst = Burst(lags=lags, missing=1, unexpected=2, doubled=3, lasted=60.0)
    assert (burst.p50, burst.p99, burst.worst) == (0.5, 0.99, 1.0)
    assert burst.wrong == 6
    assert burst.summary.count == 100
    assert burst.summary.p99 == 990.0


def test_memory_is_judged_once_warm_by_its_end_and_by_its_slope() -> None:
    warming = (50.0, 70.0, 90.0)
    held = Held((*warming, 100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0), hours=1.0)
    assert held.grown == pytest.approx(6.0)
    assert held.slope == pytest.approx(10.0), "ten looks an hour, and a megabyte from look to look"
    flat = Held((*warming, *(100.0,) * 7), hours=1.0)
    assert (flat.grown, flat.slope) == (0.0, 0.0)


async def test_a_part_that_can_not_be_measured_is_told_and_costs_no_other_its_figures(tmp_path: Path) -> None:
    machine = Machine("two-cores", "A processor", 2, 8.0, "Linux 6", "3.11", {"PostgreSQL": "18"}, 0.1)
    report = Report(datetime(2026, 3, 2, tzinfo=UTC), quick=False, machine=machine)
    written: list[str] = []

    def keep() -> None:
        _, page = write(report, tmp_path)
        written.append(page.read_text())

    async def fails() -> None:
        raise TooLateError("the machine is too busy")

    async def succeeds() -> None:
        report.targets.append(Target("measured all the same", 1.0, "s", at_most=2.0))

    await part(report, "The burst", fails, keep, lambda _: None)
    await part(report, "Memory", succeeds, keep, lambda _: None)
    report.finished = True
    assert "the machine is too busy" in written[0]
    assert "measured all the same" in written[1]
    assert "not finished" in written[1], "it is read while the run goes on, or was ended"
    assert "**Not all targets are met.**" in as_page(report)
    assert "not finished" not in as_page(report)
