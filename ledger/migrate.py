"""Brings a database's schema up to date: Alembic, driven from the program, one starter at a time."""

import asyncio
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_FOLDER = Path(__file__).with_name("migrations")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('redress/ledger/migrate', 0))")


class SchemaError(Exception):
    """The database's schema is none that this version of the service knows; the text says what to do."""


def upgrade(database_url: str) -> None:
    """Brings the schema to `head()`, in one transaction: all of it or nothing.

    Two starters do not collide: the second waits for the first and finds nothing left to do. May be
    called where an event loop runs already (it then blocks that loop: call it in a thread).
    Raises SchemaError for a database that a newer version of the service has migrated.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_upgrade(database_url))
        except BaseException as error:
            failed.append(error)

    # A thread of its own: asyncio.run refuses where the caller's thread has a running loop.
    thread = threading.Thread(target=run, name="migrate")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def head() -> str:
    """The revision that this version of the service wants."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise SchemaError(f"There are no migrations in {_FOLDER}; the installation is not whole.")
    return found


async def current(engine: AsyncEngine) -> str | None:
    """The database's revision, or None where it has none of our tables yet."""

    def revision(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with engine.connect() as connection:
        return await connection.run_sync(revision)


async def _upgrade(database_url: str) -> None:
    engine = create_async_engine(database_url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            await connection.execute(_ONE_AT_A_TIME)
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


def _run(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        if "locate revision" not in str(error):
            raise
        raise SchemaError(
            "A newer version of the service has migrated this database. Start that version, or restore"
            " the backup taken before the upgrade."
        ) from None


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
