"""Figures off a real record: what counts, for which days and for whom, and which complaints stand behind it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.chapters.feedback import AnswerSatisfaction
from ledger.directory import Directory
from ledger.figures import By, Of, Scope, behind, tallies
from ledger.figures_given import Supplied, WarningRaised, raise_warning, supplied, supply, warnings
from ledger.record import Record
from policies.measures import Period, Runs, Share, Tallies, Votes, Warned
from policies.pack import Basis, Measure, Source, Target
from policies.vocabulary import Kind, Role
from tests.complaints.support import PACK, RECEIVED
from tests.ledger.told_figures import acknowledged, put, received, scored

DAY = timedelta(days=1)
NOW = RECEIVED + 20 * DAY
SECOND = timedelta(seconds=1)


def scope(**changes: Any) -> Scope:
    given = {"pack": PACK.name, "start": RECEIVED - DAY, "end": RECEIVED + 10 * DAY, "now": NOW}
    return Scope(**{**given, **changes})


async def counted(engine: AsyncEngine, asked: Scope | None = None) -> Tallies:
    async with engine.connect() as conn:
        return (await tallies(conn, asked or scope()))[""]


def target(measure: Measure, clock: str | None = None) -> Target:
    return Target(
        id="t", title={"en": "T"}, measure=measure, clock=clock, unit="percent", at_least=85,
        basis=Basis.TARGET, source=Source(document="D", section="1"), since=date(2025, 1, 1),
    )  # fmt: skip


# What customers said ---------------------------------------------------------------------------------


async def test_scores_are_counted_each_side_by_itself(record: Record, engine: AsyncEngine) -> None:
    told = (
        AnswerSatisfaction(score=5, attitude=5, efficiency=3, recommend=10),
        AnswerSatisfaction(score=4, attitude=4, professionalism=4, solution=2, recommend=9),
        AnswerSatisfaction(score=3, attitude=1, recommend=8),
        AnswerSatisfaction(score=1, recommend=6),
        AnswerSatisfaction(score=2, recommend=0),
        AnswerSatisfaction(score=5, recommend=7),
    )
    for number, answer in enumerate(told):
        await put(record, scored(answer, kind=Kind.ENQUIRY if number == 5 else Kind.COMPLAINT), number)
    found = await counted(engine)
    assert found.scores == {
        Measure.SATISFACTION: Share(3, 6),
        Measure.SATISFACTION_HANDLING: Share(2, 5),
        Measure.SATISFACTION_ATTITUDE: Share(2, 3),
        Measure.SATISFACTION_PROFESSIONALISM: Share(1, 1),
        Measure.SATISFACTION_EFFICIENCY: Share(0, 1),
    }
    assert found.solution == Share(0, 1)
    assert found.votes == Votes(promoters=2, passives=2, detractors=2)


async def test_an_answer_counts_on_the_day_it_was_given(record: Record, engine: AsyncEngine) -> None:
    story = scored(AnswerSatisfaction(score=5))
    given_at = story.now
    await put(record, story, 1)
    for start, end, n in (
        (given_at, given_at + SECOND, 1),
        (given_at - DAY, given_at, 0),  # a period ends before its end
        (given_at + SECOND, given_at + DAY, 0),
    ):
        found = await counted(engine, scope(start=start, end=end))
        assert sum(share.n for share in found.scores.values()) == 2 * n, "the whole, and of complaints"
    assert await counted(engine, scope(pack="another")) == Tallies()


# Deadlines -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "recorded", "in_time"),
    [
        (timedelta(minutes=15) - SECOND, None, 1),
        (timedelta(minutes=15), None, 1),
        (timedelta(minutes=15) + SECOND, None, 0),
        (
            timedelta(minutes=14),
            timedelta(minutes=40),
            1,
        ),  # done in time, keyed in after the breach was recorded
    ],
)
async def test_in_time_is_up_to_the_due_moment(
    record: Record, engine: AsyncEngine, after: timedelta, recorded: timedelta | None, in_time: int
) -> None:
    ref = await put(record, acknowledged(after, recorded=recorded), 1)
    found = await counted(engine)
    assert found.runs["response"] == Runs(1, in_time, after)
    async with engine.connect() as conn:
        (one,) = await behind(conn, scope(), Of.DEADLINES, "response")
    assert (one.reference, one.owner, one.good) == (ref, "ana", bool(in_time))
    assert one.value == pytest.approx(after / timedelta(minutes=1))


async def test_an_open_breach_counts_and_what_is_not_due_yet_does_not(
    record: Record, engine: AsyncEngine
) -> None:
    due = RECEIVED + timedelta(minutes=15)
    await put(record, received(), 1)
    at_due = await counted(engine, scope(now=due))
    assert "response" not in at_due.runs, "exactly at the due moment nothing is late yet"
    late = await counted(engine, scope(now=due + timedelta(hours=1)))
    assert late.runs["response"] == Runs(1, 0, timedelta(minutes=75)), "with the time it has taken so far"
    assert "complaint_outcome" not in late.runs, "48 hours have not passed"


async def test_the_median_is_that_of_all_and_not_of_those_who_were_quick(
    record: Record, engine: AsyncEngine
) -> None:
    for number, minutes in enumerate((2, 4, 10)):
        await put(record, acknowledged(timedelta(minutes=minutes)), number)
    assert (await counted(engine)).runs["response"] == Runs(3, 3, timedelta(minutes=4))
    for number in (3, 4, 5):
        await put(record, received(), number)
    found = (await counted(engine)).runs["response"]
    assert (found.n, found.in_time) == (6, 3)
    assert found.median is not None
    assert found.median > timedelta(days=9), "half of them were never acknowledged"


async def test_an_extension_after_the_breach_does_not_make_it_kept(
    record: Record, engine: AsyncEngine
) -> None:
    ref = await put(record, acknowledged(timedelta(minutes=30)), 1)
    async with engine.begin() as conn:
        later = {"due": RECEIVED + timedelta(hours=1), "ref": ref}
        await conn.execute(
            text("UPDATE clocks SET due_at = :due WHERE reference = :ref AND clock = 'response'"), later
        )
    assert (await counted(engine)).runs["response"].in_time == 0


# Numbers of complaints, and for whom -------------------------------------------------------------------


async def test_complaints_are_counted_where_they_were_received(record: Record, engine: AsyncEngine) -> None:
    for number, (at, kind) in enumerate(
        (
            (RECEIVED, Kind.COMPLAINT),
            (RECEIVED + DAY, Kind.COMPLAINT),
            (RECEIVED, Kind.ENQUIRY),
            (RECEIVED + 12 * DAY, Kind.COMPLAINT),
        )
    ):
        await put(record, received(at=at, kind=kind), number)
    assert (await counted(engine)).received == 2


async def test_figures_are_of_a_person_a_team_or_all(record: Record, engine: AsyncEngine) -> None:
    directory = Directory(engine)
    for who, supervisor in (
        ("dora", "emil"),
        ("ana", "dora"),
        ("ben", "dora"),
        ("emil", None),
        ("zoe", None),
    ):
        await directory.add(
            id=who, login=who, name=who.title(), email=f"{who}@example.org", roles=[Role.HANDLER],
            supervisor=supervisor,
        )  # fmt: skip
    for number, owner in enumerate(("ana", "ana", "ben", "dora", "emil", "zoe", "gone")):
        await put(record, scored(AnswerSatisfaction(score=5 if owner == "ana" else 2)), number, owner=owner)

    async def of(team: str | None) -> Share:
        return (await counted(engine, scope(team=team))).scores.get(Measure.SATISFACTION, Share())

    assert await of(None) == Share(2, 7)
    assert await of("dora") == Share(2, 4), "hers, and those of whom she supervises"
    assert await of("ana") == Share(2, 2)
    assert await of("nobody") == Share()
    async with engine.connect() as conn:
        teams = await tallies(conn, scope(), By.TEAM)
        people = await tallies(conn, scope(team="dora"), By.PERSON)
    assert {who: told.scores[Measure.SATISFACTION] for who, told in teams.items()} == {
        "dora": Share(2, 4), "emil": Share(0, 1), "": Share(0, 2),
    }  # fmt: skip
    assert {who: told.received for who, told in people.items()} == {"ana": 2, "ben": 1, "dora": 1}


async def test_what_speaks_against_us_comes_first_behind_a_figure(
    record: Record, engine: AsyncEngine
) -> None:
    good, bad, worse = [
        await put(record, scored(AnswerSatisfaction(score=score, recommend=score * 2)), number)
        for number, score in enumerate((5, 3, 1))
    ]
    async with engine.connect() as conn:
        for of in (Of.SATISFACTION, Of.HANDLING, Of.NPS):
            found = await behind(conn, scope(), of)
            assert {one.reference for one in found[:2]} == {bad, worse}
            assert (found[2].reference, found[2].good) == (good, True)
        assert len(await behind(conn, scope(), Of.SATISFACTION, limit=1)) == 1
        assert len(await behind(conn, scope(), Of.RECEIVED)) == 3
        for of in (Of.CLOSED, Of.ATTITUDE, Of.PROFESSIONALISM, Of.EFFICIENCY, Of.SOLUTION, Of.DEADLINES):
            assert await behind(conn, scope(), of) == (), "none is closed, and no side was scored"


@pytest.mark.parametrize(
    ("measure", "clock", "of"),
    [
        (Measure.SATISFACTION_ATTITUDE, None, Of.ATTITUDE),
        (Measure.SATISFACTION_HANDLING, None, Of.HANDLING),
        (Measure.MET_IN_TIME, "response", Of.DEADLINES),
        (Measure.HANDLING_TIME_CHANGE, None, Of.CLOSED),
        (Measure.COMPLAINTS_CHANGE, None, Of.RECEIVED),
        (Measure.SUPPLIED, None, None),
    ],
)
def test_every_measure_names_the_complaints_it_is_made_of(
    measure: Measure, clock: str | None, of: Of | None
) -> None:
    assert Of.target(target(measure, clock)) is of
    for every in set(Measure) - {Measure.SUPPLIED}:
        assert Of.target(target(every, clock)) is not None


# What people entered, and warnings -----------------------------------------------------------------------


def entered(value: str, first: date, last: date, **changes: Any) -> Supplied:
    told = {
        "pack": "p", "target": "retention", "first_day": first, "last_day": last, "value": Decimal(value),
        "note": "From the shop's own books.", "entered_by": "dora", "entered_at": NOW,
    }  # fmt: skip
    return Supplied(**{**told, **changes})


async def test_the_latest_entry_for_the_latest_days_is_shown_and_none_is_lost(engine: AsyncEngine) -> None:
    first_quarter, second = (date(2025, 1, 1), date(2025, 3, 31)), (date(2025, 4, 1), date(2025, 6, 30))
    async with engine.begin() as conn:
        assert await supply(conn, entered("84", *first_quarter))
        assert await supply(conn, entered("86.5", *second))
        assert await supply(conn, entered("85", *first_quarter))
        assert not await supply(conn, entered("85", *first_quarter)), "entered twice is entered once"
        assert await supply(conn, entered("99", *second, target="accuracy"))
        for days, value in (
            (Period(date(2025, 3, 1), date(2025, 3, 30)), "85"),
            (Period(date(2025, 3, 31), date(2025, 4, 1)), "86.5"),
            (Period(date(2025, 6, 30), date(2025, 7, 29)), "86.5"),
        ):
            assert (await supplied(conn, "p", days))["retention"].value == Decimal(value)
        assert await supplied(conn, "p", Period(date(2025, 7, 1), date(2025, 7, 30))) == {}
        assert await supplied(conn, "q", Period(date(2025, 1, 1), date(2025, 7, 30))) == {}
        assert (await conn.execute(text("SELECT count(*) FROM supplied_figures"))).scalar_one() == 4


async def raised(conn: AsyncConnection, day: date, target: str = "satisfaction") -> bool:
    told = WarningRaised(
        pack="p", target=target, raised_on=day, pack_version=1, pack_digest="d", why=Warned.MISSED,
        value=Decimal("84.5"), value_before=None, n=20, raised_at=datetime(2025, 9, 1, tzinfo=UTC),
    )  # fmt: skip
    return await raise_warning(conn, told, not_since=day - 6 * DAY)


async def test_a_warning_is_raised_once_and_again_after_a_week(engine: AsyncEngine) -> None:
    day = date(2025, 9, 1)
    async with engine.begin() as conn:
        assert await raised(conn, day)
        assert not await raised(conn, day)
        assert not await raised(conn, day + 6 * DAY)
        assert await raised(conn, day, "nps"), "another target has its own"
        assert await raised(conn, day + 7 * DAY)
        kept = await warnings(conn, "p", Period(day, day + 7 * DAY))
    assert [(one.target, one.raised_on) for one in kept] == [
        ("satisfaction", day + 7 * DAY), ("nps", day), ("satisfaction", day),
    ]  # fmt: skip
