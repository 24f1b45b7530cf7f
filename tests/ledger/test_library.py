"""The case library in the database: there once the record says so, found by class and words, kept, and swept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.chapters.issues import CauseClass
from ledger import library
from ledger.database import autocommit
from ledger.library import LibraryEntry, LibraryFilters, sweep_library

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with autocommit(engine).connect() as conn:
        yield conn


def entry(id_: str, *, day: int = 0, **fields: object) -> LibraryEntry:
    body: dict[str, object] = {
        "id": id_,
        "heading": "Leaking seals",
        "lesson": "Rubber ages: look at 100% of each batch.",
        "cause": CauseClass.PROCESS_DEFECT,
        "problem_type": "product_quality",
        "pack": "retail-2025",
        "written_by": "usr_dora",
        "written_at": NOW + timedelta(days=day),
    }
    return LibraryEntry.model_validate(body | fields)


async def made(conn: AsyncConnection, item: LibraryEntry) -> None:
    """Stored, and in the record of a complaint of its own."""
    await library.store(conn, f"S-{item.id}", item)
    await recorded(conn, item.id)


async def recorded(conn: AsyncConnection, id_: str, *, stream: str | None = None) -> None:
    await conn.execute(
        text(
            "INSERT INTO events (stream, sequence, v, type, occurred_at, recorded_at, actor, body, previous, hash)"
            " VALUES (:stream, 1, 1, 'LibraryEntryMade', :now, :now, 'usr_dora', :body, :hash, :hash)"
        ),
        {"stream": stream or f"S-{id_}", "now": NOW, "body": f'{{"entry":"{id_}"}}', "hash": bytes(32)},
    )


async def ids(conn: AsyncConnection, **filters: object) -> list[str]:
    return [item.id for item in await library.found(conn, LibraryFilters.model_validate(filters))]


async def test_an_entry_is_there_once_the_record_of_its_own_complaint_says_so(conn: AsyncConnection) -> None:
    await library.store(conn, "S-e1", entry("e1"))
    await recorded(conn, "e1", stream="another")
    assert await library.one(conn, "e1") is None
    assert await ids(conn) == []
    await recorded(conn, "e1")
    assert await library.one(conn, "e1") == entry("e1")
    assert await ids(conn) == ["e1"]
    await library.store(conn, "S-e1", entry("e1", heading="Other words"))
    assert await library.one(conn, "e1") == entry("e1"), "sent again, it is what it was"


async def test_entries_are_found_by_class_and_by_all_their_words(conn: AsyncConnection) -> None:
    await made(conn, entry("e1"))
    await made(
        conn,
        entry(
            "e2", day=1, cause=CauseClass.POLICY, problem_type=None, heading="延誤退款", lesson="當日核對。"
        ),
    )
    await made(conn, entry("e3", day=2, cause=None, problem_type="delivery", lesson="Ask the 100 drivers."))
    assert await ids(conn) == ["e3", "e2", "e1"], "the latest first"
    assert await ids(conn, cause="process_defect") == ["e1"]
    assert await ids(conn, problem_type="delivery") == ["e3"]
    assert await ids(conn, cause="policy", problem_type="delivery") == []
    assert await ids(conn, q="RUBBER seals") == ["e1"], "in heading and lesson, small or capital"
    assert await ids(conn, q="rubber drivers") == []
    assert await ids(conn, q="退款") == ["e2"]
    assert await ids(conn, q="100%") == ["e1"], "a percent sign is a percent sign"
    assert await ids(conn, q="_") == []
    assert await library.classes(conn) == (("retail-2025", "delivery"), ("retail-2025", "product_quality"))
    assert len(await library.found(conn, LibraryFilters(), limit=2)) == 2


async def test_a_withdrawn_entry_loses_its_words_and_keeps_its_end(conn: AsyncConnection) -> None:
    await made(conn, entry("e1"))
    assert await library.withdraw(conn, "e1", by="usr_otto", at=NOW, why="The shop can be recognised.")
    assert not await library.withdraw(conn, "e1", by="usr_dora", at=NOW, why="Again.")
    assert not await library.withdraw(conn, "e9", by="usr_dora", at=NOW, why="There is none.")
    assert await ids(conn) == []
    assert await library.classes(conn) == ()
    held = await library.one(conn, "e1")
    assert held is not None
    assert (held.heading, held.lesson, held.withdrawn_by) == (None, None, "usr_otto")
    assert held.withdrawn_why == "The shop can be recognised."
    with pytest.raises(IntegrityError):
        await conn.execute(text("UPDATE case_library SET heading = 'x', lesson = 'y'"))


async def test_what_never_came_into_the_record_is_swept_away(conn: AsyncConnection) -> None:
    await made(conn, entry("e1"))
    await library.store(conn, "S-e2", entry("e2"))
    assert await sweep_library(conn) == 0, "nothing is old enough"
    await conn.execute(text("UPDATE case_library SET created_at = now() - interval '3 days'"))
    await library.store(conn, "S-e3", entry("e3"))
    assert await sweep_library(conn) == 1
    left = (await conn.execute(text("SELECT id FROM case_library ORDER BY id"))).scalars().all()
    assert left == ["e1", "e3"]
