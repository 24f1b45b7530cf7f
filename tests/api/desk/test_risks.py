"""The risk register at the desk: a matrix in words and figures, its entries, and the form that assesses a risk."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.test_risks import assess, opened
from tests.support.waiting import eventually

NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "color_scheme": "light"}


async def test_a_risk_is_assessed_at_the_desk_and_stands_in_the_matrix(desk: Desk) -> None:
    issue = await opened(desk.office, "One batch of kettles")
    async with desk.opened("usr_dora", java_script_enabled=False) as dora:
        await dora.goto(f"/desk/systemic/{issue}")
        await expect(dora.locator(".rail")).to_contain_text("Not assessed yet.")
        form = dora.locator("#do-assess-risk")
        await form.locator("summary").first.click()
        await form.get_by_role("group", name="How likely is it").get_by_label("5").check()
        await form.get_by_role("group", name="How grave would it be").get_by_label("4").check()
        await form.get_by_role("group", name="What is done about it").get_by_label("Accept").check()
        await form.get_by_label("Reasons").fill("It may come back with the next delivery.")
        await form.get_by_label("Who answers for it").select_option(label="Ana (handler)")
        due = desk.office.deps.clock.now() + timedelta(days=9)
        await form.get_by_label("Looked at again by").fill(f"{due:%Y-%m-%dT%H:%M}")
        await form.get_by_role("button", name="Assess the risk").click()
        alert = dora.get_by_role("alert")
        await expect(alert).to_contain_text("to accept one that is high or extreme takes a department head")
        form = dora.locator("#do-assess-risk")
        await expect(form.get_by_label("Reasons")).to_have_value("It may come back with the next delivery.")
        await form.get_by_role("group", name="What is done about it").get_by_label("Transfer").check()
        await form.get_by_role("button", name="Assess the risk").click()
        await expect(dora.get_by_role("status")).to_contain_text("Assess the risk")
        await expect(dora.locator(".rail")).to_contain_text("Extreme")
        await expect(dora.locator(".rail")).to_contain_text("5 almost certain")
        await expect(dora.locator(".timeline")).to_contain_text("Risk assessed")
        await dora.get_by_role("link", name="Risk register").click()
        await expect(dora.get_by_role("heading", level=1)).to_have_text("Risk register")
        cell = dora.get_by_role("row", name=re.compile("^5 almost certain")).get_by_role("cell").nth(3)
        await expect(cell).to_contain_text(re.compile(r"\d risks?\s*Extreme"))
        row = dora.get_by_role("row", name=re.compile(issue))
        await expect(row).to_contain_text("One batch of kettles")
        await expect(row).to_contain_text("likelihood 5 almost certain, impact 4 serious")
        await expect(row).to_contain_text("Transferred: somebody else bears it")
        await expect(row).to_contain_text("Ana")
    async with desk.opened("usr_cleo") as cleo:
        await cleo.goto("/desk/risks")
        await expect(cleo.get_by_role("row", name=re.compile(issue))).to_contain_text("Not shown to you")


async def test_an_overdue_review_says_so_in_a_word(desk: Desk) -> None:
    issue = await opened(desk.office, "Late again")
    for spare in (1, 5, 25):  # it may not be past when it is assessed: more where the machine is slow
        soon = (desk.office.deps.clock.now() + timedelta(seconds=spare)).isoformat()
        assessed = await assess(desk.office, issue, review_by=soon)
        if assessed.status_code == 200:
            break
    assert assessed.status_code == 200, assessed.text
    async with desk.opened("usr_ana") as ana:

        async def overdue() -> bool:
            await ana.goto("/desk/risks")
            return "Overdue" in await ana.get_by_role("row", name=re.compile(issue)).inner_text()

        await eventually(overdue, what="the review to be overdue")


async def test_axe_finds_nothing_and_nothing_is_wider_than_320_pixels(desk: Desk) -> None:
    issue = await opened(desk.office, "Cards are refused")
    assert (await assess(desk.office, issue)).status_code == 200
    told: list[str] = []
    async with desk.opened("usr_dora", **NARROW) as dora:
        for path in ("/desk/risks", "/desk/systemic", f"/desk/systemic/{issue}"):
            await dora.goto(path)
            await dora.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert await dora.evaluate("document.documentElement.scrollWidth") <= 320, path
            found = await Axe().run(dora, options=RULES["light"])
            told += [
                f"{path}: {broken['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
                for broken in found.response["violations"]
                for node in broken["nodes"]
            ]
    assert not told, "\n".join(told)
