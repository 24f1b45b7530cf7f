"""The dispatcher: takes messages out of the outbox as they come, has them delivered, and settles each."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.delivery.fate import Fate
from activities.delivery.gates import Gates, TargetShut
from activities.delivery.pace import Pace, Stats
from activities.delivery.post import Post
from activities.delivery.settling import Settler
from activities.delivery.telling import Teller
from activities.listening import listen
from ledger import outbox
from ledger.database import autocommit
from ledger.outbox import Leased, State

__all__ = ("Dispatcher", "Pace", "Stats")

_log = structlog.get_logger(__name__)
_DATABASE = (SQLAlchemyError, OSError, TimeoutError)
_RANDOM = random.SystemRandom()
_MAIL = "mail"
_GATHER = 0.05
"""While at work, so long (s) until enough hands are free that taking out messages for them is worth it."""
_BUNDLES_EVERY = 0.25
_TOGETHER = frozenset((State.SENT, State.QUEUED))
"""The fates that all alerts of a storm share."""


@dataclass(frozen=True)
class _Came:
    """What came of a delivery: the fate, and when it is worth while to try again (s; None: as the fate says)."""

    fate: Fate
    after: float | None = None
    away: bool = False


@dataclass(eq=False)
class _Work:
    """Messages that leave as one, and what leaves before them: `behind` the same line, `after` the same complaint."""

    rows: tuple[Leased, ...]
    since: float
    behind: _Work | None = None
    after: _Work | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)
    came: _Came | None = None


class Dispatcher:
    """Any number of these may run at once: leases keep them apart."""

    def __init__(
        self,
        engine: AsyncEngine,
        post: Post,
        teller: Teller,
        *,
        holder: str,
        pace: Pace | None = None,
        gates: Gates | None = None,
    ) -> None:
        """`holder` names this process; two that run at once must not have the same. `gates`: the mailer's too."""
        self._listening = engine
        self._engine = autocommit(engine)
        self._post = post
        self._teller = teller
        self._holder = holder
        self._pace = pace or Pace()
        self._gates = gates or Gates(self._pace.limits)
        self._settler = Settler(engine, holder=holder, patience=self._pace.lease / 2, again=self._pace.poll)
        self._working: set[asyncio.Task[None]] = set()
        self._last_of: dict[str, _Work] = {}  # by complaint, of what is under way
        self._to_tell = asyncio.Event()
        self._to_pass_on = asyncio.Event()
        self._bundles_at = 0.0
        self._refusals = 0  # of our own mail server, one after another
        self._server_back_at = 0.0
        self._counts: Counter[tuple[str, str]] = Counter()

    def stats(self) -> Stats:
        """Figures for whoever watches."""

        def of(what: str) -> Mapping[str, int]:
            return {channel: count for (kind, channel), count in self._counts.items() if kind == what}

        return Stats(
            sent=of("sent"), deferred=of("queued"), bounced=of("bounced"), dead=of("dead"),
            circuits=self._gates.circuits(), mail_server_away=self._refusals > 0,
            under_way=len(self._working),
        )  # fmt: skip

    async def run(self, stop: asyncio.Event) -> None:
        """Dispatch until `stop`; then let what is being sent be finished."""
        heard = asyncio.Event()
        others = [
            asyncio.create_task(listen(self._listening, outbox.CHANNEL, heard)),
            asyncio.create_task(self._again_and_again(self._teller.tell, self._to_tell)),
            asyncio.create_task(self._again_and_again(self._teller.pass_on, self._to_pass_on)),
        ]
        try:
            await self._send(stop, heard)
        finally:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _send(self, stop: asyncio.Event, heard: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        pace = self._pace
        while not stop.is_set():
            heard.clear()
            for work in await self._taken(pace.at_once - len(self._working)):
                self._working.add(asyncio.create_task(self._carry_out(work)))
            # A free hand and nothing to do: wait for news. No free hand: for the first to be done.
            hearing = asyncio.create_task(heard.wait())
            signals = {stopping, hearing} if len(self._working) < pace.at_once else {stopping}
            await asyncio.wait(
                self._working | signals, timeout=pace.poll, return_when=asyncio.FIRST_COMPLETED
            )
            hearing.cancel()
            await self._hands(stopping)
        stopping.cancel()
        if self._working:
            await asyncio.wait(self._working)

    async def _hands(self, stopping: asyncio.Task[bool]) -> None:
        """Returns when a quarter of all hands are free, or soon: each taking out costs the database something."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _GATHER
        while True:
            self._working = {task for task in self._working if not task.done()}
            free, left = self._pace.at_once - len(self._working), until - loop.time()
            if free * 4 >= self._pace.at_once or left <= 0 or stopping.done():
                return
            await asyncio.wait({*self._working, stopping}, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    # Taking out ---------------------------------------------------------------------------------------

    async def _taken(self, free: int) -> list[_Work]:
        if free < 1:
            return []
        now = asyncio.get_running_loop().time()
        works: list[_Work] = []
        try:
            async with self._engine.connect() as conn:
                rows = await self._single(conn, free, now)
                works += self._in_turn(rows, now)
                if len(rows) < free or now - self._bundles_at > _BUNDLES_EVERY:
                    self._bundles_at = now
                    for kind in (self._bundle, self._storm, self._digest):
                        together = await kind(conn, self._held(now))
                        if together:
                            works.append(_Work(together, now))
                            self._tries(together)
        except _DATABASE as error:
            _log.warning("outbox not read", exc_info=error)
        return works

    async def _single(self, conn: AsyncConnection, free: int, now: float) -> tuple[Leased, ...]:
        held = self._held(now)
        if held or not self._refusals:
            return await self._leased(conn, free, held)
        # Our mail server was away: one message shows whether it is back.
        rows = await self._leased(conn, 1, held)
        self._tries(rows)
        if free > len(rows):
            rows += await self._leased(conn, free - len(rows), (_MAIL,))
        return rows

    async def _leased(self, conn: AsyncConnection, free: int, held: Sequence[str]) -> tuple[Leased, ...]:
        pace = self._pace
        return await outbox.lease(
            conn, limit=free, holder=self._holder, seconds=pace.lease, storm=pace.storm, held=held
        )

    async def _bundle(self, conn: AsyncConnection, held: Sequence[str]) -> tuple[Leased, ...]:
        rows = await outbox.lease_bundle(conn, holder=self._holder, seconds=self._pace.lease, held=held)
        return _as_digest(rows)

    async def _storm(self, conn: AsyncConnection, held: Sequence[str]) -> tuple[Leased, ...]:
        pace = self._pace
        rows = await outbox.lease_storm(
            conn, holder=self._holder, seconds=pace.lease, storm=pace.storm, held=held
        )
        return _as_digest(rows)

    async def _digest(self, conn: AsyncConnection, held: Sequence[str]) -> tuple[Leased, ...]:
        pace = self._pace
        return await outbox.lease_digest(
            conn, holder=self._holder, seconds=pace.lease, quiet=pace.digest_quiet,
            at_most=pace.digest_at_most, held=held,
        )  # fmt: skip

    def _held(self, now: float) -> tuple[str, ...]:
        """The channels over which nothing is taken out now."""
        return (_MAIL,) if now < self._server_back_at else ()

    def _tries(self, rows: Sequence[Leased]) -> None:
        """Where our mail server was away, no other mail is taken out until it is known how these fare."""
        if self._refusals and any(row.channel == _MAIL for row in rows):
            self._server_back_at = float("inf")

    def _in_turn(self, rows: Sequence[Leased], since: float) -> list[_Work]:
        works: list[_Work] = []
        lines: dict[tuple[str, str, str], _Work] = {}
        for row in rows:
            work = _Work((row,), since, behind=lines.get(row.line), after=self._last_of.get(row.stream))
            lines[row.line] = self._last_of[row.stream] = work
            works.append(work)
        return works

    # Carrying out -------------------------------------------------------------------------------------

    async def _carry_out(self, work: _Work) -> None:
        try:
            came = work.came = await self._outcome(work)
            fate = came.fate
            self._note_server(work.rows, came)
            if work.rows[0].storm is not None and fate.state not in _TOGETHER:
                await self._dissolve(work)
            else:
                fate = await self._settle(work.rows, came)
        finally:
            work.done.set()
            stream = work.rows[0].stream
            if self._last_of.get(stream) is work:
                del self._last_of[stream]
        first = work.rows[0]
        self._counts[fate.state, first.channel] += len(work.rows)
        _log.info(
            "message settled", dedupe_key=first.dedupe, count=len(work.rows), outcome=fate.state,
            code=fate.status, message_id=fate.message_id, attempt=first.attempts,
        )  # fmt: skip
        if first.kind == "letter" or fate.state is State.UNHELD:
            self._to_tell.set()
            self._to_pass_on.set()

    async def _dissolve(self, work: _Work) -> None:
        """A storm that reached nobody: who stands in, and what is said of it, is each alert's own matter."""
        for row in work.rows:
            alone = (row.model_copy(update={"digest": None}),)
            fate = await self._settle(alone, await self._outcome(_Work(alone, work.since)))
            if fate.state is State.UNHELD:
                self._to_tell.set()
                self._to_pass_on.set()

    async def _outcome(self, work: _Work) -> _Came:
        if work.behind is not None:
            await work.behind.done.wait()
            before = work.behind.came
            if before is None or before.fate.state is State.QUEUED:  # it stays behind
                return _Came(Fate(State.QUEUED, before.fate.status if before else None, counts=False))
        if work.after is not None and not work.after.done.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.in_turn):
                    await work.after.done.wait()
        if asyncio.get_running_loop().time() - work.since > self._pace.lease / 4:
            return _Came(Fate(State.QUEUED, "too late for its lease", counts=False))
        return await self._delivered(work.rows)

    async def _delivered(self, rows: tuple[Leased, ...]) -> _Came:
        spent = rows[0].attempts >= self._pace.attempts
        try:
            async with asyncio.timeout(self._pace.lease / 2):
                after = None
                try:
                    fate = await self._through_gate(rows)
                    away = fate.state is State.QUEUED and not fate.counts
                except TargetShut as shut:
                    fate, after, away = (
                        Fate(State.QUEUED, shut.status, counts=shut.failing),
                        shut.after,
                        False,
                    )
                if fate.state is State.QUEUED and fate.counts and spent:
                    fate = await self._post.give_up(rows, fate.status or "")
                return _Came(fate, after, away)
        except _DATABASE as error:
            _log.warning("message not sent", dedupe_key=rows[0].dedupe, exc_info=error)
            return _Came(Fate(State.QUEUED, "interrupted", counts=False), self._pace.poll)
        except Exception as error:  # one that can not be written must not stop the others
            _log.error("message not written", dedupe_key=rows[0].dedupe, exc_info=error)
            return _Came(Fate(State.DEAD if spent else State.QUEUED, type(error).__name__))

    async def _through_gate(self, rows: tuple[Leased, ...]) -> Fate:
        """Deliver. A mail's target is known only once its address is: the mailer has the gates of these."""
        target = _target(rows[0])
        if target is None:
            return await self._post.deliver(rows)
        try:
            async with self._gates.through(target):
                fate = await self._post.deliver(rows)
                if fate.state is State.QUEUED:
                    raise _NotTaken(fate)
        except _NotTaken as not_taken:
            return not_taken.fate
        return fate

    def _note_server(self, rows: Sequence[Leased], came: _Came) -> None:
        """While our own mail server is away no mail is taken out, but for a try now and then."""
        if rows[0].channel != _MAIL:
            return
        now = asyncio.get_running_loop().time()
        if came.away:
            self._refusals = min(self._refusals + 1, 10)
            wait = min(0.5 * 2**self._refusals, self._pace.server_away)
            self._server_back_at = now + wait
        elif came.fate.state is State.SENT:
            self._refusals, self._server_back_at = 0, 0.0
        elif self._server_back_at == float("inf"):
            self._server_back_at = now  # what was tried came to no mail server

    async def _settle(self, rows: Sequence[Leased], came: _Came) -> Fate:
        fate, after = came.fate, came.after
        if fate.state is State.QUEUED and fate.counts:
            after = max(self._wait(rows[0].attempts), after or 0.0)
        return await self._settler.finish(rows, fate, after)

    def _wait(self, attempts: int) -> float:
        """Doubled from attempt to attempt, and spread: what failed together does not come back together."""
        wait = min(self._pace.first_wait * 2 ** min(attempts - 1, 30), self._pace.longest_wait)
        return float(wait * _RANDOM.uniform(0.8, 1.2))

    async def _again_and_again(self, task: Callable[[], Awaitable[object]], called: asyncio.Event) -> None:
        while True:
            called.clear()
            try:
                await task()
            except _DATABASE as error:
                _log.warning("outcomes not read", exc_info=error)
            try:
                async with asyncio.timeout(self._pace.poll):
                    await called.wait()
            except TimeoutError:
                continue


class _NotTaken(Exception):  # noqa: N818 - carries a fate past the gate that has to hear of it
    """A channel did not take a message now."""

    answered = False

    def __init__(self, fate: Fate) -> None:
        super().__init__(fate.status)
        self.fate = fate


def _target(row: Leased) -> str | None:
    """The gate by which a message leaves that is no mail; None: the mailer knows, or it goes to nobody yet."""
    if row.recipient.startswith("webhook:"):
        return row.recipient
    if row.channel == "chat" and row.recipient.startswith("staff:"):
        return f"chat:{row.recipient}"
    return None


def _as_digest(rows: tuple[Leased, ...]) -> tuple[Leased, ...]:
    """A storm's alerts are told as digests are, in the storm's own thread."""
    return tuple(
        row if row.storm is None else row.model_copy(update={"digest": f"storm/{row.storm}"}) for row in rows
    )
