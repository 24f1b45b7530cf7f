"""What a row tells: how its complaint was received, and of a closed one the whole history, at its true times. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from complaints.base import Event, Happening, Order, TextRef
from complaints.case import Case
from complaints.chapters.closure import Archived
from complaints.chapters.imported import ImportedClosed
from complaints.chapters.intake import ReceiveComplaint
from complaints.lifecycle import due, evolve, fold, receive
from complaints.timing import clocks
from complaints.timing.judging import answered
from complaints.timing.occurrences import ClockBreached, ClockMet
from complaints.transition import Commit
from complaints.view import view
from imports.mapping import ImportedRow
from policies.pack import Pack


def receipt(row: ImportedRow, refs: Mapping[str, TextRef]) -> ReceiveComplaint:
    """The command by which the complaint that a row tells of is received; `refs` are its texts, by field."""
    return ReceiveComplaint(
        channel=row.channel,
        kind=row.kind,
        severity=row.severity,
        tier=row.tier,
        feedback_class=row.feedback_class,
        subject=refs.get("subject"),
        narrative=refs.get("narrative"),
        source=row.source,
    )


def closing(row: ImportedRow, refs: Mapping[str, TextRef]) -> ImportedClosed:
    """How a closed row's complaint ended."""
    return ImportedClosed(
        outcome=refs.get("outcome"), when_known=row.closed_at is not None, tells=row.closing_tells
    )


def history(pack: Pack, reference: str, order: Order, closed_at: datetime, ended: ImportedClosed) -> Commit:
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

    if ended.when_known:
        for late in _breached(pack, case, ended, closed_at, recorded_at):
            told.append(late)
            case = evolve(case, late)
    case = then(ended, closed_at, order.id)
    if ended.when_known:
        for _, event in clocks.follow(pack, case, told[-1]):
            if isinstance(event, ClockMet):
                case = then(event, closed_at, order.id)
    case = then(Archived(), closed_at, order.id)
    for _, event in clocks.follow(pack, case, told[-1]):
        case = then(event, closed_at, order.id)
    return Commit(stream=reference, expected=0, happenings=tuple(told), view=view(pack, case))


def _breached(
    pack: Pack, case: Case, ended: ImportedClosed, closed_at: datetime, recorded_at: datetime
) -> Iterator[Happening]:
    """The breaches, up to the closing, of the clocks that it answers: only those are known to be late.

    Of the receipt's own clocks: no time of handling here ran out on a complaint that was handled elsewhere,
    so none moved up to another tier.
    """
    facts = frozenset(ended.facts())
    runs = {run.key for run in case.clocks.occurrences if answered(pack.clock(run.clock), facts)}
    for told in due(pack, case, closed_at, recorded_at=recorded_at):
        if isinstance(told.event, ClockBreached) and f"{told.event.clock}/{told.event.occurrence}" in runs:
            yield told
