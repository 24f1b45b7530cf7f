"""Complaints that came in and ended long ago, written into the record as their workflows would have done then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from activities.cases import Cases
from complaints.chapters.endings import Withdraw
from ledger.directory import Directory
from policies.pack import Pack
from tests.activities.office import Office
from tests.complaints.made_packs import keeping
from tests.complaints.support import customer
from tests.support.living import PACK, Living, publish_packs

KEPT: Final = keeping(PACK)
"""In which somebody has chosen how long texts are kept."""


def office_of(service: Living, pack: Pack = KEPT) -> Office:
    """A hand that writes into the record of a living service, by this pack."""
    cases = Cases(service.sql, service.record)
    return Office(
        service.settings, service.sql, service.texts, service.record, Directory(service.sql), cases,
        service.clock, pack=pack,
    )  # fmt: skip


async def archived(service: Living, ended: datetime, pack: Pack = KEPT) -> str:
    """A complaint that was withdrawn at this instant and has rested since. No workflow runs for it."""
    await publish_packs(service.sql, pack)
    office = office_of(service, pack)
    ref = await office.receive(at=ended - timedelta(hours=1))
    await office.do(ref, customer, Withdraw(), at=ended)
    case = await office.until(ref, ended + timedelta(days=400))
    assert case.closure.archived_at is not None
    return ref
