"""Staff intake at the desk: the form of a pack, what was typed is kept, and sent twice it is taken once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from api.app import create_app
from api.desk.forms import Faulty
from api.desk.receive_form import read_complaint, receive_fields
from policies.vocabulary import Channel, Kind
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES
from tests.support.living import PACK
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.async_api import Page

PLAIN: dict[str, Any] = {"java_script_enabled": False}
NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}, "color_scheme": "light"}


async def _reference(page: Page) -> str:
    """The reference on the page that follows."""
    await expect(page.get_by_role("heading", level=1)).to_have_text("Complaint received")
    return await page.locator(".bigref").inner_text()


async def test_an_intake_agent_takes_a_complaint_in_and_opens_it(desk: Desk) -> None:
    came = desk.office.deps.clock.now() - timedelta(hours=30)
    async with desk.opened("usr_iris", **PLAIN) as iris:
        await iris.goto("/desk")
        await iris.get_by_role("link", name="New complaint").click()
        await expect(iris.get_by_role("heading", level=1)).to_have_text("New complaint")
        await expect(iris.get_by_label("Policy pack")).to_have_value("retail-2025")
        await iris.get_by_role("button", name="Use this pack").click()
        await expect(iris).to_have_url(re.compile(r"/desk/receive\?pack=retail-2025$"))
        await iris.get_by_label("How it reached us").select_option("letter")
        await iris.get_by_label("When it reached us").fill(f"{came + timedelta(hours=8):%Y-%m-%dT%H:%M}")
        await iris.get_by_label("Subject").fill("A broken kettle")
        await iris.get_by_label("What they complain about").fill("It broke after a day.\nI want another.")
        await iris.get_by_label("Severity").select_option("urgent")
        await iris.get_by_label("Problem type").select_option(label="Product")
        await iris.get_by_label("Shop or branch").fill("north-0117")
        await iris.get_by_label("Name").fill("Wei Example")
        await iris.get_by_label("Address or number").fill("wei@example.org")
        await iris.get_by_label("Language").select_option("zh")
        await iris.get_by_role("button", name="Receive the complaint").click()
        reference = await _reference(iris)
        assert "Example" not in iris.url and "kettle" not in iris.url
        await desk.office.recorded(reference)
        await iris.reload()
        await iris.get_by_role("link", name="Open the complaint").click()
        await expect(iris.get_by_role("heading", level=1)).to_contain_text(reference)
        await expect(iris.locator("main")).to_contain_text("I want another.")
    case = await desk.office.service.case(reference)
    assert (case.channel, case.severity, case.problem_type, case.site) == (
        "letter", "urgent", "product", "north-0117",
    )  # fmt: skip
    assert case.received_at == came.replace(second=0, microsecond=0)
    assert (case.parties[0].language, case.parties[0].channel) == ("zh", "mail")
    assert case.parties[0].known


async def test_what_is_not_right_is_said_beside_its_field_and_nothing_typed_is_lost(desk: Desk) -> None:
    later = desk.office.deps.clock.now() + timedelta(days=2)
    async with desk.opened("usr_ana") as ana:
        await ana.goto("/desk/receive")
        await ana.get_by_label("Subject").fill("Late again")
        await ana.get_by_label("Address or number").fill("no mail address")
        await ana.get_by_label("Shop or branch").fill("North Street!")
        await ana.get_by_role("button", name="Receive the complaint").click()
        alert = ana.get_by_role("alert")
        await expect(alert).to_contain_text("Write down what they complain about.")
        await expect(alert).to_contain_text("Choose how it reached us.")
        await expect(alert.get_by_role("link")).to_have_count(4)
        await expect(ana.get_by_label("Subject")).to_have_value("Late again")
        address = ana.get_by_label("Address or number")
        await expect(address).to_have_value("no mail address")
        await expect(address).to_have_attribute("aria-invalid", "true")
        await expect(address).to_have_accessible_description(re.compile("This is no mail address"))
        await address.fill("")
        await ana.get_by_label("Shop or branch").fill("north-1")
        await ana.get_by_label("What they complain about").fill("The train was late.")
        await ana.get_by_label("How it reached us").select_option("phone")
        when = ana.get_by_label("When it reached us")
        await when.fill(f"{later:%Y-%m-%dT%H:%M}")
        await ana.get_by_role("button", name="Receive the complaint").click()
        await expect(when).to_have_attribute("aria-invalid", "true")
        await when.fill("")
        await ana.get_by_role("button", name="Receive the complaint").click()
        reference = await _reference(ana)
    await desk.office.recorded(reference)
    assert (await desk.office.service.case(reference)).parties == (), "nobody was named: it is anonymous"


async def test_sent_twice_it_is_taken_once(desk: Desk) -> None:
    async with desk.opened("usr_iris") as iris:
        await iris.goto("/desk/receive")
        await iris.get_by_label("How it reached us").select_option("phone")
        await iris.get_by_label("What they complain about").fill("Sent by a nervous finger.")
        form = await iris.evaluate(
            "Object.fromEntries(new FormData(document.querySelector('form[method=post][action=\"/desk/receive\"]')))"
        )
        cookies = {cookie.get("name", ""): cookie.get("value", "") for cookie in await iris.context.cookies()}
    places = []
    async with desk.http(cookies=cookies, headers={"Origin": desk.url}) as browser:
        for _ in range(2):
            answer = await browser.post("/desk/receive", data=form)
            assert answer.status_code == 303, answer.text
            places.append(answer.headers["location"])
        forged = await browser.post("/desk/receive", data={**form, "csrf": "another"})
        assert forged.status_code == 403
    assert places[0] == places[1]


async def test_while_temporal_is_away_the_reference_is_given_and_the_complaint_comes_later(
    desk: Desk,
) -> None:
    away = create_app(desk.office.settings.model_copy(update={"temporal_address": "127.0.0.1:1"}))
    session = await desk.office.deps.directory.open_session("usr_iris")
    form = {
        "csrf": session.csrf_secret, "key": "desk-away-1", "pack": "retail-2025", "channel": "phone",
        "narrative": "Nobody answers.", "kind": "complaint", "severity": "regular", "tier": "standard",
        "by": "mail", "language": "en",
    }  # fmt: skip
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(away), base_url="http://redress.test",
        cookies={"redress": session.id}, headers={"Origin": "http://redress.test"},
    ) as browser:  # fmt: skip
        sent = await browser.post("/desk/receive", data=form)
        assert sent.status_code == 303, sent.text
        shown = await browser.get(sent.headers["location"])
        assert shown.status_code == 202
        assert "nothing is lost" in shown.text
        reference = sent.headers["location"].rpartition("/")[2]
        assert reference in shown.text
        nowhere = await browser.get("/desk/received/7K2M-9QF3-XA5C")
        assert nowhere.status_code == 404
    await away.state.deps.close()
    async with desk.office.client("usr_iris") as iris:
        assert (await iris.get(f"/complaints/{reference}")).status_code == 503
    async with desk.http(cookies={"redress": session.id}, headers={"Origin": desk.url}) as browser:
        again = await browser.post("/desk/receive", data=form)
        assert again.headers["location"] == sent.headers["location"]
        await desk.office.recorded(reference)
        assert (await browser.get(again.headers["location"])).status_code == 200


async def test_who_may_not_receive_is_told_and_sees_no_link(desk: Desk) -> None:
    async with desk.opened("usr_cleo") as cleo:
        await cleo.goto("/desk")
        await expect(cleo.get_by_role("link", name="New complaint")).to_have_count(0)
        answer = await cleo.goto("/desk/receive")
        assert answer is not None and answer.status == 403
        await expect(cleo.locator("main")).to_contain_text("may be done by")


async def test_the_worklist_is_narrowed_by_problem_site_and_tier(desk: Desk) -> None:
    kept = await desk.office.receive(pack="retail-2025", problem_type="returns", site="narrow-1")
    other = await desk.office.receive(pack="retail-2025", problem_type="returns", site="narrow-2")
    async with desk.opened("usr_ana", **PLAIN) as ana:
        await ana.goto("/desk")
        await ana.get_by_text("Narrow the list").click()
        await ana.get_by_label("Return or refund").check()
        await ana.get_by_label("Tier 1").check()
        await ana.get_by_label(re.compile("by its code", re.IGNORECASE)).fill(" narrow-1 ")
        await ana.get_by_role("button", name="Show", exact=True).click()
        await expect(ana).to_have_url(re.compile(r"problem_type=returns.*handling_tier=1.*site="))
        await expect(ana.locator(".list .ref")).to_have_text([kept])
        await expect(ana.get_by_role("row", name=re.compile(kept))).to_contain_text(
            "Return or refund, narrow-1"
        )
        await expect(ana.get_by_label("narrow-1")).to_be_checked()
        await ana.goto("/desk?site=narrow-1&site=narrow-2&problem_type=returns")
        await expect(ana.locator(".list .ref")).to_have_count(2)
        await ana.locator(".list .ref a").first.click()
        await expect(ana.get_by_role("link", name=re.compile(f"^Next: ({kept}|{other})"))).to_have_count(1)
        await ana.goto("/desk?site=narrow-1&handling_tier=3")
        await expect(ana.get_by_role("heading", name="Nothing here")).to_be_visible()


async def test_axe_finds_nothing_and_nothing_is_wider_than_320_pixels(desk: Desk) -> None:
    reference = await desk.office.receive()
    told: list[str] = []
    async with desk.opened("usr_iris", **NARROW) as iris:

        async def look(path: str) -> None:
            assert await iris.evaluate("document.documentElement.scrollWidth") <= 320, path
            found = await Axe().run(iris, options=RULES["light"])
            told.extend(
                f"{path}: {broken['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
                for broken in found.response["violations"]
                for node in broken["nodes"]
            )

        for path in ("/desk/receive", f"/desk/received/{reference}", "/desk"):
            await iris.goto(path)
            await iris.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            await look(path)
        await iris.goto("/desk/receive")
        await iris.get_by_role("button", name="Receive the complaint").click()
        await expect(iris.get_by_role("alert")).to_be_visible()
        await look("with faults")
    assert not told, "\n".join(told)


def test_the_form_offers_what_the_pack_knows_and_no_more() -> None:
    small = PACK.model_copy(
        update={"kinds": (Kind.ENQUIRY,), "channels": (Channel.PHONE, Channel.IMPORT), "problem_types": {}}
    )
    fields = {item.name: item for item in receive_fields(small, "Asia/Shanghai")}
    assert "problem_type" not in fields
    assert [option.value for option in fields["kind"].choices] == ["enquiry"]
    assert fields["kind"].value == "enquiry"
    assert [option.value for option in fields["channel"].choices] == ["phone"]
    assert all(item.label and "_" not in item.label for item in fields.values())


@pytest.mark.parametrize("typed", ["yesterday", "2026-02-30T10:00", "99999-01-01T00:00"])
def test_a_time_that_is_none_is_a_fault_of_its_field(typed: str) -> None:
    given = {"channel": "phone", "narrative": "It broke.", "kind": "complaint", "severity": "regular",
             "tier": "standard", "by": "mail", "language": "en", "received_at": typed}  # fmt: skip
    with pytest.raises(Faulty) as faulty:
        read_complaint(given, PACK, "Asia/Shanghai")
    assert set(faulty.value.faults) == {"received_at"}


async def test_the_choices_follow_the_pack_that_is_chosen(desk: Desk) -> None:
    names = {pack.name for pack in await desk.office.deps.packs.all(at_once=True)}
    async with desk.opened("usr_iris", **PLAIN) as iris:

        async def offered() -> bool:  # the desk looks every few seconds for what was published meanwhile
            await iris.goto("/desk/receive")
            options = await iris.get_by_label("Policy pack").locator("option").all()
            return {await option.get_attribute("value") for option in options} == names

        await eventually(offered, what="every pack on offer")
        answer = await iris.goto("/desk/receive?pack=nowhere")
        assert answer is not None and answer.status == 409
