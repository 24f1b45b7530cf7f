"""Laws of deadline arithmetic that hold for every calendar, start, duration and set of pauses."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policies.arithmetic.calendars import WEEK, Calendar, OpenRange, Weekday
from policies.arithmetic.deadlines import DayRule, due_at, elapsed, offset_at
from policies.arithmetic.durations import Duration, Offset, Unit
from policies.arithmetic.explain import explain

ZONES = ("Asia/Shanghai", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC")
FIRST = datetime(2025, 2, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

clock_times = st.integers(0, 1439).map(lambda m: f"{m // 60:02}:{m % 60:02}")
ranges = st.tuples(clock_times, clock_times | st.just("24:00"))
instants = st.integers(0, 90 * 86_400 * 10**6).map(lambda us: FIRST + timedelta(microseconds=us))
dates = st.integers(0, 200).map(lambda n: (FIRST + timedelta(n)).date())
day_rules = st.sampled_from(DayRule)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    hours = draw(st.dictionaries(st.sampled_from(WEEK), st.lists(ranges, min_size=1, max_size=3), min_size=1))
    return Calendar(
        timezone=draw(st.sampled_from(ZONES)),
        hours={day: tuple(said) for day, said in hours.items()},
        holidays=dict.fromkeys(draw(st.lists(dates, max_size=8)), ""),
        overrides=dict.fromkeys(draw(st.lists(dates, max_size=3)), tuple(draw(st.lists(ranges, max_size=2)))),
    )


@st.composite
def closed_pauses(draw: st.DrawFn) -> list[tuple[datetime, datetime]]:
    begins = draw(st.lists(instants, max_size=4))
    lengths = st.integers(0, 10 * 86_400 * 10**6)
    return [(begin, begin + draw(lengths) * MICROSECOND) for begin in begins]


working = st.integers(1, 5_000).map(lambda n: Duration(amount=n, unit=Unit.WORKING_MINUTES))
elapsing = st.integers(1, 50_000).map(lambda n: Duration(amount=n, unit=Unit.MINUTES))
in_days = st.builds(
    Duration,
    amount=st.integers(1, 60),
    unit=st.sampled_from((Unit.WORKING_DAYS, Unit.CALENDAR_DAYS, Unit.WEEKS)),
) | st.builds(Duration, amount=st.integers(1, 9), unit=st.just(Unit.MONTHS))
any_duration = working | elapsing | in_days


@given(calendars(), instants, working | elapsing, closed_pauses())
def test_due_and_elapsed_are_inverse(
    calendar: Calendar, start: datetime, duration: Duration, pauses: list[tuple[datetime, datetime]]
) -> None:
    due = due_at(start, duration, calendar, pauses)
    assert due is not None
    counted_in = calendar if duration.unit is Unit.WORKING_MINUTES else None
    length = timedelta(microseconds=duration.microseconds)
    assert elapsed(start, due, counted_in, pauses) == length
    # And no earlier moment would do.
    assert elapsed(start, due - MICROSECOND, counted_in, pauses) < length


@given(calendars(), instants, instants, instants, closed_pauses())
def test_splitting_a_span_adds_up(
    calendar: Calendar, one: datetime, two: datetime, three: datetime, pauses: list[tuple[datetime, datetime]]
) -> None:
    first, middle, last = sorted((one, two, three))
    parts = elapsed(first, middle, calendar, pauses) + elapsed(middle, last, calendar, pauses)
    assert parts == elapsed(first, last, calendar, pauses)
    assert elapsed(first, last, calendar, pauses) <= last - first


@given(calendars(), instants, working, st.sampled_from(WEEK), ranges)
def test_more_working_time_never_makes_a_due_moment_later(
    calendar: Calendar, start: datetime, duration: Duration, day: Weekday, extra: OpenRange
) -> None:
    more = {**calendar.hours, day: (*calendar.hours.get(day, ()), extra)}
    longer = Calendar.model_validate({**calendar.model_dump(), "hours": more})
    before, after = due_at(start, duration, calendar), due_at(start, duration, longer)
    assert before is not None
    assert after is not None
    assert after <= before


@given(calendars(), instants, any_duration, closed_pauses(), st.randoms(use_true_random=False))
def test_the_order_of_pauses_does_not_matter_nor_how_they_are_cut(
    calendar: Calendar,
    start: datetime,
    duration: Duration,
    pauses: list[tuple[datetime, datetime]],
    dice: random.Random,
) -> None:
    cut = [
        part
        for low, high in pauses
        for middle in (low + (high - low) / 3,)
        for part in ((low, middle), (middle, high), (low, low))
    ]
    dice.shuffle(cut)
    for rule in DayRule:
        expected = due_at(start, duration, calendar, pauses, rule)
        assert due_at(start, duration, calendar, cut, rule) == expected


@given(calendars(), instants, any_duration, closed_pauses(), day_rules)
def test_a_pause_never_makes_a_due_moment_earlier_and_none_falls_due_within_one(
    calendar: Calendar,
    start: datetime,
    duration: Duration,
    pauses: list[tuple[datetime, datetime]],
    rule: DayRule,
) -> None:
    plain, paused = (
        due_at(start, duration, calendar, (), rule),
        due_at(start, duration, calendar, pauses, rule),
    )
    assert plain is not None
    assert paused is not None
    assert paused >= plain
    assert not any(low < paused < high for low, high in pauses)


@given(calendars(), instants, any_duration, closed_pauses(), day_rules)
def test_what_begins_when_a_clock_is_due_changes_nothing(
    calendar: Calendar,
    start: datetime,
    duration: Duration,
    pauses: list[tuple[datetime, datetime]],
    rule: DayRule,
) -> None:
    due = due_at(start, duration, calendar, pauses, rule)
    assert due is not None
    assert due_at(start, duration, calendar, [*pauses, (due, None)], rule) == due
    assert due_at(start, duration, calendar, [*pauses, (due, due + timedelta(days=9))], rule) == due


@given(calendars(), instants, instants, any_duration, closed_pauses())
def test_a_later_start_is_never_due_earlier(
    calendar: Calendar,
    one: datetime,
    two: datetime,
    duration: Duration,
    pauses: list[tuple[datetime, datetime]],
) -> None:
    early, late = sorted((one, two))
    first, second = due_at(early, duration, calendar, pauses), due_at(late, duration, calendar, pauses)
    assert first is not None
    assert second is not None
    assert first <= second


@given(calendars(), instants, any_duration, closed_pauses(), day_rules)
def test_the_explanation_tells_what_was_counted_and_comes_to_the_same_moment(
    calendar: Calendar,
    start: datetime,
    duration: Duration,
    pauses: list[tuple[datetime, datetime]],
    rule: DayRule,
) -> None:
    due = due_at(start, duration, calendar, pauses, rule)
    why = explain(start, duration, calendar, pauses, rule)
    assert why.due == due == due_at(start, duration, calendar, pauses, rule)
    if duration.unit in (Unit.WORKING_MINUTES, Unit.MINUTES):
        length = timedelta(microseconds=duration.microseconds)
        assert sum((i.end - i.begin for i in why.intervals), timedelta()) == length
        assert why.intervals[-1].total == length
        assert why.intervals[-1].end == due
        ends = [moment for i in why.intervals for moment in (i.begin, i.end)]
        assert ends == sorted(ends)
    else:
        assert [day.number for day in why.days] == list(range(1, len(why.days) + 1))
        assert why.days[-1].ends == due
        if duration.unit is Unit.WORKING_DAYS:
            assert len(why.days) == duration.amount


@given(
    calendars(), instants, any_duration, closed_pauses(), st.tuples(st.integers(1, 99), st.integers(1, 99))
)
def test_shares_of_a_clock_lie_in_order_between_start_and_due(
    calendar: Calendar,
    start: datetime,
    duration: Duration,
    pauses: list[tuple[datetime, datetime]],
    shares: tuple[int, int],
) -> None:
    due = due_at(start, duration, calendar, pauses)
    assert due is not None
    small, large = sorted(shares)
    late, early = (
        offset_at(start, due, duration, Offset(percent=-share), calendar, pauses=pauses)
        for share in (small, large)
    )
    assert start <= early <= late <= due


@given(st.sampled_from(Unit), st.integers(0, 10**9 - 1))
def test_a_duration_is_read_back_from_how_it_is_written(unit: Unit, amount: int) -> None:
    duration = Duration(amount=amount, unit=unit)
    assert Duration.parse(str(duration)) == duration
    assert Duration.model_validate_json(duration.model_dump_json()) == duration


@given(
    st.builds(Offset, percent=st.integers(-100, 100).filter(bool))
    | st.builds(Offset, amount=st.integers(-99, 99).filter(bool), unit=st.sampled_from(Unit))
)
def test_an_offset_is_read_back_from_how_it_is_written(offset: Offset) -> None:
    assert Offset.parse(str(offset)) == offset
    assert Offset.model_validate_json(offset.model_dump_json()) == offset


@given(calendars())
def test_a_calendar_is_read_back_from_its_canonical_form(calendar: Calendar) -> None:
    again = Calendar.model_validate_json(calendar.content)
    assert again == calendar
    assert again.content == calendar.content
