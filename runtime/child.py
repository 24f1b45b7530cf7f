"""One program that we start ourselves: what it is, when it is ready, and how it is ended."""

import asyncio
import os
import pwd
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from runtime.errors import SetupError
from runtime.processes import ProcessId, identify
from runtime.waiting import TooLateError, until

_LOG_TURNS_AT = 10 * 1024 * 1024
_LINES_SHOWN = 12


@dataclass(frozen=True)
class Port:
    """A port on 127.0.0.1 that a child listens on, and how the person changes it."""

    number: int
    changed_by: str
    """The setting, such as ``REDRESS_API_PORT``."""


@dataclass(frozen=True)
class Child:
    """A program to run: the supervisor and the tests know nothing more of any of them."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    """Asked again and again after the start; must not raise."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to our own environment."""
    ports: tuple[Port, ...] = ()
    account: pwd.struct_passwd | None = None
    """Another user to run as; only root may."""
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    ready_within: float = 60.0
    """Seconds."""
    stop_within: float = 15.0
    """Seconds from the signal to the kill."""
    before: Callable[[], Awaitable[None]] | None = None
    """Done before each start: what the last, perhaps violent, end left behind."""
    once_ready: Callable[[], Awaitable[None]] | None = None
    """Done when it is ready for the first time, before the next child starts."""


class ChildFailedError(SetupError):
    """A child ended, or did not get ready, where it had to; the text ends with its last log lines."""


class Running:
    """A started child. It has its own session, so that a Ctrl-C at the terminal reaches only us."""

    def __init__(self, child: Child, log: Path) -> None:
        self.child = child
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id; raises `RuntimeError` before the first start."""
        if self._process is None:
            raise RuntimeError(f"{self.child.name} was never started.")
        return self._process.pid

    @property
    def identity(self) -> ProcessId | None:
        """The process for certain, or None when it has ended."""
        return identify(self.pid) if self.alive else None

    @property
    def alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts it and returns when it is ready.

        Raises `ChildFailedError` when it ends before, or is not ready within its time (it is ended then).
        """
        await self.spawn()
        await self.wait_ready()

    async def spawn(self) -> None:
        """Starts it, without waiting until it is ready."""
        child = self.child
        if child.before is not None:
            await child.before()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_TURNS_AT:
            self.log.replace(self.log.with_suffix(self.log.suffix + ".1"))
        account = child.account
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *child.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **child.env},
                cwd=child.cwd,
                start_new_session=True,
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else [],
            )

    async def wait_ready(self) -> None:
        """Returns when it is ready; raises as `start` does."""

        async def ready_or_ended() -> bool:
            return not self.alive or await self.child.ready()

        try:
            await until(ready_or_ended, within=self.child.ready_within, what=self.child.name)
        except TooLateError:
            await self.stop()
            raise ChildFailedError(
                f"The {self.child.name} was not ready within {self.child.ready_within:g} s.{self._tail()}"
            ) from None
        except BaseException:
            await self.stop()
            raise
        if not self.alive:
            raise ChildFailedError(
                f"The {self.child.name} ended while starting (code {self._code()}).{self._tail()}"
            )

    async def wait_end(self) -> int:
        """Waits until it ends and returns its code, negative for a signal's number."""
        if self._process is None:
            raise RuntimeError(f"{self.child.name} was never started.")
        return await self._process.wait()

    async def stop(self) -> None:
        """Asks it to end, kills it when it does not in its time, and returns when it is gone."""
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(self.child.stop_signal)
        try:
            await asyncio.wait_for(self._process.wait(), timeout=self.child.stop_within)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL, and returns when it is gone."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def _code(self) -> int | None:
        return None if self._process is None else self._process.returncode

    def _tail(self) -> str:
        with suppress(OSError):
            lines = self.log.read_text(errors="replace").splitlines()[-_LINES_SHOWN:]
            if lines:
                return "\n".join([f" Its last words, from {self.log}:", *(f"  {line}" for line in lines)])
        return f" It left no word in {self.log}."
