"""Instants, dates and lengths of time in words, in English and Chinese; the day's end is 24:00, not the next day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from string import Formatter
from typing import Literal

from policies.arithmetic.durations import Duration, Unit
from policies.arithmetic.zones import zone_of
from policies.rules import Texts

Language = Literal["en", "zh"]

INSTANT = timedelta(microseconds=1)
_EN_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ZH_DAYS = "一二三四五六日"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FULL_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_UNITS: Mapping[Unit, tuple[str, str, str]] = {
    Unit.SECONDS: ("second", "seconds", "{}秒"),
    Unit.MINUTES: ("minute", "minutes", "{}分鐘"),
    Unit.HOURS: ("hour", "hours", "{}小時"),
    Unit.WORKING_SECONDS: ("working second", "working seconds", "{}個工作秒"),
    Unit.WORKING_MINUTES: ("working minute", "working minutes", "{}個工作分鐘"),
    Unit.WORKING_HOURS: ("working hour", "working hours", "{}個工作小時"),
    Unit.WORKING_DAYS: ("working day", "working days", "{}個工作日"),
    Unit.CALENDAR_DAYS: ("calendar day", "calendar days", "{}個曆日"),
    Unit.WEEKS: ("week", "weeks", "{}週"),
    Unit.MONTHS: ("month", "months", "{}個月"),
    Unit.YEARS: ("year", "years", "{}年"),
}


@dataclass(frozen=True)
class Moment:
    """An instant or a date inside a sentence: `machine` is what a time element's datetime attribute holds."""

    words: str
    machine: str


Part = str | Moment


@dataclass(frozen=True)
class Sentence:
    """A sentence in pieces, so that a page can mark up the moments in it."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return "".join(part if isinstance(part, str) else part.words for part in self.parts)


def text_of(texts: Texts, language: Language) -> str:
    """A pack's text in this language; in English where it has none."""
    return texts.get(language) or texts["en"]


class Speech:
    """One language, and the zone in which local times are said."""

    def __init__(self, language: Language, zone: str) -> None:
        """`zone` is an IANA name."""
        self.language: Language = language
        self.zone = zone

    def choose(self, english: str, chinese: str) -> str:
        """The one of the two that is in this language."""
        return chinese if self.language == "zh" else english

    def local(self, at: datetime) -> datetime:
        """The instant on the zone's clock."""
        return at.astimezone(zone_of(self.zone))

    # Moments

    def moment(self, at: datetime) -> Moment:
        """`Thu 26 Nov 2026, 17:00 CET`, to the second where there are seconds."""
        local = self.local(at)
        return Moment(self._dated(local.date(), f"{_time(local)} {self.abbreviation(at)}"), _machine(at))

    def end(self, at: datetime) -> Moment:
        """As `moment`; midnight is the end of the day before, 24:00."""
        if not self.ends_a_day(at):
            return self.moment(at)
        day = self.local(at - INSTANT).date()
        return Moment(self._dated(day, f"24:00 {self.abbreviation(at - INSTANT)}"), _machine(at))

    def end_on(self, at: datetime, day: date) -> Moment:
        """As `end`, by the time alone where that says it: on the same local date as `day`."""
        ended = self.ends_a_day(at)
        local = self.local(at - INSTANT if ended else at)
        if local.date() != day:
            return self.end(at)
        time = "24:00" if ended else _time(local)
        return Moment(f"{time} {self.abbreviation(at - INSTANT if ended else at)}", _machine(at))

    def clock(self, at: datetime, *, end: bool = False) -> str:
        """The time of day alone: `17:00`; with `end`, midnight is 24:00."""
        return "24:00" if end and self.ends_a_day(at) else _time(self.local(at))

    def ends_a_day(self, at: datetime) -> bool:
        """Whether the zone's clock shows midnight."""
        local = self.local(at)
        return (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)

    def abbreviation(self, at: datetime) -> str:
        """The zone as its people abbreviate it at this instant, `CET`; where they do not, `UTC+03`."""
        name = self.local(at).tzname() or self.zone
        return f"UTC{name}" if name[0] in "+-" else name

    # Dates

    def day(self, day: date) -> Moment:
        """`Thu 26 Nov 2026`."""
        return Moment(self._dated(day, ""), day.isoformat())

    def short_day(self, day: date) -> str:
        """`26 Nov`, where the year is plain from what stands around it."""
        return self.choose(f"{day.day} {_MONTHS[day.month - 1]}", f"{day.month}月{day.day}日")

    def weekday(self, day: date) -> str:
        """`Thu`."""
        return self.choose(_EN_DAYS[day.weekday()], f"週{_ZH_DAYS[day.weekday()]}")

    def month(self, day: date) -> str:
        """`November 2026`."""
        return self.choose(f"{_FULL_MONTHS[day.month - 1]} {day.year}", f"{day.year}年{day.month}月")

    def short_month(self, day: date) -> str:
        """`Nov`."""
        return self.choose(_MONTHS[day.month - 1], f"{day.month}月")

    def year(self, day: date) -> str:
        """`2026`."""
        return self.choose(str(day.year), f"{day.year}年")

    # Lengths

    def length(self, took: timedelta) -> str:
        """Exactly how long, to the second: `26 hours 5 minutes`. Hours are not made into days."""
        seconds = int(took.total_seconds())
        return self._joined(seconds // 3_600, seconds // 60 % 60, seconds % 60) or self.duration(
            Duration(amount=0, unit=Unit.MINUTES)
        )

    def about(self, took: timedelta) -> str:
        """How long by its two largest units: `2 days 3 hours`; under a minute says so."""
        minutes = int(took.total_seconds()) // 60
        if minutes < 1:
            return self.choose("less than a minute", "不足一分鐘")
        days, hours, rest = minutes // 1_440, minutes // 60 % 24, minutes % 60
        said = [
            self._number(days, "day", "days", "{}天"),
            self._number(hours, "hour", "hours", "{}小時"),
            self._number(rest, "minute", "minutes", "{}分鐘"),
        ]
        return self.choose(" ", "").join([part for part in said if part][:2])

    def duration(self, length: Duration) -> str:
        """A duration as a rule gives it: `1 working day`, `48 hours`."""
        one, many, chinese = _UNITS[length.unit]
        return self.choose(
            f"{length.amount} {one if length.amount == 1 else many}", chinese.format(length.amount)
        )

    def joined(self, items: tuple[str, ...]) -> str:
        """Items one after another: `a, b and c`."""
        if len(items) < 2:
            return "".join(items)
        return self.choose(f"{', '.join(items[:-1])} and {items[-1]}", "、".join(items))

    # Sentences

    def say(self, english: str, chinese: str, **fields: Part) -> Sentence:
        """The sentence of this language with its `{fields}` filled in; KeyError for one that is not given."""
        parts: list[Part] = []
        for before, field, _, _ in Formatter().parse(self.choose(english, chinese)):
            if before:
                parts.append(before)
            if field is not None:
                parts.append(fields[field])
        return Sentence(tuple(parts))

    def _dated(self, day: date, time: str) -> str:
        if self.language == "zh":
            return f"{day.year}年{day.month}月{day.day}日（{self.weekday(day)}）{time}"
        return f"{self.weekday(day)} {day.day} {_MONTHS[day.month - 1]} {day.year}" + (
            f", {time}" if time else ""
        )

    def _joined(self, hours: int, minutes: int, seconds: int) -> str:
        said = (
            self._number(hours, "hour", "hours", "{}小時"),
            self._number(minutes, "minute", "minutes", "{}分鐘"),
            self._number(seconds, "second", "seconds", "{}秒"),
        )
        return self.choose(" ", "").join(part for part in said if part)

    def _number(self, count: int, one: str, many: str, chinese: str) -> str:
        """Nothing for none of them."""
        if count == 0:
            return ""
        return self.choose(f"{count} {one if count == 1 else many}", chinese.format(count))


def _time(local: datetime) -> str:
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def _machine(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
