"""A risk on the real engine: a review that nobody makes is told by itself, once, also to a worker that was away."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from complaints.base import Person
from complaints.systemic.issue import UpdateSystemic
from complaints.systemic.risk_state import Treatment
from complaints.systemic.risks import AssessRisk
from ledger import reads
from policies.vocabulary import Role
from tests.support.living import Living
from tests.support.waiting import eventually
from tests.workflows.test_systemic import do, opened


async def assess(service: Living, issue: str, within: timedelta, likelihood: int = 4) -> None:
    body = AssessRisk(
        likelihood=likelihood, impact=3, treatment=Treatment.TRANSFER,
        reasons=await service.text(issue, "The maker pays."),
        owner=Person(id="usr_ana", roles=(Role.HANDLER,)), review_by=service.clock.now() + within,
    )  # fmt: skip
    await do(service, issue, body)


async def alerts(service: Living, issue: str) -> list[tuple[str, str]]:
    async with service.sql.connect() as conn:
        rows = await conn.execute(
            text("SELECT kind, recipient FROM outbox WHERE stream = :s ORDER BY id"), {"s": issue}
        )
        return [(row.kind, row.recipient) for row in rows]


async def test_a_review_that_nobody_makes_is_told_once_by_itself(service: Living) -> None:
    issue = await opened(service)
    await assess(service, issue, timedelta(seconds=2))

    async def told() -> bool:
        return "RiskReviewDue" in await service.types(issue)

    await eventually(told, what="the overdue review")
    assert await alerts(service, issue) == [("check_due", "staff:usr_ana")]
    news = UpdateSystemic(text=await service.text(issue, "Still so."))
    await do(service, issue, news)  # whatever happens to it later, nobody is told again
    assert (await service.types(issue)).count("RiskReviewDue") == 1
    async with service.sql.connect() as conn:
        view = await reads.systemic_issue(conn, issue)
        assert view is not None
        assert (view.wake_at, view.risk_overdue) == (None, True)
        await assess(service, issue, timedelta(days=30), likelihood=1)
        (listed,) = [row for row in await reads.risk_register(conn) if row.reference == issue]
    assert (listed.risk_likelihood, listed.risk_impact, listed.risk_overdue) == (1, 3, False)
    assert listed.wake_at is not None
