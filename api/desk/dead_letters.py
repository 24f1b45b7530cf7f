"""Dead letters at the desk: messages that were given up, to whom and why, and the buttons that send them again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from api.deps import DepsHere
from api.desk.ladder import way
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere, at_the_desk
from api.desk.times import Face
from api.desk.words import headed, recipient, said
from api.problems import Problem
from api.status import disturbances_if_known
from complaints.base import Refused
from complaints.references import is_systemic, parse
from ledger.directory import Session
from ledger.outbox import DeadLetter, dead_letters, resend, resend_all
from policies.vocabulary import Role

_PAGE = 50
WHO = (Role.ADMINISTRATOR, Role.SUPERVISOR)
"""Who looks after what was given up."""
_KINDS: Mapping[str, str] = {
    "letter": "Letter to the customer",
    "alert_warning": "Alert: a deadline is near",
    "alert_breach": "Alert: a deadline was missed",
    "alert_expired": "Alert: an acknowledgement expired",
    "alert_nobody": "Alert: nobody was there to alert",
    "alert_escalation": "Alert: a complaint was escalated",
    "alert_low_score": "Alert: a low score",
    "alert_unreachable": "Alert: another alert did not arrive",
}

_log = structlog.get_logger("api")


async def who_looks_after(session: Annotated[Session, Depends(at_the_desk)]) -> None:
    """Let in who looks after what was given up. Raises Problem (403)."""
    if not session.actor.has(*WHO):
        who = ", ".join(said(role) for role in WHO)
        raise Problem(403, "not_allowed", f"Dead letters are for: {who}.", who=who)


router = APIRouter(include_in_schema=False, dependencies=[Depends(who_looks_after)])


@dataclass(frozen=True)
class Dead:
    """One message that was given up, in words."""

    id: int
    what: str
    about: str
    address: str
    whom: str
    over: str
    why: str
    attempts: int
    queued_at: datetime
    queued: str


@router.get("/desk/dead-letters")
async def show(
    deps: DepsHere,
    session: SessionHere,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    sent: Annotated[int | None, Query(ge=0, le=10**9)] = None,
) -> Response:
    """What was given up, the latest first. `sent` is how many were just sent again."""
    async with deps.reading.connect() as conn:
        found = await dead_letters(conn, limit=_PAGE, before=before)
    names = {member.id: member.name for member in await deps.directory.everyone()}
    zones = {pack.timezone for pack in await deps.packs.all()}
    face = Face(next(iter(zones)) if len(zones) == 1 else "UTC", deps.clock.now())
    return page(
        "dead_letters.html",
        session=session,
        disturbances=await disturbances_if_known(deps),
        rows=[_dead(letter, names, face, deps.clock.spec.virtual(letter.queued_at)) for letter in found],
        more=f"/desk/dead-letters?before={found[-1].id}" if len(found) == _PAGE else None,
        further=before is not None,
        face=face,
        sent=sent,
    )


@router.post("/desk/dead-letters")
async def send_again(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Send again those that the form names or, with `all`, whatever was given up."""
    by = session.actor.id
    ids = [int(each) for each in form.getlist("id") if isinstance(each, str) and _is_id(each)]
    async with deps.sql.begin() as conn:
        if form.get("all") == "yes":
            count = await resend_all(conn, by=by)
        else:
            count = sum([await resend(conn, id_, by=by) for id_ in ids[:_PAGE]])
    _log.info("dead letters sent again", staff=by, count=count)
    return RedirectResponse(f"/desk/dead-letters?sent={count}#done", 303)


def _is_id(given: str) -> bool:
    return given.isascii() and given.isdigit() and len(given) < 19


def _dead(letter: DeadLetter, names: Mapping[str, str], face: Face, queued_at: datetime) -> Dead:
    about, address = _about(letter.stream)
    return Dead(
        id=letter.id,
        what=_KINDS.get(letter.kind) or headed(letter.kind),
        about=about,
        address=address,
        whom=headed(recipient(letter.recipient, names)),
        over=way(letter.channel),
        why=_why(letter.last_error),
        attempts=letter.attempts,
        queued_at=queued_at,
        queued=face.at(queued_at),
    )


def _about(stream: str) -> tuple[str, str]:
    """What a message is about, and the page of it; no address where there is none."""
    try:
        reference = parse(stream)
    except Refused:
        return headed(re.split("[:/]", stream)[0]), ""
    where = "systemic" if is_systemic(reference) else "complaints"
    return reference, f"/desk/{where}/{reference}"


def _why(status: str | None) -> str:
    """What the last attempt was answered, in words, with the code for whoever looks further."""
    if not status:
        return "Not known"
    match status[0]:
        case "4":
            return f"Put off too often ({status})"
        case "5":
            return f"Refused ({status})"
        case _:
            return headed(status)
