"""The import on the real servers: open rows live, closed ones are history, and a second run adds nothing."""

import asyncio
import csv
import os
import sys
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import text
from temporalio.client import Client, WorkflowExecutionStatus

from complaints.base import Actor
from imports.batches import Shells
from imports.console import bar, show
from imports.mapping import ImportedRow
from imports.naming import Naming
from imports.reading import ImportImpossible, RowError
from imports.running import ImportReport, batched, run_import
from ledger.chain import derive_seal_key
from ledger.database import create_engine
from ledger.packs import load_all
from ledger.record import Record
from ledger.verify import verify
from policies.vocabulary import Role
from runtime.clock import Clock
from runtime.engine import connect
from runtime.ports import free_port
from runtime.settings import Settings
from runtime.waiting import until
from tests.imports.importing import shells
from tests.imports.support import BANK, CALLS, call, calls, mapping
from tests.support.living import PACK, Living, living, reaching
from workflows.client import Engine
from workflows.contract import complaint_workflow_id


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Living]:
    async with living(settings) as running:
        yield running


async def bring_in(service: Living, file: Path, name: str = "nyc311") -> ImportReport:
    return await run_import(shells(service), file, mapping(name), PACK)


async def counted(service: Living, query: str) -> int:
    async with service.sql.connect() as conn:
        return int((await conn.execute(text(query))).scalar_one())


async def recorded(service: Living, count: int) -> None:
    """Waits until the read model has this many complaints."""

    async def all_there() -> bool:
        return await counted(service, "SELECT count(*) FROM complaints") == count

    await until(all_there, within=60.0, what=f"{count} complaints on record")


def excerpt(folder: Path, file: Path, rows: int) -> Path:
    """The first rows of a real file."""
    with file.open(encoding="utf-8", newline="") as whole:
        found = [row for row, _ in zip(csv.reader(whole), range(rows + 1), strict=False)]
    part = folder / file.name
    with part.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows(found)
    return part


async def test_open_rows_live_and_closed_ones_are_history(service: Living, tmp_path: Path) -> None:
    file = calls(
        tmp_path,
        call(1, "1/1/2025 7:52", "1/1/2025 8:12"),
        "this,is,no,row",
        call(2, "1/2/2025 9:00"),
    )
    report = await bring_in(service, file)
    assert (report.rows, report.opened, report.closed, report.already) == (3, 1, 1, 0)
    assert report.errors == (RowError(line=3, reason="It has 4 fields where the header has 14."),)
    assert report.exit_status == 1
    await recorded(service, 2)
    names = Naming(service.settings.master_key_bytes)
    past, live = names.reference("311:1"), names.reference("311:2")

    closed = await service.case(past)
    assert closed.received_at == datetime(2025, 1, 1, 12, 52, tzinfo=UTC)
    assert closed.closure.closed_at == datetime(2025, 1, 1, 13, 12, tzinfo=UTC)
    assert closed.closure.archived_at is not None
    assert await counted(service, "SELECT count(*) FROM intake") == 1
    async with service.sql.connect() as conn:
        addressed = (await conn.execute(text("SELECT DISTINCT stream FROM outbox"))).scalars().all()
    assert past not in addressed

    held = await service.engine.live(live)
    assert held.phase == "received"
    handle = service.client.get_workflow_handle(complaint_workflow_id(live))
    assert (await handle.describe()).status == WorkflowExecutionStatus.RUNNING
    case = await service.case(live)
    assert case.received_at == datetime(2025, 1, 2, 14, 0, tzinfo=UTC)
    assert case.recorded_at > datetime(2026, 1, 1, tzinfo=UTC)
    assert all(clock.breached_at for clock in case.clocks.occurrences if clock.running)


async def test_what_was_overdue_long_before_goes_into_one_digest(service: Living, tmp_path: Path) -> None:
    rows = [call(key, f"1/{key}/2025 9:00") for key in range(1, 13)]
    await bring_in(service, calls(tmp_path, *rows))
    await recorded(service, 12)
    async with service.sql.connect() as conn:
        queued = (await conn.execute(text("SELECT digest, count(*) FROM outbox GROUP BY digest"))).all()
    assert [tuple(row) for row in queued] == [("overdue/311", 12)]


async def test_texts_lie_encrypted_and_nowhere_else(service: Living, tmp_path: Path) -> None:
    file = excerpt(tmp_path, BANK, 3)
    assert (await bring_in(service, file, "cfpb")).closed == 3
    case = await service.case(Naming(service.settings.master_key_bytes).reference("cfpb:3384392"))
    assert case.narrative is not None
    async with service.sql.connect() as conn:
        found = await service.texts.get(conn, [case.narrative.id])
        everywhere = (await conn.execute(text("SELECT string_agg(body, '') FROM events"))).scalar_one()
    assert str(found[case.narrative.id]).startswith("transworld systems inc. \nis trying")
    assert "transworld" not in everywhere
    assert "explanation" not in everywhere


async def test_running_it_again_adds_nothing(service: Living, tmp_path: Path) -> None:
    file = calls(tmp_path, *(call(n, "1/2/2025 9:00", "1/3/2025 9:00" if n % 2 else "") for n in range(10)))
    first = await bring_in(service, file)
    assert (first.opened, first.closed, first.exit_status) == (5, 5, 0)
    at_once = await bring_in(service, file)  # also while the first one's workflows are only starting
    await recorded(service, 10)
    events = await counted(service, "SELECT count(*) FROM events")
    texts = await counted(service, "SELECT count(*) FROM texts")
    again = await bring_in(service, file)
    for report in (at_once, again):
        assert (report.opened, report.closed, report.already) == (0, 0, 10)
    assert await counted(service, "SELECT count(*) FROM events") == events
    assert await counted(service, "SELECT count(*) FROM texts") == texts


async def test_a_row_that_stands_twice_in_a_file_is_one_complaint(service: Living, tmp_path: Path) -> None:
    row = call(1, "1/2/2025 9:00", "1/3/2025 9:00")
    report = await bring_in(service, calls(tmp_path, row, row))
    assert (report.closed, report.already) == (1, 1)


async def test_two_imports_of_one_file_at_the_same_time_bring_it_in_once(
    service: Living, tmp_path: Path
) -> None:
    rows = [call(n, "1/2/2025 9:00", "1/3/2025 9:00" if n % 2 else "") for n in range(60)]
    file = calls(tmp_path, *rows)
    both = await asyncio.gather(bring_in(service, file), bring_in(service, file))
    assert sum(report.opened + report.closed for report in both) == 60
    assert sum(report.already for report in both) == 60
    await recorded(service, 60)


async def test_an_import_that_is_killed_half_way_is_finished_by_the_next(
    service: Living, tmp_path: Path
) -> None:
    rows = [call(n, "1/2/2025 9:00", "1/3/2025 9:00" if n % 3 else "") for n in range(450)]
    file = calls(tmp_path, *rows)
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.imports.importing", str(file), env=_environment(service.settings)
    )

    async def in_the_middle() -> bool:
        assert killed.returncode is None, "it ended before it could be killed"
        return await counted(service, "SELECT count(*) FROM complaints") > 40

    await until(in_the_middle, within=60.0, what="the first rows")
    killed.kill()
    await killed.wait()
    before = await counted(service, "SELECT count(*) FROM heads")
    assert before < 450
    report = await bring_in(service, file)
    assert report.opened + report.closed + report.already == 450
    assert report.already >= before
    await recorded(service, 450)
    checked = await verify(service.sql, seal_key_of(service), service.texts.check)
    assert checked.ok, checked.sentences()
    assert checked.streams == 450
    # Nothing twice: each stream has one receipt, and each text belongs to an event.
    assert await counted(service, "SELECT count(*) FROM events WHERE type = 'ComplaintReceived'") == 450
    assert await counted(service, "SELECT count(*) FROM texts") == 900


def seal_key_of(service: Living) -> bytes:
    return derive_seal_key(service.settings.master_key_bytes)


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "REDRESS_MODE": "test",
        "DATABASE_URL": settings.database_url,
        "TEMPORAL_ADDRESS": settings.temporal_address,
        "TEMPORAL_NAMESPACE": settings.temporal_namespace,
        "REDRESS_MASTER_KEY": settings.master_key.get_secret_value(),
    }


async def test_rows_are_kept_while_temporal_is_away_and_started_by_the_next_run(
    settings: Settings, tmp_path: Path
) -> None:
    file = calls(tmp_path, *(call(n, "1/2/2025 9:00") for n in range(5)))
    away = settings.model_copy(update={"temporal_address": f"127.0.0.1:{free_port()}"})
    async with reaching(settings) as near:
        lost = Living(
            settings=away,
            sql=near.sql,
            record=near.record,
            texts=near.texts,
            client=near.client,
            engine=_engine_of(away),
        )
        report = await bring_in(lost, file)
        assert (report.opened, report.waiting, report.exit_status) == (5, 5, 0)
        assert await counted(near, "SELECT count(*) FROM intake WHERE recorded_at IS NULL") == 5
    async with living(settings) as service:
        again = await bring_in(service, file)
        assert (again.opened, again.already, again.waiting) == (0, 5, 0)
        await recorded(service, 5)


async def test_a_few_hundred_real_rows_verify(service: Living, tmp_path: Path) -> None:
    report = await bring_in(service, excerpt(tmp_path, CALLS, 150))
    bank = await bring_in(service, excerpt(tmp_path, BANK, 150), "cfpb")
    assert (report.unreadable, bank.unreadable) == (0, 0)
    assert (report.opened + report.closed, bank.opened + bank.closed) == (150, 150)
    await recorded(service, 300)
    async with service.sql.connect() as conn:
        packs = await load_all(conn)
    checked = await verify(service.sql, seal_key_of(service), service.texts.check, packs=packs)
    assert checked.ok, checked.sentences()
    assert checked.streams == 300


async def test_a_file_of_which_nothing_can_be_read_brings_in_nothing(service: Living, tmp_path: Path) -> None:
    errors = tmp_path / "errors.csv"
    file = calls(tmp_path, "a,b", call(1, "soon"))
    report = await run_import(shells(service), file, mapping("nyc311"), PACK, errors=errors)
    assert report.exit_status == 2
    with errors.open(newline="") as opened:
        found = list(csv.reader(opened))
    assert found[0] == ["line", "reason"]
    assert [line for line, _ in found[1:]] == ["2", "3"]


async def test_a_database_that_is_away_is_said_in_a_sentence(settings: Settings, tmp_path: Path) -> None:
    sql = create_engine(f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none")
    async with reaching(settings) as near:
        gone = Shells(
            sql=sql,
            record=Record(sql, b"k" * 32),
            texts=near.texts,
            engine=near.engine,
            clock=Clock(),
            naming=Naming(b"k" * 32),
        )
        with pytest.raises(ImportImpossible, match="The database does not answer"):
            await run_import(gone, calls(tmp_path, call(1, "1/2/2025 9:00")), mapping("nyc311"), PACK)
    await sql.dispose()


async def test_whoever_imports_is_named_in_the_record(service: Living, tmp_path: Path) -> None:
    file = calls(tmp_path, call(1, "1/2/2025 9:00", "1/3/2025 9:00"))
    olga = Actor(id="usr_olga", roles=(Role.INTAKE_AGENT,))
    await run_import(shells(service), file, mapping("nyc311"), PACK, actor=olga)
    told = await service.record.read(Naming(service.settings.master_key_bytes).reference("311:1"))
    assert told[0].actor == "usr_olga"


def test_ten_thousand_rows_are_read_in_bounded_memory(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        day = datetime(2025, 1, 1, tzinfo=UTC)
        made = (day + timedelta(minutes=n) for n in range(rows))
        file = calls(tmp_path, *(call(n, f"{t:%m/%d/%Y %H:%M}") for n, t in enumerate(made)))
        seen = 0
        tracemalloc.start()
        for batch, wrong in batched(file, mapping("nyc311"), Clock()):
            assert len(batch) + len(wrong) <= 100
            assert all(isinstance(row, ImportedRow) for row in batch)
            seen += len(batch)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seen == rows
        return highest

    peak(200)  # what is loaded once
    few, many = peak(1_000), peak(10_000)
    assert many < few + 256 * 1024


def test_the_report_names_every_kind_of_row() -> None:
    console = Console(record=True, width=100)
    errors = (RowError(line=3, reason="It has 4 fields where the header has 14."),)
    show(
        console,
        ImportReport(rows=42, opened=10, closed=20, already=5, waiting=2, unreadable=7, errors=errors),
    )
    with bar(console, "Importing") as progress:
        progress(42, 42)
    said = console.export_text()
    for expected in ("42 rows", "10", "20", "5", "2", "7", "line 3: It has 4 fields", "and 6 more", "42/42"):
        assert expected in said


def _engine_of(settings: Settings) -> Engine:
    """An engine without any record behind it."""

    async def client() -> Client:
        return await connect(settings)

    async def nobody(ref: str) -> None:
        return None

    return Engine(client, settings.task_queue, settings.clock_spec, nobody)
