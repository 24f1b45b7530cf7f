"""Early warning with no workflow alive: who leads is told once of a target that is missed or falls, in a mail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from activities.watching.figures import EarlyWarning
from complaints.chapters.feedback import AnswerSatisfaction
from ledger import packs
from ledger.figures_given import Supplied, WarningRaised, supply, warnings
from policies.measures import Period, Warned
from policies.pack import Basis, Measure, Source, Target
from policies.vocabulary import Role
from runtime.clock import Clock, ClockSpec
from runtime.settings import Settings
from tests.activities.office import ORGANISATION, Office, administrator, open_office
from tests.complaints.support import PACK
from tests.ledger.told_figures import acknowledged, put, received, scored
from tests.support.mail import CaughtMail, text_of

DORA, EMIL = "dora@staff.example.org", "emil@staff.example.org"
ZONE = ZoneInfo(PACK.timezone)
TODAY = datetime(2025, 10, 10, 9, tzinfo=ZONE)
DAY = timedelta(days=1)


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        yield office


def watching(office: Office, at: datetime = TODAY) -> EarlyWarning:
    """An early warning in a process that has just been started at this moment."""
    return EarlyWarning(office.sql, Clock(ClockSpec(real_anchor=Clock().now(), virtual_anchor=at)))


async def answers(office: Office, at: datetime, scores: list[int], start: int = 0) -> None:
    """So many customers answered on this day."""
    for number, score in enumerate(scores, start=start):
        await put(office.record, scored(AnswerSatisfaction(score=score), at=at), number)


async def raised(office: Office, now: datetime = TODAY) -> list[WarningRaised]:
    day = now.date()
    async with office.sql.connect() as conn:
        return list(await warnings(conn, PACK.name, Period(day - 60 * DAY, day)))


async def test_a_missed_target_is_told_to_those_who_lead_and_says_by_how_much(
    office: Office, mail: CaughtMail
) -> None:
    await answers(office, TODAY - 5 * DAY, [5] * 8 + [1, 3])
    async with office.dispatching():
        assert await watching(office).look() == 1
        (to_dora,) = await mail.wait_for(DORA)
        await mail.wait_for(EMIL)
    words = text_of(to_dora)
    assert "Satisfaction" in words
    assert "80 %" in words
    assert "at least 85 %" in words
    assert f"/desk/figures?pack={PACK.name}" in words
    assert "wei" not in words.lower(), "no customer is named"
    assert ORGANISATION in words or ORGANISATION in str(to_dora["From"])


async def test_it_is_said_once_however_often_and_by_whomever_it_is_looked_at(office: Office) -> None:
    await answers(office, TODAY - 5 * DAY, [1] * 10)
    first = watching(office)
    assert await first.look() == 1
    queued = await office.outbox()
    assert len(queued) == 2
    assert await first.look() == 0
    assert await watching(office).look() == 0, "another process on the same day"
    assert await watching(office, TODAY + 6 * DAY).look() == 0, "nor again within the week"
    assert await office.outbox() == queued
    assert await watching(office, TODAY + 7 * DAY).look() == 1, "but who does nothing hears of it again"
    (latest, _) = await raised(office, TODAY + 7 * DAY)
    assert (latest.target, latest.why, latest.value, latest.n) == (
        "satisfaction",
        Warned.MISSED,
        Decimal(0),
        10,
    )


@pytest.mark.parametrize(
    ("before", "now", "why"),
    [
        ([5] * 20, [5] * 18 + [1] * 2, None),  # 100 to 90: ten points are within what is taken
        ([5] * 20, [5] * 17 + [1] * 3, Warned.FALLING),  # 100 to 85: just met, but fifteen points lower
        ([5] * 20, [5] * 16 + [1] * 4, Warned.MISSED),
        ([5] * 17 + [1] * 3, [5] * 20, None),
        ([], [1] * 9, None),  # nine answers are no picture
    ],
)
async def test_a_fall_is_a_warning_before_the_target_is_missed(
    office: Office, before: list[int], now: list[int], why: Warned | None
) -> None:
    await answers(office, TODAY - 35 * DAY, before)
    await answers(office, TODAY - 5 * DAY, now, start=len(before))
    await watching(office).look()
    assert [one.why for one in await raised(office) if one.target == "satisfaction"] == ([why] if why else [])


async def test_the_days_are_the_packs_own(office: Office) -> None:
    midnight = datetime(2025, 9, 10, tzinfo=ZONE)  # the first of the thirty days before 10 October
    await answers(office, midnight - timedelta(minutes=30), [1] * 5)  # answered a few minutes after receipt
    await answers(office, midnight, [1] * 5, start=5)
    assert await watching(office, datetime(2025, 10, 9, 23, 59, tzinfo=ZONE)).look() == 1
    assert await watching(office, datetime(2025, 10, 10, 0, 0, tzinfo=ZONE)).look() == 0
    async with office.sql.begin() as conn:
        await conn.execute(text("DELETE FROM target_warnings"))
    assert await watching(office, datetime(2025, 10, 10, 0, 0, tzinfo=ZONE)).look() == 0, (
        "five are too few now"
    )


async def test_promises_that_are_kept_and_packs_without_complaints_are_no_news(office: Office) -> None:
    await put(office.record, acknowledged(timedelta(minutes=10), at=TODAY - 3 * DAY), 1)
    async with office.sql.begin() as conn:
        await packs.publish(conn, PACK.model_copy(update={"name": "another"}))
    assert await watching(office).look() == 1, "nobody has proposed a plan in time"
    (only,) = await raised(office)
    assert only.target == "first_handling"


async def test_an_open_breach_is_a_slow_response(office: Office) -> None:
    await put(office.record, received(at=TODAY - 3 * DAY), 1)
    assert await watching(office).look() == 2
    assert {one.target for one in await raised(office)} == {"response", "first_handling"}


async def test_a_figure_that_was_entered_is_looked_at_too(office: Office) -> None:
    retention = Target(
        id="retention", title={"en": "Customers who stay"}, measure=Measure.SUPPLIED, unit="percent", at_least=85,
        basis=Basis.TARGET, source=Source(document="D", section="1"), since=date(2025, 1, 1),
    )  # fmt: skip
    pack = PACK.model_copy(update={"name": "entered", "targets": (retention,)})
    async with office.sql.begin() as conn:
        await packs.publish(conn, pack)
    assert await watching(office).look() == 0
    day = TODAY.date() - 10 * DAY
    async with office.sql.begin() as conn:
        await supply(
            conn,
            Supplied(
                pack="entered", target="retention", first_day=day - 30 * DAY, last_day=day, value=Decimal("84.9"),
                note="", entered_by="dora", entered_at=TODAY,
            ),
        )  # fmt: skip
    assert await watching(office).look() == 1


async def test_where_nobody_leads_the_administrators_hear_of_it(office: Office, mail: CaughtMail) -> None:
    await administrator(office)
    async with office.sql.begin() as conn:
        roles = {"roles": [str(Role.SUPERVISOR), str(Role.DEPARTMENT_HEAD)]}
        await conn.execute(text("UPDATE staff SET active = false WHERE roles && :roles"), roles)
    await answers(office, TODAY - 5 * DAY, [1] * 10)
    async with office.dispatching():
        await watching(office).look()
        await mail.wait_for("root@staff.example.org")
