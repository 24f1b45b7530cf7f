"""The record: what was committed is there once and whole, whatever is sent twice, at once, or too late."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Event, PackRef
from complaints.chapters.erasure import PersonalDataErased
from complaints.chapters.intake import Acknowledge, AddNote
from complaints.chapters.ownership import TakeOwnership
from complaints.systemic.issue import OpenSystemicIssue, fold_systemic, open_systemic
from complaints.systemic.view import systemic_view
from complaints.transition import Commit
from complaints.view import view
from ledger import intake, reads
from ledger.database import create_engine
from ledger.record import (
    BrokenSealError,
    Record,
    RecordBehindError,
    RecordDamagedError,
    SourceTakenError,
)
from ledger.stored import UnknownEventError
from ledger.texts import ERASED, Texts
from tests.complaints.support import PACK, ana, ben, dora
from tests.complaints.support import text as text_ref
from tests.ledger.conftest import MASTER_KEY, SEAL_KEY
from tests.ledger.told import Told
from tests.support.waiting import PATIENCE

NOTE = AddNote(text=text_ref("looked at it"))


async def count(engine: AsyncEngine, what: str) -> int:
    async with engine.connect() as conn:
        found = await conn.scalar(text(f"SELECT count(*) FROM {what}"))  # noqa: S608 - the test's own words
    assert isinstance(found, int)
    return found


async def change(engine: AsyncEngine, *statements: str) -> None:
    """What somebody with all rights on the database could do behind the service's back."""
    async with engine.begin() as conn:
        await conn.execute(text("ALTER TABLE events DISABLE TRIGGER ALL"))
        for statement in statements:
            await conn.execute(text(statement))
        await conn.execute(text("ALTER TABLE events ENABLE TRIGGER ALL"))


async def test_what_was_committed_is_read_back_as_it_was(record: Record, engine: AsyncEngine) -> None:
    told = await Told(record, "A").owned()
    commit = told.waiting(timedelta(days=4))
    assert any(happening.command is None for happening in commit.happenings), "time alone did something"
    await told.send(commit)
    stored = await Record(engine, SEAL_KEY).read("A")
    assert stored[-len(commit.happenings) :] == commit.happenings
    assert await record.read("A", after=told.held.sequence - 1) == stored[-1:]
    assert await record.sequence("A") == told.held.sequence == len(stored)
    async with engine.connect() as conn:
        shown = await reads.complaint(conn, "A")
        running = await reads.clocks(conn, "A")
    wanted = view(PACK, told.held)
    assert shown is not None
    assert shown.model_dump(exclude={"changed_at", "clocks"}) == wanted.model_dump(exclude={"clocks"})
    assert set(shown.clocks) == set(running) == set(wanted.clocks)


async def test_a_commit_of_a_known_stream_is_one_round_trip(
    database: str, record: Record, engine: AsyncEngine
) -> None:
    told = await Told(record, "A").owned()
    asked: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    await told.send(told.doing(ana, NOTE))
    assert len(asked) == 1
    await Record(engine, SEAL_KEY).commit(
        told.doing(ana, NOTE)
    )  # one that has never seen the stream looks first
    assert len(asked) == 3
    # And no COMMIT besides: the last thing that the server heard is the commit's own statement.
    watcher = create_engine(database)
    async with watcher.connect() as conn:
        heard = await conn.execute(
            text(
                "SELECT query FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid != pg_backend_pid()"
                " AND backend_type = 'client backend'"  # autovacuum comes when it likes
            )
        )
        assert [query[:12] for query in heard.scalars()] == ["WITH head AS"]
    await watcher.dispose()


async def test_a_commit_that_comes_too_late_is_told_what_is_there(
    record: Record, engine: AsyncEngine
) -> None:
    told, other = Told(record, "A"), Told(Record(engine, SEAL_KEY), "A")
    await told.received()
    await other.send(told.receiving())
    assert other.held == told.held, "it evolved what is stored"

    theirs, ours = told.doing(ana, TakeOwnership()), other.doing(ben, TakeOwnership(), command_id="ben's")
    await told.send(theirs)
    result = await other.send(ours)
    assert result.stored == theirs.happenings
    assert not result.duplicate
    assert result.sequence == told.held.sequence
    assert other.held == told.held
    assert await record.find_command("A", "ben's") is None
    await other.send(other.doing(dora, NOTE))
    await told.send(told.doing(ana, NOTE))  # this one's memory of the head is out of date, and it finds out
    assert told.held == other.held


async def test_of_many_at_once_exactly_one_is_written(engine: AsyncEngine, record: Record) -> None:
    told = await Told(record, "A").received()
    commits = [told.doing(ana, NOTE, command_id=f"n{number}") for number in range(20)]
    records = [Record(engine, SEAL_KEY) for _ in commits]
    results = await asyncio.gather(
        *(each.commit(commit) for each, commit in zip(records, commits, strict=True))
    )
    written = [commit for commit, result in zip(commits, results, strict=True) if result.stored is None]
    assert len(written) == 1
    assert all(result.stored in (None, written[0].happenings) for result in results)
    assert (await record.read("A"))[told.held.sequence :] == written[0].happenings


async def test_of_many_first_commits_at_once_exactly_one_is_written(engine: AsyncEngine) -> None:
    commits = [Told(Record(engine, SEAL_KEY), "A").receiving() for _ in range(10)]
    results = await asyncio.gather(*(Record(engine, SEAL_KEY).commit(commit) for commit in commits))
    assert sum(result.stored is None for result in results) == 1
    assert await count(engine, "events") == len(commits[0].happenings)


async def test_a_command_sent_again_is_found_and_not_done_twice(record: Record, engine: AsyncEngine) -> None:
    told = await Told(record, "A").owned()
    first = told.doing(ana, NOTE, command_id="the note")
    await told.send(first)
    # The answer was lost: the same commit comes again, from what was held before.
    again = await record.commit(first)
    assert (again.stored, again.duplicate) == (first.happenings, False)
    # The memory of handled commands was lost: the command is decided again on top of everything.
    await told.send(told.doing(ana, Acknowledge()))
    twice = await told.send(told.doing(ana, NOTE, command_id="the note"))
    assert twice.duplicate
    assert twice.stored == first.happenings
    assert twice.sequence == told.held.sequence == await count(engine, "events")
    found = await record.find_command(None, "the note")
    assert found is not None
    assert (found.stream, found.happenings, found.first) == ("A", first.happenings, first.expected + 1)
    assert await record.find_command("B", "the note") is None


async def test_a_commit_that_was_cancelled_anywhere_can_be_sent_again(record: Record) -> None:
    """As when an activity runs into its time limit: written or not, it is never written twice."""
    told = await Told(record, "A").owned()
    ways: set[bool] = set()
    for turns in range(40):
        commit = told.doing(ana, NOTE)
        task = asyncio.ensure_future(record.commit(commit))
        for _ in range(turns):
            await asyncio.sleep(0)  # one turn of the loop: it gets a little further each time
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        again = await told.send(commit)
        assert again.stored in (None, commit.happenings)
        ways.add(again.stored is None)
    assert await record.sequence("A") == told.held.sequence
    assert True in ways, "some were stopped before they were written"


async def test_the_same_command_id_in_another_stream_is_another_command(record: Record) -> None:
    for reference in ("A", "B"):
        told = await Told(record, reference).received()
        assert (await told.send(told.doing(ana, NOTE, command_id="n"))).stored is None


async def test_a_commit_is_whole_or_not_at_all(record: Record, engine: AsyncEngine) -> None:
    told = await Told(record, "A").received()
    commit = told.doing(ana, TakeOwnership())
    assert commit.view is not None
    broken = commit.model_copy(update={"view": commit.view.model_copy(update={"phase": None})})
    before = await count(engine, "events")
    with pytest.raises(DBAPIError):
        await record.commit(broken)
    assert await count(engine, "events") == before
    assert await record.sequence("A") == before
    assert (await record.commit(commit)).stored is None


async def test_messages_are_queued_once_and_ring_at_once(
    database: str, record: Record, engine: AsyncEngine
) -> None:
    rung = asyncio.Event()
    url = make_url(database)
    listener = await asyncpg.connect(
        host=url.query["host"], port=int(str(url.query["port"])), user=url.username, password=url.password,
        database=url.database,
    )  # fmt: skip
    try:
        await listener.add_listener("outbox", lambda *_: rung.set())
        told = await Told(record, "A").owned()
        assert not rung.is_set()
        commit = told.doing(ana, Acknowledge())
        assert [message.kind for message in commit.messages] == ["letter"]
        # The watchdog was quicker with one of the same key.
        async with engine.begin() as conn:
            await conn.execute(
                text(
                    "INSERT INTO outbox (dedupe, stream, kind, recipient, channel)"
                    " VALUES (:dedupe, 'A', 'letter', 'party:P1', 'mail')"
                ),
                {"dedupe": commit.messages[0].dedupe},
            )
        await told.send(commit)
        assert await count(engine, "outbox") == 1
        assert not rung.is_set()
        other = await Told(record, "B").owned()
        await other.send(other.doing(ana, Acknowledge()))
        await asyncio.wait_for(rung.wait(), timeout=PATIENCE)
        async with engine.connect() as conn:
            row = (await conn.execute(text("SELECT * FROM outbox WHERE stream = 'B'"))).one()
        assert (row.recipient, row.template, row.letter, row.state) == (
            "party:P1",
            "acknowledgement",
            "L1",
            "queued",
        )
    finally:
        await listener.close()


async def test_the_receipt_s_commit_settles_its_intake(record: Record, engine: AsyncEngine) -> None:
    told = Told(record, "A")
    commit = told.receiving()
    async with engine.begin() as conn:
        order = told.order(ana, NOTE)
        await intake.accept(conn, "A", order, told_pack())
        assert await intake.waits(conn, "A") is not None
    await record.commit(commit)
    async with engine.connect() as conn:
        assert await intake.waits(conn, "A") is None


def told_pack() -> PackRef:
    return PackRef(name=PACK.name, version=PACK.version, digest=PACK.digest)


async def test_only_clocks_that_changed_are_written(record: Record, engine: AsyncEngine) -> None:
    async def versions() -> set[tuple[str, str]]:
        async with engine.connect() as conn:
            rows = await conn.execute(text("SELECT clock || occurrence, xmin::text FROM clocks"))
            return {(clock, version) for clock, version in rows}

    told = await Told(record, "A").owned()
    before = await versions()
    await told.send(told.doing(ana, Acknowledge()))
    after = await versions()
    assert 0 < len(after - before) < len(after)


async def test_erasure_destroys_the_key_with_the_event(record: Record, engine: AsyncEngine) -> None:
    texts = Texts(MASTER_KEY)
    told = await Told(record, "A").received()
    async with engine.begin() as conn:
        await texts.put(conn, "A", {"t1": "secret"})
    happened = told.doing(ana, NOTE).happenings[0]
    erased = happened.model_copy(update={"event": PersonalDataErased(reason="retention_ended")})
    await record.commit(Commit(stream="A", expected=told.held.sequence, happenings=(erased,)))
    async with engine.connect() as conn:
        assert await texts.get(conn, ["t1"]) == {"t1": ERASED}
    # One that comes too late destroys nothing.
    other = await Told(record, "B").received()
    async with engine.begin() as conn:
        await texts.put(conn, "B", {"t2": "kept"})
    await record.commit(Commit(stream="B", expected=1, happenings=(erased,)))
    async with engine.connect() as conn:
        assert await texts.get(conn, ["t2"]) == {"t2": "kept"}
    assert await record.sequence("B") == other.held.sequence


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'x'",
        "DELETE FROM events",
        "TRUNCATE events",
        "DELETE FROM events WHERE false",
    ],
)
async def test_the_database_refuses_to_change_the_record(
    record: Record, engine: AsyncEngine, statement: str
) -> None:
    await Told(record, "A").received()
    with pytest.raises(DBAPIError, match="RestrictViolation"):
        async with engine.begin() as conn:
            await conn.execute(text(statement))


async def test_a_source_is_recorded_once(record: Record, engine: AsyncEngine) -> None:
    await Told(record, "A").received(source="311:63594352")
    with pytest.raises(SourceTakenError, match="311:63594352"):
        await Told(record, "B").received(source="311:63594352")
    assert await record.sequence("B") == 0
    async with engine.connect() as conn:
        assert await reads.sources_taken(conn, ("311:63594352", "311:1")) == {"311:63594352": "A"}


async def test_a_database_older_than_the_workflow_is_told_apart_from_a_conflict(record: Record) -> None:
    told = await Told(record, "A").owned()
    commit = told.doing(ana, NOTE).model_copy(update={"expected": told.held.sequence + 3, "view": None})
    with pytest.raises(RecordBehindError, match="should hold"):
        await record.commit(commit)
    with pytest.raises(RecordBehindError, match="holds 0"):
        await record.commit(commit.model_copy(update={"stream": "B"}))


async def test_nothing_is_built_on_a_head_that_was_forged(record: Record, engine: AsyncEngine) -> None:
    told = await Told(record, "A").owned()
    await change(
        engine,
        "DELETE FROM events WHERE sequence = 2",
        "UPDATE heads SET sequence = 1, hash = (SELECT hash FROM events WHERE sequence = 1)",
    )
    for each in (record, Record(engine, SEAL_KEY)):
        with pytest.raises(BrokenSealError, match="seal of the head of A"):
            await each.commit(told.doing(ana, NOTE))
    # Nor where the master key is another one.
    await Told(record, "B").received()
    stranger = Told(Record(engine, bytes(32)), "B")
    with pytest.raises(BrokenSealError):
        await stranger.received()


async def test_a_tail_that_was_cut_off_is_not_papered_over(record: Record, engine: AsyncEngine) -> None:
    told = await Told(record, "A").received()
    commit = told.doing(ana, TakeOwnership())
    await told.send(commit)
    await change(engine, "DELETE FROM events WHERE command_id = 'A/c2'")
    with pytest.raises(RecordDamagedError, match="record of A is damaged"):
        await record.commit(commit)


async def test_a_systemic_issue_is_a_stream_with_a_row_of_its_own(
    record: Record, engine: AsyncEngine
) -> None:
    body = OpenSystemicIssue(name=text_ref("kettles"), description=text_ref("they burn"))
    happenings = open_systemic("SYS-1", Told(record, "A").order(dora, body))
    shown = systemic_view(fold_systemic(happenings))
    result = await record.commit(Commit(stream="SYS-1", expected=0, happenings=happenings, systemic=shown))
    assert result.stored is None
    async with engine.connect() as conn:
        assert await reads.systemic_issue(conn, "SYS-1") == shown
        assert await reads.systemic_issue_list(conn, unresolved=True) == (shown,)
        assert await reads.systemic_issue_list(conn, unresolved=False) == ()
    assert await record.read("SYS-1") == happenings


async def test_an_event_of_a_later_version_is_named(record: Record, engine: AsyncEngine) -> None:
    await Told(record, "A").received()
    await change(engine, "UPDATE events SET type = 'FromTheFuture' WHERE sequence = 1")
    with pytest.raises(UnknownEventError, match="FromTheFuture"):
        await record.read("A")


async def test_a_commit_that_does_not_hang_together_is_not_taken(record: Record) -> None:
    told = await Told(record, "A").received()
    commit = told.doing(ana, NOTE)
    for update in ({"happenings": ()}, {"stream": "B"}, {"happenings": commit.happenings * 2}):
        with pytest.raises(ValueError, match=r"happening|view"):
            await record.commit(commit.model_copy(update=update))


def test_every_kind_of_event_can_be_read_back() -> None:
    """Importing the ledger registers the events of every chapter."""
    import importlib
    import pkgutil
    import subprocess
    import sys

    import complaints

    for module in pkgutil.walk_packages(complaints.__path__, "complaints."):
        importlib.import_module(module.name)
    ask = "import ledger.stored; from complaints.base import Event; print(*sorted(Event.REGISTRY))"
    known = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True
    ).stdout.split()
    ours = {name for name, event in Event.REGISTRY.items() if event.__module__.startswith("complaints.")}
    assert ours <= set(known)
