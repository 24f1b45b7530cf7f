"""Personal data and free text: encrypted beside the record, under one key per stream, and truly erasable."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Column, DateTime, Index, LargeBinary, Table, Text, bindparam, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import TextRef
from ledger.metadata import metadata

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
SALT_BYTES: Final = 16
_KEYS_HELD = 4096
_TRIES = 3
_K = TypeVar("_K")
_V = TypeVar("_V")

stream_keys = Table(
    "stream_keys",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("wrapped", LargeBinary),  # nonce (12) then AES-256-GCM of the data key; null once destroyed
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("destroyed_at", DateTime(timezone=True)),
)

texts = Table(
    "texts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("stream", Text, nullable=False, index=True),
    Column("nonce", LargeBinary),
    Column("salt", LargeBinary),
    Column("ciphertext", LargeBinary),  # null, as nonce and salt, once erased: the row stays as a tombstone
    Column("digest", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("claimed_at", DateTime(timezone=True)),  # when the sweep found it in the record
)
Index("ix_texts_unclaimed", texts.c.created_at, postgresql_where=texts.c.claimed_at.is_(None))


class Erased(Enum):
    """Stands where a text was before its stream's key was destroyed."""

    ERASED = "erased"

    def __bool__(self) -> bool:
        return False


ERASED: Final = Erased.ERASED


class TextConflict(Exception):  # noqa: N818 - the same id was sent with another text
    """A text of this id is stored already, and it is another one. Names the id only."""

    def __init__(self, id: str) -> None:  # noqa: A002 - the field's own name
        super().__init__(f"another text is stored under {id}")
        self.id = id


class StreamErased(Exception):  # noqa: N818 - an answer, not a fault
    """The stream's key was destroyed: nothing can be written to it or read from it any more."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"the texts of {stream} were erased")
        self.stream = stream


class TextDamaged(Exception):  # noqa: N818 - says what the text is
    """What is stored does not decrypt: it was changed, or the master key is another one."""

    def __init__(self, id: str) -> None:  # noqa: A002 - the field's own name
        super().__init__(f"the stored text {id} does not decrypt under its stream's key")
        self.id = id


def salted_digest(salt: bytes, content: bytes) -> str:
    """Hex SHA-256 over the salt followed by the content: what the chain holds of a text."""
    return hashlib.sha256(salt + content).hexdigest()


class Keyring:
    """The data keys of streams, unwrapped. A key is only ever used together with its row in the database,
    so that one which was destroyed there can not live on in here.
    """

    def __init__(self, master_key: bytes) -> None:
        """`master_key` is 32 bytes; what wraps the keys is derived from it (HKDF-SHA256), not itself."""
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"the master key has {len(master_key)} bytes, not {KEY_BYTES}")
        derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"redress stream keys 1")
        self._wrapping = AESGCM(derived.derive(master_key))
        self._wrapped: OrderedDict[str, bytes] = OrderedDict()
        self._opened: OrderedDict[bytes, AESGCM] = OrderedDict()

    def opened(self, stream: str, wrapped: bytes) -> AESGCM:
        """The cipher of a stream whose row holds `wrapped`. Raises TextDamaged where it does not unwrap."""
        found = self._opened.get(wrapped)
        if found is not None:
            self._opened.move_to_end(wrapped)
            return found
        try:
            key = self._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _key_bound_to(stream))
        except InvalidTag:
            raise TextDamaged(f"key of {stream}") from None
        _remember(self._opened, wrapped, AESGCM(key))
        return self._opened[wrapped]

    async def wrapped(self, conn: AsyncConnection, stream: str, *, lazily: bool = False) -> bytes:
        """The stream's wrapped key, made if there is none: no round trip where it is known, else one.

        `lazily` as in Texts.put. Raises StreamErased.
        """
        known = self._wrapped.get(stream)
        if known is not None:
            self._wrapped.move_to_end(stream)
            return known
        nonce = os.urandom(NONCE_BYTES)
        fresh = nonce + self._wrapping.encrypt(nonce, os.urandom(KEY_BYTES), _key_bound_to(stream))
        stored = (
            await conn.execute(_MAKE_KEY, {"stream": stream, "wrapped": fresh, "lazily": lazily})
        ).scalar_one()
        if stored is None:
            raise StreamErased(stream)
        _remember(self._wrapped, stream, bytes(stored))
        return bytes(stored)

    def forget(self, stream: str) -> None:
        """Drop what is held of a stream; the next use asks the database."""
        wrapped = self._wrapped.pop(stream, None)
        if wrapped is not None:
            self._opened.pop(wrapped, None)


class Texts:
    """Stores, reads and checks texts. Its methods take the caller's connection and never commit."""

    def __init__(self, master_key: bytes) -> None:
        """`master_key` is 32 bytes. Keep one of these per process: it holds unwrapped keys."""
        self.keyring = Keyring(master_key)

    async def put(
        self, conn: AsyncConnection, stream: str, items: Mapping[str, str], *, lazily: bool = False
    ) -> dict[str, TextRef]:
        """Store the texts of one command: {id: text} in, {id: its reference} out.

        Ids are made from the command's id and the field's path, so that sending it again finds the same.
        An id that is stored with the same text gives the stored reference. One round trip, and one more
        where the stream's key is not held here yet; each statement is whole in itself, so that a
        connection in autocommit will do. `lazily` does not wait for the disk: only where the caller commits
        something else before anyone is told (see `database.LAZILY`). Raises TextConflict and StreamErased.
        """
        if not items:
            return {}
        contents = {id_: given.encode() for id_, given in items.items()}
        for _ in range(_TRIES):
            wrapped = await self.keyring.wrapped(conn, stream, lazily=lazily)
            stored = await self._insert(conn, stream, wrapped, contents, lazily)
            if stored is None:  # the key is not the one held here: ask again, it may be destroyed
                self.keyring.forget(stream)
            elif len(stored) == len(contents):
                return {id_: TextRef(id=id_, digest=stored[id_]) for id_ in items}
            # Otherwise somebody stored the same id in this very moment; the next look sees it.
        raise StreamErased(stream)

    async def _insert(
        self,
        conn: AsyncConnection,
        stream: str,
        wrapped: bytes,
        contents: Mapping[str, bytes],
        lazily: bool,
    ) -> dict[str, str] | None:
        """{id: digest} of what is stored now, or None where `wrapped` is not the stream's key any more."""
        cipher = self.keyring.opened(stream, wrapped)
        nonces = [os.urandom(NONCE_BYTES) for _ in contents]
        salts = [os.urandom(SALT_BYTES) for _ in contents]
        given = zip(contents.items(), nonces, strict=True)
        sealed = [cipher.encrypt(nonce, content, _bound_to(stream, id_)) for (id_, content), nonce in given]
        digests = [
            salted_digest(salt, content) for salt, content in zip(salts, contents.values(), strict=True)
        ]
        rows = await conn.execute(
            _PUT,
            {
                "stream": stream,
                "wrapped": wrapped,
                "ids": list(contents),
                "nonces": nonces,
                "salts": salts,
                "ciphertexts": sealed,
                "digests": digests,
                "lazily": lazily,
            },
        )
        out: dict[str, str] = {}
        live = False
        for row in rows:
            live = live or row.live
            if row.id is None:
                continue
            if row.found_stream is not None:  # it was there before
                if row.found_stream != stream:
                    raise TextConflict(row.id)
                if row.salt is None:
                    raise StreamErased(stream)
                if salted_digest(row.salt, contents[row.id]) != row.digest:
                    raise TextConflict(row.id)
            out[row.id] = row.digest
        return out if live else None

    async def get(self, conn: AsyncConnection, ids: Iterable[str]) -> dict[str, str | Erased]:
        """The texts of these ids, in one round trip; ERASED where the key was destroyed.

        An id that is not stored is left out. Raises TextDamaged.
        """
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return {}
        out: dict[str, str | Erased] = {}
        for row in await conn.execute(_GET, {"ids": wanted}):
            out[row.id] = ERASED if _gone(row) else self._open(row).decode()
        return out

    def _open(self, row: Any) -> bytes:
        cipher = self.keyring.opened(row.stream, row.wrapped)
        try:
            return cipher.decrypt(row.nonce, row.ciphertext, _bound_to(row.stream, row.id))
        except InvalidTag:
            raise TextDamaged(row.id) from None

    async def check(self, conn: AsyncConnection, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
        """What is wrong with these (id, digest) pairs of the record: {id: a sentence}, empty if nothing is.

        Each text is decrypted and its digest worked out again; an erased one is in order. One round trip.
        """
        wanted = dict(pairs)
        rows = {row.id: row for row in await conn.execute(_GET, {"ids": list(wanted)})} if wanted else {}
        wrong: dict[str, str] = {}
        for id_, digest in wanted.items():
            row = rows.get(id_)
            if row is None:
                wrong[id_] = f"The record refers to text {id_}, which is not stored."
            elif _gone(row):
                continue
            else:
                sentence = self._judged(row, digest)
                if sentence is not None:
                    wrong[id_] = sentence
        return wrong

    def _judged(self, row: Any, digest: str) -> str | None:
        try:
            content = self._open(row)
        except TextDamaged:
            return f"Text {row.id} does not decrypt: it was changed, or the master key is another one."
        if salted_digest(row.salt, content) != digest:
            return f"Text {row.id} is not the one that the record refers to: its digest differs."
        return None


async def destroy_key(conn: AsyncConnection, stream: str) -> None:
    """Erase a stream's texts and files for good: the key, all ciphertexts, and the salts of the digests.

    What is left in the chain is digests that nothing can be guessed from. Rows of texts stay as
    tombstones. Part of the caller's transaction; a stream that never had a key gets none any more.
    """
    for statement in _DESTROY:
        await conn.execute(statement, {"stream": stream})


def _gone(row: Any) -> bool:
    return row.wrapped is None or row.ciphertext is None


def _bound_to(stream: str, id_: str) -> bytes:
    """Associated data: a ciphertext moved to another stream or id does not decrypt."""
    return f"{stream}|{id_}".encode()


def _key_bound_to(stream: str) -> bytes:
    return f"stream key|{stream}".encode()


def _remember(held: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    held[key] = value
    if len(held) > _KEYS_HELD:
        held.popitem(last=False)


# The update changes nothing; it makes the row that is there already come back in the same round trip.
_MAKE_KEY = text(
    """
    INSERT INTO stream_keys AS held (stream, wrapped) VALUES (:stream, :wrapped)
    ON CONFLICT (stream) DO UPDATE SET stream = held.stream
    RETURNING CASE WHEN destroyed_at IS NULL THEN wrapped END,
        CASE WHEN :lazily THEN set_config('synchronous_commit', 'off', true) END
    """
).bindparams(bindparam("wrapped", type_=LargeBinary))

# `live` locks the key against being destroyed while texts are written under it, and is empty where it
# is gone or another one. `found` sees what was stored before this statement.
_PUT = text(
    """
    WITH live AS (
        SELECT stream FROM stream_keys
        WHERE stream = :stream AND destroyed_at IS NULL AND wrapped = :wrapped FOR SHARE
    ), given AS (
        SELECT * FROM unnest(:ids, :nonces, :salts, :ciphertexts, :digests)
            AS g (id, nonce, salt, ciphertext, digest)
    ), inserted AS (
        INSERT INTO texts (id, stream, nonce, salt, ciphertext, digest)
        SELECT given.id, live.stream, nonce, salt, ciphertext, digest FROM given, live
        ON CONFLICT (id) DO NOTHING
        RETURNING id, digest
    ), found AS (
        SELECT texts.id, texts.digest, texts.stream, texts.salt FROM texts JOIN given USING (id)
    )
    SELECT EXISTS (SELECT FROM live) AS live, stored.*,
        CASE WHEN :lazily THEN set_config('synchronous_commit', 'off', true) END
    FROM (SELECT) AS one LEFT JOIN (
        SELECT id, digest, NULL AS found_stream, NULL::bytea AS salt FROM inserted
        UNION ALL SELECT id, digest, stream, salt FROM found
    ) AS stored ON true
    """
).bindparams(
    bindparam("wrapped", type_=LargeBinary),
    bindparam("ids", type_=ARRAY(Text)),
    bindparam("nonces", type_=ARRAY(LargeBinary)),
    bindparam("salts", type_=ARRAY(LargeBinary)),
    bindparam("ciphertexts", type_=ARRAY(LargeBinary)),
    bindparam("digests", type_=ARRAY(Text)),
)

_GET = text(
    """
    SELECT texts.id, texts.stream, nonce, salt, ciphertext,
        CASE WHEN destroyed_at IS NULL THEN wrapped END AS wrapped
    FROM texts LEFT JOIN stream_keys USING (stream) WHERE texts.id = ANY (:ids)
    """
).bindparams(bindparam("ids", type_=ARRAY(Text)))

_DESTROY = (
    text(
        """
        INSERT INTO stream_keys (stream, wrapped, destroyed_at) VALUES (:stream, NULL, now())
        ON CONFLICT (stream) DO UPDATE
            SET wrapped = NULL, destroyed_at = coalesce(stream_keys.destroyed_at, now())
        """
    ),
    text("UPDATE texts SET nonce = NULL, salt = NULL, ciphertext = NULL WHERE stream = :stream"),
    text(
        """
        DELETE FROM attachment_chunks USING attachments
        WHERE attachments.stream = :stream AND attachment_chunks.attachment = attachments.id
        """
    ),
    text("UPDATE attachments SET salt = NULL WHERE stream = :stream"),
    text("UPDATE inbound SET sealed = NULL WHERE stream = :stream"),
)
