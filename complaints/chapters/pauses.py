"""Pauses: clocks stand still for a reason that the pack allows, until somebody, a fact or the limit ends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import HANDLING, Coming, Command, Context, Event, Happening, Refused, TextRef
from complaints.chapters.letters import letter
from complaints.timing.occurrences import Pause
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack, PauseReason


class Paused(Event):
    """Clocks that allow this reason stand still from here on; `ends_by` is the pack's limit."""

    reason: str
    note: TextRef | None = None
    ends_by: AwareDatetime | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.WAITING_FOR_CUSTOMER,) if self.reason == "waiting_for_customer" else ()

    def evolve(self, case: Case, told: Happening) -> Case:
        pause = Pause(
            reason=self.reason, start=told.occurred_at, recorded_at=told.recorded_at, ends_by=self.ends_by
        )
        return case.changed(clocks=case.clocks.model_copy(update={"pauses": (*case.clocks.pauses, pause)}))


class Resumed(Event):
    """`why`: person, fact or limit."""

    reason: str
    why: str

    def evolve(self, case: Case, told: Happening) -> Case:
        pauses = tuple(
            p.model_copy(update={"to": max(told.occurred_at, p.start)})
            if p.reason == self.reason and p.to is None
            else p
            for p in case.clocks.pauses
        )
        return case.changed(clocks=case.clocks.model_copy(update={"pauses": pauses}))


class PauseReminded(Event):
    """Whoever is waited for is reminded that it ends at `ends_by`; `reminder` is the index in `remind_at`."""

    reason: str
    reminder: int
    ends_by: AwareDatetime

    def evolve(self, case: Case, told: Happening) -> Case:
        pauses = tuple(
            p.model_copy(update={"reminded": (*p.reminded, self.reminder)})
            if p.reason == self.reason and p.to is None
            else p
            for p in case.clocks.pauses
        )
        return case.changed(clocks=case.clocks.model_copy(update={"pauses": pauses}))


_CAME_BACK = (Fact.CUSTOMER_WROTE, Fact.REOPENED, Fact.DISPUTED)
"""Whoever reopens or disputes has come back as much as whoever writes: nobody waits for them any more."""
_OVER = (Fact.ENDED, Fact.CLOSED)


def ended_by(pack: Pack, case: Case, told: Happening) -> Iterator[Resumed]:
    """The open pauses that one happening ends: what was waited for came, or nothing is left to wait for."""
    facts = told.event.facts()
    over = any(fact in _OVER for fact in facts)
    came_back = any(fact in _CAME_BACK for fact in facts)
    for pause in case.clocks.pauses:
        if pause.to is not None:
            continue
        rule = pack.pause_reasons.get(pause.reason)
        ends_on = rule.ends_on if rule is not None else ()
        for_customer = Fact.CUSTOMER_WROTE in ends_on
        if over or (came_back and for_customer) or any(fact in ends_on for fact in facts):
            yield Resumed(reason=pause.reason, why="fact")


def begun_by(pack: Pack, case: Case, told: Happening) -> Iterator[Paused]:
    """The pauses that one happening begins: the pack says for which facts somebody is waited for."""
    facts = told.event.facts()
    for reason in pack.pause_reasons.values():
        if not any(fact in reason.starts_on for fact in facts) or case.clocks.open_pause(reason.id):
            continue
        if _came_since(case, reason, told.occurred_at):
            continue  # told of later, when what it waited for was on record already
        if pausable(pack, case, reason.id):
            yield Paused(reason=reason.id, ends_by=_limit(pack, reason, told.occurred_at))


def _came_since(case: Case, reason: PauseReason, start: datetime) -> bool:
    """Whether what such a pause waits for took effect after `start`."""
    for_customer = Fact.CUSTOMER_WROTE in reason.ends_on
    awaited = (*reason.ends_on, *(_CAME_BACK if for_customer else ()))
    return any(case.facts[fact] > start for fact in awaited if fact in case.facts)


def pausable(pack: Pack, case: Case, reason: str) -> bool:
    """Whether a clock runs that may stand still for this reason."""
    return any(
        reason in rule.pauses_on and not rule.statutory and case.clocks.all_running(rule.id)
        for rule in pack.clocks
    )


def _limit(pack: Pack, reason: PauseReason, start: datetime) -> datetime | None:
    return pack.after(start, reason.limit) if reason.limit is not None else None


def reminder(pack: Pack, case: Case, told: PauseReminded) -> Iterator[Event]:
    """The letter to the customer who is waited for, where they can be written to."""
    rule = pack.pause_reasons.get(told.reason)
    if rule is not None and Fact.CUSTOMER_WROTE in rule.ends_on:
        queued = letter(case, "reminder")
        if queued is not None:
            yield queued


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """The reminders that lie ahead of the limits of open pauses, and the limits themselves."""
    for pause in case.clocks.pauses:
        if pause.to is not None or pause.ends_by is None:
            continue
        reason = pack.pause_reasons.get(pause.reason)
        for index, offset in enumerate(reason.remind_at if reason is not None else ()):
            if reason is not None and reason.limit is not None and index not in pause.reminded:
                when = pack.before_limit(pause.start, pause.ends_by, reason.limit, offset)
                # A limit that is nearer than its reminder has none, nor has what was told of only afterwards.
                if when > max(pause.start, pause.recorded_at or pause.start):
                    yield Coming(
                        when, PauseReminded(reason=pause.reason, reminder=index, ends_by=pause.ends_by)
                    )
        yield Coming(pause.ends_by, Resumed(reason=pause.reason, why="limit"))


class PauseClocks(Command):
    """Let the clocks stand still for a reason the pack allows."""

    title: ClassVar[str] = "Pause clocks"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    reason: str
    note: TextRef | None = None

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        rule = ctx.rules.pause_reasons.get(self.reason)
        if rule is None:
            allowed = "; ".join(why.title["en"] for why in ctx.rules.pause_reasons.values()) or "none"
            raise Refused(
                "pause_reason_unknown",
                f"This pack allows no pause for “{self.reason}”; it allows: {allowed}.",
            )
        if case.clocks.open_pause(self.reason):
            raise Refused("already_paused", "The clocks are paused for this reason already.")
        if not pausable(ctx.rules, case, self.reason):
            raise Refused(
                "nothing_to_pause", "No running clock of this complaint may be paused for this reason."
            )
        ends_by = _limit(ctx.rules, rule, ctx.occurred_at)
        yield Paused(reason=self.reason, note=self.note, ends_by=ends_by)


class ResumeClocks(Command):
    """End a pause before its limit."""

    title: ClassVar[str] = "Resume clocks"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    reason: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if not any(p.to is None for p in case.clocks.pauses):
            raise Refused("not_paused", "No clock of this complaint is paused.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        pause = case.clocks.open_pause(self.reason)
        if pause is None:
            raise Refused("not_paused", f"The clocks are not paused for “{self.reason}”.")
        if ctx.occurred_at < pause.start:
            raise Refused("before_start", "A pause can not end before it began; correct the time.")
        yield Resumed(reason=self.reason, why="person")
