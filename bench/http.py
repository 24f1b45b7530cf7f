"""A lean HTTP/1.1 client: one kept-alive connection, one request at a time, JSON in and out.

A full client costs as much as some of what is measured; what a caller's own client takes is not ours to count.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

_IDLE_S = 2.0
"""Seconds after which a connection is opened anew: the server closes what is idle for five."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the body as it came."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class UnexpectedAnswerError(Exception):
    """The service answered otherwise than the measurement needs."""


class Connection:
    """One connection to 127.0.0.1. Only for answers with a Content-Length, which all of ours have."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def _open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._used = asyncio.get_running_loop().time()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._writer.close()

    async def post(self, path: str, body: Any, *, token: str, key: str | None = None) -> Answer:
        """POST `body` as JSON; `key` is the Idempotency-Key."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self._ask("POST", path, headers, json.dumps(body).encode())

    async def get(self, path: str, *, token: str) -> Answer:
        return await self._ask("GET", path, {"Authorization": f"Bearer {token}"}, b"")

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if asyncio.get_running_loop().time() > self._used + _IDLE_S:
            self._writer.close()
            await self._open()
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, length = _head(head)
        answer = Answer(status, await self._reader.readexactly(length))
        self._used = asyncio.get_running_loop().time()
        return answer


def _head(head: bytes) -> tuple[int, int]:
    """The status and the length of the body."""
    first, *lines = head.decode("latin-1").split("\r\n")
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(first.split(" ", 2)[1]), int(value)
    raise UnexpectedAnswerError(f"An answer without a length: {first}")


def wanted(answer: Answer, *statuses: int) -> Answer:
    """The answer, where it has one of these statuses. Raises UnexpectedAnswerError."""
    if answer.status not in statuses:
        said = answer.body[:400].decode(errors="replace")
        raise UnexpectedAnswerError(f"Wanted {statuses}, got {answer.status}: {said}")
    return answer
