"""A whole house for one test: every part a process of its own, to kill by its id and to start again."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from cli import prepare
from complaints.case import Case
from complaints.lifecycle import fold
from ledger import reads
from ledger.attachments import Attachments
from ledger.chain import derive_seal_key
from ledger.database import autocommit, create_engine
from ledger.directory import Directory
from ledger.packs import load_all
from ledger.record import Record
from ledger.texts import Texts
from ledger.verify import Report, verify
from policies.vocabulary import Role
from runtime.child import Child, Running
from runtime.clock import Clock, ClockSpec
from runtime.engine import connect
from runtime.ports import free_port
from runtime.postgres_server import PostgresServer
from runtime.readiness import forget, listens, said_so
from runtime.ready import READY_FILE
from runtime.settings import Settings, load_settings
from runtime.temporal_binary import get_temporal
from runtime.temporal_server import TemporalServer
from tests.support.mail import CaughtMail
from tests.support.waiting import eventually
from workflows.client import Engine

PARTS = ("postgres", "temporal", "mail", "payments", "worker", "api", "scheduler")
"""In the order in which one needs the other."""

STAFF: Mapping[str, tuple[Role, ...]] = {
    "ana": (Role.HANDLER,),
    "ben": (Role.HANDLER,),
    "cleo": (Role.APPROVER,),
    "dora": (Role.SUPERVISOR,),
    "emil": (Role.DEPARTMENT_HEAD,),
    "iris": (Role.INTAKE_AGENT,),
    "root": (Role.ADMINISTRATOR,),
}
PASSWORD = "a password for the house"
PAYMENTS_TOKEN = "the payment service's token"

_PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass
class House:
    """The parts by name, and the way to look into the record behind their backs."""

    folder: Path
    settings: Settings
    environment: Mapping[str, str]
    postgres: PostgresServer
    temporal: TemporalServer
    mail: CaughtMail
    parts: dict[str, Running]
    tokens: dict[str, str]
    sql: AsyncEngine

    def __post_init__(self) -> None:
        self.clock = Clock(self.settings.clock_spec)
        self.reading = autocommit(self.sql)
        self.record = Record(self.sql, derive_seal_key(self.settings.master_key_bytes))
        self.texts = Texts(self.settings.master_key_bytes)
        self.engine = Engine(
            lambda: connect(self.settings), self.settings.task_queue, self.settings.clock_spec, self.case
        )

    @property
    def url(self) -> str:
        """Where the API is."""
        return self.settings.base_url

    async def start(self, *names: str) -> None:
        """Starts these parts (all of them without names), one after the other, each when the last is ready."""
        for name in names or PARTS:
            await self.parts[name].start()

    async def kill(self, name: str) -> None:
        """SIGKILL, by the process's own id; returns when it is gone."""
        assert self.parts[name].alive, f"the {name} had ended by itself: {self.said(name)}"
        await self.parts[name].kill()

    async def stop(self, *names: str) -> None:
        """Asks these parts to end (all of them without names), the last first."""
        for name in reversed(names or PARTS):
            await self.parts[name].stop()

    def said(self, name: str) -> str:
        """The last lines of a part's log, for a failure's message."""
        log = self.parts[name].log
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""

    async def command(self, *words: str) -> str:
        """What `redress` says on standard output, in this house; it has to succeed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", *words, env={**os.environ, **self.environment}, cwd=_PROJECT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complained = await process.communicate()
        assert process.returncode == 0, said.decode() + complained.decode()
        return said.decode()

    async def case(self, reference: str) -> Case | None:
        """The complaint as its record has it, or None."""
        happenings = await self.record.read(reference)
        return fold(happenings) if happenings else None

    async def live(self) -> int:
        """How many complaints are live, by the read model."""
        async with self.reading.connect() as conn:
            return (await reads.counts(conn)).live

    async def calm(self, within: float = 60.0) -> datetime:
        """Returns once nothing of before this call is outstanding: no wake-up, no message, no intake.

        Time goes on meanwhile, and fast, and calls for more: what it calls for later is not waited for. The
        system's own time of the call, by the database: messages queued up to it have left.
        """
        async with self.reading.connect() as conn:
            asked = (await conn.execute(select(func.now()))).scalar_one()
        due = self.clock.now()

        async def nothing_outstanding() -> bool:
            async with self.reading.connect() as conn:
                found = await conn.execute(_OUTSTANDING, {"due": due, "asked": asked})
                wake_ups, queued, untold, waiting = found.one()
            left = f"{wake_ups} wake-ups, {queued} messages, {untold} outcomes, {waiting} intakes"
            assert not (wake_ups or queued or untold or waiting), f"still outstanding: {left}"
            return True

        await eventually(nothing_outstanding, within=within, what="the house to be calm")
        return asked

    async def verified(self) -> Report:
        """What `redress verify` finds, over everything."""
        async with self.reading.connect() as conn:
            packs = await load_all(conn)
        return await verify(
            self.sql,
            derive_seal_key(self.settings.master_key_bytes),
            self.texts.check,
            file_checker=Attachments(self.sql, self.texts).check,
            packs=packs,
        )


@asynccontextmanager
async def house(folder: Path, *, speed: int = 60) -> AsyncIterator[House]:
    """A house in an empty folder that an unprivileged server can reach, running, with its staff; time goes
    `speed` times as fast as outside.
    """
    postgres = PostgresServer(folder / "postgres", free_port())
    temporal = TemporalServer(folder / "temporal", free_port(), binary=await get_temporal(lambda line: None))
    await postgres.make_folder()
    ports = {name: free_port() for name in ("smtp", "mails", "payments", "api")}
    now = Clock().now()
    clock = ClockSpec(real_anchor=now, virtual_anchor=now, speed=speed)
    known = _known(folder, postgres, temporal, ports)
    settings = load_settings(**known, clock=clock)
    environment = {f"REDRESS_{name.upper()}": value for name, value in known.items()}
    environment["REDRESS_CLOCK"] = clock.model_dump_json()
    children = {"postgres": postgres.child(), "temporal": temporal.child()}
    children |= _programs(folder, environment, ports)
    parts = {name: Running(children[name], folder / f"{name}.log") for name in PARTS}
    mail = CaughtMail("127.0.0.1", ports["smtp"], f"http://127.0.0.1:{ports['mails']}", folder / "mails")
    async with AsyncExitStack() as stack:
        for name in PARTS:
            stack.push_async_callback(parts[name].stop)
        sql = create_engine(settings.database_url, name="the test")
        stack.push_async_callback(sql.dispose)
        made = House(folder, settings, environment, postgres, temporal, mail, parts, {}, sql)
        await made.start("postgres")
        await postgres.create_database("redress")
        await asyncio.to_thread(prepare, settings)
        await _hire(made)
        await made.start(*PARTS[1:])
        yield made


async def _hire(made: House) -> None:
    directory = Directory(made.sql)
    for login, roles in STAFF.items():
        handles = Role.HANDLER in roles
        await directory.add(
            id=f"usr_{login}", login=login, name=login.title(), email=f"{login}@example.org", roles=roles,
            supervisor="usr_dora" if handles else None, password=PASSWORD if handles else None,
        )  # fmt: skip
        made.tokens[login] = await directory.issue_token(f"usr_{login}")


def _known(
    folder: Path, postgres: PostgresServer, temporal: TemporalServer, ports: Mapping[str, int]
) -> dict[str, str]:
    """The settings of every part but the clock, by field name, as text."""
    return {
        "mode": "test",
        "log_level": "INFO",
        "data_dir": str(folder),
        "database_url": postgres.url(),
        "temporal_address": temporal.address,
        "temporal_namespace": "default",
        "master_key": "cmVkcmVzcy10ZXN0LW1hc3Rlci1rZXktMzItYnl0ZXM=",
        "smtp_host": "127.0.0.1",
        "smtp_port": str(ports["smtp"]),
        "base_url": f"http://127.0.0.1:{ports['api']}",
        "payments_url": f"http://127.0.0.1:{ports['payments']}",
        "payments_token": PAYMENTS_TOKEN,
    }


def _programs(folder: Path, env: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, Child]:
    """Our own programs, as `redress up` starts them."""

    def serving(name: str, port: int, *words: str) -> Child:
        return Child(name, (sys.executable, "-m", *words), listens(port), env, cwd=_PROJECT)

    def working(name: str) -> Child:
        file = folder / f"{name}.ready"
        said = {**env, READY_FILE: str(file)}
        argv = (sys.executable, "-m", name)
        return Child(name, argv, said_so(file), said, cwd=_PROJECT, before=forget(file))

    port = {name: str(number) for name, number in ports.items()}
    where = ("--smtp-port", port["smtp"], "--http-port", port["mails"], "--dir", str(folder / "mails"))
    kept = ("--file", str(folder / "payments.sqlite"))
    served = ("--host", "127.0.0.1", "--port", port["api"], "--no-access-log")
    return {
        "mail": serving("mail catcher", ports["mails"], "runtime.mail_catcher", *where),
        "payments": serving(
            "payment service", ports["payments"], "runtime.payment_service", "--port", port["payments"], *kept
        ),
        "worker": working("worker"),
        "api": serving("API", ports["api"], "uvicorn", "api.app:create_app", "--factory", *served),
        "scheduler": working("scheduler"),
    }


_OUTSTANDING = text(
    """
    SELECT
        (SELECT count(*) FROM complaints WHERE live AND wake_at < :due),
        (SELECT count(*) FROM outbox WHERE state = 'queued' AND queued_at <= :asked),
        (SELECT count(*) FROM outbox WHERE kind = 'letter' AND told_at IS NULL AND state IN ('sent', 'bounced')
            AND queued_at <= :asked),
        (SELECT count(*) FROM intake WHERE recorded_at IS NULL AND refused IS NULL)
    """
)
