"""The history of permissions: every change is in it, with its author, and nobody takes it out again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.directory import Directory
from ledger.second_factors import SecondFactors
from ledger.staff_history import OUT_OF_HOURS, StaffHistory
from policies.vocabulary import Role
from tests.ledger.conftest import MASTER_KEY

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
AWAY = datetime(2026, 5, 4, 1, tzinfo=UTC)


@pytest.fixture
async def directory(engine: AsyncEngine) -> Directory:
    made = Directory(engine, QUICK)
    await made.add(id="usr_ana", login="ana", name='Ana "A" [1]', email="ana@example.org", roles=[Role.HANDLER],
                   password="one", by="cli:root")  # fmt: skip
    return made


@pytest.fixture
def history(engine: AsyncEngine) -> StaffHistory:
    return StaffHistory(engine)


async def told(history: StaffHistory) -> list[tuple[str, str | None, str | None, str]]:
    return [(one.field, one.was, one.became, one.by_whom) for one in reversed(await history.changes())]


async def test_taking_a_person_in_is_told_field_by_field(directory: Directory, history: StaffHistory) -> None:
    assert set(await told(history)) == {
        ("login", None, "ana", "cli:root"),
        ("name", None, 'Ana "A" [1]', "cli:root"),
        ("email", None, "ana@example.org", "cli:root"),
        ("roles", None, "handler", "cli:root"),
        ("language", None, "en", "cli:root"),
        ("active", None, "true", "cli:root"),
        ("password", None, "set", "cli:root"),
    }


async def test_every_change_is_told_with_what_it_was_and_who_made_it(
    directory: Directory, history: StaffHistory, engine: AsyncEngine
) -> None:
    before = len(await history.changes())
    await directory.change("usr_ana", roles=[Role.HANDLER, Role.APPROVER], by="usr_root")
    await directory.change("usr_ana", roles=[Role.HANDLER, Role.APPROVER], department="logistics")
    await directory.set_away("usr_ana", AWAY, "cli:root")
    token = await directory.issue_token(
        "usr_ana", roles=[Role.HANDLER], purpose="mail gateway", by="cli:root"
    )
    await directory.revoke_token(token, "usr_root")
    await directory.issue_token("usr_ana")
    factors = SecondFactors(engine, MASTER_KEY, "Redress")
    await factors.give("usr_ana", "cli:root")
    await factors.take_away("usr_ana", "cli:root")
    await directory.change("usr_ana", password="two", active=False, by="usr_root")
    changes = (await told(history))[before:]
    assert changes[:8] == [
        ("roles", "handler", "approver, handler", "usr_root"),
        ("department", None, "logistics", "database"),
        ("away_until", None, "2026-05-04T01:00:00+00:00", "cli:root"),
        ("token", None, "mail gateway: handler", "cli:root"),
        ("token", "mail gateway: handler", None, "usr_root"),
        ("token", None, "all roles", "database"),
        ("second factor", None, "set", "cli:root"),
        ("second factor", "set", None, "cli:root"),
    ]
    assert set(changes[8:]) == {
        ("active", "true", "false", "usr_root"),
        ("password", "set", "set", "usr_root"),
        ("token", "all roles", None, "usr_root"),
    }


async def test_a_change_by_hand_in_the_database_is_told_as_well_and_one_that_is_undone_is_not(
    directory: Directory, history: StaffHistory, engine: AsyncEngine
) -> None:
    before = len(await history.changes())
    async with engine.connect() as conn:
        await conn.execute(text("UPDATE staff SET roles = '{administrator}'"))
        await conn.rollback()
    assert len(await history.changes()) == before
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE staff SET roles = '{administrator}'"))
    assert (await told(history))[before:] == [("roles", "handler", "administrator", "database")]
    async with engine.begin() as conn:
        await conn.execute(text("DELETE FROM staff"))
    assert ("login", "ana", None, "database") in await told(history)


async def test_what_is_no_permission_is_not_told(directory: Directory, history: StaffHistory) -> None:
    before = len(await history.changes())
    await directory.open_session("usr_ana")
    await directory.add(
        id="usr_ana", login="ana", name='Ana "A" [1]', email="ana@example.org", roles=[Role.HANDLER]
    )
    dearer = Directory(directory._engine, PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert (
        await dearer.authenticate("ana", "one") is not None
    )  # its password is kept more dearly from here on
    await directory.issue_party_token("7K2M9QF3XA5C", "P1")
    assert (await told(history))[before:] == []


@pytest.mark.parametrize(
    "statement",
    ["UPDATE staff_changes SET by_whom = 'nobody'", "DELETE FROM staff_changes", "TRUNCATE staff_changes"],
)
async def test_nobody_takes_anything_out(directory: Directory, engine: AsyncEngine, statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"23001|RestrictViolation"):
        async with engine.begin() as conn:
            await conn.execute(text(statement))


async def test_the_changes_of_one_person_come_page_by_page(
    directory: Directory, history: StaffHistory
) -> None:
    await directory.add(id="usr_ben", login="ben", name="Ben", email="ben@example.org", roles=[Role.HANDLER])
    first = await history.changes(staff="usr_ana", limit=4)
    rest = await history.changes(staff="usr_ana", before=first[-1].id)
    assert (len(first), len(rest)) == (4, 3)
    assert {one.staff for one in (*first, *rest)} == {"usr_ana"}
    ids = [one.id for one in (*first, *rest)]
    assert ids == sorted(ids, reverse=True)


async def test_a_review_is_due_after_ninety_days_and_done_by_saying_so(
    directory: Directory, history: StaffHistory, engine: AsyncEngine
) -> None:
    await directory.add(
        id="usr_left", login="left", name="Zoe", email="zoe@example.org", roles=[Role.HANDLER]
    )
    await directory.change("usr_left", active=False)
    await directory.issue_token("usr_ana")
    ana = (await history.review())[0]
    assert (ana.login, ana.roles, ana.tokens, ana.second_factor) == ("ana", (Role.HANDLER,), 1, False)
    assert (ana.due, ana.last_sign_in_at, ana.reviewed_at) == (False, None, None)
    await directory.open_session("usr_ana")
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE staff SET created_at = now() - interval '90 days'"))
    assert [(one.login, one.due) for one in await history.review()] == [("ana", True), ("left", False)]
    await history.reviewed("usr_ana", "cli:root")
    ana = (await history.review())[0]
    assert not ana.due
    assert ana.reviewed_at is not None
    assert ana.last_sign_in_at is not None
    assert (await told(history))[-1] == ("reviewed", None, None, "cli:root")


async def test_who_came_in_out_of_hours_is_told_once_for_each_night(
    directory: Directory, history: StaffHistory
) -> None:
    for opens in (AWAY, AWAY, AWAY.replace(day=5)):
        await history.came_in("usr_ana", opens)
    found = [one.became for one in await history.changes() if one.field == OUT_OF_HOURS]
    assert found == ["2026-05-05T01:00:00+00:00", "2026-05-04T01:00:00+00:00"]
