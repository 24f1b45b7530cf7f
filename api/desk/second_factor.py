"""A person's own second factor: setting one up, or another in place of it, each confirmed by a code."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from api.deps import Deps, DepsHere
from api.desk.rendering import page
from api.desk.sessions import CSRF_FIELD, require_same_origin, require_token, signed_in_here
from api.desk.signing_in import ASKED, WRONG_CODE, Answer, let_in, too_many
from ledger.directory import Session, TooManyAttempts

router = APIRouter(include_in_schema=False)

_OVER = Answer(409, "That took too long, or was used already. Begin again.")

# Not `at_the_desk`: who has to set one up has to get here.
SessionHere = Annotated[Session, Depends(signed_in_here)]


async def sent_form(deps: DepsHere, request: Request, session: SessionHere) -> FormData:
    """The form, once it is proven to come from a page of this very session. Raises Problem (403)."""
    require_same_origin(deps, request)
    form = await request.form()
    require_token(session, str(form.get(CSRF_FIELD, "")))
    return form


FormHere = Annotated[FormData, Depends(sent_form)]


@router.get("/desk/second-factor")
async def show(deps: DepsHere, session: SessionHere) -> Response:
    """Whether they have one, and the way to another."""
    return await _page(deps, session)


@router.post("/desk/second-factor")
async def begin(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Offer a new one. Who has one proves it first: a desk left open is no way to take a person's factor over."""
    me = session.actor.id
    if session.second_factor:
        ticket = await deps.second_factors.ask(me)
        try:
            if not await deps.second_factors.prove(ticket, str(form.get("code", ""))[:50]):
                return await _page(deps, session, WRONG_CODE)
        except TooManyAttempts as wait:
            return await _page(deps, session, too_many(wait))
    return await _page(deps, session, ticket=await deps.second_factors.offer(me))


@router.post("/desk/second-factor/confirm")
async def confirm(deps: DepsHere, request: Request, session: SessionHere, form: FormHere) -> Response:
    """Take the new one over by a code of it. All other sessions end, and this browser gets a new one."""
    ticket = str(form.get("ticket", ""))[:200]
    owed = await deps.second_factors.owed(ticket)
    if owed is None or owed.new is None or owed.staff != session.actor.id:
        return await _page(deps, session, _OVER)
    try:
        if not await deps.second_factors.prove(ticket, str(form.get("code", ""))[:50]):
            return await _page(deps, session, WRONG_CODE, ticket=ticket)
    except TooManyAttempts as wait:
        return await _page(deps, session, too_many(wait), ticket=ticket)
    return await let_in(deps, request, session.actor, "/desk/second-factor")


async def _page(deps: Deps, session: Session, said: Answer = ASKED, ticket: str = "") -> Response:
    owed = await deps.second_factors.owed(ticket) if ticket else None
    return page(
        "second_factor.html", said.status, headers=said.headers, session=session, error=said.error, ticket=ticket,
        new=owed.new if owed else None, needed=deps.admission.needs_second_factor(session.actor),
    )  # fmt: skip
