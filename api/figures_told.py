"""Figures as they are told: a pack's targets, what customers said, promises kept, teams, people, and warnings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

from pydantic import AwareDatetime, BaseModel, Field

from api.deps import Deps
from api.problems import Problem
from complaints.base import Actor
from ledger.figures import By, Of, Scope, counted, tallies
from ledger.figures_given import Supplied, WarningRaised, supplied, warnings
from policies.measures import (
    CHANGES,
    Figure,
    Period,
    Runs,
    Share,
    Tallies,
    Verdict,
    judged,
    measured,
    minutes,
    promoter_score,
    share,
)
from policies.pack import Measure, Pack, Target
from policies.vocabulary import Role

LEADERS = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD, Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR})
"""Who sees the figures of other people than themselves and their team, and enters what the record does not have."""
_ASPECTS: Mapping[Of, Measure] = {
    Of.SATISFACTION: Measure.SATISFACTION,
    Of.HANDLING: Measure.SATISFACTION_HANDLING,
    Of.ATTITUDE: Measure.SATISFACTION_ATTITUDE,
    Of.PROFESSIONALISM: Measure.SATISFACTION_PROFESSIONALISM,
    Of.EFFICIENCY: Measure.SATISFACTION_EFFICIENCY,
}


_CASES = "Where the complaints behind it are listed."


class MeasuredBody(BaseModel):
    """A figure. `low` and `high` hold at 95 % what it may in truth be; null where no interval belongs to it."""

    value: float | None = Field(description="Null where there was nothing to measure.")
    n: int | None = Field(description="How many it rests on; null where it was entered by hand.")
    low: float | None
    high: float | None


class EnteredBody(BaseModel):
    """Where a figure comes from that somebody entered."""

    from_: date = Field(serialization_alias="from")
    to: date
    note: str
    by: str = Field(description="A staff id.")
    at: AwareDatetime


class TargetBody(MeasuredBody):
    """How one target stands."""

    target: str
    title: dict[str, str]
    measure: Measure
    clock: str | None
    unit: str = Field(description="percent, minutes or points.")
    at_least: int | None
    at_most: int | None
    basis: str
    source: str
    verdict: Verdict
    before: MeasuredBody = Field(description="The same over as many days before.")
    entered: EnteredBody | None
    cases: str | None = Field(description=_CASES)


class ScoresBody(MeasuredBody):
    """What customers said: the share of content ones, or the net promoter score."""

    of: Of
    cases: str = Field(description=_CASES)


class ClockFigures(MeasuredBody):
    """Promises that came due: in per cent those kept in time, open breaches among the others."""

    clock: str
    title: dict[str, str]
    in_time: int
    median_minutes: float | None = Field(description="How long they took, elapsed; open ones so far.")
    cases: str = Field(description=_CASES)


class GroupBody(BaseModel):
    """A team or a person: what was theirs in the period, and which of the pack's targets they keep and miss."""

    who: str = Field(description="A staff id: of a person, or of the supervisor of a team; empty for nobody.")
    received: int
    closed: int
    satisfaction: MeasuredBody
    in_time: MeasuredBody
    met: tuple[str, ...]
    missed: tuple[str, ...]
    named: bool = Field(description="Every target that can be judged is met, and there is one.")


class WarnedBody(BaseModel):
    """A warning that was raised and sent to those who lead."""

    target: str
    on: date
    why: str
    value: float
    before: float | None


class FiguresBody(BaseModel):
    """The figures of a pack over some days of its own zone."""

    pack: str
    version: int
    title: dict[str, str]
    timezone: str
    from_: date = Field(serialization_alias="from")
    to: date
    as_of: AwareDatetime
    team: str | None
    received: int
    targets: tuple[TargetBody, ...]
    scores: tuple[ScoresBody, ...]
    clocks: tuple[ClockFigures, ...]
    teams: tuple[GroupBody, ...]
    people: tuple[GroupBody, ...] = Field(description="Empty for those who do not lead.")
    warnings: tuple[WarnedBody, ...]


class Cases(Protocol):
    """Makes the address at which the complaints behind a figure are listed."""

    def __call__(self, of: Of, clock: str | None = None) -> str: ...


def require_theirs(actor: Actor, team: str | None) -> None:
    """Others' figures are for those who lead. Raises Problem (403)."""
    if team is not None and team not in (actor.id, actor.supervisor) and not actor.has(*LEADERS):
        raise Problem(
            403, "not_allowed", "You see your own figures, your team's and all together; those of others are"
            " for supervisors, department heads, compliance officers and administrators.",
        )  # fmt: skip


async def figures_of(deps: Deps, actor: Actor, pack: Pack, period: Period, team: str | None) -> FiguresBody:
    """The whole of a pack's figures for this reader. Raises Problem (403)."""
    require_theirs(actor, team)
    now = deps.clock.now()
    scope = Scope.of(pack, period, now, team)
    async with deps.reading.connect() as conn:
        told, before = [await counted(conn, pack, days, now, team=team) for days in (period, period.before)]
        before_that = Tallies()
        if any(target.measure in CHANGES for target in pack.targets):
            before_that = await counted(conn, pack, period.before.before, now, team=team)
        entered = {} if team else await supplied(conn, pack.name, period)
        raised = await warnings(conn, pack.name, period)
        teams = await tallies(conn, scope, By.TEAM)
        people = await tallies(conn, scope, By.PERSON) if actor.has(*LEADERS) else {}

    def cases(of: Of, clock: str | None = None) -> str:
        more = (f"&clock={clock}" if clock else "") + (f"&team={team}" if team else "")
        return f"/figures/{pack.name}/complaints/{of}?from={period.first}&to={period.last}{more}"

    return FiguresBody(
        pack=pack.name, version=pack.version, title=pack.title, timezone=pack.timezone, from_=period.first,
        to=period.last, as_of=now, team=team, received=told.received,
        targets=tuple(
            _target(one, (told, before, before_that), entered.get(one.id), cases) for one in pack.targets
        ),
        scores=_scores(told, cases),
        clocks=tuple(
            _clock(rule.id, rule.title, told.runs[rule.id], cases) for rule in pack.clocks if rule.id in told.runs
        ),
        teams=_groups(pack, teams),
        people=_groups(pack, people),
        warnings=tuple(_warned(one) for one in raised),
    )  # fmt: skip


# From counts to bodies ---------------------------------------------------------------------------------


def _shown(figure: Figure) -> dict[str, Any]:
    value = None if figure.value is None else float(figure.value)
    return {"value": value, "n": figure.n, "low": figure.low, "high": figure.high}


def _target(
    target: Target, told: tuple[Tallies, Tallies, Tallies], entered: Supplied | None, cases: Cases
) -> TargetBody:
    now, before, earlier = told
    figure = measured(target, now, before)
    of = Of.target(target)
    return TargetBody(
        **_shown(figure), target=target.id, title=target.title, measure=target.measure, clock=target.clock,
        unit=target.unit, at_least=target.at_least, at_most=target.at_most, basis=target.basis,
        source=f"{target.source.document}, {target.source.section}", verdict=judged(target, figure),
        before=MeasuredBody(**_shown(measured(target, before, earlier))),
        entered=None if entered is None or of is not None else EnteredBody(
            from_=entered.first_day, to=entered.last_day, note=entered.note, by=entered.entered_by,
            at=entered.entered_at,
        ),
        cases=None if of is None else cases(of, target.clock if of is Of.DEADLINES else None),
    )  # fmt: skip


def _scores(told: Tallies, cases: Cases) -> tuple[ScoresBody, ...]:
    shares = {name: told.scores.get(measure, Share()) for name, measure in _ASPECTS.items()}
    found = {name: share(counted_) for name, counted_ in (shares | {Of.SOLUTION: told.solution}).items()}
    found[Of.NPS] = promoter_score(told.votes)
    return tuple(ScoresBody(of=name, cases=cases(name), **_shown(figure)) for name, figure in found.items())


def _clock(clock: str, title: dict[str, str], runs: Runs, cases: Cases) -> ClockFigures:
    took = minutes(runs.n, runs.median).value
    return ClockFigures(
        **_shown(share(Share(runs.in_time, runs.n))), clock=clock, title=title, in_time=runs.in_time,
        median_minutes=None if took is None else float(took), cases=cases(Of.DEADLINES, clock),
    )  # fmt: skip


def _groups(pack: Pack, told: Mapping[str, Tallies]) -> tuple[GroupBody, ...]:
    """By id, never by rank: a list by speed would reward haste."""
    return tuple(_group(pack, who, told[who]) for who in sorted(told))


def _group(pack: Pack, who: str, told: Tallies) -> GroupBody:
    theirs = [one for one in pack.targets if one.measure not in CHANGES | {Measure.SUPPLIED}]
    verdicts = {one.id: judged(one, measured(one, told, Tallies())) for one in theirs}
    met, missed = _of(verdicts, Verdict.MET), _of(verdicts, Verdict.MISSED)
    runs = told.runs.values()
    kept = Share(sum(run.in_time for run in runs), sum(run.n for run in runs))
    return GroupBody(
        who=who, received=told.received, closed=told.closed,
        satisfaction=MeasuredBody(**_shown(share(told.scores.get(Measure.SATISFACTION, Share())))),
        in_time=MeasuredBody(**_shown(share(kept))), met=met, missed=missed,
        named=bool(met) and not missed and who != "",
    )  # fmt: skip


def _of(verdicts: Mapping[str, Verdict], wanted: Verdict) -> tuple[str, ...]:
    return tuple(target for target, verdict in verdicts.items() if verdict is wanted)


def _warned(raised: WarningRaised) -> WarnedBody:
    before = None if raised.value_before is None else float(raised.value_before)
    return WarnedBody(
        target=raised.target, on=raised.raised_on, why=raised.why, value=float(raised.value), before=before
    )
