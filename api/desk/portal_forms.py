"""What the customer sends from the progress page: asked again where it has consequences, then given as a command."""

from __future__ import annotations

import re
import secrets
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.attachments import attach
from api.deps import DepsHere
from api.desk.portal import (
    ASPECTS,
    CHANNELS,
    WAYS,
    Guest,
    LanguageAsked,
    TokenHere,
    Typed,
    guest_of,
    progress_page,
)
from api.desk.portal_words import LANGUAGES, MAIL_ADDRESS
from api.desk.rendering import page
from api.desk.sessions import require_same_origin
from api.fields import CODE_PATTERN
from api.giving import Given, give
from api.inputs import Told, body_of
from api.multipart import upload
from api.problems import Problem
from api.unavailable import engine_away
from complaints.base import Refused
from policies.vocabulary import Channel
from workflows.client import EngineAway

router = APIRouter(include_in_schema=False)

_KEY = re.compile(CODE_PATTERN)
_REMEDY = re.compile(r"R[0-9]{1,6}")
_FIVE = tuple(str(n) for n in range(1, 6))
_IN_ITS_LANGUAGE = {"no_address": "channel_where", "nothing_changes": "channel_same"}
"""What choosing a channel can be refused for, by the refusal's code."""
_SCORES = {"score": _FIVE, **dict.fromkeys(ASPECTS, _FIVE), "recommend": tuple(str(n) for n in range(11))}
"""What may be sent for each score; anything else counts as not answered."""


@router.post("/progress/{token}/answer")
async def answer(deps: DepsHere, request: Request, token: TokenHere, lang: LanguageAsked = None) -> Response:
    """A message, a score, an answer to our answer: given as the party that the link belongs to."""
    require_same_origin(deps, request, secret_address=True)
    guest = await guest_of(deps, request, token, lang)
    form = await request.form()
    what, words = _sent(form, "what"), _sent(form, "words")
    remedy = found if _REMEDY.fullmatch(found := _sent(form, "remedy")) else ""
    scores = {name: found for name in _SCORES if (found := _sent(form, name)) in _SCORES[name]}
    channel = found if (found := _sent(form, "channel")) in CHANNELS else ""
    way = WAYS.get(what)

    def back(trouble: str, status: int = 422, key: str | None = None) -> Response:
        came = Typed(what or _sent(form, "form"), words, trouble, status, key, remedy, scores, channel)
        return progress_page(deps, guest, typed=came)

    if way is None:
        return back(guest.voice("choose"))
    if way.needs_words and not words.strip():
        return back(guest.voice("write_something"))
    if way.asks_again and _sent(form, "sure") != "yes":
        return _ask_again(guest, what, words, remedy)
    raw: dict[str, Any] = {way.words: words} if words.strip() else {}
    match what:
        case "message":
            raw["channel"] = Channel.WEB
        case "satisfaction":
            if "score" not in scores:
                return back(guest.voice("choose"))
            raw |= {name: int(found) for name, found in scores.items()}
        case "channel":
            if not channel:
                return back(guest.voice("choose"))
            if channel == Channel.MAIL and words.strip() and not MAIL_ADDRESS.fullmatch(words.strip()):
                return back(guest.voice("bad_address"))
            raw |= {"channel": channel, "party": guest.bearer.actor.id.removeprefix("party:")}
        case "accept" | "refuse":
            raw["remedy"] = remedy
    try:
        body: Told = body_of(way.command).model_validate(raw)
    except ValidationError:
        return back(guest.voice("write_something"))
    key = _key(_sent(form, "key"))
    try:
        given = await give(deps, guest.bearer, guest.case.reference, way.command, body, key=key)
    except (Refused, Problem, EngineAway) as error:
        problem = _problem(error)
        known = _IN_ITS_LANGUAGE.get(problem.code)
        trouble = guest.voice(known) if known and what == "channel" else problem.detail
        return back(trouble, problem.status, key if problem.status >= 500 else None)
    return _answered(guest, given, what)


@router.post("/progress/{token}/attachments")
async def send_file(
    deps: DepsHere, request: Request, token: TokenHere, lang: LanguageAsked = None
) -> Response:
    """A file from the customer, read as it streams in."""
    require_same_origin(deps, request, secret_address=True)
    guest = await guest_of(deps, request, token, lang)
    deps.throttle.pass_or_refuse(request.client.host if request.client else "")
    sent = await upload(request)
    key = _key(sent.fields.get("key", ""))
    try:
        given = await attach(deps, guest.bearer, guest.case.reference, sent, key=key, version=None)
    except (Refused, Problem, EngineAway) as error:
        problem = _problem(error)
        return progress_page(deps, guest, typed=Typed("file", "", problem.detail, problem.status))
    return _answered(guest, given, "file")


def _ask_again(guest: Guest, what: str, words: str, remedy: str) -> Response:
    """The page that says what will follow, before it does."""
    return page(
        "sure.html",
        headers={"X-Robots-Tag": "noindex, nofollow"},
        referrer="no-referrer",
        guest=guest,
        say=guest.voice,
        languages=LANGUAGES,
        what=what,
        words=words,
        remedy=remedy,
        key=secrets.token_urlsafe(16),
    )


def _answered(guest: Guest, given: Given, what: str) -> Response:
    told = "waiting" if given.outcome is None else what
    return RedirectResponse(f"{guest.address()}&done={told}#done", 303)


def _problem(error: Exception) -> Problem:
    match error:
        case Refused():
            return Problem.of_refusal(error)
        case Problem():
            return error
        case _:
            return engine_away()


def _sent(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _key(sent: str) -> str:
    return sent if _KEY.match(sent) else secrets.token_urlsafe(16)
