"""Mails for tests, and the way in which a mail server hands them on: LMTP, over a socket."""

from __future__ import annotations

import asyncio
import smtplib
from pathlib import Path
from uuid import uuid4

MAILS = Path(__file__).parent / "mails"


def real(name: str, **replaced: str) -> bytes:
    """One of the mails as they come, with words in it replaced."""
    raw = (MAILS / f"{name}.eml").read_bytes()
    for old, new in replaced.items():
        raw = raw.replace(old.encode(), new.encode())
    return raw


def written(
    text: str,
    *,
    sender: str = "Wei <wei@example.org>",
    subject: str = "Hello",
    answers: str | None = None,
    message_id: str | None = None,
    head: str = "",
) -> bytes:
    """A plain mail that somebody writes."""
    lines = [
        f"From: {sender}",
        "To: complaints@redress.example",
        f"Subject: {subject}",
        f"Message-ID: {message_id or f'<{uuid4().hex}@example.org>'}",
        *([f"In-Reply-To: {answers}"] if answers else []),
        *([head] if head else []),
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
        "",
    ]
    return "\r\n".join(lines).encode()


async def hand_on(
    port: int, raw: bytes, *, recipients: tuple[str, ...] = ("complaints@redress.example",)
) -> list[int]:
    """What the gateway answers for each recipient, in their order."""

    def talk() -> list[int]:
        with smtplib.LMTP("127.0.0.1", port, timeout=60) as lmtp:
            lmtp.ehlo_or_helo_if_needed()
            assert lmtp.has_extn("size"), "the limit is announced"
            code, _ = lmtp.mail("wei@example.org")
            if code != 250:
                return [code] * len(recipients)
            for recipient in recipients:
                assert lmtp.rcpt(recipient)[0] == 250
            first, _ = lmtp.data(raw)
            return [first, *(lmtp.getreply()[0] for _ in recipients[1:])]

    return await asyncio.to_thread(talk)


async def announced(port: int, size: int) -> int:
    """What the gateway answers to somebody who says beforehand how large the mail is."""

    def talk() -> int:
        with smtplib.LMTP("127.0.0.1", port, timeout=60) as lmtp:
            lmtp.ehlo_or_helo_if_needed()
            return lmtp.mail("wei@example.org", [f"SIZE={size}"])[0]

    return await asyncio.to_thread(talk)
