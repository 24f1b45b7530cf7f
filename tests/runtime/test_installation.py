"""The data folder: made once, locked, never without its key, never with a clock that jumps."""

import base64
import os
import stat
from pathlib import Path

import pytest

from runtime.clock import SYSTEM, Clock
from runtime.errors import SetupError
from runtime.installation import (
    held,
    keep_clock,
    keep_environment,
    keep_secrets,
    kept_environment,
    require_room,
)


def test_secrets_are_made_once_and_are_ours_alone(tmp_path: Path) -> None:
    made, new = keep_secrets(tmp_path, database_exists=False)
    assert new
    assert len(base64.b64decode(made.master_key)) == 32
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert keep_secrets(tmp_path, database_exists=True) == (made, False)


def test_a_lost_key_is_not_silently_replaced(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="put the file back from your backup"):
        keep_secrets(tmp_path, database_exists=True)
    assert not (tmp_path / "secrets.json").exists()


def test_the_clock_is_the_systems_until_a_speed_is_asked_for(tmp_path: Path) -> None:
    assert keep_clock(tmp_path, None) is None
    assert keep_clock(tmp_path, 1) is None
    fast = keep_clock(tmp_path, 3600)
    assert fast is not None
    assert fast.speed == 3600
    assert keep_clock(tmp_path, None) == fast == keep_clock(tmp_path, 3600)


def test_slowing_down_goes_on_from_the_time_reached(tmp_path: Path) -> None:
    fast = keep_clock(tmp_path, 100_000)
    assert fast is not None
    before = Clock(fast).now()
    slow = keep_clock(tmp_path, 1)
    assert slow is not None
    assert slow.virtual(slow.real_anchor) == fast.virtual(slow.real_anchor) >= before
    assert slow != SYSTEM


def test_one_at_a_time(tmp_path: Path) -> None:
    with (
        held(tmp_path / "data") as folder,
        pytest.raises(SetupError, match=rf"already runs on {folder} \(process {os.getpid()}\)"),
        held(tmp_path / "data"),
    ):
        pytest.fail("held twice")


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"The disk is full: \d+ MiB are free"):
        require_room(tmp_path, needed_mib=2**40)
    require_room(tmp_path, needed_mib=1)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="REDRESS_DATA_DIR"), held(tmp_path / "file" / "data"):
        pytest.fail("made a folder inside a file")


def test_other_commands_find_what_the_service_runs_with(tmp_path: Path) -> None:
    assert kept_environment(tmp_path) == {}
    running = {"REDRESS_MODE": "demo", "REDRESS_MASTER_KEY": "k"}
    keep_environment(tmp_path, running)
    assert kept_environment(tmp_path) == running
    assert stat.S_IMODE((tmp_path / "environment.json").stat().st_mode) == 0o600
