"""Suspicion: as many complaints of as many sites as the pack says, within its span to the very moment, and no fewer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from complaints.base import INSTANT
from complaints.systemic.sites import region_of, spread
from complaints.systemic.suspicion import Told, alert, earliest, suspected
from policies.arithmetic.durations import Duration
from policies.pack import Pack
from policies.rules import Basis, Source, SystemicSuspicion
from tests.complaints.support import PACK

NOW = datetime(2025, 10, 15, 4, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def pack(within: str = "24 h", complaints: int = 3, sites: int = 2) -> Pack:
    rule = SystemicSuspicion(
        basis=Basis.CHOICE,
        source=Source(document="service-standards", section="S4.2"),
        since=date(2025, 1, 1),
        chosen_by="us",
        complaints=complaints,
        sites=sites,
        within=Duration.parse(within),
    )
    return PACK.model_copy(update={"systemic_suspected": rule})


def told(number: int, site: str, ago: timedelta = timedelta(hours=1), problem: str = "till") -> Told:
    return Told(f"R{number}", problem, site, NOW - ago)


@pytest.mark.parametrize(
    ("ago", "counts"), [(DAY - INSTANT, True), (DAY, True), (DAY + INSTANT, False), (timedelta(), True)]
)
def test_what_came_in_exactly_at_the_beginning_of_the_span_counts(ago: timedelta, counts: bool) -> None:
    complaints = [told(1, "a", ago), told(2, "a"), told(3, "b")]
    assert bool(suspected(pack(), complaints, NOW)) is counts


@pytest.mark.parametrize(
    ("sites", "counts"), [("aab", True), ("aaa", False), ("ab", False), ("abc", True), ("aabb", True)]
)
def test_there_are_to_be_enough_complaints_and_enough_sites(sites: str, counts: bool) -> None:
    found = suspected(pack(), [told(n, site) for n, site in enumerate(sites)], NOW)
    assert bool(found) is counts
    if counts:
        assert found[0].complaints == tuple(f"R{n}" for n in range(len(sites)))
        assert sum(count for _, count in found[0].sites) == len(sites)


def test_problems_are_counted_apart() -> None:
    mixed = [told(1, "a"), told(2, "b", problem="card"), told(3, "b")]
    assert suspected(pack(), mixed, NOW) == ()


@pytest.mark.parametrize("within", ["24 h", "90 min", "7 calendar days", "2 weeks", "1 month", "1 year"])
def test_the_span_begins_where_its_end_is_not_yet_over(within: str) -> None:
    rule, span = pack(within), Duration.parse(within)
    first = earliest(rule, NOW)
    assert rule.after(first, span) >= NOW
    assert rule.after(first - INSTANT, span) < NOW


def test_a_pack_without_the_rule_suspects_nothing() -> None:
    none = PACK.model_copy(update={"systemic_suspected": None})
    assert suspected(none, [told(n, str(n)) for n in range(50)], NOW) == ()
    with pytest.raises(ValueError, match="suspects nothing"):
        earliest(none, NOW)


def test_working_time_is_no_span_to_look_back_over() -> None:
    with pytest.raises(ValueError, match="over days or hours"):
        earliest(pack("4 working hours"), NOW)


def test_the_alert_is_the_same_all_week_and_another_in_the_next() -> None:
    (found,) = suspected(pack(), [told(1, "a"), told(2, "b"), told(3, "b")], NOW)
    monday = datetime(2025, 10, 13, tzinfo=UTC)
    keys = {alert(found, monday + timedelta(hours=hours)).dedupe for hours in range(7 * 24)}
    assert keys == {f"suspected/{PACK.name}/till/2025-W42"}
    assert alert(found, monday + 7 * DAY).dedupe.endswith("2025-W43")
    assert alert(found, NOW).to == "role:supervisor"


def test_complaints_are_counted_by_site_and_by_region() -> None:
    found = spread(["north-1", "north-2", "north-1", "south-1", "kiosk", None, ""])
    assert found.sites == (("north-1", 2), ("kiosk", 1), ("north-2", 1), ("south-1", 1))
    assert found.regions == (("north", 3), ("south", 1))
    assert found.nowhere == 2
    assert region_of("kiosk") is None
