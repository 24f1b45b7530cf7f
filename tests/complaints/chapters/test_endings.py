"""Endings without an answer: who may end it, what stops that, the letter, and the way back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import INSTANT, Actor, Command, Money
from complaints.chapters.closure import Reopen
from complaints.chapters.conversation import WriteMessage
from complaints.chapters.dispute import RaiseDispute
from complaints.chapters.endings import AppealDecline, Decline, Forward, MergeInto, Withdraw
from complaints.chapters.issues import AddIssue
from complaints.chapters.payments import PayRemedy, ReportPayment
from complaints.chapters.redress import (
    AcceptRemedy,
    ApproveRemedy,
    OfferRemedy,
    ProposeRemedy,
    RemedyBasis,
    RemedyKind,
)
from complaints.phases import Phase, phase
from complaints.references import reference, systemic_reference
from complaints.timing.occurrences import ClockState
from policies.vocabulary import Fact, Role
from tests.complaints.stages import LATER, answered, closed
from tests.complaints.support import PACK, Story, ana, ben, cleo, customer, dora, emil, machine, text

OTHER = reference(42)
DECLINE = Decline(ground="out_of_scope", text=text("We sell no kettles. You can appeal."))
APPEAL = AppealDecline(reason=text("You sold me this one."))
FORWARD = Forward(to=text("The maker"), text=text("They will write to you."))


@pytest.mark.parametrize(
    ("actor", "command", "end"),
    [
        (customer, Withdraw(), Phase.WITHDRAWN),
        (ana, Withdraw(reason=text("He called.")), Phase.WITHDRAWN),
        (ana, MergeInto(into=OTHER), Phase.MERGED),
        (dora, DECLINE, Phase.DECLINED),
        (ana, FORWARD, Phase.FORWARDED),
    ],
)
def test_an_end_is_an_end(actor: Actor, command: Command, end: Phase) -> None:
    story = Story.owned()
    story.do(actor, command)
    assert phase(story.case) is end
    assert not story.case.open
    assert story.case.at(Fact.ENDED) == story.now
    assert not [run for run in story.case.clocks.occurrences if run.running]
    assert story.refused(ana, AddIssue(text=text("x"))) == "ended"
    story.do(customer, WriteMessage(text=text("Hello?")))
    story.until(LATER)
    assert phase(story.case) is Phase.ARCHIVED


@pytest.mark.parametrize(
    ("actor", "command", "code"),
    [
        (ben, Withdraw(), "not_the_owner"),
        (Actor(id="party:P7", roles=(Role.COMPLAINANT,)), Withdraw(), "not_a_party"),
        (ben, MergeInto(into=OTHER), "not_the_owner"),
        (ana, DECLINE, "not_allowed"),
        (ben, FORWARD, "not_the_owner"),
        (ana, MergeInto(into="7K2M-9QF3-XA5D"), "bad_reference"),
        (ana, MergeInto(into=systemic_reference(1)), "bad_reference"),
    ],
)
def test_who_may_not_end_it_and_how(actor: Actor, command: Command, code: str) -> None:
    story = Story.owned()
    assert story.refused(actor, command) == code
    assert story.case.open


def test_a_complaint_is_not_merged_into_itself_however_it_is_written() -> None:
    story = Story.owned()
    itself = story.case.reference.lower().replace("-", " ")
    assert story.refused(ana, MergeInto(into=itself)) == "same_complaint"


def test_a_merger_keeps_the_reference_as_it_is_kept() -> None:
    story = Story.owned()
    story.do(ana, MergeInto(into=OTHER.lower().replace("-", " ")))
    end = story.case.closure.end
    assert end is not None
    assert end.into == OTHER


@pytest.mark.parametrize(
    ("actor", "command", "kind"), [(dora, DECLINE, "declined"), (ana, FORWARD, "forwarded")]
)
def test_the_customer_is_written_to(actor: Actor, command: Command, kind: str) -> None:
    story = Story.owned()
    story.do(actor, command)
    assert [letter.kind for letter in story.case.letters.sent] == [kind]
    silent = Story.anonymous()
    silent.do(actor, command)
    assert silent.case.letters.sent == ()


@pytest.mark.parametrize(
    ("actor", "command"), [(ana, MergeInto(into=OTHER)), (dora, DECLINE), (ana, FORWARD)]
)
def test_what_has_its_answer_is_closed_and_not_ended(actor: Actor, command: Command) -> None:
    assert answered().refused(actor, command) == "answered"
    assert closed().refused(actor, command) == "closed"


def test_nothing_ends_while_disputed_or_money_is_on_its_way() -> None:
    story = answered()
    story.do(customer, RaiseDispute(grounds=text("No.")))
    assert story.refused(customer, Withdraw()) == "disputed"

    story = Story.owned()
    refund = ProposeRemedy(
        kind=RemedyKind.REFUND,
        basis=RemedyBasis.LIABILITY,
        amount=Money(minor=100, currency="CNY"),
        note=text("The price."),
    )
    story.do(ana, refund)
    story.do(cleo, ApproveRemedy(remedy="R1"))
    story.do(ana, OfferRemedy(remedy="R1"))
    story.do(customer, AcceptRemedy(remedy="R1"))
    assert story.refused(dora, DECLINE) == "remedy_owed"
    story.do(ana, PayRemedy(remedy="R1", payee=text("Wei's account")))
    story.do(machine, ReportPayment(remedy="R1", attempt=1, direction="pay", outcome="unknown"))
    assert story.refused(customer, Withdraw()) == "payment_in_flight"
    story.do(machine, ReportPayment(remedy="R1", attempt=1, direction="pay", outcome="settled"))
    story.do(customer, Withdraw())


def test_an_appeal_opens_it_again_and_somebody_else_decides() -> None:
    story = Story.owned()
    story.do(dora, DECLINE)
    assert story.refused(customer, Reopen(reason=text("x"))) == "declined"
    story.wait(days=1)
    story.do(customer, APPEAL)
    assert story.case.open
    assert story.case.clocks.find("response", 1).state is ClockState.STOPPED
    assert story.case.clocks.find("response", 2).started_at == story.now
    assert story.refused(dora, DECLINE) == "not_independent"
    story.do(emil, DECLINE)
    assert phase(story.case) is Phase.DECLINED


@pytest.mark.parametrize(("beside", "code"), [(timedelta(0), None), (INSTANT, "window_over")])
def test_the_way_to_appeal_ends_to_the_instant(beside: timedelta, code: str | None) -> None:
    story = Story.owned()
    story.do(dora, DECLINE)
    when = PACK.after(story.now, PACK.windows.dispute) + beside
    if code is None:
        story.do(customer, APPEAL, at=when)
    else:
        assert story.refused(customer, APPEAL, at=when) == code


def test_only_a_decline_is_appealed_against() -> None:
    story = Story.owned()
    assert story.refused(customer, APPEAL) == "not_declined"
    story.do(customer, Withdraw())
    assert story.refused(customer, APPEAL) == "not_declined"


def test_whoever_withdrew_may_come_back() -> None:
    story = Story.owned()
    story.do(customer, Withdraw())
    story.do(customer, Reopen(reason=text("It is worse now.")))
    assert story.case.open
    assert story.case.ownership.owner == "ana"
