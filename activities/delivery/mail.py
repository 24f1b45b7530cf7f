"""Mail out over SMTP: over connections that are used again, each mail through the gate of its recipient's domain."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections import deque
from email.headerregistry import Address

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from activities.delivery.composing import compose, message_id
from activities.delivery.gates import Gates
from runtime.settings import Settings

__all__ = (
    "ANSWERS_WITHIN",
    "NO_ADDRESS",
    "MailAway",
    "MailBounced",
    "MailDeferred",
    "Mailer",
    "compose",
    "mail_address",
    "message_id",
)

ANSWERS_WITHIN = 15.0
"""Seconds that a mail server may take for each step of the conversation."""
_TAKEN_WITHIN = 18.0  # all of it; a server that answers slowly every time is not better than one that hangs
_CLOSING = 421
_PERMANENT = 500
NO_ADDRESS = "5.1.3"
"""The status (RFC 3463) of what has no mail address to go to."""
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")


class MailBounced(Exception):  # noqa: N818 - an outcome, met as an exception
    """The recipient was refused for good. `status` is the server's code (`550 5.1.1`) without its words."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status

    @property
    def answered(self) -> bool:
        """Whether the recipient's side is at work: it said something, and not that it is closing."""
        return self.status[:1].isdigit() and not self.status.startswith(str(_CLOSING))


class MailDeferred(MailBounced):
    """Not now: the server asks to try again later, for this recipient or this mail; or it fell silent."""


class MailAway(Exception):  # noqa: N818 - a state of our mail server, met as an exception
    """Our own mail server can not be reached, or does not take anything from us: no recipient's fault."""

    answered = None  # of the recipient's domain it says nothing

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Mailer:
    """Sends mails over at most `connections` connections to one server, kept open between mails."""

    def __init__(self, settings: Settings, *, connections: int = 48, gates: Gates | None = None) -> None:
        """`gates` are shared with the dispatcher, which counts how targets do."""
        password = settings.smtp_password
        self._options = {
            "hostname": settings.smtp_host,
            "port": settings.smtp_port,
            "use_tls": settings.smtp_tls == "implicit",
            "start_tls": settings.smtp_tls == "starttls",
            "username": settings.smtp_user,
            "password": password.get_secret_value() if password else None,
            "timeout": ANSWERS_WITHIN,
        }
        # The envelope's sender: where the world's mail servers send back what can not be delivered.
        self._sender = settings.bounces_to or settings.mail_from
        self._gates = gates or Gates()
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"redress message ids 1")
        self._marks = derived.derive(settings.master_key_bytes)
        self._free: deque[SMTP] = deque()
        self._slots = asyncio.Semaphore(connections)

    def mark(self, key: str) -> str:
        """What a mail's Message-ID is to be made of: for one key always the same, and nobody's to guess.

        Whoever could guess it could have any alert of ours taken for one that came back (RFC 3464 is not signed).
        """
        return hmac.digest(self._marks, key.encode(), "sha256").hex()

    async def send(self, message: bytes, to: str) -> None:
        """Hand a mail for one recipient to the server; returns when the server has taken it.

        Raises MailBounced, MailDeferred, MailAway, and TargetShut where the recipient's domain is to be left
        alone for now. Whether a server that fell silent has taken the mail can not be known: it is sent again
        then, under the same Message-ID.
        """
        domain = to.rpartition("@")[2].lower()
        async with self._gates.through(f"mail:{domain}"), self._slots:
            try:
                async with asyncio.timeout(_TAKEN_WITHIN):
                    await self._send(message, to)
            except TimeoutError:
                raise MailDeferred("TooSlow") from None

    async def _send(self, message: bytes, to: str) -> None:
        used = self._free.pop() if self._free else None
        smtp = used or await self._connected()
        try:
            try:
                await self._hand_over(smtp, message, to)
            except SMTPServerDisconnected:
                if used is None:
                    raise
                # A connection that lay idle was closed by the server: that says nothing about the mail.
                smtp.close()
                smtp = await self._connected()
                await self._hand_over(smtp, message, to)
        except MailBounced:  # the conversation goes on after a refusal
            self._keep(smtp)
            raise
        except (SMTPException, OSError) as error:
            smtp.close()
            raise MailDeferred(type(error).__name__) from None
        except BaseException:
            smtp.close()
            raise
        self._keep(smtp)

    def _keep(self, smtp: SMTP) -> None:
        if smtp.is_connected:
            self._free.append(smtp)

    async def close(self) -> None:
        """Take leave of the server."""
        while self._free:
            smtp = self._free.pop()
            try:
                await smtp.quit()
            except (SMTPException, OSError):
                smtp.close()

    async def _connected(self) -> SMTP:
        smtp = SMTP(**self._options)  # type: ignore[arg-type]
        try:
            await smtp.connect()
            try:
                await smtp.ehlo()
            except SMTPHeloError:
                await smtp.helo()
        except (SMTPException, OSError, ValueError) as error:
            smtp.close()
            raise MailAway(type(error).__name__) from None
        return smtp

    async def _hand_over(self, smtp: SMTP, message: bytes, to: str) -> None:
        try:
            options = [] if to.isascii() else ["SMTPUTF8"]
            if not message.isascii() and smtp.supports_extension("8bitmime"):
                options.append("BODY=8BITMIME")
            if smtp.supports_extension("dsn"):
                # Of what comes back the headers are enough (RFC 3461): they have the Message-ID, and no text.
                options.append("RET=HDRS")
            await smtp.sendmail(self._sender, [to], message, mail_options=options)
        except SMTPRecipientsRefused as refused:
            raise _outcome(refused.recipients[0]) from None
        except (SMTPRecipientRefused, SMTPDataError) as refused:
            raise _outcome(refused) from None
        except SMTPNotSupported:
            raise MailBounced("553 5.6.7") from None  # an address this server can not write (RFC 6531)
        except SMTPResponseException as refused:
            raise MailAway(_status(refused)) from None  # the sender, the login: our side of it


def mail_address(text: str) -> str | None:
    """The mail address that a text consists of, or None where it is something else (a street, a number)."""
    plain = text.strip()
    try:
        address = Address(addr_spec=plain)
    except (ValueError, IndexError):
        return None
    good = address.domain and address.username and not any(c.isspace() for c in plain)
    return plain if good else None


def _outcome(refused: SMTPResponseException) -> MailBounced:
    status = _status(refused)
    return MailBounced(status) if refused.code >= _PERMANENT else MailDeferred(status)


def _status(refused: SMTPResponseException) -> str:
    """The codes alone: a server's words often quote the address."""
    enhanced = _ENHANCED.search(refused.message)
    return f"{refused.code} {enhanced[0]}" if enhanced else str(refused.code)
