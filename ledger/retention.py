"""Retention: complaints by when their texts may be erased because their time is over, a page at a time."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import AwareDatetime, TypeAdapter
from pydantic_core import to_json
from sqlalchemy import RowMapping, Select, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from complaints.phases import Phase
from ledger.tables import complaints

NOT_WORKED_OUT: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""`erased_from` of what was archived before the read model had it. The scheduler puts the true one in its place."""
PAGE_AT_MOST: Final = 200

_Cursor = TypeAdapter(tuple[AwareDatetime, str])
_SHOWN = ("reference", "kind", "channel", "site", "pack", "pack_version", "received_at", "closed_at",
          "erased_from")  # fmt: skip


class Ending(Frozen):
    """A complaint whose texts are to be erased, and from when. `closed_at` is None where it was never answered."""

    reference: str
    kind: str
    channel: str
    site: str | None
    pack: str
    pack_version: int
    received_at: AwareDatetime
    closed_at: AwareDatetime | None
    erased_from: AwareDatetime


class Endings(Frozen):
    """A page of them. `next` is the cursor of the page that follows, None on the last."""

    rows: tuple[Ending, ...]
    next: str | None


async def over(
    conn: AsyncConnection, by: datetime, after: Ending | None = None, *, limit: int
) -> tuple[Ending, ...]:
    """Those whose time was over by then, and those for which it is not worked out; the longest over first.

    `after` is the last one of the batch before.
    """
    query = _endings(by)
    if after is not None:
        query = query.where(_key() > tuple_(after.erased_from, after.reference))
    return tuple(_ending(row) for row in (await conn.execute(query.limit(limit))).mappings())


async def how_many(conn: AsyncConnection, by: datetime) -> int:
    """How many there are whose time was over by then."""
    c = complaints.c
    query = select(func.count()).where(c.erased_from <= by, c.erased_from > NOT_WORKED_OUT)
    return int((await conn.execute(query)).scalar_one())


async def coming(
    conn: AsyncConnection, by: datetime, *, cursor: str | None = None, limit: int = 50
) -> Endings:
    """A page of those whose time is over by then, the first first. `limit` is cut to PAGE_AT_MOST.

    Raises ValueError, with a sentence, for a bad cursor.
    """
    limit = max(1, min(limit, PAGE_AT_MOST))
    query = _endings(by).where(complaints.c.erased_from > NOT_WORKED_OUT)
    if cursor is not None:
        query = query.where(_key() > _read(cursor))
    found = [_ending(row) for row in (await conn.execute(query.limit(limit + 1))).mappings()]
    rows = tuple(found[:limit])
    return Endings(rows=rows, next=_cursor_after(rows[-1]) if len(found) > limit else None)


async def resting_under(conn: AsyncConnection) -> tuple[tuple[str, int], ...]:
    """The packs, by name and version, of all complaints that rest in the archive, in order."""
    c = complaints.c
    query = select(c.pack, c.pack_version).where(c.phase == Phase.ARCHIVED).distinct()
    return tuple(
        (row.pack, row.pack_version) for row in await conn.execute(query.order_by(c.pack, c.pack_version))
    )


async def put_right(
    conn: AsyncConnection, reference: str, sequence: int, erased_from: datetime | None
) -> bool:
    """Write what was worked out of a stream as it stood at this sequence; False where it has moved on since.

    Every later commit brings its own.
    """
    c = complaints.c
    row = update(complaints).where(c.reference == reference, c.sequence == sequence)
    return (await conn.execute(row.values(erased_from=erased_from))).rowcount == 1


def _endings(by: datetime) -> Select[Any]:
    columns = [complaints.c[name] for name in _SHOWN]
    query = select(*columns).where(complaints.c.erased_from <= by)
    return query.order_by(complaints.c.erased_from, complaints.c.reference)


def _key() -> Any:
    return tuple_(complaints.c.erased_from, complaints.c.reference)


def _ending(row: RowMapping) -> Ending:
    return Ending(**row)


def _cursor_after(row: Ending) -> str:
    return base64.b64encode(to_json((row.erased_from, row.reference)), altchars=b"-_").decode()


def _read(cursor: str) -> Any:
    try:
        content = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        erased_from, reference = _Cursor.validate_json(content)
        if "\0" in reference:
            raise ValueError("PostgreSQL can not compare with this")
        return tuple_(erased_from.astimezone(UTC), reference)
    except (ValueError, OverflowError):  # whatever base64, JSON, the types or the calendar object to
        raise ValueError("This page marker is not one of ours; begin again with the first page.") from None
