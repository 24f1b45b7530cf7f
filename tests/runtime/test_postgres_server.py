"""PostgreSQL of our own: it keeps what was committed through a violent end, and starts again soon."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from runtime.child import Running
from runtime.errors import SetupError
from runtime.postgres_server import PostgresServer

Own = tuple[PostgresServer, Running]


async def run(url: str, *statements: str) -> object:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            for statement in statements:
                result = await connection.execute(text(statement))
            return result.scalar() if result.returns_rows else None
    finally:
        await engine.dispose()


async def test_what_was_committed_survives_kill_9(own_postgres: Own) -> None:
    server, running = own_postgres
    await server.create_database("d")
    await run(server.url("d"), "CREATE TABLE t (n int)", "INSERT INTO t SELECT generate_series(1, 1000)")
    engine = create_async_engine(server.url("d"))
    async with engine.connect() as held:  # a connection in use, as under load
        await held.execute(text("SELECT 1"))
        first = running.pid
        await running.kill()
        assert not running.alive
        await running.start()
        await held.invalidate()
    await engine.dispose()
    assert running.pid != first
    assert await run(server.url("d"), "SELECT count(*) FROM t") == 1000
    assert await run(server.url("d", socket=False), "SELECT count(*) FROM t") == 1000


async def test_a_stale_lock_file_with_a_number_now_anothers(own_postgres: Own) -> None:
    server, running = own_postgres
    await running.kill()
    lock = server.data / "postmaster.pid"
    stranger = await asyncio.create_subprocess_exec(sys.executable, "-c", "import signal; signal.pause()")
    try:
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        await running.start()
    finally:
        stranger.kill()
        await stranger.wait()


async def test_a_second_server_on_the_same_data_is_refused(own_postgres: Own, tmp_path: Path) -> None:
    server, running = own_postgres
    again = Running(PostgresServer(server.folder, server.port).child(), tmp_path / "log")
    with pytest.raises(SetupError, match=rf"already runs on .* \(process {running.pid}\)"):
        await again.start()
    assert await run(server.url("postgres"), "SELECT 1") == 1


async def test_a_database_of_another_version_is_refused(own_postgres: Own) -> None:
    server, running = own_postgres
    await running.stop()
    (server.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(SetupError, match="made by PostgreSQL 14"):
        await running.start()


async def test_a_half_made_cluster_is_made_again(reachable_folder: Path) -> None:
    folder = reachable_folder / "postgres"
    server = PostgresServer(folder, 1)
    (folder / "data.making" / "base").mkdir(parents=True)
    if (account := server.child().account) is not None:
        for path in (folder, folder / "data.making"):
            os.chown(path, account.pw_uid, account.pw_gid)
    await server.prepare()
    assert (server.data / "PG_VERSION").exists()
    assert not (folder / "data.making").exists()


async def test_a_password_file_that_was_left_empty_is_written_again(
    reachable_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PostgresServer(reachable_folder / "postgres", 1)

    def killed(path: Path, *_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            server._prepare_folder()
    assert not server._password_file.exists(), "it is there whole or not at all"
    server._password_file.touch()  # as a version before this one left it
    server._prepare_folder()
    made = server._password_file.read_text()
    assert len(made) > 20
    assert server._password_file.stat().st_mode & 0o777 == 0o600
    server._prepare_folder()
    assert server._password_file.read_text() == made


async def test_nobody_gets_in_without_the_password(own_postgres: Own) -> None:
    server, _ = own_postgres
    for host in ("127.0.0.1", str(server.socket_folder)):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host=host, port=server.port, user="redress", password="x", database="postgres"
            )


async def test_no_text_of_a_failing_statement_reaches_the_log(own_postgres: Own) -> None:
    server, running = own_postgres
    with pytest.raises(Exception, match="hidden-word"):
        await run(
            server.url("postgres"),
            "CREATE TABLE t (name text PRIMARY KEY)",
            "INSERT INTO t VALUES ('hidden-word')",
            "INSERT INTO t VALUES ('hidden-word')",
        )
    await running.stop()
    log = running.log.read_text()
    assert "duplicate key" in log
    assert "hidden-word" not in log


async def test_a_copy_of_a_template_has_its_tables(own_postgres: Own) -> None:
    server, _ = own_postgres
    await server.create_database("template_a")
    await run(server.url("template_a"), "CREATE TABLE t (n int)", "INSERT INTO t VALUES (7)")
    await server.create_database("copy", template="template_a")
    await run(server.url("copy"), "UPDATE t SET n = 8")
    assert await run(server.url("template_a"), "SELECT n FROM t") == 7
    await server.drop_database("copy")
    with pytest.raises(DBAPIError, match="does not exist"):
        await run(server.url("copy"), "SELECT 1")


async def test_it_stops_when_asked(own_postgres: Own) -> None:
    server, running = own_postgres
    connection = await asyncpg.connect(
        host=str(server.socket_folder),
        port=server.port,
        user="redress",
        password=server.password,
        database="postgres",
    )
    await running.stop()
    assert not running.alive
    assert not (server.data / "postmaster.pid").exists()
    connection.terminate()
    assert running.child.stop_signal is signal.SIGINT
