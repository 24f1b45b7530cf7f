"""Notices: what is told for information stands below the calls, until it is seen or what it tells of is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import BigInteger, Interval, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.chapters.escalation import Escalate
from complaints.chapters.ownership import AcceptHandover, OfferHandover
from complaints.messages import Message, MessageKind
from ledger import notices, outbox
from ledger.alerts import PARAMETERS, Reached, Wanted
from ledger.database import autocommit
from ledger.notices import Notice, mark_seen, told
from ledger.record import Record
from policies.vocabulary import AlertChannel
from tests.complaints.support import ana, ben, dora
from tests.complaints.support import text as words
from tests.ledger.test_alerts import late
from tests.ledger.told import Told

REFERENCE = "7K2M-9QF3-XA5C"


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with autocommit(engine).connect() as conn:
        yield conn


async def tell(conn: AsyncConnection, about: str, kind: MessageKind, clock: str | None = None) -> None:
    row = Message(dedupe=f"{about}/{kind}", kind=kind, to="staff:ana", clock=clock)
    await outbox.queue(conn, about, [row])


async def of(conn: AsyncConnection, case: Told, who: str, wanted: Wanted = Wanted.OPEN) -> list[Notice]:
    return list((await told(conn, [who], at=case.now, wanted=wanted)).notices)


async def test_a_handover_is_told_until_it_is_answered(record: Record, conn: AsyncConnection) -> None:
    case = await Told(record, REFERENCE).owned()
    await case.send(case.doing(ana, OfferHandover(to=ben)))
    (notice,) = await of(conn, case, ben.id)
    assert (notice.kind, notice.stream, notice.owner, notice.clock) == (
        "handover_offered",
        REFERENCE,
        "ana",
        None,
    )
    assert (notice.channel, notice.reached, notice.over, notice.seen_at) == (
        "mail",
        Reached.UNDER_WAY,
        False,
        None,
    )
    assert await of(conn, case, ana.id) == []
    await case.send(case.doing(ben, AcceptHandover()))
    assert await of(conn, case, ben.id) == []
    (over,) = await of(conn, case, ben.id, Wanted.ALL)
    assert over.over


async def test_what_stands_in_for_whom_it_was_offered_to_is_told_as_long_as_it_is_offered(
    record: Record, conn: AsyncConnection
) -> None:
    case = await Told(record, REFERENCE).owned()
    await case.send(case.doing(ana, OfferHandover(to=ben)))
    leased = await outbox.lease(conn, limit=100, holder="test", seconds=60)
    (number,) = [row.id for row in leased if row.kind == "handover_offered"]
    await outbox.expand(conn, [number], holder="test", recipients=["staff:dora"])  # ben is away
    assert [notice.kind for notice in await of(conn, case, dora.id)] == ["handover_offered"]
    assert await of(conn, case, ben.id) == []
    await case.send(case.doing(ben, AcceptHandover()))
    assert await of(conn, case, dora.id) == []


async def test_an_escalation_by_hand_is_told_to_the_supervisor_until_seen(
    record: Record, conn: AsyncConnection
) -> None:
    case = await Told(record, REFERENCE).owned()
    await case.send(case.doing(ana, Escalate(reason=words("It gets out of hand."))))
    (notice,) = await of(conn, case, dora.id)
    assert (notice.kind, notice.reached) == ("alert_escalation", Reached.UNDER_WAY)
    assert await mark_seen(conn, "ana", [notice.id]) == 0, "nobody sees it for her"
    assert await mark_seen(conn, dora.id, [notice.id]) == 1
    assert await of(conn, case, dora.id) == []
    (seen,) = await of(conn, case, dora.id, Wanted.ACKNOWLEDGED)
    assert seen.seen_at is not None
    await mark_seen(conn, dora.id, [notice.id])
    (again,) = await of(conn, case, dora.id, Wanted.ACKNOWLEDGED)
    assert again.seen_at == seen.seen_at


async def test_a_call_is_not_marked_as_seen(record: Record, conn: AsyncConnection) -> None:
    case = await late(record, REFERENCE)
    page = await told(conn, [ana.id], at=case.now)
    (call,) = page.calls
    assert await mark_seen(conn, ana.id, [call.id]) == 0
    assert (await told(conn, [ana.id], at=case.now)).calls == page.calls


async def test_a_warning_goes_when_its_moment_has_come_and_a_request_when_it_is_decided(
    record: Record, conn: AsyncConnection
) -> None:
    case = await Told(record, REFERENCE).owned()
    due_at = case.held.clocks.all_running("response")[0].due_at
    assert due_at is not None
    warning = Message(dedupe="w", kind="alert_warning", to="staff:ana", clock="response", due_at=due_at)
    await outbox.queue(conn, REFERENCE, [warning])
    await tell(conn, REFERENCE, "extension_asked", clock="response")
    before, after = due_at - timedelta(seconds=1), due_at

    async def kinds(at: object) -> list[str]:
        page = await told(conn, [ana.id], at=at)  # type: ignore[arg-type]
        return [notice.kind for notice in page.notices]

    assert await kinds(before) == ["extension_asked", "alert_warning"]
    assert await kinds(after) == ["extension_asked"]
    await tell(conn, REFERENCE, "extension_decided", clock="response")
    assert await kinds(after) == ["extension_decided"]
    await conn.execute(text("UPDATE clocks SET met_at = due_at, state = 'met' WHERE clock = 'response'"))
    assert await kinds(before) == []


async def test_what_is_about_no_complaint_is_told_as_well(conn: AsyncConnection, record: Record) -> None:
    case = await Told(record, REFERENCE).received()
    await tell(conn, "figures/retail", "target_missed")
    (notice,) = await of(conn, case, ana.id)
    assert (notice.kind, notice.pack, notice.over) == ("target_missed", None, False)


async def test_reports_letters_and_digests_are_no_notices(conn: AsyncConnection, record: Record) -> None:
    case = await Told(record, REFERENCE).received()
    await tell(conn, "reports/x", "morning_worklist")
    imported = Message(dedupe="i", kind="alert_breach", to="staff:ana", digest="overdue/import")
    await outbox.queue(conn, REFERENCE, [imported])
    assert await of(conn, case, ana.id, Wanted.ALL) == []


async def test_after_thirty_days_it_is_open_no_more(conn: AsyncConnection, record: Record) -> None:
    case = await Told(record, REFERENCE).received()
    await tell(conn, REFERENCE, "letter_bounced")
    for age, open_ in (("29 days 23 hours", 1), ("30 days 1 minute", 0)):
        given = {"age": age}
        await conn.execute(text("UPDATE outbox SET queued_at = now() - CAST(:age AS text)::interval"), given)
        assert len(await of(conn, case, ana.id)) == open_
    assert len(await of(conn, case, ana.id, Wanted.ALL)) == 1


async def test_calls_come_first_and_pages_leave_none_out(record: Record, conn: AsyncConnection) -> None:
    references = [f"{number}K2M-9QF3-XA5C" for number in range(2, 5)]
    for reference in references:
        case = await late(record, reference)
        await tell(conn, reference, "letter_bounced")
    calls: list[str] = []
    seen: list[str] = []
    before, among_calls = None, True
    while True:
        page = await told(conn, [ana.id], at=case.now, before=before, calls=among_calls, limit=2)
        if not page.calls and not page.notices:
            break
        assert not (seen and page.calls), "no call after a notice"
        calls += [call.reference for call in page.calls]
        seen += [notice.stream for notice in page.notices if notice.kind == "letter_bounced"]
        among_calls = not page.notices
        before = page.notices[-1].id if page.notices else page.calls[-1].id
    assert (calls, seen) == (references[::-1], references[::-1])


async def test_a_full_outbox_is_read_by_its_indexes(record: Record, conn: AsyncConnection) -> None:
    await Told(record, REFERENCE).owned()
    await conn.execute(text(_FILL), {"reference": REFERENCE})
    await conn.execute(text("ANALYZE outbox"))
    given = {"recipients": ["staff:s7"], "at": None, "wanted": "open", "before": None, "before_notice": None,
             "lasts": notices.LASTS, "limit": 50}  # fmt: skip
    explained = text(f"EXPLAIN {notices._STATEMENT.text}").bindparams(
        *PARAMETERS, bindparam("before_notice", type_=BigInteger), bindparam("lasts", type_=Interval)
    )
    plan = "\n".join((await conn.execute(explained, given)).scalars())
    assert "ix_outbox_notices" in plan
    assert "ix_outbox_calls_of" in plan
    assert "Seq Scan" not in plan.replace("Seq Scan on complaints", ""), "there is one complaint"


_FILL = """
    INSERT INTO outbox (dedupe, stream, kind, recipient, channel, clock, occurrence, rung, repeat, state)
    SELECT 'fill/' || n, :reference, CASE WHEN n % 3 = 0 THEN 'alert_breach' ELSE 'letter_bounced' END,
        'staff:s' || n % 40, 'mail', CASE WHEN n % 3 = 0 THEN 'response' END, CASE WHEN n % 3 = 0 THEN 1 END,
        CASE WHEN n % 3 = 0 THEN 0 END, CASE WHEN n % 3 = 0 THEN 0 END, 'sent'
    FROM generate_series(1, 10000) AS n
"""


async def test_a_notice_is_told_once_whatever_it_goes_over(conn: AsyncConnection, record: Record) -> None:
    case = await Told(record, REFERENCE).received()
    row = Message(dedupe="c", kind="tier_raised", to="staff:ana", channel=AlertChannel.CHAT)
    await outbox.queue(conn, REFERENCE, [row])
    assert [notice.channel for notice in await of(conn, case, ana.id)] == ["chat"]
