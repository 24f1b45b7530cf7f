"""Clocks as the desk shows them: state in a word, due with its zone, what is left, and why it is due then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from api.desk.times import Face, left, span
from complaints.case import Case
from complaints.clocks import pauses_of
from complaints.occurrences import ClockState, Occurrence
from policies.calendars import CalendarError
from policies.explain import Explanation
from policies.pack import ClockRule, Pack
from policies.rules import Basis

State = Literal["overdue", "soon", "running", "paused", "met", "late", "stopped"]
_WORDS: dict[State, str] = {
    "overdue": "Overdue",
    "soon": "Soon",
    "running": "Running",
    "paused": "Paused",
    "met": "Met",
    "late": "Met late",
    "stopped": "Stopped",
}
_BASES = {
    Basis.REQUIREMENT: "required",
    Basis.TARGET: "a target",
    Basis.EXAMPLE: "an example of the source",
    Basis.EXPECTATION: "expected by customers",
    Basis.CHOICE: "chosen by the organisation",
}


@dataclass(frozen=True)
class Row:
    """One line of “Why this moment”."""

    what: str
    begin: str
    end: str
    counted: str
    total: str


@dataclass(frozen=True)
class Why:
    """How a due moment came about. `notes`: holidays, pauses and what else has to be known."""

    rows: tuple[Row, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ClockShown:
    """One run of one clock. `remaining` is empty once it is over; `ticks` while a browser may count on."""

    title: str
    run: str
    state: State
    word: str
    due: str
    due_at: datetime | None
    remaining: str
    ticks: bool
    outcome: str
    source: str
    duration: str
    why: Why


def shown(pack: Pack, case: Case, face: Face) -> tuple[ClockShown, ...]:
    """Every run of every clock: those that run by what is due first, then those that are over, latest first."""
    runs = case.clocks.occurrences
    running = sorted(
        (r for r in runs if r.running), key=lambda r: (r.due_at is None, r.due_at or r.started_at, r.clock)
    )
    over = sorted(
        (r for r in runs if not r.running),
        key=lambda r: r.met_at or r.stopped_at or r.started_at,
        reverse=True,
    )
    return tuple(_shown(pack, case, run, face) for run in (*running, *over))


def state_of(
    pack: Pack,
    rule: ClockRule,
    started_at: datetime,
    due_at: datetime | None,
    now: datetime,
    *,
    pauses: Sequence[tuple[datetime, datetime | None]] = (),
) -> State:
    """How a running clock stands. It is soon from the pack's first warning on."""
    if due_at is None:
        return "paused"
    if now > due_at:
        return "overdue"
    try:
        warnings = [pack.offset_from(rule, started_at, due_at, offset, pauses) for offset in rule.warn_at]
    except CalendarError:
        return "running"
    return "soon" if warnings and now >= min(warnings) else "running"


def word(state: State) -> str:
    """A state as it is written."""
    return _WORDS[state]


def ticks(rule: ClockRule) -> bool:
    """Whether what is left counts down with every moment, so that a browser may count on by itself."""
    return rule.calendar is None


def _shown(pack: Pack, case: Case, run: Occurrence, face: Face) -> ClockShown:
    rule = pack.clock(run.clock)
    pauses = pauses_of(rule, case.clocks)
    due = run.due_at if run.running else run.frozen_due
    state: State
    match run.state:
        case ClockState.MET:
            state = "met"
        case ClockState.MET_LATE:
            state = "late"
        case ClockState.STOPPED:
            state = "stopped"
        case _:
            state = state_of(pack, rule, run.started_at, due, face.now, pauses=pauses)
    remaining = left(pack, rule, face.now, due) if run.running and due is not None else ""
    return ClockShown(
        title=rule.title["en"],
        run=f", run {run.number}" if case.clocks.count(run.clock) > 1 else "",
        state=state,
        word=_WORDS[state],
        due=face.due(due) if due is not None else "",
        due_at=due,
        remaining=remaining,
        ticks=run.running and ticks(rule),
        outcome=_outcome(run, due, face),
        source=f"{rule.source.document}, {rule.source.section} ({_BASES[rule.basis]})",
        duration=str(rule.duration),
        why=_why(pack.explain(rule, run.started_at, pauses), Face(pack.timezone, face.now)),
    )


def _outcome(run: Occurrence, due: datetime | None, face: Face) -> str:
    """How a run ended, or that its alert was seen."""
    if run.met_at is not None:
        late = f", {span(run.met_at - due)} late" if due is not None and run.met_at > due else ""
        return f"Met {face.at(run.met_at)}{late}"
    if run.stopped_at is not None:
        return f"Stopped {face.at(run.stopped_at)}; the promise fell away"
    if run.acknowledged_at is not None:
        return f"Alert acknowledged {face.at(run.acknowledged_at)}; the deadline does not move"
    return ""


def _why(told: Explanation, face: Face) -> Why:
    rows = [
        Row("Counted", face.counted(i.begin), face.counted(i.end), _length(i.took), _length(i.total))
        for i in told.intervals
    ]
    rows += [
        Row(f"Day {day.number}", _date(day.day), face.due(day.ends), "1 day", f"{day.number} d")
        for day in told.days
    ]
    notes = [f"Starts {face.exact(told.start)}."]
    if told.days:
        notes.append("The day it starts on is not counted.")
    notes += [
        f"Paused from {face.exact(p.begin)} to {face.exact(p.end)}."
        if p.end
        else f"Paused since {face.exact(p.begin)}."
        for p in told.pauses
    ]
    notes += [f"{_date(holiday.day)} is not counted: {holiday.name}." for holiday in told.holidays]
    if told.statutory:
        notes.append("Set by law: it does not pause, whatever anybody asks.")
    if told.rolled_from is not None:
        notes.append(
            f"The last day, {_date(told.rolled_from)}, does not work; it moves to the next one that does."
        )
    if told.assumed_after is not None:
        notes.append(
            f"Holidays after {_date(told.assumed_after)} are not published yet; weekly hours are assumed."
        )
    notes.append(
        f"Due {face.due(told.due)}." if told.due is not None else "No due moment while the pause lasts."
    )
    return Why(tuple(rows), tuple(notes))


def _date(day: date) -> str:
    return f"{day:%Y-%m-%d}"


def _length(length: timedelta) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
