"""Actions: what is done so that it does not happen again, by whom, until when, and whether it has helped."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import AwareDatetime

from complaints.base import (
    HANDLING,
    INSTANT,
    Actor,
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
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from complaints.chapters.post_mortem import PostMortem
    from policies.pack import Pack

CARRYING = HANDLING | {Role.INTAKE_AGENT, Role.APPROVER, Role.COMPLIANCE_OFFICER, Role.ADMINISTRATOR}
"""Who may carry out an action that is theirs."""
_ABOVE = (Role.SUPERVISOR, Role.DEPARTMENT_HEAD)
ActionKind = Literal["corrective", "preventive"]


class Pilot(Frozen):
    """An action tried in one place first. It is compared with how it was before, then rolled out or changed.

    `attempt` is the attempt of the action (0 for the first) that it belongs to. `held` is None until it
    was compared. `late` is set once time has said that `ends_at` passed without a comparison.
    """

    where: TextRef
    change: TextRef | None = None
    started_at: AwareDatetime
    ends_at: AwareDatetime
    attempt: int
    before: TextRef | None = None
    after: TextRef | None = None
    held: bool | None = None
    rolled_out_at: AwareDatetime | None = None
    late: bool = False


class Action(Frozen):
    """Something to be done so that it does not happen again. `id` is A1, A2 …

    `due` is when it has to be complete, `check_after` when its effect can be judged. `overdue` and
    `check_due` are set once time has said so. `attempts` counts how often it was reported complete.
    """

    id: str
    kind: ActionKind
    owner: str
    text: TextRef
    due: AwareDatetime
    check_after: AwareDatetime
    attempts: int = 0
    completed_at: AwareDatetime | None = None
    effective_at: AwareDatetime | None = None
    overdue: bool = False
    check_due: bool = False
    pilots: tuple[Pilot, ...] = ()

    @property
    def pilot(self) -> Pilot | None:
        """The latest pilot of the attempt that is under way, or None."""
        latest = self.pilots[-1] if self.pilots else None
        return latest if latest is not None and latest.attempt == self.attempts else None


# Events --------------------------------------------------------------------------------------------


class OnPostMortem:
    """What events that change the post-mortem have in common."""

    @abstractmethod
    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        """The fields of the post-mortem that the event changes."""

    def evolve(self, case: Case, told: Happening) -> Case:
        before = case.post_mortem
        return case.changed(post_mortem=before.model_copy(update=self.change(before, told)))


def with_action(
    before: PostMortem, action: str, act: Callable[[Action], dict[str, object]]
) -> dict[str, object]:
    """The change of a post-mortem in which `act` says what changes of one of its actions."""
    return {
        "actions": tuple(
            item.model_copy(update=act(item)) if item.id == action else item for item in before.actions
        )
    }


class ActionAdded(OnPostMortem, Event):
    action: str
    kind: ActionKind
    owner: Person
    text: TextRef
    due: AwareDatetime
    check_after: AwareDatetime

    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        added = Action(
            id=self.action, kind=self.kind, owner=self.owner.id, text=self.text, due=self.due,
            check_after=self.check_after,
        )  # fmt: skip
        return {"actions": (*before.actions, added)}


class _ActionEvent(OnPostMortem, Event):
    """An action is carried out by whoever can, often outside the case: that is no hand in the case itself."""

    hand: ClassVar[bool] = False

    action: str

    @abstractmethod
    def act(self, found: Action, told: Happening) -> dict[str, object]:
        """The fields of the action that the event changes."""

    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        return with_action(before, self.action, lambda found: self.act(found, told))


class ActionCompleted(_ActionEvent):
    text: TextRef

    def act(self, found: Action, told: Happening) -> dict[str, object]:
        return {"completed_at": told.occurred_at, "attempts": found.attempts + 1}


class ActionEffective(_ActionEvent):
    """Somebody else looked, and it helped."""

    text: TextRef

    def act(self, found: Action, told: Happening) -> dict[str, object]:
        return {"effective_at": told.occurred_at}


class ActionReopened(_ActionEvent):
    """It was done and did not help: it has to be done again, better, by a new date."""

    text: TextRef
    due: AwareDatetime
    check_after: AwareDatetime

    def act(self, found: Action, told: Happening) -> dict[str, object]:
        again = {"due": self.due, "check_after": self.check_after}
        return {**again, "completed_at": None, "overdue": False, "check_due": False}


class ActionOverdue(_ActionEvent):
    """`due_at` passed and the action was not complete. `owner` is whose action it is."""

    owner: str
    due_at: AwareDatetime

    def act(self, found: Action, told: Happening) -> dict[str, object]:
        return {"overdue": True}


class EffectivenessCheckDue(_ActionEvent):
    """The action is complete and its effect can be judged now; its `owner` must not be the judge."""

    owner: str

    def act(self, found: Action, told: Happening) -> dict[str, object]:
        return {"check_due": True}


# Commands ------------------------------------------------------------------------------------------


def responded(case: Case) -> None:
    """Refuse before the answer: what went wrong is looked at once it is known. Raises Refused."""
    answered = case.at(Fact.RESPONSE_SENT) or case.at(Fact.RESPONSE_DELIVERED) or case.feedback.no_delivery
    if not answered and case.closure.closed_at is None:
        raise Refused(
            "not_responded", "The complaint is not answered yet; the post-mortem begins after that."
        )


def _dates(due: datetime, check_after: datetime, ctx: Context) -> None:
    if due <= ctx.occurred_at:
        raise Refused("due_in_the_past", "An action has to be due later than now; give a later date.")
    if check_after < due:
        raise Refused(
            "check_before_due", "An action's effect is checked when it is due or later; give a later date."
        )


class AddAction(Command):
    """Decide what is done so that it does not happen again: by whom, until when, and when that is checked."""

    title: ClassVar[str] = "Add an action"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    kind: ActionKind
    owner: Person
    text: TextRef
    due: AwareDatetime
    check_after: AwareDatetime

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        responded(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        _dates(self.due, self.check_after, ctx)
        if self.owner.id.startswith("party:"):
            raise Refused("not_staff", "An action is owned by somebody of the staff; choose one of them.")
        yield ActionAdded(
            action=f"A{len(case.post_mortem.actions) + 1}", kind=self.kind, owner=self.owner, text=self.text,
            due=self.due, check_after=self.check_after,
        )  # fmt: skip


def find_action(case: Case, action: str) -> Action:
    """The action of this id. Raises Refused."""
    found = case.post_mortem.find(action)
    if found is None:
        known = ", ".join(item.id for item in case.post_mortem.actions) or "none yet"
        raise Refused("no_action", f"This complaint has no action {action}; its actions are: {known}.")
    return found


class CompleteAction(Command):
    """Report that an action is done, and how."""

    title: ClassVar[str] = "Complete an action"
    who: ClassVar[frozenset[Role]] = CARRYING

    action: str
    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        waiting = [item for item in case.post_mortem.actions if item.completed_at is None]
        if not waiting:
            raise Refused("no_action", "No action of this complaint is waiting to be done.")
        if not any(carries(item, ctx.actor) for item in waiting):
            raise not_yours("report it done")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = find_action(case, self.action)
        if found.completed_at is not None:
            raise Refused("already_done", f"Action {self.action} is complete already.")
        if not carries(found, ctx.actor):
            raise not_yours("report it done")
        _permit_after_pilot(found)
        yield ActionCompleted(action=self.action, text=self.text)


def carries(action: Action, actor: Actor) -> bool:
    """Whether the action is this person's to carry out."""
    return actor.id == action.owner or actor.has(*_ABOVE)


def not_yours(what: str) -> Refused:
    """The refusal for somebody whose action it is not."""
    who = "the action's owner, supervisor, department head"
    return Refused("not_the_owner", f"Only the action's owner, or a supervisor, may {what}.", who=who)


def _permit_after_pilot(found: Action) -> None:
    """Refuse to call an action done whose pilot is not at its end. Raises Refused."""
    pilot = found.pilot
    if pilot is None or pilot.rolled_out_at is not None:
        return
    if pilot.held is None:
        raise Refused(
            "pilot_not_compared",
            f"{found.id} is being piloted; compare the pilot with how it was before, then go on.",
        )
    if not pilot.held:
        raise Refused(
            "pilot_did_not_hold",
            f"The pilot of {found.id} did not hold; change the action, pilot it again, then complete it.",
        )
    raise Refused("not_rolled_out", f"The pilot of {found.id} held; roll the action out, then complete it.")


class CheckEffectiveness(Command):
    """Say whether an action has helped. If it has not, it is to be done again: give new dates."""

    title: ClassVar[str] = "Check an action's effect"
    who: ClassVar[frozenset[Role]] = HANDLING | {Role.APPROVER, Role.COMPLIANCE_OFFICER}

    action: str
    effective: bool
    text: TextRef
    new_due: AwareDatetime | None = None
    new_check_after: AwareDatetime | None = None

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        done = [a for a in case.post_mortem.actions if a.completed_at is not None and a.effective_at is None]
        if not done:
            raise Refused("no_action", "No action of this complaint is waiting for its effect to be checked.")
        if all(item.owner == ctx.actor.id for item in done):
            raise _own_action()

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = find_action(case, self.action)
        if found.effective_at is not None:
            raise Refused("already_done", f"Action {self.action} was checked already, and it has helped.")
        if found.completed_at is None:
            raise Refused("not_completed", f"Action {self.action} is not complete yet; check it after that.")
        if found.owner == ctx.actor.id:
            raise _own_action()
        if ctx.occurred_at < max(found.check_after, found.completed_at):
            raise Refused(
                "too_early",
                f"The effect of {self.action} can be judged from {found.check_after:%Y-%m-%d %H:%M} UTC on.",
            )
        if self.effective:
            yield ActionEffective(action=self.action, text=self.text)
            return
        if self.new_due is None or self.new_check_after is None:
            raise Refused(
                "new_dates_missing",
                "An action that has not helped is done again: give when it is due and checked.",
            )
        _dates(self.new_due, self.new_check_after, ctx)
        yield ActionReopened(
            action=self.action, text=self.text, due=self.new_due, check_after=self.new_check_after
        )


def _own_action() -> Refused:
    return Refused(
        "self_approval", "This is your own action; somebody else has to judge whether it has helped."
    )


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """An action that is not complete when due, and an effect that can be judged: each said once."""
    for action in case.post_mortem.actions:
        if action.completed_at is None:
            if not action.overdue:
                overdue = ActionOverdue(action=action.id, owner=action.owner, due_at=action.due)
                yield Coming(action.due + INSTANT, overdue)
        elif action.effective_at is None and not action.check_due:
            # Complete only after the date of the check: there is something to check from then on.
            when = max(action.check_after, action.completed_at)
            yield Coming(when, EffectivenessCheckDue(action=action.id, owner=action.owner))
