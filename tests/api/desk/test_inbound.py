"""Mail at the desk: what waits and why, one opened, placed, made a complaint or dropped; for everyone to use."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.activities.inbound.lmtp import real, written
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.mails import came_in, told

PLAIN: dict[str, Any] = {"java_script_enabled": False}


async def test_a_mail_is_read_and_given_to_its_complaint(desk: Desk) -> None:
    deps = desk.office.deps
    reference = await desk.office.receive()
    kept = await came_in(
        deps, written("It leaks still.", sender="Wei <wei@work.example>", subject=f"re {reference}")
    )
    async with desk.opened("usr_ana", **PLAIN) as page:
        await page.goto("/desk")
        await page.get_by_role("navigation", name="Desk").get_by_role("link", name="Mail", exact=True).click()
        row = page.locator(f"#mail-{kept.id}")
        await expect(row).to_contain_text("comes from an address that nobody in it has")
        await row.get_by_role("link", name=f"Open mail {kept.id}").click()
        await expect(page.locator("main")).to_contain_text("wei@work.example")
        await expect(page.locator(".said").first).to_have_text("It leaks still.")
        await page.get_by_label("Reference of the complaint").fill("nonsense")
        await page.get_by_role("button", name="Give it to this complaint").click()
        await expect(page.get_by_role("alert")).to_contain_text("This is not a reference")
        await page.get_by_label("Reference of the complaint").fill(reference.lower())
        await page.get_by_role("button", name="Give it to this complaint").click()
        await expect(page.locator("#done")).to_contain_text("belongs to its complaint now")
        await expect(page.locator(f"#mail-{kept.id}")).to_have_count(0)
        await told(deps)
        await page.goto("/desk/inbound?state=placed")
        await page.locator(f"#mail-{kept.id}").get_by_role("link", name=reference).click()
        await expect(page.locator("main")).to_contain_text("It leaks still.")
    async with desk.opened("usr_dora", **PLAIN) as page:
        await page.goto(f"/desk/inbound/{kept.id}")
        await expect(page.locator("main")).to_contain_text(
            f"Ana has given this mail to complaint {reference}"
        )


async def test_a_mail_becomes_a_complaint_and_another_is_dropped_for_a_reason(desk: Desk) -> None:
    deps = desk.office.deps
    first, second = await came_in(deps, real("html_only")), await came_in(deps, written("Buy now"))
    async with desk.opened("usr_iris", **PLAIN) as page:
        await page.goto(f"/desk/inbound/{first.id}")
        await page.locator("#receive summary").click()
        await page.get_by_role("button", name="Make it a complaint").click()
        await expect(page).to_have_url(re.compile(r"/desk/received/[^/]+$"))
        await page.goto(f"/desk/inbound/{second.id}")
        await page.locator("#drop summary").click()
        await page.get_by_role("button", name="Drop this mail").click()
        await expect(page.get_by_role("alert")).to_contain_text("Choose why it is nothing")
        await page.get_by_label("Why it is nothing").select_option("advertising")
        await page.get_by_role("button", name="Drop this mail").click()
        await expect(page.locator("#done")).to_contain_text("The mail is dropped")
        await page.goto("/desk/inbound?state=dropped")
        await expect(page.locator(f"#mail-{second.id}")).to_contain_text("Advertising")
    async with desk.opened("usr_otto", **PLAIN) as page:
        await page.goto("/desk")
        await expect(page.get_by_role("link", name="Mail", exact=True)).to_have_count(0)
        answer = await page.goto("/desk/inbound")
        assert answer is not None
        assert answer.status == 403


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(desk: Desk, scheme: Any) -> None:
    deps = desk.office.deps
    kept = await came_in(deps, written("A" * 300 + f"\n\nOn Monday x wrote:\n> {scheme}", subject="S" * 120))
    told_of: list[str] = []
    async with desk.opened("usr_dora", color_scheme=scheme, viewport={"width": 320, "height": 640}) as page:
        for path in ("/desk/inbound", f"/desk/inbound/{kept.id}", "/desk/inbound?state=dropped"):
            await page.goto(path)
            await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
            found = await Axe().run(page, options=RULES[scheme])
            told_of += [
                f"{path}: {broken['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
                for broken in found.response["violations"]
                for node in broken["nodes"]
            ]
    assert told_of == []
