"""Pilots: an improvement is tried in one place, compared with how it was before, then rolled out or changed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import INSTANT, Coming, Command, Context, Event, Happening, Refused, TextRef
from complaints.chapters.actions import (
    CARRYING,
    Action,
    OnPostMortem,
    Pilot,
    carries,
    find_action,
    not_yours,
    with_action,
)
from policies.vocabulary import Role

if TYPE_CHECKING:
    from complaints.case import Case
    from complaints.chapters.post_mortem import PostMortem
    from policies.pack import Pack


# Events --------------------------------------------------------------------------------------------


class _PilotEvent(OnPostMortem, Event):
    """As an action, a pilot is carried out by whoever can: that is no hand in the case itself."""

    hand: ClassVar[bool] = False

    action: str

    @abstractmethod
    def pilots(self, found: Action, told: Happening) -> tuple[Pilot, ...]:
        """The action's pilots after the event."""

    def change(self, before: PostMortem, told: Happening) -> dict[str, object]:
        return with_action(before, self.action, lambda found: {"pilots": self.pilots(found, told)})


def _latest(found: Action, **fields: object) -> tuple[Pilot, ...]:
    return (*found.pilots[:-1], found.pilots[-1].model_copy(update=fields))


class ActionPiloted(_PilotEvent):
    """The action is tried in one place until `ends_at`; `change_made` is new since one that failed."""

    where: TextRef
    ends_at: AwareDatetime
    change_made: TextRef | None = None

    def pilots(self, found: Action, told: Happening) -> tuple[Pilot, ...]:
        begun = Pilot(
            where=self.where, change=self.change_made, started_at=told.occurred_at, ends_at=self.ends_at,
            attempt=found.attempts,
        )  # fmt: skip
        return (*found.pilots, begun)


class PilotCompared(_PilotEvent):
    """How it was before and how it was in the pilot; `held` says whether that is better."""

    before: TextRef
    after: TextRef
    held: bool

    def pilots(self, found: Action, told: Happening) -> tuple[Pilot, ...]:
        return _latest(found, before=self.before, after=self.after, held=self.held)


class ActionRolledOut(_PilotEvent):
    """What held in the pilot is done everywhere."""

    def pilots(self, found: Action, told: Happening) -> tuple[Pilot, ...]:
        return _latest(found, rolled_out_at=told.occurred_at)


class PilotOverdue(_PilotEvent):
    """`ends_at` passed and nobody compared the pilot with how it was before. `owner` is whose action it is."""

    owner: str
    ends_at: AwareDatetime

    def pilots(self, found: Action, told: Happening) -> tuple[Pilot, ...]:
        return _latest(found, late=True)


# Commands ------------------------------------------------------------------------------------------


class _OnPilot(Command):
    who: ClassVar[frozenset[Role]] = CARRYING
    doing: ClassVar[str] = ""
    nothing: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def fits(cls, action: Action) -> bool:
        """Whether it can be given about this action as it is."""

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        waiting = [item for item in case.post_mortem.actions if cls.fits(item)]
        if not waiting:
            raise Refused("no_action", cls.nothing)
        if not any(carries(item, ctx.actor) for item in waiting):
            raise not_yours(cls.doing)

    def _theirs(self, case: Case, ctx: Context, action: str) -> Action:
        found = find_action(case, action)
        if not carries(found, ctx.actor):
            raise not_yours(self.doing)
        if found.completed_at is not None:
            raise Refused("already_done", f"Action {action} is complete already.")
        return found


class PilotAction(_OnPilot):
    """Try an action in one place first. After a pilot that did not hold, say in `change` what was changed."""

    title: ClassVar[str] = "Pilot an action"
    doing: ClassVar[str] = "pilot it"
    nothing: ClassVar[str] = "No action of this complaint is waiting to be piloted."

    action: str
    where: TextRef
    until: AwareDatetime
    change: TextRef | None = None

    @classmethod
    def fits(cls, action: Action) -> bool:
        return action.completed_at is None and (action.pilot is None or action.pilot.held is False)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = self._theirs(case, ctx, self.action)
        pilot = found.pilot
        if pilot is not None and pilot.held is not False:
            say = "compare it first" if pilot.held is None else "it held, and is to be rolled out"
            raise Refused("already_piloted", f"Action {self.action} is piloted already; {say}.")
        if pilot is not None and self.change is None:
            raise Refused(
                "change_missing", f"The pilot of {self.action} did not hold; say what was changed since."
            )
        if self.until <= ctx.occurred_at:
            raise Refused("due_in_the_past", "A pilot has to end later than now; give a later date.")
        yield ActionPiloted(action=self.action, where=self.where, ends_at=self.until, change_made=self.change)


class ComparePilot(_OnPilot):
    """Compare a pilot with how it was before. If it did not hold, the action goes back to be changed."""

    title: ClassVar[str] = "Compare a pilot"
    doing: ClassVar[str] = "compare its pilot"
    nothing: ClassVar[str] = "No pilot of this complaint's actions is waiting to be compared."

    action: str
    before: TextRef
    after: TextRef
    held: bool

    @classmethod
    def fits(cls, action: Action) -> bool:
        return action.pilot is not None and action.pilot.held is None

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = self._theirs(case, ctx, self.action)
        if found.pilot is None:
            raise Refused("not_piloted", f"Action {self.action} is not being piloted.")
        if found.pilot.held is not None:
            raise Refused("already_done", f"The pilot of {self.action} was compared already.")
        yield PilotCompared(action=self.action, before=self.before, after=self.after, held=self.held)


class RollOutAction(_OnPilot):
    """Roll out everywhere what held in the pilot."""

    title: ClassVar[str] = "Roll an action out"
    doing: ClassVar[str] = "roll it out"
    nothing: ClassVar[str] = "No action of this complaint held in a pilot and waits to be rolled out."

    action: str

    @classmethod
    def fits(cls, action: Action) -> bool:
        return action.pilot is not None and action.pilot.held is True and action.pilot.rolled_out_at is None

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = self._theirs(case, ctx, self.action)
        if found.pilot is None:
            raise Refused("not_piloted", f"Action {self.action} is not being piloted.")
        if not found.pilot.held:
            now = "was not compared yet" if found.pilot.held is None else "did not hold"
            raise Refused(
                "pilot_not_held", f"The pilot of {self.action} {now}; only what held is rolled out."
            )
        if found.pilot.rolled_out_at is not None:
            raise Refused("already_done", f"Action {self.action} is rolled out already.")
        yield ActionRolledOut(action=self.action)


def coming(pack: Pack, case: Case) -> Iterator[Coming]:
    """A pilot that is over and was not compared: said once."""
    for action in case.post_mortem.actions:
        pilot = action.pilot
        if pilot is not None and pilot.held is None and not pilot.late:
            late = PilotOverdue(action=action.id, owner=action.owner, ends_at=pilot.ends_at)
            yield Coming(pilot.ends_at + INSTANT, late)
