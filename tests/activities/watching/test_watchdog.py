"""The watchdog: with no workflow alive, alerts go out once and on time, and it wakes whoever slept."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from activities.watching.hold import Hold, HoldLost
from activities.watching.watchdog import Watchdog, what_is_due
from complaints.base import Order, PackRef
from complaints.chapters.intake import Acknowledge, ReceiveComplaint
from complaints.lifecycle import next_wakeup
from ledger import heartbeats, intake
from ledger.database import create_engine
from ledger.heartbeats import Heartbeat
from policies.vocabulary import Channel
from runtime.settings import Settings
from tests.activities.office import Office, open_office
from tests.complaints.support import PACK, ana, iris
from tests.support.mail import CaughtMail
from tests.support.still_clock import StillClock
from tests.support.waiting import PATIENCE, eventually

ANA = "ana@staff.example.org"
DORA = "dora@staff.example.org"


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def overdue(office: Office, minutes: int = 20) -> str:
    """A complaint that Ana owns, received this long ago, and for which nobody has woken since."""
    start = office.clock.now() - timedelta(minutes=minutes)
    return await office.receive(at=start, taken_by=ana)


async def test_an_alert_leaves_though_no_workflow_lives(office: Office, mail: CaughtMail) -> None:
    stream = await overdue(office)
    before = await office.record.read(stream)
    async with office.dispatching():
        assert await office.watchdog().look() > 0
        await mail.wait_for(ANA, where=lambda told: told["Subject"] == f"Overdue: {stream}")
    assert await office.record.read(stream) == before, "the record is the workflow's to write"


async def test_the_workflow_that_wakes_later_finds_every_alert_sent_already(office: Office) -> None:
    stream = await overdue(office)
    await office.watchdog().look()
    queued = await office.outbox()
    assert queued
    await office.until(stream, office.clock.now())
    now = await office.outbox()
    assert set(now) == set(queued), "the same keys, so nobody is told twice"
    assert len(await office.record.read(stream)) > 3, "and what happened is on record"


async def test_looking_again_adds_nothing_until_time_has_more_to_say(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = await overdue(office)
    watchdog = office.watchdog()
    first = await watchdog.look()
    reads: list[str] = []
    real = office.cases.read

    async def counted(reference: str) -> object:
        reads.append(reference)
        return await real(reference)

    monkeypatch.setattr(office.cases, "read", counted)
    assert await watchdog.look() == 0
    assert reads == [], "it is not even read again"
    held = await real(stream)
    assert held is not None
    _, next_at = what_is_due(held, office.clock.now())
    assert next_at is not None
    ahead = StillClock(next_at + timedelta(seconds=1))
    later = Watchdog(office.sql, office.cases, office.workflows, ahead, grace=timedelta(0))
    later._seen = watchdog._seen
    assert await later.look() > 0, "the workflow is still asleep, and the next rung is due"
    assert first > 0
    assert await office.watchdog().look() == 0, "another process only finds it done"


async def test_a_workflow_that_is_only_a_moment_late_is_left_alone(office: Office) -> None:
    stream = await office.receive()
    case = await office.case(stream)
    wake = next_wakeup(PACK, case)
    assert wake is not None
    for late, looked in ((1.0, False), (2.5, True)):
        clock = StillClock(wake + timedelta(seconds=late))
        watchdog = Watchdog(office.sql, office.cases, office.workflows, clock)
        assert (await watchdog.look() > 0) is looked


async def test_on_a_fast_clock_the_grace_is_as_long_in_real_time(office: Office) -> None:
    stream = await office.receive()
    wake = next_wakeup(PACK, await office.case(stream))
    assert wake is not None
    for late, looked in ((60, False), (180, True)):  # seconds of the complaint's time, at sixty a second
        clock = StillClock(wake + timedelta(seconds=late), speed=60)
        watchdog = Watchdog(office.sql, office.cases, office.workflows, clock)
        assert (await watchdog.look() > 0) is looked


async def test_letters_are_left_to_the_workflow_whose_numbers_they_bear(office: Office) -> None:
    stream = await overdue(office)
    await office.do(stream, ana, Acknowledge(), office.clock.now() - timedelta(minutes=19))
    held = await office.cases.read(stream)
    assert held is not None
    far = office.clock.now() + timedelta(days=60)
    alerts, _ = what_is_due(held, far)
    assert alerts
    assert {message.kind for message in alerts}.isdisjoint({"letter"})


async def test_one_complaint_that_can_not_be_read_does_not_silence_the_others(office: Office) -> None:
    broken, sound = await overdue(office, 30), await overdue(office, 20)
    async with office.sql.begin() as conn:
        await conn.execute(text("ALTER TABLE events DISABLE TRIGGER events_are_append_only"))
        await conn.execute(text("UPDATE events SET body = 'nonsense' WHERE stream = :s"), {"s": broken})
    assert await office.watchdog().look() > 0
    assert all(key.startswith(sound) for key in await office.outbox())


async def test_who_slept_is_nudged_also_when_temporal_was_away_at_first(office: Office) -> None:
    stream = await overdue(office)
    office.workflows.away = 1
    watchdog = office.watchdog()
    await watchdog.look()
    assert await watchdog.nudge() == 0
    assert await watchdog.nudge() == 0, "not in the same second again"
    watchdog._seen[stream].nudge_at = 0.0
    assert await watchdog.nudge() == 1
    assert office.workflows.nudged == [stream]
    await office.until(stream, office.clock.now())
    await watchdog.look()
    assert stream not in watchdog._seen, "whoever woke is not looked after any more"


async def test_intake_that_came_while_temporal_was_away_is_started_when_it_is_back(office: Office) -> None:
    ref = PackRef(name=PACK.name, version=PACK.version, digest=PACK.digest)
    async with office.sql.begin() as conn:
        for number in range(3):
            order = office_order(office, number)
            await intake.accept(conn, f"R{number}", order, ref)
    watchdog = office.watchdog()
    office.workflows.away = 1
    assert await watchdog.start_pending(timedelta(0)) == 0
    assert office.workflows.received == []
    assert await watchdog.start_pending(timedelta(0)) == 3, "at the next look, not after a while"
    assert office.workflows.received == ["R0", "R1", "R2"]
    assert await watchdog.start_pending(timedelta(hours=1)) == 0, "what is just being started is left alone"


async def test_one_intake_that_can_not_be_started_does_not_keep_the_others_waiting(office: Office) -> None:
    ref = PackRef(name=PACK.name, version=PACK.version, digest=PACK.digest)
    async with office.sql.begin() as conn:
        for number in range(4):
            await intake.accept(conn, f"R{number}", office_order(office, number), ref)
        await conn.execute(text("UPDATE intake SET \"order\" = '{}' WHERE reference = 'R0'"))
    office.workflows.broken = {"R1"}
    assert await office.watchdog().start_pending(timedelta(0)) == 2
    assert office.workflows.received == ["R2", "R3"]


def office_order(office: Office, number: int) -> Order:
    return Order(
        id=f"o{number}", actor=iris, body=ReceiveComplaint(channel=Channel.PHONE), at=office.clock.now()
    )


async def test_of_two_watchdogs_one_is_on_duty_and_the_other_takes_over(database: str) -> None:
    one_engine, two_engine = create_engine(database), create_engine(database)
    one, two = Hold(one_engine, "watchdog", "host/1"), Hold(two_engine, "watchdog", "host/2")
    await one.acquire()
    waiting = asyncio.create_task(two.acquire())

    async def waits() -> bool:
        async with one_engine.connect() as conn:
            query = text(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )  # those of this test: the server has other tests' databases too
            return bool((await conn.execute(query)).scalar_one())

    blocked: bool = await eventually(waits)
    assert blocked
    assert not waiting.done()
    await one.beat()
    await one.release()
    await asyncio.wait_for(waiting, PATIENCE)
    with pytest.raises(HoldLost):
        await one.beat()
    await two.beat()
    async with two_engine.connect() as conn:
        found = await heartbeats.read(conn, "watchdog")
    assert found is not None
    assert found.holder == "host/2"
    await two.release()
    await one_engine.dispose()
    await two_engine.dispose()


async def test_who_loses_the_connection_loses_the_duty(database: str) -> None:
    engine = create_engine(database)
    hold = Hold(engine, "watchdog", "host/1")
    await hold.acquire()
    async with engine.connect() as conn:
        await conn.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
        )
    with pytest.raises(HoldLost):
        await hold.beat()
    another = Hold(engine, "watchdog", "host/2")
    await asyncio.wait_for(another.acquire(), PATIENCE)
    await another.release()
    await engine.dispose()


def environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "REDRESS_MODE": "test",
        "DATABASE_URL": settings.database_url,
        "TEMPORAL_ADDRESS": settings.temporal_address,
        "REDRESS_MASTER_KEY": settings.master_key.get_secret_value(),
        "REDRESS_SMTP_HOST": settings.smtp_host,
        "REDRESS_SMTP_PORT": str(settings.smtp_port),
    }


async def test_the_scheduler_alerts_with_temporal_down_from_its_start_and_ends_when_asked(
    office: Office, mail: CaughtMail, mail_settings: Settings
) -> None:
    stream = await overdue(office)
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "scheduler", env=environment(mail_settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert started.stdout is not None
    said = asyncio.create_task(started.stdout.read())
    try:
        await mail.wait_for(ANA, where=lambda told: told["Subject"] == f"Overdue: {stream}")
        first = await _beat(office)
        beats: bool = await eventually(lambda: _later(office, first), what="a heartbeat")
        assert beats
    finally:
        started.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(started.wait(), PATIENCE)
    log = (await said).decode()
    assert code == 0, log
    assert '"event": "scheduler stopped"' in log
    assert "Traceback" not in log
    assert "ana@" not in log, "a log names nobody"


async def _beat(office: Office) -> Heartbeat:
    async def look() -> Heartbeat | None:
        async with office.sql.connect() as conn:
            return await heartbeats.read(conn, "watchdog")

    found: Heartbeat | None = await eventually(look)
    assert found is not None
    return found


async def _later(office: Office, first: Heartbeat) -> bool:
    return (await _beat(office)).beat_at > first.beat_at
