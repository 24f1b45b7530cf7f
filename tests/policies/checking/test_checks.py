"""Packs that contradict themselves in what they say of tiers, departments, extensions, outages, targets: refused."""

from __future__ import annotations

import pytest

from policies.checking.house import covers
from policies.loading import PACKS, PackError, load_pack
from policies.rules import Applies
from policies.vocabulary import Kind, Severity, Tier


def said(pack: str, before: str, after: str) -> list[tuple[str, str]]:
    """Path and sentence of everything that is wrong with a pack in which one place was changed."""
    text = (PACKS / f"{pack}.yaml").read_text(encoding="utf-8")
    assert before in text, before
    with pytest.raises(PackError) as refused:
        load_pack(text.replace(before, after, 1))
    return [(problem.path, problem.sentence) for problem in refused.value.problems]


CLOCKS = [
    (
        "service-standards",
        "    met_by: [triaged, department_told]\n",
        "    met_by: [triaged]\n",
        "clocks[1].met_when",
        "all of one single fact",
    ),
    (
        "retail-2025",
        "applies_if: {kinds: [complaint], anonymous: false}",
        "applies_if: {kinds: [complaint]}",
        "clocks[3].applies_if",
        "nothing can meet the clock 'complaint_response' for an anonymous complainant",
    ),
    (
        "service-centre",
        "applies_if: {kinds: [service_request], anonymous: false}\n    pauses_on",
        "applies_if: {kinds: [service_request]}\n    pauses_on",
        "clocks[4].applies_if",
        "nothing can meet the clock 'service_request_done'",
    ),
    (
        "service-standards",
        "departments: [product]",
        "departments: [kitchen]",
        "clocks[9].departments[0]",
        "no department called 'kitchen'",
    ),
    (
        "service-standards",
        "    met_by: [acknowledged]\n",
        "    met_by: [acknowledged]\n    departments: [product]\n",
        "clocks[0].departments",
        "about nothing that departments do",
    ),
    (
        "service-standards",
        "problem_types: [product_quality, wrong_order]",
        "problem_types: [product_quality, typo]",
        "clocks[8].applies_if.problem_types[1]",
        "no problem type called 'typo'",
    ),
    (
        "uk-fca-disp",
        "except_problem_types: [payment_services]",
        "except_problem_types: [payments]",
        "clocks[1].applies_if.except_problem_types[0]",
        "no problem type called 'payments'",
    ),
    (
        "service-centre",
        "handling_tiers: [1]}",
        "handling_tiers: [4]}",
        "clocks[12].applies_if.handling_tiers[0]",
        "no tier of handling 4",
    ),
    (
        "service-centre",
        "handling_tiers: [2]}",
        "handling_tiers: [3]}",
        "clocks[13].raises_tier",
        "above the highest tier there is none",
    ),
    (
        "service-centre",
        "    applies_if: {handling_tiers: [1]}\n",
        "",
        "clocks[12].raises_tier",
        "must say in `applies_if` of which tier",
    ),
    (
        "service-centre",
        "    starts_on: tier_entered\n",
        "    starts_on: received\n",
        "clocks[12].raises_tier",
        "starts on 'tier_entered', not on 'received'",
    ),
    (
        "crm-service",
        "    ladder: within_hours\n",
        "    ladder: within_hours\n    raises_tier: true\n",
        "clocks[0].raises_tier",
        "no tiers of handling to raise a case to",
    ),
    (
        "crm-service",
        "    starts_on: received\n",
        "    starts_on: tier_entered\n",
        "clocks[0].starts_on",
        "no tiers of handling, so nothing enters one",
    ),
    (
        "crm-service",
        "    met_by: [acknowledged]\n",
        "    met_by: [auto_replied]\n",
        "clocks[0]",
        "waits for an automatic reply, and the pack sends none",
    ),
    (
        "uk-housing",
        "      by: 10 working days\n",
        "      by: 2 weeks\n",
        "clocks[1].extension.by",
        "counts in working days, so it is extended in them, too",
    ),
    (
        "uk-housing",
        "      by: 10 working days\n",
        "      by: 0 working days\n",
        "clocks[1].extension.by",
        "gives no time",
    ),
    (
        "uk-housing",
        "approved_by: [supervisor, department_head]",
        "approved_by: [handler]",
        "clocks[1].extension.approved_by[0]",
        "'handler' approves nothing",
    ),
    (
        "service-standards",
        "    departments: [product]\n",
        "    departments: [product]\n    extension: {by: 24 h, approved_by: [supervisor], basis: target,"
        " source: {document: D, section: S}, since: 2025-01-01}\n",
        "clocks[9].extension",
        "every question has a time of its own",
    ),
    (
        "uk-housing",
        "    statutory: true\n",
        "    statutory: true\n    pauses_on: [waiting_for_customer]\n",
        "clocks[0].pauses_on",
        "statutory, so nothing pauses it",
    ),
]

ORGANISATION = [
    (
        "service-centre",
        "enters_if: {severities: [major]}",
        "enters_if: {severities: [complex, major]}",
        "handling_tiers[1].enters_if",
        "tier 3 takes every case that would begin here",
    ),
    (
        "crm-service",
        "outages:",
        "second_approver:\n  above_minor: 50000000\n  basis: choice\n  chosen_by: us\n"
        "  source: {document: D, section: S}\n  since: 2025-01-01\n\noutages:",
        "second_approver.above_minor",
        "no remedy ever needs the second approver",
    ),
    ("service-centre", "  - number: 2\n", "  - number: 4\n", "handling_tiers[1].number", "without a gap"),
    (
        "service-centre",
        "held_by: [handler, supervisor, department_head]",
        "held_by: [intake_agent]",
        "handling_tiers[0].held_by[0]",
        "may not own a complaint",
    ),
    (
        "service-centre",
        "enters_if: {severities: [complex]}",
        "enters_if: {}",
        "handling_tiers[1].enters_if",
        "every case would begin here",
    ),
    (
        "service-centre",
        "enters_if: {severities: [complex]}",
        "enters_if: {handling_tiers: [1]}",
        "handling_tiers[1].enters_if",
        "can not depend on its tier",
    ),
    (
        "service-centre",
        '    title: {en: "Tier 1: the agent"',
        '    enters_if: {severities: [regular]}\n    title: {en: "Tier 1: the agent"',
        "handling_tiers[0].enters_if",
        "begins in the first tier",
    ),
    (
        "service-centre",
        "department: logistics}",
        "department: docks}",
        "problem_types.delivery.department",
        "no department called 'docks'",
    ),
    (
        "service-centre",
        "opens_for: [own_process]",
        "opens_for: [delivery]",
        "internal_review.opens_for[0]",
        "not about the organisation's own process",
    ),
    (
        "service-centre",
        "opens_for: [own_process]",
        "opens_for: [nothing]",
        "internal_review.opens_for[0]",
        "no problem type called 'nothing'",
    ),
    (
        "service-standards",
        "  - applies_if: {tiers: [major]}\n",
        "  - applies_if: {}\n",
        "dispatch[1]",
        "dispatch[0] comes first and takes every case of this rule",
    ),
    ("service-standards", "    to: supervisor\n", "    to: approver\n", "dispatch[0].to", "may not own"),
    (
        "service-standards",
        "    to: handler\n    department: product\n",
        "    to: handler\n    department: kitchen\n",
        "dispatch[2].department",
        "no department called 'kitchen'",
    ),
    ("crm-service", "  - grade: 2\n", "  - grade: 1\n", "outages[1].grade", "said twice"),
    ("crm-service", "over: [web, app]", "over: [web, web]", "outages[2].over", "named once"),
    ("crm-service", "update_every: 1 h", "update_every: 0 h", "outages[0].update_every", "in no time"),
    (
        "crm-service",
        "announce_within: 1 h",
        "announce_within: 1 working hours",
        "outages[1].announce_within",
        "needs a clock with a calendar",
    ),
    ("service-standards", "  sites: 2\n", "  sites: 9\n", "systemic_suspected.sites", "one site at most"),
]

TARGETS = [
    (
        "crm-service",
        "measure: time_to_meet, clock: response,",
        "measure: time_to_meet,",
        "targets[0].clock",
        "say which",
    ),
    (
        "crm-service",
        "measure: time_to_meet, clock: response,",
        "measure: time_to_meet, clock: reply,",
        "targets[0].clock",
        "no clock called 'reply'",
    ),
    (
        "crm-service",
        "measure: satisfaction,",
        "measure: satisfaction, clock: response,",
        "targets[3].clock",
        "is not measured of a clock",
    ),
    ("crm-service", "unit: minutes", "unit: percent", "targets[0].unit", "measured in minutes"),
    ("crm-service", "unit: percent, at_least: 90", "unit: percent", "targets[3]", "wants nothing"),
    ("crm-service", "at_least: 90", "at_least: 190", "targets[3].at_least", "is never 190 percent"),
    (
        "crm-service",
        "at_least: 90",
        "at_least: 90, at_most: 80",
        "targets[3].at_most",
        "no figure is at least the one",
    ),
    ("crm-service", "{id: retention", "{id: satisfaction", "targets[4].id", "two targets called"),
]


@pytest.mark.parametrize(
    ("pack", "before", "after", "path", "sentence"),
    [*CLOCKS, *ORGANISATION, *TARGETS],
)
def test_a_contradiction_is_said_where_it_stands(
    pack: str, before: str, after: str, path: str, sentence: str
) -> None:
    found = said(pack, before, after)
    assert any(at.startswith(path) and sentence in text for at, text in found), found


@pytest.mark.parametrize(
    ("wide", "narrow", "hidden"),
    [
        (Applies(), Applies(kinds=(Kind.COMPLAINT,)), True),
        (Applies(kinds=(Kind.COMPLAINT,)), Applies(), False),
        (Applies(kinds=(Kind.COMPLAINT, Kind.ENQUIRY)), Applies(kinds=(Kind.ENQUIRY,), simple=True), True),
        (Applies(kinds=(Kind.COMPLAINT,)), Applies(kinds=(Kind.COMPLAINT, Kind.ENQUIRY)), False),
        (Applies(severities=(Severity.MAJOR,)), Applies(tiers=(Tier.MAJOR,)), False),
        (Applies(anonymous=False), Applies(anonymous=True), False),
        (Applies(except_problem_types=("a",)), Applies(), False),
        (Applies(except_problem_types=("a",)), Applies(problem_types=("b",)), True),
        (Applies(except_problem_types=("a",)), Applies(problem_types=("a", "b")), False),
        (Applies(except_problem_types=("a",)), Applies(except_problem_types=("a", "b")), True),
    ],
)
def test_a_rule_hides_another_only_if_it_takes_every_case_of_it(
    wide: Applies, narrow: Applies, hidden: bool
) -> None:
    assert covers(wide, narrow) is hidden


def test_what_is_excepted_by_its_problem_type_is_not_meant() -> None:
    rule = load_pack(PACKS / "uk-fca-disp.yaml").clock("final_response").applies_if
    assert "payment_services" in rule.except_problem_types
    known = {"severity": Severity.REGULAR, "tier": Tier.STANDARD, "channel": "web", "feedback_class": None}
    for problem_type, meant in ((None, True), ("credit", True), ("payment_services", False)):
        holds = rule.holds(
            kind=Kind.COMPLAINT,
            anonymous=False,
            problem_type=problem_type,
            **known,  # type: ignore[arg-type]
        )
        assert holds is meant
