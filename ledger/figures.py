"""Figures: what the record and its read model count for a pack and a period. No personal data; ids of staff at most.

A complaint counts for whoever owns it now, and for the team of that person: a supervisor with those who
report to them. Each question is one statement.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import AwareDatetime
from sqlalchemy import Interval, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from ledger.figures_given import supplied
from policies.measures import CONTENT, DETRACTOR, PROMOTER, Period, Runs, Share, Tallies, Votes
from policies.pack import Measure, Pack, Target


class By(StrEnum):
    """How figures are grouped: all together, by team, or by person."""

    ALL = "''"
    TEAM = "coalesce(cases.team, '')"
    PERSON = "coalesce(cases.owner, '')"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which complaints and which instants count: `start` up to, and not including, `end`.

    `now` is the moment the figures are as of. `team`: only what this person or those who report to them own.
    """

    pack: str
    start: datetime
    end: datetime
    now: datetime
    team: str | None = None

    @classmethod
    def of(cls, pack: Pack, period: Period, now: datetime, team: str | None = None) -> Self:
        """The days of a period in the pack's zone."""
        return cls(pack.name, *period.instants(pack.timezone), now, team)

    def given(self) -> dict[str, Any]:
        """As the statements take it. No period goes on beyond now: what is not due yet can not have been missed."""
        return {
            "pack": self.pack, "start": self.start, "end": min(self.end, self.now), "now": self.now,
            "team": self.team,
        }  # fmt: skip


class Of(StrEnum):
    """What complaints are listed behind."""

    SATISFACTION = "satisfaction"
    HANDLING = "satisfaction_handling"  # of complaints alone
    ATTITUDE = "attitude"
    PROFESSIONALISM = "professionalism"
    EFFICIENCY = "efficiency"
    SOLUTION = "solution"
    NPS = "nps"
    DEADLINES = "deadlines"  # of one clock
    RECEIVED = "received"
    CLOSED = "closed"

    @classmethod
    def target(cls, target: Target) -> "Of | None":
        """What a target's figure is made of; None for one that is entered by hand."""
        match target.measure:
            case Measure.SUPPLIED:
                return None
            case Measure.COMPLAINTS_CHANGE:
                return cls.RECEIVED
            case Measure.MET_IN_TIME | Measure.TIME_TO_MEET | Measure.HANDLING_TIME_CHANGE:
                return cls.DEADLINES if target.clock else cls.CLOSED
            case Measure.SATISFACTION | Measure.SATISFACTION_HANDLING | Measure.NPS:
                return cls(target.measure)
            case _:
                return cls(target.measure.removeprefix("satisfaction_"))


class Behind(Frozen):
    """One complaint behind a figure. `value` is the score, or the minutes it took; `good`: it speaks for us.

    `at` is when it counted: the answer, the due moment, the receipt or the closing.
    """

    reference: str
    owner: str | None
    at: AwareDatetime
    value: float | None
    good: bool


async def counted(
    conn: AsyncConnection, pack: Pack, period: Period, now: datetime, *, team: str | None = None
) -> Tallies:
    """All that was counted for a pack in a period, and what was entered, which is never of one team alone."""
    told = (await tallies(conn, Scope.of(pack, period, now, team)))[""]
    if team is not None:
        return told
    entered = await supplied(conn, pack.name, period)
    return replace(told, supplied={target: figure.value for target, figure in entered.items()})


async def tallies(conn: AsyncConnection, scope: Scope, by: By = By.ALL) -> Mapping[str, Tallies]:
    """What was counted, by group: `''` for all together and for those whom nobody owns or supervises.

    What people entered is not among it. A group of which there is nothing is left out,
    but for all together.
    """
    found: defaultdict[str, Tallies] = defaultdict(Tallies)
    if by is By.ALL:
        found[""] = Tallies()
    given = scope.given()
    for row in await conn.execute(_SCORES[by], given):
        found[row.who] = replace(
            found[row.who],
            scores={
                Measure.SATISFACTION: Share(row.overall_good, row.overall),
                Measure.SATISFACTION_HANDLING: Share(row.handling_good, row.handling),
                Measure.SATISFACTION_ATTITUDE: Share(row.attitude_good, row.attitude),
                Measure.SATISFACTION_PROFESSIONALISM: Share(row.professionalism_good, row.professionalism),
                Measure.SATISFACTION_EFFICIENCY: Share(row.efficiency_good, row.efficiency),
            },
            solution=Share(row.solution_good, row.solution),
            votes=Votes(row.promoters, row.passives, row.detractors),
        )
    runs: defaultdict[str, dict[str, Runs]] = defaultdict(dict)
    for row in await conn.execute(_RUNS[by], given):
        runs[row.who][row.clock] = Runs(row.n, row.in_time, row.median)
    for who, counted in runs.items():
        found[who] = replace(found[who], runs=counted)
    for row in await conn.execute(_COMPLAINTS[by], given):
        found[row.who] = replace(
            found[row.who], received=row.received, closed=row.closed, median_to_closing=row.median
        )
    return dict(found)


async def behind(
    conn: AsyncConnection, scope: Scope, of: Of, clock: str | None = None, limit: int = 200
) -> tuple[Behind, ...]:
    """The complaints behind a figure: those that speak against us first, then the latest.

    `clock` is whose deadlines are meant, for Of.DEADLINES; without one there are none.
    """
    rows = await conn.execute(_BEHIND[of], {**scope.given(), "clock": clock, "limit": limit})
    return tuple(
        Behind(reference=row.reference, owner=row.owner, at=row.at, value=_number(row.value), good=row.good)
        for row in rows
    )


def _number(value: Any) -> float | None:
    if isinstance(value, timedelta):
        return value / timedelta(minutes=1)
    return None if value is None else float(value)


# The statements --------------------------------------------------------------------------------------

_CASES = """
    WITH people AS (
        SELECT one.id, CASE WHEN EXISTS (SELECT FROM staff AS report WHERE report.supervisor = one.id)
            THEN one.id ELSE one.supervisor END AS team
        FROM staff AS one
    ), cases AS (
        SELECT complaints.*, people.team FROM complaints LEFT JOIN people ON people.id = complaints.owner
        WHERE complaints.pack = :pack
            AND (CAST(:team AS text) IS NULL OR people.team = :team OR complaints.owner = :team)
    )
"""

# OFFSET 0 and MATERIALIZED keep the planner from reading the JSON anew for every figure made of it.
_SAID = """
    said AS MATERIALIZED (
        SELECT cases.reference, cases.owner, cases.team, events.occurred_at,
            cases.kind IN ('complaint', 'dispute') AS grievance,
            (told.said ->> 'points')::int AS overall, (told.said ->> 'attitude')::int AS attitude,
            (told.said ->> 'professionalism')::int AS professionalism,
            (told.said ->> 'efficiency')::int AS efficiency, (told.said ->> 'solution')::int AS solution,
            (told.said ->> 'recommend')::int AS recommend
        FROM events JOIN cases ON cases.reference = events.stream
            CROSS JOIN LATERAL (SELECT events.body::jsonb AS said OFFSET 0) AS told
        WHERE events.type = 'SatisfactionAnswered'
            AND events.occurred_at >= :start AND events.occurred_at < :end
    )
"""

# Due in the period, open breaches among them; a promise that fell away before it was due is none. Whoever
# did it by the due moment did it in time, though it was recorded after the breach was; whom an extension
# only reached after the breach was late all the same. Where a pause hid the due moment to the last, the
# moment that it was met stands for it.
_RAN = """
    ran AS (
        SELECT cases.reference, cases.owner, cases.team, run.clock, coalesce(run.due_at, run.met_at) AS at,
            coalesce(run.met_at, run.stopped_at, :now) - run.started_at AS took,
            run.met_at IS NOT NULL AND (run.due_at IS NULL OR run.met_at <= run.due_at)
                AND (run.breached_at IS NULL OR run.met_at <= run.breached_at) AS in_time
        FROM clocks AS run JOIN cases USING (reference)
        WHERE coalesce(run.due_at, run.met_at) >= :start AND coalesce(run.due_at, run.met_at) < :end
            AND (run.stopped_at IS NULL OR run.breached_at IS NOT NULL)
    )
"""


def _content(name: str, column: str, where: str = "true") -> str:
    return (
        f"count(*) FILTER (WHERE {where} AND {column} IS NOT NULL) AS {name},"
        f" count(*) FILTER (WHERE {where} AND {column} >= {CONTENT}) AS {name}_good"
    )


_ASPECTS = ("attitude", "professionalism", "efficiency", "solution")

_SCORES = {
    by: text(
        f"""{_CASES}, {_SAID}
        SELECT {by.replace("cases.", "said.")} AS who,
            {_content("overall", "overall")}, {_content("handling", "overall", "grievance")},
            {", ".join(_content(aspect, aspect) for aspect in _ASPECTS)},
            count(*) FILTER (WHERE recommend >= {PROMOTER}) AS promoters,
            count(*) FILTER (WHERE recommend > {DETRACTOR} AND recommend < {PROMOTER}) AS passives,
            count(*) FILTER (WHERE recommend <= {DETRACTOR}) AS detractors
        FROM said GROUP BY 1
        """  # noqa: S608 - our own words and figures
    ).bindparams(bindparam("team", type_=Text))
    for by in By
}

_RUNS = {
    by: text(
        f"""{_CASES}, {_RAN}
        SELECT {by.replace("cases.", "ran.")} AS who, clock, count(*) AS n,
            count(*) FILTER (WHERE in_time) AS in_time,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY took) AS median
        FROM ran GROUP BY 1, 2
        """  # noqa: S608 - our own words
    )
    .bindparams(bindparam("team", type_=Text))
    .columns(median=Interval)
    for by in By
}

_COMPLAINTS = {
    by: text(
        f"""{_CASES}
        SELECT {by} AS who,
            count(*) FILTER (WHERE kind = 'complaint' AND received_at >= :start AND received_at < :end) AS received,
            count(*) FILTER (WHERE closed_at >= :start AND closed_at < :end) AS closed,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY closed_at - received_at)
                FILTER (WHERE closed_at >= :start AND closed_at < :end) AS median
        FROM cases
        WHERE received_at >= :start AND received_at < :end OR closed_at >= :start AND closed_at < :end
        GROUP BY 1
        """  # noqa: S608 - our own words
    )
    .bindparams(bindparam("team", type_=Text))
    .columns(median=Interval)
    for by in By
}


def _listing(statement: str) -> Any:
    return text(statement).bindparams(bindparam("team", type_=Text))


def _answers(column: str, good: int, where: str = "true") -> Any:
    return _listing(
        f"""{_CASES}, {_SAID}
        SELECT reference, owner, occurred_at AS at, {column} AS value, {column} >= {good} AS good
        FROM said WHERE {column} IS NOT NULL AND {where} ORDER BY good, at DESC, reference LIMIT :limit
        """  # noqa: S608 - our own words and figures
    )


_BEHIND: Mapping[Of, Any] = {
    Of.SATISFACTION: _answers("overall", CONTENT),
    Of.HANDLING: _answers("overall", CONTENT, "grievance"),
    **{Of(aspect): _answers(aspect, CONTENT) for aspect in _ASPECTS},
    Of.NPS: _answers("recommend", PROMOTER),
    Of.DEADLINES: _listing(
        f"""{_CASES}, {_RAN}
        SELECT reference, owner, at, took AS value, in_time AS good FROM ran WHERE clock = :clock
        ORDER BY good, at DESC, reference LIMIT :limit
        """  # noqa: S608 - our own words
    ),
    Of.RECEIVED: _listing(
        f"""{_CASES}
        SELECT reference, owner, received_at AS at, NULL AS value, true AS good FROM cases
        WHERE kind = 'complaint' AND received_at >= :start AND received_at < :end
        ORDER BY at DESC, reference LIMIT :limit
        """  # noqa: S608 - our own words
    ),
    Of.CLOSED: _listing(
        f"""{_CASES}
        SELECT reference, owner, closed_at AS at, closed_at - received_at AS value, true AS good FROM cases
        WHERE closed_at >= :start AND closed_at < :end ORDER BY value DESC, reference LIMIT :limit
        """  # noqa: S608 - our own words
    ),
}
