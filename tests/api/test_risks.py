"""The risk register and the filters by problem, site and tier, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from api.app import create_app
from tests.api.conftest import Office

RISK: dict[str, Any] = {
    "likelihood": 4, "impact": 5, "treatment": "reduce", "reasons": "Every fourth shop has the batch.",
    "owner": "usr_ana",
}  # fmt: skip


async def opened(office: Office, name: str = "Tills are down") -> str:
    async with office.client("usr_dora") as dora:
        answer = await dora.post("/systemic-issues", json={"name": name, "description": "In all shops."})
    assert answer.status_code == 201, answer.text
    reference: str = answer.json()["reference"]
    await office.recorded(reference)
    return reference


async def assess(office: Office, issue: str, who: str = "usr_dora", **fields: Any) -> httpx.Response:
    review_by = (office.deps.clock.now() + timedelta(days=30)).isoformat()
    async with office.client(who) as client:
        body = {**RISK, "review_by": review_by} | fields
        return await client.post(f"/systemic-issues/{issue}/commands/assess-risk", json=body)


async def register(office: Office, who: str = "usr_ana") -> Any:
    async with office.client(who) as client:
        answer = await client.get("/risks")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_risk_stands_in_the_register_as_it_was_last_assessed(office: Office) -> None:
    before = await register(office)
    issue, other = await opened(office), await opened(office, "Cards are refused")
    assert (await register(office))["not_assessed"] == before["not_assessed"] + 2
    assert (await assess(office, issue)).status_code == 200
    told = await register(office)
    assert told["not_assessed"] == before["not_assessed"] + 1
    assert len(told["matrix"]) == 25
    (entry,) = [risk for risk in told["risks"] if risk["reference"] == issue]
    assert (entry["level"], entry["owner"], entry["treatment"]) == ("extreme", "usr_ana", "reduce")
    assert entry["overdue"] is False
    assert "batch" not in str(told), "no text is in a list"
    cell = {(cell["likelihood"], cell["impact"]): cell for cell in told["matrix"]}
    assert cell[4, 5] == {"likelihood": 4, "impact": 5, "level": "extreme", "count": _count(before, 4, 5) + 1}
    assert (await assess(office, issue, likelihood=1, impact=1, treatment="accept")).status_code == 200
    again = await register(office)
    assert _count(again, 4, 5) == _count(before, 4, 5)
    assert _count(again, 1, 1) == _count(before, 1, 1) + 1
    async with office.client() as ana:
        shown = (await ana.get(f"/systemic-issues/{issue}")).json()["issue"]["risk"]
        events = (await ana.get(f"/systemic-issues/{issue}/timeline")).json()["events"]
    assert shown["reasons"]["text"] == RISK["reasons"]
    assert [e["body"]["likelihood"] for e in events if e["type"] == "RiskAssessed"] == [4, 1]
    assert other not in {risk["reference"] for risk in again["risks"]}


def _count(told: Any, likelihood: int, impact: int) -> int:
    (cell,) = [
        cell for cell in told["matrix"] if (cell["likelihood"], cell["impact"]) == (likelihood, impact)
    ]
    return int(cell["count"])


async def test_who_may_not_is_told_who_may(office: Office) -> None:
    issue = await opened(office)
    handler = await assess(office, issue, who="usr_ana")
    assert (handler.status_code, handler.json()["code"]) == (403, "not_allowed")
    accepting = await assess(office, issue, treatment="accept")
    assert (accepting.status_code, accepting.json()["who"]) == (403, "department head")
    assert (await assess(office, issue, likelihood=6)).status_code == 422
    assert (await assess(office, issue, owner="usr_nobody")).json()["code"] == "unknown_person"
    past = await assess(office, issue, review_by="2025-01-01T00:00:00Z")
    assert (past.status_code, past.json()["code"]) == (409, "in_the_past")
    async with office.client(None) as nobody:
        assert (await nobody.get("/risks")).status_code == 401


async def test_complaints_are_listed_by_problem_site_and_tier(office: Office) -> None:
    here = await office.receive(pack="retail-2025", problem_type="price", site="filter-1")
    there = await office.receive(pack="retail-2025", problem_type="product", site="filter-2")
    await office.receive(pack="retail-2025", problem_type="delivery", site="filter-3")

    async def listed(**asked: Any) -> set[str]:
        async with office.client() as ana:
            answer = await ana.get("/complaints", params=asked | {"limit": 200})
        assert answer.status_code == 200, answer.text
        return {row["reference"] for row in answer.json()["complaints"]}

    assert await listed(site=["filter-1", "filter-2"]) == {here, there}
    assert await listed(site=["filter-1", "filter-2"], problem_type="product") == {there}
    assert await listed(site="filter-1", handling_tier=[1, 2]) == {here}
    assert await listed(site="filter-1", handling_tier=2) == set()
    async with office.client() as ana:
        (row,) = (await ana.get("/complaints", params={"site": "filter-2"})).json()["complaints"]
        assert (row["problem_type"], row["site"], row["handling_tier"]) == ("product", "filter-2", 1)
        assert (await ana.get("/complaints", params={"handling_tier": 0})).status_code == 422


async def test_the_register_is_read_while_temporal_is_away(office: Office) -> None:
    away = create_app(office.settings.model_copy(update={"temporal_address": "127.0.0.1:1"}))
    async with office.client(app=away) as ana:
        assert (await ana.get("/risks")).status_code == 200
    await away.state.deps.close()
