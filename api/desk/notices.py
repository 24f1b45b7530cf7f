"""Notices as the desk shows them: what was told for information, what it is about, and the button that says seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from api.alerts import NoticeBody
from api.deps import DepsHere
from api.desk.ladder import Told, told_words
from api.desk.sessions import FormHere, SessionHere
from api.desk.times import Face
from api.problems import Problem
from ledger.alerts import PAGE_AT_MOST
from ledger.notices import mark_seen

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class NoticeShown:
    """One notice as the list shows it. `page` is the path of what it is about; `why` says why it is not open any more;
    `mine`: whoever looks may mark it as seen.
    """

    id: int
    words: str
    reference: str
    page: str
    clock: str
    due: str
    due_at: datetime | None
    told: Told
    owner: str
    why: str
    mine: bool


def notice_shown(notice: NoticeBody, names: Mapping[str, str], face: Face, reader: str) -> NoticeShown:
    """A notice in words, for this reader (a staff id)."""
    seen = f"Seen {face.at(notice.seen_at)}" if notice.seen_at else ""
    (told,) = told_words((notice.told,), names, face)
    return NoticeShown(
        id=notice.id,
        words=notice.words,
        reference=notice.reference or "",
        page=urlsplit(notice.link).path,
        clock=(notice.title or {}).get("en", ""),
        due=face.due(notice.due_at) if notice.due_at else "",
        due_at=notice.due_at,
        told=told,
        owner=names.get(notice.owner, "somebody who has left") if notice.owner else "",
        why=seen or ("What it tells of is over" if notice.over else ""),
        mine=notice.told.to == f"staff:{reader}" and notice.seen_at is None,
    )


@router.post("/desk/alerts/seen")
async def seen(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Mark notices as seen (field `id`, once for each), and come back to the list."""
    given = [str(value) for value in form.getlist("id")][:PAGE_AT_MOST]
    if not given or not all(value.isascii() and value.isdigit() and len(value) <= 18 for value in given):
        raise Problem(422, detail="This form is not whole. Load the page again, and send it from there.")
    async with deps.reading.connect() as conn:
        await mark_seen(conn, session.actor.id, [int(value) for value in given])
    back = str(form.get("back", ""))[:300]
    # Only what follows the question mark is taken from the form: it leads nowhere else.
    return RedirectResponse(f"/desk/alerts{'?' + back if back else ''}#notices", 303)
