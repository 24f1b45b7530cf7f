"""Staff take in a complaint at the desk: the form for it, and the page with the reference that it got."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from api.deps import Deps, DepsHere
from api.desk.choices import Choice
from api.desk.commands import key_of
from api.desk.forms import Faulty, Given
from api.desk.receive_form import PARTY, read_complaint, receive_fields
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere, bearer
from api.fields import Code
from api.intake import take_in
from api.problems import Problem
from api.security import complaint_in_path, sender_of, unknown
from api.status import disturbances_if_known
from complaints.base import Refused, permit_role
from complaints.chapters.intake import ReceiveComplaint
from ledger import intake
from ledger.directory import Session
from policies.pack import Pack

router = APIRouter(include_in_schema=False)

_OF_FIELD = {"in_the_future": "received_at"}
"""Refusals that are about one field, by their code."""


@router.get("/desk/receive")
async def ask(
    deps: DepsHere, session: SessionHere, pack: Annotated[Code | None, Query(max_length=63)] = None
) -> Response:
    """The empty form, with the choices of the pack: the usual one, unless another was asked for."""
    permit_role(ReceiveComplaint, session.actor)
    chosen = await deps.packs.for_receipt(pack, deps.clock.now())
    return await _form(deps, session, chosen)


@router.post("/desk/receive")
async def take(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Take the complaint in; sent twice it is taken once. What is not right comes back as it was typed."""
    permit_role(ReceiveComplaint, session.actor)
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    key = key_of(given)
    pack = await deps.packs.for_receipt(given.get("pack") or None, deps.clock.now())
    try:
        sent = read_complaint(given, pack, pack.timezone)
        caller = bearer(session)
        taken = await take_in(deps, caller.actor, sender_of(caller), sent, key=key)
    except Faulty as faulty:
        return await _form(deps, session, pack, given, faulty.faults, status=422)
    except (Refused, Problem) as error:
        problem = Problem.of_refusal(error) if isinstance(error, Refused) else error
        faults = {_OF_FIELD.get(problem.code, ""): problem.detail}
        # After an uncertain answer the key is kept: sent again, the complaint is still taken once.
        kept = key if problem.status >= 500 else None
        return await _form(deps, session, pack, given, faults, status=problem.status, key=kept)
    return RedirectResponse(f"/desk/received/{taken.reference}", 303)


@router.get("/desk/received/{reference}")
async def received(
    deps: DepsHere, session: SessionHere, reference: Annotated[str, Depends(complaint_in_path)]
) -> Response:
    """The reference that a complaint got; 202 as long as it is kept and not on record yet."""
    # What waits is asked first: in between it may be recorded, and must not be found in neither place.
    async with deps.reading.connect() as conn:
        recorded = await intake.waits(conn, reference) is None
    if recorded and await deps.record.sequence(reference) == 0:
        raise unknown()
    return page(
        "received.html",
        200 if recorded else 202,
        headers={} if recorded else {"Retry-After": "2"},
        session=session,
        disturbances=await disturbances_if_known(deps),
        reference=reference,
        recorded=recorded,
    )


async def _form(
    deps: Deps,
    session: Session,
    pack: Pack,
    given: Given | None = None,
    faults: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    key: str | None = None,
) -> Response:
    newest = {found.name: found for found in await deps.packs.all()}
    fields = receive_fields(pack, pack.timezone, given, faults)
    return page(
        "receive.html",
        status,
        session=session,
        disturbances=await disturbances_if_known(deps),
        packs=[Choice(name, found.title["en"]) for name, found in newest.items()],
        pack=pack,
        fields=[item for item in fields if item.name not in PARTY],
        party=[item for item in fields if item.name in PARTY],
        labels={item.name: item.label for item in fields},
        faults=faults or {},
        key=key or secrets.token_urlsafe(16),
    )
