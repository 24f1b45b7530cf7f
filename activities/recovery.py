"""Recovery: every open complaint comes back from its record, clocks intact, after Temporal's database was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.lifecycle import fold
from complaints.systemic import fold_systemic
from ledger import intake, reads
from ledger.record import Record
from workflows.client import Engine

_PAGE = 200
_AT_ONCE = 20


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

    async def complaint(reference: str) -> None:
        async with at_once:
            happenings = await record.read(reference)
            if not happenings:
                found.failed.append(
                    f"{reference}: the read model knows it, the record does not; run redress verify."
                )
            elif await engine.revive(reference, fold(happenings)):
                found.revived += 1
            else:
                found.running += 1
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
        after = page[-1][0]
    await _systemic_issues(sql, record, engine, found, progress)
    await _waiting_receipts(sql, engine, found, progress)
    return found


async def _systemic_issues(
    sql: AsyncEngine, record: Record, engine: Engine, found: Recovery, progress: Callable[[], None]
) -> None:
    async with sql.connect() as conn:
        issues = await reads.systemic_issue_list(conn, unresolved=True, limit=10_000)
    for view in issues:
        issue = fold_systemic(await record.read(view.reference))
        if await engine.revive_systemic(view.reference, issue):
            found.revived += 1
        else:
            found.running += 1
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
