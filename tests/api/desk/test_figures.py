"""The figures page: targets with n, interval and the way to their cases; what is entered; warnings; whose they are."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from ledger.figures_given import WarningRaised, raise_warning
from policies.measures import Warned
from policies.pack import Pack
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES, Scheme
from tests.api.test_figures import ZONE, answered, published


async def put_on_view(desk: Desk) -> Pack:
    """A pack whose customers answered: Ana's were content, Ben's were not."""
    pack = await published(desk.office)
    await answered(
        desk.office, pack, {n: ("usr_ana" if n < 10 else "usr_ben", 5 if n < 10 else 2) for n in range(14)}
    )
    return pack


async def test_a_target_stands_with_its_n_its_interval_and_its_cases(desk: Desk) -> None:
    pack = await put_on_view(desk)
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/figures?pack={pack.name}")
        await expect(page.locator(".headline")).to_contain_text(
            re.compile(r"As of \w{3} \d+ \w{3} \d\d:\d\d CST")
        )
        row = page.locator("section", has=page.get_by_role("heading", name="Targets")).get_by_role(
            "row", name=re.compile("^Content")
        )
        for words in ("71.4 %", "45 to 88 %", "14", "at least 85 %", "Missed", "Handbook, S1.4"):
            await expect(row).to_contain_text(words)
        await expect(page.get_by_role("row", name=re.compile("^Retention"))).to_contain_text("Not known")
        await expect(page.get_by_role("heading", name="People")).to_have_count(0)
        await expect(page.get_by_role("heading", name="Enter a figure")).to_have_count(0)
        await row.get_by_role("link").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Content on the whole (4 or 5 of 5)")
        await expect(page.locator("tbody tr")).to_have_count(14)
        await expect(page.locator("tbody tr").first).to_contain_text("2 of 5")
        await expect(page.locator("tbody tr").first).to_contain_text("Ben")
        await page.locator("tbody a").first.click()
        await expect(page).to_have_url(re.compile("/desk/complaints/"))


async def test_who_leads_sees_people_and_names_those_who_do_well_without_ranking(desk: Desk) -> None:
    pack = await put_on_view(desk)
    async with desk.opened("usr_dora") as page:
        await page.goto(f"/desk/figures?pack={pack.name}")
        people = page.locator("section", has=page.get_by_role("heading", name="People"))
        assert await people.locator("tbody th").all_inner_texts() == ["Ana", "Ben"]
        await expect(people.get_by_role("row", name=re.compile("^Ana"))).to_contain_text("Named")
        await expect(people.get_by_role("row", name=re.compile("^Ben"))).to_contain_text("Too few to judge")
        await people.get_by_role("link", name="Ben").click()
        await expect(page.locator(".headline")).to_contain_text("of Ben and whom they supervise")
        await expect(page.get_by_role("row", name=re.compile("^Content .*at least"))).to_contain_text("0 %")
        await page.get_by_label("Whose").select_option(label="All together")
        await page.get_by_role("button", name="Show").click()
        await expect(page.get_by_role("row", name=re.compile("^Content .*at least"))).to_contain_text(
            "71.4 %"
        )


async def test_other_days_and_other_people_are_asked_for_in_the_address(desk: Desk) -> None:
    pack = await put_on_view(desk)
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/figures?pack={pack.name}&from=2025-01-01&to=2025-01-31")
        await expect(page.locator(".headline")).to_contain_text("2025-01-01 to 2025-01-31 (31 days)")
        await expect(page.get_by_role("row", name=re.compile("^Content .*at least"))).to_contain_text(
            "Not known"
        )
        await expect(page.get_by_text("No deadline came due in these days.")).to_be_visible()
        for query, words in (
            ("team=usr_ben", "You see your own figures"),
            ("from=2025-02-01&to=2025-01-31", "The first day has to be on or before the last"),
        ):
            await page.goto(f"/desk/figures?pack={pack.name}&{query}")
            await expect(page.locator("main")).to_contain_text(words)


async def test_a_figure_is_entered_and_what_is_no_number_comes_back_as_typed(desk: Desk) -> None:
    pack = await put_on_view(desk)
    async with desk.opened("usr_dora", java_script_enabled=False) as page:
        await page.goto(f"/desk/figures?pack={pack.name}")
        await page.get_by_label("Figure", exact=True).fill("many")
        await page.get_by_label("Where it comes from").fill("From the membership accounts.")
        await page.get_by_role("button", name="Enter it").click()
        await expect(page.get_by_role("alert")).to_contain_text("the figure as a number")
        await expect(page.get_by_label("Where it comes from")).to_have_value("From the membership accounts.")
        await page.get_by_label("Figure", exact=True).fill("86,5")
        await page.get_by_role("button", name="Enter it").click()
        await expect(page.get_by_role("status")).to_have_text("The figure is entered.")
        row = page.get_by_role("row", name=re.compile("^Retention"))
        for words in ("86.5 %", "Met", "entered by Dora: From the membership accounts."):
            await expect(row).to_contain_text(words)
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/figures?pack={pack.name}")
        session = await desk.office.deps.directory.open_session("usr_ana")
        await page.context.add_cookies([{"name": "redress", "value": session.id, "url": desk.url}])
        form: dict[str, str | float | bool] = {
            "csrf": session.csrf_secret,
            "target": "retention",
            "value": "1",
        }
        refused = await page.request.post(
            f"{desk.url}/desk/figures/{pack.name}", form=form, headers={"Origin": desk.url}
        )
        assert refused.status == 403


async def test_a_warning_that_was_raised_is_there_to_see(desk: Desk) -> None:
    pack = await published(desk.office)
    now = desk.office.deps.clock.now()
    day = now.astimezone(ZoneInfo(str(ZONE))).date() - timedelta(days=2)
    told = WarningRaised(
        pack=pack.name, target="content", raised_on=day, pack_version=pack.version, pack_digest=pack.digest,
        why=Warned.FALLING, value=Decimal("86.25"), value_before=Decimal(99), n=40, raised_at=now,
    )  # fmt: skip
    async with desk.office.deps.sql.begin() as conn:
        assert await raise_warning(conn, told, not_since=day)
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/figures?pack={pack.name}")
        warnings = page.locator("section", has=page.get_by_role("heading", name="Warnings"))
        await expect(warnings).to_contain_text(f"{day}: Content still met, but falling, 86.2 %")


async def test_the_page_is_for_everyone(desk: Desk) -> None:
    pack = await put_on_view(desk)
    for scheme in RULES:
        async with desk.opened("usr_dora", color_scheme=scheme) as page:
            for where in (
                f"/desk/figures?pack={pack.name}",
                f"/desk/figures/complaints?pack={pack.name}&of=satisfaction",
            ):
                await page.goto(where)
                await _accessible(page, scheme)
    async with desk.opened("usr_dora", viewport={"width": 320, "height": 700}) as page:
        await page.goto(f"/desk/figures?pack={pack.name}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320


async def _accessible(page: Page, scheme: Scheme) -> None:
    found = await Axe().run(page, options=RULES[scheme])
    assert found.violations_count == 0, found.generate_report()
