"""Storms, as who is alerted sees them: few mails that name each complaint, in one thread, and none that is lost."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from complaints.messages import Message
from ledger import outbox
from ledger.alert_links import AlertLinks, LinkedMail
from ledger.chat_addresses import ChatAddresses
from ledger.outbox import Storm
from ledger.webhooks import Endpoints
from policies.vocabulary import AlertChannel
from runtime.settings import Settings
from tests.activities.delivery.channels.receiving import receiving
from tests.activities.office import QUICK, Office, open_office
from tests.support.mail import CaughtMail, text_of
from tests.support.waiting import eventually

ANA = "ana@staff.example.org"
DORA = "dora@staff.example.org"
CALL: dict[str, Any] = {"occurrence": 1, "rung": 0, "repeat": 0, "who": "owner"}
PACE = replace(QUICK, storm=Storm(complaints=4, quiet=0.2, every=0.5))


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def breached(
    office: Office, streams: Sequence[str], channel: AlertChannel = AlertChannel.MAIL, **call: Any
) -> None:
    """All at once, as of one shop. `call`: which call of a ladder each is; without, none's."""
    due_at = office.clock.now() - timedelta(minutes=5)
    async with office.sql.begin() as conn:
        for stream in streams:
            message = Message(
                dedupe=f"{stream}/k1", kind="alert_breach", to="staff:ana", fallback="role:supervisor",
                clock="response", due_at=due_at, channel=channel, **call,
            )  # fmt: skip
            await outbox.queue(conn, stream, [message])


async def settled(office: Office, count: int) -> dict[str, str]:
    async def look() -> dict[str, str]:
        found = await office.outbox()
        assert len(found) == count
        assert "queued" not in found.values(), found
        return found

    return await eventually(look)


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


def pages_of(said: str) -> tuple[list[str], list[str]]:
    """The tokens of the links of each call, and of those for all, in the order they come."""
    each = re.findall(r"/alerts/([0-9]+\.[\w-]+)", said)
    return each, re.findall(r"/alerts/all/([0-9]+\.[\w-]+)", said)


async def opened(office: Office, token: str) -> LinkedMail | None:
    async with office.sql.connect() as conn:
        return await AlertLinks(office.settings.master_key_bytes).find_all(conn, token, office.clock.now())


async def test_each_call_of_a_storm_has_its_link_and_all_of_them_one_more(
    office: Office, mail: CaughtMail
) -> None:
    called = [await office.receive() for _ in range(4)]
    told = await office.receive()
    await breached(office, called, **CALL)
    await breached(office, [told])  # what was late before it was recorded: no ladder calls for it
    async with office.dispatching(PACE):
        await settled(office, 5)
    (one,) = mail.to(ANA)
    html = one.get_body(("html",))
    assert html is not None
    shown, lines = str(html.get_content()), text_of(one).splitlines()
    each, of_mails = pages_of(text_of(one))
    for path in (*each, *(f"all/{token}" for token in of_mails)):
        assert f'href="{office.settings.base_url}/alerts/{path}"' in shown
    for stream in (*called, told):
        (line,) = [number for number, said in enumerate(lines) if stream in said]
        assert ("/alerts/" in lines[line + 1]) == (stream in called), (
            "beside its complaint, where there is one"
        )
    links = AlertLinks(office.settings.master_key_bytes)
    async with office.sql.connect() as conn:
        found = [await links.find(conn, token) for token in each]
    assert sorted((linked.reference, linked.staff) for linked in found if linked) == sorted(
        (stream, "ana") for stream in called
    )
    whole = await opened(office, of_mails[0])
    assert whole is not None
    assert (whole.staff, whole.over) == ("ana", False)
    assert sorted(call.reference for call in whole.calls) == sorted(called)
    assert {call.stands for call in whole.calls} == {"open"}


async def test_a_storm_over_chat_names_each_complaint_too(office: Office, mail: CaughtMail) -> None:
    streams = [await office.receive() for _ in range(5)]
    async with receiving() as receiver:
        await Endpoints(office.sql, office.settings.master_key_bytes).allow("127.0.0.1", "root")
        addresses = ChatAddresses(office.sql, office.settings.master_key_bytes)
        await addresses.set("ana", f"json://127.0.0.1:{receiver.port}/room", by="root")
        async with office.dispatching(PACE):
            await breached(office, streams, AlertChannel.CHAT, **CALL)
            await settled(office, 5)
    said = "".join(json.loads(one.body)["message"] for one in receiver.got)
    assert [stream for stream in streams if stream in said] == streams
    assert len(receiver.got) < len(streams), "few messages"
    assert mail.all() == []
