"""The clock: virtual time is exact, never early, never jumps."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runtime.clock import SYSTEM, Clock, ClockSpec

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
instants = st.integers(1_400_000_000_000_000, 2_000_000_000_000_000).map(
    lambda us: SYSTEM.real_anchor + timedelta(microseconds=us)
)
specs = st.builds(ClockSpec, real_anchor=instants, virtual_anchor=instants, speed=st.integers(1, 50))


def test_an_hour_at_3600_times_takes_a_second() -> None:
    spec = ClockSpec(real_anchor=NOON, virtual_anchor=datetime(2024, 1, 1, tzinfo=UTC), speed=3600)
    assert spec.virtual(NOON) == datetime(2024, 1, 1, tzinfo=UTC)
    assert spec.virtual(NOON + timedelta(seconds=1)) == datetime(2024, 1, 1, 1, tzinfo=UTC)
    assert spec.real(datetime(2024, 1, 1, 1, tzinfo=UTC)) == NOON + timedelta(seconds=1)
    assert spec.real_duration(timedelta(hours=72)) == timedelta(seconds=72)


@given(instants)
def test_the_system_clock_changes_nothing(instant: datetime) -> None:
    assert SYSTEM.virtual(instant) == instant == SYSTEM.real(instant)
    assert SYSTEM.is_system


@given(specs, instants)
def test_a_timer_set_for_a_virtual_moment_never_fires_before_it(spec: ClockSpec, virtual: datetime) -> None:
    fires = spec.real(virtual)
    assert spec.virtual(fires) >= virtual
    assert spec.virtual(fires - timedelta(microseconds=1)) < virtual


@given(specs, instants, st.integers(1, 50))
def test_a_change_of_speed_does_not_jump(spec: ClockSpec, real: datetime, speed: int) -> None:
    assert spec.at_speed(speed, real).virtual(real) == spec.virtual(real)


def test_other_zones_are_the_same_instants_and_naive_ones_are_refused() -> None:
    tokyo = timezone(timedelta(hours=9))
    spec = ClockSpec(real_anchor=NOON.astimezone(tokyo), virtual_anchor=NOON, speed=1)
    assert spec.is_system
    assert spec.virtual(NOON.astimezone(tokyo)).tzinfo is UTC
    with pytest.raises(ValueError, match="time zone"):
        spec.virtual(NOON.replace(tzinfo=None))
    with pytest.raises(ValidationError):
        ClockSpec(real_anchor=NOON.replace(tzinfo=None), virtual_anchor=NOON, speed=1)


def test_now_follows_the_spec() -> None:
    long_ago = Clock(ClockSpec(real_anchor=Clock().now(), virtual_anchor=NOON, speed=1))
    assert NOON <= long_ago.now() < NOON + timedelta(minutes=1)
    assert long_ago.now().tzinfo is UTC


def test_a_spec_survives_the_environment() -> None:
    spec = ClockSpec(real_anchor=NOON, virtual_anchor=NOON - timedelta(days=9, microseconds=1), speed=60)
    assert ClockSpec.model_validate_json(spec.model_dump_json()) == spec
