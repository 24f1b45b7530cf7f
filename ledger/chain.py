"""The hash chain of a stream and the seal of its head (docs/ledger-format.md, sections 2 and 3). Pure."""

import hmac
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.canonical import canonical_text, instant_text

FORMAT = 1
"""The version of the envelope, its field `v`."""

GENESIS = bytes(32)
"""What stands for the hash before the first event of a stream."""

_SEAL_INFO = b"redress/seal/1"


def event_hash(
    previous: bytes,
    *,
    stream: str,
    sequence: int,
    type: str,  # noqa: A002 - the envelope's own name for it
    occurred_at: datetime,
    recorded_at: datetime,
    actor: str,
    command: str | None,
    body: str,
    v: int = FORMAT,
) -> bytes:
    """SHA-256 (32 bytes) over the canonical envelope of one event.

    `previous` is the hash of the event before (GENESIS for the first), `sequence` counts from 1, and
    `body` is the stored canonical text, taken as it is: what is proven is the bytes that were stored.
    Raises NotCanonicalError for an instant without a zone or a string that UTF-8 can not say.
    """
    envelope = (
        f'{{"actor":{canonical_text(actor)}'
        f',"body":{body}'
        f',"command":{canonical_text(command)}'
        f',"occurred_at":"{instant_text(occurred_at)}"'
        f',"previous":"{previous.hex()}"'
        f',"recorded_at":"{instant_text(recorded_at)}"'
        f',"sequence":{sequence}'
        f',"stream":{canonical_text(stream)}'
        f',"type":{canonical_text(type)}'
        f',"v":{v}}}'
    )
    return sha256(envelope.encode()).digest()


def derive_seal_key(master_key: bytes) -> bytes:
    """The 32-byte key of the seals, by HKDF-SHA256 (RFC 5869) with no salt, from the 32-byte master key."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_SEAL_INFO).derive(master_key)


def seal(seal_key: bytes, stream: str, sequence: int, head: bytes) -> bytes:
    """HMAC-SHA256 (32 bytes) over `stream|sequence|hash`, which only a holder of the key can make.

    It lies with the head, so that a tail that was cut off shows even where the head row was rewritten.
    """
    return hmac.digest(seal_key, f"{stream}|{sequence}|{head.hex()}".encode(), "sha256")


def seal_holds(seal_key: bytes, stream: str, sequence: int, head: bytes, given: bytes) -> bool:
    """Whether `given` is the seal of that head."""
    return hmac.compare_digest(seal(seal_key, stream, sequence, head), given)
