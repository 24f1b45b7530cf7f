"""Processes by more than their number: the one that is meant is ended, a stranger never is."""

import asyncio
import os
import signal
import sys

from runtime.processes import ProcessId, command_line, end, identify

WAITS = "import signal; signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"


async def test_the_process_is_ended() -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", WAITS)
    found = identify(child.pid)
    assert found is not None
    assert WAITS in command_line(child.pid)
    await end(found)
    assert await child.wait() == -signal.SIGTERM
    assert identify(child.pid) is None


async def test_one_that_does_not_listen_is_killed() -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", DEAF, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    await child.stdout.readline()
    found = identify(child.pid)
    assert found is not None
    await end(found, within=0.2)
    assert await child.wait() == -signal.SIGKILL


async def test_a_stranger_with_the_same_number_is_left_alone() -> None:
    earlier = ProcessId(pid=os.getpid(), born="long ago")
    assert not earlier.alive
    await end(earlier, politely=signal.SIGKILL)  # it would be us
