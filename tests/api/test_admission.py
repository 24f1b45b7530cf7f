"""Who of the staff may come in from where and when, while customers go on being heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api.app import create_app
from ledger.staff_history import OUT_OF_HOURS, StaffHistory
from policies.vocabulary import Role
from runtime.clock import Clock, ClockSpec
from runtime.settings import Settings, SettingsError, load_settings
from tests.api.conftest import Office

OURS = {"Sec-Fetch-Site": "same-origin"}
NETWORKS = "10.0.0.0/8, 2001:db8::/32"
HOURS = "mon-fri 07:00-21:00 Asia/Shanghai"
MONDAY = "2026-05-04T21:00:00+08:00"


def changed(office: Office, **given: Any) -> Settings:
    """The office's settings with others, read as they are read from the environment."""
    kept = office.settings.model_dump(
        include={"mode", "database_url", "temporal_address", "temporal_namespace"}
    )
    key = office.settings.master_key.get_secret_value()
    return load_settings(**kept, master_key=key, data_dir=office.settings.data_dir, **given)


@asynccontextmanager
async def calling(
    office: Office,
    settings: Settings,
    who: str | None = None,
    token: str | None = None,
    address: str = "192.0.2.7",
) -> AsyncIterator[httpx.AsyncClient]:
    """A caller at this network address, of an API with these settings."""
    app = create_app(settings)
    token = token or (office.tokens[who] if who else None)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, client=(address, 50000)),
        base_url="http://redress.test",
        headers={"Authorization": f"Bearer {token}"} if token else {},
    ) as client:
        yield client
    await app.state.deps.close()


def stood_still(at: str) -> ClockSpec:
    """A clock that shows this instant, and goes on as the system's does."""
    return ClockSpec(real_anchor=Clock().now(), virtual_anchor=datetime.fromisoformat(at).astimezone(UTC))


@pytest.mark.parametrize(
    ("address", "status"),
    [("10.200.0.1", 200), ("::ffff:10.1.2.3", 200), ("2001:db8::7", 200), ("11.0.0.1", 403), ("2001:db9::7", 403),
     ("", 403), ("testclient", 403)],
)  # fmt: skip
async def test_tokens_of_staff_are_good_in_the_networks_that_are_named(
    office: Office, address: str, status: int
) -> None:
    async with calling(office, changed(office, staff_networks=NETWORKS), "usr_root", address=address) as root:
        answer = await root.get("/me")
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "other_network"
        assert "from the organisation's own networks only" in answer.json()["detail"]


async def test_from_elsewhere_the_desk_is_shut_and_customers_are_heard(office: Office) -> None:
    ref = await office.receive()
    link = await office.deps.directory.issue_portal_link(ref, "P1")
    party = await office.deps.directory.issue_party_token(ref, "P1")
    session = await office.deps.directory.open_session("usr_root")
    settings = changed(office, staff_networks=NETWORKS)
    async with calling(office, settings) as stranger:
        stranger.cookies.set("redress", session.id)
        for path in ("/sign-in", "/desk", "/desk/second-factor", f"/desk/complaints/{ref}"):
            shut = await stranger.get(path)
            assert (shut.status_code, shut.headers["content-type"][:9]) == (403, "text/html"), path
            assert "own networks only" in shut.text
        for path in ("/sign-in", "/sign-in/code"):
            tried = await stranger.post(path, data={"login": "sam", "password": "x"}, headers=OURS)
            assert tried.status_code == 403, path
        for path in ("/complain", "/status", "/status.json", "/health", f"/progress/{link}"):
            assert (await stranger.get(path)).status_code == 200, path
    async with calling(office, settings, token=party) as customer:
        assert (await customer.get(f"/complaints/{ref}/progress")).status_code == 200


@pytest.mark.parametrize(
    ("at", "status"),
    [("2026-05-04T06:58:00+08:00", 403), ("2026-05-04T07:00:00+08:00", 200), ("2026-05-04T20:58:00+08:00", 200),
     (MONDAY, 403), ("2026-05-09T12:00:00+08:00", 403)],
)  # fmt: skip
async def test_staff_come_in_within_the_hours(office: Office, at: str, status: int) -> None:
    settings = changed(office, staff_hours=HOURS, clock=stood_still(at))
    async with calling(office, settings, "usr_ana") as ana:
        assert (await ana.get("/me")).status_code == status
    session = await office.deps.directory.open_session("usr_ana")
    async with calling(office, settings) as browser:
        browser.cookies.set("redress", session.id)
        assert (await browser.get("/desk")).status_code == status


async def test_out_of_hours_staff_are_told_when_it_opens_and_may_still_sign_out(office: Office) -> None:
    settings = changed(office, staff_hours=HOURS, clock=stood_still(MONDAY))
    opened = await office.deps.directory.open_session("usr_ana")
    held = await office.deps.directory.session(opened.id)
    assert held is not None
    async with calling(office, settings) as browser:
        browser.cookies.set("redress", opened.id)
        assert "You can from Tuesday 05 May 2026, 07:00 (Asia/Shanghai)" in (await browser.get("/desk")).text
        out = await browser.post("/sign-out", data={"csrf": held.csrf_secret}, headers=OURS)
        assert out.status_code == 303
        assert (await browser.get("/complain")).status_code == 200
    assert await office.deps.directory.session(opened.id) is None


async def test_an_administrator_may_come_in_at_night_and_it_is_noted_once(office: Office) -> None:
    history: StaffHistory = office.deps.history
    settings = changed(office, staff_hours=HOURS, clock=stood_still("2031-05-05T23:00:00+08:00"))
    for _ in range(2):  # two processes
        async with calling(office, settings, "usr_root") as root:
            assert [(await root.get("/me")).status_code for _ in range(2)] == [200, 200]
    noted = [one for one in await history.changes(staff="usr_root") if one.field == OUT_OF_HOURS]
    assert [one.became for one in noted] == ["2031-05-06T07:00:00+08:00"]


async def test_those_who_answer_for_it_read_the_history_of_permissions(office: Office) -> None:
    await office.deps.directory.add(id="usr_nora", login="nora", name="Nora", email="nora@example.org",
                                    roles=[Role.HANDLER], by="usr_root")  # fmt: skip
    async with office.client("usr_otto") as otto:
        told = (await otto.get("/staff/changes", params={"staff": "usr_nora", "limit": 3})).json()
        assert len(told["changes"]) == 3
        rest = (await otto.get("/staff/changes", params={"staff": "usr_nora", "before": told["next"]})).json()
        assert rest["next"] is None
    roles = next(one for one in [*told["changes"], *rest["changes"]] if one["field"] == "roles")
    assert (roles["was"], roles["became"], roles["by_whom"]) == (None, "handler", "usr_root")
    async with office.client("usr_root") as root:
        assert (await root.get("/staff/changes")).status_code == 200
    async with office.client("usr_dora") as dora:
        assert (await dora.get("/staff/changes")).status_code == 403


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"staff_networks": "192.168.0.1/16"},
            "REDRESS_STAFF_NETWORKS has to be networks by their first address",
        ),
        (
            {"staff_networks": "192.168.0.0/16,"},
            "REDRESS_STAFF_NETWORKS has to be networks by their first address",
        ),
        ({"staff_hours": "9 to 5"}, "REDRESS_STAFF_HOURS has to be days, hours and a time zone"),
        ({"staff_hours": "mon 09:00-17:00 Nowhere"}, "REDRESS_STAFF_HOURS has to name a time zone"),
        (
            {"second_factor_roles": "handler, boss"},
            "REDRESS_SECOND_FACTOR_ROLES has to name roles, of these: adm",
        ),
    ],
)
def test_settings_that_can_not_be_read_stop_the_start(
    office: Office, given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        create_app(changed(office, **given))
    assert refused.value.sentences[0].startswith(sentence)
    assert not any(value in refused.value.sentences[0] for value in given.values())
