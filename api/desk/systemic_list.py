"""The list of systemic issues at the desk, what is suspected to be one, and the form that opens one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import RedirectResponse, Response

from api.commands import slug
from api.deps import Deps, DepsHere
from api.desk.case import Sent
from api.desk.commands import form_back, key_of
from api.desk.forms import Faulty, fields_for, read
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere, bearer
from api.desk.systemic import GRADES, around_of, phase_words
from api.desk.words import about, headed
from api.problems import Problem
from api.showing import areas_of
from api.status import disturbances_if_known
from api.systemic import open_systemic_issue
from complaints.base import Refused
from complaints.systemic.issue import LEADING, OpenSystemicIssue
from complaints.systemic.view import SystemicView
from ledger import access, reads
from ledger.directory import Session
from ledger.suspicion import suspicions
from policies.pack import Pack
from workflows.client import EngineAway

router = APIRouter(include_in_schema=False)

OPENING = slug(OpenSystemicIssue)
_AT_ONCE = 100


@dataclass(frozen=True)
class Suspected:
    """What may be one issue: the problem in words, its complaints, where they are, and the form's key."""

    title: str
    pack: str
    complaints: Sequence[str]
    sites: Sequence[tuple[str, int]]
    key: str


@router.get("/desk/systemic")
async def show_all(
    deps: DepsHere, session: SessionHere, unresolved: Annotated[bool | None, Query()] = True
) -> Response:
    """Systemic issues, newest first, and what is suspected to be one."""
    return await _list(deps, session, unresolved=unresolved)


@router.post("/desk/systemic")
async def open_one(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Open a systemic issue, with the complaints that the form names."""
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    key = key_of(given)
    try:
        body = read(OpenSystemicIssue, given, await around_of(deps, None))
        opened = await open_systemic_issue(deps, bearer(session), body, key)
    except Faulty as faulty:
        return await _list(deps, session, sent=Sent(OPENING, given, faulty.faults))
    except (Refused, Problem, EngineAway) as error:
        return await _list(deps, session, sent=form_back(error, OPENING, given, key))
    return RedirectResponse(f"/desk/systemic/{opened.reference}", 303)


async def _list(
    deps: Deps, session: Session, *, unresolved: bool | None = True, sent: Sent | None = None
) -> Response:
    around = await around_of(deps, None)
    packs = await deps.packs.all()
    leads = session.actor.has(*LEADING)
    async with deps.reading.connect() as conn:
        views = await reads.systemic_issue_list(conn, unresolved=unresolved, limit=_AT_ONCE)
        found = await suspicions(conn, packs, around.face.now) if leads else ()
        titles = await titles_of(deps, conn, session, views, purpose="systemic list")
    newest = {pack.name: pack for pack in packs}
    suspected = tuple(
        Suspected(
            title=_problem(newest[item.pack], item.problem_type),
            pack=newest[item.pack].title["en"],
            complaints=item.complaints[:_AT_ONCE],
            sites=item.sites,
            key=secrets.token_urlsafe(16),
        )
        for item in found
    )
    fields = fields_for(
        OpenSystemicIssue, around, sent.given if sent else None, sent.faults if sent else None
    )
    status = 200 if sent is None else sent.problem.status if sent.problem else 422
    return page(
        "systemic_list.html",
        status,
        session=session,
        disturbances=await disturbances_if_known(deps),
        views=views,
        titles=titles,
        suspected=suspected,
        leads=leads,
        fields=[item for item in fields if item.name in ("name", "description")],
        about=about(OpenSystemicIssue),
        named=[
            value for name, value in (sent.given if sent else {}).items() if name.startswith("complaints.")
        ],
        key=(sent.key if sent else None) or secrets.token_urlsafe(16),
        sent=sent,
        unresolved=unresolved,
        face=around.face,
        phase=phase_words,
        grades=GRADES,
        headed=headed,
    )


async def titles_of(
    deps: Deps, conn: AsyncConnection, session: Session, views: Sequence[SystemicView], *, purpose: str
) -> Mapping[str, str]:
    """{reference: title} of those whose texts this person may read; each reading is noted first.

    `purpose` is what the access log says it was for.
    """
    if not views or not {"*", "systemic"} & areas_of(session.actor):
        return dict.fromkeys((view.reference for view in views), "")
    noted = [
        {
            "at": deps.clock.now(),
            "actor": session.actor.id,
            "reference": view.reference,
            "purpose": purpose,
            "what": ["systemic"],
        }
        for view in views
    ]
    await conn.execute(insert(access.access_log).values(noted))
    texts = await deps.texts.get(conn, [view.title_text for view in views])
    return {
        view.reference: text if isinstance(text := texts.get(view.title_text), str) else "" for view in views
    }


def _problem(pack: Pack, problem_type: str) -> str:
    found = pack.problem_types.get(problem_type)
    return found.title["en"] if found is not None else headed(problem_type)
