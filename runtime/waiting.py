"""Waiting for a condition with a deadline: nothing in the house waits by time alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_FIRST_LOOK = 0.005
_LOOK_AT_MOST_EVERY = 0.1


class TooLateError(Exception):
    """The condition did not come true before the deadline."""


async def until(
    condition: Callable[[], Awaitable[bool]],
    *,
    within: float,
    what: str = "the condition",
    every: float = _LOOK_AT_MOST_EVERY,
) -> None:
    """Returns as soon as `condition` holds, looking again after 5 ms, then ever later, up to `every` seconds.

    `within` is in seconds. Raises `TooLateError`, naming `what`, when it does not hold by then. A look
    that itself hangs is cut off at the deadline.
    """
    deadline = time.monotonic() + within
    pause = _FIRST_LOOK
    while True:
        left = deadline - time.monotonic()
        try:
            if await asyncio.wait_for(condition(), timeout=max(left, _LOOK_AT_MOST_EVERY)):
                return
        except TimeoutError:
            pass
        if time.monotonic() >= deadline:
            raise TooLateError(f"Waited {within:g} s in vain for {what}.")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, every)
