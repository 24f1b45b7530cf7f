"""Second factors on the real database: a code once, guessing slowed, secrets that the database does not give away."""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from argon2 import PasswordHasher
from cryptography.exceptions import InvalidTag
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.directory import FAILURES_ALLOWED, Directory, TooManyAttempts
from ledger.second_factors import NewFactor, SecondFactors
from ledger.totp import code, step_of
from policies.vocabulary import Role
from runtime.clock import Clock
from tests.ledger.conftest import MASTER_KEY

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
async def directory(engine: AsyncEngine) -> Directory:
    made = Directory(engine, QUICK)
    await made.add(id="usr_ana", login="ana", name="Ana", email="ana@example.org", roles=[Role.HANDLER])
    return made


@pytest.fixture
def factors(engine: AsyncEngine) -> SecondFactors:
    return SecondFactors(engine, MASTER_KEY, "Redress")


def app_of(new: NewFactor | None, off: int = 0) -> str:
    """What an authenticator app that read this link shows now, or some steps from now."""
    assert new is not None
    secret = base64.b32decode(parse_qs(urlsplit(new.uri).query)["secret"][0])
    return code(secret, step_of(Clock().now().timestamp()) + off)


async def set_back(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as conn:
        await conn.execute(text(statement))


async def test_a_code_lets_in_once_and_its_ticket_is_used_up(
    directory: Directory, factors: SecondFactors
) -> None:
    new = await factors.give("usr_ana", "cli:root")
    assert await factors.has("usr_ana")
    shown = app_of(new)
    ticket = await factors.ask("usr_ana")
    owed = await factors.owed(ticket)
    assert owed is not None
    assert (owed.staff, owed.new) == ("usr_ana", None)
    assert await factors.prove(ticket, shown)
    assert await factors.owed(ticket) is None
    assert not await factors.prove(ticket, app_of(new, 1))
    again = await factors.ask("usr_ana")
    assert not await factors.prove(again, shown), "a code that somebody looked at over the shoulder"
    assert await factors.prove(again, app_of(new, 1))


async def test_of_two_who_send_one_code_at_once_one_gets_in(
    directory: Directory, factors: SecondFactors
) -> None:
    new = await factors.give("usr_ana", "cli:root")
    tickets = [await factors.ask("usr_ana") for _ in range(4)]
    shown = app_of(new)
    proven = await asyncio.gather(*(factors.prove(ticket, shown) for ticket in tickets))
    assert sorted(proven) == [False, False, False, True]


async def test_guessing_codes_is_slowed_also_with_new_tickets(
    directory: Directory, factors: SecondFactors, engine: AsyncEngine
) -> None:
    new = await factors.give("usr_ana", "cli:root")
    for _ in range(FAILURES_ALLOWED):
        assert not await factors.prove(await factors.ask("usr_ana"), "not it")
    ticket = await factors.ask("usr_ana")
    with pytest.raises(TooManyAttempts):
        await factors.prove(ticket, app_of(new))
    await set_back(engine, "UPDATE sign_in_failures SET blocked_until = now() - interval '1 second'")
    assert await factors.prove(ticket, app_of(new))


async def test_a_factor_is_theirs_only_once_they_showed_a_code_of_it(
    directory: Directory, factors: SecondFactors
) -> None:
    session, ticket = await directory.open_session("usr_ana"), await factors.offer("usr_ana")
    owed = await factors.owed(ticket)
    assert owed is not None
    assert owed.new is not None
    assert owed.new.key.replace(" ", "") in owed.new.uri
    assert not await factors.prove(ticket, "000000x")
    assert not await factors.has("usr_ana")
    assert await directory.session(session.id) is not None
    shown = app_of(owed.new)
    assert await factors.prove(ticket, shown)
    assert await factors.has("usr_ana")
    assert await directory.session(session.id) is None, "signed in without the factor"
    assert not await factors.prove(await factors.ask("usr_ana"), shown), "the confirming code is spent"


async def test_who_gets_or_loses_a_factor_is_signed_out_and_keeps_the_tokens(
    directory: Directory, factors: SecondFactors
) -> None:
    token = await directory.issue_token("usr_ana")
    session = await directory.open_session("usr_ana")
    offered = await factors.offer("usr_ana")
    await factors.give("usr_ana", "cli:root")
    assert await directory.session(session.id) is None
    assert await factors.owed(offered) is None
    assert await directory.actor_for_token(token) is not None
    session, ticket = await directory.open_session("usr_ana"), await factors.ask("usr_ana")
    seen = await directory.session(session.id)
    assert seen is not None
    assert seen.second_factor
    assert await factors.take_away("usr_ana", "cli:root")
    assert await directory.session(session.id) is None
    assert await factors.owed(ticket) is None
    assert not await factors.has("usr_ana")
    assert not await factors.take_away("usr_ana", "cli:root")
    assert await factors.give("usr_nobody", "cli:root") is None


async def test_a_ticket_ends_and_is_swept(
    directory: Directory, factors: SecondFactors, engine: AsyncEngine
) -> None:
    new = await factors.give("usr_ana", "cli:root")
    ticket = await factors.ask("usr_ana")
    await set_back(engine, "UPDATE sign_in_steps SET expires_at = now() - interval '1 second'")
    assert await factors.owed(ticket) is None
    assert not await factors.prove(ticket, app_of(new))
    assert await directory.sweep() >= 1
    async with engine.connect() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM sign_in_steps"))).scalar_one() == 0


async def test_the_database_gives_no_secret_away(
    directory: Directory, factors: SecondFactors, engine: AsyncEngine
) -> None:
    new = await factors.give("usr_ana", "cli:root")
    await factors.offer("usr_ana")
    assert new is not None
    secret = base64.b32decode(new.key.replace(" ", ""))
    async with engine.connect() as conn:
        kept = (await conn.execute(text("SELECT second_factor FROM staff"))).scalar_one()
        told = (await conn.execute(text("SELECT staff_changes::text FROM staff_changes"))).scalars().all()
    assert secret not in kept
    assert not any(secret.hex() in row or kept.hex() in row for row in told)


async def test_a_secret_put_beside_another_person_is_of_no_use(
    directory: Directory, factors: SecondFactors, engine: AsyncEngine
) -> None:
    new = await factors.give("usr_ana", "cli:root")
    await directory.add(id="usr_ben", login="ben", name="Ben", email="ben@example.org", roles=[Role.HANDLER])
    await set_back(
        engine, "UPDATE staff SET second_factor = (SELECT second_factor FROM staff WHERE id = 'usr_ana')"
    )
    with pytest.raises(InvalidTag):
        await factors.prove(await factors.ask("usr_ben"), app_of(new))
