"""Mail that came in: kept sealed before anybody is told that it was taken, and what became of each.

A mail is kept whole, as it came, under a key of its own (`ledger.texts`). Once it belongs to a complaint it is
sealed anew under that complaint's key, so that it goes when the complaint's personal data are erased. Beside it
stand only its size, its moments, codes, and keyed marks that tell nothing without the master key.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime, ValidationError
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen, Order
from ledger.metadata import metadata
from ledger.texts import NONCE_BYTES, Keyring, StreamErased, TextDamaged, Texts

_log = structlog.get_logger(__name__)
KEPT: Final = timedelta(days=30)
"""How long the content of a mail is kept that nobody has to act on. Real time."""
_MARK_BYTES = 32
_INSTANT = DateTime(timezone=True)


class State(StrEnum):
    """How far a mail has come."""

    RECEIVED = "received"  # kept; not placed yet, or waiting until the engine has taken what it says
    PLACED = "placed"  # its complaint has it
    BOUNCE = "bounce"  # a mail system tells what became of a mail of ours
    AUTO_REPLY = "auto_reply"  # a machine answered: away, out of office
    LOOP = "loop"  # our own mail come back, or more from one sender than a person writes
    OVERSIZED = "oversized"  # refused at the door for its size; nothing of it is kept
    UNPLACED = "unplaced"  # waits for a person
    DROPPED = "dropped"  # a person decided that it is nothing


OPEN: Final = (State.UNPLACED, State.LOOP, State.AUTO_REPLY, State.BOUNCE)
"""The states out of which a person may still place a mail, or drop it."""

inbound = Table(
    "inbound",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("mark", LargeBinary, nullable=False, unique=True),  # HMAC of Message-ID and content, 32 bytes
    Column("received_at", _INSTANT, nullable=False, server_default=func.now()),  # real time
    Column("taken_at", _INSTANT, nullable=False),  # the service's own time: when what it says took effect
    Column("size", Integer, nullable=False),  # bytes as it came
    Column("stream", Text, nullable=False, index=True),  # under whose key it is sealed
    Column("sealed", LargeBinary),  # nonce (12) then AES-256-GCM; null once erased
    Column("state", Text, nullable=False, server_default=State.RECEIVED),
    Column("why", Text),  # a code of ours, and for a bounce the mail system's codes
    Column("sender", LargeBinary),  # HMAC of who it says it is from: to count them by
    Column("reference", Text),
    Column("orders", JSONB),  # what it tells its complaint, in this order
    Column("settled_at", _INSTANT),  # the service's own time
    Column("settled_by", Text),  # a staff id, where a person decided
    CheckConstraint("state IN (" + ", ".join(f"'{state}'" for state in State) + ")", name="state_known"),
)
Index("ix_inbound_received", inbound.c.id, postgresql_where=inbound.c.state == text("'received'"))
Index("ix_inbound_state", inbound.c.state, inbound.c.id)
Index("ix_inbound_sender", inbound.c.sender, inbound.c.received_at)
Index("ix_inbound_reference", inbound.c.reference, inbound.c.id)


class Kept(Frozen):
    """One mail as lists show it: nothing of what it says. `size` in bytes; `received_at` is real time."""

    id: int
    received_at: AwareDatetime
    taken_at: AwareDatetime
    size: int
    state: State
    why: str | None
    reference: str | None
    settled_at: AwareDatetime | None
    settled_by: str | None


class Telling(Frozen):
    """A mail that is placed and whose orders its complaint has not all taken yet."""

    id: int
    reference: str
    orders: tuple[Order, ...]


class MailErased(Exception):  # noqa: N818 - an answer, not a fault
    """The mail's content is gone: its complaint was erased, or it was dropped long ago."""


class Mails:
    """Keeps and opens mails. Its methods take the caller's connection and never commit."""

    def __init__(self, master_key: bytes, texts: Texts) -> None:
        """`master_key` is 32 bytes; the key of the marks is derived from it (HKDF-SHA256)."""
        derived = HKDF(algorithm=SHA256(), length=_MARK_BYTES, salt=None, info=b"redress inbound mail 1")
        self._key = derived.derive(master_key)
        self._keyring: Keyring = texts.keyring

    def mark(self, *parts: bytes) -> bytes:
        """A keyed mark, 32 bytes, by which the same is known again and nothing can be guessed."""
        marked = hmac.new(self._key, digestmod=sha256)
        for part in parts:
            marked.update(len(part).to_bytes(8, "big") + part)
        return marked.digest()

    async def keep(self, conn: AsyncConnection, mark: bytes, raw: bytes, taken_at: datetime) -> bool:
        """Keep a mail; False where it is kept already (delivered twice). In the caller's transaction, which has
        to be on disk before the sender is told that the mail was taken.
        """
        stream = own_stream(mark)
        sealed = await self._sealed(conn, stream, mark, raw)
        row = {"mark": mark, "taken_at": taken_at, "size": len(raw), "stream": stream, "sealed": sealed}
        new = await conn.execute(
            insert(inbound)
            .values(row)
            .on_conflict_do_nothing(index_elements=["mark"])
            .returning(inbound.c.id)
        )
        return new.first() is not None

    async def note_oversized(self, conn: AsyncConnection, taken_at: datetime) -> None:
        """Note that a mail was refused for its size; nothing of it is kept, and no two are known for one."""
        mark = os.urandom(_MARK_BYTES)
        await conn.execute(
            insert(inbound).values(
                mark=mark, taken_at=taken_at, size=0, stream=own_stream(mark), state=State.OVERSIZED
            )
        )

    async def open(self, conn: AsyncConnection, id: int) -> bytes:  # noqa: A002 - the field's own name
        """The mail as it came. Raises KeyError where there is none, MailErased, TextDamaged."""
        row = (await conn.execute(_OPEN, {"id": id})).one_or_none()
        if row is None:
            raise KeyError(id)
        if row.sealed is None or row.wrapped is None:
            raise MailErased
        return self._opened(row)

    def _opened(self, row: Row[Any]) -> bytes:
        cipher = self._keyring.opened(row.stream, row.wrapped)
        nonce, content = row.sealed[:NONCE_BYTES], row.sealed[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, content, _bound_to(row.stream, row.mark))
        except InvalidTag:
            raise TextDamaged(f"mail {row.id}") from None

    async def _sealed(self, conn: AsyncConnection, stream: str, mark: bytes, raw: bytes) -> bytes:
        for _ in range(2):
            wrapped = await self._keyring.wrapped(conn, stream)
            live = (await conn.execute(_LIVE, {"stream": stream})).scalar()
            if live is not None and bytes(live) == wrapped:
                nonce = os.urandom(NONCE_BYTES)
                cipher = self._keyring.opened(stream, wrapped)
                return nonce + cipher.encrypt(nonce, raw, _bound_to(stream, mark))
            self._keyring.forget(stream)  # held from a transaction that never was, or destroyed since
        raise StreamErased(stream)

    async def place(
        self,
        conn: AsyncConnection,
        id: int,  # noqa: A002 - the field's own name
        reference: str,
        orders: Sequence[Order],
        *,
        out_of: Iterable[State],
        at: datetime,
        by: str | None = None,
    ) -> bool:
        """Give a mail to a complaint, with what it tells it; False where it is in another state by now.

        From here on it is sealed under the complaint's key. It is PLACED once every order was taken. In the
        caller's transaction. Raises StreamErased where the complaint's texts were erased.
        """
        row = (await conn.execute(_TAKE, {"id": id, "states": list(out_of)})).one_or_none()
        if row is None:
            return False
        change: dict[str, Any] = {
            "state": State.RECEIVED if orders else State.PLACED,
            "why": None,
            "reference": reference,
            "orders": [order.model_dump(mode="json") for order in orders],
            "settled_at": at,
            "settled_by": by,
        }
        if row.sealed is not None and row.wrapped is not None and row.stream != reference:
            raw = self._opened(row)
            change |= {"stream": reference, "sealed": await self._sealed(conn, reference, row.mark, raw)}
            await conn.execute(_FORGET_KEY, {"stream": row.stream})
            self._keyring.forget(row.stream)
        await conn.execute(update(inbound).where(inbound.c.id == id).values(change))
        return True


async def settle(
    conn: AsyncConnection,
    id: int,  # noqa: A002 - the field's own name
    state: State,
    *,
    out_of: Iterable[State] = (State.RECEIVED,),
    why: str | None = None,
    at: datetime,
    by: str | None = None,
    reference: str | None = None,
) -> bool:
    """Say what became of a mail; False where it is in none of the states `out_of` any more. One statement.

    `why` is a code; `reference` is left as it is where none is given.
    """
    change: dict[str, Any] = {"state": state, "why": why, "settled_at": at, "settled_by": by}
    if reference is not None:
        change["reference"] = reference
    if state is State.UNPLACED:
        change["orders"] = None
    changed = update(inbound).where(inbound.c.id == id, inbound.c.state.in_([*out_of])).values(change)
    return (await conn.execute(changed)).rowcount == 1


async def unread(conn: AsyncConnection, limit: int = 20) -> tuple[Kept, ...]:
    """Mails that nobody has looked at yet, in the order in which they came."""
    query = select(*_SHOWN).where(inbound.c.state == State.RECEIVED, inbound.c.orders.is_(None))
    return await _listed(conn, query.order_by(inbound.c.id).limit(limit))


async def told(conn: AsyncConnection, id: int, why: str | None = None) -> None:  # noqa: A002 - the field's own name
    """The complaint has taken all that a mail tells it; `why` says what of it was refused."""
    change = {"state": State.PLACED, "why": why}
    await conn.execute(
        update(inbound).where(inbound.c.id == id, inbound.c.state == State.RECEIVED).values(change)
    )


async def to_tell(conn: AsyncConnection, limit: int = 100) -> tuple[Telling, ...]:
    """Mails that are placed and not told, in the order in which they came; one that can not be read is logged."""
    rows = await conn.execute(
        select(inbound.c.id, inbound.c.reference, inbound.c.orders)
        .where(inbound.c.state == State.RECEIVED, inbound.c.orders.is_not(None))
        .order_by(inbound.c.id)
        .limit(limit)
    )
    readable: list[Telling] = []
    for row in rows:
        try:
            orders = tuple(Order.model_validate(order) for order in row.orders)
        except ValidationError as error:  # of another version, say; the others must not wait for it
            _log.error("mail not readable", mail=row.id, reference=row.reference, exc_info=error)
            continue
        readable.append(Telling(id=row.id, reference=row.reference, orders=orders))
    return tuple(readable)


async def mark_sender(conn: AsyncConnection, id: int, sender: bytes) -> int:  # noqa: A002 - the field's own name
    """Note whom a mail is from, as a keyed mark; how many came from there within the hour, this one included."""
    await conn.execute(update(inbound).where(inbound.c.id == id).values(sender=sender))
    return int((await conn.execute(_RATE, {"id": id, "sender": sender})).scalar_one())


async def listed(
    conn: AsyncConnection,
    state: State | None = None,
    *,
    reference: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[Kept, ...]:
    """Mails in a state, newest first; `before` is the id where the last page ended."""
    query = select(*_SHOWN).order_by(inbound.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(inbound.c.state == state)
    if reference is not None:
        query = query.where(inbound.c.reference == reference)
    if before is not None:
        query = query.where(inbound.c.id < before)
    return await _listed(conn, query)


async def one(conn: AsyncConnection, id: int) -> Kept | None:  # noqa: A002 - the field's own name
    """One mail, or None."""
    found = await _listed(conn, select(*_SHOWN).where(inbound.c.id == id))
    return found[0] if found else None


async def counts(conn: AsyncConnection) -> dict[State, int]:
    """How many mails there are in each state."""
    rows = await conn.execute(select(inbound.c.state, func.count()).group_by(inbound.c.state))
    return {State(state): many for state, many in rows}


async def sweep(conn: AsyncConnection, older_than: timedelta = KEPT) -> int:
    """Erase the content of mails that nobody has to act on and that are old enough; returns how many."""
    return int((await conn.execute(_SWEEP, {"older_than": older_than})).scalar_one())


def own_stream(mark: bytes) -> str:
    """The name of the key of a mail that belongs to no complaint yet."""
    return f"inbound/{mark.hex()}"


def _bound_to(stream: str, mark: bytes) -> bytes:
    """Associated data: what was moved to another mail or another complaint does not decrypt."""
    return f"mail|{stream}|{mark.hex()}".encode()


_SHOWN = tuple(inbound.c[name] for name in Kept.model_fields)


async def _listed(conn: AsyncConnection, query: Any) -> tuple[Kept, ...]:
    return tuple(Kept(**row._mapping) for row in await conn.execute(query))


_LIVE = text("SELECT wrapped FROM stream_keys WHERE stream = :stream AND destroyed_at IS NULL FOR SHARE")

_OPEN = text(
    """
    SELECT id, mark, stream, sealed, CASE WHEN destroyed_at IS NULL THEN wrapped END AS wrapped
    FROM inbound LEFT JOIN stream_keys USING (stream) WHERE id = :id
    """
)

_TAKE = text(
    """
    SELECT id, mark, stream, sealed, CASE WHEN destroyed_at IS NULL THEN wrapped END AS wrapped
    FROM inbound LEFT JOIN stream_keys USING (stream)
    WHERE id = :id AND state = ANY (CAST(:states AS text[])) FOR UPDATE OF inbound
    """
)

_FORGET_KEY = text("DELETE FROM stream_keys WHERE stream = :stream AND stream LIKE 'inbound/%'")

_RATE = text(
    """
    SELECT count(*) FROM inbound AS this JOIN inbound AS others ON others.sender = this.sender
        AND others.received_at BETWEEN this.received_at - interval '1 hour' AND this.received_at
    WHERE this.id = :id AND this.sender = :sender
    """
)

_SWEEP = text(
    """
    WITH old AS (
        UPDATE inbound SET sealed = NULL
        WHERE sealed IS NOT NULL AND received_at < now() - CAST(:older_than AS interval)
            AND state IN ('dropped', 'bounce', 'auto_reply', 'loop', 'oversized')
        RETURNING stream
    ), forgotten AS (
        DELETE FROM stream_keys USING old WHERE stream_keys.stream = old.stream AND old.stream LIKE 'inbound/%'
    )
    SELECT count(*) FROM old
    """
)
