"""Instants, zones and local dates: where a zone's clock stands, and when a local date ends.

Instants are integers here: microseconds since 1970-01-01T00:00Z. Dates are their ordinals.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from policies.arithmetic.calendars import TooFar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = EPOCH.toordinal()
DAY_S = 86_400
SECOND = 1_000_000

# Time is indexed in pieces of 2**22 s, some 48 days: small enough that a calendar used once is cheap to
# open, large enough that ten years are walked in 75 steps.
PIECE_BITS = 22


def to_micros(moment: datetime) -> int:
    """Microseconds since the epoch; ValueError for a datetime without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    since = moment - EPOCH
    return (since.days * DAY_S + since.seconds) * SECOND + since.microseconds


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of an instant; TooFar past the year 9999."""
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError as error:
        raise TooFar("the moment lies beyond the years that dates can express") from error


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name. A cache of our own, so that no zone hangs in a module of the workflows."""
    return ZoneInfo(name)


def _offset_at(zone: ZoneInfo, second: int) -> int:
    """Seconds east of UTC at an instant given in seconds."""
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    return 0 if offset is None else offset.days * DAY_S + offset.seconds


def _change_between(zone: ZoneInfo, low: int, high: int) -> int:
    """The first second after `low` at which the offset is no longer that of `low`."""
    before = _offset_at(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset_at(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


class Regime(NamedTuple):
    """A span of seconds [begin, end) in which a zone keeps one offset, in seconds east of UTC."""

    begin: int
    end: int
    offset: int


@lru_cache(maxsize=8_192)
def regimes(zone_name: str, piece: int) -> tuple[Regime, ...]:
    """The offsets of a zone over one piece of the index. No zone changes twice within a day."""
    zone = zone_of(zone_name)
    begin, end = piece << PIECE_BITS, (piece + 1) << PIECE_BITS
    try:
        found = []
        since, offset = begin, _offset_at(zone, begin)
        for low in range(begin, end, DAY_S):
            high = min(low + DAY_S, end)
            if (after := _offset_at(zone, high)) != offset:
                change = _change_between(zone, low, high)
                found.append(Regime(since, change, offset))
                since, offset = change, after
        if since < end:
            found.append(Regime(since, end, offset))
    except (ValueError, OverflowError, OSError) as error:
        raise TooFar("the moment lies beyond the years that dates can express") from error
    return tuple(found)


def wall_moment(zone_name: str, local: datetime, *, last: bool = False) -> int:
    """The instant at which the zone's clock first (or last) shows a local time, as a day's end needs it.

    A time that a clock change removed is the moment of that change.
    """
    zone = zone_of(zone_name)
    early = to_micros(local.replace(tzinfo=zone, fold=0))
    late = to_micros(local.replace(tzinfo=zone, fold=1))
    if early <= late:  # usual, or repeated
        return late if last else early
    return _change_between(zone, late // SECOND - 1, early // SECOND + 1) * SECOND


@lru_cache(maxsize=65_536)
def day_end(zone_name: str, ordinal: int) -> int:
    """24:00 of a local date: the instant at which the next date begins."""
    if ordinal >= date.max.toordinal():
        raise TooFar("the day lies beyond the years that dates can express")
    return wall_moment(zone_name, datetime.fromordinal(ordinal + 1))


def local_ordinal(zone_name: str, micros: int) -> int:
    """The local date, as its ordinal, at an instant."""
    return from_micros(micros).astimezone(zone_of(zone_name)).toordinal()
