"""Packs that promise what can never be kept, warned of or reached: refused, with the place and a sentence."""

from __future__ import annotations

import pytest

from policies.arithmetic.durations import Duration, Offset
from policies.checking.findings import reaches_past
from policies.loading import PACKS, PackError, load_pack
from tests.policies.checking.test_checks import said

ALWAYS_DUE = [
    (
        "crm-service",
        "    duration: 4 h\n",
        "    duration: 0 h\n",
        "clocks[",
        "nobody can keep the promise",
    ),
    (
        "crm-service",
        "    duration: 4 h\n",
        "    duration: 99999999 h\n",
        "clocks[",
        "would have no due moment: the moment lies beyond the years",
    ),
    (
        "retail-2025",
        "    beyond_known: weekly_hours",
        "    beyond_known: refuse",
        "calendars.cn.beyond_known",
        "it gives no due moment beyond 2026-12-31: say `weekly_hours`",
    ),
    (
        "uk-housing",
        "    beyond_known: weekly_hours",
        "    beyond_known: weekly_hours\n    hours: {mon: []}",
        "clocks[0].duration",
        "would have no due moment: the calendar has no open moment",
    ),
    (
        "uk-housing",
        "      by: 10 working days\n      at_most: 1\n",
        "      by: 999999999 working days\n      at_most: 1\n",
        "clocks[1].duration",
        "would have no due moment",
    ),
    (
        "retail-2025",
        "    met_by: [acknowledged]\n",
        "    met_by: [acknowledged, recorded]\n",
        "clocks[0].met_by[1]",
        "'recorded' never comes after the clock 'response' has started",
    ),
]

UNREACHABLE = [
    (
        "high-end-service",
        "  investigating: [finding_recorded,",
        "  investigating: [resolved, finding_recorded,",
        "phases_require.investigating[0]",
        "'resolved' only comes once 'investigating' has been left",
    ),
    (
        "high-end-service",
        "  closed: [senior_reviewed,",
        "  closed: [reopened, senior_reviewed,",
        "phases_require.closed[0]",
        "nothing would ever leave it",
    ),
    (
        "high-end-service",
        "holds_from: 2025-01-01\n",
        "holds_from: 2025-01-01\ntiers: [standard, major]\n",
        "clocks[1].applies_if.tiers[0]",
        "the pack knows no 'premium' among its tiers",
    ),
    (
        "service-standards",
        "holds_from: 2025-01-01\n",
        "holds_from: 2025-01-01\nchannels: [web, phone]\n",
        "clocks[",
        "the pack knows no 'store' among its channels",
    ),
    (
        "service-centre",
        "holds_from: 2025-01-01\n",
        "holds_from: 2025-01-01\nseverities: [regular, urgent, complex]\n",
        "handling_tiers[",
        "the pack knows no 'major' among its severities",
    ),
    (
        "crm-service",
        'warn_at: ["-25%"]',
        'warn_at: ["-9 calendar days"]',
        "clocks[0].warn_at[0]",
        "before the clock starts",
    ),
    (
        "us-cfpb",
        'warn_at: ["-5 calendar days", "-1 calendar days"]',
        'warn_at: ["-1 months", "-1 calendar days"]',
        "clocks[0].warn_at[0]",
        "before the clock starts",
    ),
    (
        "us-cfpb",
        'warn_at: ["-5 calendar days", "-1 calendar days"]',
        'warn_at: ["-400 h", "-1 calendar days"]',
        "clocks[0].warn_at[0]",
        "before the clock starts",
    ),
]


@pytest.mark.parametrize(("pack", "before", "after", "path", "sentence"), [*ALWAYS_DUE, *UNREACHABLE])
def test_what_can_never_be_is_said_where_it_stands(
    pack: str, before: str, after: str, path: str, sentence: str
) -> None:
    found = said(pack, before, after)
    assert any(at.startswith(path) and sentence in text for at, text in found), found


def test_a_rung_that_comes_before_the_shortest_of_its_clocks_starts_is_refused() -> None:
    text = (PACKS / "high-end-service.yaml").read_text(encoding="utf-8")
    early = """ladders:
  at_once:
    id: at_once
    rungs:
      - {at: "-OFFSET", tell: [owner]}
    basis: choice
    chosen_by: me
    source: {document: ours, section: "1"}
    since: 2025-01-01

clocks:
"""
    load_pack(text.replace("clocks:\n", early.replace("OFFSET", "14 min"), 1))
    with pytest.raises(PackError, match=r"at '-15 min' would come before the clock 'first_feedback' starts"):
        load_pack(text.replace("clocks:\n", early.replace("OFFSET", "15 min"), 1))


@pytest.mark.parametrize(
    ("offset", "duration", "past"),
    [
        ("-24 h", "1 calendar days", False),  # of a clock that starts at midnight
        ("-48 h", "1 calendar days", False),  # the autumn day on which the clocks go back has 25 hours
        ("-49 h", "1 calendar days", True),
        ("-1 calendar days", "15 min", False),  # over midnight
        ("-2 calendar days", "23 h", True),
        ("-2 calendar days", "24 h", False),
        ("-1 months", "5 weeks", False),
        ("-2 months", "5 weeks", True),
        ("-8 working hours", "7 h", True),
        ("-8 working hours", "1 working days", False),  # how long the day is, its calendar says
    ],
)
def test_an_offset_reaches_past_the_start_only_if_it_always_does(
    offset: str, duration: str, past: bool
) -> None:
    assert reaches_past(Offset.parse(offset), Duration.parse(duration)) is past
