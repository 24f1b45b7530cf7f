"""Closed rows: a complaint's whole history, with the times at which things truly happened. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from complaints import clocks
from complaints.base import Event, Happening, Order
from complaints.case import Case
from complaints.closure import Archived
from complaints.imported import ImportedClosed
from complaints.lifecycle import due, evolve, fold, receive
from complaints.occurrences import ClockBreached, ClockMet
from complaints.transition import Commit
from complaints.view import view
from policies.pack import Pack


def history(pack: Pack, reference: str, order: Order, closed_at: datetime, closing: ImportedClosed) -> Commit:
    """The commit that records a complaint which was received and closed elsewhere. Raises Refused.

    `order` receives it: `order.at` is the time of recording, `order.occurred_at` the true receipt.
    The pack's clocks run from receipt to closing: one that the closing answers is met, in time or late.
    Of the others the source says nothing, so they are stopped and judged neither way. It is archived
    from its closing on, and calls for no message: it was over before anybody here could act.
    """
    told = list(receive(pack, reference, order))
    case = fold(told)
    actor, recorded_at = order.actor.id, order.at

    def then(event: Event, occurred_at: datetime, command: str | None = None) -> Case:
        happening = Happening(
            event=event, occurred_at=occurred_at, recorded_at=recorded_at, actor=actor, command=command
        )
        told.append(happening)
        return evolve(case, happening)

    if closing.when_known:
        for late in _breached(pack, case, closed_at, recorded_at):
            told.append(late)
            case = evolve(case, late)
    case = then(closing, closed_at, order.id)
    if closing.when_known:
        for _, event in clocks.follow(pack, case, told[-1]):
            if isinstance(event, ClockMet):
                case = then(event, closed_at, order.id)
    case = then(Archived(), closed_at, order.id)
    for _, event in clocks.follow(pack, case, told[-1]):
        case = then(event, closed_at, order.id)
    return Commit(stream=reference, expected=0, happenings=tuple(told), view=view(pack, case))


def _breached(pack: Pack, case: Case, closed_at: datetime, recorded_at: datetime) -> Iterator[Happening]:
    """The breaches, up to the closing, of the clocks that it answers: only those are known to be late."""
    answers = {rule.id for rule in pack.clocks if {*ImportedClosed().facts()} & {*rule.met_by}}
    for told in due(pack, case, closed_at, recorded_at=recorded_at):
        if isinstance(told.event, ClockBreached) and told.event.clock in answers:
            yield told
