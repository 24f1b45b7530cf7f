"""Secret addresses by which a calendar program, which can show no token, subscribes to a duty rota. Pure."""

from __future__ import annotations

import hmac
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32


class DutyFeeds:
    """One address for each person and rota; who leaves loses theirs. `master_key` is 32 bytes."""

    def __init__(self, master_key: bytes) -> None:
        derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"redress duty feeds 1")
        self._key = derived.derive(master_key)

    def path(self, rota: str, staff: str) -> str:
        """The secret path; whoever has it reads that rota's shifts and their holders' names, and nothing else."""
        return f"/duty/feeds/{rota}/{staff}/{self._mac(rota, staff)}.ics"

    def fits(self, rota: str, staff: str, mac: str) -> bool:
        """Whether this is the secret part of the person's path. Compared in constant time."""
        return hmac.compare_digest(self._mac(rota, staff).encode(), mac.encode("utf-8", "replace"))

    def _mac(self, rota: str, staff: str) -> str:
        return hmac.new(self._key, f"{rota}\0{staff}".encode(), sha256).hexdigest()[:48]
