"""The watchdog: where time should have made something happen and nobody acted, it alerts and wakes.

It needs the database alone. It never appends to the record: the workflow, when it wakes, decides the same by
the same functions, finds the alerts under the same keys sent already, and records what happened.

Two ways: `act` queues what was foreseen (foresight.py) at its moment, in a burst or while Temporal is away without
waiting for anybody; `look` finds by the read model what nobody foresaw, and folds it then.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases, Held, HeldIssue
from activities.watching.foresight import OF_LETTERS, Foresight, Later
from activities.watching.lateness import Lateness
from complaints.base import Order, PackRef
from complaints.case import Case
from complaints.lifecycle import due, evolve, next_wakeup
from complaints.messages import Message, messages
from complaints.references import is_systemic
from complaints.systemic.issue import evolve_systemic
from complaints.systemic.moments import due_systemic, messages_about, next_wakeup_systemic
from ledger import intake, outbox, reads
from ledger.database import autocommit
from ledger.reads import WakeUp
from runtime.clock import Clock
from workflows.client import EngineAway

_log = structlog.get_logger(__name__)
GRACE = timedelta(seconds=2)
"""Real time that a workflow has to act on its own timer where nothing was foreseen of it."""
FORESEEN_GRACE = timedelta(seconds=0.4)
"""The same where what it calls for is known already and only has to be queued."""
BURST = 40
"""So many moments within a second are more than workflows keep up with: then nobody is waited for."""
_LOOKED_AT_ONCE = 4
_NEW_AT_ONCE = 500
_NUDGED_AT_ONCE = 8
UNANSWERED = 50
"""So many nudged workflows that have not acted mean that nudging does not help: Temporal is busy, or its worker gone.

Each nudge costs Temporal about as much as half a wake-up does; to nudge thousands that wait for their turn takes the
turns away from them.
"""
_ANSWERS_WITHIN = 10.0
"""Seconds after which a nudge is taken to be lost on a workflow: it does not keep the others' back any longer."""
_NUDGED_FIRST = 20.0
"""Seconds until a workflow is nudged whose alerts are out: after a burst it is late because Temporal is busy."""
_AWAY_FOR = 60.0
"""Seconds for which Temporal is taken to be away since it was last found so."""
_NUDGED_AGAIN = 10.0
_NUDGED_AT_LEAST_EVERY = 300.0
_INTAKE_OLD = timedelta(seconds=3)
_INTAKE_AT_ONCE = 100
_SECOND = timedelta(seconds=1)


class Workflows(Protocol):
    """The engine, as far as the watchdog needs it. Raises where Temporal does not take it."""

    async def receive(self, reference: str, pack: PackRef, order: Order) -> None: ...

    async def nudge(self, reference: str) -> None: ...


@dataclass
class _Seen:
    """What was done about a stream whose wake-up passed. Lost with the process, it is only done again."""

    wake_at: datetime
    next_at: datetime | None  # when time alone has more to say, which nobody may have heard yet
    nudge_at: float = 0.0
    nudge_wait: float = _NUDGED_AGAIN
    nudged_at: float = float("-inf")


class Watchdog:
    """Looks after complaints and systemic issues whose wake-up has passed. One at a time: see hold.py."""

    def __init__(
        self,
        engine: AsyncEngine,
        cases: Cases,
        workflows: Workflows,
        clock: Clock,
        *,
        grace: timedelta = GRACE,
        foreseen_grace: timedelta = FORESEEN_GRACE,
        unanswered: int = UNANSWERED,
    ) -> None:
        """The graces are real time; on a fast clock they are as much longer as the clock is faster.

        `unanswered`: how many nudges may wait for an answer at once.
        """
        self._engine = autocommit(engine)
        self._transactions = engine
        self._cases = cases
        self._workflows = workflows
        self._clock = clock
        self._grace = grace * clock.spec.speed
        self._foreseen_grace = foreseen_grace * clock.spec.speed
        self._unanswered = unanswered
        self._seen: dict[str, _Seen] = {}
        self._away_until = 0.0
        self.foresight = Foresight(engine, cases, clock)
        self.lateness = Lateness()

    async def foresee(self) -> int:
        """Work out ahead what the next minute calls for; returns how many streams were folded for it."""
        return await self.foresight.foresee(
            Later(reference, seen.wake_at, seen.next_at)
            for reference, seen in list(self._seen.items())
            if seen.next_at is not None
        )

    async def act(self) -> int:
        """Queue what was foreseen and is due; returns how many alerts that queued.

        The workflow has a moment to do it itself, but not in a burst, nor while Temporal is away.
        """
        self.lateness.came_round()
        now = self._clock.now()
        hurried = self._engine_away() or self.foresight.coming_within(_SECOND, BURST) >= BURST
        acted = await self.foresight.act(now if hurried else now - self._foreseen_grace)
        queued = 0
        for one in acted:
            before = self._seen.get(one.reference)
            if before is not None and before.wake_at == one.wake_at:
                before.next_at = one.next_at
            else:
                nudge_at = time.monotonic() + _NUDGED_FIRST
                self._seen[one.reference] = _Seen(one.wake_at, one.next_at, nudge_at=nudge_at)
            if one.queued:
                queued += one.queued
                self.lateness.acted(self._late(one.when))
        if queued:
            _log.info("queued what was foreseen", total=len(acted), count=queued)
        return queued

    def _engine_away(self) -> bool:
        return time.monotonic() < self._away_until

    def _late(self, when: datetime) -> float:
        """How long ago this moment of the service's time was, in real seconds."""
        return ((self._clock.now() - when) / self._clock.spec.speed).total_seconds()

    async def look(self) -> int:
        """Alert where a wake-up passed by more than the grace; returns how many alerts that queued.

        A complaint that was looked at is left alone until time has more to say of it. One that can not be
        read does not keep the others from being looked at. Raises what the database raises.
        """
        now = self._clock.now()
        async with self._engine.connect() as conn:
            late = await reads.overdue_wakeups(conn, now, self._grace, len(self._seen) + _NEW_AT_ONCE)
        still = {one.reference for one in late}
        # What was acted upon before the grace was over is not among them yet.
        self._seen = {
            reference: seen
            for reference, seen in self._seen.items()
            if reference in still or seen.wake_at >= now - self._grace
        }
        slots = asyncio.Semaphore(_LOOKED_AT_ONCE)

        async def one(wake_up: WakeUp) -> int:
            async with slots:
                return await self._look_at(wake_up, now)

        return sum(await asyncio.gather(*(one(wake_up) for wake_up in late if self._news(wake_up, now))))

    def _news(self, wake_up: WakeUp, now: datetime) -> bool:
        seen = self._seen.get(wake_up.reference)
        if seen is None or seen.wake_at != wake_up.wake_at:
            return True
        return seen.next_at is not None and seen.next_at + self._grace < now

    async def _look_at(self, wake_up: WakeUp, now: datetime) -> int:
        reference = wake_up.reference
        try:
            found = await self._due(reference, now)
            if found is None:
                return 0
            alerts, next_at = found
            queued = 0
            if alerts:
                async with self._transactions.begin() as conn:
                    queued = await outbox.queue(conn, reference, alerts)
        except Exception as error:  # the others' alerts must go out all the same
            _log.error("complaint not looked after", reference=reference, exc_info=error)
            return 0
        before = self._seen.get(reference)
        seen = _Seen(wake_at=wake_up.wake_at, next_at=next_at)
        if before is not None and before.wake_at == wake_up.wake_at:
            seen.nudge_at, seen.nudge_wait = before.nudge_at, before.nudge_wait
            seen.nudged_at = before.nudged_at
        self._seen[reference] = seen
        since = wake_up.wake_at
        if before is not None and before.wake_at == since and before.next_at is not None:
            since = before.next_at  # what came before was said then
        late = self._late(since)
        if queued:
            self.lateness.acted(late)
        _log.warning("acted in place of the workflow", reference=reference, count=queued, late_s=late)
        return queued

    async def _due(self, reference: str, now: datetime) -> tuple[list[Message], datetime | None] | None:
        """What time has called for; None where the record has no such stream."""
        if is_systemic(reference):
            issue = await self._cases.read_issue(reference)
            return None if issue is None else what_is_due_systemic(issue, now)
        held = await self._cases.read(reference)
        return None if held is None else what_is_due(held, now)

    async def nudge(self) -> int:
        """Have the workflows look that should have acted; returns how many took it.

        Those that were nudged and did nothing are nudged again, ever more rarely, and nobody else is while too many
        have not answered. While Temporal is away only one is tried each time, to see whether it is back.
        """
        now = time.monotonic()
        unanswered = sum(now - seen.nudged_at < _ANSWERS_WITHIN for seen in self._seen.values())
        room = 1 if self._engine_away() else max(self._unanswered - unanswered, 0)
        asleep = ((reference, seen) for reference, seen in self._seen.items() if seen.nudge_at <= now)
        waiting = heapq.nsmallest(room, asleep, key=lambda one: one[1].nudge_at)
        slots = asyncio.Semaphore(_NUDGED_AT_ONCE)

        async def one(reference: str, seen: _Seen) -> int:
            async with slots:
                if self._engine_away() and len(waiting) > 1:
                    return 0  # one before it has just found that out
                seen.nudge_at = time.monotonic() + seen.nudge_wait
                seen.nudge_wait = min(seen.nudge_wait * 2, _NUDGED_AT_LEAST_EVERY)
                try:
                    await self._workflows.nudge(reference)
                except Exception as error:  # whatever keeps Temporal away, it is tried again
                    if isinstance(error, EngineAway):
                        self._away_until = time.monotonic() + _AWAY_FOR
                    _log.info("workflow not nudged", reference=reference, exc_info=error)
                    return 0
                seen.nudged_at = time.monotonic()
                self._away_until = 0.0
                return 1

        return sum(await asyncio.gather(*(one(reference, seen) for reference, seen in waiting)))

    async def start_pending(self, older_than: timedelta = _INTAKE_OLD) -> int:
        """Start the workflows of intake that was accepted while Temporal was away; returns how many.

        Where Temporal is away the rest is left for the next time. One that can not be started for a reason
        of its own does not keep the others waiting, and is tried again later.
        """
        async with self._transactions.begin() as conn:
            waiting = await intake.pending(conn, older_than, _INTAKE_AT_ONCE)
        started = 0
        for index, one in enumerate(waiting):
            try:
                await self._workflows.receive(one.reference, one.pack, one.order)
            except EngineAway as error:
                _log.info("intake not started", reference=one.reference, total=len(waiting), exc_info=error)
                await self._release(waiting[index:])
                break
            except Exception as error:  # the others' complaints must be started all the same
                _log.error("intake not started", reference=one.reference, exc_info=error)
                continue
            started += 1
        return started

    async def _release(self, left: Sequence[intake.Pending]) -> None:
        async with self._transactions.begin() as conn:
            for one in left:
                await intake.release(conn, one.reference)


def what_is_due(held: Held, now: datetime) -> tuple[list[Message], datetime | None]:
    """The alerts that time has called for up to `now`, and when it will have more to say. Pure.

    Letters are not among them, nor that one is to be served: a letter's number is the workflow's to give,
    for in the meantime a person may have written another one.
    """
    case: Case = held.case
    called_for: list[Message] = []
    for told in due(held.pack, case, now):
        case = evolve(case, told)
        called_for += (
            message for message in messages(held.pack, case, told) if message.kind not in OF_LETTERS
        )
    return called_for, next_wakeup(held.pack, case)


def what_is_due_systemic(held: HeldIssue, now: datetime) -> tuple[list[Message], datetime | None]:
    """As `what_is_due`, for a systemic issue. Pure."""
    issue = held.issue
    called_for: list[Message] = []
    for told in due_systemic(held.pack, issue, now):
        issue = evolve_systemic(issue, told)
        called_for += messages_about(issue, told)
    return called_for, next_wakeup_systemic(issue)
