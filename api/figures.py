"""Figures over HTTP: how each target of a pack stands in a period, and entering what no record has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Body, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse, Response

from api.deps import Deps, DepsHere
from api.fields import STAFF_PATTERN, TEXT_PATTERN, Code
from api.figures_told import LEADERS, FiguresBody, figures_of, require_theirs
from api.inputs import Input
from api.openapi import problems
from api.problems import Problem
from api.security import JSON_ONLY, CallerHere, StaffHere
from complaints.base import Actor
from ledger.directory import Bearer
from ledger.figures import Behind, Of, Scope, behind
from ledger.figures_given import Supplied, supply
from ledger.packs import in_force
from policies.measures import (
    Figure,
    Period,
    Verdict,
    judged,
)
from policies.pack import Measure, Pack, Target

router = APIRouter(tags=["figures"], dependencies=JSON_ONLY)

DAYS = 30
"""How many days are shown where nobody asks for others: up to today, which is still going on."""
LONGEST = 1100
"""Days of the longest period: three years, and some to compare."""
LISTED = 200
"""How many complaints are named behind a figure."""
_EARLIEST, _LATEST = date(1970, 1, 1), date(2199, 12, 31)
_LONGEST_NOTE = 500


def _iso(value: Any) -> Any:
    """Only a date written out: pydantic would take a bare number for seconds since 1970."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise PydanticCustomError("day_form", "This has to be a date such as 2026-01-31")
    return value


Day = Annotated[date, BeforeValidator(_iso), Field(examples=["2026-01-31"])]
StaffAsked = Annotated[str, StringConstraints(pattern=STAFF_PATTERN)]
PackName = Annotated[str, Path(max_length=100, description="A published pack.", examples=["retail-2025"])]
TargetId = Annotated[str, Path(max_length=100, description="One of the pack's targets.")]


# What is told --------------------------------------------------------------------------------------------


class CasesBody(BaseModel):
    """The complaints behind a figure: those that speak against it first, then the latest."""

    pack: str
    of: Of
    complaints: tuple[Behind, ...]


class SuppliedBody(BaseModel):
    """A figure as it was entered."""

    pack: str
    target: str
    from_: date = Field(serialization_alias="from")
    to: date
    value: float
    note: str
    by: str
    at: AwareDatetime
    verdict: Verdict


# What is asked -------------------------------------------------------------------------------------------


class Asked(BaseModel):
    """Which days and whose."""

    model_config = ConfigDict(extra="forbid")

    from_: Day | None = Field(None, alias="from", description="The first day; else 30 days up to the last.")
    to: Day | None = Field(None, description="The last day, included; else today in the pack's zone.")
    team: StaffAsked | None = Field(
        None, description="A staff id: that person's complaints, and those of whom they supervise."
    )


class AskedCases(Asked):
    """Which days and whose, and of which clock."""

    clock: Code | None = Field(None, description="A clock of the pack, for deadlines.")


_AN_ENTRY = {
    "from": "2025-09-01",
    "to": "2025-09-30",
    "value": 87.5,
    "note": "From the membership accounts.",
}


class SuppliedInput(Input):
    """A figure of the organisation's own, for the days from `from` to `to`, both included."""

    from_: Day = Field(alias="from")
    to: Day
    value: Annotated[float, Field(strict=True, ge=-1e9, le=1e9, allow_inf_nan=False)]
    note: Annotated[
        str, StringConstraints(strict=True, min_length=1, max_length=_LONGEST_NOTE, pattern=TEXT_PATTERN)
    ] = Field(description="Where it comes from. Name nobody.", examples=["From the membership accounts."])


async def leader(caller: CallerHere) -> Bearer:
    """Who may enter figures. Raises Problem (403)."""
    if not caller.actor.has(*LEADERS):
        who = "supervisor, department head, compliance officer, administrator"
        raise Problem(403, "not_allowed", f"Figures are entered by: {who}.", who=who)
    return caller


LeaderHere = Annotated[Bearer, Depends(leader)]


@router.get("/figures/{pack}", operation_id="figures", summary="How a pack's targets stand",
            response_model=FiguresBody, responses=problems(401, 403, 404, 422, 503))  # fmt: skip
async def figures(
    deps: DepsHere, caller: StaffHere, pack: PackName, asked: Annotated[Asked, Query()]
) -> Response:
    """Every target of the pack in force over some days, with how many it rests on, an interval and the days before.

    Who: staff. The figures of other teams and people are for those who lead.
    """
    held = await pack_of(deps, pack)
    told = await figures_of(deps, caller.actor, held, period_of(deps, held, asked), asked.team)
    return JSONResponse(told.model_dump(mode="json", by_alias=True))


@router.get("/figures/{pack}/complaints/{of}", operation_id="figure-complaints",
            summary="The complaints behind a figure", response_model=CasesBody,
            responses=problems(401, 403, 404, 422, 503))  # fmt: skip
async def cases(
    deps: DepsHere, caller: StaffHere, pack: PackName, of: Of, asked: Annotated[AskedCases, Query()]
) -> Response:
    """At most 200 complaints, by reference. `deadlines` are those of one clock of the pack."""
    held = await pack_of(deps, pack)
    found = await cases_of(deps, caller.actor, held, of, asked)
    return JSONResponse(CasesBody(pack=pack, of=of, complaints=found).model_dump(mode="json"))


@router.put("/figures/{pack}/{target}", operation_id="supply-figure", summary="Enter a figure",
            response_model=SuppliedBody, responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503))  # fmt: skip
async def enter(
    deps: DepsHere,
    caller: LeaderHere,
    pack: PackName,
    target: TargetId,
    body: Annotated[SuppliedInput, Body(openapi_examples={"example": {"value": _AN_ENTRY}})],
) -> Response:
    """A figure that stands in no record of ours (customers who stay, say). Each entry is kept, the latest shown.

    Who: supervisor, department head, compliance officer, administrator.
    """
    held = await pack_of(deps, pack)
    of = target_of(held, target)
    entered = await supply_figure(deps, caller.actor, held, of, body)
    verdict = judged(of, Figure(Fraction(entered.value), None))
    told = SuppliedBody(
        pack=pack, target=target, from_=entered.first_day, to=entered.last_day, value=float(entered.value),
        note=entered.note, by=entered.entered_by, at=entered.entered_at, verdict=verdict,
    )  # fmt: skip
    return JSONResponse(told.model_dump(mode="json", by_alias=True))


# What is done, for programs and for the desk ------------------------------------------------------------


async def packs_in_force(deps: Deps) -> Sequence[Pack]:
    """Of each published pack the version that holds today, by name."""
    return in_force(await deps.packs.all(), deps.clock.now())


async def pack_of(deps: Deps, name: str) -> Pack:
    """The version of a pack that holds today. Raises Problem (404)."""
    for at_once in (False, True):
        for pack in in_force(await deps.packs.all(at_once=at_once), deps.clock.now()):
            if pack.name == name:
                return pack
    raise Problem(404, "unknown_pack", "No pack of this name holds today; /packs lists those published.")


def target_of(pack: Pack, target: str) -> Target:
    """A target of the pack. Raises Problem (404)."""
    found = next((one for one in pack.targets if one.id == target), None)
    if found is None:
        there_are = ", ".join(one.id for one in pack.targets) or "none"
        raise Problem(404, "unknown_target", f"The pack has no such target. It has: {there_are}.")
    return found


def period_of(deps: Deps, pack: Pack, asked: Asked) -> Period:
    """The days asked for. Raises Problem (422)."""
    last = asked.to or deps.clock.now().astimezone(ZoneInfo(pack.timezone)).date()
    days_before = timedelta(days=DAYS - 1)
    first = asked.from_ or (last - days_before if last - date.min >= days_before else last)
    return _in_range(first, last)


def _in_range(first: date, last: date) -> Period:
    if not (_EARLIEST <= first <= last <= _LATEST) or (last - first).days >= LONGEST:
        raise Problem(
            422, "bad_period",
            f"The first day has to be on or before the last, at most {LONGEST} days apart, in the years 1970 to 2199.",
        )  # fmt: skip
    return Period(first, last)


async def cases_of(deps: Deps, actor: Actor, pack: Pack, of: Of, asked: AskedCases) -> tuple[Behind, ...]:
    """The complaints behind a figure. Raises Problem (403, 404, 422)."""
    require_theirs(actor, asked.team)
    if of is Of.DEADLINES and asked.clock not in {rule.id for rule in pack.clocks}:
        raise Problem(404, "unknown_clock", "Name one of the pack's clocks; /packs lists them.")
    scope = Scope.of(pack, period_of(deps, pack, asked), deps.clock.now(), asked.team)
    async with deps.reading.connect() as conn:
        return await behind(conn, scope, of, asked.clock, LISTED)


async def supply_figure(
    deps: Deps, actor: Actor, pack: Pack, target: Target, sent: SuppliedInput
) -> Supplied:
    """Enter a figure. Raises Problem: 409 for one that is measured, 422 for days that are none."""
    if target.measure is not Measure.SUPPLIED:
        raise Problem(
            409, "is_measured", "This figure is measured from the record, and can not be entered by hand."
        )
    period = _in_range(sent.from_, sent.to)
    now = deps.clock.now()
    if period.last > now.astimezone(ZoneInfo(pack.timezone)).date():
        raise Problem(422, "bad_period", "These days are not over yet; enter the figure when they are.")
    entered = Supplied(
        pack=pack.name, target=target.id, first_day=period.first, last_day=period.last,
        value=Decimal(repr(sent.value)).quantize(Decimal("0.000001")), note=sent.note,
        entered_by=actor.id, entered_at=now,
    )  # fmt: skip
    async with deps.sql.begin() as conn:
        await supply(conn, entered)
    return entered
