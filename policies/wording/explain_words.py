"""An explanation as sentences, in English and Chinese: the promise, the steps in their order, and what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from policies.arithmetic.calendars import Calendar
from policies.arithmetic.durations import DayRule, Duration, Measure, Unit
from policies.arithmetic.explain import Explanation
from policies.rules import Basis, ClockRule
from policies.wording.explain_steps import NamedPause, steps
from policies.wording.spoken import Language, Sentence, Speech, text_of
from policies.wording.step_words import step_words

State = Literal["running", "paused", "met", "met_late", "stopped"]

_BASES: Mapping[Basis, tuple[str, str]] = {
    Basis.REQUIREMENT: ("required by {source}", "{source} 的要求"),
    Basis.TARGET: ("a target of {source}", "{source} 的目標"),
    Basis.EXAMPLE: ("an example in {source}", "{source} 的示例"),
    Basis.EXPECTATION: ("what customers expect, says {source}", "{source} 所述的客戶期望"),
    Basis.CHOICE: ("the organisation's own choice; the source is {source}", "機構自行選定，依據 {source}"),
}
_ENDS: Mapping[DayRule, tuple[str, str]] = {
    DayRule.END_OF_DAY: ("at 24:00", "24:00"),
    DayRule.CLOSING: ("at close of business", "當日辦公結束時"),
    DayRule.SAME_TIME: ("at the time of day at which it started", "與起算相同的時刻"),
}
_NOTHING = timedelta()


@dataclass(frozen=True)
class Outcome:
    """What has become of one run of a clock by `as_of`. `due_at` is the moment that the record holds.

    `subject` is what the run is about, in words, where a clock runs once for each of several.
    """

    state: State
    due_at: datetime | None
    as_of: datetime
    met_at: datetime | None = None
    stopped_at: datetime | None = None
    breached_at: datetime | None = None
    acknowledged_at: datetime | None = None
    subject: str | None = None


def words(
    rule: ClockRule,
    why: Explanation,
    outcome: Outcome,
    language: Language,
    *,
    pauses: Sequence[NamedPause] = (),
    calendar: Calendar | None = None,
) -> tuple[Sentence, ...]:
    """Why one run of a clock is due when it is, sentence by sentence, in the order it came about.

    `pauses` are those of the clock with their reasons; `calendar` is the one it counts in. Times are local
    to the explanation's zone.
    """
    speech = Speech(language, why.zone)
    return (
        *_promise(rule, why, outcome, speech),
        *(step_words(step, why, speech) for step in steps(why, pauses, calendar, in_runs=True)),
        *_adjusted(why, speech),
        *_due(why, outcome, speech),
        *_came_of(why, outcome, speech),
    )


def promise(rule: ClockRule, speech: Speech) -> Sentence:
    """The rule itself: what within how long, by which source, how binding and since when."""
    basis = speech.choose(*_BASES[rule.basis]).format(source=f"{rule.source.document}, {rule.source.section}")
    return speech.say(
        "“{title}” within {length}: {basis}, since {since}.",
        "「{title}」時限為{length}：{basis}，自{since}起適用。",
        title=text_of(rule.title, speech.language),
        length=speech.duration(rule.duration),
        basis=basis,
        since=speech.day(rule.since),
    )


def how_counted(why: Explanation, speech: Speech) -> Sentence:
    """What its time is made of."""
    length = speech.duration(why.duration)
    ends = "" if why.day_rule is None else speech.choose(*_ENDS[why.day_rule])
    if why.duration.is_zero:
        return speech.say("Nothing has to pass before it is due.", "無須經過任何時間即到期。")
    if why.duration.measure is Measure.ELAPSED:
        return speech.say(
            "It counts {length}, day and night, whether a day works or not.",
            "計算{length}，不分晝夜，不論是否工作日。",
            length=length,
        )
    if why.duration.measure is Measure.WORKING_TIME:
        return speech.say(
            "It counts {length}: only time within working hours.",
            "計算{length}：只計工作時間。",
            length=length,
        )
    if why.duration.measure is Measure.WORKING_DAYS:
        return speech.say(
            "It counts {length}. The day it starts on is not counted; each day ends {ends}.",
            "計算{length}。起算當日不計；每日至{ends}為止。",
            length=length,
            ends=ends,
        )
    if why.duration.unit in (Unit.MONTHS, Unit.YEARS):
        return speech.say(
            "It counts {length}, to the same day of the later month, or to the last day that month has;"
            " that day ends {ends}.",
            "計算{length}，至屆滿月份的同一日，該月無同日則至該月最後一日；至當日{ends}為止。",
            length=length,
            ends=ends,
        )
    return speech.say(
        "It counts {length}, working or not. The day it starts on is not counted; the last one ends {ends}.",
        "計算{length}，不論是否工作日。起算當日不計；最後一日至{ends}為止。",
        length=length,
        ends=ends,
    )


def remarks(why: Explanation, speech: Speech) -> tuple[Sentence, ...]:
    """What has to be known beside the steps: how it counts, and what was adjusted at the end of it."""
    return (how_counted(why, speech), *_by_law(why, speech), *_adjusted(why, speech))


def _promise(rule: ClockRule, why: Explanation, outcome: Outcome, speech: Speech) -> Iterator[Sentence]:
    yield promise(rule, speech)
    if outcome.subject:
        yield speech.say(
            "This run is about: {subject}.", "此次計時關於：{subject}。", subject=outcome.subject
        )
    yield speech.say("It started on {start}.", "自{start}起算。", start=speech.moment(why.start))
    yield how_counted(why, speech)
    yield from _by_law(why, speech)


def _by_law(why: Explanation, speech: Speech) -> Iterator[Sentence]:
    if why.statutory:
        yield speech.say(
            "It is set by law: it does not pause, whatever anybody asks.",
            "此時限由法律規定，任何人要求皆不得暫停。",
        )


# The end of it


def _adjusted(why: Explanation, speech: Speech) -> Iterator[Sentence]:
    if why.rolled_from is not None:
        yield speech.say(
            "The last day, {day}, does not work, so it moves to the next one that does{to}.",
            "最後一日{day}非工作日，順延至下一個工作日{to}。",
            day=speech.day(why.rolled_from),
            to=_rolled_to(why, speech),
        )
    if why.assumed_after is not None:
        yield speech.say(
            "Holidays after {day} are not published yet: from then on it is counted by weekly hours alone.",
            "{day}之後的假日尚未公布：其後僅按每週工作時間計算。",
            day=speech.day(why.assumed_after),
        )
    if why.extension is not None:
        yield _extended(why, speech)


def _rolled_to(why: Explanation, speech: Speech) -> str:
    if why.due is None:
        return ""
    last = speech.local(why.due - timedelta(microseconds=1)).date()
    return speech.choose(", ", "，即") + speech.day(last).words


def _extended(why: Explanation, speech: Speech) -> Sentence:
    assert why.extension is not None  # noqa: S101 - narrows for the type checker; the caller looked
    times, by = why.extension.times, speech.duration(why.extension.by)
    before = why.extension.due_before
    english = {1: "Extended once, by {by}", 2: "Extended twice, by {by} each time"}.get(
        times, "Extended {times} times, by {by} each time"
    )
    chinese = "已延期一次，延長{by}" if times == 1 else "已延期{times}次，每次延長{by}"
    if before is None:
        return speech.say(english + ".", chinese + "。", by=by, times=str(times))
    return speech.say(
        english + "; before that it was due {before}.", chinese + "；原到期時間為{before}。",
        by=by, times=str(times), before=speech.end(before),
    )  # fmt: skip


def _due(why: Explanation, outcome: Outcome, speech: Speech) -> Iterator[Sentence]:
    if why.due is not None:
        yield speech.say("It is due {due}.", "到期時間：{due}。", due=speech.end(why.due))
    else:
        yield speech.say("There is no due moment while the pause lasts.", "暫停期間沒有到期時間。")
        so_far = _so_far(why, speech)
        if so_far is not None:
            yield so_far
    if outcome.due_at is not None and outcome.due_at != why.due:
        yield speech.say(
            "The record holds {due}: so it stood when this run ended.",
            "紀錄中的到期時間為{due}，即此次計時結束時的狀態。",
            due=speech.end(outcome.due_at),
        )


def _so_far(why: Explanation, speech: Speech) -> Sentence | None:
    """How much was counted before the pause, and how much is left; None where that is not a plain number."""
    if why.day_rule is None:
        total = why.intervals[-1].total if why.intervals else _NOTHING
        counted = speech.length(total)
        left = speech.length(timedelta(microseconds=why.duration.microseconds) - total)
    elif why.duration.unit in (Unit.WORKING_DAYS, Unit.CALENDAR_DAYS):
        counted = speech.duration(Duration(amount=len(why.days), unit=why.duration.unit))
        left = speech.duration(
            Duration(amount=max(0, why.duration.amount - len(why.days)), unit=why.duration.unit)
        )
    else:
        return None
    return speech.say(
        "Counted so far: {counted}; left: {left}.", "已計{counted}；尚餘{left}。", counted=counted, left=left
    )


def _came_of(why: Explanation, outcome: Outcome, speech: Speech) -> Iterator[Sentence]:
    due = outcome.due_at or why.due
    if outcome.met_at is not None:
        yield _met(outcome.met_at, due, speech)
    elif outcome.stopped_at is not None:
        yield speech.say(
            "It was stopped on {at}: the promise fell away.", "已於{at}停止：此承諾不再適用。",
            at=speech.moment(outcome.stopped_at),
        )  # fmt: skip
    elif due is not None and outcome.as_of > due:
        yield speech.say(
            "It is not met yet: overdue by {late} as of {now}.", "尚未完成：截至{now}已逾期{late}。",
            late=speech.about(outcome.as_of - due), now=speech.moment(outcome.as_of),
        )  # fmt: skip
    elif due is not None:
        yield speech.say(
            "It is running: as of {now}, it is due in {left}.", "計時中：截至{now}，距到期尚有{left}。",
            left=speech.about(due - outcome.as_of), now=speech.moment(outcome.as_of),
        )  # fmt: skip
    if outcome.breached_at is not None and outcome.breached_at != due:
        yield speech.say(
            "It was overdue from {at} on, before its due moment moved; that stays on record.",
            "到期時間變動前，自{at}起已逾期；此紀錄予以保留。",
            at=speech.end(outcome.breached_at),
        )
    if outcome.acknowledged_at is not None:
        yield speech.say(
            "Its alert was acknowledged on {at}; the deadline does not move by that.",
            "警示已於{at}確認；到期時間不因此變動。",
            at=speech.moment(outcome.acknowledged_at),
        )


def _met(met_at: datetime, due: datetime | None, speech: Speech) -> Sentence:
    at = speech.moment(met_at)
    if due is None:
        return speech.say("It was met on {at}.", "已於{at}完成。", at=at)
    if met_at > due:
        return speech.say(
            "It was not met by then, but on {at}: {late} late.", "屆時未完成，於{at}完成：逾期{late}。",
            at=at, late=speech.about(met_at - due),
        )  # fmt: skip
    if met_at == due:
        return speech.say(
            "It was met on {at}, at the very moment it was due: in time.",
            "已於{at}完成，恰為到期時刻：準時。",
            at=at,
        )
    return speech.say(
        "It was met on {at}, {early} before it was due: in time.", "已於{at}完成，早於到期時間{early}：準時。",
        at=at, early=speech.about(due - met_at),
    )  # fmt: skip
