"""Absences and deputies over HTTP: who is away until when, and who stands in for whom."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from fastapi.openapi.models import Example
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api import duty_doing as doing
from api.deps import DepsHere
from api.duty import NumberHere, Staff, told
from api.duty_told import AbsenceBody, DeputiesBody, absence_body, deputies_body
from api.fields import Instant
from api.inputs import Input
from api.openapi import problems
from api.problems import Problem
from api.security import JSON_ONLY, StaffHere
from complaints.people.deputising import AbsenceReason

router = APIRouter(tags=["duty"])

_READ = problems(401, 403, 404, 422, 503)
_WRITE = problems(400, 401, 403, 404, 409, 413, 415, 422, 503)

StaffInPath = Annotated[Staff, Path(openapi_examples={"id": {"value": "usr_ana"}})]


class AbsenceInput(Input):
    """An absence from `begins_at`, without it from now, until `ends_at`; of `person`, without it of the caller."""

    person: Staff | None = None
    begins_at: Instant | None = None
    ends_at: Instant
    reason: AbsenceReason = AbsenceReason.OTHER


class DeputiesInput(Input):
    """The deputies, in the order in which they are asked."""

    deputies: Annotated[tuple[Staff, ...], Field(max_length=20, examples=[["usr_ben", "usr_mei"]])]


_ABSENCE: dict[str, Example] = {"example": {"value": {
    "person": "usr_ana", "begins_at": "2026-11-26T00:00:00Z", "ends_at": "2026-12-03T00:00:00Z"}}}  # fmt: skip
_DEPUTIES: dict[str, Example] = {"example": {"value": {"deputies": ["usr_ben", "usr_mei"]}}}


class AbsencesBody(BaseModel):
    """Absences that are not over, by their beginning."""

    absences: tuple[AbsenceBody, ...]


@router.get("/absences", operation_id="absences", summary="Who is away", response_model=AbsencesBody,
            responses=problems(401, 403, 422, 503))  # fmt: skip
async def absences(
    deps: DepsHere,
    caller: StaffHere,
    person: Annotated[Staff | None, Query(description="Of one person. Without it, of everybody.")] = None,
) -> Response:
    """Absences that are going on or to come."""
    plan, names = await told(deps, deps.clock.now())
    found = (one for one in plan.absences if person in (None, one.person))
    body = AbsencesBody(absences=tuple(absence_body(one, names) for one in found))
    return JSONResponse(body.model_dump(mode="json"))


@router.post("/absences", operation_id="note-absence", summary="Note an absence", status_code=201,
             response_model=AbsenceBody, responses=_WRITE, dependencies=JSON_ONLY)  # fmt: skip
async def note_absence(
    deps: DepsHere, caller: StaffHere, body: Annotated[AbsenceInput, Body(openapi_examples=_ABSENCE)]
) -> Response:
    """While somebody is away they are given no complaint, and alerts go to their deputy.

    Who: for oneself everybody; for others supervisor, department head, administrator.
    """
    noted = await doing.note_absence(
        deps, caller.actor, person=body.person or caller.actor.id, begins_at=body.begins_at or deps.clock.now(),
        ends_at=body.ends_at, reason=body.reason,
    )  # fmt: skip
    names = await deps.directory.names([noted.person])
    return JSONResponse(absence_body(noted, names).model_dump(mode="json"), 201)


@router.delete("/absences/{number}", operation_id="end-absence", summary="End an absence", status_code=204,
               response_class=Response, responses=_READ)  # fmt: skip
async def end_absence(deps: DepsHere, caller: StaffHere, number: NumberHere) -> Response:
    """They are back now; an absence that had not begun never was. Who: as for noting it."""
    await doing.end_absence(deps, caller.actor, number)
    return Response(status_code=204)


@router.get("/staff/{person}/deputies", operation_id="deputies", summary="Who stands in for a person",
            response_model=DeputiesBody, responses=_READ)  # fmt: skip
async def deputies(deps: DepsHere, caller: StaffHere, person: StaffInPath) -> Response:
    """Who is asked, in this order, while the person is away."""
    plan, names = await told(deps, deps.clock.now())
    names |= await deps.directory.names([person])
    if person not in names:
        raise Problem(404, "unknown_person", "Nobody here has this id.")
    return JSONResponse(deputies_body(person, plan, names).model_dump(mode="json"))


@router.put("/staff/{person}/deputies", operation_id="put-deputies", summary="Say who stands in for a person",
            response_model=DeputiesBody, responses=_WRITE, dependencies=JSON_ONLY)  # fmt: skip
async def put_deputies(
    deps: DepsHere,
    caller: StaffHere,
    person: StaffInPath,
    body: Annotated[DeputiesInput, Body(openapi_examples=_DEPUTIES)],
) -> Response:
    """These, in this order, and nobody else. Who: as for noting an absence."""
    await doing.set_deputies(deps, caller.actor, person, body.deputies)
    return await deputies(deps, caller, person)
