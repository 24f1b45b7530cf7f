"""Mails of ours that came back: letters are told to their complaints, alerts passed on to somebody who is there."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import bounces
from ledger.calls import reached_nobody

_log = structlog.get_logger(__name__)


class Bouncing:
    """Needs only the database: the dispatcher passes on what is marked here, also while Temporal is away."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._transactions = engine

    async def failed(self, message_id: str, status: str | None, received_at: datetime) -> tuple[str, ...]:
        """The mail with this Message-ID did not arrive, as we heard at `received_at` (real time): the streams that
        it was about, empty where we sent none. Told twice, nothing happens. Raises what the database raises.

        The call of a rung that no one else has either has reached nobody, as where a mail server refuses it at the
        door (`activities.delivery.alert_post`); every other alert goes to its fallback.
        """
        async with self._transactions.begin() as conn:
            known = await bounces.sent(conn, [message_id])
            gone = [row.id for row in await bounces.gone(conn, message_id)]
            calls = await reached_nobody(conn, gone)
            marked = await bounces.bounced(conn, gone, status, received_at, calls=calls)
        if marked:
            _log.info("mail came back", message_id=message_id, code=status, count=marked)
        return tuple(sorted({mail.stream for mail in known}))
