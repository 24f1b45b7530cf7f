"""The hold: one process at a time does a task, by an advisory lock that lives and dies with a connection."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Text, bindparam, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger import heartbeats
from ledger.database import autocommit

_DATABASE: Final = (SQLAlchemyError, OSError, TimeoutError)


class HoldLost(Exception):  # noqa: N818 - a state, met as an exception
    """The connection that carried the lock is gone: somebody else may hold the task already."""


class Hold:
    """The right to do `task` alone. Not to be shared between tasks of a program."""

    def __init__(self, engine: AsyncEngine, task: str, holder: str) -> None:
        self._engine = autocommit(engine)
        self._task = task
        self._holder = holder
        self._conn: AsyncConnection | None = None

    async def acquire(self) -> None:
        """Wait until nobody else holds the task. Raises what the database raises, and then holds nothing."""
        conn = await self._engine.connect()
        try:
            await conn.execute(_LOCK, {"task": self._task})
            await heartbeats.beat(conn, self._task, self._holder)
        except BaseException:
            await _discard(conn)
            raise
        self._conn = conn

    @property
    def holder(self) -> str:
        """The name of this process, as heartbeats show it."""
        return self._holder

    @property
    def held(self) -> bool:
        """Whether this process has the task, as far as it knows."""
        return self._conn is not None

    async def beat(self, late_seconds: float = 0.0) -> None:
        """Show on the very connection of the lock that it is held, and how late its work was. Raises HoldLost."""
        if self._conn is None:
            raise HoldLost
        try:
            await heartbeats.beat(self._conn, self._task, self._holder, late_seconds)
        except _DATABASE:
            await self.release()
            raise HoldLost from None

    async def release(self) -> None:
        """Let somebody else do it; nothing happens where it is not held."""
        conn, self._conn = self._conn, None
        if conn is not None:
            await _discard(conn)


async def _discard(conn: AsyncConnection) -> None:
    """Close the connection itself: in the pool it would keep the lock."""
    try:
        await conn.invalidate()
    finally:
        await conn.close()


_LOCK = text("SELECT pg_advisory_lock(hashtextextended('redress/' || :task, 0))").bindparams(
    bindparam("task", type_=Text)
)
