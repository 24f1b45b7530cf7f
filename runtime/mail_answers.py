"""Answers to caught mails: written as the recipient would, and handed in by LMTP as a mail server would."""

from __future__ import annotations

import secrets
import smtplib
from datetime import datetime
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.utils import format_datetime

_WITHIN = 10.0
"""Seconds that the gateway may take for each step."""


class NotTaken(Exception):  # noqa: N818 - an answer, not a fault
    """The gateway did not take the mail; the text is a sentence for people."""


def answer_to(caught: EmailMessage, words: str, at: datetime) -> EmailMessage | None:
    """The recipient's answer to a mail, plain text, written at an aware instant; None where nobody could answer it.

    It names the mail that it answers (RFC 5322, 3.6.4), which is how it finds its way to its complaint.
    """
    recipient = next(iter(caught.get_all("Delivered-To", [])), None)
    back = caught["Reply-To"] or caught["From"]
    if not recipient or not back:
        return None
    subject = _one_line(caught, "Subject")
    answer = EmailMessage()
    try:
        answer["From"] = str(recipient)
        answer["To"] = str(back)
    except (HeaderParseError, ValueError, IndexError):
        return None
    answer["Subject"] = subject if subject.lower().startswith("re:") else f"Re: {subject}"
    answer["Date"] = format_datetime(at)
    answer["Message-ID"] = f"<{secrets.token_hex(16)}@catcher.invalid>"
    if own := _one_line(caught, "Message-ID"):
        answer["In-Reply-To"] = own
        answer["References"] = " ".join(filter(None, (_one_line(caught, "References"), own)))
    answer.set_content(words)
    return answer


def _one_line(caught: EmailMessage, header: str) -> str:
    """A header in one line: an encoded word may hide line breaks, which no header of an answer may have."""
    return " ".join(str(caught[header] or "").split())


def hand_in(mail: EmailMessage, port: int) -> None:
    """Hand a mail to the gateway at this port of 127.0.0.1. Raises NotTaken. Blocks: for a thread."""
    try:
        with smtplib.LMTP("127.0.0.1", port, local_hostname="localhost", timeout=_WITHIN) as server:
            server.send_message(mail)
    except (OSError, smtplib.SMTPException):
        raise NotTaken(
            "Redress did not take the answer. It may just be starting; send it again in a moment."
        ) from None
