"""Erasure: only what is over and free may be erased, and after it nothing is added."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import Command
from complaints.chapters.closure import Reopen
from complaints.chapters.conversation import WriteMessage
from complaints.chapters.endings import AppealDecline, Decline, Withdraw
from complaints.chapters.erasure import (
    ErasePersonalData,
    PersonalDataErased,
    PlaceLegalHold,
    ReleaseLegalHold,
)
from complaints.chapters.intake import AddNote
from complaints.chapters.membership import NoteSystemicUpdate
from complaints.chapters.outside import CloseOutsideCase, OpenOutsideCase
from complaints.references import systemic_reference
from tests.complaints.stages import LATER, closed
from tests.complaints.support import PACK, Story, ana, customer, dora, machine, olga, text

ERASE = ErasePersonalData(reason="asked_by_the_person")
HOLD = PlaceLegalHold(reason=text("The court asks."))
RELEASE = ReleaseLegalHold(reason=text("The court is done."))


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
