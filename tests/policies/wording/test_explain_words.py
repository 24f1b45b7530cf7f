"""An explanation in words: what a person reads, in both languages, over holidays, clock changes and pauses."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from policies.arithmetic.calendars import BeyondKnown, Calendar
from policies.arithmetic.countries import country_calendar
from policies.arithmetic.durations import Duration
from policies.arithmetic.explain import Explanation, ExtensionSpan, explain
from policies.rules import Basis, ClockRule, Source
from policies.vocabulary import Fact
from policies.wording.explain_steps import EACH_AT_MOST, NamedPause, TimeCounted, steps
from policies.wording.explain_words import Outcome, words
from policies.wording.spoken import Language, Moment, Speech

CHINA = country_calendar("cn", 2024, 2026)
BRITAIN = country_calendar("gb", 2025, 2026)
SHANGHAI = Calendar(timezone="Asia/Shanghai", hours=CHINA.hours)
NIGHTS = Calendar(timezone="Europe/London", hours=dict.fromkeys(("sat", "sun", "mon"), (("00:00", "24:00"),)))
WAITING = {"en": "Waiting for the customer", "zh": "等待客戶回覆"}


def at(text: str) -> datetime:
    """An instant from its ISO 8601 text."""
    return datetime.fromisoformat(text).astimezone(UTC)


def rule(duration: str, *, basis: Basis = Basis.REQUIREMENT, statutory: bool = False) -> ClockRule:
    return ClockRule(
        id="answer",
        title={"en": "Answer", "zh": "答覆"},
        starts_on=Fact.RECEIVED,
        met_by=(Fact.ANSWERED,),
        duration=Duration.parse(duration),
        statutory=statutory,
        basis=basis,
        source=Source(document="The Guide", section="S1.2"),
        since=date(2025, 1, 1),
    )


def told(
    language: Language,
    start: str,
    duration: str,
    calendar: Calendar | None,
    pauses: Sequence[tuple[str, str | None]] = (),
    *,
    outcome: Outcome | None = None,
    extension: ExtensionSpan | None = None,
    statutory: bool = False,
    roll: bool = False,
) -> tuple[str, ...]:
    """The sentences; without an outcome, those of a clock that is running an hour after its start."""
    named = tuple(
        NamedPause("waiting", WAITING, at(begin), None if end is None else at(end)) for begin, end in pauses
    )
    why = explain(
        at(start),
        Duration.parse(duration),
        calendar,
        [(pause.begin, pause.end) for pause in named],
        statutory=statutory,
        roll=roll,
        zone="Asia/Shanghai",
    ).model_copy(update={"extension": extension})
    then = outcome or Outcome("running", why.due, at(start) + timedelta(hours=1))
    sentences = words(
        rule(duration, statutory=statutory), why, then, language,
        pauses=() if statutory else named, calendar=calendar,
    )  # fmt: skip
    return tuple(str(sentence) for sentence in sentences)


def test_working_hours_over_a_holiday_say_each_interval_with_what_there_is_in_all() -> None:
    start = "2025-12-24T10:00Z"
    assert told("en", start, "8 working hours", BRITAIN) == (
        "“Answer” within 8 working hours: required by The Guide, S1.2, since Wed 1 Jan 2025.",
        "It started on Wed 24 Dec 2025, 10:00 GMT.",
        "It counts 8 working hours: only time within working hours.",
        "Counted from Wed 24 Dec 2025, 10:00 GMT to 17:00 GMT: 7 hours; 7 hours in all.",
        "Not counted: Thu 25 Dec 2025, Christmas Day.",
        "Not counted: Fri 26 Dec 2025, Boxing Day.",
        "Counted from Mon 29 Dec 2025, 09:00 GMT to 10:00 GMT: 1 hour; 8 hours in all.",
        "It is due Mon 29 Dec 2025, 10:00 GMT.",
        "It is running: as of Wed 24 Dec 2025, 11:00 GMT, it is due in 4 days 23 hours.",
    )
    assert told("zh", start, "8 working hours", BRITAIN) == (
        "「答覆」時限為8個工作小時：The Guide, S1.2 的要求，自2025年1月1日（週三）起適用。",
        "自2025年12月24日（週三）10:00 GMT起算。",
        "計算8個工作小時：只計工作時間。",
        "自2025年12月24日（週三）10:00 GMT計至17:00 GMT：7小時；累計7小時。",
        "不計：2025年12月25日（週四），Christmas Day。",
        "不計：2025年12月26日（週五），Boxing Day。",
        "自2025年12月29日（週一）09:00 GMT計至10:00 GMT：1小時；累計8小時。",
        "到期時間：2025年12月29日（週一）10:00 GMT。",
        "計時中：截至2025年12月24日（週三）11:00 GMT，距到期尚有4天23小時。",
    )


def test_working_days_over_chinas_national_day_name_the_holidays_and_the_saturday_made_to_work() -> None:
    english = told("en", "2025-09-29T02:00:05Z", "7 working days", CHINA)
    assert english[1:-1] == (
        "It started on Mon 29 Sep 2025, 10:00:05 CST.",
        "It counts 7 working days. The day it starts on is not counted; each day ends at 24:00.",
        "Day 1: Tue 30 Sep 2025.",
        "Not counted: Wed 1 Oct 2025 to Sun 5 Oct 2025, National Day.",
        "Not counted: Mon 6 Oct 2025, Mid-Autumn Festival.",
        "Not counted: Tue 7 Oct 2025 to Wed 8 Oct 2025, National Day.",
        "Days 2 to 4: Thu 9 Oct 2025 to Sat 11 Oct 2025. Sat 11 Oct 2025 is a make-up working day.",
        "Days 5 to 7: Mon 13 Oct 2025 to Wed 15 Oct 2025.",
        "It is due Wed 15 Oct 2025, 24:00 CST.",
    )
    chinese = told("zh", "2025-09-29T02:00:05Z", "7 working days", CHINA)
    assert chinese[2:-1] == (
        "計算7個工作日。起算當日不計；每日至24:00為止。",
        "第1天：2025年9月30日（週二）。",
        "不計：2025年10月1日（週三）至2025年10月5日（週日），國慶節。",
        "不計：2025年10月6日（週一），中秋節。",
        "不計：2025年10月7日（週二）至2025年10月8日（週三），國慶節。",
        "第2至4天：2025年10月9日（週四）至2025年10月11日（週六）。其中2025年10月11日（週六）為調休上班日。",
        "第5至7天：2025年10月13日（週一）至2025年10月15日（週三）。",
        "到期時間：2025年10月15日（週三）24:00 CST。",
    )


@pytest.mark.parametrize(
    ("start", "hours", "calendar", "english", "chinese"),
    [
        (
            "2025-03-29T12:00Z", "20 working hours", NIGHTS,
            "On Sun 30 Mar 2025, 01:00 GMT the clocks go forward by 1 hour; what falls out is not counted.",
            "2025年3月30日（週日）01:00 GMT時鐘撥快1小時；被略過的時間不計。",
        ),
        (
            "2025-10-25T12:00Z", "20 working hours", NIGHTS,
            "On Sun 26 Oct 2025, 02:00 BST the clocks go back by 1 hour; what comes twice counts twice.",
            "2025年10月26日（週日）02:00 BST時鐘撥慢1小時；重複的時間計算兩次。",
        ),
        (
            "2025-03-28T12:00Z", "8 working hours", BRITAIN,
            "On Sun 30 Mar 2025, 01:00 GMT the clocks go forward by 1 hour; what is counted is not changed by it.",
            "2025年3月30日（週日）01:00 GMT時鐘撥快1小時；計時不受影響。",
        ),
    ],
)  # fmt: skip
def test_a_clock_change_is_said_with_what_it_does(
    start: str, hours: str, calendar: Calendar, english: str, chinese: str
) -> None:
    assert english in told("en", start, hours, calendar)
    assert chinese in told("zh", start, hours, calendar)


def test_a_month_whose_last_day_is_a_holiday_moves_on() -> None:
    english = told("en", "2025-09-01T10:00+08:00", "1 month", CHINA, roll=True)
    assert (
        "It counts 1 month, to the same day of the later month, or to the last day that month has;"
        in english[2]
    )
    assert english[3] == "Days 1 to 30: Tue 2 Sep 2025 to Wed 1 Oct 2025."
    assert english[4] == "Wed 1 Oct 2025 to Sun 5 Oct 2025, National Day: the last day may not fall on it."
    assert english[-3:-1] == (
        "The last day, Wed 1 Oct 2025, does not work, so it moves to the next one that does, Thu 9 Oct 2025.",
        "It is due Thu 9 Oct 2025, 24:00 CST.",
    )
    chinese = told("zh", "2025-09-01T10:00+08:00", "1 month", CHINA, roll=True)
    assert "最後一日2025年10月1日（週三）非工作日，順延至下一個工作日，即2025年10月9日（週四）。" in chinese


def test_a_pause_is_said_with_its_reason_and_how_long_it_took() -> None:
    pause = ("2025-01-08T10:00+08:00", "2025-01-10T10:00+08:00")
    english = told("en", "2025-01-06T10:00+08:00", "4 working days", SHANGHAI, [pause])
    assert english[3:7] == (
        "Day 1: Tue 7 Jan 2025.",
        "Paused from Wed 8 Jan 2025, 10:00 CST to Fri 10 Jan 2025, 10:00 CST, 2 days: Waiting for the customer."
        " Days that ended within it do not count.",
        "Day 2: Fri 10 Jan 2025.",
        "Days 3 to 4: Mon 13 Jan 2025 to Tue 14 Jan 2025.",
    )
    chinese = told("zh", "2025-01-06T10:00+08:00", "4 working days", SHANGHAI, [pause])
    assert chinese[4] == (
        "自2025年1月8日（週三）10:00 CST至2025年1月10日（週五）10:00 CST暫停，歷時2天：等待客戶回覆。"
        "期間結束的日子不計。"
    )


@pytest.mark.parametrize(
    ("start", "stopped", "duration", "english", "chinese"),
    [
        ("2025-01-06T10:00+08:00", "2025-01-08T00:00+08:00", "20 working hours",
         "Counted so far: 15 hours; left: 5 hours.", "已計15小時；尚餘5小時。"),
        ("2025-01-06T09:00+08:00", "2025-01-06T09:00+08:00", "1 working hours",
         "Counted so far: 0 minutes; left: 1 hour.", "已計0分鐘；尚餘1小時。"),
        ("2025-01-06T10:00+08:00", "2025-01-08T00:00+08:00", "3 working days",
         "Counted so far: 1 working day; left: 2 working days.", "已計1個工作日；尚餘2個工作日。"),
    ],
)  # fmt: skip
def test_a_clock_that_stands_still_has_no_due_moment_and_says_what_is_left(
    start: str, stopped: str, duration: str, english: str, chinese: str
) -> None:
    said = told("en", start, duration, SHANGHAI, [(stopped, None)])
    assert said[-2:] == ("There is no due moment while the pause lasts.", english)
    assert any(sentence.startswith("Paused since ") for sentence in said)
    assert told("zh", start, duration, SHANGHAI, [(stopped, None)])[-1] == chinese


def test_a_statutory_clock_says_that_it_does_not_pause() -> None:
    pause = [("2025-01-06T11:00+08:00", None)]
    english = told("en", "2025-01-06T10:00+08:00", "15 calendar days", None, pause, statutory=True)
    assert english[3] == "It is set by law: it does not pause, whatever anybody asks."
    assert not [sentence for sentence in english if "Paused" in sentence]
    assert "It is due Tue 21 Jan 2025, 24:00 CST." in english
    chinese = told("zh", "2025-01-06T10:00+08:00", "15 calendar days", None, pause, statutory=True)
    assert chinese[3] == "此時限由法律規定，任何人要求皆不得暫停。"


@pytest.mark.parametrize(
    ("times", "english", "chinese"),
    [
        (1, "Extended once, by 5 working days; before that it was due Mon 13 Jan 2025, 24:00 CST.",
         "已延期一次，延長5個工作日；原到期時間為2025年1月13日（週一）24:00 CST。"),
        (2, "Extended twice, by 5 working days each time; before that it was due Mon 13 Jan 2025, 24:00 CST.",
         "已延期2次，每次延長5個工作日；原到期時間為2025年1月13日（週一）24:00 CST。"),
        (3, "Extended 3 times, by 5 working days each time; before that it was due Mon 13 Jan 2025, 24:00 CST.",
         "已延期3次，每次延長5個工作日；原到期時間為2025年1月13日（週一）24:00 CST。"),
    ],
)  # fmt: skip
def test_an_extension_says_how_often_by_how_much_and_when_it_was_due_without(
    times: int, english: str, chinese: str
) -> None:
    span = ExtensionSpan(
        times=times, by=Duration.parse("5 working days"), due_before=at("2025-01-14T00:00+08:00")
    )
    duration = f"{5 + 5 * times} working days"
    assert english in told("en", "2025-01-06T10:00+08:00", duration, SHANGHAI, extension=span)
    assert chinese in told("zh", "2025-01-06T10:00+08:00", duration, SHANGHAI, extension=span)


def test_dates_whose_holidays_are_not_known_are_said_to_be_assumed() -> None:
    calendar = CHINA.model_copy(update={"beyond_known": BeyondKnown.WEEKLY_HOURS})
    assert (
        "Holidays after Thu 31 Dec 2026 are not published yet: from then on it is counted by weekly hours alone."
        in told("en", "2026-12-29T10:00+08:00", "5 working days", calendar)
    )
    assert "2026年12月31日（週四）之後的假日尚未公布：其後僅按每週工作時間計算。" in told(
        "zh", "2026-12-29T10:00+08:00", "5 working days", calendar
    )


DUE = at("2025-01-06T12:00+08:00")


@pytest.mark.parametrize(
    ("outcome", "english", "chinese"),
    [
        (Outcome("met", DUE, DUE, met_at=DUE - timedelta(minutes=61)),
         "It was met on Mon 6 Jan 2025, 10:59 CST, 1 hour 1 minute before it was due: in time.",
         "已於2025年1月6日（週一）10:59 CST完成，早於到期時間1小時1分鐘：準時。"),
        (Outcome("met", DUE, DUE, met_at=DUE),
         "It was met on Mon 6 Jan 2025, 12:00 CST, at the very moment it was due: in time.",
         "已於2025年1月6日（週一）12:00 CST完成，恰為到期時刻：準時。"),
        (Outcome("met_late", DUE, DUE, met_at=DUE + timedelta(days=2, hours=1), breached_at=DUE),
         "It was not met by then, but on Wed 8 Jan 2025, 13:00 CST: 2 days 1 hour late.",
         "屆時未完成，於2025年1月8日（週三）13:00 CST完成：逾期2天1小時。"),
        (Outcome("running", DUE, DUE + timedelta(seconds=1), breached_at=DUE),
         "It is not met yet: overdue by less than a minute as of Mon 6 Jan 2025, 12:00:01 CST.",
         "尚未完成：截至2025年1月6日（週一）12:00:01 CST已逾期不足一分鐘。"),
        (Outcome("stopped", DUE, DUE, stopped_at=DUE - timedelta(hours=1)),
         "It was stopped on Mon 6 Jan 2025, 11:00 CST: the promise fell away.",
         "已於2025年1月6日（週一）11:00 CST停止：此承諾不再適用。"),
        (Outcome("running", DUE, DUE - timedelta(hours=1), breached_at=DUE - timedelta(hours=2)),
         "It was overdue from Mon 6 Jan 2025, 10:00 CST on, before its due moment moved; that stays on record.",
         "到期時間變動前，自2025年1月6日（週一）10:00 CST起已逾期；此紀錄予以保留。"),
        (Outcome("running", DUE, DUE, acknowledged_at=DUE - timedelta(hours=1)),
         "Its alert was acknowledged on Mon 6 Jan 2025, 11:00 CST; the deadline does not move by that.",
         "警示已於2025年1月6日（週一）11:00 CST確認；到期時間不因此變動。"),
    ],
)  # fmt: skip
def test_what_came_of_it(outcome: Outcome, english: str, chinese: str) -> None:
    start = "2025-01-06T10:00+08:00"
    assert told("en", start, "2 h", None, outcome=outcome)[-1] == english
    assert told("zh", start, "2 h", None, outcome=outcome)[-1] == chinese


def test_one_of_a_thing_is_not_said_as_several() -> None:
    english = told("en", "2025-01-06T10:00+08:00", "1 h", None)
    assert english[0].startswith("“Answer” within 1 hour:")
    assert english[3] == "Counted from Mon 6 Jan 2025, 10:00 CST to 11:00 CST: 1 hour."
    assert told("en", "2025-01-06T10:00+08:00", "2 min", None)[3].endswith(": 2 minutes.")


def test_hundreds_of_intervals_are_told_by_month_and_lose_none() -> None:
    why = explain(at("2025-01-06T10:00+08:00"), Duration.parse("2500 working hours"), CHINA)
    assert len(why.intervals) > EACH_AT_MOST
    months = [step for step in steps(why, (), CHINA) if isinstance(step, TimeCounted)]
    assert len(months) <= 16
    assert sum(step.intervals for step in months) == len(why.intervals)
    assert sum((step.took for step in months), timedelta()) == months[-1].total == timedelta(hours=2500)
    assert "In January 2025: 17 intervals, 135 hours; 135 hours in all." in told(
        "en", "2025-01-06T10:00+08:00", "2500 working hours", CHINA
    )


def test_the_moments_in_a_sentence_can_be_read_by_machines() -> None:
    why: Explanation = explain(at("2025-01-06T10:00+08:00"), Duration.parse("2 working days"), SHANGHAI)
    sentences = words(rule("2 working days"), why, Outcome("running", why.due, why.start), "en")
    moments = [part for sentence in sentences for part in sentence.parts if isinstance(part, Moment)]
    assert Moment("Wed 8 Jan 2025, 24:00 CST", "2025-01-08T16:00:00Z") in moments
    assert Moment("Tue 7 Jan 2025", "2025-01-07") in moments


def test_a_zone_without_an_abbreviation_is_said_by_its_offset() -> None:
    assert (
        Speech("en", "America/Sao_Paulo").moment(at("2025-01-06T12:00Z")).words
        == "Mon 6 Jan 2025, 09:00 UTC-03"
    )
