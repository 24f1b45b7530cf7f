"""The chapter of deadlines: bursts with Temporal up and stopped, a steady flow, and memory over an hour of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bench.deadlines import Burst, fell_due, memory_over, office, prepared, settle
from bench.figures import Target
from bench.report import Report
from bench.stack import DEADLINES_NAMESPACE, Stack, take_in_staff
from runtime.clock import Clock, ClockSpec
from runtime.supervisor import Say

_MINUTE = 60.0
_AN_HOUR = 60
"""How many times as fast the clock goes for memory: an hour passes in a minute."""
_WARM = 0.35
"""The share of the hour that is not counted: caches fill, and the interpreter takes what it will need."""


@dataclass(frozen=True)
class DeadlinePlan:
    """How many fall due within a minute, and for how many seconds ten of them fall due each second."""

    burst: int
    steady: float
    memory: float = _MINUTE


FULL = DeadlinePlan(burst=10_000, steady=60.0)
QUICK = DeadlinePlan(burst=1_000, steady=20.0, memory=30.0)


async def deadlines(stack: Stack, report: Report, plan: DeadlinePlan, say: Say) -> None:
    """The whole chapter. It ends with Temporal stopped: nothing that needs it may come after."""
    settings = await settle(stack, DEADLINES_NAMESPACE)
    worker = await stack.start(stack.worker(settings))
    scheduler = await stack.start(stack.scheduler(settings))
    async with office(settings, say) as house:
        say("Deadlines: ten fall due each second …")
        expected = await prepared(house, int(plan.steady * 10), plan.steady, workflows=True)
        steady = await fell_due(house, expected, recorded=True)
        _row(report, "10 deadlines a second", steady)
        say(f"  p50 {steady.p50:.2f} s, p99 {steady.p99:.2f} s, at worst {steady.worst:.2f} s.")
        report.targets += [
            Target("10 deadlines a second, p99 until queued", steady.p99, "s", at_most=1.0),
            Target("… not queued exactly once", steady.wrong, "alerts", at_most=0),
        ]
        for temporal in ("up", "stopped"):
            say(f"Deadlines: {plan.burst} fall due within a minute, Temporal {temporal} …")
            if temporal == "stopped":
                await worker.stop()
                await stack.stop_temporal()
            up = temporal == "up"
            expected = await prepared(house, plan.burst, _MINUTE, workflows=up)
            burst = await fell_due(house, expected, recorded=up)
            name = f"{plan.burst} deadlines in a minute, Temporal {temporal}"
            _row(report, name, burst)
            say(f"  p50 {burst.p50:.2f} s, p99 {burst.p99:.2f} s, at worst {burst.worst:.2f} s.")
            report.targets += [
                Target(f"{name}: p50 until queued", burst.p50, "s", at_most=1.0),
                Target("… p99", burst.p99, "s", at_most=2.0),
                Target("… at worst", burst.worst, "s", at_most=5.0),
                Target("… not queued exactly once", burst.wrong, "alerts", at_most=0),
            ]
    await scheduler.stop()
    await _memory(stack, report, plan, say)
    report.notes.append(
        "Deadlines: from the moment that calls for an alert until the statement that queues it, by the database's"
        " clock. Set-up writes real complaints through the record; with Temporal up their workflows were started as"
        " recovery starts them, and the figures are taken when all have recorded their breach. The dispatcher of the"
        " same scheduler sends what is queued to a sink meanwhile."
    )


async def _memory(stack: Stack, report: Report, plan: DeadlinePlan, say: Say) -> None:
    say("Deadlines: the scheduler's memory over an hour of them …")
    now = Clock().now()
    fast = ClockSpec(real_anchor=now, virtual_anchor=now, speed=_AN_HOUR)
    settings = (await stack.settle("redress-memory", fast)).model_copy(
        update={"temporal_address": "127.0.0.1:1"}
    )
    await take_in_staff(settings)
    scheduler = await stack.start(stack.scheduler(settings))
    async with office(settings, say) as house:
        count = int(plan.memory * 10)
        expected = await prepared(house, count, plan.memory, workflows=False)
        held = await memory_over(scheduler, plan.memory)
        await fell_due(house, expected, recorded=False)
    counted = held[int(len(held) * _WARM) :]
    grown = (counted[-1] - counted[0]) / counted[0] * 100
    say(f"  {counted[0]:.0f} MB, then {counted[-1]:.0f} MB.")
    hours = timedelta(seconds=plan.memory) * _AN_HOUR / timedelta(hours=1)
    report.targets.append(
        Target(f"scheduler's memory over {hours:g} h of {count} deadlines", grown, "% more", at_most=10)
    )


def _row(report: Report, name: str, burst: Burst) -> None:
    if burst.lags:
        report.rows[name] = burst.summary
