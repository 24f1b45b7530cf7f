"""News for whoever is signed in: one listener for the process, and a bounded number of streams for each person."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.listening import listen
from ledger import desk_news
from ledger.desk_news import ToldAtDesk
from ledger.directory import Directory

STREAMS_EACH: Final = 4
"""Streams that one person may have open; a further one ends the oldest."""
BEAT: Final = 15.0
"""Seconds after which a stream says that it lives, where nothing else was to say."""
_NOT_OFTENER = 0.25  # a storm is told in a few words
_MARGIN = timedelta(seconds=60)  # transactions take less, from their start to where others see them
_TOLD_AT_ONCE = 100
_REMEMBERED = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DATABASE = (SQLAlchemyError, OSError, TimeoutError)

_log = structlog.get_logger("api")

End = Literal["elsewhere", "signed_out", "restarting"]
"""Why a stream ends: there are newer ones of the same person; the session is over; this process stops."""


@dataclass(frozen=True)
class News:
    """How many alerts the person has not looked at, and those that this stream has not told. `at`: as of when."""

    new: int
    told: tuple[ToldAtDesk, ...]
    at: datetime


@dataclass
class Stream:
    """What one page is told. What it does not fetch in time is put together, and stays small."""

    staff: str
    session: str
    _told: OrderedDict[int, None] = field(default_factory=OrderedDict)
    _news: News | None = None
    _end: End | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, new: int, told: Sequence[ToldAtDesk], at: datetime) -> None:
        """Say this next, together with what was not fetched yet; without what was told already."""
        fresh = [one for one in told if one.id not in self._told]
        self.knows(fresh)
        waiting = self._news.told if self._news else ()
        self._news = News(new, (*waiting, *fresh)[-_TOLD_AT_ONCE:], at)
        self._changed.set()

    def knows(self, told: Sequence[ToldAtDesk]) -> None:
        """These are told already."""
        for one in told:
            self._told[one.id] = None
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    def end(self, why: End) -> None:
        """Say why, and nothing after that."""
        self._end = self._end or why
        self._changed.set()

    async def said(self) -> AsyncIterator[News | End]:
        """News as they come, at last why there are no more."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._end is not None:
                yield self._end
                return
            if self._news is not None:
                news, self._news = self._news, None
                yield news


class NewsRoom:
    """Listens while anybody is there to be told, asks the database once for all of them, and passes it on."""

    def __init__(self, engine: AsyncEngine, directory: Directory, *, beat: float = BEAT) -> None:
        """`beat` is in seconds."""
        self._engine = engine
        # What is told and how many there are have to be of one moment.
        self._reading = engine.execution_options(isolation_level="REPEATABLE READ")
        self._directory = directory
        self._beat = beat
        self._streams: defaultdict[str, list[Stream]] = defaultdict(list)
        self._working: asyncio.Task[None] | None = None
        self._since: datetime | None = None
        self._stopping = False

    async def open(self, staff: str, session: str, after: datetime | None) -> Stream:
        """A stream for this person, for as long as the session lasts; to be given to `leave`.

        It begins with how things stand. `after` is where an earlier stream broke off: what was missed is told
        again, and a little of what was not.
        """
        stream = Stream(staff, session)
        async with self._reading.connect() as conn:
            now = await desk_news.present(conn)
            since = (after or now) - _MARGIN
            missed = await desk_news.told_since(conn, [staff], since, limit=_TOLD_AT_ONCE)
            new = (await desk_news.new_for(conn, [staff]))[staff]
        if after is None:
            stream.knows(missed)
            missed = ()
        stream.offer(new, missed, now)
        theirs = self._streams[staff]
        theirs.append(stream)
        for oldest in theirs[:-STREAMS_EACH]:
            oldest.end("elsewhere")
        if self._stopping:
            stream.end("restarting")
        elif self._working is None or self._working.done():
            self._since = now
            self._working = asyncio.create_task(self._work())
        return stream

    def leave(self, stream: Stream) -> None:
        """Nobody reads this stream any more."""
        theirs = self._streams.get(stream.staff, [])
        if stream in theirs:
            theirs.remove(stream)
        if not theirs:
            self._streams.pop(stream.staff, None)
        if not self._streams and self._working is not None:
            self._working.cancel()
            self._working = None

    def stop(self) -> None:
        """End all streams, old and new: a server does not stop while somebody is being answered."""
        self._stopping = True
        for stream in self._everyone():
            stream.end("restarting")

    async def close(self) -> None:
        """As `stop`, and give back the connection."""
        self.stop()
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
            self._working = None

    def _everyone(self) -> list[Stream]:
        return [stream for theirs in self._streams.values() for stream in theirs]

    async def _work(self) -> None:
        heard = asyncio.Event()
        listening = asyncio.create_task(listen(self._engine, desk_news.CHANNEL, heard))
        try:
            while True:
                try:
                    async with asyncio.timeout(self._beat):
                        await heard.wait()
                except TimeoutError:
                    pass
                heard.clear()
                try:
                    await self._look()
                except _DATABASE as error:
                    # Nothing is said then: a page that hears nothing knows that it is not live.
                    _log.warning("no news for the desk", exc_info=error)
                await asyncio.sleep(_NOT_OFTENER)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _look(self) -> None:
        streams = self._everyone()
        staff = {stream.staff for stream in streams}
        async with self._reading.connect() as conn:
            now = await desk_news.present(conn)
            since = (self._since or now) - _MARGIN
            told = await desk_news.told_since(conn, staff, since, limit=_TOLD_AT_ONCE * 10)
            new = await desk_news.new_for(conn, staff)
        alive = await self._directory.live_sessions({stream.session for stream in streams})
        self._since = now
        of: defaultdict[str, list[ToldAtDesk]] = defaultdict(list)
        for one in told:
            of[one.staff].append(one)
        for stream in streams:
            if stream.session not in alive:
                stream.end("signed_out")
            else:
                stream.offer(new.get(stream.staff, 0), of[stream.staff], now)


def event(said: News | End, clock: str) -> bytes:
    """As an event of a stream (WHATWG HTML, server-sent events). `clock` is the moment as people read it."""
    if not isinstance(said, News):
        return f"event: end\ndata: {json.dumps(said)}\n\n".encode()
    told = [{"id": one.id, "reference": one.reference, "kind": one.kind} for one in said.told]
    body = json.dumps({"new": said.new, "told": told, "as_of": clock})
    return f"event: news\nid: {(said.at - _EPOCH) // _MICROSECOND}\ndata: {body}\n\n".encode()


def moment_of(event_id: str) -> datetime | None:
    """The moment of an event's id, as the browser sends it back; None where it is none of ours."""
    if not (event_id.isascii() and event_id.isdigit() and len(event_id) <= 17):
        return None
    return _EPOCH + int(event_id) * _MICROSECOND
