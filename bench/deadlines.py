"""Deadlines: how long from the moment that calls for an alert until it is queued, when thousands fall due together.

A real scheduler, worker, Temporal and PostgreSQL. Lateness is read out of the outbox afterwards: each row has the
moment that called for it, and the database's time of the statement that queued it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import linear_regression

from sqlalchemy import text

from bench.falling_due import (
    RECORDED_EACH_SECOND,
    SETTLES_WITHIN,
    Expected,
    Office,
    asleep,
    over,
    until_recorded,
)
from bench.figures import Summary, percentile, summary
from bench.processor import each, used
from ledger.database import autocommit
from runtime.child import Running
from runtime.waiting import TooLateError, until

_WARM = 0.35


@dataclass(frozen=True)
class Backlog:
    """What workflows had not recorded when the last alert was queued: how many, and how many after `seconds` more.

    `processor`: milliseconds for each that was recorded meanwhile, by part.
    """

    at_first: int
    at_last: int
    seconds: float
    processor: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Recorded each second."""
        return (self.at_first - self.at_last) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Burst:
    """What came of deadlines that fell due: for each message that was called for, how late it was queued, in seconds.

    `missing` were called for and not queued, `unexpected` queued and not called for, `doubled` queued twice.
    `processor`: milliseconds for each deadline, by part, until all was queued and recorded.
    """

    lags: tuple[float, ...]
    missing: int
    unexpected: int
    doubled: int
    lasted: float
    processor: Mapping[str, float] = field(default_factory=dict)
    backlog: Backlog | None = None

    @property
    def summary(self) -> Summary:
        return summary(self.lags, self.lasted)

    @property
    def worst(self) -> float:
        return max(self.lags)

    @property
    def p50(self) -> float:
        return percentile(sorted(self.lags), 0.50)

    @property
    def p99(self) -> float:
        return percentile(sorted(self.lags), 0.99)

    @property
    def wrong(self) -> int:
        """Alerts that were not queued exactly once."""
        return self.missing + self.unexpected + self.doubled


async def fell_due(office: Office, expected: Expected, *, recorded: bool) -> Burst:
    """Waits until what is expected was queued (and, with `recorded`, workflows have recorded it); what came of it."""
    speed = office.settings.clock_spec.speed
    window = {
        "first": expected.first,
        "last": expected.last + timedelta(seconds=1),
        "streams": list(expected.streams),  # those that were made to see how long it takes are not asked for
    }
    before = used(office.parts)

    async def all_queued() -> bool:
        async with autocommit(office.sql).connect() as conn:
            queued = int(await conn.scalar(_QUEUED, {"keys": list(expected.keys)}) or 0)
        return queued == len(expected.keys)

    await over(
        office, expected.last, recorded=False
    )  # to look at the outbox meanwhile would be part of the load
    try:
        await until(all_queued, within=SETTLES_WITHIN, what="every alert to be queued", every=1.0)
    except TooLateError as error:  # how many are missing is told below
        office.say(f"  {error}")
    backlog = await _worked_off(office, expected) if recorded else None
    processor = each(before, used(office.parts), len(expected.streams))
    async with autocommit(office.sql).connect() as conn:
        rows = (await conn.execute(_ROWS, window)).all()
    lags = tuple(
        (row.queued_at - office.settings.clock_spec.real(row.called_at)).total_seconds()
        for row in rows
        if row.dedupe in expected.keys
    )
    calls = Counter((r.stream, r.clock, r.occurrence, r.rung, r.repeat, r.who, r.channel) for r in rows)
    lasted = (expected.last - expected.first) / speed
    return Burst(
        lags=lags,
        missing=len(expected.keys - {row.dedupe for row in rows}),
        unexpected=sum(row.dedupe not in expected.keys for row in rows),
        doubled=sum(times - 1 for times in calls.values()),
        lasted=lasted.total_seconds(),
        processor=processor,
        backlog=backlog,
    )


async def _worked_off(office: Office, expected: Expected) -> Backlog:
    """Waits until the workflows have recorded every breach, within patience; how quickly they did."""
    before, began = used(office.parts), time.monotonic()
    at_first, at_last = await asleep(office, expected.last), 0
    office.say(f"  waiting until the workflows have recorded it, {at_first} to go …")
    try:
        await until_recorded(
            office, expected.last, SETTLES_WITHIN + len(expected.streams) / RECORDED_EACH_SECOND
        )
    except TooLateError as error:  # what was alerted is measured all the same; the record comes when it can
        at_last = await asleep(office, expected.last)
        office.say(f"  {error} {at_last} are not recorded yet.")
    seconds = time.monotonic() - began
    return Backlog(at_first, at_last, seconds, each(before, used(office.parts), at_first - at_last))


@dataclass(frozen=True)
class Held:
    """What a process held, in megabytes, looked at evenly over `hours` of its own time."""

    samples: tuple[float, ...]
    hours: float

    @property
    def counted(self) -> tuple[float, ...]:
        """Without the beginning: caches fill, and the interpreter takes what it will need."""
        return self.samples[int(len(self.samples) * _WARM) :]

    @property
    def grown(self) -> float:
        """Per cent more at the end than when it was warm."""
        return (self.counted[-1] / self.counted[0] - 1) * 100

    @property
    def slope(self) -> float:
        """Megabytes for each hour of its own time, once warm: the straight line nearest to the samples."""
        step = self.hours / len(self.samples)
        return linear_regression([step * n for n in range(len(self.counted))], self.counted).slope

    @property
    def sentence(self) -> str:
        """All of it, for people."""
        looks = ", ".join(f"{mb:.1f}" for mb in self.samples)
        return (
            f"in MB, looked at {len(self.samples)} times: {looks}. The first {_WARM:.0%} are warming up; from then on"
            f" {self.slope:+.1f} MB an hour."
        )


async def memory_over(running: Running, seconds: float, hours: float = 1.0, samples: int = 40) -> Held:
    """What a process holds in so many real seconds, which are so many hours of its own time."""
    found = []
    for _ in range(samples):
        await asyncio.sleep(seconds / samples)
        found.append(resident_mb(running.pid))
    return Held(tuple(found), hours)


def resident_mb(pid: int) -> float:
    """The memory that a process holds, in megabytes. Raises OSError where there is no such process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


_QUEUED = text("SELECT count(*) FROM outbox WHERE dedupe = ANY (:keys)")
_ROWS = text(
    """
    SELECT stream, clock, occurrence, rung, repeat, who, channel, dedupe, called_at, queued_at FROM outbox
    WHERE called_at >= :first AND called_at < :last AND stream = ANY (:streams)
    """
)
