"""What a scheduler says of itself over HTTP: /health for people and supervisors, /metrics for Prometheus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.watching.hold import Hold
from activities.watching.measuring import MEDIA_TYPE, Measures
from activities.watching.watchdog import Watchdog
from ledger import heartbeats
from ledger.database import autocommit
from runtime.small_http import Answer, Pages

SILENT_AFTER = 15.0
"""Seconds without a heartbeat after which nobody is watching."""
_WITHIN = 2.0


class SchedulerPages:
    """Pages of one process. None asks for a sign-in; none names a complaint or a person."""

    def __init__(
        self,
        engine: AsyncEngine,
        task: str,
        *,
        hold: Hold,
        watchdog: Watchdog,
        measures: Measures,
        circuits: Callable[[], Mapping[tuple[str, str], int]],
    ) -> None:
        self._engine = autocommit(engine)
        self._hold = hold
        self._watchdog = watchdog
        self._measures = measures
        self._task = task
        self._circuits = circuits

    def pages(self) -> Pages:
        """By path."""
        return {"/health": self.health, "/metrics": self.metrics}

    async def health(self) -> Answer:
        """Who is the watchdog, and how it does. 503 where nobody watches, or it can not be known."""
        told: dict[str, Any] = {"process": self._hold.holder, "on_duty": self._hold.held, "watchdog": None}
        watched = False
        try:
            async with asyncio.timeout(_WITHIN), self._engine.connect() as conn:
                beat = await heartbeats.read(conn, self._task)
            told["database"] = "up"
        except (SQLAlchemyError, OSError, TimeoutError):
            beat = None
            told["database"] = "away"
        if beat is not None:
            watched = beat.age_seconds < SILENT_AFTER
            told["watchdog"] = {
                "holder": beat.holder,
                "held_since": beat.held_since.isoformat(),
                "age_seconds": round(beat.age_seconds, 1),
                "late_seconds": round(beat.late_seconds, 1),
            }
        told["watched"] = watched
        status = HTTPStatus.OK if watched else HTTPStatus.SERVICE_UNAVAILABLE
        return Answer(json.dumps(told).encode(), status=status)

    async def metrics(self) -> Answer:
        """The figures."""
        body = await self._measures.exposition(
            on_duty=self._hold.held, foreseen=len(self._watchdog.foresight), circuits=self._circuits()
        )
        return Answer(body, MEDIA_TYPE)
