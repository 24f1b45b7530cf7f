"""Dispatch: to whom the service gives a triaged complaint that nobody has taken, by the pack's rules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import AwareDatetime

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Person
from complaints.chapters.internal_review import reviews
from complaints.chapters.ownership import owned
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from policies.pack import Pack

Why = Literal[
    "nobody_has_the_role", "nobody_in_the_department", "nobody_holds_the_tier", "all_recused", "all_away"
]
"""Why there is nobody to give a complaint to."""

_SENTENCES: dict[Why, str] = {
    "nobody_has_the_role": "Nobody here has the role that this complaint goes to.",
    "nobody_in_the_department": "Nobody in the department that this complaint goes to has the role for it.",
    "nobody_holds_the_tier": "Nobody to whom this complaint could go holds its tier of handling.",
    "all_recused": "Everybody to whom this complaint could go has a conflict of interest in it.",
    "all_away": "Everybody to whom this complaint could go is away.",
}
_NEVER = datetime.min.replace(tzinfo=UTC)


class Candidate(Frozen):
    """An active member of staff. `load`: open complaints they own; `assigned_at`: when the service last gave
    them one, None for never.
    """

    person: Person
    department: str | None = None
    load: int = 0
    away: bool = False
    assigned_at: AwareDatetime | None = None


class Chosen(Frozen):
    """Whom the complaint goes to, by which of the pack's rules (from 0), and what they had to do already."""

    to: Person
    rule: int
    load: int


class Nobody(Frozen):
    """That there is nobody, by which rule, and why."""

    rule: int
    why: Why

    @property
    def sentence(self) -> str:
        """For a person."""
        return _SENTENCES[self.why]


BY_LADDER = -1
"""In place of a dispatch rule's number: a rung of a ladder has the complaint given to another role."""


def rule_for(pack: Pack, case: Case) -> int | None:
    """The number of the first dispatch rule that holds for the case, or BY_LADDER; None where there is none."""
    if case.escalation.wanted is not None:
        return BY_LADDER
    for number, rule in enumerate(pack.dispatch):
        if rule.applies_if.holds(**dict(case.classes)):
            return number
    return None


def waits(pack: Pack, case: Case) -> bool:
    """Whether the service is to give the case to somebody: triaged, open, nobody's, and under a rule.

    Or whoever owns it, where a rung of a ladder wants it in other hands.
    """
    if not case.open or case.closure.archived_at is not None or case.erased is not None:
        return False
    if case.escalation.wanted is not None:
        return True
    return (
        case.at(Fact.TRIAGED) is not None
        and case.ownership.owner is None
        and case.ownership.offered_to is None
        and rule_for(pack, case) is not None
    )


def _given_to(pack: Pack, case: Case, rule: int) -> tuple[Role, str | None]:
    """The role, and the department where it matters, that a rule gives the case to."""
    if rule == BY_LADDER and case.escalation.wanted is not None:
        return case.escalation.wanted, None
    return pack.dispatch[rule].to, pack.dispatch[rule].department


def choose(pack: Pack, case: Case, people: Sequence[Candidate]) -> Chosen | Nobody:
    """Of those who may have the case the one with the least to do; the longest without a new one, then by id.

    Raises ValueError for a case that waits for nobody.
    """
    number = rule_for(pack, case)
    if number is None or not waits(pack, case):
        raise ValueError("this case is not to be dispatched")
    role, department = _given_to(pack, case, number)
    left = [one for one in people if role in one.person.roles and HANDLING & set(one.person.roles)]
    left = [one for one in left if one.person.id != case.ownership.owner]
    if not left:
        return Nobody(rule=number, why="nobody_has_the_role")
    left = [one for one in left if department in (None, one.department)]
    if not left:
        return Nobody(rule=number, why="nobody_in_the_department")
    left = [one for one in left if _holds_tier(pack, case, one.person)]
    if not left:
        return Nobody(rule=number, why="nobody_holds_the_tier")
    left = [one for one in left if _free_of_it(case, one.person)]
    if not left:
        return Nobody(rule=number, why="all_recused")
    left = [one for one in left if not one.away]
    if not left:
        return Nobody(rule=number, why="all_away")
    best = min(left, key=lambda one: (one.load, one.assigned_at or _NEVER, one.person.id))
    return Chosen(to=best.person, rule=number, load=best.load)


def _holds_tier(pack: Pack, case: Case, person: Person) -> bool:
    """Whether the person holds the tier of handling that the case is in now; every one where a pack has none."""
    tier = next((tier for tier in pack.handling_tiers if tier.number == case.handling_tier), None)
    return tier is None or bool(set(tier.held_by) & set(person.roles))


def _may_have(pack: Pack, case: Case, role: Role, person: Person) -> bool:
    """As `choose`, for what can be told of the person alone: the rest was attested when they were chosen."""
    return (
        role in person.roles
        and bool(HANDLING & set(person.roles))
        and _holds_tier(pack, case, person)
        and _free_of_it(case, person)
    )


def _free_of_it(case: Case, person: Person) -> bool:
    """Whether neither a conflict of interest nor an internal review keeps the person from owning the case."""
    return person.id not in case.ownership.conflicted and not reviews(case, person.id)


# Events -------------------------------------------------------------------------------------------


class Dispatched(Event):
    """The service made somebody the owner. `rule`: the pack's, from 0, or BY_LADDER; `load`: what they had open."""

    hand: ClassVar[bool] = False

    to: Person
    rule: int
    load: int

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.OWNED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return owned(case, self.to, told, dispatch_rule=self.rule)


class DispatchFailed(Event):
    """The service found nobody to give the case to; it goes on looking, and says so again for another reason."""

    hand: ClassVar[bool] = False

    rule: int
    unplaced: Why

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(ownership=case.ownership.model_copy(update={"unplaced": self.unplaced}))


# Facts from the service -------------------------------------------------------------------------------


class Dispatch(Command):
    """The service gives a complaint to whoever may have it and has the least to do."""

    title: ClassVar[str] = "Assigned by the service"
    who: ClassVar[frozenset[Role]] = frozenset({Role.ADMINISTRATOR})
    fact: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    to: Person
    rule: int
    load: int

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        # Somebody may have taken it meanwhile, or it is classed otherwise: then the choice is void.
        if not waits(ctx.rules, case) or rule_for(ctx.rules, case) != self.rule:
            return
        if _may_have(ctx.rules, case, _given_to(ctx.rules, case, self.rule)[0], self.to):
            yield Dispatched(to=self.to, rule=self.rule, load=self.load)


class ReportNobody(Command):
    """The service found nobody to give a complaint to."""

    title: ClassVar[str] = "Nobody to assign it to"
    who: ClassVar[frozenset[Role]] = frozenset({Role.ADMINISTRATOR})
    fact: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    rule: int
    unplaced: Why

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if waits(ctx.rules, case) and case.ownership.unplaced != self.unplaced:
            yield DispatchFailed(rule=self.rule, unplaced=self.unplaced)
