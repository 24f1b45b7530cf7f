"""The history of permissions: every change of the directory, who reviewed whom, and who came in out of hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime
from sqlalchemy import Interval, bindparam, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Frozen
from ledger.database import autocommit
from ledger.directory_tables import staff_changes
from policies.vocabulary import Role

REVIEW_EVERY: Final = timedelta(days=90)
"""After which a person's permissions are due for review. A choice: the standard says "regularly"."""
REVIEWED: Final = "reviewed"
OUT_OF_HOURS: Final = "came in out of hours"


class StaffChange(Frozen):
    """One change: which field of whom, from what to what, by whom (a person's id, or `cli:` and an account).

    Of passwords and second factors it is told only that they are set. `reviewed` is a field as well, and so
    is coming in out of hours, whose `became` is when the hours begin again.
    """

    id: int
    at: AwareDatetime
    staff: str
    field: str
    was: str | None
    became: str | None
    by_whom: str


class Reviewable(Frozen):
    """A person as a review of permissions looks at them. `due`: not reviewed, nor taken in, for REVIEW_EVERY."""

    id: str
    login: str
    name: str
    roles: tuple[Role, ...]
    department: str | None
    active: bool
    second_factor: bool
    tokens: int
    last_sign_in_at: AwareDatetime | None
    reviewed_at: AwareDatetime | None
    due: bool


class StaffHistory:
    """The history; it is only ever added to, and the database refuses anything else."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = autocommit(engine)

    async def changes(
        self, *, staff: str | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[StaffChange, ...]:
        """The changes of one person, or of all, newest first; `before` is the last id seen."""
        query = select(staff_changes).order_by(staff_changes.c.id.desc()).limit(limit)
        if staff is not None:
            query = query.where(staff_changes.c.staff == staff)
        if before is not None:
            query = query.where(staff_changes.c.id < before)
        async with self._engine.connect() as conn:
            return tuple(StaffChange(**row._mapping) for row in await conn.execute(query))

    async def review(self) -> tuple[Reviewable, ...]:
        """Everybody, by name: what they may do, when they last signed in, and whose review is due."""
        async with self._engine.connect() as conn:
            found = await conn.execute(_REVIEW, {"reviewed": REVIEWED, "every": REVIEW_EVERY})
            return tuple(Reviewable(**row._mapping) for row in found)

    async def reviewed(self, staff: str, by: str) -> None:
        """Note that somebody has looked at this person's permissions and found them right."""
        async with self._engine.connect() as conn:
            await conn.execute(insert(staff_changes), {"staff": staff, "field": REVIEWED, "by_whom": by})

    async def came_in(self, staff: str, opens_at: datetime) -> None:
        """Note that this person came in out of hours, before the hours that begin then; once for these."""
        row = {"staff": staff, "field": OUT_OF_HOURS, "became": opens_at.isoformat()}
        async with self._engine.connect() as conn:
            await conn.execute(_CAME_IN, row)


_REVIEW = text(
    """
    SELECT id, login, name, roles, department, active, second_factor IS NOT NULL AS second_factor,
        (SELECT count(*) FROM tokens
            WHERE tokens.staff = staff.id AND revoked_at IS NULL AND expires_at > now()) AS tokens,
        last_sign_in_at, last.reviewed_at,
        active AND coalesce(last.reviewed_at, created_at) <= now() - :every AS due
    FROM staff LEFT JOIN LATERAL (
        SELECT max(at) AS reviewed_at FROM staff_changes WHERE staff_changes.staff = staff.id AND field = :reviewed
    ) AS last ON true
    ORDER BY name, id
    """
).bindparams(bindparam("every", type_=Interval))
_CAME_IN = text(
    """
    INSERT INTO staff_changes (staff, field, became, by_whom)
    SELECT said.staff, said.field, said.became, said.staff
    FROM (SELECT CAST(:staff AS text), CAST(:field AS text), CAST(:became AS text)) AS said (staff, field, became)
    WHERE NOT EXISTS (
        SELECT FROM staff_changes AS noted
        WHERE (noted.staff, noted.field, noted.became) = (said.staff, said.field, said.became)
    )
    """
)
