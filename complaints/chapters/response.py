"""The final response: drafted, gated by what the pack asks of it, approved by other eyes, and sent."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import AwareDatetime

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.chapters import internal_review
from complaints.chapters.remedies import RemedyState
from complaints.people.standing import APPROVING, fresh_eyes, letter_to_customer, still_open, unconflicted
from complaints.required import lacking, wanted
from policies.letters import fields_in
from policies.pack import GateItem
from policies.vocabulary import DeliveryState, Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

ResponseStage = Literal["final", "summary_resolution", "deadlock"]


class Draft(Frozen):
    """The response as it is written now. `id` is D1, D2 …; every edit is a draft of its own.

    `outdated`: the issues have changed since. `returned`: an approver wants it written again.
    """

    id: str
    stage: ResponseStage
    text: TextRef
    next_step: TextRef | None
    outstanding: TextRef | None
    remedy_dates: bool
    outside_body_named: bool
    outside_time_limit_named: bool
    drafted_by: str
    drafted_at: AwareDatetime
    approved_by: str | None = None
    returned: bool = False
    outdated: bool = False

    @property
    def approved(self) -> bool:
        return self.approved_by is not None and not self.returned and not self.outdated


# Events -------------------------------------------------------------------------------------------


class ResponseDrafted(Event):
    """A draft, which replaces the one before and its approval."""

    draft: str
    stage: ResponseStage
    text: TextRef
    next_step: TextRef | None = None
    outstanding: TextRef | None = None
    remedy_dates: bool = False
    outside_body_named: bool = False
    outside_time_limit_named: bool = False

    def evolve(self, case: Case, told: Happening) -> Case:
        fields = {name: getattr(self, name) for name in self.__class__.model_fields if name != "draft"}
        draft = Draft(id=self.draft, drafted_by=told.actor, drafted_at=told.occurred_at, **fields)
        changes = {"draft": draft, "drafts": case.feedback.drafts + 1}
        return case.changed(feedback=case.feedback.model_copy(update=changes))


class _DraftEvent(Event):
    draft: str

    @abstractmethod
    def change(self, told: Happening) -> dict[str, Any]:
        """The fields of the draft that the event changes."""

    def evolve(self, case: Case, told: Happening) -> Case:
        draft = case.feedback.draft
        if draft is None or draft.id != self.draft:
            return case
        changed = draft.model_copy(update=self.change(told))
        return case.changed(feedback=case.feedback.model_copy(update={"draft": changed}))


class ResponseApproved(_DraftEvent):
    def change(self, told: Happening) -> dict[str, Any]:
        return {"approved_by": told.actor}


class ResponseReturned(_DraftEvent):
    """An approver wants it written again; an approval that was given is void."""

    reason: TextRef

    def change(self, told: Happening) -> dict[str, Any]:
        return {"returned": True}


class ResponseIssued(Event):
    """The approved response goes out; the letter follows, and its delivery is told apart."""

    draft: str

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(feedback=case.feedback.model_copy(update={"issued_at": told.occurred_at}))


class NoDeliveryRecorded(Event):
    """Why the customer gets no response, or why it can not be delivered."""

    reason: TextRef

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(feedback=case.feedback.model_copy(update={"no_delivery_reason": self.reason}))


# The gate -----------------------------------------------------------------------------------------


def missing(pack: Pack, case: Case, draft: Draft) -> tuple[str, ...]:
    """What keeps the draft from being approved, as things to do; nothing where it passes.

    No pack can do without a decision on each issue, send out a remedy that nobody has approved, or answer while
    an internal review is open; the rest is the pack's `response_gate`, and what it wants on record before
    `resolving` is left. What the pack's template says in every
    language need not be in the text.
    """
    required = pack.response_gate.requires
    told = _template_fields(pack)
    to_do = [f"decide issue {issue.id}" for issue in case.investigation.undecided]
    if not case.investigation.issues:
        to_do.append("add what is complained of as an issue, and decide it")
    to_do += [f"have remedy {item.id} approved, rejected or withdrawn" for item in case.remedies.undecided()]
    to_do += internal_review.owed(case)
    to_do += lacking(case, (fact for fact in wanted(pack, "resolving") if fact is not Fact.RESOLVED))
    if GateItem.REMEDY_DATES in required and not draft.remedy_dates:
        undated = ", ".join(_undated(case))
        if undated:
            to_do.append(f"say by when the customer has {undated}")
    if GateItem.OUTSTANDING_ACTIONS in required and draft.outstanding is None and _outstanding(case):
        to_do.append(f"say what is still to be done ({', '.join(_outstanding(case))})")
    if GateItem.NEXT_STEP in required and draft.next_step is None:
        to_do.append("say what the next step is")
    if GateItem.OUTSIDE_BODY in required and not (draft.outside_body_named or "outside_body" in told):
        to_do.append("name the outside body")
    if GateItem.OUTSIDE_TIME_LIMIT in required and not (
        draft.outside_time_limit_named or "outside_time_limit" in told
    ):
        to_do.append("name the time limit for going to the outside body")
    return tuple(to_do)


def _template_fields(pack: Pack) -> frozenset[str]:
    """What the pack's template for the final response says by itself, in every one of its languages."""
    templates = [fields_in(template.body) for template in pack.letters.get("final_response", {}).values()]
    return frozenset.intersection(*templates) if templates else frozenset()


def _undated(case: Case) -> Iterator[str]:
    had = (RemedyState.PAID, RemedyState.FULFILLED)
    for item in case.remedies.items:
        if item.live and item.state not in had and item.due_by is None:
            yield item.id


def _outstanding(case: Case) -> list[str]:
    actions = [a.id for a in case.post_mortem.actions if a.kind == "corrective" and a.completed_at is None]
    return [*(item.id for item in case.remedies.owed()), *actions]


# Commands -----------------------------------------------------------------------------------------


def _not_issued(case: Case) -> None:
    if case.feedback.issued:
        raise Refused("already_done", "The final response of this complaint has gone out already.")


def _draft(case: Case) -> Draft:
    draft = case.feedback.draft
    if draft is None:
        raise Refused("no_draft", "No response is drafted yet; draft it first.")
    return draft


class DraftResponse(Command):
    """Write the final response, or write it anew; a new draft has to be approved again.

    Say what the text states beside what the pack's template adds.
    """

    title: ClassVar[str] = "Draft the final response"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    text: TextRef
    stage: ResponseStage = "final"
    next_step: TextRef | None = None
    outstanding: TextRef | None = None
    remedy_dates: bool = False
    outside_body_named: bool = False
    outside_time_limit_named: bool = False

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        _not_issued(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        fields = {name: getattr(self, name) for name in self.__class__.model_fields}
        yield ResponseDrafted(draft=f"D{case.feedback.drafts + 1}", **fields)


class _OnDraft(Command):
    """What an approver does with a draft; `draft` names the one that was read."""

    who: ClassVar[frozenset[Role]] = APPROVING

    draft: str

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        _not_issued(case)
        draft = _draft(case)
        if draft.returned:
            raise Refused("returned", f"{draft.id} was returned to be written again; wait for a new draft.")

    def current(self, case: Case) -> Draft:
        draft = _draft(case)
        if draft.id != self.draft:
            raise Refused("draft_changed", f"The response was drafted again; read {draft.id}, then decide.")
        return draft


class ApproveResponse(_OnDraft):
    """Approve the response that somebody else drafted, when it passes the pack's gate."""

    title: ClassVar[str] = "Approve the final response"

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        super().check(case, ctx)
        draft = _draft(case)
        if draft.approved:
            raise Refused("already_done", f"{draft.id} is approved already.")
        fresh_eyes(case, ctx.actor, (draft.drafted_by,), "drafted this response")
        to_do = missing(ctx.rules, case, draft)
        if to_do:
            raise Refused(
                "gate_not_passed",
                f"The response can not be approved yet: {'; '.join(to_do)}.",
                rule="response_gate",
            )
        if draft.outdated:
            raise Refused(
                "draft_outdated", f"The issues have changed since {draft.id} was written; draft it again."
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield ResponseApproved(draft=self.current(case).id)


class ReturnResponse(_OnDraft):
    """Send the draft back to be written again, with the reason."""

    title: ClassVar[str] = "Return the final response"

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        super().check(case, ctx)
        unconflicted(case, ctx.actor)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield ResponseReturned(draft=self.current(case).id, reason=self.reason)


class SendResponse(Command):
    """Send the approved response to the customer; again, where it came back."""

    title: ClassVar[str] = "Send the final response"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        if case.feedback.issued:
            latest = case.letters.latest("final_response")
            if latest is None or latest.state is not DeliveryState.BOUNCED:
                raise Refused(
                    "already_done", "The final response has gone out already, and has not come back."
                )
            return
        draft = _draft(case)
        if not draft.approved:
            raise Refused("not_approved", f"{draft.id} is not approved; have somebody else approve it first.")
        undecided = case.remedies.undecided()
        if undecided:
            names = ", ".join(item.id for item in undecided)
            raise Refused("remedy_undecided", f"Have {names} approved, rejected or withdrawn first.")
        for step in internal_review.owed(case):  # one that was opened after the approval
            raise Refused(
                "internal_review_open", f"An internal review of this complaint is open: {step} first."
            )
        if case.correspondent is None:
            raise Refused(
                "nobody_to_write_to",
                "Nobody can be written to in this complaint; record why there is no delivery instead.",
            )

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        draft = _draft(case)
        queued = letter_to_customer(
            case, "final_response", draft.text, "record why there is no delivery instead"
        )
        if not case.feedback.issued:
            yield ResponseIssued(draft=draft.id)
        yield queued


class RecordNoDelivery(Command):
    """Record why the customer gets no response, or why it can not be delivered. Then it can be closed."""

    title: ClassVar[str] = "Record why there is no delivery"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        if case.feedback.no_delivery:
            raise Refused("already_done", "It is on record already why there is no delivery.")
        if case.letters.reached("final_response") and case.feedback.issued:
            raise Refused(
                "delivered", "The final response has reached the customer; nothing is left to record."
            )
        if case.correspondent is not None and not case.feedback.issued:
            raise Refused("not_sent", "The customer can be written to; send the final response first.")
        if not case.investigation.resolved:
            raise Refused("undecided", "Decide every issue first; that is owed with or without a response.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield NoDeliveryRecorded(reason=self.reason)
