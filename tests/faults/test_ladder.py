"""A complaint that runs out: each call of its ladder arrives as a real mail, with Temporal stopped half-way."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import httpx
from sqlalchemy import select

from complaints.base import Event
from complaints.timing.occurrences import AcknowledgementExpired, AlertAcknowledged, RungClimbed
from ledger.outbox import outbox
from tests.support.house import House, house
from tests.support.mail import text_of
from tests.support.promises import workflows_agree
from tests.support.waiting import eventually

CLOCK = "response"
"""Due fifteen minutes after receipt; its alarms repeat each hour, an acknowledgement holds for one."""
TITLE = '"Response"'
ANSWERS = 2
"""One with Temporal there, from the mail's link; one without it, over the API."""
E = TypeVar("E", bound=Event)
LINK = re.compile(r"https?://\S+/alerts/[\w.-]+")


async def test_a_complaint_runs_out_and_everybody_hears_of_it_though_temporal_stops_half_way(
    reachable_folder: Path,
) -> None:
    async with house(reachable_folder, speed=150) as whole:
        headers = {"Authorization": f"Bearer {whole.tokens['iris']}"}
        async with httpx.AsyncClient(base_url=whole.url, headers=headers, timeout=30.0) as iris:
            party = {"name": "Wei", "address": "wei@example.org", "channel": "mail"}
            body = {"channel": "mail", "narrative": "It broke.", "parties": [party]}
            reference = (await iris.post("/complaints", json=body)).json()["reference"]
        headers = {"Authorization": f"Bearer {whole.tokens['ana']}", "Idempotency-Key": "take"}
        async with httpx.AsyncClient(base_url=whole.url, headers=headers, timeout=30.0) as ana:
            taken = await ana.post(f"/complaints/{reference}/commands/take-ownership", json={})
            assert taken.status_code == HTTPStatus.OK, taken.text

        async def told(who: str, subject: str, count: int = 1) -> list[EmailMessage]:
            return await whole.mail.wait_for(
                f"{who}@example.org", count=count, within=90.0,
                where=lambda mail: str(mail["Subject"]).startswith(subject) and TITLE in text_of(mail),
            )  # fmt: skip

        await told("ana", "Due soon")
        (breach,) = (await told("ana", "Overdue"))[:1]
        await told("dora", "Overdue")

        # From the mail, signed in nowhere.
        link = LINK.search(text_of(breach))
        assert link is not None, text_of(breach)
        path = httpx.URL(link[0]).path
        async with httpx.AsyncClient(
            base_url=whole.url, headers={"Origin": whole.url}, timeout=30.0
        ) as reader:
            shown = await reader.get(path)
            assert shown.status_code == HTTPStatus.OK and "The deadline does not move" in shown.text
            assert not await _events(whole, reference, AlertAcknowledged), (
                "a page that is opened changes nothing"
            )
            form = {"token": path.rpartition("/")[2], "what": "acknowledge", "note": "I am on it."}
            said = await reader.post(path, data=form)
            assert said.status_code in (HTTPStatus.OK, HTTPStatus.SEE_OTHER), said.text
        (acknowledged,) = await _events(whole, reference, AlertAcknowledged)
        await whole.kill("temporal")
        climbed = len(await _events(whole, reference, RungClimbed))

        # Forgotten: it expires, the next rung is called and the first one again, by the watchdog alone.
        await told("ana", "Still open")
        await told("emil", "Overdue")
        await told("ana", "Overdue", count=2)
        assert len(await _events(whole, reference, RungClimbed)) == climbed, (
            "Temporal was up: this shows nothing"
        )

        # Whoever was called answers all the same: it stands in the record, with what time had brought before.
        headers = {"Authorization": f"Bearer {whole.tokens['ana']}", "Idempotency-Key": "again"}
        async with httpx.AsyncClient(base_url=whole.url, headers=headers, timeout=60.0) as ana:
            answer = {"clock": CLOCK, "note": "I am still on it."}
            said = await ana.post(f"/complaints/{reference}/commands/acknowledge-alert", json=answer)
            assert said.status_code == HTTPStatus.OK, said.text
        assert len(await _events(whole, reference, AlertAcknowledged)) == ANSWERS
        assert len(await _events(whole, reference, RungClimbed)) > climbed

        await whole.start("temporal")

        async def recorded() -> bool:
            events = await _events(whole, reference, RungClimbed)
            calls = [(event.rung, event.repeat) for event in events if event.clock == CLOCK]
            return {(0, 0), (0, 1), (1, 0)} <= set(calls)

        await eventually(recorded, within=60.0, what="what was called meanwhile, on the record")
        events = [event for event in await _events(whole, reference, RungClimbed) if event.clock == CLOCK]
        assert len({(event.rung, event.repeat) for event in events}) == len(events), "recorded once each"
        expired, *_ = [
            told
            for told in await whole.record.read(reference)
            if isinstance(told.event, AcknowledgementExpired) and told.event.clock == CLOCK
        ]
        assert acknowledged.until is not None and expired.occurred_at == acknowledged.until
        assert acknowledged.until - timedelta(hours=1) <= expired.occurred_at
        await workflows_agree(whole, [reference])
        assert len(await _events(whole, reference, AlertAcknowledged)) == ANSWERS, "heard, and not done again"
        await _each_sent_once(whole, reference)


async def _events(whole: House, reference: str, kind: type[E]) -> list[E]:
    return [told.event for told in await whole.record.read(reference) if isinstance(told.event, kind)]


async def _each_sent_once(whole: House, reference: str) -> None:
    """No mail twice: the workflow found what the watchdog had sent."""
    sent = [str(mail["Message-ID"]) for mail in whole.mail.all()]
    assert len(sent) == len(set(sent))
    async with whole.reading.connect() as conn:
        rows = await conn.execute(
            select(outbox.c.kind, outbox.c.clock, outbox.c.rung, outbox.c.repeat, outbox.c.recipient).where(
                outbox.c.stream == reference, outbox.c.rung.is_not(None), outbox.c.channel == "mail"
            )
        )  # fmt: skip
        calls = [tuple(row) for row in rows]
    assert len(calls) == len(set(calls))
