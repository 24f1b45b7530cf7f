"""The fixtures that every test may use: real servers, one of each for the run, and a fresh place in them."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from temporalio.client import Client

from runtime.child import Child, Running
from runtime.engine import DATA_CONVERTER
from runtime.ports import free_port
from runtime.postgres_server import PostgresServer
from runtime.settings import Settings, load_settings
from runtime.temporal_binary import get_temporal
from runtime.temporal_server import TemporalServer, register_namespace
from tests.support import servers
from tests.support.browser import get_browser
from tests.support.mail import CaughtMail
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:  # half a second in every worker, and only the tests of the pages need it
    from playwright.async_api import Browser, Page

_RUN = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Opens the run, in the controller only; a worker finds its folder in the environment."""
    if not hasattr(config, "workerinput"):
        # What a developer has configured is not what the tests run against.
        for name in [n for n in os.environ if n.startswith(("REDRESS_", "TEMPORAL_")) or n == "DATABASE_URL"]:
            if name != "REDRESS_CACHE_DIR":
                del os.environ[name]
        # Nor does a proxy of the machine stand between the tests and their own servers.
        for name in ("NO_PROXY", "no_proxy"):
            os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1", "localhost")))
        config.stash[_RUN] = servers.open_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the servers when all workers are done."""
    if _RUN in config.stash:
        servers.close_run(config.stash[_RUN])


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """An empty folder that an unprivileged server can reach (pytest's own is closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="redress-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def postgres() -> PostgresServer:
    """The run's PostgreSQL server. Not to be stopped: a test that kills one takes `own_postgres`."""
    return await servers.postgres()


@pytest.fixture
async def empty_database(postgres: PostgresServer) -> AsyncIterator[str]:
    """The address of a fresh database with nothing in it."""
    name = f"t_{uuid4().hex}"
    await postgres.create_database(name)
    yield postgres.url(name)
    await postgres.drop_database(name)


@pytest.fixture
async def database(postgres: PostgresServer) -> AsyncIterator[str]:
    """The address of a fresh, migrated database (``postgresql+asyncpg://…``)."""
    template = await servers.migrated_template(postgres)
    name = f"t_{uuid4().hex}"
    await postgres.create_database(name, template=template)
    yield postgres.url(name)
    await postgres.drop_database(name)


@pytest.fixture(scope="session")
async def temporal_address() -> str:
    """``host:port`` of the run's Temporal server. Not to be stopped: see `own_temporal`."""
    return f"127.0.0.1:{(await servers.kept('temporal')).port}"


@pytest.fixture
async def temporal_namespace(temporal_address: str) -> str:
    """A fresh namespace, ready for use."""
    name = f"t-{uuid4().hex}"
    await register_namespace(temporal_address, name)
    return name


@pytest.fixture
async def temporal_client(temporal_address: str, temporal_namespace: str) -> Client:
    """A client in the test's own namespace, with the service's own data converter."""
    return await Client.connect(temporal_address, namespace=temporal_namespace, data_converter=DATA_CONVERTER)


@pytest.fixture(scope="session")
async def _catcher(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CaughtMail]:
    folder = tmp_path_factory.mktemp("mails")
    smtp, http = free_port(), free_port()
    caught = CaughtMail("127.0.0.1", smtp, f"http://127.0.0.1:{http}", folder)

    async def answers() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"{caught.http_url}/mails")).is_success
            except httpx.TransportError:
                return False

    argv = (sys.executable, "-m", "runtime.mail_catcher")
    ports = ("--smtp-port", str(smtp), "--http-port", str(http))
    running = Running(
        Child(name="mail catcher", argv=(*argv, *ports, "--dir", str(folder)), ready=answers),
        folder.with_suffix(".log"),
    )
    await running.start()
    yield caught
    await running.stop()


@pytest.fixture
def mail(_catcher: CaughtMail) -> CaughtMail:
    """The mail catcher, emptied for this test."""
    _catcher.clear()
    return _catcher


@pytest.fixture
def settings(
    database: str,
    temporal_address: str,
    temporal_namespace: str,
    mail: CaughtMail,
    tmp_path: Path,
) -> Settings:
    """Settings that lead to this test's own database, namespace and mails."""
    return load_settings(
        mode="test",
        database_url=database,
        temporal_address=temporal_address,
        temporal_namespace=temporal_namespace,
        smtp_host=mail.smtp_host,
        smtp_port=mail.smtp_port,
        data_dir=tmp_path,
        master_key="cmVkcmVzcy10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=",
    )


@pytest.fixture(scope="session")
async def _pristine_cluster() -> AsyncIterator[Path]:
    """A cluster that no server has run on: copying it takes a tenth of the time of making one."""
    folder = servers.run_folder() / f"pristine-{os.getpid()}"
    await PostgresServer(folder, free_port()).prepare()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def own_postgres(
    reachable_folder: Path, _pristine_cluster: Path
) -> AsyncIterator[tuple[PostgresServer, Running]]:
    """A running PostgreSQL for this test alone, to kill and to start again."""
    server = PostgresServer(reachable_folder / "postgres", free_port())
    copying = await asyncio.create_subprocess_exec("cp", "-a", str(_pristine_cluster), str(server.folder))
    assert await copying.wait() == 0
    running = Running(server.child(), reachable_folder / "postgres.log")
    await running.start()
    yield server, running
    await running.stop()


@pytest.fixture
async def own_temporal(reachable_folder: Path) -> AsyncIterator[tuple[TemporalServer, Running]]:
    """A running Temporal server for this test alone, to kill and to start again."""
    binary = await get_temporal(lambda line: None)
    server = TemporalServer(reachable_folder / "temporal", free_port(), binary=binary)
    running = Running(server.child(), reachable_folder / "temporal.log")
    await running.start()
    yield server, running
    await running.stop()


@pytest.fixture(scope="session")
async def browser() -> "AsyncIterator[Browser]":
    """A real Chromium, without a window."""
    from playwright.async_api import async_playwright, expect

    program = await asyncio.to_thread(get_browser, lambda line: None)
    # Chromium's own sandbox refuses root, as which containers run; what it opens is our own pages.
    flags = ["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else []
    expect.set_options(timeout=PATIENCE * 1000)  # five seconds else, which a page of a busy machine may take
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=program, args=flags)
        yield chromium
        await chromium.close()


@pytest.fixture
async def page(browser: "Browser") -> "AsyncIterator[Page]":
    """A page with a session of its own: no cookies from another test."""
    async with await browser.new_context() as context:
        context.set_default_timeout(PATIENCE * 1000)
        yield await context.new_page()
