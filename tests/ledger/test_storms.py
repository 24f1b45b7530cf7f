"""Storms: many complaints that alert one person at once make few mails, and a lone alert never waits for them."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.messages import Message, MessageKind
from ledger import outbox
from ledger.database import autocommit
from ledger.outbox import STORM, Leased, State


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """In one transaction, for which time stands still but for `pass_by`: a slow machine does not end a storm."""
    async with engine.connect() as conn:
        yield conn


async def alerts(
    conn: AsyncConnection,
    numbers: range,
    to: str = "staff:ana",
    kind: MessageKind = "alert_breach",
    fallback: str = "role:supervisor",
) -> None:
    for n in numbers:
        message = Message(dedupe=f"C{n}/{kind}/{to}", kind=kind, to=to, fallback=fallback, clock="response")
        await outbox.queue(conn, f"C{n}", [message])


async def single(conn: AsyncConnection) -> list[str]:
    return [row.stream for row in await outbox.lease(conn, limit=500, holder="one", seconds=60)]


async def storm(conn: AsyncConnection) -> tuple[Leased, ...]:
    return await outbox.lease_storm(conn, holder="one", seconds=60, storm=STORM)


async def sent(conn: AsyncConnection, rows: tuple[Leased, ...]) -> None:
    await outbox.settle(conn, [row.id for row in rows], holder="one", state=State.SENT, message_id="<m>")


async def pass_by(conn: AsyncConnection, span: str) -> None:
    """Let real time pass, as far as the outbox can tell."""
    for column in ("available_at", "lease_until", "queued_at", "sent_at"):
        moved = f"UPDATE outbox SET {column} = {column} - CAST(:span AS text)::interval"  # noqa: S608 - ours
        await conn.execute(text(moved), {"span": span})


async def test_seven_are_told_each_by_itself_and_eight_together(conn: AsyncConnection) -> None:
    await alerts(conn, range(7))
    await alerts(conn, range(20, 28), to="staff:ben")
    assert len(await single(conn)) == 7
    (*rows,) = await storm(conn)
    assert [row.stream for row in rows] == [f"C{n}" for n in range(20, 28)]
    assert {(row.recipient, row.bundle, row.told_before) for row in rows} == {("staff:ben", rows[0].id, 0)}
    assert await storm(conn) == ()


async def test_many_alerts_about_one_complaint_are_no_storm(conn: AsyncConnection) -> None:
    messages = [Message(dedupe=f"k{n}", kind="alert_breach", to="staff:ana") for n in range(20)]
    await outbox.queue(conn, "C1", messages)
    assert len(await single(conn)) == 20


async def test_a_storm_grows_in_one_thread_and_has_one_mail_a_minute(conn: AsyncConnection) -> None:
    await alerts(conn, range(200))
    assert await single(conn) == []
    first = await storm(conn)
    assert len(first) == 200
    await sent(conn, first)
    await alerts(conn, range(190, 240), kind="alert_warning")
    assert await single(conn) == []
    assert await storm(conn) == (), "the next mail is due a minute after the last"
    await pass_by(conn, "61 seconds")
    second = await storm(conn)
    assert len(second) == 50
    assert {row.storm for row in second} == {first[0].storm}, "the same thread"
    assert {row.told_before for row in second} == {190}, "ten of these were told already, and are told again"


async def test_what_drips_in_while_it_storms_waits_until_nothing_more_comes(conn: AsyncConnection) -> None:
    """The eighth complaint within a minute begins a storm, though seven were told and it waits alone."""
    await alerts(conn, range(7))
    rows = await outbox.lease(conn, limit=10, holder="one", seconds=60)
    await sent(conn, rows)
    await alerts(conn, range(7, 9))
    assert await single(conn) == []
    assert await storm(conn) == ()
    await pass_by(conn, "6 seconds")
    assert [row.stream for row in await storm(conn)] == ["C7", "C8"]


async def test_a_lone_alert_waits_no_longer_than_it_takes_to_see_that_it_is_alone(
    conn: AsyncConnection,
) -> None:
    await alerts(conn, range(10))
    await sent(conn, await storm(conn))
    await alerts(conn, range(10, 11))
    assert await single(conn) == []
    await pass_by(conn, "6 seconds")
    assert await storm(conn) == ()
    assert await single(conn) == ["C10"]


async def test_after_the_storm_an_alert_goes_at_once(conn: AsyncConnection) -> None:
    await alerts(conn, range(10))
    await sent(conn, await storm(conn))
    await pass_by(conn, "61 seconds")
    await alerts(conn, range(10, 12))
    assert await single(conn) == ["C10", "C11"]


async def test_another_story_or_another_stand_in_is_not_told_in_the_same_mail(conn: AsyncConnection) -> None:
    await alerts(conn, range(8))
    await alerts(conn, range(8, 12), fallback="role:department_head")
    await alerts(conn, range(12, 13), kind="assigned")
    assert await single(conn) == [f"C{n}" for n in range(8, 13)]
    assert len(await storm(conn)) == 8


async def test_what_was_one_mail_is_the_same_mail_when_it_is_sent_again(conn: AsyncConnection) -> None:
    await alerts(conn, range(8))
    first = await storm(conn)
    await alerts(conn, range(8, 20))
    await pass_by(conn, "61 seconds")  # whoever had it is dead
    again = await outbox.lease_bundle(conn, holder="two", seconds=60)
    assert [row.id for row in again] == [row.id for row in first]
    assert {row.storm for row in again} == {first[0].storm}
    assert await storm(conn) == (), "what is on its way to the same person is finished first"


async def test_of_two_dispatchers_one_takes_the_storm(engine: AsyncEngine) -> None:
    each = autocommit(engine)
    async with each.connect() as one, each.connect() as other:
        await alerts(one, range(30))
        assert len(await storm(one)) == 30
        assert await storm(other) == ()


async def test_dead_letters_are_sent_again_by_target_and_it_is_noted_who_wanted_it(
    conn: AsyncConnection,
) -> None:
    await alerts(conn, range(3))
    await alerts(conn, range(3, 5), to="staff:ben")
    rows = await outbox.lease(conn, limit=10, holder="one", seconds=60)
    for row in rows:
        status = "421 4.3.2" if row.recipient == "staff:ana" else "550 5.1.1"
        await outbox.settle(conn, [row.id], holder="one", state=State.DEAD, error=status)
    assert await outbox.resend_all(conn, recipient="staff:nobody", by="root") == 0
    assert await outbox.resend_all(conn, error="550", by="root") == 2
    assert await outbox.resend_all(conn, recipient="staff:ana", channel="mail", by="dora") == 3
    assert len(await single(conn)) == 5
    found = await conn.execute(text("SELECT resent_by, count(*) FROM outbox GROUP BY resent_by ORDER BY 1"))
    assert found.all() == [("dora", 3), ("root", 2)]
