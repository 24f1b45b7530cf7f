"""Late spells: when a task that has to be on time was not, and by how much at worst. All times are real."""

from datetime import datetime, timedelta

from pydantic import AwareDatetime
from sqlalchemy import Column, DateTime, Double, Integer, Table, Text, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.metadata import metadata

_INSTANT = DateTime(timezone=True)

late_spells = Table(
    "late_spells",
    metadata,
    Column("task", Text, primary_key=True),
    Column("number", Integer, primary_key=True),  # 1, 2, 3 …
    Column("began_at", _INSTANT, nullable=False),  # since when it was late
    Column("late_at", _INSTANT, nullable=False),  # when it last was
    Column("ended_at", _INSTANT),
    Column("worst_seconds", Double, nullable=False),
)


class LateSpell(Frozen):
    """From `began_at` on the task was late, by `worst_seconds` at worst; None in `ended_at` while it still is."""

    task: str
    number: int
    began_at: AwareDatetime
    late_at: AwareDatetime
    ended_at: AwareDatetime | None
    worst_seconds: float


async def open_spell(conn: AsyncConnection, task: str) -> LateSpell | None:
    """The spell that has not ended, or None."""
    query = select(late_spells).where(late_spells.c.task == task, late_spells.c.ended_at.is_(None))
    row = (await conn.execute(query.order_by(late_spells.c.number.desc()).limit(1))).one_or_none()
    return None if row is None else LateSpell(**row._mapping)


async def spell(conn: AsyncConnection, task: str, number: int) -> LateSpell | None:
    """One spell by its number, or None."""
    query = select(late_spells).where(late_spells.c.task == task, late_spells.c.number == number)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else LateSpell(**row._mapping)


async def was_late(conn: AsyncConnection, task: str, at: datetime, seconds: float) -> tuple[int, bool]:
    """The task was late by so many seconds: the number of the spell it belongs to, and whether that is a new one.

    In the caller's transaction, of a process that holds the task alone.
    """
    found = await open_spell(conn, task)
    if found is not None:
        c = late_spells.c
        await conn.execute(
            update(late_spells)
            .where(c.task == task, c.number == found.number)
            .values(late_at=at, worst_seconds=func.greatest(c.worst_seconds, seconds))
        )
        return found.number, False
    before = await conn.scalar(select(func.max(late_spells.c.number)).where(late_spells.c.task == task))
    number = (before or 0) + 1
    row = {"task": task, "number": number, "late_at": at, "worst_seconds": seconds}
    await conn.execute(insert(late_spells).values(**row, began_at=at - timedelta(seconds=seconds)))
    return number, True


async def end_spell(conn: AsyncConnection, task: str, at: datetime, quiet: timedelta) -> bool:
    """End the open spell where the task has been on time for `quiet`; whether one ended."""
    c = late_spells.c
    over = update(late_spells).where(c.task == task, c.ended_at.is_(None), c.late_at <= at - quiet)
    return (await conn.execute(over.values(ended_at=at))).rowcount > 0
