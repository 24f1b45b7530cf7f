"""The gateway for mail: an LMTP server (RFC 2033) that says 250 once a mail is on disk, and 451 where that fails."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from weakref import WeakSet

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.inbound.reading import content_of, message_id_of
from ledger.inbound import Mails
from ledger.texts import StreamErased
from runtime.clock import Clock

_log = structlog.get_logger(__name__)
_DATABASE = (SQLAlchemyError, OSError, TimeoutError)
_AGAIN_AFTER = 1.0
_SILENT_FOR = 120.0
_LONGEST_LINE = 64 * 1024
_KEPT_WITHIN = 30.0
_LATER = "451 4.3.0 The mail could not be kept; send it again later"


class Keeper:
    """Keeps mails, each once however often it is delivered. Needs only the database."""

    def __init__(self, engine: AsyncEngine, mails: Mails, clock: Clock) -> None:
        self._engine = engine
        self._mails = mails
        self._clock = clock

    async def keep(self, raw: bytes, return_path: str, recipients: list[str]) -> bool:
        """Keep a mail with its envelope; False where it is kept already. On disk when this returns.

        Two are the same where Message-ID and content are: what systems on the way write above it differs.
        Raises what the database raises.
        """
        mark = self._mails.mark(b"mail", message_id_of(raw).encode("latin-1"), content_of(raw))
        # What a mail server writes at delivery (RFC 5321, 4.4).
        envelope = [f"Return-Path: <{return_path}>", *(f"Delivered-To: {to}" for to in recipients)]
        whole = "".join(f"{line}\r\n" for line in envelope).encode(errors="replace") + raw
        async with self._engine.begin() as conn:
            return await self._mails.keep(conn, mark, whole, self._now())

    async def refused(self) -> None:
        """Note that a mail was too large, for people to see that somebody tried."""
        async with self._engine.begin() as conn:
            await self._mails.note_oversized(conn, self._now())

    def _now(self) -> datetime:
        return self._clock.now()


class _Handler:
    """What the server does with a mail (the name is aiosmtpd's)."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode(errors="replace")
        try:
            async with asyncio.timeout(_KEPT_WITHIN):
                new = await self.keeper.keep(raw, envelope.mail_from or "", list(envelope.rcpt_tos))
        except (*_DATABASE, StreamErased) as error:
            _log.warning("mail not kept", size_bytes=len(raw), exc_info=error)
            return _for_each(_LATER, len(envelope.rcpt_tos))
        except Exception as error:  # whatever it was, the sender has to keep the mail and try again
            _log.error("mail not kept", size_bytes=len(raw), exc_info=error)
            return _for_each(_LATER, len(envelope.rcpt_tos))
        _log.info("mail kept" if new else "mail delivered again", size_bytes=len(raw))
        return _for_each("250 2.0.0 Kept" if new else "250 2.0.0 Kept before", len(envelope.rcpt_tos))

    async def handle_exception(self, error: Exception) -> str:
        _log.error("conversation about a mail failed", exc_info=error)
        return _LATER


def _for_each(status: str, recipients: int) -> str:
    """The same answer for each recipient, as LMTP wants it after the data (RFC 2033, 4.2)."""
    return "\r\n".join([status] * max(recipients, 1))


class _Server(LMTP):
    """LMTP as aiosmtpd has it, with an answer for each recipient after the data (RFC 2033, 4.2)."""

    line_length_limit = _LONGEST_LINE  # real mails have longer lines than RFC 5322 allows

    async def push(self, status: str | bytes) -> None:
        text = status if isinstance(status, str) else status.decode()
        after_data = text.startswith(("552 Error: Too much", "500 Line too long"))
        recipients = len(self.envelope.rcpt_tos) if after_data and self.envelope is not None else 1
        await super().push(_for_each(text, recipients))
        if text.startswith("552"):
            await self._note_oversized()

    async def _note_oversized(self) -> None:
        try:
            await self.event_handler.keeper.refused()
        except _DATABASE as error:
            _log.warning("oversized mail not noted", exc_info=error)


class Gateway:
    """Listens for mail. Of several processes on one machine one has the port; the next takes it over."""

    def __init__(self, keeper: Keeper, *, host: str, port: int | None, largest: int) -> None:
        """`largest` in bytes; it is announced, and what is larger is refused (552). No `port`: it does not listen."""
        self._keeper = keeper
        self._host = host
        self._port = port
        self._largest = largest
        self.listening = asyncio.Event()
        self._open: WeakSet[_Server] = WeakSet()

    async def run(self, stop: asyncio.Event) -> None:
        """Take mails in until `stop`; what is being taken in then is kept or was never answered for."""
        if self._port is None:
            return
        # It writes addresses and contents into its log.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)
        stopping = asyncio.create_task(stop.wait())
        said = False
        while not stop.is_set():
            try:
                server = await self._listen()
            except OSError as error:
                if not said:
                    _log.warning("can not listen for mail yet", port=self._port, exc_info=error)
                said = True
                await asyncio.wait({stopping}, timeout=_AGAIN_AFTER)
                continue
            _log.info("listening for mail", port=self._port)
            self.listening.set()
            try:
                await stopping
            finally:
                self.listening.clear()
                server.close()
                for conversation in self._open:
                    if conversation.transport is not None:
                        conversation.transport.close()
        stopping.cancel()

    async def _listen(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        handler = _Handler(self._keeper)

        def conversation() -> _Server:
            server = _Server(
                handler, data_size_limit=self._largest, enable_SMTPUTF8=True, hostname="redress",
                ident="Redress LMTP", timeout=_SILENT_FOR, loop=loop,
            )  # fmt: skip
            self._open.add(server)
            return server

        return await loop.create_server(conversation, self._host, self._port)
