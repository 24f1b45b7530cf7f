"""Alerts as they are listed: whom a ladder told, how, whether it reached them, and whether somebody has it in hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.chapters.escalation import AcknowledgeAlert
from complaints.chapters.ownership import TakeOwnership
from complaints.messages import Message
from complaints.timing.occurrences import ClockState
from ledger import outbox
from ledger.alerts import Reached, Wanted, alerts, calls_of, heights
from ledger.database import autocommit
from ledger.outbox import State
from ledger.record import Record
from policies.vocabulary import AlertChannel
from tests.complaints.support import ana, dora
from tests.ledger.told import Told

LATE = timedelta(minutes=20)
"""After receipt: the first answer was due 5 minutes ago, and rung 1 has called ana and her supervisor."""


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with autocommit(engine).connect() as conn:
        yield conn


async def late(record: Record, reference: str) -> Told:
    """A complaint that ana owns and whose first answer is late."""
    told = Told(record, reference)
    await told.received()
    await told.send(told.doing(ana, TakeOwnership()))
    await told.send(told.waiting(LATE))
    return told


async def settle(conn: AsyncConnection, state: State, error: str | None = None) -> None:
    """What a dispatcher would: all that can go out has come to this."""
    while leased := await outbox.lease(conn, limit=100, holder="test", seconds=60):
        await outbox.settle(conn, [row.id for row in leased], holder="test", state=state, error=error)


async def test_an_alert_says_whom_it_told_over_what_and_that_it_is_on_its_way(
    record: Record, conn: AsyncConnection
) -> None:
    told = await late(record, "7K2M-9QF3-XA5C")
    (alert,) = await alerts(conn, [ana.id], at=told.now)
    assert (alert.reference, alert.clock, alert.occurrence, alert.rung, alert.repeat) == (
        "7K2M-9QF3-XA5C", "response", 1, 0, 0,
    )  # fmt: skip
    assert alert.state is ClockState.RUNNING
    assert alert.owner == ana.id
    assert not alert.held(told.now)
    assert sorted((call.recipient, call.channel, call.reached) for call in alert.calls) == [
        ("staff:ana", "desk", Reached.UNDER_WAY), ("staff:ana", "mail", Reached.UNDER_WAY),
    ]  # fmt: skip
    assert [a.reference for a in await alerts(conn, [dora.id], at=told.now)] == ["7K2M-9QF3-XA5C"]
    assert await alerts(conn, ["ben"], at=told.now) == ()
    assert await alerts(conn, [], at=told.now) == ()


async def test_a_way_for_which_there_was_no_address_is_not_told_of(
    record: Record, conn: AsyncConnection
) -> None:
    told = await late(record, "7K2M-9QF3-XA5C")
    await settle(conn, State.SENT)
    to_desk = text("UPDATE outbox SET state = 'dropped', last_error = :why WHERE channel = 'desk'")
    await conn.execute(to_desk, {"why": outbox.NOWHERE})
    (alert,) = await alerts(conn, [ana.id], at=told.now)
    assert [(call.channel, call.reached) for call in alert.calls] == [("mail", Reached.SENT)]
    assert "desk" not in {call.channel for call in await calls_of(conn, alert.reference)}


@pytest.mark.parametrize(
    ("state", "error", "reached"),
    [
        (State.SENT, None, Reached.SENT),
        (State.BOUNCED, "5.1.1", Reached.BOUNCED),
        (State.DEAD, "4.4.1", Reached.GIVEN_UP),
        (State.UNHELD, "away", Reached.NOBODY),
        (State.DROPPED, "erased", Reached.NOT_SENT),
    ],
)
async def test_whether_it_reached_them_is_told_of_every_call(
    record: Record, conn: AsyncConnection, state: State, error: str | None, reached: Reached
) -> None:
    await late(record, "7K2M-9QF3-XA5C")
    await settle(conn, state, error)
    found = [call for call in await calls_of(conn, "7K2M-9QF3-XA5C") if call.recipient == "staff:ana"]
    assert {(call.reached, call.status) for call in found} == {(reached, error)}
    assert all(call.sent_at is not None for call in found)


async def test_what_became_a_call_for_each_person_is_told_by_person(
    record: Record, conn: AsyncConnection
) -> None:
    told = await late(record, "7K2M-9QF3-XA5C")
    await settle(conn, State.SENT)
    row = Message(dedupe="x/role", kind="alert_breach", to="role:department_head", clock="response", occurrence=1,
                  rung=1, repeat=0, who="role:department_head")  # fmt: skip
    await outbox.queue(conn, "7K2M-9QF3-XA5C", [row])
    leased = await outbox.lease(conn, limit=100, holder="test", seconds=60)
    (number,) = [each.id for each in leased if each.recipient == "role:department_head"]
    await outbox.expand(conn, [number], holder="test", recipients=["staff:emil", "staff:eva"])
    upper = [call for call in await calls_of(conn, "7K2M-9QF3-XA5C") if call.rung == 1]
    assert sorted((call.recipient, call.who) for call in upper) == [
        ("staff:emil", "role:department_head"), ("staff:eva", "role:department_head"),
    ]  # fmt: skip
    (mine,) = await alerts(conn, ["emil", "eva"], at=told.now)
    assert (mine.rung, len(mine.calls)) == (1, 2), (
        "one entry for the run, with all who were told by its latest call"
    )


async def test_an_acknowledgement_takes_it_off_the_open_ones_until_it_expires(
    record: Record, conn: AsyncConnection
) -> None:
    told = await late(record, "7K2M-9QF3-XA5C")
    await told.send(told.doing(ana, AcknowledgeAlert(clock="response")))
    assert await alerts(conn, [ana.id], at=told.now) == ()
    (held,) = await alerts(conn, [ana.id], at=told.now, wanted=Wanted.ACKNOWLEDGED)
    assert held.held(told.now)
    assert held.acknowledged_by == ana.id
    assert held.held_until is not None
    # The engine may be away when it expires: what is past is past all the same.
    (again,) = await alerts(conn, [ana.id], at=held.held_until)
    assert not again.held(held.held_until)
    assert await alerts(conn, [ana.id], at=held.held_until, wanted=Wanted.ACKNOWLEDGED) == ()


async def test_what_was_met_is_only_among_all(record: Record, conn: AsyncConnection) -> None:
    told = await late(record, "7K2M-9QF3-XA5C")
    await conn.execute(text("UPDATE clocks SET met_at = due_at, state = 'met' WHERE clock = 'response'"))
    assert await alerts(conn, [ana.id], at=told.now) == ()
    (over,) = await alerts(conn, [ana.id], at=told.now, wanted=Wanted.ALL)
    assert over.state is ClockState.MET


async def test_a_call_that_only_the_watchdog_has_made_is_there_already(
    record: Record, conn: AsyncConnection
) -> None:
    told = Told(record, "7K2M-9QF3-XA5C")
    await told.received()
    await told.send(told.doing(ana, TakeOwnership()))
    row = Message(dedupe="x", kind="alert_breach", to="staff:ana", clock="response", occurrence=1, rung=0, repeat=0,
                  who="owner", channel=AlertChannel.DESK)  # fmt: skip
    await outbox.queue(conn, "7K2M-9QF3-XA5C", [row])
    (alert,) = await alerts(conn, [ana.id], at=told.now)
    assert alert.acknowledged_at is None


async def test_pages_follow_each_other_and_leave_none_out(record: Record, conn: AsyncConnection) -> None:
    references = [f"{number}K2M-9QF3-XA5C" for number in range(2, 7)]
    for reference in references:
        told = await late(record, reference)
    found: list[str] = []
    before = None
    while page := await alerts(conn, [ana.id], at=told.now, before=before, limit=2):
        found += [alert.reference for alert in page]
        before = page[-1].id
    assert found == references[::-1]


async def test_the_worklist_knows_how_high_each_has_climbed_and_whether_somebody_has_it(
    record: Record, conn: AsyncConnection
) -> None:
    told = await late(record, "7K2M-9QF3-XA5C")
    other = await late(record, "3K2M-9QF3-XA5C")
    await other.send(other.doing(ana, AcknowledgeAlert(clock="response")))
    quiet = Told(record, "4K2M-9QF3-XA5C")
    await quiet.received()
    found = await heights(conn, ["7K2M-9QF3-XA5C", "3K2M-9QF3-XA5C", "4K2M-9QF3-XA5C"], told.now)
    assert {ref: (height.rung, height.acknowledged) for ref, height in found.items()} == {
        "7K2M-9QF3-XA5C": (0, False), "3K2M-9QF3-XA5C": (0, True),
    }  # fmt: skip


async def test_the_calls_of_a_due_moment_that_was_extended_can_be_told_apart(
    record: Record, conn: AsyncConnection
) -> None:
    await late(record, "7K2M-9QF3-XA5C")
    key = "7K2M-9QF3-XA5C/response/1/0/0/owner/mail/extended-2/moved-1"
    row = Message(dedupe=key, kind="alert_breach", to="staff:ana", clock="response", occurrence=1, rung=0, repeat=0,
                  who="owner")  # fmt: skip
    await outbox.queue(conn, "7K2M-9QF3-XA5C", [row])
    laps = {(call.extensions, call.moves) for call in await calls_of(conn, "7K2M-9QF3-XA5C")}
    assert laps == {(0, 0), (2, 1)}
