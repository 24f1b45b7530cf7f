"""Teams, deputies, absences and rotas as they are kept: read in one statement, changed one whole thing at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import DateTime, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.base import Frozen
from complaints.people.deputising import Absence, Staffing, Team
from complaints.people.duty import Rota, Shift, Substitution
from ledger.database import autocommit

AHEAD: Final = timedelta(days=400)
"""How far ahead shifts are kept and looked at."""


class UnknownPeople(Exception):  # noqa: N818 - an answer, not a fault
    """Nobody who works here has one of these ids."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = tuple(ids)
        super().__init__("Nobody who works here has one of the ids that were given.")


class DutyPlan(Frozen):
    """All that says who is there. Who has left is in none of it: of a rota the order of turns closes up.

    `absences` have those until which somebody said they are away (`redress staff away`) among them, as number 0.
    """

    teams: tuple[Team, ...] = ()
    rotas: tuple[Rota, ...] = ()
    absences: tuple[Absence, ...] = ()
    deputies: Mapping[str, tuple[str, ...]] = {}

    def staffing(self) -> Staffing:
        """What answers who stands in for whom."""
        return Staffing.of(self.absences, self.deputies, self.teams)

    def rota(self, id: str) -> Rota | None:  # noqa: A002 - the field's own name
        """The rota of this id, or None."""
        return next((rota for rota in self.rotas if rota.id == id), None)

    def team(self, id: str) -> Team | None:  # noqa: A002 - the field's own name
        """The team of this id, or None."""
        return next((team for team in self.teams if team.id == id), None)


async def read_plan(conn: AsyncConnection, since: datetime, until: datetime | None = None) -> DutyPlan:
    """The plan as it concerns the span from `since` on (service time), up to `until` or AHEAD of it. One statement."""
    given = {"since": since, "until": until or since + AHEAD}
    return DutyPlan.model_validate_json((await conn.execute(_PLAN, given)).scalar_one())


class Duty:
    """What there is to change; `by` is whom the history of permissions names (an id, or the command line).

    People who are named have to work here: else UnknownPeople is raised and nothing is done.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = autocommit(engine)

    async def plan(self, since: datetime, until: datetime | None = None) -> DutyPlan:
        """As `read_plan`, on a connection of its own."""
        async with self._reading.connect() as conn:
            return await read_plan(conn, since, until)

    async def put_team(self, team: Team, by: str) -> bool:
        """Make the team what this says; True where there was none of this id."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, {*team.members, *team.deputies, *_given(team.supervisor)})
            row = {
                "id": team.id, "title": team.title, "timezone": team.timezone, "supervisor": team.supervisor,
                "hours": _json(team).get("hours"),
            }  # fmt: skip
            new = (await conn.execute(_PUT_TEAM, row)).scalar_one()
            for part, people in (("member", team.members), ("deputy", team.deputies)):
                given = {"id": team.id, "part": part, "people": list(people)}
                await conn.execute(_LEAVE_TEAM, given)
                await conn.execute(_JOIN_TEAM, given)
            return bool(new)

    async def drop_team(self, id: str, by: str) -> bool:  # noqa: A002 - the field's own name
        """Do away with a team; False where there was none."""
        return await self._changed(_DROP_TEAM, {"id": id}, by)

    async def put_rota(self, rota: Rota, by: str) -> bool:
        """Make the rota what this says, but for its shifts and take-overs, which stay; True where there was none."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, rota.members)
            told = _json(rota)
            row = {
                "id": rota.id, "title": rota.title, "timezone": rota.timezone, "handover": told.get("handover"),
                "starts_on": rota.starts_on, "hours": told.get("hours"),
            }  # fmt: skip
            new = (await conn.execute(_PUT_ROTA, row)).scalar_one()
            given = {"id": rota.id, "people": list(rota.members)}
            await conn.execute(_LEAVE_ROTA, given)
            await conn.execute(_JOIN_ROTA, given)
            return bool(new)

    async def drop_rota(self, id: str, by: str) -> bool:  # noqa: A002 - the field's own name
        """Do away with a rota, its shifts and take-overs; False where there was none."""
        return await self._changed(_DROP_ROTA, {"id": id}, by)

    async def set_deputies(self, staff: str, deputies: Sequence[str], by: str) -> None:
        """Who stands in for a person, in this order, and nobody else. Nobody is their own deputy (ValueError)."""
        if staff in deputies or len(set(deputies)) < len(deputies):
            raise ValueError("Each deputy is named once, and nobody is their own.")
        async with self._engine.begin() as conn:
            await _begin(conn, by, {staff, *deputies})
            given = {"staff": staff, "people": list(deputies)}
            await conn.execute(_NOT_DEPUTIES, given)
            await conn.execute(_DEPUTIES, given)

    async def add_absence(self, absence: Absence, by: str) -> int:
        """Note an absence; its number."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, [absence.person])
            row = {
                "staff": absence.person, "begins_at": absence.begins_at, "ends_at": absence.ends_at,
                "reason": absence.reason,
            }  # fmt: skip
            return int((await conn.execute(_ADD_ABSENCE, row)).scalar_one())

    async def end_absence(self, number: int, at: datetime, by: str, *, staff: str | None = None) -> bool:
        """They are back: it ends then, and one that had not begun never was. False: no such one (of this person)."""
        return await self._changed(_END_ABSENCE, {"number": number, "at": at, "staff": staff}, by)

    async def take_over(self, rota: str, taken: Substitution, by: str) -> int | None:
        """Note that somebody takes duty over; its number. None: no such rota."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, [taken.person, *_given(taken.instead_of)])
            row = {
                "rota": rota, "staff": taken.person, "instead_of": taken.instead_of,
                "begins_at": taken.begins_at, "ends_at": taken.ends_at,
            }  # fmt: skip
            found = (await conn.execute(_TAKE_OVER, row)).scalar_one_or_none()
            return None if found is None else int(found)

    async def end_take_over(
        self, rota: str, number: int, at: datetime, by: str, *, staff: str | None = None
    ) -> bool:
        """The plan holds again from then on. False: there is no such one (of this person)."""
        given = {"rota": rota, "number": number, "at": at, "staff": staff}
        return await self._changed(_END_TAKE_OVER, given, by)

    async def replace_shifts(self, rota: str, since: datetime, shifts: Iterable[Shift], by: str) -> None:
        """These are the rota's shifts from `since` on, in place of those it had; what is over stays as it was."""
        rows: dict[tuple[str, datetime], dict[str, Any]] = {}
        for shift in sorted(shifts, key=lambda one: one.ends_at):  # of two that begin alike the longer
            row = {
                "rota": rota,
                "staff": shift.person,
                "begins_at": shift.begins_at,
                "ends_at": shift.ends_at,
            }
            rows[shift.person, shift.begins_at] = row
        async with self._engine.begin() as conn:
            await _begin(conn, by, {person for person, _ in rows})
            await conn.execute(_DROP_SHIFTS, {"rota": rota, "since": since})
            if rows:
                await conn.execute(_ADD_SHIFT, list(rows.values()))

    async def _changed(self, statement: Any, given: Mapping[str, Any], by: str) -> bool:
        async with self._engine.begin() as conn:
            await _begin(conn, by, ())
            return (await conn.execute(statement, given)).first() is not None


async def _begin(conn: AsyncConnection, by: str, people: Iterable[str]) -> None:
    """Say to the triggers who makes the change, and make sure that whoever is named works here."""
    named = sorted(set(people))
    unknown = (await conn.execute(_BEGIN, {"by": by, "people": named})).one().unknown
    if unknown:
        raise UnknownPeople(unknown)


def _given(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _json(value: Frozen) -> dict[str, Any]:
    return value.model_dump(mode="json")


_instants = [bindparam(name, type_=DateTime(timezone=True)) for name in ("begins_at", "ends_at")]
_since = bindparam("since", type_=DateTime(timezone=True))
_at = bindparam("at", type_=DateTime(timezone=True))
_people = bindparam("people", type_=ARRAY(Text))
_hours = bindparam("hours", type_=JSONB(none_as_null=True))

_BEGIN = text(
    """
    SELECT set_config('redress.by', :by, true), ARRAY(
        SELECT named FROM unnest(:people) AS named
        WHERE NOT EXISTS (SELECT FROM staff WHERE staff.id = named AND active)
    ) AS unknown
    """
).bindparams(_people)

_PLAN = text(
    """
    SELECT json_build_object(
        'teams', (
            SELECT coalesce(json_agg(json_build_object(
                'id', id, 'title', title, 'timezone', timezone, 'hours', hours,
                'supervisor', (SELECT staff.id FROM staff WHERE staff.id = teams.supervisor AND active),
                'members', ARRAY(
                    SELECT staff FROM team_members AS m JOIN staff AS s ON s.id = m.staff AND s.active
                    WHERE m.team = teams.id AND part = 'member' ORDER BY m.position
                ),
                'deputies', ARRAY(
                    SELECT staff FROM team_members AS m JOIN staff AS s ON s.id = m.staff AND s.active
                    WHERE m.team = teams.id AND part = 'deputy' ORDER BY m.position
                )
            ) ORDER BY title, id), '[]') FROM teams
        ),
        'rotas', (
            SELECT coalesce(json_agg(json_build_object(
                'id', id, 'title', title, 'timezone', timezone, 'hours', hours, 'handover', handover,
                'starts_on', starts_on,
                'members', ARRAY(
                    SELECT staff FROM rota_members AS m JOIN staff AS s ON s.id = m.staff AND s.active
                    WHERE m.rota = rotas.id ORDER BY m.position
                ),
                'substitutions', (
                    SELECT coalesce(json_agg(json_build_object(
                        'number', t.id, 'person', staff, 'instead_of', instead_of, 'begins_at', begins_at,
                        'ends_at', ends_at
                    ) ORDER BY t.id), '[]') FROM substitutions AS t JOIN staff AS s ON s.id = t.staff AND s.active
                    WHERE t.rota = rotas.id AND ends_at > :since AND begins_at < :until
                ),
                'shifts', (
                    SELECT coalesce(json_agg(json_build_object(
                        'person', staff, 'begins_at', begins_at, 'ends_at', ends_at
                    ) ORDER BY begins_at, staff), '[]') FROM rota_shifts AS t
                    JOIN staff AS s ON s.id = t.staff AND s.active
                    WHERE t.rota = rotas.id AND ends_at > :since AND begins_at < :until
                )
            ) ORDER BY title, id), '[]') FROM rotas
        ),
        'absences', (
            SELECT coalesce(json_agg(json_build_object(
                'number', number, 'person', person, 'begins_at', begins_at, 'ends_at', ends_at, 'reason', reason
            ) ORDER BY begins_at, person), '[]') FROM (
                SELECT a.id AS number, staff AS person, begins_at, ends_at, reason
                FROM absences AS a JOIN staff AS s ON s.id = a.staff AND s.active
                WHERE ends_at > :since AND begins_at < :until
                UNION ALL
                SELECT 0, id, least(CAST('1970-01-01Z' AS timestamptz), away_until - interval '1 day'), away_until,
                    'other'
                FROM staff WHERE active AND away_until > :since
            ) AS away
        ),
        'deputies', (
            SELECT coalesce(json_object_agg(staff, of_them), '{}') FROM (
                SELECT staff, json_agg(deputy ORDER BY position) AS of_them
                FROM deputies JOIN staff AS s ON s.id = deputy AND s.active GROUP BY staff
            ) AS held
        )
    )::text
    """
).bindparams(_since, bindparam("until", type_=DateTime(timezone=True)))

_PUT_TEAM = text(
    """
    INSERT INTO teams (id, title, timezone, supervisor, hours) VALUES (:id, :title, :timezone, :supervisor, :hours)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, timezone = excluded.timezone,
        supervisor = excluded.supervisor, hours = excluded.hours
    RETURNING xmax = 0
    """
).bindparams(_hours)
_LEAVE_TEAM = text(
    "DELETE FROM team_members WHERE team = :id AND part = :part AND NOT staff = ANY (:people)"
).bindparams(_people)
_JOIN_TEAM = text(
    """
    INSERT INTO team_members (team, staff, part, position)
    SELECT :id, given.staff, :part, given.position
    FROM unnest(:people) WITH ORDINALITY AS given (staff, position)
    ON CONFLICT (team, staff, part) DO UPDATE SET position = excluded.position
    """
).bindparams(_people)
_DROP_TEAM = text("DELETE FROM teams WHERE id = :id RETURNING id")

_PUT_ROTA = text(
    """
    INSERT INTO rotas (id, title, timezone, handover, starts_on, hours)
    VALUES (:id, :title, :timezone, :handover, :starts_on, :hours)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, timezone = excluded.timezone,
        handover = excluded.handover, starts_on = excluded.starts_on, hours = excluded.hours
    RETURNING xmax = 0
    """
).bindparams(_hours, bindparam("handover", type_=JSONB(none_as_null=True)))
_LEAVE_ROTA = text("DELETE FROM rota_members WHERE rota = :id AND NOT staff = ANY (:people)").bindparams(
    _people
)
_JOIN_ROTA = text(
    """
    INSERT INTO rota_members (rota, staff, position)
    SELECT :id, given.staff, given.position FROM unnest(:people) WITH ORDINALITY AS given (staff, position)
    ON CONFLICT (rota, staff) DO UPDATE SET position = excluded.position
    """
).bindparams(_people)
_DROP_ROTA = text("DELETE FROM rotas WHERE id = :id RETURNING id")

_NOT_DEPUTIES = text("DELETE FROM deputies WHERE staff = :staff AND NOT deputy = ANY (:people)").bindparams(
    _people
)
_DEPUTIES = text(
    """
    INSERT INTO deputies (staff, deputy, position)
    SELECT :staff, given.deputy, given.position FROM unnest(:people) WITH ORDINALITY AS given (deputy, position)
    ON CONFLICT (staff, deputy) DO UPDATE SET position = excluded.position
    """
).bindparams(_people)

_ADD_ABSENCE = text(
    """
    INSERT INTO absences (staff, begins_at, ends_at, reason) VALUES (:staff, :begins_at, :ends_at, :reason)
    RETURNING id
    """
).bindparams(*_instants)
# What had not begun is gone; what had ends now. Of one that is over there is nothing left to end.
_END_ABSENCE = text(
    """
    WITH gone AS (
        DELETE FROM absences WHERE id = :number AND begins_at >= :at
            AND (CAST(:staff AS text) IS NULL OR staff = :staff)
        RETURNING id
    ), ended AS (
        UPDATE absences SET ends_at = :at WHERE id = :number AND begins_at < :at AND ends_at > :at
            AND (CAST(:staff AS text) IS NULL OR staff = :staff)
        RETURNING id
    )
    SELECT id FROM gone UNION ALL SELECT id FROM ended
    """
).bindparams(_at)
_TAKE_OVER = text(
    """
    INSERT INTO substitutions (rota, staff, instead_of, begins_at, ends_at)
    SELECT id, :staff, :instead_of, :begins_at, :ends_at FROM rotas WHERE id = :rota RETURNING id
    """
).bindparams(*_instants, bindparam("staff", type_=Text), bindparam("instead_of", type_=Text))
_END_TAKE_OVER = text(
    """
    WITH gone AS (
        DELETE FROM substitutions WHERE rota = :rota AND id = :number AND begins_at >= :at
            AND (CAST(:staff AS text) IS NULL OR staff = :staff)
        RETURNING id
    ), ended AS (
        UPDATE substitutions SET ends_at = :at WHERE rota = :rota AND id = :number AND begins_at < :at
            AND ends_at > :at AND (CAST(:staff AS text) IS NULL OR staff = :staff)
        RETURNING id
    )
    SELECT id FROM gone UNION ALL SELECT id FROM ended
    """
).bindparams(_at)

_DROP_SHIFTS = text("DELETE FROM rota_shifts WHERE rota = :rota AND ends_at > :since").bindparams(_since)
_ADD_SHIFT = text(
    "INSERT INTO rota_shifts (rota, staff, begins_at, ends_at) VALUES (:rota, :staff, :begins_at, :ends_at)"
).bindparams(*_instants)
