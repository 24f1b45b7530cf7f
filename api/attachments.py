"""Attached files: taken in as they stream, given out as they are decrypted, and safe to open nowhere but on disk."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.answers import answer, expected_version
from api.commands import ANSWERS
from api.deps import Deps, DepsHere
from api.fields import CODE_PATTERN
from api.giving import Given, Way, hand_over, prepare
from api.idempotency import KeyHeader, command_id
from api.inputs import text_id
from api.multipart import Upload, upload
from api.openapi import problems
from api.problems import Problem
from api.reads import folded
from api.security import CallerHere, ComplaintHere, StaffHere, sender_of
from api.showing import areas_of
from complaints.base import AttachmentRef, Order, permit_role
from complaints.chapters.intake import AttachEvidence, permit_another_file
from complaints.lifecycle import fold
from ledger import access
from ledger.attachments import LARGEST_BYTES
from ledger.directory import Bearer
from ledger.texts import StreamErased, TextConflict

router = APIRouter(tags=["attachments"])

FORM_BYTES = LARGEST_BYTES + 64 * 1024
"""The largest form with a file: the file and what goes round it."""

_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
            },
            "encoding": {"file": {"contentType": "application/pdf, image/png, image/jpeg, text/plain"}},
        }
    },
}


async def attach(
    deps: Deps, caller: Bearer, reference: str, sent: Upload, *, key: str | None, version: int | None
) -> Given:
    """Store the file of an upload and attach it to the complaint. Raises Refused and Problem, as `give` does.

    The file is stored first and attached then; one that is not attached in the end is swept away later.
    """
    permit_role(AttachEvidence, caller.actor)
    sender = sender_of(caller)
    id_ = command_id(sender, key)
    await _room(deps, reference, text_id(id_, "attachment"))
    name_id = text_id(id_, "attachment.filename")
    way = Way(deps.engine.execute, AttachEvidence.__name__, sender, key, version)
    marked = deps.fingerprints.of(
        f"{reference}/{way.route}", None, sent.filename, sent.media_type, str(version)
    )
    refs = await prepare(deps, way, reference, {name_id: sent.filename}, id_=id_, marked=marked)
    try:
        ref = await deps.attachments.store(
            reference, text_id(id_, "attachment"), refs[name_id], sent.media_type, sent.chunks, LARGEST_BYTES
        )
    except TextConflict:
        raise Problem(422, "key_reused", "This Idempotency-Key was used with another file.") from None
    except StreamErased:
        raise Problem(
            409, "erased", "The texts of this complaint were erased; nothing can be added to it."
        ) from None
    order = Order(
        id=id_,
        actor=caller.actor,
        body=AttachEvidence(attachment=ref),
        at=deps.clock.now(),
        expected_version=version,
    )
    return await hand_over(deps, way, reference, order)


async def _room(deps: Deps, reference: str, attachment: str) -> None:
    """Refuse a file for which the complaint has no room before anything of it is stored. Raises Refused.

    One that is attached already is only sent again; a complaint that is not recorded yet has none.
    """
    happenings = await deps.record.read(reference)
    held = fold(happenings).attachments if happenings else ()
    if all(ref.id != attachment for ref in held):
        permit_another_file(held)


@router.post(
    "/complaints/{reference}/attachments",
    operation_id="attach-evidence",
    summary=AttachEvidence.title,
    responses=ANSWERS,
    openapi_extra={"requestBody": _FORM},
)
async def attach_evidence(
    deps: DepsHere,
    caller: CallerHere,
    reference: ComplaintHere,
    request: Request,
    *,
    idempotency_key: KeyHeader = None,
    version: Annotated[int | None, Depends(expected_version)] = None,
) -> Response:
    """Add a file to the case: at most 25 MiB, of a type that can be told by its first bytes."""
    sent = await upload(request)
    return answer(
        await attach(deps, caller, reference, sent, key=idempotency_key, version=version), reference
    )


@router.get(
    "/complaints/{reference}/attachments/{attachment}",
    operation_id="attachment",
    summary="An attached file",
    response_class=Response,
    responses={
        200: {
            "description": "The file, to be saved and not shown.",
            "content": {
                "*/*": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
            },
        },
        **problems(401, 403, 404, 410, 422, 503),
    },
)
async def attachment(
    deps: DepsHere,
    caller: StaffHere,
    reference: ComplaintHere,
    attachment: Annotated[str, Path(pattern=CODE_PATTERN, description="Its id, as the case names it.")],
) -> Response:
    """The file's bytes, for those who may read attachments; the reading is recorded."""
    case, _ = await folded(deps, reference)
    ref = next((held for held in case.attachments if held.id == attachment), None)
    if ref is None:
        raise Problem(404, "unknown_attachment", "This complaint has no file of this id.")
    if not {"*", "attachments"} & areas_of(caller.actor) or caller.actor.id in case.ownership.conflicted:
        raise Problem(403, "not_allowed", "You may not read the files of this complaint.")
    return await download(deps, caller, reference, ref)


async def download(deps: Deps, caller: Bearer, reference: str, ref: AttachmentRef) -> Response:
    """The answer that streams a file out, once the reading is noted. Raises Problem (410) where it was erased."""
    async with deps.reading.connect() as conn:
        found = await deps.attachments.find(conn, ref.id)
        if found is None or found.erased:
            raise Problem(410, "erased", "This file was erased; its digest is kept.")
        await access.record(
            conn, at=deps.clock.now(), actor=caller.actor.id, reference=reference, purpose="attachment",
            what=("attachment",),
        )  # fmt: skip
        names = await deps.texts.get(conn, [ref.filename.id])
    name = names.get(ref.filename.id)
    saved_as = quote(name if isinstance(name, str) else "file", safe="")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{saved_as}",
        "Content-Length": str(ref.size),
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return StreamingResponse(deps.attachments.read(ref.id), media_type=ref.media_type, headers=headers)
