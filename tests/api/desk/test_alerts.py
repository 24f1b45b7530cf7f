"""Alerts as people see them: the list, the ladder beside a complaint, the link in a mail, and dead letters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect
from sqlalchemy import text

from api.app import create_app
from complaints.messages import Message
from ledger import outbox
from ledger.alert_links import AlertLinks
from tests.api.conftest import Office
from tests.api.desk.conftest import Desk
from tests.api.desk.test_access import RULES, Scheme
from tests.api.test_alerts import called, response_ladder, row_of

if TYPE_CHECKING:
    from playwright.async_api import Page

NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}
HERE = {"Sec-Fetch-Site": "same-origin"}


async def settled(office: Office, reference: str, channel: str, state: str, error: str | None = None) -> None:
    """What a dispatcher would say of the calls over this channel."""
    given = {"reference": reference, "channel": channel, "state": state, "error": error}
    async with office.deps.reading.connect() as conn:
        await conn.execute(
            text("UPDATE outbox SET state = :state, last_error = :error, sent_at = now(), attempts = 1"
                 " WHERE stream = :reference AND channel = :channel AND rung IS NOT NULL"), given,
        )  # fmt: skip


async def link_of(office: Office, reference: str, staff: str = "usr_ana") -> str:
    """The path of the link in the mail of the first call on this person."""
    row = await row_of(office, reference, staff)
    assert row
    return f"/alerts/{office.deps.alert_links.token(row, staff)}"


# The link in a mail -----------------------------------------------------------------------------------


async def test_a_link_acknowledges_without_signing_in_and_only_once(desk: Desk) -> None:
    reference = await called(desk.office)
    path = await link_of(desk.office, reference)
    async with desk.opened(java_script_enabled=False) as page:
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Alert: Response")
        await expect(page.locator("main")).to_contain_text(reference)
        await expect(page.locator("main")).to_contain_text("Holds the ladder until")
        await expect(page.locator("main")).to_contain_text("The deadline does not move.")
        for personal in ("Ana", "Wei", "kettle"):
            await expect(page.locator("main")).not_to_contain_text(personal)
        async with desk.office.client() as ana:
            assert (await response_ladder(ana, reference))["acknowledged_at"] is None, (
                "to open it changes nothing"
            )
            await page.get_by_label("What is being done").fill("The engineer is on the way.")
            await page.get_by_role("button", name="Acknowledge").click()
            await expect(page.get_by_role("status")).to_contain_text("Acknowledged with this link")
            await expect(page.get_by_role("status")).to_contain_text("The ladder is held until")
            told = await response_ladder(ana, reference)
            assert told["acknowledged_by"] == "usr_ana"
            timeline = (await ana.get(f"/complaints/{reference}/timeline")).text
            assert "The engineer is on the way." in timeline
        await expect(page.get_by_role("button")).to_have_count(0)
        await page.get_by_role("link", name="Open the complaint at the desk").click()
        await expect(page).to_have_url(re.compile("/sign-in"))


async def test_a_second_use_is_told_that_it_was_used(desk: Desk) -> None:
    reference = await called(desk.office)
    path = await link_of(desk.office, reference)
    form = {"token": path.rpartition("/")[2], "what": "acknowledge", "note": ""}
    async with desk.http(headers=HERE) as browser:
        first = await browser.post(path, data=form)
        assert first.status_code == 303, first.text
        second = await browser.post(path, data=form)
        assert second.status_code == 410
        assert "This link was used already." in second.text
    async with desk.office.client() as ana:
        assert len((await response_ladder(ana, reference))["answers"]) == 1


async def test_a_link_snoozes_as_far_as_the_pack_allows(desk: Desk) -> None:
    reference = await called(desk.office)
    path = await link_of(desk.office, reference, "usr_dora")
    async with desk.opened() as page:
        await page.goto(path)
        options = await page.get_by_label("Or hold it until").locator("option").all_inner_texts()
        assert any("(1 h)" in option for option in options)
        assert "(the longest)" in options[-1]
        await page.get_by_label("Or hold it until").select_option(index=len(options) - 1)
        await page.get_by_role("button", name="Snooze").click()
        await expect(page.get_by_role("status")).to_contain_text("Snoozed with this link")
    async with desk.office.client() as ana:
        told = await response_ladder(ana, reference)
    assert told["answers"][-1]["snoozed"]
    assert told["acknowledged_by"] == "usr_dora"


async def test_a_link_offers_the_complaint_to_a_colleague_and_the_alert_goes_on(desk: Desk) -> None:
    reference = await called(desk.office)
    path = await link_of(desk.office, reference)
    async with desk.opened(java_script_enabled=False) as page:
        await page.goto(path)
        whom = page.get_by_label("Or offer the complaint to")
        labels = await whom.locator("option").all_inner_texts()
        assert any(label.startswith("Ben ") for label in labels), labels
        assert not any(label.startswith("Ana ") for label in labels), "nobody offers it to themselves"
        await page.get_by_role("button", name="Offer handover").click()
        await expect(page.get_by_role("alert")).to_contain_text("Choose the colleague")
        await whom.select_option("usr_ben")
        await page.get_by_label("What is being done").fill("Ben knows this shop.")
        await page.get_by_role("button", name="Offer handover").click()
        await expect(page.get_by_role("status")).to_contain_text("Offered to a colleague")
        await expect(page.get_by_role("button")).to_have_count(0)
    async with desk.office.client() as ana:
        assert (await response_ladder(ana, reference))["acknowledged_at"] is None, "offering answers nothing"
    async with desk.office.client("usr_ben") as ben:
        accepted = await ben.post(f"/complaints/{reference}/commands/accept-handover")
        assert accepted.status_code == 200, accepted.text


async def test_a_link_offers_no_handover_of_what_is_not_ones_own(desk: Desk) -> None:
    reference = await called(desk.office)
    path = await link_of(desk.office, reference)
    async with desk.office.client() as ana, desk.office.client("usr_ben") as ben:
        offer = {"to": "usr_ben"}
        assert (
            await ana.post(f"/complaints/{reference}/commands/offer-handover", json=offer)
        ).status_code == 200
        assert (await ben.post(f"/complaints/{reference}/commands/accept-handover")).status_code == 200
    async with desk.opened(java_script_enabled=False) as page:
        await page.goto(path)
        await expect(page.get_by_role("button", name="Acknowledge")).to_be_visible()
        await expect(page.get_by_label("Or offer the complaint to")).to_have_count(0)
    form = {"token": path.rpartition("/")[2], "what": "hand_over", "note": "", "to": "usr_ben"}
    async with desk.http(headers=HERE) as browser:
        refused = await browser.post(path, data=form)
    assert refused.status_code in (403, 409), refused.text


@pytest.mark.parametrize(
    ("headers", "changes", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, {}, 403),
        ({"Origin": "https://elsewhere.example"}, {}, 403),
        (HERE, {"token": "another"}, 422),
        (HERE, {"what": "close"}, 422),
        (HERE, {"what": "hand_over", "to": ""}, 422),
        (HERE, {"what": "hand_over", "to": "usr_nobody"}, 422),
        (HERE, {"what": "snooze", "until": "whenever"}, 422),
        (HERE, {"what": "snooze", "until": "2199-01-01T00:00"}, 409),
        (HERE, {"note": "x" * 20_001}, 422),
    ],
)
async def test_a_form_from_elsewhere_or_out_of_bounds_changes_nothing(
    desk: Desk, headers: Mapping[str, str], changes: Mapping[str, str], status: int
) -> None:
    reference = await _one(desk)
    path = await link_of(desk.office, reference)
    form = {"token": path.rpartition("/")[2], "what": "acknowledge", "note": "", **changes}
    async with desk.http(headers=headers) as browser:
        answer = await browser.post(path, data=form)
    assert answer.status_code == status, answer.text
    async with desk.office.client() as ana:
        assert (await response_ladder(ana, reference))["acknowledged_at"] is None


_kept: dict[str, str] = {}


async def _one(desk: Desk) -> str:
    """One complaint for all tests that must not change it: each takes seconds to run late."""
    if desk.url not in _kept:
        _kept[desk.url] = await called(desk.office)
    return _kept[desk.url]


async def test_a_link_is_a_secret_and_is_kept_as_one(desk: Desk) -> None:
    path = await link_of(desk.office, await _one(desk))
    async with desk.http() as browser:
        answer = await browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        forged = AlertLinks(bytes(32)).token(int(path.rpartition("/")[2].partition(".")[0]), "usr_ana")
        unknown = await browser.get(f"/alerts/{forged}")
        assert unknown.status_code == 404
        assert "This link opens nothing." in unknown.text


async def test_what_is_guessed_is_throttled(desk: Desk) -> None:
    app = create_app(desk.office.settings)  # one that no other test has called
    async with desk.office.client(None, app=app) as guesser:
        # The bucket fills again as time goes by: enough guesses, however slow the machine.
        told = [(await guesser.get(f"/alerts/1.{'A' * 43}")).status_code]
        while told[-1] == 404:
            told.append((await guesser.get(f"/alerts/{len(told)}.{'A' * 43}")).status_code)
    await app.state.deps.close()
    assert told[0] == 404
    assert told[-1] == 429


async def test_a_link_expires_and_one_whose_clock_is_over_undoes_nothing(desk: Desk) -> None:
    reference = await called(desk.office)
    path = await link_of(desk.office, reference)
    form = {"token": path.rpartition("/")[2], "what": "acknowledge", "note": ""}
    row = int(form["token"].partition(".")[0])
    async with desk.http(headers=HERE) as browser:
        async with desk.office.deps.reading.connect() as conn:
            moved = "UPDATE outbox SET queued_at = queued_at - interval '8 days' WHERE id = :id"
            await conn.execute(text(moved), {"id": row})
        expired = await browser.get(path)
        assert "This link has expired" in expired.text
        assert (await browser.post(path, data=form)).status_code == 410
        async with desk.office.deps.reading.connect() as conn:
            await conn.execute(text("UPDATE outbox SET queued_at = now() WHERE id = :id"), {"id": row})
        await desk.command(reference, "usr_ana", "acknowledge")
        over = await browser.get(path)
        assert "Nothing is left to acknowledge" in over.text
        late = await browser.post(path, data=form)
        assert late.status_code == 410
        assert "would change nothing" in late.text
    async with desk.office.client() as ana:
        told = await response_ladder(ana, reference)
        assert told["answers"] == []
        assert [rung["state"] for rung in told["rungs"]] == ["climbed", "cancelled"]


# The list and the rail --------------------------------------------------------------------------------


async def test_an_alert_is_acknowledged_snoozed_and_released_from_the_list(desk: Desk) -> None:
    reference = await called(desk.office)
    async with desk.opened("usr_ana", java_script_enabled=False) as ana:
        await ana.goto("/desk/alerts")
        row = ana.get_by_role("listitem", name=re.compile(reference))
        await expect(row).to_contain_text("Rung 1")
        await expect(row).to_contain_text("Not acknowledged")
        await row.get_by_role("button", name="Acknowledge").click()
        await expect(ana.get_by_role("status").filter(has_text=reference)).to_contain_text(
            "Acknowledge alert"
        )
        await expect(ana.get_by_role("listitem", name=re.compile(reference))).to_have_count(0)
        await ana.get_by_role("link", name="Acknowledged", exact=True).click()
        row = ana.get_by_role("listitem", name=re.compile(reference))
        await expect(row).to_contain_text(re.compile("Acknowledged Ana, .* holds until"))
        await row.locator("summary", has_text="Hold it longer").click()
        await row.get_by_label("Hold the ladder until").select_option(index=1)
        await row.get_by_role("button", name="Hold", exact=True).click()
        row = ana.get_by_role("listitem", name=re.compile(reference))
        await row.get_by_role("button", name="Release").click()
        await expect(ana.get_by_role("listitem", name=re.compile(reference))).to_have_count(0)
        await ana.goto("/desk/alerts")
        await expect(ana.get_by_role("listitem", name=re.compile(reference))).to_have_count(1)


async def test_a_supervisor_sees_the_teams_and_hands_one_over(desk: Desk) -> None:
    reference = await called(desk.office)
    async with desk.opened("usr_dora") as dora:
        await dora.goto("/desk/alerts")
        await dora.get_by_role("link", name="My team's").click()
        row = dora.get_by_role("listitem", name=re.compile(reference))
        await expect(row).to_contain_text("owner Ana")
        await row.locator("summary", has_text="Hand over").click()
        await row.get_by_label("Offer it to").select_option(label="Ben (handler)")
        await row.get_by_role("button", name="Offer").click()
        await expect(dora.get_by_role("status").filter(has_text=reference)).to_contain_text("Offer handover")
        await dora.goto(f"/desk/complaints/{reference}")
        await expect(dora.locator(".rail")).to_contain_text("Ben")


async def test_a_refusal_keeps_the_note_and_says_why(desk: Desk) -> None:
    reference = await called(desk.office)
    async with desk.opened("usr_ana", java_script_enabled=False) as ana:
        await ana.goto("/desk/alerts")
        await desk.command(reference, "usr_dora", "acknowledge-alert", clock="response")
        row = ana.get_by_role("listitem", name=re.compile(reference))
        await row.locator("summary", has_text="With a note").click()
        await row.get_by_label("What is being done").first.fill("I am on it.")
        await row.get_by_role("button", name="Acknowledge").click()
        await expect(ana.get_by_role("alert")).to_contain_text("This alert was acknowledged already.")


async def test_the_rail_shows_each_rung_and_answers_from_there(desk: Desk) -> None:
    reference = await called(desk.office)
    await settled(desk.office, reference, "mail", "bounced", "5.1.1")
    await settled(desk.office, reference, "desk", "sent")
    async with desk.opened("usr_ana", java_script_enabled=False) as ana:
        await ana.goto(f"/desk/complaints/{reference}")
        ladder = ana.locator(".ladder", has=ana.get_by_role("heading", name="Response", exact=True))
        rungs = ladder.locator(".rung")
        await expect(rungs.nth(0)).to_contain_text("Climbed")
        await expect(rungs.nth(0)).to_contain_text(re.compile(r"Ana:.*e-mail came back \(5.1.1\)", re.DOTALL))
        await expect(rungs.nth(0)).to_contain_text("on their desk")
        await expect(rungs.nth(1)).to_contain_text(
            re.compile("Next.*Every department head, by e-mail", re.DOTALL)
        )
        await expect(ladder).to_contain_text("Not acknowledged")
        await ladder.get_by_label("What is being done").first.fill("A new kettle is packed.")
        await ladder.get_by_role("button", name="Acknowledge").click()
        await expect(ana.get_by_role("status").filter(has_text="Recorded")).to_contain_text(
            "Acknowledge alert"
        )
        await expect(ladder).to_contain_text(re.compile("Held until .*: Ana acknowledged it"))
        await expect(rungs.nth(1)).to_contain_text("Held")
        await expect(ana.locator(".timeline")).to_contain_text("A new kettle is packed.")
        await ladder.get_by_role("button", name="Release").click()
        await expect(ladder).to_contain_text("Nobody has it in hand: Ana acknowledged it")
        await expect(ana.locator(".timeline")).to_contain_text("the ladder goes on")
        await ana.goto("/desk")
        row = ana.get_by_role("row", name=re.compile(reference))
        await expect(row).to_contain_text("Rung 1")
        await expect(row).to_contain_text("not acknowledged")


# Dead letters -----------------------------------------------------------------------------------------


async def dead(office: Office, key: str, **fields: Any) -> int:
    """A message that was given up."""
    row = Message(**({"dedupe": key, "kind": "alert_breach", "to": "role:supervisor"} | fields))
    async with office.deps.reading.connect() as conn:
        await outbox.queue(conn, "7K2M-9QF3-XA5C", [row])
        given = {"key": key}
        await conn.execute(
            text("UPDATE outbox SET state = 'dead', attempts = 12, last_error = '4.4.1' WHERE dedupe = :key"),
            given,
        )
        return int(
            (await conn.execute(text("SELECT id FROM outbox WHERE dedupe = :key"), given)).scalar_one()
        )


async def states(office: Office, *ids: int) -> list[str]:
    async with office.deps.reading.connect() as conn:
        found = await conn.execute(
            text("SELECT state FROM outbox WHERE id = ANY (:ids) ORDER BY id"), {"ids": list(ids)}
        )
        return list(found.scalars())


async def test_dead_letters_say_what_to_whom_and_why_and_are_sent_again(desk: Desk) -> None:
    async with desk.office.deps.reading.connect() as conn:  # what other tests gave up is not looked at
        await conn.execute(text("UPDATE outbox SET state = 'dropped' WHERE state = 'dead'"))
    first = await dead(desk.office, "dead/1")
    second = await dead(desk.office, "dead/2", kind="letter", to="party:P1", letter="L1")
    async with desk.opened("usr_dora", java_script_enabled=False) as dora:
        await dora.goto("/desk/alerts")
        await dora.get_by_role("link", name="Dead letters").click()
        row = dora.get_by_role("row", name=re.compile("Alert: a deadline was missed"))
        await expect(row).to_contain_text("Every supervisor")
        await expect(row).to_contain_text("Put off too often (4.4.1)")
        await expect(row).to_contain_text("12")
        await row.get_by_role("button").click()
        await expect(dora.get_by_role("status").filter(has_text="on the way")).to_contain_text(
            "One message is"
        )
        assert await states(desk.office, first, second) == ["queued", "dead"]
        await dora.get_by_role("button", name=re.compile("^Send this one again")).click()
        await expect(dora.get_by_role("heading", name="No message was given up")).to_be_visible()
        assert await states(desk.office, first, second) == ["queued", "queued"]
    async with desk.opened("usr_ana") as ana:
        await ana.goto("/desk/alerts")
        await expect(ana.get_by_role("link", name="Dead letters")).to_have_count(0)
        answer = await ana.goto("/desk/dead-letters")
        assert answer is not None
        assert answer.status == 403


# Access for everyone ----------------------------------------------------------------------------------


async def _look(page: Page, paths: list[str], scheme: Scheme) -> list[str]:
    told: list[str] = []
    for path in paths:
        await page.goto(path)
        await page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 320, path
        found = await Axe().run(page, options=RULES[scheme])
        told += [
            f"{path}: {broken['id']}: {node['html'][:150]}: {node['failureSummary'][:200]}"
            for broken in found.response["violations"]
            for node in broken["nodes"]
        ]
    return told


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_nothing_is_wider_than_320_pixels(desk: Desk, scheme: Scheme) -> None:
    reference = await _one(desk)
    held = await called(desk.office)
    await settled(desk.office, held, "mail", "bounced", "5.1.1")
    await desk.command(held, "usr_ana", "acknowledge-alert", clock="response")
    await dead(desk.office, f"dead/axe/{scheme}")
    paths = [
        "/desk/alerts", "/desk/alerts?of=team&state=all", "/desk/alerts?state=acknowledged",
        "/desk/alerts?before=1", f"/desk/complaints/{reference}", f"/desk/complaints/{held}",
        "/desk/dead-letters", "/desk",
    ]  # fmt: skip
    async with desk.opened("usr_dora", color_scheme=scheme, **NARROW) as dora:
        told = await _look(dora, paths, scheme)
    links = [await link_of(desk.office, reference), await link_of(desk.office, held)]
    async with desk.opened(color_scheme=scheme, **NARROW) as nobody:
        told += await _look(nobody, links, scheme)
    assert not told, "\n".join(told)
