"""What an installation on one machine keeps in its data folder: its secrets, its clock, its lock."""

import base64
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from runtime.cache import HeldError, file_lock, make_reachable
from runtime.clock import SYSTEM, Clock, ClockSpec
from runtime.errors import SetupError

NEEDED_MIB = 500
"""Less free disk than this, and nothing is started."""

_KEY_BYTES = 32


class Secrets(BaseModel):
    """Made at the first start and kept from then on."""

    model_config = ConfigDict(frozen=True)

    master_key: str
    """Base64 of 32 bytes."""
    payments_token: str


@contextmanager
def held(folder: Path) -> Iterator[Path]:
    """The data folder, made if missing, with room on its disk, and nobody else at work in it.

    Raises `SetupError` where one of these is not so.
    """
    folder = folder.absolute()
    try:
        if not folder.exists():
            make_reachable(folder).chmod(0o711)  # passed through by PostgreSQL's user, listed by nobody
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise SetupError(
            f"The data folder {folder} cannot be written to. Set REDRESS_DATA_DIR to one that can."
        )
    require_room(folder)
    try:
        with file_lock(folder / "lock", wait=False):
            yield folder
    except HeldError as error:
        raise SetupError(
            f"Redress already runs on {folder} (process {error.holder or 'unknown'})."
            " Stop it first, or set REDRESS_DATA_DIR to another folder."
        ) from None


def require_room(folder: Path, needed_mib: int = NEEDED_MIB) -> None:
    """Raises `SetupError` where the disk of `folder` has less than `needed_mib` MiB free."""
    free = shutil.disk_usage(folder).free // 2**20
    if free < needed_mib:
        raise SetupError(
            f"The disk is full: {free} MiB are free where {folder} lies, and {needed_mib} are needed."
            " Make room, or set REDRESS_DATA_DIR to a folder on another disk."
        )


def keep_secrets(folder: Path, *, database_exists: bool) -> tuple[Secrets, bool]:
    """The installation's secrets, and whether they were made just now.

    Raises `SetupError` where there is a database but no secrets: with new ones its texts could not be read.
    """
    file = folder / "secrets.json"
    if file.exists():
        return Secrets.model_validate_json(file.read_bytes()), False
    if database_exists:
        raise SetupError(
            f"{file} is missing, but there is a database. Without its master key the texts in it cannot be"
            " read: put the file back from your backup, or start with another data folder."
        )
    made = Secrets(
        master_key=base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode(),
        payments_token=secrets.token_urlsafe(_KEY_BYTES),
    )
    _write(file, made, mode=0o600)
    return made, True


def keep_clock(folder: Path, speed: int | None) -> ClockSpec | None:
    """The clock of this installation, None for the system's.

    A `speed` asked for goes on from the virtual time reached so far; without one the clock stays as it
    was. Virtual time never jumps and never goes back, so what was due stays due.
    """
    file = folder / "clock.json"
    kept = ClockSpec.model_validate_json(file.read_bytes()) if file.exists() else None
    if speed is None or (kept or SYSTEM).speed == speed:
        return kept
    spec = (kept or SYSTEM).at_speed(speed, Clock().now())
    _write(file, spec, mode=0o644)
    return spec


def _write(file: Path, content: BaseModel, *, mode: int) -> None:
    """Whole or not at all, and never readable by others even for a moment where `mode` says so."""
    making = file.with_suffix(".making")
    making.unlink(missing_ok=True)
    making.touch(mode=mode)
    making.write_text(content.model_dump_json(indent=2))
    making.replace(file)


def keep_environment(folder: Path, environment: dict[str, str]) -> None:
    """Notes what the running service's settings are, so that commands beside it reach the same parts."""
    _write(folder / "environment.json", _Environment(environment), mode=0o600)


def kept_environment(folder: Path) -> dict[str, str]:
    """The environment of the service that was last started in this folder; empty where none was."""
    file = folder / "environment.json"
    return dict(_Environment.model_validate_json(file.read_bytes()).root) if file.exists() else {}


class _Environment(RootModel[dict[str, str]]):
    """Environment variables by name."""
