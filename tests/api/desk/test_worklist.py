"""The worklist: what is due first on top, filters in the address, and no subject for those who may not read it."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.async_api import expect

from tests.api.desk.conftest import Desk


async def test_what_is_due_first_is_on_top_with_its_state_in_words(desk: Desk) -> None:
    now = desk.office.deps.clock.now()
    came = (now - timedelta(hours=30)).isoformat()
    late = await desk.office.receive(subject="Late", received_at=came, site="top-1")
    fresh = await desk.office.receive(subject="Fresh", site="top-1")
    async with desk.opened("usr_ana") as page:
        await page.goto("/desk?site=top-1")
        await expect(page.locator(".headline")).to_contain_text(
            re.compile(r"\d+ open, \d+ overdue. As of \d\d:\d\d:\d\d")
        )
        references = await page.locator(".list .ref a").all_inner_texts()
        assert references.index(late) < references.index(fresh)
        row = page.get_by_role("row", name=re.compile(late))
        await expect(row).to_contain_text("Overdue")
        await expect(row).to_contain_text(re.compile(r"\d\d:\d\d CST · overdue by 1 d \d+ h"))
        await expect(row).to_contain_text("Complaint, regular")
        await expect(row).to_contain_text("Nobody yet")
        await row.get_by_role("link").click()
        await page.get_by_role("link", name=re.compile("^Next: ")).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            references[references.index(late) + 1]
        )


async def test_filters_are_coded_in_the_address_and_survive_opening_a_case(desk: Desk) -> None:
    mine = [await desk.office.receive() for _ in range(2)]
    for ref in mine:
        await desk.command(ref, "usr_dora", "take-ownership")
    async with desk.opened("usr_dora") as page:
        await page.goto("/desk")
        await page.get_by_text("Narrow the list").click()
        await page.get_by_label("Me (Dora)").check()
        await page.get_by_label("Received").check()
        await page.get_by_label("Complaint", exact=True).check()
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(page).to_have_url(re.compile(r"phase=received.*kind=complaint.*owner=me"))
        await expect(page.locator(".list .ref")).to_have_count(2)
        await page.locator(".list .ref a").first.click()
        await page.get_by_role("link", name=re.compile("^Next: ")).click()
        await expect(page.get_by_role("link", name=re.compile("^Next: "))).to_have_count(
            0
        )  # only two are on this list
        await page.goto("/desk?owner=me&severity=major&paused=true")
        await expect(page.get_by_role("heading", name="Nothing here")).to_be_visible()
        await expect(page.get_by_text("Take something out of the filter")).to_be_visible()


async def test_a_subject_is_shown_to_those_who_may_read_it_and_the_reading_is_noted(desk: Desk) -> None:
    ref = await desk.office.receive(subject="Secret of the kettle", site="secret-1")
    await desk.command(ref, "usr_ben", "declare-conflict", reason="My cousin sold it.")
    for who, words in (
        ("usr_ana", "Secret of the kettle"),
        ("usr_cleo", "Not shown to you"),
        ("usr_ben", "Not shown to you"),
    ):
        async with desk.opened(who) as page:
            await page.goto("/desk?site=secret-1")
            await expect(page.get_by_role("row", name=re.compile(ref))).to_contain_text(words)
    async with desk.office.client("usr_otto") as otto:
        readings = (await otto.get(f"/complaints/{ref}/access")).json()["readings"]
    seen = {r["actor"] for r in readings if r["purpose"] == "worklist"}
    assert "usr_ana" in seen
    assert not seen & {"usr_cleo", "usr_ben"}


async def test_a_reference_that_was_typed_opens_its_case(desk: Desk) -> None:
    ref = await desk.office.receive()
    async with desk.opened("usr_ana") as page:
        await page.goto("/desk")
        await page.get_by_label("Open a complaint by its reference").fill(ref.lower().replace("-", " "))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text(ref)
