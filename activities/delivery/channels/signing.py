"""How a delivery to a webhook is signed, and how whoever receives it finds out that it is ours. Pure.

The scheme: HMAC-SHA256 over `<timestamp>.<body>`, as several well-known services sign theirs; one signature for
each live secret, so that a receiver may change over in its own time. docs/webhooks.md says it to receivers.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

REPLAY_WINDOW: Final = 300
"""Seconds that a delivery's timestamp may be away from the receiver's clock, either way."""
_VERSION = "v1="


def sign(secrets: Sequence[str], timestamp: int, body: bytes) -> str:
    """The value of `Redress-Signature`: `v1=<hex>` for each of these secrets, separated by commas.

    `timestamp` is in seconds of Unix time, `body` the very bytes that are sent.
    """
    return ",".join(_VERSION + _signature(secret, timestamp, body) for secret in secrets)


def verify(secret: str, signature: str, timestamp: str, body: bytes, now: float) -> bool:
    """Whether one of the signatures was made with this secret, less than REPLAY_WINDOW seconds ago (or ahead).

    `signature` and `timestamp` are the headers as they came, `now` is Unix time. Takes as long for a wrong
    signature as for a right one.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now - int(timestamp)) > REPLAY_WINDOW:
        return False
    ours = _signature(secret, int(timestamp), body).encode()
    given = [part.strip() for part in signature.split(",")]
    fits = [
        hmac.compare_digest(ours, part.removeprefix(_VERSION).encode())
        for part in given
        if part.startswith(_VERSION)
    ]
    return any(fits)


def _signature(secret: str, timestamp: int, body: bytes) -> str:
    return hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, sha256).hexdigest()
