"""Packs over the API: which there are, each in full with its sources, and what nobody has decided yet."""

import json

import pytest
from jsonschema_rs import Draft202012Validator

from policies.loading import PACKS, load_pack
from policies.pack import Pack
from tests.api.conftest import Office

RETAIL = load_pack(PACKS / "retail-2025.yaml")


async def test_packs_are_listed_with_their_clocks(office: Office) -> None:
    async with office.client() as ana:
        packs = (await ana.get("/packs")).json()["packs"]
    (retail,) = [pack for pack in packs if pack["digest"] == RETAIL.digest]
    assert (retail["name"], retail["version"]) == ("retail-2025", RETAIL.version)
    assert (retail["title"], retail["holds_from"]) == (RETAIL.title, RETAIL.holds_from.isoformat())
    assert "response" in retail["clocks"]
    assert retail["choices_unmade"] > 0


async def test_a_pack_is_told_in_full_with_the_source_of_every_rule(office: Office) -> None:
    async with office.client("usr_otto") as otto:
        told = (await otto.get("/packs/retail-2025")).json()
        same = (await otto.get("/packs/retail-2025", params={"version": RETAIL.version})).json()
    assert told == same
    assert told["digest"] == RETAIL.digest
    assert Pack.model_validate_json(json.dumps(told["pack"])) == RETAIL
    (response,) = [clock for clock in told["pack"]["clocks"] if clock["id"] == "response"]
    assert (response["duration"], response["basis"]) == ("15 min", "target")
    assert response["source"]["section"] == "S1.1, S1.3"


async def test_choices_that_nobody_has_made_come_first(office: Office) -> None:
    async with office.client("usr_otto") as otto:
        told = (await otto.get("/packs/retail-2025/choices")).json()
    made = [choice["made"] for choice in told["choices"]]
    assert made == sorted(made)
    (windows,) = [choice for choice in told["choices"] if choice["path"] == "windows"]
    assert not windows["made"]
    assert "dispute: 30 calendar days" in windows["says"]
    assert windows["source"]["document"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/packs/none-such", 404, "unknown_pack"),
        ("/packs/none-such/choices", 404, "unknown_pack"),
        ("/packs/retail-2025?version=999", 404, "unknown_version"),
        ("/packs/retail-2025?version=0", 422, "not_well_formed"),
        ("/packs/Retail", 422, "not_well_formed"),
    ],
)
async def test_what_was_never_published_is_not_there(
    office: Office, path: str, status: int, code: str
) -> None:
    async with office.client() as ana:
        answer = await ana.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_only_staff_read_a_pack_whole(office: Office) -> None:
    reference = await office.receive()
    token = await office.deps.directory.issue_party_token(reference, "P1", purpose="test")
    async with office.client(token=token) as customer, office.client(None) as nobody:
        assert (await customer.get("/packs")).status_code == 200
        assert (await customer.get("/packs/retail-2025")).status_code == 403
        assert (await nobody.get("/packs/retail-2025")).status_code == 401


async def test_an_editor_gets_the_schema_without_a_token(office: Office) -> None:
    async with office.client(None) as editor:
        answer = await editor.get("/packs/schema.json")
    assert answer.headers["content-type"] == "application/schema+json"
    assert Draft202012Validator(answer.json()).is_valid(json.loads(RETAIL.canonical()))
