"""Telling: what became of a letter, or of a call that reached nobody, goes back to the workflow until it was taken."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery.passing_on import PassingOn, unheld_order
from complaints.base import SYSTEM, Actor, Order
from complaints.chapters.letters import ReportDelivery
from ledger import outbox
from ledger.database import autocommit
from ledger.outbox import State, Untold
from policies.vocabulary import DeliveryState, Role
from runtime.clock import Clock

_log = structlog.get_logger(__name__)
_AT_ONCE = 100
_REMEMBERED = 10_000
_LONGEST_WAIT = 60.0
_MAIL_SYSTEM = Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,))


class Tells(Protocol):
    """The engine, as far as telling needs it. Raises whatever it likes where the fact was not taken."""

    async def tell(self, reference: str, order: Order) -> None: ...


@dataclass(frozen=True)
class _Patience:
    until: float
    wait: float


class Teller:
    """Tells outcomes that workflows do not know yet. An outcome told twice has the same order id."""

    def __init__(
        self,
        engine: AsyncEngine,
        workflows: Tells,
        clock: Clock,
        passing_on: PassingOn,
        *,
        first_wait: float = 1.0,
    ) -> None:
        self._passing_on = passing_on
        self._engine = autocommit(engine)
        self._workflows = workflows
        self._clock = clock
        self._first_wait = first_wait
        self._waiting: dict[int, _Patience] = {}
        self._passed_on: set[int] = set()

    async def tell(self) -> int:
        """Tell all that is due; returns how many were taken. One that was not is left alone for a while.

        Raises what the database raises.
        """
        await self.pass_on()  # before anybody waits for Temporal: whoever is called next must not
        now = time.monotonic()
        resting = [id_ for id_, patience in self._waiting.items() if patience.until > now]
        async with self._engine.connect() as conn:
            rows = await outbox.untold(conn, limit=_AT_ONCE, leave_out=resting)
        taken = 0
        for row in rows:
            order = self._order(row)
            try:
                if order is not None:
                    await self._workflows.tell(row.stream, order)
            except Exception as error:  # whatever keeps Temporal away, it is tried again
                wait = self._waiting[row.id].wait * 2 if row.id in self._waiting else self._first_wait
                wait = min(wait, _LONGEST_WAIT)
                self._waiting[row.id] = _Patience(time.monotonic() + wait, wait)
                _log.info("outcome not told yet", reference=row.stream, retry_in_s=wait, exc_info=error)
                continue
            async with self._engine.connect() as conn:
                await outbox.told(conn, row.id)
            self._waiting.pop(row.id, None)
            self._passed_on.discard(row.id)
            taken += 1
        return taken

    async def pass_on(self) -> None:
        """Pass on what reached nobody, each call once; needs only the database, and raises what that raises.

        Apart from `tell`, which may wait long for a Temporal that does not answer.
        """
        if len(self._passed_on) > _REMEMBERED:
            self._passed_on.clear()  # those that somebody else told; passed on again, nothing is queued twice
        async with self._engine.connect() as conn:
            rows = await outbox.not_passed_on(conn, limit=_AT_ONCE, leave_out=list(self._passed_on))
        failed = set()
        for reference in dict.fromkeys(stream for _, stream in rows):
            try:
                await self._passing_on.pass_on(reference)
            except Exception as error:  # one that can not be read must not keep the others waiting
                failed.add(reference)
                _log.error("call not passed on", reference=reference, exc_info=error)
        self._passed_on |= {id_ for id_, stream in rows if stream not in failed}

    def _order(self, row: Untold) -> Order | None:
        """What the workflow is told; None where there is nothing that it could make of it."""
        now = self._clock.now()
        if row.state is State.UNHELD:
            return unheld_order(row, self._clock)
        if row.letter is None:
            return None
        state = DeliveryState.SENT if row.state is State.SENT else DeliveryState.BOUNCED
        return Order(
            id=f"delivery/{row.id}/{state}",
            actor=_MAIL_SYSTEM,
            body=ReportDelivery(letter=row.letter, state=state, status=row.status),
            at=now,
            # The database's clock says when; should it go before ours, nothing happens in the future.
            occurred_at=min(now, self._clock.spec.virtual(row.settled_at)),
        )
