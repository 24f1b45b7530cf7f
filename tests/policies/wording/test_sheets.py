"""A pack's sheets: every rule with a source stands on one of them, and says what it says in words."""

import json
from functools import cache
from pathlib import Path

import pytest

from policies import loading
from policies.checking.reviewing import warnings
from policies.loading import packs_available
from policies.pack import Pack
from policies.rules import Applies
from policies.vocabulary import Channel, FeedbackClass, Kind, Severity, Tier
from policies.wording.in_words import NOBODY_YET, source, whom
from policies.wording.sheets import Sheet, sheets

load_pack = cache(loading.load_pack)
EVERY = pytest.mark.parametrize("path", packs_available(), ids=lambda path: path.stem)


def lines(found: tuple[Sheet, ...]) -> list[str]:
    return [line for sheet in found for row in sheet.rows for cell in row for line in cell]


@EVERY
def test_every_rule_stands_there_with_its_source(path: Path) -> None:
    pack = load_pack(path)
    said = lines(sheets(pack))
    for where, rule in pack.sourced():
        assert any(source(rule.source) in line for line in said), where


@EVERY
def test_what_nobody_has_decided_comes_first(path: Path) -> None:
    pack = load_pack(path)
    unmade = [rule for _, rule in pack.choices() if rule.chosen_by == NOBODY_YET]
    if not unmade:
        assert not any("nobody has made their own" in warning for warning in warnings(pack))
        return
    first = sheets(pack)[0]
    assert all(row[2][0] == "A choice nobody has made yet" for row in first.rows[: len(unmade)])
    assert len(first.rows) == len(pack.choices())
    assert any(f"{len(unmade)} choice" in warning for warning in warnings(pack))


@EVERY
def test_no_cell_shows_how_the_program_holds_it(path: Path) -> None:
    for line in lines(sheets(load_pack(path), "zh")):
        assert not any(mark in line for mark in ("<", "Duration(", "None", "['", "{'")), line


def test_a_choice_that_somebody_makes_is_no_longer_first() -> None:
    pack = load_pack(loading.PACKS / "retail-2025.yaml")
    windows = pack.windows.model_copy(update={"chosen_by": "the board"})
    made: Pack = pack.model_copy(update={"windows": windows})
    (row,) = [row for row in sheets(made)[0].rows if row[0] == ("How long doors stand open",)]
    assert row[2][0] == "Chosen by the board"
    assert sheets(made)[0].rows[-1] == row


def test_a_choice_inside_a_rule_is_a_choice_too() -> None:
    pack = load_pack(loading.PACKS / "retail-2025.yaml")
    said = json.loads(pack.canonical())
    said["clocks"][0]["extension"] = {
        "by": "15 min",
        "approved_by": ["supervisor"],
        "basis": "choice",
        "chosen_by": NOBODY_YET,
        "source": {"document": "D", "section": "left open"},
        "since": "2025-01-01",
    }
    extended = Pack.from_canonical(json.dumps(said))
    assert ("clocks", 0, "extension") in dict(extended.choices())
    assert ("Clock 1 extension",) in [row[0] for row in sheets(extended)[0].rows]


@pytest.mark.parametrize(
    ("applies", "said"),
    [
        (Applies(), "all cases"),
        (Applies(kinds=(Kind.COMPLAINT,), channels=(Channel.STORE,)), "complaints over the store channel"),
        (Applies(severities=(Severity.URGENT, Severity.MAJOR)), "urgent or major cases"),
        (Applies(anonymous=True, kinds=(Kind.ENQUIRY,)), "anonymous enquiries"),
        (Applies(anonymous=False), "all cases, but for anonymous ones"),
        (Applies(tiers=(Tier.PREMIUM,), simple=True), "simple cases of premium customers"),
        (
            Applies(feedback_classes=(FeedbackClass.SYSTEMIC,)),
            "all cases classed as systemic feedback",
        ),
        (Applies(handling_tiers=(2, 3)), "all cases in handling tier 2 or 3"),
        (Applies(problem_types=("billing",)), "all cases about “billing”"),
    ],
)
def test_for_whom_a_rule_is(applies: Applies, said: str) -> None:
    assert whom(applies) == said


def test_nothing_that_narrows_a_rule_goes_unsaid() -> None:
    values = {
        "kinds": (Kind.COMPLAINT,), "severities": (Severity.MAJOR,), "tiers": (Tier.MAJOR,),
        "channels": (Channel.APP,), "feedback_classes": (FeedbackClass.IMMEDIATE,), "problem_types": ("a",),
        "except_problem_types": ("b",), "handling_tiers": (1,), "anonymous": True, "simple": True,
    }  # fmt: skip
    assert set(values) == set(Applies.model_fields), "say in in_words.whom what the new field narrows"
    for name, value in values.items():
        assert whom(Applies.model_validate({name: value})) != whom(Applies())
