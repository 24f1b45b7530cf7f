"""Unaided orders: what was recorded while Temporal was away, kept until the complaint's workflow has heard of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Order
from ledger.metadata import metadata

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
    """An order that a complaint's workflow has not heard of."""

    id: int
    stream: str
    order: Order


async def keep(conn: AsyncConnection, stream: str, order: Order) -> None:
    """Keep the order for the workflow to hear; the same one again changes nothing."""
    new = insert(unaided_orders).values(stream=stream, command_id=order.id, body=order.model_dump_json())
    await conn.execute(new.on_conflict_do_nothing())


async def drop(conn: AsyncConnection, stream: str, command_id: str) -> None:
    """Forget an order: it was refused in the end, or its workflow has heard of it."""
    c = unaided_orders.c
    await conn.execute(delete(unaided_orders).where(c.stream == stream, c.command_id == command_id))


async def unheard(conn: AsyncConnection, *, limit: int) -> Sequence[Unheard]:
    """The orders that are kept, oldest first."""
    c = unaided_orders.c
    rows = await conn.execute(select(c.id, c.stream, c.body).order_by(c.id).limit(limit))
    return [Unheard(row.id, row.stream, Order.model_validate_json(row.body)) for row in rows]
