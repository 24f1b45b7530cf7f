"""What an imported complaint is called: its reference, order and texts, the same whenever it is imported."""

from __future__ import annotations

import hmac
from hashlib import sha256
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from complaints import references

_TEXTS = UUID("6f1c7f52-5d0c-4a83-9f0e-3a7b6a2f9d41")
"""The namespace (RFC 9562, version 5) of the ids of imported texts."""


class Naming:
    """References made of a row's source, under a key: nobody without it can tell which row has which.

    To a reader they are as random as any (DESIGN, Vocabulary), but a row that is imported again, after
    a crash half-way, say, finds what it left behind. They hold as long as the master key does; beyond
    it, the record itself refuses a source that it has.
    """

    def __init__(self, master_key: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"redress import references 1")
        self._key = derived.derive(master_key)

    def reference(self, source: str) -> str:
        """The complaint's reference."""
        drawn = hmac.digest(self._key, source.encode(), sha256)
        return references.reference(int.from_bytes(drawn[:16]) % references.SPACE)


def order_id(source: str) -> str:
    """The id of the order that receives the complaint."""
    return f"import/{source}"


def text_id(source: str, field: str) -> str:
    """The id under which a text of the row is kept."""
    return str(uuid5(_TEXTS, f"{source}/{field}"))
