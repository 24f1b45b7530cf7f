"""Storms, as who is alerted sees them: few mails that name each complaint, in one thread, and none that is lost."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from complaints.messages import Message
from ledger import outbox
from ledger.outbox import Storm
from runtime.settings import Settings
from tests.activities.office import QUICK, Office, open_office
from tests.support.mail import CaughtMail, text_of
from tests.support.waiting import eventually

ANA = "ana@staff.example.org"
DORA = "dora@staff.example.org"
PACE = replace(QUICK, storm=Storm(complaints=4, quiet=0.2, every=0.5))


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def breached(office: Office, streams: Sequence[str]) -> None:
    """All at once, as of one shop."""
    due_at = office.clock.now() - timedelta(minutes=5)
    async with office.sql.begin() as conn:
        for stream in streams:
            message = Message(
                dedupe=f"{stream}/k1", kind="alert_breach", to="staff:ana", fallback="role:supervisor",
                clock="response", due_at=due_at,
            )  # fmt: skip
            await outbox.queue(conn, stream, [message])


async def settled(office: Office, count: int) -> dict[str, str]:
    async def look() -> dict[str, str]:
        found = await office.outbox()
        assert len(found) == count
        assert "queued" not in found.values(), found
        return found

    return await eventually(look, within=15)


async def test_a_storm_is_one_mail_that_names_each_complaint_and_then_grows(
    office: Office, mail: CaughtMail
) -> None:
    streams = [await office.receive() for _ in range(9)]
    async with office.dispatching(PACE):
        await breached(office, streams[:5])
        (first,) = await mail.wait_for(ANA)
        await settled(office, 5)
        await breached(office, streams[5:])
        first, second = await mail.wait_for(ANA, count=2)
        await settled(office, 9)
    assert first["Subject"] == "Complaints that need attention: 5"
    assert second["Subject"] == "Complaints that need attention: 4"
    assert first["References"] == second["References"], "they are shown as one thread"
    assert [stream for stream in streams if stream in text_of(first)] == streams[:5]
    assert [stream for stream in streams if stream in text_of(second)] == streams[5:]
    assert "New since the last mail: 4. In all: 9." in text_of(second)
    assert len(mail.all()) == 2
    async with office.sql.connect() as conn:
        told = await conn.execute(text("SELECT DISTINCT message_id FROM outbox ORDER BY 1"))
        assert set(told.scalars()) == {first["Message-ID"], second["Message-ID"]}


async def test_a_storm_that_comes_back_goes_to_whoever_stands_in(office: Office, mail: CaughtMail) -> None:
    streams = [await office.receive() for _ in range(5)]
    async with office.sql.begin() as conn:
        await conn.execute(text("UPDATE staff SET email = 'bounce@staff.example.org' WHERE id = 'ana'"))
    await breached(office, streams)
    async with office.dispatching(PACE):
        mails = await mail.wait_for(DORA)
        found = await settled(office, 10)
    assert [found[f"{stream}/k1"] for stream in streams] == ["bounced"] * 5
    assert [found[f"{stream}/k1/staff:dora"] for stream in streams] == ["sent"] * 5
    named = "".join(text_of(told) for told in mail.to(DORA))
    assert [stream for stream in streams if stream in named] == streams
    assert mails
