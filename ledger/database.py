"""The connection to PostgreSQL: one engine, tuned for short statements, whose errors give nothing away."""

import textwrap
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import URL, event, func
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_STATEMENTS_KEPT = 500

LAZILY = func.set_config("synchronous_commit", "off", True)
"""The transaction of the statement that evaluates this does not wait for the disk.

For steps before one that does wait, on the same server: its log is written in order, so whatever the later
commit makes durable it makes so together with all before it. Each wait spared is a few milliseconds. Never for
the last step before somebody is told, nor inside a transaction that others have a part in.
"""
_STATEMENT_SHOWN = 200  # of a failed one; the longest have thousands of characters


def create_engine(
    url: str | URL, *, name: str = "redress", pool_size: int = 10, max_overflow: int = 10
) -> AsyncEngine:
    """The engine for a `postgresql+asyncpg` address; a socket is named by `?host=/folder&port=5432`.

    `name` is how its connections show in pg_stat_activity. Connects only when first used.
    """
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=10,
        pool_use_lifo=True,  # the connection used last has its statements prepared and its pages warm
        json_serializer=_json,
        json_deserializer=from_json,
        connect_args={
            "timeout": 5,
            "prepared_statement_cache_size": _STATEMENTS_KEPT,
            "server_settings": {"application_name": name, "jit": "off", "timezone": "UTC"},
        },
    )
    event.listen(engine.sync_engine, "checkout", _leave_dead_connections)
    event.listen(engine.sync_engine, "handle_error", _give_nothing_away)
    return engine


def autocommit(engine: AsyncEngine) -> AsyncEngine:
    """The same pool, each statement a transaction of its own: for reads and single statements.

    Spares the round trips of BEGIN and COMMIT, which are most of what a short read costs.
    """
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def is_away(error: DBAPIError) -> bool:
    """Whether it was the server that was not there, is starting or ending, or can take nobody more.

    The driver's own classes do not say so: what a killed server answers last, and a starting one first,
    come as bare DBAPIErrors. SQLSTATE classes by PostgreSQL's appendix A: 08 connection exception, 57P
    operator intervention, 53 insufficient resources.
    """
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    driver: object = getattr(error.orig, "driver_exception", None) or error.orig
    return str(getattr(driver, "sqlstate", None) or "").startswith(("08", "57P", "53"))


def _json(value: Any) -> str:
    return to_json(value).decode()


def _leave_dead_connections(connection: Any, _record: Any, _proxy: Any) -> None:
    """Passes over a connection whose server went away, at no cost: the driver has seen its socket close."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _give_nothing_away(context: ExceptionContext) -> None:
    """Takes the values out of a failed statement's error: hide_parameters hides only SQLAlchemy's copy.

    PostgreSQL's DETAIL and asyncpg's "invalid input for query argument" quote what people wrote. What
    remains are the class, the SQLSTATE and the names of constraint, table and column.
    """
    if context.statement is None or isinstance(context.original_exception, SQLAlchemyError):
        return  # connecting, or a statement put together wrongly: nothing anybody wrote is in there
    waiting: list[BaseException | None] = [context.original_exception, context.sqlalchemy_exception]
    while waiting:
        error = waiting.pop()
        if error is None:
            continue
        waiting.append(error.__cause__)
        error.args = (_plain(error),)
        if isinstance(error, StatementError):
            waiting.append(error.orig)
            error.params = None
            error.statement = textwrap.shorten(error.statement or "", _STATEMENT_SHOWN)
            continue
        for field in _QUOTING:
            if isinstance(getattr(error, field, None), str):
                setattr(error, field, None)


_QUOTING = ("detail", "hint", "context", "internal_query", "query", "message")
"""The fields of a driver's error that may quote values."""


def _plain(error: BaseException) -> str:
    """What may be said of an error."""
    driver: object = getattr(error, "orig", None) or error
    driver = getattr(driver, "driver_exception", None) or driver
    said = [type(driver).__name__]
    if state := getattr(driver, "sqlstate", None):
        said.append(f"SQLSTATE {state}")
    parts = ("constraint", "table", "column")
    said += [f"{part} {name}" for part in parts if (name := getattr(driver, f"{part}_name", None))]
    return ", ".join(said)
