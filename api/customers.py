"""Customer files over HTTP: the earlier complaints of whoever made this one, and where an address is filed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from api.deps import Deps, DepsHere
from api.openapi import problems
from api.problems import Problem
from api.reads import folded
from api.security import ComplaintHere, StaffHere
from api.showing import EVERYTHING, areas_of
from complaints.base import Actor
from complaints.case import Case
from complaints.chapters.parties import the_customer
from complaints.references import parse_customer_code
from ledger import access, customers
from ledger.customers import Filed

router = APIRouter(tags=["customers"])

_READ = problems(401, 403, 404, 422, 503)
_PURPOSE = "customer file"


class CustomerBody(BaseModel):
    """The file of a customer, as far as this reader may see it; newest first."""

    code: str | None = Field(
        description="The customer's code; null where nobody left an address by which they are known.",
        examples=["C-7K2M9QF3"],
    )
    complaints: tuple[Filed, ...]


def may_read_files(actor: Actor) -> bool:
    """Whether the person's work lets them see who is behind a complaint, and so what else they sent us."""
    areas = areas_of(actor)
    return areas is EVERYTHING or "parties" in areas


@router.get("/complaints/{reference}/customer", operation_id="customer-of", summary="The customer's other complaints",
            response_model=CustomerBody, responses=_READ)  # fmt: skip
async def customer_of(deps: DepsHere, caller: StaffHere, reference: ComplaintHere) -> Response:
    """What the customer behind this complaint sent us before and since, so that they never tell it twice.

    Who: those who handle complaints, intake agents and compliance officers. Complaints in which the reader has
    a conflict of interest are left out. The reading is recorded.
    """
    _permitted(caller.actor)
    case, _ = await folded(deps, reference)
    if caller.actor.id in case.ownership.conflicted:
        raise Problem(
            403, "conflict_declared", "You have a conflict of interest in this complaint and are recused."
        )
    file = await file_of(deps, caller.actor, case)
    return JSONResponse(file.model_dump(mode="json"))


@router.get("/customers/{code}", operation_id="customer", summary="One customer's file",
            response_model=CustomerBody, responses=_READ)  # fmt: skip
async def customer(
    deps: DepsHere,
    caller: StaffHere,
    code: Annotated[
        str, Path(max_length=20, openapi_examples={"code": {"value": customers.customer_code(1)}})
    ],
) -> Response:
    """Every complaint in the file. Who: as for the customer of a complaint. The reading is recorded for each."""
    _permitted(caller.actor)
    kept = parse_customer_code(code)
    async with deps.reading.connect() as conn:
        if not await customers.exists(conn, kept):
            raise Problem(
                404, "unknown", "There is no customer of this code; compare it with the one you have."
            )
        found = await customers.complaints_of(conn, kept, reader=caller.actor.id)
        for one in found:
            await _noted(deps, conn, caller.actor, one.reference)
    return JSONResponse(CustomerBody(code=kept, complaints=found).model_dump(mode="json"))


async def file_of(deps: Deps, actor: Actor, case: Case) -> CustomerBody:
    """The file in which this complaint stands, without itself; notes the reading. The caller looked who asks."""
    async with deps.reading.connect() as conn:
        code = None
        for party in the_customer(case):
            code = code or (await customers.code_of(conn, party.address.id) if party.address else None)
        if code is None:
            return CustomerBody(code=None, complaints=())
        await _noted(deps, conn, actor, case.reference)
        found = await customers.complaints_of(conn, code, reader=actor.id, besides=case.reference)
    return CustomerBody(code=code, complaints=found)


async def _noted(deps: Deps, conn: AsyncConnection, actor: Actor, reference: str) -> None:
    await access.record(
        conn, at=deps.clock.now(), actor=actor.id, reference=reference, purpose=_PURPOSE, what=["parties"]
    )


def _permitted(actor: Actor) -> None:
    if not may_read_files(actor):
        who = "handler, supervisor, department head, intake agent, compliance officer"
        raise Problem(403, "not_allowed", f"Customers' files are for: {who}.", who=who)
