"""Customer files: the same address finds the same file however it is written, and no address stands anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.base import Refused
from complaints.chapters.endings import Withdraw
from complaints.chapters.erasure import ErasePersonalData
from complaints.chapters.ownership import DeclareConflict
from complaints.references import CUSTOMER_SPACE, customer_code, parse_customer_code
from ledger import customers
from ledger.customers import CustomerFiles, normalised
from ledger.database import autocommit
from ledger.orphans import sweep_texts
from ledger.record import Record
from ledger.texts import Texts
from tests.complaints.support import ana, ben, olga
from tests.complaints.support import text as ref
from tests.ledger.conftest import MASTER_KEY
from tests.ledger.told import Told


@pytest.fixture
async def conn(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with autocommit(engine).connect() as conn:
        yield conn


async def filed(
    conn: AsyncConnection, reference: str, address: str, *, into: str | None = None
) -> tuple[str | None, str]:
    """File a complaint under an address that lies among the texts; the customer's code and the text's id."""
    id_ = str(uuid4())
    await Texts(MASTER_KEY).put(conn, reference, {id_: address})
    return await CustomerFiles(MASTER_KEY).file(conn, reference, id_, address, code=into), id_


async def count(conn: AsyncConnection, table: str) -> int:
    return int((await conn.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())  # noqa: S608


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("wei@example.org", "  Wei@Example.ORG "),
        ("+86 10 6552-9988", "0086 (10) 65529988"),
        ("12 Mill Lane,  York", "12 MILL LANE, York"),
    ],
)
async def test_an_address_that_is_written_otherwise_finds_the_same_file(
    conn: AsyncConnection, one: str, other: str
) -> None:
    first, _ = await filed(conn, "A", one)
    second, _ = await filed(conn, "B", other)
    assert first is not None
    assert first == second == parse_customer_code(first.lower().replace("-", " "))


@pytest.mark.parametrize(
    ("one", "other"),
    [("wei@example.org", "wie@example.org"), ("020 7946 0000", "020 7946 0001"), ("House 5", "House 6")],
)
async def test_another_address_is_another_customer(conn: AsyncConnection, one: str, other: str) -> None:
    assert (await filed(conn, "A", one))[0] != (await filed(conn, "B", other))[0]


async def test_an_address_that_says_nothing_is_filed_nowhere(conn: AsyncConnection) -> None:
    assert normalised(" \t ") is None
    assert normalised(" Unknown") is None, "those who left no address are not one customer"
    assert normalised("不詳") is None
    assert (await filed(conn, "A", "   "))[0] is None
    assert await count(conn, "customers") == 0


async def test_filed_twice_is_filed_once(conn: AsyncConnection) -> None:
    code, id_ = await filed(conn, "A", "wei@example.org")
    assert await CustomerFiles(MASTER_KEY).file(conn, "A", id_, "wei@example.org") == code
    assert [await count(conn, f"customer{what}") for what in ("s", "_addresses", "_complaints")] == [1, 1, 1]


async def test_many_who_file_one_address_at_once_share_one_file(engine: AsyncEngine) -> None:
    async def one(number: int) -> str | None:
        async with autocommit(engine).connect() as conn:
            return (await filed(conn, f"S{number}", "wei@example.org"))[0]

    codes = await asyncio.gather(*(one(number) for number in range(8)))
    assert len(set(codes)) == 1


async def test_a_further_address_goes_into_the_file_that_is_named_unless_it_has_one(
    conn: AsyncConnection,
) -> None:
    code, _ = await filed(conn, "A", "wei@example.org")
    assert (await filed(conn, "A", "+86 10 65529988", into=code))[0] == code
    assert (await filed(conn, "B", "+861065529988"))[0] == code
    other, _ = await filed(conn, "C", "li@example.org")
    assert (await filed(conn, "A", "li@example.org", into=code))[0] == other


async def test_nothing_of_an_address_lies_in_the_tables_and_its_digest_needs_the_key(
    conn: AsyncConnection,
) -> None:
    await filed(conn, "A", "wei@example.org")
    for table in ("customers", "customer_addresses", "customer_complaints"):
        said = (await conn.execute(text(f"SELECT t::text FROM {table} AS t"))).scalar_one()  # noqa: S608
        assert "wei" not in said
        assert b"wei".hex() not in said
    ours, another = CustomerFiles(MASTER_KEY), CustomerFiles(bytes(32))
    assert ours.index("wei@example.org") != another.index("wei@example.org")


async def test_a_file_lists_what_is_on_record_but_nothing_in_which_the_reader_is_recused(
    conn: AsyncConnection, record: Record
) -> None:
    for reference in ("A", "B", "C"):
        await filed(conn, reference, "wei@example.org")
    code, _ = await filed(conn, "D", "wei@example.org")  # kept, and not recorded yet
    assert code is not None
    told = {reference: await Told(record, reference).owned() for reference in ("A", "B", "C")}
    await told["B"].send(told["B"].doing(ben, DeclareConflict(reason=ref("My cousin."))))
    listed = await customers.complaints_of(conn, code, reader="ana", besides="A")
    assert {one.reference for one in listed} == {"B", "C"}
    assert {(one.kind, one.tier, one.channel, one.phase) for one in listed} == {
        ("complaint", "standard", "mail", "received")
    }
    recused = await customers.complaints_of(conn, code, reader="ben")
    assert {one.reference for one in recused} == {"A", "C"}


async def test_erasing_takes_a_complaint_out_and_the_customer_with_the_last_one(
    conn: AsyncConnection, record: Record
) -> None:
    code, first_text = await filed(conn, "A", "wei@example.org")
    assert code is not None
    await filed(conn, "A", "020 7946 0000", into=code)
    _, second_text = await filed(conn, "B", "wei@example.org")
    told = {reference: await Told(record, reference).owned() for reference in ("A", "B")}

    async def erased(reference: str) -> None:
        story = told[reference]
        await story.send(story.doing(ana, Withdraw(reason=ref("Settled."))))
        await story.send(story.doing(olga, ErasePersonalData(reason="asked_by_the_person")))

    await erased("A")
    assert await customers.code_of(conn, first_text) is None
    assert await customers.code_of(conn, second_text) == code
    assert await count(conn, "customer_addresses") == 1  # the number went, as only A had it
    await erased("B")
    assert not await customers.exists(conn, code)
    assert [await count(conn, f"customer{what}") for what in ("s", "_addresses", "_complaints")] == [0, 0, 0]


async def test_what_a_command_left_behind_that_never_was_is_swept_away(
    engine: AsyncEngine, conn: AsyncConnection
) -> None:
    code, _ = await filed(conn, "A", "wei@example.org")
    assert code is not None
    await conn.execute(text("UPDATE texts SET created_at = now() - interval '3 days'"))
    await conn.execute(text("UPDATE customers SET created_at = now() - interval '3 days'"))
    assert await customers.sweep_empty(conn) == 0
    assert await sweep_texts(conn) == 1
    assert await count(conn, "customer_complaints") == 0
    assert await customers.sweep_empty(conn) == 1
    assert await count(conn, "customer_addresses") == 0


def test_a_code_with_a_mistake_is_found_out() -> None:
    code = customer_code(CUSTOMER_SPACE - 1)
    assert parse_customer_code(f" {code.lower()} ") == code
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    for bad in (wrong, code[1:], "7K2M-9QF3-XA5C", "", "C-", f"{code}0"):
        with pytest.raises(Refused, match="no customer's code"):
            parse_customer_code(bad)
