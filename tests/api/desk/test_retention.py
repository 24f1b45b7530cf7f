"""Retention at the desk: what is erased soon, the hold that keeps it, and what is said of what was erased."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from complaints.base import SYSTEM, Actor, Order
from complaints.chapters.erasure import ErasePersonalData
from policies.vocabulary import Role
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.test_retention import DAY, RULE, ended
from tests.support.archived import KEPT, archived
from tests.support.living import PACK
from tests.support.waiting import eventually

NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "color_scheme": "light"}


async def test_what_is_erased_soon_is_listed_and_a_hold_takes_it_off(desk: Desk) -> None:
    reference = await archived(desk.office.service, ended(desk.office, 2 * DAY))
    async with desk.opened("usr_otto", java_script_enabled=False) as otto:
        await otto.goto("/desk")
        await otto.get_by_role("navigation", name="Desk").get_by_text("More", exact=True).click()
        await otto.get_by_role("link", name="Retention").click()
        row = otto.get_by_role("row", name=re.compile(reference))
        await expect(row).to_contain_text("Complaint")
        await expect(row).to_contain_text(f"{KEPT.name}, version {KEPT.version}: {RULE}")
        await row.get_by_role("link", name=reference).click()
        await expect(otto.get_by_role("heading", level=1)).to_have_text(reference)
        await desk.command(reference, "usr_otto", "place-legal-hold", reason="The court asks.")
        await otto.goto("/desk/retention")
        await expect(otto.get_by_role("heading", level=1)).to_have_text("Retention")
        await expect(otto.get_by_role("row", name=re.compile(reference))).to_have_count(0)
    async with desk.opened("usr_ana") as ana:
        answer = await ana.goto("/desk/retention")
        assert answer is not None
        assert answer.status == 403
        await expect(ana.locator("main")).to_contain_text(
            "Retention is for: compliance officer, administrator."
        )
        await ana.goto("/desk")
        await expect(ana.get_by_role("link", name="Retention", include_hidden=True)).to_have_count(0)


async def test_the_page_says_where_nobody_has_chosen_how_long_texts_are_kept(desk: Desk) -> None:
    reference = await archived(desk.office.service, ended(desk.office, 2 * DAY), PACK)
    async with desk.opened("usr_otto", java_script_enabled=False) as otto:
        await otto.goto("/desk/retention")
        main = otto.locator("main")
        await expect(main).to_contain_text("Nobody has chosen how long texts are kept under")
        await expect(otto.get_by_role("row", name=re.compile(reference))).to_have_count(0)
        await expect(main.get_by_role("link", name=re.compile(KEPT.name))).to_have_count(0)
        await main.get_by_role("link", name=f"{PACK.name}, version {PACK.version}").click()
        await expect(otto.locator("main")).to_contain_text(f"{PACK.name} version {PACK.version}, holds from")
        await expect(otto.locator("main")).to_contain_text("texts are kept after closing")


async def test_the_page_of_what_the_service_erased_says_so_with_the_rule(desk: Desk) -> None:
    service = desk.office.service
    reference = await archived(service, ended(desk.office, -timedelta(days=9)))
    order = Order(
        id=f"retention/{reference}",
        actor=Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,)),
        body=ErasePersonalData(reason="retention_ended"),
        at=service.clock.now(),
    )
    await service.engine.tell(reference, order)

    async def erased() -> bool:
        return (await service.case(reference)).erased is not None

    await eventually(erased, within=60, what="the erasure on record")
    async with desk.opened("usr_ana") as ana:
        await ana.goto(f"/desk/complaints/{reference}")
        said = ana.locator("#erased")
        await expect(said).to_contain_text("Its texts were erased")
        await expect(said).to_contain_text("by the service: retention ended.")
        await expect(said).to_contain_text("They were kept until")
        await expect(said).to_contain_text(f"Rule: {KEPT.name}: {RULE}.")
        await expect(ana.locator("#now ~ .chapter")).to_have_count(0)  # nothing can be added any more
        told = ana.locator(".timeline li").first
        await expect(told).to_contain_text("Personal data erased")
        await expect(told).to_contain_text("By rule")
        await expect(told.locator(".rule")).to_have_text(f"{KEPT.name}: {RULE}")


async def test_axe_finds_nothing_and_nothing_is_wider_than_320_pixels(desk: Desk) -> None:
    reference = await archived(desk.office.service, ended(desk.office, 3 * DAY))
    async with desk.opened("usr_otto", **NARROW) as otto:
        await otto.goto("/desk/retention")
        await expect(otto.locator("main")).to_contain_text(reference)
        found = await Axe().run(otto, options=RULES["light"])
        assert found.violations_count == 0, found.generate_report()
        assert await otto.evaluate("document.documentElement.scrollWidth") <= 320
