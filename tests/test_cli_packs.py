"""`redress pack`: check, show, diff, schema and simulate as a person gives them."""

import json
import unicodedata
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cli import prepare
from cli.pack_tables import tables
from policies.loading import PACKS, load_pack, packs_available
from runtime.settings import Settings
from tests.test_cli import ROOT, configured, redress

__all__ = ["configured"]

RETAIL = PACKS / "retail-2025.yaml"
CALLS, MAPPING = ROOT / "demo/data/nyc311_animal_requests.csv", ROOT / "demo/mappings/nyc311.yaml"


def changed(folder: Path, *changes: tuple[str, str], name: str = "other.yaml") -> Path:
    """The retail pack with some places written otherwise."""
    text = RETAIL.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def width(line: str) -> int:
    """Columns of a terminal."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def test_every_pack_that_comes_with_the_service_is_checked_and_what_is_left_to_do_is_said() -> None:
    ran = redress("pack", "check")
    assert ran.returncode == 0, ran.stdout
    for path in packs_available():
        assert f"ok  {path.stem} version " in ran.stdout
    assert "that nobody has made their own" in ran.stdout
    assert (
        "the calendar cn is known only until 2026-12-31; after that deadlines count weekly hours"
        in ran.stdout
    )


def test_packs_of_further_folders_are_checked_too(tmp_path: Path) -> None:
    changed(
        tmp_path,
        ("name: retail-2025", "name: ours"),
        ("duration: 15 min", "duration: soon"),
        name="ours.yaml",
    )
    ran = redress("pack", "check", REDRESS_PACK_DIRS=str(tmp_path))
    assert ran.returncode == 1
    assert "ours.yaml:" in ran.stdout
    assert "ok  retail-2025" in ran.stdout


def test_every_problem_of_a_file_is_said_with_its_line_and_path(tmp_path: Path) -> None:
    bad = changed(
        tmp_path, ("duration: 15 min", "duration: 15 minuets"), ("starts_on: received", "starts_on: arrived")
    )
    line = 1 + bad.read_text().split("15 minuets")[0].count("\n")
    ran = redress("pack", "check", str(bad), "retail-2025")
    assert ran.returncode == 1
    assert f"other.yaml:{line}: clocks[0].duration: '15 minuets' is not a duration" in ran.stdout
    assert "clocks[0].starts_on" in ran.stdout
    assert "ok  retail-2025" in ran.stdout


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_pack_that_is_not_there_is_said_with_those_that_are(command: str) -> None:
    ran = redress("pack", command, "none-such")
    assert ran.returncode == 2
    assert "There is no pack “none-such”; there are: " in ran.stderr
    assert "retail-2025" in ran.stderr


@pytest.mark.parametrize("path", packs_available(), ids=lambda path: path.stem)
def test_a_pack_is_shown_whole_at_a_hundred_columns(path: Path) -> None:
    pack = load_pack(path)
    shown = StringIO()
    console = Console(file=shown, width=100)
    for table in tables(pack, "en"):
        console.print(table)
    said = shown.getvalue()
    assert max(map(width, said.splitlines())) <= 100
    for rule in pack.clocks:
        assert rule.id in said
    for target in pack.targets:
        assert str(target.at_least or target.at_most) in said


def test_a_pack_is_shown_by_its_name() -> None:
    ran = redress("pack", "show", "retail-2025", COLUMNS="100")
    assert ran.returncode == 0, ran.stderr
    assert "first_handling_in_full" in ran.stdout
    assert max(map(width, ran.stdout.splitlines())) <= 100


def test_the_pack_speaks_the_language_that_is_asked_for() -> None:
    assert "投訴結果告知" in "".join(
        redress("pack", "show", "retail-2025", "--language", "zh").stdout.split()
    )
    ran = redress("pack", "show", "retail-2025", "--language", "tlh")
    assert ran.returncode == 2
    assert "it has them in en, zh" in ran.stderr


def test_the_canonical_form_is_what_is_published() -> None:
    ran = redress("pack", "show", str(RETAIL), "--json")
    assert ran.stdout.rstrip("\n") == load_pack(RETAIL).canonical()


def test_what_changes_is_said_and_told_by_the_exit_status(tmp_path: Path) -> None:
    stricter = changed(tmp_path, ("duration: 15 min", "duration: 3 min"))
    same = redress("pack", "diff", "retail-2025", str(RETAIL))
    assert (same.returncode, same.stdout.strip()) == (0, "They say the same.")
    ran = redress("pack", "diff", "retail-2025", str(stricter))
    assert ran.returncode == 1
    group, sentence = ran.stdout.splitlines()
    assert group == "Clock: Response"
    assert sentence.endswith("Response is due after 3 min instead of 15 min (stricter)")
    (told,) = json.loads(redress("pack", "diff", "retail-2025", str(stricter), "--json").stdout)
    assert (told["rule"], told["field"], told["effect"]) == ("clocks.response", "duration", "stricter")


@pytest.mark.parametrize("words", [("none.yaml", "retail-2025"), ("retail-2025", "retail-2025@x")])
def test_what_can_not_be_compared_is_an_error_of_its_own(words: tuple[str, str]) -> None:
    ran = redress("pack", "diff", *words)
    assert ran.returncode == 2
    assert ran.stderr.strip()
    assert "Traceback" not in ran.stderr


def test_a_published_version_can_be_compared_with_what_a_file_says_now(
    configured: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    file = changed(
        tmp_path, ("name: retail-2025", "name: ours"), ("\nversion: 3", "\nversion: 7"), name="ours.yaml"
    )
    prepare(settings.model_copy(update={"pack_dirs": (tmp_path,)}))
    file.write_text(file.read_text().replace("duration: 15 min", "duration: 20 min"))
    ran = redress("pack", "diff", "ours@7", str(file), **configured)
    assert ran.returncode == 1, ran.stderr
    assert "due after 20 min instead of 15 min (looser)" in ran.stdout
    never = redress("pack", "show", "ours@8", **configured)
    assert never.returncode == 2
    assert "ours@8 was never published here. Published: " in never.stderr
    assert "ours@7" in never.stderr


def test_the_schema_is_printed_for_editors() -> None:
    assert redress("pack", "schema").stdout == (ROOT / "docs/pack.schema.json").read_text()


def test_a_pack_is_tried_on_a_file_of_real_rows(tmp_path: Path) -> None:
    figures, picture = tmp_path / "figures.json", tmp_path / "picture.svg"
    words = ("retail-2025", str(CALLS), "--mapping", str(MAPPING), "--now", "2025-03-15T00:00:00Z")
    ran = redress("pack", "simulate", *words, "--json", str(figures), "--chart", str(picture), COLUMNS="100")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(figures.read_text())
    assert (told["rows"], told["as_of"], told["unreadable"]) == (2981, "2025-03-15T00:00:00Z", {})
    (line,) = told["lines"]
    assert (line["clock"], line["kind"], line["channel"]) == ("first_handling", "service_request", "import")
    assert sum(line[name] for name in ("met", "met_late", "overdue", "running", "not_known")) == 2981
    assert f"{line['met']:,}" in ran.stdout
    assert "--named tries the pack as if" in ran.stdout
    assert picture.read_text().startswith("<svg ")
    table, _, _ = ran.stdout.partition("The complainants count")
    assert max(map(width, table.splitlines())) <= 100


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--now", "yesterday"), "“yesterday” is no instant"),
        (("--now", "2025-03-15T00:00:00"), "has no offset from UTC"),
        (("--mapping", "none.yaml"), "none.yaml can not be read"),
        (("--mapping", str(ROOT / "demo/mappings/cfpb.yaml")), "Is this the right mapping?"),
        (("--json", "/nowhere/at/all.json"), "all.json can not be written"),
    ],
)
def test_what_can_not_be_tried_is_said_in_a_sentence(
    options: tuple[str, str], sentence: str, tmp_path: Path
) -> None:
    few = tmp_path / "few.csv"
    few.write_text("\n".join(CALLS.read_text().splitlines()[:4]) + "\n")
    ran = redress("pack", "simulate", "retail-2025", str(few), "--mapping", str(MAPPING), *options)
    assert ran.returncode == 2
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr
