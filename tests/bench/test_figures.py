"""The bench's own arithmetic: a wrong percentile or a target read the wrong way round would flatter for years."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.figures import Target, percentile, ratio, summary
from bench.measure import Side, compare
from bench.report import Machine, Report, as_data, as_page, write


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 0.5, 7.0),
        ([7.0], 0.99, 7.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.50, 50.0),
        ([float(n) for n in range(1, 101)], 0.90, 90.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 101)], 1.0, 100.0),
        ([float(n) for n in range(1, 102)], 0.99, 100.0),
    ],
)
def test_a_percentile_is_the_smallest_measured_value_that_covers_its_share(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.1)])
def test_a_percentile_of_nothing_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="needs values"):
        percentile(values, share)


def test_a_summary_sorts_its_times_and_tells_milliseconds_and_calls_per_second() -> None:
    told = summary((0.4, 0.1, 0.3, 0.2), elapsed=2.0)
    assert (told.count, told.p50, told.p90, told.p99, told.rate) == (4, 200.0, 400.0, 400.0, 2.0)


def test_a_target_knows_on_which_side_of_it_is_good() -> None:
    assert Target("latency", 0.7, "×", at_most=0.7).met
    assert not Target("latency", 0.71, "×", at_most=0.7).met
    assert Target("throughput", 1.2, "×", at_least=1.2).met
    assert not Target("throughput", 1.19, "×", at_least=1.2).met


@pytest.mark.parametrize("bounds", [{}, {"at_most": 1.0, "at_least": 1.0}])
def test_a_target_without_one_clear_bound_is_refused(bounds: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="bound"):
        Target("either way", 1.0, "", **bounds)


def test_a_ratio_to_a_yardstick_that_measured_nothing_is_refused() -> None:
    assert ratio(3.0, 2.0) == 1.5
    with pytest.raises(ValueError, match="nothing"):
        ratio(3.0, 0.0)


async def test_both_sides_are_measured_in_turns_by_all_their_callers_and_the_warm_up_is_not_counted() -> None:
    order: list[str] = []
    settled: list[int] = []

    def side(name: str) -> Side:
        async def call() -> str:
            if order[-1:] != [name]:
                order.append(name)
            await asyncio.sleep(0)
            return name

        async def settle() -> None:
            settled.append(len(order))

        return Side(name, (call, call), settle)

    ours, bare = await compare(side("ours"), side("bare"), rounds=2, seconds=0.02)
    assert order == ["ours", "bare", "ours", "bare", "ours"], (
        "who begins changes: ours, bare, then bare, ours"
    )
    assert len(settled) == 6
    assert set(ours.kinds()) == {"ours"}
    assert set(bare.kinds()) == {"bare"}
    for taken in (ours, bare):
        assert taken.elapsed >= 0.04, "both counted rounds, without the warm-up"
        assert taken.all().rate == pytest.approx(taken.all().count / taken.elapsed)


def _report(*targets: Target) -> Report:
    machine = Machine("two-cores", "A processor", 2, 8.0, "Linux 6", "3.11", {"PostgreSQL": "18"}, 0.1)
    report = Report(datetime(2026, 3, 2, tzinfo=UTC), quick=False, machine=machine, targets=list(targets))
    report.finished = True
    report.rows["command"] = summary((0.1,), 1.0)
    return report


def test_the_report_says_plainly_what_was_not_met(tmp_path: Path) -> None:
    missed = _report(Target("fast", 0.9, "×", at_most=0.7), Target("slim", 38, "actions", at_most=40))
    page = as_page(missed)
    assert "**Not all targets are met.**" in page
    assert "| fast | 0.90 × | ≤ 0.7 × | **not met** |" in page
    assert "| slim | 38 actions | ≤ 40 actions | met |" in page
    assert as_data(missed)["all_met"] is False
    data, written = write(missed, tmp_path)
    assert (data.name, written.name) == ("2026-03-02-two-cores.json", "2026-03-02-two-cores.md")


def test_the_report_says_when_all_is_met() -> None:
    met = _report(Target("fast", 0.5, "×", at_most=0.7))
    assert "All targets are met." in as_page(met)
    assert as_data(met)["all_met"] is True


def test_a_run_that_is_broken_off_does_not_take_the_place_of_one_that_came_to_its_end(tmp_path: Path) -> None:
    whole, broken_off = _report(Target("fast", 0.5, "×", at_most=0.7)), _report()
    _, page = write(whole, tmp_path)
    broken_off.finished = False
    _, beside = write(broken_off, tmp_path)
    assert "All targets are met." in page.read_text()
    assert "not finished" in beside.read_text()
    write(whole, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [page.with_suffix(".json").name, page.name]
