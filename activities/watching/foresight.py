"""Foresight: what time will call for in the next minute, worked out ahead, so that in a burst it only has to be queued.

Folding a stream takes as long as queueing fifty messages. So streams whose wake-up is near are folded while there is
time, by the same pure functions as everywhere, and kept as rows that wait for their moment. At the moment one
statement queues all that are due, but only of those streams that still are as they were foreseen.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases, Held, HeldIssue
from complaints.lifecycle import due, evolve, next_wakeup
from complaints.messages import Message, messages
from complaints.systemic.issue import evolve_systemic
from complaints.systemic.moments import due_systemic, messages_about, next_wakeup_systemic
from ledger import foreseen
from ledger.database import autocommit
from ledger.foreseen import Upcoming
from ledger.stored import StoredEvent
from runtime.clock import Clock

_log = structlog.get_logger(__name__)

HORIZON = timedelta(seconds=60)
"""Real time that is looked ahead."""
AT_MOST = 20_000
"""Streams that are kept at once: some forty megabytes. More are looked at when these have had their moment."""
_MOMENTS_AT_MOST = 16
"""Of one stream: on a fast clock a minute may be a week, and a case that is looked after changes before that."""
_FOLDED_AT_ONCE = 50
_QUEUED_AT_ONCE = 500
_REFRESH_EVERY = 2.0
_WORK = 0.3
"""Seconds of each second that may go into folding ahead of time."""
OF_LETTERS = ("letter", "letter_by_hand")


class Moment(NamedTuple):
    """What time alone calls for at one instant."""

    when: datetime
    messages: tuple[Message, ...]


class Later(NamedTuple):
    """A stream whose wake-up passed unheeded: what it has to say next comes at `next_at`."""

    reference: str
    wake_at: datetime
    next_at: datetime


class Acted(NamedTuple):
    """A moment that was acted upon in time or late: `next_at` is when the stream has more to say."""

    reference: str
    wake_at: datetime
    when: datetime
    next_at: datetime | None
    queued: int


def moments(
    held: Held, until: datetime, *, after: datetime | None = None, at_most: int = _MOMENTS_AT_MOST
) -> tuple[list[Moment], datetime | None]:
    """What time calls for of a complaint up to `until`, moment by moment, and when it has more to say. Pure.

    Those up to `after` are left out. Letters are not among them, nor that one is to be served: a letter's number
    is the workflow's to give, for in the meantime a person may have written another one.
    """
    case = held.case
    found: list[Moment] = []
    while (when := next_wakeup(held.pack, case)) is not None and when <= until and len(found) < at_most:
        called_for: list[Message] = []
        for told in due(held.pack, case, when):
            case = evolve(case, told)
            called_for += (m for m in messages(held.pack, case, told) if m.kind not in OF_LETTERS)
        if after is None or when > after:
            found.append(Moment(when, tuple(called_for)))
    return found, when


def moments_systemic(
    held: HeldIssue, until: datetime, *, after: datetime | None = None, at_most: int = _MOMENTS_AT_MOST
) -> tuple[list[Moment], datetime | None]:
    """As `moments`, for a systemic issue. Pure."""
    issue = held.issue
    found: list[Moment] = []
    while (when := next_wakeup_systemic(issue)) is not None and when <= until and len(found) < at_most:
        called_for: list[Message] = []
        for told in due_systemic(held.pack, issue, when):
            issue = evolve_systemic(issue, told)
            called_for += messages_about(issue, told)
        if after is None or when > after:
            found.append(Moment(when, tuple(called_for)))
    return found, when


@dataclass(slots=True)
class _Known:
    """A stream as it was foreseen; `next_at`: the first moment beyond those that wait."""

    sequence: int
    wake_at: datetime
    next_at: datetime | None
    last: datetime


class _Waiting(NamedTuple):
    """A moment that waits: rows of JSON, ready to be queued. Sorts by its instant."""

    when: datetime
    number: int
    reference: str
    sequence: int
    wake_at: datetime
    next_at: datetime | None
    rows: tuple[str, ...]


class Foresight:
    """What is foreseen, in memory only: lost with the process, it is worked out again."""

    def __init__(
        self,
        engine: AsyncEngine,
        cases: Cases,
        clock: Clock,
        *,
        horizon: timedelta = HORIZON,
        at_most: int = AT_MOST,
    ) -> None:
        """`horizon` is real time; on a fast clock it is as much longer as the clock is faster."""
        self._engine = autocommit(engine)
        self._cases = cases
        self._clock = clock
        self._horizon = horizon * clock.spec.speed
        self._at_most = at_most
        self._known: dict[str, _Known] = {}
        self._waiting: list[_Waiting] = []
        self._backlog: list[Upcoming] = []
        self._refreshed = float("-inf")
        self._numbers = count()

    def __len__(self) -> int:
        """How many moments wait."""
        return len(self._waiting)

    def coming_within(self, real: timedelta, at_most: int) -> int:
        """How many moments come within so much real time, counted up to `at_most`."""
        end, found, nodes = self._clock.now() + real * self._clock.spec.speed, 0, [0]
        while nodes and found < at_most:  # down the heap, never past a node that lies beyond the end
            node = nodes.pop()
            if node < len(self._waiting) and self._waiting[node].when <= end:
                found += 1
                nodes += (2 * node + 1, 2 * node + 2)
        return found

    async def foresee(self, later: Iterable[Later] = (), *, seconds: float = _WORK) -> int:
        """Fold what wakes soon and was not foreseen, the earliest first, for up to `seconds`; how many streams.

        `later` are streams whose wake-up passed, and which their workflow has not looked after. What can not be
        read is left to be looked at when its moment has passed. Raises what the database raises.
        """
        started = time.monotonic()
        if started - self._refreshed >= _REFRESH_EVERY:
            await self._refresh(later)
            self._refreshed = started
        done, worked = 0, 0.0
        while self._backlog and worked < seconds and len(self._waiting) < self._at_most:
            batch = self._backlog[:_FOLDED_AT_ONCE]
            async with self._engine.connect() as conn:
                found = await foreseen.events_of(conn, [one.reference for one in batch])
            for one in batch:
                began = time.perf_counter()
                try:
                    await self._foresee(one, found.get(one.reference, ()))
                    done += 1
                except Exception as error:  # it must not keep the others from being foreseen
                    _log.error("complaint not foreseen", reference=one.reference, exc_info=error)
                    self._known[one.reference] = _Known(one.sequence, one.wake_at, None, one.wake_at)
                worked += time.perf_counter() - began
                await asyncio.sleep(0)  # whatever is due meanwhile goes first
            del self._backlog[: len(batch)]
        return done

    async def act(self, up_to: datetime) -> list[Acted]:
        """Queue what was foreseen for moments up to `up_to` (service time), where the stream has not changed.

        What is queued already stays as it is. Raises what the database raises; nothing foreseen is lost then.
        """
        acted: list[Acted] = []
        while self._waiting and self._waiting[0].when <= up_to:
            batch: list[_Waiting] = []
            while self._waiting and self._waiting[0].when <= up_to and len(batch) < _QUEUED_AT_ONCE:
                one = heapq.heappop(self._waiting)
                if self._stands(one):
                    batch.append(one)
            try:
                acted += await self._queue(batch)
            except BaseException:
                for one in batch:
                    heapq.heappush(self._waiting, one)
                raise
        return acted

    async def _queue(self, batch: Sequence[_Waiting]) -> list[Acted]:
        if not batch:
            return []
        async with self._engine.connect() as conn:
            queued = dict(await foreseen.queue_foreseen(conn, [row for one in batch for row in one.rows]))
        for one in batch:
            if one.reference not in queued:  # it changed: whatever else was foreseen of it will not come so
                self._known.pop(one.reference, None)
        new = dict(queued)
        return [
            Acted(one.reference, one.wake_at, one.when, one.next_at, new.pop(one.reference, 0))
            for one in batch
            if one.reference in queued
        ]

    def _stands(self, one: _Waiting) -> bool:
        known = self._known.get(one.reference)
        return known is not None and (known.sequence, known.wake_at) == (one.sequence, one.wake_at)

    async def _refresh(self, later: Iterable[Later]) -> None:
        """What has to be folded: streams that wake soon, or go on unheeded, and are not known as they are now."""
        now = self._clock.now()
        until = now + self._horizon
        async with self._engine.connect() as conn:
            near = await foreseen.upcoming(conn, now, until, self._at_most)
        wanted: list[tuple[datetime, Upcoming]] = []
        for one in near:
            known = self._known.get(one.reference)
            if known is None or (known.sequence, known.wake_at) != (one.sequence, one.wake_at):
                wanted.append((one.wake_at, one))
            elif known.next_at is not None and known.next_at <= until:
                wanted.append((known.next_at, one))
        for stream in later:
            known = self._known.get(stream.reference)
            next_at = stream.next_at
            if known is not None and known.wake_at == stream.wake_at:
                if known.next_at is None:
                    continue
                next_at = known.next_at
            if now < next_at <= until:
                sequence = -1 if known is None else known.sequence
                wanted.append((next_at, Upcoming(stream.reference, sequence, stream.wake_at)))
        wanted.sort()
        self._backlog = [one for _, one in wanted]
        gone = now - self._horizon
        self._known = {reference: known for reference, known in self._known.items() if known.last > gone}

    async def _foresee(self, one: Upcoming, events: Sequence[StoredEvent]) -> None:
        held = await self._cases.fold([event.happening() for event in events])
        if held is None:
            return
        until = self._clock.now() + self._horizon
        if isinstance(held, Held):
            sequence, wakes = held.case.sequence, next_wakeup(held.pack, held.case)
        else:
            sequence, wakes = held.issue.sequence, next_wakeup_systemic(held.issue)
        if wakes != one.wake_at:
            return  # it changed since it was listed, and is listed anew
        before = self._known.get(one.reference)
        after = None
        if before is not None and (before.sequence, before.wake_at) == (sequence, one.wake_at):
            after = before.last
        if isinstance(held, Held):
            found, next_at = moments(held, until, after=after)
        else:
            found, next_at = moments_systemic(held, until, after=after)
        for moment, following in zip(found, [*(moment.when for moment in found[1:]), next_at], strict=True):
            rows = _rows(one.reference, sequence, one.wake_at, moment)
            number = next(self._numbers)
            waiting = _Waiting(moment.when, number, one.reference, sequence, one.wake_at, following, rows)
            heapq.heappush(self._waiting, waiting)
        last = found[-1].when if found else after or one.wake_at
        self._known[one.reference] = _Known(sequence, one.wake_at, next_at, last)


def _rows(reference: str, sequence: int, wake_at: datetime, moment: Moment) -> tuple[str, ...]:
    of = {"of_stream": reference, "of_sequence": sequence, "of_wake_at": wake_at.isoformat()}
    if not moment.messages:
        return (json.dumps(of),)
    tail = json.dumps(of)[1:]
    return tuple(f"{message.model_dump_json()[:-1]}, {tail}" for message in moment.messages)
