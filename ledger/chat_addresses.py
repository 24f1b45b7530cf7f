"""Where people are reached by chat. Such an address opens the way to somebody's phone, so it is kept as a secret:
encrypted (AES-256-GCM) under a key that comes out of the master key, and bound to the person.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import LargeBinary, bindparam, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.database import autocommit

LONGEST: Final = 1_000
"""Characters of an address."""
_KEY_BYTES = 32
_NONCE_BYTES = 12


class ChatSeal:
    """Closes and opens chat addresses. Pure but for the nonce. `master_key` is 32 bytes."""

    def __init__(self, master_key: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"redress chat addresses 1")
        self._sealing = AESGCM(derived.derive(master_key))

    def close(self, staff: str, address: str) -> bytes:
        """What is kept of a person's address."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealing.encrypt(nonce, address.encode(), staff.encode())

    def open(self, staff: str, sealed: bytes) -> str:
        """The address. Raises InvalidTag (of cryptography) for what is another person's, or under another key."""
        return self._sealing.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], staff.encode()).decode()


class ChatAddresses:
    """The addresses in the directory. Only administrators set them: whatever they name is called by our server."""

    def __init__(self, engine: AsyncEngine, master_key: bytes) -> None:
        self._engine = autocommit(engine)
        self._seal = ChatSeal(master_key)

    async def set(self, staff: str, address: str | None, by: str) -> bool:
        """Keep a person's address; None: they are not reached by chat. False: nobody who works here has this id."""
        sealed = None if address is None else self._seal.close(staff, address)
        async with self._engine.connect() as conn:
            found = await conn.execute(_SET, {"staff": staff, "chat": sealed, "by": by})
            return found.first() is not None


_SET = text(
    """
    UPDATE staff SET chat = :chat WHERE id = :staff AND active
    RETURNING id, set_config('redress.by', coalesce(CAST(:by AS text), ''), true)
    """
).bindparams(bindparam("chat", type_=LargeBinary))
