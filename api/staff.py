"""The history of who may do what here, for those who answer for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.deps import DepsHere
from api.openapi import problems
from api.reads import auditor
from ledger.staff_history import StaffChange
from ledger.worklist import PAGE_AT_MOST

router = APIRouter(tags=["service"])


class ChangesBody(BaseModel):
    """A page of changes, newest first."""

    changes: tuple[StaffChange, ...]
    next: int | None = Field(description="Send it as `before` for the page that follows; null on the last.")


@router.get("/staff/changes", operation_id="staff_changes", summary="How permissions changed",
            response_model=ChangesBody, responses=problems(401, 403, 422, 503),
            dependencies=[Depends(auditor)])  # fmt: skip
async def changes(
    deps: DepsHere,
    staff: Annotated[
        str | None, Query(min_length=1, max_length=200, pattern=r"^[!-~]+$", description="One person's id.")
    ] = None,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="The id before which to begin.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_AT_MOST)] = 100,
) -> Response:
    """Every change of the directory: which field of whom, from what to what, by whom, when."""
    found = await deps.history.changes(staff=staff, before=before, limit=limit)
    body = ChangesBody(changes=found, next=found[-1].id if len(found) == limit else None)
    return JSONResponse(body.model_dump(mode="json"))
