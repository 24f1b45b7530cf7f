"""`python -m bench`: measures the service beside the yardstick in one run, and writes what came of it.

`--quick` takes a minute and gives coarser figures. A target that is missed is said plainly in the report; the
exit code tells only whether there is one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from sqlalchemy import text
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client

from bench import deadline_chapter, loads
from bench.deadline_chapter import DeadlinePlan
from bench.dispatcher import dispatching
from bench.figures import Target, ratio
from bench.histories import life_actions, longest_histories, replayed, year_of_sleep
from bench.measure import Side, Taken, compare
from bench.report import Report, this_machine, write
from bench.round_trips import count_round_trips
from bench.stack import LIFE_NAMESPACE, SLEEP_NAMESPACE, House, Stack, standing
from ledger.database import autocommit, create_engine
from runtime.clock import Clock, ClockSpec
from runtime.engine import connect
from runtime.errors import SetupError
from runtime.logging import configure_logging
from runtime.supervisor import until_told
from runtime.waiting import until
from tests.support.lives import BRISK
from tests.support.living import living

CALLERS = 16
"""At once, for throughput and the slow end; one alone for latency."""
COMPLAINTS = 16
"""Ours, and as many workflows of the yardstick."""
_LIFE_SPEED = 60
_SLEEP_SPEED = 6_000
_YEAR_WITHIN = 150.0
_UNRECORDED = text("SELECT count(*) FROM intake WHERE recorded_at IS NULL")


@dataclass(frozen=True)
class Plan:
    """How long it takes: rounds for each side and their seconds, and how many histories are replayed."""

    rounds: int
    seconds: float
    histories: int
    deadlines: DeadlinePlan
    alerted: int
    """Complaints whose alerts are sent by mail, five for each."""


FULL = Plan(rounds=6, seconds=5.0, histories=6, deadlines=deadline_chapter.FULL, alerted=1_000)
QUICK = Plan(rounds=2, seconds=2.0, histories=2, deadlines=deadline_chapter.QUICK, alerted=200)


async def bench(plan: Plan, *, quick: bool, only: str = "") -> Report:
    """The whole run, or the chapter of this name alone, which is written to the results as it grows.

    Raises SetupError where something can not be started.
    """
    load_before = os.getloadavg()[0]
    async with standing(say) as stack, AsyncExitStack() as resources:
        machine = this_machine(
            postgres=await _postgres(stack), temporal=await _temporal(stack), load_before=load_before
        )
        report = Report(at=Clock().now(), quick=quick, machine=machine, only=only)

        def keep() -> None:
            write(report)

        if not only:
            await _beside_the_yardstick(plan, report, stack, resources, keep)
        if only in ("", "dispatcher"):
            await dispatching(stack, report, complaints=plan.alerted, say=say)
            keep()
        if only in ("", "deadlines"):  # last: it stops Temporal
            await deadline_chapter.deadlines(stack, report, plan.deadlines, say, keep)
        report.finished = True
        return report


async def _beside_the_yardstick(
    plan: Plan, report: Report, stack: Stack, resources: AsyncExitStack, keep: Callable[[], None]
) -> None:
    """The chapters that compare the service with bare Temporal, or look at what it leaves in its histories."""
    say("Starting the service and the yardstick …")
    client = await stack.start_bare()
    house = await stack.start_house()
    run = _Run(plan, report, stack, house, client, resources)
    references = await loads.open_complaints(house, COMPLAINTS)
    await run.commands(references)
    keep()
    await run.intake()
    keep()
    await run.lives()
    keep()
    await run.replays(references)
    keep()


@dataclass
class _Run:
    """One run, chapter by chapter; each adds to the report."""

    plan: Plan
    report: Report
    stack: Stack
    house: House
    client: Client
    resources: AsyncExitStack

    async def commands(self, references: Sequence[str]) -> None:
        """A command by HTTP against a bare update: alone for its latency, many at once for the rest."""
        ids = await loads.start_bare_workflows(self.client, COMPLAINTS)
        commands = loads.Commands(self.house, references, self.resources)
        rows, targets = self.report.rows, self.report.targets
        for count in (1, CALLERS):
            callers = "one caller" if count == 1 else f"{count} callers"
            say(f"Commands, {callers} …")
            ours, bare = await self._compare(
                Side("ours", await commands.callers(count)),
                Side("bare", loads.bare_update_callers(self.client, ids, count)),
            )
            mixture, yardstick = ours.all(), bare.all()
            rows[f"command, {callers}"] = mixture
            for kind, row in sorted(ours.kinds().items()):
                rows[f"… of these {kind}, {callers}"] = row
            rows[f"bare update, {callers}"] = yardstick
            p50, p99 = ratio(mixture.p50, yardstick.p50), ratio(mixture.p99, yardstick.p99)
            if count == 1:
                targets.append(Target(f"command p50, {callers}", p50, "× bare", at_most=0.7))
            else:
                rate = ratio(mixture.rate, yardstick.rate)
                targets.append(Target(f"command p99, {callers}", p99, "× bare", at_most=1.0))
                targets.append(Target(f"commands/s, {callers}", rate, "× bare", at_least=1.2))
        self.report.notes.append(
            "Commands are a mixture by turns: a handover offered or withdrawn (no text), and a note (a text of"
            f" {len(loads.NOTE)} characters, with an Idempotency-Key). {COMPLAINTS} complaints against as many"
            " workflows of the yardstick."
        )

    async def intake(self) -> None:
        """A complaint by HTTP until it is in the record, against a bare start until its workflow has ended."""
        say("Intake …")
        engine = create_engine(self.house.settings.database_url, name="redress-bench")
        self.resources.push_async_callback(engine.dispose)

        async def recorded() -> bool:
            async with autocommit(engine).connect() as connection:
                return not await connection.scalar(_UNRECORDED)

        async def all_recorded() -> None:
            await until(recorded, within=60.0, what="the record of every complaint that was received")

        ours, bare = await self._compare(
            Side("ours", await loads.intake_callers(self.house, CALLERS, self.resources), all_recorded),
            Side("bare", loads.bare_start_callers(self.client, CALLERS)),
        )
        self.report.rows[f"intake, {CALLERS} callers"] = ours.all()
        self.report.rows[f"bare start, {CALLERS} callers"] = bare.all()
        rate = ratio(ours.all().rate, bare.all().rate)
        self.report.targets.append(Target("intake/s, until recorded", rate, "× bare", at_least=0.7))
        self.report.notes.append(
            "Intake is timed from request to answer, which gives the reference and promises that the complaint"
            " is kept; its calls/s count until the last of each round is in the record. The yardstick's start"
            " is timed until its workflow, with its one activity, has ended."
        )

    async def lives(self) -> None:
        """Lives on fast clocks, for what they leave in Temporal's histories; and what requests ask of SQL."""
        say("Lives: one from receipt to archive, one asleep for a year …")
        lively = await self.stack.settle(LIFE_NAMESPACE, _running_at(_LIFE_SPEED))
        sleepy = await self.stack.settle(SLEEP_NAMESPACE, _running_at(_SLEEP_SPEED))
        async with living(lively, BRISK) as service, living(sleepy) as sleeping:
            actions, year = await asyncio.gather(
                life_actions(service), year_of_sleep(sleeping, within=_YEAR_WITHIN)
            )
            self.report.round_trips = await count_round_trips(lively, service)
        self.report.actions = {**actions, "all": actions.total()}
        self.report.targets += [
            Target("receipt to archive", actions.total(), "Temporal actions", at_most=40),
            Target("a neglected complaint's year", year.events, "history events", at_most=200),
        ]
        self.report.notes.append(
            f"The year: {year.recorded} events with {year.wakes} timers, recorded at {_SLEEP_SPEED} times the"
            f" real time. {year.wakes_in_calm} alarms have moments of their own; those that were said together"
            " are counted as if each had been a wake-up of its own."
        )

    async def replays(self, references: Sequence[str]) -> None:
        """The longest histories of this run, replayed. The packs they are pinned to are held from `lives`."""
        say("Replaying the longest histories …")
        client = await connect(self.house.settings)
        found = await longest_histories(client, references, self.plan.histories)
        done = await replayed(found)
        self.report.targets.append(
            Target("largest workflow task on replay", done.largest_ms, "ms", at_most=100)
        )
        self.report.notes.append(
            f"Replayed: the {len(found)} longest histories of this run, {done.events} events in {done.tasks}"
            " tasks."
        )

    async def _compare(self, ours: Side, bare: Side) -> tuple[Taken, Taken]:
        return await compare(ours, bare, rounds=self.plan.rounds, seconds=self.plan.seconds)


def _running_at(speed: int) -> ClockSpec:
    now = Clock().now()
    return ClockSpec(real_anchor=now, virtual_anchor=now, speed=speed)


async def _postgres(stack: Stack) -> str:
    engine = create_engine(stack.postgres.url("postgres"))
    try:
        async with autocommit(engine).connect() as connection:
            return str(await connection.scalar(text("SHOW server_version")))
    finally:
        await engine.dispose()


async def _temporal(stack: Stack) -> str:
    client = await Client.connect(stack.temporal.address)
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return info.server_version


def say(line: str) -> None:
    """To the terminal, at once."""
    print(line, flush=True)


def main() -> int:
    """The exit code: 0 where it could be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of five")
    parser.add_argument("--only", choices=("deadlines", "dispatcher"), default="", help="this chapter alone")
    asked = parser.parse_args()
    quick: bool = asked.quick
    # What a developer has configured is not what is measured.
    for name in [n for n in os.environ if n.startswith(("REDRESS_", "TEMPORAL_")) or n == "DATABASE_URL"]:
        if name != "REDRESS_CACHE_DIR":
            del os.environ[name]
    configure_logging("WARNING", service="bench")
    finished: list[Report] = []

    async def run() -> None:
        finished.append(await bench(QUICK if quick else FULL, quick=quick, only=asked.only))

    try:
        asyncio.run(until_told(run()))
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    if not finished:
        return 130
    data, page = write(finished[0])
    say(page.read_text())
    say(f"Written to {page} and {data.name}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
