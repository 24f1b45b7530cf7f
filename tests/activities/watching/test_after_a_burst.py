"""What the scheduler asks of Temporal and of the database when thousands are late at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from activities.watching.watchdog import Watchdog
from complaints.chapters.ownership import TakeOwnership
from ledger.database import autocommit
from runtime.settings import Settings
from scheduler import compose
from tests.activities.office import Office, open_office
from tests.complaints.support import ana


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def test_no_more_are_nudged_while_those_that_were_have_not_acted(office: Office) -> None:
    start = office.clock.now() - timedelta(minutes=20)
    late = [await office.receive(at=start) for _ in range(5)]
    for stream in late:
        await office.do(stream, ana, TakeOwnership(), start)
    watchdog = Watchdog(office.sql, office.cases, office.workflows, office.clock, unanswered=2)
    await watchdog.look()
    assert await watchdog.nudge() == 2
    assert await watchdog.nudge() == 0, "Temporal is busy: these two have not had their turn yet"
    await office.until(office.workflows.nudged[0], office.clock.now())  # one of them has
    await watchdog.look()
    assert await watchdog.nudge() == 1
    assert len(set(office.workflows.nudged)) == 3, "each time others, until every one was asked"
    assert set(office.workflows.nudged) <= set(late)


async def test_those_that_never_answer_do_not_keep_the_others_from_being_nudged(office: Office) -> None:
    start = office.clock.now() - timedelta(minutes=20)
    late = {await office.receive(at=start) for _ in range(2)}
    watchdog = Watchdog(office.sql, office.cases, office.workflows, office.clock, unanswered=1)
    await watchdog.look()
    assert await watchdog.nudge() == 1
    (silent,) = office.workflows.nudged
    watchdog._seen[silent].nudged_at -= 60.0  # a minute goes by, and it is due to be nudged again, too
    watchdog._seen[silent].nudge_at -= 5.0
    assert await watchdog.nudge() == 1
    assert set(office.workflows.nudged) == late


async def test_many_hands_at_once_do_not_connect_to_the_database_over_and_over(
    mail_settings: Settings,
) -> None:
    parts = compose(mail_settings)
    made: list[object] = []
    event.listen(parts.sql.sync_engine, "connect", lambda connection, _: made.append(connection))

    async def hand() -> None:
        async with autocommit(parts.sql).connect() as conn:
            await conn.execute(text("SELECT pg_sleep(0.005)"))

    try:
        for _ in range(5):
            await asyncio.gather(*(hand() for _ in range(48)))
    finally:
        await parts.mailer.close()
        await parts.reach.close()
        await parts.sql.dispose()
    assert len(made) <= 20
