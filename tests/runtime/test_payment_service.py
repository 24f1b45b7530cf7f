"""The payment service: one payment for one key, whatever dies, and every misbehaviour on order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.payments import PaymentDesk, payment_desk
from tests.support.waiting import PATIENCE, eventually

HASTY = httpx.Timeout(PATIENCE, read=0.5)
"""For a caller who does not wait for the answer, but does reach the service."""


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PaymentDesk]:
    async with payment_desk(tmp_path_factory.mktemp("payments")) as desk:
        yield desk


@pytest.fixture
async def desk(running: PaymentDesk) -> PaymentDesk:
    await running.clear()
    return running


def order(key: str = "7K2M/R1/pay/1", payee: str = "DE02 1203 0000", minor: int = 2500) -> dict[str, Any]:
    return {"key": key, "amount_minor": minor, "currency": "EUR", "payee": payee, "description": "Remedy"}


async def test_the_same_key_and_content_is_the_same_payment(desk: PaymentDesk) -> None:
    answers = await asyncio.gather(*(desk.request("POST", "/payments", json=order()) for _ in range(8)))
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert len({a.json()["id"] for a in answers}) == 1
    assert [p["state"] for p in await desk.payments()] == ["settled"]


async def test_the_same_key_with_other_content_is_refused(desk: PaymentDesk) -> None:
    await desk.request("POST", "/payments", json=order())
    for other in (order(minor=2501), order(payee="somebody else")):
        assert (await desk.request("POST", "/payments", json=other)).status_code == 409
    assert [p["amount_minor"] for p in await desk.payments()] == [2500]


async def test_a_payment_is_found_by_its_key_after_the_service_was_killed(desk: PaymentDesk) -> None:
    made = (await desk.request("POST", "/payments", json=order())).json()
    await desk.process.kill()
    await desk.process.start()
    found = (await desk.request("GET", "/payments/by-key/7K2M%2FR1%2Fpay%2F1")).json()
    assert found == made
    again = await desk.request("POST", "/payments", json=order())
    assert (again.status_code, again.json()["id"]) == (200, made["id"])


async def test_a_key_that_was_never_used_is_not_found(desk: PaymentDesk) -> None:
    assert (await desk.request("GET", "/payments/by-key/none")).status_code == 404


@pytest.mark.parametrize("given", ["Bearer wrong", "Basic abc", ""])
async def test_without_the_token_nothing_is_paid_or_shown(desk: PaymentDesk, given: str) -> None:
    headers = {"Authorization": given} if given else {}
    for method, path in (("POST", "/payments"), ("GET", "/payments"), ("POST", "/behaviour")):
        answer = await desk.request(method, path, headers=headers, json=order())
        assert answer.status_code == 401
    assert await desk.payments() == []


@pytest.mark.parametrize(
    "wrong", [{"amount_minor": 0}, {"currency": "euro"}, {"payee": ""}, {"key": ""}, {"more": 1}]
)
async def test_a_malformed_payment_is_refused_as_malformed(desk: PaymentDesk, wrong: dict[str, Any]) -> None:
    assert (await desk.request("POST", "/payments", json={**order(), **wrong})).status_code == 422
    assert await desk.payments() == []


async def test_a_reversal_has_its_own_key_and_happens_once(desk: PaymentDesk) -> None:
    made = (await desk.request("POST", "/payments", json=order())).json()
    path = f"/payments/{made['id']}/reversal"
    first = await desk.request("POST", path, json={"key": "7K2M/R1/reverse/1"})
    again = await desk.request("POST", path, json={"key": "7K2M/R1/reverse/1"})
    other = await desk.request("POST", path, json={"key": "7K2M/R1/reverse/2"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)
    assert first.json()["id"] == again.json()["id"]
    assert (first.json()["reverses"], first.json()["amount_minor"]) == (made["id"], 2500)
    by_key = await desk.request("GET", "/payments/by-key/7K2M/R1/reverse/1")
    assert by_key.json()["state"] == "settled"


async def test_what_was_refused_can_not_be_reversed(desk: PaymentDesk) -> None:
    made = (await desk.request("POST", "/payments", json=order(payee="demo:refuse"))).json()
    assert made["state"] == "refused"
    answer = await desk.request("POST", f"/payments/{made['id']}/reversal", json={"key": "r"})
    assert answer.status_code == 422


@pytest.mark.parametrize("how", ["payee", "behaviour"])
async def test_a_timed_out_payment_was_made_all_the_same(desk: PaymentDesk, how: str) -> None:
    if how == "behaviour":
        await desk.behave("time_out")
    payee = "demo:timeout" if how == "payee" else "anybody"
    with pytest.raises(httpx.ReadTimeout):
        await desk.request("POST", "/payments", json=order(payee=payee), timeout=HASTY)

    async def made() -> list[str]:
        return [payment["state"] for payment in await desk.payments()]

    assert await eventually(made, what="the payment to be made") == ["settled"]
    again = await desk.request("POST", "/payments", json=order(payee=payee))
    assert again.status_code == 200  # what is known already is answered


async def test_a_hanging_service_has_accepted_nothing(desk: PaymentDesk) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await desk.request("POST", "/payments", json=order(payee="demo:hang"), timeout=HASTY)
    assert await desk.payments() == []


async def test_a_service_that_is_away_says_so(desk: PaymentDesk) -> None:
    await desk.behave("away")
    answer = await desk.request("POST", "/payments", json=order())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    await desk.behave("settle")
    assert (await desk.request("POST", "/payments", json=order())).status_code == 201


async def test_failing_once_means_once_for_each_key(desk: PaymentDesk) -> None:
    await desk.behave("fail_once")
    codes = [
        (await desk.request("POST", "/payments", json=order(key=key))).status_code
        for key in ("a", "a", "b", "b")
    ]
    assert codes == [500, 201, 500, 201]


async def test_a_late_payment_settles_on_command(desk: PaymentDesk) -> None:
    await desk.behave("settle_late")
    made = (await desk.request("POST", "/payments", json=order())).json()
    assert made["state"] == "pending"
    await desk.settle(made["key"])
    assert [p["state"] for p in await desk.payments()] == ["settled"]
    await desk.request("POST", f"/payments/{made['id']}/refuse")
    assert [p["state"] for p in await desk.payments()] == ["settled"]  # what has ended stays


async def test_a_late_payment_settles_by_itself(desk: PaymentDesk) -> None:
    now = (await desk.request("POST", "/payments", json=order(key="a", payee="demo:late:0"))).json()
    later = (await desk.request("POST", "/payments", json=order(key="b", payee="demo:late:600"))).json()
    assert (now["state"], later["state"]) == ("settled", "pending")


async def test_asking_can_fail_too(desk: PaymentDesk) -> None:
    await desk.request("POST", "/payments", json=order(key="a"))
    await desk.behave("settle", asks_fail=True)
    assert (await desk.request("GET", "/payments/by-key/a")).status_code == 500
