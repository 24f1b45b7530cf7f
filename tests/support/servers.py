"""The real servers of a test run: one of each for all workers, started when first asked for."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from runtime.cache import file_lock
from runtime.postgres_server import PostgresServer
from runtime.processes import end, identify
from runtime.waiting import until
from tests.support.keeper import Kept

FOLDER_VARIABLE = "TEST_RUN_FOLDER"
CONTROLLER_VARIABLE = "TEST_RUN_CONTROLLER"
TEMPLATE = "redress_template"

_PROJECT = Path(__file__).resolve().parent.parent.parent
_STARTED_WITHIN = 900.0  # the first time, Temporal may have to be built


def open_run() -> Path:
    """Makes the run's folder and tells the workers of it, through the environment that they inherit.

    It lies in the temporary folder itself, where an unprivileged PostgreSQL can reach it.
    """
    folder = Path(tempfile.mkdtemp(prefix="redress-tests-"))
    folder.chmod(0o755)
    os.environ[FOLDER_VARIABLE] = str(folder)
    os.environ[CONTROLLER_VARIABLE] = str(os.getpid())
    return folder


def close_run(folder: Path) -> None:
    """Ends the servers, by process id, and removes the folder."""
    for said in folder.glob("*.json"):
        keeper = identify(Kept.model_validate_json(said.read_bytes()).keeper)
        if keeper is not None:
            asyncio.run(end(keeper, within=20.0))
    shutil.rmtree(folder, ignore_errors=True)


def run_folder() -> Path:
    """The folder of this run."""
    return Path(os.environ[FOLDER_VARIABLE])


async def kept(kind: str) -> Kept:
    """The run's `postgres` or `temporal` server, started if it is the first time that one asks for it."""
    return await asyncio.to_thread(_kept, kind)


def _kept(kind: str) -> Kept:
    folder = run_folder()
    said = folder / f"{kind}.json"
    with file_lock(folder / f"{kind}.lock"):
        if not said.exists():
            _start_keeper(kind, folder, said)
    return Kept.model_validate_json(said.read_bytes())


def _start_keeper(kind: str, folder: Path, said: Path) -> None:
    log = folder / f"{kind}-keeper.log"
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.keeper", kind, folder, os.environ[CONTROLLER_VARIABLE]],
            cwd=_PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    async def said_or_ended() -> bool:
        return keeper.poll() is not None or os.access(said, os.R_OK)

    asyncio.run(until(said_or_ended, within=_STARTED_WITHIN, what=f"the {kind} server"))
    if keeper.returncode is not None:
        raise RuntimeError(f"The {kind} server of the tests did not start:\n{log.read_text()}")
    keeper.returncode = 0  # it outlives this worker on purpose; the controller ends it by its id


async def postgres() -> PostgresServer:
    """The run's PostgreSQL."""
    return PostgresServer(run_folder() / "postgres", (await kept("postgres")).port)


async def migrated_template(server: PostgresServer) -> str:
    """The name of the database that fresh ones are copied from, migrated once in a run."""
    done = run_folder() / f"{TEMPLATE}.done"

    def migrate() -> None:
        from ledger.migrate import upgrade

        with file_lock(run_folder() / f"{TEMPLATE}.lock"):
            if not done.exists():
                asyncio.run(server.drop_database(TEMPLATE))
                asyncio.run(server.create_database(TEMPLATE))
                upgrade(server.url(TEMPLATE))
                done.touch()

    await asyncio.to_thread(migrate)
    return TEMPLATE
