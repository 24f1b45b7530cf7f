"""The small HTTP server: a real client gets its pages, and nothing that it asks for brings the process down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest

from runtime.small_http import Answer, serving
from tests.support.waiting import PATIENCE


async def page() -> Answer:
    return Answer(b'{"well": true}')


async def broken() -> Answer:
    raise ValueError("a secret that must not be told")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving("127.0.0.1", 0, {"/health": page, "/broken": broken}) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client,
    ):
        yield client


async def test_a_page_is_served_to_whoever_asks_and_again(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        answer = await client.get("/health?verbose=1")
        assert (answer.status_code, answer.json()) == (200, {"well": True})
        assert answer.headers["Content-Type"] == "application/json"
    assert (await client.head("/health")).content == b""


async def test_what_is_not_there_or_not_to_be_asked_is_said_so(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nowhere")).status_code == 404
    assert (await client.post("/health", content=b"x")).status_code == 405
    failed = await client.get("/broken")
    assert failed.status_code == 500
    assert "secret" not in failed.text


async def test_nonsense_and_silence_do_not_keep_others_waiting(client: httpx.AsyncClient) -> None:
    port = client.base_url.port
    assert port is not None
    _, silent = await asyncio.open_connection("127.0.0.1", port)
    reader, rude = await asyncio.open_connection("127.0.0.1", port)
    rude.write(b"\xff\xfe" * 20_000 + b"\r\n\r\n")
    await rude.drain()
    assert (await client.get("/health")).status_code == 200
    with suppress(ConnectionResetError):  # it was hung up on with its nonsense unread
        await asyncio.wait_for(reader.read(), PATIENCE)
    for writer in (silent, rude):
        writer.close()
