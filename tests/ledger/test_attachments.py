"""Attached files: streamed both ways, of the kind they claim to be, provably whole, and erasable."""

import hashlib
import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Refused, TextRef
from ledger.attachments import CHUNK_BYTES, Attachments
from ledger.file_types import MEDIA_TYPES, check_type
from ledger.orphans import sweep_attachments
from ledger.texts import StreamErased, TextConflict, TextDamaged, Texts, destroy_key

STREAM = "7K2M-9QF3-XA5C"
NAME = TextRef(id="name-1", digest="00")
PDF = b"%PDF-1.7\n" + random.Random(311).randbytes(3 * CHUNK_BYTES + 17)  # noqa: S311 - only has to vary


@pytest.fixture
def files(engine: AsyncEngine) -> Attachments:
    return Attachments(engine, Texts(bytes(32)))


async def pieces(content: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def checked(files: Attachments, engine: AsyncEngine, pairs: list[tuple[str, str]]) -> dict[str, str]:
    async with engine.connect() as conn:
        return await files.check(conn, pairs)


async def whole(files: Attachments, id_: str) -> bytes:
    return b"".join([part async for part in files.read(id_)])


@pytest.mark.parametrize(
    "length", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, len(PDF)]
)
async def test_a_file_comes_back_as_it_was_sent(files: Attachments, engine: AsyncEngine, length: int) -> None:
    content = (b"a" * length) if length == 1 else PDF[:length]
    kind = "text/plain; charset=utf-8" if length == 1 else "application/pdf"
    ref = await files.store(STREAM, "f1", NAME, kind, pieces(content))
    assert (ref.size, ref.media_type, ref.filename) == (length, kind.partition(";")[0], NAME)
    assert await whole(Attachments(engine, Texts(bytes(32))), "f1") == content
    assert await checked(files, engine, [("f1", ref.digest)]) == {}
    async with engine.connect() as conn:
        salt = (await conn.execute(text("SELECT salt FROM attachments"))).scalar_one()
        assert ref.digest == hashlib.sha256(salt + content).hexdigest()
        found = await files.find(conn, "f1")
        assert found is not None
        assert (found.size, found.digest, found.stream, found.erased) == (length, ref.digest, STREAM, False)


async def test_no_more_than_a_few_chunks_are_ever_held(files: Attachments) -> None:
    """Each chunk is stored before much more is asked of the sender."""
    asked = 0

    async def sender() -> AsyncIterator[bytes]:
        nonlocal asked
        yield PDF[:CHUNK_BYTES]
        while asked < 40:
            asked += 1
            async with files._engine.connect() as conn:
                stored = (await conn.execute(text("SELECT count(*) FROM attachment_chunks"))).scalar_one()
            assert asked - stored <= 2
            yield bytes(CHUNK_BYTES)

    ref = await files.store(STREAM, "f1", NAME, "application/pdf", sender(), 100 * CHUNK_BYTES)
    assert ref.size == 41 * CHUNK_BYTES


@pytest.mark.parametrize(
    ("kind", "content", "code", "says"),
    [
        ("image/png", b"MZ\x90\x00" + bytes(100), "file_type_wrong", "sent as a PNG picture, but it is none"),
        ("application/x-msdownload", b"MZ\x90\x00", "file_type_not_allowed", "PDF document"),
        ("text/html", b"<script>", "file_type_not_allowed", "can not be attached"),
        ("image/svg+xml", b"<svg/>", "file_type_not_allowed", "can not be attached"),
        ("text/plain", b"\x7fELF\x02\x01\x01\x00", "file_type_wrong", "sent as a plain text"),
        ("text/csv", "Beschwerde;für".encode("latin-1"), "file_type_wrong", "table as text"),
        ("application/pdf", b"", "file_empty", "empty"),
        ("application/pdf", PDF, "file_too_large", "200 KiB at most"),
    ],
)
async def test_what_may_not_be_attached_is_refused_in_a_sentence(  # noqa: PLR0917 - the table's columns
    files: Attachments, engine: AsyncEngine, kind: str, content: bytes, code: str, says: str
) -> None:
    with pytest.raises(Refused) as refusal:
        await files.store(STREAM, "f1", NAME, kind, pieces(content), 200 * 1024)
    assert refusal.value.code == code
    assert says in refusal.value.sentence
    async with engine.connect() as conn:
        assert await files.find(conn, "f1") is None
    with pytest.raises(KeyError):
        await whole(files, "f1")


def test_a_text_may_be_cut_within_a_character_where_the_look_at_it_ends() -> None:
    for shift in range(4):
        assert check_type("text/plain", (b" " * shift + "投訴".encode() * 1000)[:4096]) == "text/plain"
    assert "text/html" not in MEDIA_TYPES


async def test_the_same_file_sent_again_gives_the_same_reference_and_another_is_refused(
    files: Attachments, engine: AsyncEngine
) -> None:
    first = await files.store(STREAM, "f1", NAME, "application/pdf", pieces(PDF))
    assert await files.store(STREAM, "f1", NAME, "application/pdf", pieces(PDF, 7777)) == first
    with pytest.raises(TextConflict):
        await files.store(STREAM, "f1", NAME, "application/pdf", pieces(PDF + b"!"))
    with pytest.raises(TextConflict):
        await files.store("another", "f1", NAME, "application/pdf", pieces(PDF))
    assert await whole(files, "f1") == PDF


async def test_a_file_whose_sender_broke_off_can_be_sent_again(
    files: Attachments, engine: AsyncEngine
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield PDF[: 2 * CHUNK_BYTES + 1]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await files.store(STREAM, "f1", NAME, "application/pdf", broken())
    with pytest.raises(KeyError):
        await whole(files, "f1")
    await files.store(STREAM, "f1", NAME, "application/pdf", pieces(PDF))
    assert await whole(files, "f1") == PDF


async def test_of_two_who_send_the_same_id_at_once_one_is_told_to_send_again(files: Attachments) -> None:
    async def overtaken() -> AsyncIterator[bytes]:
        yield PDF[: 2 * CHUNK_BYTES]
        await files.store(STREAM, "f1", NAME, "application/pdf", pieces(PDF))
        yield PDF[2 * CHUNK_BYTES :]

    with pytest.raises(Refused) as refusal:
        await files.store(STREAM, "f1", NAME, "application/pdf", overtaken())
    assert refusal.value.code == "upload_overtaken"
    assert await whole(files, "f1") == PDF


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM attachment_chunks WHERE number = 3",
        "DELETE FROM attachment_chunks WHERE number = 0",
        "UPDATE attachment_chunks SET number = number + 10 WHERE number IN (1, 2);"
        "UPDATE attachment_chunks SET number = 13 - number + 0 WHERE number IN (11, 12)",
        "DELETE FROM attachment_chunks WHERE number = 3; UPDATE attachment_chunks SET last = 1 WHERE number = 2",
        "UPDATE attachment_chunks SET sealed = set_byte(sealed, 500, get_byte(sealed, 500) # 1) WHERE number = 1",
    ],
    ids=["end cut off", "beginning cut off", "parts swapped", "end cut off and hidden", "one bit changed"],
)
async def test_a_file_that_was_tampered_with_is_found(
    files: Attachments, engine: AsyncEngine, harm: str
) -> None:
    ref = await files.store(STREAM, "f1", NAME, "application/pdf", pieces(PDF))
    async with engine.begin() as conn:
        for statement in harm.split(";"):
            await conn.execute(text(statement))
    with pytest.raises(TextDamaged):
        await whole(files, "f1")
    assert "changed, moved or cut off" in (await checked(files, engine, [("f1", ref.digest)]))["f1"]


async def test_the_check_finds_a_missing_file_and_another_one(
    files: Attachments, engine: AsyncEngine
) -> None:
    await files.store(STREAM, "f1", NAME, "application/pdf", pieces(PDF))
    wrong = await checked(files, engine, [("f1", "00" * 32), ("gone", "00" * 32)])
    assert "digest differs" in wrong["f1"]
    assert "not stored" in wrong["gone"]


async def test_an_erased_file_is_gone_for_good(files: Attachments, engine: AsyncEngine) -> None:
    ref = await files.store(STREAM, "f1", NAME, "application/pdf", pieces(PDF))
    reading = files.read("f1")
    assert await anext(reading)
    async with engine.begin() as conn:
        await destroy_key(conn, STREAM)
    with pytest.raises(StreamErased):
        await anext(reading)
    with pytest.raises(StreamErased):
        await whole(files, "f1")
    with pytest.raises(StreamErased):
        await files.store(STREAM, "f2", NAME, "application/pdf", pieces(PDF))
    assert await checked(files, engine, [("f1", ref.digest)]) == {}
    async with engine.connect() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM attachment_chunks"))).scalar_one() == 0
        found = await files.find(conn, "f1")
        assert found is not None
        assert found.erased


async def test_the_sweep_takes_files_that_were_never_attached(
    files: Attachments, engine: AsyncEngine
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield PDF[: 2 * CHUNK_BYTES]
        raise ConnectionResetError

    for id_ in ("attached", "left"):
        await files.store(STREAM, id_, NAME, "application/pdf", pieces(PDF))
    with pytest.raises(ConnectionResetError):
        await files.store(STREAM, "half", NAME, "application/pdf", broken())
    async with engine.begin() as conn:
        await conn.execute(
            text(
                "INSERT INTO events"
                " (stream, sequence, v, type, occurred_at, recorded_at, actor, body, previous, hash)"
                " VALUES (:stream, 1, 1, 'EvidenceAttached', now(), now(), 'usr_ana', :body, :hash, :hash)"
            ),
            {"stream": STREAM, "body": '{"attachment":{"id":"attached"}}', "hash": bytes(32)},
        )
        assert await sweep_attachments(conn) == 0, "nothing is old enough"
        await conn.execute(text("UPDATE attachments SET created_at = now() - interval '3 days'"))
        assert await sweep_attachments(conn) == 2
        assert (await conn.execute(text("SELECT id FROM attachments"))).scalars().all() == ["attached"]
        assert await sweep_attachments(conn) == 0
    assert await whole(files, "attached") == PDF
