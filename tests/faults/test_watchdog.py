"""The watchdog as a process: two of them, one killed in a burst, and a machine whose time is set by an hour."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from activities.delivery.pace import Pace
from activities.watching.foresight import OF_LETTERS
from complaints.base import Order
from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.ownership import TakeOwnership
from complaints.lifecycle import due, fold, next_wakeup, receive
from complaints.references import reference
from complaints.transition import transition
from ledger.outbox import State
from policies.vocabulary import Channel
from runtime.child import Child, Running
from runtime.ports import free_port
from runtime.readiness import listens
from runtime.settings import load_settings
from tests.activities.office import Office, open_office
from tests.activities.watching.test_watchdog import ANA, environment, overdue
from tests.complaints.support import PACK, ana, iris
from tests.support.jumping_scheduler import JUMP_FILE
from tests.support.mail import CaughtMail
from tests.support.waiting import PATIENCE, eventually

BURST = 240
A_SECOND = 40
"""So many moments fall in each second of it: more than anybody waits for a workflow."""
BEFORE_LULL = 80
LULL = timedelta(seconds=40)
"""Between the first of the burst and the others, which are foreseen as well: whoever is killed among the first has not
come to them, however busy the machine is."""
LEASE = Pace().lease
"""Seconds for which whoever was killed still holds what it had begun to send."""


@pytest.fixture
async def office(database: str, mail: CaughtMail, tmp_path: Path) -> AsyncIterator[Office]:
    """A back office; nobody answers where Temporal should be."""
    settings = load_settings(
        mode="test",
        database_url=database,
        temporal_address="127.0.0.1:1",
        smtp_host=mail.smtp_host,
        smtp_port=mail.smtp_port,
        data_dir=tmp_path,
        master_key="cmVkcmVzcy10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=",
    )
    async with open_office(settings) as office:
        yield office


class Scheduler:
    """A scheduler process, and what it says of itself."""

    def __init__(self, office: Office, folder: Path, name: str, *module: str, **more: str) -> None:
        self.port = free_port()
        env = {**environment(office.settings), "REDRESS_SCHEDULER_PORT": str(self.port), **more}
        argv = (sys.executable, "-m", *(module or ("scheduler",)))
        self.running = Running(Child(name, argv, listens(self.port), env), folder / f"{name}.log")

    async def health(self) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            said: dict[str, Any] = (await client.get(f"http://127.0.0.1:{self.port}/health")).json()
        return said

    async def on_duty(self) -> bool:
        said = await self.health()
        return bool(said["on_duty"] and said["watched"] and said["watchdog"]["holder"] == said["process"])

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Scheduler]:
        await self.running.start()
        try:
            yield self
        finally:
            await self.running.stop()


async def test_of_two_schedulers_one_works_and_when_it_is_killed_the_other_takes_over(
    office: Office, mail: CaughtMail, tmp_path: Path
) -> None:
    one, two = Scheduler(office, tmp_path, "one"), Scheduler(office, tmp_path, "two")
    async with one.at_work():
        await eventually(one.on_duty, what="the first to be on duty")
        async with two.at_work():
            stream = await overdue(office, 40)
            await mail.wait_for(ANA, where=lambda told: told["Subject"] == f"Overdue: {stream}")
            assert (await two.health())["on_duty"] is False

            async def knows_who_works() -> bool:
                waiting, working = await two.health(), await one.health()
                assert waiting["watchdog"] is not None, "a database that answers late"
                assert waiting["watchdog"]["holder"] == working["process"], "it knows who works"
                assert waiting["watched"], "somebody does"
                return True

            await eventually(knows_who_works)
            await one.running.kill()
            await eventually(two.on_duty, what="the second to take over")
            another = await overdue(office, 40)
            await mail.wait_for(ANA, where=lambda told: told["Subject"] == f"Overdue: {another}")
            calls = await eventually(
                lambda: mails_sent(office, "ana"),
                within=LEASE + PATIENCE,
                what="no mail for Ana to be on its way",
            )
    caught = {str(told["Message-ID"]) for told in mail.to(ANA)}
    assert len(caught) == calls, "a call is one mail, whoever was at work"


async def mails_sent(office: Office, who: str) -> int:
    """How many calls to this person left by mail; 0 while one still waits or is held by whoever was killed."""
    query = text("SELECT state FROM outbox WHERE recipient = :to AND channel = 'mail'")
    async with office.sql.connect() as conn:
        states = (await conn.execute(query, {"to": f"staff:{who}"})).scalars().all()
    return len(states) if set(states) == {State.SENT} else 0


async def test_a_watchdog_killed_in_a_burst_leaves_nothing_out_and_says_nothing_twice(
    office: Office, tmp_path: Path
) -> None:
    first = office.clock.now() + timedelta(hours=1)  # until time is set, it does not come
    expected = await burst(office, first)
    jump = tmp_path / "jump"
    one, two = (
        Scheduler(office, tmp_path, name, "tests.support.jumping_scheduler", **{JUMP_FILE: str(jump)})
        for name in ("one", "two")
    )

    def becomes(moment: datetime) -> None:
        """From now on the schedulers take it to be this moment."""
        jump.write_text(str((moment - office.clock.now()).total_seconds()))

    becomes(office.clock.now())

    async def queued() -> set[str]:
        async with office.sql.connect() as conn:
            rows = await conn.execute(text("SELECT dedupe FROM outbox WHERE called_at IS NOT NULL"))
            return {row.dedupe for row in rows} & expected

    async def some() -> bool:
        return len(await queued()) >= len(expected) / 8

    async def all_of_them() -> bool:
        return await queued() == expected

    async with one.at_work():
        await eventually(one.on_duty, what="the first to be on duty")
        becomes(first - timedelta(seconds=5))
        await eventually(some, what="the first of the alerts")
        await one.running.kill()
        assert await queued() != expected, "it was over before it was killed: this shows nothing"
        becomes(first + LULL + timedelta(seconds=BURST / A_SECOND))
        async with two.at_work():
            await eventually(all_of_them, within=2 * PATIENCE, what="every alert")
    async with office.sql.connect() as conn:
        calls = await conn.execute(
            text(
                "SELECT count(*) FROM outbox WHERE called_at IS NOT NULL AND kind = 'alert_breach'"
                " GROUP BY stream, clock, occurrence, rung, repeat, who, channel HAVING count(*) > 1"
            )
        )
        assert calls.all() == []


async def burst(office: Office, first: datetime) -> set[str]:
    """Complaints that breach their first clock from `first` on, one after the other; the keys that this calls for."""
    expected: set[str] = set()
    for number in range(BURST):
        breach = (
            first + timedelta(seconds=number / A_SECOND) + (LULL if number >= BEFORE_LULL else timedelta())
        )
        received = breach - timedelta(minutes=30)
        stream = reference(uuid4().int % 2**55)
        order = Order(id=str(uuid4()), actor=iris, body=ReceiveComplaint(channel=Channel.MAIL), at=received)
        happenings = receive(PACK, stream, order)
        happenings += due(PACK, fold(happenings), received + timedelta(minutes=29))
        await office.record.commit(transition(PACK, None, stream, happenings))
        case = fold(happenings)
        wake = next_wakeup(PACK, case)
        assert wake is not None
        told = transition(PACK, case, stream, due(PACK, case, wake)).messages
        expected |= {message.dedupe for message in told if message.kind not in OF_LETTERS}
    return expected


async def test_an_hour_forward_and_an_hour_back_nothing_is_lost_or_said_twice_and_it_goes_on_watching(
    office: Office, tmp_path: Path
) -> None:
    jump = tmp_path / "jump"
    jump.write_text("0")
    soon = await office.receive()
    await office.do(soon, ana, TakeOwnership())
    one = Scheduler(office, tmp_path, "one", "tests.support.jumping_scheduler", **{JUMP_FILE: str(jump)})

    async def told_of(stream: str) -> set[str]:
        """The calls for it; what becomes of them on their way is not counted."""
        async with office.sql.connect() as conn:
            query = text("SELECT dedupe FROM outbox WHERE stream = :stream AND called_at IS NOT NULL")
            return {row.dedupe for row in await conn.execute(query, {"stream": stream})}

    async def alerted(stream: str) -> bool:
        return any("/first_handling/1/0/0/" in key for key in await told_of(stream))

    log = tmp_path / "one.log"

    async def put_to(seconds: int, times: int) -> None:
        """The machine's time is set, and the scheduler has noticed, so many times by now."""
        jump.write_text(str(seconds))
        await eventually(
            lambda: log.read_text().count("the system's time was set") >= times, what="the jump to be noticed"
        )

    async with one.at_work():
        await eventually(one.on_duty, what="it to be on duty")
        before = await told_of(soon)
        await put_to(3600, 1)
        case, hour_on = await office.case(soon), office.clock.now() + timedelta(hours=1)
        called_for = transition(PACK, case, soon, due(PACK, case, hour_on)).messages
        wanted = {message.dedupe for message in called_for if message.kind not in OF_LETTERS}
        assert before < wanted

        async def all_told() -> bool:
            assert wanted <= await told_of(soon)
            return True

        await eventually(all_told, what="every alert that is due by the clock")
        assert await alerted(soon)
        await put_to(0, 2)
        back = await told_of(soon)
        late = await overdue(office, 40)
        await eventually(lambda: alerted(late), what="it to go on watching")
        await eventually(one.on_duty, what="it to be on duty as before")
        assert await told_of(soon) == back, "what was said is not said again"
        await put_to(-3600, 3)
        later = await overdue(office, 40)  # by the clock that is an hour slow this is not due yet
        await put_to(0, 4)
        await eventually(lambda: alerted(later), what="nothing to be lost by a clock that was slow")
    record = await office.record.read(soon)
    assert fold(record).sequence == len(record), "the record is the workflow's to write"
    wake = next_wakeup(PACK, fold(record))
    assert wake is not None
    await office.until(soon, wake + timedelta(minutes=70))
    assert back <= await told_of(soon), "the workflow that wakes finds all of it said"
    assert all(state != State.DEAD for key, state in (await office.outbox()).items() if key.startswith(soon))
