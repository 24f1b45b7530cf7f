"""Systemic issues: one cause behind many complaints, which it joins and updates together, in its own stream.

open_systemic(reference, order)        -> happenings, or Refused
decide_systemic(issue, order, pack)    -> happenings, or Refused
evolve_systemic(issue, told)           -> issue
tells(issue, told)                     -> which complaint is to be given which fact

What an outage adds to it (grades, announcements) is in outages.py, its risk in risks.py, and what time alone makes
happen to it in systemic_time.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, Field

from complaints import references
from complaints.base import (
    HANDLING,
    SYSTEM,
    Actor,
    Command,
    Context,
    Event,
    Frozen,
    Happening,
    Order,
    PackRef,
    Refused,
    TextRef,
    permit_role,
)
from complaints.chapters.membership import (
    NoteSystemicJoin,
    NoteSystemicLeave,
    NoteSystemicPlan,
    NoteSystemicUpdate,
)
from complaints.systemic.outage_state import Outage
from complaints.systemic.risk_state import Risk
from policies.pack import Pack
from policies.vocabulary import Role

LEADING = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD, Role.COMPLIANCE_OFFICER})


class Word(Frozen):
    """Something said that the issue's complaints hear. `number` is its sequence in the issue's stream."""

    number: int
    text: TextRef
    tell_customers: bool = False
    plan: bool = False

    def note(self, systemic: str) -> Command:
        """The fact that a member complaint is given."""
        if self.plan:
            return NoteSystemicPlan(systemic_issue=systemic, number=self.number, text=self.text)
        return NoteSystemicUpdate(
            systemic_issue=systemic, number=self.number, text=self.text, tell_customer=self.tell_customers
        )


class SystemicIssue(Frozen):
    """One systemic issue, folded from its events. `members` are its complaints' references, in order joined.

    `sequence` counts its events, `by_time` those of them that time alone made since somebody last decided.
    """

    reference: str
    title: TextRef
    description: TextRef
    opened_at: AwareDatetime
    sequence: int = 0
    by_time: int = 0
    members: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    planned_at: AwareDatetime | None = None
    resolved_at: AwareDatetime | None = None
    outage: Outage | None = None
    risk: Risk | None = None

    @property
    def version(self) -> int:
        """The sequence of the last event that was somebody's decision."""
        return self.sequence - self.by_time

    def said(self, text: TextRef, *, tell_customers: bool = False, plan: bool = False) -> SystemicIssue:
        """The issue once the event that is being applied has said this to its complaints."""
        word = Word(number=self.sequence + 1, text=text, tell_customers=tell_customers, plan=plan)
        return self.changed(words=(*self.words, word))

    def changed(self, **fields: Any) -> SystemicIssue:
        """A copy with these fields changed; fields are trusted, as only events call this."""
        return self.model_copy(update=fields)


# Events -------------------------------------------------------------------------------------------


class SystemicOpened(Event):
    reference: str
    title: TextRef
    description: TextRef

    def begin(self, told: Happening) -> SystemicIssue:
        return SystemicIssue(
            reference=self.reference,
            title=self.title,
            description=self.description,
            opened_at=told.occurred_at,
        )


class ComplaintJoined(Event):
    complaint: str

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        return case.changed(members=(*case.members, self.complaint))


class ComplaintLeft(Event):
    complaint: str
    reason: TextRef

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        return case.changed(members=tuple(member for member in case.members if member != self.complaint))


class SystemicUpdated(Event):
    text: TextRef
    tell_customers: bool

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        return case.said(self.text, tell_customers=self.tell_customers)


class SystemicPlanned(Event):
    """Management's plan; a later one takes its place, and complaints hear of both."""

    text: TextRef

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        return case.said(self.text, plan=True).changed(planned_at=told.occurred_at)


class SystemicResolved(Event):
    text: TextRef
    tell_customers: bool

    def evolve(self, case: SystemicIssue, told: Happening) -> SystemicIssue:
        return case.said(self.text, tell_customers=self.tell_customers).changed(resolved_at=told.occurred_at)


# Commands -----------------------------------------------------------------------------------------


class OpenSystemicIssue(Command):
    """Name a cause that lies behind several complaints, also ones not yet received. `complaints` join it at once."""

    title: ClassVar[str] = "Open a systemic issue"
    who: ClassVar[frozenset[Role]] = LEADING
    to_systemic: ClassVar[bool] = True

    name: TextRef
    description: TextRef
    complaints: Annotated[tuple[str, ...], Field(max_length=100)] = ()

    @classmethod
    def check(cls, case: SystemicIssue, ctx: Context) -> None:
        raise Refused("already_done", "This systemic issue is open already.")


class _Systemic(Command):
    """What is done to a systemic issue, as long as it is not resolved."""

    who: ClassVar[frozenset[Role]] = LEADING
    to_systemic: ClassVar[bool] = True

    @classmethod
    def check(cls, case: SystemicIssue, ctx: Context) -> None:
        refuse_resolved(case)


def refuse_resolved(issue: SystemicIssue) -> None:
    """Nothing is done to an issue that is resolved. Raises Refused."""
    if issue.resolved_at is not None:
        raise Refused("resolved", "This systemic issue is resolved; open a new one if the cause is back.")


def _complaint(text: str) -> str:
    found = references.parse(text)
    if references.is_systemic(found):
        raise Refused("bad_reference", "This is the reference of a systemic issue; give a complaint's.")
    return found


class JoinComplaint(_Systemic):
    """Join a complaint to the systemic issue; it hears what was said before, too."""

    title: ClassVar[str] = "Join a complaint"
    who: ClassVar[frozenset[Role]] = HANDLING | LEADING

    complaint: str

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        complaint = _complaint(self.complaint)
        if complaint in case.members:
            raise Refused("already_done", f"Complaint {complaint} is joined already.")
        yield ComplaintJoined(complaint=complaint)


class RemoveComplaint(_Systemic):
    """Take a complaint out of the systemic issue, with the reason."""

    title: ClassVar[str] = "Take a complaint out"

    complaint: str
    reason: TextRef

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        complaint = _complaint(self.complaint)
        if complaint not in case.members:
            raise Refused("not_joined", f"Complaint {complaint} is not joined to this systemic issue.")
        yield ComplaintLeft(complaint=complaint, reason=self.reason)


class UpdateSystemic(_Systemic):
    """Say what is new; every joined complaint hears it, and its customer is written to where you say so."""

    title: ClassVar[str] = "Update the systemic issue"

    text: TextRef
    tell_customers: bool = False

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        yield SystemicUpdated(text=self.text, tell_customers=self.tell_customers)


class PlanSystemic(_Systemic):
    """Record management's plan against the cause; it counts as the plan of every joined complaint."""

    title: ClassVar[str] = "Plan against the systemic issue"

    text: TextRef

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        yield SystemicPlanned(text=self.text)


class ResolveSystemic(_Systemic):
    """Say that the cause is gone, and how; every joined complaint hears it."""

    title: ClassVar[str] = "Resolve the systemic issue"

    text: TextRef
    tell_customers: bool = False

    def decide(self, case: SystemicIssue, ctx: Context) -> Iterable[Event]:
        if case.outage is not None and case.outage.summarised_at is None:
            raise Refused("not_summarised", "Sum the outage up before the issue is resolved.")
        if case.outage is None and case.planned_at is None:
            raise Refused("not_planned", "Record management's plan before the issue is resolved.")
        yield SystemicResolved(text=self.text, tell_customers=self.tell_customers)


# The pure functions -----------------------------------------------------------------------------------


def open_systemic(reference: str, order: Order) -> tuple[Happening, ...]:
    """The first happenings of a systemic issue. `order.body` is an OpenSystemicIssue. Raises Refused."""
    body = order.body
    if not isinstance(body, OpenSystemicIssue):
        raise Refused("not_opened", "A systemic issue begins with its opening.")
    ctx = _context(order)
    permit_role(body.__class__, order.actor)
    opened = SystemicOpened(reference=reference, title=body.name, description=body.description)
    members = dict.fromkeys(_complaint(complaint) for complaint in body.complaints)
    joined = (ComplaintJoined(complaint=complaint) for complaint in members)
    return tuple(_happening(event, order, ctx) for event in (opened, *joined))


def pack_needed(issue: SystemicIssue, body: Command) -> PackRef | None:
    """The pack that a command to the issue is decided by: the one it names, else that of the issue's outage."""
    named = getattr(body, "pack", None)
    if isinstance(named, PackRef):
        return named
    return None if issue.outage is None else issue.outage.pack


def decide_systemic(issue: SystemicIssue, order: Order, pack: Pack | None = None) -> tuple[Happening, ...]:
    """What the order makes happen to the issue. Raises Refused and changes nothing.

    `pack` is the one of `pack_needed`. The caller has already applied what time had made happen before.
    """
    body = order.body
    ctx = _context(order, pack)
    if not body.to_systemic:
        raise Refused("not_systemic", "This is done to a complaint, not to a systemic issue.")
    if order.expected_version is not None and order.expected_version != issue.version:
        raise Refused(
            "changed_meanwhile",
            f"The issue has changed since you looked (version {issue.version}, you saw "
            f"{order.expected_version}). Look again, then decide.",
        )
    if ctx.occurred_at < issue.opened_at:
        raise Refused(
            "before_start", "This is said to have happened before the issue was opened; correct the time."
        )
    permit_role(body.__class__, order.actor)
    body.check(issue, ctx)
    return tuple(_happening(event, order, ctx) for event in body.decide(issue, ctx))


def possible_systemic(
    issue: SystemicIssue, command: type[Command], actor: Actor, at: datetime
) -> Refused | None:
    """None where the desk may offer the command to this person now; else the refusal that says why not."""
    try:
        permit_role(command, actor)
        command.check(issue, Context(pack=None, actor=actor, at=at, occurred_at=at))
    except Refused as refusal:
        return refusal
    return None


def evolve_systemic(issue: SystemicIssue | None, told: Happening) -> SystemicIssue:
    """The issue after one happening that is in the record.

    Raises ValueError where a stream does not begin with SystemicOpened.
    """
    if issue is None:
        if not isinstance(told.event, SystemicOpened):
            raise ValueError(f"a systemic issue's stream begins with SystemicOpened, not {told.event.type}")
        after = told.event.begin(told)
    else:
        after = told.event.evolve(issue, told)
    by_time = after.by_time + 1 if told.actor == SYSTEM else 0
    return after.changed(sequence=after.sequence + 1, by_time=by_time)


def fold_systemic(happenings: Iterable[Happening]) -> SystemicIssue:
    """The issue that a stream's happenings amount to. Raises ValueError for an empty stream."""
    issue: SystemicIssue | None = None
    for told in happenings:
        issue = evolve_systemic(issue, told)
    if issue is None:
        raise ValueError("an empty stream is no systemic issue")
    return issue


def tells(issue: SystemicIssue, told: Happening) -> tuple[tuple[str, Command], ...]:
    """Which complaint (by reference) is to be given which fact after this happening.

    `issue` is the one after it. A complaint that joins late hears all that was said before, in order. Giving
    a fact twice does no harm.
    """
    event, number = told.event, issue.sequence
    match event:
        case ComplaintJoined():
            join = NoteSystemicJoin(systemic_issue=issue.reference, number=number)
            said = (word.note(issue.reference) for word in issue.words)
            return tuple((event.complaint, note) for note in (join, *said))
        case ComplaintLeft():
            return ((event.complaint, NoteSystemicLeave(systemic_issue=issue.reference, number=number)),)
        case _ if issue.words and issue.words[-1].number == number:
            return tuple((member, issue.words[-1].note(issue.reference)) for member in issue.members)
        case _:
            return ()


def _context(order: Order, pack: Pack | None = None) -> Context:
    occurred_at = order.occurred_at or order.at
    if occurred_at > order.at:
        raise Refused("in_the_future", "What has not happened yet can not be recorded; correct the time.")
    return Context(pack=pack, actor=order.actor, at=order.at, occurred_at=occurred_at)


def _happening(event: Event, order: Order, ctx: Context) -> Happening:
    return Happening(
        event=event, occurred_at=ctx.occurred_at, recorded_at=ctx.at, actor=order.actor.id, command=order.id
    )
