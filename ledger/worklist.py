"""The worklist: complaints by next deadline, filtered, a page at a time by keyset."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from pydantic import AwareDatetime, TypeAdapter
from pydantic_core import to_json
from sqlalchemy import Select, Text, cast, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from complaints.phases import Phase
from complaints.view import CaseView, ClockView
from ledger.tables import INSTANT, complaints, due_or_never
from policies.vocabulary import Channel, FeedbackClass, Kind, Severity, Tier

PAGE_AT_MOST = 200


class ComplaintRow(CaseView):
    """A complaint as the read model has it. Lists leave `clocks` out; `changed_at` is real time."""

    clocks: tuple[ClockView, ...] = ()
    changed_at: AwareDatetime


class Filters(Frozen):
    """What to list. Each field with several values means any of them, an empty one everything.

    None leaves a yes-or-no question open. `source` is the file of an import, `311` of `311:63594352`.
    """

    phase: tuple[Phase, ...] = ()
    kind: tuple[Kind, ...] = ()
    severity: tuple[Severity, ...] = ()
    tier: tuple[Tier, ...] = ()
    channel: tuple[Channel, ...] = ()
    feedback_class: tuple[FeedbackClass, ...] = ()
    pack: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    offered_to: tuple[str, ...] = ()
    problem_type: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    handling_tier: tuple[int, ...] = ()
    unowned: bool = False
    overdue: bool | None = None
    paused: bool | None = None
    open: bool | None = True
    source: str | None = None
    due_before: AwareDatetime | None = None


class Page(Frozen):
    """`next` is the cursor of the page that follows, None on the last."""

    rows: tuple[ComplaintRow, ...]
    next: str | None


_MANY = ("phase", "kind", "severity", "tier", "channel", "feedback_class", "pack", "owner", "offered_to",
         "problem_type", "site", "handling_tier")  # fmt: skip
_Cursor = TypeAdapter(tuple[bool, AwareDatetime | None, str])


async def worklist(
    conn: AsyncConnection, filters: Filters | None = None, *, cursor: str | None = None, limit: int = 50
) -> Page:
    """One page, paused complaints last, then by next deadline (those without one last), then reference.

    `limit` is cut to PAGE_AT_MOST. A complaint that moves while somebody pages may show twice or not at
    all, as lists do; none that stays is left out. Raises ValueError, with a sentence, for a bad cursor.
    """
    limit = max(1, min(limit, PAGE_AT_MOST))
    query = _filtered(select(complaints), filters or Filters())
    if cursor is not None:
        query = query.where(_after(cursor))
    query = query.order_by(complaints.c.paused, due_or_never, complaints.c.reference).limit(limit + 1)
    found = [complaint_row(row._mapping) for row in await conn.execute(query)]
    rows = tuple(found[:limit])
    return Page(rows=rows, next=cursor_after(rows[-1]) if len(found) > limit else None)


async def sites_with_most(conn: AsyncConnection, limit: int) -> tuple[str, ...]:
    """The sites that most open complaints are about, most first."""
    site = complaints.c.site
    query = select(site).where(complaints.c.open, site.is_not(None)).group_by(site)
    return tuple((await conn.scalars(query.order_by(func.count().desc(), site).limit(limit))).all())


def complaint_row(columns: Mapping[Any, Any], clocks: tuple[ClockView, ...] = ()) -> ComplaintRow:
    """A row of `complaints` with the clocks that were read for it."""
    return ComplaintRow(**columns, clocks=clocks)


def _filtered(query: Select[Any], filters: Filters) -> Select[Any]:
    for name in _MANY:
        wanted: tuple[str | int, ...] = getattr(filters, name)
        if wanted:
            values = [value if isinstance(value, int) else str(value) for value in wanted]
            query = query.where(complaints.c[name].in_(values))
    for name in ("overdue", "paused", "open"):
        wish: bool | None = getattr(filters, name)
        if wish is not None:
            # As `open` and not `open = true`: the partial index of the worklist is found by it.
            query = query.where(complaints.c[name] if wish else ~complaints.c[name])
    if filters.unowned:
        query = query.where(complaints.c.owner.is_(None))
    if filters.source is not None:
        query = query.where(complaints.c.source.startswith(f"{filters.source}:", autoescape=True))
    if filters.due_before is not None:
        query = query.where(complaints.c.next_due_at < filters.due_before)
    return query


def _after(cursor: str) -> Any:
    """The condition for what comes after the complaint that the cursor names."""
    try:
        content = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        paused, due_at, reference = _Cursor.validate_json(content)
        due = "infinity" if due_at is None else due_at.astimezone(UTC).isoformat()
        if "\0" in reference:
            raise ValueError("PostgreSQL can not compare with this")
    except (ValueError, OverflowError):  # whatever base64, JSON, the types or the calendar object to
        raise ValueError("This page marker is not one of ours; begin again with the first page.") from None
    here = (complaints.c.paused, due_or_never, complaints.c.reference)
    return tuple_(*here) > tuple_(paused, cast(cast(due, Text), INSTANT), reference)


def cursor_after(row: ComplaintRow) -> str:
    """The cursor of the page that begins after this complaint, wherever it stands in the list."""
    return base64.b64encode(to_json((row.paused, row.next_due_at, row.reference)), altchars=b"-_").decode()
