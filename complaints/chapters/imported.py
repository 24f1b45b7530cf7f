"""Imported history: the end of a complaint that was closed elsewhere, before its record came to us."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from complaints.base import Event, Happening, TextRef
from policies.vocabulary import Fact

if TYPE_CHECKING:
    from complaints.case import Case


class ImportedClosed(Event):
    """It was answered and closed elsewhere; `outcome` is how, in the words of its source.

    It took effect when it was closed. Where the source does not say when (`when_known` false), it took
    effect at the last moment of which the source speaks, and nothing is concluded from that: it answers
    no clock, in time or late. `tells` are further facts that a closing stands for where it comes from: that a
    written response had arrived by then, say.
    """

    hand: ClassVar[bool] = False

    outcome: TextRef | None = None
    when_known: bool = True
    tells: tuple[Fact, ...] = ()

    def facts(self) -> tuple[Fact, ...]:
        if not self.when_known:
            return (Fact.CLOSED,)
        return (*dict.fromkeys((Fact.RESOLVED, Fact.OUTCOME_TOLD, Fact.CLOSED, *self.tells)),)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(closure=case.closure.model_copy(update={"closed_at": told.occurred_at}))
