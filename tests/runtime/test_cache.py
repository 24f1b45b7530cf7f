"""The cache: what is half made is never used, made twice, or left lying about."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.cache import CacheDamagedError, HeldError, cached, file_lock, make_once
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDRESS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make(folder: Path) -> None:
    (folder / "bin").mkdir()
    (folder / "bin" / "tool").write_bytes(b"x" * 1000)


HALF_MAKER = """
import pathlib, signal
from runtime.cache import make_once
def make(folder: pathlib.Path) -> None:
    (folder / "half").write_text("half")
    signal.pause()
make_once("tool-1", make)
"""


def test_made_once_and_then_found(home: Path) -> None:
    assert cached("tool-1") is None
    made = make_once("tool-1", make)
    assert (made / "bin" / "tool").stat().st_size == 1000
    assert cached("tool-1") == made == make_once("tool-1", lambda folder: pytest.fail("made again"))


def test_a_failure_leaves_nothing(home: Path) -> None:
    def fail(folder: Path) -> None:
        make(folder)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        make_once("tool-1", fail)
    assert cached("tool-1") is None
    assert [p.name for p in home.iterdir() if not p.name.endswith(".lock")] == []


def cut_off(entry: Path) -> None:
    (entry / "bin" / "tool").write_bytes(b"x" * 999)


def take_away(entry: Path) -> None:
    (entry / "bin" / "tool").unlink()


def take_marker(entry: Path) -> None:
    (entry / "complete").unlink()


@pytest.mark.parametrize("damage", [cut_off, take_away, take_marker])
def test_a_damaged_entry_is_refused_and_says_what_to_do(damage: Callable[[Path], None]) -> None:
    damage(make_once("tool-1", make))
    sentence = r"only half there\. Remove it \(rm -r .*tool-1"
    with pytest.raises(CacheDamagedError, match=sentence):
        cached("tool-1")
    with pytest.raises(CacheDamagedError, match=sentence):
        make_once("tool-1", make)


async def test_a_maker_killed_half_way_is_made_up_for(home: Path) -> None:
    maker = await asyncio.create_subprocess_exec(sys.executable, "-c", HALF_MAKER, env=os.environ)
    await eventually(lambda: list(home.glob(".tool-1.making-*/half")), what="the half-made copy")
    assert cached("tool-1") is None
    maker.kill()
    await maker.wait()
    entry = make_once("tool-1", make)
    assert (entry / "bin" / "tool").exists()
    assert [p for p in os.listdir(home) if ".making" in p] == []  # noqa: PTH208 - async may not use Path


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    with (
        file_lock(tmp_path / "lock"),
        pytest.raises(HeldError) as refused,
        file_lock(tmp_path / "lock", wait=False),
    ):
        pytest.fail("held twice")
    assert refused.value.holder == str(os.getpid())
    with file_lock(tmp_path / "lock", wait=False):
        pass
