"""Foresight: what was worked out ahead is what the workflow would have queued, once, and only where nothing changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import text

from activities.cases import Held
from activities.watching.foresight import OF_LETTERS, Acted, Foresight, moments
from activities.watching.watchdog import BURST, Watchdog, what_is_due
from complaints.base import Actor, Command, Refused
from complaints.chapters.intake import Acknowledge, ReceiveComplaint
from complaints.chapters.ownership import TakeOwnership
from complaints.lifecycle import due, fold, next_wakeup
from complaints.messages import Message
from complaints.transition import transition
from policies.pack import Pack
from policies.vocabulary import Channel
from runtime.clock import Clock
from runtime.settings import Settings
from tests.activities.office import Office, open_office
from tests.complaints.support import PACK, RECEIVED, WEI, Story, ana
from tests.complaints.timing.test_time_properties import PACKS, SOME, gaps, steps
from tests.support.still_clock import StillClock


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
@hypothesis(max_examples=20, deadline=None)
@given(
    lived=st.lists(st.tuples(gaps, steps), max_size=8),
    rest=st.timedeltas(timedelta(hours=1), timedelta(days=60)),
    at_most=st.integers(1, 40),
)
def test_what_is_foreseen_is_what_the_workflow_queues(
    pack: Pack, lived: list[tuple[timedelta, tuple[Actor, Command]]], rest: timedelta, at_most: int
) -> None:
    story = Story(
        ReceiveComplaint(channel=Channel.MAIL, narrative=SOME, parties=(WEI,)), at=RECEIVED, pack=pack
    )
    for gap, (actor, command) in lived:
        try:
            story.do(actor, command, story.now + gap)
        except Refused:
            continue
    held, end = Held(pack=story.pack, case=story.case, happenings=story.happenings), story.now + rest
    queued: list[Message] = []
    case = story.case
    while (wake := next_wakeup(pack, case)) is not None and wake <= end:
        happenings = due(pack, case, wake)
        queued += [m for m in transition(pack, case, case.reference, happenings).messages if not letter(m)]
        case = fold(happenings, case)

    foreseen: list[Message] = []
    after = None
    while True:  # in several goes, as on a fast clock
        found, next_at = moments(held, end, after=after, at_most=at_most)
        assert len(found) <= at_most
        for moment in found:
            assert after is None or moment.when > after
            assert all(m.called_at in (None, moment.when) for m in moment.messages)
            after = moment.when
            foreseen += moment.messages
        if next_at is None or next_at > end:
            break
    assert foreseen == queued, "the same messages, under the same keys, in the same order"
    assert what_is_due(held, end)[0] == queued, "and so does the watchdog that comes too late"


def letter(message: Message) -> bool:
    return message.kind in OF_LETTERS


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


class Ahead:
    """A foresight, and a watchdog with it, whose clock the test puts where it wants."""

    def __init__(self, office: Office, *, foreseen_grace: timedelta) -> None:
        self.office = office
        self.clock = StillClock(Clock().now())
        self.watchdog = Watchdog(
            office.sql, office.cases, office.workflows, self.clock, foreseen_grace=foreseen_grace
        )

    @property
    def foresight(self) -> Foresight:
        return self.watchdog.foresight

    def at(self, office_time: datetime) -> None:
        self.clock.set(office_time)

    async def foresee(self) -> int:
        self.foresight._refreshed = float("-inf")
        return await self.watchdog.foresee()


async def waking(office: Office, count: int = 1) -> list[tuple[str, datetime]]:
    """Complaints that Ana owns, and when each wakes first: they came a tenth of a second after one another."""
    made, began = [], office.clock.now() - timedelta(minutes=1)
    for number in range(count):
        at = began + timedelta(seconds=number / 10)
        stream = await office.receive(at=at)
        await office.do(stream, ana, TakeOwnership(), at)
        wake = next_wakeup(PACK, await office.case(stream))
        assert wake is not None
        made.append((stream, wake))
    return made


async def test_what_was_foreseen_is_queued_at_its_moment_and_not_before(office: Office) -> None:
    ((stream, wake),) = await waking(office)
    ahead = Ahead(office, foreseen_grace=timedelta(0))
    ahead.at(wake - timedelta(seconds=90))
    assert await ahead.foresee() == 0, "it is too far away"
    ahead.at(wake - timedelta(seconds=5))
    assert await ahead.foresee() == 1
    assert await ahead.foresee() == 0, "it is known"
    assert await ahead.watchdog.act() == 0
    assert await office.outbox() == {}, "not before its moment"
    before = await office.record.read(stream)
    ahead.at(wake)
    assert await ahead.watchdog.act() > 0
    queued = await office.outbox()
    await office.until(stream, wake)
    assert await office.outbox() == queued, "the workflow that wakes finds it done"
    assert len(await office.record.read(stream)) > len(before)
    rows = await rows_of(office)
    assert {row.called_at for row in rows} == {wake}


async def rows_of(office: Office) -> list[Any]:
    async with office.sql.connect() as conn:
        return list((await conn.execute(text("SELECT * FROM outbox ORDER BY id"))).all())


async def test_every_column_is_as_the_commit_writes_it(office: Office) -> None:
    ((stream, wake),) = await waking(office)
    ahead = Ahead(office, foreseen_grace=timedelta(0))
    ahead.at(wake - timedelta(seconds=5))
    await ahead.foresee()
    ahead.at(wake)
    await ahead.watchdog.act()
    foreseen = await rows_of(office)
    async with office.sql.begin() as conn:
        await conn.execute(text("DELETE FROM outbox"))
    await office.until(stream, wake)
    of_its_own = ("id", "queued_at", "available_at")
    committed = [
        {k: v for k, v in row._mapping.items() if k not in of_its_own} for row in await rows_of(office)
    ]
    assert [{k: v for k, v in row._mapping.items() if k not in of_its_own} for row in foreseen] == committed


async def test_a_case_that_changed_in_the_meantime_is_not_alerted_of(office: Office) -> None:
    (met, wake), (kept, _) = await waking(office, 2)
    ahead = Ahead(office, foreseen_grace=timedelta(0))
    ahead.at(wake - timedelta(seconds=5))
    assert await ahead.foresee() == 2
    await office.do(met, ana, Acknowledge())
    ahead.at(wake + timedelta(seconds=1))
    assert await ahead.watchdog.act() > 0
    assert {row.stream for row in await rows_of(office)} == {kept, met}
    assert {row.kind for row in await rows_of(office) if row.stream == met} <= set(OF_LETTERS)


async def test_the_workflow_is_given_a_moment_but_not_in_a_burst_nor_while_temporal_is_away(
    office: Office,
) -> None:
    ((_, wake),) = await waking(office)
    ahead = Ahead(office, foreseen_grace=timedelta(seconds=30))
    ahead.at(wake - timedelta(seconds=5))
    await ahead.foresee()
    ahead.at(wake + timedelta(seconds=1))
    assert await ahead.watchdog.act() == 0, "its workflow may still do it"
    ahead.watchdog._away_until = float("inf")
    assert await ahead.watchdog.act() > 0

    one = await waking(office, BURST)
    first, last = one[0][1], one[-1][1]
    burst = Ahead(office, foreseen_grace=timedelta(seconds=30))
    burst.at(first - timedelta(seconds=5))
    assert await burst.foresee() >= BURST
    burst.clock.set(last, speed=60)
    assert await burst.watchdog.act() > 0, "so many at once are more than workflows keep up with"


async def test_while_nobody_wakes_what_comes_next_is_foreseen_too(office: Office) -> None:
    ((stream, wake),) = await waking(office)
    ahead = Ahead(office, foreseen_grace=timedelta(0))
    ahead.at(wake - timedelta(seconds=5))
    await ahead.foresee()
    ahead.at(wake)
    await ahead.watchdog.act()
    held = await office.cases.read(stream)
    assert held is not None
    said = await office.outbox()
    for _ in range(3):
        _, next_at = what_is_due(held, ahead.clock.now())
        assert next_at is not None
        ahead.at(next_at - timedelta(seconds=5))
        assert await ahead.watchdog.look() == 0, "what was said is not looked at again"
        assert await ahead.foresee() == 1
        ahead.at(next_at)
        assert await ahead.watchdog.act() > 0
    now = await office.outbox()
    assert set(said) < set(now)
    await office.until(stream, ahead.clock.now())
    assert set(await office.outbox()) == set(now), "all under the keys of the workflow"


async def test_a_database_that_is_away_loses_nothing_that_was_foreseen(office: Office) -> None:
    ((_, wake),) = await waking(office)
    ahead = Ahead(office, foreseen_grace=timedelta(0))
    ahead.at(wake - timedelta(seconds=5))
    await ahead.foresee()
    ahead.at(wake)
    async with office.sql.begin() as conn:
        await conn.execute(text("ALTER TABLE outbox RENAME TO gone"))
    with pytest.raises(Exception, match="UndefinedTable"):
        await ahead.watchdog.act()
    async with office.sql.begin() as conn:
        await conn.execute(text("ALTER TABLE gone RENAME TO outbox"))
    assert await ahead.watchdog.act() > 0


async def test_what_can_not_be_read_keeps_nobody_else_from_being_foreseen(office: Office) -> None:
    (broken, wake), (sound, _) = await waking(office, 2)
    async with office.sql.begin() as conn:
        await conn.execute(text("ALTER TABLE events DISABLE TRIGGER events_are_append_only"))
        await conn.execute(text("UPDATE events SET body = 'nonsense' WHERE stream = :s"), {"s": broken})
    ahead = Ahead(office, foreseen_grace=timedelta(0))
    ahead.at(wake - timedelta(seconds=5))
    await ahead.foresee()
    ahead.at(wake + timedelta(seconds=1))
    assert await ahead.watchdog.act() > 0
    assert {row.stream for row in await rows_of(office)} == {sound}


async def test_memory_is_bounded_and_what_did_not_fit_comes_later(office: Office) -> None:
    made = await waking(office, 4)
    clock = StillClock(made[0][1] - timedelta(seconds=5))
    foresight = Foresight(office.sql, office.cases, clock, at_most=2)
    acted: list[Acted] = []
    for upto in (made[1][1], made[3][1]):
        foresight._refreshed = float("-inf")
        assert await foresight.foresee() == 2
        assert len(foresight) == 2
        acted += await foresight.act(upto)
        clock.set(upto)
    assert {one.reference for one in acted} == {stream for stream, _ in made}
