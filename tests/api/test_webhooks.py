"""Webhooks over HTTP: administrators only, a secret told once, private addresses refused, every write in a history."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from activities.delivery.channels.signing import verify
from runtime.clock import Clock
from tests.activities.delivery.channels.receiving import receiving
from tests.api.conftest import Office


def url() -> str:
    return f"https://hooks.example.org/{uuid4().hex}"


async def add(office: Office, who: str = "usr_root", **fields: Any) -> httpx.Response:
    async with office.client(who) as client:
        return await client.post("/webhooks", json={"url": url(), "title": "Pager"} | fields)


async def test_an_endpoint_is_entered_and_its_secret_is_shown_once(office: Office) -> None:
    made = await add(office, kinds=["alert_breach"])
    assert made.status_code == 201, made.text
    body = made.json()
    secret, endpoint = body["secret"], body["webhook"]
    assert secret.startswith("whsec_")
    assert (endpoint["active"], endpoint["secrets"], endpoint["created_by"]) == (True, 1, "usr_root")
    async with office.client("usr_root") as root:
        listed = await root.get("/webhooks")
        assert endpoint in listed.json()["webhooks"]
        assert "whsec_" not in listed.text
        again = await root.post("/webhooks", json={"url": endpoint["url"], "title": "Twice"})
        assert (again.status_code, again.json()["code"]) == (409, "url_taken")


async def test_nobody_but_administrators_may_do_any_of_it(office: Office) -> None:
    endpoint = (await add(office)).json()["webhook"]["id"]
    given = {"url": url(), "title": "Mine", "kinds": [], "active": True}
    for who in ("usr_ana", "usr_dora", "usr_otto"):
        async with office.client(who) as client:
            answers = [
                await client.get("/webhooks"), await client.get("/webhook-hosts"),
                await client.post("/webhooks", json={"url": url(), "title": "Mine"}),
                await client.put(f"/webhooks/{endpoint}", json=given),
                await client.post(f"/webhooks/{endpoint}/rotate"), await client.post(f"/webhooks/{endpoint}/retire"),
                await client.post(f"/webhooks/{endpoint}/ping"),
                await client.post("/webhook-hosts/allow", json={"host": "hooks.internal"}),
                await client.post("/webhook-hosts/forbid", json={"host": "hooks.internal"}),
            ]  # fmt: skip
        assert [answer.status_code for answer in answers] == [403] * len(answers), who


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"url": "ftp://hooks.example.org/"}, 422, "not_well_formed"),
        ({"url": "https://user:pass@hooks.example.org/"}, 422, "not_well_formed"),
        ({"url": "https://hooks.example.org/#part"}, 422, "not_well_formed"),
        ({"url": "https:///nowhere"}, 422, "not_well_formed"),
        ({"url": "https://[::1"}, 422, "not_well_formed"),
        ({"url": "http://hooks.example.org/"}, 409, "not_https"),
        ({"url": "https://10.0.0.1/"}, 409, "private_address"),
        ({"url": "https://[::1]/"}, 409, "private_address"),
        ({"url": "https://[::ffff:8.8.8.8]/"}, 409, "private_address"),
        ({"kinds": ["letter"]}, 422, "not_well_formed"),
        ({"title": " "}, 422, "not_well_formed"),
    ],
)
async def test_what_could_never_be_delivered_is_not_entered(
    office: Office, given: dict[str, Any], status: int, code: str
) -> None:
    answer = await add(office, **given)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_the_secret_is_changed_with_two_alive_in_between_and_every_write_is_in_the_history(
    office: Office,
) -> None:
    endpoint = (await add(office)).json()["webhook"]
    path = f"/webhooks/{endpoint['id']}"
    async with office.client("usr_root") as root:
        assert (await root.post(f"{path}/retire")).json()["code"] == "one_secret"
        rotated = (await root.post(f"{path}/rotate")).json()
        assert rotated["webhook"]["secrets"] == 2
        assert rotated["secret"].startswith("whsec_")
        third = await root.post(f"{path}/rotate")
        assert (third.status_code, third.json()["code"]) == (409, "two_secrets")
        assert (await root.post(f"{path}/retire")).json()["secrets"] == 1
        given = {"url": endpoint["url"], "title": "Night pager", "kinds": ["alert_warning"], "active": False}
        changed = await root.put(path, json=given)
        assert (changed.status_code, changed.json()["title"], changed.json()["active"]) == (
            200,
            "Night pager",
            False,
        )
        assert (await root.put(f"/webhooks/whk_{'0' * 32}", json=given)).status_code == 404
        assert (await root.post(f"/webhooks/whk_{'0' * 32}/ping")).status_code == 404
    async with office.client("usr_otto") as otto:
        told = (await otto.get("/webhook-changes")).json()["changes"]
    mine = [(one["what"], one["by_whom"]) for one in reversed(told) if one["subject"] == endpoint["id"]]
    assert mine == [
        (what, "usr_root")
        for what in (
            "added",
            "new secret",
            "older secret retired",
            "title changed",
            "kinds changed",
            "switched off",
        )
    ]
    async with office.client("usr_ana") as ana:
        assert (await ana.get("/webhook-changes")).status_code == 403


async def test_an_endpoint_within_the_house_needs_its_host_allowed_and_a_ping_says_how_it_fares(
    office: Office,
) -> None:
    async with receiving() as receiver, office.client("usr_root") as root:
        there = f"http://127.0.0.1:{receiver.port}/redress"
        assert (await add(office, url=there)).status_code == 409
        allowed = await root.post("/webhook-hosts/allow", json={"host": "127.0.0.1"})
        hosts = {one["host"]: one["allowed_by"] for one in allowed.json()["hosts"]}
        assert hosts["127.0.0.1"] == "usr_root"
        made = (await add(office, url=there)).json()
        path = f"/webhooks/{made['webhook']['id']}/ping"
        assert (await root.post(path)).json() == {"outcome": "taken", "status": "200"}
        came = receiver.got[0]
        signed = came.headers["redress-signature"], came.headers["redress-timestamp"]
        assert verify(made["secret"], *signed, came.body, Clock().now().timestamp())
        receiver.status = 503
        assert (await root.post(path)).json() == {"outcome": "deferred", "status": "503"}
        receiver.status = 404
        assert (await root.post(path)).json() == {"outcome": "refused", "status": "404"}
        listed = (await root.get("/webhooks")).json()["webhooks"]
        (mine,) = [one for one in listed if one["url"] == there]
        assert mine["last_status"] == "404"
        assert mine["failing_since"] is not None
        left = (await root.post("/webhook-hosts/forbid", json={"host": "127.0.0.1"})).json()["hosts"]
        assert "127.0.0.1" not in {one["host"] for one in left}
        assert (await root.post(path)).json() == {"outcome": "refused", "status": "not_https"}
        assert (await root.post("/webhook-hosts/forbid", json={"host": "127.0.0.1"})).status_code == 404
