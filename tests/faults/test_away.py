"""While a part is away: what goes on without it, what callers are told, and that nothing of it is lost afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from http import HTTPStatus
from pathlib import Path

import httpx
from sqlalchemy import select

from complaints.lifecycle import fold
from complaints.timing.occurrences import ClockBreached
from ledger.directory import Directory
from ledger.outbox import outbox
from tests.support.house import House, house
from tests.support.load import Load
from tests.support.promises import kept
from tests.support.waiting import PATIENCE, eventually

CLOCK = "first_handling"
"""Due half an hour after receipt, half a minute in these houses: long enough to stop Temporal before."""
NARRATIVE = "The kettle that I bought broke after a day."


def client_of(whole: House, who: str | None = None, **headers: str) -> httpx.AsyncClient:
    """Somebody who uses the API."""
    if who is not None:
        headers["Authorization"] = f"Bearer {whole.tokens[who]}"
    return httpx.AsyncClient(base_url=whole.url, headers=headers, timeout=PATIENCE)


async def breaches(whole: House, reference: str, clock: str = CLOCK) -> list[ClockBreached]:
    told = [happening.event for happening in await whole.record.read(reference)]
    return [event for event in told if isinstance(event, ClockBreached) and event.clock == clock]


async def alerted(whole: House, reference: str, clock: str = CLOCK) -> list[str]:
    """The Message-IDs of the mails that tell the supervisor of this clock's first breach."""
    async with whole.reading.connect() as conn:
        rows = await conn.execute(
            select(outbox.c.message_id).where(
                outbox.c.stream == reference, outbox.c.clock == clock, outbox.c.kind == "alert_breach",
                outbox.c.dedupe.like(f"{reference}/{clock}/1/0/0/%"),
            )
        )  # fmt: skip
        ids = {row.message_id for row in rows} - {None}
    return [str(mail["Message-ID"]) for mail in whole.mail.all() if str(mail["Message-ID"]) in ids]


def assert_put_off(answer: httpx.Response, code: str | None = None) -> None:
    """A clear word to come back later, and nothing of our own making."""
    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, f"{answer.request.url}: {answer.text}"
    assert int(answer.headers["Retry-After"]) > 0
    if code is not None:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == code


async def test_while_temporal_is_away_intake_goes_on_and_alerts_go_out_and_then_all_is_recorded_once(
    reachable_folder: Path,
) -> None:
    async with house(reachable_folder, speed=60) as whole, client_of(whole, "iris") as iris:
        load = Load(whole, iris)
        await load.fill(10)
        before = list(load.references)
        await eventually(lambda: _all_recorded(whole, before), what="the receipts on record")
        await whole.kill("temporal")

        answers = await asyncio.gather(*(_taken_in(iris, number) for number in range(10)))
        assert [answer.status_code for answer in answers] == [HTTPStatus.ACCEPTED] * 10
        assert not any(answer.json()["recorded"] for answer in answers)
        kept_references = [answer.json()["reference"] for answer in answers]
        again = await _taken_in(iris, 0)
        assert again.json()["reference"] == kept_references[0], "sent again, it is the same complaint"
        refused = await iris.post(f"/complaints/{before[0]}/commands/acknowledge")
        assert_put_off(refused, "engine_away")
        seen = await iris.get(f"/complaints/{before[0]}")
        assert seen.status_code == HTTPStatus.OK, "what is on record can be read all the same"

        async def said_to_be_away() -> bool:
            ready = (await iris.get("/ready")).json()
            assert (ready["ready"], ready["temporal"]) == (True, "away")
            return True

        await eventually(said_to_be_away)

        async def all_alerted() -> bool:
            silent = [reference for reference in before if not await alerted(whole, reference)]
            assert silent == [], "overdue, and nobody was told"
            return True

        # How soon each was is what bench/deadlines.py measures.
        await eventually(
            all_alerted, within=2 * PATIENCE, what="an alert for every complaint that is overdue"
        )
        assert [await breaches(whole, reference) for reference in before] == [[]] * len(before), (
            "Temporal was up: this shows nothing"
        )
        await whole.start("temporal")
        everything = [*before, *kept_references]
        await eventually(lambda: _all_recorded(whole, everything), what="the intake to be flushed")
        received_at = {answer.json()["reference"]: answer.json()["received_at"] for answer in answers}
        for reference in kept_references:
            case = fold(await whole.record.read(reference))
            assert case.received_at.isoformat().replace("+00:00", "Z") == received_at[reference]

        async def all_breached() -> bool:
            return all([await breaches(whole, reference) for reference in everything])

        await eventually(all_breached, within=2 * PATIENCE, what="every breach to be on record")
        await whole.calm()
        for reference in everything:
            assert len(await breaches(whole, reference)) == 1
        for reference in before:
            twice = [id_ for id_, times in Counter(await alerted(whole, reference)).items() if times > 1]
            assert twice == [], "the watchdog had told it, and the workflow told it again"
        load.references[:] = everything
        await kept(whole, load)


async def _taken_in(client: httpx.AsyncClient, number: int) -> httpx.Response:
    party = {"name": "Wei", "address": "wei@example.org", "channel": "mail"}
    body = {"channel": "mail", "narrative": NARRATIVE, "parties": [party]}
    return await client.post("/complaints", json=body, headers={"Idempotency-Key": f"while-away-{number}"})


async def _all_recorded(whole: House, references: list[str]) -> bool:
    return all([await whole.record.sequence(reference) for reference in references])


async def test_while_the_database_is_away_everyone_is_told_to_come_back_and_then_served(
    reachable_folder: Path,
) -> None:
    async with house(reachable_folder, speed=1) as whole, client_of(whole, "ana") as ana:
        async with client_of(whole, "iris") as iris:
            reference = (await _taken_in(iris, 0)).json()["reference"]
        await eventually(lambda: whole.record.sequence(reference), what="the receipt on record")
        directory = Directory(whole.sql)
        session = await directory.open_session("usr_ana")
        link = f"/progress/{await directory.issue_portal_link(reference, 'P1')}"
        browser = {"Cookie": f"redress={session.id}"}
        assert (await ana.get("/desk", headers=browser)).status_code == HTTPStatus.OK
        await whole.kill("postgres")

        async with client_of(whole) as nobody:
            for path in ("/complaints", f"/complaints/{reference}", f"/complaints/{reference}/timeline"):
                assert_put_off(await ana.get(path), "database_away")
            assert_put_off(
                await ana.post(f"/complaints/{reference}/commands/take-ownership"), "database_away"
            )
            public = {"narrative": NARRATIVE}
            assert_put_off(await nobody.post("/public/complaints", json=public), "database_away")
            assert (await nobody.get("/health")).status_code == HTTPStatus.OK
            ready = await nobody.get("/ready")
            assert ready.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            assert ready.json()["database"] == "away"
            assert "database_up 0" in (await nobody.get("/metrics")).text
            for page in ("/desk", f"/desk/complaints/{reference}", link):
                shown = await nobody.get(page, headers=browser)
                assert_put_off(shown)
                assert shown.headers["Content-Type"].startswith("text/html"), "people are shown a page"

        await whole.start("postgres")

        async def served() -> bool:
            answer = await ana.get(f"/complaints/{reference}")
            assert answer.status_code == HTTPStatus.OK
            return True

        await eventually(served, what="the API to serve again")
        assert (await ana.get("/desk", headers=browser)).status_code == HTTPStatus.OK

        async def taken() -> bool:  # the worker, too, has to find that the database is back
            path, once = f"/complaints/{reference}/commands/take-ownership", {"Idempotency-Key": "once"}
            answer = await ana.post(path, headers=once)
            assert answer.status_code == HTTPStatus.OK, answer.text
            return True

        await eventually(taken, what="a command to be carried out")
        assert (await whole.verified()).ok
