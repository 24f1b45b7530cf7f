"""Commands from the desk's forms: read, given once however often they are sent, and answered with a page."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.answers import no_such_command
from api.attachments import attach, download
from api.deps import Deps, DepsHere
from api.desk.case import COMMANDS, CaseHere, Sent, case_address, case_page, list_of
from api.desk.choices import Around
from api.desk.forms import Faulty, Given, read
from api.desk.moving import SEEN, moving_page
from api.desk.rendering import page
from api.desk.sessions import (
    CSRF_FIELD,
    FormHere,
    SessionHere,
    bearer,
    require_same_origin,
    require_token,
)
from api.desk.times import Face
from api.fields import CODE_PATTERN
from api.giving import Given as Outcome
from api.giving import give
from api.inputs import PackGiven
from api.multipart import upload
from api.problems import Problem
from api.reads import folded
from api.showing import areas_of
from api.unavailable import engine_away
from complaints.base import Refused
from complaints.chapters.intake import AttachEvidence
from complaints.chapters.migration import MigratePack
from ledger import reads
from ledger.directory import Session
from workflows.client import EngineAway

router = APIRouter(include_in_schema=False)

_KEY = re.compile(CODE_PATTERN)
_VERSION = re.compile(r"[0-9]{1,9}")


@router.post("/desk/complaints/{reference}/commands/{slug}")
async def give_command(
    deps: DepsHere, session: SessionHere, form: FormHere, reference: CaseHere, slug: str
) -> Response:
    """Give the complaint the command that a form was filled in for."""
    command = COMMANDS.get(slug)
    if command is None:
        raise Problem(404)
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    key, version = key_of(given), version_of(given)
    case, _ = await folded(deps, reference)
    pack = await deps.packs.of(case.pack)
    staff = await deps.directory.everyone()
    face = Face(pack.timezone, deps.clock.now())
    around = Around(case, pack, staff, face, lambda ref: "", await deps.packs.all())
    try:
        sent = read(command, given, around)
    except Faulty as faulty:
        return await _once_more(deps, session, reference, Sent(slug, given, faulty.faults))
    try:
        if command is MigratePack and given.get(SEEN) != "yes":
            asked: PackGiven = sent.pack  # type: ignore[attr-defined]  # the model is made from the command
            return await moving_page(deps, session, reference, given, asked)
        outcome = await give(
            deps, bearer(session), reference, command, sent, key=key, expected_version=version
        )
    except (Refused, Problem, EngineAway) as error:
        return await _once_more(deps, session, reference, form_back(error, slug, given, key))
    return _answered(outcome, reference, slug, given)


@router.post("/desk/complaints/{reference}/attachments")
async def attach_file(
    deps: DepsHere, request: Request, session: SessionHere, reference: CaseHere
) -> Response:
    """Attach the file of a form, read as it streams in."""
    require_same_origin(deps, request)
    sent = await upload(request)
    require_token(session, sent.fields.get(CSRF_FIELD, ""))
    key, version = key_of(sent.fields), version_of(sent.fields)
    try:
        outcome = await attach(deps, bearer(session), reference, sent, key=key, version=version)
    except (Refused, Problem, EngineAway) as error:
        back = form_back(error, "attachments", sent.fields, key)
        return await _once_more(deps, session, reference, back)
    return _answered(outcome, reference, "attachments", sent.fields)


@router.get("/desk/complaints/{reference}/attachments/{attachment}")
async def attached_file(
    deps: DepsHere,
    session: SessionHere,
    reference: CaseHere,
    attachment: Annotated[str, Path(pattern=CODE_PATTERN)],
) -> Response:
    """An attached file, to be saved; the reading is recorded."""
    case, _ = await folded(deps, reference)
    ref = next((held for held in case.attachments if held.id == attachment), None)
    if ref is None:
        raise Problem(404, "unknown_attachment", "This complaint has no such file.")
    allowed = {"*", "attachments"} & areas_of(session.actor)
    if not allowed or session.actor.id in case.ownership.conflicted:
        raise Problem(403, "not_allowed", "You may not read the files of this complaint.")
    return await download(deps, bearer(session), reference, ref)


@router.get("/desk/complaints/{reference}/commands/{slug}/{command_id}")
async def how_far(
    deps: DepsHere,
    session: SessionHere,
    reference: CaseHere,
    slug: str,
    command_id: Annotated[str, Path(pattern=CODE_PATTERN)],
) -> Response:
    """The place to look for a command that takes long; once it is done, the case."""
    titles = {
        **{name: command.title for name, command in COMMANDS.items()},
        "attachments": AttachEvidence.title,
    }
    if slug not in titles:
        raise no_such_command()
    async with deps.reading.connect() as conn:
        found = await reads.command(conn, command_id)
    if found is not None and found.stream == reference:
        return RedirectResponse(case_address(reference, done=slug), 303)
    return page(
        "under_way.html", 202, headers={"Retry-After": "2"}, session=session, reference=reference,
        title=titles[slug], back=case_address(reference),
        again=f"/desk/complaints/{reference}/commands/{slug}/{command_id}",
    )  # fmt: skip


async def _once_more(deps: Deps, session: Session, reference: str, sent: Sent) -> Response:
    """The case page with the form as it was typed, and what stands in its way."""
    return await case_page(deps, session, reference, list_=list_of(sent.given), sent=sent)


def form_back(error: Exception, slug: str, given: Given, key: str | None) -> Sent:
    """What came of a form that was not carried out. After an uncertain answer its key is kept."""
    match error:
        case Refused():
            problem = Problem.of_refusal(error)
        case Problem():
            problem = error
        case _:
            problem = engine_away()
    return Sent(slug, given, problem=problem, key=key if problem.status >= 500 else None)


def _answered(outcome: Outcome, reference: str, slug: str, given: Given) -> Response:
    """To the case, or, while it is still at work, to where one can see how far it has come."""
    if outcome.outcome is None:
        return RedirectResponse(f"/desk/complaints/{reference}/commands/{slug}/{outcome.command_id}", 303)
    again = "1" if outcome.outcome.duplicate else ""
    address = case_address(reference, list=list_of(given), done=slug, again=again)
    return RedirectResponse(f"{address}#done", 303)


def key_of(given: Given) -> str:
    """The key that the form was made with. Raises Problem (422)."""
    key = given.get("key", "")
    if not _KEY.match(key):
        raise Problem(422, detail="This form is not whole. Load the page again, and send it from there.")
    return key


def version_of(given: Given) -> int:
    """The version that the form was made from. Raises Problem (422)."""
    version = given.get("version", "")
    if not _VERSION.fullmatch(version):
        raise Problem(422, detail="This form is not whole. Load the page again, and send it from there.")
    return int(version)
