"""Published packs: kept word for word, never replaced, found by the digest that complaints are pinned to."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.packs import PackChangedError, PackDamagedError, load, load_all, publish
from tests.complaints.support import PACK


async def test_a_pack_comes_back_as_it_was_published(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        assert await publish(conn, PACK)
        assert not await publish(conn, PACK), "once is enough"
    async with engine.connect() as conn:
        found = await load(conn, PACK.digest)
        assert found == PACK
        assert found is not None
        assert found.digest == PACK.digest
        assert await load_all(conn) == {PACK.digest: PACK}
        assert await load(conn, "0" * 64) is None


async def test_a_published_version_is_not_replaced(engine: AsyncEngine) -> None:
    changed = PACK.model_copy(update={"currency": "EUR"})
    later = PACK.model_copy(update={"currency": "EUR", "version": PACK.version + 1})
    async with engine.begin() as conn:
        await publish(conn, PACK)
    with pytest.raises(PackChangedError, match=f"as version {PACK.version + 1}"):
        async with engine.begin() as conn:
            await publish(conn, changed)
    async with engine.begin() as conn:
        assert await publish(conn, later)
        assert await load_all(conn) == {PACK.digest: PACK, later.digest: later}


async def test_a_pack_that_was_changed_in_the_database_is_not_used(engine: AsyncEngine) -> None:
    async with engine.begin() as conn:
        await publish(conn, PACK)
        await conn.execute(text("UPDATE packs SET content = replace(content, 'working', 'elapsed')"))
        with pytest.raises(PackDamagedError, match="was changed"):
            await load(conn, PACK.digest)
