"""Customer files: complaints whose parties gave the same address stand together, and no address stands here.

Of an address only a keyed digest is kept (a blind index: HMAC-SHA-256 under a key derived from the master
key), which finds the file of an address that is given again and tells nothing without the key. A complaint
is filed by the text that its party's address is kept under, before the command that brings the address is
carried out: whatever dies in between, no complaint misses its file; and where nothing came of the command
the row goes with the text when that is swept away.
"""

from __future__ import annotations

import hmac
import re
import secrets
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    bindparam,
    func,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from complaints.references import CUSTOMER_SPACE, customer_code
from ledger.metadata import metadata

KEY_BYTES: Final = 32
SAYS_NOTHING: Final = frozenset(
    {"unknown", "n/a", "na", "none", "no", "-", "--", "?", "x", "無", "不詳", "未知", "無地址"}
)
FEWEST_DIGITS: Final = 5
"""A telephone number has at least as many."""
_TRIES = 3
_NUMBER = re.compile(r"[\d\s()+./-]+")

customers = Table(
    "customers",
    metadata,
    Column("code", Text, primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

customer_addresses = Table(
    "customer_addresses",
    metadata,
    Column("address", LargeBinary, primary_key=True),  # the blind index, 32 bytes
    Column("code", Text, ForeignKey("customers.code", ondelete="CASCADE"), nullable=False, index=True),
)

customer_complaints = Table(
    "customer_complaints",
    metadata,
    Column("text", Text, ForeignKey("texts.id", ondelete="CASCADE"), primary_key=True),  # the address
    Column("reference", Text, nullable=False, index=True),
    Column("address", LargeBinary, nullable=False),
    Column("code", Text, ForeignKey("customers.code", ondelete="CASCADE"), nullable=False),
)
Index("ix_customer_complaints_code", customer_complaints.c.code)
Index("ix_customer_complaints_address", customer_complaints.c.address)


class Filed(Frozen):
    """One complaint of a customer, as their file lists it."""

    reference: str
    received_at: AwareDatetime
    kind: str
    phase: str
    severity: str
    problem_type: str | None
    tier: str
    channel: str


def normalised(address: str) -> str | None:
    """What is the same of an address however it is written: mail in lower case, a number's digits alone,
    else its words in lower case. None where nothing is left, and for a word that stands where there is none: those
    who left no address would else all be one customer.
    """
    bare = " ".join(address.split())
    if "@" in bare:
        return f"mail:{bare.lower()}"
    digits = "".join(character for character in bare if character.isdecimal())
    if _NUMBER.fullmatch(bare) and len(digits) >= FEWEST_DIGITS:
        return f"phone:{digits.removeprefix('00')}"
    words = bare.casefold()
    return f"post:{words}" if words and words not in SAYS_NOTHING else None


class CustomerFiles:
    """Files complaints and finds files. Its methods take the caller's connection and never commit."""

    def __init__(self, master_key: bytes) -> None:
        """`master_key` is 32 bytes; the key of the index is derived from it (HKDF-SHA256)."""
        derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"redress customer addresses 1")
        self._key = derived.derive(master_key)

    def index(self, address: str) -> bytes | None:
        """The blind index of an address, 32 bytes; None for one that says nothing."""
        plain = normalised(address)
        return None if plain is None else hmac.digest(self._key, plain.encode(), sha256)

    async def file(
        self,
        conn: AsyncConnection,
        reference: str,
        address_text: str,
        address: str,
        *,
        code: str | None = None,
        lazily: bool = False,
    ) -> str | None:
        """File a complaint under an address that a party to it gave; the customer's code, None without one.

        `address_text` is the id under which the address is kept among the texts, where it lies already.
        An address that is not known yet begins a file, or goes into that of `code`. One statement, whole in
        itself and the same when sent again; `lazily` as in Texts.put.
        """
        index = self.index(address)
        if index is None:
            return None
        given = {
            "text": address_text, "reference": reference, "address": index, "into": code, "lazily": lazily,
        }  # fmt: skip
        for attempt in range(1, _TRIES + 1):
            fresh = customer_code(secrets.randbelow(CUSTOMER_SPACE))
            try:
                found: str = (await conn.execute(_FILE, given | {"fresh": fresh})).scalar_one()
            except IntegrityError:  # that very code is taken, or the file of `code` has just gone
                given["into"] = None
                if attempt == _TRIES:
                    raise
                continue
            return found
        raise AssertionError("unreachable")


async def code_of(conn: AsyncConnection, address_text: str) -> str | None:
    """The customer in whose file a complaint stands by the address kept under this text; None in no file."""
    found: str | None = (await conn.execute(_CODE, {"text": address_text})).scalar()
    return found


async def exists(conn: AsyncConnection, code: str) -> bool:
    """Whether there is such a customer."""
    return bool((await conn.execute(_EXISTS, {"code": code})).scalar())


async def not_filed(conn: AsyncConnection, after: str = "", limit: int = 200) -> tuple[str, ...]:
    """A page of the complaints on record that stand in no file, by reference: of them most left no address."""
    rows = await conn.execute(_NOT_FILED, {"after": after, "limit": limit})
    return tuple(row.reference for row in rows)


async def complaints_of(
    conn: AsyncConnection, code: str, *, reader: str, besides: str | None = None, limit: int = 100
) -> tuple[Filed, ...]:
    """The complaints in a customer's file, newest first, without one of them, and without those in which
    `reader` (a staff id) has declared a conflict of interest.
    """
    asked = {"code": code, "reader": reader, "besides": besides, "limit": limit}
    return tuple(Filed(**row._mapping) for row in await conn.execute(_COMPLAINTS, asked))


async def forget_complaint(conn: AsyncConnection, reference: str) -> None:
    """Take a complaint out of its customer's files, with the addresses and files that nothing else holds.

    Part of the caller's transaction.
    """
    for statement in _FORGET:
        await conn.execute(statement, {"reference": reference})


async def sweep_empty(conn: AsyncConnection) -> int:
    """Delete the files that nothing stands in (their texts were swept away); returns how many."""
    return (await conn.execute(_SWEEP)).rowcount


def _asked(statement: str, **types: Any) -> Any:
    return text(statement).bindparams(*(bindparam(name, type_=type_) for name, type_ in types.items()))


# A file is begun where the address has none; of two that begin it at once the second takes the first's.
_FILE = _asked(
    """
    WITH known AS (
        SELECT code FROM customer_addresses WHERE address = :address
    ), begun AS (
        INSERT INTO customers (code) SELECT :fresh
        WHERE :into IS NULL AND NOT EXISTS (SELECT FROM known) RETURNING code
    ), kept AS (
        INSERT INTO customer_addresses AS held (address, code)
        SELECT :address, coalesce(:into, :fresh) WHERE NOT EXISTS (SELECT FROM known)
        ON CONFLICT (address) DO UPDATE SET code = held.code RETURNING code
    ), filed AS (
        SELECT code FROM known UNION ALL SELECT code FROM kept
    ), written AS (
        INSERT INTO customer_complaints AS held (text, reference, address, code)
        SELECT :text, :reference, :address, code FROM filed
        ON CONFLICT (text) DO UPDATE SET code = held.code RETURNING code
    )
    SELECT written.code, CASE WHEN :lazily THEN set_config('synchronous_commit', 'off', true) END
    FROM written
    """,
    text=Text, reference=Text, address=LargeBinary, fresh=Text, into=Text, lazily=Boolean,
)  # fmt: skip

_CODE = _asked("SELECT code FROM customer_complaints WHERE text = :text", text=Text)

_EXISTS = _asked("SELECT EXISTS (SELECT FROM customers WHERE code = :code)", code=Text)

_NOT_FILED = _asked(
    """
    SELECT reference FROM complaints WHERE reference > :after
        AND NOT EXISTS (SELECT FROM customer_complaints AS filed WHERE filed.reference = complaints.reference)
    ORDER BY reference LIMIT :limit
    """,
    after=Text, limit=Integer,
)  # fmt: skip

_COMPLAINTS = _asked(
    """
    SELECT reference, received_at, kind, phase, severity, problem_type, tier, channel FROM complaints
    WHERE reference IN (SELECT filed.reference FROM customer_complaints AS filed WHERE filed.code = :code)
        AND (:besides IS NULL OR reference <> :besides)
        AND NOT EXISTS (
            SELECT FROM events WHERE events.stream = complaints.reference
                AND events.type = 'ConflictDeclared' AND events.actor = :reader
        )
    ORDER BY received_at DESC, reference LIMIT :limit
    """,
    code=Text, reader=Text, besides=Text, limit=Integer,
)  # fmt: skip

_FORGET = (
    _asked(
        """
        DELETE FROM customer_addresses USING customer_complaints AS gone
        WHERE gone.reference = :reference AND customer_addresses.address = gone.address
            AND NOT EXISTS (
                SELECT FROM customer_complaints AS others
                WHERE others.address = gone.address AND others.reference <> :reference
            )
        """,
        reference=Text,
    ),
    _asked(
        """
        DELETE FROM customers USING customer_complaints AS gone
        WHERE gone.reference = :reference AND customers.code = gone.code
            AND NOT EXISTS (
                SELECT FROM customer_complaints AS others
                WHERE others.code = gone.code AND others.reference <> :reference
            )
        """,
        reference=Text,
    ),
    _asked("DELETE FROM customer_complaints WHERE reference = :reference", reference=Text),
)

_SWEEP = text(
    """
    DELETE FROM customers WHERE created_at < now() - interval '1 day'
        AND NOT EXISTS (SELECT FROM customer_complaints AS filed WHERE filed.code = customers.code)
    """
)
