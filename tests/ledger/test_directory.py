"""The directory: who may come in, with what, for how long, and where people read their mail."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Actor, Person
from ledger import access
from ledger.directory import FAILURES_ALLOWED, Bearer, Directory, LoginTaken, Mailbox, TooManyAttempts
from policies.vocabulary import Role
from runtime.clock import Clock

QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PASSWORD = "correct horse 電池"


@pytest.fixture
async def directory(engine: AsyncEngine) -> Directory:
    directory = Directory(engine, QUICK)
    await directory.add(id="usr_dora", login="dora", name="Dora Supervisor", email="dora@example.org",
                        roles=[Role.SUPERVISOR, Role.APPROVER])  # fmt: skip
    await directory.add(id="usr_ana", login="Ana ", name="Ana Handler", email="ana@example.org", language="zh",
                        roles=[Role.HANDLER], password=PASSWORD, supervisor="usr_dora")  # fmt: skip
    return directory


ANA = Actor(id="usr_ana", roles=(Role.HANDLER,), supervisor="usr_dora")


async def run(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as conn:
        await conn.execute(text(statement))


async def test_people_are_found_by_id_role_and_recipient(directory: Directory) -> None:
    assert await directory.person("usr_ana") == Person(
        id="usr_ana", roles=(Role.HANDLER,), supervisor="usr_dora"
    )
    assert await directory.person("usr_nobody") is None
    assert [one.id for one in await directory.people_with_role(Role.APPROVER)] == ["usr_dora"]
    assert await directory.names(["usr_ana", "usr_nobody"]) == {"usr_ana": "Ana Handler"}
    ana = Mailbox(staff="usr_ana", name="Ana Handler", address="ana@example.org", language="zh")
    assert await directory.email_of("staff:usr_ana") == (ana,)
    assert await directory.email_of("role:handler") == (ana,)
    assert await directory.email_of("role:administrator") == ()
    assert await directory.email_of("staff:usr_nobody") == ()
    with pytest.raises(ValueError, match="staff:<id>, role:<role> or department:<name>"):
        await directory.email_of("party:P1")


async def test_a_department_reads_its_mail_as_long_as_somebody_of_it_works_here(directory: Directory) -> None:
    await directory.change("usr_ana", department="logistics")
    assert [box.staff for box in await directory.email_of("department:logistics")] == ["usr_ana"]
    assert await directory.email_of("department:product") == ()
    assert {one.id: one.department for one in await directory.everyone()} == {
        "usr_ana": "logistics",
        "usr_dora": None,
    }
    await directory.change("usr_ana", roles=[Role.HANDLER])
    assert len(await directory.email_of("department:logistics")) == 1  # what is not given stays
    await directory.change("usr_ana", active=False)
    assert await directory.email_of("department:logistics") == ()


async def test_who_left_gets_no_mail_and_does_not_come_in(directory: Directory) -> None:
    session = await directory.open_session("usr_ana")
    token = await directory.issue_token("usr_ana")
    assert await directory.actor_for_token(token)
    await directory.change("usr_ana", active=False)
    assert await directory.email_of("staff:usr_ana") == ()
    assert await directory.email_of("role:handler") == ()
    assert await directory.person("usr_ana") is None
    assert await directory.authenticate("ana", PASSWORD) is None
    assert await directory.session(session.id) is None
    assert await directory.actor_for_token(token) is None
    assert [one.active for one in await directory.everyone()] == [False, True]


async def test_sign_in_with_login_and_password(directory: Directory) -> None:
    assert await directory.authenticate(" ANA", PASSWORD) == ANA
    assert await directory.authenticate("ana", "wrong") is None
    assert await directory.authenticate("nobody", PASSWORD) is None
    assert await directory.authenticate("dora", "") is None, "who has no password can not sign in with none"
    with pytest.raises(LoginTaken):
        await directory.add(login="ana", name="Another", email="a@example.org", roles=[])


async def test_a_password_is_kept_as_argon2id_and_renewed_when_the_cost_is_raised(
    directory: Directory, engine: AsyncEngine
) -> None:
    dearer = Directory(engine, PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert await dearer.authenticate("ana", PASSWORD) == ANA
    async with engine.connect() as conn:
        kept = (await conn.execute(text("SELECT password_hash FROM staff WHERE login = 'ana'"))).scalar_one()
    assert kept.startswith("$argon2id$v=19$m=64,t=2,p=1$")
    assert await directory.authenticate("ana", PASSWORD) == ANA


async def test_who_guesses_has_to_wait_longer_and_longer_while_others_sign_in(
    directory: Directory, engine: AsyncEngine
) -> None:
    for _ in range(5):
        assert await directory.authenticate("ana", "guess", "198.51.100.7") is None
    with pytest.raises(TooManyAttempts, match=r"try again in \d+ s") as first:
        await directory.authenticate("ana", PASSWORD, "198.51.100.7")
    assert 1 <= first.value.seconds <= 31
    assert await directory.authenticate("ana", PASSWORD, "203.0.113.9") == ANA
    await run(engine, "UPDATE sign_in_failures SET blocked_until = now()")
    assert await directory.authenticate("ana", "guess", "198.51.100.7") is None
    with pytest.raises(TooManyAttempts) as second:
        await directory.authenticate("ana", PASSWORD, "198.51.100.7")
    assert 31 < second.value.seconds <= 61
    await run(engine, "UPDATE sign_in_failures SET blocked_until = now()")
    assert await directory.authenticate("ana", PASSWORD, "198.51.100.7") == ANA
    assert await directory.authenticate("ana", "typo", "198.51.100.7") is None
    assert await directory.authenticate("ana", PASSWORD, "198.51.100.7") == ANA, "one failure does not block"


async def test_many_guesses_at_once_are_not_all_tried(
    directory: Directory, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    real = PasswordHasher.verify

    def counting(self: PasswordHasher, hashed: str, password: str) -> bool:
        tried.append(password)
        return real(self, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    guesses = (directory.authenticate("ana", f"guess {n}", "198.51.100.7") for n in range(100))
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert len(tried) == FAILURES_ALLOWED
    assert answers.count(None) == FAILURES_ALLOWED
    refused = [one for one in answers if isinstance(one, TooManyAttempts)]
    assert len(refused) == 100 - FAILURES_ALLOWED
    assert all(1 <= one.seconds <= 31 for one in refused)
    await run(engine, "UPDATE sign_in_failures SET blocked_until = now()")
    assert await directory.authenticate("ana", PASSWORD, "198.51.100.7") == ANA
    assert await directory.authenticate("ana", "typo", "198.51.100.7") is None, "and begins anew"


async def test_guessing_an_unknown_login_is_slowed_down_as_well(directory: Directory) -> None:
    for _ in range(5):
        assert await directory.authenticate("nobody", "guess", "198.51.100.7") is None
    with pytest.raises(TooManyAttempts):
        await directory.authenticate("nobody", "guess", "198.51.100.7")


async def test_an_unknown_login_costs_as_much_work_as_a_wrong_password(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    real = PasswordHasher.verify

    def counting(self: PasswordHasher, hashed: str, password: str) -> bool:
        verified.append(hashed.rpartition("$")[0].rpartition("$")[0])
        return real(self, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    await directory.authenticate("ana", "wrong")
    await directory.authenticate("nobody", "wrong")
    assert len(verified) == 2
    assert verified[0] == verified[1], "the same algorithm at the same cost"


async def test_a_session_lasts_until_it_is_closed_idle_or_over(
    directory: Directory, engine: AsyncEngine
) -> None:
    opened = await directory.open_session("usr_ana")
    session = await directory.session(opened.id)
    assert session is not None
    assert (session.actor, session.name, session.language) == (ANA, "Ana Handler", "zh")
    assert session.csrf_secret == opened.csrf_secret
    assert await directory.session("guessed") is None
    await run(engine, "UPDATE sessions SET last_seen_at = now() - interval '119 minutes'")
    assert await directory.session(opened.id), "being used keeps it alive"
    await run(engine, "UPDATE sessions SET last_seen_at = last_seen_at - interval '119 minutes'")
    assert await directory.session(opened.id)
    await run(engine, "UPDATE sessions SET last_seen_at = now() - interval '121 minutes'")
    assert await directory.session(opened.id) is None
    over = await directory.open_session("usr_ana", timedelta(seconds=-1))
    assert await directory.session(over.id) is None
    assert await directory.sweep() == 2
    closed = await directory.open_session("usr_ana")
    await directory.close_session(closed.id)
    assert await directory.session(closed.id) is None


async def test_a_new_password_signs_out_everywhere(directory: Directory) -> None:
    opened = await directory.open_session("usr_ana")
    await directory.change("usr_ana", roles=[Role.HANDLER, Role.INTAKE_AGENT])
    session = await directory.session(opened.id)
    assert session is not None
    assert session.actor.roles == (Role.HANDLER, Role.INTAKE_AGENT)
    await directory.change("usr_ana", password="another")
    assert await directory.session(opened.id) is None
    assert await directory.authenticate("ana", PASSWORD) is None
    assert await directory.authenticate("ana", "another")


async def test_a_token_gives_what_its_holder_has_and_no_more(directory: Directory) -> None:
    whole = await directory.issue_token("usr_dora")
    narrow = await directory.issue_token("usr_dora", roles=[Role.APPROVER, Role.ADMINISTRATOR])
    assert (await directory.actor_for_token(whole)) == Bearer(
        actor=Actor(id="usr_dora", roles=(Role.APPROVER, Role.SUPERVISOR))
    )
    found = await directory.actor_for_token(narrow)
    assert found is not None
    assert found.actor.roles == (Role.APPROVER,)
    assert found.reference is None
    await directory.change("usr_dora", roles=[Role.SUPERVISOR])
    stripped = await directory.actor_for_token(narrow)
    assert stripped is not None
    assert stripped.actor.roles == ()


async def test_a_token_ends_by_itself_or_by_hand(directory: Directory) -> None:
    assert await directory.actor_for_token("rdt_guessed") is None
    over = await directory.issue_token("usr_ana", lifetime=timedelta(seconds=-1))
    assert await directory.actor_for_token(over) is None
    token = await directory.issue_token("usr_ana")
    assert await directory.actor_for_token(token)
    assert await directory.revoke_token(token)
    assert await directory.actor_for_token(token) is None
    assert not await directory.revoke_token(token)


async def test_a_customers_token_opens_one_complaint(directory: Directory) -> None:
    token = await directory.issue_party_token("7K2M-9QF3-XA5C", "P2")
    assert await directory.actor_for_token(token) == Bearer(
        actor=Actor(id="party:P2", roles=(Role.COMPLAINANT,)), reference="7K2M-9QF3-XA5C"
    )
    assert await directory.actor_for_portal(token) is None


async def test_a_secret_link_opens_one_complaint_until_it_is_revoked(directory: Directory) -> None:
    link = await directory.issue_portal_link("7K2M-9QF3-XA5C", "P1")
    other = await directory.issue_portal_link("7K2M-9QF3-XA5C", "P2")
    assert len(link) >= 32
    assert link != other
    assert await directory.actor_for_portal(link) == Bearer(
        actor=Actor(id="party:P1", roles=(Role.COMPLAINANT,)), reference="7K2M-9QF3-XA5C"
    )
    assert await directory.actor_for_token(link) is None
    assert await directory.revoke_portal_links("7K2M-9QF3-XA5C", "P1") == 1
    assert await directory.actor_for_portal(link) is None
    assert await directory.actor_for_portal(other) is not None


async def test_who_reads_the_database_finds_nothing_to_come_in_with(
    directory: Directory, engine: AsyncEngine
) -> None:
    secrets = [
        await directory.issue_token("usr_ana"),
        await directory.issue_portal_link("7K2M-9QF3-XA5C", "P1"),
        (await directory.open_session("usr_ana")).id,
    ]
    kept = ""
    async with engine.connect() as conn:
        for table in ("tokens", "portal_links", "sessions", "staff", "sign_in_failures"):
            rows = await conn.execute(
                text("SELECT t::text FROM table_name AS t".replace("table_name", table))
            )
            kept += str(rows.all())
    assert hashlib.sha256(secrets[0].encode()).hexdigest() in kept
    assert not any(secret in kept for secret in [*secrets, PASSWORD])


async def test_a_request_costs_one_statement_and_the_next_within_seconds_none(
    directory: Directory, engine: AsyncEngine
) -> None:
    token = await directory.issue_token("usr_ana")
    sent: list[str] = []
    event.listen(engine.sync_engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    for _ in range(3):
        assert await directory.actor_for_token(token)
    assert len(sent) == 1
    opened = await directory.open_session("usr_ana")
    sent.clear()
    assert await directory.session(opened.id)
    assert len(sent) == 1


async def test_every_reading_is_on_the_access_log_which_nobody_rewrites(engine: AsyncEngine) -> None:
    now = Clock().now()
    async with engine.begin() as conn:
        for number, actor in enumerate(["usr_ana", "usr_cleo", "usr_ana"]):
            await access.record(
                conn, at=now + timedelta(seconds=number), actor=actor, reference=f"R{number % 2}",
                purpose="case page", what=["parties", "narrative", "parties"],
            )  # fmt: skip
        first = (await access.read(conn, reference="R0"))[-1]
        assert (first.at, first.actor, first.purpose, first.what) == (
            now, "usr_ana", "case page", ("narrative", "parties"),
        )  # fmt: skip
        assert [seen.reference for seen in await access.read(conn, actor="usr_ana")] == ["R0", "R0"]
        page = await access.read(conn, limit=2)
        rest = await access.read(conn, before=page[-1].id)
        assert [seen.at for seen in (*page, *rest)] == [now + timedelta(seconds=s) for s in (2, 1, 0)]
    for statement in ("DELETE FROM access_log", "UPDATE access_log SET actor = 'x'", "TRUNCATE access_log"):
        with pytest.raises(Exception, match=r"23001|RestrictViolation"):
            await run(engine, statement)
