"""More time at the desk: asked for by one, granted by another, and seen on the case and in its letter."""

from __future__ import annotations

from playwright.async_api import expect

from ledger.packs import publish
from policies.loading import PACKS, load_pack
from tests.api.desk.conftest import Desk
from workflows import packs


async def test_more_time_is_asked_for_granted_and_shown(desk: Desk) -> None:
    pack = load_pack(PACKS / "uk-fca-disp.yaml")
    async with desk.office.deps.sql.begin() as conn:
        await publish(conn, pack)
    packs.hold(pack)
    reference = await desk.office.receive(pack="uk-fca-disp", problem_type="payment_services")
    await desk.command(reference, "usr_ana", "take-ownership")
    await desk.command(reference, "usr_ana", "acknowledge")
    classes = {"kind": "complaint", "severity": "regular", "tier": "standard"}
    await desk.command(reference, "usr_ana", "triage", **classes, problem_type="payment_services")
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{reference}?do=ask-extension")
        form = page.locator("form[action$='/ask-extension']")
        await form.get_by_label("Clock").select_option(value="payment_services_response")
        await form.get_by_label("Reason").fill("The other bank is still tracing it.")
        await form.get_by_role("button").click()
        clock = page.locator(".clock").filter(has_text="payment services")
        await expect(clock).to_contain_text("20 working days more asked for, not decided yet")
    async with desk.opened("usr_dora") as page:
        await page.goto(f"/desk/complaints/{reference}")
        await page.locator(".buttons a.primary", has_text="Grant more time").click()
        form = page.locator("form[action$='/grant-extension']")
        await form.get_by_role("button", name="Grant more time").click()
        clock = page.locator(".clock").filter(has_text="payment services")
        await expect(clock).to_contain_text("Extended once, by 20 working days")
        await expect(page.get_by_text("holding reply").first).to_be_visible()
