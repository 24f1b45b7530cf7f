"""The view: the row of the read model that a case amounts to, for lists, filters and the watchdog. Pure."""

from __future__ import annotations

from pydantic import AwareDatetime

from complaints.base import Frozen
from complaints.case import Case
from complaints.chapters import erasure
from complaints.lifecycle import next_wakeup
from complaints.people import dispatching
from complaints.phases import Phase, phase
from complaints.timing.occurrences import ClockState
from policies.pack import Pack
from policies.vocabulary import Fact


class ClockView(Frozen):
    """One occurrence of one clock as lists show it; `due_at` is frozen once it was met."""

    clock: str
    occurrence: int
    state: ClockState
    started_at: AwareDatetime
    due_at: AwareDatetime | None
    met_at: AwareDatetime | None
    breached_at: AwareDatetime | None
    stopped_at: AwareDatetime | None
    rung: int | None = None  # of its ladder, that called last
    climbed_at: AwareDatetime | None = None
    acknowledged_at: AwareDatetime | None = None
    acknowledged_by: str | None = None
    held_until: AwareDatetime | None = None


class CaseView(Frozen):
    """One complaint as lists show it. `next_clock`/`next_due_at`: its running clock that is due first.

    `wake_at` is when `due` will next have something to say (the watchdog's question). `to_dispatch`: the
    service is to give it to somebody. `erased_from`: from when its texts may be erased because their time is over
    (chapters/erasure.py), None where it does not rest in the archive or something stands against it.
    """

    reference: str
    phase: Phase
    kind: str
    severity: str
    tier: str
    channel: str
    feedback_class: str | None
    pack: str
    pack_version: int
    owner: str | None
    offered_to: str | None
    received_at: AwareDatetime
    recorded_at: AwareDatetime
    closed_at: AwareDatetime | None
    next_clock: str | None
    next_due_at: AwareDatetime | None
    wake_at: AwareDatetime | None
    overdue: bool
    paused: bool
    open: bool
    live: bool
    problem_type: str | None
    site: str | None
    handling_tier: int
    to_dispatch: bool = False
    subject_text: str | None
    source: str | None
    customer_wrote_at: AwareDatetime | None
    erased_from: AwareDatetime | None = None
    sequence: int
    version: int
    clocks: tuple[ClockView, ...]


def view(pack: Pack, case: Case) -> CaseView:
    """The view of a case under its pack. `live`: its workflow still runs (not archived, or a payment on its way)."""
    running = [o for o in case.clocks.occurrences if o.running and o.due_at is not None]
    first = min(running, key=lambda o: (o.due_at, o.clock), default=None)
    now_phase = phase(case)
    return CaseView(
        reference=case.reference,
        phase=now_phase,
        kind=case.kind,
        severity=case.severity,
        tier=case.tier,
        channel=case.channel,
        feedback_class=case.feedback_class,
        pack=case.pack.name,
        pack_version=case.pack.version,
        owner=case.ownership.owner,
        offered_to=case.ownership.offered_to,
        received_at=case.received_at,
        recorded_at=case.recorded_at,
        closed_at=case.closure.closed_at,
        next_clock=first.clock if first else None,
        next_due_at=first.due_at if first else None,
        wake_at=next_wakeup(pack, case),
        overdue=any(o.breached_at is not None for o in case.clocks.occurrences if o.running),
        paused=any(o.running and o.due_at is None for o in case.clocks.occurrences),
        open=case.open,
        live=now_phase is not Phase.ARCHIVED or bool(case.remedies.payments_in_flight()),
        problem_type=case.problem_type,
        site=case.site,
        handling_tier=case.handling_tier,
        to_dispatch=dispatching.waits(pack, case),
        subject_text=case.subject.id if case.subject else None,
        source=case.source,
        customer_wrote_at=case.at(Fact.CUSTOMER_WROTE),
        erased_from=erasure.erased_from(pack, case),
        sequence=case.sequence,
        version=case.version,
        clocks=tuple(
            ClockView(
                clock=o.clock,
                occurrence=o.number,
                state=o.state,
                started_at=o.started_at,
                due_at=o.due_at if o.running else o.frozen_due,
                met_at=o.met_at,
                breached_at=o.breached_at,
                stopped_at=o.stopped_at,
                rung=o.rungs[-1][0] if o.rungs else None,
                climbed_at=o.climbed_at[-1] if o.climbed_at else None,
                acknowledged_at=o.acknowledged_at,
                acknowledged_by=o.acknowledged_by,
                held_until=o.held_until,
            )
            for o in case.clocks.occurrences
        ),
    )
