"""The chapter of deadlines: bursts with Temporal up and stopped, a steady flow, and memory over an hour of them.

Each part is measured by itself: what becomes of one does not cost the figures of the others.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from bench.deadlines import Burst, fell_due, memory_over
from bench.falling_due import Office, office, prepared, settle
from bench.figures import Target
from bench.report import Report
from bench.stack import DEADLINES_NAMESPACE, Stack, take_in_staff
from runtime.child import Running
from runtime.clock import Clock, ClockSpec
from runtime.supervisor import Say

_MINUTE = 60.0
_AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class DeadlinePlan:
    """How many fall due within a minute, and for how many seconds ten of them fall due each second.

    `memory`: the real seconds in which a fast clock passes an hour, ten deadlines falling due in each of them.
    """

    burst: int
    steady: float
    memory: float


FULL = DeadlinePlan(burst=10_000, steady=60.0, memory=120.0)
QUICK = DeadlinePlan(burst=1_000, steady=20.0, memory=30.0)


async def deadlines(
    stack: Stack, report: Report, plan: DeadlinePlan, say: Say, keep: Callable[[], None]
) -> None:
    """The whole chapter; `keep` is called when a part is over. It ends with Temporal stopped: nothing that needs it
    may come after.
    """
    settings = await settle(stack, DEADLINES_NAMESPACE)
    worker = await stack.start(stack.worker(settings))
    scheduler = await stack.start(stack.scheduler(settings))
    parts = {
        "worker": worker.pid,
        "Temporal": stack.temporal_process.pid,
        "PostgreSQL": stack.postgres_process.pid,
        "scheduler": scheduler.pid,
    }
    report.notes.append(
        "Deadlines: from the moment that calls for an alert until the statement that queues it, by the database's"
        " clock. Set-up writes real complaints through the record; with Temporal up their workflows were started as"
        " recovery starts them and sleep, and the processor's time is told until all have recorded their breach. The"
        " dispatcher of the same scheduler sends what is queued to a sink meanwhile."
    )
    async with office(settings, parts, say) as house:
        chapter = _Chapter(stack, report, plan, say, house, worker, scheduler)
        for name, work in (
            ("Ten deadlines a second", chapter.steady),
            ("The burst with Temporal up", chapter.burst_with_temporal),
            ("The burst with Temporal stopped", chapter.burst_without_temporal),
        ):
            await part(report, name, work, keep, say)
    await scheduler.stop()
    await part(report, "The scheduler's memory", chapter.memory, keep, say)


async def part(
    report: Report, name: str, work: Callable[[], Awaitable[None]], keep: Callable[[], None], say: Say
) -> None:
    """Do one part; where it can not be done the report says why, and the next one has its turn."""
    try:
        await work()
    except Exception as error:  # whatever keeps one part from being measured must not cost the others
        report.failures.append(f"{name}: {type(error).__name__}: {error}")
        say(f"  Not measured: {error}")
    keep()


@dataclass
class _Chapter:
    """One run of it, part by part; each adds to the report."""

    stack: Stack
    report: Report
    plan: DeadlinePlan
    say: Say
    house: Office
    worker: Running
    scheduler: Running

    async def steady(self) -> None:
        """Ten fall due each second."""
        self.say("Deadlines: ten fall due each second …")
        expected = await prepared(self.house, int(self.plan.steady * 10), self.plan.steady, workflows=True)
        steady = await fell_due(self.house, expected, recorded=True)
        self._told("10 deadlines a second", steady)
        self.report.targets += [
            Target("10 deadlines a second, p99 until queued", steady.p99, "s", at_most=1.0),
            Target("… not queued exactly once", steady.wrong, "alerts", at_most=0),
        ]

    async def burst_with_temporal(self) -> None:
        """Thousands within a minute, and workflows that wake for them."""
        await self._burst("up", workflows=True)

    async def burst_without_temporal(self) -> None:
        """The same when Temporal is not there, nor any worker."""
        await self.worker.stop()
        await self.stack.stop_temporal()
        await self._burst("stopped", workflows=False)

    async def _burst(self, temporal: str, *, workflows: bool) -> None:
        self.say(f"Deadlines: {self.plan.burst} fall due within a minute, Temporal {temporal} …")
        expected = await prepared(self.house, self.plan.burst, _MINUTE, workflows=workflows)
        burst = await fell_due(self.house, expected, recorded=workflows)
        name = f"{self.plan.burst} deadlines in a minute, Temporal {temporal}"
        self._told(name, burst)
        self.report.targets += [
            Target(f"{name}: p50 until queued", burst.p50, "s", at_most=1.0),
            Target("… p99", burst.p99, "s", at_most=2.0),
            Target("… at worst", burst.worst, "s", at_most=5.0),
            Target("… not queued exactly once", burst.wrong, "alerts", at_most=0),
        ]

    async def memory(self) -> None:
        """What the scheduler holds while an hour passes; its own house, without Temporal, on a fast clock."""
        plan, say = self.plan, self.say
        say("Deadlines: the scheduler's memory over an hour of them …")
        now = Clock().now()
        speed = round(_AN_HOUR.total_seconds() / plan.memory)
        fast = ClockSpec(real_anchor=now, virtual_anchor=now, speed=speed)
        settings = (await self.stack.settle("redress-memory", fast)).model_copy(
            update={"temporal_address": "127.0.0.1:1"}
        )
        await take_in_staff(settings)
        scheduler = await self.stack.start(self.stack.scheduler(settings))
        async with office(settings, {"scheduler": scheduler.pid}, say) as house:
            count = int(plan.memory * 10)
            expected = await prepared(house, count, plan.memory, workflows=False)
            held = await memory_over(scheduler, plan.memory)
            fell = await fell_due(house, expected, recorded=False)
        name = f"scheduler's memory over 1 h of {count} deadlines"
        self.report.targets += [
            Target(name, held.grown, "% more", at_most=10),
            # Within the hour their ladders go on: more is called for than their first breaches.
            Target("… not queued, or twice", fell.missing + fell.doubled, "alerts", at_most=0),
        ]
        self._note(f"Memory, {held.sentence} Each real second was {speed} of the service's.")

    def _told(self, name: str, burst: Burst) -> None:
        self.report.rows[name] = burst.summary
        self.report.processor[name] = burst.processor
        said = f"{name}: p50 {burst.p50:.2f} s, p99 {burst.p99:.2f} s, at worst {burst.worst:.2f} s."
        if (backlog := burst.backlog) is not None and backlog.at_first:
            self.report.processor[f"… recorded afterwards, {name}"] = backlog.processor
            said += (
                f" When the last alert was queued workflows had {backlog.at_first} breaches to record; they recorded"
                f" {backlog.at_first - backlog.at_last} in {backlog.seconds:.0f} s, {backlog.rate:.0f} a second."
            )
        self._note(said)

    def _note(self, said: str) -> None:
        """For the report and for who looks on, with how busy the machine was: others may have been at work."""
        load = f" Load average then: {os.getloadavg()[0]:.1f}."
        self.report.notes.append(said + load)
        self.say(f"  {said}{load}")
