"""Idempotency keys: the same request sent again finds the reference and command id of the first time."""

from datetime import timedelta

from sqlalchemy import Column, DateTime, Interval, Table, Text, bindparam, delete, func, literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.database import LAZILY
from ledger.metadata import metadata

idempotency = Table(
    "idempotency",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("route", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),  # of the request's body; never the body
    Column("reference", Text, nullable=False),
    Column("command_id", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
)


class Remembered(Frozen):
    """What the key stands for. `first`: this very call made it, nothing was done under it before."""

    reference: str
    command_id: str
    first: bool


class KeyReused(Exception):  # noqa: N818 - an answer to the caller, not a fault of ours
    """The key was used for another request. Its text is a sentence for the caller and quotes nothing."""


async def remember(
    conn: AsyncConnection,
    *,
    key: str,
    actor: str,
    route: str,
    fingerprint: str,
    reference: str,
    command_id: str,
    lazily: bool = False,
) -> Remembered:
    """Binds the key to this request, or finds what it was bound to, in one statement. The caller commits.

    `fingerprint` is a digest of the request; `reference` and `command_id` count only the first time.
    `lazily` does not wait for the disk: only where a commit follows that does (see `database.LAZILY`).
    Raises KeyReused where the key was bound to another route or fingerprint.
    """
    statement = insert(idempotency).values(
        key=key,
        actor=actor,
        route=route,
        fingerprint=fingerprint,
        reference=reference,
        command_id=command_id,
    )
    # The update changes nothing: it is what makes the row that is there already come back.
    statement = statement.on_conflict_do_update(
        index_elements=["actor", "key"], set_={"created_at": idempotency.c.created_at}
    )
    # PostgreSQL has set no xmax on a row that this statement inserted.
    returning = statement.returning(
        idempotency, literal_column("xmax = 0").label("first"), *([LAZILY] if lazily else [])
    )
    row = (await conn.execute(returning)).one()
    if (row.route, row.fingerprint) != (route, fingerprint):
        raise KeyReused(
            "This Idempotency-Key was used for another request. Send this one with a key of its own."
        )
    return Remembered(reference=row.reference, command_id=row.command_id, first=row.first)


async def forget(conn: AsyncConnection, older_than: timedelta) -> int:
    """Lets go of keys older than `older_than` (real time); says how many. The caller commits."""
    old = idempotency.c.created_at < func.now() - bindparam("older_than", type_=Interval)
    gone = await conn.execute(delete(idempotency).where(old), {"older_than": older_than})
    return gone.rowcount
