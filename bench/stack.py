"""What is measured: the service and the yardstick as processes of their own, on servers of their own."""

from __future__ import annotations

import asyncio
import base64
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client

from cli import prepare
from ledger.database import create_engine
from ledger.directory import Directory
from policies.vocabulary import Role
from runtime.child import Child, Running
from runtime.clock import ClockSpec
from runtime.ports import free_port
from runtime.postgres_server import PostgresServer
from runtime.readiness import forget, listens, said_so
from runtime.ready import READY_FILE
from runtime.settings import Settings, load_settings
from runtime.supervisor import Say
from runtime.temporal_binary import get_temporal
from runtime.temporal_server import TemporalServer

NAMESPACE = "redress"
LIFE_NAMESPACE = "redress-life"
SLEEP_NAMESPACE = "redress-sleep"
BARE_DATABASE = "bare"
DISPATCH_DATABASE = "redress-dispatch"
DEADLINES_NAMESPACE = "redress-deadlines"
SERVED_BY = ("--host", "127.0.0.1", "--no-access-log", "--no-server-header")
"""As `redress up` runs the API."""

STAFF: Mapping[str, tuple[Role, ...]] = {
    "usr_dora": (Role.SUPERVISOR,),
    "usr_ana": (Role.HANDLER,),
    "usr_ben": (Role.HANDLER,),
    "usr_iris": (Role.INTAKE_AGENT,),
}


@dataclass
class House:
    """One service: its settings, where its API listens, and a token for each member of staff."""

    settings: Settings
    api_port: int
    tokens: Mapping[str, str]


@dataclass
class Stack:
    """The servers and what runs on them."""

    folder: Path
    postgres: PostgresServer
    temporal: TemporalServer
    say: Say
    postgres_process: Running
    temporal_process: Running
    _parts: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self, child: Child) -> Running:
        """Starts a program that is ended, by its process id, when the stack is."""
        running = Running(child, self.folder / f"{child.name.replace(' ', '-')}.log")
        self._parts.push_async_callback(running.stop)
        await running.start()
        return running

    async def start_bare(self) -> Client:
        """The yardstick's worker, and a client of its own: nothing in it is ours."""
        await self.postgres.create_database(BARE_DATABASE)
        env = {
            "DATABASE_URL": self.postgres.url(BARE_DATABASE),
            "TEMPORAL_ADDRESS": self.temporal.address,
        }
        await self.start(self._program("bare worker", "bench.bare", env=env))
        return await Client.connect(self.temporal.address)

    async def settle(self, namespace: str, clock: ClockSpec | None = None) -> Settings:
        """Settings for a service of its own, with a database of its own that is migrated and has the packs.

        `clock` makes its time a virtual one.
        """
        database = namespace.replace("-", "_")
        await self.postgres.create_database(database)
        settings = load_settings(
            mode="production" if clock is None else "test",
            clock=clock,
            data_dir=self.folder / database,
            database_url=self.postgres.url(database),
            temporal_address=self.temporal.address,
            temporal_namespace=namespace,
            master_key=base64.b64encode(secrets.token_bytes(32)).decode(),
        )
        await asyncio.to_thread(prepare, settings)
        return settings

    async def start_house(self) -> House:
        """The service's worker and API as `redress up` runs them. Their time is the system's."""
        settings = await self.settle(NAMESPACE)
        tokens = await take_in_staff(settings)
        env = _environment(settings)
        await self.start(self._program("worker", "worker", env=env))
        port = free_port()
        served = ("uvicorn", "api.app:create_app", "--factory", *SERVED_BY, "--port", str(port))
        await self.start(Child("API", (sys.executable, "-m", *served), listens(port), env))
        return House(settings, port, tokens)

    def worker(self, settings: Settings) -> Child:
        """A worker for a service of its own."""
        return self._program(f"worker {settings.temporal_namespace}", "worker", env=_environment(settings))

    async def stop_temporal(self) -> None:
        """Temporal ends, and is not started again."""
        await self.temporal_process.stop()

    def scheduler(self, settings: Settings) -> Child:
        """Dispatcher and watchdog, as `redress up` runs them."""
        mail = {"REDRESS_SMTP_HOST": settings.smtp_host, "REDRESS_SMTP_PORT": str(settings.smtp_port)}
        return self._program("scheduler", "scheduler", env={**_environment(settings), **mail})

    def _program(self, name: str, module: str, *, env: Mapping[str, str]) -> Child:
        file = self.folder / f"{name.replace(' ', '-')}.ready"
        said = {**env, READY_FILE: str(file)}
        return Child(name, (sys.executable, "-m", module), said_so(file), said, before=forget(file))


@asynccontextmanager
async def standing(say: Say) -> AsyncIterator[Stack]:
    """PostgreSQL and Temporal as the service itself runs them, on free ports and in a temporary folder.

    However the context is left, all that was started is ended, last first, and the folder removed.
    """
    binary = await get_temporal(say)
    folder = _reachable_folder()
    postgres = PostgresServer(folder / "postgres", free_port())
    temporal = TemporalServer(
        folder / "temporal",
        free_port(),
        binary=binary,
        namespaces=(NAMESPACE, LIFE_NAMESPACE, SLEEP_NAMESPACE, DEADLINES_NAMESPACE),
    )
    temporal_process = Running(temporal.child(), folder / "temporal.log")
    postgres_process = Running(postgres.child(), folder / "database.log")
    stack = Stack(folder, postgres, temporal, say, postgres_process, temporal_process)
    try:
        async with stack._parts:
            for process in (postgres_process, temporal_process):
                stack._parts.push_async_callback(process.stop)
                await process.start()
            yield stack
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _reachable_folder() -> Path:
    """An empty folder; an unprivileged PostgreSQL has to reach its own part of it."""
    folder = Path(tempfile.mkdtemp(prefix="redress-bench-"))
    folder.chmod(0o755)
    return folder


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as the processes read them."""
    return {
        "REDRESS_MODE": settings.mode,
        "REDRESS_CLOCK": "" if settings.clock is None else settings.clock.model_dump_json(),
        "REDRESS_DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "TEMPORAL_ADDRESS": settings.temporal_address,
        "TEMPORAL_NAMESPACE": settings.temporal_namespace,
        "REDRESS_MASTER_KEY": settings.master_key.get_secret_value(),
    }


async def take_in_staff(settings: Settings) -> dict[str, str]:
    engine = create_engine(settings.database_url)
    directory = Directory(engine)
    tokens = {}
    try:
        for id_, roles in STAFF.items():
            login = id_.removeprefix("usr_")
            supervisor = "usr_dora" if Role.HANDLER in roles else None
            await directory.add(
                id=id_, login=login, name=login.title(), email=f"{login}@example.org", roles=roles,
                supervisor=supervisor,
            )  # fmt: skip
            tokens[id_] = await directory.issue_token(id_)
    finally:
        await engine.dispose()
    return tokens
