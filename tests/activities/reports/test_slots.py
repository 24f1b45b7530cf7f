"""When reports are called for: at the set time of the zone's own day, also on days on which clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from activities.reports.slots import Slot, called_for, works_on
from ledger.report_preferences import ReportKind
from policies.arithmetic.calendars import Calendar, Weekday
from tests.complaints.support import PACK

BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"
MORNING = time(7, 30)
DAILY = {ReportKind.MORNING_WORKLIST, ReportKind.OVERDUE_SUMMARY}


def kinds(at: datetime, zone: str, morning: time = MORNING) -> dict[ReportKind, date]:
    return {slot.kind: slot.day for slot, _ in called_for(at, zone, morning)}


def test_nothing_is_called_for_before_the_time_and_everything_of_the_day_from_then_on() -> None:
    monday = date(2026, 5, 4)
    at = datetime(2026, 5, 4, 7, 30, tzinfo=ZoneInfo(BERLIN))
    assert set(kinds(at - timedelta(microseconds=1), BERLIN)) == set(), (
        "last week's report is no news any more"
    )
    assert kinds(at, BERLIN) == dict.fromkeys(ReportKind, monday)
    assert kinds(at.replace(hour=23, minute=59), BERLIN) == dict.fromkeys(ReportKind, monday), (
        "made good all day"
    )
    tuesday = kinds(at + timedelta(days=1), BERLIN)
    assert tuesday == dict.fromkeys(DAILY, date(2026, 5, 5)) | {ReportKind.WEEKLY_REPORT: monday}


def test_the_days_are_the_zones_own() -> None:
    at = datetime(2026, 5, 4, 23, 30, tzinfo=UTC)  # half past seven on Tuesday in Shanghai
    assert kinds(at, SHANGHAI)[ReportKind.MORNING_WORKLIST] == date(2026, 5, 5)
    assert ReportKind.MORNING_WORKLIST not in kinds(at - timedelta(seconds=1), SHANGHAI)
    assert ReportKind.MORNING_WORKLIST not in kinds(at, BERLIN), "half past one in the night"
    assert kinds(at, "America/New_York")[ReportKind.MORNING_WORKLIST] == date(2026, 5, 4)


@pytest.mark.parametrize(
    ("day", "morning", "moment"),
    [
        (date(2026, 3, 29), time(7, 30), datetime(2026, 3, 29, 5, 30, tzinfo=UTC)),
        (
            date(2026, 3, 29),
            time(2, 30),
            datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        ),  # there is no 02:30: 03:30
        (date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the first of two
        (date(2026, 10, 25), time(7, 30), datetime(2026, 10, 25, 6, 30, tzinfo=UTC)),
    ],
)
def test_on_days_on_which_clocks_change_there_is_one_morning(
    day: date, morning: time, moment: datetime
) -> None:
    due = {slot.day: due for slot, due in called_for(moment, BERLIN, morning) if slot.kind in DAILY}
    assert due == {day: moment}
    assert day not in kinds(moment - timedelta(seconds=1), BERLIN, morning).values()
    again = moment + timedelta(hours=1)  # 02:30 for the second time, in autumn
    assert {slot.name for slot, _ in called_for(again, BERLIN, morning)} == {
        slot.name for slot, _ in called_for(moment, BERLIN, morning)
    }


def test_a_day_is_as_long_as_the_clocks_make_it_and_a_week_too() -> None:
    spring = Slot(kind=ReportKind.MORNING_WORKLIST, day=date(2026, 3, 29), zone=BERLIN)
    assert spring.ends_at - spring.begins_at == timedelta(hours=23)
    week = Slot(kind=ReportKind.WEEKLY_REPORT, day=date(2026, 10, 26), zone=BERLIN)
    assert week.begins_at - week.week_before_at == timedelta(days=7, hours=1)


def test_a_slot_is_found_again_by_its_name_and_nonsense_is_none() -> None:
    slot = Slot(kind=ReportKind.OVERDUE_SUMMARY, day=date(2026, 3, 29), zone=BERLIN)
    assert Slot.named(slot.kind, slot.name) == slot
    for nonsense in ("", "2026-03-29", "2026-02-30/UTC", "2026-03-29/Nowhere/At_All", "x/UTC"):
        assert Slot.named(slot.kind, nonsense) is None


def test_a_working_morning_is_one_of_the_packs_calendars() -> None:
    assert works_on([PACK], date(2025, 9, 1))
    assert not works_on([PACK], date(2025, 9, 6)), "a Saturday"
    assert not works_on([PACK], date(2025, 10, 1)), "the National Day"
    assert works_on([PACK], date(2025, 9, 28)), "a Sunday that makes up for it"
    shop = Calendar(timezone=BERLIN, hours={Weekday.SAT: (("09:00", "18:00"),)})
    saturdays = PACK.model_copy(update={"name": "shop", "calendars": {"shop": shop}})
    assert works_on([PACK, saturdays], date(2025, 9, 6)), "one of the packs works"
    bare = PACK.model_copy(update={"calendars": {}})
    assert works_on([bare], date(2025, 9, 5))
    assert not works_on([bare], date(2025, 9, 6))
    assert not works_on([], date(2025, 9, 7))
