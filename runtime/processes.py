"""Telling one process from another by more than its number, and ending exactly the one that is meant."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from runtime.waiting import until

_PROC = Path("/proc")


class ProcessId(BaseModel):
    """A process for certain: its number, and when that number was given to it.

    Numbers are given out again, above all in containers, where the same few come back at each start.
    """

    model_config = ConfigDict(frozen=True)

    pid: int
    born: str
    """As the system states it; only good for comparing."""

    @property
    def alive(self) -> bool:
        """Whether this very process still runs (one that ended and was not yet waited for does not)."""
        return _born(self.pid) == self.born

    def send(self, number: signal.Signals) -> None:
        """Sends the signal, if the process is still the same one."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def identify(pid: int) -> ProcessId | None:
    """The process that has this number now, or None where there is none."""
    born = _born(pid)
    return None if born is None else ProcessId(pid=pid, born=born)


def command_line(pid: int) -> str:
    """The command that a process runs, its arguments joined by spaces; empty where there is none to see."""
    if _PROC.joinpath("self").exists():
        with suppress(OSError):
            return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    return _ps(pid, "command=")


async def end(process: ProcessId, *, politely: signal.Signals = signal.SIGTERM, within: float = 10.0) -> None:
    """Ends a process that is not our child: asks, waits up to `within` seconds, then kills it."""

    async def gone() -> bool:
        return not process.alive

    process.send(politely)
    with suppress(Exception):
        await until(gone, within=within, what=f"process {process.pid} to end")
    process.send(signal.SIGKILL)
    await until(gone, within=5.0, what=f"process {process.pid} to be gone")


def _born(pid: int) -> str | None:
    if not _PROC.joinpath("self").exists():
        return _ps(pid, "lstart=") or None
    try:
        # The name in parentheses may hold spaces and parentheses itself; what follows the last is plain.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def _ps(pid: int, column: str) -> str:
    """For systems without /proc."""
    ps = shutil.which("ps")
    if ps is None:
        return ""
    run = subprocess.run(  # noqa: S603 - fixed arguments and a number
        [ps, "-p", str(pid), "-o", column], capture_output=True, text=True, check=False
    )
    return run.stdout.strip()
