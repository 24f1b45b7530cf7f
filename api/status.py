"""What is out of order now and what we say of it: for the app, for other sites, and for the banners on our pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog
from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from api.deps import Deps, DepsHere
from api.openapi import problems
from complaints.systemic.outage_state import OutagePhase
from ledger import reads

router = APIRouter(tags=["status"])

_log = structlog.get_logger("api")
_FRESH = {"Cache-Control": "no-cache", "Access-Control-Allow-Origin": "*"}
"""Nobody is to see an old word, and any site may show the present one: it is public."""


@dataclass(frozen=True)
class Disturbance:
    """An outage that was announced and not summed up yet. `words` are the last ones that were said of it.

    `over`: the service is back. `news_by` is None where nothing more was promised; `zone` is the pack's.
    """

    reference: str
    grade: int
    title: Mapping[str, str]
    since: datetime
    said_at: datetime
    words: str
    news_by: datetime | None
    over: bool
    zone: str


class DisturbanceBody(BaseModel):
    """One disturbance of our services."""

    reference: str = Field(examples=["SYS-7K2M-9QF3-XA57"])
    grade: int = Field(ge=1, le=3, description="1 emergency, 2 general, 3 routine.")
    title: dict[str, str] = Field(description="The grade in words, by language.")
    since: AwareDatetime
    state: Literal["lasting", "over"]
    words: str = Field(description="What we say of it.")
    said_at: AwareDatetime
    news_by: AwareDatetime | None = Field(
        description="When there is news at the latest; null: none promised."
    )


class StatusBody(BaseModel):
    """What is out of order, the gravest first; nothing: no disturbance is known."""

    as_of: AwareDatetime
    disturbances: tuple[DisturbanceBody, ...]


async def disturbances(deps: Deps) -> tuple[Disturbance, ...]:
    """Every outage that customers were told of and that is not done with, the gravest first.

    What is told is public already: its words were written for everybody, so no reading of them is recorded.
    """
    phases = (OutagePhase.HANDLING, OutagePhase.VERIFIED)
    async with deps.reading.connect() as conn:
        found = await reads.open_outages(conn, phases)
        if not found:
            return ()
        texts = await deps.texts.get(conn, [view.said_text for view in found if view.said_text])
    told = []
    for view in found:
        if not (view.outage_pack and view.outage_grade and view.outage_since and view.said_at):
            continue  # no outage: it is in none of these phases
        pack = await deps.packs.of_digest(view.outage_pack)
        rule = next(rule for rule in pack.outages if rule.grade == view.outage_grade)
        words = texts.get(view.said_text or "")
        told.append(
            Disturbance(
                reference=view.reference,
                grade=view.outage_grade,
                title=rule.title,
                since=view.outage_since,
                said_at=view.said_at,
                words=words if isinstance(words, str) else "",
                news_by=view.news_by,
                over=view.outage_phase == OutagePhase.VERIFIED,
                zone=pack.timezone,
            )
        )
    return tuple(told)


async def disturbances_if_known(deps: Deps) -> tuple[Disturbance, ...]:
    """As `disturbances`, for a banner: where the database is away, the page is shown without one."""
    try:
        return await disturbances(deps)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        _log.warning("disturbances not known", error=type(error).__name__)
        return ()


@router.get("/status.json", operation_id="status", summary="What is out of order now",
            response_model=StatusBody, responses=problems(503))  # fmt: skip
async def status(deps: DepsHere) -> Response:
    """The disturbances of our services that we know of, for the app and anybody else: no token is needed."""
    told = StatusBody(
        as_of=deps.clock.now(),
        disturbances=tuple(
            DisturbanceBody(
                reference=item.reference,
                grade=item.grade,
                title=dict(item.title),
                since=item.since,
                state="over" if item.over else "lasting",
                words=item.words,
                said_at=item.said_at,
                news_by=item.news_by,
            )
            for item in await disturbances(deps)
        ),
    )
    return JSONResponse(told.model_dump(mode="json"), headers=_FRESH)
