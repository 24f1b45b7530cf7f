"""Heartbeats: which process does what alone, since when, and when it last showed that it lives."""

from pydantic import AwareDatetime
from sqlalchemy import Column, DateTime, Double, Table, Text, case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.metadata import metadata

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("task", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("held_since", DateTime(timezone=True), nullable=False),
    Column("beat_at", DateTime(timezone=True), nullable=False),
    Column("late_seconds", Double, nullable=False, server_default="0"),
)


class Heartbeat(Frozen):
    """Real times, by the database's clock. `age_seconds`: how long ago it last showed that it lives.

    `late_seconds`: by how much its work was behind when it did, at worst.
    """

    task: str
    holder: str
    held_since: AwareDatetime
    beat_at: AwareDatetime
    late_seconds: float
    age_seconds: float


async def beat(conn: AsyncConnection, task: str, holder: str, late_seconds: float = 0.0) -> None:
    """Show that `holder` does `task` and lives, and how late its work was; a new holder begins a new spell."""
    row = insert(heartbeats).values(
        task=task, holder=holder, held_since=func.now(), beat_at=func.now(), late_seconds=late_seconds
    )
    same = heartbeats.c.holder == row.excluded.holder
    await conn.execute(
        row.on_conflict_do_update(
            index_elements=["task"],
            set_={
                "held_since": case((same, heartbeats.c.held_since), else_=row.excluded.held_since),
                "holder": row.excluded.holder,
                "beat_at": func.now(),
                "late_seconds": row.excluded.late_seconds,
            },
        )
    )


async def read(conn: AsyncConnection, task: str) -> Heartbeat | None:
    """The last beat of a task, or None where nobody has ever done it."""
    age = func.extract("epoch", func.now() - heartbeats.c.beat_at).label("age_seconds")
    row = (await conn.execute(select(heartbeats, age).where(heartbeats.c.task == task))).one_or_none()
    return None if row is None else Heartbeat(**row._mapping)
