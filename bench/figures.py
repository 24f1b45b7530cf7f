"""The arithmetic of the measurements: percentiles, rates and ratios, and whether a target is met. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `share` (0 < share ≤ 1) are not above.

    `sorted_values` ascend and are not empty. Always a value that was measured, none in between.
    """
    if not sorted_values or not 0 < share <= 1:
        raise ValueError("A percentile needs values, and a share above 0 and up to 1.")
    return sorted_values[math.ceil(share * len(sorted_values)) - 1]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a set of calls came to: how many, their times in milliseconds, and calls per second."""

    count: int
    p50: float
    p90: float
    p99: float
    rate: float


def summary(seconds: Iterable[float], elapsed: float) -> Summary:
    """The summary of calls that took `seconds` each, all within `elapsed` seconds of measuring."""
    ordered = sorted(seconds)
    p50, p90, p99 = (percentile(ordered, share) * 1000 for share in (0.50, 0.90, 0.99))
    return Summary(len(ordered), p50, p90, p99, len(ordered) / elapsed)


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the report: what was measured against what it should be.

    `at_most` or `at_least` is the target; exactly one is given. Raises ValueError otherwise.
    """

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("A target is either an upper or a lower bound.")

    @property
    def met(self) -> bool:
        if self.at_most is not None:
            return self.value <= self.at_most
        return self.at_least is not None and self.value >= self.at_least

    @property
    def wanted(self) -> str:
        """The bound, as a person reads it."""
        bound = f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"
        return f"{bound} {self.unit}".strip()


def ratio(ours: float, bare: float) -> float:
    """Ours against the yardstick's. Raises ValueError where the yardstick measured nothing."""
    if bare <= 0:
        raise ValueError("The yardstick measured nothing.")
    return ours / bare
