"""Moving a complaint to another pack at the desk: what would change is seen before it is done."""

from __future__ import annotations

from playwright.async_api import expect

from ledger.packs import publish
from tests.api.desk.conftest import Desk
from tests.api.test_migrating import NEWER
from tests.support.living import PACK
from tests.support.waiting import eventually
from workflows import packs


async def test_the_form_shows_what_would_change_and_does_it_only_once_confirmed(desk: Desk) -> None:
    async with desk.office.deps.sql.begin() as conn:
        await publish(conn, NEWER)
    packs.hold(NEWER)
    reference = await desk.office.receive(pack=PACK.name)
    async with desk.opened("usr_otto") as page:
        form = page.locator("form[action$='/migrate-pack']")
        newer = form.locator("option", has_text=NEWER.title["en"])

        async def offered() -> bool:  # the desk looks for new packs every few seconds
            await page.goto(f"/desk/complaints/{reference}?do=migrate-pack")
            return await newer.count() == 1

        await eventually(offered, what="the new pack on offer")
        await form.get_by_label("Pack").select_option(label=f"{NEWER.title['en']}, version {NEWER.version}")
        await form.get_by_label("Reason").fill("It holds for all.")
        await form.get_by_role("button").click()

        await expect(page.get_by_role("heading", level=1)).to_have_text("Move to another pack version")
        row = page.get_by_role("row").filter(has_text="Outcome sooner")
        await expect(row).to_contain_text("begins to run")
        before = await desk.office.deps.record.sequence(reference)
        await page.get_by_role("button", name="Move it now").click()

        await expect(page.get_by_role("heading", level=1)).to_have_text(reference)
        await expect(page.get_by_text("Outcome sooner").first).to_be_visible()
        assert await desk.office.deps.record.sequence(reference) > before
