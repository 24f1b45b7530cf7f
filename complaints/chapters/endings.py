"""Endings without an answer of ours: withdrawn, merged, declined (with a way to appeal) or forwarded."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import AwareDatetime

from complaints import references
from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.chapters.letters import letter
from complaints.chapters.review import ABOVE
from complaints.people.standing import speaks_for_customer, still_open, texts_remain
from complaints.timing.windows import within
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case

DeclineGround = Literal["out_of_scope", "time_barred", "before_court", "vexatious"]
EndKind = Literal["withdrawn", "merged", "declined", "forwarded"]


class End(Frozen):
    """How a complaint ended without an answer of ours. `into` is set for a merger, `ground` for a decline."""

    kind: EndKind
    at: AwareDatetime
    by: str
    ground: DeclineGround | None = None
    into: str | None = None


# Events -------------------------------------------------------------------------------------------


class _Ended(Event):
    def facts(self) -> tuple[Fact, ...]:
        return (Fact.ENDED,)

    @abstractmethod
    def end(self, told: Happening) -> End:
        """How the complaint ended by this event."""

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(closure=case.closure.model_copy(update={"end": self.end(told)}))


class ComplaintWithdrawn(_Ended):
    reason: TextRef | None = None

    def end(self, told: Happening) -> End:
        return End(kind="withdrawn", at=told.occurred_at, by=told.actor)


class ComplaintMerged(_Ended):
    """This complaint is a duplicate; what becomes of it is told under `into`."""

    into: str

    def end(self, told: Happening) -> End:
        return End(kind="merged", at=told.occurred_at, by=told.actor, into=self.into)


class ComplaintDeclined(_Ended):
    """It is not taken up; the letter says why and how to appeal, until `appeal_by`."""

    ground: DeclineGround
    text: TextRef
    appeal_by: AwareDatetime

    def end(self, told: Happening) -> End:
        return End(kind="declined", at=told.occurred_at, by=told.actor, ground=self.ground)


class ComplaintForwarded(_Ended):
    """It belongs to somebody else, who has it now."""

    to: TextRef

    def end(self, told: Happening) -> End:
        return End(kind="forwarded", at=told.occurred_at, by=told.actor)


class OpensAgain:
    """A new round: new occurrences of the clocks that run from receipt; what was met stays met."""

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.REOPENED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(
            closure=case.closure.reopened_once_more(),
            escalation=case.escalation.reopened(),
            investigation=case.investigation.reopened(),
            feedback=case.feedback.reopened(),
            post_mortem=case.post_mortem.reopened(),
        )


class DeclineAppealed(OpensAgain, Event):
    """The customer appealed against the decline: the complaint is open again."""

    hand: ClassVar[bool] = False

    reason: TextRef


# Commands -----------------------------------------------------------


def _may_end(case: Case) -> None:
    if case.dispute.open:
        raise Refused("disputed", "A dispute about this complaint is open; conclude or withdraw that first.")
    still_open(case)
    if case.remedies.payments_in_flight():
        raise Refused(
            "payment_in_flight",
            "A payment is on its way, and nothing is cancelled while nobody knows how it ends; "
            "wait until the provider says so.",
        )


class Withdraw(Command):
    """Take the complaint back; nothing more is done about it."""

    title: ClassVar[str] = "Withdraw the complaint"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.COMPLAINANT}

    reason: TextRef | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _may_end(case)
        speaks_for_customer(case, ctx.actor)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield ComplaintWithdrawn(reason=self.reason)


def _nothing_promised(case: Case) -> None:
    _may_end(case)
    if case.feedback.issued:
        raise Refused("answered", "This complaint has its answer already; close it instead.")
    if case.remedies.owed():
        raise Refused(
            "remedy_owed", "The customer has accepted a remedy that is not settled yet; settle it first."
        )


class MergeInto(Command):
    """Say that this complaint is a duplicate, and go on under the reference of the other one."""

    title: ClassVar[str] = "Merge into another complaint"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    into: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _nothing_promised(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        into = references.parse(self.into)
        if references.is_systemic(into):
            raise Refused(
                "bad_reference", "This is a systemic issue's reference; join the complaint to it instead."
            )
        if into == case.reference:
            raise Refused(
                "same_complaint", "A complaint can not be merged into itself; give the other reference."
            )
        yield ComplaintMerged(into=into)


class Decline(Command):
    """Do not take the complaint up. The letter gives the reasons and says how and until when to appeal."""

    title: ClassVar[str] = "Decline the complaint"
    who: ClassVar[frozenset[Role]] = ABOVE

    ground: DeclineGround
    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _nothing_promised(case)
        if ctx.actor.id in case.closure.declined_by:
            raise Refused(
                "not_independent",
                "You declined this complaint, and the customer appealed; somebody else has to decide now.",
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        appeal_by = ctx.rules.after(ctx.occurred_at, ctx.rules.windows.dispute)
        yield ComplaintDeclined(ground=self.ground, text=self.text, appeal_by=appeal_by)
        queued = letter(case, "declined", self.text)
        if queued is not None:
            yield queued


class Forward(Command):
    """Hand the complaint to somebody outside to whom it belongs; the letter tells the customer who."""

    title: ClassVar[str] = "Forward the complaint"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    to: TextRef
    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        _nothing_promised(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield ComplaintForwarded(to=self.to)
        queued = letter(case, "forwarded", self.text)
        if queued is not None:
            yield queued


class AppealDecline(Command):
    """Appeal against the complaint's being declined: it is opened again, and somebody else decides."""

    title: ClassVar[str] = "Appeal against the decline"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.INTAKE_AGENT, Role.COMPLAINANT}
    when_ended: ClassVar[bool] = True

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)
        end = case.closure.end
        if end is None or end.kind != "declined":
            raise Refused("not_declined", "This complaint was not declined.")
        if not ctx.actor.is_staff:
            speaks_for_customer(case, ctx.actor)
        within(
            ctx, end.at, "dispute",
            not_before="Nobody can appeal before the complaint was declined; correct the time.",
            over="The decline could be appealed against until {until}; receive a new complaint instead.",
        )  # fmt: skip

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield DeclineAppealed(reason=self.reason)
