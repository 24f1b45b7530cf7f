"""Long lives: a complaint that is carried on in new runs loses no command and carries none out twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from complaints.chapters.intake import AddNote
from ledger.chain import derive_seal_key
from ledger.verify import verify
from runtime.child import Running
from runtime.ports import free_port
from runtime.settings import Settings
from runtime.temporal_binary import get_temporal
from runtime.temporal_server import TemporalServer
from tests.support.living import Living, ana, living
from tests.support.waiting import eventually
from workflows.contract import complaint_workflow_id

COMMANDS = 200
AT_ONCE = 10
SHORT = "limit.historyCount.suggestContinueAsNew=80"
"""The server then asks for a new run after so many events."""


@pytest.fixture
async def short_lived(reachable_folder: Path, settings: Settings) -> AsyncIterator[Living]:
    """The service on a Temporal server of its own that asks for new runs early."""
    binary = await get_temporal(lambda line: None)
    server = TemporalServer(reachable_folder / "temporal", free_port(), binary=binary, dynamic=(SHORT,))
    running = Running(server.child(), reachable_folder / "temporal.log")
    await running.start()
    moved = settings.model_copy(update={"temporal_address": server.address, "temporal_namespace": "default"})
    async with living(moved) as service:
        yield service
    await running.stop()


async def test_commands_across_runs_are_all_recorded_once_though_some_are_sent_twice(
    short_lived: Living,
) -> None:
    service = short_lived
    ref = await service.receive()

    async def recorded() -> bool:
        return bool(await service.types(ref))

    await eventually(recorded)
    note = AddNote(text=await service.text(ref, "Rang, no answer."))
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> int:
        async with slots:
            outcome = await service.do(ref, ana, note, f"note-{number}")
            if number % 5 == 0:
                again = await service.do(ref, ana, note, f"note-{number}")
                assert again.sequence == outcome.sequence
            return outcome.sequence

    sequences = await asyncio.gather(*(one(number) for number in range(COMMANDS)))
    assert len(set(sequences)) == COMMANDS
    assert (await service.types(ref)).count("NoteAdded") == COMMANDS

    async def many_runs() -> bool:  # what is listed follows what happens, by and by
        query = f'WorkflowId = "{complaint_workflow_id(ref)}"'
        return len([run async for run in service.client.list_workflows(query)]) > 5

    await eventually(many_runs, what="enough new runs for this test to mean anything")
    report = await verify(
        service.sql, derive_seal_key(service.settings.master_key_bytes), service.texts.check
    )
    assert report.ok, report.sentences()
