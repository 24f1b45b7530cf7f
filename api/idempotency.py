"""Sending again safely: from a caller's Idempotency-Key the command's id, and the mark of what was asked."""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated
from uuid import UUID, uuid4, uuid5

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import Header
from pydantic import BaseModel

from api.fields import CODE_PATTERN

_COMMANDS = UUID("d0a4f9a2-64d1-5a53-8d2a-8c0a3f0b7a61")
"""The namespace of command ids (uuid5 of who sent the key, and the key)."""

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=CODE_PATTERN,
        description="Makes sending again safe: the same key gives the recorded outcome and does nothing twice."
        " 1 to 200 visible ASCII characters; your own, a new one for each new request.",
        openapi_examples={"uuid": {"value": "8e03978e-40d5-43dd-bc93-6894a57f9324"}},
    ),
]


def command_id(sender: str, key: str | None) -> str:
    """The id under which a command is recorded for ever. Two senders never share one, whatever their keys.

    Without a key each request is a command of its own.
    """
    return str(uuid4() if key is None else uuid5(_COMMANDS, f"{sender}\n{key}"))


class Fingerprints:
    """Marks by which a request that is sent again is known for the same; keyed, as texts are short enough to guess."""

    def __init__(self, master_key: bytes) -> None:
        self._key = HKDF(
            algorithm=SHA256(), length=32, salt=None, info=b"redress request fingerprints 1"
        ).derive(master_key)

    def of(self, route: str, body: BaseModel | None, *more: str | None) -> str:
        """The mark of a request: hex HMAC-SHA256 over its route, its body and what else makes it that request."""
        mark = hmac.new(self._key, route.encode(), hashlib.sha256)
        for part in ("" if body is None else body.model_dump_json(), *(item or "" for item in more)):
            encoded = part.encode()
            mark.update(len(encoded).to_bytes(8, "big") + encoded)
        return mark.hexdigest()
