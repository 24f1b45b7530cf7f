"""Mail out over SMTP: messages with proper headers, sent over a few connections that are used again."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from hashlib import sha256

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from runtime.settings import Settings

_ANSWERS_WITHIN = 15.0
_PERMANENT = 500
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")


class MailBounced(Exception):  # noqa: N818 - an outcome, met as an exception
    """The recipient was refused for good. `status` is the server's code (`550 5.1.1`) without its words."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class MailDeferred(MailBounced):
    """Not now: the server asks to try again later, for this recipient or this mail."""


class MailAway(Exception):  # noqa: N818 - a state of our mail server, met as an exception
    """Our own mail server can not be reached, or does not take anything from us: no recipient's fault."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Mailer:
    """Sends mails over at most `connections` connections to one server, kept open between mails."""

    def __init__(self, settings: Settings, *, connections: int = 4) -> None:
        password = settings.smtp_password
        self._options = {
            "hostname": settings.smtp_host,
            "port": settings.smtp_port,
            "use_tls": settings.smtp_tls == "implicit",
            "start_tls": settings.smtp_tls == "starttls",
            "username": settings.smtp_user,
            "password": password.get_secret_value() if password else None,
            "timeout": _ANSWERS_WITHIN,
        }
        self._sender = settings.mail_from
        self._free: deque[SMTP] = deque()
        self._slots = asyncio.Semaphore(connections)

    async def send(self, message: EmailMessage, to: str) -> None:
        """Hand a mail for one recipient to the server; returns when the server has taken it.

        Raises MailBounced, MailDeferred, MailAway. Whether a server that fell silent has taken the mail
        can not be known: it is sent again then, under the same Message-ID.
        """
        async with self._slots:
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
        except (SMTPException, OSError, ValueError) as error:
            smtp.close()
            raise MailAway(type(error).__name__) from None
        return smtp

    async def _hand_over(self, smtp: SMTP, message: EmailMessage, to: str) -> None:
        try:
            await smtp.send_message(message, sender=self._sender, recipients=[to])
        except SMTPRecipientsRefused as refused:
            raise _outcome(refused.recipients[0]) from None
        except (SMTPRecipientRefused, SMTPDataError) as refused:
            raise _outcome(refused) from None
        except SMTPNotSupported:
            raise MailBounced("553 5.6.7") from None  # an address this server can not write (RFC 6531)
        except SMTPResponseException as refused:
            raise MailAway(_status(refused)) from None  # the sender, the login: our side of it


def compose(
    *,
    sender: str,
    organisation: str,
    to: str,
    name: str,
    subject: str,
    body: str,
    key: str,
    thread: str,
    language: str,
    now: datetime,
) -> EmailMessage:
    """A plain text mail in UTF-8. `key` makes its Message-ID, always the same; `thread` groups mails.

    Raises ValueError for an address that can not be written into a header.
    """
    domain = sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = Address(organisation, addr_spec=sender)
    message["To"] = Address(name, addr_spec=to)
    message["Subject"] = subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(key, domain)
    root = message_id(f"thread {thread}", domain)
    message["In-Reply-To"] = root
    message["References"] = root
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = language
    message.set_content(body, charset="utf-8")
    return message


def message_id(key: str, domain: str) -> str:
    """The Message-ID of a message with this dedupe key: the same each time, and telling nothing."""
    return f"<{sha256(key.encode()).hexdigest()[:40]}@{domain}>"


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
