"""Alerts: what the ladders have told me, my team or anybody, and what came of it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api.deps import Deps, DepsHere
from api.ladder import CallBody, call_body
from api.openapi import problems
from api.problems import Problem
from api.security import StaffHere
from complaints.base import Actor, Frozen
from complaints.timing.occurrences import ClockState
from ledger.alerts import PAGE_AT_MOST, Alert, Wanted, alerts
from policies.vocabulary import Role

router = APIRouter(tags=["alerts"])

Whose = Literal["me", "team", "everyone"]
OVERSIGHT = (Role.DEPARTMENT_HEAD, Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR)
"""Who may see what everybody was told."""


class Asked(BaseModel):
    """Which alerts to list."""

    model_config = ConfigDict(extra="forbid")

    of: Whose = Field(
        "me",
        description="me: what I was told. team: what those were told whose supervisor I am, or whose team's."
        " everyone: for department heads, compliance officers and administrators.",
    )
    state: Wanted = Field(
        Wanted.OPEN,
        description="open: the clock runs and nobody has acknowledged, or the acknowledgement has expired."
        " acknowledged: one holds. all: those of clocks that are over too.",
    )
    before: int | None = Field(None, ge=1, le=2**63 - 1, description="The id before which to begin.")
    limit: int = Field(50, ge=1, le=PAGE_AT_MOST)


class AlertBody(Frozen):
    """What the ladder of one run of a clock has told somebody last, and how the run stands."""

    id: int
    reference: str = Field(examples=["7K2M-9QF3-XA5C"])
    clock: str = Field(examples=["final_response"])
    title: dict[str, str] = Field(description="What the pack calls the clock, by language.")
    occurrence: int
    clock_state: ClockState
    due_at: AwareDatetime | None = Field(description="Null while a pause hides it.")
    rung: int = Field(ge=1, description="The rung that called last, from 1.")
    repeat: int = Field(ge=0, description="0 is its first call.")
    told_at: AwareDatetime
    calls: tuple[CallBody, ...] = Field(
        description="That call, for each who was told and each way it took; reached says how far it came."
    )
    owner: str | None = Field(description="The staff id of the complaint's owner.", examples=["usr_ana"])
    acknowledged_at: AwareDatetime | None
    acknowledged_by: str | None = Field(examples=["usr_ana"])
    held_until: AwareDatetime | None = Field(
        description="When the acknowledgement expires; null where there is none, or it holds for good."
    )
    held: bool = Field(description="Whether an acknowledgement holds now.")
    link: str = Field(description="The page of the complaint, where it is acknowledged.")


class AlertsBody(Frozen):
    """A page of alerts, the latest told first."""

    as_of: AwareDatetime
    alerts: tuple[AlertBody, ...]
    next: int | None = Field(description="Send it as `before` for what was told earlier; null at the end.")


@router.get("/alerts", operation_id="alerts", summary="What the ladders have told me, or my team",
            response_model=AlertsBody, responses=problems(401, 403, 422, 503))  # fmt: skip
async def listed(deps: DepsHere, caller: StaffHere, asked: Annotated[Asked, Query()]) -> Response:
    """One entry for each run of a clock whose ladder has called, with the latest call and what came of it.

    It is read from the outbox and the read model, and is to be had while the engine is away.
    """
    body = await page_of_alerts(deps, caller.actor, asked)
    return JSONResponse(body.model_dump(mode="json"))


async def page_of_alerts(deps: Deps, actor: Actor, asked: Asked) -> AlertsBody:
    """The page that this person asks for. Raises Problem (403) where it is not theirs to see."""
    now = deps.clock.now()
    people = await people_of(deps, actor, asked.of)
    async with deps.reading.connect() as conn:
        found = await alerts(conn, people, at=now, wanted=asked.state, before=asked.before, limit=asked.limit)
    packs = {(pack.name, pack.version): pack for pack in await deps.packs.all()}
    told = []
    for alert in found:
        pack = packs.get((alert.pack, alert.pack_version))
        titles = [rule.title for rule in pack.clocks if rule.id == alert.clock] if pack else []
        told.append(_body(deps, alert, dict(titles[0]) if titles else {"en": alert.clock}))
    return AlertsBody(as_of=now, alerts=tuple(told), next=found[-1].id if len(found) == asked.limit else None)


async def people_of(deps: Deps, actor: Actor, whose: Whose) -> frozenset[str]:
    """The staff ids of whose alerts these are. Raises Problem (403)."""
    if whose == "me":
        return frozenset({actor.id})
    staff = await deps.directory.everyone()
    if whose == "team":
        plan = await deps.duty.plan(now := deps.clock.now(), now)
        in_teams = (member for team in plan.teams if team.supervisor == actor.id for member in team.members)
        own = (member.id for member in staff if member.supervisor == actor.id)
        return frozenset((*own, *in_teams)) - {actor.id}
    if not actor.has(*OVERSIGHT):
        who = ", ".join(role.value.replace("_", " ") for role in OVERSIGHT)
        raise Problem(403, "not_allowed", f"What everybody was told is for: {who}.", who=who)
    return frozenset(member.id for member in staff)


def _body(deps: Deps, alert: Alert, title: dict[str, str]) -> AlertBody:
    now = deps.clock.now()
    held = alert.held(now)
    return AlertBody(
        id=alert.id,
        reference=alert.reference,
        clock=alert.clock,
        title=title,
        occurrence=alert.occurrence,
        clock_state=alert.state,
        due_at=alert.due_at,
        rung=alert.rung + 1,
        repeat=alert.repeat,
        told_at=deps.clock.spec.virtual(alert.told_at),
        calls=tuple(call_body(deps, call) for call in alert.calls),
        owner=alert.owner,
        acknowledged_at=alert.acknowledged_at if held else None,
        acknowledged_by=alert.acknowledged_by if held else None,
        held_until=alert.held_until if held else None,
        held=held,
        link=f"{deps.settings.base_url}/desk/complaints/{alert.reference}#ladder",
    )
