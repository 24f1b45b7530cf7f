"""Retaining: has the texts of archived complaints erased when the time for which their pack keeps them is over.

Which those are is chapters/erasure.py's to say: none where nobody has chosen how long they are kept. The order goes to
the complaint's workflow as a fact under an id that makes it one for ever, and the workflow decides anew: a legal hold
that was laid meanwhile wins, and so does whoever opened the complaint again. Nothing is ordered while the time is in
doubt (steadiness.py), nor before the texts have been over their time for a GRACE, which no small error of a clock
reaches past.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases
from activities.watching.assigning import Tells
from activities.watching.steadiness import ROUNDS, Steadiness
from complaints.base import SYSTEM, Actor, Order
from complaints.chapters.erasure import ErasePersonalData, erased_from
from ledger import retention
from ledger.database import autocommit
from ledger.retention import NOT_WORKED_OUT, Ending
from policies.vocabulary import Role
from runtime.clock import Clock
from workflows.client import AWAY_AFTER, EngineAway

TASK: Final = "retention"
"""The task whose rounds stand in `scheduled_runs`."""
GRACE: Final = timedelta(days=1)
"""Service time. For so long texts that are over their time are kept still: see above."""
_AT_ONCE: Final = 200
_LOOKED_AT_MOST: Final = 10_000
_ORDERED_AT_MOST: Final = 1_000
_SERVICE = Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,))

_log = structlog.get_logger(__name__)


@dataclass
class _Count:
    """What a round came to: erasures ordered, rows of the read model worked out, orders in a row not taken."""

    ordered: int = 0
    worked_out: int = 0
    away: int = 0


class Retaining:
    """Looks for texts that are over their time. One at a time: see hold.py."""

    def __init__(
        self, engine: AsyncEngine, cases: Cases, workflows: Tells, clock: Clock, *, rounds: int = ROUNDS
    ) -> None:
        """`rounds`: how many of its hourly rounds have to lie before one that orders anything."""
        self._reading = autocommit(engine)
        self._cases = cases
        self._workflows = workflows
        self._steadiness = Steadiness(engine, clock, TASK, rounds=rounds)

    async def look(self) -> int:
        """Where a new hour has begun, order what is to be erased; returns how many erasures were ordered.

        To be asked every second. Of many, a thousand are ordered in a round. What Temporal does not take, or a worker
        does not carry out, is ordered again in the next. Raises what the database raises.
        """
        now = await self._steadiness.next_round()
        if now is None:
            return 0
        by = now.at - GRACE
        count = _Count()
        async for ending in self._over(by if now.doubt is None else NOT_WORKED_OUT):
            try:
                await self._look_at(ending, by, now.at, count, trusted=now.doubt is None)
            except EngineAway as error:  # this one again in an hour; it may be its workflow alone
                _log.info("not erased yet", reference=ending.reference, exc_info=error)
                count.away += 1
                if count.away == AWAY_AFTER:
                    break
            except Exception as error:  # the others' time is over all the same; this one again in an hour
                _log.error("not erased", reference=ending.reference, exc_info=error)
            if count.ordered >= _ORDERED_AT_MOST:
                break
        if count.ordered or count.worked_out:
            _log.info("retention applied", count=count.ordered, rows=count.worked_out)
        if now.doubt is not None:
            await self._say_that_it_waits(by, now.doubt)
        return count.ordered

    async def _look_at(
        self, ending: Ending, by: datetime, now: datetime, count: _Count, *, trusted: bool
    ) -> None:
        held = await self._cases.read(ending.reference)
        if held is None:
            raise LookupError("the read model knows it, the record does not; run redress verify")
        until = erased_from(held.pack, held.case)
        if until != ending.erased_from:  # not worked out yet, or by a rule that holds no more
            async with self._reading.connect() as conn:
                count.worked_out += await retention.put_right(
                    conn, ending.reference, held.case.sequence, until
                )
        if trusted and until is not None and until <= by:
            order = Order(
                id=f"{TASK}/{ending.reference}",
                actor=_SERVICE,
                body=ErasePersonalData(reason="retention_ended"),
                at=now,  # and not this very moment: it is that of the round which is trusted
            )
            await self._workflows.tell(ending.reference, order)
            count.ordered += 1
            count.away = 0

    async def _over(self, by: datetime) -> AsyncIterator[Ending]:
        last: Ending | None = None
        for _ in range(_LOOKED_AT_MOST // _AT_ONCE):
            async with self._reading.connect() as conn:
                batch = await retention.over(conn, by, last, limit=_AT_ONCE)
            for ending in batch:
                yield ending
            if len(batch) < _AT_ONCE:
                return
            last = batch[-1]

    async def _say_that_it_waits(self, by: datetime, doubt: str) -> None:
        async with self._reading.connect() as conn:
            waiting = await retention.how_many(conn, by)
        if waiting:
            _log.warning("retention waits", outcome=doubt, count=waiting)
