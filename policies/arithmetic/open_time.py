"""The open moments of a calendar as an index of whole microseconds, built in pieces as they are asked for.

A moment is open when the wall clock of the zone shows a time inside a range of that local date, or inside
a range of the date before that runs past midnight. So an hour that a clock change removes is never open,
and one that it repeats is open twice. Instants here are integers: microseconds since 1970-01-01T00:00Z.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from policies.arithmetic.calendars import (
    WEEK,
    BeyondKnown,
    Calendar,
    CalendarNeverOpen,
    CalendarNotKnown,
    TooFar,
)
from policies.arithmetic.zones import DAY_S, EPOCH_DAY, PIECE_BITS, SECOND, day_end, regimes, wall_moment

_FARTHEST_PIECES = 3_200  # some 425 years
_BLOCK_BITS = 8  # working days are indexed in blocks of 256 dates


def _require_date(ordinal: int) -> None:
    if not 1 <= ordinal <= date.max.toordinal():
        raise TooFar("the day lies beyond the years that dates can express")


def _piece_of(moment: int) -> int:
    return moment // SECOND >> PIECE_BITS


def _day_near(piece: int) -> int:
    """A date that is surely not after the first one whose ranges can touch this piece or a later one."""
    return (piece << PIECE_BITS) // DAY_S + EPOCH_DAY - 2


class _Piece(NamedTuple):
    """Open spans of one piece, disjoint and in order, with the open time up to the end of each."""

    begins: list[int]
    ends: list[int]
    sums: list[int]

    @property
    def total(self) -> int:
        return self.sums[-1] if self.sums else 0

    def before(self, moment: int) -> int:
        """Open microseconds of this piece that lie before `moment`."""
        at = bisect_right(self.begins, moment)
        if at == 0:
            return 0
        return self.sums[at - 1] - max(0, self.ends[at - 1] - moment)


def _seconds(clock: str) -> int:
    return int(clock[:2]) * 3_600 + int(clock[3:]) * 60


def _compiled(ranges: tuple[tuple[str, str], ...]) -> tuple[tuple[int, int], ...]:
    """Ranges in seconds from local midnight; past-midnight ones end after 86,400."""
    spans = []
    for opens, closes in ranges:
        begin, end = _seconds(opens), _seconds(closes)
        spans.append((begin, end if end > begin else end + DAY_S))
    return tuple(spans)


class OpenTime:
    """The open moments and working days of one calendar, found by bisection."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.zone = calendar.timezone
        self._weekly = tuple(_compiled(calendar.hours.get(day, ())) for day in WEEK)
        special = {*calendar.overrides, *calendar.working_dates, *calendar.holidays}
        self._special = {day.toordinal(): _compiled(calendar.ranges_on(day)) for day in special}
        opened = [ordinal for ordinal, ranges in self._special.items() if ranges]
        weekly = any(self._weekly)
        self._first_opening = None if weekly else min(opened, default=date.max.toordinal())
        self._last_opening = None if weekly else max(opened, default=0)
        bounded = calendar.beyond_known is BeyondKnown.REFUSE
        self._first_day = calendar.known_from.toordinal() if bounded and calendar.known_from else None
        self._last_day = calendar.known_until.toordinal() if bounded and calendar.known_until else None
        self._first_moment = None if self._first_day is None else day_end(self.zone, self._first_day - 1)
        self._last_moment = None if self._last_day is None else day_end(self.zone, self._last_day)
        self._pieces: dict[int, _Piece] = {}
        self._blocks: dict[int, list[int]] = {}

    # Moments

    def between(self, begin: int, end: int) -> int:
        """Open microseconds in [begin, end); CalendarNotKnown outside what is known."""
        if end <= begin:
            return 0
        self._require(begin)
        self._require(end)
        first, last = _piece_of(begin), _piece_of(end)
        if last - first > _FARTHEST_PIECES:
            raise TooFar("the two moments lie more than 400 years apart")
        total = self._piece(last).before(end) - self._piece(first).before(begin)
        for piece in range(first, last):
            total += self._piece(piece).total
        return total

    def forward(self, begin: int, amount: int) -> int:
        """The earliest moment by which `amount` > 0 open microseconds have passed since `begin`."""
        self._require(begin)
        first = _piece_of(begin)
        target = self._piece(first).before(begin) + amount
        for number in range(first, first + _FARTHEST_PIECES):
            piece = self._piece(number)
            if piece.total >= target:
                at = bisect_left(piece.sums, target)
                moment = piece.ends[at] - (piece.sums[at] - target)
                self._require(moment)
                return moment
            target -= piece.total
            self._more_after(_day_near(number + 1))
        raise TooFar("the due moment lies more than 400 years ahead")

    def back(self, end: int, amount: int) -> int:
        """The latest moment from which `amount` > 0 open microseconds pass until `end`."""
        self._require(end)
        last = _piece_of(end)
        target = self._piece(last).before(end) - amount
        for number in range(last, last - _FARTHEST_PIECES, -1):
            piece = self._piece(number)
            if target >= 0:
                at = bisect_right(piece.sums, target)
                moment = piece.ends[at] - (piece.sums[at] - target)
                self._require(moment)
                return moment
            self._more_before(_day_near(number) + 4)
            target += self._piece(number - 1).total
        raise TooFar("the moment lies more than 400 years back")

    def first_open(self, begin: int) -> int:
        """The first open moment at or after `begin`."""
        self._require(begin)
        first = _piece_of(begin)
        for number in range(first, first + _FARTHEST_PIECES):
            piece = self._piece(number)
            at = bisect_right(piece.ends, begin)
            if at < len(piece.ends):
                moment = max(begin, piece.begins[at])
                self._require(moment)
                return moment
            self._more_after(_day_near(number + 1))
        raise TooFar("the next open moment lies more than 400 years ahead")

    def spans(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The open spans within [begin, end), in order, whole ones not cut where pieces of the index meet."""
        if end <= begin:
            return
        self._require(begin)
        self._require(end)
        held: tuple[int, int] | None = None
        for number in range(_piece_of(begin), _piece_of(end - 1) + 1):
            piece = self._piece(number)
            for opens, closes in zip(piece.begins, piece.ends, strict=True):
                span = (max(opens, begin), min(closes, end))
                if span[1] <= span[0]:
                    continue
                if held is not None and held[1] == span[0]:
                    held = (held[0], span[1])
                    continue
                if held is not None:
                    yield held
                held = span
        if held is not None:
            yield held

    # Days, as ordinals of local dates

    def works(self, ordinal: int) -> bool:
        """Whether a date has open ranges; CalendarNotKnown outside what is known."""
        self._require_day(ordinal)
        return bool(self._ranges(ordinal))

    def closing(self, ordinal: int) -> int:
        """The last closing moment of the ranges that open on a date; its 24:00 where it has none."""
        ranges = self._ranges(ordinal)
        if not ranges:
            return day_end(self.zone, ordinal)
        local = datetime.fromordinal(ordinal) + timedelta(seconds=max(end for _, end in ranges))
        return wall_moment(self.zone, local, last=True)

    def count_days(self, first: int, end: int) -> int:
        """Working days from `first` to `end`, the latter excluded."""
        if end <= first:
            return 0
        self._require_day(first)
        self._require_day(end - 1)
        low, high = first >> _BLOCK_BITS, end >> _BLOCK_BITS
        total = bisect_left(self._block(high), end) - bisect_left(self._block(low), first)
        for number in range(low, high):
            total += len(self._block(number))
        return total

    def add_days(self, start: int, count: int) -> int:
        """The `count`-th working day after `start`, or before it where `count` < 0; `start` for 0."""
        if count == 0:
            return start
        self._require_day(start)
        number = start >> _BLOCK_BITS
        limit = _FARTHEST_PIECES // 4
        if count > 0:
            index = bisect_right(self._block(number), start) + count - 1
            for step in range(limit):
                block = self._block(number + step)
                if index < len(block):
                    self._require_day(block[index])
                    _require_date(block[index])
                    return block[index]
                index -= len(block)
                self._more_after((number + step + 1) << _BLOCK_BITS)
        else:
            index = bisect_left(self._block(number), start) + count
            for step in range(limit):
                block = self._block(number - step)
                if index >= 0:
                    self._require_day(block[index])
                    _require_date(block[index])
                    return block[index]
                self._more_before(((number - step) << _BLOCK_BITS) - 1)
                index += len(self._block(number - step - 1))
        raise TooFar("the working day lies more than 400 years away")

    # The index

    def _ranges(self, ordinal: int) -> tuple[tuple[int, int], ...]:
        special = self._special.get(ordinal)
        return self._weekly[(ordinal - 1) % 7] if special is None else special

    def _piece(self, number: int) -> _Piece:
        piece = self._pieces.get(number)
        if piece is None:
            piece = self._pieces[number] = self._built(number)
        return piece

    def _built(self, number: int) -> _Piece:
        spans = []
        weekly, special = self._weekly, self._special
        for begin, end, offset in regimes(self.zone, number):
            # From the date before, whose ranges may run past midnight.
            first = (begin + offset) // DAY_S - 1
            for day in range(first, (end + offset - 1) // DAY_S + 1):
                ordinal = day + EPOCH_DAY
                ranges = special.get(ordinal)
                if ranges is None:
                    ranges = weekly[(ordinal - 1) % 7]
                midnight = day * DAY_S - offset
                for opens, closes in ranges:
                    low, high = max(midnight + opens, begin), min(midnight + closes, end)
                    if low < high:
                        spans.append((low, high))
        spans.sort()
        begins: list[int] = []
        ends: list[int] = []
        for low, high in spans:
            if ends and low * SECOND <= ends[-1]:
                ends[-1] = max(ends[-1], high * SECOND)
            else:
                begins.append(low * SECOND)
                ends.append(high * SECOND)
        sums, total = [], 0
        for low, high in zip(begins, ends, strict=True):
            total += high - low
            sums.append(total)
        return _Piece(begins, ends, sums)

    def _block(self, number: int) -> list[int]:
        block = self._blocks.get(number)
        if block is None:
            low = number << _BLOCK_BITS
            block = [ordinal for ordinal in range(low, low + (1 << _BLOCK_BITS)) if self._ranges(ordinal)]
            self._blocks[number] = block
        return block

    # What is known

    def _require(self, moment: int) -> None:
        if self._last_moment is not None and moment > self._last_moment:
            raise CalendarNotKnown(f"calendar not known beyond {self.calendar.known_until}")
        if self._first_moment is not None and moment < self._first_moment:
            raise CalendarNotKnown(f"calendar not known before {self.calendar.known_from}")

    def _require_day(self, ordinal: int) -> None:
        if (self._last_day is not None and ordinal > self._last_day) or (
            self._first_day is not None and ordinal < self._first_day
        ):
            self.calendar.require_known(date.fromordinal(ordinal))

    def _more_after(self, ordinal: int) -> None:
        """Go on looking at this date and later ones, or say why there is nothing to find."""
        if self._last_day is not None and ordinal > self._last_day:
            raise CalendarNotKnown(f"calendar not known beyond {self.calendar.known_until}")
        if self._last_opening is not None and ordinal > self._last_opening:
            raise CalendarNeverOpen("the calendar has no open moment from there on")

    def _more_before(self, ordinal: int) -> None:
        """Go on looking at this date and earlier ones, or say why there is nothing to find."""
        if self._first_day is not None and ordinal < self._first_day:
            raise CalendarNotKnown(f"calendar not known before {self.calendar.known_from}")
        if self._first_opening is not None and ordinal < self._first_opening:
            raise CalendarNeverOpen("the calendar has no open moment up to there")


@lru_cache(maxsize=256)
def _indexed(content: str) -> OpenTime:
    return OpenTime(Calendar.model_validate_json(content))


def open_time(calendar: Calendar) -> OpenTime:
    """The index of a calendar; equal calendars share one, whichever object holds them."""
    return _indexed(calendar.content)
