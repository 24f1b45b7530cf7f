"""The worker: composes workflows and activities, and polls Temporal until it is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import structlog
import uvloop
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.commit import CommitActivity
from activities.payments import PaymentActivities, Payments, make_payments
from ledger.chain import derive_seal_key
from ledger.database import create_engine
from ledger.packs import PackDamagedError, digests, load
from ledger.record import Record
from ledger.texts import Texts
from runtime.engine import STICKY, connect
from runtime.heap import freeze_heap
from runtime.interceptors import NamedLines
from runtime.logging import configure_logging
from runtime.polling import polling
from runtime.ready import say_ready
from runtime.settings import Settings, load_settings
from workflows import packs
from workflows.complaint import ComplaintWorkflow
from workflows.payment import PaymentWorkflow
from workflows.systemic import SystemicIssueWorkflow

_PACKS_EVERY = timedelta(seconds=5)
_GRACE = timedelta(seconds=5)
_CACHED_WORKFLOWS = 2_000  # at about 340 KB each

_log = structlog.get_logger(__name__)

# Imported once for all workflows. Of code that is passed through, the sandbox watches little more than `open`.
_PASSED_THROUGH = (
    "complaints",
    "policies",
    "runtime.clock",
    "workflows",
    "pydantic",
    "pydantic_core",
    "structlog",
)


async def hold_published_packs(engine: AsyncEngine) -> None:
    """Make every published pack known to the workflows of this process; those that it holds are not read again.

    One that can not be read (damaged, or written by a newer version) is said, and waited for by its own complaints.
    """
    async with engine.connect() as connection:
        for digest in packs.not_held(sorted(await digests(connection))):
            try:
                pack = await load(connection, digest)
            except (PackDamagedError, ValueError) as error:  # pydantic's errors are ValueErrors
                _log.error("pack not read", digest=digest, error=type(error).__name__)
                continue
            if pack is not None:
                packs.hold(pack)


WORKFLOWS: Sequence[type] = (ComplaintWorkflow, SystemicIssueWorkflow, PaymentWorkflow)
"""All there are. Whoever replays histories takes them, with `sandbox`, which watches what they do."""


def sandbox() -> SandboxedWorkflowRunner:
    """What workflow code is replayed in by the tests. The worker does without it (docs/adr/0007)."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*_PASSED_THROUGH)
    return SandboxedWorkflowRunner(restrictions=restrictions)


def compose(client: Client, engine: AsyncEngine, settings: Settings, provider: Payments) -> Worker:
    """The worker with all its workflows and activities, not yet polling."""
    record = Record(engine, derive_seal_key(settings.master_key_bytes))
    payments = PaymentActivities(provider, Texts(settings.master_key_bytes), engine)
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=[CommitActivity(record).commit, payments.submit_payment, payments.ask_payment],
        workflow_runner=UnsandboxedWorkflowRunner(),
        interceptors=[NamedLines()],
        sticky_queue_schedule_to_start_timeout=STICKY,
        max_cached_workflows=_CACHED_WORKFLOWS,
        graceful_shutdown_timeout=_GRACE,
    )


@contextlib.asynccontextmanager
async def working(settings: Settings, client: Client | None = None) -> AsyncIterator[Worker]:
    """A polling worker, for as long as the context lasts."""
    engine = create_engine(settings.database_url)
    provider = make_payments(settings)
    try:
        await hold_published_packs(engine)
        worker = compose(client or await connect(settings), engine, settings, provider)
        async with polling(worker, _GRACE), asyncio.TaskGroup() as group:
            refresher = group.create_task(_keep_packs(engine))
            yield worker
            refresher.cancel()
    finally:
        await provider.aclose()
        await engine.dispose()


async def _keep_packs(engine: AsyncEngine) -> None:
    while True:
        await asyncio.sleep(_PACKS_EVERY.total_seconds())
        try:
            await hold_published_packs(engine)
        except (SQLAlchemyError, OSError) as error:
            _log.warning("packs not refreshed", error=type(error).__name__)


async def main() -> None:
    """Work until SIGTERM or SIGINT."""
    settings = load_settings()
    configure_logging(settings.log_level, service="worker")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with working(settings):
        _log.info("worker ready", task_queue=settings.task_queue)
        freeze_heap()
        say_ready()
        await stop.wait()
    _log.info("worker stopped")


if __name__ == "__main__":
    uvloop.run(main())
