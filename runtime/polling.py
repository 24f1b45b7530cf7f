"""Polling: a Temporal worker that works for as long as a context lasts, and whose end has an end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import structlog
from temporalio.worker import Worker

_log = structlog.get_logger(__name__)
_FAREWELL = timedelta(seconds=10)


@contextlib.asynccontextmanager
async def polling(worker: Worker, graceful: timedelta = timedelta()) -> AsyncIterator[Worker]:
    """Have the worker poll while the context lasts; a worker that fails ends the context with its error.

    `graceful` is what the worker was told to allow its activities at its end. When all of them are over and
    reported, Temporal's library takes leave of the server, and about once in a hundred times it never comes
    back from that (seen with 1.35): nothing is left to be lost then, so it is waited for 10 seconds and let go.
    """
    async with asyncio.TaskGroup() as group:
        running = group.create_task(worker.run())
        try:
            yield worker
        finally:
            stopping = asyncio.create_task(worker.shutdown())
            await asyncio.wait({running}, timeout=(graceful + _FAREWELL).total_seconds())
            if not running.done():
                _log.warning("worker let go", reason="it did not come back from taking leave")
                running.cancel()
            await asyncio.wait({stopping}, timeout=_FAREWELL.total_seconds())
            stopping.cancel()
