"""The hours in which staff may come in, such as `mon-fri 07:00-21:00 Asia/Shanghai`, and when they begin next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = f"(?:{'|'.join(_DAYS)})"
_PART = re.compile(
    rf"(?P<days>{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*)"
    r" (?P<opens>(?:[01]\d|2[0-3]):[0-5]\d)-(?P<closes>(?:[01]\d|2[0-3]):[0-5]\d|24:00) (?P<zone>\S+)"
)
_MIDNIGHT = 24 * 60


class Window(BaseModel):
    """Hours of certain weekdays (Monday is 0), in minutes after midnight of the zone.

    A window that does not close after it opens runs past midnight and belongs to the day it opens.
    """

    model_config = ConfigDict(frozen=True)

    days: tuple[int, ...]
    opens: int
    closes: int
    zone: str


def parse_hours(words: str) -> tuple[Window, ...]:
    """Windows out of `DAYS HH:MM-HH:MM ZONE; …`. Raises ValueError with a clause that says what is expected."""
    return tuple(_window(part.strip()) for part in words.split(";"))


def _window(part: str) -> Window:
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(
            "has to be days, hours and a time zone, such as mon-fri 07:00-21:00 Asia/Shanghai, several separated by ;"
        )
    try:
        ZoneInfo(found["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("has to name a time zone that there is, such as Asia/Shanghai") from None
    days: set[int] = set()
    for days_of in found["days"].split(","):
        first, _, last = days_of.partition("-")
        begin, end = _DAYS.index(first), _DAYS.index(last or first)
        days |= {day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)}
    opens, closes = _minutes(found["opens"]), _minutes(found["closes"])
    return Window(days=tuple(sorted(days)), opens=opens, closes=closes, zone=found["zone"])


def _minutes(said: str) -> int:
    hours, _, minutes = said.partition(":")
    return int(hours) * 60 + int(minutes)


def is_open(windows: Sequence[Window], at: datetime) -> bool:
    """Whether some window is open at this instant; its closing moment is outside."""
    return any(opens <= at < closes for window in windows for opens, closes in _around(window, at))


def next_opening(windows: Sequence[Window], at: datetime) -> datetime:
    """The first opening after this instant, in the zone of its window. There has to be a window."""
    coming = ((opens, window.zone) for window in windows for opens, _ in _around(window, at) if opens > at)
    opens, zone = min(coming)
    return opens.astimezone(ZoneInfo(zone))


def _around(window: Window, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The window's openings and closings from the day before until it has surely opened again, in UTC."""
    today = at.astimezone(ZoneInfo(window.zone)).date()
    for day in (today + timedelta(days=n) for n in range(-1, 9)):
        if day.weekday() in window.days:
            past_midnight = _MIDNIGHT if window.closes <= window.opens else 0
            yield (
                _instant(day, window.opens, window.zone),
                _instant(day, window.closes + past_midnight, window.zone),
            )


def _instant(day: date, minutes: int, zone: str) -> datetime:
    days, rest = divmod(minutes, _MIDNIGHT)
    wall = datetime.combine(day + timedelta(days=days), time(*divmod(rest, 60)), ZoneInfo(zone))
    return wall.astimezone(UTC)
