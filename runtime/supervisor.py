"""Runs several children as one: starts them in order, starts again what crashes, stops them in reverse."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, TypeAdapter

from runtime.child import Child, Running
from runtime.errors import SetupError
from runtime.ports import require_all_free
from runtime.processes import ProcessId, end

Say = Callable[[str], None]

_FIRST_BACK_OFF = 0.25
_LONGEST_BACK_OFF = 15.0
_STEADY_AFTER = 30.0  # seconds of running that make the next crash a first one again


class _Started(BaseModel):
    """A child as the record of an earlier, perhaps killed, supervisor names it."""

    model_config = ConfigDict(frozen=True)

    name: str
    process: ProcessId
    stop_signal: int


_Record = TypeAdapter(list[_Started])


class Supervisor:
    """The children of one data folder, where only one may be at work (the caller holds the lock)."""

    def __init__(self, folder: Path, say: Say) -> None:
        self._record = folder / "children.json"
        self._logs = folder / "logs"
        self._say = say
        self._running: list[Running] = []
        self._watchers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self.end_leftovers()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    async def start(self, children: Sequence[Child]) -> None:
        """Starts each when the one before is ready, and from then on keeps it running.

        Raises `PortTakenError` before anything is started, and `SetupError` from a child that does not
        get ready; those already started are then still running, for `stop` to end.
        """
        require_all_free(*children)
        for child in children:
            self._say(f"Starting the {child.name} …")
            running = Running(child, self._logs / f"{child.name.replace(' ', '-').lower()}.log")
            self._running.append(running)
            await running.spawn()
            await self._write_record()
            await running.wait_ready()
            if child.once_ready is not None:
                await child.once_ready()
            self._watchers.append(asyncio.create_task(self._keep(running)))

    async def stop(self) -> None:
        """Stops all children, the last started first."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        self._watchers.clear()
        while self._running:
            running = self._running.pop()
            if running.alive:
                self._say(f"Stopping the {running.child.name} …")
            await running.stop()
        await self._write_record()

    async def end_leftovers(self) -> None:
        """Ends the children of a supervisor that was killed before it could."""
        for started in reversed(await asyncio.to_thread(self._read_record)):
            if started.process.alive:
                self._say(f"Ending the {started.name} that an earlier, killed run left behind …")
                await end(started.process, politely=signal.Signals(started.stop_signal))
        await asyncio.to_thread(self._record.unlink, missing_ok=True)

    async def _keep(self, running: Running) -> None:
        """Starts the child again each time it ends, after a pause that grows while it keeps crashing."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_BACK_OFF
        while True:
            began = loop.time()
            code = await running.wait_end()
            if loop.time() - began >= _STEADY_AFTER:
                pause = _FIRST_BACK_OFF
            self._say(
                f"The {running.child.name} ended by itself (code {code}); starting it again in {pause:g} s."
                f" Its log: {running.log}"
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_BACK_OFF)
            try:
                await running.spawn()
                await self._write_record()
                await running.wait_ready()
            except (SetupError, OSError) as error:
                self._say(str(error))
            else:
                self._say(f"The {running.child.name} is back.")

    async def _write_record(self) -> None:
        started = [
            _Started(name=r.child.name, process=identity, stop_signal=r.child.stop_signal)
            for r in self._running
            if (identity := r.identity) is not None
        ]
        await asyncio.to_thread(self._replace_record, _Record.dump_json(started))

    def _replace_record(self, content: bytes) -> None:
        making = self._record.with_suffix(".making")
        making.write_bytes(content)
        making.replace(self._record)

    def _read_record(self) -> list[_Started]:
        with suppress(OSError, ValueError):
            return _Record.validate_json(self._record.read_bytes())
        return []


async def until_told(work: Coroutine[object, object, None]) -> None:
    """Does `work` until it ends by itself, or until SIGINT or SIGTERM asks to stop.

    Then it is cancelled, wherever it is, and this returns when it has cleaned up after itself. A second
    signal meanwhile changes nothing. Raises what `work` raises.
    """
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    doing = asyncio.create_task(work)
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        doing.cancel()
        with suppress(asyncio.CancelledError):
            await doing
    finally:
        waiting.cancel()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
