"""Dispatch: whom the service gives a triaged complaint to, by type, tier and load, and what is said where nobody is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from complaints.base import Actor, Happening
from complaints.chapters.endings import Withdraw
from complaints.chapters.ownership import DeclareConflict, OfferHandover, TakeOwnership
from complaints.chapters.triage import Reclassify, Triage
from complaints.messages import Message, messages
from complaints.people.dispatching import (
    Candidate,
    Chosen,
    Dispatch,
    Dispatched,
    DispatchFailed,
    Nobody,
    ReportNobody,
    choose,
    rule_for,
    waits,
)
from complaints.view import view
from policies.pack import Pack
from policies.rules import Applies, Basis, DispatchRule, HandlingTier, Source
from policies.vocabulary import Kind, Role, Severity, Tier
from tests.complaints.support import PACK, RECEIVED, Story, ana, ben, dora, emil, machine, person, text

SAID = {"basis": Basis.EXAMPLE, "source": Source(document="d", section="s"), "since": date(2025, 1, 1)}
RULES = (
    DispatchRule(applies_if=Applies(tiers=(Tier.MAJOR,)), to=Role.SUPERVISOR, **SAID),
    DispatchRule(
        applies_if=Applies(kinds=(Kind.SERVICE_REQUEST,)), to=Role.HANDLER, department="logistics", **SAID
    ),
    DispatchRule(applies_if=Applies(kinds=(Kind.COMPLAINT, Kind.ENQUIRY)), to=Role.HANDLER, **SAID),
)
DISPATCHING: Pack = PACK.model_copy(update={"name": "dispatching", "dispatch": RULES})
TIERED: Pack = DISPATCHING.model_copy(
    update={
        "name": "tiered",
        "handling_tiers": (
            HandlingTier(number=1, title={"en": "First"}, held_by=(Role.HANDLER,), **SAID),
            HandlingTier(number=2, title={"en": "Second"}, held_by=(Role.SUPERVISOR,), **SAID),
        ),
    }
)


def one(
    actor: Actor,
    load: int = 0,
    *,
    department: str | None = None,
    away: bool = False,
    hours: int | None = None,
) -> Candidate:
    """Somebody; `hours` is how long ago the service gave them one."""
    at = None if hours is None else RECEIVED - timedelta(hours=hours)
    return Candidate(person=person(actor), department=department, load=load, away=away, assigned_at=at)


def triaged(pack: Pack = DISPATCHING, kind: Kind = Kind.COMPLAINT, tier: Tier = Tier.STANDARD) -> Story:
    story = Story(pack=pack)
    story.do(dora, Triage(kind=kind, severity=Severity.REGULAR, tier=tier))
    return story


def given(story: Story, people: Sequence[Candidate]) -> tuple[Happening, ...]:
    """The service chooses, and its fact is told."""
    found = choose(story.pack, story.case, people)
    assert isinstance(found, Chosen)
    return story.do(machine, Dispatch(to=found.to, rule=found.rule, load=found.load))


def called_for(story: Story, told: Sequence[Happening]) -> list[Message]:
    return [message for item in told for message in messages(story.pack, story.case, item)]


@pytest.mark.parametrize(
    ("people", "who"),
    [
        ([one(ana, 3), one(ben, 2)], "ben"),  # the least load
        ([one(ana, 2, hours=1), one(ben, 2, hours=5)], "ben"),  # then the longest without a new one
        ([one(ana, 2, hours=9), one(ben, 2)], "ben"),  # never is longest ago
        ([one(ben, 2), one(ana, 2)], "ana"),  # then by id
        ([one(ana, 0, away=True), one(ben, 9)], "ben"),
        ([one(dora, 0), one(ben, 9)], "ben"),  # the rule says handler
    ],
)
def test_it_goes_to_whoever_has_the_least_to_do(people: list[Candidate], who: str) -> None:
    found = choose(DISPATCHING, triaged().case, people)
    assert isinstance(found, Chosen)
    assert (found.to.id, found.rule) == (who, 2)


def test_the_first_rule_that_holds_for_type_and_tier_says_to_whom() -> None:
    people = [one(ana), one(ben, 5, department="logistics"), one(dora, 7)]
    for story, who, rule in (
        (triaged(), "ana", 2),
        (triaged(kind=Kind.SERVICE_REQUEST), "ben", 1),
        (triaged(tier=Tier.MAJOR, kind=Kind.SERVICE_REQUEST), "dora", 0),
    ):
        found = choose(DISPATCHING, story.case, people)
        assert isinstance(found, Chosen)
        assert (found.to.id, found.rule) == (who, rule)


def test_only_who_holds_the_present_tier_of_handling_gets_it() -> None:
    story = triaged(TIERED)
    assert choose(TIERED, story.case, [one(ana)]) == Chosen(to=person(ana), rule=2, load=0)
    raised = story.case.changed(handling_tier=2)
    assert choose(TIERED, raised, [one(ana)]) == Nobody(rule=2, why="nobody_holds_the_tier")


@pytest.mark.parametrize(
    ("kind", "people", "why"),
    [
        (Kind.COMPLAINT, [], "nobody_has_the_role"),
        (Kind.COMPLAINT, [one(dora)], "nobody_has_the_role"),
        (Kind.SERVICE_REQUEST, [one(ana), one(ben, department="product")], "nobody_in_the_department"),
        (Kind.COMPLAINT, [one(ana, away=True)], "all_away"),
    ],
)
def test_where_there_is_nobody_it_says_why(kind: Kind, people: list[Candidate], why: str) -> None:
    found = choose(DISPATCHING, triaged(kind=kind).case, people)
    assert isinstance(found, Nobody)
    assert found.why == why
    assert found.sentence.endswith(".")


def test_it_waits_from_triage_until_somebody_has_it() -> None:
    story = Story(pack=DISPATCHING)
    assert not waits(DISPATCHING, story.case)
    story.do(dora, Triage(kind=Kind.COMPLAINT, severity=Severity.REGULAR, tier=Tier.STANDARD))
    assert view(DISPATCHING, story.case).to_dispatch
    given(story, [one(ana)])
    assert not view(DISPATCHING, story.case).to_dispatch
    with pytest.raises(ValueError, match="not to be dispatched"):
        choose(DISPATCHING, story.case, [one(ben)])


def test_nothing_waits_without_a_rule_for_it_or_after_its_end() -> None:
    assert not waits(PACK, triaged(PACK).case)
    assert not waits(DISPATCHING, triaged(kind=Kind.SUGGESTION).case)
    story = triaged()
    story.do(ana, TakeOwnership())
    assert not waits(DISPATCHING, story.case)
    story.do(ana, OfferHandover(to=person(ben)))
    assert not waits(DISPATCHING, story.case)
    other = triaged()
    other.do(dora, Withdraw(reason=text("Settled.")))
    assert not waits(DISPATCHING, other.case)


def test_what_is_given_has_an_owner_and_says_by_which_rule_and_load() -> None:
    story = triaged()
    told = given(story, [one(ana, 4), one(ben, 6)])
    assert [event.model_dump() for event in story.told(Dispatched)] == [
        {"to": person(ana).model_dump(), "rule": 2, "load": 4}
    ]
    own = story.case.ownership
    assert (own.owner, own.supervisor, own.dispatch_rule) == ("ana", "dora", 2)
    assert [(message.kind, message.to) for message in called_for(story, told[:1])] == [
        ("assigned", "staff:ana")
    ]


def test_what_a_person_takes_was_not_dispatched() -> None:
    story = triaged()
    story.do(ben, TakeOwnership())
    assert story.case.ownership.dispatch_rule is None


def test_a_choice_that_came_too_late_changes_nothing() -> None:
    choice = Dispatch(to=person(ana), rule=2, load=0)
    taken = triaged()
    taken.do(ben, TakeOwnership())
    assert taken.do(machine, choice) == ()
    classed = triaged()
    classed.do(
        dora, Reclassify(kind=Kind.COMPLAINT, severity=Severity.REGULAR, tier=Tier.MAJOR, reason=text("VIP"))
    )
    assert rule_for(DISPATCHING, classed.case) == 0
    assert classed.do(machine, choice) == ()
    recused = triaged()
    recused.do(ana, DeclareConflict(reason=text("My cousin.")))
    assert recused.do(machine, choice) == ()
    assert choose(DISPATCHING, recused.case, [one(ana)]) == Nobody(rule=2, why="all_recused")


def test_an_owner_who_is_recused_gives_it_back_to_the_service() -> None:
    story = triaged()
    given(story, [one(ana)])
    story.do(ana, DeclareConflict(reason=text("My cousin.")))
    assert waits(DISPATCHING, story.case)
    given(story, [one(ana), one(ben, 50)])
    assert story.case.ownership.owner == "ben"


def test_that_nobody_is_there_is_said_once_for_each_reason_and_is_over_with_an_owner() -> None:
    story = triaged()
    told = story.do(machine, ReportNobody(rule=2, unplaced="all_away"))
    assert [(message.kind, message.to) for message in called_for(story, told)] == [
        ("dispatch_failed", "role:supervisor")
    ]
    assert story.do(machine, ReportNobody(rule=2, unplaced="all_away")) == ()
    assert story.do(machine, ReportNobody(rule=2, unplaced="nobody_has_the_role"))
    assert len(story.told(DispatchFailed)) == 2
    assert waits(DISPATCHING, story.case)
    given(story, [one(ana)])
    assert story.case.ownership.unplaced is None


def test_no_person_can_pose_as_the_service() -> None:
    story = triaged()
    assert story.refused(emil, Dispatch(to=person(ana), rule=2, load=0)) == "not_allowed"
