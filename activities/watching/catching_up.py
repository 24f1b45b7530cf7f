"""Catching up: workflows hear of what was recorded without them while Temporal was away."""

from __future__ import annotations

from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Order
from ledger import unaided
from ledger.database import autocommit
from workflows.client import AWAY_AFTER, EngineAway, Unknown

_log = structlog.get_logger(__name__)
_AT_ONCE = 100


class Tells(Protocol):
    """The engine, as far as this needs it. Raises Unknown, EngineAway."""

    async def tell(self, reference: str, order: Order) -> None: ...


class CatchingUp:
    """Tells workflows of unaided orders, in the order in which they were given; what is told twice is known."""

    def __init__(self, engine: AsyncEngine, workflows: Tells) -> None:
        self._each = autocommit(engine)
        self._workflows = workflows

    async def tell(self) -> int:
        """Tell all that is kept, until the engine turns out to be away; returns how many were heard.

        An order that was kept and never recorded is told nobody: who gave it heard that it failed, and may have
        decided otherwise since. One that can not be told keeps back the later ones of its complaint, and no others.
        That the engine is away is believed where several complaints in a row can not be told.
        Raises what the database raises.
        """
        async with self._each.connect() as conn:
            kept = await unaided.unheard(conn, limit=_AT_ONCE)
        heard = 0
        held_up: set[str] = set()
        away = 0
        for item in kept:
            if item.stream in held_up:
                continue
            try:
                if item.recorded:
                    await self._workflows.tell(item.stream, item.order)
                    heard += 1
                    away = 0
                else:
                    _log.warning("order was never recorded", reference=item.stream, command_id=item.order.id)
            except EngineAway:
                away += 1
                if away == AWAY_AFTER:
                    break
                held_up.add(item.stream)
                continue
            except Unknown:
                _log.warning("order of no complaint", reference=item.stream, command_id=item.order.id)
            except Exception as error:  # the other complaints' workflows hear of theirs all the same
                _log.error("workflow not told", reference=item.stream, exc_info=error)
                held_up.add(item.stream)
                continue
            async with self._each.connect() as conn:
                await unaided.drop(conn, item.stream, item.order.id)
        if heard:
            _log.info("workflows caught up", count=heard)
        return heard
