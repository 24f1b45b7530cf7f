"""The roster: which complaints the service has to give to somebody, and who there is to have them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, bindparam, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen, Person
from complaints.people.dispatching import Candidate
from ledger.directory_tables import staff
from ledger.tables import complaints
from policies.vocabulary import Role


class Waiting(Frozen):
    """A complaint that the service is to give to somebody, and how far its stream had come."""

    reference: str
    sequence: int


async def waiting(conn: AsyncConnection, limit: int = 10_000) -> tuple[Waiting, ...]:
    """The complaints that wait to be dispatched, those recorded first first."""
    c = complaints.c
    query = select(c.reference, c.sequence).where(c.to_dispatch).order_by(c.recorded_at, c.reference)
    rows = await conn.execute(query.limit(limit))
    return tuple(Waiting(reference=row.reference, sequence=row.sequence) for row in rows)


async def candidates(conn: AsyncConnection, now: datetime) -> tuple[Candidate, ...]:
    """All active staff with what they have to do at `now` (service time), by id. One statement."""
    return tuple(
        Candidate(
            person=Person(
                id=row.id, roles=tuple(Role(role) for role in row.roles), supervisor=row.supervisor
            ),
            department=row.department,
            load=row.load,
            away=row.away,
            assigned_at=row.assigned_at,
        )
        for row in await conn.execute(_CANDIDATES, {"now": now})
    )


async def note_assigned(conn: AsyncConnection, id: str, at: datetime) -> None:  # noqa: A002 - the field's name
    """The service has given this person a complaint; of two with as much to do the other is next."""
    await conn.execute(update(staff).where(staff.c.id == id).values(assigned_at=at))


_CANDIDATES = text(
    """
    SELECT staff.id, roles, supervisor, department, assigned_at,
        coalesce(away_until > :now, false) OR EXISTS (
            SELECT FROM absences WHERE absences.staff = staff.id AND begins_at <= :now AND ends_at > :now
        ) AS away,
        (SELECT count(*) FROM complaints WHERE complaints.owner = staff.id AND complaints.open) AS load
    FROM staff WHERE active ORDER BY staff.id
    """
).bindparams(bindparam("now", type_=DateTime(timezone=True)))
