"""Ownership: who took the complaint answers for it until somebody accepts it from them; a conflict recuses."""

from datetime import timedelta

import pytest

from complaints.base import INSTANT, Command
from complaints.chapters.escalation import Escalate
from complaints.chapters.intake import AddNote
from complaints.chapters.investigation import RecordFinding
from complaints.chapters.issues import AddIssue
from complaints.chapters.ownership import (
    AcceptHandover,
    Assign,
    Assigned,
    DeclareConflict,
    DeclineHandover,
    HandoverLapsed,
    OfferHandover,
    OwnershipTaken,
    TakeOwnership,
    WithdrawHandover,
)
from tests.complaints.support import PACK, Story, ana, ben, cleo, dora, iris, person, text


def offered() -> Story:
    """Ana's complaint, on offer to Ben."""
    story = Story.owned()
    story.do(ana, OfferHandover(to=person(ben), reason=text("He knows the shop.")))
    return story


def test_whoever_takes_it_first_answers_for_it() -> None:
    story = Story()
    story.do(ana, TakeOwnership())
    assert (story.case.ownership.owner, story.case.ownership.supervisor) == ("ana", "dora")
    assert story.refused(ben, TakeOwnership()) == "owned"
    assert story.refused(ana, TakeOwnership()) == "already_done"


def test_an_offer_changes_nothing_until_it_is_accepted() -> None:
    story = offered()
    assert story.case.ownership.owner == "ana"
    story.do(ben, AcceptHandover())
    assert (story.case.ownership.owner, story.case.ownership.offered_to) == ("ben", None)
    assert len(story.told(OwnershipTaken)) == 2


def test_a_declined_offer_leaves_it_where_it_was() -> None:
    story = offered()
    story.do(ben, DeclineHandover(reason=text("On leave from tomorrow.")))
    assert (story.case.ownership.owner, story.case.ownership.offered_to) == ("ana", None)
    assert story.refused(ben, AcceptHandover()) == "no_offer"


def test_a_withdrawn_offer_can_not_be_accepted_any_more() -> None:
    story = offered()
    story.do(ana, WithdrawHandover())
    assert story.refused(ben, AcceptHandover()) == "no_offer"
    assert story.refused(ana, WithdrawHandover()) == "no_offer"


def test_an_offer_that_nobody_answers_lapses_and_can_be_made_again() -> None:
    story = offered()
    lapses_at = story.case.ownership.offer_lapses_at
    assert lapses_at == PACK.after(story.now, PACK.windows.handover_lapses)
    assert lapses_at is not None
    story.until(lapses_at)
    assert not story.told(HandoverLapsed)  # exactly at the moment is still in time
    story.until(lapses_at + INSTANT)
    assert [event.to for event in story.told(HandoverLapsed)] == ["ben"]
    assert story.case.ownership.owner == "ana"
    assert story.refused(ben, AcceptHandover()) == "no_offer"
    story.do(ana, OfferHandover(to=person(ben)))
    assert story.case.ownership.offered_to == "ben"


def test_only_the_one_it_is_offered_to_can_answer_and_only_the_owner_can_offer() -> None:
    story = offered()
    assert story.refused(dora, AcceptHandover()) == "not_offered_to_you"
    assert story.refused(ana, OfferHandover(to=person(dora))) == "already_offered"
    assert story.refused(ben, WithdrawHandover()) == "not_the_owner"


def test_it_is_offered_only_to_somebody_who_handles_complaints() -> None:
    story = Story.owned()
    assert story.refused(ana, OfferHandover(to=person(cleo))) == "not_a_handler"
    assert story.refused(ana, OfferHandover(to=person(ana))) == "owns_already"


def test_a_supervisor_assigns_and_a_handler_does_not() -> None:
    story = Story.owned()
    story.do(dora, Assign(to=person(ben), reason=text("Ana is ill.")))
    assert (story.case.ownership.owner, len(story.told(Assigned))) == ("ben", 1)
    assert story.refused(ana, Assign(to=person(ana))) == "not_allowed"


def test_an_owner_who_declares_a_conflict_owns_it_no_longer_and_can_not_get_it_back() -> None:
    story = Story.owned()
    story.do(ana, DeclareConflict(reason=text("The shop is my brother's.")))
    assert story.case.ownership.owner is None
    assert story.refused(ana, TakeOwnership()) == "conflict_declared"
    assert story.refused(dora, Assign(to=person(ana))) == "conflict_declared"


def test_an_offer_to_somebody_who_declares_a_conflict_falls_away() -> None:
    story = offered()
    story.do(ben, DeclareConflict(reason=text("A friend of mine.")))
    assert story.case.ownership.offered_to is None
    assert story.refused(ben, AcceptHandover()) == "conflict_declared"


@pytest.mark.parametrize(
    "command",
    [
        AddNote(text=text("x")),
        AddIssue(text=text("x")),
        RecordFinding(text=text("x")),
        Assign(to=person(ben)),
        OfferHandover(to=person(ben)),
        Escalate(reason=text("x")),
    ],
    ids=lambda command: command.type,
)
def test_whoever_declared_a_conflict_is_recused_whatever_their_rank(command: Command) -> None:
    story = Story.owned()
    story.do(dora, DeclareConflict(reason=text("The shop is my brother's.")))
    assert story.refused(dora, command) == "conflict_declared"


def test_a_conflict_is_declared_once_and_not_by_those_who_only_take_complaints_in() -> None:
    story = Story()
    story.do(ben, DeclareConflict(reason=text("A friend of mine.")))
    assert story.refused(ben, DeclareConflict(reason=text("Still."))) == "already_done"
    assert story.refused(iris, DeclareConflict(reason=text("x"))) == "not_allowed"


def test_the_clock_of_the_new_owner_starts_at_the_acceptance() -> None:
    story = offered()
    before = story.now
    story.do(ben, AcceptHandover(), at=before + timedelta(minutes=30))
    assert story.case.ownership.since == before + timedelta(minutes=30)
