"""Delivery status notifications (RFC 3464): which mail of ours a mail system writes of, and what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message

from activities.inbound.headers import message_ids, raw_values, sender, value

_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_ACTION = re.compile(r"[a-z]+")
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_POSTMASTERS = ("mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon")
_MOST_BODY = 200_000


@dataclass(frozen=True)
class Report:
    """What a mail system says of mails of ours. `message_ids` are those it names, the returned one first.

    `action` is RFC 3464's word (`failed`, `delayed` …); `status` an enhanced status code (RFC 3463) or None.
    """

    action: str
    status: str | None
    message_ids: tuple[str, ...]


def report_in(message: Message, domain: str) -> Report | None:
    """The report that a mail is, or None where it is none. `domain` is the one our Message-IDs end in.

    Of several recipients the worst outcome counts; each of our mails has one recipient only. Who does not
    report by RFC 3464 is known by its name and by quoting a Message-ID of ours.
    """
    statuses = [part for part in message.walk() if part.get_content_type() == "message/delivery-status"]
    fields = [block for part in statuses for block in _blocks(part)]
    if fields:
        actions = [
            word for block in fields for word in _ACTION.findall(value(block, "Action").lower()[:40])[:1]
        ]
        found = [status for block in fields for status in _STATUS.findall(value(block, "Status"))[:1]]
        action = min((word for word in actions if word in _ACTIONS), key=_ACTIONS.index, default="failed")
        status = next((code for code in found if code.startswith("5") == (action == "failed")), None)
        return Report(action, status or (found[0] if found else None), _returned(message, domain))
    if not _from_postmaster(message):
        return None
    named = _ours_in(message, domain)
    return Report("failed", None, named) if named else None


def _blocks(part: Message) -> list[Message]:
    """The groups of fields in a delivery status; a parser gives each as a message of its own."""
    payload = part.get_payload()
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _returned(message: Message, domain: str) -> tuple[str, ...]:
    """The Message-IDs of the mail that was returned: from its headers, else from wherever ours are quoted."""
    inner: list[str] = []
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            payload = part.get_payload()
            for returned in payload if isinstance(payload, list) else []:
                if isinstance(returned, Message):
                    inner += message_ids(returned, "Message-ID")
        elif kind in ("text/rfc822-headers", "message/rfc822-headers"):
            inner += _quoted_ids(_body(part))
    named = (
        *inner,
        *_ours_in(message, domain),
        *(id_ for name in ("In-Reply-To", "References") for id_ in message_ids(message, name)),
    )
    return tuple(dict.fromkeys(named))


def _quoted_ids(headers: str) -> list[str]:
    return re.findall(r"^message-id:\s*(<[^<>\s]{3,250}>)", headers, re.IGNORECASE | re.MULTILINE)


def _ours_in(message: Message, domain: str) -> tuple[str, ...]:
    """Message-IDs of our making that are quoted anywhere in the body."""
    ours = re.compile(rf"[0-9a-f]{{40}}@{re.escape(domain)}", re.IGNORECASE)
    texts = (_body(part) for part in message.walk() if not part.is_multipart())
    return tuple(dict.fromkeys(f"<{found}>" for text in texts for found in ours.findall(text)))


def _body(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content[:_MOST_BODY].decode("latin-1") if isinstance(content, bytes) else ""


def _from_postmaster(message: Message) -> bool:
    _, address = sender(message)
    local = address.partition("@")[0].lower()
    return local in _POSTMASTERS or raw_values(message, "Return-Path")[:1] == ["<>"]
