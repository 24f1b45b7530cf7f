"""Intake: what was accepted waits until it is recorded, and is handed to one flusher at a time."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Order, PackRef
from complaints.chapters.intake import ReceiveComplaint
from ledger import intake
from policies.vocabulary import Channel
from tests.complaints.support import PACK, RECEIVED, WEI, iris
from tests.complaints.support import text as text_ref

REF = PackRef(name=PACK.name, version=PACK.version, digest=PACK.digest)
NOW = timedelta(0)
LONG = timedelta(hours=1)


def order(name: str) -> Order:
    body = ReceiveComplaint(channel=Channel.MAIL, narrative=text_ref(name), parties=(WEI,))
    return Order(id=f"receive {name}", actor=iris, body=body, at=RECEIVED)


async def test_what_was_accepted_waits_with_all_that_was_given(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        assert await intake.accept(conn, "A", order("A"), REF)
        assert not await intake.accept(conn, "A", order("other"), REF), "the first one stands"
    async with engine.connect() as conn:
        waiting = await intake.waits(conn, "A")
        assert waiting is not None
        assert (waiting.order, waiting.pack, waiting.attempts) == (order("A"), REF, 0)
        assert await intake.waits(conn, "B") is None


async def test_each_is_handed_out_once_until_its_time_is_up(engine: AsyncEngine) -> None:
    for name in ("A", "B", "C"):
        async with engine.begin() as conn:
            await intake.accept(conn, name, order(name), REF)
    async with engine.begin() as first, engine.begin() as second:
        assert await intake.pending(first, LONG, 10) == (), "they have only just come in"
        assert [one.reference for one in await intake.pending(first, NOW, 2)] == ["A", "B"]
        # A second flusher neither waits for the first nor takes what it has.
        assert [one.reference for one in await intake.pending(second, NOW, 2)] == ["C"]
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE intake SET received = received - interval '2 hours'"))
        assert await intake.pending(conn, LONG, 10) == (), "all were tried within the hour"
        await intake.release(conn, "B")
        [again] = await intake.pending(conn, LONG, 10)
        assert (again.reference, again.attempts) == ("B", 2)


async def test_what_its_own_rules_refuse_is_not_tried_for_ever(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await intake.accept(conn, "A", order("A"), REF)
        await intake.refuse(conn, "A", "no_authority")
        assert await intake.pending(conn, NOW, 10) == ()
        assert await intake.waits(conn, "A") is None
