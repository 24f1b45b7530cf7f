"""Ownership: whoever takes the complaint answers for it until a handover is accepted, or a supervisor assigns it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import (
    HANDLING,
    INSTANT,
    Coming,
    Command,
    Context,
    Event,
    Frozen,
    Happening,
    Person,
    Refused,
    TextRef,
)
from complaints.chapters.internal_review import apart_from_review
from complaints.people import tiers
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

_WORKERS = frozenset({Role.HANDLER, Role.SUPERVISOR, Role.DEPARTMENT_HEAD})


class Ownership(Frozen):
    """Who answers for the case. An open offer changes nothing until it is accepted.

    `dispatch_rule` is the pack's rule, from 0, by which the service chose the owner (or BY_LADDER); None where a
    person did.
    `unplaced` is why the service found nobody to give the case to.
    """

    owner: str | None = None
    roles: tuple[
        Role, ...
    ] = ()  # the owner's, and their supervisor, as the directory said when ownership began
    supervisor: str | None = None
    since: AwareDatetime | None = None
    offered_to: str | None = None
    offer_supervisor: str | None = None
    offer_lapses_at: AwareDatetime | None = None
    conflicted: tuple[str, ...] = ()
    dispatch_rule: int | None = None
    unplaced: str | None = None


def _no_conflict(case: Case, person: str) -> None:
    apart_from_review(case, person)
    if person in case.ownership.conflicted:
        raise Refused(
            "conflict_declared", "A conflict of interest is declared for this person; choose somebody else."
        )


class OwnershipTaken(Event):
    """A named person accepted the complaint, or accepted a handover of it."""

    person: Person

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.OWNED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return owned(case, self.person, told)


def owned(case: Case, person: Person, told: Happening, dispatch_rule: int | None = None) -> Case:
    """The case as this person's; every offer of it is over."""
    # Who was made the owner answered for the case, and can not review it later, even if they did nothing.
    known = person.id in case.hands
    wanted = case.escalation.wanted
    return case.changed(
        hands=case.hands if known else (*case.hands, person.id),
        escalation=case.escalation.model_copy(update={"wanted": None})
        if wanted in person.roles
        else case.escalation,
        ownership=Ownership(
            owner=person.id,
            roles=person.roles,
            supervisor=person.supervisor,
            since=told.occurred_at,
            conflicted=case.ownership.conflicted,
            dispatch_rule=dispatch_rule,
        ),
    )


class Assigned(Event):
    """A supervisor made somebody the owner, accepted or not."""

    to: Person
    reason: TextRef | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.OWNED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return owned(case, self.to, told)


class HandoverOffered(Event):
    to: Person
    lapses_at: AwareDatetime
    reason: TextRef | None = None

    def evolve(self, case: Case, told: Happening) -> Case:
        offer = {
            "offered_to": self.to.id, "offer_supervisor": self.to.supervisor, "offer_lapses_at": self.lapses_at,
        }  # fmt: skip
        return case.changed(ownership=case.ownership.model_copy(update=offer))


_NO_OFFER = {"offered_to": None, "offer_supervisor": None, "offer_lapses_at": None}


class _OfferEnded(Event):
    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(ownership=case.ownership.model_copy(update=_NO_OFFER))


class HandoverDeclined(_OfferEnded):
    reason: TextRef | None = None


class HandoverWithdrawn(_OfferEnded):
    pass


class HandoverLapsed(_OfferEnded):
    to: str


class ConflictDeclared(Event):
    """`person` has a conflict of interest; an owner who has one owns the case no longer."""

    hand: ClassVar[bool] = False

    person: str
    reason: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        own = case.ownership
        changes: dict[str, object] = {"conflicted": (*own.conflicted, self.person)}
        if own.owner == self.person:
            changes |= {"owner": None, "roles": (), "supervisor": None, "since": None, "dispatch_rule": None}
            changes |= _NO_OFFER
        if own.offered_to == self.person:
            changes |= _NO_OFFER
        return case.changed(ownership=own.model_copy(update=changes))


class TakeOwnership(Command):
    """Accept the complaint: from now on you answer for it, until a handover is accepted."""

    title: ClassVar[str] = "Take ownership"
    who: ClassVar[frozenset[Role]] = HANDLING
    unaided: ClassVar[bool] = True

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.ownership.owner == ctx.actor.id:
            raise Refused("already_done", "You own this complaint already.")
        if case.ownership.owner is not None and not _outgrown(ctx.rules, case):
            raise Refused(
                "owned", "Somebody owns this complaint; ask for a handover, or have it assigned to you."
            )
        _no_conflict(case, ctx.actor.id)
        tiers.permit_holder(ctx.rules, case, ctx.actor)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield OwnershipTaken(person=Person(**ctx.actor.model_dump()))


def _outgrown(pack: Pack, case: Case) -> bool:
    """Whether the complaint was moved up to a tier that its owner does not hold: whoever does may take it."""
    own = case.ownership
    return own.owner is not None and not tiers.holds(pack, case, Person(id=own.owner, roles=own.roles))


class OfferHandover(Command):
    """Offer the complaint to a colleague; you answer for it until they accept."""

    title: ClassVar[str] = "Offer handover"
    who: ClassVar[frozenset[Role]] = HANDLING
    unaided: ClassVar[bool] = True
    owner_only: ClassVar[bool] = True

    to: Person
    reason: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.ownership.owner is None:
            raise Refused("not_owned", "Nobody owns this complaint yet; take it, or assign it.")
        if case.ownership.offered_to is not None:
            raise Refused("already_offered", "A handover is on offer already; withdraw it first.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        _fit_to_own(case, ctx, self.to)
        lapses_at = ctx.rules.after(ctx.occurred_at, ctx.rules.windows.handover_lapses)
        yield HandoverOffered(to=self.to, lapses_at=lapses_at, reason=self.reason)


def _fit_to_own(case: Case, ctx: Context, person: Person) -> None:
    if person.id == case.ownership.owner:
        raise Refused("owns_already", "This person owns the complaint already.")
    if not any(role in _WORKERS for role in person.roles):
        raise Refused("not_a_handler", "This person does not handle complaints; choose a handler.")
    _no_conflict(case, person.id)
    tiers.permit_holder(ctx.rules, case, person)


def _offered(case: Case, ctx: Context) -> None:
    if case.ownership.offered_to is None:
        raise Refused("no_offer", "No handover of this complaint is on offer; it may have lapsed.")
    if case.ownership.offered_to != ctx.actor.id:
        raise Refused("not_offered_to_you", "This handover is offered to somebody else.")


class AcceptHandover(Command):
    """Accept the complaint that a colleague offers; from now on you answer for it."""

    title: ClassVar[str] = "Accept handover"
    who: ClassVar[frozenset[Role]] = HANDLING
    unaided: ClassVar[bool] = True

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _offered(case, ctx)
        _no_conflict(case, ctx.actor.id)
        tiers.permit_holder(ctx.rules, case, ctx.actor)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield OwnershipTaken(person=Person(**ctx.actor.model_dump()))


class DeclineHandover(Command):
    """Decline the complaint that a colleague offers; they go on answering for it."""

    title: ClassVar[str] = "Decline handover"
    who: ClassVar[frozenset[Role]] = HANDLING
    unaided: ClassVar[bool] = True

    reason: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _offered(case, ctx)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield HandoverDeclined(reason=self.reason)


class WithdrawHandover(Command):
    """Take back an offer that was not accepted yet."""

    title: ClassVar[str] = "Withdraw handover"
    who: ClassVar[frozenset[Role]] = HANDLING
    unaided: ClassVar[bool] = True
    owner_only: ClassVar[bool] = True

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.ownership.offered_to is None:
            raise Refused("no_offer", "No handover of this complaint is on offer; it may have lapsed.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield HandoverWithdrawn()


class Assign(Command):
    """Make somebody the owner."""

    title: ClassVar[str] = "Assign"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD})
    unaided: ClassVar[bool] = True

    to: Person
    reason: TextRef | None = None

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        _fit_to_own(case, ctx, self.to)
        yield Assigned(to=self.to, reason=self.reason)


class DeclareConflict(Command):
    """Declare that you have a conflict of interest; you are recused from here on."""

    title: ClassVar[str] = "Declare a conflict of interest"
    recused_may: ClassVar[bool] = True  # to be told that it is on record already
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.APPROVER}

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if ctx.actor.id in case.ownership.conflicted:
            raise Refused("already_done", "Your conflict of interest is on record already.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield ConflictDeclared(person=ctx.actor.id, reason=self.reason)


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """An offer that nobody answers lapses."""
    own = case.ownership
    if own.offered_to is not None and own.offer_lapses_at is not None:
        # Accepted at the very moment is in time, as for every other limit.
        yield Coming(own.offer_lapses_at + INSTANT, HandoverLapsed(to=own.offered_to))
