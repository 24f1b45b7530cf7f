"""Messages: who is told of what, once, under keys that workflow and watchdog make alike."""

from datetime import timedelta

from complaints.chapters.ownership import TakeOwnership
from complaints.lifecycle import evolve
from complaints.messages import Message, messages
from complaints.timing.occurrences import RungClimbed
from policies.vocabulary import AlertChannel
from tests.complaints.support import PACK, RECEIVED, Story, ana


def called_for(story: Story) -> list[Message]:
    """Every message that the story has called for so far."""
    case = None
    told: list[Message] = []
    for happening in story.happenings:
        case = evolve(case, happening)
        told.extend(messages(PACK, case, happening))
    return told


def by_mail(story: Story) -> list[str]:
    """Whom the mails about breaches go to, in their order."""
    found = [m for m in called_for(story) if m.kind == "alert_breach" and m.channel is AlertChannel.MAIL]
    return [m.to for m in found]


def test_a_breach_tells_the_owner_and_their_supervisor() -> None:
    story = Story.owned()
    story.until(RECEIVED + timedelta(minutes=15, seconds=1))
    assert by_mail(story) == ["staff:ana", "staff:dora"]


def test_while_nobody_owns_it_the_supervisors_are_told_and_each_only_once() -> None:
    story = Story()
    story.until(RECEIVED + timedelta(minutes=15, seconds=1))
    assert by_mail(story) == ["role:supervisor"]


def test_no_two_messages_of_a_complaint_share_a_key() -> None:
    story = Story()
    story.do(ana, TakeOwnership())
    story.wait(days=60)
    keys = [m.dedupe for m in called_for(story)]
    assert len(story.told(RungClimbed)) > 10
    assert len(set(keys)) == len(keys)
