"""Settling: what came of messages is written down together, as much as came while the last was being written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.delivery.fate import Fate
from ledger import outbox
from ledger.calls import reached_nobody
from ledger.database import autocommit
from ledger.outbox import Leased, Outcome

_log = structlog.get_logger(__name__)
_DATABASE = (SQLAlchemyError, OSError, TimeoutError)


class Settler:
    """Writes outcomes of what `holder` leased; while the database is away again and again, for `patience` seconds.

    A mail that was sent and not settled would be sent a second time, under the same Message-ID.
    """

    def __init__(self, engine: AsyncEngine, *, holder: str, patience: float, again: float) -> None:
        """`again`: seconds between two tries."""
        self._engine = autocommit(engine)
        self._transactions = engine
        self._holder = holder
        self._patience = patience
        self._again = again
        self._waiting: list[tuple[Sequence[Outcome], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Returns when these are written, or could not be in time."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((outcomes, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await written

    async def finish(self, rows: Sequence[Leased], fate: Fate, after: float | None) -> Fate:
        """Write down the fate that messages share; returns it, or the one beside somebody else who has the call.

        `after`: in how many seconds what goes back is tried again (`Outcome`).
        """
        if fate.beside is not None:
            return await self._judge(rows, fate, fate.beside)
        if fate.recipients:
            await self.insist(partial(self._expand, rows, fate))
        else:
            await self.settle(_outcomes(rows, fate, after))
        return fate

    async def _judge(self, rows: Sequence[Leased], fate: Fate, beside: Fate) -> Fate:
        final = fate

        async def judge(conn: AsyncConnection) -> None:
            nonlocal final
            final = fate if await reached_nobody(conn, [row.id for row in rows]) else beside
            if final.recipients:
                await self._expand(rows, final, conn)
            else:
                await outbox.settle_all(conn, _outcomes(rows, final), holder=self._holder)

        await self.insist(judge, whole=True)
        return final

    async def _expand(self, rows: Sequence[Leased], fate: Fate, conn: AsyncConnection) -> None:
        await outbox.expand(
            conn, [row.id for row in rows], holder=self._holder, recipients=fate.recipients,
            keep_fallback=fate.keep_fallback, kind=fate.kind, state=fate.state, error=fate.status,
        )  # fmt: skip

    async def insist(
        self, write: Callable[[AsyncConnection], Awaitable[Any]], *, whole: bool = False
    ) -> None:
        """Write something to the database, again and again while it is away, for as long as patience lasts.

        With `whole` its statements are one transaction, else each is one.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            try:
                async with self._transactions.begin() if whole else self._engine.connect() as conn:
                    await write(conn)
                return
            except _DATABASE as error:
                if loop.time() > deadline:
                    _log.error("message not settled", exc_info=error)
                    return
                await asyncio.sleep(self._again)

    async def _write(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting, []
            outcomes = [outcome for some, _ in together for outcome in some]
            settle = partial(outbox.settle_all, outcomes=outcomes, holder=self._holder)
            try:
                await self.insist(settle)
            finally:
                for _, written in together:
                    if not written.done():
                        written.set_result(None)


def _outcomes(rows: Sequence[Leased], fate: Fate, after: float | None = None) -> list[Outcome]:
    return [
        Outcome(
            id=row.id, state=fate.state, message_id=fate.message_id, error=fate.status, after=after,
            counts=fate.counts,
        )
        for row in rows
    ]  # fmt: skip
