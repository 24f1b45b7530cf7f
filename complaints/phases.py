"""Phases: where a complaint stands. They follow from what happened; nobody sets them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from policies.vocabulary import Fact

if TYPE_CHECKING:
    from complaints.case import Case


class Phase(StrEnum):
    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    INVESTIGATING = "investigating"
    RESOLVING = "resolving"
    RESPONDED = "responded"
    AWAITING_CUSTOMER = "awaiting_customer"
    DISPUTED = "disputed"
    CLOSED = "closed"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    DECLINED = "declined"
    FORWARDED = "forwarded"


_INVESTIGATION = (
    Fact.INVESTIGATION_OPENED, Fact.CUSTOMER_CONTACTED, Fact.FINDING_RECORDED, Fact.DEPARTMENT_ASKED,
)  # fmt: skip
_RESOLUTION = (Fact.PRELIMINARY_INVESTIGATED, Fact.PLAN_PROPOSED, Fact.RESOLVED)


def phase(case: Case) -> Phase:
    """The phase of a case (DESIGN, Vocabulary): the furthest that what happened since it was last opened allows."""
    if case.closure.archived_at is not None:
        return Phase.ARCHIVED
    if case.closure.end is not None:
        return Phase(case.closure.end.kind)
    if case.dispute.open:
        return Phase.DISPUTED
    if case.closure.closed_at is not None:
        return Phase.CLOSED
    if _since_opened(case, Fact.RESPONSE_DELIVERED):
        return Phase.AWAITING_CUSTOMER
    if _since_opened(case, Fact.RESPONSE_SENT):
        return Phase.RESPONDED
    if any(_since_opened(case, fact) for fact in _RESOLUTION):
        return Phase.RESOLVING
    if any(_since_opened(case, fact) for fact in _INVESTIGATION):
        return Phase.INVESTIGATING
    if case.at(Fact.ACKNOWLEDGED):
        return Phase.INVESTIGATING if case.at(Fact.OWNED) and case.at(Fact.TRIAGED) else Phase.ACKNOWLEDGED
    return Phase.RECEIVED


def _since_opened(case: Case, fact: Fact) -> bool:
    when, reopened = case.at(fact), case.at(Fact.REOPENED)
    return when is not None and (reopened is None or when > reopened)
