"""Who is on duty: turns through clock changes, hours, shifts of a calendar, take-overs, gaps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from complaints.people.duty import Gap, Handover, Rota, Shift, Substitution, gaps, on_duty, shifts, until
from policies.arithmetic.calendars import WEEK, Weekday

MINUTE = timedelta(minutes=1)
WEEKLY = Handover(every=1, unit="weeks", weekday=Weekday.MON, at="09:00")
OFFICE = dict.fromkeys((*WEEK[:5],), (("09:00", "17:00"),))


def rota(**fields: object) -> Rota:
    given = {
        "id": "desk", "title": "Complaints desk", "timezone": "Europe/Berlin", "members": ("ana", "ben", "mei"),
        "handover": WEEKLY, "starts_on": date(2026, 3, 2),
    }  # fmt: skip
    return Rota.model_validate(given | fields)


def berlin(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "who"),
    [
        ("2026-03-02T08:59", ()),  # before it begins
        ("2026-03-02T09:00", ("ana",)),
        ("2026-03-09T08:59", ("ana",)),
        ("2026-03-09T09:00", ("ben",)),
        ("2026-03-23T08:59", ("mei",)),
        ("2026-03-23T09:00", ("ana",)),  # round again
        ("2026-03-30T08:59", ("ana",)),  # the clocks went on the 29th: nine o'clock is still nine o'clock
        ("2026-03-30T09:00", ("ben",)),
        ("2026-10-26T09:00", ("ben",)),  # and back on 25 October
    ],
)
def test_the_turn_changes_at_the_hand_over_s_time_of_day(at: str, who: tuple[str, ...]) -> None:
    assert on_duty(rota(), berlin(at)) == who


def test_a_rota_begun_in_mid_week_hands_over_at_the_next_weekday() -> None:
    begun = rota(starts_on=date(2026, 3, 4))
    assert on_duty(begun, berlin("2026-03-04T08:59")) == ()
    assert on_duty(begun, berlin("2026-03-04T09:00")) == ("ana",)
    assert on_duty(begun, berlin("2026-03-09T09:00")) == ("ben",)


def test_every_other_day_at_eight() -> None:
    daily = rota(handover=Handover(every=2, unit="days", at="08:00"))
    told = [on_duty(daily, berlin(f"2026-03-0{day}T08:00"))[0] for day in (2, 3, 4, 5, 6, 7, 8)]
    assert told == ["ana", "ana", "ben", "ben", "mei", "mei", "ana"]


def test_a_hand_over_in_the_hour_that_is_removed_is_at_the_change_and_in_a_repeated_one_at_its_first() -> (
    None
):
    early = rota(starts_on=date(2026, 3, 28), handover=Handover(unit="days", at="02:30"))
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 02:00 becomes 03:00
    assert on_duty(early, change - MINUTE) == ("ana",)
    assert on_duty(early, change) == ("ben",)
    autumn = rota(starts_on=date(2026, 10, 24), handover=Handover(unit="days", at="02:30"))
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert (on_duty(autumn, first - MINUTE), on_duty(autumn, first)) == (("ana",), ("ben",))
    assert on_duty(autumn, first + timedelta(hours=1)) == ("ben",), "the second 02:30 changes nothing"


def test_outside_its_hours_nobody_is_on_duty_and_that_is_no_gap() -> None:
    office = rota(hours=OFFICE)
    assert on_duty(office, berlin("2026-03-03T08:59")) == ()
    assert on_duty(office, berlin("2026-03-03T09:00")) == ("ana",)
    assert on_duty(office, berlin("2026-03-03T17:00")) == ()
    week = shifts(office, berlin("2026-03-02T09:00"), berlin("2026-03-09T09:00"))
    assert [(one.person, one.begins_at, one.ends_at) for one in week] == [
        ("ana", berlin(f"2026-03-0{day}T09:00"), berlin(f"2026-03-0{day}T17:00")) for day in (2, 3, 4, 5, 6)
    ]
    assert gaps(office, berlin("2026-03-02T09:00"), berlin("2026-04-02T09:00")) == ()
    assert until(office, berlin("2026-03-03T10:00"), timedelta(days=14)) == berlin("2026-03-03T17:00")
    assert until(office, berlin("2026-03-03T18:00"), timedelta(days=14)) == berlin("2026-03-04T09:00")


def test_a_rota_without_members_is_one_gap() -> None:
    begin, end = berlin("2026-03-02T09:00"), berlin("2026-03-09T09:00")
    assert gaps(rota(members=()), begin, end) == (Gap(begins_at=begin, ends_at=end),)
    late = rota(starts_on=date(2026, 3, 4))
    assert gaps(late, begin, end) == (Gap(begins_at=begin, ends_at=berlin("2026-03-04T09:00")),)


def test_shifts_of_a_calendar_go_before_turns_and_may_overlap() -> None:
    def shift(who: str, begin: str, end: str) -> Shift:
        return Shift(person=who, begins_at=berlin(begin), ends_at=berlin(end))

    kept = rota(shifts=(shift("mei", "2026-03-03T08:00", "2026-03-03T12:00"),
                        shift("ben", "2026-03-03T10:00", "2026-03-03T14:00")))  # fmt: skip
    told = [on_duty(kept, berlin(f"2026-03-03T{hour}:00")) for hour in ("07", "08", "10", "12", "14")]
    assert told == [("ana",), ("mei",), ("mei", "ben"), ("ben",), ("ana",)]
    alone = kept.model_copy(update={"handover": None})
    assert gaps(alone, berlin("2026-03-03T07:00"), berlin("2026-03-03T15:00")) == (
        Gap(begins_at=berlin("2026-03-03T07:00"), ends_at=berlin("2026-03-03T08:00")),
        Gap(begins_at=berlin("2026-03-03T14:00"), ends_at=berlin("2026-03-03T15:00")),
    )


def test_the_latest_take_over_counts_and_one_for_somebody_else_changes_nothing() -> None:
    def taken(number: int, who: str, begin: str, end: str, instead_of: str | None = None) -> Substitution:
        return Substitution(
            number=number, person=who, begins_at=berlin(begin), ends_at=berlin(end), instead_of=instead_of
        )

    swapped = rota(substitutions=(
        taken(2, "pia", "2026-03-03T12:00", "2026-03-03T13:00"),
        taken(1, "mei", "2026-03-03T09:00", "2026-03-04T09:00", "ana"),
        taken(3, "ben", "2026-03-05T09:00", "2026-03-06T09:00", "mei"),
    ))  # fmt: skip
    told = shifts(swapped, berlin("2026-03-02T09:00"), berlin("2026-03-09T09:00"))
    assert [(one.person, one.begins_at) for one in told] == [
        ("ana", berlin("2026-03-02T09:00")), ("mei", berlin("2026-03-03T09:00")), ("pia", berlin("2026-03-03T12:00")),
        ("mei", berlin("2026-03-03T13:00")), ("ana", berlin("2026-03-04T09:00")),
    ]  # fmt: skip


def test_a_take_over_fills_a_gap_but_not_the_night() -> None:
    empty = rota(members=(), hours=OFFICE, substitutions=(
        Substitution(person="pia", begins_at=berlin("2026-03-03T00:00"), ends_at=berlin("2026-03-04T00:00")),
    ))  # fmt: skip
    told = shifts(empty, berlin("2026-03-02T00:00"), berlin("2026-03-06T00:00"))
    assert told == (
        Shift(person="pia", begins_at=berlin("2026-03-03T09:00"), ends_at=berlin("2026-03-03T17:00")),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"handover": {"every": 1, "unit": "weeks", "at": "09:00"}},
        {"handover": {"every": 1, "unit": "days", "weekday": "mon", "at": "09:00"}},
        {"handover": {"every": 1, "unit": "days", "at": "24:00"}},
        {"members": ("ana", "ana")},
        {"timezone": "Europe/Atlantis"},
        {"hours": {}},
        {"hours": {"mon": []}},
    ],
)
def test_what_makes_no_rota_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rota(**wrong)


def slow_turn(held: Rota, handover: Handover, at: datetime) -> tuple[str, ...]:
    """By the wall clock, minute by minute: whose turn it is. Shares no arithmetic with the module."""
    zone = ZoneInfo(held.timezone)
    time = datetime.strptime(handover.at, "%H:%M").time()  # noqa: DTZ007 - a wall clock's time
    moment = datetime.combine(held.starts_on, time).replace(tzinfo=UTC) - timedelta(hours=15)
    day, begun, turn = held.starts_on, False, -1
    while moment <= at:
        wall = moment.astimezone(zone).replace(tzinfo=None)
        if wall >= datetime.combine(day, time):
            begun, turn = True, turn + 1
            first = turn == 0
            step = handover.every * (7 if handover.unit == "weeks" else 1)
            if first and handover.weekday is not None:
                while WEEK[day.weekday()] != handover.weekday:
                    day -= timedelta(days=1)
            day += timedelta(days=step)
        moment += MINUTE
    return (held.members[turn % len(held.members)],) if begun else ()


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(("Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Shanghai")),
    st.dates(date(2026, 3, 20), date(2026, 4, 6)),
    st.sampled_from(("00:00", "01:30", "02:00", "02:15", "02:59", "09:00", "23:45")),
    st.sampled_from((("days", 1, None), ("days", 3, None), ("weeks", 1, Weekday.SUN), ("weeks", 2, Weekday.WED))),
    st.integers(-60, 24 * 60 * 16),
)  # fmt: skip
def test_turns_are_what_a_clock_on_the_wall_says(
    zone: str, starts_on: date, at: str, plan: tuple[str, int, Weekday | None], minutes: int
) -> None:
    unit, every, weekday = plan
    handover = Handover.model_validate({"unit": unit, "every": every, "weekday": weekday, "at": at})
    held = rota(timezone=zone, starts_on=starts_on, handover=handover)
    moment = datetime.combine(starts_on, datetime.min.time(), UTC) + minutes * MINUTE
    assert on_duty(held, moment) == slow_turn(held, handover, moment)


@settings(max_examples=60, deadline=None)
@given(
    st.booleans(), st.lists(st.tuples(st.integers(0, 600), st.integers(1, 90), st.sampled_from("abc")), max_size=5),
    st.lists(st.tuples(st.integers(0, 600), st.integers(1, 90), st.sampled_from(("mei", None))), max_size=4),
    st.integers(0, 300), st.integers(1, 300),
)  # fmt: skip
def test_shifts_and_gaps_together_say_at_every_hour_what_on_duty_says(
    office: bool,
    kept: list[tuple[int, int, str]],
    taken: list[tuple[int, int, str | None]],
    low: int,
    hours: int,
) -> None:
    base = datetime(2026, 3, 20, 0, 0, tzinfo=UTC)

    def hour(number: int) -> datetime:
        return base + timedelta(hours=number)

    held = rota(
        hours=OFFICE if office else None,
        handover=WEEKLY if len(kept) % 2 else None,
        shifts=tuple(
            Shift(person=who, begins_at=hour(at), ends_at=hour(at + long)) for at, long, who in kept
        ),
        substitutions=tuple(
            Substitution(number=n, person="pia", begins_at=hour(at), ends_at=hour(at + long), instead_of=whom)
            for n, (at, long, whom) in enumerate(taken)
        ),
    )
    plan, empty = shifts(held, hour(low), hour(low + hours)), gaps(held, hour(low), hour(low + hours))
    bare = held.model_copy(update={"hours": None})
    for number in range(low, low + hours):
        people = set(on_duty(held, hour(number)))
        assert {one.person for one in plan if one.covers(hour(number))} == people
        in_gap = any(gap.begins_at <= hour(number) < gap.ends_at for gap in empty)
        assert in_gap == (not people and (not office or _open(hour(number))))
        assert not people or people == set(on_duty(bare, hour(number)))


def _open(at: datetime) -> bool:
    local = at.astimezone(ZoneInfo("Europe/Berlin"))
    return local.weekday() < 5 and 9 <= local.hour < 17
