"""What moving a complaint to another pack version would do to its deadlines, seen before it is done."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.deps import Deps, DepsHere
from api.fields import Code
from api.openapi import problems
from api.packs import ref_of
from api.problems import Problem
from api.reads import folded
from api.security import ComplaintHere, StaffHere
from complaints.base import Actor, Order, PackRef, TextRef
from complaints.chapters.migration import ClockChange, MigratePack, preview
from complaints.lifecycle import decide, due, fold
from policies.pack import Pack

router = APIRouter(tags=["complaints"])

_UNWRITTEN = TextRef(id="preview", digest="0" * 64)
"""Stands for the reason, which is not given yet."""


class MigrationBody(BaseModel):
    """What a move to another pack would change. `clocks`: those that run before or after it."""

    reference: str
    version: int = Field(description="The version of the complaint that this was worked out from.")
    held: PackRef = Field(description="The pack that the complaint is under now.")
    to: PackRef
    clocks: tuple[ClockChange, ...]


async def previewed(deps: Deps, actor: Actor, reference: str, to: Pack) -> MigrationBody:
    """What a migration by this person would do now. Raises Refused where it may not be, Problem (404, 503)."""
    case, _ = await folded(deps, reference)
    pack, now = await deps.packs.of(case.pack), deps.clock.now()
    if passed := due(pack, case, now):
        case = fold(passed, case)
    body = MigratePack(pack=ref_of(to), reason=_UNWRITTEN)
    order = Order(id="preview", actor=actor, body=body, at=now)
    migrated = fold(decide(pack, case, order, other=to), case)
    after = fold(found, migrated) if (found := due(to, migrated, now)) else migrated
    return MigrationBody(
        reference=reference, version=case.version, held=case.pack, to=ref_of(to), clocks=preview(case, after)
    )


async def pack_asked(deps: Deps, name: str, version: int | None) -> Pack:
    """The published pack of this name; without a version, the one that holds now. Raises Problem (404)."""
    found = await deps.packs.named(name, version, deps.clock.now())
    if found is None:
        raise Problem(404, "unknown_pack", "No pack of this name and version is published.")
    return found


@router.get("/complaints/{reference}/migration", operation_id="preview-migration",
            summary="What another pack would change", response_model=MigrationBody,
            responses=problems(401, 403, 404, 409, 422, 503))  # fmt: skip
async def preview_migration(
    deps: DepsHere,
    caller: StaffHere,
    reference: ComplaintHere,
    pack: Annotated[Code, Query(description="The name of the pack to move to.")],
    version: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="Left out, the one that holds now.")
    ] = None,
) -> Response:
    """Which deadlines would start, stop or move. Nothing is changed; `migrate-pack` does it, with a reason."""
    found = await previewed(deps, caller.actor, reference, await pack_asked(deps, pack, version))
    return JSONResponse(found.model_dump(mode="json"))
