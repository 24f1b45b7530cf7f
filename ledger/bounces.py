"""What mail systems say of the mails that we sent: which of ours is meant, and that it has come back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen


class Ours(Frozen):
    """A mail of ours that a Message-ID names: to whom it went, and about which complaint or issue."""

    stream: str
    recipient: str
    kind: str


async def sent(conn: AsyncConnection, message_ids: Sequence[str]) -> tuple[Ours, ...]:
    """The mails of ours with these Message-IDs (`<…@…>`), each once."""
    if not message_ids:
        return ()
    rows = await conn.execute(_SENT, {"ids": list(message_ids)})
    return tuple(Ours(stream=row.stream, recipient=row.recipient, kind=row.kind) for row in rows)


async def bounced(
    conn: AsyncConnection, message_id: str, status: str | None, received_at: datetime
) -> tuple[str, ...]:
    """A mail that was sent has come back: the streams that it was about, empty where none was sent under this id.

    A letter's workflow is told by the Teller, as of the moment `received_at` (real time). The call of a rung
    counts as one that reached nobody and is passed on; every other alert goes to its fallback, and where it has
    none administrators hear that it reached nobody. `status` is an enhanced status code (RFC 3463). Told
    twice, nothing happens. One statement, whole in itself.
    """
    given = {"message_id": message_id, "status": status, "received_at": received_at}
    return tuple(sorted({row.stream for row in await conn.execute(_BOUNCED, given)}))


_SENT = text(
    """
    SELECT DISTINCT stream, recipient, kind FROM outbox WHERE message_id = ANY (CAST(:ids AS text[]))
    ORDER BY stream, recipient, kind
    """
)

# The row of a call is told back (told_at empty) as one that reached nobody; that is what passes it on.
_BOUNCED = text(
    """
    WITH back AS (
        UPDATE outbox SET state = CASE WHEN rung IS NULL THEN 'bounced' ELSE 'unheld' END,
            last_error = CASE WHEN rung IS NULL THEN CAST(:status AS text) ELSE 'unreachable' END,
            sent_at = CAST(:received_at AS timestamptz), told_at = NULL
        WHERE message_id = :message_id AND state = 'sent'
        RETURNING *
    ), passed_on AS (
        INSERT INTO outbox (dedupe, stream, kind, recipient, channel, letter, text_id, clock, due_at)
        SELECT dedupe || '/bounced', stream, CASE WHEN fallback IS NULL THEN 'alert_unreachable' ELSE kind END,
            coalesce(fallback, 'role:administrator'), channel, letter, text_id, clock, due_at
        FROM back WHERE kind NOT IN ('letter', 'alert_unreachable') AND rung IS NULL
        ON CONFLICT (dedupe) DO NOTHING RETURNING id
    )
    SELECT back.stream, (SELECT count(*) FROM passed_on) AS passed_on, pg_notify('outbox', '') FROM back
    UNION ALL
    SELECT stream, 0, NULL FROM outbox WHERE message_id = :message_id AND state IN ('bounced', 'unheld')
    """
)
