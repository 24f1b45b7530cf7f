"""Reports on the real database: each goes to who has something to hear, once a round, and says how things stand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from activities.reports.job import Reports
from complaints.chapters.intake import Acknowledge
from complaints.chapters.ownership import OfferHandover, TakeOwnership
from complaints.people.deputising import Absence, Team
from ledger.duty import Duty
from ledger.report_preferences import ReportKind, ReportLinks, refuse, refused, want
from ledger.runs import claim
from policies.vocabulary import Role
from runtime.clock import Clock, ClockSpec
from runtime.settings import Settings
from scheduler import scheduling
from tests.activities.office import Office, open_office
from tests.complaints.support import PACK, RECEIVED, ana, ben, person
from tests.support.mail import CaughtMail, text_of
from tests.support.waiting import eventually

ZONE = PACK.timezone
MORNING = time(7, 30)
TUESDAY = datetime(2025, 9, 2, 7, 30, tzinfo=ZoneInfo(ZONE))
MONDAY = datetime(2025, 9, 8, 7, 30, tzinfo=ZoneInfo(ZONE))
DAY = timedelta(days=1)
ANA, BEN, DORA, EMIL = (f"{login}@staff.example.org" for login in ("ana", "ben", "dora", "emil"))


@pytest.fixture
async def office(mail_settings: Settings) -> AsyncIterator[Office]:
    async with open_office(mail_settings) as office:
        await office.directory.add(
            id="ben", login="ben", name="Ben", email=BEN, roles=[Role.HANDLER], supervisor="dora"
        )
        yield office


async def at(office: Office, when: datetime, *, week_told: bool = True) -> Reports:
    """The service's time is `when`, everybody has been here for long, and the job is newly started.

    The report of the week of TUESDAY went out on its Monday already, where `week_told`.
    """
    office.clock = Clock(ClockSpec(real_anchor=Clock().now(), virtual_anchor=when))
    async with office.sql.begin() as conn:
        await conn.execute(text("UPDATE staff SET created_at = now() - interval '1 year'"))
        if week_told:
            await claim(conn, "report weekly_report", f"{(TUESDAY - DAY).date().isoformat()}/{ZONE}")
    return Reports(office.sql, office.clock, morning=MORNING, zone=None, usual_pack=PACK.name)


async def owned(office: Office, when: datetime = RECEIVED) -> str:
    """A complaint that Ana took a minute after it came."""
    ref = await office.receive(at=when)
    await office.do(ref, ana, TakeOwnership(), at=when + timedelta(minutes=1))
    return ref


async def queued(office: Office) -> set[str]:
    """The keys of all reports in the outbox."""
    return {key for key in await office.outbox() if key.startswith("report/")}


def _morning(mail: EmailMessage) -> bool:
    return str(mail["Subject"]) == "Your complaints this morning"


async def test_the_morning_tells_a_handler_what_is_overdue_due_today_and_offered(
    office: Office, mail: CaughtMail
) -> None:
    ref = await owned(office)
    offered = await owned(office, RECEIVED + timedelta(hours=1))
    await office.do(offered, ana, OfferHandover(to=person(ben)), at=RECEIVED + timedelta(hours=2))
    assert await (await at(office, TUESDAY)).look() == 3
    async with office.dispatching():
        (to_ana,) = await mail.wait_for(ANA, where=_morning)
        (to_ben,) = await mail.wait_for(BEN, where=_morning)
        await mail.wait_for(EMIL)
    words = text_of(to_ana)
    assert "you have 2 open complaints" in words
    overdue, _, today = words.partition("Due today")
    assert f"– {ref} · Response · was due 2025-09-01 10:15" in overdue
    assert f"– {ref} · Immediate feedback · due 2025-09-02 10:00" in today or "2025-09-02 10:00" in today
    assert "Wei" not in str(to_ana)
    assert "kettle" not in str(to_ana)
    words = text_of(to_ben)
    assert "Offered to you, waiting for your answer (1)" in words
    assert f"{offered} · Ana answers for it until Ben accepts" in words
    assert "Overdue" not in words
    assert not [one for one in mail.to(DORA) if _morning(one)], "she has nothing of her own"


async def test_a_round_comes_once_however_often_it_is_looked_at_and_by_whom(office: Office) -> None:
    await owned(office)
    early = await at(office, TUESDAY - timedelta(seconds=1))
    assert await early.look() == 0, "not before its time"
    first = await at(office, TUESDAY)
    again = await at(office, TUESDAY)
    counts = await asyncio.gather(first.look(), again.look())
    assert sum(counts) == 2, "two schedulers at once: each report is queued by one of them"
    keys = await queued(office)
    assert keys == {"report/morning_worklist/2025-09-02/ana", "report/overdue_summary/2025-09-02/emil"}
    assert await first.look() == 0
    assert await (await at(office, TUESDAY + timedelta(hours=9))).look() == 0, "a restart in the afternoon"
    assert await queued(office) == keys
    assert await (await at(office, TUESDAY + DAY)).look() == 2


async def test_what_was_missed_in_the_morning_is_made_good_on_the_same_day(office: Office) -> None:
    await owned(office)
    assert await (await at(office, TUESDAY + timedelta(hours=9))).look() == 2
    assert await (await at(office, TUESDAY + DAY - timedelta(minutes=1))).look() == 0


async def test_a_weekly_report_that_was_missed_on_monday_is_made_good_within_its_week(office: Office) -> None:
    assert await (await at(office, TUESDAY + 2 * DAY, week_told=False)).look() == 2
    told = {f"report/weekly_report/2025-09-01/{login}" for login in ("dora", "emil")}
    assert await queued(office) == told


async def test_handlers_are_left_in_peace_on_days_on_which_nobody_works(office: Office) -> None:
    await owned(office)
    saturday = TUESDAY + 4 * DAY
    await (await at(office, saturday)).look()
    assert await queued(office) == {"report/overdue_summary/2025-09-06/emil"}


async def test_who_has_nothing_to_hear_hears_nothing(office: Office) -> None:
    ref = await owned(office, TUESDAY - timedelta(minutes=5))
    await office.do(ref, ana, Acknowledge(), at=TUESDAY - timedelta(minutes=3))
    async with office.sql.begin() as conn:
        await conn.execute(text("DELETE FROM clocks WHERE state = 'running'"))
    assert await (await at(office, TUESDAY)).look() == 0


async def test_what_was_done_meanwhile_is_not_told(office: Office, mail: CaughtMail) -> None:
    await owned(office)
    await (await at(office, TUESDAY)).look()
    async with office.sql.begin() as conn:
        await conn.execute(text("UPDATE clocks SET state = 'met', met_at = due_at"))
    async with office.dispatching():

        async def dropped() -> bool:
            states = await office.outbox()
            assert {states[key] for key in await queued(office)} == {"dropped"}, states
            return True

        await eventually(dropped)
    assert mail.to(ANA) == []


async def test_the_week_tells_a_supervisor_how_the_team_stands(office: Office, mail: CaughtMail) -> None:
    late = await owned(office)
    other = await owned(office, RECEIVED + 7 * DAY)  # on the Monday itself
    await office.until(late, MONDAY.astimezone(UTC))
    offered = await owned(office, RECEIVED + 3 * DAY)
    await office.do(offered, ana, OfferHandover(to=person(ben)), at=RECEIVED + 3 * DAY + timedelta(hours=1))
    await (await at(office, MONDAY)).look()
    assert "report/weekly_report/2025-09-08/dora" in await queued(office)
    async with office.dispatching():
        (to_dora,) = await mail.wait_for(DORA, where=lambda one: "week of" in str(one["Subject"]))
    words = text_of(to_dora)
    assert "your team has 3 open complaints" in words
    breached = words.partition("Breached last week")[2].partition("Alerts that")[0]
    assert f"{late} · Response · was due 2025-09-01 10:15 · not done yet · Ana" in breached
    assert other not in breached
    assert "– Ana: 3 open" in words
    assert "– Ben: 0 open" in words
    assert (
        f"– {offered} · Ana answers for it until Ben accepts"
        in words.partition("Handovers not accepted (1)")[2]
    )


async def test_a_supervisor_with_a_quiet_team_is_told_so_and_teams_count_too(
    office: Office, mail: CaughtMail
) -> None:
    team = Team(id="night", title="Night desk", timezone=ZONE, members=("ben",), supervisor="emil")
    await Duty(office.sql).put_team(team, "root")
    assert await (await at(office, MONDAY)).look() == 2
    async with office.dispatching():
        (to_emil,) = await mail.wait_for(EMIL)
    assert "your team has 0 open complaints" in text_of(to_emil)
    assert "Overdue (0)\n– None." in text_of(to_emil).replace("\r\n", "\n")
    assert "– Ben: 0 open" in text_of(to_emil)


async def test_the_overdue_summary_counts_by_clock_and_begins_with_the_oldest(
    office: Office, mail: CaughtMail
) -> None:
    first, second = await owned(office), await owned(office, RECEIVED + timedelta(hours=1))
    await (await at(office, TUESDAY)).look()
    async with office.dispatching():
        (to_emil,) = await mail.wait_for(EMIL)
    assert str(to_emil["Subject"]) == "Overdue complaints: 2"
    words = text_of(to_emil)
    assert f"{PACK.title['en']}, Response: 2" in words
    assert words.index(first) < words.index(second)


async def test_who_is_away_has_left_or_has_just_come_gets_none(office: Office) -> None:
    await owned(office)
    absent = Absence(person="ana", begins_at=TUESDAY - DAY, ends_at=TUESDAY + DAY)
    await Duty(office.sql).add_absence(absent, "root")
    await office.directory.change("emil", active=False)
    await (await at(office, TUESDAY)).look()
    assert await queued(office) == set()
    job = await at(office, TUESDAY + DAY)
    async with office.sql.begin() as conn:
        await conn.execute(text("UPDATE staff SET created_at = now() + interval '1 minute'"))
    assert await job.look() == 0, "who came after the morning's moment"
    assert await (await at(office, TUESDAY + 2 * DAY)).look() == 1


async def test_who_does_not_want_one_gets_none_and_the_others_still(office: Office, mail: CaughtMail) -> None:
    await owned(office)
    async with office.sql.begin() as conn:
        await refuse(conn, "ana", [ReportKind.MORNING_WORKLIST], "desk")
    assert await (await at(office, TUESDAY)).look() == 1
    async with office.sql.begin() as conn:
        await refuse(conn, "emil", [ReportKind.OVERDUE_SUMMARY], "link")  # while it is on its way
        assert await refused(conn, "ana") == {ReportKind.MORNING_WORKLIST}
        await want(conn, "ana", [ReportKind.MORNING_WORKLIST])
        assert await refused(conn, "ana") == frozenset()
    async with office.dispatching():

        async def dropped() -> bool:
            states = await office.outbox()
            assert states["report/overdue_summary/2025-09-02/emil"] == "dropped", states
            return True

        await eventually(dropped)
    assert mail.to(EMIL) == []


async def test_every_report_carries_a_link_that_mail_programs_end_it_by(
    office: Office, mail: CaughtMail
) -> None:
    await owned(office)
    await (await at(office, TUESDAY)).look()
    async with office.dispatching():
        (to_ana,) = await mail.wait_for(ANA, where=_morning)
    assert to_ana["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = str(to_ana["List-Unsubscribe"]).strip("<>")
    url = httpx.URL(link)
    assert str(url).startswith(f"{office.settings.base_url}/unsubscribe/")
    token = url.path.rpartition("/")[2]
    links = ReportLinks(office.settings.master_key_bytes)
    async with office.sql.connect() as conn:
        found = await links.find(conn, token)
        assert found is not None
        assert (found.staff, found.kind) == ("ana", ReportKind.MORNING_WORKLIST)
        for forged in _forged(token):
            assert await links.find(conn, forged) is None, forged
        assert await ReportLinks(bytes(32)).find(conn, token) is None


def _forged(token: str) -> Iterator[str]:
    row, _, proof = token.partition(".")
    yield f"{int(row) + 1}.{proof}"
    yield f"{row}.{proof[::-1]}"
    yield token + "A"
    yield ""


async def test_off_duty_at_that_hour_one_still_gets_ones_own(office: Office, mail: CaughtMail) -> None:
    await owned(office)
    hours = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (("09:00", "18:00"),))
    team = Team.model_validate(
        {
            "id": "day",
            "title": "Day",
            "timezone": ZONE,
            "members": ("ana",),
            "deputies": ("ben",),
            "hours": hours,
        }
    )
    await Duty(office.sql).put_team(team, "root")
    await (await at(office, TUESDAY)).look()
    async with office.dispatching():
        await mail.wait_for(ANA, where=_morning)
    assert mail.to(BEN) == [], "and no deputy gets it for them"


async def test_the_running_scheduler_sends_them_when_the_morning_comes(
    office: Office, mail: CaughtMail, mail_settings: Settings
) -> None:
    await owned(office)
    await at(office, TUESDAY)  # the week is told, and nobody is new
    five_to = ClockSpec(real_anchor=Clock().now(), virtual_anchor=TUESDAY - timedelta(minutes=5), speed=60)
    async with scheduling(mail_settings.model_copy(update={"clock": five_to})):
        (to_ana,) = await mail.wait_for(ANA, where=_morning)
    assert "you have 1 open complaint." in text_of(to_ana)
