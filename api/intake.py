"""Intake: a complaint comes in, gets a reference that is never lost, and its clocks run from its true receipt."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import AwareDatetime, BaseModel, Field, create_model
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.deps import Deps, DepsHere
from api.fields import Code, Instant, Text
from api.filing import file_receipt
from api.idempotency import KeyHeader, command_id
from api.inputs import Input, build, fields_of, gather, input_of
from api.openapi import example_of, problems
from api.packs import ref_of
from api.problems import Problem
from api.security import JSON_ONLY, CallerHere, sender_of
from complaints.base import Actor, Order, PackRef, TextRef, permit_role
from complaints.chapters.intake import PartyDetails, ReceiveComplaint
from complaints.lifecycle import receive
from complaints.references import SPACE
from complaints.references import reference as reference_of
from ledger import intake, reads
from ledger.idempotency import KeyReused, remember
from ledger.texts import TextConflict
from policies.vocabulary import Channel, Kind, Role
from workflows.client import EngineAway

router = APIRouter(tags=["intake"], dependencies=JSON_ONLY)

PACK = Field(
    None,
    description="The policy pack it falls under; left out, the one that the service is set to.",
    examples=["retail-2025"],
)
RECEIVED = Field(
    None, description="When it truly reached us, where that was earlier than now: clocks count from then."
)
PROGRESS_PATH = "/progress/"
"""Where the progress pages lie; what follows is the secret."""
_PLACEHOLDER = "0" * 64
_BESIDE = frozenset({"pack", "received_at"})
_MAKER = Actor(id="party:P1", roles=(Role.COMPLAINANT,))
"""Who makes a complaint without signing in: the first party to it."""


def _example(model: type[BaseModel]) -> Any:
    return Body(openapi_examples={"example": {"value": example_of(model)}})


class Taking(Input):
    """What is said of every complaint beside what it is."""

    pack: Code | None = PACK
    received_at: Instant | None = RECEIVED


Reception: type[Taking] = create_model(
    "Complaint",
    __base__=Taking,
    __doc__="A complaint as it came in, over any channel.",
    **fields_of(ReceiveComplaint, leave_out=("source",)),  # a source is what an import goes by
)


class PublicComplaint(Input):
    """A complaint that somebody makes themselves, without signing in."""

    narrative: Text
    subject: Text | None = None
    kind: Kind = Kind.COMPLAINT
    parties: Annotated[tuple[input_of(PartyDetails), ...], Field(max_length=10)] = ()  # type: ignore[valid-type]
    pack: Code | None = PACK


class ReceiptBody(BaseModel):
    """A complaint that has its reference. From here on it is not lost, whatever dies and when."""

    reference: str = Field(examples=["7K2M-9QF3-XA5C"])
    received_at: AwareDatetime
    pack: str
    pack_version: int
    recorded: bool = Field(
        description="False: kept, and its workflow is started as soon as the engine is back."
    )


class PublicReceiptBody(ReceiptBody):
    progress: str = Field(
        description="The secret link to its progress: whoever has it can read it. Shown this once."
    )


@dataclass(frozen=True)
class Taken:
    """An intake that is kept, and whether the engine has it."""

    reference: str
    received_at: datetime
    pack: str
    pack_version: int
    recorded: bool

    def response(self, **more: str) -> Response:
        """201 where the engine has it, 202 where it is kept and waits for the engine."""
        body = ReceiptBody(**asdict(self)).model_dump(mode="json") | more
        headers = {"Location": f"/complaints/{self.reference}"}
        return JSONResponse(body, 201 if self.recorded else 202, headers)


async def take_in(
    deps: Deps,
    actor: Actor,
    sender: str,
    sent: Taking | PublicComplaint,
    *,
    key: str | None,
    **fixed: Any,
) -> Taken:
    """Keep a complaint under a new reference, or under the one that `key` got the first time.

    The order is: refuse what the rules refuse, bind the key, store the texts, keep the intake, start the
    workflow. Each step is whole in itself and the same when sent again; what counts is the intake's row,
    the one step that waits for the disk, and so for all before it; an answer is given only once it is there.
    Raises Refused, and Problem for a key used otherwise.
    """
    id_ = command_id(sender, key)
    now = deps.clock.now()
    received_at = sent.received_at if isinstance(sent, Taking) else None
    pack = await deps.packs.for_receipt(sent.pack, received_at or now)
    gathered = gather(sent, id_)

    def order_with(refs: Mapping[str, TextRef]) -> Order:
        said = build(ReceiveComplaint, sent, id_, refs, {}, leave_out=_BESIDE, **fixed)
        return Order(id=id_, actor=actor, body=said, at=now, occurred_at=received_at)

    reference = reference_of(secrets.randbelow(SPACE))
    # What the rules would refuse later could never be recorded, and its reference would lead nowhere.
    receive(pack, reference, order_with({i: TextRef(id=i, digest=_PLACEHOLDER) for i in gathered.texts}))
    async with deps.reading.connect() as conn:
        try:
            if key is not None:
                fingerprint = deps.fingerprints.of("receive", sent)
                bound = await remember(
                    conn, key=key, actor=sender, route="receive", fingerprint=fingerprint, reference=reference,
                    command_id=id_, lazily=True,
                )  # fmt: skip
                if not bound.first:
                    before = await _taken_before(deps, bound.reference)
                    if before is not None:
                        return before
                    reference = bound.reference
            order = order_with(await deps.texts.put(conn, reference, gathered.texts, lazily=True))
            await file_receipt(deps, conn, reference, order.body, gathered)
            await intake.accept(conn, reference, order, ref_of(pack))
        except KeyReused as reused:
            raise Problem(422, "key_reused", str(reused)) from None
        except TextConflict:
            raise Problem(422, "key_reused", "This Idempotency-Key was used with another text.") from None
    deps.known.add(reference)
    return await _started(deps, reference, order, ref_of(pack))


async def _taken_before(deps: Deps, reference: str) -> Taken | None:
    """What the key was answered with the first time; None where that time did not get as far as the intake."""
    async with deps.reading.connect() as conn:
        waiting = await intake.waits(conn, reference)
        row = None if waiting is not None else await reads.complaint(conn, reference)
    if waiting is not None:
        return await _started(deps, reference, waiting.order, waiting.pack)
    return (
        None if row is None else Taken(reference, row.received_at, row.pack, row.pack_version, recorded=True)
    )


async def _started(deps: Deps, reference: str, order: Order, pack: PackRef) -> Taken:
    """Start the workflow. Where the engine is away the watchdog starts it later: nobody has to send again."""
    try:
        await deps.engine.receive(reference, pack, order)
        recorded = True
    except EngineAway:
        recorded = False
    if isinstance(order.body, ReceiveComplaint):
        deps.metrics.received(order.body.channel, engine=recorded)
    return Taken(reference, order.occurred_at or order.at, pack.name, pack.version, recorded)


_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Received. It is kept and has its reference; its workflow starts once the engine is back."
    },
    **problems(400, 409, 413, 415, 422, 503),
}


@router.post(
    "/complaints",
    operation_id="receive-complaint",
    summary="Receive a complaint",
    status_code=201,
    response_model=ReceiptBody,
    responses={**_ANSWERS, 202: {**_ANSWERS[202], "model": ReceiptBody}, **problems(401, 403)},
)
async def receive_complaint(
    deps: DepsHere,
    caller: CallerHere,
    body: Annotated[Reception, _example(Reception)],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Record what came in over any channel, for whom, and when it truly reached us. Who: all staff who handle

    complaints, and intake agents. A complaint keyed in late has its clocks from its true receipt, and what was
    breached before it was recorded says so.
    """
    if caller.reference is not None:
        raise Problem(
            403, "not_allowed", "This token opens one complaint; make a new one at /public/complaints."
        )
    permit_role(ReceiveComplaint, caller.actor)
    taken = await take_in(deps, caller.actor, sender_of(caller), body, key=idempotency_key)
    return taken.response()


@router.post(
    "/public/complaints",
    operation_id="make-complaint",
    summary="Make a complaint",
    status_code=201,
    response_model=PublicReceiptBody,
    responses={**_ANSWERS, 202: {**_ANSWERS[202], "model": PublicReceiptBody}, **problems(429)},
)
async def make_complaint(
    deps: DepsHere,
    request: Request,
    body: Annotated[PublicComplaint, _example(PublicComplaint)],
    idempotency_key: KeyHeader = None,
) -> Response:
    """Make a complaint without signing in. The answer has a reference to quote and a secret link to follow it."""
    deps.throttle.pass_or_refuse(request.client.host if request.client else "")
    taken = await take_in(deps, _MAKER, "public", body, key=idempotency_key, channel=Channel.WEB)
    return taken.response(progress=await progress_link(deps, taken.reference))


async def progress_link(deps: Deps, reference: str, party: str = "P1") -> str:
    """A new secret link to a complaint's progress page."""
    token = await deps.directory.issue_portal_link(reference, party)
    return f"{deps.settings.base_url}{PROGRESS_PATH}{token}"
