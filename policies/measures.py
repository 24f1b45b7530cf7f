"""Measures: what the counts of a period come to, and whether a target is met, missed, or judged by too few.

A share comes with Wilson's 95 % interval (E. B. Wilson, 1927), the net promoter score with the adjusted Wald
interval of B. Rocks (The American Statistician 70(4), 2016). Values are exact; what is shown is rounded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import sqrt
from zoneinfo import ZoneInfo

from policies.pack import Measure, Target

Z = 1.959963984540054
"""How many standard errors either side of a figure hold 95 % of what it may in truth be."""

CONTENT = 4
"""The lowest score, of 1 to 5, of somebody who is content."""
PROMOTER = 9
"""The lowest answer, of 0 to 10, of somebody who recommends us."""
DETRACTOR = 6
"""The highest answer of somebody who advises against us."""

FEWEST_ANSWERS = 10
"""Fewer answers, or complaints to compare with, say nothing about a promise. A choice of this service."""
FALL = 10
"""By how much a figure may get worse in a period before there is a warning, where the pack does not say."""

SURVEYS = frozenset(
    {
        Measure.SATISFACTION,
        Measure.SATISFACTION_ATTITUDE,
        Measure.SATISFACTION_PROFESSIONALISM,
        Measure.SATISFACTION_EFFICIENCY,
        Measure.SATISFACTION_HANDLING,
        Measure.NPS,
    }
)
"""What customers say, of whom a few are no picture of all."""
CHANGES = frozenset({Measure.HANDLING_TIME_CHANGE, Measure.COMPLAINTS_CHANGE})
"""What is set against the period before."""


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both included, in a pack's zone."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Period":
        """As many days, up to the day before the first."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    def instants(self, zone: str) -> tuple[datetime, datetime]:
        """When it begins, and when it has ended (UTC): the first instant that no longer belongs to it."""
        days = (self.first, self.last + timedelta(days=1))
        start, end = (datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC) for day in days)
        return start, end


def latest(days: int, today: date) -> Period:
    """So many whole days, up to yesterday."""
    return Period(today - timedelta(days=days), today - timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Share:
    """`good` of `n`."""

    good: int = 0
    n: int = 0


@dataclass(frozen=True, slots=True)
class Votes:
    """Answers to whether the customer would recommend us, from 0 to 10."""

    promoters: int = 0  # 9 and 10
    passives: int = 0  # 7 and 8
    detractors: int = 0  # 0 to 6

    @property
    def n(self) -> int:
        return self.promoters + self.passives + self.detractors


@dataclass(frozen=True, slots=True)
class Runs:
    """Occurrences of one clock that were due in the period, open breaches among them.

    `median` is how long they took, elapsed; those still open count with what they have taken so far.
    """

    n: int = 0
    in_time: int = 0
    median: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Tallies:
    """What was counted over one period.

    `scores` by the measure that is their share. `closed` and `median_to_closing`: complaints closed in the
    period, and the time from receipt to closing, elapsed. `supplied` by target, what somebody entered.
    """

    scores: Mapping[Measure, Share] = field(default_factory=dict)
    solution: Share = Share()
    votes: Votes = Votes()
    runs: Mapping[str, Runs] = field(default_factory=dict)
    received: int = 0
    closed: int = 0
    median_to_closing: timedelta | None = None
    supplied: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure: exact, in the target's unit; None where there is nothing to measure.

    `n` is how many it rests on, None where it was entered by hand. `low` and `high` hold, at 95 %, what it
    may in truth be; None where no interval belongs to it.
    """

    value: Fraction | None
    n: int | None
    low: float | None = None
    high: float | None = None


NOTHING = Figure(None, 0)


def share(counted: Share) -> Figure:
    """A share in per cent, with Wilson's interval."""
    n = counted.n
    if not n:
        return NOTHING
    p, z2 = counted.good / n, Z * Z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    reach = Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At none and at all the formula gives the bound itself, but for the last binary digit.
    low = 0.0 if counted.good == 0 else 100 * max(centre - reach, 0.0)
    high = 100.0 if counted.good == n else 100 * min(centre + reach, 1.0)
    return Figure(Fraction(100 * counted.good, n), n, low, high)


def promoter_score(votes: Votes) -> Figure:
    """Promoters less detractors, in points from -100 to 100, with the adjusted Wald interval."""
    n = votes.n
    if not n:
        return NOTHING
    more = n + 3
    up, down = (votes.promoters + 0.75) / more, (votes.detractors + 0.75) / more
    reach = Z * sqrt((up + down - (up - down) ** 2) / more)
    low, high = 100 * max(up - down - reach, -1.0), 100 * min(up - down + reach, 1.0)
    return Figure(Fraction(100 * (votes.promoters - votes.detractors), n), n, low, high)


def minutes(n: int, median: timedelta | None) -> Figure:
    """A median in minutes."""
    return NOTHING if median is None else Figure(Fraction(median // _MICROSECOND, 60_000_000), n)


_MICROSECOND = timedelta(microseconds=1)


def change(now: Fraction | None, before: Fraction | None, n: int) -> Figure:
    """By how many per cent a quantity grew (below zero: shrank) against the period before."""
    if now is None or not before:
        return NOTHING
    return Figure(100 * (now - before) / before, n)


def measured(target: Target, now: Tallies, before: Tallies) -> Figure:
    """The figure that a target is about, from the counts of the period and of the one before it."""
    match target.measure:
        case Measure.NPS:
            return promoter_score(now.votes)
        case Measure.MET_IN_TIME:
            runs = now.runs.get(target.clock or "", Runs())
            return share(Share(runs.in_time, runs.n))
        case Measure.TIME_TO_MEET:
            return _time(target, now)
        case Measure.HANDLING_TIME_CHANGE:
            taken, former = _time(target, now), _time(target, before)
            return change(taken.value, former.value, min(taken.n or 0, former.n or 0))
        case Measure.COMPLAINTS_CHANGE:
            return change(Fraction(now.received), Fraction(before.received), before.received)
        case Measure.SUPPLIED:
            entered = now.supplied.get(target.id)
            return Figure(None if entered is None else Fraction(entered), None)
        case _:
            return share(now.scores.get(target.measure, Share()))


def _time(target: Target, told: Tallies) -> Figure:
    """How long the target's clock took; without one, how long complaints took from receipt to closing."""
    if target.clock is None:
        return minutes(told.closed, told.median_to_closing)
    runs = told.runs.get(target.clock, Runs())
    return minutes(runs.n, runs.median)


class Verdict(StrEnum):
    """How a target stands."""

    MET = "met"
    MISSED = "missed"
    TOO_FEW = "too_few"  # there is a figure, but it rests on too few to judge by
    UNKNOWN = "unknown"  # there was nothing to measure, or nobody entered it


def meets(target: Target, value: Fraction) -> bool:
    """Whether a value keeps the target; exactly at the bound does, unless the target says it is exclusive."""
    if target.exclusive and value in (target.at_least, target.at_most):
        return False
    enough = target.at_least is None or value >= target.at_least
    return enough and (target.at_most is None or value <= target.at_most)


def fewest(measure: Measure) -> int:
    """How many a figure has to rest on to be judged. A promise with a deadline is judged by every single one."""
    return FEWEST_ANSWERS if measure in SURVEYS | CHANGES else 1


def judged(target: Target, figure: Figure) -> Verdict:
    """How the target stands by this figure."""
    if figure.value is None:
        return Verdict.UNKNOWN
    if figure.n is not None and figure.n < fewest(target.measure):
        return Verdict.TOO_FEW
    return Verdict.MET if meets(target, figure.value) else Verdict.MISSED


class Warned(StrEnum):
    """Why a figure needs attention."""

    MISSED = "missed"
    FALLING = "falling"  # still good enough, but getting worse


def warning(target: Target, now: Figure, before: Figure) -> Warned | None:
    """Whether somebody has to look, given the figure of a period and of the one before it.

    Falling is by more than the target's `warn_fall`: points of a share or score, per cent of a time. What is
    a change already is not set against the change before.
    """
    stands = judged(target, now)
    if stands is Verdict.MISSED:
        return Warned.MISSED
    if stands is not Verdict.MET or judged(target, before) not in (Verdict.MET, Verdict.MISSED):
        return None
    if target.measure in CHANGES or now.value is None or before.value is None:
        return None
    worse = before.value - now.value if target.at_least is not None else now.value - before.value
    if target.unit == "minutes":
        worse = 100 * worse / before.value if before.value else Fraction(0)
    return Warned.FALLING if worse > fall_of(target) else None


def fall_of(target: Target) -> int:
    """By how much its figure may get worse from one period to the next without a warning."""
    return FALL if target.warn_fall is None else target.warn_fall


_UNITS = {"percent": (" %", " %"), "minutes": (" min", " 分鐘"), "points": (" points", " 分")}
_HOURS = (" h", " 小時")


def spelled(target: Target, value: Fraction, language: str = "en") -> str:
    """A value with its unit, to one decimal; to more where rounding would hide on which side of the bound it is.

    From two hours on minutes are told in hours.
    """
    kept = meets(target, value)
    in_hours = target.unit == "minutes" and abs(value) >= 120
    scale = 60 if in_hours else 1
    for digits in (1, 2, 3, 6):
        rounded = round(value / scale, digits)
        if meets(target, rounded * scale) is kept:
            break
    number = f"{float(rounded):.{digits}f}".rstrip("0").rstrip(".")
    sign = "+" if rounded > 0 and target.measure in CHANGES | {Measure.NPS} else ""
    unit = _HOURS if in_hours else _UNITS[target.unit]
    return f"{sign}{number.replace('-', '−')}{unit[language == 'zh']}"


def wanted(target: Target, language: str = "en") -> str:
    """What a target asks for, in words."""
    if target.exclusive:
        least, most = ("高於 ", "低於 ") if language == "zh" else ("above ", "below ")
    else:
        least, most = ("至少 ", "至多 ") if language == "zh" else ("at least ", "at most ")
    bounds = ((least, target.at_least), (most, target.at_most))
    said = [
        f"{word}{spelled(target, Fraction(bound), language)}" for word, bound in bounds if bound is not None
    ]
    return ("、" if language == "zh" else ", ").join(said)
