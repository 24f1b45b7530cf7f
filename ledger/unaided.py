"""Unaided orders: what was recorded while Temporal was away, kept until the complaint's workflow has heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Table,
    Text,
    UniqueConstraint,
    delete,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Order
from ledger.metadata import metadata
from ledger.tables import events

UNDER_WAY: Final = timedelta(minutes=1)
"""Real time: an order that was kept so long ago is recorded by now, or never was."""

unaided_orders = Table(
    "unaided_orders",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),  # the order in which they were given
    Column("stream", Text, nullable=False),
    Column("command_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("kept_at", DateTime(timezone=True), nullable=False, server_default=func.now()),  # real time
    UniqueConstraint("stream", "command_id", name="uq_unaided_orders_command"),
)


@dataclass(frozen=True)
class Unheard:
    """An order that a complaint's workflow has not heard of; whether it is on record."""

    id: int
    stream: str
    order: Order
    recorded: bool


async def keep(conn: AsyncConnection, stream: str, order: Order) -> None:
    """Keep the order for the workflow to hear; the same one again changes nothing."""
    new = insert(unaided_orders).values(stream=stream, command_id=order.id, body=order.model_dump_json())
    await conn.execute(new.on_conflict_do_nothing())


async def drop(conn: AsyncConnection, stream: str, command_id: str) -> None:
    """Forget an order: it was refused in the end, or its workflow has heard of it."""
    c = unaided_orders.c
    await conn.execute(delete(unaided_orders).where(c.stream == stream, c.command_id == command_id))


async def unheard(conn: AsyncConnection, *, limit: int) -> Sequence[Unheard]:
    """The orders that are kept, oldest first; of those that are not recorded only what is under way no more."""
    c = unaided_orders.c
    recorded = exists().where(events.c.stream == c.stream, events.c.command_id == c.command_id)
    query = select(c.id, c.stream, c.body, recorded.label("recorded"))
    query = query.where(or_(recorded, c.kept_at < func.now() - UNDER_WAY))
    rows = await conn.execute(query.order_by(c.id).limit(limit))
    return [Unheard(row.id, row.stream, Order.model_validate_json(row.body), row.recorded) for row in rows]
