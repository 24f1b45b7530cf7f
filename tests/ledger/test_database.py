"""The connection: errors give nothing away, and a server that went away is not noticed afterwards."""

import asyncio
import traceback
from datetime import datetime

import pytest
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.database import autocommit, create_engine, is_away
from runtime.child import Running
from runtime.postgres_server import PostgresServer
from tests.support.waiting import eventually

SECRET = "Wei Zhang, wei@example.org"


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (
            "INSERT INTO packs (name, version, digest, content)"
            " SELECT :v, n, 'd', '' FROM generate_series(1, 2) n",
            SECRET,
        ),
        ("SELECT CAST(CAST(:v AS text) AS integer)", SECRET),
        ("SELECT CAST(:v AS integer)", SECRET),
        ("SELECT CAST(:v AS timestamptz)", SECRET),
        ("SELECT jsonb_to_recordset(CAST(CAST(:v AS text) AS jsonb))", SECRET),
        ("SELECT * FROM nowhere WHERE name = :v", SECRET),
    ],
)
async def test_no_error_quotes_what_people_wrote(engine: AsyncEngine, statement: str, given: object) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with engine.connect() as conn:
            await conn.execute(text(statement), {"v": given})
    said = "".join(traceback.format_exception(failed.value)) + repr(failed.value)
    assert "Wei" not in said
    assert "wei@" not in said
    assert "SQLSTATE" in said or "DataError" in said, "it still says what kind of error it was"
    assert failed.value.params is None


async def test_nor_does_one_of_the_driver_s_own(engine: AsyncEngine) -> None:
    statement = text("SELECT :v").bindparams(bindparam("v", type_=JSONB))
    with pytest.raises((StatementError, ValueError)) as failed:
        async with engine.connect() as conn:
            await conn.execute(statement, {"v": {SECRET: object()}})
    assert "Wei" not in "".join(traceback.format_exception(failed.value))


async def test_the_constraint_is_still_told(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError, match="UniqueViolationError, SQLSTATE 23505, constraint uq_packs_digest"):
        async with engine.connect() as conn:
            await conn.execute(
                text(
                    "INSERT INTO packs (name, version, digest, content)"
                    " SELECT 'x', n, 'd', '' FROM generate_series(1, 2) n"
                )
            )


async def test_a_server_that_is_not_there_is_told_from_a_statement_that_is_wrong(
    own_postgres: tuple[PostgresServer, Running],
) -> None:
    server, running = own_postgres
    engine = autocommit(create_engine(server.url("postgres")))
    with pytest.raises(DBAPIError) as wrong:
        async with engine.connect() as conn:
            await conn.execute(text("SELECT 1 / 0"))
    assert not is_away(wrong.value)
    with pytest.raises(DBAPIError) as gone:
        async with engine.connect() as conn:
            statement = asyncio.create_task(conn.execute(text("SELECT pg_sleep(30)")))
            async with engine.connect() as other:
                await eventually(lambda: other.scalar(_SLEEPERS), what="the statement under way")
            await running.kill()
            await statement
    assert is_away(gone.value)
    await engine.dispose()


_SLEEPERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(30)'"
)


async def test_instants_come_back_aware_and_in_utc(engine: AsyncEngine) -> None:
    async with autocommit(engine).connect() as conn:
        found = await conn.scalar(text("SELECT timestamptz '2025-03-01 17:00+08'"))
    assert isinstance(found, datetime)
    assert found.isoformat() == "2025-03-01T09:00:00+00:00"


async def test_after_the_server_was_killed_and_started_again_nothing_fails(
    own_postgres: tuple[PostgresServer, Running],
) -> None:
    server, running = own_postgres
    engine = autocommit(create_engine(server.url("postgres")))
    async with engine.connect() as first, engine.connect() as second:
        for conn in (first, second):
            assert await conn.scalar(text("SELECT 1")) == 1
    for end in (running.kill, running.stop):
        await end()
        await running.start()
        for _ in range(3):
            async with engine.connect() as conn:
                assert await conn.scalar(text("SELECT 1")) == 1
    await engine.dispose()
