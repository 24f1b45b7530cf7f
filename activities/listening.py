"""Listening: a database connection kept for notifications, made anew whenever it is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.database import autocommit

_log = structlog.get_logger(__name__)
_AGAIN_AFTER = 1.0


async def listen(engine: AsyncEngine, channel: str, heard: asyncio.Event) -> None:
    """Set `heard` at every notification on the channel, until cancelled.

    It is also set whenever a connection was made: what was notified while there was none is not lost.
    """

    def hear(*_: Any) -> None:
        heard.set()

    while True:
        try:
            await _listen_until_lost(engine, channel, hear)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("not listening", channel=channel, exc_info=error)
        await asyncio.sleep(_AGAIN_AFTER)


async def _listen_until_lost(engine: AsyncEngine, channel: str, hear: Any) -> None:
    lost = asyncio.Event()
    async with autocommit(engine).connect() as conn:
        driver: Any = (await conn.get_raw_connection()).driver_connection
        driver.add_termination_listener(lambda _: lost.set())
        try:
            await driver.add_listener(channel, hear)
            hear()
            await lost.wait()
        finally:
            await conn.invalidate()  # it must not go back into the pool and be heard there
