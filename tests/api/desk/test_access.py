"""Access for everyone: axe on every page in both colour schemes, 320 px, and nothing hidden behind the header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe

from tests.api.desk.conftest import Desk

if TYPE_CHECKING:
    from playwright.async_api import ConsoleMessage, Page

Scheme = Literal["light", "dark"]
RULES: dict[Scheme, dict[str, Any]] = {
    "light": {
        "resultTypes": ["violations"],
        "rules": {"target-size": {"enabled": True}},
        "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    # What a page is made of is the same in the dark; its colours are not.
    "dark": {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast"]}},
}


async def _pages(desk: Desk) -> list[tuple[str | None, str]]:
    late = await desk.office.receive(received_at="2025-06-02T01:00:00Z", subject="Long ago")
    answered = await desk.answered()
    link = await desk.link(answered)
    return [
        (None, "/sign-in"),
        ("usr_ana", "/desk/second-factor"),
        ("usr_ana", "/desk"),
        ("usr_ana", "/desk?severity=major&paused=true"),
        ("usr_ana", f"/desk/complaints/{late}"),
        ("usr_ana", f"/desk/complaints/{answered}?do=record-contact&done=acknowledge"),
        ("usr_cleo", f"/desk/complaints/{answered}"),
        ("usr_ana", f"/desk/complaints/{late}/commands/acknowledge/some-id"),
        ("usr_ana", "/desk/nowhere"),
        ("usr_ana", "/desk/receive"),
        ("usr_ana", "/desk/risks"),
        (None, f"{link}/letters/L2"),
        (None, link),
        (None, f"{link}?lang=zh"),
        (None, "/complain"),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(desk: Desk, scheme: Scheme) -> None:
    axe = Axe()
    told: list[str] = []
    async with (
        desk.opened("usr_ana", color_scheme=scheme) as ana,
        desk.opened("usr_cleo", color_scheme=scheme) as cleo,
        desk.opened(color_scheme=scheme) as nobody,
    ):
        at = {"usr_ana": ana, "usr_cleo": cleo, None: nobody}
        complaints: list[str] = []
        for page in at.values():
            page.on("console", lambda message: _heard(complaints, message))
        for who, path in await _pages(desk):
            page = at[who]
            await page.goto(path)
            await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            found = await axe.run(page, options=RULES[scheme])
            told += [
                f"{path}: {broken['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
                for broken in found.response["violations"]
                for node in broken["nodes"]
            ]
    assert not told, "\n".join(told)
    assert not complaints, complaints  # a style or script that the policy blocks is said here


def _heard(complaints: list[str], message: ConsoleMessage) -> None:
    if message.type == "error" and "status of 4" not in message.text:
        complaints.append(message.text)


async def test_nothing_is_wider_than_320_pixels(desk: Desk) -> None:
    async with desk.opened("usr_ana", viewport={"width": 320, "height": 640}) as page:
        for _, path in await _pages(desk):
            await page.goto(path)
            await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 320, path


async def test_what_has_the_focus_is_never_under_the_header(desk: Desk) -> None:
    ref = await desk.answered()
    async with desk.opened("usr_ana", viewport={"width": 1280, "height": 700}) as page:
        await page.goto(f"/desk/complaints/{ref}?do=record-contact")
        for key in ("Tab", "Shift+Tab"):
            await _walk(page, key)


async def _walk(page: Page, key: str) -> None:
    for _ in range(45):
        await page.keyboard.press(key)
        hidden = await page.evaluate(_HIDDEN)
        assert not hidden, hidden


_HIDDEN = """() => {
  const at = document.activeElement, head = document.querySelector(".casehead");
  if (at === document.body || head.contains(at) || getComputedStyle(head).position !== "sticky") return "";
  const box = at.getBoundingClientRect(), bar = head.getBoundingClientRect();
  return bar.top <= 0 && box.bottom > bar.top && box.top < bar.bottom - 1 ? at.outerHTML.slice(0, 200) : "";
}"""
