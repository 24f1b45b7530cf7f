"""Reading packs: which are published, each in full with its sources, its choices, and the schema of their files."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.deps import Deps, DepsHere
from api.openapi import problems
from api.problems import Problem
from api.security import CallerHere, StaffHere
from policies.checking.reviewing import choices_unmade_first
from policies.loading import spelled
from policies.pack import Pack
from policies.rules import Basis, Source
from policies.schema import schema_text
from policies.wording.in_words import NOBODY_YET
from policies.wording.sheets import named, summary

router = APIRouter(tags=["packs"])

_READ = problems(401, 403, 404, 422, 503)
_LARGEST_VERSION = 2**31 - 1

PackName = Annotated[
    str,
    Path(pattern=r"^[a-z][a-z0-9_-]{0,62}$", openapi_examples={"name": {"value": "retail-2025"}}),
]
PackVersion = Annotated[int | None, Query(ge=1, le=_LARGEST_VERSION, description="The newest without one.")]


class PackBody(BaseModel):
    """One published version of a pack."""

    name: str
    version: int
    digest: str
    title: dict[str, str]
    holds_from: date
    timezone: str
    clocks: tuple[str, ...]
    choices_unmade: int = Field(description="Choices that no organisation has made its own yet.")


class PacksBody(BaseModel):
    packs: tuple[PackBody, ...]


class WholePackBody(BaseModel):
    """A published version in full: every rule with its source, its basis and since when it holds.

    Nothing is left out that the pack does not say itself, so it is not the text that `digest` is made of.
    """

    digest: str
    pack: Pack


class ChoiceBody(BaseModel):
    """A rule that its source leaves open, and what is chosen for now."""

    path: str = Field(description="Where it stands in the pack.", examples=["windows"])
    name: str
    says: str
    made: bool = Field(description="Whether an organisation has made it its own.")
    chosen_by: str | None
    basis: Basis
    source: Source
    since: date


class ChoicesBody(BaseModel):
    """The choices in a pack, those that nobody has made yet first."""

    name: str
    version: int
    choices: tuple[ChoiceBody, ...]


@router.get("/packs", operation_id="packs", summary="Published packs", response_model=PacksBody,
            responses=problems(401, 403, 503))  # fmt: skip
async def packs(deps: DepsHere, caller: CallerHere) -> Response:
    """Every version that was published. A complaint stays with the one it was received under."""
    told = tuple(_brief(pack) for pack in await deps.packs.all())
    return _json(PacksBody(packs=told))


@router.get("/packs/schema.json", include_in_schema=False)
async def schema() -> Response:
    """The JSON Schema of a pack's file, for editors, which have no token."""
    return Response(_schema(), media_type="application/schema+json")


@router.get("/packs/{name}", operation_id="pack", summary="One pack in full", response_model=WholePackBody,
            responses=_READ)  # fmt: skip
async def pack(deps: DepsHere, caller: StaffHere, name: PackName, version: PackVersion = None) -> Response:
    """The newest published version of this name, or the one that is asked for."""
    found = await published(deps, name, version)
    return _json(WholePackBody(digest=found.digest, pack=found))


@router.get("/packs/{name}/choices", operation_id="pack-choices", summary="The choices in a pack",
            response_model=ChoicesBody, responses=_READ)  # fmt: skip
async def choices(deps: DepsHere, caller: StaffHere, name: PackName, version: PackVersion = None) -> Response:
    """What the pack's sources leave open, and what is chosen for now; first what nobody has made their own."""
    found = await published(deps, name, version)
    told = tuple(
        ChoiceBody(
            path=spelled(path), name=named(path, rule), says=summary(found, rule), made=rule.chosen_by != NOBODY_YET,
            chosen_by=rule.chosen_by, basis=rule.basis, source=rule.source, since=rule.since,
        )
        for path, rule in choices_unmade_first(found)
    )  # fmt: skip
    return _json(ChoicesBody(name=found.name, version=found.version, choices=told))


async def published(deps: Deps, name: str, version: int | None) -> Pack:
    """The version that was published under this name, the newest without one. Raises Problem (404)."""
    versions = {pack.version: pack for pack in await deps.packs.all() if pack.name == name}
    if not versions:
        raise Problem(
            404, "unknown_pack", "No pack of this name was published; GET /packs lists those that were."
        )
    wanted = max(versions) if version is None else version
    if wanted not in versions:
        there_are = ", ".join(map(str, sorted(versions)))
        raise Problem(404, "unknown_version", f"This version was never published; there are: {there_are}.")
    return versions[wanted]


def unmade(found: Pack) -> int:
    """How many of the pack's choices nobody has made their own yet."""
    return sum(rule.chosen_by == NOBODY_YET for _, rule in found.choices())


def _brief(found: Pack) -> PackBody:
    return PackBody(
        name=found.name, version=found.version, digest=found.digest, title=found.title, holds_from=found.holds_from,
        timezone=found.timezone, clocks=tuple(rule.id for rule in found.clocks), choices_unmade=unmade(found),
    )  # fmt: skip


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), media_type="application/json")


@lru_cache(maxsize=1)
def _schema() -> str:
    return schema_text()
