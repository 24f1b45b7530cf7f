"""Tiers of handling: who may hold a complaint as it stands, and what moves it up (service-centre S3.1, 分級響應)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from complaints.base import HANDLING, Command, Context, Event, Happening, Person, Refused, TextRef
from complaints.people.standing import still_open
from policies.vocabulary import Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from complaints.timing.occurrences import ClockBreached, RungClimbed
    from policies.pack import HandlingTier, Pack


class TierRaised(Event):
    """The complaint is in this tier from here on: its time in the last was over, its class, or somebody, asked for it.

    `tell` are the roles that hold the new tier; they hear of it.
    """

    hand: ClassVar[bool] = False

    to: int
    why: Literal["time", "class", "person"]
    tell: tuple[str, ...]
    reason: TextRef | None = None

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.TIER_ENTERED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case.changed(handling_tier=self.to)


def tier_of(pack: Pack, number: int) -> HandlingTier | None:
    """The pack's tier of this number; None where the pack has none."""
    return next((tier for tier in pack.handling_tiers if tier.number == number), None)


def holds(pack: Pack, case: Case, person: Person) -> bool:
    """Whether this person may hold the complaint in the tier that it is in; anybody where the pack has no tiers."""
    tier = tier_of(pack, case.handling_tier)
    return tier is None or any(role in tier.held_by for role in person.roles)


def permit_holder(pack: Pack, case: Case, person: Person) -> None:
    """Refuse a person who does not hold the tier that the complaint is in. Raises Refused."""
    tier = tier_of(pack, case.handling_tier)
    if tier is not None and not holds(pack, case, person):
        who = ", ".join(role.replace("_", " ") for role in tier.held_by)
        raise Refused(
            "tier_too_high",
            f"This complaint is in tier {tier.number} ({tier.title['en']}), which is held by: {who}; "
            "have one of them take it.",
            rule=f"handling_tiers {tier.number} ({tier.source.document}, {tier.source.section})",
            who=who,
        )


def by_class(pack: Pack, case: Case) -> Iterator[TierRaised]:
    """The tier that the complaint's classes begin in, where that is above the one it is in."""
    classes = case.classes.model_dump()
    entered = [
        tier
        for tier in pack.handling_tiers
        if tier.enters_if is not None and tier.number > case.handling_tier and tier.enters_if.holds(**classes)
    ]
    if entered:
        yield _raised(max(entered, key=lambda tier: tier.number), "class")


def by_time(pack: Pack, case: Case, breached: ClockBreached) -> Iterator[TierRaised]:
    """The next tier, where the clock that ran out says that this moves the complaint up."""
    if pack.clock(breached.clock).raises_tier:
        above = tier_of(pack, case.handling_tier + 1)
        if above is not None:
            yield _raised(above, "time")


def by_rung(pack: Pack, case: Case, climbed: RungClimbed) -> Iterator[TierRaised]:
    """The next tier, where the rung that called says that this moves the complaint up."""
    rung = pack.ladders[climbed.ladder].rungs[climbed.rung]
    if climbed.repeat == 0 and rung.raise_tier and case.open:
        above = tier_of(pack, case.handling_tier + 1)
        if above is not None:
            yield _raised(above, "time")


def _raised(
    tier: HandlingTier, why: Literal["time", "class", "person"], reason: TextRef | None = None
) -> TierRaised:
    tell = tuple(f"role:{role}" for role in tier.held_by)
    return TierRaised(to=tier.number, why=why, tell=tell, reason=reason)


class RaiseTier(Command):
    """Move the complaint up to the next tier of handling; whoever owns it answers for it until it is taken there."""

    title: ClassVar[str] = "Move up a tier"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    reason: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        if not ctx.rules.handling_tiers:
            raise Refused(
                "no_tiers", "The pack of this complaint has no tiers of handling; escalate it instead."
            )
        if tier_of(ctx.rules, case.handling_tier + 1) is None:
            raise Refused("top_tier", "This complaint is in the highest tier already; escalate it instead.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        above = tier_of(ctx.rules, case.handling_tier + 1)
        if above is not None:
            yield _raised(above, "person", self.reason)
