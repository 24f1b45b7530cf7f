"""Signing in and out: a password once, then a session that the browser keeps in a cookie it shows to nobody."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.deps import DepsHere
from api.desk.rendering import page
from api.desk.sessions import (
    FormHere,
    cookie_of,
    drop_cookie,
    require_same_origin,
    session_of,
    set_cookie,
)
from ledger.directory import TooManyAttempts

router = APIRouter(include_in_schema=False)

START = "/desk"
_LONGEST = 1000
_WRONG = "This login and password do not belong together. Type the password again."


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
    if await session_of(deps, request) is not None:
        return RedirectResponse(way_back(next), 303)
    return page(
        "sign_in.html", next=way_back(next), login="", error="", organisation=deps.settings.organisation
    )


@router.post("/sign-in")
async def sign_in(deps: DepsHere, request: Request) -> Response:
    """Try a login and password. The session is always a new one, and an old one of this browser is closed."""
    require_same_origin(deps, request)
    form = await request.form()
    login = "".join(c for c in str(form.get("login", ""))[:200] if c.isprintable())
    password = str(form.get("password", ""))[:1000]
    asked = way_back(str(form.get("next", START)))
    address = request.client.host if request.client else ""
    headers: dict[str, str] = {}
    try:
        actor = await deps.directory.authenticate(login, password, address)
        error, status = _WRONG, 401
    except TooManyAttempts as wait:
        actor, status = None, 429
        error = f"Too many failed attempts. Wait {_waiting(wait.seconds)}, then try again."
        headers = {"Retry-After": str(wait.seconds)}
    if actor is None:
        return page(
            "sign_in.html", status, headers=headers, next=asked, login=login, error=error,
            organisation=deps.settings.organisation,
        )  # fmt: skip
    before = cookie_of(deps, request)
    if before is not None:
        await deps.directory.close_session(before)
    opened = await deps.directory.open_session(actor.id)
    response = RedirectResponse(asked, 303)
    set_cookie(deps, response, opened.id)
    return response


@router.post("/sign-out")
async def sign_out(deps: DepsHere, request: Request, form: FormHere) -> Response:
    """End the session, in the record as in the browser."""
    held = cookie_of(deps, request)
    if held is not None:
        await deps.directory.close_session(held)
    response = RedirectResponse("/sign-in", 303)
    drop_cookie(deps, response)
    return response


def _waiting(seconds: int) -> str:
    minutes = -(-seconds // 60)
    if seconds < 60:
        return f"{seconds} seconds"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
