"""The customer on the pages: what they sent us before, letters to be served, and the channel that they choose."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from playwright.async_api import expect

from tests.api.desk.conftest import Desk

PLAIN: dict[str, Any] = {"java_script_enabled": False}


def party(**fields: Any) -> list[dict[str, Any]]:
    return [{"name": "Wei", "address": f"{uuid4().hex[:12]}@example.org", "channel": "mail"} | fields]


async def test_earlier_complaints_stand_beside_the_new_one(desk: Desk) -> None:
    parties = party()
    first = await desk.office.receive(parties=parties, kind="enquiry")
    second = await desk.office.receive(parties=parties)
    nobody = await desk.office.receive(parties=[])
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{second}")
        panel = page.get_by_role("region", name="Earlier from this customer")
        await expect(panel.get_by_role("listitem")).to_have_count(1)
        await expect(panel).to_contain_text("Enquiry, received")
        await panel.get_by_role("link", name=first).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(first)
        await page.goto(f"/desk/complaints/{nobody}")
        await expect(panel).to_contain_text("Nobody left an address")
    async with desk.opened("usr_cleo") as page:  # who approves a remedy is not to know who is behind it
        await page.goto(f"/desk/complaints/{second}")
        await expect(page.get_by_role("heading", level=1)).to_have_text(second)
        await expect(page.get_by_role("region", name="Earlier from this customer")).to_have_count(0)


async def test_the_first_complaint_of_a_customer_says_so(desk: Desk) -> None:
    ref = await desk.office.receive(parties=party())
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}")
        panel = page.get_by_role("region", name="Earlier from this customer")
        await expect(panel).to_contain_text("Nothing else: this is the first that we have from them.")
        await expect(panel).to_contain_text("Customer C-")


async def test_a_letter_over_the_telephone_shows_as_waiting_to_be_served(desk: Desk) -> None:
    ref = await desk.office.receive(parties=party(address="+86 10 65529988", channel="phone"))
    await desk.command(ref, "usr_ana", "take-ownership")
    await desk.command(ref, "usr_ana", "acknowledge")
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}")
        letters = page.get_by_role("region", name="Letters")
        await expect(letters).to_contain_text("acknowledgement to P1 by phone, waiting to be served")
        letter = (await desk.office.service.case(ref)).letters.sent[0].id
        await desk.command(ref, "usr_ana", "serve-otherwise", letter=letter, how="Read out.")
        await page.reload()
        await expect(letters).to_contain_text("served otherwise")


async def test_staff_record_the_channel_that_the_customer_wants(desk: Desk) -> None:
    ref = await desk.office.receive(parties=party())
    await desk.command(ref, "usr_ana", "take-ownership")
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}?do=change-preferred-channel")
        form = page.locator("#do-change-preferred-channel")
        await expect(form.get_by_label("Who")).to_contain_text("P1: Wei, now by e-mail")
        await form.get_by_label("Wants to hear from us by").select_option("letter")
        await form.get_by_label("Address or number for it").fill("12 Mill Lane, York")
        await form.get_by_role("button", name="Change the preferred channel").click()
        await expect(page.get_by_role("status")).to_contain_text("Change the preferred channel")
        await expect(page.locator(".timeline")).to_contain_text("12 Mill Lane, York")
    assert (await desk.office.service.case(ref)).parties[0].channel == "letter"


async def test_the_customer_chooses_how_we_reach_them_without_scripts_in_both_languages(desk: Desk) -> None:
    ref = await desk.office.receive(parties=party())
    link = await desk.link(ref)
    async with desk.opened(**PLAIN) as page:
        await page.goto(f"{link}?lang=zh")
        await page.get_by_text("我們如何聯絡您").click()
        await expect(page.get_by_label("電郵", exact=True)).to_be_checked()
        await page.get_by_label("電話", exact=True).check()
        box = page.locator("details", has_text="我們如何聯絡您")
        await box.get_by_role("button", name="送出").click()
        await expect(page.get_by_role("alert")).to_contain_text("請一併填寫電郵地址、電話號碼或郵寄地址。")
        await expect(page.get_by_label("電話", exact=True)).to_be_checked()
        await page.locator("#channel-address").fill("+86 10 65529988")
        await box.get_by_role("button", name="送出").click()
        await expect(page.get_by_role("status")).to_have_text("今後我們將以此方式聯絡您。")
        await page.goto(f"{link}?lang=en")
        await page.get_by_text("How we reach you").click()
        await page.get_by_label("e-mail", exact=True).check()
        await page.locator("#channel-address").fill("no address")
        await page.locator("details", has_text="How we reach you").get_by_role("button", name="Send").click()
        await expect(page.get_by_role("alert")).to_contain_text("This is no e-mail address")
    assert (await desk.office.service.case(ref)).parties[0].channel == "phone"
