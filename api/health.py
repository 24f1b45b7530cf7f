"""Is it alive, can it take in complaints, and the figures: for supervisors, balancers and Prometheus."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from api.deps import Deps, DepsHere
from api.metrics import MEDIA_TYPE
from ledger import heartbeats, outbox, reads
from ledger.migrate import current, head
from workflows.client import EngineAway, Unknown

router = APIRouter(tags=["service"])

_LOOK_S = 2.0
"""Seconds that a readiness check may take: who asks gives up soon after."""

_GLANCE_S = 0.5
"""Seconds that being alive may take to say: a supervisor must not take a slow database for a dead process."""

_SILENT_AFTER_S = 15.0
_WATCHDOG = "watchdog"

_NOBODYS = "0000-0000-0000"
"""No complaint's reference: asked about, the engine answers that it does not know it, at no cost to a complaint."""


class WatchdogHealth(BaseModel):
    """The scheduler that watches deadlines, as its heartbeat shows it."""

    process: Annotated[str, Field(description="Which of several; its name says nothing of the machine.")]
    held_since: AwareDatetime
    age_seconds: Annotated[float, Field(description="How long ago it last showed that it lives.")]
    late_seconds: Annotated[float, Field(description="By how much it was behind then.")]
    watching: Annotated[bool, Field(description="Whether it showed that it lives just now.")]


class Health(BaseModel):
    """It answers. `watchdog` is null where none has ever run, or the database did not say at once."""

    status: Literal["alive"] = "alive"
    watchdog: WatchdogHealth | None = None


class Readiness(BaseModel):
    """What it stands on. It is ready when it can take in complaints; that needs the database alone."""

    ready: bool
    database: Literal["up", "away", "not_migrated"]
    temporal: Annotated[
        Literal["up", "away"],
        Field(description="Away: complaints are taken in and flushed later, commands get 503."),
    ]


@router.get("/health", operation_id="health", summary="Whether the process answers", response_model=Health)
async def health(deps: DepsHere) -> Response:
    """Alive: it answers, whatever else is away, so that a restart is not asked for in vain."""
    return JSONResponse(Health(watchdog=await _watchdog(deps)).model_dump(mode="json"))


@router.get(
    "/ready",
    operation_id="ready",
    summary="Whether it can take in complaints",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready."}},
)
async def ready(deps: DepsHere) -> Response:
    """Ready when the database is up and migrated; whether Temporal is reached is reported beside it."""
    database, temporal = await asyncio.gather(_database(deps), _temporal(deps))
    told = Readiness(ready=database == "up", database=database, temporal=temporal)
    return JSONResponse(told.model_dump(), 200 if told.ready else 503)


async def _watchdog(deps: Deps) -> WatchdogHealth | None:
    try:
        async with asyncio.timeout(_GLANCE_S), deps.reading.connect() as conn:
            beat = await heartbeats.read(conn, _WATCHDOG)
    except (SQLAlchemyError, OSError, TimeoutError):
        return None
    if beat is None:
        return None
    return WatchdogHealth(
        process=beat.holder.rpartition("/")[2],
        held_since=beat.held_since,
        age_seconds=round(beat.age_seconds, 1),
        late_seconds=round(beat.late_seconds, 1),
        watching=beat.age_seconds < _SILENT_AFTER_S,
    )


async def _database(deps: Deps) -> Literal["up", "away", "not_migrated"]:
    try:
        async with asyncio.timeout(_LOOK_S):
            return "up" if await current(deps.sql) == head() else "not_migrated"
    except (SQLAlchemyError, OSError, TimeoutError):
        return "away"


async def _temporal(deps: Deps) -> Literal["up", "away"]:
    try:
        async with asyncio.timeout(_LOOK_S):
            await deps.engine.live(_NOBODYS)
    except (EngineAway, TimeoutError):
        return "away"
    except Unknown:
        return "up"  # it had to be asked to know
    return "up"


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The figures."}
    },
)
async def metrics(deps: DepsHere) -> Response:
    """Requests, commands by type and outcome, and how many complaints and messages there are. No personal data."""
    levels: dict[str, float] = {"database_up": 0}
    try:
        async with asyncio.timeout(_LOOK_S), deps.reading.connect() as conn:
            counted = await reads.counts(conn)
            waiting = await outbox.depth(conn)
            beat = await heartbeats.read(conn, _WATCHDOG)
        levels = {
            "database_up": 1,
            "complaints_open": counted.open,
            "complaints_overdue": counted.overdue,
            "complaints_unowned": counted.unowned,
            "intake_pending": counted.pending_intake,
            "outbox_depth": waiting.queued,
            "outbox_dead_letters": waiting.dead,
            "outbox_oldest_seconds": waiting.oldest_seconds,
        }
        if beat is not None:
            levels["watchdog_heartbeat_age_seconds"] = beat.age_seconds
            levels["watchdog_late_seconds"] = beat.late_seconds
    except (SQLAlchemyError, OSError, TimeoutError):
        pass  # the figures of this process are wanted most while the database is away
    return Response(deps.metrics.exposition(levels), media_type=MEDIA_TYPE)
