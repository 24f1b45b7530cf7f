"""The JSON Schema of a pack's file: it takes what the loader takes, and marks what people mistype."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from policies.loading import PACKS, PackError, load_pack, packs_available, read_pack
from policies.schema import schema_text

RETAIL = PACKS / "retail-2025.yaml"
SCHEMA = json.loads(schema_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def written(said: Any) -> Any:
    """What YAML says, as JSON has it."""
    match said:
        case dict():
            return {str(name): written(part) for name, part in said.items()}
        case list():
            return [written(part) for part in said]
        case date():
            return said.isoformat()
        case _:
            return said


def as_written(source: Path | str) -> dict[str, Any]:
    """A pack as it stands in its own file, before its base is added."""
    text = source if isinstance(source, str) else source.read_text(encoding="utf-8")
    own: dict[str, Any] = written(read_pack(text.replace("extends: ", "# extends: ", 1)).data)
    if "\nextends: " in text:
        own["extends"] = text.split("\nextends: ")[1].split("\n")[0].strip()
    return own


def wrong(said: dict[str, Any]) -> list[str]:
    """Where an editor would mark something."""
    return [".".join(map(str, error.instance_path)) for error in VALIDATOR.iter_errors(said)]


def test_the_schema_kept_in_the_tree_is_the_current_one() -> None:
    kept = Path(__file__).parents[2] / "docs" / "pack.schema.json"
    assert kept.read_text(encoding="utf-8") == schema_text(), (
        "run: .venv/bin/redress pack schema > docs/pack.schema.json"
    )


@pytest.mark.parametrize("path", packs_available(), ids=lambda path: path.stem)
def test_it_takes_every_pack_that_comes_with_the_service(path: Path) -> None:
    assert wrong(as_written(path)) == []
    assert wrong(written(read_pack(path).data)) == [], "the pack together with its base"


@pytest.mark.parametrize("path", packs_available(), ids=lambda path: path.stem)
def test_it_takes_what_is_published(path: Path) -> None:
    assert wrong(json.loads(load_pack(path).canonical())) == []


@pytest.mark.parametrize("path", packs_available(), ids=lambda path: path.stem)
def test_every_pack_names_the_schema_where_an_editor_looks_for_it(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../docs/pack.schema.json"


TYPOS = [
    ("duration: 15 min", "duration: 15 minuets", "clocks.0.duration"),
    ("duration: 15 min", "duration: 15", "clocks.0.duration"),
    ("starts_on: received", "starts_on: recieved", "clocks.0.starts_on"),
    ("met_by: [acknowledged]", "met_by: acknowledged", "clocks.0.met_by"),
    ("met_by: [acknowledged]", "met_bye: [acknowledged]", "clocks.0"),
    ('warn_at: ["-20%"]', 'warn_at: ["20%"]', "clocks.0.warn_at.0"),
    ("basis: target", "basis: goal", "clocks.0.basis"),
    ("basis: target", "basis: choice", "clocks.0"),
    ("applies_if: {anonymous: false}", "applies_if: {channel: [store]}", "clocks.0.applies_if"),
    ("since: 2025-01-01", "", "clocks.0"),
    ("title: {en: Response, zh: 響應}", "title: {zh: 響應}", "clocks.0.title"),
    ("title: {en: Response, zh: 響應}", "title: Response", "clocks.0.title"),
    ("country: cn", "country: china", "calendars.cn.country"),
    ("\nname: retail-2025", "\nname: Retail 2025", "name"),
    ("\nversion: ", "\nversoin: ", ""),
    ("\ncurrency: CNY", "\ncurrency: yuan", "currency"),
]


@pytest.mark.parametrize(("before", "after", "where"), TYPOS)
def test_what_people_mistype_is_marked_where_it_stands_and_the_loader_refuses_it_too(
    before: str, after: str, where: str
) -> None:
    text = RETAIL.read_text(encoding="utf-8")
    assert before in text
    mistyped = text.replace(before, after, 1)
    assert where in wrong(as_written(mistyped))
    with pytest.raises(PackError):
        load_pack(mistyped)


def test_a_pack_without_a_base_has_to_say_everything() -> None:
    said = as_written(RETAIL)
    del said["extends"]
    assert wrong(said)


def test_a_pack_over_a_base_may_change_one_figure_of_it() -> None:
    changed = {"dispute": "60 calendar days", "chosen_by": "the board", "since": "2026-01-01"}
    said = as_written(RETAIL) | {"windows": changed}
    assert wrong(said) == []
    assert "windows" in wrong(said | {"windows": {"dispue": "60 calendar days"}})
    assert "windows.dispute" in wrong(said | {"windows": {"dispute": "60 moons"}})


def test_an_editor_can_say_what_an_entry_is_for() -> None:
    described = [name for name, part in SCHEMA["$defs"].items() if part.get("description")]
    assert set(SCHEMA["$defs"]) - set(described) == set()
