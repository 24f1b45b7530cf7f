"""Recovery: every open complaint comes back from its record, clocks intact, after Temporal's database was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.lifecycle import fold
from complaints.systemic.issue import fold_systemic
from ledger import intake, reads
from ledger.record import Record
from workflows.client import Engine, EngineAway

_log = structlog.get_logger(__name__)
_PAGE = 200
_AT_ONCE = 20
_AWAY = (EngineAway, OperationalError, InterfaceError, OSError)
"""What is wrong with Temporal or the database, and not with one stream."""


@dataclass
class Recovery:
    """What was found: complaints and systemic issues started again, those that ran already, intake flushed.

    `failed` names what could not be brought back, each with a sentence.
    """

    revived: int = 0
    running: int = 0
    received: int = 0
    failed: list[str] = field(default_factory=list)

    def sentences(self) -> tuple[str, ...]:
        """For a person: what was done, then what could not be."""
        done = (
            f"{self.revived} workflows were started again from the record, {self.running} were running already,"
            f" {self.received} waiting receipts were handed on."
        )
        return (done, *self.failed)


async def recover(
    sql: AsyncEngine, record: Record, engine: Engine, progress: Callable[[], None] = lambda: None
) -> Recovery:
    """Fold each live stream and start its workflow where none runs; hand on what intake holds. Safe to repeat.

    `progress` is called once for each stream looked at. Raises EngineAway where Temporal is not there.
    """
    found = Recovery()
    at_once = asyncio.Semaphore(_AT_ONCE)
    away: list[Exception] = []

    async def revive(reference: str) -> None:
        happenings = await record.read(reference)
        if not happenings:
            found.failed.append(
                f"{reference}: the read model knows it, the record does not; run redress verify."
            )
        elif await engine.revive(reference, fold(happenings)):
            found.revived += 1
        else:
            found.running += 1

    async def complaint(reference: str) -> None:
        async with at_once:
            if away:
                return
            try:
                await _guarded(found, reference, revive(reference))
            except _AWAY as error:  # raised by the caller, bare: a task group would wrap it
                away.append(error)
            progress()

    after = ""
    while True:
        async with sql.connect() as conn:
            page = await reads.live_references(conn, after, _PAGE)
        if not page:
            break
        async with asyncio.TaskGroup() as group:
            for reference, _ in page:
                group.create_task(complaint(reference))
        if away:
            raise away[0]
        after = page[-1][0]
    await _systemic_issues(sql, record, engine, found, progress)
    await _waiting_receipts(sql, engine, found, progress)
    return found


async def _guarded(found: Recovery, reference: str, work: Awaitable[None]) -> None:
    """Do the work for one stream; where that one is broken it is named, and the others go on."""
    try:
        await work
    except _AWAY:
        raise
    except Exception as error:  # whatever a damaged stream makes of folding must not keep the others down
        _log.warning("stream not brought back", reference=reference, exc_info=error)
        found.failed.append(
            f"{reference}: it could not be brought back ({type(error).__name__}); run redress verify."
        )


async def _systemic_issues(
    sql: AsyncEngine, record: Record, engine: Engine, found: Recovery, progress: Callable[[], None]
) -> None:
    async with sql.connect() as conn:
        issues = await reads.systemic_issue_list(conn, unresolved=True, limit=10_000)

    async def revive(reference: str) -> None:
        issue = fold_systemic(await record.read(reference))
        if await engine.revive_systemic(reference, issue):
            found.revived += 1
        else:
            found.running += 1

    for view in issues:
        await _guarded(found, view.reference, revive(view.reference))
        progress()


async def _waiting_receipts(
    sql: AsyncEngine, engine: Engine, found: Recovery, progress: Callable[[], None]
) -> None:
    while True:
        async with sql.begin() as conn:
            waiting = await intake.pending(conn, timedelta(), _PAGE)
        # One that was just handed on is still waiting until its workflow has recorded it.
        fresh = [item for item in waiting if item.attempts <= 1]
        if not fresh:
            return
        for item in fresh:
            await engine.receive(item.reference, item.pack, item.order)
            found.received += 1
            progress()
