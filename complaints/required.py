"""Records that the pack wants before a phase may be left, as things that a handler has still to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from policies.vocabulary import Fact

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

_TO_DO: Mapping[Fact, str] = {
    Fact.ACKNOWLEDGED: "acknowledge it",
    Fact.TRIAGED: "triage it",
    Fact.OWNED: "take it",
    Fact.FINDING_RECORDED: "record a finding",
    Fact.CUSTOMER_CONTACTED: "contact the customer and record it",
    Fact.DEPARTMENT_ANSWERED: "get the department's answer",
    Fact.DEPARTMENT_TOLD: "tell the department concerned what came of it",
    Fact.PRELIMINARY_INVESTIGATED: "complete the preliminary investigation",
    Fact.PLAN_PROPOSED: "propose a plan",
    Fact.PROGRESS_REPORTED: "report progress to the customer",
    Fact.SENIOR_REVIEWED: "have a supervisor or department head who does not own it review how it was handled",
    Fact.DISPUTE_ACKNOWLEDGED: "acknowledge the dispute",
    Fact.POST_MORTEM_DONE: "finish the post-mortem",
}

_WITH_THE_CUSTOMER = frozenset(
    {
        Fact.ACKNOWLEDGED,
        Fact.CUSTOMER_CONTACTED,
        Fact.PROGRESS_REPORTED,
        Fact.HOLDING_REPLIED,
        Fact.ANSWERED,
        Fact.OUTCOME_TOLD,
        Fact.CUSTOMER_ASKED,
        Fact.CUSTOMER_WROTE,
        Fact.SATISFACTION_ASKED,
        Fact.SATISFACTION_ANSWERED,
    }
)
"""What needs somebody on the other side, and so is not asked for where nobody left a way to be reached."""


def to_do(fact: Fact) -> str:
    """What a handler is told to do for this fact to be on record."""
    return _TO_DO.get(fact, f"see to “{fact.replace('_', ' ')}”")


def can_be_had(case: Case, fact: Fact) -> bool:
    """Whether this complaint can have such a record at all."""
    return case.correspondent is not None or fact not in _WITH_THE_CUSTOMER


def wanted(pack: Pack, *phases: str) -> tuple[Fact, ...]:
    """What the pack wants on record before all of these phases are left, each fact once."""
    return tuple(dict.fromkeys(fact for phase in phases for fact in pack.phases_require.get(phase, ())))


def lacking(case: Case, facts: Iterable[Fact]) -> Iterator[str]:
    """What is not on record since the complaint was last opened, of what it can have, as things to do."""
    for fact in facts:
        if case.since_opened(fact) is None and can_be_had(case, fact):
            yield to_do(fact)
