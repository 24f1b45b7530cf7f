"""Clocks as the desk shows them: state in a word, due with its zone, what is left, and why it is due then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

from api.desk.times import Face, left, span
from api.desk.why_table import Why, why_table
from api.packs import Under
from complaints.case import Case
from complaints.timing.explained import Explained, about, explained
from complaints.timing.occurrences import ClockState, Occurrence
from policies.arithmetic.calendars import CalendarError
from policies.pack import ClockRule, Pack
from policies.rules import Basis
from policies.wording.spoken import Speech

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
class ClockShown:
    """One run of one clock. `remaining` is empty once it is over; `ticks` while a browser may count on.

    `address` is the page that explains it.
    """

    title: str
    run: str
    state: State
    word: str
    due: str
    due_at: datetime | None
    remaining: str
    ticks: bool
    outcome: str
    more_time: str
    source: str
    duration: str
    why: Why
    address: str


def shown(packs: Under, case: Case, face: Face) -> tuple[ClockShown, ...]:
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
    return tuple(_shown(packs.of(run), case, run, face) for run in (*running, *over))


def state_of(
    pack: Pack,
    rule: ClockRule,
    started_at: datetime,
    due_at: datetime | None,
    now: datetime,
    *,
    pauses: Sequence[tuple[datetime, datetime | None]] = (),
    extensions: int = 0,
) -> State:
    """How a running clock stands. It is soon from the pack's first warning on."""
    if due_at is None:
        return "paused"
    if now > due_at:
        return "overdue"
    try:
        warnings = [
            pack.offset_from(rule, started_at, due_at, offset, pauses, extensions=extensions)
            for offset in rule.warn_at
        ]
    except CalendarError:
        return "running"
    return "soon" if warnings and now >= min(warnings) else "running"


def word(state: State) -> str:
    """A state as it is written."""
    return _WORDS[state]


def ticks(rule: ClockRule) -> bool:
    """Whether what is left counts down with every moment, so that a browser may count on by itself."""
    return rule.calendar is None


def clock_address(reference: str, clock: str, **query: str) -> str:
    """The address of the page that explains a clock; empty values are left out."""
    asked = urlencode({name: value for name, value in query.items() if value})
    return f"/desk/complaints/{reference}/clocks/{clock}" + (f"?{asked}" if asked else "")


def state_shown(pack: Pack, told: Explained, now: datetime) -> State:
    """How a run stands, or how it ended."""
    run = told.run
    match run.state:
        case ClockState.MET:
            return "met"
        case ClockState.MET_LATE:
            return "late"
        case ClockState.STOPPED:
            return "stopped"
    pauses = tuple((pause.begin, pause.end) for pause in told.pauses)
    return state_of(
        pack, told.rule, run.started_at, told.due_at, now, pauses=pauses, extensions=run.extensions
    )


def _shown(pack: Pack, case: Case, run: Occurrence, face: Face) -> ClockShown:
    told = explained(pack, case, run)
    rule, due, state = told.rule, told.due_at, state_shown(pack, told, face.now)
    remaining = left(pack, rule, face.now, due) if run.running and due is not None else ""
    subject = about(pack, run, "en")
    several = case.clocks.count(run.clock) > 1
    return ClockShown(
        title=rule.title["en"],
        run=(f", {subject}" if subject else "") + (f", run {run.number}" if several else ""),
        state=state,
        word=_WORDS[state],
        due=face.due(due) if due is not None else "",
        due_at=due,
        remaining=remaining,
        ticks=run.running and ticks(rule),
        outcome=_outcome(run, due, face),
        more_time=_more_time(rule, run),
        source=f"{rule.source.document}, {rule.source.section} ({_BASES[rule.basis]})",
        duration=str(rule.duration),
        why=why_table(told, Speech("en", told.why.zone)),
        address=clock_address(case.reference, run.clock, occurrence=str(run.number) if several else ""),
    )


def _more_time(rule: ClockRule, run: Occurrence) -> str:
    """What more time a run was given, or is asked for."""
    if rule.extension is None:
        return ""
    if run.running and run.extension_asked is not None:
        return f"{str(rule.extension.by).capitalize()} more asked for, not decided yet"
    if run.extensions:
        times = "once" if run.extensions == 1 else f"{run.extensions} times"
        return f"Extended {times}, by {rule.extension.by}"
    return ""


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
