"""A complaint that was moved to another pack lives on under that one, also from its record alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from complaints.base import Actor
from complaints.chapters.intake import Acknowledge
from complaints.chapters.migration import MigratePack
from ledger.chain import derive_seal_key
from ledger.verify import verify
from policies.pack import Pack
from policies.vocabulary import Role
from runtime.settings import Settings
from tests.complaints.made_packs import clock
from tests.support.living import PACK, Living, iris, living, ref_of
from tests.support.waiting import eventually
from workflows.contract import complaint_workflow_id

NEWER: Pack = PACK.model_copy(
    update={
        "name": "moved-to",
        "clocks": (
            clock("hello", starts_on="received", met_by=["acknowledged"], duration="9 h"),
            clock("brief", starts_on="acknowledged", met_by=["closed"], duration="2 s"),
        ),
    }
)
"""None of the clocks that a complaint starts with under the test pack, and one of seconds: it starts with what the test
does, so that it never runs out before the complaint was moved, however busy the machine is."""

otto = Actor(id="usr_otto", roles=(Role.COMPLIANCE_OFFICER,))


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Living]:
    async with living(settings, NEWER) as running:
        yield running


async def moved(service: Living) -> str:
    """A complaint that came in under the test pack and was moved."""
    ref = await service.receive()
    await eventually(lambda: service.record.sequence(ref), what="the complaint on record")
    reason = await service.text(ref, "It holds for all of us now.")
    await service.do(ref, otto, MigratePack(pack=ref_of(NEWER), reason=reason))
    return ref


async def sound(service: Living) -> None:
    found = await verify(service.sql, derive_seal_key(service.settings.master_key_bytes))
    assert found.ok, found


async def test_time_acts_by_the_new_pack(service: Living) -> None:
    ref = await moved(service)
    await service.do(ref, iris, Acknowledge())

    async def breached() -> bool:
        return "ClockBreached" in await service.types(ref)

    await eventually(breached, what="the new pack's clock to run out")
    run = next(run for run in (await service.case(ref)).clocks.occurrences if run.clock == "brief")
    assert run.breached_at == run.started_at + timedelta(seconds=2)
    await sound(service)


async def test_it_goes_on_under_the_new_pack_when_its_workflow_is_lost(service: Living) -> None:
    ref = await moved(service)
    await service.client.get_workflow_handle(complaint_workflow_id(ref)).terminate("lost")
    assert await service.engine.revive(ref, await service.case(ref))
    live = await service.engine.live(ref)
    assert {run.clock for run in live.clocks} == {"hello"}
    outcome = await service.do(ref, iris, Acknowledge())
    assert outcome.events[0] == "Acknowledged"
    case = await service.case(ref)
    assert case.pack == ref_of(NEWER)
    assert case.clocks.find("hello", 1).met_at is not None
    await sound(service)
