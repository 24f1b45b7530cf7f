"""Conversation: a message waits until it is answered, a question stops the clocks, a holding reply names a day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import INSTANT, Actor
from complaints.case import Case
from complaints.chapters.conversation import (
    AnswerCustomer,
    AskCustomer,
    NeedsNoAnswer,
    SendHoldingReply,
    WriteMessage,
    next_news,
    unanswered,
)
from complaints.chapters.dispute import RaiseDispute
from complaints.chapters.erasure import ErasePersonalData
from complaints.chapters.feedback import AnswerSatisfaction
from complaints.chapters.intake import Acknowledge
from complaints.chapters.investigation import ReportProgress
from complaints.chapters.letters import LetterQueued
from complaints.chapters.pauses import Paused, Resumed
from complaints.lifecycle import possible
from complaints.timing.occurrences import ClockState
from policies.loading import load_pack, packs_available
from policies.pack import Pack
from policies.vocabulary import Channel, Fact
from tests.complaints.answers import answered
from tests.complaints.stages import LATER, closed
from tests.complaints.support import PACK, RECEIVED, Story, ana, ben, customer, dora, iris, olga, text

CENTRE: Pack = load_pack(next(path for path in packs_available() if path.stem == "service-centre"))
"""Its S2.4 gives a message 24 hours to be handled in: by a reply, news of the progress, or the outcome."""

QUESTION = AskCustomer(text=text("Which store was it?"))
ANSWER = AnswerCustomer(text=text("We exchange it."))
NO_ANSWER = NeedsNoAnswer(reason=text("A word of thanks."))
HELLO = WriteMessage(text=text("Are you still there?"))


def waiting(story: Story) -> int:
    return len(unanswered(story.pack, story.case))


def handled(case: Case) -> ClockState:
    """Whether the promise of an answer within 24 hours was kept."""
    return case.clocks.find("feedback_handled", 1).state


def test_a_question_goes_out_by_letter_and_the_clocks_stand_still_until_the_customer_writes() -> None:
    story = Story.owned()
    story.do(ana, QUESTION)
    letter = story.case.letters.latest("question")
    assert letter is not None
    assert (letter.party, letter.text) == ("P1", QUESTION.text)
    assert story.case.at(Fact.CUSTOMER_ASKED) == story.now
    assert [paused.reason for paused in story.told(Paused)] == ["waiting_for_customer"]
    assert story.case.clocks.find("complaint_outcome", 1).state is ClockState.PAUSED
    story.wait(hours=5)
    story.do(customer, HELLO)
    assert [resumed.why for resumed in story.told(Resumed)] == ["fact"]
    assert story.case.clocks.find("complaint_outcome", 1).state is ClockState.RUNNING


def test_a_second_question_pauses_nothing_twice() -> None:
    story = Story.owned()
    story.do(ana, QUESTION)
    story.do(ana, QUESTION)
    assert len(story.told(Paused)) == 1
    assert len([queued for queued in story.told(LetterQueued) if queued.kind == "question"]) == 2


def test_who_does_not_answer_is_reminded_before_the_pause_ends() -> None:
    story = Story.owned()
    story.do(ana, QUESTION)
    story.wait(days=13)
    reminders = [queued for queued in story.told(LetterQueued) if queued.kind == "reminder"]
    assert len(reminders) == 2
    assert not story.told(Resumed)
    story.wait(days=3)
    assert [resumed.why for resumed in story.told(Resumed)] == ["limit"]


def test_nobody_is_asked_who_can_not_be_written_to() -> None:
    story = Story.anonymous()
    assert story.refused(ana, QUESTION) == "nobody_to_write_to"
    refusal = possible(story.pack, story.case, AskCustomer, ana, story.now)
    assert refusal is not None, "the desk does not offer what can not be done"
    assert closed().refused(ana, QUESTION) == "closed"
    assert Story.owned().refused(ben, QUESTION) == "not_the_owner"


def test_messages_wait_until_one_answer_answers_them_all() -> None:
    story = Story.owned()
    assert story.refused(ana, ANSWER) == "nothing_unanswered"
    story.do(customer, HELLO)
    first = story.now
    story.do(iris, WriteMessage(text=text("He rang."), channel=Channel.PHONE))
    assert waiting(story) == 2
    assert unanswered(story.pack, story.case)[0].received_at == first
    assert story.refused(ben, ANSWER) == "not_the_owner"
    story.do(ana, ANSWER)
    assert waiting(story) == 0
    letter = story.case.letters.latest("reply")
    assert letter is not None
    assert letter.text == ANSWER.text
    assert story.case.at(Fact.FEEDBACK_ANSWERED) == story.now
    assert story.refused(ana, ANSWER) == "nothing_unanswered"


def test_what_needs_no_answer_is_laid_aside_with_the_reason() -> None:
    story = Story.owned()
    story.do(customer, HELLO)
    story.do(ana, NO_ANSWER)
    assert waiting(story) == 0
    assert story.case.letters.latest("reply") is None
    assert story.case.at(Fact.FEEDBACK_ANSWERED) == story.now


def test_a_message_after_the_end_is_answered_too_and_after_erasure_nothing_is() -> None:
    story = closed()
    story.until(LATER)
    assert story.case.closure.archived_at is not None
    story.do(customer, HELLO)
    story.do(ana, ANSWER)
    assert waiting(story) == 0
    story.do(customer, HELLO)
    story.do(olga, ErasePersonalData(reason="asked_by_the_person"))
    assert story.refused(ana, ANSWER) == "erased"
    assert story.refused(customer, HELLO) == "erased"


def test_where_nobody_can_be_written_to_the_message_is_laid_aside_instead() -> None:
    story = Story.anonymous()
    story.do(iris, WriteMessage(text=text("Somebody rang."), channel=Channel.PHONE))
    assert story.refused(ana, ANSWER) == "nobody_to_write_to"
    assert "needs no answer" in story.sentence
    story.do(ana, NO_ANSWER)


def test_an_answer_told_of_later_answers_only_what_was_there_to_be_answered() -> None:
    story = Story.owned()
    story.do(customer, HELLO)
    first = story.now
    spoke = first + timedelta(minutes=5)
    story.do(customer, HELLO, at=first + timedelta(minutes=10))
    assert story.refused(ana, NO_ANSWER, occurred_at=first - timedelta(seconds=1)) == "before_start"
    story.do(ana, NO_ANSWER, occurred_at=spoke)
    assert [item.received_at for item in unanswered(story.pack, story.case)] == [
        first + timedelta(minutes=10)
    ]


@pytest.mark.parametrize(("beside", "late"), [(-INSTANT, False), (timedelta(0), False), (INSTANT, True)])
def test_a_message_has_twenty_four_hours_to_be_answered_in(beside: timedelta, late: bool) -> None:
    story = Story.owned(pack=CENTRE)
    story.do(customer, HELLO)
    assert handled(story.case) is ClockState.RUNNING
    story.do(ana, ANSWER, at=story.now + timedelta(hours=24) + beside)
    assert handled(story.case) is (ClockState.MET_LATE if late else ClockState.MET)


def test_what_the_pack_takes_for_an_answer_leaves_no_message_waiting() -> None:
    story = Story.owned(pack=CENTRE)
    story.do(customer, HELLO)
    story.do(ana, ReportProgress(text=text("We are at it.")))
    assert handled(story.case) is ClockState.MET
    assert waiting(story) == 0
    assert story.refused(ana, ANSWER) == "nothing_unanswered"
    story.do(customer, HELLO)
    assert waiting(story) == 1, "what they write after the answer waits again"


def test_a_message_that_is_keyed_in_late_waits_though_we_wrote_in_between() -> None:
    story = Story.owned(pack=CENTRE)
    rang = story.now
    story.do(ana, ReportProgress(text=text("We are at it.")))
    story.do(iris, HELLO, occurred_at=rang)
    assert waiting(story) == 1
    assert handled(story.case) is ClockState.RUNNING


@pytest.mark.parametrize("comment", [text("It took long."), None])
def test_a_score_with_a_word_wants_an_answer_and_one_without_does_not(comment: object) -> None:
    story = answered()
    story.do(customer, AnswerSatisfaction.model_validate({"score": 4, "comment": comment}))
    assert (story.case.at(Fact.FEEDBACK_RECEIVED) is not None) is (comment is not None)
    assert waiting(story) == (0 if comment is None else 1)


def test_a_holding_reply_says_why_it_takes_longer_and_until_when() -> None:
    story = Story.owned()
    reply = SendHoldingReply(text=text("The laboratory is not done."), until=RECEIVED + timedelta(days=20))
    assert story.refused(ana, reply.model_copy(update={"until": story.now})) == "in_the_past"
    assert story.refused(ben, reply) == "not_the_owner"
    story.do(ana, reply)
    letter = story.case.letters.latest("holding_reply")
    assert letter is not None
    assert (letter.text, story.case.conversation.holding_until) == (reply.text, reply.until)
    assert story.case.at(Fact.HOLDING_REPLIED) == story.now
    assert Story.anonymous().refused(ana, reply) == "nobody_to_write_to"


def test_after_the_final_response_nothing_is_held_up_but_a_dispute() -> None:
    story = answered()
    reply = SendHoldingReply(text=text("The reviewer is ill."), until=RECEIVED + timedelta(days=20))
    assert story.refused(ana, reply) == "answered"
    story.do(customer, RaiseDispute(grounds=text("No.")))
    story.do(ana, reply)


def test_the_customer_is_promised_news_only_by_deadlines_that_bring_them_some() -> None:
    """A clock that runs among ourselves is due first, but brings the customer nothing."""
    among_us = PACK.clock("response").model_copy(
        update={
            "id": "owned_soon",
            "met_by": (Fact.TRIAGED,),
            "duration": PACK.clock("first_handling").duration,
        }
    )
    story = Story(pack=PACK.model_copy(update={"clocks": (among_us, *PACK.clocks)}))
    story.do(ana, Acknowledge())
    first_handling = story.case.clocks.find("first_handling", 1).due_at
    assert story.case.clocks.find("owned_soon", 1).due_at == first_handling
    story.wait(hours=1)
    assert next_news(story.pack, story.case, after=story.now) == (
        story.case.clocks.find("complaint_response", 1).due_at
    )
    alone = story.pack.model_copy(update={"clocks": (among_us,)})
    only = Story(pack=alone)
    assert next_news(alone, only.case) == only.case.clocks.find("owned_soon", 1).due_at


@pytest.mark.parametrize("actor", [ana, dora])
def test_the_owner_or_somebody_above_answers(actor: Actor) -> None:
    story = Story.owned()
    story.do(customer, HELLO)
    story.do(actor, ANSWER)
