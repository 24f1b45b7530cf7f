"""Retention over HTTP: who may see what is erased soon, by which rule, a page at a time."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import Office
from tests.support.archived import KEPT, archived
from tests.support.living import PACK

DAY = timedelta(days=1)
RULE = f"retained ({KEPT.retained.source.document}, {KEPT.retained.source.section})"


def ended(office: Office, kept_for: timedelta) -> datetime:
    """When a complaint has ended whose texts are kept for so long from now, up to the end of that day."""
    now = office.service.clock.now()
    found = now + kept_for - 1096 * DAY
    while KEPT.after(found, KEPT.retention) < now + kept_for:
        found += DAY
    return found


async def listed(office: Office, **asked: Any) -> list[dict[str, Any]]:
    """All pages of it."""
    found: list[dict[str, Any]] = []
    async with office.client("usr_otto") as otto:
        while True:
            answer = await otto.get("/retention", params=asked)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            found += told["complaints"]
            if told["next"] is None:
                return found
            asked["cursor"] = told["next"]


async def test_what_ends_within_the_month_is_listed_with_its_rule_until_a_hold_is_laid(
    office: Office,
) -> None:
    soon, later, between = [
        await archived(office.service, ended(office, span)) for span in (10 * DAY, 60 * DAY, 20 * DAY)
    ]
    ours = [one for one in await listed(office, limit=1) if one["reference"] in (soon, later, between)]
    assert [one["reference"] for one in ours] == [soon, between]
    case = await office.service.case(soon)
    assert case.closure.over_since is not None
    until = KEPT.after(case.closure.over_since, KEPT.retention)
    assert datetime.fromisoformat(ours[0]["kept_until"]) == until
    assert datetime.fromisoformat(ours[0]["erased_at"]) == until + DAY
    assert (ours[0]["pack"], ours[0]["rule"], ours[0]["closed_at"]) == (KEPT.name, RULE, None)
    assert later in [one["reference"] for one in await listed(office, days=90)]

    async with office.client("usr_otto") as otto:
        path = f"/complaints/{soon}/commands/place-legal-hold"
        held = await otto.post(path, json={"reason": "The court asks."})
    assert held.status_code == 200, held.text
    assert soon not in [one["reference"] for one in await listed(office)]


async def test_packs_in_which_nobody_chose_it_are_named_with_the_place_of_their_choices(
    office: Office,
) -> None:
    default, kept = [await archived(office.service, ended(office, DAY), pack) for pack in (PACK, KEPT)]
    async with office.client("usr_otto") as otto:
        told = (await otto.get("/retention", params={"limit": 200})).json()
        (ours,) = [one for one in told["unchosen"] if one["pack"] in (PACK.name, KEPT.name)]
        assert (ours["pack"], ours["pack_version"]) == (PACK.name, PACK.version)
        choices = (await otto.get(ours["choices"])).json()
    assert choices["version"] == PACK.version
    assert [one["made"] for one in choices["choices"] if one["path"] == "retained"] == [False]
    listed_ = [one["reference"] for one in told["complaints"]]
    assert default not in listed_, "it does not go by itself"
    assert kept in listed_


@pytest.mark.parametrize("who", ["usr_ana", "usr_dora", "usr_cleo"])
async def test_it_is_not_for_others(office: Office, who: str) -> None:
    async with office.client(who) as client:
        answer = await client.get("/retention")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    "marker",
    [
        "nonsense",
        "",
        "書",
        base64.b64encode(b'["9999-12-31T23:59:59-14:00", "x"]').decode(),
        base64.b64encode(b'["2026-01-01T00:00:00Z", "\\u0000"]').decode(),
    ],
)
async def test_a_page_marker_of_nobodys_is_refused_with_a_sentence(office: Office, marker: str) -> None:
    async with office.client("usr_root") as root:
        answer = await root.get("/retention", params={"cursor": marker})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_cursor")
    assert answer.json()["detail"].endswith("begin again with the first page.")
