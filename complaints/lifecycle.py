"""The four functions that decide everything about complaints: decide, evolve, due, next_wakeup. Pure.

    decide(pack, case, order) -> happenings, or Refused
    evolve(case, happening)   -> case
    due(pack, case, at)       -> happenings that time alone makes happen up to `at`
    next_wakeup(pack, case)   -> the first instant at which `due` will have something to say, or None

The workflow, the watchdog, recovery, the desk and the tests all call these and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain

import complaints.chapters.erasure
import complaints.chapters.extensions
import complaints.chapters.imported
import complaints.chapters.library
import complaints.chapters.parties
import complaints.people.dispatching  # noqa: F401 - these register their commands, which nothing here names
from complaints.base import (
    SYSTEM,
    Actor,
    Coming,
    Command,
    Context,
    Event,
    Happening,
    Order,
    PackRef,
    Refused,
    permit_role,
)
from complaints.case import Case
from complaints.chapters import (
    closure,
    departments,
    dispute,
    escalation,
    feedback,
    internal_review,
    migration,
    ownership,
    pauses,
    post_mortem,
    redress,
)
from complaints.chapters.intake import (
    ComplaintReceived,
    ReceiptCorrected,
    ReceiveComplaint,
    automatic_receipt,
)
from complaints.chapters.letters import ReportDelivery
from complaints.chapters.migration import MigratePack
from complaints.chapters.triage import Triaged
from complaints.people import tiers
from complaints.timing import alarms, clocks
from complaints.timing.occurrences import ClockBreached, RungClimbed
from policies.pack import Pack
from policies.vocabulary import Fact, Role

_AGENDAS = (
    alarms.coming,
    ownership.coming,
    redress.coming,
    feedback.coming,
    dispute.coming,
    closure.coming,
    post_mortem.coming,
)


def receive(pack: Pack, reference: str, order: Order) -> tuple[Happening, ...]:
    """The first happenings of a complaint: its receipt, and what its clocks make of it.

    `order.body` is a ReceiveComplaint. Raises Refused.
    """
    body = order.body
    if not isinstance(body, ReceiveComplaint):
        raise Refused("not_received", "A complaint begins with its receipt.")
    ctx = _context(pack, order)
    permit_role(body.__class__, ctx.actor)
    ref = PackRef(name=pack.name, version=pack.version, digest=pack.digest)
    received = body.receipt(reference, ref, ctx)
    first = Happening(
        event=received,
        occurred_at=ctx.occurred_at,
        recorded_at=ctx.at,
        actor=ctx.actor.id,
        command=order.id,
    )
    _, happenings = _unfold(pack, None, [first])
    return happenings


def decide(pack: Pack, case: Case, order: Order, *, other: Pack | None = None) -> tuple[Happening, ...]:
    """What the order makes happen to the case as it is at `order.at`. Raises Refused and changes nothing.

    The caller has already applied `due(pack, case, order.at)`. `other` is the pack that the order moves the
    case to, for a MigratePack.
    """
    body = order.body
    ctx = _context(pack, order)
    if ctx.occurred_at < case.received_at and not isinstance(body, ReceiveComplaint) and not body.fact:
        raise Refused(
            "before_receipt",
            "This is said to have happened before the complaint was received; correct the time.",
        )
    if body.fact:
        ctx = ctx.model_copy(update={"occurred_at": _possible(case, body, ctx.occurred_at)})
    if order.expected_version is not None and order.expected_version != case.version:
        raise Refused(
            "changed_meanwhile",
            f"The complaint has changed since you looked (version {case.version}, you saw {order.expected_version}). "
            "Look again, then decide.",
        )
    permit(case, body.__class__, ctx)
    if isinstance(body, MigratePack):
        if other is None or other.digest != body.pack.digest:
            raise ValueError("a migration needs the very pack that it moves to")
        migration.permit_under(other, case)
    told = [
        Happening(
            event=event,
            occurred_at=ctx.occurred_at,
            recorded_at=ctx.at,
            actor=ctx.actor.id,
            command=order.id,
        )
        for event in body.decide(case, ctx)
    ]
    _, happenings = _unfold(pack, case, told, other)
    return happenings


def carry_out(pack: Pack, case: Case, order: Order, *, other: Pack | None = None) -> tuple[Happening, ...]:
    """What time had made happen before the order took effect, then what the order makes happen. Raises Refused.

    Empty for a fact that is no news. What counts is when it happened: an order that reached us in time is in time
    though it is recorded later, so time acts only up to that moment here; acting on to the present is the caller's.
    """
    before = due(pack, case, order.occurred_at or order.at, recorded_at=order.at)
    ordered = decide(pack, fold(before, case) if before else case, order, other=other)
    return (*before, *ordered) if ordered else ()


def permit(case: Case, command: type[Command], ctx: Context) -> None:
    """Refuse a command that its giver or the case's state rules out, whatever its fields say. Raises Refused."""
    permit_role(command, ctx.actor)
    if case.erased is not None and not command.when_ended:
        raise Refused("erased", "The texts of this complaint were erased; nothing can be added to it.")
    if not command.when_ended and not command.fact:
        if case.ended:
            end = case.closure.end
            raise Refused(
                "ended", f"This complaint was {end.kind if end else 'ended'}; it can not be moved on."
            )
        if case.closure.archived_at is not None:
            raise Refused("archived", "This complaint is archived; reopen it first.")
    if ctx.actor.id in case.ownership.conflicted and not command.recused_may:
        raise Refused(
            "conflict_declared",
            "You have a conflict of interest here and are recused; somebody else has to do this.",
        )
    if command.owner_only and not _answers(case, ctx.actor):
        owner = case.ownership.owner
        raise Refused(
            "not_the_owner",
            "Nobody owns this complaint yet; take it first."
            if owner is None
            else "Only the owner, or a supervisor, may do this; ask for a handover.",
            who="owner, supervisor, department head",
        )
    command.check(case, ctx)


def possible(pack: Pack, case: Case, command: type[Command], actor: Actor, at: datetime) -> Refused | None:
    """None where the desk may offer the command to this person now; else the refusal that says why not."""
    try:
        permit(case, command, Context(pack=pack, actor=actor, at=at, occurred_at=at))
    except Refused as refusal:
        return refusal
    return None


def evolve(case: Case | None, told: Happening) -> Case:
    """The case after one happening that is in the record."""
    if case is None:
        if not isinstance(told.event, ComplaintReceived):
            raise ValueError(f"a stream begins with ComplaintReceived, not {told.event.type}")
        after = told.event.begin(told)
    else:
        after = told.event.evolve(case, told)
    latest_at = max(after.latest_at or told.occurred_at, told.occurred_at)
    changes: dict[str, object] = {"sequence": after.sequence + 1, "latest_at": latest_at}
    facts = told.event.facts()
    if facts:
        # Recorded it is when it is recorded; whatever else an event makes true is true from when it took effect.
        moments = {f: told.recorded_at if f is Fact.RECORDED else told.occurred_at for f in facts}
        changes["facts"] = {**after.facts, **moments}
        known = {} if Fact.REOPENED in facts else after.firsts
        changes["firsts"] = {**known, **{f: min(known.get(f, at), at) for f, at in moments.items()}}
    if told.actor != SYSTEM:
        changes["version"] = after.sequence + 1
        staff = not told.actor.startswith("party:")
        if staff and told.event.hand and told.actor not in after.hands:
            changes["hands"] = (*after.hands, told.actor)
    return after.changed(**changes)


def fold(happenings: Iterable[Happening], case: Case | None = None) -> Case:
    """The case that a stream's happenings amount to. Raises ValueError for an empty stream."""
    for told in happenings:
        case = evolve(case, told)
    if case is None:
        raise ValueError("an empty stream is no complaint")
    return case


def due(pack: Pack, case: Case, at: datetime, recorded_at: datetime | None = None) -> tuple[Happening, ...]:
    """What time alone has made happen up to and including `at`, earliest first; recorded at `recorded_at` or `at`."""
    out: list[Happening] = []
    while True:
        item = _earliest(pack, case)
        if item is None or item.when > at:
            return tuple(out)
        told = Happening(event=item.event, occurred_at=item.when, recorded_at=recorded_at or at, actor=SYSTEM)
        case, happenings = _unfold(pack, case, [told])
        out.extend(happenings)


def next_wakeup(pack: Pack, case: Case) -> datetime | None:
    """The first instant at which `due` will have something to say; never later than that."""
    item = _earliest(pack, case)
    return None if item is None else item.when


def _earliest(pack: Pack, case: Case) -> Coming | None:
    earliest: Coming | None = None
    for agenda in _AGENDAS:
        for item in agenda(pack, case):
            if earliest is None or item.when < earliest.when:
                earliest = item
    return earliest


def _context(pack: Pack, order: Order) -> Context:
    occurred_at = order.occurred_at or order.at
    if occurred_at > order.at:
        raise Refused("in_the_future", "What has not happened yet can not be recorded; correct the time.")
    return Context(pack=pack, actor=order.actor, at=order.at, occurred_at=occurred_at)


def _possible(case: Case, fact: Command, told_at: datetime) -> datetime:
    """When a fact from outside took effect: a wrong clock out there is not refused, but put right.

    Nothing happened before the receipt, and no letter arrived before it was written, except where the complaint
    was recorded late: what lies between its receipt and that was done before its letters were entered here.
    """
    found = case.letters.find(fact.letter) if isinstance(fact, ReportDelivery) else None
    if found is None or case.received_at <= told_at < case.recorded_at:
        return max(told_at, case.received_at)
    return max(told_at, case.received_at, found.queued_at)


def _answers(case: Case, actor: Actor) -> bool:
    """Whether the actor answers for the case: its accepted owner, or someone set above owners."""
    return case.ownership.owner == actor.id or actor.has(Role.SUPERVISOR, Role.DEPARTMENT_HEAD)


def _unfold(
    pack: Pack, case: Case | None, happenings: Iterable[Happening], other: Pack | None = None
) -> tuple[Case, tuple[Happening, ...]]:
    """The happenings with all that the pack's clocks and standing rules make follow from each, and the case after."""
    out: list[Happening] = []

    def absorb(before: Case | None, told: Happening) -> Case:
        after = evolve(before, told)
        out.append(told)
        rules = other if other is not None and after.pack.digest == other.digest else pack
        # Pauses end first, and on the record: a clock that the same happening starts must not stand still.
        # What the happening itself begins to wait for stands still from its first moment on.
        for stirred in (pauses.ended_by, pauses.begun_by):
            for event in tuple(stirred(rules, after, told)):
                after = absorb(after, told.model_copy(update={"event": event}))
        for follows in _FOLLOWERS:
            for occurred_at, event in tuple(follows(rules, after, told)):
                after = absorb(after, told.model_copy(update={"event": event, "occurred_at": occurred_at}))
        return after

    for told in happenings:
        case = absorb(case, told)
    if case is None:
        raise ValueError("nothing happened to no complaint")
    return case, tuple(out)


def _reclassified(pack: Pack, case: Case, told: Happening) -> Iterator[tuple[datetime, Event]]:
    """Another class, or another receipt: clocks that begin or cease to apply, and those that count anew."""
    match told.event:
        case Triaged() | tiers.TierRaised():
            yield from clocks.reclassified(pack, case)
        case ReceiptCorrected():
            for event in clocks.corrected(pack, case):
                yield told.occurred_at, event
        case migration.PackMigrated():
            yield from migration.carried_over(pack, case, told.event.former)
        case _:
            pass


def _standing(pack: Pack, case: Case, told: Happening) -> Iterator[tuple[datetime, Event]]:
    """What the pack's standing rules make of a happening at once, without anybody's doing."""
    events: Iterator[Event] = iter(())
    match told.event:
        case ComplaintReceived():
            events = chain(tiers.by_class(pack, case), automatic_receipt(pack, case))
        case Triaged():
            events = chain(
                tiers.by_class(pack, case),
                departments.told_by_triage(pack, case),
                internal_review.opened_by_triage(pack, case),
            )
        case migration.PackMigrated() if case.open:
            events = tiers.by_class(pack, case)
        case ClockBreached():
            events = tiers.by_time(pack, case, told.event)
        case RungClimbed():
            events = chain(
                tiers.by_rung(pack, case, told.event), escalation.reassigned_by_rung(pack, case, told.event)
            )
        case pauses.PauseReminded():
            events = pauses.reminder(pack, case, told.event)
        case _:
            pass
    for event in events:
        yield told.occurred_at, event


def _on_clocks(pack: Pack, case: Case, told: Happening) -> Iterator[tuple[datetime, Event]]:
    """What a happening itself makes of the clocks; what a move to another pack does is `migration.carried_over`'s."""
    if not isinstance(told.event, migration.PackMigrated):
        yield from clocks.follow(pack, case, told)


_FOLLOWERS = (_on_clocks, _reclassified, _standing)
"""What follows from a happening, in this order; each looks at the case as the former have left it."""
