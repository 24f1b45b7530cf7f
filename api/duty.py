"""Duty over HTTP: who has it now, teams, rotas and their shifts, also as iCalendar, and taking duty over."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Query
from fastapi.openapi.models import Example
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api import duty_doing as doing
from api.deps import Deps, DepsHere
from api.duty_calendar import MEDIA_TYPE
from api.duty_feed import DutyFeeds
from api.duty_told import (
    DutyBody,
    NowBody,
    RotaBody,
    TakeOverBody,
    TeamBody,
    now_body,
    people_of,
    rota_body,
    take_over_body,
    team_body,
)
from api.fields import STAFF_PATTERN, Instant
from api.inputs import Input
from api.openapi import problems
from api.problems import Problem, not_well_formed
from api.security import JSON_ONLY, StaffHere
from complaints.base import Code
from complaints.people.deputising import Team
from complaints.people.duty import EARLIEST, LATEST, Handover, Rota, Title, WeeklyHours
from ledger.duty import AHEAD, DutyPlan, mark_of
from policies.arithmetic.calendars import TimeZone

router = APIRouter(tags=["duty"])


class _CodeConvertor(StringConvertor):
    """A rota's id has no dot in it: what ends in `.ics` is its calendar, and never a rota."""

    regex = "[^/.]+"


register_url_convertor("code", _CodeConvertor())

LOOKED_AHEAD = timedelta(days=14)
"""How far gaps are said before they come, and shifts shown where nobody asks for more."""
_READ = problems(401, 403, 404, 422, 503)
_WRITE = problems(400, 401, 403, 404, 409, 413, 415, 422, 503)
_CHANGE = problems(400, 401, 403, 404, 409, 412, 413, 415, 422, 503)
_END = problems(401, 403, 404, 412, 422, 503)
_CALENDAR = {MEDIA_TYPE: {"schema": {"type": "string"}}}
MOST_PEOPLE = 200
"""How many people a list of a team or rota holds at most."""


def _day(value: Any) -> Any:
    """Only a date written out: pydantic would take a bare number for seconds since 1970."""
    if isinstance(value, date) or (
        isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
    ):
        return value
    raise PydanticCustomError("day_form", "This has to be a date such as 2026-01-31")


Staff = Annotated[str, StringConstraints(strict=True, pattern=STAFF_PATTERN)]
People = Annotated[tuple[Staff, ...], Field(max_length=MOST_PEOPLE, examples=[["usr_ana", "usr_ben"]])]
Zone = Annotated[TimeZone, Field(max_length=100, examples=["Asia/Shanghai"])]
CodeHere = Annotated[Code, Path(openapi_examples={"code": {"value": "complaints-desk"}})]
NumberHere = Annotated[int, Path(ge=1, le=2**63 - 1, description="Its number in the lists.")]


async def seen_mark(
    if_match: Annotated[
        str | None,
        Header(
            pattern=r'^(\*|"[0-9a-f]{32}")$',
            description="The state you saw, as its ETag: refused with 412 if it is another by now.",
            openapi_examples={"any": {"value": "*"}},
        ),
    ] = None,
) -> str | None:
    """The state in If-Match, or None where the caller does not mind."""
    return None if if_match in (None, "*") else if_match.strip('"')


SeenHere = Annotated[str | None, Depends(seen_mark)]


class TeamInput(Input):
    """A team as it is to be. Outside `hours` its members are off duty; without, they never are."""

    title: Annotated[Title, Field(examples=["First line"])]
    timezone: Zone
    supervisor: Staff | None = None
    deputies: People = ()
    members: People = ()
    hours: WeeklyHours | None = Field(None, examples=[{"mon": [["09:00", "17:00"]]}])


class RotaInput(Input):
    """A rota as it is to be. Without `handover` its duty comes from the shifts of a calendar alone."""

    title: Annotated[Title, Field(examples=["Complaints desk"])]
    timezone: Zone
    members: People = ()
    handover: Handover | None = Field(None, examples=[{"unit": "weeks", "weekday": "mon", "at": "09:00"}])
    starts_on: Annotated[date, BeforeValidator(_day), Field(ge=EARLIEST, le=LATEST, examples=["2026-01-05"])]
    hours: WeeklyHours | None = None


class TakeOverInput(Input):
    """Duty that somebody takes over: `person`, without it the caller; `instead_of` one, without it whoever has it."""

    person: Staff | None = None
    instead_of: Staff | None = None
    begins_at: Instant
    ends_at: Instant


_TEAM: dict[str, Example] = {"example": {"value": {
    "title": "First line", "timezone": "Europe/Berlin", "supervisor": "usr_dora", "deputies": ["usr_emil"],
    "members": ["usr_ana", "usr_ben"], "hours": {"mon": [["09:00", "17:00"]]}}}}  # fmt: skip
_ROTA: dict[str, Example] = {"example": {"value": {
    "title": "Complaints desk", "timezone": "Europe/Berlin", "members": ["usr_ana", "usr_ben"],
    "handover": {"unit": "weeks", "weekday": "mon", "at": "09:00"}, "starts_on": "2026-01-05"}}}  # fmt: skip
_TAKE_OVER: dict[str, Example] = {"example": {"value": {
    "person": "usr_ben", "begins_at": "2026-11-26T09:00:00Z", "ends_at": "2026-11-27T09:00:00Z"}}}  # fmt: skip


class TeamsBody(BaseModel):
    """All teams, by title."""

    teams: tuple[TeamBody, ...]


class RotasBody(BaseModel):
    """All rotas, by title."""

    rotas: tuple[RotaBody, ...]


async def told(deps: Deps, since: datetime, until: datetime | None = None) -> tuple[DutyPlan, dict[str, str]]:
    """The plan as of a span, and the names of all it names."""
    plan = await deps.duty.plan(since, until)
    return plan, await deps.directory.names(people_of(plan))


@router.get("/duty", operation_id="duty", summary="Who is on duty", response_model=DutyBody,
            responses=problems(401, 403, 503))  # fmt: skip
async def duty(deps: DepsHere, caller: StaffHere) -> Response:
    """Who has duty by each rota now, who answers for them, and when nobody will."""
    now = deps.clock.now()
    body = DutyBody(as_of=now, rotas=await on_duty_now(deps, now))
    return JSONResponse(body.model_dump(mode="json"))


async def on_duty_now(deps: Deps, now: datetime) -> tuple[NowBody, ...]:
    """Of every rota who has it now, and its gaps of the next 14 days."""
    plan, names = await told(deps, now)
    return tuple(now_body(rota, plan, names, now, now + LOOKED_AHEAD) for rota in plan.rotas)


# Teams --------------------------------------------------------------------------------------------------


@router.get("/teams", operation_id="teams", summary="Teams", response_model=TeamsBody,
            responses=problems(401, 403, 503))  # fmt: skip
async def teams(deps: DepsHere, caller: StaffHere) -> Response:
    """Every team, with its supervisor, deputies, members and hours."""
    plan, names = await told(deps, deps.clock.now())
    body = TeamsBody(teams=tuple(team_body(team, names) for team in plan.teams))
    return JSONResponse(body.model_dump(mode="json"))


@router.get(
    "/teams/{team}", operation_id="team", summary="One team", response_model=TeamBody, responses=_READ
)
async def team_(deps: DepsHere, caller: StaffHere, team: CodeHere) -> Response:
    """One team."""
    plan, names = await told(deps, deps.clock.now())
    held = doing.team_of(plan, team)
    return JSONResponse(
        team_body(held, names).model_dump(mode="json"), headers={"ETag": f'"{mark_of(held)}"'}
    )


@router.put("/teams/{team}", operation_id="put-team", summary="Make or change a team", response_model=TeamBody,
            responses=_CHANGE, dependencies=JSON_ONLY)  # fmt: skip
async def put_team(
    deps: DepsHere,
    caller: StaffHere,
    team: CodeHere,
    seen: SeenHere,
    body: Annotated[TeamInput, Body(openapi_examples=_TEAM)],
) -> Response:
    """Make the team what the body says. Who: supervisor, department head, administrator."""
    await doing.put_team(deps, caller.actor, made(Team, team, body), seen=seen)
    return await team_(deps, caller, team)


@router.delete("/teams/{team}", operation_id="drop-team", summary="Do away with a team", status_code=204,
               response_class=Response, responses=_END)  # fmt: skip
async def drop_team(deps: DepsHere, caller: StaffHere, team: CodeHere, seen: SeenHere) -> Response:
    """Its people stay as they are. Who: as for changing it."""
    if not await doing.drop_team(deps, caller.actor, team, seen=seen):
        doing.team_of(DutyPlan(), team)
    return Response(status_code=204)


# Rotas --------------------------------------------------------------------------------------------------


@router.get("/rotas", operation_id="rotas", summary="Duty rotas", response_model=RotasBody,
            responses=problems(401, 403, 503))  # fmt: skip
async def rotas(deps: DepsHere, caller: StaffHere) -> Response:
    """Every rota, with the shifts and the gaps of the next 14 days."""
    now = deps.clock.now()
    plan, names = await told(deps, now)
    bodies = tuple(rota_body(rota, plan, names, now, now + LOOKED_AHEAD) for rota in plan.rotas)
    return JSONResponse(RotasBody(rotas=bodies).model_dump(mode="json"))


@router.get("/rotas/{rota}.ics", operation_id="rota-calendar", summary="A rota as iCalendar",
            response_class=Response, responses={200: {"content": _CALENDAR}, **_READ})  # fmt: skip
async def rota_calendar(deps: DepsHere, caller: StaffHere, rota: CodeHere) -> Response:
    """Its shifts, of the last 30 days and 400 ahead: an event for each, called after whoever has it."""
    return await _calendar(deps, rota)


@router.get("/duty/feeds/{rota}/{person}/{secret}.ics", include_in_schema=False)
async def feed(deps: DepsHere, request: Request, rota: str, person: str, secret: str) -> Response:
    """The same for a calendar program, by a secret address. Raises Problem (404) for any other."""
    deps.admission.check_network(request)
    fits = DutyFeeds(deps.settings.master_key_bytes).fits(rota, person, secret)
    if not fits or await deps.directory.person(person) is None:
        raise Problem(404)
    return await _calendar(deps, rota)


async def _calendar(deps: Deps, rota: str) -> Response:
    return Response(
        await doing.calendar(deps, rota),
        media_type=f"{MEDIA_TYPE}; charset=utf-8",
        headers={"Cache-Control": "private, no-cache"},
    )


@router.get(
    "/rotas/{rota:code}", operation_id="rota", summary="One rota", response_model=RotaBody, responses=_READ
)
async def rota_(
    deps: DepsHere,
    caller: StaffHere,
    rota: CodeHere,
    from_: Annotated[Instant | None, Query(alias="from", description="Without it, now.")] = None,
    to: Annotated[Instant | None, Query(description="Without it, 14 days later. At most 400.")] = None,
) -> Response:
    """One rota, with its shifts, gaps and take-overs between two instants."""
    begin = from_ or deps.clock.now()
    end = to or begin + LOOKED_AHEAD
    if not timedelta(0) < end - begin <= AHEAD:
        raise Problem(422, "bad_span", f"`to` has to be after `from`, at most {AHEAD.days} days.")
    plan, names = await told(deps, begin, end)
    held = doing.rota_of(plan, rota)
    body = rota_body(held, plan, names, begin, end)
    return JSONResponse(body.model_dump(mode="json"), headers={"ETag": f'"{mark_of(held)}"'})


@router.put("/rotas/{rota:code}", operation_id="put-rota", summary="Make or change a rota", response_model=RotaBody,
            responses=_CHANGE, dependencies=JSON_ONLY)  # fmt: skip
async def put_rota(
    deps: DepsHere,
    caller: StaffHere,
    rota: CodeHere,
    seen: SeenHere,
    body: Annotated[RotaInput, Body(openapi_examples=_ROTA)],
) -> Response:
    """Make the rota what the body says; its calendar's shifts and its take-overs stay. Who: as for a team."""
    await doing.put_rota(deps, caller.actor, made(Rota, rota, body), seen=seen)
    return await rota_(deps, caller, rota)


@router.delete("/rotas/{rota:code}", operation_id="drop-rota", summary="Do away with a rota", status_code=204,
               response_class=Response, responses=_END)  # fmt: skip
async def drop_rota(deps: DepsHere, caller: StaffHere, rota: CodeHere, seen: SeenHere) -> Response:
    """With its shifts and take-overs. Ladders that name it find nobody there. Who: as for changing it."""
    if not await doing.drop_rota(deps, caller.actor, rota, seen=seen):
        doing.rota_of(DutyPlan(), rota)
    return Response(status_code=204)


@router.put("/rotas/{rota}/shifts", operation_id="put-shifts", summary="Take a rota's shifts from a calendar",
            response_model=RotaBody, responses=_WRITE,
            openapi_extra={"requestBody": {"required": True, "content": _CALENDAR}})  # fmt: skip
async def put_shifts(deps: DepsHere, caller: StaffHere, request: Request, rota: CodeHere) -> Response:
    """The calendar's events become shifts from now on, up to 400 days, in place of those of the last calendar.

    An event is a member's by an ATTENDEE with their mail address, or by a SUMMARY that is their login or name. Where
    one event fits nobody, nothing is taken in, and `errors` says which do not and why. Who: as for changing the rota.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise Problem(415, detail=f"Send the calendar as {MEDIA_TYPE}.")
    await doing.take_in(deps, caller.actor, rota, await request.body())
    return await rota_(deps, caller, rota)


@router.post("/rotas/{rota}/take-overs", operation_id="take-over", summary="Take duty over", status_code=201,
             response_model=TakeOverBody, responses=_WRITE, dependencies=JSON_ONLY)  # fmt: skip
async def take_over(
    deps: DepsHere,
    caller: StaffHere,
    rota: CodeHere,
    body: Annotated[TakeOverInput, Body(openapi_examples=_TAKE_OVER)],
) -> Response:
    """Have duty in place of whoever has it. A member takes it over; who plans duty gives it to anybody."""
    taken = await doing.take_over(
        deps, caller.actor, rota, person=body.person or caller.actor.id, begins_at=body.begins_at,
        ends_at=body.ends_at, instead_of=body.instead_of,
    )  # fmt: skip
    names = await deps.directory.names([taken.person, *([taken.instead_of] if taken.instead_of else [])])
    return JSONResponse(take_over_body(taken, names).model_dump(mode="json"), 201)


@router.delete("/rotas/{rota}/take-overs/{number}", operation_id="give-back", summary="Give duty back",
               status_code=204, response_class=Response, responses=_READ)  # fmt: skip
async def give_back(deps: DepsHere, caller: StaffHere, rota: CodeHere, number: NumberHere) -> Response:
    """The plan holds again from now on. Who: whoever took it over, and who plans duty."""
    await doing.give_back(deps, caller.actor, rota, number)
    return Response(status_code=204)


def made(model: type[Any], id_: str, body: Input) -> Any:
    """What was sent as a thing of the plan. Raises Problem (422) for what fits no such thing."""
    try:
        return model(id=id_, **dict(body))
    except ValidationError as error:
        raise not_well_formed(
            [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        ) from None
