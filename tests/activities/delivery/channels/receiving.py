"""A real HTTP receiver on loopback for the tests: it keeps what was posted, and answers as it is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Posted:
    """One request as it came. Names of headers in small letters."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where it listens, what it got, and what it answers from now on; `silent`: nothing at all."""

    port: int = 0
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False
    endless: bool = False
    got: list[Posted] = field(default_factory=list)
    connections: int = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            named = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            values = dict(line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in values.items()}
            body = await reader.readexactly(int(named.get("content-length", "0")))
            self.got.append(Posted(head[0].split(" ")[1], headers, body))
            if self.silent:
                await reader.read()  # until the other side has had enough
                return
            said = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            length = 10**12 if self.endless else 0
            writer.write(f"HTTP/1.1 {self.status} X\r\n{said}Content-Length: {length}\r\n\r\n".encode())
            while self.endless and not writer.is_closing():
                writer.write(b"x" * 65536)
                await writer.drain()
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A receiver on 127.0.0.1, for as long as the context lasts."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.talk, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
