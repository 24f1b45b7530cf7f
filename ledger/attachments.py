"""Attached files: streamed in and out in encrypted chunks, never whole in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from sqlalchemy import (
    BigInteger,
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
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.base import AttachmentRef, Frozen, Refused, TextRef
from ledger.database import autocommit
from ledger.file_types import SNIFFED_BYTES, check_type
from ledger.metadata import metadata
from ledger.texts import NONCE_BYTES, SALT_BYTES, Keyring, StreamErased, TextConflict, TextDamaged, Texts

CHUNK_BYTES: Final = 128 * 1024
LARGEST_BYTES: Final = 25 * 1024 * 1024
"""The largest file taken unless told otherwise: what mail systems commonly let through."""

attachments = Table(
    "attachments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("stream", Text, nullable=False, index=True),
    Column("media_type", Text, nullable=False),
    Column("filename_text", Text, nullable=False),
    Column("salt", LargeBinary),  # null once erased
    Column("digest", Text),  # null until the whole file is there
    Column("size", BigInteger),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("claimed_at", DateTime(timezone=True)),  # when the sweep found it in the record
)
Index(
    "ix_attachments_unclaimed", attachments.c.created_at, postgresql_where=attachments.c.claimed_at.is_(None)
)

attachment_chunks = Table(
    "attachment_chunks",
    metadata,
    Column("attachment", Text, ForeignKey("attachments.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),  # 1 for the last chunk; bound into its encryption
    Column("sealed", LargeBinary, nullable=False),  # nonce (12) then AES-256-GCM
)


class StoredFile(Frozen):
    """What is known of a complete file without opening it. `size` in bytes."""

    id: str
    stream: str
    media_type: str
    filename_text: str
    size: int
    digest: str
    erased: bool


class Attachments:
    """Stores and reads files under the keys of the streams they belong to."""

    def __init__(self, engine: AsyncEngine, texts: Texts) -> None:
        # Each statement stands for itself: no transaction waits for a slow sender or reader.
        self._engine = autocommit(engine)
        self._keyring: Keyring = texts.keyring

    async def store(  # noqa: PLR0917 - in the order in which one tells of a file
        self,
        stream: str,
        id: str,  # noqa: A002 - the field's own name
        filename: TextRef,
        media_type: str,
        chunks: AsyncIterator[bytes],
        limit_bytes: int = LARGEST_BYTES,
    ) -> AttachmentRef:
        """Take in a file, at most `limit_bytes` long, holding no more than a few chunks of it at once.

        The same id with the same bytes gives the stored reference again; a half-sent one begins anew.
        Raises Refused (`file_too_large`, `file_empty`, `file_type_not_allowed`, `file_type_wrong`,
        `upload_overtaken`), TextConflict where other bytes are stored under the id, StreamErased.
        """
        parts = _chunked(_limited(chunks, limit_bytes))
        number, content, last = await anext(parts)
        media_type = check_type(media_type, content[:SNIFFED_BYTES])
        async with self._engine.connect() as conn:
            wrapped = await self._keyring.wrapped(conn, stream)
            row = (
                await conn.execute(
                    _BEGIN,
                    {
                        "id": id, "stream": stream, "media_type": media_type, "filename": filename.id,
                        "salt": os.urandom(SALT_BYTES), "wrapped": wrapped,
                    },
                )
            ).one_or_none()  # fmt: skip
        if row is None:
            self._keyring.forget(stream)
            raise StreamErased(stream)
        if row.stream != stream:
            raise TextConflict(id)
        if row.salt is None:
            raise StreamErased(stream)
        hashed = hashlib.sha256(row.salt)
        size = 0
        cipher = self._keyring.opened(stream, wrapped)
        while True:
            hashed.update(content)
            size += len(content)
            if row.digest is None:
                nonce = os.urandom(NONCE_BYTES)
                sealed = nonce + cipher.encrypt(nonce, content, _bound_to(stream, id, number, last))
                await self._add(id, number, last, sealed, row.salt)
            if last:
                break
            number, content, last = await anext(parts)
        digest = hashed.hexdigest()
        if row.digest is None:
            await self._complete(id, digest, size, row.salt)
        elif row.digest != digest:
            raise TextConflict(id)
        return AttachmentRef(id=id, digest=digest, size=size, media_type=media_type, filename=filename)

    async def _add(self, id_: str, number: int, last: bool, sealed: bytes, salt: bytes) -> None:
        row = {"id": id_, "number": number, "last": int(last), "sealed": sealed, "salt": salt}
        try:
            async with self._engine.connect() as conn:
                added = (await conn.execute(_ADD, row)).rowcount
        except IntegrityError:
            added = 0
        if added != 1:
            raise _overtaken()

    async def _complete(self, id_: str, digest: str, size: int, salt: bytes) -> None:
        async with self._engine.connect() as conn:
            row = {"id": id_, "digest": digest, "size": size, "salt": salt}
            if (await conn.execute(_COMPLETE, row)).rowcount != 1:
                raise _overtaken()

    async def find(self, conn: AsyncConnection, id: str) -> StoredFile | None:  # noqa: A002 - the field's own name
        """What is known of a complete file, or None."""
        row = (await conn.execute(_FIND, {"ids": [id]})).one_or_none()
        return None if row is None else _stored(row)

    async def read(self, id: str) -> AsyncIterator[bytes]:  # noqa: A002 - the field's own name
        """The file's bytes, chunk by chunk, each decrypted and proven to be in its place.

        Raises KeyError for an id that is not (wholly) there, StreamErased once erased, and TextDamaged
        where a chunk was changed, moved or cut off; what came before it has then been given out.
        """
        async with self._engine.connect() as conn:
            row = (await conn.execute(_FIND, {"ids": [id]})).one_or_none()
        if row is None:
            raise KeyError(id)
        number, size, last = 0, 0, False
        while not last:
            async with self._engine.connect() as conn:
                chunk = (await conn.execute(_CHUNK, {"id": id, "number": number})).one_or_none()
            if chunk is None:
                async with self._engine.connect() as conn:
                    row = (await conn.execute(_FIND, {"ids": [id]})).one_or_none()
                if row is None or row.wrapped is None:
                    raise StreamErased(id if row is None else row.stream)
                raise TextDamaged(id)
            last = bool(chunk.last)
            cipher = self._keyring.opened(chunk.stream, chunk.wrapped)
            bound = _bound_to(chunk.stream, id, number, last)
            try:
                content = cipher.decrypt(chunk.sealed[:NONCE_BYTES], chunk.sealed[NONCE_BYTES:], bound)
            except InvalidTag:
                raise TextDamaged(id) from None
            size += len(content)
            number += 1
            yield content
        if size != row.size:
            raise TextDamaged(id)

    async def check(self, conn: AsyncConnection, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
        """What is wrong with these (id, digest) pairs of the record: {id: a sentence}; erased is in order.

        Reads and decrypts every file through, one chunk at a time, on a connection of its own.
        """
        wrong: dict[str, str] = {}
        for id_, digest in dict(pairs).items():
            row = (await conn.execute(_FIND, {"ids": [id_]})).one_or_none()
            if row is None:
                wrong[id_] = f"The record refers to file {id_}, which is not stored."
                continue
            if row.salt is None or row.wrapped is None:
                continue
            hashed = hashlib.sha256(row.salt)
            try:
                async for content in self.read(id_):
                    hashed.update(content)
            except StreamErased:
                continue
            except TextDamaged:
                wrong[id_] = f"File {id_} does not decrypt whole: a part was changed, moved or cut off."
                continue
            if hashed.hexdigest() != digest:
                wrong[id_] = f"File {id_} is not the one that the record refers to: its digest differs."
        return wrong


async def _limited(chunks: AsyncIterator[bytes], limit_bytes: int) -> AsyncIterator[bytes]:
    seen = 0
    async for chunk in chunks:
        seen += len(chunk)
        if seen > limit_bytes:
            raise Refused(
                "file_too_large", f"A file may have {limit_bytes // 1024} KiB at most; send a smaller one."
            )
        yield chunk


async def _chunked(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, bytes, bool]]:
    """The same bytes as (number, CHUNK_BYTES of content, whether it is the last); the last may be shorter."""
    held = bytearray()
    number = 0
    async for chunk in chunks:
        held += chunk
        while len(held) > CHUNK_BYTES:  # one that is exactly full may be the last: wait for more
            yield number, bytes(held[:CHUNK_BYTES]), False
            del held[:CHUNK_BYTES]
            number += 1
    if number == 0 and not held:
        raise Refused("file_empty", "This file is empty; choose another.")
    yield number, bytes(held), True


def _bound_to(stream: str, id_: str, number: int, last: bool) -> bytes:
    """Associated data: a chunk that was moved, or after which the rest was cut off, does not decrypt."""
    return f"file|{stream}|{id_}|{number}|{int(last)}".encode()


def _overtaken() -> Refused:
    return Refused(
        "upload_overtaken", "This file was sent a second time while it was still coming in; send it again."
    )


def _stored(row: Any) -> StoredFile:
    return StoredFile(
        id=row.id, stream=row.stream, media_type=row.media_type, filename_text=row.filename_text,
        size=row.size, digest=row.digest, erased=row.salt is None or row.wrapped is None,
    )  # fmt: skip


# A complete file of this id comes back as it is; a half-sent one is thrown away with its chunks (whose
# sender then finds that its salt is not the file's any more).
_BEGIN = text(
    """
    WITH live AS (
        SELECT stream FROM stream_keys
        WHERE stream = :stream AND destroyed_at IS NULL AND wrapped = :wrapped FOR SHARE
    ), cleared AS (
        DELETE FROM attachment_chunks USING attachments
        WHERE attachments.id = :id AND attachments.digest IS NULL AND attachment = attachments.id
            AND EXISTS (SELECT FROM live)
    ), begun AS (
        INSERT INTO attachments AS held (id, stream, media_type, filename_text, salt)
        SELECT :id, live.stream, :media_type, :filename, :salt FROM live
        ON CONFLICT (id) DO UPDATE SET
            salt = CASE WHEN held.digest IS NULL THEN excluded.salt ELSE held.salt END,
            media_type = CASE WHEN held.digest IS NULL THEN excluded.media_type ELSE held.media_type END,
            filename_text =
                CASE WHEN held.digest IS NULL THEN excluded.filename_text ELSE held.filename_text END
        RETURNING stream, salt, digest
    )
    SELECT stream, salt, digest FROM begun
    """
).bindparams(bindparam("wrapped", type_=LargeBinary), bindparam("salt", type_=LargeBinary))

_ADD = text(
    """
    INSERT INTO attachment_chunks (attachment, number, last, sealed)
    SELECT id, :number, :last, :sealed FROM attachments
    WHERE id = :id AND salt = :salt AND digest IS NULL FOR SHARE
    """
).bindparams(
    bindparam("number", type_=Integer),
    bindparam("last", type_=Integer),
    bindparam("sealed", type_=LargeBinary),
    bindparam("salt", type_=LargeBinary),
)

_COMPLETE = text(
    "UPDATE attachments SET digest = :digest, size = :size WHERE id = :id AND salt = :salt AND digest IS NULL"
).bindparams(bindparam("size", type_=BigInteger), bindparam("salt", type_=LargeBinary))

_FIND = text(
    """
    SELECT id, stream, media_type, filename_text, size, digest, salt,
        CASE WHEN destroyed_at IS NULL THEN wrapped END AS wrapped
    FROM attachments LEFT JOIN stream_keys USING (stream) WHERE id = ANY (:ids) AND digest IS NOT NULL
    """
).bindparams(bindparam("ids", type_=ARRAY(Text)))

_CHUNK = text(
    """
    SELECT stream, last, sealed, wrapped FROM attachment_chunks
    JOIN attachments ON attachments.id = attachment JOIN stream_keys USING (stream)
    WHERE attachment = :id AND number = :number AND destroyed_at IS NULL
    """
).bindparams(bindparam("number", type_=Integer))
