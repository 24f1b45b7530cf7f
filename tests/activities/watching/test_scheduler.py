"""The scheduler beside a living service: letters leave and their outcome is recorded; who slept is woken."""

from sqlalchemy import text

from complaints.chapters.intake import Acknowledge
from complaints.chapters.letters import LetterMoved
from ledger.idempotency import remember
from policies.vocabulary import DeliveryState
from runtime.settings import Settings
from scheduler import _sweep, compose, scheduling
from tests.support.living import ana, living
from tests.support.mail import CaughtMail
from tests.support.waiting import eventually


async def test_what_became_of_a_letter_stands_in_the_record(settings: Settings, mail: CaughtMail) -> None:
    async with living(settings) as service, scheduling(settings):
        sent, returned = await service.receive(), await service.receive(address="bounce@example.org")
        for ref in (sent, returned):
            await service.do(ref, ana, Acknowledge())
        await mail.wait_for("wei@example.org")

        async def outcome(ref: str) -> LetterMoved:
            events = [told.event for told in await service.record.read(ref)]
            moved = [event for event in events if isinstance(event, LetterMoved)]
            assert len(moved) == 1, [event.type for event in events]
            return moved[0]

        arrived: LetterMoved = await eventually(lambda: outcome(sent))
        bounced: LetterMoved = await eventually(lambda: outcome(returned))
    assert (arrived.letter, arrived.state, arrived.arrived) == ("L1", DeliveryState.SENT, True)
    assert (bounced.letter, bounced.state, bounced.status) == ("L1", DeliveryState.BOUNCED, "550 5.1.1")


async def test_intake_that_nobody_started_is_started(settings: Settings) -> None:
    async with living(settings) as service, scheduling(settings):
        ref = await service.receive(start=False)

        async def recorded() -> bool:
            return "ComplaintReceived" in await service.types(ref)

        started: bool = await eventually(recorded, what="the intake to be recorded")
        assert started


async def test_the_sweep_lets_go_of_old_keys(settings: Settings) -> None:
    parts = compose(settings)
    try:
        async with parts.sql.begin() as conn:
            for key in ("old", "new"):
                await remember(
                    conn, key=key, actor="a", route="r", fingerprint="", reference="R", command_id=key
                )
            await conn.execute(
                text("UPDATE idempotency SET created_at = now() - interval '31 days' WHERE key = 'old'")
            )
        await _sweep(parts)
        async with parts.sql.connect() as conn:
            kept = (await conn.execute(text("SELECT key FROM idempotency"))).scalars().all()
    finally:
        await parts.sql.dispose()
    assert kept == ["new"]
