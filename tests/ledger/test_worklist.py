"""The worklist: in the order of the deadlines, each complaint once whatever the size of the page."""

import base64
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.phases import Phase
from ledger import reads
from ledger.record import Record
from ledger.tables import complaints
from ledger.worklist import Filters, sites_with_most, worklist
from policies.vocabulary import Channel, Kind, Severity
from tests.ledger.told import Told

T0 = datetime(2025, 9, 1, tzinfo=UTC)
COUNT = 300


async def fill(conn: AsyncConnection) -> list[dict[str, Any]]:
    """Rows of every sort, many of them due at the same moment."""
    chance = Random(7)  # noqa: S311 - a fixed sample
    rows: list[dict[str, Any]] = []
    for number in range(COUNT):
        due = chance.choice([None, T0, T0 + timedelta(hours=1), T0 + timedelta(seconds=number)])
        rows.append(
            {
                "reference": f"R{chance.randrange(10**9):09}-{number}",
                "phase": chance.choice(["received", "investigating", "closed"]),
                "kind": chance.choice(["complaint", "enquiry"]),
                "severity": chance.choice(["regular", "major"]),
                "tier": "standard", "channel": "mail", "feedback_class": None, "pack": "p",
                "pack_version": 1,
                "owner": chance.choice([None, "ana", "ben"]), "offered_to": None,
                "received_at": T0, "recorded_at": T0, "closed_at": None,
                "next_clock": None, "next_due_at": due, "wake_at": due,
                "overdue": chance.random() < 0.3, "paused": chance.random() < 0.2,
                "open": chance.random() < 0.8, "live": True, "subject_text": None,
                "source": f"311:{number}" if number % 3 else None,
                "customer_wrote_at": None, "sequence": 1, "version": 1,
                "problem_type": chance.choice([None, "price", "product"]),
                "site": chance.choice([None, "north-1", "north-2", "south-1"]),
                "handling_tier": chance.choice([1, 1, 2, 3]),
            }
        )  # fmt: skip
    await conn.execute(insert(complaints), rows)
    return rows


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as conn:
        yield conn


def in_order(rows: list[dict[str, Any]]) -> list[object]:
    never = datetime.max.replace(tzinfo=UTC)
    return [
        row["reference"]
        for row in sorted(rows, key=lambda r: (r["paused"], r["next_due_at"] or never, r["reference"]))
    ]


async def test_page_by_page_everything_comes_once_and_in_order(conn: AsyncConnection) -> None:
    rows = await fill(conn)
    for limit in (1, 7, 200):
        filters = Filters(open=None, paused=True) if limit == 1 else Filters(open=None)
        seen: list[object] = []
        cursor: str | None = None
        while not seen or cursor is not None:
            page = await worklist(conn, filters, cursor=cursor, limit=limit)
            assert len(page.rows) <= limit
            seen += [row.reference for row in page.rows]
            cursor = page.next
        assert seen == in_order([row for row in rows if limit > 1 or row["paused"]])


Keep = Callable[[dict[str, Any]], object]

FILTERS: list[tuple[Filters, Keep]] = [
    (Filters(), lambda row: row["open"]),
    (Filters(phase=(Phase.RECEIVED, Phase.CLOSED)),
     lambda row: row["open"] and row["phase"] != "investigating"),
    (Filters(open=None, kind=(Kind.ENQUIRY,), severity=(Severity.MAJOR,)),
     lambda row: (row["kind"], row["severity"]) == ("enquiry", "major")),
    (Filters(owner=("ana",), overdue=True),
     lambda row: row["open"] and row["owner"] == "ana" and row["overdue"]),
    (Filters(unowned=True, paused=False),
     lambda row: row["open"] and row["owner"] is None and not row["paused"]),
    (Filters(open=False), lambda row: not row["open"]),
    (Filters(source="311"), lambda row: row["open"] and row["source"]),
    (Filters(source="31"), lambda row: False),
    (Filters(source="3%"), lambda row: False),
    (Filters(due_before=T0 + timedelta(seconds=1)), lambda row: row["open"] and row["next_due_at"] == T0),
    (Filters(channel=(Channel.PHONE,)), lambda row: False),
    (Filters(problem_type=("price", "product"), site=("north-1", "south-1")),
     lambda row: row["open"] and row["problem_type"] and row["site"] in ("north-1", "south-1")),
    (Filters(handling_tier=(2, 3), site=("north-2",)),
     lambda row: row["open"] and row["handling_tier"] > 1 and row["site"] == "north-2"),
    (Filters(site=("north",)), lambda row: False),
]  # fmt: skip


async def test_filters_keep_exactly_what_fits(conn: AsyncConnection) -> None:
    rows = await fill(conn)
    for filters, keep in FILTERS:
        wanted = in_order([row for row in rows if keep(row)])
        page = await worklist(conn, filters, limit=200)
        assert [row.reference for row in page.rows] == wanted[:200], filters


async def test_the_sites_with_most_open_complaints_are_offered_first(conn: AsyncConnection) -> None:
    rows = await fill(conn)
    counted = Counter(row["site"] for row in rows if row["open"] and row["site"])
    wanted = sorted(counted, key=lambda site: (-counted[site], site))
    assert await sites_with_most(conn, 2) == tuple(wanted[:2])
    assert await sites_with_most(conn, 9) == tuple(wanted)


FOREIGN = ["", "x", "!!!!", "é", "\0", "A" * 5000] + [
    base64.b64encode(content).decode()
    for content in (
        b"[]", b"[true,5]", b'[true,null,7]', b'[true,"yesterday","A"]', b'[true,null,"a\\u0000"]',
        b'[true,null,"\\ud800"]',
        b'[true,"2025-01-01T00:00:00","A"]', b'[true,"0001-01-01T00:00:00+14:00","A"]',
    )
]  # fmt: skip


async def test_a_cursor_that_is_not_ours_is_refused_with_a_sentence(conn: AsyncConnection) -> None:
    for cursor in FOREIGN:
        with pytest.raises(ValueError, match="begin again with the first page"):
            await worklist(conn, cursor=cursor)


async def test_the_worklist_is_read_off_its_index(conn: AsyncConnection) -> None:
    await fill(conn)
    for _ in range(5):
        await conn.execute(text(_TWICE_AS_MANY))
    await conn.execute(text("ANALYZE complaints"))
    plan = await conn.execute(
        text(
            "EXPLAIN SELECT * FROM complaints WHERE open"
            " AND (paused, coalesce(next_due_at, 'infinity'), reference) > (false, 'infinity', 'R5')"
            " ORDER BY paused, coalesce(next_due_at, 'infinity'), reference LIMIT 50"
        )
    )
    lines = "\n".join(plan.scalars())
    assert "ix_complaints_worklist" in lines
    assert "Sort" not in lines


_TWICE_AS_MANY = """
    INSERT INTO complaints
    SELECT (jsonb_populate_record(c, jsonb_build_object('reference', gen_random_uuid(), 'source', NULL))).*
    FROM complaints AS c
"""


async def test_the_watchdog_finds_what_should_have_woken(record: Record, engine: AsyncEngine) -> None:
    first = await Told(record, "A").owned()
    await Told(record, "B", at=first.now + timedelta(days=400)).owned()
    wake_at = await wake(engine, "A")
    grace = timedelta(seconds=2)
    async with engine.connect() as conn:
        assert await reads.overdue_wakeups(conn, wake_at + grace, grace, 10) == ()
        late = await reads.overdue_wakeups(conn, wake_at + grace + timedelta(microseconds=1), grace, 10)
        assert [(one.reference, one.wake_at) for one in late] == [("A", wake_at)]
        both = await reads.overdue_wakeups(conn, wake_at + timedelta(days=800), grace, 10)
        assert [one.reference for one in both] == ["A", "B"]
        assert len(await reads.overdue_wakeups(conn, wake_at + timedelta(days=800), grace, 1)) == 1
        assert [reference for reference, _ in await reads.live_references(conn, "", 10)] == ["A", "B"]
        assert [reference for reference, _ in await reads.live_references(conn, "A", 10)] == ["B"]


async def wake(engine: AsyncEngine, reference: str) -> datetime:
    async with engine.connect() as conn:
        row = await reads.complaint(conn, reference)
    assert row is not None
    assert row.wake_at is not None
    return row.wake_at


async def test_the_counts_are_those_of_the_rows(conn: AsyncConnection) -> None:
    empty = await reads.counts(conn)
    assert (empty.by_phase, empty.open, empty.next_wake_at) == ({}, 0, None)
    rows = await fill(conn)
    counts = await reads.counts(conn)
    assert sum(counts.by_phase.values()) == counts.live == COUNT
    assert counts.by_phase["closed"] == sum(row["phase"] == "closed" for row in rows)
    assert counts.open == sum(bool(row["open"]) for row in rows)
    assert counts.overdue == sum(bool(row["open"] and row["overdue"]) for row in rows)
    assert counts.unowned == sum(bool(row["open"] and row["owner"] is None) for row in rows)
    assert counts.next_wake_at == T0
    assert counts.pending_intake == 0


async def test_timeline_and_command_tell_what_happened(record: Record, engine: AsyncEngine) -> None:
    told = await Told(record, "A").owned()
    stored = await record.read("A")
    async with engine.connect() as conn:
        whole = await reads.timeline(conn, "A")
        assert [entry.happening for entry in whole] == list(stored)
        assert [entry.sequence for entry in whole] == list(range(1, told.held.sequence + 1))
        assert await reads.timeline(conn, "A", after=1, limit=2) == whole[1:3]
        assert await reads.timeline(conn, "B") == ()
        assert await reads.complaint(conn, "B") is None
        found = await reads.command(conn, "A/c2")
        assert found is not None
        assert found.happenings == tuple(h for h in stored if h.command == "A/c2")
        assert await reads.command(conn, "never given") is None
