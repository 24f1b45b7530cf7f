"""The second factor at the desk: set up with an app, asked for after the password, and needed by some roles."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import expect

from api.app import create_app
from ledger.totp import code, step_of
from policies.vocabulary import Role
from runtime.clock import Clock
from tests.api.conftest import Office
from tests.api.desk.conftest import PASSWORD, Desk

OURS = {"Sec-Fetch-Site": "same-origin"}


def shown(key: str, off: int = 0) -> str:
    """What an app shows that was given this key or link; `off` periods from now."""
    if key.startswith("otpauth:"):
        key = parse_qs(urlsplit(key).query)["secret"][0]
    return code(base64.b32decode(key.replace(" ", "")), step_of(Clock().now().timestamp()) + off)


async def hired(office: Office, login: str, role: Role = Role.HANDLER) -> str:
    await office.deps.directory.add(
        id=f"usr_{login}", login=login, name=login.title(), email=f"{login}@example.org", roles=[role],
        password=PASSWORD,
    )  # fmt: skip
    return f"usr_{login}"


@asynccontextmanager
async def browsing(office: Office, app: FastAPI | None = None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app or office.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://redress.test", headers=OURS
    ) as browser:
        yield browser


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found is not None, html
    return unescape(found[1])


def link(html: str) -> str:
    found = re.search(r'href="(otpauth:[^"]*)"', html)
    assert found is not None, html
    return unescape(found[1])


async def test_a_person_sets_it_up_and_is_asked_for_it_from_then_on(desk: Desk) -> None:
    await hired(desk.office, "fay")
    async with desk.opened("usr_fay") as page:
        await page.goto("/desk")
        await page.get_by_role("link", name="Fay").click()
        await expect(page).to_have_title("Your second factor · Redress")
        await page.get_by_role("button", name="Set one up").click()
        key = await page.locator("code.key").inner_text()
        await page.get_by_label("Code").fill("no code")
        await page.get_by_role("button", name="Take this one").click()
        await expect(page.get_by_role("alert")).to_contain_text("does not fit")
        assert await page.locator("code.key").inner_text() == key
        await page.get_by_label("Code").fill(shown(key))
        await page.get_by_role("button", name="Take this one").click()
        await expect(page.get_by_text("You have one")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await page.goto("/desk?overdue=true")
        await page.get_by_label("Login").fill("fay")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page).to_have_title("Your code · Redress")
        await expect(page.get_by_label("Code")).to_be_focused()
        await page.get_by_label("Code").fill("123")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("does not fit")
        await page.get_by_label("Code").fill(shown(key, 1))  # the code of now was spent in setting it up
        await page.get_by_role("button", name="Sign in").click()
        await expect(page).to_have_url(re.compile(r"/desk\?overdue=true$"))
        await page.goto("/desk/second-factor")
        await page.get_by_label("Code").fill("000000")
        await page.get_by_role("button", name="Set up another").click()
        await expect(page.get_by_role("alert")).to_contain_text("does not fit")
        assert await page.locator("code.key").count() == 0


async def test_the_password_alone_opens_no_session_and_tells_a_stranger_nothing(office: Office) -> None:
    person = await hired(office, "gus")
    new = await office.deps.second_factors.give(person, "cli:root")
    assert new is not None
    async with browsing(office) as browser:
        wrong = [
            await browser.post("/sign-in", data={"login": login, "password": "guess"})
            for login in ("gus", "nobody-here")
        ]
        assert wrong[0].status_code == wrong[1].status_code == 401
        assert wrong[0].text.replace("gus", "") == wrong[1].text.replace("nobody-here", "")
        asked = await browser.post(
            "/sign-in", data={"login": "gus", "password": PASSWORD, "next": "/desk/packs"}
        )
        assert (asked.status_code, asked.headers.get("set-cookie")) == (200, None)
        form = {"ticket": hidden(asked.text, "ticket"), "next": hidden(asked.text, "next")}
        now = shown(new.uri)
        let_in = await browser.post("/sign-in/code", data=form | {"code": now})
        assert (let_in.status_code, let_in.headers["location"]) == (303, "/desk/packs")
        assert (await browser.get("/desk/packs")).status_code == 200
        again = await browser.post("/sign-in/code", data=form | {"code": now})
        assert again.status_code == 401
        assert "Sign in again" in again.text
        asked = await browser.post("/sign-in", data={"login": "gus", "password": PASSWORD})
        replayed = await browser.post(
            "/sign-in/code", data={"ticket": hidden(asked.text, "ticket"), "code": now}
        )
        assert replayed.status_code == 401
        assert "used already" in replayed.text


async def test_guessing_codes_has_to_wait(office: Office) -> None:
    await office.deps.second_factors.give(await hired(office, "hal"), "cli:root")
    async with browsing(office) as browser:
        asked = await browser.post("/sign-in", data={"login": "hal", "password": PASSWORD})
        form = {"ticket": hidden(asked.text, "ticket"), "code": "guess"}
        answers = [await browser.post("/sign-in/code", data=form) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Too many failed attempts. Wait" in answers[-1].text


async def test_a_form_of_another_site_brings_no_code(office: Office) -> None:
    async with browsing(office) as browser:
        sent = await browser.post("/sign-in/code", data={}, headers={"Sec-Fetch-Site": "cross-site"})
        assert sent.status_code == 403
        assert (await browser.get("/sign-in/code")).headers["location"] == "/sign-in"


@pytest.mark.parametrize("confirmed", [True, False], ids=["with a code", "without"])
async def test_a_role_that_needs_one_is_led_to_it_at_sign_in(office: Office, confirmed: bool) -> None:
    person = await hired(office, f"ivy{confirmed}".lower(), Role.DEPARTMENT_HEAD)
    app = create_app(
        office.settings.model_copy(update={"second_factor_roles": (Role.DEPARTMENT_HEAD.value,)})
    )
    async with browsing(office, app) as browser:
        asked = await browser.post("/sign-in", data={"login": person[4:], "password": PASSWORD})
        assert "Set up your second factor" in asked.text
        form = {"ticket": hidden(asked.text, "ticket"), "code": shown(link(asked.text)) if confirmed else "x"}
        answer = await browser.post("/sign-in/code", data=form)
        assert answer.status_code == (303 if confirmed else 401)
        assert (await browser.get("/desk")).status_code == (200 if confirmed else 303)
    assert await office.deps.second_factors.has(person) is confirmed
    await app.state.deps.close()


async def test_a_session_from_before_the_role_needed_one_is_led_to_set_it_up(office: Office) -> None:
    session = await office.deps.directory.open_session(await hired(office, "jon", Role.DEPARTMENT_HEAD))
    app = create_app(
        office.settings.model_copy(update={"second_factor_roles": (Role.DEPARTMENT_HEAD.value,)})
    )
    async with browsing(office, app) as browser:
        browser.cookies.set("redress", session.id)
        led = await browser.get("/desk/packs")
        assert (led.status_code, led.headers["location"]) == (303, "/desk/second-factor")
        page = (await browser.get("/desk/second-factor")).text
        assert "Your role needs one" in page
        begun = await browser.post("/desk/second-factor", data={"csrf": hidden(page, "csrf")})
        form = {"csrf": hidden(begun.text, "csrf"), "ticket": hidden(begun.text, "ticket")}
        taken = await browser.post(
            "/desk/second-factor/confirm", data=form | {"code": shown(link(begun.text))}
        )
        assert taken.status_code == 303
        assert (await browser.get("/desk/packs")).status_code == 200
    assert await office.deps.directory.session(session.id) is None
    await app.state.deps.close()


async def test_a_ticket_of_another_persons_sets_nothing_up(office: Office) -> None:
    directory = office.deps.directory
    ticket = await office.deps.second_factors.offer(await hired(office, "kim"))
    opened = await directory.open_session(await hired(office, "lea"))
    held = await directory.session(opened.id)
    assert held is not None
    async with browsing(office) as browser:
        browser.cookies.set("redress", opened.id)
        form = {"csrf": held.csrf_secret, "ticket": ticket, "code": "123456"}
        refused = await browser.post("/desk/second-factor/confirm", data=form)
        assert refused.status_code == 409
        assert (await browser.post("/desk/second-factor", data={"csrf": "x"})).status_code == 403
    assert not await office.deps.second_factors.has("usr_kim")
