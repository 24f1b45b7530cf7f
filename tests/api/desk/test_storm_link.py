"""The link for all in a storm's mail: what it lists, that one press answers each that is open, and nothing else."""

from __future__ import annotations

import asyncio
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from sqlalchemy import text

from ledger.alert_links import AlertLinks
from tests.api.conftest import Office
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.test_alerts import called, response_ladder, row_of

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

HERE = {"Sec-Fetch-Site": "same-origin"}
NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}


async def storm(office: Office, *references: str, staff: str = "usr_ana") -> str:
    """The path of the link for all in the mail that told this person of these first calls."""
    rows = [await row_of(office, reference, staff) for reference in references]
    assert all(rows)
    first = min(rows)
    async with office.deps.reading.connect() as conn:
        await conn.execute(
            text("UPDATE outbox SET bundle = :first, storm = :first, state = 'sent', sent_at = now()"
                 " WHERE id = ANY (:rows)"), {"first": first, "rows": rows},
        )  # fmt: skip
    return f"/alerts/all/{office.deps.alert_links.token_of_all(first, staff)}"


def line_of(page: Page, reference: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=reference)


async def test_one_press_acknowledges_each_that_is_open_and_says_what_came_of_each(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = desk.office
    first, second, answered, over = await asyncio.gather(*(called(office) for _ in range(4)))
    path = await storm(office, first, second, answered, over)
    assert not re.search("ana|" + "|".join((first, second, answered, over)), path)
    await desk.command(answered, "usr_dora", "acknowledge-alert", clock="response")
    await desk.command(over, "usr_ana", "acknowledge")
    async with desk.opened(java_script_enabled=False) as page:
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Alerts of one mail: 4")
        await expect(line_of(page, answered)).to_contain_text("Dora acknowledged it already.")
        await expect(line_of(page, over)).to_contain_text("No longer called for")
        await expect(line_of(page, first)).to_contain_text("Nobody has acknowledged it.")
        async with office.client() as ana:
            assert (await response_ladder(ana, first))["acknowledged_at"] is None, (
                "to open it changes nothing"
            )
            with monkeypatch.context() as slow:
                slow.setattr(import_module("api.desk.storm_link"), "PATIENCE", -1.0)
                await page.get_by_role("button", name="Acknowledge all 2").click()
                await expect(page.get_by_role("status")).to_contain_text("2 are still open")
            await expect(line_of(page, first)).to_contain_text("Not reached in time. Press the button again.")
            await page.get_by_label("What is being done").fill("The shop is being called.")
            await page.get_by_role("button", name="Acknowledge all 2").click()
            await expect(page.get_by_role("status")).to_contain_text("2 of 4 acknowledged from this mail.")
            await expect(page.get_by_role("button")).to_have_count(0)
            for reference in (first, second):
                await expect(line_of(page, reference)).to_contain_text("From this mail")
                told = await response_ladder(ana, reference)
                assert told["acknowledged_by"] == "usr_ana"
                assert len(told["answers"]) == 1
                timeline = (await ana.get(f"/complaints/{reference}/timeline")).text
                assert "The shop is being called." in timeline
            assert (await response_ladder(ana, answered))["acknowledged_by"] == "usr_dora"
        await page.goto(path)
        await expect(page.get_by_role("heading", name="Nothing is left to acknowledge")).to_be_visible()
        # The links of the single calls are used up as well.
        row = await row_of(office, first, "usr_ana")
        await page.goto(f"/alerts/{office.deps.alert_links.token(row, 'usr_ana')}")
        await expect(page.get_by_role("status")).to_contain_text("Acknowledged with this link")


_kept: dict[str, tuple[str, str]] = {}


async def _two(desk: Desk) -> tuple[str, str]:
    """Two complaints for all tests that must not change them: each takes seconds to run late."""
    if desk.url not in _kept:
        one, other = await asyncio.gather(called(desk.office), called(desk.office))
        _kept[desk.url] = (one, other)
    return _kept[desk.url]


async def test_it_is_for_whom_it_was_written_to_and_a_form_from_elsewhere_changes_nothing(desk: Desk) -> None:
    office = desk.office
    references = await _two(desk)
    path = await storm(office, *references)
    token = path.rpartition("/")[2]
    first = int(token.partition(".")[0])
    others = [
        f"/alerts/all/{office.deps.alert_links.token_of_all(first, 'usr_dora')}",
        f"/alerts/all/{office.deps.alert_links.token(first, 'usr_ana')}",
        f"/alerts/all/{AlertLinks(bytes(32)).token_of_all(first, 'usr_ana')}",
        f"/alerts/{token}",
    ]
    form = {"token": token, "note": ""}
    async with desk.http() as browser:
        for other in others:
            assert (await browser.get(other)).status_code == 404, other
        assert (
            await browser.post(path, data=form, headers={"Sec-Fetch-Site": "cross-site"})
        ).status_code == 403
        assert (await browser.post(path, data={**form, "token": "x"}, headers=HERE)).status_code == 422
        assert (
            await browser.post(path, data={**form, "note": "x" * 20_001}, headers=HERE)
        ).status_code == 422
        answer = await browser.get(path)
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["cache-control"] == "no-store"
        async with office.deps.reading.connect() as conn:
            moved = "UPDATE outbox SET queued_at = queued_at - interval '8 days', sent_at = sent_at - interval '8 days'"
            await conn.execute(text(f"{moved} WHERE id = :id"), {"id": first})
        late = await browser.post(path, data=form, headers=HERE)
        assert late.status_code == 410
        assert "This link has expired" in late.text
    async with office.client() as ana:
        for reference in references:
            assert (await response_ladder(ana, reference))["acknowledged_at"] is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_nothing_is_wider_than_320_pixels(desk: Desk, scheme: Any) -> None:
    path = await storm(desk.office, *await _two(desk))
    async with desk.opened(color_scheme=scheme, **NARROW) as page:
        await page.goto(path)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320
        found = await Axe().run(page, options=RULES[scheme])
        assert not [broken["id"] for broken in found.response["violations"]]
