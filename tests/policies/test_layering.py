"""A pack over another: what it takes, what it changes, what it replaces, and where its mistakes are said to stand."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from policies.loading import PACKS, PackError, load_pack, read_pack
from policies.pack import Basis
from policies.schema import schema_text
from tests.policies.boundary import pack_of
from tests.policies.test_schema import as_written

RETAIL = pack_of("retail-2025")
VALIDATOR = Draft202012Validator(json.loads(schema_text()))
HEAD = """# Ours
extends: retail-2025
name: ours
version: 1
title: {en: Ours}
holds_from: 2026-01-01
"""


def refusals(text: str) -> list[tuple[str, int, str]]:
    with pytest.raises(PackError) as refused:
        load_pack(text)
    return [(problem.file, problem.line, problem.path) for problem in refused.value.problems]


def test_what_it_does_not_say_is_that_of_the_pack_it_extends() -> None:
    ours = load_pack(HEAD)
    assert (ours.name, ours.version, ours.title) == ("ours", 1, {"en": "Ours"})
    own = ("name", "version", "title", "holds_from")
    assert ours.model_copy(update={name: getattr(RETAIL, name) for name in own}) == RETAIL
    assert not list(VALIDATOR.iter_errors(as_written(HEAD)))


def test_it_says_itself_what_it_is_called_and_since_when_it_holds() -> None:
    assert {path for _, _, path in refusals("extends: retail-2025\n")} == {
        "name", "version", "title", "holds_from",
    }  # fmt: skip
    assert {file for file, _, _ in refusals("extends: retail-2025\n")} == {"pack"}
    assert not VALIDATOR.is_valid({"extends": "retail-2025"})


def test_a_clock_without_a_basis_changes_how_it_is_called_and_who_hears_of_it_and_nothing_else() -> None:
    text = HEAD + (
        "clocks:\n"
        "  - {id: dispute_reply, title: {en: Our reply}, warn_at: ['-1 working days'], ladder: within_hours,\n"
        "     ladders_if: [{applies_if: {tiers: [premium]}, ladder: within_days}]}\n"
    )
    ours, theirs = load_pack(text), RETAIL.clock("dispute_reply")
    assert [rule.id for rule in ours.clocks] == [rule.id for rule in RETAIL.clocks]
    changed = ours.clock("dispute_reply")
    assert (changed.title, changed.ladder) == ({**theirs.title, "en": "Our reply"}, "within_hours")
    assert [str(offset) for offset in changed.warn_at] == ["-1 working days"]
    back = {name: getattr(theirs, name) for name in ("title", "warn_at", "ladder", "ladders_if")}
    assert changed.model_copy(update=back) == theirs
    assert VALIDATOR.is_valid(as_written(text))
    assert not VALIDATOR.is_valid(as_written(text.replace("working days", "moons")))
    assert not VALIDATOR.is_valid(as_written(text.replace("id: dispute_reply, ", "")))


SAY_SO = "say the basis and source of your own figure"
STAGE_ONE = "clocks:\n  - id: stage_one_response\n"


@pytest.mark.parametrize(
    ("extends", "written", "path"),
    [
        ("retail-2025", "clocks:\n  - {id: complaint_response,\n     duration: 10 h}", "clocks[3].duration"),
        ("retail-2025", "clocks:\n  - {id: complaint_response,\n     statutory: true}", "clocks[3].statutory"),
        ("retail-2025", "clocks:\n  - id: response\n    applies_if: {channels: [web]}", "clocks[0].applies_if"),
        ("retail-2025", "clocks:\n  - {id: response,\n     source: {section: S9}}", "clocks[0].source"),
        ("uk-housing", f"{STAGE_ONE}    extension: {{at_most: 2}}", "clocks[1].extension.at_most"),
        ("uk-housing", f"{STAGE_ONE}    extension: null", "clocks[1].extension"),
        ("retail-2025", "outside_body:\n\n  time_limit: 1 weeks", "outside_body.time_limit"),
        ("retail-2025", "response_gate:\n\n  requires: [stage]", "response_gate.requires"),
        ("high-end-service", "automatic_reply:\n\n  source: {section: S9}", "automatic_reply.source"),
        ("service-centre", "internal_review:\n\n  opens_for: [other]", "internal_review.opens_for"),
        # Nobody but Redress made these choices, and Redress did not make this one.
        ("retail-2025", "retained:\n\n  keep: 1 years", "retained.keep"),
        ("house", "retained:\n\n  keep: 1 years", "retained.keep"),
        ("retail-2025", "retained:\n  chosen_by: us\n  keep: 1 years", "retained.keep"),
        ("retail-2025", "windows:\n\n  dispute: 1 weeks", "windows.dispute"),
        ("retail-2025", "systemic_suspected:\n\n  sites: 9", "systemic_suspected.sites"),
        ("retail-2025", "ladders:\n  at_once:\n    holds: 9 h", "ladders.at_once.holds"),
        ("retail-2025", "ladders:\n  at_once:\n    rungs: [{at: '0', tell: [owner]}]", "ladders.at_once.rungs"),
    ],
)  # fmt: skip
def test_a_changed_figure_does_not_keep_the_name_of_the_source_that_it_is_not_from(
    extends: str, written: str, path: str
) -> None:
    text = f"{HEAD}{written}\n".replace("extends: retail-2025", f"extends: {extends}")
    with pytest.raises(PackError) as refused:
        load_pack(text)
    (problem,) = refused.value.problems
    assert (problem.file, problem.line, problem.path) == ("pack", 9, path)
    assert problem.sentence.startswith(SAY_SO)
    assert not VALIDATOR.is_valid(as_written(text)), "an editor marks it, too"


def test_what_is_refused_says_what_may_be_said_instead() -> None:
    with pytest.raises(PackError) as refused:
        load_pack(HEAD + "clocks:\n  - {id: response, duration: 10 h}\nretained: {keep: 1 years}\n")
    clock, kept = (problem.sentence for problem in refused.value.problems)
    assert "only title, warn_at, ladder, ladders_if may be another" in clock
    assert "as it is a choice, who chose (chosen_by) and since when (since)" in kept


def test_nobody_takes_over_as_a_choice_what_is_none() -> None:
    text = f"{HEAD}clocks:\n  - {{id: response, duration: 10 min, chosen_by: us, since: 2026-01-01}}\n"
    assert {path for _, _, path in refusals(text)} == {
        "clocks[0].duration", "clocks[0].chosen_by", "clocks[0].since",
    }  # fmt: skip


def test_words_of_a_rule_with_a_source_are_ones_own() -> None:
    text = HEAD + 'outside_body: {contact: "+86 21 12315"}\nletters: {receipt: {en: {subject: Thanks}}}\n'
    ours = load_pack(text)
    assert ours.outside_body == RETAIL.outside_body.model_copy(update={"contact": "+86 21 12315"})
    assert ours.letter("receipt", "en").subject == "Thanks"
    assert VALIDATOR.is_valid(as_written(text))


@pytest.mark.parametrize("figure", ["", "keep: 5 years, "])
def test_a_choice_is_changed_or_kept_as_it_is_by_whoever_says_that_it_is_theirs(figure: str) -> None:
    text = f"{HEAD}retained: {{{figure}chosen_by: the board, since: 2026-01-01}}\n"
    ours, theirs = load_pack(text).retained, RETAIL.retained
    assert str(ours.keep) == ("5 years" if figure else "3 years")
    assert (ours.basis, ours.chosen_by, ours.since) == (Basis.CHOICE, "the board", date(2026, 1, 1))
    assert ours.source == theirs.source, "the place that leaves it open"
    assert VALIDATOR.is_valid(as_written(text))


def test_what_a_clock_gains_of_a_source_of_its_own_it_may_gain() -> None:
    text = HEAD + (
        "clocks:\n  - id: dispute_reply\n    extension: {by: 5 working days, approved_by: [supervisor],\n"
        "      basis: choice, chosen_by: us, source: {document: d, section: s}, since: 2026-01-01}\n"
    )
    ours = load_pack(text).clock("dispute_reply")
    assert ours.extension is not None and ours.extension.chosen_by == "us"
    assert ours.model_copy(update={"extension": None}) == RETAIL.clock("dispute_reply")
    assert VALIDATOR.is_valid(as_written(text))


@pytest.mark.parametrize("again", ["ladder: within_days", "duration: 1 h", "warn_at: []"])
def test_a_clock_that_is_said_twice_is_said_to_be_that(again: str) -> None:
    with pytest.raises(PackError) as refused:
        load_pack(HEAD + f"clocks:\n  - {{id: response, warn_at: []}}\n  - {{id: response, {again}}}\n")
    (problem,) = refused.value.problems
    assert (problem.line, problem.sentence) == (9, "there are two clocks called 'response'")


WHOLE = """clocks:
  - id: {id}
    title: {{en: Called back}}
    starts_on: received
    met_by: [customer_contacted]
    duration: 2 h
    basis: choice
    chosen_by: us
    source: {{document: d, section: s}}
    since: 2026-01-01
"""


def test_a_clock_with_a_basis_is_another_rule_in_its_place_or_a_further_one() -> None:
    ours = load_pack(HEAD + WHOLE.format(id="response"))
    assert [rule.id for rule in ours.clocks] == [rule.id for rule in RETAIL.clocks]
    assert ours.clocks[0].warn_at == () and ours.clocks[0].ladder is None, "nothing of the one it replaces"
    further = load_pack(HEAD + WHOLE.format(id="callback"))
    assert [rule.id for rule in further.clocks] == [*(rule.id for rule in RETAIL.clocks), "callback"]


def test_ladders_that_no_clock_uses_any_more_are_left_behind_and_the_others_come_along() -> None:
    def with_days(more: str) -> set[str]:
        slow = [
            rule.id for rule in RETAIL.clocks if rule.ladder == "within_days" and rule.id != "dispute_reply"
        ]
        changed = [f"  - {{id: {clock}, ladder: within_hours}}" for clock in slow]
        last = f"  - {{id: dispute_reply, ladder: within_hours{more}}}"
        return set(load_pack("\n".join((f"{HEAD}clocks:", *changed, last, ""))).ladders)

    assert with_days("") == {"at_once", "within_hours"}
    premium = ", ladders_if: [{applies_if: {tiers: [premium]}, ladder: within_days}]"
    assert with_days(premium) == {"at_once", "within_hours", "within_days"}


def test_mistakes_are_said_to_stand_where_they_were_written() -> None:
    changed = (
        HEAD + "clocks:\n  - {id: response, warn_at: ['-20%']}\n  - {id: dispute_reply, warn_at: [soon]}\n"
    )
    assert refusals(changed) == [("pack", 9, "clocks[9].warn_at[0]")]
    # That there are no tiers of handling is ours, the clocks that start in one are the handbook's.
    text = HEAD.replace("retail-2025", "service-centre")
    found = set(refusals(f"{text}handling_tiers: []\n"))
    handbook = read_pack(PACKS / "service-centre.yaml")
    tiers = {at for at, clock in enumerate(handbook.data["clocks"]) if clock["starts_on"] == "tier_entered"}
    assert tiers
    for at in tiers:
        line = handbook.places["clocks", at, "starts_on"].line
        assert ("service-centre.yaml", line, f"clocks[{at}].starts_on") in found


def test_what_it_may_extend_is_named_where_it_names_something_else() -> None:
    with pytest.raises(PackError, match="there are: house, crm-service, eu-psd2"):
        load_pack(HEAD.replace("retail-2025", "retail-2024"))
    assert not VALIDATOR.is_valid(as_written(HEAD.replace("extends: retail-2025", "extends: retail-2024")))


def test_what_the_guide_to_packs_shows_of_a_figure_of_ones_own_is_taken_as_written() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "packs.md").read_text(encoding="utf-8")
    section = guide.split("### A figure of one's own\n")[1].split("\n## ")[0]
    shown = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    ours = load_pack(HEAD + "".join(shown))
    response = ours.clock("complaint_response")
    assert (str(response.duration), response.chosen_by) == ("10 h", "the board")
    assert (str(ours.retained.keep), ours.retained.chosen_by) == ("5 years", "the board")
