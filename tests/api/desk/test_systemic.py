"""Outages and systemic issues as people see them: at the desk, on the status page, on the customer's own pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from api.app import create_app
from api.desk.choices import Around
from api.desk.forms import fields_for
from api.desk.systemic import COMMANDS
from api.desk.times import Face
from complaints.base import Command
from policies.loading import packs_available, publish, read_pack
from policies.pack import Pack
from policies.rules import SystemicSuspicion
from runtime.ports import free_port
from runtime.postgres_server import PostgresServer
from runtime.temporal_server import register_namespace
from tests.api.conftest import open_office, settings_for
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.api.desk.test_forms import NOW, STAFF, _all
from tests.support import servers
from tests.support.living import PACK, PATIENT, living
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.async_api import Browser, Locator, Page

_CENTRE = publish(read_pack(next(path for path in packs_available() if path.stem == "service-centre")))
PROBLEM = next(iter(_CENTRE.problem_types), "till")
PLAIN: dict[str, Any] = {"java_script_enabled": False}


def _suspecting(pack: Pack) -> Pack:
    """The pack, which suspects one cause from two complaints of two sites on."""
    rule = pack.outages[0].model_dump(include={"basis", "source", "since", "chosen_by"})
    suspected = SystemicSuspicion.model_validate({**rule, "complaints": 2, "sites": 2, "within": "24 h"})
    return pack.model_copy(update={"systemic_suspected": suspected})


CENTRE = _suspecting(_CENTRE)


@pytest.fixture(scope="module")
async def house(
    postgres: PostgresServer,
    temporal_address: str,
    tmp_path_factory: pytest.TempPathFactory,
    browser: Browser,
) -> AsyncIterator[Desk]:
    """A house of its own: what is out of order here is out of order on every page of it."""
    template = await servers.migrated_template(postgres)
    name, namespace = f"t_{uuid4().hex}", f"t-{uuid4().hex}"
    await postgres.create_database(name, template=template)
    await register_namespace(temporal_address, namespace)
    folder: Path = tmp_path_factory.mktemp("data")
    settings = settings_for(postgres.url(name), temporal_address, namespace, folder)
    url = f"http://127.0.0.1:{(port := free_port())}"
    async with living(settings, CENTRE) as service:
        office = await open_office(settings, service)
        app = create_app(settings.model_copy(update={"base_url": url}), wait=PATIENT)
        server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="on")
        )
        serving = asyncio.create_task(server.serve())

        async def answers() -> bool:
            async with httpx.AsyncClient() as client:
                try:
                    return (await client.get(f"{url}/sign-in")).is_success
                except httpx.TransportError:
                    return False

        await eventually(answers, what="the desk to answer")
        yield Desk(url, office, browser)
        server.should_exit = True
        await serving
        await office.deps.close()
    await postgres.drop_database(name)


async def opened(house: Desk, name: str = "Tills are down") -> str:
    """A systemic issue that Dora opened over the API."""
    async with house.office.client("usr_dora") as dora:
        answer = await dora.post("/systemic-issues", json={"name": name, "description": "In all shops."})
    assert answer.status_code == 201, answer.text
    reference: str = answer.json()["reference"]
    await house.office.recorded(reference)
    return reference


async def give(house: Desk, issue: str, slug: str, who: str = "usr_dora", **body: Any) -> httpx.Response:
    async with house.office.client(who) as client:
        return await client.post(f"/systemic-issues/{issue}/commands/{slug}", json=body)


GRADED: dict[str, Any] = {"grade": 1, "reason": "No till works.", "pack": {"name": "service-centre"}}


async def test_nothing_is_known_to_be_out_of_order(house: Desk) -> None:
    """First in this house, before anything was announced."""
    async with house.opened(locale="en-GB", **PLAIN) as page:
        await page.goto("/status")
        await expect(page.get_by_text("No known disturbance.")).to_be_visible()
        await page.get_by_role("link", name="中文").click()
        await expect(page.get_by_text("目前沒有已知的服務中斷。")).to_be_visible()
    async with house.http() as anybody:
        answer = await anybody.get("/status.json")
    assert answer.json()["disturbances"] == []
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_an_outage_from_grading_to_its_end_as_everybody_sees_it(house: Desk) -> None:
    issue = await opened(house)
    complaint = await house.office.receive(pack="retail-2025", site="north-0117")
    assert (await give(house, issue, "join-complaint", complaint=complaint)).status_code == 200
    async with house.opened("usr_dora") as dora:
        await dora.goto("/desk/systemic")
        await expect(dora.get_by_role("link", name=issue)).to_be_visible()
        await dora.get_by_label("Open a complaint by its reference").fill(issue.lower())
        await dora.get_by_role("button", name="Open", exact=True).click()
        await expect(dora.get_by_role("heading", level=1)).to_have_text(issue)
        form = await _form(dora, "grade-outage")
        await form.get_by_label("1: emergency").check()
        await form.get_by_label("Reason").fill("No till works.")
        await form.get_by_label("By the rules of").select_option(f"service-centre@{CENTRE.version}")
        await form.get_by_role("button", name="Grade the outage").click()
        await expect(dora.get_by_role("status")).to_contain_text("Grade the outage")
        await expect(dora.locator(".casehead")).to_contain_text("Outage, grade 1: emergency")
        await expect(dora.locator(".flow [aria-current=step]")).to_contain_text("Graded")

        form = await _form(dora, "announce-outage")
        assert await form.get_by_label("E-mail").is_checked(), "what the pack asks for is ticked"
        await form.get_by_label("E-mail").uncheck()
        await form.get_by_label("What customers are told").fill("No till works. We are on it.")
        await form.get_by_role("button", name="Announce the outage").click()
        await expect(dora.get_by_role("alert")).to_contain_text(
            "An outage of grade 1 is announced over e-mail as well; add what is missing."
        )
        await expect(dora.get_by_role("alert")).to_contain_text("outages.1")
        form = dora.locator("#do-announce-outage")  # open already, with what was typed
        await expect(form.get_by_label("What customers are told")).to_have_value(
            "No till works. We are on it."
        )
        await form.get_by_label("E-mail").check()
        await form.get_by_role("button", name="Announce the outage").click()
        await expect(dora.locator(".announcements")).to_contain_text("No till works. We are on it.")
        await expect(dora.locator(".announcements")).to_contain_text("e-mail (letters)")
        await expect(dora.locator(".rail")).to_contain_text("north-0117")

    async with house.opened(locale="en-GB", **PLAIN) as customer:
        await customer.goto("/status")
        await expect(customer.get_by_role("heading", name="Emergency")).to_be_visible()
        await expect(customer.locator("main")).to_contain_text("No till works. We are on it.")
        await expect(customer.locator("main")).to_contain_text(re.compile(r"Next news by\s*\w+day \d+"))
        await customer.get_by_role("link", name="中文").click()
        await expect(customer.get_by_role("heading", name="緊急")).to_be_visible()
        assert await customer.locator("html").get_attribute("lang") == "zh-Hant"
        for path in ("/complain?lang=en", await house.link(complaint)):
            await customer.goto(path)
            await expect(customer.locator(".disturbances")).to_contain_text("No till works. We are on it.")
    async with house.opened("usr_ana") as ana:
        for path in ("/desk", f"/desk/complaints/{complaint}", f"/desk/systemic/{issue}"):
            await ana.goto(path)
            await expect(ana.locator(".disturbances")).to_contain_text("Say to customers")

    await eventually(lambda: _written_to(house, complaint), what="the customer's letter")
    assert (await give(house, issue, "verify-outage-over", text="All tills work.")).status_code == 200
    async with house.http() as anybody:
        (told,) = (await anybody.get("/status.json")).json()["disturbances"]
    assert (told["state"], told["words"], told["news_by"]) == ("over", "All tills work.", None)
    assert (await give(house, issue, "summarise-outage", text="A certificate ran out.")).status_code == 200
    async with house.http() as anybody:
        assert (await anybody.get("/status.json")).json()["disturbances"] == []
    async with house.office.client() as ana_too:
        shown = (await ana_too.get(f"/systemic-issues/{issue}")).json()
    assert shown["outage_phase"] == "summarised"
    assert shown["sites"] == [{"code": "north-0117", "complaints": 1}]
    assert shown["regions"] == [{"code": "north", "complaints": 1}]
    assert [c["channel"] for c in shown["issue"]["outage"]["announcements"][0]["channels"]] == list(
        next(rule for rule in CENTRE.outages if rule.grade == 1).over
    )


async def _written_to(house: Desk, complaint: str) -> bool:
    case = await house.office.service.case(complaint)
    return case.letters.latest("systemic_update") is not None


async def _form(page: Page, slug: str) -> Locator:
    """A command's form, unfolded."""
    form = page.locator(f"#do-{slug}")
    await form.locator("summary").first.click()
    return form


async def test_a_pack_that_is_not_published_grades_nothing(house: Desk) -> None:
    issue = await opened(house)
    body = GRADED | {"pack": {"name": "nowhere"}}
    answer = await give(house, issue, "grade-outage", **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_pack")
    later = await give(
        house, issue, "grade-outage", **(GRADED | {"pack": {"name": "service-centre", "version": 99}})
    )
    assert later.json()["code"] == "unknown_pack"
    forged = await give(
        house, issue, "grade-outage", **(GRADED | {"pack": {"name": "service-centre", "digest": "0" * 64}})
    )
    assert forged.status_code == 422
    assert (await give(house, issue, "grade-outage", who="usr_ana", **GRADED)).status_code == 403


async def test_what_may_have_one_cause_is_suggested_and_opened_in_one_step(house: Desk) -> None:
    alike = [
        await house.office.receive(pack="service-centre", problem_type=PROBLEM, site=site)
        for site in ("north-1", "south-2")
    ]
    async with house.opened("usr_dora", **PLAIN) as dora:
        await dora.goto("/desk/systemic")
        suspected = dora.locator(".suspected")
        await expect(suspected).to_contain_text("2 open complaints from 2 sites")
        await suspected.get_by_role("button", name="Open a systemic issue with these 2").click()
        await expect(dora.get_by_role("alert")).to_contain_text("This has to be given.")
        form = dora.locator("#open form")
        await expect(form).to_contain_text("2 complaints join it at once.")
        await form.get_by_label("What is known of it").fill("The same batch.")
        await form.get_by_role("button", name="Open the issue").click()
        await dora.wait_for_url(re.compile(r"/desk/systemic/SYS-"))
        await eventually(lambda: _there(dora), what="the page of the new issue")
        for reference in alike:
            await expect(dora.locator(".rail")).to_contain_text(reference)
        await expect(dora.locator(".rail")).to_contain_text("By region")
        await dora.goto("/desk/systemic")
        await expect(dora.locator(".suspected")).to_have_count(0)
    async with house.opened("usr_ana", **PLAIN) as ana:
        await ana.goto("/desk/systemic")
        await expect(ana.get_by_text("Open a systemic issue")).to_have_count(0)


async def _there(page: Page) -> bool:
    answer = await page.reload()
    return answer is not None and answer.status == 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_these_pages(house: Desk, scheme: Any) -> None:
    issue = await opened(house, "Cards are refused")
    await give(house, issue, "grade-outage", **(GRADED | {"grade": 1}))
    over = [str(channel) for channel in CENTRE.outages[0].over]
    said = await give(house, issue, "announce-outage", text="Cards are refused.", over=over)
    assert said.status_code == 200, said.text
    told: list[str] = []
    async with (
        house.opened("usr_dora", color_scheme=scheme, viewport={"width": 320, "height": 640}) as dora,
        house.opened(color_scheme=scheme, viewport={"width": 320, "height": 640}) as nobody,
    ):
        for page, path in (
            (dora, "/desk/systemic"),
            (dora, f"/desk/systemic/{issue}"),
            (dora, "/desk"),
            (nobody, "/status"),
            (nobody, "/status?lang=zh"),
            (nobody, "/complain"),
        ):
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
    await give(house, issue, "verify-outage-over", text="Cards are taken again.")
    await give(house, issue, "summarise-outage", text="A line was cut.")
    assert not told, "\n".join(told)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))
def test_every_command_to_an_issue_has_a_form_in_words(command: type[Command]) -> None:
    around = Around(None, PACK, STAFF, Face("Asia/Shanghai", NOW), lambda ref: "", (PACK,))
    fields = fields_for(command, around)
    assert {item.name for item in fields} - {"occurred_at"} == set(command.model_fields)
    for item in _all(fields):
        assert "_" not in item.label, item
