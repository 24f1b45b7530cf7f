"""Signing in and out: the way in, what keeps others out, and forms that only our own pages can send."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from api.desk.signing_in import way_back
from tests.api.desk.conftest import LOGIN, PASSWORD, Desk

OURS = {"Sec-Fetch-Site": "same-origin"}


async def test_signing_in_leads_to_the_page_that_was_asked_for_and_signing_out_ends_it(desk: Desk) -> None:
    async with desk.opened() as page:
        await page.goto("/desk?overdue=true")
        await expect(page).to_have_title("Sign in · Redress")
        await page.get_by_label("Login").fill(LOGIN)
        await page.get_by_label("Password").fill("not this one")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
        await expect(page.get_by_label("Login")).to_have_value(LOGIN)
        await expect(page.get_by_label("Password")).to_have_value("")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page).to_have_url(re.compile(r"/desk\?overdue=true$"))
        cookie = next(cookie for cookie in await page.context.cookies() if cookie["name"] == "redress")
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_title("Sign in · Redress")
        assert await desk.office.deps.directory.session(cookie["value"]) is None
        await page.go_back()
        await page.reload()
        await expect(page).to_have_title("Sign in · Redress")


async def test_each_sign_in_is_a_new_session_and_ends_the_one_before(desk: Desk) -> None:
    before = await desk.office.deps.directory.open_session("usr_sam")
    async with desk.http(cookies={"redress": before.id}) as browser:
        told = {"login": LOGIN, "password": PASSWORD, "next": "/desk"}
        answer = await browser.post("/sign-in", data=told, headers=OURS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk")
    assert before.id not in answer.headers["set-cookie"]
    assert await desk.office.deps.directory.session(before.id) is None


@pytest.mark.parametrize(
    "asked",
    ["https://evil.example/desk", "//evil.example/desk", "/\\evil.example", "/desk\\..", "javascript:alert(1)",
     "/deskevil", "/desk\r\nX: y", "/progress/x", ""],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(asked: str) -> None:
    assert way_back(asked) == "/desk"


async def test_guessing_has_to_wait_and_says_how_long(desk: Desk) -> None:
    async with desk.http() as browser:
        told = {"login": "nobody at all", "password": "guess"}
        answers = [await browser.post("/sign-in", data=told, headers=OURS) for _ in range(7)]
    assert answers[0].status_code == 401
    last = answers[-1]
    assert last.status_code == 429
    assert "Too many failed attempts. Wait" in last.text
    assert 'value="nobody at all"' in last.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {},
    ],
    ids=["another site", "a neighbour", "an origin", "no word of it"],
)
async def test_a_form_from_elsewhere_is_refused(desk: Desk, headers: dict[str, str]) -> None:
    ref = await desk.office.receive()
    session = await desk.office.deps.directory.open_session("usr_ana")
    held = await desk.office.deps.directory.session(session.id)
    assert held is not None
    form = {"csrf": held.csrf_secret, "key": "k", "version": "5"}
    async with desk.http(cookies={"redress": session.id}) as browser:
        path = f"/desk/complaints/{ref}/commands/take-ownership"
        answer = await browser.post(path, data=form, headers=headers)
        assert answer.status_code == 403
        assert "not sent from one of our pages" in answer.text
        for token in ("", "wrong", held.csrf_secret[:-1]):
            forged = await browser.post(path, data=form | {"csrf": token}, headers=OURS)
            assert forged.status_code == 403
            assert forged.headers["content-type"].startswith("text/html")
    assert "OwnershipTaken" not in await desk.office.service.types(ref)


async def test_a_page_that_is_not_there_is_a_page(desk: Desk) -> None:
    async with desk.opened("usr_ana") as page:
        for path in ("/desk/nowhere", "/desk/complaints/not-a-reference", "/desk?phase=nonsense"):
            answer = await page.goto(path)
            assert answer is not None
            assert answer.status in (404, 422), path
            assert answer.headers["content-type"].startswith("text/html")
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            await expect(page.get_by_role("link", name="To the worklist")).to_be_visible()
    async with desk.office.client() as program:
        assert (await program.get("/nowhere")).headers["content-type"] == "application/problem+json"
