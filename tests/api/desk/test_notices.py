"""What is for somebody's information, over API and desk: listed below the calls, told live, marked as seen."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from api.alert_words import KINDS
from complaints.messages import Message, MessageKind
from ledger import outbox
from policies.vocabulary import Role
from tests.api.conftest import Office
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.desk.test_live import signed_in, streaming


@pytest.fixture
async def nora(office: Office) -> tuple[str, str]:
    """Somebody of whom no other test tells anything, and their token."""
    login = f"n{uuid4().hex[:10]}"
    made = await office.deps.directory.add(
        id=f"usr_{login}", login=login, name="Nora", email=f"{login}@example.org", roles=[Role.HANDLER],
        supervisor="usr_dora",
    )  # fmt: skip
    return made.id, await office.deps.directory.issue_token(made.id)


async def offered(desk: Desk, who: str) -> str:
    """A complaint of ana's that this person was offered."""
    reference = await desk.office.receive()
    await desk.command(reference, "usr_ana", "take-ownership")
    await desk.command(reference, "usr_ana", "offer-handover", to=who)
    return reference


async def notices(office: Office, token: str, **asked: str) -> list[dict[str, Any]]:
    async with office.client(token=token) as client:
        answer = await client.get("/alerts", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["notices"]
    return found


def test_every_kind_that_goes_to_staff_has_its_words() -> None:
    reports = {"letter", "morning_worklist", "weekly_report", "overdue_summary", "template_sample"}
    assert set(KINDS) == set(MessageKind.__args__) - reports | {"alert_unreachable"}  # type: ignore[attr-defined]


async def test_a_handover_is_told_for_information_until_it_is_seen(desk: Desk, nora: tuple[str, str]) -> None:
    who, token = nora
    reference = await offered(desk, who)
    (notice,) = await notices(desk.office, token)
    assert (notice["kind"], notice["words"], notice["reference"]) == (
        "handover_offered", "A handover was offered", reference,
    )  # fmt: skip
    assert (notice["can_acknowledge"], notice["over"], notice["seen_at"]) == (False, False, None)
    assert (notice["told"]["to"], notice["told"]["over"]) == (f"staff:{who}", "mail")
    assert notice["told"]["reached"] in ("under_way", "sent")
    assert notice["link"].endswith(f"/desk/complaints/{reference}")
    async with desk.office.client("usr_dora") as dora:
        theirs = (await dora.get("/alerts", params={"of": "team"})).json()["notices"]
        assert notice["id"] in [each["id"] for each in theirs]
        assert (await dora.post("/alerts", json={"seen": [notice["id"]]})).json() == {"seen": 0}
        assert (await dora.post("/alerts", json={"seen": []})).status_code == 422
    async with desk.office.client(token=token) as client:
        assert (await client.post("/alerts", json={"seen": [notice["id"]]})).json() == {"seen": 1}
    assert await notices(desk.office, token) == []
    (seen,) = await notices(desk.office, token, state="acknowledged")
    assert seen["seen_at"] is not None
    async with desk.office.client(token=token) as client:
        accepted = await client.post(f"/complaints/{reference}/commands/accept-handover")
    assert accepted.status_code == 200, accepted.text
    assert await notices(desk.office, token, state="acknowledged") == []
    assert [each["over"] for each in await notices(desk.office, token, state="all")][-1:] == [True]


async def test_pages_go_on_among_the_notices(desk: Desk, nora: tuple[str, str]) -> None:
    who, token = nora
    rows = [Message(dedupe=f"{who}/{n}", kind="target_missed", to=f"staff:{who}") for n in range(3)]
    async with desk.office.deps.sql.begin() as conn:
        await outbox.queue(conn, "figures/retail", rows)
    found: list[int] = []
    asked: dict[str, Any] = {"limit": 2}
    async with desk.office.client(token=token) as client:
        while True:
            page = (await client.get("/alerts", params=asked)).json()
            found += [notice["id"] for notice in page["notices"]]
            if page["next"] is None:
                break
            asked["before"] = page["next"]
        assert (await client.get("/alerts", params={"before": "x1"})).status_code == 422
    assert found == sorted(found, reverse=True)
    assert len(found) == 3


async def test_the_desk_tells_of_it_at_once_and_a_button_marks_it_as_seen(
    desk: Desk, nora: tuple[str, str]
) -> None:
    who, _ = nora
    async with streaming(desk.url, await signed_in(desk.office, who)) as stream:
        assert (await stream.next())["new"] == 0
        reference = await offered(desk, who)
        told = await stream.new(1)
    assert [(one["reference"], one["kind"]) for one in told["told"]] == [(reference, "handover_offered")]
    async with desk.opened(who, java_script_enabled=False) as page:
        await page.goto("/desk/alerts")
        section = page.get_by_role("region", name="For your information")
        row = section.get_by_role("listitem", name=re.compile(reference))
        await expect(row).to_contain_text("A handover was offered")
        await expect(row).to_contain_text("For your information")
        await row.get_by_role("button", name="Seen").click()
        await expect(page.get_by_role("heading", name="No alert waits")).to_be_visible()
        await page.get_by_role("link", name="Acknowledged", exact=True).click()
        await expect(page.get_by_role("listitem", name=re.compile(reference))).to_contain_text("Seen")
    async with desk.opened("usr_dora", java_script_enabled=False) as dora:
        await dora.goto("/desk/alerts?of=team&state=acknowledged")
        row = dora.get_by_role("listitem", name=re.compile(reference))
        await expect(row).to_contain_text("Nora")
        await expect(row.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_nothing_is_wider_than_320_pixels(
    desk: Desk, nora: tuple[str, str], scheme: Any
) -> None:
    who, _ = nora
    rows = [
        Message(dedupe=f"{who}/{kind}", kind=kind, to=f"staff:{who}", clock=clock)
        for kind, clock in (("target_missed", None), ("alert_warning", "response"))
    ]
    async with desk.office.deps.sql.begin() as conn:
        await outbox.queue(conn, "figures/retail", rows)
    async with desk.opened(who, color_scheme=scheme, viewport={"width": 320, "height": 640}) as page:
        await page.goto("/desk/alerts")
        await expect(page.get_by_role("button", name="Mark these 2 as seen")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        found = await Axe().run(page, options=RULES[scheme])
        assert not [broken["id"] for broken in found.response["violations"]]
        await page.get_by_role("button", name="Mark these 2 as seen").click()
        await expect(page.get_by_role("heading", name="No alert waits")).to_be_visible()
