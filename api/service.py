"""What a caller may want to know of the service itself: who they are here."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

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


@router.get(
    "/me", operation_id="me", summary="Who I am", response_model=Me, responses=problems(401, 403, 503)
)
async def me(caller: CallerHere) -> Response:
    """The caller's id and roles, as the directory has them."""
    actor = caller.actor
    told = Me(id=actor.id, roles=actor.roles, supervisor=actor.supervisor, reference=caller.reference)
    return JSONResponse(told.model_dump(mode="json"))
