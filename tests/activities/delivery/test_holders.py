"""Who is told, on the real database: deputies for who is away, nobody off hours, changes seen within seconds."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.delivery.holders import KEPT, Holders, Holding
from complaints.people.deputising import Absence, Team
from complaints.people.duty import Handover, Rota, Shift, Substitution
from ledger import roster
from ledger.chat_addresses import ChatAddresses
from ledger.database import create_engine
from ledger.directory import Directory
from ledger.duty import Duty, UnknownPeople
from ledger.staff_history import StaffHistory
from policies.arithmetic.calendars import WEEK, Weekday
from policies.vocabulary import Role
from tests.support.waiting import eventually

MASTER_KEY = bytes(range(32))
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)  # a Monday
NIGHT = datetime(2026, 5, 4, 22, 0, tzinfo=UTC)
DAY = timedelta(days=1)
OFFICE = dict.fromkeys(WEEK, (("09:00", "17:00"),))
PEOPLE = (
    ("ana", Role.HANDLER, "complaints"), ("ben", Role.HANDLER, "complaints"), ("mei", Role.HANDLER, "product"),
    ("dora", Role.SUPERVISOR, None), ("emil", Role.DEPARTMENT_HEAD, None),
)  # fmt: skip


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database)
    directory = Directory(engine)
    for login, role, department in PEOPLE:
        await directory.add(
            id=f"usr_{login}", login=login, name=login.title(), email=f"{login}@example.org", roles=[role],
            department=department,
        )  # fmt: skip
    yield engine
    await engine.dispose()


def absent(login: str, begins_at: datetime = NOON - DAY, ends_at: datetime = NOON + DAY) -> Absence:
    return Absence(person=f"usr_{login}", begins_at=begins_at, ends_at=ends_at)


def desk(**fields: object) -> Rota:
    given = {
        "id": "desk", "title": "Complaints desk", "timezone": "UTC", "members": ("usr_ana", "usr_ben"),
        "handover": Handover(weekday=Weekday.MON, at="09:00"), "starts_on": date(2026, 5, 4),
    }  # fmt: skip
    return Rota.model_validate(given | fields)


def told(holding: Holding) -> tuple[list[str], str | None, tuple[str, ...]]:
    return [box.staff for box in holding.boxes], holding.why, holding.instead_of


async def asked(
    engine: AsyncEngine, recipient: str, at: datetime = NOON
) -> tuple[list[str], str | None, tuple[str, ...]]:
    return told(await Holders(engine).of(recipient, at))


async def test_with_nothing_planned_a_recipient_means_all_who_work_here(engine: AsyncEngine) -> None:
    (box,) = (await Holders(engine).of("staff:usr_ana", NOON)).boxes
    assert (box.name, box.address, box.language, box.chat) == ("Ana", "ana@example.org", "en", None)
    assert await asked(engine, "role:handler") == (["usr_ana", "usr_ben", "usr_mei"], None, ())
    assert await asked(engine, "department:complaints") == (["usr_ana", "usr_ben"], None, ())
    for missing in ("staff:usr_nobody", "role:approver", "department:moon", "on_duty:nothing"):
        assert await asked(engine, missing) == ([], "nobody", ())
    for wrong in ("webhook:1", "staff:", "ana"):
        with pytest.raises(ValueError, match="a recipient is"):
            await Holders(engine).of(wrong, NOON)


async def test_a_deputy_stands_in_for_who_is_away_and_else_it_is_said_why_nobody_does(
    engine: AsyncEngine,
) -> None:
    duty = Duty(engine)
    await duty.add_absence(absent("ana"), "usr_dora")
    assert await asked(engine, "staff:usr_ana") == ([], "away", ())
    assert await asked(engine, "role:handler") == (["usr_ben", "usr_mei"], None, ())
    await duty.set_deputies("usr_ana", ["usr_ben", "usr_mei"], "usr_ana")
    assert await asked(engine, "staff:usr_ana") == (["usr_ben"], None, ("usr_ana",))
    assert await asked(engine, "role:handler") == (["usr_ben", "usr_mei"], None, ("usr_ana",)), "nobody twice"
    await Directory(engine).set_away("usr_ben", NOON + DAY)
    assert await asked(engine, "staff:usr_ana") == (["usr_mei"], None, ("usr_ana",))
    assert await asked(engine, "staff:usr_ana", NOON + DAY) == (["usr_ana"], None, ()), "back at its end"
    await Directory(engine).change("usr_mei", active=False)
    assert await asked(engine, "staff:usr_ana") == ([], "away", ())


async def test_a_supervisor_s_team_has_deputies_and_hours(engine: AsyncEngine) -> None:
    team = Team(
        id="first", title="First line", timezone="UTC", supervisor="usr_dora", deputies=("usr_emil",),
        members=("usr_ana", "usr_ben"), hours=OFFICE,
    )  # fmt: skip
    duty = Duty(engine)
    assert await duty.put_team(team, "usr_dora") is True
    await duty.add_absence(absent("dora"), "usr_dora")
    assert await asked(engine, "staff:usr_dora") == (["usr_emil"], None, ("usr_dora",))
    assert await asked(engine, "staff:usr_ana", NIGHT) == ([], "off_duty", ())
    assert await asked(engine, "role:handler", NIGHT) == (["usr_mei"], None, ())
    assert await asked(engine, "department:complaints", NIGHT) == ([], "off_duty", ())
    assert (await duty.plan(NOON)).teams == (team,)
    changed = team.model_copy(update={"members": ("usr_ben",), "hours": None, "supervisor": None})
    assert await duty.put_team(changed, "usr_emil") is False
    assert (await duty.plan(NOON)).teams == (changed,)
    assert await duty.drop_team("first", "usr_emil")
    assert not await duty.drop_team("first", "usr_emil")


async def test_whoever_is_on_duty_is_told_whatever_their_team_s_hours_are(engine: AsyncEngine) -> None:
    duty = Duty(engine)
    await duty.put_rota(desk(), "usr_dora")
    await duty.put_team(
        Team(id="first", title="First", timezone="UTC", members=("usr_ana", "usr_ben"), hours=OFFICE),
        "usr_dora",
    )
    assert await asked(engine, "on_duty:desk", NIGHT) == (["usr_ana"], None, ())
    assert await asked(engine, "on_duty:desk", NOON - DAY) == ([], "nobody", ()), "not begun"
    await duty.add_absence(absent("ana"), "usr_ana")
    assert await asked(engine, "on_duty:desk", NIGHT) == ([], "away", ())
    await duty.set_deputies("usr_ana", ["usr_ben"], "usr_ana")
    assert await asked(engine, "on_duty:desk", NIGHT) == (["usr_ben"], None, ("usr_ana",))
    number = await duty.take_over(
        "desk", Substitution(person="usr_mei", begins_at=NOON, ends_at=NOON + 3 * DAY), "usr_mei"
    )
    assert number is not None
    assert await asked(engine, "on_duty:desk", NIGHT) == (["usr_mei"], None, ())
    assert not await duty.end_take_over("desk", number, NIGHT, "usr_ben", staff="usr_ben"), "not theirs"
    assert await duty.end_take_over("desk", number, NIGHT, "usr_mei", staff="usr_mei")
    assert await asked(engine, "on_duty:desk", NIGHT) == (["usr_ben"], None, ("usr_ana",))
    assert await duty.put_rota(desk(hours=OFFICE, handover=None), "usr_dora") is False
    shifts = [Shift(person="usr_mei", begins_at=NOON - DAY, ends_at=NOON + DAY)] * 2
    await duty.replace_shifts("desk", NOON, shifts, "usr_dora")
    assert await asked(engine, "on_duty:desk", NIGHT) == ([], "off_duty", ())
    assert await asked(engine, "on_duty:desk", NOON + timedelta(minutes=1)) == (["usr_mei"], None, ())
    assert await asked(engine, "on_duty:desk", NOON + DAY) == ([], "nobody", ()), "a gap"


async def test_who_has_left_is_in_no_plan_and_cannot_be_put_into_one(engine: AsyncEngine) -> None:
    duty = Duty(engine)
    await duty.put_rota(desk(), "usr_dora")
    await Directory(engine).change("usr_ana", active=False)
    assert await asked(engine, "on_duty:desk") == (["usr_ben"], None, ()), "the order closes up"
    for change in (
        duty.put_rota(desk(members=("usr_ben", "usr_ana", "usr_zoe")), "usr_dora"),
        duty.set_deputies("usr_ben", ["usr_ana"], "usr_ben"),
        duty.add_absence(absent("ana"), "usr_ana"),
    ):
        with pytest.raises(UnknownPeople):
            await change
    rota = (await duty.plan(NOON)).rota("desk")
    assert rota is not None
    assert rota.members == ("usr_ben",)


async def test_what_is_asked_often_costs_two_statements_every_two_seconds(engine: AsyncEngine) -> None:
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    holders, duty = Holders(engine), Duty(engine)
    event.listen(engine.sync_engine, "before_cursor_execute", count)
    began = time.monotonic()
    for _ in range(50):
        assert (await holders.of("role:handler", NOON)).boxes
    assert statements <= 2 * (1 + int((time.monotonic() - began) / KEPT)), (
        "two, on a machine that is quick enough"
    )
    await duty.add_absence(absent("ana"), "usr_ana")

    async def seen() -> bool:
        return (await holders.of("staff:usr_ana", NOON)).why == "away"

    await eventually(seen, what="the absence to be seen")


async def test_a_plan_that_cannot_be_read_keeps_no_alert_from_anybody(engine: AsyncEngine) -> None:
    await Duty(engine).put_team(
        Team(id="first", title="First", timezone="UTC", members=("usr_ana",)), "usr_dora"
    )
    async with engine.begin() as conn:
        await conn.execute(text("UPDATE teams SET timezone = 'Europe/Atlantis'"))
    assert await asked(engine, "staff:usr_ana") == (["usr_ana"], None, ())


async def test_a_chat_address_is_kept_as_a_secret(engine: AsyncEngine) -> None:
    address = "mailto://user:secret@example.org"
    addresses = ChatAddresses(engine, MASTER_KEY)
    assert await addresses.set("usr_ana", address, "cli:root")
    assert not await addresses.set("usr_nobody", address, "cli:root")
    assert (await Holders(engine, MASTER_KEY).of("staff:usr_ana", NOON)).boxes[0].chat == address
    assert (await Holders(engine).of("staff:usr_ana", NOON)).boxes[0].chat is None
    assert (await Holders(engine, bytes(32)).of("staff:usr_ana", NOON)).boxes[0].chat is None
    async with engine.connect() as conn:
        kept = (await conn.execute(text("SELECT chat FROM staff WHERE id = 'usr_ana'"))).scalar_one()
    assert b"secret" not in kept
    said = [
        (one.field, one.was, one.became, one.by_whom)
        for one in await StaffHistory(engine).changes(staff="usr_ana")
    ]
    assert said[0] == ("chat address", None, "set", "cli:root")
    assert await addresses.set("usr_ana", None, "cli:root")
    assert (await Holders(engine, MASTER_KEY).of("staff:usr_ana", NOON)).boxes[0].chat is None


async def test_who_is_absent_is_given_no_complaint(engine: AsyncEngine) -> None:
    await Duty(engine).add_absence(absent("ana"), "usr_ana")
    for at, away in ((NOON - 2 * DAY, set()), (NOON, {"usr_ana"}), (NOON + DAY, set())):
        async with engine.connect() as conn:
            found = await roster.candidates(conn, at)
        assert {one.person.id for one in found if one.away} == away


async def test_the_history_says_who_changed_what_of_whom(engine: AsyncEngine) -> None:
    duty, history = Duty(engine), StaffHistory(engine)
    team = Team(
        id="first", title="First", timezone="UTC", supervisor="usr_dora", members=("usr_ana", "usr_ben")
    )
    await duty.put_team(team, "usr_emil")
    await duty.put_team(team, "usr_emil")  # nothing changes, and nothing is said
    await duty.put_rota(desk(), "usr_emil")
    await duty.put_rota(desk(members=("usr_ben", "usr_ana")), "usr_emil")  # nor of another order
    number = await duty.add_absence(absent("ana"), "usr_ana")
    assert await duty.end_absence(number, NOON, "usr_dora")
    assert not await duty.end_absence(number, NOON, "usr_dora"), "it is over"
    await duty.put_team(team.model_copy(update={"supervisor": "usr_emil", "members": ()}), "usr_emil")
    changes = [
        (one.staff, one.field, one.was, one.became, one.by_whom)
        for one in reversed(await history.changes(limit=200))
        if one.field in ("team", "leads team", "rota", "absence")
    ]
    spans = "2026-05-03T12:00:00+00:00, 2026-05-0{}T12:00:00+00:00, other"
    assert sorted(changes[:5]) == [
        ("usr_ana", "rota", None, "desk", "usr_emil"),
        ("usr_ana", "team", None, "first, member", "usr_emil"),
        ("usr_ben", "rota", None, "desk", "usr_emil"),
        ("usr_ben", "team", None, "first, member", "usr_emil"),
        ("usr_dora", "leads team", None, "usr_dora, first", "usr_emil"),
    ]
    assert changes[5:7] == [
        ("usr_ana", "absence", None, spans.format(5), "usr_ana"),
        ("usr_ana", "absence", spans.format(5), spans.format(4), "usr_dora"),
    ]
    assert sorted(changes[7:]) == [
        ("usr_ana", "team", "first, member", None, "usr_emil"),
        ("usr_ben", "team", "first, member", None, "usr_emil"),
        ("usr_emil", "leads team", "usr_dora, first", "usr_emil, first", "usr_emil"),
    ]
