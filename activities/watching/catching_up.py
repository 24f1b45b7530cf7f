"""Catching up: workflows hear of what was recorded without them while Temporal was away."""

from __future__ import annotations

from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Order
from ledger import unaided
from ledger.database import autocommit
from workflows.client import EngineAway, Unknown

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

        Raises what the database raises.
        """
        async with self._each.connect() as conn:
            kept = await unaided.unheard(conn, limit=_AT_ONCE)
        heard = 0
        for item in kept:
            try:
                await self._workflows.tell(item.stream, item.order)
            except EngineAway:
                break
            except Unknown:  # it was kept, and never recorded: there is nobody to hear it
                _log.warning("order of no complaint", reference=item.stream, command_id=item.order.id)
            async with self._each.connect() as conn:
                await unaided.drop(conn, item.stream, item.order.id)
            heard += 1
        if heard:
            _log.info("workflows caught up", count=heard)
        return heard
