"""What letters and alerts say: all that the record holds and the pack asks for, and nothing that is not theirs."""

from datetime import timedelta

import pytest

from activities.cases import Held
from activities.delivery.render import (
    AlertLine,
    Sender,
    texts_of_letter,
    write_alert,
    write_digest,
    write_letter,
)
from activities.delivery.wording import lasting, span, sum_of
from complaints.base import Money
from complaints.chapters.endings import Decline, Forward
from complaints.chapters.intake import Acknowledge
from complaints.chapters.redress import ApproveRemedy, ProposeRemedy
from complaints.chapters.remedies import RemedyBasis, RemedyKind
from complaints.chapters.response import ApproveResponse, DraftResponse, SendResponse
from ledger.texts import ERASED, Erased
from policies.arithmetic.durations import Duration
from policies.letters import Written
from tests.complaints import answers
from tests.complaints.support import PACK, RECEIVED, Story, ana, cleo, dora, text

SENDER = Sender("Kettles & Co", "complaints@example.org", "https://desk.example.org")
LINK = "https://desk.example.org/progress/secret"


def held(story: Story) -> Held:
    return Held(pack=PACK, case=story.case, happenings=tuple(story.happenings))


def written(story: Story, *said: str, language: str = "en", erased: bool = False) -> Written:
    """The latest letter of a story in which these words were said."""
    known: dict[str, str | Erased] = {text(words).id: ERASED if erased else words for words in said}
    letter = story.case.letters.sent[-1]
    wanted = set(texts_of_letter(held(story), letter))
    assert wanted <= set(known), "every text that the letter asks for is one that was written to the customer"
    return write_letter(SENDER, held(story), letter, language=language, texts=known, link=LINK)


def answered_with_remedy() -> Story:
    story = answers.decided()
    story.do(
        ana,
        ProposeRemedy(
            kind=RemedyKind.REFUND, basis=RemedyBasis.GOODWILL, amount=Money(minor=125_000, currency="CNY"),
            note=text("He shouts a lot; give it to him."), due_by=RECEIVED + timedelta(days=14),
        ),
    )  # fmt: skip
    story.do(cleo, ApproveRemedy(remedy="R1"))
    story.do(
        ana,
        DraftResponse(
            text=text("You are right."), next_step=text("We write to the store."), remedy_dates=True,
            outstanding=text("The refund."),
        ),
    )  # fmt: skip
    story.do(cleo, ApproveResponse(draft=answers.drafted(story)))
    story.do(ana, SendResponse())
    return story


SAID = ("You are right.", "We write to the store.", "The refund.", "It broke.", "So it was.")


def test_a_final_response_says_what_was_decided_why_and_what_the_customer_receives_when() -> None:
    story = answered_with_remedy()
    letter = written(story, *SAID)
    assert letter.subject == f"Our answer on {story.case.reference}"
    for part in (
        "You are right.",
        "– It broke.: upheld. So it was.",
        "– refund, CNY 1,250.00, by 2025-09-15",
        "The refund.",
        "What happens next: We write to the store.",
        LINK,
        "Kettles & Co",
    ):
        assert part in letter.body
    assert "shouts" not in letter.body, "a remedy's note is for colleagues"


def test_a_final_response_in_chinese_is_in_chinese() -> None:
    letter = written(answered_with_remedy(), *SAID, language="zh")
    assert "– It broke.: 成立. So it was." in letter.body
    assert "– 退款, CNY 1,250.00, 2025-09-15 前" in letter.body


def test_a_language_that_the_pack_does_not_have_becomes_its_first() -> None:
    assert written(answered_with_remedy(), *SAID, language="fr") == written(answered_with_remedy(), *SAID)


def test_a_letter_says_the_same_whenever_it_leaves() -> None:
    story = answered_with_remedy()
    letter, before = story.case.letters.sent[-1], written(story, *SAID)
    story.wait(days=3)
    known: dict[str, str | Erased] = {text(words).id: words for words in SAID}
    assert write_letter(SENDER, held(story), letter, language="en", texts=known, link=LINK) == before


def test_what_a_colleague_wrote_is_in_the_letter_though_its_wording_has_no_place_for_it() -> None:
    story = Story.owned()
    story.do(ana, Acknowledge(text=text("Dear Wei, I am Ana.")))
    body = written(story, "Dear Wei, I am Ana.").body
    assert body.startswith("Dear Wei, I am Ana.\n\nThank you for writing to us.")


def test_an_erased_text_is_named_as_such() -> None:
    story = Story.owned()
    story.do(ana, Acknowledge(text=text("Dear Wei")))
    assert written(story, "Dear Wei", erased=True).body.startswith("(erased)")
    assert "(erased)" in written(answered_with_remedy(), *SAID, erased=True).body


def test_who_is_declined_learns_how_to_appeal_and_until_when() -> None:
    story = Story.owned()
    story.do(dora, Decline(ground="out_of_scope", text=text("This is not ours.")))
    body = written(story, "This is not ours.").body
    assert "This is not ours." in body
    assert f"(Asia/Shanghai): {LINK}" in body


def test_who_is_forwarded_learns_to_whom() -> None:
    story = Story.owned()
    story.do(ana, Forward(to=text("The water board"), text=text("They own the pipes.")))
    assert "The water board" in written(story, "The water board", "They own the pipes.").body


def test_braces_that_a_customer_wrote_stay_as_they_are() -> None:
    story = Story.owned()
    words = "{reference} {0} {{x}} } {"
    story.do(ana, Forward(to=text("The water board"), text=text(words)))
    assert words in written(story, "The water board", words).body


@pytest.mark.parametrize(
    "kind",
    ["alert_warning", "alert_breach", "alert_escalation", "alert_low_score", "letter_bounced", "assigned",
     "handover_offered", "alert_unreachable", "a kind that no pack has worded"],
)  # fmt: skip
@pytest.mark.parametrize("language", ["en", "zh", "fr"])
def test_every_kind_of_alert_can_be_written_in_every_language(kind: str, language: str) -> None:
    told = write_alert(
        SENDER, held(Story.owned()), kind, language=language, clock="response",
        due_at=RECEIVED, now=RECEIVED + timedelta(hours=26, minutes=5), owner=None,
    )  # fmt: skip
    assert Story.owned().case.reference in told.subject
    assert "https://desk.example.org" in told.body
    assert "{" not in told.subject + told.body


def test_a_digest_names_the_longest_overdue_first_and_counts_what_it_does_not_name() -> None:
    lines = [AlertLine(f"R{n}", "response", RECEIVED - timedelta(days=n)) for n in range(250)]
    told = write_digest(SENDER, PACK, lines, language="en", now=RECEIVED, unreachable=False)
    assert told.subject == "Complaints that need attention: 250"
    assert told.body.index("R249 ·") < told.body.index("R248 ·")
    assert "R49 ·" not in told.body
    assert "… + 50" in told.body


def test_sums_and_spans_are_written_as_people_read_them() -> None:
    assert sum_of(Money(minor=125_001, currency="CNY")) == "CNY 1,250.01"
    assert sum_of(Money(minor=1250, currency="JPY")) == "JPY 1,250"
    assert sum_of(Money(minor=1250, currency="KWD")) == "KWD 1.250"
    assert span(timedelta(seconds=3), "en") == "1 min"
    assert span(timedelta(days=2, hours=3, minutes=4), "en") == "2 d 3 h"
    assert span(timedelta(hours=3), "zh") == "3 小時"
    assert lasting(Duration.parse("1 month"), "en") == "1 month"
    assert lasting(Duration.parse("10 working days"), "zh") == "10 個工作日"
