"""Figures over HTTP: who sees whose, what a period may be, and what is entered by hand."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from complaints.chapters.feedback import AnswerSatisfaction
from ledger import packs
from policies.pack import Basis, Measure, Pack, Source, Target
from tests.api.conftest import Office
from tests.complaints.support import PACK
from tests.ledger.told_figures import put, scored

ZONE = ZoneInfo(PACK.timezone)


def goal(id_: str, measure: Measure, **bounds: Any) -> Target:
    return Target(
        id=id_, title={"en": id_.title()}, measure=measure, unit="percent", basis=Basis.TARGET,
        source=Source(document="Handbook", section="S1.4"), since=PACK.holds_from, **bounds,
    )  # fmt: skip


async def published(office: Office) -> Pack:
    """A pack of this test alone, with one target that is measured and one that is entered."""
    goals = (
        goal("content", Measure.SATISFACTION, at_least=85),
        goal("retention", Measure.SUPPLIED, at_least=85),
    )
    pack = PACK.model_copy(update={"name": f"p{uuid4().hex}", "targets": goals})
    async with office.deps.sql.begin() as conn:
        await packs.publish(conn, pack)
    return pack


async def answered(office: Office, pack: Pack, scores: dict[int, tuple[str, int]]) -> None:
    """Complaints answered yesterday, each with its owner and the customer's score."""
    at = office.deps.clock.now() - timedelta(days=1)
    for number, (owner, score) in scores.items():
        story = scored(AnswerSatisfaction(score=score), at=at, pack=pack)
        await put(office.service.record, story, uuid4().int % 2**55 + number, owner=owner)


async def test_a_target_comes_with_n_interval_source_and_the_way_to_its_cases(office: Office) -> None:
    pack = await published(office)
    await answered(office, pack, {n: ("usr_ana", 5 if n else 2) for n in range(10)})
    async with office.client("usr_ana") as ana:
        told = (await ana.get(f"/figures/{pack.name}")).json()
        content, retention = told["targets"]
        assert (content["value"], content["n"], content["verdict"]) == (90.0, 10, "met")
        assert content["low"] < 90 < content["high"]
        assert (content["source"], content["at_least"]) == ("Handbook, S1.4", 85)
        assert content["before"] == {"value": None, "n": 0, "low": None, "high": None}
        assert (retention["value"], retention["n"], retention["verdict"]) == (None, None, "unknown")
        assert told["as_of"].endswith("Z")
        behind = (await ana.get(content["cases"])).json()["complaints"]
        assert [(one["value"], one["good"]) for one in behind[:2]] == [(2.0, False), (5.0, True)]
        assert (await ana.get(f"/complaints/{behind[0]['reference']}")).status_code == 200
        assert "wei" not in str(told).lower()


async def test_others_figures_are_for_those_who_lead(office: Office) -> None:
    pack = await published(office)
    await answered(office, pack, {0: ("usr_ana", 5), 1: ("usr_ben", 1), 2: ("usr_dora", 5)})
    asked = f"/figures/{pack.name}"

    async def seen(who: str, team: str | None = None) -> Any:
        async with office.client(who) as client:
            return await client.get(asked, params={"team": team} if team else {})

    assert (await seen("usr_ana", "usr_ben")).status_code == 403
    assert (await seen("usr_ana", "usr_cleo")).status_code == 403
    mine = (await seen("usr_ana", "usr_ana")).json()
    assert mine["targets"][0]["n"] == 1
    assert (await seen("usr_ana", "usr_dora")).json()["targets"][0]["n"] == 3, "her own team's"
    everything = (await seen("usr_ana")).json()
    assert everything["people"] == []
    assert [group["who"] for group in everything["teams"]] == ["usr_dora"]
    led = (await seen("usr_dora")).json()
    assert {group["who"]: group["satisfaction"]["value"] for group in led["people"]} == {
        "usr_ana": 100.0, "usr_ben": 0.0, "usr_dora": 100.0,
    }  # fmt: skip
    assert (await seen("usr_dora", "usr_ben")).json()["targets"][0]["value"] == 0.0


async def test_well_handled_is_named_by_the_packs_targets_and_by_enough_answers(office: Office) -> None:
    pack = await published(office)
    told = dict.fromkeys(range(10), ("usr_ana", 5)) | {
        n: ("usr_ben", 4 if n < 18 else 1) for n in range(10, 20)
    }
    await answered(office, pack, told | {20: ("usr_cleo", 5)})
    async with office.client("usr_dora") as dora:
        people = {one["who"]: one for one in (await dora.get(f"/figures/{pack.name}")).json()["people"]}
    assert {who: one["named"] for who, one in people.items()} == {
        "usr_ana": True, "usr_ben": False, "usr_cleo": False,
    }  # fmt: skip
    assert people["usr_ben"]["missed"] == ["content"]
    assert people["usr_cleo"]["missed"] == people["usr_cleo"]["met"] == [], "one answer is no judgement"


async def test_a_figure_is_entered_by_who_leads_and_every_entry_is_kept(office: Office) -> None:
    pack = await published(office)
    today = office.deps.clock.now().astimezone(ZONE).date()
    where = f"/figures/{pack.name}/retention"
    body = {
        "from": str(today - timedelta(days=40)), "to": str(today - timedelta(days=10)), "value": 84.999,
        "note": "From the membership accounts.",
    }  # fmt: skip
    async with office.client("usr_ana") as ana:
        assert (await ana.put(where, json=body)).status_code == 403
    async with office.client("usr_dora") as dora:
        first = await dora.put(where, json=body)
        assert first.status_code == 200, first.text
        assert (first.json()["verdict"], first.json()["by"]) == ("missed", "usr_dora")
        again = await dora.put(where, json=body | {"value": 85, "note": "Counted anew."})
        assert again.json()["verdict"] == "met"
        target = (await dora.get(f"/figures/{pack.name}")).json()["targets"][1]
        assert (target["value"], target["verdict"]) == (85.0, "met")
        assert target["entered"]["note"] == "Counted anew."
        assert target["cases"] is None
        teams = (await dora.get(f"/figures/{pack.name}", params={"team": "usr_dora"})).json()
        assert teams["targets"][1]["value"] is None, "what was entered is never of one team alone"
        measured = await dora.put(f"/figures/{pack.name}/content", json=body)
        assert (measured.status_code, measured.json()["code"]) == (409, "is_measured")
        to_come = str(today + timedelta(days=2))  # also where midnight has just passed
        assert (await dora.put(where, json=body | {"to": to_come})).json()["code"] == "bad_period"
    async with office.deps.reading.connect() as conn:
        from sqlalchemy import text

        kept = await conn.execute(
            text("SELECT value FROM supplied_figures WHERE pack = :p ORDER BY id"), {"p": pack.name}
        )
        assert list(kept.scalars()) == [Decimal("84.999"), 85]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"from": "2025-01-01", "to": "2025-01-01"}, 200),
        ({"from": "2025-01-02", "to": "2025-01-01"}, 422),
        ({"from": "2020-01-01", "to": "2025-01-01"}, 422),
        ({"from": "0001-01-01", "to": "0001-01-02"}, 422),
        ({"to": "0001-01-01"}, 422),
        ({"to": "1970-01-01"}, 422),  # thirty days up to it would begin before the first
        ({"from": "1735689600"}, 422),
        ({"from": "2025-13-01"}, 422),
        ({"team": "a b"}, 422),
        ({"until": "2025-01-01"}, 422),
    ],
)
async def test_a_period_is_days_in_their_order(office: Office, asked: dict[str, str], status: int) -> None:
    async with office.client() as ana:
        told = await ana.get(f"/figures/{PACK.name}", params=asked)
    assert told.status_code == status, told.text


async def test_what_is_not_there_is_said_to_be_not_there(office: Office) -> None:
    async with office.client() as ana:
        assert (await ana.get("/figures/nothing")).json()["code"] == "unknown_pack"
        for clock in ({}, {"clock": "nothing"}):
            gone = await ana.get(f"/figures/{PACK.name}/complaints/deadlines", params=clock)
            assert gone.json()["code"] == "unknown_clock"
        kept = await ana.get(f"/figures/{PACK.name}/complaints/deadlines", params={"clock": "response"})
        assert kept.status_code == 200
    async with office.client("usr_dora") as dora:
        body = {"from": "2025-01-01", "to": "2025-01-31", "value": 1, "note": "n"}
        gone = await dora.put(f"/figures/{PACK.name}/nothing", json=body)
        assert gone.json()["code"] == "unknown_target"
        assert "satisfaction" in gone.json()["detail"], "it says which there are"
    async with office.client(None) as nobody:
        assert (await nobody.get(f"/figures/{PACK.name}")).status_code == 401
