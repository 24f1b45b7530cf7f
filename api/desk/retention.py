"""Retention at the desk: complaints whose texts are erased soon as their time is over, for whoever may lay a hold."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from api.deps import DepsHere
from api.desk.rendering import page
from api.desk.sessions import SessionHere, at_the_desk
from api.desk.times import Face
from api.desk.words import headed, said
from api.problems import Problem
from api.retention import DAYS, ending
from api.status import disturbances_if_known
from ledger.directory import Session
from policies.vocabulary import Role

WHO = (Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR)
"""Who sees what is about to be erased."""


async def who_keeps(session: Annotated[Session, Depends(at_the_desk)]) -> None:
    """Let in who sees to it that texts are kept, and not for longer. Raises Problem (403)."""
    if not session.actor.has(*WHO):
        who = ", ".join(said(role) for role in WHO)
        raise Problem(403, "not_allowed", f"Retention is for: {who}.", who=who)


router = APIRouter(include_in_schema=False, dependencies=[Depends(who_keeps)])


@router.get("/desk/retention")
async def show(
    deps: DepsHere, session: SessionHere, cursor: Annotated[str | None, Query(max_length=500)] = None
) -> Response:
    """What comes to the end of its time within 30 days, the first first."""
    found = await ending(deps, DAYS, cursor=cursor)
    zones = {pack.timezone for pack in await deps.packs.all()}
    return page(
        "retention.html",
        session=session,
        disturbances=await disturbances_if_known(deps),
        here="retention",
        rows=found.complaints,
        unchosen=found.unchosen,
        days=DAYS,
        next=found.next,
        further=cursor is not None,
        face=Face(next(iter(zones)) if len(zones) == 1 else "UTC", found.as_of),
        headed=headed,
    )
