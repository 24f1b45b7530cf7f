"""Verification: whatever somebody with all rights does to the rows, it is found, and said where."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import TextRef
from complaints.chapters.intake import AddNote
from complaints.systemic.issue import OpenSystemicIssue, fold_systemic, open_systemic
from complaints.systemic.view import systemic_view
from complaints.transition import Commit
from ledger.record import Record
from ledger.texts import Texts, destroy_key
from ledger.verify import FAULTS_KEPT, verify
from runtime.postgres_binaries import find_postgres
from runtime.postgres_server import PostgresServer
from tests.complaints.support import PACK, ana, dora
from tests.complaints.support import text as text_ref
from tests.ledger.conftest import MASTER_KEY, SEAL_KEY
from tests.ledger.told import Told

VERIFIER = Path(__file__).with_name("independent_verifier.py")
PACKS = {PACK.digest: PACK}


async def three_streams(record: Record) -> int:
    """Two complaints and a systemic issue; how many events they have."""
    told = await Told(record, "A").owned()
    await told.send(told.waiting(timedelta(days=4)))
    other = await Told(record, "B").owned()
    body = OpenSystemicIssue(name=text_ref("kettles"), description=text_ref("they burn"))
    opened = open_systemic("SYS-1", told.order(dora, body))
    view = systemic_view(fold_systemic(opened))
    await record.commit(Commit(stream="SYS-1", expected=0, happenings=opened, systemic=view))
    return told.held.sequence + other.held.sequence + len(opened)


async def change(engine: AsyncEngine, statements: str) -> None:
    async with engine.begin() as conn:
        await conn.execute(text("ALTER TABLE events DISABLE TRIGGER ALL"))
        for statement in statements.split(";"):
            await conn.execute(text(statement))
        await conn.execute(text("ALTER TABLE events ENABLE TRIGGER ALL"))


async def test_what_is_in_order_is_said_to_be(record: Record, engine: AsyncEngine) -> None:
    count = await three_streams(record)
    report = await verify(engine, SEAL_KEY, packs=PACKS)
    assert report.sentences() == (
        f"Checked 3 streams with {count} events, 0 texts, 0 files and 3 rows of the read model."
        " Everything fits.",
    )
    one = await verify(engine, SEAL_KEY, stream="B", packs=PACKS)
    assert (one.ok, one.streams, one.views) == (True, 1, 1)


Wanted = list[tuple[str, int | None, str]]

TAMPERING: dict[str, tuple[str, Wanted]] = {
    "a word of a body changed": (
        "UPDATE events SET body = replace(body, 'regular', 'urgent') WHERE stream = 'B' AND sequence = 1",
        [("B", 1, "its hash does not fit")],
    ),
    "white space put into a body": (
        "UPDATE events SET body = replace(body, ':', ': ') WHERE stream = 'B' AND sequence = 1",
        [("B", 1, "not in canonical form")],
    ),
    "a time moved by a microsecond": (
        "UPDATE events SET occurred_at = occurred_at + interval '1 microsecond'"
        " WHERE stream = 'B' AND sequence = 2",
        [("B", 2, "its hash does not fit")],
    ),
    "another's name put to it": (
        "UPDATE events SET actor = 'ben' WHERE stream = 'B' AND sequence = 3",
        [("B", 3, "its hash does not fit")],
    ),
    "an event taken out": (
        "DELETE FROM events WHERE stream = 'B' AND sequence = 2", [("B", 3, "event 2 is missing before it")],
    ),
    "several taken out": (
        "DELETE FROM events WHERE stream = 'B' AND sequence IN (1, 2)",
        [("B", 3, "events 1 to 2 are missing before it")],
    ),
    "an event replaced together with its hash": (
        "UPDATE events SET actor = 'ben', hash = sha256('x') WHERE stream = 'B' AND sequence = 2",
        [("B", 2, "its hash does not fit"), ("B", 3, "it does not follow event 2")],
    ),
    "the tail cut off": (
        "DELETE FROM events WHERE stream = 'B' AND sequence > 3", [("B", None, "the tail was cut off")],
    ),
    "the tail cut off and the head made to fit": (
        "DELETE FROM events WHERE stream = 'B' AND sequence > 3; UPDATE heads SET sequence = 3, hash ="
        " (SELECT hash FROM events WHERE stream = 'B' AND sequence = 3) WHERE stream = 'B'",
        [("B", None, "the seal of its head does not hold")],
    ),
    "the head put back": (
        "UPDATE heads SET sequence = sequence - 1 WHERE stream = 'B'",
        [("B", None, "the record goes on to"), ("B", None, "seal")],
    ),
    "the head's hash changed": (
        "UPDATE heads SET hash = sha256('x') WHERE stream = 'B'",
        [("B", None, "another hash"), ("B", None, "seal")],
    ),
    "the head removed": ("DELETE FROM heads WHERE stream = 'B'", [("B", None, "but no head")]),
    "all events of a stream removed": (
        "DELETE FROM events WHERE stream = 'B'",
        [("B", None, "the read model shows it, the record holds no event"), ("B", None, "holds none")],
    ),
    "a stream removed, its head too": (
        "DELETE FROM events WHERE stream = 'B'; DELETE FROM heads WHERE stream = 'B'",
        [("B", None, "the read model shows it, the record holds no event")],
    ),
    "a stream given another name": (
        "UPDATE events SET stream = 'C' WHERE stream = 'SYS-1';"
        "UPDATE heads SET stream = 'C' WHERE stream = 'SYS-1'",
        [("C", 1, "its hash does not fit"), ("C", None, "seal"), ("SYS-1", None, "holds no event")],
    ),
    "a format that is not known": (
        "UPDATE events SET v = 9 WHERE stream = 'B' AND sequence = 1", [("B", 1, "it is in format 9")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERING)
async def test_it_is_found_where_it_was_done(record: Record, engine: AsyncEngine, name: str) -> None:
    await three_streams(record)
    statements, wanted = TAMPERING[name]
    await change(engine, statements)
    report = await verify(engine, SEAL_KEY)
    assert not report.ok
    faults = list(report.faults)
    for stream, sequence, said in wanted:
        fitting = [f for f in faults if (f.stream, f.sequence) == (stream, sequence) and said in f.sentence]
        assert len(fitting) == 1, (said, faults)
        assert fitting[0].sentence.startswith(f"Stream {stream}")
        faults.remove(fitting[0])
    assert not faults, "nothing else is blamed"
    assert (await verify(engine, SEAL_KEY, stream="A")).ok, "the other streams are as they were"


async def test_the_read_model_has_to_be_what_the_events_amount_to(
    record: Record, engine: AsyncEngine
) -> None:
    await three_streams(record)
    await change(
        engine,
        "UPDATE complaints SET overdue = NOT overdue, owner = 'ben' WHERE reference = 'A';"
        "UPDATE clocks SET due_at = due_at + interval '1 day' WHERE reference = 'B';"
        "DELETE FROM systemic_issues",
    )
    assert (await verify(engine, SEAL_KEY)).ok, "the record itself is in order"
    report = await verify(engine, SEAL_KEY, packs=PACKS)
    assert [fault.sentence for fault in report.faults] == [
        "Stream A: the read model differs from its events in owner, overdue.",
        "Stream B: the read model differs from its events in clocks.",
        "Stream SYS-1: the read model does not show it.",
    ]
    missing = await verify(engine, SEAL_KEY, packs={}, stream="A")
    assert "is not stored" in missing.faults[0].sentence


async def test_texts_are_checked_where_they_are_referred_to(record: Record, engine: AsyncEngine) -> None:
    texts = Texts(MASTER_KEY)
    await Told(record, "A").owned()
    never_stored = await verify(engine, SEAL_KEY, texts.check)
    assert any("event 1: The record refers to text" in fault.sentence for fault in never_stored.faults)
    async with engine.begin() as conn:
        stored = await texts.put(conn, "B", {"t1": "one", "t2": "two"})
    other = await Told(record, "B").owned()
    for ref in stored.values():
        await other.send(other.doing(ana, AddNote(text=ref)))
    wrong = TextRef(id="t1", digest=stored["t2"].digest)
    before = await verify(engine, SEAL_KEY, texts.check, stream="B")
    await other.send(other.doing(ana, AddNote(text=wrong)))
    after = await verify(engine, SEAL_KEY, texts.check, stream="B")
    assert after.texts == before.texts
    [fault] = [fault for fault in after.faults if fault not in before.faults]
    assert (fault.sequence, "two digests" in fault.sentence) == (other.held.sequence, True)
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE texts SET ciphertext = sha256('x') WHERE id = 't2'"))
    broken = await verify(engine, SEAL_KEY, texts.check, stream="B")
    assert any("Text t2 does not decrypt" in fault.sentence for fault in broken.faults)
    async with engine.begin() as conn:
        await destroy_key(conn, "B")
    erased = await verify(engine, SEAL_KEY, texts.check, stream="B")
    assert not any("t2" in fault.sentence for fault in erased.faults), "what was erased is in order"


async def test_a_great_many_faults_are_counted_and_not_all_kept(record: Record, engine: AsyncEngine) -> None:
    told = await Told(record, "A").owned()
    for _ in range(FAULTS_KEPT):
        await told.send(told.doing(ana, AddNote(text=text_ref("note"))))
    await change(engine, "UPDATE events SET actor = 'ben'")
    report = await verify(engine, SEAL_KEY)
    assert report.faults_found == told.held.sequence
    assert len(report.faults) == FAULTS_KEPT
    assert f"{told.held.sequence} faults" in report.sentences()[0]


async def test_a_wrong_key_and_a_stream_that_is_not_there_are_said(
    record: Record, engine: AsyncEngine
) -> None:
    await three_streams(record)
    report = await verify(engine, bytes(32))
    assert report.faults_found == 3
    assert all("master key is another one" in fault.sentence for fault in report.faults)
    nothing = await verify(engine, SEAL_KEY, stream="Z")
    assert [fault.sentence for fault in nothing.faults] == ["There is no stream Z."]


async def test_somebody_else_can_verify_it_from_the_document(
    postgres: PostgresServer, database: str, record: Record, engine: AsyncEngine
) -> None:
    """Runs the verifier that was written from docs/ledger-format.md and shares no line with the service."""
    await three_streams(record)
    url = make_url(database)
    address = f"host={url.query['host']} port={url.query['port']} user={url.username} dbname={url.database}"

    def run(key: bytes) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-I", str(VERIFIER), str(find_postgres() / "psql"), address, key.hex()]
        env = {"PGPASSWORD": str(url.password), "PYTHONWARNINGS": "error"}
        return subprocess.run(words, capture_output=True, text=True, check=False, env=env)

    assert (run(MASTER_KEY).returncode, run(MASTER_KEY).stderr) == (0, "")
    assert "A: seal" in run(bytes(32)).stderr
    for statements, word in (
        ("UPDATE events SET actor = 'ben' WHERE stream = 'A' AND sequence = 2", "A 2: hash"),
        ("DELETE FROM events WHERE stream = 'B' AND sequence = 2", "B 3: gap"),
        ("DELETE FROM heads WHERE stream = 'SYS-1'", "SYS-1: no head"),
    ):
        await change(engine, statements)
        assert word in run(MASTER_KEY).stderr
