"""Mail that waits for a person, over HTTP: listed, opened, given to a complaint, made a complaint, dropped."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from activities.inbound.by_hand import DropReason, Settled
from activities.inbound.reading import Mail
from api.deps import Deps, DepsHere
from api.fields import Code, Flag
from api.inputs import Input
from api.openapi import problems
from api.problems import Problem
from api.security import JSON_ONLY, StaffHere
from complaints.base import HANDLING, Actor, Refused
from complaints.references import is_systemic, parse
from ledger import access, inbound
from ledger.inbound import Kept, MailErased, State
from ledger.texts import TextDamaged
from policies.vocabulary import Role
from workflows.client import EngineAway

router = APIRouter(tags=["inbound mail"], dependencies=JSON_ONLY)

READERS = HANDLING | {Role.INTAKE_AGENT}
"""Who may see mail that came in."""
_LARGEST_ID = 2**63 - 1
_MAIL = Path(
    ge=1, le=_LARGEST_ID, description="The number of a mail.", openapi_examples={"one": {"value": 1}}
)
MailHere = Annotated[int, _MAIL]


class Asked(BaseModel):
    """Which mails are listed."""

    model_config = ConfigDict(extra="forbid")

    state: State = Field(State.UNPLACED, description="How far they have come; those that wait, unless asked.")
    before: Annotated[int, Field(ge=1, le=_LARGEST_ID)] | None = Field(
        None, description="The number where the last page ended."
    )
    limit: Annotated[int, Field(ge=1, le=200)] = 100


class MailRow(BaseModel):
    """A mail, and nothing of what it says. `why` is a code; `size` in bytes as it came."""

    id: int
    received_at: AwareDatetime = Field(description="When it came in, in the service's own time.")
    size: int
    state: State
    why: str | None = Field(description="Why it waits, or what became of it: a code.")
    reference: str | None
    settled_at: AwareDatetime | None
    settled_by: str | None

    @classmethod
    def of(cls, kept: Kept) -> MailRow:
        return cls(received_at=kept.taken_at, **kept.model_dump(exclude={"received_at", "taken_at"}))


class MailsBody(BaseModel):
    """Mails, the newest first."""

    mails: tuple[MailRow, ...]


class FileRow(BaseModel):
    """A file in a mail; it is stored with the complaint once the mail is placed. `size` in bytes."""

    name: str
    media_type: str
    size: int


class OpenedMail(MailRow):
    """A mail with what it says. `own` leaves out what was quoted; `references` are complaints that it names."""

    name: str
    address: str
    subject: str
    own: str
    text: str
    files: tuple[FileRow, ...]
    references: tuple[str, ...]

    @classmethod
    def opened(cls, kept: Kept, mail: Mail) -> OpenedMail:
        files = tuple(FileRow(name=f.name, media_type=f.media_type, size=len(f.content)) for f in mail.files)
        return cls(
            **MailRow.of(kept).model_dump(), name=mail.name, address=mail.address, subject=mail.subject, own=mail.own,
            text=mail.text, files=files, references=mail.references,
        )  # fmt: skip


class Placing(Input):
    """The complaint that a mail belongs to."""

    reference: Code = Field(description="The complaint's reference.", examples=["7K2M-9QF3-XA5C"])
    as_note: Flag = Field(
        False, description="A note among colleagues; otherwise it is what the customer wrote."
    )


class Making(Input):
    """Under which pack a mail becomes a complaint."""

    pack: Code | None = Field(
        None, description="Left out, the one the service is set to.", examples=["retail-2025"]
    )


class Dropping(Input):
    """Why a mail is nothing."""

    reason: DropReason = Field(examples=["spam"])


@router.get("/inbound", operation_id="inbound-mails", summary="Mail that came in", response_model=MailsBody,
            responses=problems(401, 403, 422, 503))  # fmt: skip
async def mails(deps: DepsHere, caller: StaffHere, asked: Annotated[Asked, Query()]) -> Response:
    """Mail that waits for a person, or that came to something. Who: those who handle complaints, intake agents."""
    permit_reader(caller.actor)
    found = await listed(deps, asked)
    body = MailsBody(mails=tuple(MailRow.of(kept) for kept in found))
    return JSONResponse(body.model_dump(mode="json"))


@router.get("/inbound/{mail}", operation_id="inbound-mail", summary="Open a mail", response_model=OpenedMail,
            responses=problems(401, 403, 404, 409, 410, 422, 503))  # fmt: skip
async def mail(deps: DepsHere, caller: StaffHere, mail: MailHere) -> Response:
    """What a mail says that nobody has placed yet. That it was read is recorded."""
    kept, said = await opened(deps, caller.actor, mail)
    return JSONResponse(OpenedMail.opened(kept, said).model_dump(mode="json"))


_CHANGES = problems(400, 401, 403, 404, 409, 410, 413, 415, 422, 503)


@router.post("/inbound/{mail}/place", operation_id="place-mail", summary="Give a mail to a complaint",
             response_model=MailRow, responses=_CHANGES)  # fmt: skip
async def place(
    deps: DepsHere, caller: StaffHere, mail: MailHere,
    body: Annotated[Placing, Body(openapi_examples={"example": {"value": {"reference": "7K2M-9QF3-XA5C"}}})],
) -> Response:  # fmt: skip
    """Its words and files become the complaint's, as of when the mail came in; where the engine is away, as soon as
    it is back.
    """
    return JSONResponse(MailRow.of(await placed(deps, caller.actor, mail, body)).model_dump(mode="json"))


@router.post("/inbound/{mail}/receive", operation_id="make-mail-a-complaint", summary="Make a mail a complaint",
             response_model=MailRow, responses=_CHANGES)  # fmt: skip
async def receive(
    deps: DepsHere, caller: StaffHere, mail: MailHere,
    body: Annotated[Making, Body(openapi_examples={"example": {"value": {}}})],
) -> Response:  # fmt: skip
    """A new complaint from its sender, received when the mail came in. The answer has its reference."""
    return JSONResponse(MailRow.of(await made(deps, caller.actor, mail, body)).model_dump(mode="json"))


@router.post("/inbound/{mail}/drop", operation_id="drop-mail", summary="Drop a mail",
             response_model=MailRow, responses=_CHANGES)  # fmt: skip
async def drop(
    deps: DepsHere, caller: StaffHere, mail: MailHere,
    body: Annotated[Dropping, Body(openapi_examples={"example": {"value": {"reason": "spam"}}})],
) -> Response:  # fmt: skip
    """It is nothing: its content is erased a month after it came; that there was one, and who dropped it, stays."""
    return JSONResponse(MailRow.of(await dropped(deps, caller.actor, mail, body)).model_dump(mode="json"))


# What pages do too ----------------------------------------------------------------------------------------


def permit_reader(actor: Actor) -> None:
    """Raises Problem (403)."""
    if not actor.has(*READERS):
        who = ", ".join(sorted(role.replace("_", " ") for role in READERS))
        raise Problem(403, "not_allowed", f"Mail that came in is seen by: {who}.", who=who)


async def listed(deps: Deps, asked: Asked) -> tuple[Kept, ...]:
    """A page of the mails in a state, newest first."""
    async with deps.reading.connect() as conn:
        return await inbound.listed(conn, asked.state, before=asked.before, limit=asked.limit)


async def opened(deps: Deps, actor: Actor, mail: int) -> tuple[Kept, Mail]:
    """A mail and what it says, once the reading is noted. Raises Problem (403, 404, 409, 410).

    A placed one is read with its complaint, by whoever may read that.
    """
    kept = await found(deps, actor, mail)
    if kept.state not in inbound.OPEN:
        raise await settled(deps, kept)
    async with deps.reading.connect() as conn:
        await access.record(
            conn, at=deps.clock.now(), actor=actor.id, reference=kept.reference or f"mail {kept.id}",
            purpose="inbound mail", what=["mail"],
        )  # fmt: skip
    return kept, await _read(deps, kept)


async def found(deps: Deps, actor: Actor, mail: int) -> Kept:
    """A mail's row. Raises Problem (403, 404)."""
    permit_reader(actor)
    try:
        return await deps.mails_by_hand.find(mail)
    except KeyError:
        raise Problem(404, "unknown_mail", "There is no mail of this number.") from None


async def _read(deps: Deps, kept: Kept) -> Mail:
    try:
        return await deps.mails_by_hand.open(kept)
    except MailErased:
        raise Problem(410, "erased", "What this mail said was erased.") from None
    except TextDamaged:
        sentence = "This mail does not decrypt: it was changed, or the master key is another one."
        raise Problem(410, "damaged", sentence) from None


async def placed(deps: Deps, actor: Actor, mail: int, body: Placing) -> Kept:
    """The mail, given to a complaint. Raises Problem, Refused."""
    kept = await found(deps, actor, mail)
    reference = parse(body.reference)
    if is_systemic(reference):
        raise Refused("bad_reference", "This is the reference of a systemic issue; give a complaint's.")
    try:
        return await deps.mails_by_hand.place(kept, reference, actor, as_note=body.as_note)
    except Settled as other:
        raise await settled(deps, other.kept) from None
    except MailErased:
        raise Problem(410, "erased", "What this mail said was erased.") from None


async def made(deps: Deps, actor: Actor, mail: int, body: Making) -> Kept:
    """The mail, made a complaint. Raises Problem, Refused."""
    kept = await found(deps, actor, mail)
    pack = await deps.packs.for_receipt(body.pack, kept.taken_at)
    try:
        pending = await deps.mails_by_hand.receive(kept, pack.name, actor)
    except Settled as other:
        raise await settled(deps, other.kept) from None
    except MailErased:
        raise Problem(410, "erased", "What this mail said was erased.") from None
    deps.known.add(pending.reference)
    recorded = True
    try:
        await deps.engine.receive(pending.reference, pending.pack, pending.order)
    except EngineAway:  # the watchdog starts it later
        recorded = False
    deps.metrics.received("mail", engine=recorded)
    return await deps.mails_by_hand.find(mail)


async def dropped(deps: Deps, actor: Actor, mail: int, body: Dropping) -> Kept:
    """The mail, dropped. Raises Problem."""
    kept = await found(deps, actor, mail)
    try:
        return await deps.mails_by_hand.drop(kept, body.reason, actor)
    except Settled as other:
        raise await settled(deps, other.kept) from None


async def settled(deps: Deps, kept: Kept) -> Problem:
    """Tells whoever comes second what became of the mail, and by whom."""
    names = await deps.directory.names([kept.settled_by] if kept.settled_by else [])
    who = names.get(kept.settled_by or "", "The service")
    match kept.state:
        case State.DROPPED:
            done = f"{who} has dropped this mail."
        case State.OVERSIZED:
            done = "This mail was refused for its size; nothing of it was kept."
        case _ if kept.reference is not None:
            done = f"{who} has given this mail to complaint {kept.reference}; read it there."
        case _:
            done = "This mail has just come in and is being placed; look again in a moment."
    more: dict[str, Any] = {} if kept.reference is None else {"reference": kept.reference}
    return Problem(409, "mail_settled", done, **more)
