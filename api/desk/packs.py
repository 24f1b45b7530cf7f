"""The pack pages: what is promised under which pack, and first of all what nobody here has decided yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.deps import DepsHere
from api.desk.portal_words import LANGUAGES, TAGS
from api.desk.rendering import page
from api.desk.sessions import SessionHere
from api.pack_reads import PackName, PackVersion, published, unmade
from policies.pack import Pack
from policies.wording.in_words import text_in
from policies.wording.sheets import sheets

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class PackShown:
    """A pack's newest version, and the ones before it."""

    name: str
    version: int
    title: str
    holds_from: str
    clocks: int
    unmade: int
    earlier: tuple[int, ...]


@router.get("/desk/packs")
async def show_all(deps: DepsHere, session: SessionHere) -> Response:
    """Every published pack, by name."""
    by_name: dict[str, list[Pack]] = {}
    for pack in await deps.packs.all():
        by_name.setdefault(pack.name, []).append(pack)
    return page("packs.html", session=session, packs=tuple(map(_shown, by_name.values())))


@router.get("/desk/packs/{name}")
async def show(
    deps: DepsHere,
    session: SessionHere,
    name: PackName,
    *,
    version: PackVersion = None,
    language: Annotated[Literal["en", "zh"], Query()] = "en",
) -> Response:
    """One version of a pack, whole, its texts in the language that is asked for. Raises Problem (404)."""
    pack = await published(deps, name, version)
    versions = [other.version for other in await deps.packs.all() if other.name == name]
    spoken = language if language in pack.languages else "en"
    return page(
        "pack.html",
        session=session,
        pack=pack,
        title=text_in(pack.title, spoken),
        tag=TAGS[spoken],
        language=spoken,
        languages=[(code, TAGS[code], own) for code, own in LANGUAGES.items() if code in pack.languages],
        versions=versions,
        newest=max(versions),
        unmade=unmade(pack),
        sheets=sheets(pack, spoken),
    )


def _shown(versions: list[Pack]) -> PackShown:
    *earlier, newest = sorted(versions, key=lambda pack: pack.version)
    return PackShown(
        name=newest.name,
        version=newest.version,
        title=text_in(newest.title, "en"),
        holds_from=newest.holds_from.isoformat(),
        clocks=len(newest.clocks),
        unmade=unmade(newest),
        earlier=tuple(pack.version for pack in earlier),
    )
