"""Keeps one real server running for a whole test run, whichever test worker comes first or last.

`python -m tests.support.keeper postgres|temporal FOLDER CONTROLLER_PID`: says in FOLDER/<kind>.json
where the server is, and ends it on SIGTERM or when the controlling pytest is gone.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from runtime.child import Running
from runtime.ports import free_port
from runtime.postgres_server import PostgresServer
from runtime.processes import ProcessId, identify
from runtime.temporal_binary import get_temporal
from runtime.temporal_server import TemporalServer

_LOOKS_EVERY = 1.0


class Kept(BaseModel):
    """Where a kept server is."""

    model_config = ConfigDict(frozen=True)

    port: int
    keeper: int
    """The keeper's process id."""


async def keep(kind: str, folder: Path, controller: ProcessId | None) -> None:
    """Starts the server, says where it is, waits for the end of the run, stops the server."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    port = free_port()
    if kind == "postgres":
        child = PostgresServer(folder / kind, port).child()
    else:
        binary = await get_temporal(lambda line: print(line, flush=True))  # noqa: T201 - its log
        child = TemporalServer(folder / kind, port, binary=binary).child()
    server = Running(child, folder / f"{kind}-server.log")
    await server.start()
    try:
        making = folder / f"{kind}.making"
        making.write_text(Kept(port=port, keeper=os.getpid()).model_dump_json())
        making.rename(folder / f"{kind}.json")
        while not ended.is_set() and controller is not None and controller.alive:
            try:
                await asyncio.wait_for(ended.wait(), timeout=_LOOKS_EVERY)
            except TimeoutError:
                continue
    finally:
        await server.stop()


if __name__ == "__main__":
    _, wanted, where, watched = sys.argv
    asyncio.run(keep(wanted, Path(where), identify(int(watched))))
