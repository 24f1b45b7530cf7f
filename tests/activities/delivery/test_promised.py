"""The dates that letters name: until when we wait, the new date we promise, the next news that is really news."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from activities.cases import Held
from activities.delivery.render import texts_of_letter, write_letter
from complaints.chapters.conversation import AnswerCustomer, AskCustomer, SendHoldingReply, WriteMessage
from complaints.chapters.dispute import AcknowledgeDispute, RaiseDispute
from complaints.chapters.extensions import AskExtension, GrantExtension
from complaints.chapters.intake import Acknowledge
from complaints.chapters.letters import LetterKind
from ledger.texts import Erased
from policies.arithmetic.durations import Duration
from policies.letters import Written
from policies.rules import Applies, Basis, Extension, Source
from policies.vocabulary import Fact, Role
from tests.activities.delivery.test_render import LINK, SENDER
from tests.complaints.made_packs import clock, with_clocks
from tests.complaints.stages import answered
from tests.complaints.support import PACK, RECEIVED, Story, ana, customer, dora, iris, olga, text

SHANGHAI = ZoneInfo("Asia/Shanghai")


def written(story: Story, kind: LetterKind, *said: str, language: str = "en") -> Written:
    """The latest letter of this kind, in which these words were said."""
    letter = story.case.letters.latest(kind)
    assert letter is not None
    known: dict[str, str | Erased] = {text(words).id: words for words in said}
    held = Held(pack=story.pack, case=story.case, happenings=tuple(story.happenings))
    assert set(texts_of_letter(held, letter)) == set(known)
    return write_letter(SENDER, held, letter, language=language, texts=known, link=LINK)


def day(at: datetime) -> str:
    """An instant as the letters of retail-2025 write it."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M} (Asia/Shanghai)"


def due(story: Story, clock: str) -> str:
    moment = story.case.clocks.find(clock, 1).due_at
    assert moment is not None
    return day(moment)


def asked() -> Story:
    story = Story.owned()
    story.do(ana, AskCustomer(text=text("Which store?")))
    return story


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Please answer by 2025-09-16 00:00 (Asia/Shanghai)"),
        ("zh", "請於 2025-09-16 00:00 (Asia/Shanghai) 前"),
    ],
)
def test_a_question_says_what_we_ask_and_until_when_we_wait(language: str, sentence: str) -> None:
    body = written(asked(), "question", "Which store?", language=language).body
    assert "Which store?" in body
    assert sentence in body
    assert LINK in body


def test_a_question_that_pauses_nothing_gives_as_long_to_answer() -> None:
    story = answered()  # no clock is left that could stand still
    story.do(ana, AskCustomer(text=text("Which store?")))
    until = PACK.after(story.now, PACK.pause_reasons["waiting_for_customer"].limit or Duration.parse("0 h"))
    assert f"Please answer by {day(until)}" in written(story, "question", "Which store?").body


def test_a_pack_without_a_limit_for_waiting_still_names_a_day() -> None:
    story = Story.owned(pack=PACK.model_copy(update={"pause_reasons": {}}))
    story.do(ana, AskCustomer(text=text("Which store?")))
    until = PACK.after(story.now, PACK.windows.confirm)
    assert f"Please answer by {day(until)}" in written(story, "question", "Which store?").body


@pytest.mark.parametrize(
    ("language", "words"), [("en", "have not heard from you"), ("zh", "尚未收到您的回覆")]
)
def test_a_reminder_names_the_same_day_as_the_question(language: str, words: str) -> None:
    story = asked()
    story.wait(days=13)
    body = written(story, "reminder", language=language).body
    assert "2025-09-16 00:00 (Asia/Shanghai)" in body
    assert words in body.replace("\n", " ")


@pytest.mark.parametrize(("language", "words"), [("en", "Thank you for your message"), ("zh", "來信")])
def test_a_reply_says_what_we_answer(language: str, words: str) -> None:
    story = Story.owned()
    story.do(customer, WriteMessage(text=text("Hello?")))
    story.do(ana, AnswerCustomer(text=text("We exchange it.")))
    body = written(story, "reply", "We exchange it.", language=language).body
    assert "We exchange it." in body
    assert words in body


@pytest.mark.parametrize(
    ("language", "by"), [("en", "You will hear from us by {}."), ("zh", "我們將於 {} 前答覆您")]
)
def test_a_holding_reply_names_the_day_that_was_promised(language: str, by: str) -> None:
    story = Story.owned()
    until = RECEIVED + timedelta(days=40)
    story.do(ana, SendHoldingReply(text=text("The laboratory."), until=until))
    body = written(story, "holding_reply", "The laboratory.", language=language).body
    assert by.format(day(until)) in body
    assert "The laboratory." in body


@pytest.mark.parametrize("kind", ["extension", "holding_reply"])
def test_a_letter_about_more_time_names_the_clocks_new_day_whatever_was_promised_before(
    kind: LetterKind,
) -> None:
    more = Extension(
        by=Duration.parse("5 working days"), approved_by=(Role.SUPERVISOR,), letter=kind, basis=Basis.CHOICE,
        source=Source(document="Test", section="1"), since=RECEIVED.date(), chosen_by="test",
    )  # fmt: skip
    clock = PACK.clock("complaint_outcome").model_copy(update={"extension": more, "applies_if": Applies()})
    story = Story.owned(pack=PACK.model_copy(update={"clocks": (clock, *PACK.clocks[:2])}))
    story.do(ana, SendHoldingReply(text=text("Soon."), until=RECEIVED + timedelta(days=2)))
    before = due(story, "complaint_outcome")
    story.do(ana, AskExtension(clock="complaint_outcome", reason=text("The laboratory.")))
    story.do(dora, GrantExtension(clock="complaint_outcome"))
    after = due(story, "complaint_outcome")
    assert before != after
    assert after in written(story, kind, "The laboratory.").body


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "whoever looks at it again decides, and we write to you."),
        ("zh", "複核人員將作出決定，我們將致函告知您。"),
    ],
)
def test_a_disputes_acknowledgement_says_what_happens_now(language: str, words: str) -> None:
    story = answered()
    story.do(customer, RaiseDispute(grounds=text("It was cracked.")))
    story.do(iris, AcknowledgeDispute())
    assert words in written(story, "dispute_acknowledgement", language=language).body


def test_nobody_is_promised_news_by_a_clock_that_runs_among_ourselves_or_by_a_day_that_is_over() -> None:
    among_us = PACK.clock("response").model_copy(update={"id": "sorted", "met_by": (Fact.TRIAGED,)})
    story = Story(pack=PACK.model_copy(update={"clocks": (among_us, *PACK.clocks)}))
    story.do(iris, Acknowledge())
    assert (
        f"You will hear from us by {due(story, 'first_handling')}." in written(story, "acknowledgement").body
    )
    late = Story()
    late.wait(hours=2)
    late.do(iris, Acknowledge())
    assert (
        f"You will hear from us by {due(late, 'complaint_response')}."
        in written(late, "acknowledgement").body
    )


def test_where_no_day_can_be_named_the_sentence_is_one_all_the_same() -> None:
    story = Story(pack=PACK.model_copy(update={"clocks": (PACK.clock("response"),)}))
    story.do(iris, Acknowledge())
    assert "You will hear from us by the earliest moment we can." in written(story, "acknowledgement").body


def test_a_letter_says_the_same_after_the_complaint_was_moved_to_a_pack_without_the_clocks_of_then() -> None:
    story = Story.owned()
    story.do(ana, Acknowledge())
    before = written(story, "acknowledgement").body
    former = story.pack
    only = clock("added", starts_on="received", met_by=["closed"], duration="10 h")
    story.migrate(olga, with_clocks(only, version=PACK.version + 1))
    letter = story.case.letters.latest("acknowledgement")
    assert letter is not None
    held = Held(story.pack, story.case, tuple(story.happenings), {former.digest: former})
    assert write_letter(SENDER, held, letter, language="en", texts={}, link=LINK).body == before
