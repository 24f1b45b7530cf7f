"""Where our own copies of tools lie, and how one is made so that a half-made one is never used."""

import fcntl
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.errors import SetupError

_MARKER = "complete"
_SYSTEM_CACHE = Path("/var/cache/redress")


class CacheDamagedError(SetupError):
    """A cache entry is there, but it is not what was put there."""


class HeldError(Exception):
    """Another process holds the lock; `holder` is what it wrote into it (its process id), perhaps empty."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held by another process.")
        self.holder = holder


def cache_home() -> Path:
    """Our cache: ``REDRESS_CACHE_DIR``, else ``XDG_CACHE_HOME/redress``, else ``~/.cache/redress``.

    Root's PostgreSQL runs as an unprivileged user, who cannot look into a home closed to others:
    for root in such a home it is /var/cache/redress.
    """
    if chosen := os.environ.get("REDRESS_CACHE_DIR"):
        return Path(chosen).absolute()
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen).absolute() / "redress"
    home = Path.home()
    if os.geteuid() == 0 and not reachable_by_others(home):
        return _SYSTEM_CACHE
    return home / ".cache" / "redress"


def reachable_by_others(path: Path) -> bool:
    """Whether a user who owns nothing may pass through `path` and every folder above it that exists."""
    path = path.absolute()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents) if folder.exists())


def make_reachable(folder: Path) -> Path:
    """Makes `folder` and the missing ones above it, open for others to pass through, and returns it."""
    for missing in reversed([f for f in (folder, *folder.parents) if not f.exists()]):
        with suppress(FileExistsError):  # another process made it in the meantime
            missing.mkdir()
            missing.chmod(0o755)
    return folder


@contextmanager
def file_lock(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Holds the lock on `path` among processes; the system lets go of it when the process ends, however.

    With `wait` false raises `HeldError` when another process holds it.
    """
    make_reachable(path.parent)
    with path.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise HeldError(path, held.read().strip()) from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        try:
            yield
        finally:
            held.truncate(0)


def cached(name: str) -> Path | None:
    """The folder of the cache entry `name`, or None where there is none yet.

    Raises `CacheDamagedError` where it is there but half made: something other than us made or cut it.
    """
    entry = cache_home() / name
    if not entry.exists():
        return None
    marker = entry / _MARKER
    try:
        promised = marker.read_text()
    except OSError:
        promised = ""
    if promised != _inventory(entry):
        raise CacheDamagedError(
            f"The cached copy in {entry} is only half there. Remove it (rm -r {entry}, or"
            " `make clean-cache` for all of them) and start again; it will be made anew."
        )
    return entry


def make_once(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of the cache entry `name`, made by `make(folder)` if there is none yet.

    It is made beside its place and moved there whole, so that whoever dies half-way leaves nothing
    that could be taken for the real one; of several processes one makes it and the others wait.
    Raises `CacheDamagedError`, and whatever `make` raises.
    """
    home = make_reachable(cache_home())
    with file_lock(home / f".{name}.lock"):
        if (entry := cached(name)) is not None:
            return entry
        for leftover in home.glob(f".{name}.making-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        making = Path(tempfile.mkdtemp(prefix=f".{name}.making-", dir=home))
        try:
            making.chmod(0o755)
            make(making)
            (making / _MARKER).write_text(_inventory(making))
            making.rename(home / name)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
    return home / name


def _inventory(folder: Path) -> str:
    """Every file and its length: cheap to compare at each start, and a cut-off file does not pass."""
    files = (f for f in sorted(folder.rglob("*")) if f.is_file() and not f.is_symlink())
    return "".join(
        f"{file.relative_to(folder)} {file.stat().st_size}\n" for file in files if file != folder / _MARKER
    )


def clear() -> None:
    """Removes what was made here and nothing else that may lie beside it; what is in use goes on running."""
    home = cache_home()
    for made in home.iterdir() if home.is_dir() else ():
        if (made / _MARKER).is_file():
            shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:] != ["--clear"]:
        sys.exit("Usage: python -m runtime.cache --clear")
    clear()
