"""The ways to see from outside that a child is ready: it listens, or it made its ready file."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

Ready = Callable[[], Awaitable[bool]]


def listens(port: int) -> Ready:
    """Whether something takes connections on 127.0.0.1 at `port`."""

    async def look() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    return look


def said_so(file: Path) -> Ready:
    """Whether the child made its ready file (see `runtime.ready`)."""

    async def look() -> bool:
        return os.access(file, os.F_OK)

    return look


def forget(file: Path) -> Callable[[], Awaitable[None]]:
    """What is done before each start, lest an earlier life's file be believed."""

    async def remove() -> None:
        await asyncio.to_thread(file.unlink, missing_ok=True)

    return remove
