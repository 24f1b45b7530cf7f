"""A rung's own source: what it does not say is its ladder's, it is shown where sources are, and checked as they are."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from policies.checking.reviewing import choices_unmade_first, unmade_choices
from policies.difference.differences import differences
from policies.loading import PACKS, PackError, load_pack
from policies.pack import Basis, Pack, Rung, SourcedRung
from policies.schema import schema_text
from policies.wording.in_words import NOBODY_YET
from policies.wording.sheets import named, sheets, summary
from tests.policies.boundary import pack_of
from tests.policies.test_schema import as_written

RETAIL = pack_of("retail-2025")
OWN_PLACE = ("ladders", "at_once", "rungs", 1)
GUIDE = {"document": "The guide", "section": "S9"}


def with_second_rung(**says: Any) -> Pack:
    """The retail pack whose second rung of `at_once` says this, too."""
    said = json.loads(RETAIL.canonical())
    said["ladders"]["at_once"]["rungs"][1] |= says
    return Pack.from_canonical(json.dumps(said))


def second(pack: Pack) -> SourcedRung:
    return pack.ladders["at_once"].sourced_rungs()[1]


def as_yaml(**says: Any) -> str:
    """A pack over the retail guide with a ladder whose one rung says this, too."""
    rung = json.dumps({"at": "0", "tell": ["owner"], **says}, ensure_ascii=False)
    ladder = "basis: choice, chosen_by: me, source: {document: d, section: s}, since: 2025-01-01"
    return (
        "# Ours\nextends: retail-2025\nname: ours\nversion: 1\ntitle: {en: Ours}\nholds_from: 2025-01-01\n"
        f"ladders:\n  at_once: {{id: at_once, {ladder}, rungs: [{rung}]}}\n"
    )


def test_a_rung_that_says_nothing_has_its_ladders_origin() -> None:
    ladder = RETAIL.ladders["at_once"]
    for found in ladder.sourced_rungs():
        assert (found.basis, found.source, found.since, found.chosen_by) == (
            ladder.basis, ladder.source, ladder.since, ladder.chosen_by,
        )  # fmt: skip
    assert not [path for path, _ in RETAIL.sourced() if "rungs" in path], (
        "the ladder's own entry says it once"
    )


@pytest.mark.parametrize(
    ("says", "basis", "section", "since", "chosen_by"),
    [
        ({"source": GUIDE}, "choice", "S9", date(2025, 1, 1), NOBODY_YET),
        ({"since": "2026-03-01"}, "choice", "left open by the sources", date(2026, 3, 1), NOBODY_YET),
        ({"chosen_by": "the board"}, "choice", "left open by the sources", date(2025, 1, 1), "the board"),
        ({"basis": "requirement", "source": GUIDE}, "requirement", "S9", date(2025, 1, 1), None),
        (
            {"basis": "choice", "chosen_by": "the board", "source": GUIDE, "since": "2026-03-01"},
            "choice", "S9", date(2026, 3, 1), "the board",
        ),
    ],
)  # fmt: skip
def test_what_a_rung_does_not_say_of_its_origin_is_its_ladders(
    says: dict[str, Any], basis: str, section: str, since: date, chosen_by: str | None
) -> None:
    found = second(with_second_rung(**says))
    assert (found.basis, found.source.section, found.since, found.chosen_by) == (
        basis, section, since, chosen_by,
    )  # fmt: skip


def test_who_makes_one_rung_their_own_leaves_the_ladder_to_be_decided() -> None:
    pack = with_second_rung(chosen_by="the board")
    chosen = dict(choices_unmade_first(pack))
    assert chosen[OWN_PLACE].chosen_by == "the board"
    left = dict(unmade_choices(pack))
    assert OWN_PLACE not in left
    assert ("ladders", "at_once") in left
    assert OWN_PLACE not in dict(with_second_rung(basis="requirement", source=GUIDE).choices())


def test_a_rungs_source_stands_beside_its_ladders() -> None:
    pack = with_second_rung(basis="requirement", source=GUIDE)
    (row,) = [
        row
        for sheet in sheets(pack)
        if sheet.title == "How alarms climb"
        for row in sheet.rows
        if row[0] == ("at once",)
    ]
    assert "step 2: required: The guide, S9, since 2025-01-01" in row[2]
    assert "Redress house choices, left open by the sources" in row[2]
    rule = dict(pack.sourced())[OWN_PLACE]
    assert named(OWN_PLACE, rule) == "Ladder at once, step 2"
    assert summary(pack, rule).startswith("1 h after it was due: department heads")


def test_a_difference_in_origin_alone_is_told_as_that() -> None:
    (change,) = differences(RETAIL, with_second_rung(basis="requirement", source=GUIDE))
    assert change.sentence == (
        "Step 2 of the ladder at once is required: The guide, S9, since 2025-01-01; before: a choice nobody has made "
        "yet: Redress house choices, left open by the sources, since 2025-01-01"
    )
    assert differences(RETAIL, with_second_rung()) == ()


@pytest.mark.parametrize(
    ("says", "path", "sentence"),
    [
        ({"source": {"document": "The guide"}}, "ladders.at_once.rungs[0].source.section", "this is missing"),
        (
            {"source": {"document": "The guide", "section": " "}},
            "ladders.at_once.rungs[0].source.section",
            "a source names its section",
        ),
        (
            {"basis": "choice", "source": GUIDE},
            "ladders.at_once.rungs[0].chosen_by",
            "a choice must name who chose",
        ),
        (
            {"basis": "target", "chosen_by": "me"},
            "ladders.at_once.rungs[0].chosen_by",
            "nobody chose this: its basis is 'target'",
        ),
    ],
)
def test_a_rung_that_contradicts_itself_is_refused_as_a_clock_is(
    says: dict[str, Any], path: str, sentence: str
) -> None:
    load_pack(as_yaml(basis="target", source=GUIDE))
    with pytest.raises(PackError) as refused:
        load_pack(as_yaml(**says))
    assert (path, sentence) in [(problem.path, problem.sentence) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("says", "wrong"),
    [
        ({}, False),
        ({"source": GUIDE}, False),
        ({"chosen_by": "the board"}, False),
        ({"basis": "target"}, False),
        ({"basis": "choice", "chosen_by": "the board"}, False),
        ({"basis": "choice"}, True),
        ({"basis": "target", "chosen_by": "the board"}, True),
        ({"source": {"document": "The guide"}}, True),
    ],
)
def test_an_editor_marks_what_the_loader_refuses(says: dict[str, Any], wrong: bool) -> None:
    validator = Draft202012Validator(json.loads(schema_text()))
    assert validator.is_valid(as_written(as_yaml(**says))) is not wrong


def test_a_pack_that_was_stored_before_rungs_had_sources_is_the_same_pack() -> None:
    old = RETAIL.canonical()
    assert not any(f'"{field}":null' in old for field in ("source", "basis", "since"))
    assert Pack.from_canonical(old).canonical() == old
    assert Rung.model_validate(json.loads(old)["ladders"]["at_once"]["rungs"][0]).says_its_origin is False


def test_the_rung_of_the_example_that_the_guide_asks_for_names_the_guide() -> None:
    found = pack_of("on-call-example").ladders["at_once"].sourced_rungs()
    assert [one.rung.says_its_origin for one in found] == [False, False, True, False]
    assert found[2].source.section.startswith("S2.3")
    assert found[2].basis is Basis.CHOICE and found[2].chosen_by == NOBODY_YET


def test_no_shipped_file_gives_a_rung_the_origin_that_its_ladder_has_anyway() -> None:
    for path in sorted(PACKS.glob("*.yaml")):
        for ladder in pack_of(path.stem).ladders.values():
            for found in ladder.sourced_rungs():
                if found.rung.says_its_origin:
                    assert found.source != ladder.source or found.basis != ladder.basis, (path.stem, found)
