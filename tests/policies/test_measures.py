"""Measures: each kind of target exactly at its bound and one either side, and what makes a figure a warning."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.measures import (
    FEWEST_ANSWERS,
    NOTHING,
    Figure,
    Period,
    Runs,
    Share,
    Tallies,
    Verdict,
    Votes,
    Warned,
    Z,
    judged,
    latest,
    measured,
    promoter_score,
    share,
    spelled,
    wanted,
    warning,
)
from policies.pack import Basis, Measure, Source, Target

EMPTY = Tallies()


def target(measure: Measure, unit: str = "percent", **bounds: Any) -> Target:
    return Target(
        id="t", title={"en": "A target"}, measure=measure, unit=unit, basis=Basis.TARGET,
        source=Source(document="D", section="1"), since=date(2025, 1, 1), **bounds,
    )  # fmt: skip


def scores(measure: Measure, good: int, n: int) -> Tallies:
    return Tallies(scores={measure: Share(good, n)})


def ran(n: int, in_time: int, minutes: float = 0) -> Tallies:
    return Tallies(runs={"response": Runs(n, in_time, timedelta(minutes=minutes))})


def closed(minutes: float, n: int = 10) -> Tallies:
    return Tallies(closed=n, median_to_closing=timedelta(minutes=minutes))


SURVEYS = {
    "satisfaction": (Measure.SATISFACTION, 85),  # service-centre, retail-2025
    "attitude": (Measure.SATISFACTION_ATTITUDE, 80),
    "professionalism": (Measure.SATISFACTION_PROFESSIONALISM, 85),
    "efficiency": (Measure.SATISFACTION_EFFICIENCY, 85),
    "handling": (Measure.SATISFACTION_HANDLING, 90),
}


@pytest.mark.parametrize(("measure", "least"), SURVEYS.values(), ids=SURVEYS)
def test_satisfaction_is_met_at_its_bound_and_missed_one_customer_below(measure: Measure, least: int) -> None:
    goal = target(measure, at_least=least)
    for good, verdict in ((least - 1, Verdict.MISSED), (least, Verdict.MET), (least + 1, Verdict.MET)):
        figure = measured(goal, scores(measure, good, 100), EMPTY)
        assert (figure.value, figure.n, judged(goal, figure)) == (Fraction(good), 100, verdict)
    assert judged(goal, measured(goal, scores(Measure.NPS, 100, 100), EMPTY)) is Verdict.UNKNOWN, (
        "its own alone"
    )


@pytest.mark.parametrize(
    ("value", "verdict"), [("0.99", Verdict.MET), ("1", Verdict.MISSED), ("1.01", Verdict.MISSED)]
)
def test_a_bound_that_is_exclusive_is_missed_at_the_bound(value: str, verdict: Verdict) -> None:
    goal = target(Measure.SUPPLIED, at_most=1, exclusive=True)  # service-centre: a complaint rate below 1 %
    assert judged(goal, Figure(Fraction(value), None)) is verdict
    assert (wanted(goal), wanted(goal, "zh")) == ("below 1 %", "低於 1 %")


@pytest.mark.parametrize(
    ("votes", "value", "verdict"),
    [
        (Votes(69, 1, 30), 39, Verdict.MISSED),
        (Votes(70, 0, 30), 40, Verdict.MET),
        (Votes(40, 60, 0), 40, Verdict.MET),
        (Votes(71, 0, 29), 42, Verdict.MET),
        (Votes(0, 0, 10), -100, Verdict.MISSED),
        (Votes(9, 0, 0), 100, Verdict.TOO_FEW),
        (Votes(), None, Verdict.UNKNOWN),
    ],
)
def test_nps_is_promoters_less_detractors(votes: Votes, value: int | None, verdict: Verdict) -> None:
    goal = target(Measure.NPS, "points", at_least=40)
    figure = measured(goal, Tallies(votes=votes), EMPTY)
    assert (figure.value, judged(goal, figure)) == (value, verdict)


@pytest.mark.parametrize(("in_time", "verdict"), [(99, Verdict.MISSED), (100, Verdict.MET)])
def test_a_promise_kept_for_all_is_broken_by_one(in_time: int, verdict: Verdict) -> None:
    goal = target(Measure.MET_IN_TIME, clock="response", at_least=100)
    assert judged(goal, measured(goal, ran(100, in_time), EMPTY)) is verdict
    assert judged(goal, measured(goal, ran(1, in_time - 99), EMPTY)) is verdict, "one is enough to judge by"
    other = target(Measure.MET_IN_TIME, clock="another", at_least=100)
    assert judged(other, measured(other, ran(100, in_time), EMPTY)) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("minutes", "verdict"),
    [(15 - 1 / 60, Verdict.MET), (15, Verdict.MET), (15 + 1 / 60, Verdict.MISSED)],
)
def test_a_time_is_met_to_the_second(minutes: float, verdict: Verdict) -> None:
    goal = target(Measure.TIME_TO_MEET, "minutes", clock="response", at_most=15)
    assert judged(goal, measured(goal, ran(4, 4, minutes), EMPTY)) is verdict


@pytest.mark.parametrize(("minutes", "verdict"), [(71, Verdict.MISSED), (70, Verdict.MET), (69, Verdict.MET)])
def test_handling_time_is_down_by_thirty_per_cent(minutes: float, verdict: Verdict) -> None:
    goal = target(Measure.HANDLING_TIME_CHANGE, at_most=-30)
    assert judged(goal, measured(goal, closed(minutes), closed(100))) is verdict
    assert judged(goal, measured(goal, closed(minutes, 9), closed(100))) is Verdict.TOO_FEW
    assert judged(goal, measured(goal, closed(minutes), EMPTY)) is Verdict.UNKNOWN, "nothing to compare with"
    of_clock = target(Measure.HANDLING_TIME_CHANGE, clock="response", at_most=-30)
    assert judged(of_clock, measured(of_clock, ran(10, 0, minutes), ran(10, 0, 100))) is verdict


@pytest.mark.parametrize(
    ("now", "before", "verdict"),
    [
        (86, 100, Verdict.MISSED),
        (85, 100, Verdict.MET),
        (84, 100, Verdict.MET),
        (0, 9, Verdict.TOO_FEW),
        (3, 0, Verdict.UNKNOWN),
    ],
)
def test_complaints_are_down_by_fifteen_per_cent(now: int, before: int, verdict: Verdict) -> None:
    goal = target(Measure.COMPLAINTS_CHANGE, at_most=-15)
    assert judged(goal, measured(goal, Tallies(received=now), Tallies(received=before))) is verdict


@pytest.mark.parametrize(
    ("bounds", "entered", "verdict"),
    [
        ({"at_least": 85}, "84.99", Verdict.MISSED),
        ({"at_least": 85}, "85", Verdict.MET),
        ({"at_most": 1}, "1", Verdict.MET),
        ({"at_most": 1}, "1.01", Verdict.MISSED),
        ({"at_least": 85}, None, Verdict.UNKNOWN),
    ],
)
def test_what_is_entered_is_judged_as_it_is(bounds: Any, entered: str | None, verdict: Verdict) -> None:
    goal = target(Measure.SUPPLIED, **bounds)
    told = Tallies(supplied={"t": Decimal(entered)} if entered else {})
    figure = measured(goal, told, EMPTY)
    assert (figure.n, judged(goal, figure)) == (None, verdict)


def test_few_answers_are_shown_and_not_judged() -> None:
    goal = target(Measure.SATISFACTION, at_least=85)
    few = measured(goal, scores(Measure.SATISFACTION, 0, FEWEST_ANSWERS - 1), EMPTY)
    assert (few.value, judged(goal, few), warning(goal, few, NOTHING)) == (Fraction(0), Verdict.TOO_FEW, None)
    enough = measured(goal, scores(Measure.SATISFACTION, 0, FEWEST_ANSWERS), EMPTY)
    assert (judged(goal, enough), warning(goal, enough, NOTHING)) == (Verdict.MISSED, Warned.MISSED)


# Intervals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("good", "n"), [(0, 10), (10, 10), (85, 100), (1, 1), (3, 7)])
def test_a_share_has_wilsons_interval(good: int, n: int) -> None:
    """Its ends are where what was found lies just z standard errors away: the interval's own definition."""
    figure = share(Share(good, n))
    assert figure.low is not None
    assert figure.high is not None
    for end in (figure.low / 100, figure.high / 100):
        assert (good / n - end) ** 2 == pytest.approx(Z * Z * end * (1 - end) / n, abs=1e-12)
    assert figure.low < 100 * good / n or good == 0
    assert figure.high > 100 * good / n or good == n


@given(n=st.integers(1, 10_000), data=st.data())
def test_the_figure_lies_in_its_interval(n: int, data: st.DataObject) -> None:
    good = data.draw(st.integers(0, n))
    figure = share(Share(good, n))
    assert figure.low is not None and figure.high is not None and figure.value is not None
    assert 0 <= figure.low <= figure.value <= figure.high <= 100


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_more_of_the_same_answers_narrow_the_nps(promoters: int, passives: int, detractors: int) -> None:
    votes = Votes(promoters, passives, detractors)
    if not votes.n:
        assert promoter_score(votes) is NOTHING
        return
    one, ten = promoter_score(votes), promoter_score(Votes(10 * promoters, 10 * passives, 10 * detractors))
    assert one.value == ten.value
    assert one.low is not None and one.high is not None and ten.low is not None and ten.high is not None
    assert -100 <= one.low < one.high <= 100, "even where all say the same, it may in truth be otherwise"
    assert ten.high - ten.low <= one.high - one.low


# Warnings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "fall", "why"),
    [
        (97, 87, None, None),  # ten points are still within what the service takes where the pack is silent
        (98, 87, None, Warned.FALLING),
        (98, 84, None, Warned.MISSED),
        (90, 87, 2, Warned.FALLING),
        (90, 88, 2, None),
        (87, 98, None, None),  # getting better is no warning
    ],
)
def test_a_share_that_falls_is_a_warning_before_it_is_missed(
    before: int, now: int, fall: int | None, why: Warned | None
) -> None:
    goal = target(Measure.SATISFACTION, at_least=85, warn_fall=fall)
    assert warning(goal, Figure(Fraction(now), 100), Figure(Fraction(before), 100)) is why
    assert warning(goal, Figure(Fraction(now), 100), Figure(Fraction(before), 9)) is (
        Warned.MISSED if why is Warned.MISSED else None
    ), "what rests on nine answers is nothing to fall from"


@pytest.mark.parametrize(
    ("now", "why"), [(11, None), (11.1, Warned.FALLING), (15.1, Warned.MISSED), (9, None)]
)
def test_a_time_that_grows_by_more_than_ten_per_cent_is_a_warning(now: float, why: Warned | None) -> None:
    goal = target(Measure.TIME_TO_MEET, "minutes", clock="response", at_most=15)
    before = measured(goal, ran(5, 5, 10), EMPTY)
    assert warning(goal, measured(goal, ran(5, 5, now), EMPTY), before) is why


def test_what_is_not_known_is_no_warning() -> None:
    goal = target(Measure.SUPPLIED, at_least=85)
    assert warning(goal, measured(goal, EMPTY, EMPTY), NOTHING) is None


# Periods and words ---------------------------------------------------------------------------------


def test_a_period_is_whole_days_of_the_packs_zone() -> None:
    period = Period(date(2025, 3, 1), date(2025, 3, 31))
    start, end = period.instants("Europe/London")  # summer time began on the 30th
    assert (start, end) == (
        datetime.fromisoformat("2025-03-01T00:00Z"),
        datetime.fromisoformat("2025-03-31T23:00Z"),
    )
    assert period.before == Period(date(2025, 1, 29), date(2025, 2, 28))
    assert period.before.days == period.days == 31
    assert latest(30, date(2025, 3, 31)) == Period(date(2025, 3, 1), date(2025, 3, 30))


def test_words_never_hide_on_which_side_of_the_bound_a_figure_is() -> None:
    goal = target(Measure.SATISFACTION, at_least=85)
    assert spelled(goal, Fraction(8499, 100)) == "84.99 %"
    assert spelled(goal, Fraction(85)) == "85 %"
    assert spelled(goal, Fraction(6000, 70)) == "85.7 %"
    assert wanted(goal) == "at least 85 %"
    assert wanted(target(Measure.TIME_TO_MEET, "minutes", clock="r", at_most=15), "zh") == "至多 15 分鐘"
    day = target(Measure.TIME_TO_MEET, "minutes", clock="r", at_most=1440)
    assert (wanted(day), spelled(day, Fraction(1440)), spelled(day, Fraction(119))) == (
        "at most 24 h",
        "24 h",
        "119 min",
    )
    assert spelled(day, Fraction(1441)) == "24.02 h", "a minute late is not in time"
    nps = target(Measure.NPS, "points", at_least=40)
    assert (spelled(nps, Fraction(42)), spelled(nps, Fraction(-5))) == ("+42 points", "−5 points")
