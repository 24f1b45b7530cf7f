"""Settling: what came of messages is written down together, as much as came while the last was being written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import outbox
from ledger.database import autocommit
from ledger.outbox import Outcome

_log = structlog.get_logger(__name__)
_DATABASE = (SQLAlchemyError, OSError, TimeoutError)


class Settler:
    """Writes outcomes of what `holder` leased; while the database is away again and again, for `patience` seconds.

    A mail that was sent and not settled would be sent a second time, under the same Message-ID.
    """

    def __init__(self, engine: AsyncEngine, *, holder: str, patience: float, again: float) -> None:
        """`again`: seconds between two tries."""
        self._engine = autocommit(engine)
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

    async def insist(self, write: Callable[[AsyncConnection], Awaitable[Any]]) -> None:
        """Write something to the database, again and again while it is away, for as long as patience lasts."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            try:
                async with self._engine.connect() as conn:
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
