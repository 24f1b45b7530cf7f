"""The pack pages: what nobody has decided comes first, and every rule says where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.async_playwright import Axe

from policies.loading import PACKS, load_pack
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES, Scheme

if TYPE_CHECKING:
    from playwright.async_api import Page

RETAIL = load_pack(PACKS / "retail-2025.yaml")
PAGES = ("/desk/packs", "/desk/packs/retail-2025", "/desk/packs/retail-2025?language=zh")


async def rows(page: Page, heading: str) -> list[str]:
    table = page.get_by_role("region", name=heading).locator("tbody tr")
    return [" ".join((await row.inner_text()).split()) for row in await table.all()]


async def test_compliance_finds_what_nobody_has_decided_in_two_clicks(desk: Desk) -> None:
    async with desk.opened("usr_otto") as page:
        await page.goto("/desk")
        await page.get_by_role("navigation", name="Desk").get_by_text("More", exact=True).click()
        await page.get_by_role("link", name="Packs").click()
        await page.locator("a[href='/desk/packs/retail-2025']").click()
        headings = await page.get_by_role("heading", level=2).all_inner_texts()
        assert headings[0] == "Choices, those that nobody has made yet first"
        told = await rows(page, headings[0])
        unmade = [row for row in told if "A choice nobody has made yet" in row]
        assert told[: len(unmade)] == unmade
        assert any(
            row.startswith("How long doors stand open ") and "dispute: 30 calendar days" in row
            for row in unmade
        )
        assert f"{len(unmade)} choices in this pack are nobody's own yet" in await page.inner_text("main")


async def test_every_clock_says_what_for_whom_and_where_it_stands(desk: Desk) -> None:
    async with desk.opened("usr_ana") as page:
        await page.goto("/desk/packs/retail-2025")
        told = await rows(page, "What must have happened, and by when")
        assert len(told) == len(RETAIL.clocks)
        (response,) = [row for row in told if row.startswith("Response response ")]
        for said in (
            "received → acknowledged",
            "within 15 min",
            "but for anonymous ones",
            "S1.1, S1.3",
            "since 2025-01-01",
        ):
            assert said in response
        whole = await page.inner_text("main")
        for _, rule in RETAIL.sourced():
            assert rule.source.section in whole


async def test_the_pack_speaks_chinese_where_it_is_asked_to(desk: Desk) -> None:
    async with desk.opened("usr_ana") as page:
        await page.goto("/desk/packs/retail-2025")
        await page.get_by_role("link", name="中文").click()
        assert await page.get_by_role("heading", level=1).inner_text() == RETAIL.title["zh"]
        assert any("投訴結果告知" in row for row in await rows(page, "What must have happened, and by when"))


async def test_a_pack_that_is_not_there_is_a_page_that_says_so(desk: Desk) -> None:
    async with desk.opened("usr_ana") as page:
        answer = await page.goto("/desk/packs/none-such")
        assert answer is not None
        assert answer.status == 404
        assert "No pack of this name was published" in await page.inner_text("main")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_the_pages(desk: Desk, scheme: Scheme) -> None:
    options: dict[str, Any] = RULES[scheme]
    async with desk.opened("usr_ana", color_scheme=scheme, viewport={"width": 320, "height": 640}) as page:
        for path in PAGES:
            await page.goto(path)
            found = await Axe().run(page, options=options)
            assert not found.response["violations"], (path, found.response["violations"])
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
