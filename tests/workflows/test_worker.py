"""The worker: how much it keeps in memory, and what it reads again and again."""

from __future__ import annotations

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.database import create_engine
from ledger.packs import publish
from policies.loading import packs_available, read_pack
from policies.loading import publish as published
from tests.support.living import PACK
from worker import cached_workflows, hold_published_packs
from workflows import packs

_GB = 1024**3


@pytest.mark.parametrize(("memory", "kept"), [(_GB // 2, 1_000), (8 * _GB, 3_158), (256 * _GB, 20_000)])
def test_workflows_in_memory_take_an_eighth_of_it(memory: int, kept: int) -> None:
    assert cached_workflows(memory) == kept


async def test_a_pack_is_read_once_and_a_new_one_when_it_comes(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_held", {})
    sql = create_engine(database)
    try:
        await _looked_thrice(sql)
    finally:
        await sql.dispose()


async def _looked_thrice(sql: AsyncEngine) -> None:
    read: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "packs.content" in statement:
            read.append(statement)

    event.listen(sql.sync_engine, "before_cursor_execute", note)
    async with sql.begin() as conn:
        await publish(conn, PACK)
    await hold_published_packs(sql)
    assert packs.not_held([PACK.digest]) == ()
    held = len(read)
    await hold_published_packs(sql)
    assert len(read) == held, "it looks every few seconds: what it holds it need not read"
    other = published(read_pack(next(path for path in packs_available() if path.stem == "crm-service")))
    async with sql.begin() as conn:
        await publish(conn, other)
    await hold_published_packs(sql)
    assert packs.not_held([other.digest]) == ()
    assert len(read) == held + 1
