"""A batch of rows on its way in: closed ones become history, open ones intake and live workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.base import Actor, Order, PackRef, TextRef
from imports.history import closing, history, receipt
from imports.mapping import ImportedRow
from imports.naming import Naming, order_id, text_id
from ledger import intake, reads
from ledger.record import Record, SourceTakenError
from ledger.texts import StreamErased, Texts
from policies.pack import Pack
from policies.vocabulary import Role
from runtime.clock import Clock
from workflows.client import Engine, EngineAway

IMPORTER = Actor(id="import", roles=(Role.INTAKE_AGENT,))
"""Who receives what is imported, where nobody else is named."""

_AT_ONCE = 8
"""Commits and workflow starts under way at the same time."""

T = TypeVar("T")
Given = tuple[ImportedRow, dict[str, TextRef]]


@dataclass(frozen=True)
class Shells:
    """What an import stands on: the database, the record, the texts, Temporal, the clock, and the names."""

    sql: AsyncEngine
    record: Record
    texts: Texts
    engine: Engine
    clock: Clock
    naming: Naming


@dataclass
class Taken:
    """What became of the rows so far. `waiting`: kept under a reference, for when Temporal is back."""

    opened: int = 0
    closed: int = 0
    already: int = 0
    waiting: int = 0


class Batches:
    """Takes in batches of rows under one pack. Whatever dies, the same rows may be taken in again."""

    def __init__(self, shells: Shells, pack: Pack, actor: Actor = IMPORTER) -> None:
        self._shells = shells
        self._pack = pack
        self._ref = PackRef(name=pack.name, version=pack.version, digest=pack.digest)
        self._actor = actor
        self._engine_is_away = False
        self.taken = Taken()

    async def take(self, rows: Sequence[ImportedRow]) -> None:
        """Bring in the rows that are not in yet. Raises SQLAlchemy's errors where the database fails."""
        fresh: dict[str, ImportedRow] = {}
        async with self._shells.sql.begin() as conn:
            known = await reads.sources_taken(conn, tuple(row.source for row in rows))
            for row in rows:
                if row.source in known or row.source in fresh:
                    self.taken.already += 1
                else:
                    fresh[row.source] = row
            given = [pair for row in fresh.values() if (pair := await self._texts(conn, row)) is not None]
            kept = [await self._keep(conn, row, refs) for row, refs in given if not row.closed]
        await _each(self._record, (pair for pair in given if pair[0].closed))
        await _each(self._start, (pending for pending in kept if pending is not None))

    async def _texts(self, conn: AsyncConnection, row: ImportedRow) -> Given | None:
        """The row with its texts stored; None where it was in once and its texts were erased since."""
        said = {"subject": row.subject, "narrative": row.narrative, "outcome": row.outcome}
        ids = {field: text_id(row.source, field) for field, value in said.items() if value is not None}
        items = {ids[field]: value for field, value in said.items() if value is not None}
        try:
            stored = await self._shells.texts.put(conn, self._reference(row), items)
        except StreamErased:
            self.taken.already += 1
            return None
        return row, {field: stored[id_] for field, id_ in ids.items()}

    async def _keep(
        self, conn: AsyncConnection, row: ImportedRow, refs: dict[str, TextRef]
    ) -> intake.Pending | None:
        """Keep an open row as intake, not lost once committed; returns it while its workflow is to start."""
        reference = self._reference(row)
        if await intake.accept(conn, reference, self._order(row, refs), self._ref):
            self.taken.opened += 1
        else:
            self.taken.already += 1
        return await intake.waits(conn, reference)

    async def _start(self, pending: intake.Pending) -> None:
        """Start the workflow of what is kept; while Temporal is away, the scheduler will."""
        if not self._engine_is_away:
            try:
                await self._shells.engine.receive(pending.reference, pending.pack, pending.order)
            except EngineAway:
                self._engine_is_away = True
            else:
                return
        self.taken.waiting += 1

    async def _record(self, given: Given) -> None:
        """Write a closed row's history straight into the record; its commit is once for all."""
        row, refs = given
        order = self._order(row, refs)
        commit = history(
            self._pack, self._reference(row), order, row.closed_at or row.not_before, closing(row, refs)
        )
        try:
            result = await self._shells.record.commit(commit)
        except SourceTakenError:  # somebody imports the same file at this moment, under another key
            self.taken.already += 1
            return
        if result.stored is None:
            self.taken.closed += 1
        else:
            self.taken.already += 1

    def _reference(self, row: ImportedRow) -> str:
        return self._shells.naming.reference(row.source)

    def _order(self, row: ImportedRow, refs: dict[str, TextRef]) -> Order:
        now = self._shells.clock.now()
        return Order(
            id=order_id(row.source),
            actor=self._actor,
            body=receipt(row, refs),
            at=now,
            occurred_at=row.received_at,
        )


async def _each(do: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Do it for every item, a few at the same time. The first error ends all and is raised as it is."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await do(item)

    workers = [asyncio.ensure_future(work()) for _ in range(_AT_ONCE)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
