"""How long a clock runs: durations and offsets, read from a pack's words into whole numbers."""

import re
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_serializer, model_validator

MICROSECOND = 1
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


class DayRule(StrEnum):
    """When the last day of a duration in days ends (DESIGN, Deadline arithmetic)."""

    END_OF_DAY = "end_of_day"  # 24:00 in the calendar's zone
    CLOSING = "closing"  # the day's last closing; 24:00 where the day has none
    SAME_TIME = "same_time"  # the time of day at which the clock started


class Measure(StrEnum):
    """What a duration counts."""

    ELAPSED = "elapsed"  # every moment; calendars are ignored
    WORKING_TIME = "working_time"  # moments inside open ranges
    WORKING_DAYS = "working_days"  # dates that have open ranges
    CIVIL = "civil"  # dates, whether they work or not


class Unit(StrEnum):
    """The unit a duration is written in; the value is its canonical spelling."""

    SECONDS = "s"
    MINUTES = "min"
    HOURS = "h"
    WORKING_SECONDS = "working s"
    WORKING_MINUTES = "working min"
    WORKING_HOURS = "working hours"
    WORKING_DAYS = "working days"
    CALENDAR_DAYS = "calendar days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"

    @property
    def measure(self) -> Measure:
        """What a duration in this unit counts."""
        if self in _WORKING_TIME:
            return Measure.WORKING_TIME
        if self is Unit.WORKING_DAYS:
            return Measure.WORKING_DAYS
        return Measure.ELAPSED if self in _MICROSECONDS else Measure.CIVIL


_WORKING_TIME = {Unit.WORKING_SECONDS: SECOND, Unit.WORKING_MINUTES: MINUTE, Unit.WORKING_HOURS: HOUR}
_MICROSECONDS = {Unit.SECONDS: SECOND, Unit.MINUTES: MINUTE, Unit.HOURS: HOUR, **_WORKING_TIME}

SPELLINGS = {
    "s": Unit.SECONDS,
    "second": Unit.SECONDS,
    "seconds": Unit.SECONDS,
    "min": Unit.MINUTES,
    "minute": Unit.MINUTES,
    "minutes": Unit.MINUTES,
    "h": Unit.HOURS,
    "hour": Unit.HOURS,
    "hours": Unit.HOURS,
    "working s": Unit.WORKING_SECONDS,
    "working second": Unit.WORKING_SECONDS,
    "working seconds": Unit.WORKING_SECONDS,
    "working min": Unit.WORKING_MINUTES,
    "working minute": Unit.WORKING_MINUTES,
    "working minutes": Unit.WORKING_MINUTES,
    "working h": Unit.WORKING_HOURS,
    "working hour": Unit.WORKING_HOURS,
    "working hours": Unit.WORKING_HOURS,
    "working day": Unit.WORKING_DAYS,
    "working days": Unit.WORKING_DAYS,
    "business day": Unit.WORKING_DAYS,
    "business days": Unit.WORKING_DAYS,
    "calendar day": Unit.CALENDAR_DAYS,
    "calendar days": Unit.CALENDAR_DAYS,
    "week": Unit.WEEKS,
    "weeks": Unit.WEEKS,
    "month": Unit.MONTHS,
    "months": Unit.MONTHS,
    "year": Unit.YEARS,
    "years": Unit.YEARS,
}

_DURATION = re.compile(r"(?P<amount>[0-9]{1,12}) ?(?P<unit>[a-z]+(?: [a-z]+)?)")
_PERCENT = re.compile(r"(?P<sign>[+-])(?P<amount>[0-9]{1,4}) ?%")


class Duration(BaseModel):
    """A length of time as a pack writes it: `15 min`, `4 working hours`, `10 working days`, `1 month`.

    Serialises to its canonical spelling and is read back from it; `amount` is never negative.
    """

    model_config = ConfigDict(frozen=True)

    amount: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a duration; ValueError says what was expected."""
        found = _DURATION.fullmatch(text.strip().lower())
        unit = SPELLINGS.get(found["unit"]) if found else None
        if found is None or unit is None:
            raise ValueError(
                f"'{text}' is not a duration: write a whole number and a unit, such as '15 min', '24 h', "
                "'4 working hours', '10 working days', '30 calendar days', '8 weeks' or '1 month'"
            )
        return cls(amount=int(found["amount"]), unit=unit)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            read = cls.parse(value)
            return {"amount": read.amount, "unit": read.unit}
        return value

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        if self.amount < 0:
            raise ValueError("a duration is never negative")
        return self

    @model_serializer
    def _to_text(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return f"{self.amount} {self.unit.value}"

    @property
    def measure(self) -> Measure:
        """What this duration counts."""
        return self.unit.measure

    @property
    def microseconds(self) -> int:
        """The amount in microseconds; ValueError for a duration in days, weeks, months or years."""
        if self.unit not in _MICROSECONDS:
            raise ValueError(f"'{self}' is counted in days, not in seconds")
        return self.amount * _MICROSECONDS[self.unit]

    @property
    def is_zero(self) -> bool:
        """Whether nothing has to pass."""
        return self.amount == 0


class Offset(BaseModel):
    """A moment before or after due: `-25%`, `-2 working hours`, `+1 h`, `0` (DESIGN, Deadline arithmetic).

    Exactly one of `percent` (whole per cent of the clock's own time) and `unit` is set, except for `0`,
    which has neither. `amount` and `percent` are signed: below zero is before due.
    """

    model_config = ConfigDict(frozen=True)

    percent: int | None = None
    amount: int = 0
    unit: Unit | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an offset; ValueError says what was expected."""
        bare = text.strip().lower()
        if bare.strip("+-") == "0":
            return cls()
        if found := _PERCENT.fullmatch(bare):
            return cls(percent=int(found["sign"] + found["amount"]))
        if bare[:1] not in {"+", "-"}:
            raise ValueError(
                f"'{text}' is not an offset: write '0', or a sign and a share or a duration, "
                "such as '-25%', '-2 working hours' or '+1 h'"
            )
        size = Duration.parse(bare[1:])
        return cls(amount=-size.amount if bare[0] == "-" else size.amount, unit=size.unit)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str):
            read = cls.parse(value)
            return {"percent": read.percent, "amount": read.amount, "unit": read.unit}
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.percent is not None and (self.unit is not None or self.amount):
            raise ValueError("an offset is a share or a duration, not both")
        if self.unit is None and self.amount:
            raise ValueError("an offset other than 0 needs a unit")
        return self

    @model_serializer
    def _to_text(self) -> str:
        return str(self)

    def __str__(self) -> str:
        if self.percent is not None:
            return f"{self.percent:+d}%"
        if self.unit is None:
            return "0"
        return f"{self.amount:+d} {self.unit.value}"

    @property
    def size(self) -> Duration | None:
        """The length without its sign; None for a share of the clock's time and for `0`."""
        return None if self.unit is None else Duration(amount=abs(self.amount), unit=self.unit)

    @property
    def sign(self) -> int:
        """-1 before due, 0 at due, 1 after due."""
        signed = self.percent if self.percent is not None else self.amount
        return (signed > 0) - (signed < 0)
