"""The picture of a clock: to scale, never too full, and every moment in it said in words that do not overlap."""

from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import pytest

from api.desk.timeline_picture import WIDTH, Mark, Picture, picture
from complaints.timing.explained import Explained
from complaints.timing.occurrences import Occurrence
from policies.arithmetic.calendars import BeyondKnown, Calendar
from policies.arithmetic.countries import country_calendar
from policies.arithmetic.deadlines import offset_at
from policies.arithmetic.durations import Duration, Offset
from policies.arithmetic.explain import ExtensionSpan, explain
from policies.pack import Pauses
from policies.rules import Basis, ClockRule, Source
from policies.vocabulary import Fact
from policies.wording.explain_steps import NamedPause
from policies.wording.spoken import Speech

CHINA = country_calendar("cn", 2024, 2026).model_copy(update={"beyond_known": BeyondKnown.WEEKLY_HOURS})
BRITAIN = country_calendar("gb", 2024, 2028)
START = datetime(2025, 9, 26, 2, 0, 5, tzinfo=UTC)


def explained(
    duration: str,
    calendar: Calendar | None,
    *,
    pauses: Pauses = (),
    met_after: timedelta | None = None,
    warn_at: tuple[str, ...] = ("-25%",),
    extension: ExtensionSpan | None = None,
    roll: bool = False,
) -> Explained:
    length = Duration.parse(duration)
    why = explain(START, length, calendar, pauses, roll=roll, zone="Asia/Shanghai")
    why = why.model_copy(update={"extension": extension})
    rule = ClockRule(
        id="answer", title={"en": "Answer", "zh": "答覆"}, starts_on=Fact.RECEIVED, met_by=(Fact.ANSWERED,),
        duration=length, basis=Basis.CHOICE, source=Source(document="The Guide", section="S1"),
        since=date(2025, 1, 1),
    )  # fmt: skip
    run = Occurrence(
        clock="answer", number=1, started_at=START, due_at=why.due, frozen_due=why.due,
        met_at=None if met_after is None else START + met_after,
    )  # fmt: skip
    named = tuple(NamedPause("waiting", {"en": "Waiting", "zh": "等待"}, *pause) for pause in pauses)
    warnings = tuple(
        offset_at(START, why.due, length, Offset.parse(text), calendar, pauses=pauses)
        for text in warn_at
        if why.due is not None
    )
    return Explained(rule, run, calendar, why, named, warnings)


def drawn(told: Explained, after: timedelta = timedelta(minutes=1)) -> Picture:
    return picture(told, START + after, Speech("en", told.why.zone))


def kinds(shown: Picture) -> list[str]:
    return [mark.kind for mark in shown.marks]


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


LONG = [
    explained("5 min", None),
    explained("5 min", None, met_after=timedelta(days=60)),
    explained(
        "48 h",
        None,
        pauses=[
            (START + timedelta(hours=n), START + timedelta(hours=n, minutes=30)) for n in range(1, 90, 2)
        ],
    ),
    explained("10 working days", CHINA, warn_at=("-2 working days", "-1 working days", "-25%", "-10%")),
    explained("6000 working hours", CHINA),
    explained("3 years", CHINA, roll=True),
    explained("750 working days", BRITAIN, met_after=timedelta(days=5_000)),
    explained("0 working hours", CHINA),
    explained("20 working hours", CHINA, pauses=[(START + timedelta(hours=1), None)]),
]


@pytest.mark.parametrize("told", LONG, ids=lambda told: str(told.why.duration))
def test_it_is_never_too_full_and_nothing_lies_outside(told: Explained) -> None:
    shown = drawn(told)
    shapes = len(shown.blocks) + len(shown.under) + 2 * len(shown.marks) + 2 * len(shown.ticks)
    assert shapes <= 200
    for block in shown.blocks:
        assert block.width > 0
        assert -0.1 <= block.x <= block.x + block.width <= WIDTH + 0.1
    assert all(0 <= mark.x <= WIDTH for mark in shown.marks)
    assert [tick.x for tick in shown.ticks] == sorted({tick.x for tick in shown.ticks})
    assert len(shown.ticks) <= 20


def _span(mark: Mark) -> tuple[float, float]:
    wide = 7 * len(f"{mark.word} {mark.time}") + 12
    return (mark.x, mark.x + wide) if mark.side == "start" else (mark.x - wide, mark.x)


@pytest.mark.parametrize("told", LONG, ids=lambda told: str(told.why.duration))
def test_the_words_of_its_moments_do_not_overlap(told: Explained) -> None:
    for one, other in combinations(drawn(told).marks, 2):
        if one.lane == other.lane:
            left, right = sorted((_span(one), _span(other)))
            assert left[1] <= right[0], (one, other)


def test_equal_lengths_of_time_are_equally_wide() -> None:
    pauses = [(START + timedelta(hours=12), START + timedelta(hours=18))]
    shown = drawn(explained("24 h", None, pauses=pauses))
    widths = [(block.kind, block.width) for block in shown.blocks]
    total = sum(width for _, width in widths)
    assert [(kind, round(30 * width / total)) for kind, width in widths] == [
        ("counted", 12), ("counted", 12), ("paused", 6),
    ]  # fmt: skip


def test_each_working_day_is_a_cell_with_its_number_and_holidays_have_their_names() -> None:
    shown = drawn(explained("10 working days", CHINA))
    assert [block.number for block in shown.blocks if block.kind == "counted"] == [
        str(n) for n in range(1, 11)
    ]
    assert {item.words for item in shown.under} == {"National Day", "Mid-Autumn Festival"}
    assert [key.words for key in shown.keys] == ["Counted", "Not counted", "Holiday"]


@pytest.mark.parametrize(
    ("told", "after", "last"),
    [
        (explained("2 h", None), timedelta(hours=1), "now"),
        (explained("2 h", None), timedelta(hours=3), "overdue"),
        (explained("2 h", None, met_after=timedelta(hours=1)), timedelta(hours=9), "met"),
        (explained("2 h", None, met_after=timedelta(hours=3)), timedelta(hours=9), "late"),
        (explained("2 h", None, pauses=[(START + timedelta(hours=1), None)]), timedelta(hours=9), "paused"),
    ],
)
def test_how_it_stands_is_marked(told: Explained, after: timedelta, last: str) -> None:
    shown = drawn(told, after)
    assert kinds(shown)[0] == "start"
    assert last in kinds(shown)
    assert ("due" in kinds(shown)) == (last != "paused")
    assert (shown.late is not None) == (last in ("overdue", "late"))


def test_what_came_very_late_does_not_squeeze_what_was_promised() -> None:
    shown = drawn(explained("5 min", None, met_after=timedelta(days=60)))
    counted = next(block for block in shown.blocks if block.kind == "counted")
    assert counted.width > WIDTH / 2
    assert shown.break_x is not None
    assert drawn(explained("5 min", None, met_after=timedelta(minutes=6))).break_x is None


def test_an_extension_spans_from_the_earlier_due_moment_to_the_later() -> None:
    before = explain(START, Duration.parse("5 working days"), BRITAIN).due
    span = ExtensionSpan(times=1, by=Duration.parse("5 working days"), due_before=before)
    shown = drawn(explained("10 working days", BRITAIN, extension=span))
    bracket = next(item for item in shown.under if item.kind == "extension")
    assert bracket.words == "Extended by 5 working days"
    due = next(mark for mark in shown.marks if mark.kind == "due")
    assert bracket.x + bracket.width == pytest.approx(due.x, abs=0.2)
