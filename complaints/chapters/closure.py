"""Closure: a complaint is closed when nothing is owed, can be opened again for a while, and is archived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import HANDLING, Coming, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.chapters import internal_review
from complaints.chapters.endings import End, OpensAgain
from complaints.chapters.feedback import delivered_at
from complaints.people.standing import speaks_for_customer, texts_remain
from complaints.required import lacking, wanted
from complaints.timing.windows import within
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack


class Closure(Frozen):
    """Whether and how the case is over. `declined_by`: whoever declined it and was appealed against."""

    closed_at: AwareDatetime | None = None
    end: End | None = None
    archived_at: AwareDatetime | None = None
    reopened: int = 0
    declined_by: tuple[str, ...] = ()

    @property
    def over_since(self) -> datetime | None:
        """When it was closed or ended, None while it is neither."""
        return self.end.at if self.end is not None else self.closed_at

    def reopened_once_more(self) -> Closure:
        """Neither closed nor ended nor archived any more; whoever declined it stays known."""
        declined = self.end is not None and self.end.kind == "declined"
        by = (self.end.by,) if self.end is not None and declined else ()
        return Closure(reopened=self.reopened + 1, declined_by=(*self.declined_by, *by))


# Events -------------------------------------------------------------------------------------------


class ComplaintClosed(Event):
    def facts(self) -> tuple[Fact, ...]:
        return (Fact.CLOSED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(closure=case.closure.model_copy(update={"closed_at": told.occurred_at}))


class Reopened(OpensAgain, Event):
    """The complaint is open again, with the reason."""

    hand: ClassVar[bool] = False

    reason: TextRef


class Archived(Event):
    """Nothing is outstanding and nobody came back: the complaint rests."""

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(closure=case.closure.model_copy(update={"archived_at": told.occurred_at}))


# Commands -------------------------------------------------------------------------------------------


def before_closing(pack: Pack, case: Case) -> tuple[str, ...]:
    """Everything that has to be done before the complaint may be closed, as a handler would be told it.

    The pack may want more on record before `responded` and `awaiting_customer` are left. Of what it wants before
    an archive, closing waits for what is part of the handling: the
    senior's review (high-end-service S5.2) and telling the departments (S1.4). The post-mortem comes after it.
    """
    todo = [f"decide issue {issue.id}" for issue in case.investigation.undecided]
    if not case.investigation.issues:
        todo.append("name what is complained of as an issue, and decide it")
    todo.extend(internal_review.owed(case))
    todo.extend(_answer_owed(case))
    todo.extend(f"settle remedy {remedy.id}, which the customer accepted" for remedy in case.remedies.owed())
    if case.remedies.payments_in_flight():
        todo.append("wait until the payment provider says how the payment under way ended")
    if case.dispute.open:
        todo.append("conclude the dispute")
    if case.feedback.low_score_open:
        todo.append("have a senior review the low satisfaction score")
    required = wanted(pack, "responded", "awaiting_customer")
    looked_at = (fact for fact in wanted(pack, "closed") if fact in _LOOKED_AT)
    said = _SAID | ({Fact.SENIOR_REVIEWED} if case.feedback.low_score_open else set())
    todo.extend(lacking(case, (fact for fact in dict.fromkeys((*required, *looked_at)) if fact not in said)))
    return tuple(todo)


_LOOKED_AT = frozenset({Fact.SENIOR_REVIEWED, Fact.DEPARTMENT_TOLD})
_SAID = frozenset({Fact.RESOLVED, Fact.RESPONSE_SENT, Fact.RESPONSE_DELIVERED, Fact.CUSTOMER_CONFIRMED})
"""What no pack can do without, and what stands in its place where nobody can be reached."""


def _answer_owed(case: Case) -> Iterator[str]:
    feedback = case.feedback
    if case.anonymous or feedback.no_delivery:
        return
    if not feedback.issued:
        yield "send the final response, or record why it can not be delivered"
        return
    if delivered_at(case) is None:
        yield "see the response delivered, serve it otherwise, or record why it can not be"
        return
    if feedback.confirmed_at is None and feedback.confirmation_lapsed_at is None:
        yield "have the customer confirm the outcome, or wait until the time for that is over"


class CloseComplaint(Command):
    """Close the complaint: it is answered, the answer has arrived, and nothing is owed any more."""

    title: ClassVar[str] = "Close the complaint"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.closure.closed_at is not None:
            raise Refused("already_done", "This complaint is closed already.")
        todo = before_closing(ctx.rules, case)
        if todo:
            raise Refused("not_ready_to_close", f"Before this complaint can be closed: {'; '.join(todo)}.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield ComplaintClosed()


class Reopen(Command):
    """Open the complaint again, with the reason; its deadlines start anew."""

    title: ClassVar[str] = "Reopen the complaint"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.COMPLAINANT}
    when_ended: ClassVar[bool] = True

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)
        since = case.closure.over_since
        if since is None:
            raise Refused("not_closed", "This complaint is open.")
        if case.dispute.open:
            raise Refused("disputed", "A dispute about this complaint is open; conclude it first.")
        if case.closure.end is not None and case.closure.end.kind == "declined":
            raise Refused("declined", "This complaint was declined; appeal against that instead.")
        speaks_for_customer(case, ctx.actor)
        within(
            ctx, since, "reopen",
            not_before="A complaint can not be reopened before it was over; correct the time.",
            over="This complaint could be reopened until {until}; receive a new one instead.",
        )  # fmt: skip

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield Reopened(reason=self.reason)


# What time alone makes happen -------------------------------------------------------------------------


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """The archiving of a complaint that is over, once nothing is outstanding."""
    over_since = case.closure.over_since
    if over_since is None or case.closure.archived_at is not None or outstanding(pack, case):
        return
    moments = [pack.after(over_since, pack.windows.archive_after)]
    delivered = delivered_at(case)
    if delivered is not None and not case.dispute.of_this_round(case):
        # The customer may still contest the answer, and an archive must not shut that door.
        moments.append(pack.after(delivered, pack.windows.dispute))
    if case.latest_at is not None:
        # What kept it from resting may have ended only now: nothing is archived before its last event.
        moments.append(case.latest_at)
    yield Coming(max(moments), Archived())


def outstanding(pack: Pack, case: Case) -> bool:
    """Whether something of a complaint that is over has to come to its end before it is archived."""
    answered = case.closure.end is None
    required = pack.phases_require.get("closed", ()) if answered else ()
    return (
        case.dispute.open
        or case.dispute.outside_open
        or case.mediation.open
        or case.post_mortem.unfinished
        or (answered and case.internal_review.open)
        or any(case.since_opened(fact) is None for fact in required)
        or bool(case.remedies.payments_in_flight())
        or (answered and bool(case.remedies.owed()))
    )
