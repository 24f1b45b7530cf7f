"""Who sits at the desk: the session behind the cookie, and proof that a form was sent from one of our pages."""

from __future__ import annotations

import hmac
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from api.deps import Deps, DepsHere
from api.problems import Problem
from api.security import STAFF
from ledger.directory import SESSION_LIFETIME, Bearer, Session

CSRF_FIELD = "csrf"
_LONGEST_COOKIE = 200


def cookie_name(deps: Deps) -> str:
    """Over HTTPS a name that browsers let nobody but this very host set, and only securely."""
    return "__Host-redress" if _secure(deps) else "redress"


def _secure(deps: Deps) -> bool:
    return deps.settings.base_url.startswith("https://")


def set_cookie(deps: Deps, response: Response, id_: str) -> None:
    """Hand the session's secret to the browser."""
    response.set_cookie(
        cookie_name(deps), id_, max_age=int(SESSION_LIFETIME.total_seconds()), path="/",
        secure=_secure(deps), httponly=True, samesite="lax",
    )  # fmt: skip


def drop_cookie(deps: Deps, response: Response) -> None:
    """Take it back."""
    response.delete_cookie(cookie_name(deps), path="/", secure=_secure(deps), httponly=True, samesite="lax")


def cookie_of(deps: Deps, request: Request) -> str | None:
    """The session's secret that the browser sent, or None."""
    sent = request.cookies.get(cookie_name(deps))
    return sent if sent and len(sent) <= _LONGEST_COOKIE else None


async def session_of(deps: Deps, request: Request) -> Session | None:
    """The live session of whoever asks, or None."""
    id_ = cookie_of(deps, request)
    return None if id_ is None else await deps.directory.session(id_)


async def at_the_desk(deps: DepsHere, request: Request) -> Session:
    """The session of a member of staff. Raises Problem: 401, which pages turn into the way to sign in; 403."""
    session = await signed_in_here(deps, request)
    if deps.admission.needs_second_factor(session.actor) and not session.second_factor:
        raise Problem(
            403, "second_factor_needed",
            "Your role needs a second factor. Set one up first, at /desk/second-factor.",
        )  # fmt: skip
    return session


async def signed_in_here(deps: DepsHere, request: Request) -> Session:
    """As `at_the_desk`, also for those who have yet to set up a second factor."""
    deps.admission.check_network(request)
    session = await session_of(deps, request)
    if session is None:
        raise Problem(401, detail="Sign in to see this page.")
    if not session.actor.has(*STAFF):
        raise Problem(403, "not_allowed", "You have no role here; ask an administrator for one.")
    await deps.admission.check_hour(session.actor)
    return session


SessionHere = Annotated[Session, Depends(at_the_desk)]


def bearer(session: Session) -> Bearer:
    """The session as commands and readings take it."""
    return Bearer(actor=session.actor)


def require_same_origin(deps: Deps, request: Request, *, secret_address: bool = False) -> None:
    """Refuse a form that another site's page sent. Raises Problem (403).

    Browsers say where a form comes from, by `Sec-Fetch-Site` or `Origin`. With `secret_address` an `Origin`
    of `null` will do: that is what browsers send from pages with `Referrer-Policy: no-referrer`, and who
    does not know the address can not forge a form for it. Source: OWASP, Cross-Site Request Forgery Prevention.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site == "same-origin":
            return
    else:
        origin = request.headers.get("origin", "")
        if secret_address and origin in ("", "null"):
            return
        ours = {urlsplit(deps.settings.base_url).netloc, request.headers.get("host", "")}
        if origin and urlsplit(origin).netloc in ours - {""}:
            return
    raise Problem(
        403,
        "other_site",
        "This form was not sent from one of our pages. Open the page again, and send it from there.",
    )


async def sent_form(deps: DepsHere, request: Request, session: SessionHere) -> FormData:
    """The form, once it is proven to come from a page of this very session. Raises Problem (403)."""
    require_same_origin(deps, request)
    form = await request.form()
    require_token(session, str(form.get(CSRF_FIELD, "")))
    return form


def require_token(session: Session, sent: str) -> None:
    """Compare what a form carried with the session's secret, in constant time. Raises Problem (403)."""
    if not hmac.compare_digest(sent.encode(), session.csrf_secret.encode()):
        raise Problem(
            403, "page_too_old",
            "This page was made for another session. Go back, load it again, and send the form once more.",
        )  # fmt: skip


FormHere = Annotated[FormData, Depends(sent_form)]
