"""An SMTP server that takes mails fast, and treats some domains badly. Also `python -m tests.support.sink`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

Manner = Literal["takes", "refuses", "hangs", "resets", "greylists", "falls silent"]
"""What it does with a domain's mail: `falls silent` takes the mail, and then never says that it has it."""

_ENDS = b"\r\n.\r\n"


@dataclass(frozen=True)
class Caught:
    """A mail that was handed over whole, whether that was said or not."""

    recipient: str
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)

    @property
    def message_id(self) -> str:
        head = self.content.partition(b"\r\n\r\n")[0].decode(errors="replace")
        return next(
            line[12:].strip() for line in head.splitlines() if line.lower().startswith("message-id: ")
        )


@dataclass
class Sink:
    """What arrived, in the order of arrival, and what was tried."""

    manners: dict[str, Manner] = field(default_factory=dict)
    caught: list[Caught] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    on_mail: Callable[[Caught], None] | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)
    _put_off: set[str] = field(default_factory=set)
    _mended: asyncio.Event = field(default_factory=asyncio.Event)

    def mend(self) -> None:
        """Treats all domains well from here on; what hangs goes on."""
        self.manners.clear()
        self._mended.set()

    def to(self, recipient: str) -> list[Caught]:
        """What arrived for one recipient."""
        return [caught for caught in self.caught if caught.recipient == recipient]

    def manner(self, recipient: str) -> Manner:
        return self.manners.get(recipient.rpartition("@")[2], "takes")

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """At this port of 127.0.0.1; at the end every conversation is cut off, as when the server dies."""
        server = await asyncio.start_server(self._begin, "127.0.0.1", port, limit=2**20)
        try:
            yield
        finally:
            server.close()
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*self._talks, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                await self._converse(reader, writer)
            finally:
                writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        writer.write(b"220 sink\r\n")
        while True:
            line = (await reader.readuntil(b"\n")).strip()
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10000000\r\n")
            elif verb == b"RCPT":
                recipient = line.partition(b"<")[2].partition(b">")[0].decode()
                writer.write(await self._rcpt(recipient))
            elif verb == b"DATA":
                if self.manner(recipient) == "resets":
                    writer.transport.abort()
                    return
                writer.write(b"354 go on\r\n")
                content = await reader.readuntil(_ENDS)
                self._keep(Caught(recipient, content[: -len(_ENDS)]))
                if self.manner(recipient) == "falls silent":
                    await asyncio.Event().wait()
                writer.write(b"250 2.0.0 taken\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 2.0.0 so be it\r\n")

    async def _rcpt(self, recipient: str) -> bytes:
        self.tried.append(recipient)
        match self.manner(recipient):
            case "hangs":
                await self._mended.wait()
            case "refuses":
                return b"550 5.1.1 nobody of that name\r\n"
            case "greylists" if recipient not in self._put_off:
                self._put_off.add(recipient)
                return b"451 4.7.1 later\r\n"
            case _:
                pass
        return b"250 2.1.5 go on\r\n"

    def _keep(self, caught: Caught) -> None:
        self.caught.append(caught)
        if self.on_mail is not None:
            self.on_mail(caught)


def times(file: Path) -> Mapping[str, list[float]]:
    """{Message-ID: when it arrived, each time} of what a sink in a process of its own wrote down.

    Seconds of a clock that only goes forward.
    """
    found: dict[str, list[float]] = {}
    for line in file.read_text().splitlines():
        at, message_id = line.split(" ", 1)
        found.setdefault(message_id, []).append(float(at))
    return found


async def _serve(port: int, file: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with file.open("w", buffering=1) as out:
        sink = Sink()

        def note(caught: Caught) -> None:
            out.write(f"{time.monotonic()} {caught.message_id}\n")
            sink.caught.clear()

        sink.on_mail = note
        async with sink.listening(port):
            await stop.wait()


def main() -> None:
    """Takes mails until told to end, and writes down when each arrived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    given = parser.parse_args()
    asyncio.run(_serve(given.port, given.file))


if __name__ == "__main__":
    main()
