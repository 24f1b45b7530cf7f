"""The link for all in a storm's mail: a page that lists its complaints, and one button that acknowledges each.

Opening it changes nothing: mail scanners follow links. Whoever sends the form acts as the member of staff it was
written to. Each complaint is answered once, by the command that the desk gives; what could not be reached stays open,
and the button can be pressed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.deps import Deps, DepsHere
from api.desk.alert_link import HEADERS, TokenHere, form_of, key_of_link, unknown_link, written_to
from api.desk.rendering import page
from api.desk.times import Face
from api.fields import LONGEST_TEXT
from api.giving import give
from api.inputs import Told, body_of
from api.problems import Problem
from complaints.base import Actor, Refused
from complaints.chapters.escalation import AcknowledgeAlert
from ledger.alert_links import LinkedCall, LinkedMail
from ledger.directory import Bearer
from policies.pack import Pack
from workflows.client import EngineAway

router = APIRouter(include_in_schema=False)

AT_ONCE: Final = 6
"""How many complaints are answered at a time: a server takes ten updates for one workflow, these are many."""
PATIENCE: Final = 20.0
"""Seconds (real) after which no further complaint is begun: the rest is for the next press of the button."""
NOT_NOW: Final = "Not reached just now. Press the button again later."
NOT_YET: Final = "Not reached in time. Press the button again."
UNDER_WAY: Final = "Taken, and not on record yet."


Mark = Literal["acknowledged", "stopped", "failed", "firing"]


@dataclass(frozen=True)
class Line:
    """One complaint of the mail as the page shows it: `mark` and `word` are its state, `told` what came of it."""

    call: LinkedCall
    title: str
    due: str
    mark: Mark
    word: str
    told: str


@dataclass(frozen=True)
class Opened:
    """A link for all that was opened: the mail, whose it is, as whom they act."""

    token: str
    mail: LinkedMail
    actor: Actor

    @property
    def open(self) -> tuple[LinkedCall, ...]:
        """What the button would acknowledge; nothing once the link has expired."""
        return () if self.mail.over else tuple(call for call in self.mail.calls if call.stands == "open")


@router.get("/alerts/all/{token}")
async def show(deps: DepsHere, request: Request, token: TokenHere) -> Response:
    """The complaints of the mail, and how each stands."""
    return await _page(deps, await _opened(deps, request, token))


@router.post("/alerts/all/{token}")
async def answer(deps: DepsHere, request: Request, token: TokenHere) -> Response:
    """Acknowledge each that is still open, and say of each what came of it."""
    form = await form_of(deps, request, token)
    here = await _opened(deps, request, token)
    await deps.admission.check_hour(here.actor)
    if here.mail.over:
        return await _page(deps, here, status=410)
    note = str(form.get("note", ""))
    try:
        body_of(AcknowledgeAlert).model_validate(_sent("clock", note))
    except ValidationError:
        trouble = f"The note has at most {LONGEST_TEXT} characters, and no control characters."
        return await _page(deps, here, note=note, trouble=trouble, status=422)
    came = await _acknowledged(deps, here, note)
    status = 503 if came and all(told == NOT_NOW for told in came.values()) else 200
    return await _page(deps, await _opened(deps, request, token), note=note, came=came, status=status)


async def _opened(deps: Deps, request: Request, token: str) -> Opened:
    """What this link opens. Raises Problem: 404 for one that is not known, 429 for who tries too many, 403."""
    deps.admission.check_network(request)
    async with deps.reading.connect() as conn:
        mail = await deps.alert_links.find_all(conn, token, deps.clock.now())
    actor = None if mail is None else await written_to(deps, mail.staff)
    if mail is None or actor is None:
        raise unknown_link(deps, request, "your alerts")
    return Opened(token, mail, actor)


async def _acknowledged(deps: Deps, here: Opened, note: str) -> Mapping[int, str]:
    """{row: what stood in the way} of those that were open and were not acknowledged; a few at a time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    hands, came = asyncio.Semaphore(AT_ONCE), dict[int, str]()

    async def one(call: LinkedCall) -> None:
        async with hands:
            if loop.time() > until:
                came[call.row] = NOT_YET
            elif (trouble := await _give(deps, here, call, note)) is not None:
                came[call.row] = trouble

    # Each to its end: what fails of one, such as a database that is away, is raised once all are done.
    for failed in await asyncio.gather(*(one(call) for call in here.open), return_exceptions=True):
        if isinstance(failed, BaseException):
            raise failed
    return came


async def _give(deps: Deps, here: Opened, call: LinkedCall, note: str) -> str | None:
    """Acknowledge one; what stands in its way, or None once it is on record."""
    body: Told = body_of(AcknowledgeAlert).model_validate(_sent(call.clock, note))
    key = key_of_link(call.row, "acknowledge", "", note)
    try:
        given = await give(deps, Bearer(actor=here.actor), call.reference, AcknowledgeAlert, body, key=key)
    except Refused as refused:
        return refused.sentence
    except Problem as problem:
        return problem.detail
    except EngineAway:
        return NOT_NOW
    if given.outcome is None:
        return UNDER_WAY
    async with deps.reading.connect() as conn:
        await deps.alert_links.use_each(conn, call.rows, here.mail.staff, "acknowledge")
    return None


def _sent(clock: str, note: str) -> dict[str, str]:
    return {"clock": clock} | ({"note": note} if note.strip() else {})


async def _page(
    deps: Deps,
    here: Opened,
    *,
    note: str = "",
    trouble: str = "",
    came: Mapping[int, str] | None = None,
    status: int = 200,
) -> Response:
    mail = here.mail
    packs = {(pack.name, pack.version): pack for pack in await deps.packs.all()}
    names = await deps.directory.names({call.acknowledged_by for call in mail.calls if call.acknowledged_by})
    lines = [_line(deps, call, packs, names, (came or {}).get(call.row, "")) for call in mail.calls]
    return page(
        "storm_link.html",
        status,
        headers=HEADERS,
        referrer="no-referrer",
        here=here,
        lines=lines,
        pressed=came is not None,
        done=sum(line.call.stands == "used" for line in lines),
        note=note,
        trouble=trouble,
        longest=LONGEST_TEXT,
    )


def _line(
    deps: Deps,
    call: LinkedCall,
    packs: Mapping[tuple[str, int], Pack],
    names: Mapping[str, str],
    trouble: str,
) -> Line:
    pack = packs.get((call.pack, call.pack_version))
    face = Face(pack.timezone if pack else "UTC", deps.clock.now())
    titles: Sequence[str] = (
        [rule.title["en"] for rule in pack.clocks if rule.id == call.clock] if pack else []
    )
    mark, word, told = _stands(deps, call, face, names, trouble)
    return Line(
        call=call,
        title=titles[0] if titles else call.clock,
        due=face.due(call.due_at) if call.due_at else "",
        mark=mark,
        word=word,
        told=told,
    )


def _stands(
    deps: Deps, call: LinkedCall, face: Face, names: Mapping[str, str], trouble: str
) -> tuple[Mark, str, str]:
    """How one complaint of the mail stands: the mark, the word, and the sentence."""

    def real(at: datetime) -> str:
        return face.at(deps.clock.spec.virtual(at))

    held = f" The ladder is held until {face.at(call.held_until)}." if call.held and call.held_until else ""
    match call.stands:
        case "used":
            when = f" {real(call.used_at)}" if call.used_at else ""
            return "acknowledged", "Acknowledged", f"From this mail{when}.{held}"
        case "over":
            return "stopped", "Over", "No longer called for: its deadline was met, or fell away."
        case "acknowledged":
            who = names.get(call.acknowledged_by or "", "Somebody who has left")
            return "acknowledged", "Answered", f"{who} acknowledged it already.{held}"
        case "open":
            return (
                ("failed", "Not done", trouble)
                if trouble
                else ("firing", "Open", "Nobody has acknowledged it.")
            )
