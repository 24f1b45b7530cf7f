"""What reports tell, asked of the read model: what is overdue and due, what was breached, who has how much to do.

Nothing of it is a customer's: references, clocks, instants, and the ids of colleagues. Instants are the
service's own time. Lists are cut to LISTED, and say how many there are in all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime
from sqlalchemy import DateTime, Integer, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.alerts import Wanted, alerts
from policies.vocabulary import Role

LISTED: Final = 100
"""How many entries of a list are read; of the rest it is said how many there are."""
_FOR_OVERDUE: Final = (Role.DEPARTMENT_HEAD, Role.COMPLIANCE_OFFICER)


class Entry(Frozen):
    """One run of a clock of one complaint. `due_at` is None while a pause hides it.

    `met_at` is set in lists of what was breached, where it was done late.
    """

    reference: str
    clock: str
    due_at: AwareDatetime | None
    owner: str | None
    pack: str
    pack_version: int
    met_at: AwareDatetime | None = None


class Listed(Frozen):
    """The first entries, and how many there are in all."""

    entries: tuple[Entry, ...] = ()
    total: int = 0


class Offer(Frozen):
    """A complaint that was offered to somebody who has not answered; `next_due_at` is its next deadline."""

    reference: str
    owner: str | None
    offered_to: str
    next_due_at: AwareDatetime | None


class Offers(Frozen):
    """The first offers, by next deadline, and how many there are in all."""

    offers: tuple[Offer, ...] = ()
    total: int = 0


class Morning(Frozen):
    """What one member of staff finds in the morning. `open`: how many complaints they own."""

    open: int
    overdue: Listed
    today: Listed
    offered: Offers
    unacknowledged: Listed

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to be told of."""
        return not (self.overdue.total or self.today.total or self.offered.total or self.unacknowledged.total)


class Load(Frozen):
    """How much one member of a team has: open complaints, those overdue, those due by the end of the span, and how
    many they were offered and have not answered.
    """

    staff: str
    open: int
    overdue: int
    soon: int
    offered: int


class Week(Frozen):
    """What a supervisor's team has before it, and what it was late with in the week that is over."""

    open: int
    overdue: Listed
    breached: Listed
    unacknowledged: Listed
    handovers: Offers
    load: tuple[Load, ...]


class ClockCount(Frozen):
    """How many runs of a clock of one pack are overdue; `pack_version` is the newest of theirs."""

    pack: str
    pack_version: int
    clock: str
    overdue: int


class Overdue(Frozen):
    """All that is overdue, oldest first, and by clock, most first. `complaints`: how many are concerned."""

    complaints: int
    listed: Listed
    by_clock: tuple[ClockCount, ...]


# Who gets one -------------------------------------------------------------------------------------------


async def for_morning(
    conn: AsyncConnection, at: datetime, *, here_since: datetime
) -> Mapping[str, tuple[str, ...]]:
    """{who owns open complaints or was offered some: the names of the packs of these}.

    Here and below: who works here since before `here_since` (real time), wants the report, and is not away at
    `at`.
    """
    rows = await conn.execute(_FOR_MORNING, {"at": at, "here_since": here_since})
    return {row.staff: tuple(row.packs) for row in rows}


async def for_week(conn: AsyncConnection, at: datetime, *, here_since: datetime) -> tuple[str, ...]:
    """Who is somebody's supervisor, or a team's."""
    return tuple((await conn.scalars(_FOR_WEEK, {"at": at, "here_since": here_since})).all())


async def for_overdue(conn: AsyncConnection, at: datetime, *, here_since: datetime) -> tuple[str, ...]:
    """Department heads and compliance officers."""
    given = {"at": at, "here_since": here_since, "roles": list(_FOR_OVERDUE)}
    return tuple((await conn.scalars(_FOR_ROLES, given)).all())


# What it tells ------------------------------------------------------------------------------------------


async def morning(conn: AsyncConnection, staff: str, at: datetime, until: datetime) -> Morning:
    """What this member of staff finds at `at`; today's deadlines are those up to `until` (that instant included)."""
    given = {"owners": [staff], "at": at, "limit": LISTED}
    return Morning(
        open=(await conn.execute(_OPEN, {"owners": [staff]})).scalar_one(),
        overdue=await _listed(conn, _OVERDUE_OF, given),
        today=await _listed(conn, _DUE_OF, given | {"until": until}),
        offered=await _offers(conn, _OFFERED_TO, {"people": [staff], "limit": LISTED}),
        unacknowledged=await _unacknowledged(conn, [staff], at),
    )


async def week(
    conn: AsyncConnection, supervisor: str, at: datetime, *, since: datetime, until: datetime, soon: datetime
) -> Week:
    """How the team of this supervisor stands at `at`: breached in the half-open span from `since` to `until`,
    and due by `soon`. They themselves are none of their team.
    """
    team = list((await conn.scalars(_TEAM, {"supervisor": supervisor})).all())
    given = {"owners": team, "at": at, "limit": LISTED}
    return Week(
        open=(await conn.execute(_OPEN, {"owners": team})).scalar_one(),
        overdue=await _listed(conn, _OVERDUE_OF, given),
        breached=await _listed(
            conn, _BREACHED_OF, {"owners": team, "since": since, "until": until, "limit": LISTED}
        ),
        unacknowledged=await _unacknowledged(conn, team, at),
        handovers=await _offers(conn, _HANDOVERS_OF, {"people": team, "limit": LISTED}),
        load=tuple(
            Load(**row._mapping)
            for row in await conn.execute(_LOAD, {"people": team, "at": at, "soon": soon})
        ),
    )


async def overdue(conn: AsyncConnection, at: datetime) -> Overdue:
    """All that is overdue at `at`."""
    counted = (await conn.execute(_BY_CLOCK, {"at": at})).all()
    return Overdue(
        complaints=(await conn.execute(_COMPLAINTS_OVERDUE, {"at": at})).scalar_one(),
        listed=await _listed(conn, _OVERDUE_ALL, {"at": at, "limit": LISTED}),
        by_clock=tuple(ClockCount(**row._mapping) for row in counted),
    )


async def _listed(conn: AsyncConnection, statement: Any, given: Mapping[str, Any]) -> Listed:
    rows = (await conn.execute(statement, given)).all()
    entries = [
        Entry(**{name: value for name, value in row._mapping.items() if name != "total"}) for row in rows
    ]
    return Listed(entries=tuple(entries), total=rows[0].total if rows else 0)


async def _offers(conn: AsyncConnection, statement: Any, given: Mapping[str, Any]) -> Offers:
    rows = (await conn.execute(statement, given)).all()
    offers = [
        Offer(**{name: value for name, value in row._mapping.items() if name != "total"}) for row in rows
    ]
    return Offers(offers=tuple(offers), total=rows[0].total if rows else 0)


async def _unacknowledged(conn: AsyncConnection, people: Sequence[str], at: datetime) -> Listed:
    """The alerts that these people were told and nobody has acknowledged, as GET /alerts has them: each run once."""
    found = await alerts(conn, people, at=at, wanted=Wanted.OPEN, limit=LISTED)
    entries = [
        Entry(reference=one.reference, clock=one.clock, due_at=one.due_at, owner=one.owner, pack=one.pack,
              pack_version=one.pack_version)
        for one in found
    ]  # fmt: skip
    return Listed(entries=tuple(entries), total=len(entries))


# The statements -----------------------------------------------------------------------------------------

_INSTANT = DateTime(timezone=True)


def _asked(statement: str) -> Any:
    """The statement with the types of what it is given."""
    types: Mapping[str, Any] = {
        **dict.fromkeys(("owners", "people", "roles"), ARRAY(Text)),
        **dict.fromkeys(("at", "since", "until", "soon", "here_since"), _INSTANT),
        "supervisor": Text, "limit": Integer,
    }  # fmt: skip
    return text(statement).bindparams(
        *(bindparam(name, type_=type_) for name, type_ in types.items() if f":{name}" in statement)
    )


def _gets(kind: str) -> str:
    return f"""staff.active AND staff.created_at < :here_since AND coalesce(staff.away_until <= :at, true)
        AND NOT EXISTS (
            SELECT FROM absences WHERE absences.staff = staff.id AND begins_at <= :at AND ends_at > :at
        ) AND NOT EXISTS (
            SELECT FROM report_opt_outs AS without WHERE without.staff = staff.id AND without.kind = '{kind}'
        )"""  # noqa: S608 - our own words


_FOR_MORNING = _asked(
    f"""
    SELECT staff.id AS staff, array_agg(DISTINCT complaints.pack ORDER BY complaints.pack) AS packs
    FROM staff JOIN complaints ON complaints.open AND staff.id IN (complaints.owner, complaints.offered_to)
    WHERE {_gets("morning_worklist")}
    GROUP BY staff.id ORDER BY staff.id
    """  # noqa: S608 - our own words
)
_FOR_WEEK = _asked(
    f"""
    SELECT staff.id FROM staff
    WHERE {_gets("weekly_report")} AND (
        EXISTS (SELECT FROM staff AS other WHERE other.active AND other.supervisor = staff.id)
        OR EXISTS (SELECT FROM teams WHERE teams.supervisor = staff.id)
    ) ORDER BY staff.id
    """  # noqa: S608 - our own words
)
_FOR_ROLES = _asked(
    f"""
    SELECT staff.id FROM staff WHERE {_gets("overdue_summary")} AND staff.roles && :roles ORDER BY staff.id
    """  # noqa: S608 - our own words
)
_TEAM = _asked(
    """
    SELECT id FROM (
        SELECT id FROM staff WHERE active AND supervisor = :supervisor
        UNION
        SELECT team_members.staff FROM team_members JOIN teams ON teams.id = team_members.team
        JOIN staff ON staff.id = team_members.staff
        WHERE teams.supervisor = :supervisor AND team_members.part = 'member' AND staff.active
    ) AS team WHERE id <> :supervisor ORDER BY id
    """
)
_OPEN = _asked("SELECT count(*) FROM complaints WHERE open AND owner = ANY (:owners)")

_ENTRY = """complaints.reference, clocks.clock, clocks.due_at, complaints.owner, complaints.pack,
    complaints.pack_version, count(*) OVER () AS total"""
_RUNNING = "FROM complaints JOIN clocks USING (reference) WHERE complaints.open AND clocks.state = 'running'"
_OLDEST_FIRST = "ORDER BY clocks.due_at, complaints.reference, clocks.clock LIMIT :limit"

# Done exactly at the due moment is in time (DESIGN, Deadline arithmetic): what is due at this instant is not late.
_OVERDUE_OF = _asked(
    f"SELECT {_ENTRY} {_RUNNING} AND complaints.owner = ANY (:owners) AND clocks.due_at < :at {_OLDEST_FIRST}"
)
_DUE_OF = _asked(
    f"SELECT {_ENTRY} {_RUNNING} AND complaints.owner = ANY (:owners)"
    f" AND clocks.due_at >= :at AND clocks.due_at <= :until {_OLDEST_FIRST}"
)
_OVERDUE_ALL = _asked(f"SELECT {_ENTRY} {_RUNNING} AND clocks.due_at < :at {_OLDEST_FIRST}")
_COMPLAINTS_OVERDUE = _asked(
    f"SELECT count(DISTINCT complaints.reference) {_RUNNING} AND clocks.due_at < :at"
)
_BY_CLOCK = _asked(
    f"""
    SELECT complaints.pack, max(complaints.pack_version) AS pack_version, clocks.clock, count(*) AS overdue
    {_RUNNING} AND clocks.due_at < :at
    GROUP BY complaints.pack, clocks.clock ORDER BY overdue DESC, complaints.pack, clocks.clock
    """
)
# Also of complaints that are over by now: what was late stays late.
_BREACHED_OF = _asked(
    f"""
    SELECT {_ENTRY}, clocks.met_at FROM complaints JOIN clocks USING (reference)
    WHERE complaints.owner = ANY (:owners) AND clocks.breached_at >= :since AND clocks.breached_at < :until
    ORDER BY clocks.breached_at, complaints.reference, clocks.clock LIMIT :limit
    """  # noqa: S608 - our own words
)
_OFFER = "reference, owner, offered_to, next_due_at, count(*) OVER () AS total FROM complaints"
_OFFERED_TO = _asked(
    f"""
    SELECT {_OFFER} WHERE open AND offered_to = ANY (:people) ORDER BY next_due_at, reference LIMIT :limit
    """
)
_HANDOVERS_OF = _asked(
    f"""
    SELECT {_OFFER} WHERE open AND offered_to IS NOT NULL
        AND (offered_to = ANY (:people) OR owner = ANY (:people))
    ORDER BY next_due_at, reference LIMIT :limit
    """
)
_LOAD = _asked(
    """
    SELECT person AS staff,
        (SELECT count(*) FROM complaints WHERE owner = person AND open) AS open,
        (SELECT count(DISTINCT reference) FROM complaints JOIN clocks USING (reference)
            WHERE owner = person AND open AND clocks.state = 'running' AND clocks.due_at < :at) AS overdue,
        (SELECT count(DISTINCT reference) FROM complaints JOIN clocks USING (reference)
            WHERE owner = person AND open AND clocks.state = 'running'
                AND clocks.due_at >= :at AND clocks.due_at <= :soon) AS soon,
        (SELECT count(*) FROM complaints WHERE offered_to = person AND open) AS offered
    FROM unnest(:people) AS person ORDER BY overdue DESC, open DESC, person
    """
)
