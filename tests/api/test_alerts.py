"""Alerts and ladders over the API: mine, my team's, and rung by rung who was told and whether it reached them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from ledger.outbox import outbox
from policies.vocabulary import Role
from tests.api.conftest import Office
from tests.support.waiting import eventually

PROMISED = timedelta(minutes=15)
"""In which a first answer is promised after receipt."""
SPARE = (4, 10, 30)
"""Seconds before it is due in which the complaint is recorded and taken: more where the machine is slow."""


async def called(office: Office, token: str | None = None) -> str:
    """A complaint that ana owns, or whose token it is, and whose first rung has just called."""
    for spare in SPARE:
        received_at = office.deps.clock.now() - PROMISED + timedelta(seconds=spare)
        reference = await office.receive(received_at=received_at.isoformat())
        async with office.client(token=token) as ana:
            taken = await ana.post(f"/complaints/{reference}/commands/take-ownership")
            assert taken.status_code == 200, taken.text
            told = await response_ladder(ana, reference)
            if told["told_at_once"] or told["rungs"][0]["state"] == "climbed":
                continue  # it was late before it was recorded or taken

            async def climbed(client: Any = ana, reference: str = reference) -> bool:
                return bool((await response_ladder(client, reference))["rungs"][0]["calls"])

            await eventually(climbed, what="the first rung to call")
        return reference
    raise AssertionError("this machine is too slow to take a complaint in half a minute")


async def newcomer(office: Office) -> str:
    """The token of a handler to whom no other test gives anything: what ana owns may become late at any moment."""
    login = f"h{uuid4().hex[:10]}"
    made = await office.deps.directory.add(
        id=f"usr_{login}", login=login, name="Hana", email=f"{login}@example.org", roles=[Role.HANDLER],
        supervisor="usr_dora",
    )  # fmt: skip
    return await office.deps.directory.issue_token(made.id)


async def response_ladder(client: Any, reference: str) -> dict[str, Any]:
    """The ladder of the clock `response`."""
    answer = await client.get(f"/complaints/{reference}/ladder")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = next(told for told in answer.json()["ladders"] if told["clock"] == "response")
    return found


async def mine(client: Any, reference: str, **asked: str) -> list[dict[str, Any]]:
    """What the caller is told of this complaint."""
    answer = await client.get("/alerts", params=asked)
    assert answer.status_code == 200, answer.text
    return [alert for alert in answer.json()["alerts"] if alert["reference"] == reference]


async def row_of(office: Office, reference: str, staff: str, channel: str = "mail") -> int:
    """The outbox row of the first call on this person."""
    async with office.deps.reading.connect() as conn:
        query = select(outbox.c.id).where(
            outbox.c.stream == reference, outbox.c.recipient == f"staff:{staff}", outbox.c.channel == channel,
            outbox.c.rung == 0, outbox.c.clock == "response",
        )  # fmt: skip
        return int((await conn.execute(query)).scalars().first() or 0)


async def test_whoever_was_told_finds_it_among_theirs_and_acknowledging_takes_it_off(office: Office) -> None:
    reference = await called(office)
    async with office.client() as ana, office.client("usr_ben") as ben, office.client("usr_dora") as dora:
        (alert,) = await mine(ana, reference)
        assert (alert["clock"], alert["title"]["en"], alert["rung"], alert["repeat"]) == (
            "response", "Response", 1, 0,
        )  # fmt: skip
        assert {call["over"] for call in alert["calls"]} == {"mail", "desk"}
        assert alert["link"].endswith(f"/desk/complaints/{reference}#ladder")
        assert alert["acknowledged_at"] is None
        assert await mine(ben, reference) == []
        assert [each["owner"] for each in await mine(dora, reference, of="team")] == ["usr_ana"]
        assert await mine(ana, reference, of="team") == []
        done = await ana.post(
            f"/complaints/{reference}/commands/acknowledge-alert", json={"clock": "response"}
        )
        assert done.status_code == 200, done.text
        assert await mine(ana, reference) == []
        (held,) = await mine(ana, reference, state="acknowledged")
        assert held["held"]
        assert held["acknowledged_by"] == "usr_ana"
        assert held["held_until"] is not None


async def test_what_everybody_was_told_is_for_those_who_oversee(office: Office) -> None:
    async with office.client() as ana, office.client("usr_otto") as otto:
        refused = await ana.get("/alerts", params={"of": "everyone"})
        assert refused.status_code == 403
        assert refused.json()["who"] == "department head, compliance officer, administrator"
        assert (await otto.get("/alerts", params={"of": "everyone"})).status_code == 200
    async with office.client(None) as nobody:
        assert (await nobody.get("/alerts")).status_code == 401


async def test_the_ladder_tells_every_rung_whom_it_called_and_what_comes(office: Office) -> None:
    reference = await called(office)
    async with office.client() as ana:
        ladder = await response_ladder(ana, reference)
        first, second = ladder["rungs"]
        assert (first["state"], second["state"]) == ("climbed", "next")
        assert second["at"] is not None
        assert {(call["to"], call["meant_for"]) for call in first["told"]} >= {
            ("staff:usr_ana", "owner"), ("staff:usr_dora", "owner_supervisor"),
        }  # fmt: skip
        assert {call["reached"] for call in first["told"]} <= {"under_way", "sent"}
        assert (second["source"], second["basis"]) == (ladder["source"], "choice"), (
            "its ladder's, as it says none"
        )
        assert not second["own_source"]
        assert ladder["alarming"]
        assert ladder["may_hold_until"] is not None
        done = await ana.post(
            f"/complaints/{reference}/commands/acknowledge-alert", json={"clock": "response"}
        )
        assert done.status_code == 200, done.text
        ladder = await response_ladder(ana, reference)
        assert ladder["acknowledged_by"] == "usr_ana"
        assert ladder["rungs"][1]["state"] == "held"
        assert ladder["rungs"][1]["at"] == ladder["held_until"]


async def test_a_ladder_of_nothing_is_not_found(office: Office) -> None:
    async with office.client() as ana:
        assert (await ana.get("/complaints/7K2M-9QF3-XA5C/ladder")).status_code in (404, 422)


async def test_a_page_ends_and_says_where_the_next_begins(office: Office) -> None:
    token = await newcomer(office)
    first, second = await called(office, token), await called(office, token)
    async with office.client(token=token) as theirs:
        page = (await theirs.get("/alerts", params={"limit": 1})).json()
        assert [alert["reference"] for alert in page["alerts"]] == [second]
        page = (await theirs.get("/alerts", params={"limit": 1, "before": page["next"]})).json()
        assert [alert["reference"] for alert in page["alerts"]] == [first]
        end = (await theirs.get("/alerts", params={"before": 1})).json()
        assert (end["alerts"], end["next"]) == ([], None)
