"""The outbox: each message goes to one dispatcher at a time, letters in order, and no message is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.messages import Message
from ledger import heartbeats, outbox
from ledger.database import autocommit
from ledger.outbox import State
from policies.vocabulary import AlertChannel
from tests.support.waiting import PATIENCE

DUE = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with autocommit(engine).connect() as conn:
        yield conn


def alert(key: str, *, to: str = "staff:usr_ana", digest: str | None = None) -> Message:
    return Message(dedupe=key, kind="alert_breach", to=to, fallback="role:supervisor", clock="response",
                   due_at=DUE, digest=digest)  # fmt: skip


def letter(number: int, stream: str = "A") -> Message:
    return Message(dedupe=f"{stream}/letter/L{number}/mail", kind="letter", to="party:P1", letter=f"L{number}",
                   template="progress_report", text_id=f"t{number}")  # fmt: skip


@pytest.fixture
async def still(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection for which time stands still: in one transaction it is always the moment at which that began."""
    async with engine.connect() as conn:
        yield conn


async def take(conn: AsyncConnection, holder: str = "one", limit: int = 10) -> list[str]:
    return [row.dedupe for row in await outbox.lease(conn, limit=limit, holder=holder, seconds=60)]


async def ids(conn: AsyncConnection) -> dict[str, int]:
    rows = await conn.execute(text("SELECT dedupe, id FROM outbox"))
    return {row.dedupe: row.id for row in rows}


async def states(conn: AsyncConnection) -> dict[str, str]:
    return {row.dedupe: row.state for row in await conn.execute(text("SELECT dedupe, state FROM outbox"))}


async def pass_by(conn: AsyncConnection, span: str) -> None:
    """Let real time pass, as far as the outbox can tell."""
    for column in ("available_at", "lease_until", "queued_at", "sent_at"):
        moved = f"UPDATE outbox SET {column} = {column} - CAST(:span AS text)::interval"  # noqa: S608 - ours
        await conn.execute(text(moved), {"span": span})


async def test_a_message_is_queued_once_whoever_queues_it(conn: AsyncConnection) -> None:
    assert await outbox.queue(conn, "A", [alert("k1"), alert("k2")]) == 2
    assert await outbox.queue(conn, "A", [alert("k2"), alert("k3")]) == 1
    leased = await outbox.lease(conn, limit=10, holder="one", seconds=60)
    assert [row.dedupe for row in leased] == ["k1", "k2", "k3"]
    first = leased[0]
    assert (first.stream, first.recipient, first.fallback, first.clock, first.due_at, first.attempts) == (
        "A", "staff:usr_ana", "role:supervisor", "response", DUE, 1,
    )  # fmt: skip


async def test_queueing_wakes_who_listens(engine: AsyncEngine, conn: AsyncConnection) -> None:
    heard = asyncio.Event()
    async with autocommit(engine).connect() as listener:
        raw = (await listener.get_raw_connection()).driver_connection
        assert raw is not None

        def hear(*_: object) -> None:
            heard.set()

        await raw.add_listener(outbox.CHANNEL, hear)
        await outbox.queue(conn, "A", [alert("k1")])
        await asyncio.wait_for(heard.wait(), PATIENCE)
        await raw.remove_listener(outbox.CHANNEL, hear)


async def test_of_two_dispatchers_each_message_goes_to_one(
    engine: AsyncEngine, conn: AsyncConnection
) -> None:
    for n in range(40):
        await outbox.queue(conn, f"S{n}", [alert(f"k{n}", to=f"staff:p{n}")])

    async def dispatcher(name: str) -> list[str]:
        mine: list[str] = []
        async with autocommit(engine).connect() as own:
            while taken := await take(own, name, limit=3):
                mine += taken
        return mine

    taken = await asyncio.gather(*(dispatcher(f"d{n}") for n in range(4)))
    everything = [key for some in taken for key in some]
    assert len(everything) == 40
    assert len(set(everything)) == 40


async def test_a_lease_that_ran_out_is_taken_over_and_its_first_holder_has_no_more_say(
    conn: AsyncConnection,
) -> None:
    await outbox.queue(conn, "A", [alert("k1")])
    number = (await ids(conn))["k1"]
    assert await take(conn, "dead one") == ["k1"]
    assert await take(conn, "next one") == []
    await pass_by(conn, "61 seconds")
    assert await take(conn, "next one") == ["k1"]
    assert await outbox.settle(conn, [number], holder="dead one", state=State.DEAD) == 0
    assert await outbox.retry(conn, [number], holder="dead one", after=1, error="x") == 0
    assert await outbox.settle(conn, [number], holder="next one", state=State.SENT, message_id="<m>") == 1
    assert await states(conn) == {"k1": "sent"}
    await pass_by(conn, "1 day")
    assert await take(conn, "next one") == [], "what was sent is not sent again"


async def test_letters_of_one_complaint_wait_for_each_other_and_nothing_else_does(
    conn: AsyncConnection,
) -> None:
    await outbox.queue(conn, "A", [letter(1), letter(2), alert("A/alert")])
    await outbox.queue(conn, "B", [letter(1, "B")])
    assert await take(conn) == ["A/letter/L1/mail", "A/alert", "B/letter/L1/mail"]
    assert await take(conn) == []
    first = (await ids(conn))["A/letter/L1/mail"]
    await outbox.retry(conn, [first], holder="one", after=30, error="451 4.7.1")
    assert await take(conn) == [], "the second does not overtake the first, which is tried again later"
    await pass_by(conn, "31 seconds")
    assert await take(conn) == ["A/letter/L1/mail"]
    await outbox.settle(conn, [first], holder="one", state=State.BOUNCED, error="550 5.1.1")
    assert await take(conn) == ["A/letter/L2/mail"]


async def test_an_attempt_counts_unless_it_was_our_own_mail_server(conn: AsyncConnection) -> None:
    await outbox.queue(conn, "A", [alert("k1")])
    number = (await ids(conn))["k1"]
    for counts, expected in ((True, 1), (False, 2), (False, 2), (True, 2)):
        (leased,) = await outbox.lease(conn, limit=1, holder="one", seconds=60)
        assert leased.attempts == expected
        await outbox.retry(conn, [number], holder="one", after=0, error="away", counts=counts)


async def test_a_digest_goes_out_whole_once_nothing_was_added_for_a_while(still: AsyncConnection) -> None:
    conn = still

    async def digest(holder: str = "one") -> list[str]:
        rows = await outbox.lease_digest(conn, holder=holder, seconds=60, quiet=5, at_most=300)
        return [row.dedupe for row in rows]

    await outbox.queue(conn, "A", [alert("k1", digest="overdue/311"), alert("x1", digest="overdue/cfpb")])
    assert await take(conn) == [], "it does not go out by itself"
    assert await digest() == []
    await pass_by(conn, "4 seconds")
    await outbox.queue(conn, "B", [alert("k2", digest="overdue/311")])
    await pass_by(conn, "2 seconds")
    assert await digest() == ["x1"], "the other group is still growing"
    await pass_by(conn, "4 seconds")
    assert await digest() == ["k1", "k2"]
    assert await digest("another") == [], "both are somebody's"
    await outbox.queue(conn, "C", [alert("k3", digest="overdue/311")])
    await pass_by(conn, "6 seconds")
    assert await digest("another") == [], "what is on its way to the same people is finished first"


async def test_a_digest_that_keeps_growing_goes_out_all_the_same(conn: AsyncConnection) -> None:
    await outbox.queue(conn, "A", [alert("k1", digest="overdue/311")])
    await pass_by(conn, "301 seconds")
    await outbox.queue(conn, "A", [alert("k2", digest="overdue/311")])
    rows = await outbox.lease_digest(conn, holder="one", seconds=60, quiet=5, at_most=300)
    assert [row.dedupe for row in rows] == ["k1", "k2"]


async def test_two_who_look_at_once_do_not_tear_a_digest_apart(
    engine: AsyncEngine, conn: AsyncConnection
) -> None:
    await outbox.queue(conn, "A", [alert(f"k{n}", digest="overdue/311") for n in range(300)])
    await pass_by(conn, "6 seconds")

    async def look(name: str) -> int:
        async with autocommit(engine).connect() as own:
            return len(await outbox.lease_digest(own, holder=name, seconds=60, quiet=5, at_most=300))

    assert sorted(await asyncio.gather(*(look(f"d{n}") for n in range(4)))) == [0, 0, 0, 300]


async def test_a_message_to_a_role_becomes_one_for_each_person(conn: AsyncConnection) -> None:
    await outbox.queue(conn, "A", [alert("k1", to="role:supervisor", digest="overdue/311"), alert("k2")])
    number = (await ids(conn))["k1"]
    await outbox.lease_digest(conn, holder="one", seconds=60, quiet=0, at_most=0)
    who = ["staff:usr_dora", "staff:usr_emil"]
    assert await outbox.expand(conn, [number], holder="another", recipients=who) == 0, "not its own"
    assert await outbox.expand(conn, [number], holder="one", recipients=who) == 2
    assert await states(conn) == {
        "k1": "expanded", "k2": "queued", "k1/staff:usr_dora": "queued", "k1/staff:usr_emil": "queued",
    }  # fmt: skip
    groups = [await outbox.lease_digest(conn, holder="one", seconds=60, quiet=0, at_most=0) for _ in range(3)]
    assert sorted(row.recipient for group in groups for row in group) == who
    assert {row.digest for group in groups for row in group} == {"overdue/311"}


async def test_with_no_mail_server_a_role_that_waits_for_one_keeps_no_chat_back(
    conn: AsyncConnection,
) -> None:
    chat = alert("chat").model_copy(update={"channel": AlertChannel.CHAT})
    await outbox.queue(conn, "A", [alert("role", to="role:supervisor"), alert("mail"), chat])
    leased = await outbox.lease(conn, limit=10, holder="one", seconds=60, held=["mail"])
    assert [row.dedupe for row in leased] == ["chat"]
    assert await take(conn, "two") == ["role"], (
        "who they are is not known yet: the mail to Ana may be one of theirs"
    )


async def test_the_outcome_of_a_letter_waits_until_it_is_told(conn: AsyncConnection) -> None:
    await outbox.queue(conn, "A", [letter(1), alert("k1")])
    await outbox.queue(conn, "B", [letter(1, "B")])
    known = await ids(conn)
    await take(conn)
    assert await outbox.untold(conn, limit=10) == ()
    a, b = known["A/letter/L1/mail"], known["B/letter/L1/mail"]
    await outbox.settle(conn, [a, known["k1"]], holder="one", state=State.SENT, message_id="<m>")
    await outbox.settle(conn, [b], holder="one", state=State.BOUNCED, error="550 5.1.1")
    waiting = await outbox.untold(conn, limit=10)
    assert [(row.id, row.stream, row.letter, row.state, row.status) for row in waiting] == [
        (a, "A", "L1", State.SENT, None), (b, "B", "L1", State.BOUNCED, "550 5.1.1"),
    ]  # fmt: skip
    assert [row.id for row in await outbox.untold(conn, limit=10, leave_out=[a])] == [b]
    await outbox.told(conn, a)
    assert [row.id for row in await outbox.untold(conn, limit=10)] == [b]


async def test_what_was_given_up_is_seen_and_can_be_sent_again(conn: AsyncConnection) -> None:
    await outbox.queue(conn, "A", [alert("k1"), alert("k2")])
    known = await ids(conn)
    await take(conn)
    await outbox.settle(conn, [known["k1"]], holder="one", state=State.DEAD, error="421 4.3.2")
    depth = await outbox.depth(conn)
    assert (depth.queued, depth.leased, depth.dead, depth.untold) == (1, 1, 1, 0)
    (dead,) = await outbox.dead_letters(conn)
    assert (dead.id, dead.dedupe, dead.last_error, dead.attempts) == (known["k1"], "k1", "421 4.3.2", 1)
    assert await outbox.dead_letters(conn, before=dead.id) == ()
    assert not await outbox.resend(conn, known["k2"]), "it is not dead"
    assert await outbox.resend(conn, dead.id)
    (again,) = await outbox.lease(conn, limit=10, holder="two", seconds=60)
    assert (again.dedupe, again.attempts) == ("k1", 1)
    assert await outbox.dead_letters(conn) == ()


async def test_the_depth_tells_how_long_the_oldest_has_waited(conn: AsyncConnection) -> None:
    assert (await outbox.depth(conn)).oldest_seconds == 0
    await outbox.queue(conn, "A", [alert("k1")])
    await pass_by(conn, "90 seconds")
    assert 90 <= (await outbox.depth(conn)).oldest_seconds < 90 + PATIENCE


async def test_a_heartbeat_tells_who_does_a_task_and_since_when(conn: AsyncConnection) -> None:
    assert await heartbeats.read(conn, "watchdog") is None
    await heartbeats.beat(conn, "watchdog", "host/1")
    first = await heartbeats.read(conn, "watchdog")
    await heartbeats.beat(conn, "watchdog", "host/1")
    second = await heartbeats.read(conn, "watchdog")
    assert first is not None
    assert second is not None
    assert second.held_since == first.held_since
    assert second.beat_at > first.beat_at
    assert 0 <= second.age_seconds < PATIENCE
    await heartbeats.beat(conn, "watchdog", "host/2")
    third = await heartbeats.read(conn, "watchdog")
    assert third is not None
    assert third.holder == "host/2"
    assert third.held_since > second.held_since
