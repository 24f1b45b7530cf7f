"""What a caller may want to know of the service itself: who they are here, and which packs are published."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from api.deps import DepsHere
from api.openapi import problems
from api.security import CallerHere
from policies.vocabulary import Role

router = APIRouter(tags=["service"])


class Me(BaseModel):
    """Who the token belongs to. `reference` is set where it opens one complaint only."""

    id: str
    roles: tuple[Role, ...]
    supervisor: str | None
    reference: str | None


class PackBody(BaseModel):
    """One published version of a pack."""

    name: str
    version: int
    digest: str
    title: dict[str, str]
    holds_from: date
    timezone: str
    clocks: tuple[str, ...]


class PacksBody(BaseModel):
    packs: tuple[PackBody, ...]


@router.get("/me", operation_id="me", summary="Who I am", response_model=Me, responses=problems(401, 503))
async def me(caller: CallerHere) -> Response:
    """The caller's id and roles, as the directory has them."""
    actor = caller.actor
    told = Me(id=actor.id, roles=actor.roles, supervisor=actor.supervisor, reference=caller.reference)
    return JSONResponse(told.model_dump(mode="json"))


@router.get(
    "/packs",
    operation_id="packs",
    summary="Published packs",
    response_model=PacksBody,
    responses=problems(401, 503),
)
async def packs(deps: DepsHere, caller: CallerHere) -> Response:
    """Every version that was published. A complaint stays with the one it was received under."""
    told = tuple(
        PackBody(
            name=pack.name, version=pack.version, digest=pack.digest, title=pack.title, holds_from=pack.holds_from,
            timezone=pack.timezone, clocks=tuple(rule.id for rule in pack.clocks),
        )
        for pack in await deps.packs.all()
    )  # fmt: skip
    return JSONResponse(PacksBody(packs=told).model_dump(mode="json"))
