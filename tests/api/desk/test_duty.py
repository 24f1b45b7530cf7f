"""The page of who is on duty: gaps as an alarm, duty taken over, an absence with a deputy, without JavaScript."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.test_duty import begun, sent

NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "color_scheme": "light"}
TEAM = {"title": "Desk team", "timezone": "Asia/Shanghai", "supervisor": "usr_dora", "deputies": ["usr_ben"],
        "members": ["usr_ana"], "hours": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]]}}  # fmt: skip


@pytest.fixture
async def night(desk: Desk) -> AsyncIterator[str]:
    """A rota of Ana and Ben in which Ana has duty, and nothing else planned by anybody."""
    for rota in (await sent(desk.office, "GET", "/rotas")).json()["rotas"]:
        await sent(desk.office, "DELETE", f"/rotas/{rota['id']}")
    await begun(desk.office, "night", title="Night desk")
    yield "night"
    await sent(desk.office, "DELETE", "/rotas/night")
    await sent(desk.office, "PUT", "/staff/usr_ana/deputies", json={"deputies": []})
    for absence in (await sent(desk.office, "GET", "/absences")).json()["absences"]:
        await sent(desk.office, "DELETE", f"/absences/{absence['number']}")


def typed(desk: Desk, **later: float) -> str:
    """What a person types for a moment some time from now, in the zone of the page (Asia/Shanghai)."""
    return f"{desk.office.deps.clock.now() + timedelta(hours=8, **later):%Y-%m-%dT%H:%M}"


async def now_of(page: Page) -> str:
    return await page.get_by_role("row", name="Night desk").first.inner_text()


async def test_a_member_takes_duty_over_and_gives_it_back(desk: Desk, night: str) -> None:
    async with desk.opened("usr_ben", java_script_enabled=False) as ben:
        await ben.goto("/desk")
        await ben.get_by_role("navigation", name="Desk").get_by_role("link", name="On duty").click()
        assert "Ana" in await now_of(ben)
        await ben.get_by_role("link", name="Take over from Ana").first.click()
        form = ben.locator("#do-take-over")
        await expect(form.get_by_label("Rota")).to_have_value("night")
        await expect(form.get_by_label("Until")).not_to_have_value("")
        long_over = typed(desk, days=-2)
        await form.get_by_label("Until").fill(long_over)
        await form.get_by_role("button", name="Take duty over").click()
        await expect(ben.get_by_role("alert")).to_contain_text(
            "It has to end after it begins and in the future"
        )
        assert await ben.get_by_label("Until").first.input_value() == long_over, "what was typed is kept"
        await form.get_by_label("Until").fill(typed(desk, days=2))
        await form.get_by_role("button", name="Take duty over").click()
        await expect(ben.locator("#done")).to_contain_text("Duty is taken over.")
        assert "Ben" in await now_of(ben)
        await ben.get_by_role("button", name="Give back").click()
        await expect(ben.locator("#done")).to_contain_text("The plan holds again")
        assert "Ana" in await now_of(ben)


async def test_who_is_away_without_a_deputy_leaves_a_gap_that_nobody_can_miss(desk: Desk, night: str) -> None:
    async with desk.opened("usr_ana", java_script_enabled=False) as ana:
        await ana.goto("/desk/duty")
        await expect(ana.get_by_text("Nobody on duty")).to_have_count(0)
        await ana.get_by_text("Note an absence").click()
        form = ana.locator("#do-absence")
        await expect(form.get_by_label("Who is away")).to_have_count(0)
        await form.get_by_label("Until").fill(typed(desk, days=3))
        await form.get_by_role("button", name="Note the absence").click()
        await expect(ana.locator("#done")).to_contain_text("The absence is noted.")
        gap = ana.get_by_role("region", name="Gaps of Night desk")
        await expect(gap).to_contain_text("nobody on duty from")
        await expect(gap).to_contain_text("Ana is planned, but away, and no deputy is there.")
        await ana.get_by_text("Your deputies", exact=True).click()
        await ana.get_by_label("First deputy").select_option(label="Ben")
        await ana.get_by_role("button", name="Keep these deputies").click()
        await expect(ana.get_by_role("region", name="Gaps of Night desk")).to_have_count(0)
        assert "Ana is away; Ben stands in" in await now_of(ana)
        await ana.get_by_role("button", name="Back now (Ana)").click()
        await expect(ana.locator("#done")).to_contain_text("The absence is over.")
        await expect(ana.get_by_text("Nobody is away, and nobody is going to be.")).to_be_visible()


async def test_a_calendar_file_is_taken_in_or_told_event_by_event(desk: Desk, night: str) -> None:
    now = desk.office.deps.clock.now()
    events = [
        f"BEGIN:VEVENT\r\nUID:{who}\r\nSUMMARY:{who}\r\nDTSTART:{now:%Y%m%dT%H0000Z}\r\nDURATION:P2D\r\nEND:VEVENT\r\n"
        for who in ("ben", "stranger")
    ]

    def calendar(events: list[str]) -> Any:
        content = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{''.join(events)}END:VCALENDAR\r\n".encode()
        return {"name": "duty.ics", "mimeType": "text/calendar", "buffer": content}

    async with desk.opened("usr_dora", java_script_enabled=False) as dora:
        await dora.goto("/desk/duty")
        for brought in (events, events[:1]):
            form = dora.locator("#do-calendar")
            if await form.get_attribute("open") is None:
                await form.locator("summary").click()
            await form.get_by_label("Calendar file").set_input_files(calendar(brought))
            await form.get_by_role("button", name="Take the shifts in").click()
            if brought is events:
                await expect(dora.get_by_role("alert")).to_contain_text(
                    "event.2: It names no member of this rota"
                )
        await expect(dora.locator("#done")).to_contain_text("The calendar's shifts hold")
        assert "Ben" in await now_of(dora)


async def test_axe_finds_nothing_and_nothing_is_wider_than_320_pixels(desk: Desk, night: str) -> None:
    await begun(desk.office, "empty", members=[], title="Nobody's rota")
    away = {"person": "usr_ana", "ends_at": (desk.office.deps.clock.now() + timedelta(days=1)).isoformat()}
    assert (await sent(desk.office, "POST", "/absences", json=away)).status_code == 201
    assert (await sent(desk.office, "PUT", "/teams/desk-team", json=TEAM)).status_code == 200
    told: list[str] = []
    for scheme in ("light", "dark"):
        async with desk.opened("usr_dora", **NARROW | {"color_scheme": scheme}) as dora:
            for path in ("/desk/duty", "/desk/duty?done=absence", "/desk/duty/teams"):
                await dora.goto(path)
                await dora.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
                assert await dora.evaluate("document.documentElement.scrollWidth") <= 320, path
                found = await Axe().run(dora, options=RULES["light" if scheme == "light" else "dark"])
                told += [
                    f"{path}: {broken['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
                    for broken in found.response["violations"]
                    for node in broken["nodes"]
                ]
            await expect(dora.get_by_role("row", name="Ana").first).to_contain_text("Away")
            await expect(dora.get_by_text("Outside these hours its members are off duty.")).to_be_visible()
    assert (await sent(desk.office, "DELETE", "/rotas/empty")).status_code == 204
    assert (await sent(desk.office, "DELETE", "/teams/desk-team")).status_code == 204
    assert not told, "\n".join(told)


async def test_with_no_rota_and_no_team_the_pages_say_what_to_do(desk: Desk, night: str) -> None:
    await sent(desk.office, "DELETE", "/rotas/night")
    async with desk.opened("usr_ana") as ana:
        await ana.goto("/desk/duty")
        await expect(ana.get_by_role("heading", name="There is no duty rota yet")).to_be_visible()
        await expect(ana.locator("#do-take-over")).to_have_count(0)
        await ana.goto("/desk/duty/teams")
        await expect(ana.get_by_role("heading", name="There is no team yet")).to_be_visible()
