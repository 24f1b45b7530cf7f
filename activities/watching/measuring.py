"""Measuring: the figures of a scheduler for Prometheus. Labels are fixed words: no reference, name or address."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import gauges, heartbeats, outbox
from ledger.database import autocommit
from runtime.clock import Clock

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_WITHIN: Final = 2.0
_LAGS: Final = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
_WAITS: Final = (0.1, 0.5, 1, 2, 5, 15, 60, 300, 900, 3600, 14400, 86400)
_AGES: Final = (
    (timedelta(minutes=15), "under_15_minutes"),
    (timedelta(hours=1), "under_1_hour"),
    (timedelta(hours=4), "under_4_hours"),
    (timedelta(days=1), "under_1_day"),
    (timedelta.max, "1_day_or_more"),
)
_USUAL_CIRCUITS: Final = (("mail", "open"), ("webhook", "open"), ("chat", "open"))
"""Told as 0 where there are none: an alert rule has to see them."""
_STATES: Final = ("queued", "leased", "dead", "sent", "bounced", "unheld")


class Measures:
    """The figures of one scheduler process, in a registry of its own."""

    def __init__(self, engine: AsyncEngine, clock: Clock, task: str) -> None:
        """`task` is the one whose heartbeat is told of."""
        self._engine = autocommit(engine)
        self._clock = clock
        self._task = task
        self._measured_to: datetime | None = None
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._lag = Histogram(
            "redress_alert_lag_seconds", "From the moment that called for a message until it was queued.",
            ("kind",), buckets=_LAGS, registry=registry,
        )  # fmt: skip
        self._wait = Histogram(
            "redress_delivery_seconds", "From queued until sent.", ("channel",), buckets=_WAITS,
            registry=registry,
        )  # fmt: skip
        self._depth = _gauge(
            registry, "outbox_messages", "Messages that wait, were given up, or are not told of yet.",
            "state", "channel",
        )  # fmt: skip
        self._dead = _gauge(registry, "outbox_dead_letters", "Messages that were given up and need a person.")
        self._oldest = _gauge(
            registry, "outbox_oldest_seconds", "How long the oldest message that may go out has waited."
        )
        self._unacknowledged = _gauge(
            registry, "alerts_unacknowledged", "Alerts of ladders that nobody has acknowledged.", "age"
        )
        self._late = _gauge(
            registry, "watchdog_late_seconds", "How far the watchdog was behind when it last showed itself."
        )
        self._heartbeat = _gauge(
            registry, "watchdog_heartbeat_age_seconds", "How long ago the watchdog last showed that it lives."
        )
        self._on_duty = _gauge(registry, "watchdog_on_duty", "1 where this process is the watchdog.")
        self._foreseen = _gauge(registry, "watchdog_foreseen_moments", "Moments worked out ahead that wait.")
        self._circuits = _gauge(
            registry,
            "delivery_circuits",
            "Targets by the state of their circuit; open: nothing is sent for now.",
            "channel",
            "state",
        )
        self._database = _gauge(registry, "database_up", "1 where the database answered this scrape.")

    async def begin(self) -> None:
        """Lags are measured from now on; what came before was measured by whoever was on duty then."""
        self._measured_to = None
        await self.observe()

    async def observe(self) -> None:
        """Measure the lags of what was queued and sent since last time. To be called by the watchdog's holder only,
        so that each message is measured once; raises what the database raises.
        """
        async with self._engine.connect() as conn:
            until = await gauges.database_now(conn) - timedelta(seconds=gauges.SETTLING)
            since, self._measured_to = self._measured_to, until
            if since is None:
                return
            called = await gauges.called_to_queued(conn, since, until)
            sent = await gauges.queued_to_sent(conn, since, until)
        for kind, called_at, queued_at in called:
            lag = queued_at - self._clock.spec.real(called_at)
            self._lag.labels(kind).observe(max(lag.total_seconds(), 0.0))
        for channel, seconds, messages in sent:
            for _ in range(messages):
                self._wait.labels(channel).observe(max(seconds, 0.0))

    async def exposition(
        self, *, on_duty: bool, foreseen: int, circuits: Mapping[tuple[str, str], int]
    ) -> bytes:
        """Everything in Prometheus' text form. `circuits`: how many targets, by channel and state."""
        self._on_duty.set(on_duty)
        self._foreseen.set(foreseen)
        self._circuits.clear()
        for channel, state in {*_USUAL_CIRCUITS, *circuits}:
            self._circuits.labels(channel, state).set(circuits.get((channel, state), 0))
        try:
            async with asyncio.timeout(_WITHIN):
                await self._look()
            self._database.set(1)
        except (SQLAlchemyError, OSError, TimeoutError):
            self._database.set(0)  # the figures of this process are wanted most while the database is away
        return generate_latest(self._registry)

    async def _look(self) -> None:
        async with self._engine.connect() as conn:
            depths = await gauges.depths(conn)
            waiting = await outbox.depth(conn)
            unacknowledged = await gauges.unacknowledged(conn)
            beat = await heartbeats.read(conn, self._task)
        self._depth.clear()
        for state in _STATES:  # also those that nothing is in
            self._depth.labels(state, "mail").set(0)
        for depth in depths:
            self._depth.labels(depth.state, depth.channel).set(depth.messages)
        self._dead.set(waiting.dead)
        self._oldest.set(waiting.oldest_seconds)
        now = self._clock.now()
        ages = Tally(_age(now - climbed_at) for climbed_at in unacknowledged)
        for _, age in _AGES:
            self._unacknowledged.labels(age).set(ages[age])
        if beat is not None:
            self._late.set(beat.late_seconds)
            self._heartbeat.set(beat.age_seconds)


def _gauge(registry: CollectorRegistry, name: str, says: str, *labels: str) -> Gauge:
    return Gauge(f"redress_{name}", says, labels, registry=registry)


def _age(age: timedelta) -> str:
    return next(word for limit, word in _AGES if age < limit)
