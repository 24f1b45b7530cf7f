"""News of the desk on the real database: what counts as new, and that asking after a session does not keep it alive."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.messages import Message
from ledger import desk_news, outbox
from ledger.directory import Directory
from policies.vocabulary import AlertChannel, Role

REFERENCE = "7K2M-9QF3-XA5C"


async def alert(
    conn: AsyncConnection, key: str, who: str, channel: AlertChannel, state: str = "sent"
) -> None:
    told = Message(dedupe=key, kind="alert_breach", to=who, channel=channel, rung=0)
    await outbox.queue(conn, REFERENCE, [told])
    settled = text("UPDATE outbox SET state = :state, sent_at = now() WHERE dedupe = :key")
    await conn.execute(settled, {"state": state, "key": key})


async def test_what_reached_a_person_at_the_desk_is_new_until_they_look(engine: AsyncEngine) -> None:
    directory = Directory(engine)
    for login in ("ana", "ben"):
        await directory.add(
            id=f"usr_{login}", login=login, name=login, email=f"{login}@example.org", roles=[Role.HANDLER]
        )
    session = await directory.open_session("usr_ana")
    async with engine.begin() as conn:
        await alert(conn, "1", "staff:usr_ana", AlertChannel.DESK)
        await alert(conn, "2", "staff:usr_ana", AlertChannel.MAIL)
        await alert(conn, "3", "staff:usr_ana", AlertChannel.DESK, "bounced")
        await alert(conn, "4", "role:handler", AlertChannel.DESK, "expanded")
    async with engine.begin() as conn:
        began = await desk_news.present(conn) - timedelta(minutes=1)
        assert await desk_news.new_for(conn, ["usr_ana", "usr_ben"]) == {"usr_ana": 1, "usr_ben": 0}
        (told,) = await desk_news.told_since(conn, ["usr_ana", "usr_ben"], began, limit=10)
        assert (told.staff, told.reference, told.kind) == ("usr_ana", REFERENCE, "alert_breach")
    signed_in = await directory.session(session.id)
    assert signed_in is not None
    assert signed_in.new_alerts == 1
    async with engine.begin() as conn:
        await desk_news.seen(conn, "usr_ana")
    async with engine.begin() as conn:
        assert await desk_news.new_for(conn, ["usr_ana"]) == {"usr_ana": 0}
        for number in range(120):
            await alert(conn, f"n{number}", "staff:usr_ana", AlertChannel.DESK)
    signed_in = await directory.session(session.id)
    assert signed_in is not None
    assert signed_in.new_alerts == desk_news.COUNTED_AT_MOST


async def test_a_notice_is_new_as_soon_as_it_is_queued_whatever_becomes_of_its_mail(
    engine: AsyncEngine,
) -> None:
    directory = Directory(engine)
    await directory.add(id="usr_ana", login="ana", name="Ana", email="a@example.org", roles=[Role.HANDLER])
    session = await directory.open_session("usr_ana")
    async with engine.begin() as conn:
        for key, kind in (("1", "handover_offered"), ("2", "morning_worklist"), ("3", "letter")):
            told = Message.model_validate({"dedupe": key, "kind": kind, "to": "staff:usr_ana"})
            await outbox.queue(conn, REFERENCE, [told])
    async with engine.begin() as conn:
        began = await desk_news.present(conn) - timedelta(minutes=1)
        assert await desk_news.new_for(conn, ["usr_ana"]) == {"usr_ana": 1}
        (news,) = await desk_news.told_since(conn, ["usr_ana"], began, limit=10)
        assert (news.staff, news.reference, news.kind) == ("usr_ana", REFERENCE, "handover_offered")
    signed_in = await directory.session(session.id)
    assert signed_in is not None
    assert signed_in.new_alerts == 1
    async with engine.begin() as conn:
        await desk_news.seen(conn, "usr_ana")
    async with engine.begin() as conn:
        assert await desk_news.new_for(conn, ["usr_ana"]) == {"usr_ana": 0}


async def test_asking_whether_a_session_lives_does_not_keep_it_alive(engine: AsyncEngine) -> None:
    directory = Directory(engine)
    await directory.add(id="usr_ana", login="ana", name="Ana", email="a@example.org", roles=[Role.HANDLER])
    opened = await directory.open_session("usr_ana")
    other = await directory.open_session("usr_ana")
    await directory.close_session(other.id)
    assert await directory.live_sessions([opened.id, other.id, "guessed"]) == {opened.id}
    back = text("UPDATE sessions SET last_seen_at = now() - interval '119 minutes'")
    async with engine.begin() as conn:
        await conn.execute(back)
    assert await directory.live_sessions([opened.id]) == {opened.id}
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE sessions SET last_seen_at = last_seen_at - interval '2 minutes'"))
    assert await directory.live_sessions([opened.id]) == frozenset()
    assert await directory.session(opened.id) is None
