"""Deadlines: how long from the moment that calls for an alert until it is queued, when thousands fall due together.

Real complaints, made by the pure functions and committed to the record, whose workflows are started as recovery starts
them; a real scheduler, worker, Temporal and PostgreSQL. Lateness is read out of the outbox afterwards: each row has the
moment that called for it, and the database's time of the statement that queued it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.figures import Summary, percentile, summary
from bench.stack import Stack, take_in_staff
from complaints.base import Actor, Order
from complaints.case import Case
from complaints.chapters.intake import ReceiveComplaint
from complaints.lifecycle import due, fold, next_wakeup, receive
from complaints.references import reference
from complaints.transition import transition
from ledger.chain import derive_seal_key
from ledger.database import autocommit, create_engine
from ledger.record import Record
from policies.loading import load_pack, packs_available
from policies.pack import Pack
from policies.vocabulary import Channel, Role
from runtime.child import Child, Running
from runtime.clock import Clock
from runtime.engine import connect
from runtime.ports import free_port
from runtime.readiness import listens
from runtime.settings import Settings
from runtime.supervisor import Say
from runtime.waiting import TooLateError, until
from workflows.client import Engine

_IRIS = Actor(id="usr_iris", roles=(Role.INTAKE_AGENT,))
_CLOCK_RUNS = timedelta(minutes=30)
"""Of the pack's first clock, which is measured in hours and minutes as they pass: a complaint of half an hour ago."""
_MADE_AT_ONCE = 8
_TRIED = 80
"""Complaints that are made first, to see how long the others will take on this machine as busy as it is."""
_MARGIN = 1.5
_SETTLES_WITHIN = 60.0
_RECORDED_EACH_SECOND = 10


@dataclass(frozen=True)
class Burst:
    """What came of deadlines that fell due: for each message that was called for, how late it was queued, in seconds.

    `missing` were called for and not queued, `unexpected` queued and not called for, `doubled` queued twice.
    """

    lags: tuple[float, ...]
    missing: int
    unexpected: int
    doubled: int
    lasted: float

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


@dataclass
class Office:
    """One service under measurement: its database and record, and the way to its workflows."""

    settings: Settings
    sql: AsyncEngine
    record: Record
    engine: Engine
    pack: Pack
    say: Say


@dataclass(frozen=True)
class Expected:
    """What deadlines that fall due from `first` on call for: each message's key, and by which moment all are over."""

    keys: frozenset[str]
    streams: Sequence[str]
    first: datetime
    last: datetime


@asynccontextmanager
async def office(settings: Settings, say: Say) -> AsyncIterator[Office]:
    """The service's database, open."""
    sql = create_engine(settings.database_url, name="redress-bench")
    record = Record(sql, derive_seal_key(settings.master_key_bytes))

    async def held(stream: str) -> Case | None:
        happenings = await record.read(stream)
        return fold(happenings) if happenings else None

    engine = Engine(lambda: connect(settings), settings.task_queue, settings.clock_spec, held)
    pack = load_pack(next(path for path in packs_available() if path.stem == settings.pack))
    try:
        yield Office(settings, sql, record, engine, pack, say)
    finally:
        await sql.dispose()


async def settle(stack: Stack, namespace: str) -> Settings:
    """A service of its own with a mail server that takes everything."""
    port = free_port()
    settings = (await stack.settle(namespace)).model_copy(
        update={"smtp_host": "127.0.0.1", "smtp_port": port}
    )
    await take_in_staff(settings)
    await stack.start(_sink(port, stack.folder / f"arrivals-{namespace}"))
    return settings


def _sink(port: int, arrivals: Path) -> Child:
    argv = (sys.executable, "-m", "tests.support.sink", "--port", str(port), "--file", str(arrivals))
    return Child(f"sink {port}", argv, listens(port))


async def prepared(office: Office, count: int, within: float, *, workflows: bool) -> Expected:
    """So many complaints whose first clock breaches within so many seconds of real time, evenly spread.

    The first does when all are made, and (with `workflows`) their workflows were started.
    """
    clock, speed = Clock(office.settings.clock_spec), office.settings.clock_spec.speed
    began = time.monotonic()
    await _all_made(office, [clock.now() + _CLOCK_RUNS] * _TRIED, workflows=workflows)
    lead = 15 + (time.monotonic() - began) * count / _TRIED * _MARGIN
    office.say(f"  making {count} complaints, for which there are {lead:.0f} s …")
    first = clock.now() + timedelta(seconds=lead) * speed
    moments = [first + timedelta(seconds=within * n / count) * speed for n in range(count)]
    made = await _all_made(office, moments, workflows=workflows)
    left = (first - clock.now()) / speed
    office.say(f"  {count} complaints made; the first falls due in {left.total_seconds():.0f} s.")
    if left < timedelta(0):
        raise TooLateError("The complaints were not made before they fell due: the machine is too busy.")
    keys = frozenset(key for called_for in made.values() for key in called_for)
    return Expected(keys, tuple(made), moments[0], moments[-1])


async def _all_made(
    office: Office, moments: Sequence[datetime], *, workflows: bool
) -> dict[str, Sequence[str]]:
    """A complaint for each moment, several at once: what each one's breach calls for."""
    made: dict[str, Sequence[str]] = {}
    left = iter(moments)

    async def make() -> None:
        for moment in left:
            stream, case, called_for = await _made(office, moment)
            if workflows:
                await office.engine.revive(stream, case)
            made[stream] = called_for
            if len(made) % 1000 == 0:
                office.say(f"  {len(made)} of {len(moments)} complaints made …")

    async with asyncio.TaskGroup() as group:
        for _ in range(_MADE_AT_ONCE):
            group.create_task(make())
    return made


async def _made(office: Office, moment: datetime) -> tuple[str, Case, list[str]]:
    """A complaint that was received when its first clock began, and what its breach calls for."""
    stream = reference(uuid4().int % 2**55)
    received = moment - _CLOCK_RUNS
    order = Order(id=str(uuid4()), actor=_IRIS, body=ReceiveComplaint(channel=Channel.MAIL), at=received)
    happenings = receive(office.pack, stream, order)
    happenings = (*happenings, *due(office.pack, fold(happenings), moment))  # its warning was given
    commit = transition(office.pack, None, stream, happenings)
    await office.record.commit(commit.model_copy(update={"messages": ()}))
    case = fold(happenings)
    wake = next_wakeup(office.pack, case)
    if wake is None or not timedelta(0) <= wake - moment < timedelta(milliseconds=1):
        raise RuntimeError(f"{stream} should wake at {moment}, and wakes at {wake}.")
    breach = transition(office.pack, case, stream, due(office.pack, case, wake))
    return stream, case, [message.dedupe for message in breach.messages]


async def fell_due(office: Office, expected: Expected, *, recorded: bool) -> Burst:
    """Waits until what is expected was queued (and, with `recorded`, workflows have recorded it); what came of it."""
    clock, speed = Clock(office.settings.clock_spec), office.settings.clock_spec.speed
    left = ((expected.last - clock.now()) / speed).total_seconds()
    window = {"first": expected.first, "last": expected.last + timedelta(seconds=1)}

    async def all_queued() -> bool:
        async with autocommit(office.sql).connect() as conn:
            return int(await conn.scalar(_QUEUED, window) or 0) >= len(expected.keys)

    async def all_recorded() -> bool:
        async with autocommit(office.sql).connect() as conn:
            return not await conn.scalar(_UNRECORDED, {"streams": list(expected.streams)})

    await asyncio.sleep(max(left, 0))  # a look at the outbox meanwhile would be part of the load
    try:
        await until(all_queued, within=_SETTLES_WITHIN, what="every alert to be queued")
    except TooLateError as error:
        office.say(f"  {error}")
    if recorded:
        office.say("  waiting until the workflows have recorded it …")
        patience = _SETTLES_WITHIN + len(expected.streams) / _RECORDED_EACH_SECOND
        began = time.monotonic()
        try:
            await until(all_recorded, within=patience, what="the workflows to record every breach")
        except (
            TooLateError
        ) as error:  # what was alerted is measured all the same; the record comes when it can
            async with autocommit(office.sql).connect() as conn:
                missing = await conn.scalar(_UNRECORDED, {"streams": list(expected.streams)})
            office.say(f"  {error} {missing} are not recorded yet.")
        else:
            office.say(f"  all recorded {time.monotonic() - began:.0f} s after the last was queued.")
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
    )


def resident_mb(running: Running) -> float:
    """The memory that a process holds, in megabytes."""
    status = Path(f"/proc/{running.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


async def memory_over(running: Running, seconds: float, samples: int = 20) -> list[float]:
    """What a process holds, looked at evenly over so many seconds."""
    found = []
    for _ in range(samples):
        await asyncio.sleep(seconds / samples)
        found.append(resident_mb(running))
    return found


_QUEUED = text("SELECT count(*) FROM outbox WHERE called_at >= :first AND called_at < :last")
_ROWS = text(
    """
    SELECT stream, clock, occurrence, rung, repeat, who, channel, dedupe, called_at, queued_at FROM outbox
    WHERE called_at >= :first AND called_at < :last
    """
)
_UNRECORDED = text(
    "SELECT count(*) FROM clocks WHERE reference = ANY (:streams) AND clock = 'first_handling'"
    " AND breached_at IS NULL"
)
