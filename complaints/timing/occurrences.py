"""Occurrences: one run of one clock, the pauses it shares with others, and the events that change it."""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import AwareDatetime

from complaints.base import Event, Frozen, Happening, PackRef, TextRef
from policies.vocabulary import AlertChannel, Fact

if TYPE_CHECKING:
    from complaints.case import Case


Unheld = Literal["nobody", "away", "off_duty", "unreachable"]
"""Why a call reached nobody: there is no such person, they are away or off duty, or their address takes nothing."""

MIGRATED = "pack migrated"
"""Why a clock was recalculated or stopped by a move to another pack."""


class ClockState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MET_LATE = "met_late"
    STOPPED = "stopped"


class ExtensionAsk(Frozen):
    """More time that was asked for and is not decided on: by whom, when, and why."""

    by: str
    at: AwareDatetime
    reason: TextRef


class Occurrence(Frozen):
    """One run of one clock. `due_at` is None while a pause hides it; `breached_at` stays once set.

    `rungs` are the calls of its ladder that went out, as (rung, repeat), and `climbed_at` when each did (it is
    shorter in states from before it stood here). `acknowledged_at` is None again once an acknowledgement has
    expired or was released: at `resumed_at`. `held_until` is when the present one expires.

    `ladder` is the one whose calls these are, `ladders` how often the run came to another: that one has its own
    to make.

    `subject` is what the run is about, where each of several (a question, say) has its own. `parts` are the
    facts that have come, and when, of a clock that is met only by all of them.
    """

    clock: str
    number: int
    started_at: AwareDatetime
    due_at: AwareDatetime | None
    subject: str | None = None
    parts: tuple[tuple[Fact, AwareDatetime], ...] = ()
    extensions: int = 0
    moves: int = 0  # how often a move to another pack gave it another due moment
    extension_asked: ExtensionAsk | None = None
    warned: tuple[int, ...] = ()
    rungs: tuple[tuple[int, int], ...] = ()  # (rung, repeat) already climbed
    climbed_at: tuple[AwareDatetime, ...] = ()
    ladder: str | None = None
    ladders: int = 0
    unheld: tuple[tuple[int, int, str], ...] = ()  # (rung, repeat, the word for whom nobody was there)
    breached_at: AwareDatetime | None = None
    acknowledged_at: AwareDatetime | None = None
    acknowledged_by: str | None = None
    held_until: AwareDatetime | None = None
    resumed_at: AwareDatetime | None = None
    met_at: AwareDatetime | None = None
    stopped_at: AwareDatetime | None = None
    frozen_due: AwareDatetime | None = None  # the due moment as it stood when met or stopped
    pack: PackRef | None = None  # whose promise it was, where the complaint is under another pack by now

    @property
    def running(self) -> bool:
        return self.met_at is None and self.stopped_at is None

    @property
    def state(self) -> ClockState:
        if self.stopped_at is not None:
            return ClockState.STOPPED
        if self.met_at is not None:
            late = self.frozen_due is not None and self.met_at > self.frozen_due
            return ClockState.MET_LATE if late else ClockState.MET
        return ClockState.PAUSED if self.due_at is None else ClockState.RUNNING

    @property
    def key(self) -> str:
        return f"{self.clock}/{self.number}"

    @property
    def alarming(self) -> bool:
        """Whether it has called on somebody and is not over: there is something to acknowledge."""
        return self.running and bool(self.rungs or self.breached_at)

    def on(self, ladder: str) -> Occurrence:
        """The run as this ladder has it: the calls of another are none of its own."""
        if self.ladder in (None, ladder) or not self.rungs:
            return self
        changes = {**dict.fromkeys(("rungs", "climbed_at", "unheld"), ()), "ladders": self.ladders + 1}
        return self.model_copy(update=changes)

    def anew(self) -> dict[str, object]:
        """The changes by which a run begins its warnings and its ladder again, for another due moment."""
        return {
            **dict.fromkeys(("warned", "rungs", "climbed_at", "unheld"), ()),
            **dict.fromkeys(("acknowledged_at", "acknowledged_by", "held_until", "resumed_at")),
        }


class Pause(Frozen):
    """A half-open interval in which the clocks that allow its reason stand still; `to` None while open.

    `recorded_at` is when it was told of; None in states from before it stood here.
    """

    reason: str
    start: AwareDatetime
    recorded_at: AwareDatetime | None = None
    to: AwareDatetime | None = None
    ends_by: AwareDatetime | None = None  # the pack's limit
    reminded: tuple[int, ...] = ()  # indices in the reason's `remind_at`


class Clocks(Frozen):
    """All occurrences, in the order they started, and the pauses they share."""

    occurrences: tuple[Occurrence, ...] = ()
    pauses: tuple[Pause, ...] = ()

    def running(self, clock: str, subject: str | None = None) -> Occurrence | None:
        """The run of this clock (about this subject, where it has one) that is not over; None where none is."""
        for occurrence in self.occurrences:
            if occurrence.clock == clock and occurrence.running and occurrence.subject == subject:
                return occurrence
        return None

    def all_running(self, clock: str) -> tuple[Occurrence, ...]:
        """Every run of this clock that is not over, whatever it is about."""
        return tuple(o for o in self.occurrences if o.clock == clock and o.running)

    def find(self, clock: str, number: int) -> Occurrence:
        for occurrence in self.occurrences:
            if occurrence.clock == clock and occurrence.number == number:
                return occurrence
        raise KeyError((clock, number))

    def count(self, clock: str) -> int:
        return sum(occurrence.clock == clock for occurrence in self.occurrences)

    def replaced(self, changed: Occurrence) -> Clocks:
        occurrences = tuple(
            changed if (o.clock, o.number) == (changed.clock, changed.number) else o for o in self.occurrences
        )
        return self.model_copy(update={"occurrences": occurrences})

    def open_pause(self, reason: str) -> Pause | None:
        for pause in self.pauses:
            if pause.reason == reason and pause.to is None:
                return pause
        return None


# Events -------------------------------------------------------------------------------------------


class OnOccurrence(Frozen):
    """What events that change one run of a clock have in common."""

    clock: str
    occurrence: int

    @abstractmethod
    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        """The run after the event."""

    def evolve(self, case: Case, told: Happening) -> Case:
        found = case.clocks.find(self.clock, self.occurrence)
        return case.changed(clocks=case.clocks.replaced(self.change(found, told)))


class ClockStarted(Event):
    clock: str
    occurrence: int
    due_at: AwareDatetime | None
    subject: str | None = None

    def evolve(self, case: Case, told: Happening) -> Case:
        fresh = Occurrence(
            clock=self.clock,
            number=self.occurrence,
            started_at=told.occurred_at,
            due_at=self.due_at,
            subject=self.subject,
        )
        return case.changed(
            clocks=case.clocks.model_copy(update={"occurrences": (*case.clocks.occurrences, fresh)})
        )


class ClockPartMet(OnOccurrence, Event):
    """One of several facts came that together meet the clock."""

    fact: Fact

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"parts": (*found.parts, (self.fact, told.occurred_at))})


class ClockMet(OnOccurrence, Event):
    """`due_at` is the due moment as it stood; in time is when it happened at or before it."""

    due_at: AwareDatetime | None

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(
            update={"met_at": told.occurred_at, "frozen_due": self.due_at, "due_at": self.due_at}
        )


class ClockStopped(OnOccurrence, Event):
    """The promise fell away (the case ended, or was reclassified): neither met nor breached by this.

    `pack` is the one whose promise it was, where a move to another pack stopped it.
    """

    why: str
    pack: PackRef | None = None

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        changes = {"stopped_at": told.occurred_at, "frozen_due": found.due_at, "pack": self.pack}
        return found.model_copy(update=changes)


class ClockRestored(OnOccurrence, Event):
    """A promise that had fallen away with a class holds again: the run goes on, and says nothing twice."""

    due_at: AwareDatetime | None
    started_at: AwareDatetime

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        changes = {"stopped_at": None, "frozen_due": None, "pack": None}
        return found.model_copy(update={**changes, "due_at": self.due_at, "started_at": self.started_at})


class ClockWarned(OnOccurrence, Event):
    """`warning` is the index in the rule's `warn_at`."""

    warning: int
    due_at: AwareDatetime

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"warned": (*found.warned, self.warning)})


class ClockBreached(OnOccurrence, Event):
    """`before_recording`: the due moment had passed before the complaint was even recorded."""

    due_at: AwareDatetime
    before_recording: bool = False

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"breached_at": self.due_at})


class RungClimbed(OnOccurrence, Event):
    """A rung of the clock's ladder: `rung` its index, `repeat` 0 for the first call; `tell` whom."""

    ladder: str
    rung: int
    repeat: int
    tell: tuple[str, ...]
    over: tuple[AlertChannel, ...]
    due_at: AwareDatetime

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        run = found.on(self.ladder)
        return run.model_copy(
            update={
                "rungs": (*run.rungs, (self.rung, self.repeat)),
                "climbed_at": (*run.climbed_at, told.occurred_at),
                "ladder": self.ladder,
            }
        )


class RungUnheld(OnOccurrence, Event):
    """Nobody was there for one word of a call. `passed_to` are those it went to instead; nobody: none were left."""

    hand: ClassVar[bool] = False

    rung: int
    repeat: int
    who: str
    why: Unheld
    passed_to: tuple[str, ...] = ()
    nobody: bool = False
    over: tuple[AlertChannel, ...] = ()
    due_at: AwareDatetime | None = None

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(update={"unheld": (*found.unheld, (self.rung, self.repeat, self.who))})


class AlertAcknowledged(OnOccurrence, Event):
    """Somebody has seen the alert. `until` is how long that holds the ladder; None: it ends its repeats for good."""

    until: AwareDatetime | None = None
    note: TextRef | None = None

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(
            update={
                "acknowledged_at": told.occurred_at,
                "acknowledged_by": told.actor,
                "held_until": self.until,
            }
        )


class AlertSnoozed(OnOccurrence, Event):
    """Somebody has seen the alert and asked for silence until a moment of their choosing."""

    until: AwareDatetime
    note: TextRef | None = None

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return found.model_copy(
            update={
                "acknowledged_at": told.occurred_at,
                "acknowledged_by": told.actor,
                "held_until": self.until,
            }
        )


class AlertReleased(OnOccurrence, Event):
    """Somebody let the ladder go on before the acknowledgement expired."""

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return _resumed(found, told)


class AcknowledgementExpired(OnOccurrence, Event):
    """The alert was acknowledged, and what it was about was not done in the time that this holds.

    `by` had acknowledged it; `tell` hear of it: those of the rung that the ladder stands on.
    """

    by: str | None
    tell: tuple[str, ...]
    over: tuple[AlertChannel, ...]
    due_at: AwareDatetime

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        return _resumed(found, told)


def _resumed(found: Occurrence, told: Happening) -> Occurrence:
    return found.model_copy(
        update={
            "acknowledged_at": None,
            "acknowledged_by": None,
            "held_until": None,
            "resumed_at": told.occurred_at,
        }
    )


class ClockRecalculated(OnOccurrence, Event):
    """The due moment moved, or is hidden (None) by a pause; `why` says what moved it.

    `started_at` is set where the start moved, too: all that is worked out later has to count from there.
    """

    due_at: AwareDatetime | None
    why: str
    started_at: AwareDatetime | None = None

    def change(self, found: Occurrence, told: Happening) -> Occurrence:
        changes: dict[str, object] = {
            "due_at": self.due_at,
            "started_at": self.started_at or found.started_at,
        }
        if self.why == MIGRATED:
            # What was said was said by another rule's warnings and ladder; these have their own to say.
            changes |= {**found.anew(), "moves": found.moves + 1}
        return found.model_copy(update=changes)
