"""Webhooks at the desk: entered, tried out, changed by forms; the secret on one page only."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.activities.delivery.channels.receiving import receiving
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES


async def test_an_administrator_enters_an_endpoint_tries_it_out_and_changes_its_secret(desk: Desk) -> None:
    async with receiving() as receiver, desk.opened("usr_root") as page:
        await page.goto("/desk")
        await page.get_by_role("navigation", name="Desk").get_by_text("More", exact=True).click()
        await page.get_by_role("link", name="Webhooks").click()
        there = f"http://127.0.0.1:{receiver.port}/redress"
        new = page.locator("section", has=page.get_by_role("heading", name="Enter an endpoint"))
        await new.get_by_label("What people call it").fill("Night pager")
        await new.get_by_label("Where alerts are posted").fill(there)
        await new.get_by_role("button", name="Enter it").click()
        await expect(page.get_by_role("alert")).to_contain_text("allow the host first")
        await expect(new.get_by_label("Where alerts are posted")).to_have_value(there)

        await page.get_by_label("A host to allow").fill("127.0.0.1")
        await page.get_by_role("button", name="Allow it").click()
        await expect(page.locator("#done")).to_contain_text("The host is allowed")
        await new.get_by_label("What people call it").fill("Night pager")
        await new.get_by_label("Where alerts are posted").fill(there)
        await new.get_by_label("Breaches: a deadline has passed").check()
        await new.get_by_role("button", name="Enter it").click()
        first = await page.locator("#secret code").inner_text()
        assert first.startswith("whsec_")
        await page.goto("/desk/webhooks")
        await expect(page.locator("body")).not_to_contain_text("whsec_")

        one = page.locator(".webhook", has=page.get_by_role("heading", name="Night pager"))
        await expect(one).to_contain_text("hears of breaches")
        await one.get_by_role("button", name="Try it out").click()
        await expect(page.locator("#done")).to_contain_text("It took the ping: it answered 200")
        receiver.status = 500
        await one.get_by_role("button", name="Try it out").click()
        await expect(page.locator("#done")).to_contain_text(
            "a real alert would be tried again: it answered 500"
        )
        await expect(one).to_contain_text("Failing since")

        await one.get_by_role("button", name="New secret").click()
        assert await page.locator("#secret code").inner_text() != first
        await one.get_by_role("button", name="Retire the older secret").click()
        await expect(page.locator("#done")).to_contain_text("The older secret is retired")

        await one.locator("summary").click()
        await one.get_by_label("Post alerts to it").uncheck()
        await one.get_by_label("What people call it").fill("Day pager")
        await one.get_by_role("button", name="Change").click()
        one = page.locator(".webhook", has=page.get_by_role("heading", name="Day pager"))
        await expect(one).to_contain_text("Switched off")
        history = page.locator("section", has=page.get_by_role("heading", name="What was changed"))
        await expect(history.get_by_role("row").nth(1)).to_contain_text("Switched off")
        await expect(history.get_by_role("row").nth(1)).to_contain_text("Root")
        await page.get_by_role("button", name="Forbid 127.0.0.1").click()
        await expect(page.locator("#done")).to_contain_text("The host is not allowed any more")


async def test_it_is_for_administrators_only(desk: Desk) -> None:
    async with desk.opened("usr_dora") as page:
        answer = await page.goto("/desk/webhooks")
        assert answer is not None
        assert answer.status == 403
        await page.goto("/desk")
        await expect(page.get_by_role("link", name="Webhooks")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(desk: Desk, scheme: Any) -> None:
    await desk.office.deps.endpoints.add(
        url=f"https://hooks.example.org/{scheme}", title=f"Pager {scheme}", kinds=(), by="usr_root"
    )
    await desk.office.deps.endpoints.allow(f"{scheme}.internal", "usr_root")
    async with desk.opened("usr_root", color_scheme=scheme, viewport={"width": 320, "height": 640}) as page:
        await page.goto("/desk/webhooks")
        await page.get_by_role("button", name="Allow it").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        found = await Axe().run(page, options=RULES[scheme])
    told = [
        f"{broken['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
        for broken in found.response["violations"]
        for node in broken["nodes"]
    ]
    assert not told, "\n".join(told)
