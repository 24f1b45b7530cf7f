"""Moving a complaint to another version of its pack, over HTTP: seen first, done by a named person, by the engine."""

from __future__ import annotations

from datetime import datetime

import pytest

from api.packs import ref_of
from complaints.references import reference as reference_of
from ledger.packs import publish
from policies.pack import Pack
from tests.api.conftest import Office
from tests.complaints.made_packs import clock
from tests.support.living import PACK
from workflows import packs

NEWER: Pack = PACK.model_copy(
    update={
        "name": "retail-trial",  # another name, so that nobody else's complaints fall under it
        "version": 90,
        "title": {"en": "Retail, on trial"},
        "clocks": (
            PACK.clock("response"),
            clock("outcome_sooner", starts_on="received", met_by=["outcome_told"], duration="36 h"),
        ),
    }
)


@pytest.fixture
async def published(office: Office) -> Pack:
    """The newer version, published while the service runs."""
    async with office.deps.sql.begin() as conn:
        await publish(conn, NEWER)
    packs.hold(NEWER)
    await office.deps.packs.of(ref_of(NEWER))
    return NEWER


async def test_a_migration_is_previewed_and_then_does_what_the_preview_said(
    office: Office, published: Pack
) -> None:
    reference = await office.receive(pack=PACK.name)
    asked = {"pack": published.name, "version": str(published.version)}
    async with office.client("usr_otto") as otto:
        shown = await otto.get(f"/complaints/{reference}/migration", params=asked)
        assert shown.status_code == 200, shown.text
        changes = {change["clock"]: change for change in shown.json()["clocks"]}
        assert changes["response"]["change"] == "stays"
        assert changes["complaint_outcome"]["change"] == "stops"
        assert changes["outcome_sooner"]["change"] == "starts"
        case = (await otto.get(f"/complaints/{reference}")).json()["case"]
        assert case["pack"]["version"] == PACK.version, "a preview changes nothing"

        moved = await otto.post(
            f"/complaints/{reference}/commands/migrate-pack",
            json={
                "pack": {"name": published.name, "version": published.version},
                "reason": "It holds for all.",
            },
        )
        assert moved.status_code == 200, moved.text
        case = (await otto.get(f"/complaints/{reference}")).json()["case"]
        assert case["pack"]["name"] == published.name
        running = {
            run["clock"]: datetime.fromisoformat(run["due_at"])
            for run in (await otto.get(f"/complaints/{reference}/clocks")).json()["clocks"]
            if run["state"] == "running"
        }
        assert running == {
            name: datetime.fromisoformat(change["after"])
            for name, change in changes.items()
            if change["after"] is not None
        }
        last = (await otto.get(f"/complaints/{reference}/timeline")).json()["events"]
        told = next(event for event in last if event["type"] == "PackMigrated")
        assert (told["actor"], told["body"]["reason"]["text"]) == ("usr_otto", "It holds for all.")
    async with office.client() as ana:  # and life goes on under the new pack
        assert (await ana.post(f"/complaints/{reference}/commands/acknowledge")).status_code == 200


async def test_who_may_not_migrate_sees_no_preview_either(office: Office, published: Pack) -> None:
    reference = await office.receive(pack=PACK.name)
    asked = {"pack": published.name, "version": str(published.version)}
    async with office.client("usr_ana") as ana:
        answer = await ana.get(f"/complaints/{reference}/migration", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"pack": "no-such-pack"}, 404, "unknown_pack"),
        ({"pack": "retail-2025", "version": "12345"}, 404, "unknown_pack"),
        ({"pack": "retail-2025", "version": "x"}, 422, "not_well_formed"),
        ({}, 422, "not_well_formed"),
    ],
)
async def test_a_pack_that_is_not_there_is_said_so(
    office: Office, asked: dict[str, str], status: int, code: str
) -> None:
    reference = await office.receive(pack=PACK.name)
    async with office.client("usr_otto") as otto:
        answer = await otto.get(f"/complaints/{reference}/migration", params=asked)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_unknown_complaint_has_no_preview(office: Office) -> None:
    async with office.client("usr_otto") as otto:
        nobodys = reference_of(20_261_199)
        answer = await otto.get(f"/complaints/{nobodys}/migration", params={"pack": PACK.name})
        assert answer.status_code == 404


async def test_a_pack_that_was_published_this_very_moment_is_known_to_whoever_names_it(
    office: Office,
) -> None:
    assert await office.deps.packs.all()  # looked at just now, and not due to be looked at again
    fresh = NEWER.model_copy(update={"name": "retail-fresh"})
    async with office.deps.sql.begin() as conn:
        await publish(conn, fresh)
    packs.hold(fresh)
    reference = await office.receive(pack=fresh.name)
    newest = NEWER.model_copy(update={"name": "retail-fresh", "version": 91})
    async with office.deps.sql.begin() as conn:
        await publish(conn, newest)
    asked = {"pack": newest.name, "version": "91"}
    async with office.client("usr_otto") as otto:
        shown = await otto.get(f"/complaints/{reference}/migration", params=asked)
    assert shown.status_code == 200, shown.text
