"""Why one run of a clock is due when it is: the pack's rule, the run and its pauses, put together to be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from complaints.timing.occurrences import Occurrence, Pause
from policies.arithmetic.calendars import Calendar, CalendarError
from policies.arithmetic.explain import Explanation
from policies.rules import ClockRule
from policies.wording.explain_steps import NamedPause
from policies.wording.explain_words import Outcome, words
from policies.wording.spoken import Language, Sentence, text_of

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack


@dataclass(frozen=True)
class Explained:
    """One run of a clock and how its due moment came about.

    `pauses` are the clock's with their reasons, `warnings` the moments at which the pack warns; none where
    there is no due moment. `due_at` is what the record holds: as it is, or as it stood when the run ended.
    """

    rule: ClockRule
    run: Occurrence
    calendar: Calendar | None
    why: Explanation
    pauses: tuple[NamedPause, ...]
    warnings: tuple[datetime, ...]

    @property
    def due_at(self) -> datetime | None:
        return self.run.due_at if self.run.running else self.run.frozen_due

    @property
    def over_at(self) -> datetime | None:
        """When the run ended; None while it runs."""
        return self.run.met_at or self.run.stopped_at

    def outcome(self, as_of: datetime, subject: str | None = None) -> Outcome:
        """What had become of it by then; `subject` is what it is about, in words."""
        return Outcome(
            state=self.run.state.value,
            due_at=self.due_at,
            as_of=as_of,
            met_at=self.run.met_at,
            stopped_at=self.run.stopped_at,
            breached_at=self.run.breached_at,
            acknowledged_at=self.run.acknowledged_at,
            subject=subject,
        )


def explained(pack: Pack, case: Case, run: Occurrence) -> Explained:
    """One run of a clock of this case, explained by the pack it is pinned to."""
    rule = pack.clock(run.clock)
    pauses = tuple(_named(pack, pause, run) for pause in case.clocks.pauses if _counts(rule, pause, run))
    spans = tuple((pause.begin, pause.end) for pause in pauses)
    why = pack.explain(rule, run.started_at, spans, extensions=run.extensions)
    return Explained(
        rule=rule,
        run=run,
        calendar=pack.calendar_of(rule),
        why=why,
        pauses=pauses,
        warnings=_warnings(pack, rule, run, why, spans),
    )


def about(pack: Pack, run: Occurrence, language: Language) -> str | None:
    """What a run is about, by the pack's name for it where that is a department."""
    if run.subject is None:
        return None
    titles = pack.departments.get(run.subject)
    return run.subject if titles is None else text_of(titles, language)


def sentences(pack: Pack, told: Explained, as_of: datetime, language: Language) -> tuple[Sentence, ...]:
    """The explanation in words."""
    outcome = told.outcome(as_of, about(pack, told.run, language))
    return words(told.rule, told.why, outcome, language, pauses=told.pauses, calendar=told.calendar)


def _counts(rule: ClockRule, pause: Pause, run: Occurrence) -> bool:
    """Whether the run stood still in this pause: what began after it had ended does not touch it any more."""
    over = run.met_at or run.stopped_at
    return not rule.statutory and pause.reason in rule.pauses_on and (over is None or pause.start < over)


def _named(pack: Pack, pause: Pause, run: Occurrence) -> NamedPause:
    rule, end = pack.pause_reasons.get(pause.reason), pause.to
    if run.met_at is not None:
        # What met the clock is judged as if it had ended the pause (complaints.timing.clocks).
        end = run.met_at if end is None else min(end, run.met_at)
    elif run.stopped_at is not None and run.frozen_due is None and end is not None and end >= run.stopped_at:
        end = None  # it stood still when it was stopped, and has no due moment for good
    title = rule.title if rule is not None else {"en": pause.reason.replace("_", " ")}
    return NamedPause(reason=pause.reason, title=title, begin=pause.start, end=end)


def _warnings(
    pack: Pack,
    rule: ClockRule,
    run: Occurrence,
    why: Explanation,
    pauses: tuple[tuple[datetime, datetime | None], ...],
) -> tuple[datetime, ...]:
    due = why.due
    if due is None:
        return ()
    try:
        return tuple(
            sorted(
                pack.offset_from(rule, run.started_at, due, offset, pauses, extensions=run.extensions)
                for offset in rule.warn_at
            )
        )
    except CalendarError:
        return ()
