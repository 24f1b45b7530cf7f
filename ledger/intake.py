"""Intake that was accepted with a reference and waits until its workflow has recorded it."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import AwareDatetime, ValidationError
from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Index,
    Integer,
    Interval,
    Row,
    Table,
    Text,
    bindparam,
    func,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen, Order, PackRef
from ledger.metadata import metadata

_log = structlog.get_logger(__name__)

intake = Table(
    "intake",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("order", JSONB, nullable=False),
    Column("pack_name", Text, nullable=False),
    Column("pack_version", Integer, nullable=False),
    Column("pack_digest", Text, nullable=False),
    Column("received", DateTime(timezone=True), nullable=False, server_default=func.now()),  # real time
    Column("recorded_at", DateTime(timezone=True)),  # real time; set by the commit of the receipt
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("tried_at", DateTime(timezone=True)),  # real time of the last attempt to start its workflow
    Column("refused", Text),  # the code of a refusal: it can not be recorded, and is not tried again
)

waiting = intake.c.recorded_at.is_(None) & intake.c.refused.is_(None)
Index("ix_intake_pending", intake.c.received, postgresql_where=waiting)


class Pending(Frozen):
    """One accepted intake. `order.body` is a ReceiveComplaint; `received` is real time."""

    reference: str
    order: Order
    pack: PackRef
    received: AwareDatetime
    attempts: int


async def accept(conn: AsyncConnection, reference: str, order: Order, pack: PackRef) -> bool:
    """Keeps the intake, so that its reference may be given out; False where it is kept already.

    One statement. The caller commits before it answers: from then on the complaint is not lost.
    """
    values = {
        "reference": reference,
        "order": order.model_dump(mode="json"),
        "pack_name": pack.name,
        "pack_version": pack.version,
        "pack_digest": pack.digest,
    }
    new = await conn.execute(
        insert(intake).values(values).on_conflict_do_nothing().returning(intake.c.reference)
    )
    return new.first() is not None


async def pending(conn: AsyncConnection, older_than: timedelta, limit: int) -> tuple[Pending, ...]:
    """Takes up to `limit` intakes that wait for longer than `older_than` (real time), oldest first.

    Each one taken counts an attempt and is left alone for `older_than` again, so that a workflow which
    is just starting is not started at every look; two who look at once get different ones. The caller
    commits, then starts the workflows. One that can not be read is logged and left out.
    """
    due = (
        select(intake.c.reference)
        .where(
            waiting, _older(intake.c.received), or_(intake.c.tried_at.is_(None), _older(intake.c.tried_at))
        )
        .order_by(intake.c.received)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    taken = (
        update(intake)
        .where(intake.c.reference == due.c.reference)
        .values(attempts=intake.c.attempts + 1, tried_at=func.now())
        .returning(intake)
    )
    readable: list[Pending] = []
    for row in await conn.execute(taken, {"older_than": older_than}):
        try:
            readable.append(_pending(row))
        except ValidationError as error:  # of another version, say; the others must not wait for it
            _log.error("intake not readable", reference=row.reference, exc_info=error)
    return tuple(sorted(readable, key=lambda one: (one.received, one.reference)))


async def waits(conn: AsyncConnection, reference: str) -> Pending | None:
    """The intake of this reference where it is not recorded yet: what a 202 answer can be told from."""
    row = (await conn.execute(select(intake).where(intake.c.reference == reference, waiting))).first()
    return None if row is None else _pending(row)


async def accepted(conn: AsyncConnection, reference: str) -> bool:
    """Whether this reference was given out for an intake that is recorded, or will be.

    Whoever has just found nothing in the record asks this and not `waits`: what was recorded in between is
    found all the same.
    """
    kept = select(intake.c.reference).where(intake.c.reference == reference, intake.c.refused.is_(None))
    return (await conn.execute(kept)).first() is not None


async def release(conn: AsyncConnection, reference: str) -> None:
    """Lets the next look take it at once: its workflow could not be started (Temporal is away)."""
    await conn.execute(update(intake).where(intake.c.reference == reference).values(tried_at=null()))


async def refuse(conn: AsyncConnection, reference: str, code: str) -> None:
    """Takes an intake out of the queue that its own rules refuse, with the refusal's code."""
    await conn.execute(update(intake).where(intake.c.reference == reference, waiting).values(refused=code))


def _older(instant: Column[datetime]) -> ColumnElement[bool]:
    return instant < func.now() - bindparam("older_than", type_=Interval)


def _pending(row: Row[Any]) -> Pending:
    fields = row._mapping
    return Pending(
        reference=fields["reference"],
        order=Order.model_validate(fields["order"]),
        pack=PackRef(name=fields["pack_name"], version=fields["pack_version"], digest=fields["pack_digest"]),
        received=fields["received"],
        attempts=fields["attempts"],
    )
