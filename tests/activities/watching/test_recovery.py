"""Recovery where something is broken: one stream, or the way to Temporal."""

import pytest
from sqlalchemy import text
from temporalio.client import Client

from activities.watching.recovery import recover
from runtime.engine import connect
from runtime.settings import Settings
from tests.support.living import Living, living
from tests.support.waiting import eventually
from workflows.client import Engine, EngineAway
from workflows.contract import complaint_workflow_id

# What a later version of the service might have written: this one does not know the event.
_UNKNOWN_EVENT = text(
    """
    INSERT INTO events (stream, sequence, v, type, occurred_at, recorded_at, actor, body, previous, hash)
    SELECT stream, sequence + 1, v, 'FromTheFuture', occurred_at, recorded_at, actor, body, previous, hash
    FROM events WHERE stream = :stream ORDER BY sequence DESC LIMIT 1
    """
)


async def recorded(service: Living) -> str:
    """A complaint in the record whose workflow was lost."""
    ref = await service.receive()

    async def there() -> bool:
        return bool(await service.types(ref))

    await eventually(there)
    await service.client.get_workflow_handle(complaint_workflow_id(ref)).terminate()
    return ref


async def test_a_broken_stream_is_named_and_the_others_come_back(settings: Settings) -> None:
    async with living(settings) as service:
        first, broken, last = sorted([await recorded(service) for _ in range(3)])
        async with service.sql.begin() as conn:
            await conn.execute(_UNKNOWN_EVENT, {"stream": broken})
        found = await recover(service.sql, service.record, service.engine)
        assert (found.revived, len(found.failed)) == (2, 1)
        assert found.failed[0].startswith(f"{broken}: ")
        for ref in (first, last):
            assert (await service.engine.live(ref)).reference == ref


async def test_temporal_being_away_is_said_as_such(settings: Settings) -> None:
    async with living(settings) as service:
        for _ in range(2):
            await recorded(service)

        async def nowhere() -> Client:
            return await connect(settings.model_copy(update={"temporal_address": "127.0.0.1:1"}))

        lost = Engine(nowhere, settings.task_queue, settings.clock_spec, service.case)
        with pytest.raises(EngineAway):
            await recover(service.sql, service.record, lost)
