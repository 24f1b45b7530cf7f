"""Letters: one of an earlier round, or one reported with a wrong clock, makes no false promise look kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from complaints.base import Actor, Command
from complaints.chapters.closure import Reopen
from complaints.chapters.endings import Withdraw
from complaints.chapters.letters import Letter, LetterMoved, ReportDelivery, ServeOtherwise
from complaints.timing.occurrences import ClockMet, ClockState
from policies.vocabulary import DeliveryState, Fact
from tests.complaints.stages import sent
from tests.complaints.support import Story, ana, customer, machine, text

LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


def answer(story: Story) -> Letter:
    latest = story.case.letters.latest("final_response")
    assert latest is not None
    return latest


@pytest.mark.parametrize(
    ("actor", "command"),
    [
        (machine, ReportDelivery(letter="L1", state=DeliveryState.DELIVERED)),
        (ana, ServeOtherwise(letter="L1", how=text("Handed over."))),
    ],
)
def test_a_letter_of_an_earlier_round_keeps_no_promise_of_the_reopened_one(
    actor: Actor, command: Command
) -> None:
    story = sent()
    letter = answer(story)
    story.do(machine, ReportDelivery(letter=letter.id, state=DeliveryState.BOUNCED))
    story.do(customer, Withdraw())
    story.do(customer, Reopen(reason=text("I was too quick.")))
    met = len(story.told(ClockMet))
    story.do(actor, command.model_copy(update={"letter": letter.id}))
    assert answer(story).arrived
    assert not story.told(LetterMoved)[-1].counts
    assert len(story.told(ClockMet)) == met
    assert story.case.clocks.find("complaint_outcome", 2).state is ClockState.RUNNING
    assert story.case.since_opened(Fact.RESPONSE_DELIVERED) is None


def test_a_letter_of_this_round_counts() -> None:
    story = sent()
    story.deliver(answer(story).id)
    assert story.case.clocks.find("complaint_outcome", 1).state is ClockState.MET


def test_a_delivery_told_of_before_the_letter_was_written_counts_from_its_writing() -> None:
    story = sent()
    letter = answer(story)
    report = ReportDelivery(letter=letter.id, state=DeliveryState.DELIVERED)
    story.do(machine, report, occurred_at=LONG_AGO)
    assert story.case.at(Fact.RESPONSE_DELIVERED) == letter.queued_at
    assert story.case.clocks.find("complaint_outcome", 1).met_at == letter.queued_at


def test_a_report_about_no_letter_of_ours_changes_nothing_whatever_its_clock_says() -> None:
    story = sent()
    report = ReportDelivery(letter="L99", state=DeliveryState.DELIVERED)
    assert story.do(machine, report, occurred_at=LONG_AGO) == ()
