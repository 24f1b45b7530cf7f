"""Deadlines in days: each date ends at one moment, and counts when the clock runs at that moment.

So a clock that is paused never falls due meanwhile, and a pause from Tuesday to Friday gives back three
days, whatever the hours at which it begins and ends. A day whose end is the moment at which a pause
begins has counted; one whose end is the moment at which it ends has not.
"""

import calendar as civil_calendar
from datetime import date, datetime
from functools import lru_cache

from policies.arithmetic.calendars import TooFar
from policies.arithmetic.durations import DayRule, Duration, Measure, Unit
from policies.arithmetic.open_time import OpenTime
from policies.arithmetic.running import Paused, pause_over
from policies.arithmetic.zones import day_end, from_micros, local_ordinal, to_micros, zone_of


class Dates:
    """Which dates count, and when each of them ends.

    `works` is the calendar, or None where a zone is all there is. `only_working` counts working dates;
    otherwise every date counts. `start` fixes the time of day for DayRule.SAME_TIME.
    """

    def __init__(
        self, zone: str, works: OpenTime | None, *, only_working: bool, rule: DayRule, start: int
    ) -> None:
        self.zone = zone
        self.works = works
        self._only_working = only_working
        self._rule = rule
        self._time = from_micros(start).astimezone(zone_of(zone)).time().replace(fold=0)

    def end_of(self, ordinal: int) -> int:
        """The moment at which a date is over for this clock."""
        if self._rule is DayRule.SAME_TIME:
            # A time of day that a clock change removes moves on by the length of the gap (RFC 5545, 3.3.5).
            local = datetime.combine(date.fromordinal(ordinal), self._time, zone_of(self.zone))
            return to_micros(local)
        if self._rule is DayRule.CLOSING and self.works is not None:
            return self.works.closing(ordinal)
        return day_end(self.zone, ordinal)

    def add(self, ordinal: int, count: int) -> int:
        """The `count`-th counted date after (below zero: before) `ordinal`."""
        if self._only_working and self.works is not None:
            return self.works.add_days(ordinal, count)
        if not 1 < ordinal + count < date.max.toordinal():
            raise TooFar("the day lies beyond the years that dates can express")
        return ordinal + count

    def between(self, after: int, last: int) -> int:
        """How many counted dates lie after `after`, up to and with `last`."""
        if last <= after:
            return 0
        if self._only_working and self.works is not None:
            return self.works.count_days(after + 1, last + 1)
        return last - after

    def last_ended(self, moment: int) -> int:
        """The last date whose end is not after `moment`."""
        ordinal = local_ordinal(self.zone, moment) + 1
        while self.end_of(ordinal) > moment:
            ordinal -= 1
        return ordinal

    def reached(self, start: int, count: int, paused: Paused) -> int | None:
        """The `count`-th counted date after that of `start`, as ordinal; None while a pause lasts."""
        at = local_ordinal(self.zone, start)
        for low, high in paused:
            if high is not None and high <= start:
                continue
            free = self.between(at, self.last_ended(low))
            if free >= count:
                return self.add(at, count)
            count -= free
            if high is None:
                return None
            at = max(at, self.last_ended(high))
        return self.add(at, count)

    def day_of(self, moment: int) -> int:
        """The date that ends at `moment`; where none does, the one in which it lies."""
        ended = self.last_ended(moment)
        return ended if self.end_of(ended) == moment else local_ordinal(self.zone, moment)

    def later(self, moment: int, count: int) -> int:
        """The end of the `count`-th counted date after that of `moment`."""
        return self.end_of(self.add(self.day_of(moment), count))

    def before(self, moment: int, count: int, paused: Paused) -> int:
        """The end of the `count`-th counted date before that of `moment`, dates that end paused left out."""
        at = self.day_of(moment)
        while count > 0:
            at = self.add(at, -1)
            if pause_over(self.end_of(at), paused) is None:
                count -= 1
        return self.end_of(at)


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or the last day that month has (PRC Civil Code, article 202)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    if not date.min.year <= year <= date.max.year:
        raise TooFar("the day lies beyond the years that dates can express")
    last = civil_calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


@lru_cache(maxsize=4_096)
def civil_days(start: int, duration: Duration, sign: int = 1) -> int:
    """How many dates a civil duration takes from the date with ordinal `start`; below zero going back."""
    if duration.unit is Unit.CALENDAR_DAYS:
        return sign * duration.amount
    if duration.unit is Unit.WEEKS:
        return sign * duration.amount * 7
    if duration.measure is not Measure.CIVIL:
        raise ValueError(f"'{duration}' is not a civil duration")
    months = duration.amount * 12 if duration.unit is Unit.YEARS else duration.amount
    return months_later(date.fromordinal(start), sign * months).toordinal() - start


def days_in(size: Duration, start: int, sign: int) -> int:
    """How many dates, working or civil, a size in days takes forward (sign 1) or back (-1) from `start`."""
    if size.measure is Measure.WORKING_DAYS:
        return size.amount
    return abs(civil_days(start, size, sign))
