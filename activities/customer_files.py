"""Filing afterwards: complaints from before there were customer files, under the addresses their parties left."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.chapters.intake import ComplaintReceived
from complaints.chapters.parties import the_customer
from complaints.lifecycle import fold
from ledger import customers
from ledger.customers import CustomerFiles
from ledger.database import autocommit
from ledger.record import Record
from ledger.texts import Texts


async def file_all(
    sql: AsyncEngine,
    record: Record,
    texts: Texts,
    files: CustomerFiles,
    progress: Callable[[], None] = lambda: None,
) -> int:
    """File every complaint that stands in no file; returns how many addresses that were. Safe to repeat.

    `progress` is called once for each complaint looked at. What was erased stays out. Raises what the
    database raises, and TextDamaged under another master key.
    """
    engine = autocommit(sql)
    filed, after = 0, ""
    while True:
        async with engine.connect() as conn:
            page = await customers.not_filed(conn, after)
        if not page:
            return filed
        for reference in page:
            filed += await _file(engine, record, texts, files, reference)
            progress()
        after = page[-1]


async def _file(
    engine: AsyncEngine, record: Record, texts: Texts, files: CustomerFiles, reference: str
) -> int:
    happenings = await record.read(reference)
    if not happenings or not isinstance(happenings[0].event, ComplaintReceived):
        return 0
    known = [party.address.id for party in the_customer(fold(happenings)) if party.address is not None]
    if not known:
        return 0
    filed = 0
    async with engine.connect() as conn:
        for id_, address in (await texts.get(conn, known)).items():
            if isinstance(address, str):
                filed += await files.file(conn, reference, id_, address) is not None
    return filed
