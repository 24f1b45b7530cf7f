"""PostgreSQL on this machine: makes its cluster, runs it, finds what a violent end left, makes databases."""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import quote

import asyncpg

from runtime.cache import make_reachable, reachable_by_others
from runtime.child import Child, Port
from runtime.errors import SetupError
from runtime.postgres_binaries import find_postgres, major_version
from runtime.processes import command_line, identify
from runtime.waiting import TooLateError, until

SUPERUSER = "redress"
_SYSTEM_DATA = Path("/var/lib/redress")
_SOCKET_PATH_AT_MOST = 90  # of 107 bytes (sun_path), less the name of the socket itself
_READY_LINE = 7  # of postmaster.pid: LOCK_FILE_LINE_PM_STATUS
_BUILTIN_LOCALE_SINCE = 17

# One machine, a few processes of our own. Durable: fsync stays on.
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # short statements only: compiling them costs more than it saves
    "max_parallel_workers_per_gather": "0",  # containers have little shared memory
    "log_min_messages": "warning",
    # Statements and the DETAIL of an error hold what people wrote; neither may reach a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
}


class PostgresServer:
    """One cluster in one folder, listening on 127.0.0.1 and on a socket.

    As root it runs as an unprivileged user (PostgreSQL refuses root), and where that user cannot
    reach `folder` the cluster lies in /var/lib/redress instead.
    """

    def __init__(self, folder: Path, port: int, *, changed_by: str = "REDRESS_POSTGRES_PORT") -> None:
        self.port = port
        self.folder = _place(folder.absolute())
        self._changed_by = changed_by
        self._binaries: Path | None = None

    @property
    def data(self) -> Path:
        """The cluster's data folder."""
        return self.folder / "data"

    @property
    def socket_folder(self) -> Path:
        """Where the socket lies; a path too long for a socket gives way to one in the temporary folder."""
        beside = self.folder / "socket"
        if len(os.fsencode(beside)) <= _SOCKET_PATH_AT_MOST:
            return beside
        name = sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(gettempdir()) / f"redress-{name}"

    @property
    def password(self) -> str:
        """The superuser's password, made with the cluster."""
        return self._password_file.read_text().strip()

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    def url(self, database: str = SUPERUSER, *, socket: bool = True) -> str:
        """The SQLAlchemy address of a database, by the socket (quicker) or by TCP."""
        login = f"postgresql+asyncpg://{SUPERUSER}:{quote(self.password)}@"
        if socket:
            return f"{login}/{database}?host={quote(str(self.socket_folder))}&port={self.port}"
        return f"{login}127.0.0.1:{self.port}/{database}"

    def child(self) -> Child:
        """How to run it."""
        settings = {**_SETTINGS, "port": str(self.port), "unix_socket_directories": str(self.socket_folder)}
        if self._binaries is None:
            self._binaries = find_postgres()
        return Child(
            name="database",
            argv=(
                str(self._binaries / "postgres"),
                "-D",
                str(self.data),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ),
            ready=self._is_ready,
            env={"LC_ALL": "C", "TZ": "UTC"},
            ports=(Port(self.port, self._changed_by),),
            account=self._account(),
            cwd=self.folder,
            stop_signal=signal.SIGINT,  # "fast": ends the connections, then a checkpoint
            before=self.prepare,
            once_ready=self._make_own_database,
        )

    async def make_folder(self) -> None:
        """Makes the folder and the password, which is all that `url` needs; the rest comes at the start."""
        await asyncio.to_thread(self._prepare_folder)

    async def prepare(self) -> None:
        """Makes the cluster if there is none, and clears away what a killed server left.

        Raises `SetupError` where the cluster is of another version, or its server still runs.
        """
        if self._binaries is None:
            self._binaries = await asyncio.to_thread(find_postgres)
        await self.make_folder()
        if not self.data.exists():
            await asyncio.to_thread(self._initdb, self._binaries)
        made_by = (self.data / "PG_VERSION").read_text().strip()
        runs = await asyncio.to_thread(major_version, self._binaries)
        if made_by != str(runs):
            raise SetupError(
                f"The database in {self.data} was made by PostgreSQL {made_by}, but {runs} is installed."
                " Move it over with pg_dump of the old version, or start with another data folder."
            )
        await self._clear_after_violent_end()

    async def create_database(self, name: str, *, template: str | None = None) -> None:
        """Makes a database, as a copy of `template` where one is named (nobody may be connected to it)."""
        copying = "" if template is None else f' TEMPLATE "{template}" STRATEGY wal_log'
        await self._run(f'CREATE DATABASE "{name}"{copying}')

    async def drop_database(self, name: str) -> None:
        """Removes a database, cutting off whoever is connected; nothing happens where there is none."""
        await self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _run(self, statement: str) -> None:
        connection = await self._connect()
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=str(self.socket_folder),
            port=self.port,
            user=SUPERUSER,
            password=self.password,
            database="postgres",
        )

    async def _make_own_database(self) -> None:
        with suppress(asyncpg.DuplicateDatabaseError):
            await self.create_database(SUPERUSER)

    async def _is_ready(self) -> bool:
        """By the server's own word in postmaster.pid, as pg_ctl does; no connection is needed."""
        lines = self._lock_file()
        return len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready"

    def _lock_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    async def _clear_after_violent_end(self) -> None:
        """Removes a lock file whose process is gone, once the backends of the dead server are gone too.

        PostgreSQL itself takes any process of its user with that number for a running server, and in
        a container the same numbers come back.
        """
        lines = self._lock_file()
        number = lines[0].strip() if lines else ""
        if number.isdigit() and self._is_our_server(int(number)):
            raise SetupError(
                f"A PostgreSQL server already runs on {self.data} (process {number})."
                f" End it first: kill {number}"
            )

        async def backends_gone() -> bool:
            return not await asyncio.to_thread(self._backends)

        try:
            await until(backends_gone, within=15.0, what="the killed database's own processes to end")
        except TooLateError:
            left = ", ".join(map(str, self._backends()))
            raise SetupError(
                f"Processes of a killed PostgreSQL server still hold {self.data}: {left}. End them first."
            ) from None
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _is_our_server(self, pid: int) -> bool:
        return identify(pid) is not None and str(self.data) in command_line(pid)

    def _backends(self) -> list[int]:
        """Processes whose working folder is the data folder: a server's, and nobody else's."""
        proc = Path("/proc")
        found = []
        for entry in proc.iterdir() if proc.joinpath("self").exists() else ():
            if entry.name.isdigit():
                with suppress(OSError):
                    if (entry / "cwd").readlink() == self.data and identify(int(entry.name)) is not None:
                        found.append(int(entry.name))
        return found

    def _account(self) -> pwd.struct_passwd | None:
        """Whom to run as: ourselves, or for root the owner of an existing cluster or an unprivileged user."""
        if os.geteuid() != 0:
            return None
        if self.folder.exists() and (owner := self.folder.stat().st_uid) != 0:
            return pwd.getpwuid(owner)
        for name in ("redress", "postgres", "nobody"):
            with suppress(KeyError):
                return pwd.getpwnam(name)
        raise SetupError(
            "PostgreSQL does not run as root, and there is no user named redress, postgres or nobody to run"
            " it as. Make one (useradd --system redress), or start as another user."
        )

    def _prepare_folder(self) -> None:
        make_reachable(self.folder.parent)
        account = self._account()
        for folder in (self.folder, self.socket_folder):
            folder.mkdir(exist_ok=True)
            if folder.is_symlink():  # in the temporary folder anybody might have laid it there
                raise SetupError(f"{folder} is a link. Remove it, or use another data folder.")
            if account is not None:
                os.chown(folder, account.pw_uid, account.pw_gid)
            elif folder.stat().st_uid != os.geteuid():
                raise SetupError(f"{folder} belongs to another user. Remove it, or use another data folder.")
            folder.chmod(0o700)
        made = self._password_file.exists() and self._password_file.stat().st_size > 0
        if not made and not self.data.exists():
            # Written beside its place and moved there whole: who is killed in between leaves no empty file.
            making = self._password_file.with_name(f"{self._password_file.name}.making")
            making.unlink(missing_ok=True)
            making.touch(mode=0o600)
            making.write_text(secrets.token_urlsafe(24))
            if account is not None:
                os.chown(making, account.pw_uid, account.pw_gid)
            making.replace(self._password_file)

    def _initdb(self, binaries: Path) -> None:
        """Makes the cluster beside its place and moves it there whole."""
        making = self.folder / "data.making"
        shutil.rmtree(making, ignore_errors=True)
        account = self._account()
        locale = ["--no-locale"]
        if major_version(binaries) >= _BUILTIN_LOCALE_SINCE:
            locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        run = subprocess.run(  # noqa: S603 - our own binary
            [
                binaries / "initdb",
                f"--pgdata={making}",
                f"--username={SUPERUSER}",
                f"--pwfile={self._password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *locale,
            ],
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            user=None if account is None else account.pw_uid,
            group=None if account is None else account.pw_gid,
            extra_groups=None if account is None else [],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if run.returncode != 0:
            shutil.rmtree(making, ignore_errors=True)
            raise SetupError(f"PostgreSQL could not make its database in {self.folder}: {run.stdout.strip()}")
        making.rename(self.data)


def _place(folder: Path) -> Path:
    """`folder`, or for root, where others cannot pass through to it, a folder of its own elsewhere."""
    if os.geteuid() != 0 or reachable_by_others(folder.parent):
        return folder
    return _SYSTEM_DATA / sha256(os.fsencode(folder)).hexdigest()[:16]
