"""Steadiness: whether the system's time has gone evenly for long enough to be trusted with what can not be undone.

A deadline that is called out an hour early, as somebody set the clock, is a nuisance. A text that is erased three
years early is gone. So a task of the latter kind takes its rounds here: each is a slot in `scheduled_runs`, and
only a round that an unbroken row of others came before is free of doubt. Of a clock that is set forward by more than
a round, seen or while nobody ran, the rounds in between are missing; where this process sees it set, by seconds even,
all begins anew. A future that was seen once and was none leaves no rounds behind. And the database has to show the
same time, as it may be on another machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.runs import begin_anew, claim, claimed, forget_later, slot_of
from runtime.clock import SYSTEM, Clock
from runtime.jumps import Jumps

ROUNDS: Final = 24
"""How many rounds have to lie before one, without a gap: with the system's clock a day."""
_ROUND: Final = timedelta(hours=1)
_LOOKS: Final = timedelta(seconds=4)
"""Real time: what is looked at every second misses no round of this length."""
_APART: Final = timedelta(minutes=5)
"""By how much the database's time may differ from this machine's."""


class Doubt(StrEnum):
    """Why the time is not trusted."""

    NOT_WATCHED_LONG_ENOUGH = "time_not_watched_long_enough"
    DATABASE_DIFFERS = "time_of_the_database_differs"


@dataclass(frozen=True)
class Round:
    """One round of a task: when it began (service time), and why its time is not trusted, if it is not."""

    at: datetime
    doubt: Doubt | None


class Steadiness:
    """The rounds of one task, once an hour by the service's own time; on a very fast clock as often as can be seen."""

    def __init__(self, engine: AsyncEngine, clock: Clock, task: str, *, rounds: int = ROUNDS) -> None:
        self._engine = engine
        self._clock = clock
        self._task = task
        self._rounds = rounds
        self._every = max(_ROUND, _LOOKS * clock.spec.speed)
        self._jumps = Jumps()
        self._jumped = False
        self._taken: str | None = None

    async def next_round(self) -> Round | None:
        """The round that begins now; None where it was taken, by this process or another, before a restart or after.

        To be asked every second. Raises what the database raises, and then has taken none.
        """
        self._jumped |= self._jumps.since_last() is not None
        now = self._clock.now()
        slot = slot_of(now, self._every)
        if slot == self._taken and not self._jumped:
            return None
        async with self._engine.begin() as conn:
            if self._jumped:
                await begin_anew(conn, self._task)
            mine = await claim(conn, self._task, slot)
            if (
                mine
            ):  # what lies after it was claimed by a clock that was wrong, and proves nothing once it comes
                await forget_later(conn, self._task, slot)
            doubt = await self._doubt(conn, now) if mine else None
        self._taken, self._jumped = slot, False
        return Round(now, doubt) if mine else None

    async def _doubt(self, conn: AsyncConnection, now: datetime) -> Doubt | None:
        before = [slot_of(now - number * self._every, self._every) for number in range(1, self._rounds + 1)]
        if await claimed(conn, self._task, before) < len(before):
            return Doubt.NOT_WATCHED_LONG_ENOUGH
        there: datetime = (await conn.execute(select(func.now()))).scalar_one()
        if abs(there - Clock(SYSTEM).now()) > _APART:
            return Doubt.DATABASE_DIFFERS
        return None
