"""Migrations: a database is brought up to date once, by whoever comes first, and is what the code expects."""

import asyncio
from importlib import import_module
from pkgutil import iter_modules

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

import ledger
from complaints.systemic.view import SystemicView
from complaints.view import CaseView, ClockView
from ledger.database import create_engine
from ledger.metadata import metadata
from ledger.migrate import SchemaError, current, head, upgrade
from ledger.tables import clocks, complaints, systemic_issues


async def test_an_empty_database_is_brought_up_to_date_and_again_is_no_harm(empty_database: str) -> None:
    engine = create_engine(empty_database)
    assert await current(engine) is None
    upgrade(empty_database)  # also where a loop is running, as here
    assert await current(engine) == head()
    await asyncio.to_thread(upgrade, empty_database)
    assert await current(engine) == head()
    await engine.dispose()


async def test_two_starters_do_not_collide(empty_database: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(upgrade, empty_database) for _ in range(3)))
    engine = create_engine(empty_database)
    assert await current(engine) == head()
    await engine.dispose()


async def test_a_database_of_a_newer_version_is_refused_with_a_sentence(database: str) -> None:
    engine = create_engine(database)
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="A newer version"):
        await asyncio.to_thread(upgrade, database)
    assert await current(engine) == "9999"
    await engine.dispose()


async def test_the_migrations_make_what_the_code_expects(engine: AsyncEngine) -> None:
    for module in iter_modules(ledger.__path__, "ledger."):
        if not module.ispkg:
            import_module(module.name)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with engine.connect() as conn:
        assert await conn.run_sync(differences) == []


def test_the_read_model_has_a_column_for_every_field_of_the_views() -> None:
    own = {"changed_at"}
    assert {c.name for c in complaints.c} - own == set(CaseView.model_fields) - {"clocks"}
    assert {c.name for c in clocks.c} - {"reference"} == set(ClockView.model_fields)
    assert {c.name for c in systemic_issues.c} - own == set(SystemicView.model_fields)
