"""My mails: which reports a member of staff gets, and in which language mails to them are written."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from api.deps import Deps, DepsHere
from api.desk.portal_words import LANGUAGES, TAGS
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere
from api.problems import Problem
from ledger.directory import Session
from ledger.report_preferences import ReportKind, refuse, refused, set_language, want

router = APIRouter(include_in_schema=False)

REPORTS: Mapping[ReportKind, tuple[str, str]] = {
    ReportKind.MORNING_WORKLIST: (
        "Morning worklist",
        "On working mornings, where you own complaints or were offered one: what is overdue, what is due today,"
        " what waits for your answer, and alerts that nobody has acknowledged.",
    ),
    ReportKind.WEEKLY_REPORT: (
        "Weekly report",
        "On Mondays, where you supervise somebody: your team's open and overdue complaints, what was breached last"
        " week, who has how much, and handovers that nobody has accepted.",
    ),
    ReportKind.OVERDUE_SUMMARY: (
        "Overdue summary",
        "Every morning, for department heads and compliance officers: all that is overdue, the oldest first, and"
        " counted by clock.",
    ),
}
"""What each report is called, when it comes, and to whom."""


@router.get("/desk/mails")
async def show(deps: DepsHere, session: SessionHere, done: str = "") -> Response:
    """What they get now."""
    return await _page(deps, session, done=bool(done))


@router.post("/desk/mails")
async def keep(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Keep what they chose. Raises Problem (422) for a language that there is not."""
    language = str(form.get("language", ""))
    if language not in LANGUAGES:
        raise Problem(422, detail="Choose one of the languages of the page, and send it again.")
    wanted = {kind for kind in ReportKind if form.get(kind)}
    me = session.actor.id
    async with deps.sql.begin() as conn:
        await want(conn, me, wanted)
        await refuse(conn, me, set(ReportKind) - wanted, "desk")
        await set_language(conn, me, language, me)
    return RedirectResponse("/desk/mails?done=1", 303)


async def _page(deps: Deps, session: Session, *, done: bool) -> Response:
    async with deps.reading.connect() as conn:
        without = await refused(conn, session.actor.id)
    spoken = session.language.partition("-")[0]
    return page(
        "my_mails.html",
        session=session,
        done=done,
        reports=[(str(kind), *words, kind not in without) for kind, words in REPORTS.items()],
        languages=[(code, TAGS[code], name) for code, name in LANGUAGES.items()],
        spoken=spoken if spoken in LANGUAGES else "en",
        at=f"{deps.settings.morning_at:%H:%M}",
    )
