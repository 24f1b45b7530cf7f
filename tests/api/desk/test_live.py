"""The desk, live: whoever is signed in hears of new alerts, misses none, and sees when they do not hear any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from api.news import STREAMS_EACH, NewsRoom
from complaints.messages import Message
from ledger import desk_news, outbox
from ledger.database import create_engine
from ledger.directory import Directory
from ledger.migrate import upgrade
from ledger.outbox import State
from policies.vocabulary import AlertChannel, Role
from runtime.child import Running
from runtime.postgres_server import PostgresServer
from tests.api.conftest import Office
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.server import serving
from tests.support.waiting import PATIENCE, eventually

REFERENCE = "7K2M-9QF3-XA5C"


async def somebody(office: Office) -> str:
    """Somebody of whom no other test tells anything."""
    login = f"n{uuid4().hex[:10]}"
    made = await office.deps.directory.add(
        id=f"usr_{login}", login=login, name="Nora", email=f"{login}@example.org", roles=[Role.HANDLER]
    )
    return made.id


@pytest.fixture
async def who(office: Office) -> str:
    return await somebody(office)


async def tell(office: Office, who: str, times: int = 1) -> None:
    """Alerts that reach this person at the desk, as the dispatcher settles them."""
    await _tell(office.deps.sql, who, times)


async def _tell(engine: AsyncEngine, who: str, times: int = 1) -> None:
    holder = uuid4().hex
    async with engine.begin() as conn:
        messages = [
            Message(
                dedupe=f"{REFERENCE}/{uuid4().hex}", kind="alert_breach", to=f"staff:{who}", clock="answer",
                channel=AlertChannel.DESK,
            )
            for _ in range(times)
        ]  # fmt: skip
        await outbox.queue(conn, REFERENCE, messages)
    mine = text(
        "UPDATE outbox SET leased_by = :holder, lease_until = now() + interval '1 minute'"
        " WHERE dedupe = ANY (:keys) RETURNING id"
    )
    async with engine.begin() as conn:
        keys = [message.dedupe for message in messages]
        ids = list((await conn.execute(mine, {"holder": holder, "keys": keys})).scalars())
        await outbox.settle(conn, ids, holder=holder, state=State.SENT)


class Reader:
    """What a browser makes of a stream."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self, kind: str = "news") -> dict[str, Any]:
        """The next event of this kind, with its id."""
        held: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    held[name] = value
                    continue
                if held.get("event") == kind:
                    body = json.loads(held["data"])
                    return {"id": held.get("id", ""), **(body if isinstance(body, dict) else {"why": body})}
                held = {}
        raise AssertionError("the stream is over")

    async def new(self, count: int) -> dict[str, Any]:
        """The first news that say that so many are new."""
        while True:
            told = await self.next()
            if told["new"] == count:
                return told


@asynccontextmanager
async def streaming(url: str, cookie: str, **headers: str) -> AsyncIterator[Reader]:
    async with (
        httpx.AsyncClient(base_url=url, cookies={"redress": cookie}, timeout=None) as client,  # noqa: S113 - it lasts
        client.stream("GET", "/desk/live", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with aclosing(answer.aiter_lines()) as lines:  # type: ignore[type-var]
            yield Reader(lines)


async def signed_in(office: Office, who: str) -> str:
    return (await office.deps.directory.open_session(who)).id


async def test_a_new_alert_is_told_at_once_to_whom_it_is_for_and_to_nobody_else(desk: Desk, who: str) -> None:
    office = desk.office
    other = await somebody(office)
    async with (
        streaming(desk.url, await signed_in(office, who)) as mine,
        streaming(desk.url, await signed_in(office, other)) as others,
    ):
        assert (await mine.next())["new"] == 0
        assert (await others.next())["new"] == 0
        await tell(office, who, times=2)
        told = await mine.new(2)
        assert [(one["reference"], one["kind"]) for one in told["told"]] == [(REFERENCE, "alert_breach")] * 2
        await tell(office, other)
        told = await others.new(1)
        assert len(told["told"]) == 1


async def test_what_was_missed_is_told_when_the_browser_comes_back(desk: Desk, who: str) -> None:
    cookie = await signed_in(desk.office, who)
    async with streaming(desk.url, cookie) as stream:
        await tell(desk.office, who)
        first = await stream.new(1)
    await tell(desk.office, who)
    async with streaming(desk.url, cookie, **{"Last-Event-ID": first["id"]}) as again:
        told = await again.next()
    assert told["new"] == 2
    seen = {one["id"] for one in first["told"]}
    assert len({one["id"] for one in told["told"]} - seen) == 1, "what was missed, and nothing that was not"
    async with streaming(desk.url, cookie, **{"Last-Event-ID": "nonsense"}) as fresh:
        told = await fresh.next()
    assert (told["new"], told["told"]) == (2, []), "a page that just came has the count already"


async def test_looking_at_the_alerts_takes_the_count_back_on_every_page(desk: Desk, who: str) -> None:
    async with streaming(desk.url, await signed_in(desk.office, who)) as stream:
        await tell(desk.office, who)
        await stream.new(1)
        async with desk.office.deps.reading.connect() as conn:
            await desk_news.seen(conn, who)
        assert (await stream.new(0))["told"] == []


async def test_signing_out_ends_the_stream(desk: Desk, who: str) -> None:
    cookie = await signed_in(desk.office, who)
    async with streaming(desk.url, cookie) as stream:
        await stream.next()
        await desk.office.deps.directory.close_session(cookie)
        assert (await stream.next("end"))["why"] == "signed_out"
        with pytest.raises(AssertionError, match="the stream is over"):
            await stream.next()
    async with desk.http(cookies={"redress": cookie}) as client:
        assert (await client.get("/desk/live")).status_code == 303, "to the sign-in"


async def test_a_person_has_so_many_streams_and_the_newest_count(desk: Desk, who: str) -> None:
    cookie = await signed_in(desk.office, who)
    async with streaming(desk.url, cookie) as first:
        await first.next()
        later = [streaming(desk.url, cookie) for _ in range(STREAMS_EACH)]
        readers = [await one.__aenter__() for one in later]
        assert (await first.next("end"))["why"] == "elsewhere"
        for reader in readers:
            assert (await reader.next())["new"] == 0
        for one in later:
            await one.__aexit__(None, None, None)


async def test_it_says_now_and_then_that_it_lives(office: Office, who: str) -> None:
    room = NewsRoom(office.deps.sql, office.deps.directory, beat=0.2)
    stream = await room.open(who, await signed_in(office, who), None)
    said = stream.said()
    first = await anext(said)
    async with asyncio.timeout(PATIENCE):
        beat = await anext(said)
    assert not isinstance(first, str)
    assert not isinstance(beat, str)
    assert beat.at > first.at
    await room.close()
    assert await anext(said) == "restarting"


async def test_while_it_can_not_know_nothing_is_said_and_nothing_is_missed(
    own_postgres: tuple[PostgresServer, Running],
) -> None:
    server, running = own_postgres
    await server.create_database("desk")
    await asyncio.to_thread(upgrade, server.url("desk"))
    engine = create_engine(server.url("desk"))
    directory = Directory(engine)
    nora = await directory.add(
        login="nora", name="Nora", email="nora@example.org", roles=[Role.HANDLER], id="usr_nora"
    )
    room = NewsRoom(engine, directory, beat=0.2)
    stream = await room.open(nora.id, (await directory.open_session(nora.id)).id, None)
    said = stream.said()
    with capture_logs() as lines:
        await anext(said)
        await running.kill()
        await eventually(
            lambda: [line for line in lines if line["event"] == "no news for the desk"],
            what="a look that failed",
        )
        waiting = asyncio.ensure_future(anext(said))
        failed = len(lines)
        await eventually(lambda: len(lines) > failed + 3, what="more looks that failed")
        if waiting.done():  # what was said before the server died
            waiting = asyncio.ensure_future(anext(said))
            failed = len(lines)
            await eventually(lambda: len(lines) > failed + 3, what="more looks that failed")
        assert not waiting.done(), "nobody is told that they are live"
        await running.start()
    async with asyncio.timeout(PATIENCE):
        assert not isinstance(await waiting, str)
    await _tell(engine, nora.id)
    async with asyncio.timeout(PATIENCE):
        while True:
            news = await anext(said)
            assert not isinstance(news, str)
            if news.new:
                break
    assert [one.kind for one in news.told] == ["alert_breach"]
    await room.close()
    await engine.dispose()


async def test_the_server_stops_although_somebody_listens(office: Office, who: str, tmp_path: Path) -> None:
    cookie = await signed_in(office, who)
    readers: list[Any] = []
    async with serving(office.settings, tmp_path) as url:
        opened = streaming(url, cookie)
        reader = await opened.__aenter__()
        readers.append((opened, reader))
        await reader.next()
    # The process is gone here, well before anybody would have ended it by force.
    assert (await reader.next("end"))["why"] == "restarting"
    await opened.__aexit__(None, None, None)


async def test_a_page_counts_says_so_politely_and_does_not_move(desk: Desk, who: str) -> None:
    async with desk.opened(who) as page:
        await page.goto("/desk")
        link = page.get_by_role("link", name="Alerts")
        await expect(link).to_have_attribute("href", "/desk/alerts")
        await expect(page.locator("[data-live-state]")).to_contain_text("Live as of")
        await expect(page.locator("[data-live-new]")).to_be_hidden()
        await tell(desk.office, who, times=2)
        await expect(page.get_by_role("link", name="Alerts 2 new")).to_be_visible()
        await expect(page.locator("[aria-live]").filter(has_text="2 new alerts")).to_have_count(1)
        assert page.url.endswith("/desk")
        await page.context.set_offline(True)
        async with desk.office.deps.reading.connect() as conn:
            await conn.execute(text("DELETE FROM sessions WHERE staff = :who"), {"who": who})
        await expect(page.locator("[data-live-state]")).to_contain_text("Not live: as of")


async def test_without_scripts_the_next_page_says_how_many(desk: Desk, who: str) -> None:
    await tell(desk.office, who, times=3)
    async with desk.opened(who, java_script_enabled=False) as page:
        await page.goto("/desk")
        await expect(page.get_by_role("link", name="Alerts 3 new")).to_be_visible()
        async with desk.office.deps.reading.connect() as conn:
            await desk_news.seen(conn, who)
        await page.reload()
        await expect(page.locator("[data-live-new]")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_while_it_is_live_and_when_it_is_not(
    desk: Desk, who: str, scheme: Any
) -> None:
    await tell(desk.office, who)
    told: list[str] = []
    async with desk.opened(who, color_scheme=scheme, viewport={"width": 320, "height": 640}) as page:
        await page.goto("/desk/risks")
        state = page.locator("[data-live-state]")
        for words in ("Live as of", "Not live"):
            await expect(state).to_contain_text(words)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320
            found = await Axe().run(page, options=RULES[scheme])
            told += [f"{words}: {broken['id']}: {broken['help']}" for broken in found.response["violations"]]
            async with desk.office.deps.reading.connect() as conn:
                await conn.execute(text("DELETE FROM sessions WHERE staff = :who"), {"who": who})
    assert not told, "\n".join(told)


async def test_the_room_closes_its_connection_when_nobody_is_there(office: Office, who: str) -> None:
    room = NewsRoom(office.deps.sql, office.deps.directory)
    stream = await room.open(who, await signed_in(office, who), None)
    assert room._working is not None
    working = room._working
    room.leave(stream)
    await eventually(working.done, what="the listener to be gone")
