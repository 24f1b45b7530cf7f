"""Commands over HTTP: what they answer, what refuses them, and that sending again does nothing twice."""

import asyncio

import pytest
from sqlalchemy import event, select

from api.app import create_app
from complaints.references import reference as reference_of
from ledger.tables import heads
from ledger.texts import stream_keys
from tests.api.conftest import Office
from tests.support.waiting import eventually
from workflows.client import Unknown
from workflows.contract import complaint_workflow_id

NOBODYS = reference_of(20_261_122)
"""A good reference that no complaint has."""
CLASSES = {"kind": "complaint", "severity": "urgent", "tier": "standard"}
MISTYPED = NOBODYS[:-1] + ("A" if NOBODYS[-1] != "A" else "B")


async def test_a_command_answers_what_it_did_and_the_new_version(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        before = (await ana.get(f"/complaints/{reference}")).json()["version"]
        answer = await ana.post(f"/complaints/{reference}/commands/acknowledge", json={"text": "We have it."})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["events"][0] == "Acknowledged"
        assert "LetterQueued" in told["events"]
        assert told["version"] > before
        assert told["duplicate"] is False
        assert answer.headers["etag"] == f'"{told["version"]}"'
        now = await ana.get(f"/complaints/{reference}")
        assert now.json()["version"] == told["version"]
        assert now.json()["phase"] == "acknowledged"
        assert now.json()["case"]["letters"]["sent"][0]["text"]["text"] == "We have it."


async def test_a_command_without_fields_needs_no_body(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        answer = await ana.post(f"/complaints/{reference}/commands/take-ownership")
        assert answer.status_code == 200, answer.text
        case = (await ana.get(f"/complaints/{reference}")).json()["case"]
    assert case["ownership"]["owner"] == "usr_ana"
    assert case["ownership"]["supervisor"] == "usr_dora"


async def test_a_reference_is_understood_however_it_is_written(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        answer = await ana.post(f"/complaints/{reference.lower().replace('-', '')}/commands/take-ownership")
    assert answer.status_code == 200
    assert answer.json()["reference"] == reference


async def test_the_same_key_again_gives_the_recorded_outcome_and_does_nothing_twice(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        key = {"Idempotency-Key": f"note-{reference}"}
        path = f"/complaints/{reference}/commands/add-note"
        first, *again = await asyncio.gather(
            *(ana.post(path, json={"text": "Called her."}, headers=key) for _ in range(4))
        )
        assert {answer.status_code for answer in (first, *again)} == {200}
        assert (
            len({(answer.json()["command_id"], answer.json()["sequence"]) for answer in (first, *again)}) == 1
        )
        timeline = (await ana.get(f"/complaints/{reference}/timeline")).json()["events"]
        assert [event["type"] for event in timeline].count("NoteAdded") == 1


async def test_sent_again_after_the_engine_forgot_it_the_recorded_outcome_is_told(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        key = {"Idempotency-Key": f"ack-{reference}"}
        path = f"/complaints/{reference}/commands/acknowledge"
        first = (await ana.post(path, headers=key)).json()
        # A new run that knows the case and none of the commands that led to it.
        await office.service.client.get_workflow_handle(complaint_workflow_id(reference)).terminate()
        assert (await ana.post(f"/complaints/{reference}/commands/take-ownership")).status_code == 200
        again = await ana.post(path, headers=key)
        assert (again.status_code, again.json()["duplicate"]) == (200, True), again.text
        assert again.json()["sequence"] == first["sequence"]
        assert (await ana.post(path)).json()["code"] == "already_done"


async def test_a_key_for_another_request_is_refused(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana, office.client("usr_ben") as ben:
        path, key = f"/complaints/{reference}/commands/add-note", {"Idempotency-Key": "k1"}
        assert (await ana.post(path, json={"text": "one"}, headers=key)).status_code == 200
        again = await ana.post(path, json={"text": "two"}, headers=key)
        assert (again.status_code, again.json()["code"]) == (422, "key_reused")
        # Keys belong to who sends them: somebody else's same key is another one.
        assert (await ben.post(path, json={"text": "two"}, headers=key)).json()["duplicate"] is False


async def test_if_match_refuses_what_was_decided_on_an_old_version(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        seen = (await ana.get(f"/complaints/{reference}")).headers["etag"]
        path = f"/complaints/{reference}/commands/add-note"
        fresh = await ana.post(path, json={"text": "one"}, headers={"If-Match": seen})
        assert fresh.status_code == 200
        stale = await ana.post(path, json={"text": "two"}, headers={"If-Match": seen})
        assert (stale.status_code, stale.json()["code"]) == (412, "changed_meanwhile")
        assert (await ana.post(path, json={"text": "two"}, headers={"If-Match": "*"})).status_code == 200
        assert (await ana.post(path, json={"text": "x"}, headers={"If-Match": "twelve"})).status_code == 422


@pytest.mark.parametrize(
    ("who", "command", "body", "status", "code"),
    [
        ("usr_cleo", "take-ownership", {}, 403, "not_allowed"),
        ("usr_ana", "send-response", {}, 403, "not_the_owner"),
        ("usr_ana", "accept-handover", {}, 409, "no_offer"),
        ("usr_ana", "reclassify", CLASSES | {"reason": "x"}, 409, "not_triaged"),
        ("usr_dora", "assign", {"to": "usr_nobody"}, 422, "unknown_person"),
        ("usr_dora", "assign", {"to": "usr_cleo"}, 409, "not_a_handler"),
        ("usr_ana", "note-need", {"text": "Large print", "consented": False}, 409, "no_consent"),
        ("usr_ana", "add-note", {"text": "x", "occurred_at": "2199-01-01T00:00:00Z"}, 409, "in_the_future"),
        ("usr_ana", "add-note", {"text": "x", "occurred_at": "1999-01-01T00:00:00Z"}, 409, "before_receipt"),
    ],
)  # fmt: skip
async def test_a_refusal_says_what_and_what_to_do(
    office: Office, *, who: str, command: str, body: dict[str, object], status: int, code: str
) -> None:
    reference = await office.receive()
    async with office.client(who) as client:
        answer = await client.post(f"/complaints/{reference}/commands/{command}", json=body)
    told = answer.json()
    assert (answer.status_code, told["code"], told["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["type"] == f"urn:redress:problem:{code}"
    assert told["detail"].endswith(".")
    assert told["request_id"] == answer.headers["x-request-id"]
    if code == "not_allowed":
        assert told["who"] == "department head, handler, supervisor"


async def test_no_complaint_no_command(office: Office) -> None:
    async with office.client() as ana:
        unknown = await ana.post(f"/complaints/{NOBODYS}/commands/add-note", json={"text": "x"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown")
        mistyped = await ana.post(f"/complaints/{MISTYPED}/commands/take-ownership")
        assert (mistyped.status_code, mistyped.json()["code"]) == (404, "bad_reference")
        other = await ana.post(f"/complaints/{NOBODYS}/commands/take-ownership")
        assert (other.status_code, other.json()["code"]) == (404, "unknown")
    async with office.deps.reading.connect() as conn:
        kept = await conn.scalars(select(stream_keys.c.stream).where(stream_keys.c.stream == NOBODYS))
        assert kept.all() == []  # nothing is stored for what is not there


async def test_where_a_command_went_can_be_looked_up_by_who_gave_it(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        given = (await ana.post(f"/complaints/{reference}/commands/add-note", json={"text": "x"})).json()
        found = (await ana.get(f"/commands/{given['command_id']}")).json()
        assert (found["status"], found["reference"], found["version"]) == (
            "recorded",
            reference,
            given["version"],
        )
        assert found["events"] == given["events"]
        missing = await ana.get("/commands/0b7a1c5e-53ad-5f3a-9a55-0d8a7f0f8d31")
        assert (missing.status_code, missing.json()["code"]) == (404, "unknown_command")
    token = await office.deps.directory.issue_party_token(await office.receive(), "P1")
    async with office.client(token=token) as somebody:
        assert (await somebody.get(f"/commands/{given['command_id']}")).status_code == 404


async def test_a_complaint_can_not_be_merged_into_one_that_is_not_there(office: Office) -> None:
    one, other = await office.receive(), await office.receive()
    async with office.client() as ana:
        await ana.post(f"/complaints/{one}/commands/take-ownership")
        answer = await ana.post(f"/complaints/{one}/commands/merge-into", json={"into": NOBODYS})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_complaint")
        answer = await ana.post(f"/complaints/{one}/commands/merge-into", json={"into": other})
        assert answer.status_code == 200, answer.text
        assert (await ana.get(f"/complaints/{one}")).json()["phase"] == "merged"


async def test_a_customer_acts_on_their_own_complaint_and_on_no_other(office: Office) -> None:
    mine, others = await office.receive(), await office.receive()
    token = await office.deps.directory.issue_party_token(mine, "P1")
    async with office.client(token=token) as customer:
        wrote = await customer.post(f"/complaints/{mine}/commands/write-message", json={"text": "Any news?"})
        assert wrote.status_code == 200, wrote.text
        elsewhere = await customer.post(
            f"/complaints/{others}/commands/write-message", json={"text": "Any news?"}
        )
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "unknown")
        staffs = await customer.post(f"/complaints/{mine}/commands/add-note", json={"text": "x"})
        assert (staffs.status_code, staffs.json()["code"]) == (403, "not_allowed")


async def test_a_customer_can_not_say_when_it_happened(office: Office) -> None:
    reference = await office.receive()
    token = await office.deps.directory.issue_party_token(reference, "P1")
    async with office.client(token=token) as customer:
        body = {"text": "Any news?", "occurred_at": office.deps.clock.now().isoformat()}
        answer = await customer.post(f"/complaints/{reference}/commands/write-message", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "time_not_yours")


async def test_what_is_in_the_record_is_the_answer_though_the_engine_knows_nothing_of_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = await office.receive()
    path, key = f"/complaints/{reference}/commands/add-note", {"Idempotency-Key": f"gone-{reference}"}

    async def nowhere(*_: object) -> None:
        raise Unknown

    async with office.client() as ana:
        first = await ana.post(path, json={"text": "x"}, headers=key)
        assert first.status_code == 200, first.text
        monkeypatch.setattr(office.deps.engine, "execute", nowhere)
        again = await ana.post(path, json={"text": "x"}, headers=key)
        assert (again.status_code, again.json()["duplicate"]) == (200, True), again.text
        assert again.json()["version"] == first.json()["version"]
        other = await ana.post(path, json={"text": "x"})
        assert (other.status_code, other.json()["code"]) == (404, "unknown")


@pytest.mark.parametrize("status", ["Wei_Example", "5.1", "550 Wei", "550  5.1.1", "55", "9.9.9", "5.1.1\n"])
async def test_a_delivery_status_is_a_code_and_no_text(office: Office, status: str) -> None:
    reference = await office.receive()
    async with office.client("usr_root") as mailer:
        body = {"letter": "L1", "state": "bounced", "status": status}
        answer = await mailer.post(f"/complaints/{reference}/facts/report-delivery", json=body)
        assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("status", ["5.1.1", "550", "550 5.1.1", None])
async def test_a_delivery_status_as_mail_systems_give_it_is_taken(office: Office, status: str | None) -> None:
    reference = await office.receive()
    async with office.client("usr_root") as mailer:
        body = {"letter": "L1", "state": "bounced", "status": status}
        answer = await mailer.post(f"/complaints/{reference}/facts/report-delivery", json=body)
        assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    ("language", "status"),
    [("en", 200), ("zh-Hant-TW", 200), ("Wei_Example", 422), ("e", 422), ("en-", 422), ("english--x", 422)],
)
async def test_a_language_is_a_tag_and_no_text(office: Office, language: str, status: int) -> None:
    reference = await office.receive()
    async with office.client() as ana:
        body = {"party": {"role": "complainant", "language": language}}
        answer = await ana.post(f"/complaints/{reference}/commands/add-party", json=body)
        assert answer.status_code == status, answer.text


async def test_a_delivery_report_is_taken_and_told_in_the_timeline(office: Office) -> None:
    reference = await office.receive()
    async with office.client() as ana, office.client("usr_root") as mailer:
        await ana.post(f"/complaints/{reference}/commands/acknowledge")
        path = f"/complaints/{reference}/facts/report-delivery"
        refused = await ana.post(path, json={"letter": "L1", "state": "delivered"})
        assert refused.status_code == 403
        told = await mailer.post(path, json={"letter": "L1", "state": "delivered", "status": "2.0.0"})
        assert told.status_code == 202, told.text

        async def state() -> bool:
            letters = (await ana.get(f"/complaints/{reference}/letters")).json()["letters"]
            return bool(letters[0]["state"] == "delivered")

        await eventually(state, what="the delivery in the record")
        assert (await mailer.post(f"/complaints/{NOBODYS}/facts/report-delivery",
                                  json={"letter": "L1", "state": "sent"})).status_code == 404  # fmt: skip


async def test_a_command_that_takes_long_says_where_to_look(office: Office) -> None:
    reference = await office.receive()
    app = create_app(office.settings)  # whose callers wait as long as they do outside of tests
    async with office.client(app=app) as ana:
        # Somebody holds the head of the stream: the commit has to wait, and the command with it.
        async with office.deps.sql.begin() as conn:
            await conn.execute(select(heads).where(heads.c.stream == reference).with_for_update())
            answer = await ana.post(f"/complaints/{reference}/commands/add-note", json={"text": "x"})
            assert answer.status_code == 202, answer.text
            place = answer.headers["location"]
            assert place == f"/commands/{answer.json()['command_id']}"
            assert (await ana.get(place)).json()["status"] == "running"
            async with office.client("usr_ben") as ben:
                assert (await ben.get(place)).status_code == 404

        async def recorded() -> bool:
            return bool((await ana.get(place)).json()["status"] == "recorded")

        await eventually(recorded, what="the command in the record")
    await app.state.deps.close()


async def test_a_command_that_is_refused_in_the_end_says_so_where_to_look(office: Office) -> None:
    reference = await office.receive()
    path = f"/complaints/{reference}/commands/take-ownership"
    app = create_app(office.settings)
    async with office.client(app=app) as ana, office.client("usr_ben", app=app) as ben:
        # While the commit has to wait nobody owns it yet, so both are taken; only one can be carried out.
        async with office.deps.sql.begin() as conn:
            await conn.execute(select(heads).where(heads.c.stream == reference).with_for_update())
            answers = await asyncio.gather(*(who.post(path) for who in (ana, ben)))
            assert [answer.status_code for answer in answers] == [202, 202]

        async def both_known() -> list[str]:
            places = zip((ana, ben), answers, strict=True)
            told = [(await who.get(answer.headers["location"])).json() for who, answer in places]
            assert "running" not in [one["status"] for one in told]
            return sorted(f"{one['status']} {one['code']}" for one in told)

        assert await eventually(both_known) == ["recorded None", "refused owned"]
    await app.state.deps.close()


@pytest.mark.parametrize(
    ("command", "body", "key", "statements"),
    [
        ("take-ownership", {}, None, 0),
        ("add-note", {"text": "x"}, None, 1),
        ("take-ownership", {}, "once", 1),
        ("add-note", {"text": "x"}, "twice", 2),
    ],
)
async def test_a_command_costs_the_api_few_statements(
    office: Office, *, command: str, body: dict[str, object], key: str | None, statements: int
) -> None:
    reference = await office.receive()
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "tokens" not in statement:  # who sends it is looked up every few seconds
            seen.append(statement)

    async with office.client() as ana:
        event.listen(office.deps.sql.sync_engine, "before_cursor_execute", note)
        try:
            headers = {"Idempotency-Key": f"{key}-{reference}"} if key else {}
            path = f"/complaints/{reference}/commands/{command}"
            assert (await ana.post(path, json=body, headers=headers)).status_code == 200
        finally:
            event.remove(office.deps.sql.sync_engine, "before_cursor_execute", note)
    assert len(seen) == statements, seen
