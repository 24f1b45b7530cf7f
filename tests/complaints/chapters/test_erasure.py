"""Erasure: only what is over and free may be erased, and after it nothing is added."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import SYSTEM, Actor, Command
from complaints.chapters.closure import Reopen
from complaints.chapters.conversation import NeedsNoAnswer, WriteMessage
from complaints.chapters.endings import AppealDecline, Decline, Withdraw
from complaints.chapters.erasure import (
    ErasePersonalData,
    PersonalDataErased,
    PlaceLegalHold,
    ReleaseLegalHold,
    erased_from,
    hindrance,
    kept_until,
)
from complaints.chapters.intake import AddNote
from complaints.chapters.membership import NoteSystemicUpdate
from complaints.chapters.outside import CloseOutsideCase, OpenOutsideCase
from complaints.references import systemic_reference
from complaints.transition import transition
from complaints.view import view
from policies.pack import Basis
from policies.vocabulary import Role
from tests.complaints.made_packs import keeping
from tests.complaints.scenes import scenes
from tests.complaints.stages import LATER, closed
from tests.complaints.support import PACK as DEFAULT
from tests.complaints.support import Story, ana, customer, dora, machine, olga, text

PACK = keeping(DEFAULT)
"""In which somebody has chosen how long texts are kept."""
ERASE = ErasePersonalData(reason="asked_by_the_person")
HOLD = PlaceLegalHold(reason=text("The court asks."))
RELEASE = ReleaseLegalHold(reason=text("The court is done."))
OVER = ErasePersonalData(reason="retention_ended")
service = Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,))


def archived() -> Story:
    """Closed under it, and half a year later."""
    story = closed(Story.owned(pack=PACK))
    story.until(LATER)
    return story


def test_only_what_is_over_is_erased_and_only_once() -> None:
    story = closed()
    assert story.refused(olga, ERASE) == "not_archived"
    story.until(LATER)
    assert story.refused(dora, ERASE) == "not_allowed"
    story.do(olga, ERASE)
    assert story.told(PersonalDataErased) == [PersonalDataErased(reason="asked_by_the_person")]
    assert story.case.erased == story.now
    assert story.refused(olga, ERASE) == "already_done"


def test_an_ended_complaint_can_be_erased_before_it_is_archived() -> None:
    story = Story.owned()
    story.do(customer, Withdraw())
    story.do(machine, ERASE)


def test_the_retention_is_over_when_the_pack_says_so_and_not_before() -> None:
    story = Story.owned()
    story.do(customer, Withdraw())
    until = PACK.after(story.now, PACK.retention)
    over = ErasePersonalData(reason="retention_ended")
    assert story.refused(machine, over) == "retention_runs"
    assert f"{until:%Y-%m-%d %H:%M} UTC" in story.sentence
    story.until(until - timedelta(seconds=1))
    assert story.refused(machine, over, at=until - timedelta(seconds=1)) == "retention_runs"
    story.until(until)
    story.do(machine, over, at=until)


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("late", "goes"), [(-SECOND, False), (timedelta(), True), (SECOND, True)])
def test_the_service_erases_what_is_archived_at_the_end_of_its_time(late: timedelta, *, goes: bool) -> None:
    story = closed(Story.owned(pack=PACK))
    over_since = story.case.closure.over_since
    assert over_since is not None
    until = PACK.after(over_since, PACK.retention)
    assert erased_from(PACK, story.case) is None, "it does not rest in the archive yet"
    story.until(LATER)
    assert erased_from(PACK, story.case) == until == view(PACK, story.case).erased_from
    story.until(until + late)
    if not goes:
        assert story.refused(service, OVER, at=until + late) == "retention_runs"
        return
    (told,) = story.do(service, OVER, at=until + late)
    assert told.event == PersonalDataErased(reason="retention_ended", kept_until=until)
    assert (told.actor, told.occurred_at) == ("system", until + late)
    assert erased_from(PACK, story.case) is None, "nothing is left to erase"
    assert story.refused(service, OVER) == "already_done"


def test_by_a_figure_that_nobody_chose_the_service_erases_nothing_and_a_person_may() -> None:
    story = closed()
    story.until(LATER)
    until = kept_until(DEFAULT, story.case)
    assert until is not None
    story.until(until)
    assert (erased_from(DEFAULT, story.case), view(DEFAULT, story.case).erased_from) == (None, None)
    assert story.refused(service, OVER, at=until) == "retention_not_chosen"
    story.do(olga, OVER, at=until)
    assert story.case.erased == until


def test_what_a_source_asks_for_is_as_good_as_chosen() -> None:
    given = {"basis": Basis.REQUIREMENT, "chosen_by": None}
    required = DEFAULT.model_copy(update={"retained": DEFAULT.retained.model_copy(update=given)})
    story = archived()
    assert erased_from(required, story.case) == kept_until(required, story.case) is not None


def test_moved_to_a_pack_in_which_somebody_chose_it_has_its_time_with_the_commit() -> None:
    story = closed()
    story.migrate(olga, PACK)
    before, told = story.case, story.until(LATER)
    assert erased_from(DEFAULT, story.case) is None
    commit = transition(PACK, before, before.reference, told)
    assert commit.view is not None
    assert commit.view.erased_from == kept_until(PACK, story.case) is not None


def test_an_order_that_is_read_late_erases_only_what_was_over_when_it_was_given() -> None:
    story = archived()
    until = kept_until(PACK, story.case)
    assert until is not None
    late = until + timedelta(days=1)
    story.until(late)
    assert story.refused(service, OVER, at=late, occurred_at=until - SECOND) == "retention_runs"


def test_what_the_service_does_not_erase_by_itself() -> None:
    story = archived()
    story.do(olga, HOLD)
    assert erased_from(PACK, story.case) is None, "under legal hold"
    story.do(olga, RELEASE)
    assert erased_from(PACK, story.case) == kept_until(PACK, story.case) is not None
    story.do(olga, OpenOutsideCase(body=text("The regulator")))
    assert erased_from(PACK, story.case) is None, "an outside body looks at it"

    again = closed(Story.owned(pack=PACK))
    before = kept_until(PACK, again.case)
    again.do(customer, Reopen(reason=text("It broke again.")))
    assert (kept_until(PACK, again.case), erased_from(PACK, again.case)) == (None, None)
    again.do(customer, Withdraw())
    after = kept_until(PACK, again.case)
    assert before is not None
    assert after is not None
    assert after >= before, "its time runs anew from its second end"
    assert erased_from(PACK, again.case) is None, "ended, and not in the archive"


def test_what_the_customer_wrote_and_nobody_answered_is_not_erased_with_the_rest() -> None:
    story = archived()
    until = kept_until(PACK, story.case)
    assert until is not None
    story.until(until - SECOND)
    story.do(customer, WriteMessage(text=text("I still wait for my money.")), at=until - SECOND)
    assert erased_from(PACK, story.case) == PACK.after(until - SECOND, PACK.retention)
    story.until(until)
    assert story.refused(service, OVER, at=until) == "retention_runs", "ordered before it was written"
    story.do(dora, NeedsNoAnswer(reason=text("It was paid.")), at=until)
    assert erased_from(PACK, story.case) == until
    story.do(service, OVER, at=until)


def test_what_is_recorded_when_its_time_is_over_already_is_there_to_be_looked_at_first() -> None:
    story = archived()
    until = kept_until(PACK, story.case)
    assert until is not None
    late = until + timedelta(days=9)
    assert erased_from(PACK, story.case.changed(recorded_at=late)) == late


def test_a_payment_on_its_way_is_waited_for() -> None:
    scene = next(
        scene for scene in scenes() if scene.case.remedies.payments_in_flight() and not scene.case.erased
    )
    rests = scene.case.changed(closure=scene.case.closure.model_copy(update={"archived_at": LATER}))
    refused = hindrance(rests)
    assert refused is not None
    assert refused.code == "payment_in_flight"
    assert erased_from(PACK, rests) is None


def test_a_legal_hold_stops_it() -> None:
    story = closed()
    story.do(olga, HOLD)
    assert story.refused(olga, HOLD) == "already_done"
    story.until(LATER)
    assert story.refused(machine, ERASE) == "legal_hold"
    assert story.refused(dora, RELEASE) == "not_allowed"
    story.do(olga, RELEASE)
    assert story.refused(olga, RELEASE) == "no_hold"
    story.do(machine, ERASE)


def test_an_outside_body_that_still_looks_stops_it() -> None:
    story = Story.owned()
    story.do(customer, Withdraw())
    story.do(olga, OpenOutsideCase(body=text("The regulator")))
    assert story.refused(olga, ERASE) == "outside_case_open"
    story.do(olga, CloseOutsideCase(outside_case="X1", outcome=text("Nothing.")))
    story.do(olga, ERASE)


@pytest.mark.parametrize(
    "command",
    [
        AppealDecline(reason=text("x")),
        WriteMessage(text=text("x")),
        Reopen(reason=text("x")),
    ],
)
def test_after_it_the_customer_can_add_nothing(command: Command) -> None:
    story = Story.owned()
    story.do(dora, Decline(ground="vexatious", text=text("Enough.")))
    story.do(olga, ERASE)
    assert story.refused(customer, command, at=story.now + timedelta(hours=1)) == "erased"


def test_after_it_staff_can_add_nothing() -> None:
    story = Story.owned()
    story.do(customer, Withdraw())
    story.do(olga, ERASE)
    assert story.refused(ana, AddNote(text=text("x"))) == "erased"
    assert story.refused(olga, HOLD) == "erased"
    assert story.refused(olga, OpenOutsideCase(body=text("x"))) == "erased"


def test_after_it_nobody_is_written_to() -> None:
    story = Story.owned()
    story.do(customer, Withdraw())
    story.do(olga, ERASE)
    letters = len(story.case.letters.sent)
    news = NoteSystemicUpdate(
        systemic_issue=systemic_reference(1), number=2, text=text("Recall."), tell_customer=True
    )
    story.do(machine, news)
    assert len(story.case.letters.sent) == letters
