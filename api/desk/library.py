"""The case library at the desk: what cases have taught, found by class and by words, and one entry with its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api.deps import Deps, DepsHere
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere
from api.desk.times import Face
from api.desk.words import headed
from api.library import EntryHere, LibraryAsked, Withdrawal, entry_of, withdrawn
from api.problems import Problem
from api.status import disturbances_if_known
from complaints.chapters.issues import CauseClass
from complaints.chapters.library import LIBRARIANS
from ledger import library
from ledger.directory import Session
from ledger.library import LibraryEntry
from policies.pack import Pack

router = APIRouter(include_in_schema=False)

_UNREADABLE = "Give a reason of 1 to 500 characters."


@router.get("/desk/library")
async def show_all(
    deps: DepsHere,
    session: SessionHere,
    cause: Annotated[str, Query(max_length=200)] = "",
    problem_type: Annotated[str, Query(max_length=200)] = "",
    q: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """Entries, the latest first, narrowed by what was chosen."""
    given = {"cause": cause, "problem_type": problem_type, "q": q.strip()}
    try:
        asked = LibraryAsked.model_validate({name: value for name, value in given.items() if value})
    except ValidationError:
        raise Problem(422, detail="The library can not be searched for this; choose from the form.") from None
    async with deps.reading.connect() as conn:
        entries = await library.found(conn, asked.filters(), limit=asked.limit)
        classes = await library.classes(conn)
    packs, names = await _packs(deps), await _names(deps)
    types = {problem_type: problem_words(packs, pack, problem_type) for pack, problem_type in classes}
    return page(
        "library.html",
        session=session,
        disturbances=await disturbances_if_known(deps),
        entries=entries,
        asked=asked,
        narrowed=any(given.values()),
        full=len(entries) == asked.limit,
        causes=[(cause.value, headed(cause)) for cause in CauseClass],
        types=sorted(types.items(), key=lambda item: item[1]),
        classed=lambda entry: _classed(packs, entry),
        names=names,
        face=await _face(deps),
    )


@router.get("/desk/library/{entry}")
async def show_one(
    deps: DepsHere, session: SessionHere, entry: EntryHere, done: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """One entry; `done` is set where it was just withdrawn."""
    return await _entry(deps, session, await entry_of(deps, entry), done=bool(done))


@router.post("/desk/library/{entry}/withdraw")
async def withdraw(deps: DepsHere, session: SessionHere, form: FormHere, entry: EntryHere) -> Response:
    """Take an entry out, with the reason that was typed."""
    given = form.get("reason", "")
    typed = given.strip() if isinstance(given, str) else ""
    try:
        reason = Withdrawal.model_validate({"reason": typed}).reason
    except ValidationError:
        return await _entry(deps, session, await entry_of(deps, entry), fault=_UNREADABLE, typed=typed)
    await withdrawn(deps, session.actor, entry, reason)
    return RedirectResponse(f"/desk/library/{entry}?done=withdrawn#done", 303)


async def _entry(
    deps: Deps,
    session: Session,
    entry: LibraryEntry,
    *,
    done: bool = False,
    fault: str = "",
    typed: str = "",
) -> Response:
    return page(
        "library_entry.html",
        422 if fault else 200,
        session=session,
        disturbances=await disturbances_if_known(deps),
        entry=entry,
        classed=_classed(await _packs(deps), entry),
        names=await _names(deps),
        may_withdraw=entry.withdrawn_at is None and session.actor.has(*LIBRARIANS),
        done=done,
        fault=fault,
        typed=typed,
        face=await _face(deps),
    )


def problem_words(packs: Mapping[str, Pack], pack: str, problem_type: str) -> str:
    """What a pack calls a type of problem; the code read out where it no longer knows it."""
    held = packs.get(pack)
    found = held.problem_types.get(problem_type) if held is not None else None
    return found.title["en"] if found is not None else headed(problem_type)


def _classed(packs: Mapping[str, Pack], entry: LibraryEntry) -> Sequence[str]:
    """How an entry is classed, in words: its problem, its cause, its pack."""
    found = []
    if entry.problem_type is not None:
        found.append(problem_words(packs, entry.pack, entry.problem_type))
    if entry.cause is not None:
        found.append(headed(entry.cause))
    pack = packs.get(entry.pack)
    return (*found, pack.title["en"] if pack is not None else entry.pack)


async def _packs(deps: Deps) -> Mapping[str, Pack]:
    """The published packs by name, the newest version of each."""
    packs: dict[str, Pack] = {}
    for pack in await deps.packs.all():
        if pack.name not in packs or packs[pack.name].version < pack.version:
            packs[pack.name] = pack
    return packs


async def _names(deps: Deps) -> Mapping[str, str]:
    return {member.id: member.name for member in await deps.directory.everyone()}


async def _face(deps: Deps) -> Face:
    packs = await _packs(deps)
    zone = next((pack.timezone for pack in packs.values()), "UTC")
    return Face(zone, deps.clock.now())
