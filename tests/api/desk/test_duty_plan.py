"""Teams and rotas made, changed and ended at the desk: faults beside their fields, two people at once, two clicks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, expect

from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.desk.test_duty import NARROW, TEAM
from tests.api.test_duty import begun, sent

if TYPE_CHECKING:
    from playwright.async_api import Page


@pytest.fixture
async def bare(desk: Desk) -> AsyncIterator[Desk]:
    """The desk with no team and no rota, before and after."""
    await _cleared(desk)
    yield desk
    await _cleared(desk)


async def _cleared(desk: Desk) -> None:
    for what in ("teams", "rotas"):
        for one in (await sent(desk.office, "GET", f"/{what}")).json()[what]:
            await sent(desk.office, "DELETE", f"/{what}/{one['id']}")


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name, exact=True)


async def held(desk: Desk, path: str) -> dict[str, Any]:
    told: dict[str, Any] = (await sent(desk.office, "GET", path)).json()
    return told


def with_(words: str) -> re.Pattern[str]:
    """Anything that has these words in it."""
    return re.compile(re.escape(words))


async def test_a_team_is_made_changed_and_ended_without_javascript(bare: Desk) -> None:
    async with bare.opened("usr_dora", java_script_enabled=False) as dora:
        await dora.goto("/desk/duty/teams")
        await dora.get_by_role("link", name="Make the first team").click()
        await dora.get_by_label("Name", exact=True).fill("第一线")
        await dora.get_by_label("Supervisor optional", exact=True).select_option(label="Dora")
        await dora.get_by_label("First deputy").select_option(label="Ben")
        await group(dora, "Members").get_by_label("Ana").check()
        await dora.get_by_label("Time zone").fill("Asia/Shanghai")
        await dora.get_by_label("Monday").fill("9:00-12:00，13:00–17:00")
        await dora.get_by_role("button", name="Make the team").click()
        await expect(dora.get_by_role("status")).to_contain_text("The team is made.")
        (team,) = (await held(bare, "/teams"))["teams"]
        assert (team["title"], team["hours"]) == ("第一线", {"mon": [["09:00", "12:00"], ["13:00", "17:00"]]})
        assert [team["supervisor"]["name"], team["deputies"][0]["name"], team["members"][0]["name"]] == [
            "Dora", "Ben", "Ana",
        ]  # fmt: skip

        await dora.get_by_role("link", name="Change 第一线").click()
        await expect(dora.get_by_label("Monday")).to_have_value("09:00-12:00, 13:00-17:00")
        await group(dora, "Members").get_by_label("Ana").uncheck()
        await dora.get_by_label("Monday").fill("")
        await dora.get_by_role("button", name="Keep the team so").click()
        await expect(dora.get_by_role("status")).to_contain_text("The team is changed.")
        changed = await held(bare, f"/teams/{team['id']}")
        assert (changed["members"], changed["hours"], changed["title"]) == ([], None, "第一线")

        await dora.get_by_role("link", name="Change 第一线").click()
        await dora.get_by_text("End this team").click()
        await dora.get_by_role("button", name="End 第一线").click()
        await expect(dora.get_by_role("status")).to_contain_text("The team is ended.")
        await expect(dora.get_by_role("heading", name="There is no team yet")).to_be_visible()


async def test_a_rota_is_made_with_its_order_and_its_hand_over(bare: Desk) -> None:
    async with bare.opened("usr_dora", java_script_enabled=False) as dora:
        await dora.goto("/desk/duty")
        await dora.get_by_role("link", name="Make the first rota").click()
        await dora.get_by_label("Name", exact=True).fill("Night desk")
        await dora.get_by_label("Second in turn").select_option(label="Ben")
        await dora.get_by_label("Fourth in turn").select_option(label="Ana")
        await dora.get_by_label("How often").select_option(label="Every so many days")
        await dora.get_by_label("How many weeks or days").fill("2")
        await dora.get_by_label("At what time").fill("20:30")
        await dora.get_by_label("First day").fill("2026-01-05")
        await dora.get_by_label("Time zone").fill("Europe/Berlin")
        await dora.get_by_label("Saturday").fill("20:00-06:00")
        await dora.get_by_role("button", name="Make the rota").click()
        await expect(dora.get_by_role("status")).to_contain_text("The rota is made.")
        rota = await held(bare, "/rotas/night-desk")
        assert [one["name"] for one in rota["members"]] == ["Ben", "Ana"]
        assert rota["handover"] == {"every": 2, "unit": "days", "weekday": None, "at": "20:30"}
        assert (rota["starts_on"], rota["timezone"]) == ("2026-01-05", "Europe/Berlin")
        assert rota["hours"] == {"sat": [["20:00", "06:00"]]}

        await dora.get_by_role("link", name="Change Night desk").click()
        await expect(dora.get_by_label("Short name")).to_have_count(0)
        await dora.get_by_label("How often").select_option(label="Every so many weeks")
        await dora.get_by_label("On which day").select_option(label="Tuesday")
        await dora.get_by_role("button", name="Keep the rota so").click()
        await expect(dora.get_by_role("status")).to_contain_text("The rota is changed.")
        assert (await held(bare, "/rotas/night-desk"))["handover"]["weekday"] == "tue"


async def test_faults_stand_beside_their_fields_and_what_was_typed_is_kept(bare: Desk) -> None:
    async with bare.opened("usr_dora", java_script_enabled=False) as dora:
        await dora.goto("/desk/duty/new-rota")
        typed = {"Time zone": "Asia/Atlantis", "How many weeks or days": "99", "Monday": "mornings",
                 "Tuesday": "9:00-25:00", "Short name": "Night Desk"}  # fmt: skip
        for label, value in typed.items():
            await dora.get_by_label(label).fill(value)
        await dora.get_by_role("button", name="Make the rota").click()
        await expect(dora.get_by_role("alert")).to_contain_text("Only small letters a to z")
        await dora.get_by_label("Short name").fill("night")
        for place in ("First", "Second"):
            await dora.get_by_label(f"{place} in turn").select_option(label="Ana")
        await dora.get_by_role("button", name="Make the rota").click()
        for label, fault in (
            ("Name", "This has to be given."),
            ("Second in turn", "Somebody is named twice"),
            ("Time zone", "is not a time zone of the IANA database"),
            ("How many weeks or days a shift lasts", "a whole number from 1 to 52"),
            ("Monday", "Write Monday as 09:00-17:00"),
            ("Tuesday", "'25:00' is not a closing time"),
        ):
            control = dora.get_by_label(label, exact=label == "Name").first
            await expect(control).to_have_accessible_description(with_(fault))
            await expect(control).to_have_attribute("aria-invalid", "true")
        for label, value in (typed | {"Short name": "night"}).items():
            await expect(dora.get_by_label(label)).to_have_value(value)
        await expect(dora.get_by_role("alert").get_by_role("link", name="Hours, Monday")).to_have_attribute(
            "href", "#plan-hours.mon"
        )
    assert (await held(bare, "/rotas"))["rotas"] == []


async def test_of_two_who_change_a_team_the_second_is_told_what_the_first_did(bare: Desk) -> None:
    await sent(bare.office, "PUT", "/teams/desk-team", json=TEAM)
    async with bare.opened("usr_dora", java_script_enabled=False) as dora:
        await dora.goto("/desk/duty/teams/desk-team")
        await dora.get_by_label("Name", exact=True).fill("Front desk")
        other = TEAM | {"title": "Back desk", "members": ["usr_ana", "usr_ben"]}
        assert (await sent(bare.office, "PUT", "/teams/desk-team", json=other)).status_code == 200
        await dora.get_by_role("button", name="Keep the team so").click()
        await expect(dora.get_by_role("alert")).to_contain_text("Somebody changed this team since you opened")
        name = dora.get_by_label("Name", exact=True)
        await expect(name).to_have_value("Front desk")
        await expect(name).to_have_accessible_description(with_("As it stands now: Back desk."))
        await expect(group(dora, "Members").get_by_label("Ben")).to_have_accessible_description(
            with_("As it stands now: ticked.")
        )
        assert (await held(bare, "/teams/desk-team"))["title"] == "Back desk", "nothing is overwritten unseen"
        await dora.get_by_role("button", name="Keep the team so").click()
        await expect(dora.get_by_role("status")).to_contain_text("The team is changed.")
        assert (await held(bare, "/teams/desk-team"))["title"] == "Front desk"


async def test_what_was_changed_since_is_not_ended_unseen(bare: Desk) -> None:
    await begun(bare.office, "night", title="Night desk")
    async with bare.opened("usr_dora", java_script_enabled=False) as dora:
        await dora.goto("/desk/duty/rotas/night")
        await begun(bare.office, "night", title="Day desk")
        await dora.get_by_text("End this rota").click()
        await dora.get_by_role("button", name="End Night desk").click()
        await expect(dora.get_by_role("alert")).to_contain_text("Below it is as it stands now")
        await expect(dora.get_by_role("heading", name="Day desk", level=1)).to_be_visible()
        await dora.get_by_text("End this rota").click()
        await dora.get_by_role("button", name="End Day desk").click()
        await expect(dora.get_by_role("status")).to_contain_text("The rota is ended.")


async def test_a_double_click_is_one(bare: Desk) -> None:
    async with bare.opened("usr_dora") as dora:
        for path, ended in (("/desk/duty/new-team", "teams"), ("/desk/duty/new-rota", "rotas")):
            await dora.goto(path)
            form: dict[str, str | float | bool] = {
                await item.get_attribute("name") or "": await item.input_value()
                for item in await dora.locator("form.plan")
                .locator("input:not([type=checkbox]), select")
                .all()
            }
            form["title"] = "夜班"
            answers = await asyncio.gather(*(
                dora.request.post(path, form=form, headers={"Sec-Fetch-Site": "same-origin"}, max_redirects=0)
                for _ in range(2)
            ))  # fmt: skip
            assert [one.status for one in answers] == [303, 303], await answers[-1].text()
            (made,) = (await held(bare, f"/{ended}"))[ended]
            assert made["title"] == "夜班"
            again = await dora.request.post(
                path, form={**form, "id": made["id"], "title": "另一个"},
                headers={"Sec-Fetch-Site": "same-origin"}, max_redirects=0,
            )  # fmt: skip
            assert (again.status, "of this short name already" in await again.text()) == (422, True)


async def test_who_does_not_plan_duty_sees_no_way_to_change_it(bare: Desk) -> None:
    async with bare.opened("usr_ana") as ana:
        await ana.goto("/desk/duty")
        await expect(
            ana.get_by_text("A supervisor, a department head or an administrator makes one")
        ).to_be_visible()
        await begun(bare.office, "night", title="Night desk")
        await sent(bare.office, "PUT", "/teams/desk-team", json=TEAM)
        for path in ("/desk/duty", "/desk/duty/teams"):
            await ana.goto(path)
            await expect(ana.get_by_role("heading", name="desk").first).to_be_visible()
            await expect(ana.get_by_role("link", name="Change")).to_have_count(0)
            await expect(ana.get_by_role("link", name="Make a")).to_have_count(0)
        for path in ("/desk/duty/new-team", "/desk/duty/rotas/night"):
            answer = await ana.goto(path)
            assert answer is not None
            assert answer.status == 403
            await expect(ana.get_by_text("supervisor, department head, administrator")).to_be_visible()


async def test_axe_finds_nothing_and_nothing_is_wider_than_320_pixels(bare: Desk) -> None:
    await begun(bare.office, "night", title="Night desk", hours={"mon": [["09:00", "12:00"]]})
    await sent(bare.office, "PUT", "/teams/desk-team", json=TEAM)
    told: list[str] = []

    async def looked_at(page: Page, scheme: str) -> None:
        await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, page.url
        found = await Axe().run(page, options=RULES["light" if scheme == "light" else "dark"])
        told.extend(
            f"{page.url}: {broken['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
            for broken in found.response["violations"]
            for node in broken["nodes"]
        )

    for scheme in ("light", "dark"):
        async with bare.opened("usr_dora", **NARROW | {"color_scheme": scheme}) as dora:
            for path in ("new-team", "new-rota", "teams/desk-team", "rotas/night", "teams", ""):
                await dora.goto(f"/desk/duty/{path}".rstrip("/"))
                await looked_at(dora, scheme)
            await dora.goto("/desk/duty/rotas/night")
            await dora.get_by_label("Monday").fill("mornings")
            await dora.get_by_role("button", name="Keep the rota so").click()
            await expect(dora.get_by_role("alert")).to_be_visible()
            await looked_at(dora, scheme)
    assert not told, "\n".join(told)
