"""What mail systems say of the mails that we sent: which of ours is meant, and that it has come back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.outbox import Untold


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


async def gone(conn: AsyncConnection, message_id: str) -> tuple[Untold, ...]:
    """What was sent, and not taken back yet, in the mail with this Message-ID: one message, or a group of them."""
    rows = await conn.execute(_GONE, {"message_id": message_id})
    return tuple(Untold(**row._mapping) for row in rows)


async def bounced(
    conn: AsyncConnection,
    ids: Sequence[int],
    status: str | None,
    received_at: datetime,
    *,
    calls: Sequence[int] = (),
) -> int:
    """Mark messages that were sent as come back; returns how many, those that are marked already not counted.

    A letter's workflow is told by the Teller, as of the moment `received_at` (real time). Of `calls`, which are
    calls of a ladder that now have reached nobody, it is told so; whoever marks them passes them on. Of a call that
    somebody else has, administrators hear who has it not. Every other alert goes to its fallback, and where it has
    none administrators hear that it reached nobody. `status` is an enhanced status code (RFC 3463). One statement,
    whole in itself.
    """
    given = {"ids": list(ids), "status": status, "received_at": received_at, "calls": list(calls)}
    return len((await conn.execute(_BOUNCED, given)).all())


_SENT = text(
    """
    SELECT DISTINCT stream, recipient, kind FROM outbox WHERE message_id = ANY (CAST(:ids AS text[]))
    ORDER BY stream, recipient, kind
    """
)

_GONE = text(
    """
    SELECT id, stream, letter, channel, state, last_error AS status, coalesce(sent_at, queued_at) AS settled_at,
        clock, occurrence, rung, repeat, who
    FROM outbox WHERE message_id = :message_id AND state = 'sent' ORDER BY id
    """
)

# `told_at` becomes empty: that is how the Teller finds what a workflow does not know yet.
_BOUNCED = text(
    """
    WITH back AS (
        UPDATE outbox SET state = CASE WHEN id = ANY (:calls) THEN 'unheld' ELSE 'bounced' END,
            last_error = CASE WHEN id = ANY (:calls) THEN 'unreachable' ELSE CAST(:status AS text) END,
            sent_at = CAST(:received_at AS timestamptz), told_at = NULL
        WHERE id = ANY (:ids) AND state = 'sent'
        RETURNING *
    ), passed_on AS (
        INSERT INTO outbox (dedupe, stream, kind, recipient, channel, letter, text_id, clock, occurrence, rung,
            repeat, who, due_at, place)
        SELECT dedupe || '/bounced', stream,
            CASE WHEN fallback IS NULL OR who IS NOT NULL THEN 'alert_unreachable' ELSE kind END,
            CASE WHEN fallback IS NULL OR who IS NOT NULL THEN 'role:administrator' ELSE fallback END,
            channel, letter, text_id, clock, occurrence, rung, repeat, who, due_at, coalesce(place, id)
        FROM back WHERE kind NOT IN ('letter', 'alert_unreachable') AND state = 'bounced'
        ON CONFLICT (dedupe) DO NOTHING RETURNING id
    )
    SELECT id, (SELECT count(*) FROM passed_on), pg_notify('outbox', '') FROM back
    """
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("calls", type_=ARRAY(BigInteger)))
