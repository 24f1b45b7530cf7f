"""When an organisation is open: zone, weekly hours, holidays, make-up days, overrides, as plain data."""

import json
import re
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator


class Weekday(StrEnum):
    """The days of the week, Monday first, as `date.weekday()` counts them."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


WEEK = tuple(Weekday)


class BeyondKnown(StrEnum):
    """What a calendar answers for a date whose holidays are not published yet."""

    REFUSE = "refuse"
    WEEKLY_HOURS = "weekly_hours"  # counts weekly hours alone, and every explanation says so


class CalendarError(ValueError):
    """The arithmetic cannot be done in this calendar; the message is a sentence for people."""


class CalendarNotKnown(CalendarError):  # noqa: N818 - the name says what is wrong
    """A date lies outside what is known of the calendar's holidays."""


class CalendarNeverOpen(CalendarError):  # noqa: N818 - as above
    """There is no open moment from (or up to) the one asked about."""


class TooFar(CalendarError):  # noqa: N818 - as above
    """The answer lies further away than calendars reach (some 400 years, or the year 9999)."""


_OPENS = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_CLOSES = re.compile(r"(([01][0-9]|2[0-3]):[0-5][0-9])|24:00")


def _checked_range(value: tuple[str, str]) -> tuple[str, str]:
    opens, closes = value
    if not _OPENS.fullmatch(opens):
        raise ValueError(f"'{opens}' is not an opening time: write HH:MM from 00:00 to 23:59")
    if not _CLOSES.fullmatch(closes):
        raise ValueError(f"'{closes}' is not a closing time: write HH:MM from 00:00 to 24:00")
    return value


OpenRange = Annotated[tuple[str, str], AfterValidator(_checked_range)]
"""(opens, closes) in local `HH:MM`. A close that is not after its opening lies on the next day."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(
            f"'{name}' is not a time zone of the IANA database, such as 'Asia/Shanghai'"
        ) from error
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""The name of a zone of the IANA database."""


class Calendar(BaseModel):
    """One calendar (DESIGN, Deadline arithmetic). What a date is, the first that says so wins:

    `overrides` (its own ranges; none means closed), `working_dates` (a make-up day with that weekday's
    hours), `holidays` (closed), `hours` of its weekday. A range belongs to the day on which it opens, so
    one that runs past midnight into a holiday still counts.

    `holidays` may be written as a list of dates, `working_dates` too: those then take the hours of the
    first weekday, from Monday, that has any. `known_from` and `known_until` are the first and last date
    for which holidays are known; None means without bound.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timezone: TimeZone
    hours: dict[Weekday, tuple[OpenRange, ...]] = {}
    holidays: dict[date, str] = {}
    overrides: dict[date, tuple[OpenRange, ...]] = {}
    working_dates: dict[date, Weekday] = {}
    known_from: date | None = None
    known_until: date | None = None
    beyond_known: BeyondKnown = BeyondKnown.REFUSE

    @field_validator("holidays", mode="before")
    @classmethod
    def _nameless_holidays(cls, value: Any) -> Any:
        return dict.fromkeys(value, "") if isinstance(value, list | tuple | set | frozenset) else value

    @field_validator("working_dates", mode="before")
    @classmethod
    def _bare_working_dates(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, list | tuple | set | frozenset):
            return value
        hours = info.data.get("hours", {})
        return dict.fromkeys(value, next((day for day in WEEK if hours.get(day)), Weekday.MON))

    @model_validator(mode="after")
    def _known_span(self) -> Self:
        if self.known_from and self.known_until and self.known_until < self.known_from:
            raise ValueError("known_until lies before known_from")
        return self

    @cached_property
    def content(self) -> str:
        """The calendar as canonical JSON: equal calendars give equal text, so it serves as a cache key."""
        return json.dumps(
            self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self:
        """Copy without carrying over the content of the original, which an update may have changed."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("content", None)
        return copied

    def ranges_on(self, day: date) -> tuple[OpenRange, ...]:
        """The open ranges that begin on this local date, whatever is known of it."""
        if day in self.overrides:
            return self.overrides[day]
        if day in self.working_dates:
            return self.hours.get(self.working_dates[day], ())
        if day in self.holidays:
            return ()
        return self.hours.get(WEEK[day.weekday()], ())

    def knows(self, day: date) -> bool:
        """Whether the holidays of this local date are known."""
        return (self.known_from is None or day >= self.known_from) and (
            self.known_until is None or day <= self.known_until
        )

    def require_known(self, day: date) -> None:
        """Raise CalendarNotKnown where this date lies outside what is known and may not be assumed."""
        if self.beyond_known is BeyondKnown.WEEKLY_HOURS or self.knows(day):
            return
        if self.known_until is not None and day > self.known_until:
            raise CalendarNotKnown(f"calendar not known beyond {self.known_until.isoformat()}")
        known_from = self.known_from or date.min
        raise CalendarNotKnown(f"calendar not known before {known_from.isoformat()}")

    def holidays_between(self, first: date, last: date) -> tuple[tuple[date, str], ...]:
        """The closed holidays from `first` to `last`, both included, in order, with their names."""
        if last - first > timedelta(days=len(self.holidays)):
            days = sorted(day for day in self.holidays if first <= day <= last)
        else:
            days = [d for n in range((last - first).days + 1) if (d := first + timedelta(n)) in self.holidays]
        return tuple((day, self.holidays[day]) for day in days if not self.ranges_on(day))
