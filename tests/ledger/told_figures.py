"""Complaints told to a certain end and put on record, each under a reference of its own, for the tests of figures."""

from __future__ import annotations

from datetime import datetime, timedelta

from complaints.base import Actor
from complaints.chapters.feedback import AnswerSatisfaction
from complaints.chapters.intake import Acknowledge, ComplaintReceived, ReceiveComplaint
from complaints.chapters.ownership import TakeOwnership
from complaints.references import reference
from complaints.transition import transition
from ledger.record import Record
from policies.pack import Pack
from policies.vocabulary import Channel, Kind
from tests.complaints.answers import decided, response, sent
from tests.complaints.support import PACK, RECEIVED, WEI, Story, ana, customer, text


async def put(record: Record, story: Story, number: int, owner: str | None = None) -> str:
    """The whole story on record under reference number `number`; nobody is written to about it."""
    ref = reference(number)
    first, *rest = story.happenings
    assert isinstance(first.event, ComplaintReceived)
    begun = first.model_copy(update={"event": first.event.model_copy(update={"reference": ref})})
    commit = transition(story.pack, None, ref, [begun, *rest]).model_copy(update={"messages": ()})
    if owner is not None:
        assert commit.view is not None
        commit = commit.model_copy(update={"view": commit.view.model_copy(update={"owner": owner})})
    await record.commit(commit)
    return ref


def received(
    *, at: datetime = RECEIVED, kind: Kind = Kind.COMPLAINT, pack: Pack = PACK, by: Actor = ana
) -> Story:
    """A complaint that somebody took at once."""
    body = ReceiveComplaint(channel=Channel.MAIL, kind=kind, narrative=text("It broke."), parties=(WEI,))
    story = Story(body, at=at, pack=pack)
    story.do(by, TakeOwnership(), at)
    return story


def acknowledged(after: timedelta, *, at: datetime = RECEIVED, recorded: timedelta | None = None) -> Story:
    """Acknowledged so long after receipt; on record then, or at `recorded` after receipt."""
    story = received(at=at)
    when = at + after
    story.do(ana, Acknowledge(), at + (recorded or after), occurred_at=when if recorded else None)
    return story


def scored(
    answer: AnswerSatisfaction, *, at: datetime = RECEIVED, kind: Kind = Kind.COMPLAINT, pack: Pack = PACK
) -> Story:
    """Answered, and the customer said how content they are; that was within the hour after receipt."""
    story = received(at=at, kind=kind, pack=pack)
    story.do(ana, Acknowledge())
    sent(decided(story))
    story.deliver(response(story))
    story.until(story.now)
    story.do(customer, answer)
    return story
