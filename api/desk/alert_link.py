"""The link in an alert's mail: a page that says what acknowledging does, and a form that does it, without signing in.

Opening the link changes nothing: mail scanners follow links. Whoever sends the form acts as the member of
staff it was written to, by the same command that the desk gives, once.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.deps import Deps, DepsHere
from api.desk.choices import Around, Choice, people
from api.desk.clocks import state_of, word
from api.desk.forms import instant_typed
from api.desk.ladder import hold_words, snoozes
from api.desk.rendering import page
from api.desk.sessions import require_same_origin
from api.desk.times import Face
from api.fields import LONGEST_TEXT
from api.giving import give
from api.inputs import body_of
from api.ladder import LadderBody, ladders_of
from api.problems import Problem
from api.reads import folded
from api.unavailable import engine_away
from complaints.base import Actor, Command, Refused
from complaints.case import Case
from complaints.chapters.escalation import AcknowledgeAlert, SnoozeAlert
from complaints.chapters.ownership import OfferHandover
from complaints.lifecycle import possible
from ledger.alert_links import LONGEST, Linked
from ledger.directory import Bearer
from policies.pack import Pack
from workflows.client import EngineAway

router = APIRouter(include_in_schema=False)

COMMANDS: Mapping[str, type[Command]] = {
    "acknowledge": AcknowledgeAlert,
    "snooze": SnoozeAlert,
    "hand_over": OfferHandover,
}
"""What a link can be used for."""
HEADERS = {"X-Robots-Tag": "noindex, nofollow"}

TokenHere = Annotated[str, Path(max_length=LONGEST)]


@dataclass(frozen=True)
class Opened:
    """A link that was opened: the alert it belongs to, whose it is, and how the clock stands now.

    `ladder` is None where the pack has no ladder for the clock any more.
    """

    token: str
    linked: Linked
    actor: Actor
    case: Case
    pack: Pack
    face: Face
    ladder: LadderBody | None

    @property
    def title(self) -> str:
        """What the pack calls the clock."""
        found = (rule.title["en"] for rule in self.pack.clocks if rule.id == self.linked.clock)
        return next(found, self.linked.clock)

    @property
    def due_at(self) -> datetime | None:
        """The due moment, as it stands or stood."""
        return self.ladder.due_at if self.ladder else None

    @property
    def stands(self) -> Literal["open", "used", "expired", "over", "acknowledged"]:
        """What the link is good for now."""
        if self.linked.used is not None:
            return "used"
        if self.linked.over:
            return "expired"
        if self.ladder is None or not self.ladder.running:
            return "over"
        return "acknowledged" if self.ladder.acknowledged_at is not None else "open"


@dataclass(frozen=True)
class Said:
    """What a form says: what is to be done, the note, until when to be silent, and whom to hand over to."""

    what: str
    note: str
    until: str
    to: str


@dataclass(frozen=True)
class Typed:
    """A form that came back: what was typed, and what stands in its way."""

    note: str
    trouble: str
    status: int


async def opened(deps: Deps, request: Request, token: str) -> Opened:
    """What this link opens. Raises Problem: 404 for one that is not known, 429 for who tries too many, 403."""
    deps.admission.check_network(request)
    async with deps.reading.connect() as conn:
        linked = await deps.alert_links.find(conn, token)
    actor = None if linked is None else await written_to(deps, linked.staff)
    if linked is None or actor is None:
        raise unknown_link(deps, request, "the complaint")
    case, happenings = await folded(deps, linked.reference)
    packs = await deps.packs.under(case)
    ladders = await ladders_of(deps, case, happenings)
    mine = (
        ladder for ladder in ladders if (ladder.clock, ladder.occurrence) == (linked.clock, linked.occurrence)
    )
    return Opened(
        token=token,
        linked=linked,
        actor=actor,
        case=case,
        pack=packs.now,
        face=Face(packs.now.timezone, deps.clock.now()),
        ladder=next(mine, None),
    )


async def written_to(deps: Deps, staff: str) -> Actor | None:
    """Whoever a link was written to, as they may act now; None for who works here no more."""
    person = await deps.directory.person(staff)
    return None if person is None else Actor(id=person.id, roles=person.roles, supervisor=person.supervisor)


def unknown_link(deps: Deps, request: Request, what: str) -> Problem:
    """The answer to a link that opens nothing; `what` can be opened at the desk instead.

    Raises Problem (429) for who tries too many.
    """
    deps.throttle.pass_or_refuse(request.client.host if request.client else "")
    return Problem(
        404, "unknown_link",
        f"This link opens nothing. Copy it whole from the mail, or sign in and open {what} at the desk.",
    )  # fmt: skip


async def form_of(deps: Deps, request: Request, token: str) -> FormData:
    """The form that was sent from a link's own page. Raises Problem: 403 from elsewhere, 422 for one not whole."""
    require_same_origin(deps, request, secret_address=True)
    form = await request.form()
    if not hmac.compare_digest(str(form.get("token", "")).encode(), token.encode()):
        raise Problem(422, detail="This form is not whole. Open the link again, and send it from there.")
    return form


@router.get("/alerts/{token}")
async def show(deps: DepsHere, request: Request, token: TokenHere) -> Response:
    """What the alert is about, and what acknowledging it would do."""
    return await _page(deps, await opened(deps, request, token))


@router.post("/alerts/{token}")
async def answer(deps: DepsHere, request: Request, token: TokenHere) -> Response:
    """Acknowledge, snooze or hand over, as whoever the mail was written to, once."""
    form = await form_of(deps, request, token)
    here = await opened(deps, request, token)
    await deps.admission.check_hour(here.actor)
    if here.stands in ("used", "expired", "over"):
        return await _page(deps, here, status=410)
    what = str(form.get("what", ""))
    if what not in COMMANDS:
        raise Problem(422, detail="This form is not whole. Open the link again, and send it from there.")
    said = Said(what, *(str(form.get(name, "")) for name in ("note", "until", "to")))
    trouble = await _give(deps, here, said)
    if trouble is not None:
        return await _page(deps, here, typed=trouble)
    async with deps.reading.connect() as conn:
        await deps.alert_links.use(conn, here.linked, what)
    return RedirectResponse(f"/alerts/{token}", 303)


def key_of_link(row: int, what: str, until: str, note: str) -> str:
    """The idempotency key of what is sent from a link: that of the alert (an outbox id) and of what was meant.

    `until` is the moment of a snooze, or whom a complaint is offered to; empty for neither.
    """
    meant = hashlib.sha256(f"{what}|{until}|{note}".encode()).hexdigest()[:32]
    return f"alert-link-{row}-{meant}"


async def _give(deps: Deps, here: Opened, said: Said) -> Typed | None:
    """Give the command; what stands in its way, or None once it is taken.

    The key hangs on the link and on what was sent. So the link is marked as used only afterwards: sent
    twice in the same moment, or again after an answer that nobody saw, the command is done once.
    """
    command, note = COMMANDS[said.what], said.note
    handing_over = command is OfferHandover
    sent: dict[str, Any] = {"to": said.to} if handing_over else {"clock": here.linked.clock}
    if note.strip():
        sent["reason" if handing_over else "note"] = note
    if command is SnoozeAlert:
        sent["until"] = instant_typed(said.until, here.face.zone)
    try:
        body = body_of(command).model_validate(sent)
    except ValidationError as error:
        about_note = any(item["loc"][:1] in (("note",), ("reason",)) for item in error.errors())
        if about_note:
            sentence = f"The note has at most {LONGEST_TEXT} characters, and no control characters."
        elif handing_over:
            sentence = "Choose the colleague whom the complaint is offered to."
        else:
            sentence = "Choose until when the alert is to be silent."
        return Typed(note, sentence, 422)
    key = key_of_link(here.linked.row, said.what, str(sent.get("until") or sent.get("to") or ""), note)
    try:
        await give(deps, Bearer(actor=here.actor), here.linked.reference, command, body, key=key)
    except Refused as refused:
        return Typed(note, refused.sentence, Problem.of_refusal(refused).status)
    except Problem as problem:
        return Typed(note, problem.detail, problem.status)
    except EngineAway:
        away = engine_away()
        return Typed(note, away.detail, away.status)
    return None


async def _colleagues(deps: Deps, here: Opened) -> tuple[Choice, ...]:
    """Whom this person may offer the complaint to just now; nobody where it is not theirs to offer."""
    case, now = here.case, here.face.now
    if here.stands not in ("open", "acknowledged"):
        return ()
    if possible(here.pack, case, OfferHandover, here.actor, now) is not None:
        return ()
    staff = await deps.directory.everyone()
    found = people(OfferHandover, Around(case, here.pack, staff, here.face, lambda ref: ""))
    return tuple(one for one in found if one.value not in (case.ownership.owner, here.actor.id))


async def _page(deps: Deps, here: Opened, *, typed: Typed | None = None, status: int = 200) -> Response:
    ladder, face = here.ladder, here.face
    due, rule = here.due_at, here.pack.clock(here.linked.clock)
    run = here.case.clocks.find(here.linked.clock, here.linked.occurrence)
    state = state_of(here.pack, rule, run.started_at, due, face.now)
    stands = here.stands
    spec = deps.clock.spec
    return page(
        "alert_link.html",
        typed.status if typed else status,
        headers=HEADERS,
        referrer="no-referrer",
        here=here,
        stands=stands,
        late=status == 410,
        face=face,
        due=face.due(due) if due is not None else "",
        due_at=due,
        state=state,
        word=word(state),
        rung=here.linked.rung + 1,
        what=hold_words(ladder, face) if ladder is not None else "",
        held=ladder.held_until if ladder is not None else None,
        note_required=ladder is not None and ladder.note_required,
        snoozes=tuple(snoozes(ladder, face))
        if ladder is not None and stands in ("open", "acknowledged")
        else (),
        colleagues=await _colleagues(deps, here),
        used_at=spec.virtual(here.linked.used_at) if here.linked.used_at else None,
        typed=typed,
        longest=LONGEST_TEXT,
    )
