"""Conversation: what the customer writes to us, what we ask them, and what still waits for an answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from pydantic import AwareDatetime

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from complaints.chapters.intake import ANYONE
from complaints.people.standing import letter_to_customer, still_open, texts_remain
from policies.pack import MetWhen
from policies.vocabulary import Channel, Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case
    from complaints.timing.occurrences import Occurrence
    from policies.pack import Pack


class Unanswered(Frozen):
    """Something the customer said that wants an answer: when they said it, and when it came into the record."""

    received_at: AwareDatetime
    recorded_at: AwareDatetime


class Conversation(Frozen):
    """What the customer said that nobody answered or laid aside yet, oldest first in the record.

    `holding_letter` is the latest holding reply; in it the customer was promised to hear from us by
    `holding_until`.
    """

    unanswered: tuple[Unanswered, ...] = ()
    holding_letter: str | None = None
    holding_until: AwareDatetime | None = None


NEWS = frozenset(
    {
        Fact.AUTO_REPLIED, Fact.ACKNOWLEDGED, Fact.CUSTOMER_CONTACTED, Fact.PROGRESS_REPORTED, Fact.HOLDING_REPLIED,
        Fact.OUTCOME_TOLD, Fact.ANSWERED, Fact.RESPONSE_SENT, Fact.RESPONSE_DELIVERED, Fact.FEEDBACK_ANSWERED,
        Fact.DISPUTE_ACKNOWLEDGED, Fact.DISPUTE_REPLY_SENT, Fact.DISPUTE_REPLY_DELIVERED,
    }
)  # fmt: skip
"""The facts by which a customer hears from us. A clock that none of them meets is one that we keep among ourselves."""


def heard(case: Case, told: Happening) -> Case:
    """The case after the customer said something that wants an answer."""
    said = Unanswered(received_at=told.occurred_at, recorded_at=told.recorded_at)
    talk = case.conversation
    return case.changed(conversation=talk.model_copy(update={"unanswered": (*talk.unanswered, said)}))


def unanswered(pack: Pack, case: Case) -> tuple[Unanswered, ...]:
    """What the customer said that has no answer yet, oldest first.

    Beside a reply, whatever meets the pack's clocks for such messages counts as an answer to all that was on
    record when it happened: a progress report or the final response, say.
    """
    answers = {
        fact
        for rule in pack.clocks
        if rule.starts_on is Fact.FEEDBACK_RECEIVED and rule.met_when is MetWhen.ANY
        for fact in rule.met_by
    }
    latest = max((case.facts[fact] for fact in answers if fact in case.facts), default=None)
    waiting = (item for item in case.conversation.unanswered if latest is None or item.recorded_at > latest)
    return tuple(sorted(waiting, key=lambda item: item.received_at))


def towards_customer(pack: Pack, case: Case) -> tuple[Occurrence, ...]:
    """The running clocks by whose end the customer hears from us.

    Where none is about news, all that run: a pack may promise a customer what is done, and not what is said.
    """
    running = tuple(run for run in case.clocks.occurrences if run.running)
    news = tuple(run for run in running if any(fact in NEWS for fact in pack.clock(run.clock).met_by))
    return news or running


def next_news(pack: Pack, case: Case, after: datetime | None = None) -> datetime | None:
    """When the first of the clocks towards the customer is due (UTC); None where none is.

    Only moments after `after` count, where it is given: nobody is promised news by a day that is over.
    """
    due = [run.due_at for run in towards_customer(pack, case) if run.due_at is not None]
    return min((moment for moment in due if after is None or moment > after), default=None)


# Events -------------------------------------------------------------------------------------------


class CustomerWrote(Event):
    """The customer sent a message; pauses that waited for it end."""

    text: TextRef
    channel: Channel

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.CUSTOMER_WROTE, Fact.FEEDBACK_RECEIVED)

    def evolve(self, case: Case, told: Happening) -> Case:
        return heard(case, told)


class CustomerAsked(Event):
    """We need to know something from the customer; the letter `letter` asks."""

    letter: str

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.CUSTOMER_ASKED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        return case


class _Answered(Event):
    def facts(self) -> tuple[Fact, ...]:
        return (Fact.FEEDBACK_ANSWERED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        talk = case.conversation
        # An answer that is told of later answers nothing that the customer said in between.
        left = tuple(item for item in talk.unanswered if item.received_at > told.occurred_at)
        return case.changed(conversation=talk.model_copy(update={"unanswered": left}))


class CustomerAnswered(_Answered):
    """What the customer had said was answered with the letter `letter`."""

    letter: str


class FeedbackSettled(_Answered):
    """What the customer had said wants no answer, for this reason."""

    reason: TextRef


class HoldingReplied(Event):
    """The customer was told, with the letter `letter`, why the answer takes longer: it comes by `until`."""

    letter: str
    until: AwareDatetime

    def facts(self) -> tuple[Fact, ...]:
        return (Fact.HOLDING_REPLIED,)

    def evolve(self, case: Case, told: Happening) -> Case:
        promised = {"holding_letter": self.letter, "holding_until": self.until}
        return case.changed(conversation=case.conversation.model_copy(update=promised))


# Commands -----------------------------------------------------------------------------------------


class WriteMessage(Command):
    """The customer writes to us about the complaint."""

    title: ClassVar[str] = "Message from the customer"
    who: ClassVar[frozenset[Role]] = ANYONE
    when_ended: ClassVar[bool] = True

    text: TextRef
    channel: Channel = Channel.WEB

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        yield CustomerWrote(text=self.text, channel=self.channel)


class AskCustomer(Command):
    """Ask the customer what you need to know to go on. Where the pack says so, clocks pause until they write."""

    title: ClassVar[str] = "Ask the customer"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    text: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        letter_to_customer(case, "question", None, _FIND_A_WAY)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        queued = letter_to_customer(case, "question", self.text, _FIND_A_WAY)
        yield CustomerAsked(letter=queued.letter)
        yield queued


_FIND_A_WAY = "add a party who can be reached, or go on with what is known"


class _Answering(Command):
    """What the owner does about what the customer said, also when the complaint is over."""

    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        texts_remain(case)
        if not unanswered(ctx.rules, case):
            raise Refused(
                "nothing_unanswered", "The customer has said nothing that still waits for an answer."
            )

    def not_before(self, case: Case, ctx: Context) -> None:
        if ctx.occurred_at < unanswered(ctx.rules, case)[0].received_at:
            raise Refused(
                "before_start", "A message can not be answered before the customer sent it; correct the time."
            )


class AnswerCustomer(_Answering):
    """Answer what the customer wrote; your letter goes to them and answers every message that waits."""

    title: ClassVar[str] = "Answer the customer"

    text: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        self.not_before(case, ctx)
        instead = "speak with them over the channel they came by, and record that it needs no answer"
        queued = letter_to_customer(case, "reply", self.text, instead)
        yield CustomerAnswered(letter=queued.letter)
        yield queued


class NeedsNoAnswer(_Answering):
    """Say why what the customer wrote needs no letter: a thank-you, say, or answered on the telephone."""

    title: ClassVar[str] = "Record that no answer is needed"

    reason: TextRef

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        self.not_before(case, ctx)
        yield FeedbackSettled(reason=self.reason)


class SendHoldingReply(Command):
    """Write to the customer why the answer takes longer, and by when they hear from us."""

    title: ClassVar[str] = "Send a holding reply"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True

    text: TextRef
    until: AwareDatetime

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        still_open(case)
        if case.feedback.issued and not case.dispute.open:
            raise Refused("answered", "This complaint has its final response already; nothing holds it up.")
        letter_to_customer(case, "holding_reply", None, _FIND_A_WAY)

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        if self.until <= ctx.at:
            raise Refused(
                "in_the_past", "Say a moment that is still to come by which the customer hears from us."
            )
        queued = letter_to_customer(case, "holding_reply", self.text, _FIND_A_WAY)
        yield HoldingReplied(letter=queued.letter, until=self.until)
        yield queued
