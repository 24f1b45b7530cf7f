"""The axis of a picture of time: where an instant lies, and which dates and hours are written below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from policies.arithmetic.zones import zone_of
from policies.wording.spoken import Speech

_ROOM = 66
"""Units of the picture that a label below the axis needs."""
_CLOSE = 48
"""Less than this between two labels, and they would touch."""
_TAIL = 0.26
"""What part of the width is left for the time after due, where it is too long to be drawn to scale."""

_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True)
class Tick:
    """A line of the axis, what it is, and the date, month or year it lies in where that has changed."""

    x: float
    label: str
    context: str


class Scale:
    """Instants to places: [begin, due] evenly, and after it up to `last` evenly too or, past a break, squeezed."""

    def __init__(self, begin: datetime, due: datetime, last: datetime, left: float, right: float) -> None:
        """`left` and `right` are where `begin` and `last` are drawn."""
        self.begin = begin
        self.due = max(due, begin + timedelta(seconds=1))
        self.last = max(last, self.due)
        self.left, self.right = left, right
        main, tail = self.due - begin, self.last - self.due
        self.broken = tail > main / 2
        width = right - left
        share = 1 - _TAIL if self.broken else main / (main + tail)
        self.due_x = left + width * share

    @property
    def even_until(self) -> datetime:
        """Up to where lengths can be compared."""
        return self.due if self.broken else self.last

    @property
    def break_x(self) -> float | None:
        """Where the axis is broken; None where it is not."""
        return (self.due_x + self.right) / 2 if self.broken else None

    def x(self, at: datetime) -> float:
        """Where an instant is drawn; what lies outside is drawn at the edge."""
        if at <= self.due or not self.broken:
            share = (at - self.begin) / (self.due - self.begin)
            place = self.left + (self.due_x - self.left) * share
        else:
            place = self.due_x + (self.right - self.due_x) * ((at - self.due) / (self.last - self.due))
        return round(min(max(place, self.left), self.right), 1)

    def ticks(self, speech: Speech) -> tuple[Tick, ...]:
        """The ticks of the even part, at the finest step for which there is room."""
        units = (self.x(self.even_until) - self.left) / (
            (self.even_until - self.begin) / timedelta(minutes=1)
        )
        for minutes in _MINUTES:
            if minutes * units >= _ROOM:
                return self._placed(_by_minutes(self, speech, minutes), speech, "%Y%m%d")
        for days in _DAYS:
            if days * 1_440 * units >= _ROOM:
                return self._placed(_by_days(self, speech, days), speech, "%Y%m")
        months = next((m for m in _MONTHS if m * 43_200 * units >= _ROOM), _MONTHS[-1])
        return self._placed(_by_months(self, speech, months), speech, "%Y")

    def _placed(self, moments: Iterator[datetime], speech: Speech, context: str) -> tuple[Tick, ...]:
        found: list[Tick] = []
        before, said_at = "", 0.0
        for local in moments:
            at = local.astimezone(UTC)
            if at < self.begin:
                continue
            if at > self.even_until:
                break
            x, key = self.x(at), local.strftime(context)
            if found and x - found[-1].x < _CLOSE:
                continue  # a clock change brought the two together
            changed = key != before
            if changed and found and x - said_at < _ROOM + 20:
                found[:] = [replace(tick, context="") if tick.x == said_at else tick for tick in found]
            found.append(
                Tick(x, _label(local, context, speech), _context(local, context, speech) if changed else "")
            )
            before, said_at = key, x if changed else said_at
        return tuple(found)


def _label(local: datetime, context: str, speech: Speech) -> str:
    if context == "%Y%m%d":
        return f"{local:%H:%M}"
    if context == "%Y%m":
        return speech.choose(f"{speech.weekday(local.date())} {local.day}", f"{local.day}日")
    return speech.short_month(local.date())


def _context(local: datetime, context: str, speech: Speech) -> str:
    day = local.date()
    if context == "%Y%m%d":
        return speech.choose(f"{speech.weekday(day)} {speech.short_day(day)}", speech.short_day(day))
    return speech.month(day) if context == "%Y%m" else speech.year(day)


def _by_minutes(scale: Scale, speech: Speech, step: int) -> Iterator[datetime]:
    day = speech.local(scale.begin).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for number in range(int((scale.even_until - scale.begin) / timedelta(minutes=step)) + 1_440 // step + 2):
        yield _at(day + timedelta(minutes=step * number), speech)


def _by_days(scale: Scale, speech: Speech, step: int) -> Iterator[datetime]:
    day = speech.local(scale.begin).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    if step >= 7:
        day -= timedelta(days=day.weekday())  # weeks begin on Monday
    for number in range((scale.even_until - scale.begin).days // step + 4):
        yield _at(day + timedelta(days=step * number), speech)


def _by_months(scale: Scale, speech: Speech, step: int) -> Iterator[datetime]:
    local = speech.local(scale.begin)
    first = local.year * 12 + local.month - 1
    first -= first % step
    for number in range((scale.even_until - scale.begin).days // (28 * step) + 3):
        year, month = divmod(first + number * step, 12)
        yield _at(datetime(year, month + 1, 1), speech)  # noqa: DTZ001 - a local wall time; its zone follows


def _at(wall: datetime, speech: Speech) -> datetime:
    return wall.replace(tzinfo=zone_of(speech.zone))
