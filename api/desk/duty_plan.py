"""Teams and rotas made, changed and ended at the desk, by who plans duty."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Generic, Protocol, TypeVar

from fastapi import APIRouter, Depends
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api import duty_doing as doing
from api.deps import Deps, DepsHere
from api.desk.duty_forms import (
    Around,
    compared,
    labels_of,
    made_id,
    read_rota,
    read_team,
    rota_fields,
    team_fields,
)
from api.desk.forms import Faulty, Field, Given
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere
from api.desk.times import Face
from api.duty import CodeHere
from api.problems import Problem
from api.status import disturbances_if_known
from complaints.base import Actor
from complaints.people.deputising import Team
from complaints.people.duty import Rota
from ledger.directory import Session
from ledger.duty import DutyPlan, mark_of

router = APIRouter(include_in_schema=False)

T = TypeVar("T", Team, Rota)
H_contra = TypeVar("H_contra", bound=Team | Rota, contravariant=True)
_LONGEST = 2000


class _Fields(Protocol[H_contra]):
    """The controls of a form, of what there is or as it was typed."""

    def __call__(
        self,
        held: H_contra | None,
        around: Around,
        given: Given | None = None,
        faults: Given | None = None,
        /,
    ) -> tuple[Field, ...]: ...


class _Put(Protocol[H_contra]):
    """Make it what the second says, from what was seen."""

    def __call__(
        self, deps: Deps, actor: Actor, made: H_contra, /, *, seen: str | None
    ) -> Awaitable[bool]: ...


class _Drop(Protocol):
    """Do away with it, as it was seen."""

    def __call__(self, deps: Deps, actor: Actor, id_: str, /, *, seen: str | None) -> Awaitable[bool]: ...


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What is made here, and how: a team or a rota."""

    name: str
    listed: str
    """The page that lists them."""
    find: Callable[[DutyPlan, str], T | None]
    require: Callable[[DutyPlan, str], T]
    fields: _Fields[T]
    read: Callable[[str, Given], T]
    put: _Put[T]
    drop: _Drop


TEAM: Final = Kind[Team](
    "team",
    "/desk/duty/teams",
    DutyPlan.team,
    doing.team_of,
    team_fields,
    read_team,
    doing.put_team,
    doing.drop_team,
)
ROTA: Final = Kind[Rota](
    "rota",
    "/desk/duty",
    DutyPlan.rota,
    doing.rota_of,
    rota_fields,
    read_rota,
    doing.put_rota,
    doing.drop_rota,
)


@dataclass(frozen=True)
class Sent:
    """A form that was not done: what was typed, what is wrong with it by control, and what else stands in its way."""

    given: Given
    faults: Mapping[str, str] = field(default_factory=dict)
    problem: Problem | None = None

    @property
    def status(self) -> int:
        """The HTTP status of the page that says so."""
        return self.problem.status if self.problem is not None else 422


async def planner(session: SessionHere) -> Session:
    """The session of somebody who plans duty. Raises Problem (403)."""
    doing.require_planner(session.actor)
    return session


PlannerHere = Annotated[Session, Depends(planner)]


@router.get("/desk/duty/new-team")
async def new_team(deps: DepsHere, session: PlannerHere) -> Response:
    """The form that makes a team."""
    return await _page(deps, session, TEAM, "")


@router.post("/desk/duty/new-team")
async def make_team(deps: DepsHere, session: PlannerHere, form: FormHere) -> Response:
    """Make a team."""
    return await _make(deps, session, TEAM, _given(form))


@router.get("/desk/duty/teams/{id_}")
async def team(deps: DepsHere, session: PlannerHere, id_: CodeHere) -> Response:
    """The form that changes a team."""
    return await _page(deps, session, TEAM, id_)


@router.post("/desk/duty/teams/{id_}")
async def change_team(deps: DepsHere, session: PlannerHere, form: FormHere, id_: CodeHere) -> Response:
    """Make a team what the form says."""
    return await _change(deps, session, TEAM, id_, _given(form))


@router.post("/desk/duty/teams/{id_}/end")
async def end_team(deps: DepsHere, session: PlannerHere, form: FormHere, id_: CodeHere) -> Response:
    """Do away with a team."""
    return await _end(deps, session, TEAM, id_, _given(form))


@router.get("/desk/duty/new-rota")
async def new_rota(deps: DepsHere, session: PlannerHere) -> Response:
    """The form that makes a rota."""
    return await _page(deps, session, ROTA, "")


@router.post("/desk/duty/new-rota")
async def make_rota(deps: DepsHere, session: PlannerHere, form: FormHere) -> Response:
    """Make a rota."""
    return await _make(deps, session, ROTA, _given(form))


@router.get("/desk/duty/rotas/{id_}")
async def rota(deps: DepsHere, session: PlannerHere, id_: CodeHere) -> Response:
    """The form that changes a rota."""
    return await _page(deps, session, ROTA, id_)


@router.post("/desk/duty/rotas/{id_}")
async def change_rota(deps: DepsHere, session: PlannerHere, form: FormHere, id_: CodeHere) -> Response:
    """Make a rota what the form says."""
    return await _change(deps, session, ROTA, id_, _given(form))


@router.post("/desk/duty/rotas/{id_}/end")
async def end_rota(deps: DepsHere, session: PlannerHere, form: FormHere, id_: CodeHere) -> Response:
    """Do away with a rota."""
    return await _end(deps, session, ROTA, id_, _given(form))


async def _make(deps: Deps, session: Session, kind: Kind[T], given: Given) -> Response:
    """Make what the form says, once however often it is sent."""
    try:
        id_ = made_id(given, kind.name, given.get("key", ""))
        await kind.put(deps, session.actor, kind.read(id_, given), seen="")
    except Faulty as faulty:
        return await _page(deps, session, kind, "", Sent(given, faulty.faults))
    except Problem as problem:
        if problem.status != 412:
            return await _page(deps, session, kind, "", Sent(given, problem=problem))
        taken = f"There is a {kind.name} of this short name already; give it another."
        return await _page(deps, session, kind, "", Sent(given, {"id": taken}))
    return _done(kind, "made")


async def _change(deps: Deps, session: Session, kind: Kind[T], id_: str, given: Given) -> Response:
    """Make it what the form says, unless it is another by now than the one that the form was made from."""
    try:
        await kind.put(deps, session.actor, kind.read(id_, given), seen=given.get("seen", ""))
    except Faulty as faulty:
        return await _page(deps, session, kind, id_, Sent(given, faulty.faults))
    except Problem as problem:
        return await _page(deps, session, kind, id_, Sent(given, problem=problem))
    return _done(kind, "changed")


async def _end(deps: Deps, session: Session, kind: Kind[T], id_: str, given: Given) -> Response:
    """Do away with it; where somebody did so meanwhile, it is done."""
    try:
        await kind.drop(deps, session.actor, id_, seen=given.get("seen", ""))
    except Problem as problem:
        return await _page(deps, session, kind, id_, Sent({}, problem=problem))
    return _done(kind, "ended")


async def _page(deps: Deps, session: Session, kind: Kind[T], id_: str, sent: Sent | None = None) -> Response:
    """The form, as it was typed where it was `sent`. Its mark is that of what there is now, unless what was typed has
    faults: then whoever corrects them has not seen what somebody else did since.
    """
    now = deps.clock.now()
    packs = await deps.packs.all()
    face = Face(packs[0].timezone if packs else "UTC", now)
    around = Around([one for one in await deps.directory.everyone() if one.active], face, new=not id_)
    plan = await deps.duty.plan(now)
    held = kind.find(plan, id_) if id_ else None
    if sent is None and id_:
        kind.require(plan, id_)
    typed = sent.given if sent is not None and sent.given else None
    changed = sent is not None and sent.status == 412
    faults = dict(sent.faults) if sent is not None else {}
    if changed and typed is not None and held is not None:
        faults = compared(kind.fields(held, around, typed), kind.fields(held, around))
    fields = kind.fields(held, around, typed, faults)
    labels = labels_of(fields)
    return page(
        "duty_plan.html",
        sent.status if sent is not None else 200,
        session=session,
        disturbances=await disturbances_if_known(deps),
        face=face,
        kind=kind,
        id=id_,
        held=held,
        fields=fields,
        labels=labels,
        faults=_in_order(faults, labels),
        sent=sent,
        changed=changed,
        key=(typed or {}).get("key") or secrets.token_hex(8),
        seen=mark_of(held) if changed or typed is None else typed.get("seen", ""),
    )


def _in_order(faults: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, in the order of the controls."""
    return {name: faults[name] for name in dict.fromkeys((*labels, *faults)) if name in faults}


def _given(form: FormData) -> dict[str, str]:
    return {name: value[:_LONGEST] for name, value in form.items() if isinstance(value, str)}


def _done(kind: Kind[T], how: str) -> Response:
    return RedirectResponse(f"{kind.listed}?done={kind.name}-{how}#done", 303)
