"""The page that explains a clock, in a real browser: words, table and picture, both languages, open to everyone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES, Scheme

if TYPE_CHECKING:
    from playwright.async_api import Page


async def paused(desk: Desk) -> str:
    """A complaint whose clock ran for a while, waited for the customer, and runs again."""
    received = desk.office.deps.clock.now() - timedelta(hours=5)
    ref = await desk.office.receive(received_at=received.isoformat())
    reason = {"reason": "waiting_for_customer"}
    await desk.command(ref, "usr_ana", "take-ownership")
    await desk.command(ref, "usr_ana", "pause-clocks", **reason)
    await desk.command(ref, "usr_ana", "resume-clocks", **reason)
    return ref


async def test_from_the_case_to_why_a_clock_is_due_and_back(desk: Desk) -> None:
    ref = await paused(desk)
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}")
        clock = page.locator(".rail .clock", has_text="Complaint outcome told")
        await clock.get_by_text("Why this moment").click()
        await expect(clock.locator("table")).to_contain_text("Paused: Waiting for the customer")
        await clock.get_by_role("link", name="In words and as a picture").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Complaint outcome told")
        await expect(page.locator(".told")).to_contain_text(
            "“Complaint outcome told” within 48 hours: required by"
        )
        await expect(page.locator(".told")).to_contain_text("Waiting for the customer")
        await expect(page.locator(".told time").first).to_have_attribute("datetime", "2025-01-01")
        table = page.get_by_role("region", name="How it was counted")
        await expect(table.get_by_role("row", name="Paused: Waiting for the customer")).to_be_visible()
        await expect(table).to_contain_text("48:00:00")
        drawing = page.get_by_role("img", name="The clock “Complaint outcome told” as a line of time")
        await expect(drawing).to_be_visible()
        for word in ("Start", "Warning", "Due", "Now"):
            await expect(drawing.locator(".word", has_text=word)).to_be_visible()
        await page.get_by_role("link", name=ref).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(ref)


async def test_it_is_there_in_chinese_and_says_so(desk: Desk) -> None:
    ref = await paused(desk)
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}/clocks/complaint_outcome")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await page.get_by_role("link", name="中文").click()
        await expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
        await expect(page.locator("header.bar")).to_have_attribute("lang", "en")  # the desk itself is English
        await expect(page.get_by_role("heading", level=1)).to_have_text("投訴結果告知")
        await expect(page.locator(".told")).to_contain_text("等待客戶回覆")
        await expect(page.get_by_role("img", name="「投訴結果告知」")).to_be_visible()
        await expect(page.get_by_role("columnheader", name="累計")).to_be_visible()
        await page.get_by_role("link", name="English").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Complaint outcome told")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(desk: Desk, scheme: Scheme) -> None:
    ref = await paused(desk)
    late = await desk.office.receive(received_at="2025-06-02T01:00:00Z")
    told: list[str] = []
    async with desk.opened("usr_ana", color_scheme=scheme) as page:
        for path in (
            f"/desk/complaints/{ref}/clocks/complaint_outcome",
            f"/desk/complaints/{ref}/clocks/complaint_outcome?language=zh",
            f"/desk/complaints/{late}/clocks/response",
        ):
            await page.goto(path)
            found = await Axe().run(page, options=RULES[scheme])
            told += [
                f"{path}: {broken['id']}: {broken['nodes'][0]['html']}"
                for broken in found.response["violations"]
            ]
    assert not told, "\n".join(told)


async def test_only_the_picture_and_the_table_scroll_on_a_narrow_screen(desk: Desk) -> None:
    ref = await paused(desk)
    async with desk.opened("usr_ana", viewport={"width": 320, "height": 640}) as page:
        await page.goto(f"/desk/complaints/{ref}/clocks/complaint_outcome")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        assert await _letters_of(page) >= 10


async def _letters_of(page: Page) -> float:
    """How tall the picture's letters are on the screen, in pixels: it scrolls rather than shrinks."""
    height: float = await page.evaluate(
        "() => { const t = document.querySelector('.picture text'), s = t.ownerSVGElement;"
        " return parseFloat(getComputedStyle(t).fontSize) * s.getBoundingClientRect().width / s.viewBox.baseVal.width }"
    )
    return height


async def test_a_clock_that_is_not_there_is_a_page_that_says_so(desk: Desk) -> None:
    ref = await desk.office.receive()
    session = await desk.office.deps.directory.open_session("usr_ana")
    async with desk.http(cookies={"redress": session.id}) as browser:
        answer = await browser.get(f"/desk/complaints/{ref}/clocks/nonsense")
        assert (answer.status_code, "No clock of this name" in answer.text) == (404, True)
        assert answer.headers["content-type"].startswith("text/html")
        several = await browser.get(f"/desk/complaints/{ref}/clocks/response?occurrence=7")
        assert "it has run once so far" in several.text
    async with desk.http() as nobody:
        answer = await nobody.get(f"/desk/complaints/{ref}/clocks/response", follow_redirects=False)
        assert answer.status_code in (303, 401)
