"""The dispatcher: takes messages out of the outbox as they come, has them delivered, and settles each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.listening import listen
from activities.post import Fate, Post
from activities.telling import Teller
from ledger import outbox
from ledger.database import autocommit
from ledger.outbox import Leased, State

_log = structlog.get_logger(__name__)
_DATABASE = (SQLAlchemyError, OSError, TimeoutError)
_RANDOM = random.SystemRandom()


@dataclass(frozen=True)
class Pace:
    """How the dispatcher goes about it; all times in real seconds."""

    at_once: int = 4
    lease: float = 40.0
    poll: float = 1.0
    digest_quiet: float = 5.0
    digest_at_most: float = 60.0
    first_wait: float = 5.0
    longest_wait: float = 3600.0
    attempts: int = 20
    """With these waits, a message that is put off each time is given up after some eleven hours."""
    server_away: float = 15.0
    """The longest wait before our own mail server is asked again."""


class Dispatcher:
    """Any number of these may run at once: leases keep them apart."""

    def __init__(
        self, engine: AsyncEngine, post: Post, teller: Teller, *, holder: str, pace: Pace | None = None
    ) -> None:
        """`holder` names this process; two that run at once must not have the same."""
        self._listening = engine
        self._engine = autocommit(engine)
        self._post = post
        self._teller = teller
        self._holder = holder
        self._pace = pace or Pace()
        self._settled = asyncio.Event()
        self._refusals = 0  # of our own mail server, one after another
        self._server_back_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Dispatch until `stop`; then let what is being sent be finished."""
        heard = asyncio.Event()
        others = [
            asyncio.create_task(listen(self._listening, outbox.CHANNEL, heard)),
            asyncio.create_task(self._tell()),
        ]
        try:
            await self._send(stop, heard)
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _send(self, stop: asyncio.Event, heard: asyncio.Event) -> None:
        working: set[asyncio.Task[None]] = set()
        while not stop.is_set():
            heard.clear()
            for rows in await self._taken(self._pace.at_once - len(working)):
                working.add(asyncio.create_task(self._carry_out(rows)))
            # A free hand and nothing to do: wait for news. No free hand: for the first to be done.
            idle = len(working) < self._pace.at_once
            signals = [asyncio.create_task(stop.wait())]
            if idle:
                signals.append(asyncio.create_task(heard.wait()))
            await asyncio.wait(
                {*working, *signals}, timeout=self._pace.poll, return_when=asyncio.FIRST_COMPLETED
            )
            for signal in signals:
                signal.cancel()
            working = {task for task in working if not task.done()}
        if working:
            await asyncio.wait(working)

    async def _taken(self, free: int) -> list[tuple[Leased, ...]]:
        if free < 1 or asyncio.get_running_loop().time() < self._server_back_at:
            return []
        pace, holder = self._pace, self._holder
        try:
            async with self._engine.connect() as conn:
                single = await outbox.lease(conn, limit=free, holder=holder, seconds=pace.lease)
                taken = [(row,) for row in single]
                group: tuple[Leased, ...] = ()
                if len(taken) < free:
                    group = await outbox.lease_digest(
                        conn, holder=holder, seconds=pace.lease, quiet=pace.digest_quiet,
                        at_most=pace.digest_at_most,
                    )  # fmt: skip
                return [*taken, group] if group else [*taken]
        except _DATABASE as error:
            _log.warning("outbox not read", exc_info=error)
            return []

    async def _carry_out(self, rows: Sequence[Leased]) -> None:
        try:
            async with asyncio.timeout(self._pace.lease / 2):
                fate = await self._post.deliver(rows)
                if fate.state is State.QUEUED and fate.counts and rows[0].attempts >= self._pace.attempts:
                    fate = await self._post.give_up(rows, fate.status or "")
        except _DATABASE as error:
            _log.warning("message not sent", dedupe_key=rows[0].dedupe, exc_info=error)
            fate = Fate(State.QUEUED, "interrupted", counts=False)
        except Exception as error:  # one that can not be written must not stop the others
            _log.error("message not written", dedupe_key=rows[0].dedupe, exc_info=error)
            spent = rows[0].attempts >= self._pace.attempts
            fate = Fate(State.DEAD if spent else State.QUEUED, type(error).__name__)
        self._note_server(fate)
        await self._insist(lambda conn: self._settle(conn, rows, fate))
        _log.info(
            "message settled", dedupe_key=rows[0].dedupe, count=len(rows), outcome=fate.state,
            code=fate.status, message_id=fate.message_id, attempt=rows[0].attempts,
        )  # fmt: skip
        self._settled.set()

    def _note_server(self, fate: Fate) -> None:
        """While our own mail server is away nothing is taken out, but for a try now and then."""
        if fate.state is State.QUEUED and not fate.counts:
            self._refusals = min(self._refusals + 1, 10)
            wait = min(0.5 * 2**self._refusals, self._pace.server_away)
            self._server_back_at = asyncio.get_running_loop().time() + wait
        elif fate.state is State.SENT:
            self._refusals, self._server_back_at = 0, 0.0

    async def _settle(self, conn: AsyncConnection, rows: Sequence[Leased], fate: Fate) -> None:
        ids, holder = [row.id for row in rows], self._holder
        if fate.recipients:
            await outbox.expand(
                conn, ids, holder=holder, recipients=fate.recipients, keep_fallback=fate.keep_fallback,
                kind=fate.kind, state=fate.state, error=fate.status,
            )  # fmt: skip
        elif fate.state is State.QUEUED:
            after = self._wait(rows[0].attempts) if fate.counts else 0.0
            await outbox.retry(
                conn, ids, holder=holder, after=after, error=fate.status or "", counts=fate.counts
            )
        else:
            await outbox.settle(
                conn, ids, holder=holder, state=fate.state, message_id=fate.message_id, error=fate.status
            )

    def _wait(self, attempts: int) -> float:
        """Doubled from attempt to attempt, and spread: what failed together does not come back together."""
        wait = min(self._pace.first_wait * 2 ** min(attempts - 1, 30), self._pace.longest_wait)
        return float(wait * _RANDOM.uniform(0.8, 1.2))

    async def _insist(self, write: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Write to the database, again and again while it is away, for as long as the lease lasts.

        A mail that was sent and not settled would be sent a second time, under the same Message-ID.
        """
        deadline = asyncio.get_running_loop().time() + self._pace.lease / 2
        while True:
            try:
                async with self._engine.connect() as conn:
                    await write(conn)
                return
            except _DATABASE as error:
                if asyncio.get_running_loop().time() > deadline:
                    _log.error("message not settled", exc_info=error)
                    return
                await asyncio.sleep(self._pace.poll)

    async def _tell(self) -> None:
        while True:
            self._settled.clear()
            try:
                await self._teller.tell()
            except _DATABASE as error:
                _log.warning("outcomes not read", exc_info=error)
            try:
                async with asyncio.timeout(self._pace.poll):
                    await self._settled.wait()
            except TimeoutError:
                continue
