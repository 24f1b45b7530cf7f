"""docs/standards.md names every clock, and only tests, modules and commands that there are."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

import complaints.transition  # noqa: F401 - with it every chapter has registered its commands
from complaints.base import Command
from policies.loading import packs_available
from tests.policies.boundary import pack_of

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "standards.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0].strip(): part for part in TEXT.split("\n## ")[1:]}
NAMES = tuple(path.stem for path in packs_available())


@lru_cache
def functions_in(path: str) -> frozenset[str]:
    """The names of the test functions of a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


@pytest.mark.parametrize("name", NAMES)
def test_every_clock_of_a_pack_has_its_line_and_no_line_a_clock_that_is_not_there(name: str) -> None:
    rules = {
        rule.id for parameter in (None, *pack_of(name).parameters) for rule in pack_of(name, parameter).clocks
    }
    assert set(re.findall(r"`clocks\.([a-z0-9_]+)`", SECTIONS[name])) == rules


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)", TEXT)
    assert len(named) > 100
    missing = [f"{path}::{test}" for path, test in named if test not in functions_in(path)]
    assert not missing


def test_every_file_and_command_that_is_named_exists() -> None:
    files = re.findall(
        r"\b((?:complaints|policies|ledger|api|activities|runtime|docs|tests)/[a-z0-9_/]+\.\w+)", TEXT
    )
    assert not [path for path in files if not (ROOT / path).is_file()]
    commands = set(re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", TEXT))
    assert len(commands) > 30
    assert commands <= Command.REGISTRY.keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_line_says_what_holds_it_and_what_proves_it_or_that_nothing_does(name: str) -> None:
    rows = [line for line in SECTIONS[name].splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert rows
    for row in rows:
        said, held, proof = (cell.strip() for cell in row.strip("| ").split(" | "))
        assert said
        assert held
        assert "boundary" in proof or "::test_" in proof or "**" in held, row
