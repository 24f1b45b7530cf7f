"""The case page in a real browser: what a handler sees, does by keyboard alone, and is told when it does not fit."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from playwright.async_api import FilePayload, expect

from tests.api.desk.conftest import LOGIN, PASSWORD, Desk
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.async_api import Page

OURS = {"Sec-Fetch-Site": "same-origin"}


async def test_from_signing_in_to_a_command_by_keyboard_alone(desk: Desk) -> None:
    ref = await desk.office.receive()
    async with desk.opened() as page:
        await page.goto(f"/desk/complaints/{ref}")
        await expect(page.get_by_label("Login")).to_be_focused()
        await page.keyboard.type(LOGIN)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text(ref)
        await _tab_to(page, "Take ownership")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Take ownership")
        await expect(page.locator(".casehead")).to_contain_text("Sam (you)")
        await _tab_to(page, "Acknowledge")  # the next step, in the header
        await page.keyboard.press("Enter")
        await expect(page.locator("#do-acknowledge")).to_have_attribute("open", "")
        await _tab_to(page, "Words of your own in the letter optional")
        await page.keyboard.type("Sam looks after it.")
        await _tab_to(page, "Acknowledge")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("Acknowledge")
        await expect(page.locator(".timeline")).to_contain_text("Sam looks after it.")
        await expect(page.locator(".timeline")).to_contain_text("Deadline met: Response")


async def test_every_clock_says_its_state_its_moment_and_why(desk: Desk) -> None:
    received = desk.office.deps.clock.now() - timedelta(hours=5)
    ref = await desk.office.receive(received_at=received.isoformat())
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}")
        clock = page.locator(".rail .clock", has_text="Complaint outcome told")
        await expect(clock).to_contain_text(re.compile(r"(Running|Soon|Overdue)"))
        await expect(clock).to_contain_text(re.compile(r"Due \w{3} \d+ \w{3}.* \d\d:\d\d CST"))
        await clock.get_by_text("Why this moment").click()
        await expect(clock.locator("table")).to_contain_text("48:00:00")
        await expect(clock).to_contain_text("S2.3 (required)")
        entry = page.locator(".timeline > li").last
        await expect(entry).to_contain_text("Complaint received by e-mail · Iris")
        await expect(entry.locator("time")).to_have_count(2)  # when it was received, and when it was keyed in
        text = await page.locator("main").inner_text()
    for raw in ("usr_", "first_handling", "service_request", "in_person", "ComplaintReceived"):
        assert raw not in text


async def test_a_refusal_keeps_what_was_typed_and_says_what_stands_in_the_way(desk: Desk) -> None:
    ref = await desk.office.receive()
    await desk.command(ref, "usr_ana", "take-ownership")
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}?do=add-note")
        form = page.locator("#do-add-note")
        await form.get_by_label("Note", exact=True).fill("The lid is missing, too.")
        await desk.command(ref, "usr_ana", "acknowledge")  # somebody else was quicker
        await form.get_by_role("button", name="Add a note").click()
        refusal = page.locator("#refusal")
        await expect(refusal).to_be_focused()
        await expect(refusal).to_contain_text("has changed since you looked")
        await expect(refusal).to_contain_text("Who may")
        await expect(form.get_by_label("Note", exact=True)).to_have_value("The lid is missing, too.")
        await form.get_by_role("button", name="Add a note").click()
        await expect(page.get_by_role("status")).to_contain_text("Add a note")
        await expect(page.locator(".timeline")).to_contain_text("The lid is missing, too.")


async def test_what_is_missing_is_named_and_led_to(desk: Desk) -> None:
    ref = await desk.office.receive()
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}?do=record-a-contact")
        await page.goto(f"/desk/complaints/{ref}?do=record-contact")
        form = page.locator("#do-record-contact")
        await form.get_by_label("What was said").fill("The lid broke, too.")
        await form.get_by_role("button", name="Record a contact").click()
        await expect(page.locator("#refusal")).to_be_focused()
        await page.locator("#refusal").get_by_role("link", name=re.compile("Reaction")).click()
        await expect(form.get_by_label("How the customer took it")).to_be_focused()
        await expect(form.get_by_label("What was said")).to_have_value("The lid broke, too.")


async def test_a_double_click_gives_the_command_once(desk: Desk) -> None:
    ref = await desk.office.receive()
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}?do=add-note")
        form = await page.locator("#do-add-note form").evaluate(
            "form => Object.fromEntries(new FormData(form))"
        )
        cookies = {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}
    async with desk.http(cookies=cookies) as browser:
        path, sent = f"/desk/complaints/{ref}/commands/add-note", form | {"text": "Once."}
        answers = await asyncio.gather(*(browser.post(path, data=sent, headers=OURS) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [303, 303]
    assert (await desk.office.service.types(ref)).count("NoteAdded") == 1


async def test_what_is_not_possible_is_listed_with_its_reason(desk: Desk) -> None:
    ref = await desk.office.receive()
    async with desk.opened("usr_cleo") as page:
        await page.goto(f"/desk/complaints/{ref}")
        await page.get_by_text("What is not possible now, and why").click()
        ruled = page.locator(".ruled")
        await expect(ruled).to_contain_text(
            "“Take ownership” may be done by: department head, handler, supervisor."
        )
        await expect(page.locator("#do-take-ownership")).to_have_count(0)
        await expect(page.locator("main")).not_to_contain_text(
            "It broke after a day."
        )  # who approves reads no narrative
        await expect(page.locator("main")).to_contain_text("Not shown to you.")


async def test_a_file_is_attached_and_can_be_saved(desk: Desk) -> None:
    ref = await desk.office.receive()
    async with desk.opened("usr_ana", java_script_enabled=False) as page:
        await page.goto(f"/desk/complaints/{ref}")
        seam = FilePayload(name="seam 縫.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7 the seam")
        await page.get_by_label("File, at most 25 MB").set_input_files([seam])
        await page.get_by_role("button", name="Attach").click()
        await expect(page.get_by_role("status")).to_contain_text("Attach evidence")
        async with page.expect_download() as saving:
            await page.get_by_role("link", name="seam 縫.pdf").click()
        saved = await saving.value
        assert saved.suggested_filename == "seam 縫.pdf"
        assert (await saved.path()).read_bytes() == b"%PDF-1.7 the seam"
        script = FilePayload(name="run.sh", mimeType="text/x-sh", buffer=b"#!/bin/sh")
        await page.get_by_label("File, at most 25 MB").set_input_files([script])
        await page.get_by_role("button", name="Attach").click()
        await expect(page.locator("#refusal")).to_contain_text("Files of this type can not be attached")


async def test_reading_a_case_is_noted(desk: Desk) -> None:
    ref = await desk.office.receive()
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}")
    async with desk.office.client("usr_otto") as otto:
        readings = (await otto.get(f"/complaints/{ref}/access")).json()["readings"]
    assert any(
        r["actor"] == "usr_ana" and r["purpose"] == "case page" and "narrative" in r["what"] for r in readings
    )


async def test_a_command_still_at_work_has_a_place_to_look(desk: Desk) -> None:
    ref = await desk.office.receive()
    async with desk.opened("usr_ana") as page:
        answer = await page.goto(f"/desk/complaints/{ref}/commands/acknowledge/some-command-id")
        assert answer is not None
        assert answer.status == 202
        await expect(page.get_by_role("link", name="Look again")).to_be_visible()
        await desk.command(ref, "usr_ana", "take-ownership")
        happened = await desk.office.service.record.read(ref)
        given = next(told.command for told in happened if told.event.type == "OwnershipTaken")
        await page.goto(f"/desk/complaints/{ref}/commands/take-ownership/{given}")
        await expect(page.get_by_role("status")).to_contain_text("Take ownership")


async def test_an_offer_says_who_answers_until_it_is_accepted(desk: Desk) -> None:
    ref = await desk.office.receive()
    await desk.command(ref, "usr_ana", "take-ownership")
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}?do=offer-handover")
        form = page.locator("#do-offer-handover")
        await form.get_by_label("Offer it to").select_option(label="Ben (handler)")
        await form.get_by_role("button", name="Offer handover").click()
        await expect(page.locator(".rail")).to_contain_text(
            "Ben. Ana answers for it until that is accepted. Lapses"
        )
    async with desk.opened("usr_ben") as page:
        await page.goto("/desk?offered_to=me")
        await page.get_by_role("link", name=ref).click()
        await page.locator(".casehead").get_by_role("button", name="Accept handover").click()
        await expect(page.locator(".casehead")).to_contain_text("Ben (you)")
    assert (await eventually(lambda: desk.office.service.case(ref))).ownership.owner == "usr_ben"


async def _tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(120):
        await page.keyboard.press("Tab")
        if await page.evaluate(_CALLED) == name:
            return
    raise AssertionError(f"no way to “{name}” by the Tab key")


_CALLED = """() => {
  const at = document.activeElement;
  const words = at.labels?.length ? at.labels[0].innerText : at.innerText || "";
  return words.replace(/\\s+/g, " ").trim();
}"""
