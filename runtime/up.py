"""`redress up`: the whole service on this machine, every part that is not elsewhere started here."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.child import Child, Port
from runtime.clock import ClockSpec
from runtime.errors import SetupError
from runtime.installation import held, keep_clock, keep_environment, keep_secrets
from runtime.ports import require_all_free
from runtime.postgres_server import PostgresServer
from runtime.readiness import forget, listens, said_so
from runtime.ready import READY_FILE
from runtime.settings import Settings, load_settings, sentences
from runtime.supervisor import Say, Supervisor, until_told
from runtime.temporal_binary import get_temporal
from runtime.temporal_server import TemporalServer

NAMESPACE = "redress"
_DEMO_LMTP_PORT = 2424
_DEMO_PACK = "retail-2025"
"""Under which a mail about something new becomes a complaint in the demo, unless a setting names another pack."""


class LocalParts(BaseSettings):
    """Which parts are elsewhere (those that have an address), and the ports of those that run here."""

    model_config = SettingsConfigDict(
        env_prefix="REDRESS_", frozen=True, env_ignore_empty=True, hide_input_in_errors=True, extra="ignore"
    )

    data_dir: Path = Path(".redress")
    master_key: str | None = Field(None, repr=False)
    base_url: str | None = None
    smtp_host: str | None = None
    payments_url: str | None = None
    database_url: str | None = Field(
        None, repr=False, validation_alias=AliasChoices("REDRESS_DATABASE_URL", "DATABASE_URL")
    )
    temporal_address: str | None = Field(
        None, validation_alias=AliasChoices("REDRESS_TEMPORAL_ADDRESS", "TEMPORAL_ADDRESS")
    )

    api_port: int = Field(8080, ge=1, le=65535)
    postgres_port: int = Field(54329, ge=1, le=65535)
    temporal_port: int = Field(7233, ge=1, le=65535)
    temporal_ui_port: int = Field(8233, ge=1, le=65535)
    catcher_smtp_port: int = Field(2525, ge=1, le=65535)
    catcher_page_port: int = Field(8025, ge=1, le=65535)
    payments_port: int = Field(8090, ge=1, le=65535)
    scheduler_host: str = "127.0.0.1"
    scheduler_port: int = Field(8091, ge=1, le=65535)
    lmtp_host: str = "127.0.0.1"
    lmtp_port: int | None = Field(None, ge=1, le=65535)
    inbound_pack: str | None = None


@dataclass(frozen=True)
class Up:
    """What is running, for whoever greets the person."""

    settings: Settings
    desk: str
    temporal_page: str | None
    mail_page: str | None
    scheduler_page: str
    """Where the scheduler says how it is."""
    mail_in: str | None
    """Host and port where mail comes in by LMTP."""
    data_dir: Path
    speed: int
    """Virtual seconds per real second."""


def up(
    demo: bool,
    *,
    prepare: Callable[[Settings], None],
    when_up: Callable[[Up], Awaitable[None]],
    speed: int | None = None,
    say: Say | None = None,
) -> int:
    """Starts everything, keeps it running until SIGINT or SIGTERM, stops it; the exit code.

    `prepare` brings the database to the newest form, with its packs, before the service starts;
    `when_up` is awaited when all is ready (loading the demo's data, greeting). With `demo` mails are
    caught, money goes to a payment service that is not real, and `speed` may be above 1.
    Whatever keeps it from starting is said in a sentence, and the code is then 1.
    """
    tell = say or _to_terminal
    try:
        parts = _parts()
        if speed not in {None, 1} and not demo:
            raise SetupError("Only the demo may run on a fast clock: leave the speed out, or add --demo.")
        os.umask(0o077)  # mails, payments and logs are for nobody else on this machine
        with held(parts.data_dir) as folder:
            here = _Here(demo=demo, parts=parts, folder=folder, say=tell)
            asyncio.run(here.run(prepare, when_up, speed))
    except SetupError as error:
        print(error, file=sys.stderr)  # noqa: T201 - this is a command's own word to the person
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"The system refused: {error.strerror}{where}.", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:  # before there was anything to stop
        return 130
    tell("Stopped.")
    return 0


@dataclass
class _Here:
    """One life of the installation in one data folder."""

    demo: bool
    parts: LocalParts
    folder: Path
    say: Say
    postgres: PostgresServer | None = None
    temporal: TemporalServer | None = None

    async def run(
        self, prepare: Callable[[Settings], None], when_up: Callable[[Up], Awaitable[None]], speed: int | None
    ) -> None:
        supervisor = Supervisor(self.folder, self.say)
        await supervisor.end_leftovers()
        await self._choose_servers()

        async def work() -> None:
            async with supervisor:
                known = await self._known()
                clock = keep_clock(self.folder, speed) if self.demo else None
                settings = load_settings(**known, clock=clock)
                servers = [s.child() for s in (self.postgres, self.temporal) if s is not None]
                environment = _environment(known, clock)
                keep_environment(self.folder, environment)
                programs = self._programs(environment, settings)
                require_all_free(*servers, *programs)
                await supervisor.start(servers)
                self.say("Bringing the database up to date …")
                await asyncio.to_thread(prepare, settings)
                await supervisor.start(programs)
                await when_up(self._up(settings))
                await asyncio.Event().wait()  # until cancelled

        await until_told(work())

    async def _choose_servers(self) -> None:
        """Those that no setting says are elsewhere. Getting Temporal may take minutes, once."""
        if self.parts.database_url is None:
            self.postgres = PostgresServer(self.folder / "postgres", self.parts.postgres_port)
        if self.parts.temporal_address is None:
            self.temporal = TemporalServer(
                self.folder / "temporal",
                self.parts.temporal_port,
                binary=await get_temporal(self.say),
                ui_port=self.parts.temporal_ui_port,
                namespaces=(NAMESPACE,),
            )

    async def _known(self) -> dict[str, str]:
        """The settings that follow from running here, by field name; all others are the environment's."""
        parts = self.parts
        known = {"mode": "demo" if self.demo else "production", "data_dir": str(self.folder)}
        if parts.base_url is None:
            known["base_url"] = f"http://127.0.0.1:{parts.api_port}"
        if self.catches_mail:
            known |= {"smtp_host": "127.0.0.1", "smtp_port": str(parts.catcher_smtp_port), "smtp_tls": "none"}
        known["scheduler_port"] = str(parts.scheduler_port)
        if self.lmtp_port is not None:
            known["lmtp_port"] = str(self.lmtp_port)
        if self.demo and parts.inbound_pack is None:
            known["inbound_pack"] = _DEMO_PACK
        known |= self._secrets()
        if self.temporal is not None:
            known |= {"temporal_address": self.temporal.address, "temporal_namespace": NAMESPACE}
        if self.postgres is not None:
            await self.postgres.make_folder()
            known["database_url"] = self.postgres.url()
        return known

    def _secrets(self) -> dict[str, str]:
        """Those not given in the environment, made at the first start."""
        database_exists = self.postgres is not None and self.postgres.data.exists()
        given = self.parts
        if given.master_key is not None and not self.pays_here:
            return {}
        secrets, new = keep_secrets(self.folder, database_exists=database_exists and given.master_key is None)
        if new and given.master_key is None:
            self.say(
                f"A master key was made and lies in {self.folder / 'secrets.json'}. Keep a copy of it in a"
                " safe place: without it nobody can read the complaints' texts again."
            )
        known = {}
        if given.master_key is None:
            known["master_key"] = secrets.master_key
        if self.pays_here:
            known["payments_url"] = f"http://127.0.0.1:{given.payments_port}"
            known["payments_token"] = secrets.payments_token
        return known

    @property
    def catches_mail(self) -> bool:
        return self.demo and self.parts.smtp_host is None

    @property
    def lmtp_port(self) -> int | None:
        """Where mail comes in. It asks nobody for a password: outside the demo only where a setting says so."""
        return self.parts.lmtp_port or (_DEMO_LMTP_PORT if self.demo else None)

    @property
    def pays_here(self) -> bool:
        return self.demo and self.parts.payments_url is None

    def _programs(self, env: dict[str, str], settings: Settings) -> list[Child]:
        """Our own programs, in the order in which one needs the other."""
        parts = self.parts

        def serving(name: str, *words: str, ports: tuple[Port, ...]) -> Child:
            return Child(name, (sys.executable, "-m", *words), listens(ports[0].number), env, ports)

        def working(name: str, module: str, *ports: Port) -> Child:
            file = self.folder / f"{name}.ready"
            said = {**env, READY_FILE: str(file)}
            argv = (sys.executable, "-m", module)
            return Child(name, argv, said_so(file), said, ports, before=forget(file))

        programs = []
        if self.catches_mail:
            page = Port(parts.catcher_page_port, "REDRESS_CATCHER_PAGE_PORT")
            smtp = Port(parts.catcher_smtp_port, "REDRESS_CATCHER_SMTP_PORT")
            where = ("--smtp-port", str(smtp.number), "--http-port", str(page.number))
            mails = ("--dir", str(self.folder / "mails"), "--lmtp-port", str(self.lmtp_port))
            programs.append(
                serving("mail catcher", "runtime.mail_catcher", *where, *mails, ports=(page, smtp))
            )
        if self.pays_here and settings.payments_token is not None:
            port = Port(parts.payments_port, "REDRESS_PAYMENTS_PORT")
            kept = ("--file", str(self.folder / "payments.sqlite"))
            words = ("runtime.payment_service", "--port", str(port.number), *kept)  # its token: in `env`
            programs.append(serving("payment service", *words, ports=(port,)))
        api = Port(parts.api_port, "REDRESS_API_PORT")
        local = ("--host", "127.0.0.1", "--port", str(api.number))
        listening = [Port(parts.scheduler_port, "REDRESS_SCHEDULER_PORT")]
        if self.lmtp_port is not None:
            listening.append(Port(self.lmtp_port, "REDRESS_LMTP_PORT"))
        quiet = ("--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "10")
        return [
            *programs,
            working("worker", "worker"),
            serving("API", "uvicorn", "api.app:create_app", "--factory", *local, *quiet, ports=(api,)),
            working("scheduler", "scheduler", *listening),
        ]

    def _up(self, settings: Settings) -> Up:
        def page(port: int) -> str:
            return f"http://127.0.0.1:{port}"

        return Up(
            settings=settings,
            desk=settings.base_url,
            temporal_page=None if self.temporal is None else page(self.parts.temporal_ui_port),
            mail_page=page(self.parts.catcher_page_port) if self.catches_mail else None,
            scheduler_page=f"http://{self.parts.scheduler_host}:{self.parts.scheduler_port}/health",
            mail_in=None if self.lmtp_port is None else f"{self.parts.lmtp_host}:{self.lmtp_port}",
            data_dir=self.folder,
            speed=settings.clock_spec.speed,
        )


def _environment(known: dict[str, str], clock: ClockSpec | None) -> dict[str, str]:
    """The same settings for the children, who read everything from their environment."""
    environment = {f"REDRESS_{name.upper()}": value for name, value in known.items()}
    # What an outer shell says of a clock must not reach a service that keeps the system's time.
    environment["REDRESS_CLOCK"] = "" if clock is None else clock.model_dump_json()
    return environment


def _parts() -> LocalParts:
    try:
        return LocalParts()
    except ValidationError as error:
        raise SetupError("\n".join(sentences(error))) from None


def _to_terminal(line: str) -> None:
    sys.stdout.write(f"{line}{os.linesep}")
    sys.stdout.flush()
