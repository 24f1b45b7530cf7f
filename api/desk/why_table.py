"""“Why this moment” as a table: start, every stretch that counted or did not, and due, each with its running total."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from complaints.timing.explained import Explained
from policies.arithmetic.durations import Measure
from policies.arithmetic.explain import Explanation
from policies.wording.explain_steps import (
    ClockChange,
    DaysCounted,
    Holidays,
    PauseMade,
    Step,
    TimeCounted,
    steps,
)
from policies.wording.explain_words import remarks
from policies.wording.spoken import INSTANT, Moment, Sentence, Speech
from policies.wording.step_words import before_change, holiday_name, reasons_of

Kind = Literal["start", "counted", "holiday", "paused", "change", "extension", "due"]


@dataclass(frozen=True)
class Row:
    """One line: what it is, from when to when, what it added, and what there was in all."""

    kind: Kind
    what: str
    begin: Moment | None = None
    end: Moment | None = None
    counted: str = ""
    total: str = ""


@dataclass(frozen=True)
class Why:
    """The table, in the words of one language. `remarks` say what has to be known beside it."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    zone: str
    remarks: tuple[Sentence, ...]


def why_table(told: Explained, speech: Speech) -> Why:
    """How a due moment came about. Times are local to the explanation's zone, which `zone` names."""
    columns = speech.choose("Part|From|To|Counted|In all", "項目|自|至|計時|累計").split("|")
    zone = speech.choose("Times: {zone} ({short})", "時間：{zone}（{short}）").format(
        zone=speech.zone, short=speech.abbreviation(told.why.start)
    )
    return Why(tuple(_rows(told, speech)), tuple(columns), zone, remarks(told.why, speech))


def _rows(told: Explained, speech: Speech) -> Iterator[Row]:
    why, write = told.why, _Writing(speech, speech.local(told.why.start).year)
    yield Row("start", speech.choose("Start", "起算"), begin=write.at(why.start))
    for step in steps(why, told.pauses, told.calendar):
        yield _row(step, why, write)
    if why.extension is not None and why.extension.due_before is not None:
        before, by = write.end(why.extension.due_before), speech.duration(why.extension.by)
        what = speech.choose(f"Due without extension (by {by})", f"未延期（{by}）的到期時間")
        yield Row("extension", what, end=before)
    if why.due is not None:
        yield Row("due", speech.choose("Due", "到期"), end=write.end(why.due))
    else:
        yield Row("due", speech.choose("No due moment while it is paused", "暫停期間沒有到期時間"))


class _Writing:
    """Moments as narrow as a table wants them: the year only where it is not that of the start."""

    def __init__(self, speech: Speech, year: int) -> None:
        self.speech = speech
        self._year = year

    def at(self, at: datetime) -> Moment:
        local = self.speech.local(at)
        return Moment(f"{self._day(local.date())} {self.speech.clock(at)}", self.speech.moment(at).machine)

    def end(self, at: datetime) -> Moment:
        day = self.speech.local(at - INSTANT if self.speech.ends_a_day(at) else at).date()
        words = f"{self._day(day)} {self.speech.clock(at, end=True)}"
        return Moment(words, self.speech.moment(at).machine)

    def before(self, change: ClockChange) -> Moment:
        shown = before_change(change, self.speech)
        return Moment(f"{self._day(shown.date())} {shown:%H:%M}", self.speech.moment(change.begin).machine)

    def day(self, day: date) -> Moment:
        return Moment(self._day(day), day.isoformat())

    def _day(self, day: date) -> str:
        said = f"{self.speech.weekday(day)} {self.speech.short_day(day)}"
        if day.year == self._year:
            return said
        return self.speech.choose(f"{said} {day.year}", f"{day.year}年{said}")


def _row(step: Step, why: Explanation, write: _Writing) -> Row:
    speech = write.speech
    none = speech.choose("not", "不計")
    match step:
        case TimeCounted():
            what = speech.choose("Counted", "計時")
            if step.intervals > 1:
                month = speech.month(speech.local(step.begin).date())
                what = speech.choose(f"{month}, {step.intervals} intervals", f"{month}，{step.intervals}段")
            elif step.make_up:
                what = speech.choose("Counted, make-up day", "計時，調休上班日")
            end = write.end(step.end)
            return Row("counted", what, write.at(step.begin), end, _length(step.took), _length(step.total))
        case DaysCounted():
            return _days_row(step, write)
        case PauseMade():
            reasons = reasons_of(step, speech)
            what = speech.choose("Paused", "暫停") + (speech.choose(": ", "：") + reasons if reasons else "")
            ended = None if step.end is None else write.end(step.end)
            return Row("paused", what, write.at(step.begin), ended, none)
        case Holidays():
            first, last = write.day(step.first), write.day(step.last)
            # Of civil days every one counts; a holiday only moves the last.
            counts = why.duration.measure is Measure.CIVIL
            return Row("holiday", holiday_name(step.name, speech), first, last, "" if counts else none)
        case ClockChange():
            forward = step.by > timedelta()
            by = speech.length(abs(step.by))
            what = speech.choose(
                f"Clocks go {'forward' if forward else 'back'} {by}",
                f"時鐘{'撥快' if forward else '撥慢'}{by}",
            )
            return Row("change", what, begin=write.before(step))


def _days_row(step: DaysCounted, write: _Writing) -> Row:
    speech, number = write.speech, len(step.days)
    one = step.first == step.last
    what = speech.choose(
        f"Day {step.first}" if one else f"Days {step.first} to {step.last}",
        f"第{step.first}天" if one else f"第{step.first}至{step.last}天",
    )
    if one and step.make_up:
        what += speech.choose(", make-up day", "，調休上班日")
    return Row(
        "counted", what, write.day(step.days[0]), write.end(step.end), _days(number, speech), _days(step.last, speech)
    )  # fmt: skip


def _days(number: int, speech: Speech) -> str:
    return speech.choose(f"{number} day{'' if number == 1 else 's'}", f"{number}天")


def _length(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
