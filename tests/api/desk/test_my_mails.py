"""My mails at the desk: what one chose is kept; the link in a report ends it without signing in, once posted."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from sqlalchemy import text

from activities.reports.job import message
from activities.reports.post import stream_of
from activities.reports.slots import Slot
from ledger import outbox
from ledger.report_preferences import ReportKind, refused, set_language, want
from tests.api.conftest import Office
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES, Scheme

NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}


async def link(office: Office, who: str, kind: ReportKind, day: int) -> str:
    """The path of the link in a report that was queued for somebody."""
    slot = Slot(kind=kind, day=date(2025, 1, day), zone="UTC")
    told = message(slot, who)
    async with office.deps.sql.begin() as conn:
        await outbox.queue(conn, stream_of(slot, who), [told])
        found = await conn.execute(
            text("UPDATE outbox SET state = 'sent', sent_at = now() WHERE dedupe = :key RETURNING id"),
            {"key": told.dedupe},
        )
    return f"/unsubscribe/{office.deps.report_links.token(found.scalar_one(), who)}"


async def without(office: Office, who: str) -> frozenset[ReportKind]:
    async with office.deps.reading.connect() as conn:
        return await refused(conn, who)


async def test_what_is_chosen_is_kept_with_and_without_scripts(desk: Desk) -> None:
    async with desk.opened("usr_ben", java_script_enabled=False) as ben:
        await ben.goto("/desk")
        await ben.get_by_role("navigation", name="Desk").get_by_text("More", exact=True).click()
        await ben.get_by_role("link", name="My mails").click()
        await expect(ben.get_by_role("heading", level=1)).to_have_text("My mails")
        for box in await ben.get_by_role("checkbox").all():
            await expect(box).to_be_checked()
        await ben.get_by_label("Overdue summary").uncheck()
        await ben.get_by_label("中文").check()
        await ben.get_by_role("button", name="Keep").click()
        await expect(ben.get_by_role("status").last).to_contain_text("Kept")
        await expect(ben.get_by_label("Overdue summary")).not_to_be_checked()
        await expect(ben.get_by_label("Morning worklist")).to_be_checked()
        await expect(ben.get_by_label("中文")).to_be_checked()
    assert await without(desk.office, "usr_ben") == {ReportKind.OVERDUE_SUMMARY}
    (mailbox,) = await desk.office.deps.directory.email_of("staff:usr_ben")
    assert mailbox.language == "zh"
    async with desk.office.client("usr_otto") as otto:
        changes = (await otto.get("/staff/changes", params={"staff": "usr_ben"})).json()
    assert any(one["field"] == "language" and one["by_whom"] == "usr_ben" for one in changes["changes"]), (
        changes
    )
    async with desk.office.deps.sql.begin() as conn:
        await want(conn, "usr_ben", list(ReportKind))
        await set_language(conn, "usr_ben", "en", "usr_ben")


async def test_a_form_of_another_session_changes_nothing(desk: Desk) -> None:
    session = await desk.office.deps.directory.open_session("usr_ben")
    async with desk.office.client(None) as stranger:
        stranger.cookies.set("redress", session.id)
        answer = await stranger.post("/desk/mails", data={"csrf": "guessed", "language": "en"})
    assert answer.status_code == 403
    assert await without(desk.office, "usr_ben") == frozenset()


async def test_opening_the_link_changes_nothing_and_the_button_ends_that_one_report(desk: Desk) -> None:
    path = await link(desk.office, "usr_cleo", ReportKind.MORNING_WORKLIST, 6)
    async with desk.opened(java_script_enabled=False) as nobody:
        await nobody.goto(path)
        await expect(nobody.locator("main")).to_contain_text(
            "Do you want to stop getting the morning worklist?"
        )
        assert await without(desk.office, "usr_cleo") == frozenset(), "mail scanners open links"
        await nobody.get_by_role("button", name="Stop it").click()
        await expect(nobody.get_by_role("status")).to_have_text(
            "You do not get the morning worklist any more."
        )
        await nobody.goto(path)
        await expect(nobody.get_by_role("button", name="Stop it")).to_have_count(0)
    assert await without(desk.office, "usr_cleo") == {ReportKind.MORNING_WORKLIST}


async def test_a_mail_program_ends_it_with_one_post_and_may_repeat_it(office: Office) -> None:
    path = await link(office, "usr_otto", ReportKind.WEEKLY_REPORT, 7)
    async with office.client(None) as program:
        for _ in range(2):
            answer = await program.post(
                path, data={"List-Unsubscribe": "One-Click"}, headers={"Sec-Fetch-Site": "cross-site"}
            )
            assert answer.status_code == 200, "no redirect: RFC 8058 3.1"
        assert await without(office, "usr_otto") == {ReportKind.WEEKLY_REPORT}
        assert answer.headers["referrer-policy"] == "no-referrer"
        tampered = path[:-1] + ("A" if path[-1] != "A" else "B")
        for wrong in (tampered, "/unsubscribe/1.x", "/unsubscribe/nothing"):
            assert (await program.post(wrong, data={})).status_code == 404


async def test_the_page_speaks_the_readers_language(office: Office) -> None:
    path = await link(office, "usr_iris", ReportKind.OVERDUE_SUMMARY, 8)
    async with office.deps.sql.begin() as conn:
        await set_language(conn, "usr_iris", "zh", "usr_iris")
    async with office.client(None) as program:
        page = (await program.get(path)).text
    assert '<html lang="zh-Hant"' in page
    assert "是否停止接收逾期投訴摘要？" in page
    async with office.deps.sql.begin() as conn:
        await set_language(conn, "usr_iris", "en", "usr_iris")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_them(desk: Desk, scheme: Scheme) -> None:
    path = await link(desk.office, "usr_ana", ReportKind.MORNING_WORKLIST, 9 if scheme == "light" else 10)
    told = []
    async with desk.opened("usr_ana", color_scheme=scheme, **NARROW) as page:
        for address in ("/desk/mails?done=1", path):
            await page.goto(address)
            found = await Axe().run(page, options=RULES[scheme])
            told += [f"{address}: {broken['id']}" for broken in found.response["violations"]]
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    assert not told, told
