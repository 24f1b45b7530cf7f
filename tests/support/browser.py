"""The Chromium that the page tests drive: on PATH, else Debian's package, else Playwright's own download.

`python -m tests.support.browser` gets it, saying what it does.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from runtime.errors import SetupError

Say = Callable[[str], None]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ANSWERS_WITHIN = 60
_INSTALLED_WITHIN = 900


def find_browser() -> Path | None:
    """A Chromium that runs: on PATH, else the one that Playwright has downloaded."""
    for name in _NAMES:
        program = shutil.which(name)
        if program is not None and _runs(program):
            return Path(program)
    downloaded = _playwrights()
    return Path(downloaded) if downloaded is not None and _runs(downloaded) else None


def get_browser(say: Say) -> Path:
    """A Chromium that runs, got if there is none. Raises `SetupError` naming the ways tried."""
    if (found := find_browser()) is not None:
        return found
    tried = ["none is on PATH"]
    for way in (_debian, _download):
        why_not = way(say)
        if why_not is None and (found := find_browser()) is not None:
            say(f"Browser: {found}.")
            return found
        tried.append(why_not or "what was installed does not run")
    raise SetupError(
        f"The tests of the pages need Chromium, and it is not to be had here: {'; '.join(tried)}."
        " Install it so that `chromium` is on PATH, and start again."
    )


def _debian(say: Say) -> str | None:
    """Debian's own package; the reason why not, or None."""
    apt = shutil.which("apt-get")
    if apt is None:
        return "there is no apt-get to install Debian's package with"
    if os.geteuid() != 0:
        return "Debian's package can only be installed by root (apt-get install chromium)"
    say("Browser: installing Debian's package chromium; this takes a minute, once …")
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (("update",), ("install", "-y", "--no-install-recommends", "chromium")):
        if (failed := _failure([apt, "-q", *words], quietly)) is not None:
            return f"apt-get {words[0]} failed ({failed})"
    return None


def _download(say: Say) -> str | None:
    """Playwright's own download; the reason why not, or None."""
    say("Browser: trying Playwright's download of Chromium …")
    failed = _failure([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))
    return None if failed is None else f"Playwright's download failed ({failed})"


def _failure(command: list[str], env: dict[str, str]) -> str | None:
    """The last thing that a failing command said, or None where it did its work."""
    try:
        run = subprocess.run(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALLED_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done within {_INSTALLED_WITHIN} s"
    if run.returncode == 0:
        return None
    said = [line.strip() for line in (run.stdout + run.stderr).splitlines() if line.strip()]
    return said[-1] if said else f"code {run.returncode}"


def _runs(program: str) -> bool:
    try:
        run = subprocess.run(
            [program, "--version"], capture_output=True, timeout=_ANSWERS_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0


def _playwrights() -> str | None:
    """Where Playwright keeps its Chromium, whether or not it is there yet."""
    ask = (
        "from playwright.sync_api import sync_playwright as s\n"
        "with s() as p: print(p.chromium.executable_path)"
    )
    run = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, timeout=_ANSWERS_WITHIN, check=False
    )
    return run.stdout.strip() or None


if __name__ == "__main__":
    try:
        get_browser(lambda line: print(line, flush=True))  # noqa: T201 - this is a command
    except SetupError as error:
        sys.exit(str(error))
