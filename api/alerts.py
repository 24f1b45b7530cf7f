"""Alerts: what I, my team or anybody was told, what came of it, and that what is for information was seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api.alert_words import alert_words
from api.deps import Deps, DepsHere
from api.ladder import CallBody, call_body
from api.openapi import problems
from api.problems import Problem
from api.security import StaffHere
from complaints.base import Actor, Frozen
from complaints.references import is_systemic
from complaints.timing.occurrences import ClockState
from ledger.alerts import PAGE_AT_MOST, Alert, Wanted
from ledger.notices import Notice, mark_seen, told
from policies.pack import Pack
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
        description="open: the clock runs and nobody has acknowledged, or the acknowledgement has expired; a notice is"
        " not marked as seen, its cause is not over, and it is not older than 30 days. acknowledged: an acknowledgement"
        " holds, a notice was marked as seen. all: also what is over.",
    )
    before: str | None = Field(
        None,
        pattern=r"^n?[1-9][0-9]{0,17}$",
        description="Where to begin: what the last page said in `next`, or an id before which.",
    )
    limit: int = Field(50, ge=1, le=PAGE_AT_MOST)


class AlertBody(Frozen):
    """What the ladder of one run of a clock has told somebody last, and how the run stands."""

    id: int
    kind: str = Field(examples=["alert_breach"])
    words: str = Field(description="What that tells of.", examples=["A deadline was missed"])
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
    can_acknowledge: bool = Field(description="Whether the clock runs and no acknowledgement holds.")
    link: str = Field(description="The page of the complaint, where it is acknowledged.")


class NoticeBody(Frozen):
    """One alert to one person that no ladder calls for: for their information, with nothing to acknowledge."""

    id: int
    kind: str = Field(examples=["handover_offered"])
    words: str = Field(description="What that tells of.", examples=["A handover was offered"])
    reference: str | None = Field(
        description="Of the complaint or systemic issue that it is about; null where it is about neither.",
        examples=["7K2M-9QF3-XA5C"],
    )
    clock: str | None = Field(description="Null where it is about no deadline.", examples=["final_response"])
    title: dict[str, str] | None = Field(description="What the pack calls the clock, by language.")
    clock_state: ClockState | None
    due_at: AwareDatetime | None
    told_at: AwareDatetime
    told: CallBody = Field(description="How it was told, and how far that came.")
    owner: str | None = Field(description="The staff id of the complaint's owner.", examples=["usr_ana"])
    can_acknowledge: Literal[False] = False
    over: bool = Field(description="Whether its cause is no more.")
    seen_at: AwareDatetime | None = Field(description="When whoever it is for marked it as seen.")
    link: str = Field(description="The page of what it is about.")


class AlertsBody(Frozen):
    """A page: the calls of ladders first, then the notices, each the latest told first."""

    as_of: AwareDatetime
    alerts: tuple[AlertBody, ...] = Field(description="What ladders have called.")
    notices: tuple[NoticeBody, ...] = Field(description="What else was told, for information.")
    next: str | None = Field(
        description="Send it as `before` for what follows; null at the end.", examples=["n4711"]
    )


class SeenGiven(BaseModel):
    """Notices that were seen."""

    model_config = ConfigDict(extra="forbid")

    seen: tuple[Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)], ...] = Field(
        min_length=1,
        max_length=PAGE_AT_MOST,
        description="The ids of notices that are for me.",
        examples=[[4711]],
    )


class SeenBody(Frozen):
    """How many of them were notices for the caller; others are left as they are."""

    seen: int


@router.get("/alerts", operation_id="alerts", summary="What I was told, or my team",
            response_model=AlertsBody, responses=problems(401, 403, 422, 503))  # fmt: skip
async def listed(deps: DepsHere, caller: StaffHere, asked: Annotated[Asked, Query()]) -> Response:
    """First what waits for somebody: one entry for each run of a clock whose ladder has called, with the latest call
    and what came of it. Then what is for information: warnings, escalations by hand, handovers, raised tiers and the
    like, each until its cause is over, it is marked as seen, or 30 days have passed.

    It is read from the outbox and the read model, and is to be had while the engine is away.
    """
    body = await page_of_alerts(deps, caller.actor, asked)
    return JSONResponse(body.model_dump(mode="json"))


@router.post("/alerts", operation_id="mark-alerts-seen", summary="Mark notices as seen",
             response_model=SeenBody, responses=problems(400, 401, 403, 413, 415, 422, 503))  # fmt: skip
async def seen(
    deps: DepsHere,
    caller: StaffHere,
    given: Annotated[SeenGiven, Body(openapi_examples={"example": {"value": {"seen": [4711, 4712]}}})],
) -> Response:
    """Take notices for me off my open ones. Sent again it changes nothing. What a ladder calls is acknowledged."""
    async with deps.reading.connect() as conn:
        count = await mark_seen(conn, caller.actor.id, given.seen)
    return JSONResponse(SeenBody(seen=count).model_dump(mode="json"))


async def page_of_alerts(deps: Deps, actor: Actor, asked: Asked) -> AlertsBody:
    """The page that this person asks for. Raises Problem (403) where it is not theirs to see."""
    now = deps.clock.now()
    people = await people_of(deps, actor, asked.of)
    before = None if asked.before is None else int(asked.before.removeprefix("n"))
    among_calls = asked.before is None or not asked.before.startswith("n")
    async with deps.reading.connect() as conn:
        found = await told(
            conn, people, at=now, wanted=asked.state, before=before, calls=among_calls, limit=asked.limit
        )
    packs = {(pack.name, pack.version): pack for pack in await deps.packs.all()}
    body = AlertsBody(
        as_of=now,
        alerts=tuple(
            _body(deps, alert, _title(packs.get((alert.pack, alert.pack_version)), alert.clock))
            for alert in found.calls
        ),
        notices=tuple(_notice(deps, notice, packs) for notice in found.notices),
        next=None,
    )
    if len(found.calls) + len(found.notices) < asked.limit:
        return body
    last = f"n{found.notices[-1].id}" if found.notices else str(found.calls[-1].id)
    return body.model_copy(update={"next": last})


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


def _title(pack: Pack | None, clock: str) -> dict[str, str]:
    """What the pack calls a clock, by language; the clock's id where it does not know it."""
    titles = [rule.title for rule in pack.clocks if rule.id == clock] if pack else []
    return dict(titles[0]) if titles else {"en": clock}


def _body(deps: Deps, alert: Alert, title: dict[str, str]) -> AlertBody:
    now = deps.clock.now()
    held = alert.held(now)
    return AlertBody(
        id=alert.id,
        kind=alert.kind,
        words=alert_words(alert.kind),
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
        can_acknowledge=not held and alert.state in (ClockState.RUNNING, ClockState.PAUSED),
        link=f"{deps.settings.base_url}/desk/complaints/{alert.reference}#ladder",
    )


def _notice(deps: Deps, notice: Notice, packs: Mapping[tuple[str, int], Pack]) -> NoticeBody:
    virtual = deps.clock.spec.virtual
    at = virtual(notice.sent_at or notice.queued_at)
    pack = packs.get((notice.pack, notice.pack_version or 0)) if notice.pack is not None else None
    reference, page = _about(notice)
    told_by = CallBody(
        repeat=0,
        to=f"staff:{notice.staff}",
        meant_for=None,
        over=notice.channel,
        expired=False,
        reached=notice.reached,
        at=at,
        attempts=notice.attempts,
        status=notice.status,
    )
    return NoticeBody(
        id=notice.id,
        kind=notice.kind,
        words=alert_words(notice.kind),
        reference=reference,
        clock=notice.clock,
        title=None if notice.clock is None else _title(pack, notice.clock),
        clock_state=notice.clock_state,
        due_at=notice.due_at,
        told_at=at,
        told=told_by,
        owner=notice.owner,
        over=notice.over,
        seen_at=None if notice.seen_at is None else virtual(notice.seen_at),
        link=f"{deps.settings.base_url}{page}",
    )


def _about(notice: Notice) -> tuple[str | None, str]:
    """What a notice is about: the reference, where it has one, and the path of its page."""
    if notice.pack is not None:
        return notice.stream, f"/desk/complaints/{notice.stream}"
    if is_systemic(notice.stream):
        return notice.stream, f"/desk/systemic/{notice.stream}"
    if notice.kind == "systemic_suspected":
        return None, "/desk/systemic"
    if notice.kind == "target_missed":
        return None, "/desk/figures"
    return None, "/desk"
