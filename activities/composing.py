"""Composing mails: headers, plain text first, and the same text as HTML for programs that show nothing else."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from hashlib import sha256
from html import escape

_LINK = re.compile(r"https?://[^\s<>\"']+")
_AFTER_A_LINK = ".,;:!?)]}。，；：！？）」』】"
"""What ends a sentence and not an address."""


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
    list_unsubscribe: str | None = None,
) -> EmailMessage:
    """A mail in UTF-8, its text plain and as HTML. `key` makes its Message-ID, always the same; `thread` groups mails.

    `list_unsubscribe` is an https address that ends a subscription when something is posted to it (RFC 8058),
    for what comes again and again. Raises ValueError for an address that can not be written into a header.
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
    if list_unsubscribe is not None:
        message["List-Unsubscribe"] = f"<{list_unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(body, charset="utf-8")
    message.add_alternative(as_html(subject, body, language), subtype="html", charset="utf-8")
    return message


def message_id(key: str, domain: str) -> str:
    """The Message-ID of a message with this dedupe key: the same each time, and telling nothing."""
    return f"<{sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def as_html(title: str, body: str, language: str) -> str:
    """A plain text as a page: paragraphs, lines and links as they are, and nothing that is fetched from anywhere."""
    paragraphs = re.split(r"\n[ \t]*\n", body.strip("\n").replace("\r\n", "\n"))
    shown = "\n".join(f"<p>{_with_links(text).replace(chr(10), '<br>')}</p>" for text in paragraphs)
    return (
        f'<!doctype html>\n<html lang="{escape(language)}">\n<head><meta charset="utf-8">'
        f"<title>{escape(title)}</title></head>\n<body>\n{shown}\n</body>\n</html>\n"
    )


def _with_links(text: str) -> str:
    """The text with its web addresses made links, all else escaped."""
    parts, end = [], 0
    for found in _LINK.finditer(text):
        address = found[0].rstrip(_AFTER_A_LINK)
        parts.append(escape(text[end : found.start()]))
        parts.append(f'<a href="{escape(address)}">{escape(address)}</a>')
        end = found.start() + len(address)
    parts.append(escape(text[end:]))
    return "".join(parts)
