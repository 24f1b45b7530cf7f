"""The on-call example on real processes: each rung of its quickest ladder arrives as a mail, the rota's first."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from complaints.case import Case
from complaints.people.duty import Handover, Rota
from complaints.people.tiers import TierRaised
from complaints.timing.occurrences import AcknowledgementExpired, RungClimbed
from ledger.duty import Duty
from tests.support.house import House, house
from tests.support.mail import text_of
from tests.support.waiting import eventually

CLOCK = "response"
"""Due fifteen minutes after receipt, half a minute in this house; whoever is on duty is called six minutes before that.

It calls again after ten minutes, and after twenty it climbs: what is done in between has twenty seconds for it.
"""
TITLE = '"Response"'


async def test_a_complaint_of_the_example_runs_out_and_each_of_its_rungs_arrives_as_a_mail(
    reachable_folder: Path,
) -> None:
    async with house(reachable_folder, speed=30) as whole:
        await put_on_duty(whole, "ben")
        reference = await received(whole)
        await gives(whole, "ana", reference, "take-ownership")

        async def told(who: str, subject: str, count: int = 1) -> list[EmailMessage]:
            return await whole.mail.wait_for(
                f"{who}@example.org", count=count, within=120.0,
                where=lambda mail: str(mail["Subject"]).startswith(subject) and TITLE in text_of(mail),
            )  # fmt: skip

        await told("ben", "Due soon")
        await told("ana", "Overdue", count=2)
        await told("dora", "Overdue")

        # Seen, and forgotten: it expires, and the ladder goes on to its end.
        await gives(whole, "ana", reference, "acknowledge-alert", clock=CLOCK, note="I am on it.")
        await told("ana", "Still open")
        await told("emil", "Overdue")

        async def recorded() -> Case:
            case = await whole.case(reference)
            assert case is not None
            events = [told.event for told in await whole.record.read(reference)]
            climbed = {
                (event.rung, event.repeat)
                for event in events
                if isinstance(event, RungClimbed) and event.clock == CLOCK
            }
            assert {(0, 0), (1, 0), (1, 1), (2, 0), (3, 0)} <= climbed
            assert [event.to for event in events if isinstance(event, TierRaised)] == [2]
            assert [
                event.by
                for event in events
                if isinstance(event, AcknowledgementExpired) and event.clock == CLOCK
            ] == ["usr_ana"]
            assert case.ownership.owner == "usr_dora", "given to the one supervisor there is"
            return case

        await eventually(recorded, within=120.0, what="all of its ladder, on the record")
        early = [
            told.event
            for told in await whole.record.read(reference)
            if isinstance(told.event, RungClimbed) and told.event.clock == CLOCK and told.event.rung == 0
        ]
        assert [event.tell for event in early] == [("on_duty:complaints-desk",)]


async def put_on_duty(whole: House, who: str) -> None:
    """From yesterday on this person has duty at the complaints desk, and nobody else."""
    rota = Rota(
        id="complaints-desk", title="Complaints desk", timezone="UTC", members=(f"usr_{who}",),
        handover=Handover(every=1, unit="days", at="00:00"),
        starts_on=(whole.clock.now() - timedelta(days=1)).date(),
    )  # fmt: skip
    await Duty(whole.sql).put_rota(rota, "usr_root")


async def received(whole: House) -> str:
    """A complaint that comes in now under the example; its reference."""
    party = {"name": "Wei", "address": "wei@example.org", "channel": "mail"}
    body = {"channel": "mail", "narrative": "It broke.", "parties": [party], "pack": "on-call-example"}
    headers = {"Authorization": f"Bearer {whole.tokens['iris']}"}
    async with httpx.AsyncClient(base_url=whole.url, headers=headers, timeout=30.0) as iris:
        answer = await iris.post("/complaints", json=body)
    reference: str = answer.raise_for_status().json()["reference"]
    return reference


async def gives(whole: House, who: str, reference: str, command: str, **fields: Any) -> None:
    headers = {"Authorization": f"Bearer {whole.tokens[who]}", "Idempotency-Key": command}
    async with httpx.AsyncClient(base_url=whole.url, headers=headers, timeout=30.0) as client:
        answer = await client.post(f"/complaints/{reference}/commands/{command}", json=fields)
    assert answer.status_code == HTTPStatus.OK, answer.text
