"""Complaints from before there were customer files find theirs, once, and what was erased stays out."""

from collections.abc import AsyncIterator

import pytest

from activities.customer_files import file_all
from complaints.chapters.endings import Withdraw
from complaints.chapters.erasure import ErasePersonalData
from complaints.chapters.parties import the_customer
from ledger import customers
from ledger.customers import CustomerFiles
from runtime.settings import Settings
from tests.activities.office import Office, open_office
from tests.complaints.support import customer, olga


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


async def code_of(office: Office, stream: str) -> str | None:
    party = next(the_customer(await office.case(stream)))
    assert party.address is not None
    async with office.sql.connect() as conn:
        return await customers.code_of(conn, party.address.id)


async def test_what_came_before_is_filed_once(office: Office) -> None:
    files = CustomerFiles(office.settings.master_key_bytes)
    first, second = await office.receive(), await office.receive(address=" WEI@example.org")
    other, erased = await office.receive(address="li@example.org"), await office.receive()
    await office.do(erased, customer, Withdraw())
    await office.do(erased, olga, ErasePersonalData(reason="asked_by_the_person"))
    looked_at: list[None] = []
    assert await file_all(office.sql, office.record, office.texts, files, lambda: looked_at.append(None)) == 3
    assert len(looked_at) == 4
    assert await code_of(office, first) == await code_of(office, second) is not None
    assert await code_of(office, other) not in (None, await code_of(office, first))
    assert await code_of(office, erased) is None
    assert await file_all(office.sql, office.record, office.texts, files) == 0
