"""Orphans: texts and files stored for commands that never came to be, found by the record and swept away.

Commits need not claim anything, which keeps them short. Instead each text and file is looked at once,
when it is old enough: where an event of its stream names it, it is marked as claimed, else it goes.
"""

from datetime import timedelta

from sqlalchemy import Interval, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

OLD_ENOUGH = timedelta(days=2)
"""Real time. It has to exceed how long a command may be under way, outages of the database included."""


async def sweep_texts(conn: AsyncConnection, older_than: timedelta = OLD_ENOUGH, *, limit: int = 1000) -> int:
    """Delete texts that no event names and no waiting intake or mail will; returns how many. One statement."""
    found = await conn.execute(_TEXTS, {"older_than": older_than, "limit": limit})
    return int(found.scalar_one())


async def sweep_attachments(
    conn: AsyncConnection, older_than: timedelta = OLD_ENOUGH, *, limit: int = 200
) -> int:
    """Delete files that were never wholly sent, or that no event names; returns how many. One statement."""
    found = await conn.execute(_ATTACHMENTS, {"older_than": older_than, "limit": limit})
    return int(found.scalar_one())


_TEXTS = text(
    """
    WITH old AS MATERIALIZED (
        SELECT id, stream FROM texts
        WHERE claimed_at IS NULL AND created_at < now() - :older_than
        ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ), judged AS MATERIALIZED (
        SELECT id,
            EXISTS (
                SELECT FROM events WHERE events.stream = old.stream AND strpos(events.body, old.id) > 0
            ) AS in_record,
            EXISTS (
                SELECT FROM intake WHERE intake.reference = old.stream
                    AND intake.recorded_at IS NULL AND intake.refused IS NULL
            ) OR EXISTS (
                SELECT FROM inbound WHERE inbound.reference = old.stream AND inbound.state = 'received'
            ) AS waiting
        FROM old
    ), claimed AS (
        UPDATE texts SET claimed_at = now() FROM judged WHERE texts.id = judged.id AND in_record
    ), deleted AS (
        DELETE FROM texts USING judged WHERE texts.id = judged.id AND NOT in_record AND NOT waiting
        RETURNING texts.id
    )
    SELECT count(*) FROM deleted
    """
).bindparams(bindparam("older_than", type_=Interval))

_ATTACHMENTS = text(
    """
    WITH old AS MATERIALIZED (
        SELECT id, stream, digest FROM attachments
        WHERE claimed_at IS NULL AND created_at < now() - :older_than
        ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ), judged AS MATERIALIZED (
        SELECT id, digest IS NOT NULL AND EXISTS (
            SELECT FROM events WHERE events.stream = old.stream AND strpos(events.body, old.id) > 0
        ) AS in_record,
            EXISTS (
                SELECT FROM inbound WHERE inbound.reference = old.stream AND inbound.state = 'received'
            ) AS waiting
        FROM old
    ), claimed AS (
        UPDATE attachments SET claimed_at = now() FROM judged
        WHERE attachments.id = judged.id AND in_record
    ), deleted AS (
        DELETE FROM attachments USING judged WHERE attachments.id = judged.id AND NOT in_record AND NOT waiting
        RETURNING attachments.id
    )
    SELECT count(*) FROM deleted
    """
).bindparams(bindparam("older_than", type_=Interval))
