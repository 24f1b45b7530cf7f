"""Links in alerts: whoever was told may answer once, within a week, and nobody else can make such a link."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.messages import Message
from ledger import outbox
from ledger.alert_links import LONGEST, AlertLinks
from ledger.database import autocommit
from tests.ledger.conftest import MASTER_KEY

LINKS = AlertLinks(MASTER_KEY)


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with autocommit(engine).connect() as conn:
        yield conn


async def queued(conn: AsyncConnection, *, to: str = "staff:usr_ana", rung: int | None = 1) -> int:
    row = Message(dedupe=f"k/{to}/{rung}", kind="alert_breach", to=to, clock="response", occurrence=2, rung=rung,
                  repeat=0, who="owner")  # fmt: skip
    await outbox.queue(conn, "7K2M-9QF3-XA5C", [row])
    return int((await conn.execute(text("SELECT max(id) FROM outbox"))).scalar_one())


async def test_a_link_leads_to_the_alert_it_was_made_for(conn: AsyncConnection) -> None:
    number = await queued(conn)
    token = LINKS.token(number, "usr_ana")
    assert len(token) <= LONGEST
    assert "usr_ana" not in token
    found = await LINKS.find(conn, token)
    assert found is not None
    assert (found.staff, found.reference, found.clock, found.occurrence, found.rung, found.over, found.used) == (
        "usr_ana", "7K2M-9QF3-XA5C", "response", 2, 1, False, None,
    )  # fmt: skip


async def test_nobody_else_can_make_one(conn: AsyncConnection) -> None:
    number = await queued(conn)
    good = LINKS.token(number, "usr_ana")
    other = await queued(conn, to="staff:usr_ben")
    forged = [
        LINKS.token(number, "usr_ben"),
        AlertLinks(bytes(32)).token(number, "usr_ana"),
        f"{other}.{good.partition('.')[2]}",
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good.partition(".")[2],
        f"0{good}",
        f"{10**17}.{good.partition('.')[2]}",
        f"{number}.",
        "",
        "é" * 44,
        good + "\n",
    ]
    for token in forged:
        assert await LINKS.find(conn, token) is None, token


async def test_an_alert_that_no_ladder_called_for_has_no_link(conn: AsyncConnection) -> None:
    number = await queued(conn, rung=None)
    assert await LINKS.find(conn, LINKS.token(number, "usr_ana")) is None


async def test_it_is_over_after_a_week_from_when_the_mail_left(conn: AsyncConnection) -> None:
    token = LINKS.token(await queued(conn), "usr_ana")
    for age, over in (("6 days 23 hours", False), ("7 days 1 minute", True)):
        given = {"age": age}
        await conn.execute(text("UPDATE outbox SET queued_at = now() - CAST(:age AS text)::interval"), given)
        found = await LINKS.find(conn, token)
        assert found is not None
        assert found.over is over
    await conn.execute(text("UPDATE outbox SET sent_at = now()"))  # the mail server was away for a week
    found = await LINKS.find(conn, token)
    assert found is not None
    assert not found.over


async def test_it_is_used_once_and_says_what_for(conn: AsyncConnection) -> None:
    token = LINKS.token(await queued(conn), "usr_ana")
    found = await LINKS.find(conn, token)
    assert found is not None
    assert await LINKS.use(conn, found, "acknowledge")
    assert not await LINKS.use(conn, found, "snooze")
    again = await LINKS.find(conn, token)
    assert again is not None
    assert again.used == "acknowledge"
    assert again.used_at is not None


async def test_a_call_whose_complaint_was_offered_on_is_answered_once_all_the_same(
    conn: AsyncConnection,
) -> None:
    """Else the button of its storm's mail would say, once the answer has expired, that it was never given."""
    number = await queued(conn)
    found = await LINKS.find(conn, LINKS.token(number, "usr_ana"))
    assert found is not None
    assert await LINKS.use(conn, found, "hand_over")
    assert not await LINKS.use(conn, found, "hand_over")
    assert await LINKS.use_each(conn, [number], "usr_ana", "acknowledge") == 1
    assert await LINKS.use_each(conn, [number], "usr_ana", "acknowledge") == 0
    assert not await LINKS.use(conn, found, "hand_over")
    again = await LINKS.find(conn, LINKS.token(number, "usr_ana"))
    assert again is not None
    assert again.used == "acknowledge"
