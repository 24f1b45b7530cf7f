"""The figures page: how a pack's targets stand, each with n, interval and cases; and entering what no record has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field, ValidationError
from starlette.responses import RedirectResponse, Response

from api.deps import Deps, DepsHere
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere
from api.desk.times import Face, span
from api.figures import (
    LISTED,
    Asked,
    AskedCases,
    StaffAsked,
    SuppliedInput,
    cases_of,
    pack_of,
    packs_in_force,
    period_of,
    supply_figure,
    target_of,
)
from api.figures_told import (
    LEADERS,
    ClockFigures,
    GroupBody,
    MeasuredBody,
    TargetBody,
    figures_of,
)
from api.problems import Problem
from ledger.directory import Session
from ledger.figures import Behind, Of
from policies.measures import FEWEST_ANSWERS, SURVEYS, Verdict, fall_of, spelled, wanted
from policies.pack import Measure, Pack, Target

router = APIRouter(include_in_schema=False)

_VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.MET: ("met", "Met"),
    Verdict.MISSED: ("overdue", "Missed"),
    Verdict.TOO_FEW: ("stopped", "Too few to judge"),
    Verdict.UNKNOWN: ("stopped", "Not known"),
}
"""Each with the state it is drawn as, and its word."""
_OF: Mapping[Of, str] = {
    Of.SATISFACTION: "Content on the whole (4 or 5 of 5)",
    Of.HANDLING: "Content with how a complaint was handled",
    Of.ATTITUDE: "Content with the way they were treated",
    Of.PROFESSIONALISM: "Content with how well we knew our work",
    Of.EFFICIENCY: "Content with how quickly we worked",
    Of.SOLUTION: "Content with how far the problem is solved",
    Of.NPS: "Net promoter score (would recommend us, less would not)",
    Of.DEADLINES: "Deadlines",
    Of.RECEIVED: "Complaints received",
    Of.CLOSED: "Complaints closed",
}
_WARNED = {"missed": "missed", "falling": "still met, but falling"}


class AskedPage(Asked):
    """The address of the page: which pack besides."""

    pack: Annotated[str, Field(max_length=100)] | None = None
    # A form sends the choice of nobody in particular as an empty value.
    team: Annotated[StaffAsked | None, BeforeValidator(lambda sent: sent or None)] = None
    entered: bool = False


class AskedList(AskedCases):
    """The address of the list behind a figure."""

    pack: Annotated[str, Field(max_length=100)]
    of: Of


@dataclass(frozen=True)
class Row:
    """One figure as the page shows it; nothing but words. `cases` is the address of its complaints."""

    title: str
    value: str
    interval: str
    n: str
    before: str = ""
    asked: str = ""
    source: str = ""
    state: str = ""
    word: str = ""
    note: str = ""
    cases: str = ""


@dataclass(frozen=True)
class GroupRow:
    """A team or a person as the page shows it."""

    who: str
    name: str
    received: int
    closed: int
    content: str
    in_time: str
    missed: str
    named: bool
    address: str


@dataclass(frozen=True)
class Typed:
    """A figure that was sent and not taken: what was typed, and why it was not."""

    given: Mapping[str, str]
    trouble: str
    status: int


@router.get("/desk/figures")
async def show(deps: DepsHere, session: SessionHere, asked: Annotated[AskedPage, Query()]) -> Response:
    """The pack that was asked for, or the usual one, or the first that has targets."""
    pack = await _chosen(deps, asked.pack)
    return await _page(deps, session, pack, asked)


async def _chosen(deps: Deps, name: str | None) -> Pack:
    if name is not None:
        return await pack_of(deps, name)
    packs = await packs_in_force(deps)
    if not packs:
        raise Problem(404, "unknown_pack", "No pack holds today; publish one first.")
    usual = [pack for pack in packs if pack.name == deps.settings.pack and pack.targets]
    return next((pack for pack in (*usual, *packs) if pack.targets), packs[0])


async def _page(
    deps: Deps, session: Session, pack: Pack, asked: AskedPage, *, typed: Typed | None = None
) -> Response:
    told = await figures_of(deps, session.actor, pack, period_of(deps, pack, asked), asked.team)
    staff = await deps.directory.everyone()
    names = {member.id: member.name for member in staff}
    goals = {target.id: target for target in pack.targets}
    leads = session.actor.has(*LEADERS)
    around = {"pack": pack.name, "from": str(told.from_), "to": str(told.to)}
    if leads:
        choices = sorted({m.id for m in staff if m.active}, key=lambda id_: names[id_])
    else:
        choices = [id_ for id_ in (session.actor.id, session.actor.supervisor) if id_ is not None]
    return page(
        "figures.html",
        typed.status if typed else 200,
        session=session,
        face=Face(pack.timezone, told.as_of),
        packs=[
            (
                one.name,
                one.title["en"],
                f"/desk/figures?{urlencode({'pack': one.name})}",
                one.name == pack.name,
            )
            for one in await packs_in_force(deps)
        ],
        told=told,
        days=(told.to - told.from_).days + 1,
        whose=names.get(asked.team, "Somebody who has left") if asked.team else "",
        everybody=f"/desk/figures?{urlencode(around)}",
        again=f"/desk/figures?{urlencode({**around, **({'team': told.team} if told.team else {})})}",
        owners=[(id_, names.get(id_, "Somebody who has left")) for id_ in choices],
        targets=[_target(goals[one.target], one, names, around) for one in told.targets],
        scores=[
            Row(
                _OF[one.of],
                _percent(one, one.of),
                _interval(one, one.of),
                _n(one.n),
                cases=_listed(one.cases, pack),
            )
            for one in told.scores
        ],
        clocks=[_clock(one, pack) for one in told.clocks],
        teams=[_group(one, names, goals, around, team=True) for one in told.teams],
        people=[_group(one, names, goals, around, team=False) for one in told.people],
        warnings=[
            (
                one.on,
                goals[one.target].title["en"],
                _WARNED[one.why],
                spelled(goals[one.target], Fraction(one.value)),
            )
            for one in told.warnings
            if one.target in goals
        ],
        by_hand=[target for target in pack.targets if target.measure is Measure.SUPPLIED] if leads else [],
        typed=typed,
        given=typed.given if typed else {},
        entered=asked.entered,
        fewest=FEWEST_ANSWERS,
        surveys=any(target.measure in SURVEYS for target in pack.targets),
        falls=sorted({fall_of(target) for target in pack.targets}),
    )


@router.get("/desk/figures/complaints")
async def behind(deps: DepsHere, session: SessionHere, asked: Annotated[AskedList, Query()]) -> Response:
    """The complaints behind a figure: those that speak against it first."""
    pack = await pack_of(deps, asked.pack)
    found = await cases_of(deps, session.actor, pack, asked.of, asked)
    period = period_of(deps, pack, asked)
    names = {member.id: member.name for member in await deps.directory.everyone()}
    face = Face(pack.timezone, deps.clock.now())
    back = {"pack": pack.name, "from": str(period.first), "to": str(period.last)}
    back |= {"team": asked.team} if asked.team else {}
    title = pack.clock(asked.clock).title["en"] if asked.of is Of.DEADLINES and asked.clock else _OF[asked.of]
    return page(
        "figure_cases.html",
        session=session,
        face=face,
        title=title,
        pack=pack,
        period=period,
        whose=names.get(asked.team, "Somebody who has left") if asked.team else "",
        back=f"/desk/figures?{urlencode(back)}",
        rows=[(one, names.get(one.owner or "", "Nobody"), *_said(one, asked.of)) for one in found],
        more=len(found) == LISTED,
    )


@router.post("/desk/figures/{pack}")
async def enter(deps: DepsHere, session: SessionHere, form: FormHere, pack: str) -> Response:
    """A figure that was entered. What can not be taken comes back with what was typed."""
    held = await pack_of(deps, pack)
    if not session.actor.has(*LEADERS):
        raise Problem(403, "not_allowed", "Figures are entered by those who lead; ask your supervisor.")
    given = {name: str(form.get(name, "")).strip() for name in ("target", "from", "to", "value", "note")}
    asked = AskedPage()

    async def back(trouble: str, status: int = 422) -> Response:
        return await _page(deps, session, held, asked, typed=Typed(given, trouble, status))

    try:
        value = float(given["value"].replace(",", "."))
        days = {name: given[name] for name in ("from", "to", "note")}
        sent = SuppliedInput.model_validate({**days, "value": value})
    except (ValueError, ValidationError):
        return await back("Give both days, the figure as a number, and where it comes from.")
    try:
        await supply_figure(deps, session.actor, held, target_of(held, given["target"]), sent)
    except Problem as problem:
        return await back(problem.detail, problem.status)
    query = urlencode({"pack": held.name, "from": str(sent.from_), "to": str(sent.to), "entered": "true"})
    return RedirectResponse(f"/desk/figures?{query}#done", 303)


# Figures in words -----------------------------------------------------------------------------------------


def _target(target: Target, told: TargetBody, names: Mapping[str, str], around: Mapping[str, str]) -> Row:
    state, word = _VERDICTS[told.verdict]
    note = ""
    if told.entered is not None:
        by = names.get(told.entered.by, "somebody who has left")
        note = f"For {told.entered.from_} to {told.entered.to}, entered by {by}: {told.entered.note}"
    return Row(
        title=target.title["en"],
        value="–" if told.value is None else spelled(target, Fraction(told.value)),
        interval=_bounds(told.low, told.high, " points" if target.unit == "points" else " %"),
        n="–" if told.value is None and told.n is None else _n(told.n),
        before="–" if told.before.value is None else spelled(target, Fraction(told.before.value)),
        asked=wanted(target),
        source=told.source,
        state=state,
        word=word,
        note=note,
        cases="" if told.cases is None else _listed(told.cases, around["pack"]),
    )


def _clock(told: ClockFigures, pack: Pack) -> Row:
    took = "–" if told.median_minutes is None else span(timedelta(minutes=told.median_minutes))
    return Row(
        title=told.title["en"],
        value=_percent(told),
        interval=_interval(told),
        n=f"{told.in_time} of {told.n}",
        note=took,
        cases=_listed(told.cases, pack),
    )


def _group(
    told: GroupBody,
    names: Mapping[str, str],
    goals: Mapping[str, Target],
    around: Mapping[str, str],
    *,
    team: bool,
) -> GroupRow:
    nobody = "No team" if team else "Nobody"
    return GroupRow(
        who=told.who,
        name=names.get(told.who, "Somebody who has left") if told.who else nobody,
        received=told.received,
        closed=told.closed,
        content=_with_n(told.satisfaction),
        in_time=_with_n(told.in_time),
        missed=", ".join(goals[target].title["en"] for target in told.missed),
        named=told.named,
        address=f"/desk/figures?{urlencode({**around, 'team': told.who})}" if told.who else "",
    )


def _listed(address: str, pack: Pack | str) -> str:
    """The desk's own address for the API's list of the complaints behind a figure."""
    path, _, query = address.partition("?")
    name = pack if isinstance(pack, str) else pack.name
    return f"/desk/figures/complaints?{urlencode({'pack': name, 'of': path.rpartition('/')[2]})}&{query}"


def _percent(told: MeasuredBody, of: Of | None = None) -> str:
    if told.value is None:
        return "–"
    return f"{told.value:+.0f}".replace("-", "−") if of is Of.NPS else f"{told.value:.1f} %"


def _interval(told: MeasuredBody, of: Of | None = None) -> str:
    return _bounds(told.low, told.high, "" if of is Of.NPS else " %")


def _bounds(low: float | None, high: float | None, unit: str) -> str:
    if low is None or high is None:
        return ""
    return f"{low:.0f} to {high:.0f}{unit}".replace("-", "−")


def _n(n: int | None) -> str:
    return "entered" if n is None else str(n)


def _with_n(told: MeasuredBody) -> str:
    return "–" if told.value is None else f"{told.value:.0f} % of {told.n}"


def _said(one: Behind, of: Of) -> Sequence[Any]:
    """What the complaint has to do with the figure, in a word or two, and how that is drawn."""
    match of:
        case Of.RECEIVED:
            return "Received", ""
        case Of.CLOSED:
            return f"Closed after {span(timedelta(minutes=one.value or 0))}", ""
        case Of.DEADLINES:
            took = span(timedelta(minutes=one.value or 0))
            return (f"In time, after {took}", "") if one.good else (f"Not in time: {took}", "overdue")
        case Of.NPS:
            return f"{one.value:.0f} of 10", ""
        case _:
            return f"{one.value:.0f} of 5", ""
