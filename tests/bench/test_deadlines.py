"""What the bench says of a burst: one alert left out, or given twice, must not look like success."""

from __future__ import annotations

from bench.deadlines import Burst


def test_a_burst_tells_its_slow_end_and_everything_that_was_not_queued_exactly_once() -> None:
    lags = tuple(n / 100 for n in range(1, 101))
    burst = Burst(lags=lags, missing=1, unexpected=2, doubled=3, lasted=60.0)
    assert (burst.p50, burst.p99, burst.worst) == (0.5, 0.99, 1.0)
    assert burst.wrong == 6
    assert burst.summary.count == 100
    assert burst.summary.p99 == 990.0
