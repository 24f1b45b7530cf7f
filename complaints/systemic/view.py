"""The systemic view: the row of the read model that a systemic issue amounts to, for lists and the watchdog. Pure."""

from __future__ import annotations

from pydantic import AwareDatetime

from complaints.base import Frozen
from complaints.systemic.issue import SystemicIssue
from complaints.systemic.moments import next_wakeup_systemic


class SystemicView(Frozen):
    """The row of the read model that a systemic issue amounts to. `title_text` is its text's id.

    Where it is an outage: `said_text` is the id of the last text that was announced, `said_at` when;
    `news_by` when the next word is due, `wake_at` when time alone will next make something happen;
    `outage_pack` the digest of the pack that it is graded by. Where it has a risk: as it was last assessed;
    `risk_overdue` once its review went by.
    """

    reference: str
    title_text: str
    opened_at: AwareDatetime
    planned_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    members: tuple[str, ...]
    words: int
    sequence: int
    version: int
    outage_phase: str | None = None
    outage_grade: int | None = None
    outage_pack: str | None = None
    outage_since: AwareDatetime | None = None
    said_text: str | None = None
    said_at: AwareDatetime | None = None
    news_by: AwareDatetime | None = None
    wake_at: AwareDatetime | None = None
    risk_likelihood: int | None = None
    risk_impact: int | None = None
    risk_treatment: str | None = None
    risk_owner: str | None = None
    risk_review_by: AwareDatetime | None = None
    risk_assessed_at: AwareDatetime | None = None
    risk_overdue: bool = False


def systemic_view(issue: SystemicIssue) -> SystemicView:
    """The issue as lists show it."""
    outage = issue.outage
    latest = outage.latest if outage else None
    risk = issue.risk
    return SystemicView(
        reference=issue.reference,
        title_text=issue.title.id,
        opened_at=issue.opened_at,
        planned_at=issue.planned_at,
        resolved_at=issue.resolved_at,
        members=issue.members,
        words=len(issue.words),
        sequence=issue.sequence,
        version=issue.version,
        outage_phase=outage.phase if outage else None,
        outage_grade=outage.grade if outage else None,
        outage_pack=outage.pack.digest if outage else None,
        outage_since=outage.since if outage else None,
        said_text=latest.text.id if latest else None,
        said_at=latest.at if latest else None,
        news_by=outage.news_by if outage else None,
        wake_at=next_wakeup_systemic(issue),
        risk_likelihood=risk.likelihood if risk else None,
        risk_impact=risk.impact if risk else None,
        risk_treatment=risk.treatment if risk else None,
        risk_owner=risk.owner if risk else None,
        risk_review_by=risk.review_by if risk else None,
        risk_assessed_at=risk.assessed_at if risk else None,
        risk_overdue=risk is not None and risk.overdue,
    )
