"""Intake over HTTP: true receipt, one reference per key, and a complaint that is never lost while Temporal is away."""

from datetime import timedelta

import httpx
import pytest

from api.app import create_app
from tests.api.conftest import STAFF, Office
from tests.support.waiting import eventually

PAPER = {
    "channel": "letter",
    "subject": "A torn coat",
    "narrative": "The seam gave way.",
    "parties": [{"name": "Li"}],
}


async def test_a_complaint_gets_a_reference_and_its_clocks_from_its_true_receipt(office: Office) -> None:
    received = office.deps.clock.now() - timedelta(hours=2)
    async with office.client("usr_iris") as iris, office.client() as ana:
        answer = await iris.post("/complaints", json=PAPER | {"received_at": received.isoformat()})
        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert (told["pack"], told["recorded"]) == ("retail-2025", True)
        assert answer.headers["location"] == f"/complaints/{told['reference']}"
        await office.recorded(told["reference"])
        case = (await ana.get(answer.headers["location"])).json()["case"]
        assert case["narrative"]["text"] == "The seam gave way."
        clocks = (await ana.get(f"{answer.headers['location']}/clocks")).json()["clocks"]
    response = next(clock for clock in clocks if clock["clock"] == "response")
    assert response["started_at"][:19] == received.isoformat()[:19]
    assert response["breached_at"] is not None  # fifteen minutes were over before it was keyed in
    assert response["explanation"]["due"] == response["due_at"]


async def test_the_same_key_gives_the_same_reference(office: Office) -> None:
    async with office.client("usr_iris") as iris:
        headers = {"Idempotency-Key": "paper-4711"}
        first = await iris.post("/complaints", json=PAPER, headers=headers)
        second = await iris.post("/complaints", json=PAPER, headers=headers)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json()["reference"] == second.json()["reference"]
        await office.recorded(first.json()["reference"])
        third = await iris.post("/complaints", json=PAPER, headers=headers)
        assert third.json() == first.json()
        other = await iris.post("/complaints", json=PAPER | {"subject": "A coat"}, headers=headers)
        assert (other.status_code, other.json()["code"]) == (422, "key_reused")
        unkeyed = await iris.post("/complaints", json=PAPER)
        assert unkeyed.json()["reference"] != first.json()["reference"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"received_at": "2199-01-01T00:00:00Z"}, 409, "in_the_future"),
        ({"pack": "nowhere-1"}, 409, "pack_not_published"),
        ({"parties": [{"role": "representative", "name": "Mo"}]}, 409, "no_authority"),
        ({"channel": "pigeon"}, 422, "not_well_formed"),
        ({"source": "311:1"}, 422, "not_well_formed"),
        ({"narrative": "bell\u0007"}, 422, "not_well_formed"),
        ({"narrative": "x" * 20_001}, 422, "not_well_formed"),
        ({"received_at": "2026-01-01T00:00:00"}, 422, "not_well_formed"),
    ],
)
async def test_what_could_not_be_recorded_gets_no_reference(
    office: Office, change: dict[str, object], status: int, code: str
) -> None:
    async with office.client("usr_iris") as iris:
        answer = await iris.post("/complaints", json=PAPER | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "reference" not in answer.json()


async def test_anybody_can_complain_and_follow_it(office: Office) -> None:
    async with office.client(None) as somebody:
        answer = await somebody.post("/public/complaints", json={"narrative": "Nobody answers the phone."})
        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert told["progress"].startswith(f"{office.settings.base_url}/progress/")
        await office.recorded(told["reference"])
        assert (await somebody.get(f"/complaints/{told['reference']}")).status_code == 401
    secret = told["progress"].rpartition("/")[2]
    bearer = await office.deps.directory.actor_for_portal(secret)
    assert bearer is not None
    assert (bearer.reference, bearer.actor.id) == (told["reference"], "party:P1")


async def test_who_floods_the_public_intake_is_told_when_to_come_back(office: Office) -> None:
    app = create_app(office.settings)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://redress.test"
    ) as somebody:
        # The bucket fills again as time goes by: enough requests, however slow the machine.
        answers = [await somebody.post("/public/complaints", json={"narrative": ""}) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {422}  # what is malformed is not counted
        while (
            answer := await somebody.post("/public/complaints", json={"narrative": "Again!"})
        ).status_code == 201:
            pass
    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many_requests"
    assert int(answer.headers["retry-after"]) >= 1
    await app.state.deps.close()


async def test_intake_while_temporal_is_away_gets_a_reference_and_is_started_later(office: Office) -> None:
    away = create_app(office.settings.model_copy(update={"temporal_address": "127.0.0.1:1"}))
    async with office.client("usr_iris", app=away) as iris, office.client(app=away) as ana:
        answer = await iris.post("/complaints", json=PAPER, headers={"Idempotency-Key": "away-1"})
        assert answer.status_code == 202, answer.text
        reference = answer.json()["reference"]
        assert answer.json()["recorded"] is False
        # It is there, though nothing can be done with it yet.
        early = await ana.get(f"/complaints/{reference}")
        assert (early.status_code, early.json()["code"]) == (503, "not_recorded_yet")
        command = await ana.post(f"/complaints/{reference}/commands/take-ownership")
        assert (command.status_code, command.json()["code"]) == (503, "engine_away")
        assert int(command.headers["retry-after"]) > 0
        ready = await ana.get("/ready")
        assert (ready.status_code, ready.json()["temporal"]) == (200, "away")
    await away.state.deps.close()
    # Temporal is back, and the caller sends again as it was told: the same reference, recorded now.
    async with office.client("usr_iris") as iris:
        again = await iris.post("/complaints", json=PAPER, headers={"Idempotency-Key": "away-1"})
    assert (again.status_code, again.json()["reference"]) == (201, reference)
    await office.recorded(reference)


async def test_staff_only_receive_for_others(office: Office) -> None:
    token = await office.deps.directory.issue_party_token(await office.receive(), "P1")
    async with office.client(token=token) as customer, office.client("usr_cleo") as cleo:
        assert (await customer.post("/complaints", json=PAPER)).status_code == 403
        assert (await cleo.post("/complaints", json=PAPER)).json()["code"] == "not_allowed"
    assert "usr_cleo" in STAFF


async def test_a_complaint_on_its_way_into_the_record_can_be_given_commands_at_once(office: Office) -> None:
    async with office.client("usr_iris") as iris, office.client() as ana:
        reference = (await iris.post("/complaints", json=PAPER)).json()["reference"]
        answer = await ana.post(f"/complaints/{reference}/commands/acknowledge", json={"text": "We have it."})
        assert answer.status_code == 200, answer.text

        async def phase() -> bool:
            return bool((await ana.get(f"/complaints/{reference}")).json()["phase"] == "acknowledged")

        await eventually(phase, what="the acknowledgement in the record")
