"""Teams, deputies, absences and rotas as they are kept: read in one statement, changed one whole thing at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.base import Frozen
from complaints.people.deputising import Absence, Staffing, Team
from complaints.people.duty import Rota, Shift, Substitution
from ledger import duty_statements as sql
from ledger.database import autocommit

AHEAD: Final = timedelta(days=400)
"""How far ahead shifts are kept and looked at."""
_NO_SPAN = datetime(1970, 1, 1, tzinfo=UTC)
"""From here to here nobody has a shift: what a mark does not need is not read."""


class UnknownPeople(Exception):  # noqa: N818 - an answer, not a fault
    """Nobody who works here has one of these ids."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = tuple(ids)
        super().__init__("Nobody who works here has one of the ids that were given.")


class ChangedMeanwhile(Exception):  # noqa: N818 - as above
    """The team or rota is another by now than the one that the change was made from."""


def mark_of(held: Team | Rota | None) -> str:
    """What tells one state of a team or rota from another; "" where there is none.

    Shifts of a calendar and what was taken over are no part of it.
    """
    if held is None:
        return ""
    told = held.model_dump(mode="json", exclude={"shifts", "substitutions"})
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


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
    return DutyPlan.model_validate_json((await conn.execute(sql.PLAN, given)).scalar_one())


class Duty:
    """What there is to change; `by` is whom the history of permissions names (an id, or the command line).

    People who are named have to work here: else UnknownPeople is raised and nothing is done. `seen` is the mark of what
    a change was made from (`mark_of`), None where that does not matter: if it is another by now, and not what the
    change would make it either, ChangedMeanwhile is raised and nothing is done.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reading = autocommit(engine)

    async def plan(self, since: datetime, until: datetime | None = None) -> DutyPlan:
        """As `read_plan`, on a connection of its own."""
        async with self._reading.connect() as conn:
            return await read_plan(conn, since, until)

    async def put_team(self, team: Team, by: str, *, seen: str | None = None) -> bool:
        """Make the team what this says; True where there was none of this id."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, {*team.members, *team.deputies, *_given(team.supervisor)})
            await _require_seen(conn, seen, DutyPlan.team, team.id, team)
            row = {
                "id": team.id, "title": team.title, "timezone": team.timezone, "supervisor": team.supervisor,
                "hours": _json(team).get("hours"),
            }  # fmt: skip
            new = (await conn.execute(sql.PUT_TEAM, row)).scalar_one()
            for part, people in (("member", team.members), ("deputy", team.deputies)):
                given = {"id": team.id, "part": part, "people": list(people)}
                await conn.execute(sql.LEAVE_TEAM, given)
                await conn.execute(sql.JOIN_TEAM, given)
            return bool(new)

    async def drop_team(self, id: str, by: str, *, seen: str | None = None) -> bool:  # noqa: A002 - the field's own name
        """Do away with a team; False where there was none."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, ())
            await _require_seen(conn, seen, DutyPlan.team, id, None)
            return (await conn.execute(sql.DROP_TEAM, {"id": id})).first() is not None

    async def put_rota(self, rota: Rota, by: str, *, seen: str | None = None) -> bool:
        """Make the rota what this says, but for its shifts and take-overs, which stay; True where there was none."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, rota.members)
            await _require_seen(conn, seen, DutyPlan.rota, rota.id, rota)
            told = _json(rota)
            row = {
                "id": rota.id, "title": rota.title, "timezone": rota.timezone, "handover": told.get("handover"),
                "starts_on": rota.starts_on, "hours": told.get("hours"),
            }  # fmt: skip
            new = (await conn.execute(sql.PUT_ROTA, row)).scalar_one()
            given = {"id": rota.id, "people": list(rota.members)}
            await conn.execute(sql.LEAVE_ROTA, given)
            await conn.execute(sql.JOIN_ROTA, given)
            return bool(new)

    async def drop_rota(self, id: str, by: str, *, seen: str | None = None) -> bool:  # noqa: A002 - the field's own name
        """Do away with a rota, its shifts and take-overs; False where there was none."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, ())
            await _require_seen(conn, seen, DutyPlan.rota, id, None)
            return (await conn.execute(sql.DROP_ROTA, {"id": id})).first() is not None

    async def set_deputies(self, staff: str, deputies: Sequence[str], by: str) -> None:
        """Who stands in for a person, in this order, and nobody else. Nobody is their own deputy (ValueError)."""
        if staff in deputies or len(set(deputies)) < len(deputies):
            raise ValueError("Each deputy is named once, and nobody is their own.")
        async with self._engine.begin() as conn:
            await _begin(conn, by, {staff, *deputies})
            given = {"staff": staff, "people": list(deputies)}
            await conn.execute(sql.NOT_DEPUTIES, given)
            await conn.execute(sql.DEPUTIES, given)

    async def add_absence(self, absence: Absence, by: str) -> int:
        """Note an absence; its number."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, [absence.person])
            row = {
                "staff": absence.person, "begins_at": absence.begins_at, "ends_at": absence.ends_at,
                "reason": absence.reason,
            }  # fmt: skip
            return int((await conn.execute(sql.ADD_ABSENCE, row)).scalar_one())

    async def end_absence(self, number: int, at: datetime, by: str, *, staff: str | None = None) -> bool:
        """They are back: it ends then, and one that had not begun never was. False: no such one (of this person)."""
        return await self._changed(sql.END_ABSENCE, {"number": number, "at": at, "staff": staff}, by)

    async def take_over(self, rota: str, taken: Substitution, by: str) -> int | None:
        """Note that somebody takes duty over; its number. None: no such rota."""
        async with self._engine.begin() as conn:
            await _begin(conn, by, [taken.person, *_given(taken.instead_of)])
            row = {
                "rota": rota, "staff": taken.person, "instead_of": taken.instead_of,
                "begins_at": taken.begins_at, "ends_at": taken.ends_at,
            }  # fmt: skip
            found = (await conn.execute(sql.TAKE_OVER, row)).scalar_one_or_none()
            return None if found is None else int(found)

    async def end_take_over(
        self, rota: str, number: int, at: datetime, by: str, *, staff: str | None = None
    ) -> bool:
        """The plan holds again from then on. False: there is no such one (of this person)."""
        given = {"rota": rota, "number": number, "at": at, "staff": staff}
        return await self._changed(sql.END_TAKE_OVER, given, by)

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
            await conn.execute(sql.DROP_SHIFTS, {"rota": rota, "since": since})
            if rows:
                await conn.execute(sql.ADD_SHIFT, list(rows.values()))

    async def _changed(self, statement: Any, given: Mapping[str, Any], by: str) -> bool:
        async with self._engine.begin() as conn:
            await _begin(conn, by, ())
            return (await conn.execute(statement, given)).first() is not None


async def _begin(conn: AsyncConnection, by: str, people: Iterable[str]) -> None:
    """Say to the triggers who makes the change, and make sure that whoever is named works here."""
    named = sorted(set(people))
    unknown = (await conn.execute(sql.BEGIN, {"by": by, "people": named})).one().unknown
    if unknown:
        raise UnknownPeople(unknown)


async def _require_seen(
    conn: AsyncConnection,
    seen: str | None,
    held: Callable[[DutyPlan, str], Team | Rota | None],
    id_: str,
    wanted: Team | Rota | None,
) -> None:
    """Nobody else changes a team or rota until the transaction ends, and this one is as it was seen. Raises
    ChangedMeanwhile.
    """
    await conn.execute(sql.ONE_AT_A_TIME)
    if seen is not None:
        now = mark_of(held(await read_plan(conn, _NO_SPAN, _NO_SPAN), id_))
        if now not in {seen, mark_of(wanted)}:
            raise ChangedMeanwhile


def _given(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _json(value: Frozen) -> dict[str, Any]:
    return value.model_dump(mode="json")
