"""A pack over another: what it takes, what it changes, what it replaces, and where its mistakes are said to stand."""

from __future__ import annotations

import json

import pytest
from jsonschema_rs import Draft202012Validator

from policies.loading import PACKS, PackError, load_pack, read_pack
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


def test_a_clock_without_a_basis_changes_what_it_says_and_nothing_else() -> None:
    text = HEAD + "clocks:\n  - {id: dispute_reply, duration: 5 working days}\n"
    ours = load_pack(text)
    assert [rule.id for rule in ours.clocks] == [rule.id for rule in RETAIL.clocks]
    assert str(ours.clock("dispute_reply").duration) == "5 working days"
    assert ours.clock("dispute_reply").model_copy(
        update={"duration": RETAIL.clock("dispute_reply").duration}
    ) == RETAIL.clock("dispute_reply")
    assert VALIDATOR.is_valid(as_written(text))
    assert not VALIDATOR.is_valid(as_written(text.replace("working days", "moons")))
    assert not VALIDATOR.is_valid(as_written(text.replace("id: dispute_reply, ", "")))


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
        HEAD + "clocks:\n  - {id: response, warn_at: ['-20%']}\n  - {id: dispute_reply, duration: soon}\n"
    )
    assert refusals(changed) == [("pack", 9, "clocks[9].duration")]
    # The duration is ours, the warning that lies before it now is the guide's.
    ((file, line, path),) = refusals(HEAD + "clocks:\n  - {id: dispute_reply, duration: 1 working days}\n")
    assert (file, path) == ("retail-2025.yaml", "clocks[9].warn_at[0]")
    guide = read_pack(PACKS / "retail-2025.yaml").places["clocks", 9, "warn_at", 0]
    assert line == guide.line


def test_what_it_may_extend_is_named_where_it_names_something_else() -> None:
    with pytest.raises(PackError, match="there are: house, crm-service, eu-psd2"):
        load_pack(HEAD.replace("retail-2025", "retail-2024"))
    assert not VALIDATOR.is_valid(as_written(HEAD.replace("extends: retail-2025", "extends: retail-2024")))
