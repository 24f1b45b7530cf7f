"""Runs: which slot of a task that comes round again was taken, so that none runs twice, whatever restarts.

A slot is the name of one round of a task: ``2026-11-22`` of a digest that is written once a day. Whoever claims
it writes what the round brings about in the same transaction, so that both are there or neither is.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Column, DateTime, Table, Text, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.metadata import metadata

KEPT: Final = timedelta(days=400)
"""How long a slot is remembered: beyond the longest round there is, which is a year."""

scheduled_runs = Table(
    "scheduled_runs",
    metadata,
    Column("task", Text, primary_key=True),
    Column("slot", Text, primary_key=True),
    Column("ran_at", DateTime(timezone=True), nullable=False, server_default=func.now()),  # real time
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def slot_of(at: datetime, every: timedelta) -> str:
    """The slot of a task that comes round every so often, at the aware instant `at`: its beginning, in UTC."""
    return (at - (at - _EPOCH) % every).astimezone(UTC).isoformat()


async def claim(conn: AsyncConnection, task: str, slot: str) -> bool:
    """Take a slot of a task; False where it was taken before. In the caller's transaction.

    Somebody else who is just taking it is waited for: where that one fails, the slot is free again.
    """
    new = insert(scheduled_runs).values(task=task, slot=slot).on_conflict_do_nothing()
    return (await conn.execute(new.returning(scheduled_runs.c.slot))).first() is not None


async def claimed(conn: AsyncConnection, task: str, slots: Sequence[str]) -> int:
    """How many of these slots of a task were taken."""
    c = scheduled_runs.c
    query = select(func.count()).where(c.task == task, c.slot.in_(slots))
    return int((await conn.execute(query)).scalar_one())


async def forget_later(conn: AsyncConnection, task: str, slot: str) -> None:
    """Forget the slots of a task that lie after this one, all named by `slot_of`. In the caller's transaction."""
    c = scheduled_runs.c
    later = c.slot.collate("C") > slot  # in a language's order punctuation, and so a sign, would not count
    await conn.execute(delete(scheduled_runs).where(c.task == task, later))


async def begin_anew(conn: AsyncConnection, task: str) -> None:
    """Forget that any slot of a task was taken. In the caller's transaction."""
    await conn.execute(delete(scheduled_runs).where(scheduled_runs.c.task == task))


async def last_run(conn: AsyncConnection, task: str) -> datetime | None:
    """When a task last ran (real time), or None where it never did."""
    found: datetime | None = await conn.scalar(
        select(func.max(scheduled_runs.c.ran_at)).where(scheduled_runs.c.task == task)
    )
    return found


async def forget_runs(conn: AsyncConnection, older_than: timedelta = KEPT) -> int:
    """Forget slots that can not come round again; returns how many. In the caller's transaction."""
    old = delete(scheduled_runs).where(scheduled_runs.c.ran_at < func.now() - older_than)
    return (await conn.execute(old)).rowcount
