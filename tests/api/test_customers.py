"""Customer files over HTTP: nobody tells it twice, nobody sees more than they may, and each reading is on record."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from tests.api.conftest import Office


def wei(address: str, **fields: Any) -> dict[str, Any]:
    return {"parties": [{"name": "Wei Example", "address": address, "channel": "mail"} | fields]}


def somebody() -> str:
    """An address that no other test uses."""
    return f"{uuid4().hex[:12]}@example.org"


async def file_of(office: Office, reference: str, who: str = "usr_ana") -> dict[str, Any]:
    async with office.client(who) as client:
        answer = await client.get(f"/complaints/{reference}/customer")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def command(
    office: Office, reference: str, slug: str, who: str = "usr_ana", **body: Any
) -> httpx.Response:
    async with office.client(who) as client:
        return await client.post(f"/complaints/{reference}/commands/{slug}", json=body)


async def test_what_the_customer_sent_before_stands_beside_the_new_complaint(office: Office) -> None:
    address = somebody()
    first = await office.receive(**wei(address))
    assert (await file_of(office, first))["complaints"] == []
    second = await office.receive(kind="enquiry", **wei(f" {address.upper()} "))
    file = await file_of(office, second)
    assert file["code"].startswith("C-")
    assert [(one["reference"], one["kind"], one["phase"], one["channel"]) for one in file["complaints"]] == [
        (first, "complaint", "received", "mail")
    ]
    assert [one["reference"] for one in (await file_of(office, first))["complaints"]] == [second]
    async with office.client() as ana:
        whole = (await ana.get(f"/customers/{file['code'].lower()}")).json()
    assert [one["reference"] for one in whole["complaints"]] == [second, first]
    assert address not in str(whole)


async def test_who_makes_a_complaint_themselves_is_known_again(office: Office) -> None:
    address = somebody()
    first = await office.receive(**wei(address))
    async with office.client(None) as customer:
        made = await customer.post("/public/complaints", json={"narrative": "Again!", **wei(address)})
    second = made.json()["reference"]
    await office.recorded(second)
    assert [one["reference"] for one in (await file_of(office, second))["complaints"]] == [first]


async def test_sent_again_under_its_key_it_is_filed_once(office: Office) -> None:
    body = {"channel": "mail", "narrative": "It broke.", **wei(somebody())}
    key = {"Idempotency-Key": uuid4().hex}
    async with office.client("usr_iris") as iris:
        references = {
            (await iris.post("/complaints", json=body, headers=key)).json()["reference"] for _ in "12"
        }
    assert len(references) == 1
    reference = references.pop()
    await office.recorded(reference)
    async with office.service.sql.connect() as conn:
        query = text("SELECT count(*) FROM customer_complaints WHERE reference = :reference")
        assert (await conn.execute(query, {"reference": reference})).scalar() == 1


async def test_a_party_or_an_address_that_comes_later_is_filed_as_well(office: Office) -> None:
    address, number = somebody(), f"+86 10 {uuid4().int % 10**8:08}"
    first = await office.receive(**wei(address))
    anonymous = await office.receive(parties=[])
    assert await file_of(office, anonymous) == {"code": None, "complaints": []}
    party = {"role": "complainant", "name": "Wei", "address": address, "channel": "mail"}
    assert (await command(office, anonymous, "add-party", party=party)).status_code == 200
    assert [one["reference"] for one in (await file_of(office, anonymous))["complaints"]] == [first]
    change = {"party": "P1", "channel": "phone", "address": number}
    assert (await command(office, first, "change-preferred-channel", **change)).status_code == 200
    by_phone = await office.receive(channel="phone", **wei(number.replace(" ", ""), channel="phone"))
    assert {one["reference"] for one in (await file_of(office, by_phone))["complaints"]} == {first, anonymous}


async def test_whom_a_representative_acts_for_is_not_told_apart_by_the_representative(office: Office) -> None:
    lawyer = somebody()
    acting = {"role": "representative", "name": "Li", "address": lawyer, "authority": "A mandate."}
    parties = [[{"name": "A", "address": somebody()}, acting], [{"name": "B", "address": somebody()}, acting]]
    references = [await office.receive(parties=both) for both in parties]
    assert [(await file_of(office, reference))["complaints"] for reference in references] == [[], []]


@pytest.mark.parametrize(
    ("who", "status"),
    [("usr_ana", 200), ("usr_iris", 200), ("usr_otto", 200), ("usr_cleo", 403), ("usr_root", 403)],
)
async def test_files_are_for_those_who_may_know_who_is_behind_a_complaint(
    office: Office, who: str, status: int
) -> None:
    reference = await office.receive(**wei(somebody()))
    code = (await file_of(office, reference))["code"]
    async with office.client(who) as reader:
        for path in (f"/complaints/{reference}/customer", f"/customers/{code}"):
            answer = await reader.get(path)
            assert answer.status_code == status, answer.text


async def test_whoever_is_recused_from_one_of_them_sees_nothing_of_that_one(office: Office) -> None:
    address = somebody()
    first, second = await office.receive(**wei(address)), await office.receive(**wei(address))
    assert (
        await command(office, first, "declare-conflict", "usr_ben", reason="My cousin.")
    ).status_code == 200
    assert (await file_of(office, second, "usr_ben"))["complaints"] == []
    async with office.client("usr_ben") as ben:
        answer = await ben.get(f"/complaints/{first}/customer")
    assert (answer.status_code, answer.json()["code"]) == (403, "conflict_declared")


async def test_each_reading_of_a_file_is_on_record(office: Office) -> None:
    address = somebody()
    first, second = await office.receive(**wei(address)), await office.receive(**wei(address))
    code = (await file_of(office, second))["code"]
    async with office.client("usr_ben") as ben, office.client("usr_otto") as otto:
        await ben.get(f"/customers/{code}")
        read = {
            reference: [
                (one["actor"], one["purpose"], one["what"])
                for one in (await otto.get(f"/complaints/{reference}/access")).json()["readings"]
            ]
            for reference in (first, second)
        }
    assert ("usr_ben", "customer file", ["parties"]) in read[first]
    assert ("usr_ben", "customer file", ["parties"]) in read[second]
    assert ("usr_ana", "customer file", ["parties"]) in read[second]


@pytest.mark.parametrize("code", ["C-0000000Z", "7K2M-9QF3-XA5C", "C-7K2M9QFZ"])
async def test_a_code_with_a_mistake_is_refused_in_words(office: Office, code: str) -> None:
    async with office.client() as ana:
        answer = await ana.get(f"/customers/{code}")
    assert (answer.status_code, answer.json()["code"]) == (404, "bad_reference")
    assert "no customer's code" in answer.json()["detail"]


async def test_a_customer_can_choose_their_own_channel_and_nobody_elses(office: Office) -> None:
    reference = await office.receive(**wei(somebody()))
    token = await office.deps.directory.issue_party_token(reference, "P1")
    async with office.client(token=token) as customer:
        path = f"/complaints/{reference}/commands/change-preferred-channel"
        answer = await customer.post(
            path, json={"party": "P1", "channel": "phone", "address": "+86 10 65529988"}
        )
        assert answer.status_code == 200, answer.text
        other = await customer.post(path, json={"party": "P2", "channel": "store"})
        assert other.status_code == 409, other.text
    assert (await office.service.case(reference)).parties[0].channel == "phone"
