"""Mail that came in, at the desk: what waits for a person and why, one mail opened, and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, get_args

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from activities.inbound.by_hand import DropReason
from api.deps import Deps, DepsHere
from api.desk.choices import Choice
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere
from api.desk.times import Face
from api.desk.words import headed
from api.inbound import (
    Asked,
    Dropping,
    MailHere,
    Making,
    Placing,
    dropped,
    listed,
    made,
    opened,
    permit_reader,
    placed,
)
from api.problems import Problem
from api.status import disturbances_if_known
from complaints.base import Refused
from ledger import inbound
from ledger.directory import Session
from ledger.inbound import Kept, State
from policies.pack import Pack

router = APIRouter(include_in_schema=False)

WHY: Mapping[str, str] = {
    "new": "It is about something new, and no pack is set for new complaints by mail.",
    "empty": "It says nothing.",
    "no_sender": "It does not say who it is from.",
    "unknown_sender": "It names a complaint, but comes from an address that nobody in it has.",
    "unknown_reference": "It names a complaint that there is not.",
    "unknown_thread": "It answers a mail of ours that is not known any more.",
    "several_complaints": "It may belong to several complaints.",
    "authority_revoked": "Its sender’s authority to act for the customer has ended.",
    "erased": "The texts of its complaint were erased.",
    "from_staff": "It comes from a colleague and names no complaint.",
    "conflict_declared": "It comes from a colleague who is recused from its complaint.",
    "unreadable": "It could not be read.",
    "damaged": "It does not decrypt.",
    "our_own": "It is a mail of our own that came back.",
    "too_many_hops": "It has passed through too many mail systems.",
    "too_many": "Its sender writes more mails an hour than a person does.",
    "auto_submitted": "A machine sent it.",
    "auto_reply": "A machine sent it.",
    "vacation": "It says that somebody is away.",
    "bulk": "It was sent to many.",
    "list": "It comes from a mailing list.",
    "no_return_path": "It came without a return path, as machines send.",
    "not_ours": "It reports on a mail that is not ours.",
    "spam": "Spam",
    "advertising": "Advertising",
    "duplicate": "It is there already.",
    "private": "It is private.",
    "not_for_us": "It is meant for somebody else.",
    "nothing_said": "It says nothing.",
}
"""Why a mail waits, or what became of it, by its code; what a complaint refused has the refusal's code."""

STATES: Mapping[State, str] = {
    State.UNPLACED: "Waiting for a person",
    State.RECEIVED: "Being placed",
    State.PLACED: "With their complaints",
    State.AUTO_REPLY: "Automatic replies",
    State.BOUNCE: "Reports of mail systems",
    State.LOOP: "Loops",
    State.OVERSIZED: "Too large",
    State.DROPPED: "Dropped",
}
DROPS: Mapping[str, str] = {reason: WHY[reason].rstrip(".") for reason in get_args(DropReason)}


def why_words(kept: Kept) -> str:
    """Why it waits, in a sentence."""
    if kept.state is State.OVERSIZED:
        return "It was larger than what is taken in; its sender was told."
    if kept.why is None:
        return ""
    if kept.state is State.BOUNCE and kept.why != "not_ours":
        action, _, status = kept.why.partition(" ")
        told = (
            "A mail of ours did not arrive." if action == "failed" else "A mail of ours is on its way still."
        )
        return f"{told} ({status})" if status else told
    return WHY.get(kept.why, f"Its complaint did not take it: {headed(kept.why).lower()}.")


@router.get("/desk/inbound")
async def show_all(
    deps: DepsHere,
    session: SessionHere,
    state: Annotated[str, Query(max_length=20)] = State.UNPLACED.value,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The mails in a state, newest first; `done` is set where one was just settled."""
    permit_reader(session.actor)
    try:
        asked = Asked.model_validate({"state": state, "before": before})
    except ValidationError:
        raise Problem(422, detail="There are no mails of this kind; choose from the list.") from None
    mails = await listed(deps, asked)
    async with deps.reading.connect() as conn:
        counts = await inbound.counts(conn)
    who = {kept.settled_by for kept in mails if kept.settled_by is not None}
    return page(
        "inbound.html",
        session=session,
        disturbances=await disturbances_if_known(deps),
        mails=mails,
        asked=asked,
        full=len(mails) == asked.limit,
        states=STATES,
        counts=counts,
        openable=inbound.OPEN,
        why=why_words,
        size=_size,
        names=await deps.directory.names(who),
        done=done if done in ("placed", "dropped") else "",
        face=await _face(deps),
    )


@router.get("/desk/inbound/{mail}")
async def show_one(deps: DepsHere, session: SessionHere, mail: MailHere) -> Response:
    """One mail that waits, opened. That it was read is recorded."""
    return await _mail(deps, session, mail)


@router.post("/desk/inbound/{mail}/place")
async def place(deps: DepsHere, session: SessionHere, form: FormHere, mail: MailHere) -> Response:
    """Give it to the complaint whose reference was typed."""
    typed, note = _given(form.get("reference")), form.get("as_note") == "on"
    try:
        await placed(deps, session.actor, mail, Placing(reference=typed, as_note=note))
    except ValidationError:
        fault = "Give the complaint’s reference."
        return await _mail(deps, session, mail, faulty="reference", fault=fault, typed=typed, note=note)
    except Refused as refused:
        fault = refused.sentence
        return await _mail(deps, session, mail, faulty="reference", fault=fault, typed=typed, note=note)
    return RedirectResponse("/desk/inbound?done=placed#done", 303)


@router.post("/desk/inbound/{mail}/receive")
async def receive(deps: DepsHere, session: SessionHere, form: FormHere, mail: MailHere) -> Response:
    """Make it a complaint under the pack that was chosen."""
    chosen = _given(form.get("pack"))
    try:
        kept = await made(deps, session.actor, mail, Making(pack=chosen or None))
    except ValidationError:
        return await _mail(
            deps, session, mail, faulty="pack", fault="Choose a pack from the list.", typed=chosen
        )
    except Refused as refused:
        return await _mail(deps, session, mail, faulty="pack", fault=refused.sentence, typed=chosen)
    return RedirectResponse(f"/desk/received/{kept.reference}", 303)


@router.post("/desk/inbound/{mail}/drop")
async def drop(deps: DepsHere, session: SessionHere, form: FormHere, mail: MailHere) -> Response:
    """Drop it, for the reason that was chosen."""
    try:
        body = Dropping.model_validate({"reason": _given(form.get("reason"))})
    except ValidationError:
        return await _mail(deps, session, mail, faulty="reason", fault="Choose why it is nothing.")
    await dropped(deps, session.actor, mail, body)
    return RedirectResponse("/desk/inbound?done=dropped#done", 303)


async def _mail(
    deps: Deps,
    session: Session,
    mail: int,
    *,
    faulty: str = "",
    fault: str = "",
    typed: str = "",
    note: bool | None = None,
) -> Response:
    kept, said = await opened(deps, session.actor, mail)
    newest: dict[str, Pack] = {found.name: found for found in await deps.packs.all()}
    usual = deps.settings.inbound_pack or deps.settings.pack
    staff = {member.email.lower() for member in await deps.directory.everyone()}
    return page(
        "inbound_mail.html",
        422 if fault else 200,
        session=session,
        disturbances=await disturbances_if_known(deps),
        kept=kept,
        mail=said,
        why=why_words(kept),
        quoted=said.text != said.own,
        size=_size,
        packs=[Choice(name, found.title["en"]) for name, found in newest.items()],
        pack=typed if faulty == "pack" else usual,
        reference=typed if faulty == "reference" else next(iter(said.references), kept.reference or ""),
        as_note=said.address.lower() in staff if note is None else note,
        drops=DROPS,
        faulty=faulty,
        fault=fault,
        face=await _face(deps),
    )


def _given(value: object) -> str:
    return value.strip()[:200] if isinstance(value, str) else ""


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1024 else f"{-(-count // 1024):,} KiB"


async def _face(deps: Deps) -> Face:
    zone = next((pack.timezone for pack in await deps.packs.all()), "UTC")
    return Face(zone, deps.clock.now())
