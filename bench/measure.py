"""Measuring: closed loops of callers, ours and the yardstick's in turns, so that both meet the same weather."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.figures import Summary, summary
from bench.loads import Call


@dataclass(frozen=True)
class Side:
    """One of the two that are compared. `settle` is awaited at the end of a round, within its time."""

    name: str
    callers: Sequence[Call]
    settle: Callable[[], Awaitable[None]] | None = None


@dataclass
class Taken:
    """The times of one side over all counted rounds, by kind of call, in seconds."""

    by_kind: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    elapsed: float = 0.0

    def all(self) -> Summary:
        return summary((took for times in self.by_kind.values() for took in times), self.elapsed)

    def kinds(self) -> Mapping[str, Summary]:
        return {kind: summary(times, self.elapsed) for kind, times in self.by_kind.items()}


async def compare(a: Side, b: Side, *, rounds: int, seconds: float) -> tuple[Taken, Taken]:
    """`rounds` rounds of `seconds` each for both sides, in turns; who begins changes from round to round.

    One round of each before that warms up and is not counted.
    """
    await _round(a, seconds / 2, Taken())
    await _round(b, seconds / 2, Taken())
    taken_a, taken_b = Taken(), Taken()
    for number in range(rounds):
        turns = [(a, taken_a), (b, taken_b)]
        for side, taken in turns if number % 2 == 0 else reversed(turns):
            await _round(side, seconds, taken)
    return taken_a, taken_b


async def _round(side: Side, seconds: float, into: Taken) -> None:
    """All callers call, one call after the other, until the time is over; what is under way is finished."""
    began = time.perf_counter()
    end = began + seconds

    async def calls(call: Call) -> None:
        done = began
        while done < end:  # once at least, however late its turn came
            start = time.perf_counter()
            kind = await call()
            done = time.perf_counter()
            into.by_kind[kind].append(done - start)

    async with asyncio.TaskGroup() as group:
        for caller in side.callers:
            group.create_task(calls(caller))
    if side.settle is not None:
        await side.settle()
    into.elapsed += time.perf_counter() - began
