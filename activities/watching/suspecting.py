"""Suspecting: supervisors are alerted, once a week for each, where many complaints look as if they had one cause."""

from __future__ import annotations

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.systemic.suspicion import alert
from ledger import outbox
from ledger.database import autocommit
from ledger.packs import load_all
from ledger.suspicion import suspicions
from runtime.clock import Clock

_log = structlog.get_logger(__name__)


async def suspect(engine: AsyncEngine, clock: Clock) -> int:
    """Look for what is suspected now, and queue what was not alerted this week; returns how many alerts are new.

    It needs the database alone. Raises what the database raises.
    """
    now = clock.now()
    async with autocommit(engine).connect() as conn:
        packs = (await load_all(conn)).values()
        found = await suspicions(conn, packs, now)
    new = 0
    for suspicion in found:
        async with engine.begin() as conn:
            new += await outbox.queue(conn, suspicion.stream, [alert(suspicion, now)])
    if new:
        _log.info("systemic issues suspected", count=new)
    return new
