"""What screens, reports and the watchdog ask of the read model and the timeline. Each is one statement.

All take a connection; one in autocommit (database.autocommit) spares two round trips.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import AwareDatetime
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen, Happening
from complaints.systemic.view import SystemicView
from complaints.view import ClockView
from ledger.record import find_command
from ledger.stored import Recorded, select_events, stored
from ledger.tables import clocks as clocks_table
from ledger.tables import complaints, events, systemic_issues
from ledger.worklist import ComplaintRow, complaint_row


class TimelineEntry(Frozen):
    """One event of a stream; `hash` is its place in the chain, 64 hexadecimal digits."""

    sequence: int
    happening: Happening
    hash: str


class WakeUp(NamedTuple):
    """A stream in which time should have made something happen at `wake_at`; after a burst thousands are read."""

    reference: str
    wake_at: datetime


class Counts(Frozen):
    """How many there are, for the metrics. `pending_intake`: accepted and not recorded yet.

    `next_wake_at` is the earliest wake-up that is outstanding: if it lies long past, nobody is acting.
    """

    by_phase: dict[str, int]
    open: int
    overdue: int
    paused: int
    unowned: int
    live: int
    pending_intake: int
    next_wake_at: AwareDatetime | None


async def complaint(conn: AsyncConnection, reference: str) -> ComplaintRow | None:
    """The complaint with its clocks, in the order they started; None where no such reference is recorded."""
    row = (await conn.execute(_COMPLAINT, {"reference": reference})).first()
    if row is None:
        return None
    columns = dict(row._mapping)
    running = tuple(ClockView.model_validate(clock) for clock in columns.pop("clocks"))
    return complaint_row(columns, running)


async def timeline(
    conn: AsyncConnection, reference: str, after: int = 0, limit: int = 200
) -> tuple[TimelineEntry, ...]:
    """The events of a stream after this sequence, oldest first. Raises UnknownEventError."""
    query = select_events().where(events.c.stream == reference, events.c.sequence > after)
    rows = stored(await conn.execute(query.order_by(events.c.sequence).limit(limit)))
    return tuple(
        TimelineEntry(sequence=row.sequence, happening=row.happening(), hash=row.hash.hex()) for row in rows
    )


async def clocks(conn: AsyncConnection, reference: str) -> tuple[ClockView, ...]:
    """Every occurrence of every clock of a complaint, in the order they started."""
    c = clocks_table.c
    query = select(*(column for column in c if column is not c.reference)).where(c.reference == reference)
    rows = await conn.execute(query.order_by(c.started_at, c.clock, c.occurrence))
    return tuple(ClockView(**row._mapping) for row in rows)


async def command(conn: AsyncConnection, command_id: str, stream: str | None = None) -> Recorded | None:
    """What a command came to, or None where it is not on record (under way, refused, or never given)."""
    return await find_command(conn, stream, command_id)


async def overdue_wakeups(
    conn: AsyncConnection, now: datetime, grace: timedelta, limit: int
) -> tuple[WakeUp, ...]:
    """The live streams whose wake-up passed more than `grace` before `now` (service time), earliest first.

    Systemic issues that are outages, or have a risk to be looked at again, are among them.
    """
    c, of_issue = complaints.c, systemic_issues.c
    query = select(c.reference, c.wake_at).where(c.live, c.wake_at.is_not(None), c.wake_at < now - grace)
    outages = select(of_issue.reference, of_issue.wake_at).where(of_issue.wake_at < now - grace)
    both = query.union_all(outages).order_by("wake_at", "reference").limit(limit)
    return tuple(map(WakeUp._make, await conn.execute(both)))


async def live_references(
    conn: AsyncConnection, after: str = "", limit: int = 500
) -> tuple[tuple[str, AwareDatetime], ...]:
    """A page of the complaints whose workflow should be running, by reference: (reference, received at)."""
    c = complaints.c
    query = select(c.reference, c.received_at).where(c.live, c.reference > after)
    rows = await conn.execute(query.order_by(c.reference).limit(limit))
    return tuple((row.reference, row.received_at) for row in rows)


async def sources_taken(conn: AsyncConnection, sources: tuple[str, ...]) -> dict[str, str]:
    """Which of these sources (`311:63594352`) are on record already: {source: reference}."""
    c = complaints.c
    rows = await conn.execute(select(c.source, c.reference).where(c.source.in_(sources)))
    return {row.source: row.reference for row in rows}


async def systemic_issue(conn: AsyncConnection, reference: str) -> SystemicView | None:
    """The systemic issue of this reference, or None."""
    row = (await conn.execute(_SYSTEMIC.where(systemic_issues.c.reference == reference))).first()
    return None if row is None else SystemicView(**row._mapping)


async def systemic_issue_list(
    conn: AsyncConnection, *, unresolved: bool | None = None, limit: int = 200
) -> tuple[SystemicView, ...]:
    """Systemic issues, newest first; `unresolved`: only those still open (False: only resolved ones)."""
    c = systemic_issues.c
    query = _SYSTEMIC.order_by(c.opened_at.desc(), c.reference).limit(limit)
    if unresolved is not None:
        query = query.where(c.resolved_at.is_(None) if unresolved else c.resolved_at.is_not(None))
    return tuple(SystemicView(**row._mapping) for row in await conn.execute(query))


async def open_outages(conn: AsyncConnection, phases: Collection[str]) -> tuple[SystemicView, ...]:
    """The unresolved systemic issues that are outages in one of these phases: the gravest, then the oldest first."""
    c = systemic_issues.c
    query = _SYSTEMIC.where(c.outage_phase.in_(phases), c.outage_phase.is_not(None), c.resolved_at.is_(None))
    rows = await conn.execute(query.order_by(c.outage_grade, c.outage_since, c.reference))
    return tuple(SystemicView(**row._mapping) for row in rows)


async def risk_register(conn: AsyncConnection) -> tuple[SystemicView, ...]:
    """The unresolved systemic issues whose risk was assessed, the one to be looked at again first on top."""
    c = systemic_issues.c
    query = _SYSTEMIC.where(c.risk_likelihood.is_not(None), c.resolved_at.is_(None))
    rows = await conn.execute(query.order_by(c.risk_review_by, c.reference))
    return tuple(SystemicView(**row._mapping) for row in rows)


async def not_assessed(conn: AsyncConnection) -> int:
    """How many unresolved systemic issues have no risk assessed."""
    c = systemic_issues.c
    query = select(func.count()).where(c.risk_likelihood.is_(None), c.resolved_at.is_(None))
    return int((await conn.execute(query)).scalar_one())


async def counts(conn: AsyncConnection) -> Counts:
    """The figures for the metrics, in one statement."""
    row = (await conn.execute(_COUNTS)).one()
    fields: dict[str, Any] = dict(row._mapping)
    return Counts(**{**fields, "by_phase": fields["by_phase"] or {}})


_SYSTEMIC = select(*(column for column in systemic_issues.c if column.name != "changed_at"))

_COMPLAINT = text(
    """
    SELECT complaints.*, coalesce((
        SELECT jsonb_agg(to_jsonb(clocks) - 'reference' ORDER BY started_at, clock, occurrence)
        FROM clocks WHERE clocks.reference = complaints.reference
    ), '[]') AS clocks
    FROM complaints WHERE complaints.reference = :reference
    """
).columns(clocks=JSONB)

_COUNTS = text(
    """
    WITH grouped AS (
        SELECT phase, count(*) AS n,
            count(*) FILTER (WHERE open) AS open,
            count(*) FILTER (WHERE overdue AND open) AS overdue,
            count(*) FILTER (WHERE paused AND open) AS paused,
            count(*) FILTER (WHERE owner IS NULL AND open) AS unowned,
            count(*) FILTER (WHERE live) AS live,
            min(wake_at) FILTER (WHERE live) AS next_wake_at
        FROM complaints GROUP BY phase
    )
    SELECT jsonb_object_agg(phase, n) AS by_phase,
        coalesce(sum(open), 0)::bigint AS open,
        coalesce(sum(overdue), 0)::bigint AS overdue,
        coalesce(sum(paused), 0)::bigint AS paused,
        coalesce(sum(unowned), 0)::bigint AS unowned,
        coalesce(sum(live), 0)::bigint AS live,
        min(next_wake_at) AS next_wake_at,
        (SELECT count(*) FROM intake WHERE recorded_at IS NULL AND refused IS NULL) AS pending_intake
    FROM grouped
    """
).columns(by_phase=JSONB)
