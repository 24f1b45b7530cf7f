"""What foresight asks of the database: which streams wake soon, their events, and to queue what was foreseen.

Each is one statement for many streams: in a burst, a statement for each would be what makes alerts late.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import DateTime, Integer, Text, any_, bindparam, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.messages import Message
from ledger.outbox import outbox
from ledger.stored import StoredEvent, select_events, stored
from ledger.tables import events


class Upcoming(NamedTuple):
    """A stream of which the read model says that time will make something happen at `wake_at`."""

    reference: str
    sequence: int
    wake_at: datetime


class Queued(NamedTuple):
    """A stream that was as foreseen, and how many of the foreseen messages were new."""

    reference: str
    new: int


async def upcoming(conn: AsyncConnection, since: datetime, until: datetime, limit: int) -> list[Upcoming]:
    """The live streams that wake after `since` and up to `until` (service time), earliest first."""
    given = {"since": since, "until": until, "limit": limit}
    return [Upcoming(*row) for row in await conn.execute(_UPCOMING, given)]


async def events_of(conn: AsyncConnection, streams: Sequence[str]) -> dict[str, list[StoredEvent]]:
    """The events of these streams, oldest first; those without events are left out."""
    found: dict[str, list[StoredEvent]] = {}
    for event in stored(await conn.execute(_EVENTS, {"streams": list(streams)})):
        found.setdefault(event.stream, []).append(event)
    return found


async def queue_foreseen(conn: AsyncConnection, rows: Sequence[str]) -> list[Queued]:
    """Queue foreseen messages of streams that still are as they were foreseen; which those are. One statement.

    `rows` are JSON objects: a `Message`, with `of_stream`, `of_sequence` and `of_wake_at`; a moment that calls for
    no message is a row without a `dedupe`. A message that was queued before, by whomever, is left out.
    """
    return [Queued(*row[:2]) for row in await conn.execute(_QUEUE, {"rows": f"[{','.join(rows)}]"})]


_INSTANT = DateTime(timezone=True)

_UPCOMING = text(
    """
    SELECT reference, sequence, wake_at FROM complaints
    WHERE live AND wake_at > :since AND wake_at <= :until
    UNION ALL
    SELECT reference, sequence, wake_at FROM systemic_issues WHERE wake_at > :since AND wake_at <= :until
    ORDER BY wake_at, reference LIMIT :limit
    """
).bindparams(
    bindparam("since", type_=_INSTANT), bindparam("until", type_=_INSTANT), bindparam("limit", type_=Integer)
)

_EVENTS = (
    select_events()
    .where(events.c.stream == any_(bindparam("streams", type_=ARRAY(Text))))
    .order_by(events.c.stream, events.c.sequence)
)

_COLUMN_OF = {field: "recipient" if field == "to" else field for field in Message.model_fields}
"""The outbox's column for each field of a message."""

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own constructor has no types
_FIELDS = ", ".join(f'"{field}"' for field in _COLUMN_OF)
_TYPED = ", ".join(f'"{field}" {outbox.c[name].type.compile(_DIALECT)}' for field, name in _COLUMN_OF.items())
_SAME = "reference = of_stream AND sequence = of_sequence AND wake_at = of_wake_at"

# Queued in the order in which a commit would: two who queue the same messages at once must not wait for each other.
_QUEUE = text(
    f"""
    WITH given AS (
        SELECT * FROM ROWS FROM (
            jsonb_to_recordset(CAST(CAST(:rows AS text) AS jsonb))
            AS ({_TYPED}, of_stream text, of_sequence integer, of_wake_at timestamptz)
        ) WITH ORDINALITY AS foreseen ({_FIELDS}, of_stream, of_sequence, of_wake_at, place)
    ), standing AS MATERIALIZED (
        SELECT given.* FROM given JOIN complaints ON {_SAME} AND live
        UNION ALL
        SELECT given.* FROM given JOIN systemic_issues ON {_SAME}
    ), queued AS (
        INSERT INTO outbox (stream, {", ".join(_COLUMN_OF.values())})
        SELECT of_stream, {_FIELDS} FROM standing WHERE dedupe IS NOT NULL ORDER BY place
        ON CONFLICT (dedupe) DO NOTHING RETURNING stream
    ), counted AS (
        SELECT stream, count(*)::integer AS new FROM queued GROUP BY stream
    )
    SELECT of_stream, coalesce(new, 0),
        (SELECT pg_notify('outbox', '') FROM (SELECT FROM queued LIMIT 1) AS any_queued)
    FROM (SELECT DISTINCT of_stream FROM standing) AS streams LEFT JOIN counted ON stream = of_stream
    """  # noqa: S608 - our own column names
).bindparams(bindparam("rows", type_=Text))
