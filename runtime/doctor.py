"""`redress doctor`: what is configured, reachable and up to date, and what to do about what is not."""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import aiosmtplib
import httpx
from pydantic import BaseModel, ConfigDict
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.service import RPCError, RPCStatusCode

from runtime.clock import Clock
from runtime.engine import connect
from runtime.installation import NEEDED_MIB
from runtime.postgres_binaries import OLDEST_MAJOR
from runtime.settings import Settings
from runtime.up import LocalParts

_ANSWERS_WITHIN = 8.0
_SKEW_AT_MOST = timedelta(seconds=2)
_OLDEST_PYTHON = (3, 11)
_OTHERS = {"REDRESS_CACHE_DIR", "REDRESS_READY_FILE"}


class Finding(BaseModel):
    """What was found of one part. `advice` says what to do; empty where nothing needs doing."""

    model_config = ConfigDict(frozen=True)

    part: str
    state: Literal["good", "warning", "wrong"]
    says: str
    advice: str = ""


async def examine(settings: Settings, *, newest_migration: str | None = None) -> list[Finding]:
    """Looks at every part, all at once; each answers within some seconds. Never raises for what it finds.

    `newest_migration` is the Alembic revision that this version of the code needs.
    """
    looked = await asyncio.gather(
        _in_time("database", _database(settings, newest_migration)),
        _in_time("Temporal", _temporal(settings)),
        _in_time("mail", _mail(settings)),
        _in_time("payments", _payments(settings)),
    )
    here = [_python(), *_unknown_settings(os.environ), _clock(settings), _disk(settings)]
    return [*here, *(finding for findings in looked for finding in findings)]


async def _in_time(part: str, looking: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN):
            return await looking
    except TimeoutError:
        return [
            _wrong(part, f"It did not answer within {_ANSWERS_WITHIN:g} s.", "Is it overloaded or cut off?")
        ]


def _good(part: str, says: str) -> Finding:
    return Finding(part=part, state="good", says=says)


def _warning(part: str, says: str, advice: str) -> Finding:
    return Finding(part=part, state="warning", says=says, advice=advice)


def _wrong(part: str, says: str, advice: str) -> Finding:
    return Finding(part=part, state="wrong", says=says, advice=advice)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return _wrong("Python", f"{version} is too old.", "Install Python 3.11 or newer and run make setup.")
    return _good("Python", f"{version}.")


def _unknown_settings(environment: Mapping[str, str]) -> list[Finding]:
    """A misspelt setting is silently not there; here it is said."""
    known = {f"REDRESS_{name.upper()}" for model in (Settings, LocalParts) for name in model.model_fields}
    strange = sorted(n for n in environment if n.startswith("REDRESS_") and n not in known | _OTHERS)
    if not strange:
        return []
    return [
        _warning("settings", f"Not known, and so without effect: {', '.join(strange)}.", "A misspelling?")
    ]


def _clock(settings: Settings) -> Finding:
    spec = settings.clock_spec
    if spec.is_system:
        return _good("clock", "The system's time.")
    now = f"{settings.make_clock().now():%Y-%m-%d %H:%M} UTC"
    return _warning(
        "clock",
        f"Virtual time, {spec.speed} times as fast; it is now {now}.",
        "Right for a demo; production refuses it.",
    )


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    there = next(f for f in (folder, *folder.parents) if f.exists())
    free = shutil.disk_usage(there).free // 2**20
    if free < NEEDED_MIB:
        return _wrong(
            "disk", f"{free} MiB are free for {folder}.", f"Make room: {NEEDED_MIB} MiB are needed."
        )
    return _good("disk", f"{free} MiB are free for {folder}.")


async def _database(settings: Settings, newest: str | None) -> list[Finding]:
    url = make_url(settings.database_url)
    where = f"{url.host or url.query.get('host') or 'the local socket'}, database {url.database}"
    engine = create_async_engine(url, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            return [
                await _version(connection, where),
                await _time_apart(connection),
                await _migrated(connection, newest),
            ]
    except (OSError, SQLAlchemyError) as error:
        return [
            _wrong(
                "database",
                f"It cannot be reached at {where} ({_reason(error)}).",
                "Is it running, and is DATABASE_URL right?",
            )
        ]
    finally:
        await engine.dispose()


async def _version(connection: AsyncConnection, where: str) -> Finding:
    number = int((await connection.execute(text("SHOW server_version_num"))).scalar_one())
    major = number // 10_000
    if major < OLDEST_MAJOR:
        return _wrong(
            "database", f"PostgreSQL {major} at {where} is too old.", f"{OLDEST_MAJOR} or newer is needed."
        )
    return _good("database", f"PostgreSQL {major} at {where}.")


async def _time_apart(connection: AsyncConnection) -> Finding:
    theirs: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    apart = abs(theirs - Clock().now())
    if apart > _SKEW_AT_MOST:
        return _warning(
            "database time",
            f"Its clock and this machine's are {apart.total_seconds():.1f} s apart.",
            "Let both follow a time server (NTP): deadlines are judged to the second.",
        )
    return _good("database time", "Its clock and this machine's agree.")


async def _migrated(connection: AsyncConnection, newest: str | None) -> Finding:
    try:
        rows = await connection.execute(text("SELECT version_num FROM alembic_version"))
        present = sorted(str(row[0]) for row in rows)
    except DBAPIError:
        present = []
    if not present:
        return _wrong("migrations", "The database is empty.", "Run redress up once; it brings it up to date.")
    if newest is not None and present != [newest]:
        return _wrong(
            "migrations",
            f"The database is at {', '.join(present)}, this version needs {newest}.",
            "Run redress up, which brings it up to date, or this version is older than the database.",
        )
    return _good("migrations", f"Up to date ({', '.join(present)}).")


async def _temporal(settings: Settings) -> list[Finding]:
    address, namespace = settings.temporal_address, settings.temporal_namespace
    try:
        client = await connect(settings)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            advice = f"Make it: temporal operator namespace create {namespace}"
            return [_wrong("Temporal", f"{address} has no namespace {namespace}.", advice)]
        return [_wrong("Temporal", f"{address} refused ({error.status.name}).", "Are TLS and the key right?")]
    except (OSError, RuntimeError):
        return [
            _wrong(
                "Temporal", f"It cannot be reached at {address}.", "Is it running, is TEMPORAL_ADDRESS right?"
            )
        ]
    return [_good("Temporal", f"{address}, namespace {namespace}.")]


async def _mail(settings: Settings) -> list[Finding]:
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    password = settings.smtp_password
    try:
        async with aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            use_tls=settings.smtp_tls == "implicit",
            start_tls=settings.smtp_tls == "starttls",
            username=settings.smtp_user,
            password=None if password is None else password.get_secret_value(),
            timeout=_ANSWERS_WITHIN,
        ) as smtp:
            await smtp.noop()
    except aiosmtplib.SMTPAuthenticationError:
        advice = "Are REDRESS_SMTP_USER and REDRESS_SMTP_PASSWORD right?"
        return [_wrong("mail", f"{where} does not accept the user.", advice)]
    except (OSError, aiosmtplib.SMTPException) as error:
        advice = "Are REDRESS_SMTP_HOST, REDRESS_SMTP_PORT and REDRESS_SMTP_TLS right?"
        return [_wrong("mail", f"No SMTP server answers at {where} ({type(error).__name__}).", advice)]
    return [_good("mail", f"{where}.")]


async def _payments(settings: Settings) -> list[Finding]:
    if settings.payments_url is None:
        advice = "Set REDRESS_PAYMENTS_URL, or pay by hand and record it."
        return [_warning("payments", "No provider is configured; remedies cannot be paid from here.", advice)]
    try:
        async with httpx.AsyncClient(timeout=_ANSWERS_WITHIN) as client:
            await client.get(settings.payments_url)  # any answer is an answer
    except httpx.HTTPError as error:
        says = f"{settings.payments_url} does not answer ({type(error).__name__})."
        return [_wrong("payments", says, "Is it running, and is REDRESS_PAYMENTS_URL right?")]
    return [_good("payments", f"{settings.payments_url}.")]


def _reason(error: BaseException) -> str:
    """The kind of the innermost error: its text may hold the address with its password."""
    original = error.orig if isinstance(error, DBAPIError) else None
    innermost = error if original is None else original.__cause__ or original
    return type(innermost).__name__
