"""Gates: what is sent to a target passes its gate, or is turned away so that others are not kept waiting."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from activities.delivery.targets import Circuit, Limits, Target

_RANDOM = random.SystemRandom()
_REMEMBERED = 5_000


class TargetShut(Exception):  # noqa: N818 - a state of the target, met as an exception
    """Not now. `after`: seconds until it is worth while to come back. `status`: a word of ours why.

    `failing` says that the target's circuit is open: it is as if it had been tried.
    """

    def __init__(self, status: str, after: float, *, failing: bool = False) -> None:
        super().__init__(status)
        self.status = status
        self.after = after
        self.failing = failing


class Gates:
    """One gate for each target, by names such as `mail:example.org`, `webhook:<id>`, `chat:<service>`.

    For one event loop. The names are not told to anybody: a customer's mail domain may say who they are.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._targets: dict[str, Target] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def through(self, name: str) -> AsyncIterator[None]:
        """Send to the target inside. What is raised inside tells how the target does: see `answered`.

        Raises TargetShut where its circuit is open, its rate is used up, or no place is free in time.
        """
        target = await self._entered(name)
        try:
            yield
        except BaseException as error:
            self._left(name, target, answered(error))
            raise
        self._left(name, target, answered=True)

    def circuits(self) -> Mapping[tuple[str, Circuit], int]:
        """How many targets are in which state, by kind (`mail`, `webhook`, `chat`)."""
        return Counter((name.partition(":")[0], target.circuit) for name, target in self._targets.items())

    async def _entered(self, name: str) -> Target:
        target = self._target(name)
        self._ask(target)
        while target.full:
            await self._place(name, target)
            self._ask(target)  # its circuit may have opened meanwhile
        target.begin(_now())
        return target

    def _ask(self, target: Target) -> None:
        wait = target.ask(_now())
        if wait > 0:
            failing = target.circuit is not Circuit.CLOSED
            raise TargetShut("circuit open" if failing else "rate limit", wait * _spread(), failing=failing)

    async def _place(self, name: str, target: Target) -> None:
        """Returns when somebody has left. Who would wait in vain is turned away at once."""
        patience = self.limits.patience
        if target.stuck(_now()):
            raise TargetShut("target busy", patience * _spread())
        free: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(name, deque())
        waiting.append(free)
        try:
            async with asyncio.timeout(patience):
                await free
        except TimeoutError:
            raise TargetShut("target busy", patience * _spread()) from None
        finally:
            if free in waiting:
                waiting.remove(free)

    def _left(self, name: str, target: Target, answered: bool | None) -> None:
        target.end(_now(), answered=answered, spread=_spread())
        waiting = self._waiting.get(name)
        while waiting:
            free = waiting.popleft()
            if not free.done():
                free.set_result(None)
                break

    def _target(self, name: str) -> Target:
        found = self._targets.get(name)
        if found is None:
            if len(self._targets) >= _REMEMBERED:
                self._targets = {n: target for n, target in self._targets.items() if not target.idle}
                self._waiting = {n: waiting for n, waiting in self._waiting.items() if waiting}
            found = Target(self.limits, self.limits.rates.get(name.partition(":")[0]))
            self._targets[name] = found
        return found


def answered(error: BaseException) -> bool | None:
    """What an exception says of the target: that it answered (its attribute `answered`), or, else, that it failed.

    Being told to stop says nothing.
    """
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return None
    said: bool | None = getattr(error, "answered", False)
    return said


def _now() -> float:
    return asyncio.get_running_loop().time()


def _spread() -> float:
    return _RANDOM.uniform(0.9, 1.3)
