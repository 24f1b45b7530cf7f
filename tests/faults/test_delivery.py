"""Mail in a bad world: servers that are away, hang or refuse, a dispatcher that is killed, a database that dies."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from activities.delivery.mail import ANSWERS_WITHIN
from activities.delivery.targets import Limits
from cli import prepare
from complaints.messages import Message
from ledger import outbox
from policies.vocabulary import Role
from runtime.child import Child, Running
from runtime.ports import free_port
from runtime.postgres_server import PostgresServer
from runtime.readiness import forget, said_so
from runtime.ready import READY_FILE
from runtime.settings import Settings, load_settings
from tests.activities.conftest import plain_log_lines
from tests.activities.office import QUICK, Office, open_office
from tests.support.sink import Sink
from tests.support.waiting import PATIENCE, eventually

MASTER_KEY = "cmVkcmVzcy10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM="
CLOCKS = ("first_handling", "response", "resolution")
SMALL = Limits(at_once=2, failures=2, pause=0.2, longest_pause=0.2, patience=0.1)


pytestmark = pytest.mark.usefixtures(plain_log_lines.__name__)


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def smtp(database: str, tmp_path: Path) -> Settings:
    """Settings for a mail server at a port where nothing listens yet."""
    return _settings(database, tmp_path)


def _settings(database: str, folder: Path) -> Settings:
    return load_settings(
        mode="test", database_url=database, temporal_address="127.0.0.1:1", smtp_host="127.0.0.1",
        smtp_port=free_port(), data_dir=folder, master_key=MASTER_KEY,
    )  # fmt: skip


@pytest.fixture
async def office(smtp: Settings) -> AsyncIterator[Office]:
    async with open_office(smtp) as office:
        yield office


async def alerts(office: Office, stream: str, to: Sequence[str], clocks: Sequence[str] = CLOCKS) -> None:
    """One alert for each clock and recipient, in this order."""
    due_at = office.clock.now() - timedelta(minutes=5)
    messages = [
        Message(
            dedupe=f"{stream}/{clock}/{who}", kind="alert_breach", to=who, fallback="role:supervisor",
            clock=clock, due_at=due_at,
        )
        for clock in clocks
        for who in to
    ]  # fmt: skip
    async with office.sql.begin() as conn:
        await outbox.queue(conn, stream, messages)


async def people(office: Office, *domains: str) -> None:
    """One handler at each domain, called as it is."""
    for domain in domains:
        await office.directory.add(
            id=domain, login=domain, name=domain, email=f"{domain}@{domain}.example.org",
            roles=[Role.HANDLER],
        )  # fmt: skip


async def in_order(office: Office, sink: Sink, *, whoever: bool) -> None:
    """Each mail arrived once, and those about one complaint in order, to each reader or to `whoever`."""
    arrived = [caught.message_id for caught in sink.caught]
    assert {id_: times for id_, times in Counter(arrived).items() if times > 1} == {}
    async with office.sql.connect() as conn:
        rows = await conn.execute(
            text(
                "SELECT stream, recipient, message_id FROM outbox WHERE state = 'sent'"
                " ORDER BY coalesce(place, id), id"
            )
        )
        queued: dict[tuple[str, str], list[str]] = {}
        for row in rows:
            queued.setdefault((row.stream, "" if whoever else row.recipient), []).append(row.message_id)
    for line, ids in queued.items():
        assert [id_ for id_ in arrived if id_ in set(ids)] == ids, line


async def counts(office: Office) -> Mapping[str, int]:
    return Counter((await office.outbox()).values())


async def pass_by(office: Office, span: str) -> None:
    """Let real time pass, as far as the outbox can tell."""
    columns = ("available_at", "lease_until", "queued_at")
    moved = ", ".join(f"{column} = {column} - CAST(:span AS text)::interval" for column in columns)
    async with office.sql.begin() as conn:
        await conn.execute(text(f"UPDATE outbox SET {moved}"), {"span": span})  # noqa: S608 - our own words


async def test_after_a_day_without_a_mail_server_everything_arrives_once_and_in_order(
    office: Office, sink: Sink, smtp: Settings
) -> None:
    await people(office, "one", "two")
    streams = [await office.receive() for _ in range(6)]
    async with office.dispatching(replace(QUICK, attempts=2)):
        for hour in range(3):
            for stream in streams:
                await alerts(
                    office, stream, ["staff:one", "role:supervisor", "staff:two"], CLOCKS[hour : hour + 1]
                )
            await eventually(lambda: _was_tried(office), what="a vain attempt")
            await pass_by(office, "8 hours")
        assert (await counts(office))["queued"] == 6 * 3 * 3
        async with sink.listening(smtp.smtp_port):
            await eventually(lambda: _none_queued(office), what="everything to be sent")
    assert await counts(office) == {"sent": 6 * 9, "expanded": 6 * 3}
    assert len(sink.caught) == 6 * 9
    await in_order(office, sink, whoever=True)


async def _was_tried(office: Office) -> bool:
    async with office.sql.connect() as conn:
        tried = await conn.scalar(text("SELECT count(*) FROM outbox WHERE last_error IS NOT NULL"))
    return bool(tried)


async def _none_queued(office: Office) -> bool:
    found = await counts(office)
    assert not found["queued"], found
    return True


async def test_bad_servers_cost_no_message_and_keep_nobody_elses_waiting(
    office: Office, sink: Sink, smtp: Settings
) -> None:
    sink.manners = {
        "hangs.example.org": "hangs", "resets.example.org": "resets", "refuses.example.org": "refuses",
        "greylists.example.org": "greylists",
    }  # fmt: skip
    await people(office, "hangs", "resets", "refuses", "greylists", "good")
    bad = ["staff:hangs", "staff:resets", "staff:refuses", "staff:greylists"]
    streams = [await office.receive() for _ in range(7)]
    for who in bad:  # all of these stand before the first one of the good
        for stream in streams:
            await alerts(office, stream, [who])
    for stream in streams:
        await alerts(office, stream, ["staff:good"])
    good = "good@good.example.org"
    pace = replace(QUICK, attempts=100, at_once=6, limits=SMALL)
    began = time.monotonic()
    async with sink.listening(smtp.smtp_port), office.dispatching(pace):
        await eventually(lambda: len(sink.to(good)) == 21, what="the good server's mails")
        waiting = [key for key, state in (await office.outbox()).items() if state == "queued"]
        hanging = [key for key in waiting if key.endswith("staff:hangs")]
        assert len(hanging) == 21, "while these hung, all others had their mail"
        turns = 1 + int(
            (time.monotonic() - began) / ANSWERS_WITHIN
        )  # a machine that is busy comes to the next
        assert sink.tried.count("hangs@hangs.example.org") <= SMALL.at_once * turns, (
            "and took no more hands than theirs"
        )
        sink.mend()
        await eventually(lambda: _none_queued(office), what="everything to be sent")
    for who in ("hangs", "resets", "greylists", "good"):
        assert len({caught.message_id for caught in sink.to(f"{who}@{who}.example.org")}) == 21, who
    refused = [key for key, state in (await office.outbox()).items() if state == "bounced"]
    told_instead = [key for key, state in (await office.outbox()).items() if key.endswith("/staff:dora")]
    assert len(refused) == len(told_instead)
    assert set((await office.outbox()).values()) <= {"sent", "bounced"}
    await in_order(office, sink, whoever=False)


def _scheduler(smtp: Settings, folder: Path) -> Running:
    file = folder / "scheduler.ready"
    env = {
        "REDRESS_MODE": "test",
        "REDRESS_DATA_DIR": str(folder),
        "REDRESS_MASTER_KEY": MASTER_KEY,
        "REDRESS_SMTP_HOST": smtp.smtp_host,
        "REDRESS_SMTP_PORT": str(smtp.smtp_port),
        "DATABASE_URL": smtp.database_url,
        "TEMPORAL_ADDRESS": smtp.temporal_address,
        READY_FILE: str(file),
    }
    argv = (sys.executable, "-m", "scheduler")
    return Running(
        Child("scheduler", argv, said_so(file), env, before=forget(file)), folder / "scheduler.log"
    )


async def test_killed_between_sending_and_settling_a_message_comes_twice_at_most_as_the_same_mail(
    office: Office, sink: Sink, smtp: Settings, tmp_path: Path
) -> None:
    sink.manners = {"silent.example.org": "falls silent"}
    await people(office, "silent", "good")
    stream = await office.receive()
    silent, good = "silent@silent.example.org", "good@good.example.org"
    scheduler = _scheduler(smtp, tmp_path)
    async with sink.listening(smtp.smtp_port):
        try:
            await scheduler.start()
            await alerts(office, stream, ["staff:silent"], CLOCKS[:1])
            await eventually(lambda: len(sink.to(silent)) == 1, what="a mail that is not acknowledged")
            await scheduler.kill()
            await alerts(office, stream, ["staff:silent", "staff:good"], CLOCKS[1:])
            await pass_by(office, "1 hour")  # the dead one's lease runs out
            sink.mend()
            await scheduler.start()
            await eventually(lambda: _none_queued(office), what="everything to be sent")
        finally:
            await scheduler.stop()
    first, again, *others = [caught.message_id for caught in sink.to(silent)]
    assert first == again, "who reads it can tell that it is the same"
    assert len(set(others)) == len(others) == 2
    assert len(sink.to(good)) == 2
    assert await counts(office) == {"sent": 5}


async def test_a_database_that_is_killed_under_load_loses_and_doubles_nothing(
    own_postgres: tuple[PostgresServer, Running], sink: Sink, tmp_path: Path
) -> None:
    server, postgres = own_postgres
    await server.create_database("redress")
    smtp = _settings(server.url("redress"), tmp_path)
    await asyncio.to_thread(prepare, smtp)
    async with open_office(smtp) as office, sink.listening(smtp.smtp_port):
        await people(office, "one", "two", "three")
        streams = [await office.receive() for _ in range(7)]
        for stream in streams:
            await alerts(office, stream, ["staff:one", "staff:two", "staff:three"])
        wanted = len(streams) * 9
        async with office.dispatching(replace(QUICK, at_once=2)):
            for enough in (5, 20):
                await eventually(partial(_as_many, sink, enough), what="some mails")
                await postgres.kill()
                await postgres.start()
            # What was being taken out when the database died is free again only when its lease has run out.
            await eventually(
                lambda: _all_sent(office, wanted), within=QUICK.lease + PATIENCE, what="everything to be sent"
            )
        assert len(sink.caught) == wanted
        await in_order(office, sink, whoever=False)


def _as_many(sink: Sink, enough: int) -> bool:
    return len(sink.caught) >= enough


async def _all_sent(office: Office, wanted: int) -> bool:
    found = await counts(office)
    assert found == {"sent": wanted}, found
    return True
