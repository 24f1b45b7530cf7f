"""How much memory a process may have: a container's limit holds, not what the machine around it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.memory import memory_allowed


def test_without_a_limit_it_is_what_the_machine_has(tmp_path: Path) -> None:
    machine = memory_allowed(tmp_path)
    assert machine > 100_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_allowed(tmp_path) == machine


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_a_containers_limit_holds(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("67108864\n")
    assert memory_allowed(tmp_path) == 64 * 1024 * 1024


def test_a_limit_beyond_what_there_is_is_none(tmp_path: Path) -> None:
    machine = memory_allowed(tmp_path)
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert memory_allowed(tmp_path) == machine
