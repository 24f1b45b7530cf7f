"""The yardstick: bare Temporal with one ordinary activity that inserts one row, and nothing of ours."""

import asyncio
import os
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

# As Temporal's own documentation advises: imported once, not anew for each workflow in its sandbox.
with workflow.unsafe.imports_passed_through():
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

    from runtime.ready import say_ready

QUEUE = "bare"
TABLE = (
    "CREATE TABLE IF NOT EXISTS bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text NOT NULL)"
)


class Insert:
    """The one activity: one row in one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn(name="insert")
    async def insert(self, note: str) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(text("INSERT INTO bare (note) VALUES (:note)"), {"note": note})


@workflow.defn(name="BareUpdated")
class BareUpdated:
    """Waits for updates; each runs the activity once."""

    def __init__(self) -> None:
        self._done = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._done)

    @workflow.update
    async def command(self, note: str) -> str:
        await workflow.execute_activity("insert", note, start_to_close_timeout=timedelta(seconds=10))
        return note

    @workflow.signal
    def end(self) -> None:
        self._done = True


@workflow.defn(name="BareStarted")
class BareStarted:
    """Runs the activity once and is over."""

    @workflow.run
    async def run(self, note: str) -> None:
        await workflow.execute_activity("insert", note, start_to_close_timeout=timedelta(seconds=10))


async def main() -> None:
    """A worker for the yardstick, until it is killed. Addresses come from the environment."""
    engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=20)
    async with engine.begin() as connection:
        await connection.execute(text(TABLE))
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[BareUpdated, BareStarted],
        activities=[Insert(engine).insert],
    )
    async with worker:
        say_ready()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
