"""The link that ends a report, for people and for mail programs (RFC 8058), without signing in.

Opening it changes nothing: mail scanners follow links. What is posted to it ends that one report of that one
member of staff, whatever the form has in it, from whatever network: mail programs post from their own servers
and carry neither session nor origin. Whoever got hold of a link can do no more than that with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from api.deps import Deps, DepsHere
from api.desk.portal_words import TAGS
from api.desk.rendering import page
from api.problems import Problem
from ledger.report_preferences import LONGEST, ReportKind, Subscription, refuse, refused

router = APIRouter(include_in_schema=False)

TokenHere = Annotated[str, Path(max_length=LONGEST)]
_HEADERS = {"X-Robots-Tag": "noindex, nofollow"}

_WORDS: Mapping[str, tuple[str, str]] = {
    ReportKind.MORNING_WORKLIST: ("the morning worklist", "今晨投訴工作"),
    ReportKind.WEEKLY_REPORT: ("the weekly report on your team", "團隊投訴週報"),
    ReportKind.OVERDUE_SUMMARY: ("the overdue summary", "逾期投訴摘要"),
    "title": ("Stop this mail", "停止接收此郵件"),
    "skip": ("Skip to the content", "跳至主要內容"),
    "ask": ("Do you want to stop getting {report}?", "是否停止接收{report}？"),
    "stop": ("Stop it", "停止接收"),
    "stopped": ("You do not get {report} any more.", "您將不再收到{report}。"),
    "others": (
        "Other mails go on as before; alerts about complaints are none that can be stopped here.",
        "其他郵件照常發送；有關投訴的提示不能在此停止。",
    ),
    "choose": ("Choose your mails at the desk", "前往工作台選擇郵件"),
}


@router.get("/unsubscribe/{token}")
async def ask(deps: DepsHere, request: Request, token: TokenHere) -> Response:
    """Ask whether they mean it."""
    found = await _found(deps, request, token)
    async with deps.reading.connect() as conn:
        over = found.kind in await refused(conn, found.staff)
    return _page(token, found, over=over)


@router.post("/unsubscribe/{token}")
async def end(deps: DepsHere, request: Request, token: TokenHere) -> Response:
    """End it, and say so; sent twice it stays ended."""
    found = await _found(deps, request, token)
    async with deps.sql.begin() as conn:
        await refuse(conn, found.staff, [found.kind], "link")
    return _page(token, found, over=True)


async def _found(deps: Deps, request: Request, token: str) -> Subscription:
    async with deps.reading.connect() as conn:
        found = await deps.report_links.find(conn, token)
    if found is None:
        deps.throttle.pass_or_refuse(request.client.host if request.client else "")
        raise Problem(
            404, "unknown_link",
            "This link opens nothing. Copy it whole from the mail, or sign in and choose your mails at the desk.",
        )  # fmt: skip
    return found


def _page(token: str, found: Subscription, *, over: bool) -> Response:
    language = "zh" if found.language.partition("-")[0] == "zh" else "en"

    def say(name: str) -> str:
        english, chinese = _WORDS[name]
        return chinese if language == "zh" else english

    return page(
        "unsubscribe.html",
        headers=_HEADERS,
        referrer="no-referrer",
        say=say,
        tag=TAGS[language],
        token=token,
        over=over,
        asked=say("ask").format(report=say(found.kind)),
        stopped=say("stopped").format(report=say(found.kind)),
    )
