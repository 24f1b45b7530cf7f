"""What the scheduler's metrics ask of the database: lags, depths, alerts that nobody acknowledged. No names in them."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import DateTime, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.outbox_statements import STANDING

SETTLING = 2.0
"""Seconds until a row that was written is surely to be seen: what is newer is measured next time."""


class Lag(NamedTuple):
    """How many messages of one word took about so long (real seconds, to the hundredth)."""

    word: str
    seconds: float
    messages: int


class Depth(NamedTuple):
    """How many messages of one state and channel there are."""

    state: str
    channel: str
    messages: int


async def database_now(conn: AsyncConnection) -> datetime:
    """The database's own time: what lags are measured up to."""
    found: datetime = (await conn.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return found


async def called_to_queued(
    conn: AsyncConnection, since: datetime, until: datetime
) -> list[tuple[str, datetime, datetime]]:
    """Messages that were queued after `since` and up to `until` (real time) because time called for them:
    (kind, when it called in the service's time, when it was queued in real time).
    """
    return [tuple(row) for row in await conn.execute(_CALLED, {"since": since, "until": until})]


async def queued_to_sent(conn: AsyncConnection, since: datetime, until: datetime) -> list[Lag]:
    """How long messages waited that were sent after `since` and up to `until` (real time), by channel."""
    return [Lag(*row) for row in await conn.execute(_SENT, {"since": since, "until": until})]


async def depths(conn: AsyncConnection) -> list[Depth]:
    """What waits, was given up, or reached nobody and is not told yet."""
    return [Depth(*row) for row in await conn.execute(_DEPTHS)]


async def unacknowledged(conn: AsyncConnection) -> list[datetime]:
    """When each alert was last given (service time) that a ladder gave and nobody has acknowledged."""
    return [row[0] for row in await conn.execute(_UNACKNOWLEDGED)]


_INSTANT = DateTime(timezone=True)
_SPAN = (bindparam("since", type_=_INSTANT), bindparam("until", type_=_INSTANT))

_CALLED = text(
    """
    SELECT kind, called_at, queued_at FROM outbox
    WHERE called_at IS NOT NULL AND queued_at > :since AND queued_at <= :until
    """
).bindparams(*_SPAN)

_SENT = text(
    """
    SELECT channel, round(extract(epoch FROM sent_at - queued_at), 2)::float8 AS seconds, count(*)::integer
    FROM outbox WHERE state = 'sent' AND sent_at > :since AND sent_at <= :until
    GROUP BY 1, 2
    """
).bindparams(*_SPAN)

_DEPTHS = text(
    f"""
    SELECT CASE WHEN state = 'queued' AND lease_until > now() THEN 'leased' ELSE state END AS state,
        channel, count(*)::integer
    FROM ({STANDING}) AS standing
    GROUP BY 1, 2
    """  # noqa: S608 - our own words
)

_UNACKNOWLEDGED = text(
    """
    SELECT climbed_at FROM clocks
    WHERE climbed_at IS NOT NULL AND acknowledged_at IS NULL AND met_at IS NULL AND stopped_at IS NULL
    """
)
