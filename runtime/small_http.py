"""A small HTTP server for a process that has no other: it answers GET for a handful of paths, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus

import structlog

_log = structlog.get_logger(__name__)
_REQUEST_WITHIN = 5.0
_LARGEST_REQUEST = 16 * 1024


@dataclass(frozen=True)
class Answer:
    """What is answered: a status, a body, and what kind of text it is."""

    body: bytes
    media_type: str = "application/json"
    status: HTTPStatus = HTTPStatus.OK


Pages = Mapping[str, Callable[[], Awaitable[Answer]]]


@asynccontextmanager
async def serving(host: str, port: int, pages: Pages) -> AsyncIterator[int]:
    """Serves these pages for as long as the context lasts; the port, which is a free one where 0 is asked for.

    Raises OSError where the port is taken.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_WITHIN):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_written(*await _answered(head, pages)))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asked has gone, or never asked whole
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(answer, host, port, limit=_LARGEST_REQUEST)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def _answered(head: bytes, pages: Pages) -> tuple[Answer, bool]:
    """What to say to a request, and whether its body is wanted."""
    method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
    page = pages.get(rest.partition(" ")[0].partition("?")[0])
    if method not in {"GET", "HEAD"}:
        return Answer(b'{"detail": "Only GET is answered here."}', status=HTTPStatus.METHOD_NOT_ALLOWED), True
    if page is None:
        return Answer(b'{"detail": "There is no such page."}', status=HTTPStatus.NOT_FOUND), method == "GET"
    try:
        return await page(), method == "GET"
    except Exception as error:  # a page that fails must not end the process that it tells of
        _log.error("page not answered", exc_info=error)
        said = Answer(b'{"detail": "It failed; the log says how."}', status=HTTPStatus.INTERNAL_SERVER_ERROR)
        return said, method == "GET"


def _written(answer: Answer, with_body: bool) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.media_type}\r\nContent-Length: {len(answer.body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (answer.body if with_body else b"")
