"""Runs and late spells: nothing that comes round runs twice, and how late the watchdog was is kept and told once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger import late_spells
from ledger.database import autocommit
from ledger.runs import claim, forget_runs, last_run, slot_of
from tests.support.waiting import eventually

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def test_a_slot_is_taken_once_and_another_one_again(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        assert await last_run(conn, "digest") is None
        assert await claim(conn, "digest", "2026-03-02")
        assert await last_run(conn, "digest") is not None
    async with engine.begin() as conn:
        assert not await claim(conn, "digest", "2026-03-02"), "after a restart"
        assert await claim(conn, "digest", "2026-03-03")
        assert await claim(conn, "sweep", "2026-03-02"), "another task has slots of its own"


async def test_of_two_who_claim_at_once_one_has_it_and_where_that_one_fails_the_other(
    engine: AsyncEngine,
) -> None:
    async def second() -> bool:
        async with engine.begin() as conn:
            return await claim(conn, "digest", "2026-03-02")

    for first_commits in (False, True):
        async with engine.connect() as conn:
            assert await claim(conn, "digest", "2026-03-02")
            waiting = asyncio.create_task(second())
            await _somebody_waits(engine)
            assert not waiting.done()
            await (conn.commit() if first_commits else conn.rollback())
            assert await waiting is not first_commits
        if not first_commits:
            async with engine.begin() as conn:
                await conn.execute(text("DELETE FROM scheduled_runs"))


async def _somebody_waits(engine: AsyncEngine) -> None:
    query = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
    )

    async def waits() -> bool:
        async with autocommit(engine).connect() as conn:
            return bool((await conn.execute(query)).scalar_one())

    await eventually(waits, what="somebody to wait for the slot")


async def test_a_slot_is_forgotten_when_it_can_not_come_round_again(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await claim(conn, "digest", "long ago")
        await conn.execute(text("UPDATE scheduled_runs SET ran_at = now() - interval '401 days'"))
        await claim(conn, "digest", "today")
        assert await forget_runs(conn) == 1
        assert not await claim(conn, "digest", "today")


def test_a_slot_is_named_by_its_beginning() -> None:
    hour = timedelta(hours=1)
    assert slot_of(NOON, hour) == slot_of(NOON + timedelta(minutes=59, seconds=59), hour) == NOON.isoformat()
    assert slot_of(NOON + hour, hour) != slot_of(NOON, hour)


async def test_a_late_spell_is_one_however_often_it_is_late_and_the_next_is_another(
    engine: AsyncEngine,
) -> None:
    async with engine.begin() as conn:
        assert await late_spells.was_late(conn, "watchdog", NOON, 8) == (1, True)
        assert await late_spells.was_late(conn, "watchdog", NOON + MINUTE / 2, 30) == (1, False)
        assert await late_spells.was_late(conn, "watchdog", NOON + MINUTE, 6) == (1, False)
        found = await late_spells.open_spell(conn, "watchdog")
        assert found is not None
        assert (found.began_at, found.worst_seconds) == (NOON - timedelta(seconds=8), 30)
        assert not await late_spells.end_spell(conn, "watchdog", NOON + MINUTE * 1.5, MINUTE)
        assert await late_spells.end_spell(conn, "watchdog", NOON + MINUTE * 2, MINUTE)
        assert await late_spells.open_spell(conn, "watchdog") is None
        assert await late_spells.was_late(conn, "watchdog", NOON + MINUTE * 5, 7) == (2, True)
        over = await late_spells.spell(conn, "watchdog", 1)
        assert over is not None
        assert over.ended_at == NOON + MINUTE * 2
