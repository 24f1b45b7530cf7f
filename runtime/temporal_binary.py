"""Finding the `temporal` program, and getting it where there is none: download, else build."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from runtime.cache import cached, make_once
from runtime.errors import SetupError

VERSION = "v1.5.1"
"""The newest whose module `go install` accepts (later ones carry a replace directive); server 1.29.1."""

_ENTRY = f"temporal-{VERSION}"
_PACKAGE = f"github.com/temporalio/cli/cmd/temporal@{VERSION}"
_DOWNLOADED_FROM = "temporal.download"
_REACHED_WITHIN = 5.0
_DOWNLOADED_WITHIN = 300.0
_BUILD_NEEDS_GIB = 5  # measured: 1.8 of modules, 1.4 of objects, the linker's temporary files
_TELL_EVERY = 15.0
_LINES_SHOWN = 8

Say = Callable[[str], None]
"""Takes one line for the person who waits."""


class _NotThisWayError(Exception):
    """One of the ways to get the program does not work here; its text says why."""


async def get_temporal(say: Say) -> Path:
    """The `temporal` program: on PATH, else our cached copy, else the official download, else built with Go.

    `say` is told what is being done and what it waits for. Raises `SetupError` naming every way tried.
    """
    if (ready := await asyncio.to_thread(find_temporal)) is not None:
        return ready
    tried = ["no `temporal` is on PATH"]
    for way in (_download, _build):
        try:
            entry = await asyncio.to_thread(make_once, _ENTRY, partial(way, say))
        except _NotThisWayError as error:
            say(f"Temporal: {error}.")
            tried.append(str(error))
        else:
            return entry / "temporal"
    raise SetupError(
        f"Temporal is not to be had here: {'; '.join(tried)}. Put a `temporal` on PATH"
        " (https://docs.temporal.io/cli), or install Go and start again, or set TEMPORAL_ADDRESS to a"
        " running server."
    )


def find_temporal() -> Path | None:
    """The `temporal` on PATH if it runs, else the cached one, else None. Raises `CacheDamagedError`."""
    on_path = shutil.which("temporal")
    if on_path is not None and _runs(Path(on_path)):
        return Path(on_path)
    entry = cached(_ENTRY)
    return None if entry is None else entry / "temporal"


def _runs(program: Path) -> bool:
    try:
        run = subprocess.run(  # noqa: S603 - the program we look for
            [program, "--version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0 and re.search(r"temporal version", run.stdout) is not None


def _download(say: Say, folder: Path) -> None:
    """Temporal's own download, as its SDK does it: starting a server is what fetches the program."""
    asyncio.run(_let_sdk_download(folder, say))


async def _let_sdk_download(folder: Path, say: Say) -> None:
    from temporalio.testing import WorkflowEnvironment

    say(f"Temporal: trying the official download of {VERSION} from {_DOWNLOADED_FROM} …")
    if not any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        await _reach(_DOWNLOADED_FROM)
    fetched = folder / "fetched"
    fetched.mkdir()
    try:
        async with asyncio.timeout(_DOWNLOADED_WITHIN):
            environment = await WorkflowEnvironment.start_local(
                download_dest_dir=str(fetched), dev_server_download_version=VERSION
            )
    except TimeoutError:
        raise _NotThisWayError(f"the download was not done within {_DOWNLOADED_WITHIN:g} s") from None
    except RuntimeError as error:
        shutil.rmtree(fetched)
        raise _NotThisWayError(f"the download failed ({_first_line(error)})") from None
    await environment.shutdown()
    programs = [path for path in fetched.iterdir() if path.is_file() and os.access(path, os.X_OK)]
    if not programs:
        raise _NotThisWayError("the download left no program")
    programs[0].rename(folder / "temporal")
    shutil.rmtree(fetched)


async def _reach(host: str) -> None:
    """Fails at once where the network refuses, rather than after a long wait."""
    try:
        async with asyncio.timeout(_REACHED_WITHIN):
            _, writer = await asyncio.open_connection(host, 443)
    except (OSError, TimeoutError):
        raise _NotThisWayError(f"the official download is out of reach ({host} does not answer)") from None
    writer.close()


def _build(say: Say, folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise _NotThisWayError("it cannot be built, for there is no `go` on PATH")
    free = shutil.disk_usage(folder).free / 2**30
    if free < _BUILD_NEEDS_GIB:
        raise _NotThisWayError(
            f"it cannot be built, for that needs {_BUILD_NEEDS_GIB} GiB of disk and {free:.1f} are free"
        )
    say(f"Temporal: building {VERSION} with Go; this takes some minutes, once …")
    started = time.monotonic()
    told = started
    packages = 0
    last: list[str] = []
    with subprocess.Popen(  # noqa: S603 - go, with fixed arguments
        [go, "install", "-v", _PACKAGE],
        env={**os.environ, "GOBIN": str(folder), "GOFLAGS": ""},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as build:
        try:
            for line in build.stdout or ():
                last = [*last, line.rstrip()][-_LINES_SHOWN:]
                downloading = line.startswith("go: ")
                packages += not downloading
                if time.monotonic() - told >= _TELL_EVERY:
                    told = time.monotonic()
                    doing = "fetching its parts" if downloading else f"{packages} packages compiled"
                    say(f"Temporal: {doing}, {told - started:.0f} s …")
        except BaseException:
            build.terminate()
            raise
    if build.returncode != 0 or not _runs(folder / "temporal"):
        raise _NotThisWayError(f"building it with Go failed ({' / '.join(last) or 'without a word'})")
    say(f"Temporal: built in {time.monotonic() - started:.0f} s.")


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    try:
        asyncio.run(get_temporal(lambda line: print(line, flush=True)))  # noqa: T201 - this is a command
    except SetupError as refused:
        sys.exit(str(refused))
