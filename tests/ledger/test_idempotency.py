"""Idempotency keys: the same request again finds the first, another one under the same key is refused."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.idempotency import KeyReused, Remembered, forget, remember


async def ask(engine: AsyncEngine, **changes: str) -> Remembered:
    given: dict[str, Any] = {
        "key": "k",
        "actor": "ana",
        "route": "/complaints",
        "fingerprint": "f",
        "reference": "A",
        "command_id": "c1",
    }
    async with engine.begin() as conn:
        return await remember(conn, **{**given, **changes})


async def test_the_same_request_again_finds_the_first(engine: AsyncEngine) -> None:
    assert await ask(engine) == Remembered(reference="A", command_id="c1", first=True)
    again = await ask(engine, reference="B", command_id="c2")
    assert again == Remembered(reference="A", command_id="c1", first=False)
    assert (await ask(engine, actor="ben", reference="B")).first, "keys are each caller's own"


async def test_a_key_may_be_bound_without_waiting_for_the_disk(engine: AsyncEngine) -> None:
    given: dict[str, Any] = {
        "key": "k",
        "actor": "ana",
        "route": "r",
        "fingerprint": "f",
        "reference": "A",
        "command_id": "c",
    }
    async with engine.begin() as conn:
        bound = await remember(conn, **given, lazily=True)
        assert await conn.scalar(text("SELECT current_setting('synchronous_commit')")) == "off"
    assert bound == Remembered(reference="A", command_id="c", first=True)
    async with engine.begin() as conn:
        await remember(conn, **given)
        assert await conn.scalar(text("SELECT current_setting('synchronous_commit')")) == "on"


@pytest.mark.parametrize("change", [{"fingerprint": "g"}, {"route": "/other"}])
async def test_another_request_under_the_same_key_is_refused(
    engine: AsyncEngine, change: dict[str, str]
) -> None:
    await ask(engine)
    with pytest.raises(KeyReused, match="key of its own"):
        await ask(engine, **change)


async def test_of_many_at_once_one_is_the_first(engine: AsyncEngine) -> None:
    answers = await asyncio.gather(*(ask(engine, command_id=f"c{number}") for number in range(15)))
    assert sum(answer.first for answer in answers) == 1
    assert len({answer.command_id for answer in answers}) == 1


async def test_old_keys_are_let_go(engine: AsyncEngine) -> None:
    await ask(engine)
    async with engine.begin() as conn:
        assert await forget(conn, timedelta(hours=1)) == 0
    async with engine.begin() as conn:
        assert await forget(conn, timedelta(0)) == 1
    assert (await ask(engine)).first
