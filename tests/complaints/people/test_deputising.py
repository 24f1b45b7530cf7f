"""Who stands in for whom: the person if there, else their deputies in order, else nobody and why."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from complaints.people.deputising import (
    Absence,
    Staffing,
    Standing,
    Team,
    Unattended,
    not_there,
    stands_for,
    unattended,
)
from complaints.people.duty import Handover, Rota
from policies.arithmetic.calendars import Weekday

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)  # a Monday
NIGHT = datetime(2026, 5, 4, 22, 0, tzinfo=UTC)
WEEK = timedelta(days=7)


def away(who: str, begins_at: datetime = NOON, ends_at: datetime = NOON + WEEK) -> Absence:
    return Absence(person=who, begins_at=begins_at, ends_at=ends_at)


def team(**fields: object) -> Team:
    given = {
        "id": "desk", "title": "Desk", "timezone": "UTC", "supervisor": "dora", "deputies": ("emil", "cleo"),
        "members": ("ana", "ben"), "hours": {Weekday.MON: (("09:00", "17:00"),)},
    }  # fmt: skip
    return Team.model_validate(given | fields)


def test_an_absence_is_half_open() -> None:
    staffing = Staffing.of([away("ana")], {}, [])
    told = [not_there(staffing, "ana", NOON + late) for late in (-timedelta(seconds=1), timedelta(0), WEEK)]
    assert told == [None, "away", None]
    with pytest.raises(ValidationError):
        away("ana", ends_at=NOON)


def test_whoever_is_there_stands_for_themselves() -> None:
    assert stands_for(Staffing.of([], {"ana": ("ben",)}, []), "ana", NOON) == Standing("ana")


def test_the_first_deputy_who_is_there_stands_in_and_no_deputy_of_a_deputy() -> None:
    deputies = {"ana": ("ben", "mei"), "ben": ("pia",), "mei": ("pia",)}
    staffing = Staffing.of([away("ana"), away("ben")], deputies, [])
    assert stands_for(staffing, "ana", NOON) == Standing("mei", instead_of="ana")
    none = Staffing.of([away("ana"), away("ben"), away("mei")], deputies, [])
    assert stands_for(none, "ana", NOON) == Standing(None, "away")


def test_a_supervisor_has_their_own_deputies_first_and_then_their_team_s() -> None:
    assert (
        stands_for(Staffing.of([away("dora")], {"dora": ("olga",)}, [team()]), "dora", NOON).person == "olga"
    )
    held = Staffing.of([away("dora"), away("olga")], {"dora": ("olga",)}, [team()])
    assert stands_for(held, "dora", NOON) == Standing("emil", instead_of="dora")
    assert stands_for(Staffing.of([away("ana")], {}, [team()]), "ana", NOON).person is None, (
        "not for its members"
    )


def test_outside_the_hours_of_all_their_teams_members_are_off_duty() -> None:
    staffing = Staffing.of([], {}, [team()])
    assert [not_there(staffing, who, NIGHT) for who in ("ana", "dora", "pia")] == ["off_duty", None, None]
    assert stands_for(staffing, "ana", NIGHT) == Standing(None, "off_duty")
    late = team(id="night", hours={Weekday.MON: (("20:00", "24:00"),)})
    assert not_there(Staffing.of([], {}, [team(), late]), "ana", NIGHT) is None
    assert not_there(Staffing.of([], {}, [team(), team(id="free", hours=None)]), "ana", NIGHT) is None


def test_who_is_on_a_rota_is_there_by_its_hours_and_not_by_their_team_s() -> None:
    staffing = Staffing.of([away("ana")], {"ana": ("ben",)}, [team()])
    assert stands_for(staffing, "ben", NIGHT, on_rota=True) == Standing("ben")
    assert stands_for(staffing, "ana", NIGHT, on_rota=True) == Standing("ben", instead_of="ana")
    assert stands_for(staffing, "ana", NIGHT) == Standing(None, "away"), "a deputy at home does not stand in"


@pytest.mark.parametrize("wrong", [{"members": ("ana", "ana")}, {"deputies": ("dora",)}, {"timezone": "X/Y"}])
def test_what_makes_no_team_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        team(**wrong)


def test_a_rota_is_unattended_where_nobody_is_planned_and_where_who_is_is_away_with_nobody_in_their_stead() -> (
    None
):
    rota = Rota(
        id="desk", title="Desk", timezone="UTC", members=("ana", "ben"), starts_on=date(2026, 5, 4),
        handover=Handover(weekday=Weekday.MON, at="12:00"),
    )  # fmt: skip
    day = timedelta(days=1)
    staffing = Staffing.of(
        [away("ana", NOON + day, NOON + 3 * day), away("ana", NOON + 3 * day, NOON + 4 * day)], {}, []
    )
    assert unattended(rota, staffing, NOON - day, NOON + 14 * day) == (
        Unattended(begins_at=NOON - day, ends_at=NOON),
        Unattended(begins_at=NOON + day, ends_at=NOON + 4 * day, planned=("ana",)),
    )
    held = Staffing.of([away("ana", NOON, NOON + WEEK), away("ben", NOON, NOON + day)], {"ana": ("ben",)}, [])
    assert unattended(rota, held, NOON, NOON + 14 * day) == (
        Unattended(begins_at=NOON, ends_at=NOON + day, planned=("ana",)),
    )
