"""The doctor: says what is well, names what is not, and what to do; and tells no secret."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from runtime.doctor import Finding, examine
from runtime.ports import free_port
from runtime.settings import Settings, load_settings
from tests.support.mail import CaughtMail

KEYS = {
    "master_key": "cmVkcmVzcy10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=",
}


@pytest.fixture
def well(empty_database: str, temporal_address: str, mail: CaughtMail, tmp_path: Path) -> Settings:
    return load_settings(
        **KEYS,
        mode="test",
        database_url=empty_database,
        temporal_address=temporal_address,
        smtp_host=mail.smtp_host,
        smtp_port=mail.smtp_port,
        payments_url=mail.http_url,
        data_dir=tmp_path,
    )


def by_part(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.part: finding for finding in findings}


async def migrate(url: str, revision: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        await connection.execute(text("INSERT INTO alembic_version VALUES (:r)"), {"r": revision})
    await engine.dispose()


async def test_where_all_is_well_it_says_so(well: Settings) -> None:
    await migrate(well.database_url, "0003")
    findings = await examine(well, newest_migration="0003")
    assert [f for f in findings if f.state != "good"] == []
    assert {f.part for f in findings} >= {"Python", "database", "migrations", "Temporal", "mail", "payments"}


async def test_an_empty_and_an_old_database_are_told_apart(well: Settings) -> None:
    assert by_part(await examine(well))["migrations"].says == "The database is empty."
    await migrate(well.database_url, "0002")
    finding = by_part(await examine(well, newest_migration="0003"))["migrations"]
    assert (finding.state, finding.says) == ("wrong", "The database is at 0002, this version needs 0003.")


async def test_each_part_that_is_away_is_named_with_advice(tmp_path: Path) -> None:
    nowhere = free_port()
    settings = load_settings(
        **KEYS,
        mode="test",
        database_url=f"postgresql://u:hidden-word@127.0.0.1:{nowhere}/redress",
        temporal_address=f"127.0.0.1:{nowhere}",
        smtp_port=nowhere,
        payments_url=f"http://127.0.0.1:{nowhere}",
        data_dir=tmp_path / "not" / "yet",
    )
    findings = await examine(settings)
    wrong = {f.part for f in findings if f.state == "wrong"}
    assert wrong == {"database", "Temporal", "mail", "payments"}
    assert all(f.advice for f in findings if f.state != "good")
    assert "hidden-word" not in str(findings)


async def test_a_missing_namespace_is_told_from_a_missing_server(well: Settings) -> None:
    finding = by_part(await examine(well.model_copy(update={"temporal_namespace": "none"})))["Temporal"]
    assert "has no namespace none" in finding.says
    assert "namespace create none" in finding.advice


async def test_a_misspelt_setting_is_noticed(well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRESS_SMPT_HOST", "mail.example.org")
    finding = by_part(await examine(well))["settings"]
    assert "REDRESS_SMPT_HOST" in finding.says
