"""The letters of a pack at the desk and over the API: each as a mail in each language, and a sample to oneself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from sqlalchemy import text

from activities.delivery.previews import REFERENCE
from policies.letters import FIELDS
from tests.api.conftest import Office
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES, Scheme

HERE = "/desk/packs/retail-2025/letters"
NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}


async def test_a_letter_is_found_and_read_as_subject_text_and_html(desk: Desk) -> None:
    said: list[str] = []
    async with desk.opened("usr_otto") as otto:
        otto.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        await otto.goto("/desk/packs/retail-2025")
        await otto.get_by_role("link", name="Its letters and alerts").click()
        await otto.get_by_role("link", name="Final response", exact=True).click()
        await expect(otto.locator(".mailsubject")).to_have_text(f"Our answer on {REFERENCE}")
        await expect(otto.get_by_role("region", name="Plain text")).to_contain_text(
            "The seam was never welded."
        )
        await expect(otto.locator("main")).to_contain_text("Tells a stranger nothing")
        shown = otto.frame_locator("iframe.mailhtml")
        await expect(shown.locator("body")).to_contain_text("The seam was never welded.")
        await otto.get_by_role("link", name="中文").click()
        await expect(otto.locator(".mailsubject")).to_contain_text(REFERENCE)
        await expect(otto.get_by_role("region", name="Plain text")).to_contain_text("接縫未焊接")
    assert not said, said


async def test_the_button_sends_a_sample_to_oneself(desk: Desk) -> None:
    before = await latest(desk.office)
    async with desk.opened("usr_cleo", java_script_enabled=False) as cleo:
        await cleo.goto(f"{HERE}?kind=alert_breach")
        await cleo.get_by_role("button", name="Send me a sample").click()
        await expect(cleo.get_by_role("status").last).to_contain_text("A sample goes to cleo@example.org")
        await expect(cleo.locator(".mailsubject")).to_contain_text("Overdue")
    assert await samples(desk.office, after=before) == ["staff:usr_cleo"]


async def latest(office: Office) -> int:
    """The number of the latest message of all."""
    async with office.deps.reading.connect() as conn:
        return int(await conn.scalar(text("SELECT coalesce(max(id), 0) FROM outbox")) or 0)


async def samples(office: Office, *, after: int) -> list[str]:
    """To whom samples went since then."""
    query = text("SELECT recipient FROM outbox WHERE kind = 'template_sample' AND id > :after ORDER BY id")
    async with office.deps.reading.connect() as conn:
        return list((await conn.scalars(query, {"after": after})).all())


async def test_programs_get_the_same(office: Office) -> None:
    before = await latest(office)
    async with office.client("usr_otto") as otto:
        told = (await otto.get("/packs/retail-2025/letters")).json()
        assert {one["kind"] for one in told["letters"]} == set(FIELDS)
        assert {one["to"] for one in told["letters"]} == {"customers", "staff"}
        seen = (await otto.get("/packs/retail-2025/letters/alert_breach", params={"language": "zh"})).json()
        assert (seen["subject_tells"], seen["language"]) == ([], "zh")
        assert seen["text"].strip()
        assert seen["html"].startswith("<!doctype html>")
        sent = await otto.post("/packs/retail-2025/letters/alert_breach/sample")
        assert (sent.status_code, sent.json()["to"]) == (202, "you")
    assert await samples(office, after=before) == ["staff:usr_otto"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/packs/none-such/letters", 404, "unknown_pack"),
        ("/packs/retail-2025/letters/none_such", 404, "unknown_letter"),
        ("/packs/retail-2025/letters/receipt?language=fr", 404, "unknown_language"),
        ("/packs/retail-2025/letters/receipt?language=%22", 422, "not_well_formed"),
        ("/packs/retail-2025/letters/receipt?version=999", 404, "unknown_version"),
    ],
)
async def test_what_there_is_not_is_said_in_a_sentence(
    office: Office, path: str, status: int, code: str
) -> None:
    async with office.client() as ana:
        answer = await ana.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code), json.dumps(answer.json())


async def test_customers_programs_do_not_see_the_wordings(office: Office) -> None:
    async with office.client(None) as nobody:
        assert (await nobody.get("/packs/retail-2025/letters")).status_code == 401
        assert (await nobody.post("/packs/retail-2025/letters/receipt/sample")).status_code == 401


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_it(desk: Desk, scheme: Scheme) -> None:
    async with desk.opened("usr_ana", color_scheme=scheme, **NARROW) as page:
        for address in (f"{HERE}?kind=final_response", f"{HERE}?kind=alert_digest&language=zh&sent=1"):
            await page.goto(address)
            found = await Axe().run(page, options=RULES[scheme])
            told = [f"{broken['id']}: {node['html'][:150]}" for broken in found.response["violations"]
                    for node in broken["nodes"]]  # fmt: skip
            assert not told, told
            assert await page.evaluate("document.documentElement.scrollWidth") <= 320
