"""Codes that change with the time, as authenticator apps show them (RFC 6238, on RFC 4226)."""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Final
from urllib.parse import quote, urlencode

PERIOD: Final = 30
"""Seconds for which a code is shown (RFC 6238, section 5.2)."""
DIGITS: Final = 6
_SECRET_BYTES = 20  # as long as what HMAC-SHA-1 gives (RFC 4226, section 4, R6)
_EITHER_SIDE = 1  # steps by which the phone's clock may differ, or the typing may take long


def new_secret() -> bytes:
    """160 random bits to share with one authenticator app."""
    return secrets.token_bytes(_SECRET_BYTES)


def step_of(epoch_seconds: float) -> int:
    """The number of the period that this moment lies in (RFC 6238, section 4.2)."""
    return int(epoch_seconds // PERIOD)


def code(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a period: HMAC-SHA-1, which apps take whatever else they know, cut as RFC 4226, 5.3 says."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    at = mac[-1] & 0x0F
    number = int.from_bytes(mac[at : at + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def fitting_step(secret: bytes, given: str, now: int, used: int | None) -> int | None:
    """The period whose code this is, of the present one and its neighbours; None where it fits none.

    A code is good once: periods up to `used` fit no more (RFC 6238, section 5.2).
    """
    typed = "".join(given.split()).encode()
    steps = range(now - _EITHER_SIDE, now + _EITHER_SIDE + 1)
    fits = [step for step in steps if hmac.compare_digest(code(secret, step).encode(), typed)]
    return next((step for step in fits if used is None or step > used), None)


def key_of(secret: bytes) -> str:
    """The secret as people type it into an app: base32 in groups of four."""
    plain = _base32(secret)
    return " ".join(plain[i : i + 4] for i in range(0, len(plain), 4))


def uri_of(secret: bytes, login: str, issuer: str) -> str:
    """The secret as apps read it from a link or a picture (Google Authenticator's key URI format)."""
    label = f"{quote(issuer, safe='')}:{quote(login, safe='')}"
    said = {
        "secret": _base32(secret),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": PERIOD,
    }
    return f"otpauth://totp/{label}?{urlencode(said, quote_via=quote)}"


def _base32(secret: bytes) -> str:
    return base64.b32encode(secret).decode().rstrip("=")
