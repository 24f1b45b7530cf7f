"""The access log: who read personal data of which complaint, when, and what for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, Table, Text, insert, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.metadata import metadata

access_log = Table(
    "access_log",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("what", ARRAY(Text), nullable=False),
)
"""Append-only, as the events are: a trigger refuses UPDATE, DELETE and TRUNCATE."""

Index("ix_access_log_reference", access_log.c.reference, access_log.c.id)
Index("ix_access_log_actor", access_log.c.actor, access_log.c.id)


class Access(Frozen):
    """One reading. `what` names kinds of data (`narrative`, `parties` …), never their content."""

    id: int
    at: AwareDatetime
    actor: str
    reference: str
    purpose: str
    what: tuple[str, ...]


async def record(
    conn: AsyncConnection, *, at: datetime, actor: str, reference: str, purpose: str, what: Iterable[str]
) -> None:
    """Note that `actor` read these kinds of data of a complaint, for this purpose (a route, an export).

    Call it before the data leaves: a reading that can not be noted does not happen. `at` is the
    service's own time, so that it stands beside the events of the complaint.
    """
    row = {"at": at, "actor": actor, "reference": reference, "purpose": purpose, "what": sorted(set(what))}
    await conn.execute(insert(access_log), row)


async def read(
    conn: AsyncConnection,
    *,
    reference: str | None = None,
    actor: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[Access, ...]:
    """The readings of a complaint, by a person, or all, newest first; `before` is the last id seen."""
    query = select(access_log).order_by(access_log.c.id.desc()).limit(limit)
    if reference is not None:
        query = query.where(access_log.c.reference == reference)
    if actor is not None:
        query = query.where(access_log.c.actor == actor)
    if before is not None:
        query = query.where(access_log.c.id < before)
    return tuple(
        Access(
            id=row.id, at=row.at, actor=row.actor, reference=row.reference, purpose=row.purpose, what=row.what
        )
        for row in await conn.execute(query)
    )
