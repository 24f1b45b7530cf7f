"""Pauses: clocks stand still for a reason that the pack allows, until somebody, a fact or the limit ends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import HANDLING, Command, Context, Event, Happening, Refused, TextRef
from complaints.occurrences import Pause
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack


class Paused(Event):
    """Clocks that allow this reason stand still from here on; `ends_by` is the pack's limit."""

    reason: str
    note: TextRef | None = None
    ends_by: AwareDatetime | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.WAITING_FOR_CUSTOMER,) if self.reason == "waiting_for_customer" else ()

    def evolve(self, case: Case, told: Happening) -> Case:
        pause = Pause(reason=self.reason, start=told.occurred_at, ends_by=self.ends_by)
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
        for_customer = rule is not None and Fact.CUSTOMER_WROTE in rule.ends_on
        if over or (came_back and for_customer):
            yield Resumed(reason=pause.reason, why="fact")


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
            allowed = ", ".join(sorted(ctx.rules.pause_reasons)) or "none"
            raise Refused(
                "pause_reason_unknown",
                f"This pack allows no pause for “{self.reason}”; it allows: {allowed}.",
            )
        if case.clocks.open_pause(self.reason):
            raise Refused("already_paused", "The clocks are paused for this reason already.")
        pausable = [
            r
            for r in ctx.rules.clocks
            if self.reason in r.pauses_on and not r.statutory and case.clocks.running(r.id)
        ]
        if not pausable:
            raise Refused(
                "nothing_to_pause", "No running clock of this complaint may be paused for this reason."
            )
        ends_by = ctx.rules.after(ctx.occurred_at, rule.limit) if rule.limit is not None else None
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
