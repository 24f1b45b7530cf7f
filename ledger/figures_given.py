"""What an organisation says of itself: figures that stand nowhere in the record, and the warnings that were raised."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from pydantic import AwareDatetime
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.figures_tables import supplied_figures, target_warnings
from policies.measures import Period, Warned


class Supplied(Frozen):
    """A figure that somebody entered, for the days from `first_day` to `last_day`, both included."""

    pack: str
    target: str
    first_day: date
    last_day: date
    value: Decimal
    note: str
    entered_by: str
    entered_at: AwareDatetime


class WarningRaised(Frozen):
    """A warning that a figure needs attention, as it was on that day of the pack's."""

    pack: str
    target: str
    raised_on: date
    pack_version: int
    pack_digest: str
    why: Warned
    value: Decimal
    value_before: Decimal | None
    n: int | None
    raised_at: AwareDatetime


async def supply(conn: AsyncConnection, figure: Supplied) -> bool:
    """Enter a figure; False where the latest for its very days says the same already, and nothing is added.

    In the caller's transaction. Earlier entries stay: what was believed, when and by whom.
    """
    c = supplied_figures.c
    held = select(c.value, c.note).where(
        c.pack == figure.pack, c.target == figure.target, c.first_day == figure.first_day,
        c.last_day == figure.last_day,
    )  # fmt: skip
    row = (await conn.execute(held.order_by(c.id.desc()).limit(1))).one_or_none()
    if row is not None and (row.value, row.note) == (figure.value, figure.note):
        return False
    await conn.execute(insert(supplied_figures).values(figure.model_dump()))
    return True


async def supplied(conn: AsyncConnection, pack: str, period: Period) -> Mapping[str, Supplied]:
    """{target: the figure to show for the period}: of those whose days touch it, the one that ends last.

    Of several for the same days the latest entry holds.
    """
    c = supplied_figures.c
    query = (
        select(*(c[name] for name in Supplied.model_fields))
        .ext(distinct_on(c.target))
        .where(c.pack == pack, c.first_day <= period.last, c.last_day >= period.first)
        .order_by(c.target, c.last_day.desc(), c.id.desc())
    )
    return {row.target: Supplied(**row._mapping) for row in await conn.execute(query)}


async def raise_warning(conn: AsyncConnection, warning: WarningRaised, *, not_since: date) -> bool:
    """Keep a warning; False where one for this target stands since `not_since` (that day included) already.

    In the caller's transaction, with what is sent because of it.
    """
    c = target_warnings.c
    same = select(c.raised_on).where(
        c.pack == warning.pack, c.target == warning.target, c.raised_on >= not_since,
        c.raised_on <= warning.raised_on,
    )  # fmt: skip
    if (await conn.execute(same.limit(1))).first() is not None:
        return False
    new = insert(target_warnings).values(warning.model_dump()).on_conflict_do_nothing().returning(c.target)
    return (await conn.execute(new)).first() is not None


async def warnings(conn: AsyncConnection, pack: str, period: Period) -> tuple[WarningRaised, ...]:
    """The warnings raised within the days of the period, the latest first."""
    c = target_warnings.c
    query = select(target_warnings).where(
        c.pack == pack, c.raised_on >= period.first, c.raised_on <= period.last
    )
    rows = await conn.execute(query.order_by(c.raised_on.desc(), c.target))
    return tuple(WarningRaised(**row._mapping) for row in rows)


async def warning(conn: AsyncConnection, pack: str, target: str, raised_on: date) -> WarningRaised | None:
    """One warning, or None."""
    c = target_warnings.c
    query = select(target_warnings).where(c.pack == pack, c.target == target, c.raised_on == raised_on)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else WarningRaised(**row._mapping)
