"""A call to several people: of two that fail at the same moment, the second finds that nobody has it."""

import asyncio

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.messages import Message
from ledger import outbox
from ledger.calls import reached_nobody
from ledger.outbox import State
from tests.support.waiting import eventually

CALL = Message(
    dedupe="A/response/1/0/0/role:supervisor/mail", kind="alert_breach", to="role:supervisor", who="role:supervisor",
    clock="response", occurrence=1, rung=0, repeat=0,
)  # fmt: skip


async def expanded(engine: AsyncEngine, *people: str) -> dict[str, int]:
    """The call, one message for each of these; {recipient: id}."""
    async with engine.begin() as conn:
        await outbox.queue(conn, "A", [CALL])
        (role,) = await outbox.lease(conn, limit=1, holder="test", seconds=60)
        await outbox.expand(conn, [role.id], holder="test", recipients=people)
        rows = await outbox.lease(conn, limit=10, holder="test", seconds=60)
        return {row.recipient: row.id for row in rows}


async def test_of_two_that_fail_at_once_the_second_reached_nobody(engine: AsyncEngine) -> None:
    ids = await expanded(engine, "staff:ana", "staff:dora")

    async def second() -> tuple[int, ...]:
        async with engine.begin() as conn:
            return await reached_nobody(conn, [ids["staff:dora"]])

    async def waits() -> bool:
        async with engine.connect() as conn:
            locks = await conn.execute(
                text(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            )
            return bool(locks.scalar_one())

    async with engine.begin() as conn:
        assert await reached_nobody(conn, [ids["staff:ana"]]) == (), "Dora's is under way"
        other = asyncio.create_task(second())
        await eventually(waits, what="the second to wait for the first")
        await outbox.settle(conn, [ids["staff:ana"]], holder="test", state=State.BOUNCED)
    assert await other == (ids["staff:dora"],)


async def test_one_who_has_it_is_enough_until_that_mail_comes_back(engine: AsyncEngine) -> None:
    ids = await expanded(engine, "staff:ana", "staff:dora")
    async with engine.begin() as conn:
        await outbox.settle(conn, [ids["staff:dora"]], holder="test", state=State.SENT)
        assert await reached_nobody(conn, [ids["staff:ana"]]) == ()
        await outbox.settle(conn, [ids["staff:ana"]], holder="test", state=State.BOUNCED)
        assert await reached_nobody(conn, [ids["staff:dora"]]) == (ids["staff:dora"],)


async def test_what_tells_administrators_of_a_call_is_no_call(engine: AsyncEngine) -> None:
    ids = await expanded(engine, "staff:ana")
    async with engine.begin() as conn:
        await outbox.expand(
            conn, list(ids.values()), holder="test", recipients=["staff:root"], kind="alert_unreachable"
        )
        (told,) = await outbox.lease(conn, limit=10, holder="test", seconds=60)
        assert await reached_nobody(conn, [told.id]) == ()
        assert await reached_nobody(conn, list(ids.values())) == tuple(ids.values())
