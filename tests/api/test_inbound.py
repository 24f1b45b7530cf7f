"""Mail that waits for a person, over the API: opened on the record, placed once, by one person."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from activities.delivery.channels.signing import sign
from api.app import create_app
from complaints.chapters.conversation import CustomerWrote
from ledger import access
from policies.vocabulary import Channel
from runtime.clock import SYSTEM, Clock
from tests.activities.inbound.lmtp import written
from tests.api.conftest import Office
from tests.api.mails import came_in, told
from tests.support.waiting import eventually


async def test_a_mail_is_opened_on_the_record_and_given_to_its_complaint(office: Office) -> None:
    reference = await office.receive()
    words = "It leaks still.\n\nOn Monday Redress wrote:\n> Hello"
    kept = await came_in(office.deps, written(words, sender="elsewhere@example.org", subject=reference))
    async with office.client("usr_ana") as ana:
        (row,) = [r for r in (await ana.get("/inbound")).json()["mails"] if r["id"] == kept.id]
        assert (row["state"], row["why"]) == ("unplaced", "unknown_sender")
        opened = (await ana.get(f"/inbound/{kept.id}")).json()
        assert (opened["own"], opened["address"]) == ("It leaks still.", "elsewhere@example.org")
        assert "> Hello" in opened["text"]
        assert opened["references"] == [reference]
        async with office.deps.reading.connect() as conn:
            (read,) = await access.read(conn, reference=f"mail {kept.id}")
        assert (read.actor, read.what) == ("usr_ana", ("mail",))
        wrong = await ana.post(f"/inbound/{kept.id}/place", json={"reference": "0000-0000-0000"})
        assert (wrong.status_code, wrong.json()["code"]) == (404, "bad_reference")
        placed = await ana.post(f"/inbound/{kept.id}/place", json={"reference": reference})
        assert placed.status_code == 200, placed.text
        assert (placed.json()["reference"], placed.json()["settled_by"]) == (reference, "usr_ana")
        again = await ana.get(f"/inbound/{kept.id}")
        assert again.status_code == 409
        assert again.json()["detail"] == f"Ana has given this mail to complaint {reference}; read it there."
    await told(office.deps)
    (wrote,) = [
        item for item in await office.service.record.read(reference) if isinstance(item.event, CustomerWrote)
    ]
    assert (wrote.actor, wrote.occurred_at) == ("usr_ana", kept.taken_at)


async def test_of_two_people_at_once_one_places_it_and_the_other_is_told(office: Office) -> None:
    reference = await office.receive()
    kept = await came_in(office.deps, written("For whom?"))
    async with office.client("usr_dora") as dora, office.client("usr_iris") as iris:
        answers = await asyncio.gather(
            dora.post(f"/inbound/{kept.id}/place", json={"reference": reference}),
            iris.post(f"/inbound/{kept.id}/receive", json={}),
            dora.post(f"/inbound/{kept.id}/drop", json={"reason": "spam"}),
        )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"mail_settled"}
    await told(office.deps)


async def test_it_becomes_a_complaint_received_when_it_came_in(office: Office) -> None:
    kept = await came_in(office.deps, written("My kettle leaks.", sender="Mina <mina@example.org>"))
    async with office.client("usr_iris") as iris:
        made = await iris.post(f"/inbound/{kept.id}/receive", json={"pack": "retail-2025"})
        assert made.status_code == 200, made.text
        reference = made.json()["reference"]
        await office.recorded(reference)
    case = await office.service.case(reference)
    assert (case.channel, case.received_at) == (Channel.MAIL, kept.taken_at)
    assert case.parties[0].address is not None


async def test_who_does_not_handle_complaints_sees_no_mail(office: Office) -> None:
    kept = await came_in(office.deps, written("For whom?"))
    for who in ("usr_otto", "usr_root"):
        async with office.client(who) as client:
            assert (await client.get("/inbound")).status_code == 403
            assert (await client.get(f"/inbound/{kept.id}")).status_code == 403
            assert (await client.post(f"/inbound/{kept.id}/drop", json={"reason": "spam"})).status_code == 403
    async with office.client("usr_ana") as ana:
        assert (await ana.get("/inbound/999999999")).status_code == 404
        dropped = await ana.post(f"/inbound/{kept.id}/drop", json={"reason": "spam"})
        assert (dropped.json()["state"], dropped.json()["why"]) == ("dropped", "spam")


async def test_a_provider_reports_bounces_with_a_signature(office: Office) -> None:
    secret = "a secret of the provider"
    app = create_app(office.settings.model_copy(update={"bounce_secret": SecretStr(secret)}))
    reference = await office.receive()
    async with office.client("usr_ana") as ana:
        assert (await ana.post(f"/complaints/{reference}/commands/acknowledge", json={})).status_code == 200
    message_id = f"<{uuid4().hex}@redress.example>"

    sent = text(
        "UPDATE outbox SET state = 'sent', message_id = :id, told_at = now() WHERE stream = :ref AND letter = 'L1'"
    )

    async def queued() -> bool:
        async with office.deps.sql.begin() as conn:
            done = await conn.execute(sent, {"id": message_id, "ref": reference})
            return done.rowcount == 1

    await eventually(queued, what="the letter in the outbox")
    told_of = [
        {"message_id": message_id, "action": "failed", "status": "5.1.1"},
        {"message_id": "<unknown@example.org>", "action": "failed"},
    ]
    body = json.dumps(told_of).encode()
    now = int(Clock(SYSTEM).now().timestamp())

    def headers(key: str = secret, at: int = now) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "Redress-Timestamp": str(at),
            "Redress-Signature": sign([key], at, body),
        }

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://redress.test"
    ) as provider:
        wrong = await provider.post("/mail/bounces", content=body, headers=headers("another"))
        old = await provider.post("/mail/bounces", content=body, headers=headers(at=now - 900))
        assert (wrong.status_code, old.status_code) == (401, 401)
        answer = await provider.post("/mail/bounces", content=body, headers=headers())
        assert answer.json() == {"matched": 1, "unknown": 1}
    async with office.client(None) as nobody:
        refused = await nobody.post("/mail/bounces", content=body, headers=headers())
        assert refused.json()["code"] == "not_set_up"
    async with office.deps.sql.connect() as conn:
        row = await conn.execute(
            text("SELECT state, last_error, told_at IS NULL FROM outbox WHERE message_id = :id"),
            {"id": message_id},
        )
        assert tuple(row.one()) == ("bounced", "5.1.1", True)
    await app.state.deps.close()
