"""Due moments, elapsed time and offsets at the boundaries that DESIGN names, by the second."""

from datetime import UTC, date, datetime, timedelta
from time import perf_counter

import pytest

from policies.arithmetic.calendars import BeyondKnown, Calendar, CalendarNeverOpen, CalendarNotKnown, TooFar
from policies.arithmetic.countries import country_calendar
from policies.arithmetic.deadlines import (
    DayRule,
    add_working_days,
    count_working_days,
    due_at,
    elapsed,
    moved,
    offset_at,
)
from policies.arithmetic.durations import Duration, Offset
from policies.arithmetic.explain import explain

OFFICE = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), (("09:00", "12:00"), ("13:00", "17:00")))
LONDON = Calendar(timezone="Europe/London", hours=OFFICE)
SHANGHAI = Calendar(timezone="Asia/Shanghai", hours=OFFICE)
CHINA = country_calendar("cn", 2024, 2026)
ROUND_THE_CLOCK = Calendar(
    timezone="Europe/London",
    hours=dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), (("00:00", "24:00"),)),
)
NIGHT_SHIFT = Calendar(timezone="Asia/Shanghai", hours={"fri": (("22:00", "06:00"),)})


def at(text: str) -> datetime:
    """An instant from its ISO 8601 text."""
    return datetime.fromisoformat(text).astimezone(UTC)


def d(text: str) -> Duration:
    return Duration.parse(text)


@pytest.mark.parametrize(
    ("start", "duration", "due"),
    [
        # Monday 6 January 2025, London: local time is UTC.
        ("2025-01-06T09:00:00Z", "1 working hours", "2025-01-06T10:00:00Z"),
        ("2025-01-06T09:00:00Z", "3 working hours", "2025-01-06T12:00:00Z"),  # at closing, not 13:00
        ("2025-01-06T09:00:01Z", "3 working hours", "2025-01-06T13:00:01Z"),
        ("2025-01-06T09:00:00Z", "7 working hours", "2025-01-06T17:00:00Z"),  # not Tuesday 09:00
        ("2025-01-06T09:00:00Z", "8 working hours", "2025-01-07T10:00:00Z"),
        ("2025-01-06T16:59:59.999999Z", "1 working min", "2025-01-07T09:00:59.999999Z"),
        ("2025-01-10T16:00:00Z", "2 working hours", "2025-01-13T10:00:00Z"),  # over the weekend
        ("2025-01-06T12:30:00Z", "1 working hours", "2025-01-06T14:00:00Z"),  # started at lunch
        ("2025-01-06T12:30:00Z", "0 working hours", "2025-01-06T13:00:00Z"),
        ("2025-01-06T12:00:00Z", "0 working hours", "2025-01-06T13:00:00Z"),  # closing is closed
        ("2025-01-06T13:00:00Z", "0 working hours", "2025-01-06T13:00:00Z"),
        ("2025-01-11T10:00:00Z", "0 working days", "2025-01-13T09:00:00Z"),
        # Elapsed time ignores the calendar.
        ("2025-01-10T16:00:00Z", "24 h", "2025-01-11T16:00:00Z"),
        ("2025-01-10T16:00:00Z", "0 h", "2025-01-10T16:00:00Z"),
    ],
)
def test_working_hours_and_elapsed_time(start: str, duration: str, due: str) -> None:
    assert due_at(at(start), d(duration), LONDON) == at(due)


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        # 30 March 2025: 01:00 to 02:00 does not happen; the day has 23 hours.
        ("2025-03-30T00:00:00Z", 23, "2025-03-30T23:00:00Z"),
        # 26 October 2025: 01:00 to 02:00 happens twice; the day has 25 hours.
        ("2025-10-25T23:00:00Z", 25, "2025-10-27T00:00:00Z"),
    ],
)
def test_a_round_the_clock_day_has_as_many_hours_as_its_clock_changes_leave(
    start: str, hours: int, due: str
) -> None:
    assert due_at(at(start), d(f"{hours} working hours"), ROUND_THE_CLOCK) == at(due)
    assert elapsed(at(start), at(due), ROUND_THE_CLOCK) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("day", "hours", "counted"),
    [
        ("2025-03-30", ("00:30", "03:30"), 2),  # an hour of it was removed
        ("2025-10-26", ("00:30", "03:30"), 4),  # an hour of it was repeated
        ("2025-03-30", ("01:00", "02:00"), 0),  # all of it was removed
        ("2025-10-26", ("01:00", "02:00"), 2),
    ],
)
def test_an_hour_removed_is_not_counted_and_one_repeated_counts_twice(
    day: str, hours: tuple[str, str], counted: int
) -> None:
    calendar = Calendar(timezone="Europe/London", overrides={date.fromisoformat(day): (hours,)})
    noon = at(f"{day}T12:00:00Z")
    assert elapsed(noon - timedelta(days=1), noon, calendar) == timedelta(hours=counted)


def test_a_range_past_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    # Friday 22:00 to Saturday 06:00 in Shanghai; the Saturday is a holiday, which does not cut it short.
    calendar = NIGHT_SHIFT.model_copy(update={"holidays": {date(2025, 1, 11): "closed"}})
    assert elapsed(at("2025-01-10T21:00+08:00"), at("2025-01-12T00:00+08:00"), calendar) == timedelta(hours=8)
    assert due_at(at("2025-01-10T21:00+08:00"), d("7 working hours"), calendar) == at(
        "2025-01-11T05:00+08:00"
    )
    # The closing of Friday lies on Saturday; the end of its day does not.
    closing = due_at(at("2025-01-09T12:00+08:00"), d("1 working days"), calendar, (), DayRule.CLOSING)
    assert closing == at("2025-01-11T06:00+08:00")
    assert due_at(at("2025-01-09T12:00+08:00"), d("1 working days"), calendar) == at("2025-01-11T00:00+08:00")
    # A holiday on the day it opens takes all of it away.
    shut = NIGHT_SHIFT.model_copy(update={"holidays": {date(2025, 1, 10): "closed"}})
    assert elapsed(at("2025-01-10T21:00+08:00"), at("2025-01-12T00:00+08:00"), shut) == timedelta()


@pytest.mark.parametrize(
    ("rule", "due"),
    [
        (DayRule.END_OF_DAY, "2025-01-08T00:00+08:00"),
        (DayRule.CLOSING, "2025-01-07T17:00+08:00"),
        (DayRule.SAME_TIME, "2025-01-07T15:20:30+08:00"),
    ],
)
def test_the_last_working_day_ends_as_the_pack_says(rule: DayRule, due: str) -> None:
    monday = at("2025-01-06T15:20:30+08:00")
    assert due_at(monday, d("1 working days"), SHANGHAI, (), rule) == at(due)


@pytest.mark.parametrize("start", ["2025-01-04T10:00+08:00", "2025-01-05T23:59:59+08:00"])
def test_a_start_on_a_day_off_is_not_counted_either(start: str) -> None:
    assert due_at(at(start), d("1 working days"), SHANGHAI) == at("2025-01-07T00:00+08:00")


def test_the_start_day_is_that_of_the_calendars_zone() -> None:
    # One second apart, over midnight in Shanghai.
    assert due_at(at("2025-01-06T15:59:59Z"), d("1 working days"), SHANGHAI) == at("2025-01-08T00:00+08:00")
    assert due_at(at("2025-01-06T16:00:00Z"), d("1 working days"), SHANGHAI) == at("2025-01-09T00:00+08:00")


def test_chinas_golden_week_is_off_and_its_make_up_days_work() -> None:
    # Friday 26 September 2025. Sunday the 28th works, 1 to 8 October is off, Saturday the 11th works.
    assert due_at(at("2025-09-26T10:00+08:00"), d("4 working days"), CHINA) == at("2025-10-10T00:00+08:00")
    assert due_at(at("2025-09-26T10:00+08:00"), d("6 working days"), CHINA) == at("2025-10-12T00:00+08:00")
    assert count_working_days(date(2025, 9, 28), date(2025, 10, 12), CHINA) == 6
    assert add_working_days(date(2025, 9, 30), 1, CHINA) == date(2025, 10, 9)
    assert add_working_days(date(2025, 10, 9), -1, CHINA) == date(2025, 9, 30)
    assert add_working_days(date(2025, 10, 1), 0, CHINA) == date(2025, 10, 1)


@pytest.mark.parametrize(
    ("start", "duration", "roll", "due"),
    [
        ("2025-01-06T10:00+08:00", "1 calendar days", False, "2025-01-08T00:00+08:00"),
        ("2025-01-06T10:00+08:00", "8 weeks", False, "2025-03-04T00:00+08:00"),
        ("2025-01-31T10:00+08:00", "1 month", False, "2025-03-01T00:00+08:00"),  # 28 February has no 31st
        ("2024-01-31T10:00+08:00", "1 month", False, "2024-03-01T00:00+08:00"),  # 29 February
        ("2024-02-29T10:00+08:00", "1 year", False, "2025-03-01T00:00+08:00"),
        ("2025-03-15T10:00+08:00", "3 months", False, "2025-06-16T00:00+08:00"),
        # PRC Civil Code, article 203: 1 October 2025 is a holiday, the 9th is the next working day.
        ("2025-09-01T10:00+08:00", "30 calendar days", False, "2025-10-02T00:00+08:00"),
        ("2025-09-01T10:00+08:00", "30 calendar days", True, "2025-10-10T00:00+08:00"),
        ("2025-09-01T10:00+08:00", "1 month", True, "2025-10-10T00:00+08:00"),
        # A make-up Saturday works, so nothing rolls; the Sunday after it does not.
        ("2025-09-11T10:00+08:00", "1 month", True, "2025-10-12T00:00+08:00"),
        ("2025-09-12T10:00+08:00", "1 month", True, "2025-10-14T00:00+08:00"),
    ],
)
def test_civil_durations_end_at_the_end_of_their_last_day(
    start: str, duration: str, roll: bool, due: str
) -> None:
    assert due_at(at(start), d(duration), CHINA, roll=roll) == at(due)


def test_a_civil_day_ends_at_close_of_business_where_the_pack_says_so() -> None:
    start = at("2025-01-06T10:00+08:00")
    assert due_at(start, d("1 week"), CHINA, (), DayRule.CLOSING) == at("2025-01-13T17:00+08:00")
    # A Sunday has no closing: its 24:00.
    assert due_at(start, d("6 calendar days"), CHINA, (), DayRule.CLOSING) == at("2025-01-13T00:00+08:00")
    assert due_at(start, d("2 calendar days"), None, zone="Asia/Shanghai") == at("2025-01-09T00:00+08:00")


def test_the_same_time_of_day_survives_a_clock_change() -> None:
    same = DayRule.SAME_TIME
    # 10:00 stays 10:00 on the wall, though the day had 23 hours.
    assert due_at(at("2025-03-29T10:00Z"), d("1 calendar days"), LONDON, (), same) == at("2025-03-30T09:00Z")
    # 01:30 was removed on the 30th: it moves on by the hour that is missing (RFC 5545).
    assert due_at(at("2025-03-29T01:30Z"), d("1 calendar days"), LONDON, (), same) == at("2025-03-30T01:30Z")
    # 01:30 happens twice on 26 October: the first.
    assert due_at(at("2025-10-25T00:30Z"), d("1 calendar days"), LONDON, (), same) == at("2025-10-26T00:30Z")


def test_closing_within_a_clock_change_is_the_last_open_moment_of_the_day() -> None:
    calendar = Calendar(timezone="Europe/London", hours={"sun": (("00:00", "01:30"),)})
    closing = DayRule.CLOSING
    # 01:30 was removed on 30 March: the change itself. On 26 October it happened twice: the second.
    march, october = at("2025-03-28T12:00Z"), at("2025-10-24T12:00Z")
    assert due_at(march, d("1 working days"), calendar, (), closing) == at("2025-03-30T01:00Z")
    assert due_at(october, d("1 working days"), calendar, (), closing) == at("2025-10-26T01:30Z")


def test_a_day_whose_midnight_was_removed_ends_at_the_change() -> None:
    # Toronto went from 23:30 on 30 March 1919 to 00:30, Cairo from 00:00 to 01:00 on 25 April 2025.
    toronto = due_at(at("1919-03-29T12:00Z"), d("1 calendar days"), None, zone="America/Toronto")
    assert toronto == at("1919-03-31T04:30Z")
    cairo = due_at(at("2025-04-23T12:00Z"), d("1 calendar days"), None, zone="Africa/Cairo")
    assert cairo == at("2025-04-24T22:00Z")


class TestPauses:
    """What a pause does to a clock."""

    START = at("2025-01-06T10:00+08:00")

    def test_elapsed_time_stands_still_and_overlaps_count_once(self) -> None:
        hour = timedelta(hours=1)
        pauses = [(self.START + hour, self.START + 3 * hour), (self.START + 2 * hour, self.START + 5 * hour)]
        assert due_at(self.START, d("24 h"), None, pauses) == self.START + 28 * hour
        assert elapsed(self.START, self.START + 6 * hour, None, pauses) == 2 * hour

    def test_only_open_time_within_a_pause_is_given_back(self) -> None:
        overnight = [(at("2025-01-06T16:00+08:00"), at("2025-01-07T10:00+08:00"))]
        assert due_at(self.START, d("7 working hours"), SHANGHAI, overnight) == at("2025-01-07T12:00+08:00")

    def test_a_clock_that_is_due_as_the_pause_begins_is_due(self) -> None:
        due = self.START + timedelta(hours=24)
        assert due_at(self.START, d("24 h"), None, [(due, None)]) == due
        assert due_at(self.START, d("24 h"), None, [(due - timedelta(microseconds=1), None)]) is None

    def test_an_open_pause_hides_the_due_moment_and_a_statutory_clock_does_not_pause(self) -> None:
        pauses = [(self.START + timedelta(hours=1), None)]
        for length in ("24 h", "4 working hours", "3 working days", "5 calendar days"):
            assert due_at(self.START, d(length), SHANGHAI, pauses) is None
            plain = due_at(self.START, d(length), SHANGHAI)
            assert due_at(self.START, d(length), SHANGHAI, pauses, statutory=True) == plain

    @pytest.mark.parametrize(
        ("begin", "end", "due"),
        [
            # Five working days from Monday the 6th end on Monday the 13th.
            ("2025-01-07T10:00+08:00", "2025-01-07T15:00+08:00", "2025-01-14T00:00+08:00"),
            ("2025-01-07T10:00+08:00", "2025-01-08T10:00+08:00", "2025-01-15T00:00+08:00"),
            ("2025-01-07T10:00+08:00", "2025-01-10T10:00+08:00", "2025-01-17T00:00+08:00"),
            ("2025-01-08T00:00+08:00", "2025-01-09T00:00+08:00", "2025-01-15T00:00+08:00"),
            ("2025-01-11T10:00+08:00", "2025-01-12T10:00+08:00", "2025-01-14T00:00+08:00"),  # a weekend
            ("2025-01-13T10:00+08:00", "2025-01-15T10:00+08:00", "2025-01-16T00:00+08:00"),  # the last day
        ],
    )
    def test_a_working_day_whose_end_falls_into_a_pause_does_not_count(
        self, begin: str, end: str, due: str
    ) -> None:
        assert due_at(self.START, d("5 working days"), SHANGHAI, [(at(begin), at(end))]) == at(due)

    def test_a_pause_that_ends_before_it_begins_is_refused(self) -> None:
        with pytest.raises(ValueError, match="ends before it begins"):
            due_at(self.START, d("1 h"), None, [(self.START, self.START - timedelta(seconds=1))])


class TestOffsets:
    """Moments before and after due, in the clock's own time."""

    START = at("2025-01-06T09:00+08:00")

    def offset(self, length: str, text: str, **more: object) -> datetime:
        due = due_at(self.START, d(length), SHANGHAI)
        assert due is not None
        return offset_at(self.START, due, d(length), Offset.parse(text), SHANGHAI, **more)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("length", "offset", "moment"),
        [
            ("24 h", "-25%", "2025-01-07T03:00+08:00"),
            ("24 h", "0", "2025-01-07T09:00+08:00"),
            ("24 h", "+1 h", "2025-01-07T10:00+08:00"),
            ("24 h", "+50%", "2025-01-07T21:00+08:00"),
            ("24 h", "-2 working hours", "2025-01-06T15:00+08:00"),
            # Due on Tuesday at 10:00; two hours of its own time before is Monday at 16:00.
            ("8 working hours", "-2 working hours", "2025-01-06T16:00+08:00"),
            ("8 working hours", "-2 h", "2025-01-06T16:00+08:00"),
            ("8 working hours", "-25%", "2025-01-06T16:00+08:00"),
            ("8 working hours", "-1 working hours", "2025-01-07T09:00+08:00"),  # the opening, not the closing
            ("8 working hours", "+6 working hours", "2025-01-07T17:00+08:00"),  # the closing
            # Due at the end of Friday; two working days before is the end of Wednesday.
            ("4 working days", "-2 working days", "2025-01-09T00:00+08:00"),
            ("4 working days", "+1 working days", "2025-01-14T00:00+08:00"),
            # Its own time is the 35 open hours up to then; a fifth of them is one open day.
            ("4 working days", "-20%", "2025-01-10T09:00+08:00"),
            ("2 weeks", "-3 calendar days", "2025-01-18T00:00+08:00"),
            # No moment lies before the start.
            ("1 h", "-2 h", "2025-01-06T09:00+08:00"),
        ],
    )
    def test_an_offset_is_measured_in_the_clocks_own_time(
        self, length: str, offset: str, moment: str
    ) -> None:
        assert self.offset(length, offset) == at(moment)

    def test_a_warning_passes_over_a_pause(self) -> None:
        pause = (self.START + timedelta(hours=18), self.START + timedelta(hours=28))
        due = due_at(self.START, d("24 h"), None, [pause])
        assert due == self.START + timedelta(hours=34)
        quarter = offset_at(self.START, due, d("24 h"), Offset.parse("-25%"), None, pauses=[pause])
        assert quarter == self.START + timedelta(hours=28)

    @pytest.mark.parametrize(
        ("begin", "end", "moment"),
        [
            # Due at the end of Tuesday the 14th; two working days before is the end of Friday the 10th.
            ("2025-01-13T09:00+08:00", "2025-01-13T12:00+08:00", "2025-01-11T00:00+08:00"),
            # Monday's end falls into the pause, or is the very moment at which it ends.
            ("2025-01-13T09:00+08:00", "2025-01-14T00:00:00.000001+08:00", "2025-01-10T00:00+08:00"),
            ("2025-01-13T09:00+08:00", "2025-01-14T00:00+08:00", "2025-01-10T00:00+08:00"),
            # It is the moment at which the pause begins: Monday has counted.
            ("2025-01-14T00:00+08:00", "2025-01-14T09:00+08:00", "2025-01-11T00:00+08:00"),
        ],
    )
    def test_a_warning_in_days_passes_over_days_that_did_not_count(
        self, begin: str, end: str, moment: str
    ) -> None:
        due, pause = at("2025-01-15T00:00+08:00"), (at(begin), at(end))
        before = Offset.parse("-2 working days")
        found = offset_at(self.START, due, d("6 working days"), before, SHANGHAI, pauses=[pause])
        assert found == at(moment)

    def test_nobody_holds_an_escalation_back_by_pausing_what_is_overdue(self) -> None:
        due = self.START + timedelta(hours=1)
        late = offset_at(self.START, due, d("1 h"), Offset.parse("+1 h"), None, pauses=[(due, None)])
        assert late == due + timedelta(hours=1)

    def test_moving_back_over_open_time_needs_no_start(self) -> None:
        monday = at("2025-01-06T10:00+08:00")
        assert moved(monday, timedelta(hours=-2), SHANGHAI) == at("2025-01-03T16:00+08:00")
        assert moved(monday, timedelta(hours=8), SHANGHAI) == at("2025-01-07T11:00+08:00")
        assert moved(monday, timedelta(), SHANGHAI) == monday


def test_an_explanation_leaves_out_the_days_on_which_the_clock_stood_still() -> None:
    start = at("2025-01-06T10:00+08:00")
    pauses = [
        (at("2025-01-08T10:00+08:00"), at("2025-01-10T10:00+08:00")),
        (at("2025-01-08T12:00+08:00"), at("2025-01-09T10:00+08:00")),
    ]
    why = explain(start, d("4 working days"), SHANGHAI, pauses)
    assert [(day.day.day, day.number) for day in why.days] == [(7, 1), (10, 2), (13, 3), (14, 4)]
    assert [(pause.begin, pause.end) for pause in why.pauses] == [pauses[0]]
    assert why.due == why.days[-1].ends == at("2025-01-15T00:00+08:00")


def test_an_explanation_of_a_clock_that_stands_still_tells_what_was_counted_so_far() -> None:
    start, stopped = at("2025-01-06T10:00+08:00"), at("2025-01-07T10:00+08:00")
    days = explain(start, d("4 working days"), SHANGHAI, [(stopped, None)])
    assert (days.due, days.days) == (None, ())
    hours = explain(start, d("20 working hours"), SHANGHAI, [(stopped, None)])
    assert hours.due is None
    assert hours.intervals[-1].end == stopped
    assert hours.intervals[-1].total == timedelta(hours=7)
    assert [(pause.begin, pause.end) for pause in hours.pauses] == [(stopped, None)]


def test_an_explanation_says_that_a_last_day_rolled_on() -> None:
    why = explain(at("2025-09-01T10:00+08:00"), d("30 calendar days"), CHINA, roll=True)
    assert why.rolled_from == date(2025, 10, 1)
    assert why.due == at("2025-10-10T00:00+08:00")
    assert len(why.holidays) == 8


class TestWhatIsNotKnown:
    """Dates beyond the holidays that are known."""

    def test_a_deadline_beyond_is_refused_by_name_of_the_last_date(self) -> None:
        start = at("2026-12-29T10:00+08:00")
        assert due_at(start, d("2 working days"), CHINA) == at("2027-01-01T00:00+08:00")
        with pytest.raises(CalendarNotKnown, match="calendar not known beyond 2026-12-31"):
            due_at(start, d("3 working days"), CHINA)
        with pytest.raises(CalendarNotKnown, match="not known beyond 2026-12-31"):
            due_at(start, d("30 working hours"), CHINA)
        with pytest.raises(CalendarNotKnown, match="not known before 2024-01-01"):
            elapsed(at("2023-12-31T23:59+08:00"), start, CHINA)

    def test_counting_on_by_weekly_hours_is_possible_only_by_choice(self) -> None:
        start = at("2026-12-29T10:00+08:00")
        chosen = CHINA.model_copy(update={"beyond_known": BeyondKnown.WEEKLY_HOURS})
        assert due_at(start, d("3 working days"), chosen) == at("2027-01-02T00:00+08:00")

    def test_elapsed_time_and_civil_days_need_no_holidays(self) -> None:
        start = at("2026-12-29T10:00+08:00")
        assert due_at(start, d("30 calendar days"), CHINA) == at("2027-01-29T00:00+08:00")
        assert due_at(start, d("240 h"), CHINA) == start + timedelta(hours=240)

    def test_a_calendar_that_never_opens_says_so(self) -> None:
        never = Calendar(timezone="UTC")
        once = Calendar(timezone="UTC", overrides={date(2025, 1, 1): (("09:00", "10:00"),)})
        with pytest.raises(CalendarNeverOpen):
            due_at(at("2025-01-01T00:00Z"), d("1 working hours"), never)
        with pytest.raises(CalendarNeverOpen):
            due_at(at("2025-01-01T00:00Z"), d("2 working hours"), once)
        with pytest.raises(CalendarNeverOpen):
            add_working_days(date(2025, 1, 1), 1, once)
        assert due_at(at("2024-01-01T00:00Z"), d("1 working hours"), once) == at("2025-01-01T10:00Z")

    def test_the_end_of_all_dates_is_an_answer_too(self) -> None:
        for length in ("999999999 h", "99999 years", "999999999 working hours", "999999999 calendar days"):
            with pytest.raises(TooFar):
                due_at(at("2025-01-01T00:00Z"), d(length), LONDON)


def test_ten_working_years_ahead_take_less_than_a_millisecond_on_average() -> None:
    britain = country_calendar("gb", 2020, 2050)
    hours, days = d("20000 working hours"), d("2500 working days")
    began = perf_counter()
    for n in range(250):
        start = at("2025-01-06T09:00Z") + timedelta(hours=7 * n)
        due_at(start, hours, britain)
        due_at(start, days, britain)
    assert (perf_counter() - began) / 500 < 0.001
