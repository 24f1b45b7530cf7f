"""What waits for an answer stands at the head of the case page; a question leads the customer to where they answer."""

from __future__ import annotations

from playwright.async_api import expect

from tests.api.desk.conftest import Desk
from tests.support.waiting import eventually


async def test_unanswered_messages_stand_at_the_head_until_one_answer_answers_them(desk: Desk) -> None:
    ref = await desk.office.receive()
    await desk.command(ref, "usr_ana", "take-ownership")
    await desk.command(ref, "usr_ana", "acknowledge")
    for words in ("Are you there?", "Hello?"):
        await desk.command(ref, "usr_iris", "write-message", text=words)
    async with desk.opened("usr_ben") as page:  # not his: he sees that they wait, and has nothing to press
        await page.goto(f"/desk/complaints/{ref}")
        await expect(page.locator(".unanswered")).to_contain_text("2 messages unanswered since")
        await expect(page.locator(".unanswered a")).to_have_count(0)
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}")
        await page.get_by_role("link", name="2 messages unanswered").click()
        form = page.locator("#do-answer-customer")
        await form.get_by_label("What we write to the customer").fill("We are. Your kettle is on its way.")
        await form.get_by_role("button", name="Answer the customer").click()
        await expect(page.get_by_role("status")).to_contain_text("Answer the customer")
        await expect(page.locator(".unanswered")).to_have_count(0)
        await expect(page.locator(".timeline")).to_contain_text("The customer's message was answered")
        await expect(page.locator(".timeline")).to_contain_text("Your kettle is on its way.")


async def test_a_question_leads_the_customer_to_it_and_their_answer_lets_the_clocks_run(desk: Desk) -> None:
    ref = await desk.office.receive()
    await desk.command(ref, "usr_ana", "take-ownership")
    await desk.command(ref, "usr_ana", "ask-customer", text="Which store did you buy it in?")
    link = await desk.link(ref)
    async with desk.opened(java_script_enabled=False) as page:
        await page.goto(link)
        await expect(page.locator("main")).to_contain_text("We are waiting to hear from you.")
        await page.get_by_role("link", name="Read our question to you").first.click()
        await expect(page.locator(".letter")).to_contain_text("Which store did you buy it in?")
        await expect(page.locator(".letter")).to_contain_text("Please answer by")
        await page.goto(f"{link}?lang=zh")
        await expect(page.get_by_role("link", name="閱讀我們的詢問").first).to_be_visible()
        await page.goto(link)
        await page.get_by_label("Your message").fill("The one at the station.")
        await page.locator("section", has_text="Write to us").get_by_role("button", name="Send").click()
        await expect(page.get_by_role("status")).to_have_text("Your message has reached us.")

        async def no_longer_waiting() -> bool:
            await page.goto(link)
            return "We are waiting to hear from you." not in await page.locator("main").inner_text()

        await eventually(no_longer_waiting, what="the pause to end")


async def test_an_internal_review_shows_what_it_waits_for_and_what_it_found(desk: Desk) -> None:
    ref = await desk.office.receive()
    await desk.command(ref, "usr_ana", "take-ownership")
    await desk.command(ref, "usr_dora", "open-internal-review", reason="She says we lost her letter.")
    async with desk.opened("usr_dora") as page:
        await page.goto(f"/desk/complaints/{ref}")
        matter = page.locator("section", has=page.locator("#matter"))
        await expect(matter).to_contain_text("nobody reviews it yet")
        await expect(matter).to_contain_text("no final response goes out")
        await desk.command(ref, "usr_dora", "assign-internal-reviewer", reviewer="usr_otto")
        await desk.command(
            ref, "usr_otto", "record-internal-review", findings="It lay in the basement.", outcome="defective",
            corrections="Letters are scanned on arrival.",
        )  # fmt: skip
        await page.reload()
        await expect(matter).to_contain_text("Our process is defective, found by Otto")
        await expect(matter).to_contain_text("It lay in the basement.")
        await expect(matter).to_contain_text("To be corrected: Letters are scanned on arrival.")
        await expect(page.locator(".timeline")).to_contain_text("Internal review recorded")
