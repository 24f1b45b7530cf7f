"""What is learnt, at the desk: a fishbone drawn and told, a pilot carried through, an entry written and withdrawn."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from api.desk.fishbone import WIDTH, drawn
from complaints.chapters.post_mortem import Bone, BoneCategory
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.test_library import delivered
from tests.complaints.support import text

PLAIN: dict[str, Any] = {"java_script_enabled": False}


async def answered(desk: Desk) -> str:
    """A complaint whose answer has reached the customer."""
    reference = await desk.answered()
    await delivered(desk.office, reference)
    return reference


async def test_a_fishbone_is_laid_out_row_by_row_drawn_and_told(desk: Desk) -> None:
    reference = await answered(desk)
    async with desk.opened("usr_ana", **PLAIN) as page:
        await page.goto(f"/desk/complaints/{reference}?do=record-fishbone")
        form = page.locator("#do-record-fishbone")
        for number, (kind, words) in enumerate(
            [
                ("material", "A bad batch."),
                (None, ""),
                ("method", "Nobody looks."),
                ("material", "Old rubber."),
            ]
        ):
            row = form.locator("fieldset.group").nth(number)
            if kind is not None:
                await row.get_by_label("Where it lies").select_option(kind)
                await row.get_by_label("What it is").fill(words)
        half = form.locator("fieldset.group").nth(5)
        await half.get_by_label("What it is").fill("Of no kind.")
        await form.get_by_role("button", name="Record a fishbone").click()
        await expect(page.get_by_role("alert")).to_contain_text("What you typed is kept")
        form = page.locator("#do-record-fishbone")
        half = form.locator("fieldset.group").nth(5)
        await expect(half.get_by_label("What it is")).to_have_value("Of no kind.")
        await half.get_by_label("Where it lies").select_option("people")
        await form.get_by_role("button", name="Record a fishbone").click()
        await expect(page.get_by_role("status")).to_contain_text("Record a fishbone")
        picture = page.get_by_role("img", name="Fishbone of the possible causes")
        await expect(picture).to_be_visible()
        section = page.locator("section[aria-labelledby=fishbone]")
        await expect(section.locator("desc")).to_have_text(
            "People: 1; Method: 2; Machine: none; Material: 3, 4; Measurement: none; Environment: none."
            " The list below says what each number is."
        )
        await expect(section.locator("ol.causes").nth(2)).to_contain_text("Old rubber.")
        await expect(section.locator("ol.causes").nth(2)).to_have_attribute("start", "3")
        await expect(section.locator(".causenumber")).to_have_text(["1", "2", "3", "4"])


async def test_a_pilot_is_carried_through_on_the_case_page(desk: Desk) -> None:
    reference = await answered(desk)
    now = desk.office.deps.clock.now()
    due, check = now + timedelta(days=9), now + timedelta(days=30)
    await desk.command(
        reference, "usr_ana", "add-action", kind="preventive", owner="usr_ana", text="Thicker boxes.",
        due=due.isoformat(), check_after=check.isoformat(),
    )  # fmt: skip
    ends = (now + timedelta(days=3)).isoformat()
    await desk.command(reference, "usr_ana", "pilot-action", action="A1", where="In one store.", until=ends)
    actions = "section[aria-labelledby=actions]"
    async with desk.opened("usr_ana", **PLAIN) as page:
        await page.goto(f"/desk/complaints/{reference}?do=compare-pilot")
        await expect(page.locator(actions)).to_contain_text("Pilot 1, runs, until")
        form = page.locator("#do-compare-pilot")
        await form.get_by_label("How it was before").fill("Nine cracks.")
        await form.get_by_label("How it was in the pilot").fill("One crack.")
        await form.get_by_label("The pilot held").check()
        await form.get_by_role("button", name="Compare a pilot").click()
        await expect(page.locator(actions)).to_contain_text("held, not rolled out yet")
        await expect(page.locator(".timeline > li").first).to_contain_text("The pilot held")
        await page.goto(f"/desk/complaints/{reference}?do=roll-out-action")
        await page.locator("#do-roll-out-action").get_by_role("button", name="Roll an action out").click()
        await expect(page.locator(actions)).to_contain_text("held, and rolled out")


async def test_what_a_case_teaches_is_written_found_read_and_withdrawn(desk: Desk) -> None:
    reference = await answered(desk)
    word = f"w{uuid4().hex[:8]}"
    async with desk.opened("usr_dora", **PLAIN) as page:
        await page.goto(f"/desk/complaints/{reference}?do=put-in-library")
        form = page.locator("#do-put-in-library")
        await form.get_by_label("What the case is about").fill(f"Leaking seals {word}")
        await form.get_by_label("What can be learnt from it").fill("Look at every batch.")
        await form.get_by_role("button", name="Put into the case library").click()
        await expect(page.get_by_role("alert")).to_contain_text("confirm that nobody can be recognised")
        form = page.locator("#do-put-in-library")
        await expect(form.get_by_label("What can be learnt from it")).to_have_value("Look at every batch.")
        await form.get_by_label("Nobody can be recognised").check()
        await form.get_by_role("button", name="Put into the case library").click()
        await page.get_by_role("link", name="What this case teaches").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"Leaking seals {word}")
        await page.get_by_role("navigation", name="Desk").get_by_text("More", exact=True).click()
        await page.get_by_role("navigation", name="Desk").get_by_role("link", name="Library").click()
        search = page.get_by_role("search", name="Case library")
        await search.get_by_label("Words in it").fill(f"batch {word}")
        await search.get_by_role("button", name="Search").click()
        await expect(page.get_by_role("status")).to_have_text("1 entry.")
        await search.get_by_label("Class of cause").select_option("policy")
        await search.get_by_role("button", name="Search").click()
        await expect(page.get_by_role("heading", name="No entry fits")).to_be_visible()
        await page.go_back()
        await page.get_by_role("link", name=f"Leaking seals {word}").click()
        await page.locator("#withdraw summary").click()
        await page.get_by_role("button", name="Withdraw").click()
        await expect(page.get_by_role("alert")).to_contain_text("Give a reason")
        await page.get_by_label("Why it is withdrawn").fill("The shop can be recognised.")
        await page.get_by_role("button", name="Withdraw").click()
        await expect(page.get_by_role("status")).to_contain_text("its words are deleted")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Withdrawn")
        await expect(page.locator("main")).to_contain_text("The shop can be recognised.")
        await page.goto(f"/desk/library?q={word}")
        await expect(page.get_by_role("heading", name="No entry fits")).to_be_visible()
    async with desk.opened("usr_ana") as page:
        answer = await page.goto("/desk/library?cause=nonsense")
        assert answer is not None
        assert answer.status == 422
        await page.goto("/desk/library")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Case library")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_these_pages_and_nothing_is_wider_than_they_are(
    desk: Desk, scheme: Any
) -> None:
    reference = await answered(desk)
    bones = [{"category": kind, "text": f"A cause of {kind}."} for kind in BoneCategory]
    await desk.command(reference, "usr_ana", "record-fishbone", bones=bones)
    lesson = {"heading": "Leaking seals", "lesson": "Look at every batch.", "confirmed": True}
    await desk.command(reference, "usr_dora", "put-in-library", **lesson)
    async with desk.office.client("usr_dora") as dora:
        entry = (await dora.get("/library")).json()["entries"][0]["id"]
    told: list[str] = []
    async with desk.opened("usr_dora", color_scheme=scheme, viewport={"width": 320, "height": 640}) as page:
        for path in ("/desk/library", f"/desk/library/{entry}", f"/desk/complaints/{reference}"):
            await page.goto(path)
            await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 320, path
            found = await Axe().run(page, options=RULES[scheme])
            told += [
                f"{path}: {broken['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
                for broken in found.response["violations"]
                for node in broken["nodes"]
            ]
        picture = await page.locator(".fish").bounding_box()
        assert picture is not None
        assert picture["width"] >= WIDTH * 0.9, "it is drawn about as large as it was meant"
    assert not told, "\n".join(told)


def test_every_cause_has_its_number_within_the_picture() -> None:
    bones = [Bone(category=kind, text=text(f"{kind} {n}")) for n in range(4) for kind in BoneCategory]
    fish = drawn(bones)
    assert fish is not None
    causes = [cause for bone in fish.bones for cause in bone.causes]
    assert [cause.number for cause in causes] == list(range(1, 25))
    assert all(9 <= cause.x <= WIDTH - 9 and 9 <= cause.y <= fish.height - 9 for cause in causes)
    assert len({(cause.x, cause.y) for cause in causes}) == 24
    assert drawn(()) is None
