"""Signing in and out: a password, a code where one is owed, then a session in a cookie that is shown to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.deps import Deps, DepsHere
from api.desk.rendering import page
from api.desk.sessions import (
    CSRF_FIELD,
    cookie_of,
    drop_cookie,
    require_same_origin,
    require_token,
    session_of,
    set_cookie,
)
from api.problems import Problem
from complaints.base import Actor
from ledger.directory import TooManyAttempts

router = APIRouter(include_in_schema=False)

START = "/desk"
_LONGEST = 1000


class Answer(NamedTuple):
    """What a form that is shown again says, as what."""

    status: int = 200
    error: str = ""
    headers: Mapping[str, str] | None = None


ASKED = Answer()
WRONG_CODE = Answer(401, "This code does not fit, or was used already. Wait for the next one, and type that.")
_WRONG = Answer(401, "This login and password do not belong together. Type the password again.")
_OVER = Answer(401, "That took too long, or was used already. Sign in again.")


def way_back(asked: str) -> str:
    """The page to go to after signing in: one of the desk's own, never an address somebody else put there."""
    parts = urlsplit(asked)
    ours = not parts.scheme and not parts.netloc and len(asked) <= _LONGEST and "\\" not in asked
    inside = parts.path == START or parts.path.startswith(f"{START}/")
    return asked if ours and inside and asked.isprintable() else START


@router.get("/")
async def front_door() -> Response:
    """Straight to the work."""
    return RedirectResponse(START, 303)


@router.get("/sign-in")
async def ask(
    deps: DepsHere,
    request: Request,
    next: Annotated[str, Query(max_length=_LONGEST)] = START,  # noqa: A002 - its name in the address
) -> Response:
    """The form; whoever is signed in already goes where they wanted to."""
    deps.admission.check_network(request)
    if await session_of(deps, request) is not None:
        return RedirectResponse(way_back(next), 303)
    return _asking(deps, way_back(next))


@router.post("/sign-in")
async def sign_in(deps: DepsHere, request: Request) -> Response:
    """Try a login and password; who has a second factor, or has to have one, is asked for a code then."""
    deps.admission.check_network(request)
    require_same_origin(deps, request)
    form = await request.form()
    login = "".join(c for c in str(form.get("login", ""))[:200] if c.isprintable())
    password = str(form.get("password", ""))[:1000]
    asked = way_back(str(form.get("next", START)))
    address = request.client.host if request.client else ""
    try:
        actor = await deps.directory.authenticate(login, password, address)
    except TooManyAttempts as wait:
        return _asking(deps, asked, login, too_many(wait))
    if actor is None:
        return _asking(deps, asked, login, _WRONG)
    if await deps.second_factors.has(actor.id):
        ticket = await deps.second_factors.ask(actor.id)
    elif deps.admission.needs_second_factor(actor):
        ticket = await deps.second_factors.offer(actor.id)
    else:
        return await let_in(deps, request, actor, asked)
    return await _asking_for_code(deps, asked, ticket)


@router.get("/sign-in/code")
async def begin_again() -> Response:
    """Whoever loads the second step's address begins with the first."""
    return RedirectResponse("/sign-in", 303)


@router.post("/sign-in/code")
async def second_step(deps: DepsHere, request: Request) -> Response:
    """Try a code of the factor they have, or of the one that they set up on the way."""
    deps.admission.check_network(request)
    require_same_origin(deps, request)
    form = await request.form()
    ticket, code = str(form.get("ticket", ""))[:200], str(form.get("code", ""))[:50]
    asked = way_back(str(form.get("next", START)))
    owed = await deps.second_factors.owed(ticket)
    person = await deps.directory.person(owed.staff) if owed else None
    if person is None:
        return _asking(deps, asked, "", _OVER)
    try:
        if not await deps.second_factors.prove(ticket, code):
            return await _asking_for_code(deps, asked, ticket, WRONG_CODE)
    except TooManyAttempts as wait:
        return await _asking_for_code(deps, asked, ticket, too_many(wait))
    actor = Actor(id=person.id, roles=person.roles, supervisor=person.supervisor)
    return await let_in(deps, request, actor, asked)


async def let_in(deps: Deps, request: Request, actor: Actor, asked: str) -> Response:
    """On to where they wanted. The session is always a new one, and an old one of this browser is closed.

    Raises Problem (403) out of hours.
    """
    await deps.admission.check_hour(actor)
    before = cookie_of(deps, request)
    if before is not None:
        await deps.directory.close_session(before)
    opened = await deps.directory.open_session(actor.id)
    response = RedirectResponse(asked, 303)
    set_cookie(deps, response, opened.id)
    return response


@router.post("/sign-out")
async def sign_out(deps: DepsHere, request: Request) -> Response:
    """End the session, in the record as in the browser; out may go whoever may not come in any more."""
    session = await session_of(deps, request)
    if session is None:
        raise Problem(401, detail="Sign in to see this page.")
    require_same_origin(deps, request)
    require_token(session, str((await request.form()).get(CSRF_FIELD, "")))
    held = cookie_of(deps, request)
    if held is not None:
        await deps.directory.close_session(held)
    response = RedirectResponse("/sign-in", 303)
    drop_cookie(deps, response)
    return response


def _asking(deps: Deps, asked: str, login: str = "", said: Answer = ASKED) -> Response:
    return page(
        "sign_in.html", said.status, headers=said.headers, next=asked, login=login, error=said.error,
        organisation=deps.settings.organisation,
    )  # fmt: skip


async def _asking_for_code(deps: Deps, asked: str, ticket: str, said: Answer = ASKED) -> Response:
    owed = await deps.second_factors.owed(ticket)
    if owed is None:
        return _asking(deps, asked, "", _OVER)
    return page(
        "sign_in_code.html", said.status, headers=said.headers, next=asked, ticket=ticket, new=owed.new,
        error=said.error,
    )  # fmt: skip


def too_many(wait: TooManyAttempts) -> Answer:
    """How long to wait, to the person and to the browser."""
    return Answer(
        429,
        f"Too many failed attempts. Wait {_waiting(wait.seconds)}, then try again.",
        {"Retry-After": str(wait.seconds)},
    )


def _waiting(seconds: int) -> str:
    minutes = -(-seconds // 60)
    if seconds < 60:
        return f"{seconds} seconds"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
