"""Texts: what was written comes back, nothing lies in clear, and what was erased stays erased."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import TextClause, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.database import autocommit
from ledger.orphans import sweep_texts
from ledger.texts import ERASED, StreamErased, TextConflict, TextDamaged, Texts, destroy_key
from tests.support.waiting import eventually

MASTER = bytes(range(32))
STREAM = "7K2M-9QF3-XA5C"
WORDS = {"t1": "The kettle burnt my hand. 投訴：水壺燙傷了我的手。", "t2": "", "t3": "x" * 100_000}


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as conn:
        yield conn


async def scalar(conn: AsyncConnection, query: str) -> object:
    return (await conn.execute(text(query))).scalar()


async def test_what_was_written_is_read_again_by_another_process(conn: AsyncConnection) -> None:
    refs = await Texts(MASTER).put(conn, STREAM, WORDS)
    assert await Texts(MASTER).get(conn, WORDS) == WORDS
    assert await Texts(MASTER).check(conn, [(ref.id, ref.digest) for ref in refs.values()]) == {}


async def test_the_database_holds_neither_the_words_nor_a_digest_of_the_words_alone(
    conn: AsyncConnection,
) -> None:
    refs = await Texts(MASTER).put(conn, STREAM, WORDS)
    rows = (await conn.execute(text("SELECT t::text AS said, salt, digest, id FROM texts AS t"))).all()
    assert len(rows) == 3
    for row in rows:
        plain = WORDS[row.id].encode()
        assert not plain or (plain.hex() not in row.said and WORDS[row.id] not in row.said)
        assert row.digest == refs[row.id].digest != hashlib.sha256(plain).hexdigest()
        assert row.digest == hashlib.sha256(row.salt + plain).hexdigest()  # as docs/ledger-format says
    assert len({row.salt for row in rows}) == 3


async def test_sending_the_same_again_changes_nothing_and_gives_the_same_references(
    conn: AsyncConnection,
) -> None:
    texts = Texts(MASTER)
    first = await texts.put(conn, STREAM, {"t1": "one"})
    again = await texts.put(conn, STREAM, {"t1": "one", "t4": "four"})
    assert again["t1"] == first["t1"]
    assert await scalar(conn, "SELECT count(*) FROM texts") == 2


@pytest.mark.parametrize(("stream", "words"), [(STREAM, "two"), ("another stream", "one")])
async def test_another_text_under_the_same_id_is_refused(
    conn: AsyncConnection, stream: str, words: str
) -> None:
    texts = Texts(MASTER)
    await texts.put(conn, STREAM, {"t1": "one"})
    with pytest.raises(TextConflict):
        await texts.put(conn, stream, {"t1": words})
    assert await texts.get(conn, ["t1"]) == {"t1": "one"}


async def test_two_who_write_the_same_at_once_both_get_its_reference(engine: AsyncEngine) -> None:
    texts, others = Texts(MASTER), Texts(MASTER)
    async with engine.connect() as one, engine.connect() as two:
        first = await texts.put(one, STREAM, {"t1": "one"})
        await one.commit()
        assert await others.put(two, STREAM, {"t1": "one"}) == first


async def test_a_command_costs_one_round_trip_and_one_more_for_a_new_stream(engine: AsyncEngine) -> None:
    sent: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    texts = Texts(MASTER)
    async with engine.connect() as conn:
        await texts.put(conn, STREAM, {"t1": "one", "t2": "two"})
        assert len(sent) == 2
        await texts.put(conn, STREAM, {"t3": "three"})
        assert len(sent) == 3
        await texts.get(conn, ["t1", "t2", "t3"])
        assert len(sent) == 4


async def test_only_what_is_stored_lazily_does_not_wait_for_the_disk(engine: AsyncEngine) -> None:
    """And only its own transaction: the next one on the same connection waits again."""
    texts = Texts(MASTER)
    waits = "SELECT current_setting('synchronous_commit')"
    for lazily, setting in ((False, "on"), (True, "off"), (False, "on")):
        async with engine.begin() as conn:
            await texts.put(conn, STREAM, {f"t-{lazily}": "one"}, lazily=lazily)
            assert await scalar(conn, waits) == setting
    each = autocommit(engine)
    async with each.connect() as conn:
        await texts.put(conn, "another", {"t9": "nine"}, lazily=True)
        assert await scalar(conn, waits) == "on"
        assert await texts.get(conn, ["t9"]) == {"t9": "nine"}


async def test_an_erased_stream_gives_nothing_back_even_to_one_who_held_its_key(engine: AsyncEngine) -> None:
    held, another = Texts(MASTER), Texts(MASTER)
    async with engine.begin() as conn:
        ref = (await held.put(conn, STREAM, {"t1": "secret"}))["t1"]
        await held.put(conn, "other", {"t2": "kept"})
        await another.get(conn, ["t1"])
    async with engine.begin() as conn:
        await destroy_key(conn, STREAM)
    async with engine.connect() as conn:
        for texts in (held, another, Texts(MASTER)):
            assert await texts.get(conn, ["t1", "t2"]) == {"t1": ERASED, "t2": "kept"}
            assert await texts.check(conn, [("t1", ref.digest)]) == {}
            with pytest.raises(StreamErased):
                await texts.put(conn, STREAM, {"t9": "more"})
        left = (await conn.execute(text("SELECT nonce, salt, ciphertext FROM texts WHERE id = 't1'"))).one()
        assert tuple(left) == (None, None, None)
        assert await scalar(conn, "SELECT count(wrapped) FROM stream_keys") == 1, "the other stream's alone"


async def test_a_stream_without_texts_can_be_erased_and_takes_none_afterwards(conn: AsyncConnection) -> None:
    await destroy_key(conn, STREAM)
    with pytest.raises(StreamErased):
        await Texts(MASTER).put(conn, STREAM, {"t1": "late"})


async def test_a_writer_who_comes_while_the_key_is_being_destroyed_leaves_nothing_behind(
    engine: AsyncEngine,
) -> None:
    texts = Texts(MASTER)
    async with engine.begin() as conn:
        await texts.put(conn, STREAM, {"t1": "secret"})
    async with engine.connect() as eraser, engine.connect() as writer:
        await destroy_key(eraser, STREAM)
        writing = asyncio.ensure_future(texts.put(writer, STREAM, {"t2": "late"}))
        blocked = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        async with engine.connect() as looker:
            waits: bool = await eventually(lambda: _positive(looker, blocked), what="the writer to wait")
            assert waits
        await eraser.commit()
        with pytest.raises(StreamErased):
            await writing
    async with engine.connect() as conn:
        assert await scalar(conn, "SELECT count(*) FROM texts WHERE id = 't2'") == 0


async def _positive(conn: AsyncConnection, query: TextClause) -> bool:
    found = (await conn.execute(query)).scalar_one()
    await conn.rollback()
    return bool(found)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE texts SET ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1) WHERE id = 't1'",
        "UPDATE texts SET (nonce, salt, ciphertext) = (SELECT nonce, salt, ciphertext FROM texts WHERE id = 't2')"
        " WHERE id = 't1'",
        "UPDATE texts SET stream = 'other' WHERE id = 't1'",
    ],
)
async def test_a_text_that_was_tampered_with_is_found(conn: AsyncConnection, harm: str) -> None:
    texts = Texts(MASTER)
    refs = await texts.put(conn, STREAM, {"t1": "pay 10", "t2": "pay 99"})
    await texts.put(conn, "other", {"t3": "other"})
    await conn.execute(text(harm))
    with pytest.raises(TextDamaged):
        await texts.get(conn, ["t1"])
    wrong = await texts.check(conn, [(ref.id, ref.digest) for ref in refs.values()])
    assert list(wrong) == ["t1"]
    assert "t1 does not decrypt" in wrong["t1"]


async def test_the_check_finds_a_text_that_is_missing_or_another_one(conn: AsyncConnection) -> None:
    texts = Texts(MASTER)
    refs = await texts.put(conn, STREAM, {"t1": "one", "t2": "two"})
    wrong = await texts.check(conn, [("t1", refs["t2"].digest), ("gone", "00")])
    assert "digest differs" in wrong["t1"]
    assert "not stored" in wrong["gone"]


async def test_another_master_key_opens_nothing(conn: AsyncConnection) -> None:
    await Texts(MASTER).put(conn, STREAM, {"t1": "one"})
    with pytest.raises(TextDamaged):
        await Texts(bytes(32)).get(conn, ["t1"])


async def test_the_sweep_takes_only_what_no_event_and_no_waiting_intake_names(engine: AsyncEngine) -> None:
    texts = Texts(MASTER)
    async with engine.begin() as conn:
        await texts.put(conn, STREAM, {"said": "in the record", "refused": "of a refused command"})
        await texts.put(conn, "WAITING", {"waiting": "of an intake that waits"})
        await texts.put(conn, "DECLINED", {"declined": "of an intake that was refused"})
        await _event(conn, STREAM, '{"text":{"id":"said"}}')
        for reference, refused in (("WAITING", None), ("DECLINED", "no_authority")):
            await conn.execute(
                text(
                    'INSERT INTO intake (reference, "order", pack_name, pack_version, pack_digest, refused)'
                    " VALUES (:reference, '{}', 'p', 1, 'd', :refused)"
                ),
                {"reference": reference, "refused": refused},
            )
        assert await sweep_texts(conn) == 0, "nothing is old enough"
        await conn.execute(text("UPDATE texts SET created_at = now() - interval '3 days'"))
        await texts.put(conn, STREAM, {"fresh": "of a command under way"})
        assert await sweep_texts(conn) == 2
        left = (await conn.execute(text("SELECT id FROM texts ORDER BY id"))).scalars().all()
        assert left == ["fresh", "said", "waiting"]
        assert await sweep_texts(conn) == 0


async def _event(conn: AsyncConnection, stream: str, body: str) -> None:
    now = datetime(2026, 1, 5, tzinfo=UTC)
    await conn.execute(
        text(
            "INSERT INTO events (stream, sequence, v, type, occurred_at, recorded_at, actor, body, previous, hash)"
            " VALUES (:stream, 1, 1, 'NoteAdded', :now, :now, 'usr_ana', :body, :hash, :hash)"
        ),
        {"stream": stream, "now": now, "body": body, "hash": bytes(32)},
    )
