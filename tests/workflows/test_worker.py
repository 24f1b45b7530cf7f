"""The worker: what it reads again and again while it lives."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from ledger.database import create_engine
from ledger.packs import publish
from policies.loading import packs_available, read_pack
from policies.loading import publish as published
from tests.support.living import PACK
from worker import hold_published_packs
from workflows import packs


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


async def test_a_pack_that_can_not_be_read_keeps_no_other_from_being_held(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_held", {})
    other = published(read_pack(next(path for path in packs_available() if path.stem == "crm-service")))
    sql = create_engine(database)
    try:
        async with sql.begin() as conn:
            for pack in (PACK, other):
                await publish(conn, pack)
            # As somebody would who has the database and not the service: the service itself never changes one.
            await conn.execute(text("SET session_replication_role = replica"))
            await conn.execute(
                text("UPDATE packs SET content = content || ' ' WHERE digest = :digest"),
                {"digest": PACK.digest},
            )
            await conn.execute(text("SET session_replication_role = DEFAULT"))
        with capture_logs() as logs:
            await hold_published_packs(sql)
        assert packs.not_held([PACK.digest, other.digest]) == (PACK.digest,)
        assert [line["digest"] for line in logs if line["event"] == "pack not read"] == [PACK.digest]
    finally:
        await sql.dispose()
