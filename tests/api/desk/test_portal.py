"""What the customer sees and does without scripts: complain, follow it, read the answer, accept or contest it."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import FilePayload, expect

from api.app import create_app
from tests.api.desk.conftest import Desk
from tests.support.waiting import eventually

PLAIN: dict[str, Any] = {"java_script_enabled": False}


async def test_anybody_complains_and_follows_it_by_the_secret_link(desk: Desk) -> None:
    async with desk.opened(**PLAIN) as page:
        await page.goto("/complain")
        await page.get_by_label("Your e-mail address").fill("not an address")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("alert")).to_contain_text("Write something first")
        await expect(page.get_by_label("Your e-mail address")).to_have_value("not an address")
        await page.get_by_label("What happened?").fill("The kettle leaks.\nTwice.")
        await page.get_by_label("Your e-mail address").fill("wei@example.org")
        await page.get_by_role("button", name="Send").click()
        reference = await page.locator(".bigref").inner_text()
        await desk.office.recorded(reference)
        await page.get_by_role("link", name="Follow your complaint").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"Your complaint {reference}")
        await expect(page.locator("[aria-current=step]")).to_contain_text("Received")
        await expect(page.get_by_text(re.compile(r"^Next news by \w+day \d+"))).to_be_visible()
    case = await desk.office.service.case(reference)
    assert (case.channel, len(case.parties), case.kind) == ("web", 1, "complaint")


async def test_reading_the_answer_delivers_it_and_a_dispute_is_asked_twice(desk: Desk) -> None:
    ref = await desk.answered()
    link = await desk.link(ref)
    async with desk.opened(**PLAIN) as page:
        await page.goto(link)
        await page.get_by_role("link", name="Read our final response").click()
        await expect(page.locator(".letter")).to_contain_text("You are right, and we are sorry.")
        await eventually(lambda: _arrived(desk, ref), what="the delivery on record")
        await page.get_by_role("link", name="Back to your complaint").click()
        await expect(page.locator("[aria-current=step]")).to_contain_text("Answered")
        await page.get_by_label("No, I contest the answer").check()
        await page.get_by_role("button", name="Go on").first.click()
        await expect(page.get_by_role("alert")).to_contain_text("Write something first")
        await page.get_by_label("No, I contest the answer").check()
        await page.get_by_label("What do you want to tell us?").fill("The new one leaks as well.")
        await page.get_by_role("button", name="Go on").first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Please confirm")
        await expect(page.locator("main")).to_contain_text("An answer can be contested once.")
        assert not (
            await desk.office.service.case(ref)
        ).dispute.open  # nothing happens before it is confirmed
        await page.get_by_role("button", name="Yes, send it").click()
        await expect(page.get_by_role("status")).to_contain_text("You contested our answer.")
    assert (await desk.office.service.case(ref)).dispute.open


async def _arrived(desk: Desk, ref: str) -> bool:
    return (await desk.office.service.case(ref)).letters.reached("final_response")


async def test_a_score_a_message_and_a_file_reach_us(desk: Desk) -> None:
    ref = await desk.answered()
    link = await desk.link(ref)
    async with desk.opened(**PLAIN) as page:
        await page.goto(f"{link}/letters/L2")
        await eventually(lambda: _asked(desk, ref), what="the question how content the customer is")
        await page.goto(link)
        await page.get_by_label("5, very").check()
        await page.get_by_role("button", name="Send").first.click()
        await expect(page.get_by_role("status")).to_contain_text("how content you are")
        await page.get_by_label("Your message").fill("And thank you.")
        await page.locator("section", has_text="Write to us").get_by_role("button", name="Send").click()
        await expect(page.get_by_role("status")).to_have_text("Your message has reached us.")
        photo = FilePayload(name="seam.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7 x")
        await page.locator("#upload").set_input_files([photo])
        await page.locator("section", has_text="Send us a file").get_by_role("button", name="Send").click()
        await expect(page.get_by_role("status")).to_have_text("Your file has reached us.")
    case = await desk.office.service.case(ref)
    assert case.feedback.score is not None
    assert case.feedback.score.points == 5
    assert len(case.attachments) == 1


async def test_each_side_of_the_matter_can_be_scored_and_none_has_to_be(desk: Desk) -> None:
    ref = await desk.answered()
    link = await desk.link(ref)
    async with desk.opened(**PLAIN) as page:
        await page.goto(f"{link}/letters/L2")
        await eventually(lambda: _asked(desk, ref), what="the question how content the customer is")
        await page.goto(f"{link}?lang=zh")
        await expect(page.get_by_label("服務態度")).to_be_visible()
        await page.goto(f"{link}?lang=en")
        await page.get_by_label("The way you were treated").select_option("5, very")
        await page.get_by_label("How far the problem is solved").select_option("2")
        await page.get_by_label("How likely are you to recommend us").select_option("0, not at all")
        await page.locator("[name=score]").evaluate_all("all => all.forEach(one => one.required = false)")
        await page.get_by_role("button", name="Send").first.click()
        await expect(page.get_by_role("alert")).to_contain_text("Choose one of the answers first.")
        await expect(page.get_by_label("How far the problem is solved")).to_have_value("2")
        await page.get_by_role("radio", name="4").check()
        await page.get_by_role("button", name="Send").first.click()
        await expect(page.get_by_role("status")).to_contain_text("how content you are")
    score = (await desk.office.service.case(ref)).feedback.score
    assert score is not None
    assert (score.points, score.attitude, score.professionalism) == (4, 5, None)
    assert (score.efficiency, score.solution, score.recommend) == (None, 2, 0)


async def _asked(desk: Desk, ref: str) -> bool:
    return (await desk.office.service.case(ref)).feedback.asked_at is not None


async def test_it_speaks_the_customers_language(desk: Desk) -> None:
    party = {"name": "王偉", "address": "wei@example.org", "channel": "mail", "language": "zh"}
    ref = await desk.office.receive(parties=[party])
    async with desk.opened(**PLAIN) as page:
        await page.goto(await desk.link(ref))
        await expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"您的投訴 {ref}")
        await page.get_by_role("link", name="English").click()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.get_by_role("link", name="中文")).to_be_visible()


async def test_when_we_are_late_the_outside_body_is_named(desk: Desk) -> None:
    ref = await desk.office.receive(received_at="2025-06-02T01:00:00Z")
    async with desk.opened(**PLAIN) as page:
        await page.goto(await desk.link(ref))
        await expect(page.get_by_text("We owed you news by Monday 2 June 2025")).to_be_visible()
        await expect(page.get_by_role("heading", name="You may turn to somebody else")).to_be_visible()


async def test_an_unknown_link_opens_nothing_and_guessing_is_slowed_down(desk: Desk) -> None:
    app = create_app(
        desk.office.settings
    )  # one that no other test calls: what is used up here is missing nowhere
    async with desk.office.client(None, app=app) as browser:
        first = last = await browser.get("/progress/guess-0")
        while last.status_code == 404:  # the bucket fills again as time goes by
            last = await browser.get("/progress/guess-1")
    await app.state.deps.close()
    assert (first.status_code, last.status_code) == (404, 429)
    assert first.headers["content-type"].startswith("text/html")
    assert "This link opens nothing" in first.text


async def test_the_secret_stays_in_the_address(desk: Desk) -> None:
    link = await desk.link(await desk.office.receive())
    async with desk.http() as browser:
        answer = await browser.get(link)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["cache-control"] == "no-store"
    assert "<script" not in answer.text


async def test_nobody_reads_another_partys_letter(desk: Desk) -> None:
    ref = await desk.answered()
    other = await desk.office.deps.directory.issue_portal_link(ref, "P2")
    async with desk.http() as browser:
        assert (await browser.get(f"/progress/{other}/letters/L2")).status_code == 404
