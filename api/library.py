"""The case library over HTTP: entries found by class and by words, read, and withdrawn with a reason."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import JSONResponse, Response

from api.deps import Deps, DepsHere
from api.fields import CODE_PATTERN, TEXT_PATTERN, Code
from api.inputs import Input
from api.openapi import problems
from api.problems import Problem
from api.security import JSON_ONLY, StaffHere
from complaints.base import Actor
from complaints.chapters.issues import CauseClass
from complaints.chapters.library import LIBRARIANS
from ledger import library
from ledger.library import LibraryEntry, LibraryFilters

router = APIRouter(tags=["case library"], dependencies=JSON_ONLY)

_LONGEST_REASON = 500
_ENTRY = Path(
    pattern=CODE_PATTERN,
    description="The id of an entry.",
    openapi_examples={"entry": {"value": "6f0b6d0e0a515c0f9d3c4f3f6a6a2f10"}},
)
_NOT_NUL = r"^[^\x00]*$"  # PostgreSQL can not look for it

EntryHere = Annotated[str, _ENTRY]
Words = Annotated[str, StringConstraints(max_length=200, pattern=_NOT_NUL)]


class LibraryAsked(BaseModel):
    """What is looked for in the library."""

    model_config = ConfigDict(extra="forbid")

    cause: CauseClass | None = Field(None, description="Only entries with this class of cause.")
    problem_type: Code | None = Field(None, description="Only entries about this type of problem.")
    q: Words = Field("", description="Words that all have to be in an entry.")
    limit: Annotated[int, Field(ge=1, le=200)] = 100

    def filters(self) -> LibraryFilters:
        return LibraryFilters(cause=self.cause, problem_type=self.problem_type, q=self.q)


class LibraryBody(BaseModel):
    """Entries of the library, the latest first; none that was withdrawn."""

    entries: tuple[LibraryEntry, ...]


class Withdrawal(Input):
    """Why an entry goes."""

    reason: Annotated[
        str, StringConstraints(strict=True, min_length=1, max_length=_LONGEST_REASON, pattern=TEXT_PATTERN)
    ] = Field(description="Why it is withdrawn. Name nobody.", examples=["The shop can be recognised."])


@router.get("/library", operation_id="library", summary="Look into the case library",
            response_model=LibraryBody, responses=problems(401, 403, 422, 503))  # fmt: skip
async def entries(deps: DepsHere, caller: StaffHere, asked: Annotated[LibraryAsked, Query()]) -> Response:
    """What cases have taught. Entries hold no personal data: they stay when their complaints are erased."""
    async with deps.reading.connect() as conn:
        found = await library.found(conn, asked.filters(), limit=asked.limit)
    return JSONResponse(LibraryBody(entries=found).model_dump(mode="json"))


@router.get("/library/{entry}", operation_id="library-entry", summary="One entry of the case library",
            response_model=LibraryEntry, responses=problems(401, 403, 404, 422, 503))  # fmt: skip
async def entry(deps: DepsHere, caller: StaffHere, entry: EntryHere) -> Response:
    """One entry. Of one that was withdrawn only the reason is left."""
    return JSONResponse((await entry_of(deps, entry)).model_dump(mode="json"))


@router.post("/library/{entry}/withdraw", operation_id="withdraw-from-library",
             summary="Withdraw an entry from the case library", response_model=LibraryEntry,
             responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503))  # fmt: skip
async def withdraw(
    deps: DepsHere,
    caller: StaffHere,
    entry: EntryHere,
    body: Annotated[Withdrawal, Body(openapi_examples={"example": {"value": {"reason": "It is outdated."}}})],
) -> Response:
    """Take an entry out. Its words are deleted for good; that there was one, who took it out and why, stays."""
    return JSONResponse((await withdrawn(deps, caller.actor, entry, body.reason)).model_dump(mode="json"))


async def entry_of(deps: Deps, entry: str) -> LibraryEntry:
    """The entry of this id. Raises Problem (404)."""
    async with deps.reading.connect() as conn:
        found = await library.one(conn, entry)
    if found is None:
        raise Problem(404, "unknown_entry", "The library has no entry of this id; compare it again.")
    return found


async def withdrawn(deps: Deps, actor: Actor, entry: str, reason: str) -> LibraryEntry:
    """The entry, after this person has withdrawn it. Raises Problem (403, 404; 409 if it is out already)."""
    if not actor.has(*LIBRARIANS):
        who = ", ".join(sorted(role.replace("_", " ") for role in LIBRARIANS))
        raise Problem(403, "not_allowed", f"Entries are withdrawn by: {who}.", who=who)
    await entry_of(deps, entry)
    async with deps.reading.connect() as conn:
        gone = await library.withdraw(conn, entry, by=actor.id, at=deps.clock.now(), why=reason)
    if not gone:
        raise Problem(409, "already_done", "This entry was withdrawn already.")
    return await entry_of(deps, entry)
