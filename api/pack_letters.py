"""A pack's letters and alerts over the API: which there are, what each looks like, and a sample to oneself."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from activities.delivery.previews import Preview, is_to_customers, kinds, preview
from activities.delivery.render import Sender
from activities.delivery.samples_post import message, stream_of
from api.deps import Deps, DepsHere
from api.openapi import problems
from api.pack_reads import PackName, PackVersion, published
from api.problems import Problem
from api.security import StaffHere
from ledger import outbox
from policies.pack import Pack

router = APIRouter(tags=["packs"])

_READ = problems(401, 403, 404, 422, 503)

KindOfLetter = Annotated[
    str,
    Path(pattern=r"^[a-z][a-z_]{0,62}$", openapi_examples={"kind": {"value": "alert_breach"}}),
]
Language = Annotated[
    str, Query(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="One of the pack's languages.")
]


class LetterBody(BaseModel):
    """A kind of letter or alert, and the languages that the pack words it in."""

    kind: str
    to: Literal["customers", "staff"]
    languages: tuple[str, ...]


class LettersBody(BaseModel):
    """What a version of a pack words."""

    name: str
    version: int
    letters: tuple[LetterBody, ...]


class PreviewBody(BaseModel):
    """A mail as it would leave, with values that are made up."""

    kind: str
    language: str
    subject: str
    text: str
    html: str
    subject_tells: tuple[str, ...] = Field(
        description="The fields by which the subject tells a stranger of the matter; there should be none."
    )


class SampleBody(BaseModel):
    """A sample that is on its way."""

    to: Literal["you"] = "you"
    queued: bool = Field(description="False where the same sample was asked for within the minute.")


@router.get("/packs/{name}/letters", operation_id="pack-letters", summary="The letters and alerts that a pack words",
            response_model=LettersBody, responses=_READ)  # fmt: skip
async def letters(deps: DepsHere, caller: StaffHere, name: PackName, version: PackVersion = None) -> Response:
    """Every kind, with the languages there are."""
    pack = await published(deps, name, version)
    told = tuple(
        LetterBody(
            kind=kind, to="customers" if is_to_customers(kind) else "staff",
            languages=tuple(pack.letters[kind]),
        )
        for kind in kinds(pack)
    )  # fmt: skip
    return _json(LettersBody(name=pack.name, version=pack.version, letters=told))


@router.get("/packs/{name}/letters/{kind}", operation_id="pack-letter", summary="What a letter looks like as a mail",
            response_model=PreviewBody, responses=_READ)  # fmt: skip
async def letter(
    deps: DepsHere,
    caller: StaffHere,
    name: PackName,
    kind: KindOfLetter,
    *,
    language: Language = "en",
    version: PackVersion = None,
) -> Response:
    """Filled with values that are made up: of no complaint, the same each time."""
    seen = preview_of(deps, await published(deps, name, version), kind, language)
    return _json(
        PreviewBody(
            kind=kind, language=language, subject=seen.subject, text=seen.text, html=seen.html,
            subject_tells=seen.telling,
        )
    )  # fmt: skip


@router.post("/packs/{name}/letters/{kind}/sample", operation_id="send-sample", summary="Send yourself a sample",
             status_code=202, response_model=SampleBody, responses=_READ)  # fmt: skip
async def sample(
    deps: DepsHere,
    caller: StaffHere,
    name: PackName,
    kind: KindOfLetter,
    *,
    language: Language = "en",
    version: PackVersion = None,
) -> Response:
    """The preview as a mail to your own address, marked as a sample in the subject; to nobody else's."""
    pack = await published(deps, name, version)
    queued = await send_sample(deps, caller.actor.id, pack, kind, language)
    return _json(SampleBody(queued=queued), 202)


def preview_of(deps: Deps, pack: Pack, kind: str, language: str) -> Preview:
    """The preview, signed as this installation signs. Raises Problem (404) where the pack has no such wording."""
    if kind not in kinds(pack):
        raise Problem(
            404, "unknown_letter", f"The pack has no letter of this kind; it has: {', '.join(kinds(pack))}."
        )
    if language not in pack.letters[kind]:
        there_are = ", ".join(pack.letters[kind])
        raise Problem(404, "unknown_language", f"The pack has this letter in: {there_are}.")
    settings = deps.settings
    sender = Sender(settings.organisation, settings.mail_from, settings.base_url)
    return preview(sender, pack, kind, language)


async def send_sample(deps: Deps, staff: str, pack: Pack, kind: str, language: str) -> bool:
    """Queue a sample to this member of staff; False where the same one is on its way already. Raises Problem (404)."""
    preview_of(deps, pack, kind, language)
    async with deps.sql.begin() as conn:
        asked = message(staff, pack.digest, kind, language, deps.clock.now())
        return bool(await outbox.queue(conn, stream_of(staff), [asked]))


def _json(body: BaseModel, status: int = 200) -> Response:
    return Response(body.model_dump_json(), status, media_type="application/json")
