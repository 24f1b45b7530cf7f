"""The case library over HTTP: written once, found, withdrawn, and still there when its complaint is erased."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import text

from tests.api.conftest import Office
from tests.support.waiting import eventually

LESSON = "Every batch of seals is looked at before it goes out."


async def give(office: Office, who: str, reference: str, slug: str, **body: Any) -> httpx.Response:
    async with office.client(who) as client:
        return await client.post(f"/complaints/{reference}/commands/{slug}", json=body)


async def case_of(office: Office, reference: str) -> dict[str, Any]:
    async with office.client("usr_otto") as otto:
        told: dict[str, Any] = (await otto.get(f"/complaints/{reference}")).json()
    return told


async def answered(office: Office) -> str:
    """A complaint whose answer has reached the customer."""
    reference = await office.receive()
    for who, slug, body in (
        ("usr_ana", "take-ownership", {}),
        ("usr_ana", "acknowledge", {}),
        ("usr_ana", "triage", {"kind": "complaint", "severity": "regular", "tier": "standard"}),
        ("usr_ana", "add-issue", {"text": "The kettle leaks."}),
        ("usr_ana", "record-finding", {"issue": "I1", "text": "The seal was old."}),
        ("usr_ana", "decide-issue", {"issue": "I1", "outcome": "upheld", "reasons": "It leaks.",
                                     "cause": "process_defect"}),
        ("usr_ana", "draft-response", {"text": "You are right.", "next_step": "Keep the new one.",
                                       "outstanding": "Nothing.", "remedy_dates": True, "outside_body_named": True,
                                       "outside_time_limit_named": True}),
        ("usr_cleo", "approve-response", {"draft": "D1"}),
        ("usr_ana", "send-response", {}),
    ):  # fmt: skip
        done = await give(office, who, reference, slug, **body)
        assert done.status_code == 200, done.text
    await delivered(office, reference)
    return reference


async def delivered(office: Office, reference: str) -> None:
    """The letter with the answer has arrived."""
    sent = (await case_of(office, reference))["case"]["letters"]["sent"]
    letter = next(item["id"] for item in sent if item["kind"] == "final_response")
    async with office.client("usr_root") as mailer:
        path = f"/complaints/{reference}/facts/report-delivery"
        await mailer.post(path, json={"letter": letter, "state": "delivered"})

    async def arrived() -> bool:
        letters = (await case_of(office, reference))["case"]["letters"]["sent"]
        return any(item["id"] == letter and item["state"] == "delivered" for item in letters)

    await eventually(arrived, what="the delivery in the record")


async def test_a_lesson_is_written_once_found_and_outlives_its_complaint(office: Office) -> None:
    reference = await answered(office)
    await give(office, "usr_ana", reference, "classify-cause", cause="process_defect", text="No check.")
    word = f"w{uuid4().hex[:8]}"
    body = {"heading": f"Leaking seals {word}", "lesson": LESSON, "confirmed": True}
    assert (await give(office, "usr_ana", reference, "put-in-library", **body)).status_code == 403
    key = {"Idempotency-Key": uuid4().hex}
    async with office.client("usr_dora") as dora:
        path = f"/complaints/{reference}/commands/put-in-library"
        for _ in range(2):
            answer = await dora.post(path, json=body, headers=key)
            assert answer.status_code == 200, answer.text
        found = (await dora.get("/library", params={"q": word, "cause": "process_defect"})).json()["entries"]
        assert len(found) == 1, "sent twice, written once"
        one = found[0]
        assert (one["lesson"], one["written_by"], one["cause"]) == (LESSON, "usr_dora", "process_defect")
        assert reference not in str(one), "nothing leads back to the complaint"
        assert (await dora.get("/library", params={"q": word, "cause": "policy"})).json()["entries"] == []
        assert (await case_of(office, reference))["case"]["post_mortem"]["library"] == [one["id"]]
        events = (await dora.get(f"/complaints/{reference}/timeline", params={"limit": 200})).json()["events"]
    (event,) = [item for item in events if item["type"] == "LibraryEntryMade"]
    assert event["body"] == {"entry": one["id"], "cause": "process_defect", "problem_type": None}

    ended = await give(office, "usr_dora", reference, "withdraw", reason="They moved abroad.")
    assert ended.status_code == 200, ended.text
    erased = await give(office, "usr_otto", reference, "erase-personal-data", reason="asked_by_the_person")
    assert erased.status_code == 200, erased.text
    async with office.client("usr_ana") as ana:
        still = await ana.get(f"/library/{one['id']}")
        assert still.json() == one
    again = await give(office, "usr_dora", reference, "put-in-library", **body)
    assert (again.status_code, again.json()["code"]) == (409, "erased")


async def test_what_nobody_confirmed_is_stored_nowhere(office: Office) -> None:
    reference = await answered(office)
    secret = f"Wei {uuid4().hex}"
    body = {"heading": "A case", "lesson": secret, "confirmed": False}
    refused = await give(office, "usr_dora", reference, "put-in-library", **body)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_confirmed")
    assert "nobody can be" in refused.json()["detail"]
    async with office.deps.reading.connect() as conn:
        held = await conn.scalar(
            text("SELECT count(*) FROM case_library WHERE lesson = :lesson"), {"lesson": secret}
        )
    assert held == 0


async def test_an_entry_that_the_rules_refuse_is_not_to_be_found(office: Office) -> None:
    reference = await office.receive()
    word = f"w{uuid4().hex[:8]}"
    body = {"heading": word, "lesson": LESSON, "confirmed": True}
    refused = await give(office, "usr_dora", reference, "put-in-library", **body)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_responded")
    async with office.client("usr_dora") as dora:
        assert (await dora.get("/library", params={"q": word})).json()["entries"] == []


async def test_an_entry_is_withdrawn_with_a_reason_and_its_words_are_gone(office: Office) -> None:
    reference = await answered(office)
    word = f"w{uuid4().hex[:8]}"
    await give(office, "usr_dora", reference, "put-in-library", heading=word, lesson=LESSON, confirmed=True)
    async with office.client("usr_otto") as otto, office.client("usr_ana") as ana:
        (one,) = (await otto.get("/library", params={"q": word})).json()["entries"]
        path = f"/library/{one['id']}/withdraw"
        assert (await ana.post(path, json={"reason": "Outdated."})).status_code == 403
        assert (await otto.post(path, json={"reason": " "})).status_code == 422
        gone = await otto.post(path, json={"reason": "The shop can be recognised."})
        assert gone.status_code == 200, gone.text
        assert gone.json()["lesson"] is None
        assert gone.json()["withdrawn_by"] == "usr_otto"
        assert (await otto.post(path, json={"reason": "Again."})).status_code == 409
        assert (await ana.get("/library", params={"q": word})).json()["entries"] == []
        kept = (await ana.get(f"/library/{one['id']}")).json()
        assert kept["withdrawn_why"] == "The shop can be recognised."
        assert (await ana.get("/library/nothing")).status_code == 404
        assert (await ana.get("/library", params={"q": "\x00"})).status_code == 422
    async with office.client(None) as nobody:
        assert (await nobody.get("/library")).status_code == 401
