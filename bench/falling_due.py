"""Complaints made to fall due together: real ones, by the pure functions, committed to the record of a real service.

Their workflows are started as recovery starts them.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

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
from runtime.child import Child
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
_TRIED_FEWEST, _TRIED_SHARE = 50, 20
"""Complaints, or one in so many, that are made first: to see how long the others take on a machine as busy as it is."""
_WARM_UP = 20
_MARGIN = 1.25
_TRIES = 3
"""How often a set-up is begun anew that was not over before its first deadline."""
SETTLES_WITHIN = 120.0
RECORDED_EACH_SECOND = 10
_FIRST_TASKS_EACH_SECOND = 20


@dataclass
class Office:
    """One service under measurement: its database and record, and the way to its workflows."""

    settings: Settings
    sql: AsyncEngine
    record: Record
    engine: Engine
    pack: Pack
    say: Say
    parts: Mapping[str, int]
    """Process ids by name: whose processor time is told."""


@dataclass(frozen=True)
class Expected:
    """What deadlines that fall due from `first` on call for: each message's key, and by which moment all are over."""

    keys: frozenset[str]
    streams: frozenset[str]
    first: datetime
    last: datetime


@asynccontextmanager
async def office(settings: Settings, parts: Mapping[str, int], say: Say) -> AsyncIterator[Office]:
    """The service's database, open."""
    sql = create_engine(settings.database_url, name="redress-bench")
    record = Record(sql, derive_seal_key(settings.master_key_bytes))

    async def held(stream: str) -> Case | None:
        happenings = await record.read(stream)
        return fold(happenings) if happenings else None

    engine = Engine(lambda: connect(settings), settings.task_queue, settings.clock_spec, held)
    pack = load_pack(next(path for path in packs_available() if path.stem == settings.pack))
    try:
        yield Office(settings, sql, record, engine, pack, say, parts)
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

    The first does when all are made and (with `workflows`) their workflows sleep until their deadline. How long that
    takes is found out with a few; on a machine that gets busier meanwhile it is begun anew, with more time. Raises
    TooLateError where that does not help.
    """
    tried = max(count // _TRIED_SHARE, _TRIED_FEWEST)
    await _made_ready(office, [_now(office) + _CLOCK_RUNS] * _WARM_UP, workflows=workflows)
    began = time.monotonic()
    await _made_ready(office, [_now(office) + _CLOCK_RUNS] * tried, workflows=workflows)
    seconds_each = (time.monotonic() - began) / tried
    for _ in range(_TRIES):
        lead = 15 + seconds_each * count * _MARGIN
        office.say(f"  making {count} complaints, for which there are {lead:.0f} s …")
        first = _now(office) + timedelta(seconds=lead) * office.settings.clock_spec.speed
        step = timedelta(seconds=within) * office.settings.clock_spec.speed / count
        moments = [first + step * n for n in range(count)]
        began = time.monotonic()
        made = await _made_ready(office, moments, workflows=workflows)
        left = lead - (time.monotonic() - began)
        if left >= 0:
            office.say(f"  all made; the first falls due in {left:.0f} s.")
            keys = frozenset(key for called_for in made.values() for key in called_for)
            return Expected(keys, frozenset(made), moments[0], moments[-1])
        office.say(f"  that took {-left:.0f} s too long; again, with more time …")
        seconds_each = (lead - left) / count
        await over(office, moments[-1], recorded=workflows)
    raise TooLateError("The complaints were not made before they fell due: the machine is too busy.")


def _now(office: Office) -> datetime:
    return Clock(office.settings.clock_spec).now()


async def _made_ready(
    office: Office, moments: Sequence[datetime], *, workflows: bool
) -> dict[str, Sequence[str]]:
    """A complaint for each moment, and (with `workflows`) a workflow that sleeps until then; as `_all_made`."""
    made = await _all_made(office, moments, workflows=workflows)
    if workflows:
        await _first_tasks_done(office, len(moments))
    return made


async def _first_tasks_done(office: Office, count: int) -> None:
    """Waits until the worker has no task waiting: those that were started have set their timers then."""
    client = await connect(office.settings)
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=office.settings.task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        report_stats=True,
    )

    async def none_waits() -> bool:
        found = await client.workflow_service.describe_task_queue(asked)
        return found.stats.approximate_backlog_count == 0

    patience = SETTLES_WITHIN + count / _FIRST_TASKS_EACH_SECOND
    await until(none_waits, within=patience, what="the workflows to be started", every=1.0)


async def over(office: Office, last: datetime, *, recorded: bool) -> None:
    """Waits until the last of these deadlines is past (and recorded), so that they are no part of the next load."""
    left = (last - _now(office)) / office.settings.clock_spec.speed
    await asyncio.sleep(max(left.total_seconds(), 0))
    if recorded:
        left_over = await asleep(office, last)
        patience = SETTLES_WITHIN + left_over / RECORDED_EACH_SECOND
        await until_recorded(office, last, patience)


async def asleep(office: Office, last: datetime) -> int:
    """How many deadlines up to then no workflow has recorded."""
    async with autocommit(office.sql).connect() as conn:
        return int(await conn.scalar(_ASLEEP, {"last": last}) or 0)


async def until_recorded(office: Office, last: datetime, patience: float) -> None:
    """Raises TooLateError. It looks rarely: looking is no part of the load."""

    async def none_sleeps() -> bool:
        return await asleep(office, last) == 0

    await until(none_sleeps, within=patience, what="the workflows to record every breach", every=1.0)


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


_ASLEEP = text("SELECT count(*) FROM complaints WHERE live AND wake_at IS NOT NULL AND wake_at <= :last")
