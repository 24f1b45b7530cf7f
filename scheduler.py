"""The scheduler: composes dispatcher and watchdog and runs them until told to stop. Needs only the database."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import structlog
import uvloop
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.cases import Cases
from activities.delivery.alert_post import Reach
from activities.delivery.dispatch import Dispatcher, Pace
from activities.delivery.gates import Gates
from activities.delivery.mail import Mailer
from activities.delivery.mailing import Mailing
from activities.delivery.passing_on import PassingOn
from activities.delivery.post import Post
from activities.delivery.render import Sender
from activities.delivery.telling import Teller
from activities.inbound.composing import InboundMail, inbound_mail
from activities.reports.job import Reports
from activities.watching.assigning import Assigner
from activities.watching.catching_up import CatchingUp
from activities.watching.figures import EarlyWarning
from activities.watching.hold import Hold, HoldLost
from activities.watching.lateness import ROUND, LateSpells
from activities.watching.measuring import Measures
from activities.watching.retaining import Retaining
from activities.watching.scheduler_pages import SchedulerPages
from activities.watching.suspecting import suspect
from activities.watching.watchdog import Watchdog
from ledger.chain import derive_seal_key
from ledger.customers import sweep_empty
from ledger.database import create_engine
from ledger.directory import Directory
from ledger.idempotency import forget
from ledger.library import sweep_library
from ledger.orphans import sweep_attachments, sweep_texts
from ledger.outbox import STORM
from ledger.record import Record
from ledger.runs import claim, forget_runs, slot_of
from ledger.texts import Texts
from runtime.clock import SYSTEM, Clock
from runtime.engine import connect
from runtime.jumps import Jumps
from runtime.logging import configure_logging
from runtime.ready import say_ready
from runtime.settings import Settings, load_settings
from runtime.small_http import serving
from workflows.client import Engine

WATCHDOG = "watchdog"
"""The task that one process at a time holds; its heartbeat stands under this name."""

_log = structlog.get_logger(__name__)
_DATABASE = (SQLAlchemyError, OSError, TimeoutError)
_AGAIN_AFTER = 1.0
_LOOK_EVERY = 1.0
_SUSPECT_EVERY = 30.0
_FIGURES_EVERY = 60.0
_REPORTS_EVERY = 10.0
_MEASURE_EVERY = 5.0
_SWEEP_ASKED_EVERY = 300.0
_SWEEP_EVERY = timedelta(hours=1)
_KEYS_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Parts:
    """What the scheduler is made of."""

    sql: AsyncEngine
    mailer: Mailer
    dispatcher: Dispatcher
    watchdog: Watchdog
    late_spells: LateSpells
    catching_up: CatchingUp
    measures: Measures
    assigner: Assigner
    early_warning: EarlyWarning
    retaining: Retaining
    reports: Reports
    inbound: InboundMail
    directory: Directory
    hold: Hold
    reach: Reach
    clock: Clock


def compose(settings: Settings, pace: Pace | None = None) -> Parts:
    """The parts, wired but not running. Nothing is connected to yet; Temporal need never be there."""
    # Many hands send at once. A connection beyond the pool is made for one statement and closed after it, which costs
    # the database more than the statement does.
    sql = create_engine(settings.database_url, name="redress scheduler", pool_size=20, max_overflow=0)
    clock = settings.make_clock()
    texts = Texts(settings.master_key_bytes)
    directory = Directory(sql)
    cases = Cases(sql, Record(sql, derive_seal_key(settings.master_key_bytes)))

    async def client() -> Client:
        return await connect(settings)

    workflows = Engine(client, settings.task_queue, settings.clock_spec, cases.case)
    sender = Sender(
        organisation=settings.organisation, address=settings.mail_from, base_url=settings.base_url
    )
    pace = pace or Pace(storm=STORM.at_speed(clock.spec.speed))
    gates = Gates(pace.limits)
    mailer = Mailer(settings, connections=pace.at_once, gates=gates)
    reach = Reach.of(sql, settings.master_key_bytes)
    post = Post(sql, cases, texts, directory, Mailing(mailer, sender), clock, reach)
    teller = Teller(sql, workflows, clock, PassingOn(sql, cases, clock))
    # Two processes must not have the same name, even on one machine and after a restart.
    holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
    return Parts(
        sql=sql,
        mailer=mailer,
        dispatcher=Dispatcher(sql, post, teller, holder=holder, pace=pace, gates=gates),
        watchdog=Watchdog(sql, cases, workflows, clock),
        late_spells=LateSpells(sql),
        catching_up=CatchingUp(sql, workflows),
        measures=Measures(sql, clock, WATCHDOG),
        assigner=Assigner(sql, cases, workflows, clock),
        early_warning=EarlyWarning(sql, clock),
        retaining=Retaining(sql, cases, workflows, clock),
        reports=Reports(
            sql, clock, morning=settings.morning_at, zone=settings.timezone, usual_pack=settings.pack
        ),
        inbound=inbound_mail(
            settings, sql, cases=cases, texts=texts, directory=directory, workflows=workflows, clock=clock
        ),
        directory=directory,
        hold=Hold(sql, WATCHDOG, holder),
        reach=reach,
        clock=clock,
    )


def pages(parts: Parts) -> SchedulerPages:
    """What the process says of itself."""

    def circuits() -> dict[tuple[str, str], int]:
        found = parts.dispatcher.stats()
        known = {(channel, str(state)): count for (channel, state), count in found.circuits.items()}
        return {**known, ("mail_server", "open"): int(found.mail_server_away)}

    return SchedulerPages(
        parts.sql,
        WATCHDOG,
        hold=parts.hold,
        watchdog=parts.watchdog,
        measures=parts.measures,
        circuits=circuits,
    )


@asynccontextmanager
async def shown(settings: Settings, parts: Parts) -> AsyncIterator[None]:
    """With /health and /metrics answered, where a port is set for them. Raises OSError where it is taken."""
    if settings.scheduler_port is None:
        yield
        return
    async with serving(settings.scheduler_host, settings.scheduler_port, pages(parts).pages()):
        yield


@asynccontextmanager
async def scheduling(settings: Settings, pace: Pace | None = None) -> AsyncIterator[Parts]:
    """A running scheduler, for as long as the context lasts. Mails under way are finished at its end."""
    parts = compose(settings, pace)
    stop = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(parts.dispatcher.run(stop))
            group.create_task(_watch(parts, stop))
            group.create_task(parts.inbound.gateway.run(stop))
            try:
                yield parts
            finally:
                stop.set()
    finally:
        await parts.mailer.close()
        await parts.reach.close()
        await parts.sql.dispose()


async def _watch(parts: Parts, stop: asyncio.Event) -> None:
    """Be the watchdog whenever nobody else is, until `stop`."""
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        waiting = asyncio.create_task(parts.hold.acquire())
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            break
        except _DATABASE as error:
            _log.warning("watchdog waits for the database", exc_info=error)
            await asyncio.wait({stopping}, timeout=_AGAIN_AFTER)
            continue
        _log.info("watchdog on duty")
        await _on_duty(parts, stopping)
        await parts.hold.release()
        _log.info("watchdog off duty")
    stopping.cancel()


async def _on_duty(parts: Parts, stopping: asyncio.Task[bool]) -> None:
    """Do the watchdog's jobs until told to stop, or until the hold is lost."""
    lost = asyncio.Event()

    async def beat() -> None:
        late = parts.watchdog.lateness.worst()
        try:
            await parts.hold.beat(late)
        except HoldLost:
            lost.set()
        else:
            await parts.late_spells.note(late)

    jobs = AsyncIOScheduler(timezone=UTC)
    for name, job, every in (
        ("beat", beat, _LOOK_EVERY),
        ("act", parts.watchdog.act, ROUND),
        ("foresee", parts.watchdog.foresee, _LOOK_EVERY),
        ("look", parts.watchdog.look, _LOOK_EVERY),
        ("nudge", parts.watchdog.nudge, _LOOK_EVERY),
        ("catch up", parts.catching_up.tell, _LOOK_EVERY),
        ("start pending intake", parts.watchdog.start_pending, _LOOK_EVERY),
        ("assign", parts.assigner.assign, _LOOK_EVERY),
        ("suspect systemic issues", lambda: suspect(parts.sql, parts.clock), _SUSPECT_EVERY),
        ("warn of figures", parts.early_warning.look, _FIGURES_EVERY),
        ("apply retention", parts.retaining.look, _LOOK_EVERY),
        ("queue reports", parts.reports.look, _REPORTS_EVERY),
        ("place mail", parts.inbound.place, _LOOK_EVERY),
        ("measure", parts.measures.observe, _MEASURE_EVERY),
        ("sweep", lambda: _sweep(parts), _SWEEP_ASKED_EVERY),
    ):
        jobs.add_job(
            _guarded(name, job), "interval", seconds=every, id=name, max_instances=1, coalesce=True,
            misfire_grace_time=None,
        )  # fmt: skip
    await _guarded("begin to measure", parts.measures.begin)()
    jobs.start()
    following = asyncio.create_task(_follow_jumps(jobs))
    losing = asyncio.create_task(lost.wait())
    try:
        await asyncio.wait({losing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        losing.cancel()
        following.cancel()
        jobs.shutdown(wait=False)
        parts.watchdog.lateness.rest()


async def _follow_jumps(jobs: AsyncIOScheduler) -> None:
    """Have every job run now whenever the system's time was set: APScheduler keeps the time of the next run as a
    time of day, and would stand still for an hour where the clock is put back by one.
    """
    jumps = Jumps()
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        jump = jumps.since_last()
        if jump is None:
            continue
        _log.warning("the system's time was set", seconds=round(jump.total_seconds(), 1))
        now = Clock(SYSTEM).now()
        for job in jobs.get_jobs():
            job.modify(next_run_time=now)


def _guarded(name: str, job: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
    """The job, whose failure is logged and forgotten: it runs again soon."""

    async def run() -> None:
        try:
            await job()
        except Exception as error:  # a job that fails once must not end the watchdog
            _log.warning(f"could not {name}", exc_info=error)

    return run


async def _sweep(parts: Parts) -> None:
    """Once an hour, whoever is on duty and however often it was started."""
    async with parts.sql.begin() as conn:
        if not await claim(conn, "sweep", slot_of(Clock(SYSTEM).now(), _SWEEP_EVERY)):
            return
        gone = await sweep_texts(conn) + await sweep_attachments(conn) + await sweep_empty(conn)
        gone += await sweep_library(conn)
        keys = await forget(conn, _KEYS_KEPT) + await forget_runs(conn)
    over = keys + await parts.directory.sweep() + await parts.inbound.sweep()
    _log.info("swept", count=gone, rows=over)


async def main() -> None:
    """Dispatch and watch until SIGTERM or SIGINT."""
    settings = load_settings()
    configure_logging(settings.log_level, service="scheduler")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it says what it runs, and skips
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with scheduling(settings) as parts, shown(settings, parts):
        _log.info("scheduler ready")
        say_ready()
        await stop.wait()
    _log.info("scheduler stopped")


if __name__ == "__main__":
    uvloop.run(main())
