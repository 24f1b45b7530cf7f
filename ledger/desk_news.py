"""What is new for whom at the desk since they last looked: calls that reached them there, and notices for them.

A call is new when it came over the channel `desk`, a notice (ledger.notices) as soon as it is queued. All times are
real, by the database's clock. Triggers say on CHANNEL that there may be news: an alert reached the desk, a notice
came, somebody looked at theirs, a session ended. The notification is empty; what there is to tell is read from here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, Integer, Table, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.metadata import metadata
from ledger.outbox import outbox
from ledger.outbox_statements import NOTICE_ELSEWHERE, news_of

CHANNEL: Final = "desk"
"""What is notified (LISTEN) when there may be news."""
COUNTED_AT_MOST: Final = 100
"""Where counting stops: nobody needs to know by how many more."""

desk_seen = Table(
    "desk_seen",
    metadata,
    Column("staff", Text, ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
    Column("up_to", DateTime(timezone=True), nullable=False),
)
"""When each person last looked at their alerts."""

Index(
    "ix_outbox_desk", outbox.c.recipient, outbox.c.sent_at, outbox.c.id,
    postgresql_where=text("channel = 'desk' AND state = 'sent'"),
)  # fmt: skip


class ToldAtDesk(Frozen):
    """One alert for somebody at the desk: `id` is the outbox row's. A notice is there as soon as it is queued.

    `reference` is that of the complaint or systemic issue or, of what is about neither, what the outbox has.
    """

    id: int
    staff: str
    reference: str
    kind: str
    at: AwareDatetime


async def told_since(
    conn: AsyncConnection, staff: Collection[str], since: datetime, *, limit: int
) -> tuple[ToldAtDesk, ...]:
    """The latest `limit` alerts that reached these people from this moment on, in the order in which they did.

    Whoever asks again should begin a little earlier than where they stopped: a transaction's moment is that of
    its start, and it may be seen later than one that began after it.
    """
    given = {"recipients": [f"staff:{id_}" for id_ in staff], "since": since, "limit": limit}
    rows = (await conn.execute(_TOLD, given)).all()
    return tuple(ToldAtDesk(**row._mapping) for row in reversed(rows))


async def new_for(conn: AsyncConnection, staff: Collection[str]) -> Mapping[str, int]:
    """How many alerts each of these people has not looked at; at most COUNTED_AT_MOST."""
    rows = await conn.execute(_NEW, {"staff": sorted(set(staff)), "most": COUNTED_AT_MOST})
    return {row.staff: row.new for row in rows}


async def seen(conn: AsyncConnection, staff: str) -> None:
    """This person looks at their alerts now."""
    await conn.execute(_SEEN, {"staff": staff})


async def present(conn: AsyncConnection) -> datetime:
    """The database's present."""
    found: datetime = (await conn.execute(_PRESENT)).scalar_one()
    return found


_TOLD = text(
    f"""
    SELECT id, substr(recipient, 7) AS staff, stream AS reference, kind, sent_at AS at FROM outbox
    WHERE channel = 'desk' AND state = 'sent' AND recipient = ANY (:recipients) AND sent_at >= :since
    UNION ALL
    SELECT id, substr(recipient, 7), stream, kind, queued_at FROM outbox
    WHERE {NOTICE_ELSEWHERE} AND recipient = ANY (:recipients) AND queued_at >= :since
    ORDER BY at DESC, id DESC LIMIT :limit
    """  # noqa: S608 - our own words
).bindparams(
    bindparam("recipients", type_=ARRAY(Text)),
    bindparam("since", type_=DateTime(timezone=True)),
    bindparam("limit", type_=Integer),
)
_NEW = text(
    f"""
    SELECT person AS staff, counted.new FROM unnest(:staff) AS person
    LEFT JOIN desk_seen ON desk_seen.staff = person
    CROSS JOIN LATERAL (
        SELECT count(*) AS new FROM (
            {news_of("person", "desk_seen.up_to")}
            LIMIT :most
        ) AS latest
    ) AS counted
    """  # noqa: S608 - our own words
).bindparams(bindparam("staff", type_=ARRAY(Text)), bindparam("most", type_=BigInteger))
_SEEN = text(
    """
    INSERT INTO desk_seen (staff, up_to) VALUES (:staff, now())
    ON CONFLICT (staff) DO UPDATE SET up_to = excluded.up_to
    """
)
_PRESENT = text("SELECT now()")
