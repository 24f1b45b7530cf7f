"""Lateness: by how much a task that has to be on time was not, since anybody last asked. Measured in real seconds."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery.watchdog_post import STREAM, message_about
from ledger import late_spells, outbox
from runtime.clock import SYSTEM, Clock

_log = structlog.get_logger(__name__)
LATE = 5.0
"""Seconds: what a deadline's alert may take at most in a burst; beyond them the watchdog says that it was late."""
QUIET = timedelta(seconds=60)
"""Real time without lateness after which a late spell is over."""
ROUND = 0.2
"""Seconds from one round of the watchdog to the next."""


class Lateness:
    """Kept by the one task; asked by its heartbeat. A round that came late counts as what it acted on late."""

    def __init__(self, every: float = ROUND) -> None:
        self._every = every
        self._worst = 0.0
        self._last_round: float | None = None

    def came_round(self) -> None:
        """A round begins: what it comes later than it should is lateness, whatever there is to do."""
        now = time.monotonic()
        if self._last_round is not None:
            self._worst = max(self._worst, now - self._last_round - self._every)
        self._last_round = now

    def acted(self, seconds: float) -> None:
        """Something was done so long after its moment."""
        self._worst = max(self._worst, seconds)

    def rest(self) -> None:
        """The task is laid down: until it is taken up again nothing is expected of it here."""
        self._last_round = None

    def worst(self) -> float:
        """The worst since this was last asked, never below 0; asking begins anew."""
        now = time.monotonic()
        waits = 0.0 if self._last_round is None else now - self._last_round - self._every
        worst, self._worst = max(self._worst, waits), 0.0
        return max(worst, 0.0)


class LateSpells:
    """Keeps on record when the watchdog was late, and alerts administrators of it, once for each spell."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._real = Clock(SYSTEM)
        self._open = True  # there may be one from before

    async def note(self, seconds: float) -> bool:
        """The watchdog was so late since it was last noted; whether administrators are alerted now.

        Called by whoever holds the task. Raises what the database raises.
        """
        now = self._real.now()
        if seconds > LATE:
            async with self._engine.begin() as conn:
                number, new = await late_spells.was_late(conn, STREAM, now, seconds)
                if new:
                    await outbox.queue(conn, STREAM, [message_about(number)])
            self._open = True
            if new:
                _log.warning("the watchdog was late", late_s=round(seconds, 1), number=number)
            return new
        if self._open:
            async with self._engine.begin() as conn:
                await late_spells.end_spell(conn, STREAM, now, QUIET)
                self._open = await late_spells.open_spell(conn, STREAM) is not None
        return False
