"""Letters to the customer and how far each has come: queued, sent, delivered, bounced, served otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from complaints.base import HANDLING, Command, Context, Event, Frozen, Happening, Refused, TextRef
from policies.vocabulary import Channel, DeliveryState, Fact, Role

if TYPE_CHECKING:
    from complaints.case import Case

_ENHANCED = r"[245]\.[0-9]{1,3}\.[0-9]{1,3}"
LetterKind = Literal[
    "receipt",
    "question",
    "reminder",
    "reply",
    "dispute_acknowledgement",
    "acknowledgement",
    "progress_report",
    "holding_reply",
    "extension",
    "final_response",
    "dispute_outcome",
    "declined",
    "forwarded",
    "satisfaction_request",
    "systemic_update",
]


LEAVES_BY_ITSELF = frozenset({Channel.MAIL, Channel.WEB, Channel.APP})
"""Channels over which a letter goes out as mail; over every other one a person has to serve it."""


class Letter(Frozen):
    """One letter. `id` is L1, L2 … within the complaint; `text` None where the pack's template says all."""

    id: str
    kind: LetterKind
    party: str
    channel: Channel
    text: TextRef | None = None
    state: DeliveryState = DeliveryState.QUEUED
    arrived: bool = False
    queued_at: AwareDatetime
    settled_at: AwareDatetime | None = None

    @property
    def to_be_served(self) -> bool:
        """Whether it waits for a person to serve it."""
        return self.channel not in LEAVES_BY_ITSELF and self.state is DeliveryState.QUEUED


class Letters(Frozen):
    sent: tuple[Letter, ...] = ()

    def find(self, letter: str) -> Letter | None:
        return next((item for item in self.sent if item.id == letter), None)

    def latest(self, kind: LetterKind) -> Letter | None:
        return next((item for item in reversed(self.sent) if item.kind == kind), None)

    def reached(self, kind: LetterKind) -> bool:
        """Whether the latest letter of this kind has arrived, by the pack's rule for its channel."""
        latest = self.latest(kind)
        return latest is not None and latest.arrived


_SENT_FACTS: dict[str, tuple[Fact, ...]] = {
    "receipt": (Fact.AUTO_REPLIED,),
    "final_response": (Fact.RESPONSE_SENT,),
    "dispute_outcome": (Fact.DISPUTE_REPLY_SENT,),
}
_ARRIVED_FACTS: dict[str, tuple[Fact, ...]] = {
    "final_response": (Fact.RESPONSE_DELIVERED, Fact.OUTCOME_TOLD, Fact.ANSWERED),
    "dispute_outcome": (Fact.DISPUTE_REPLY_DELIVERED,),
}


class LetterQueued(Event):
    """A letter is on its way to `party` over `channel`; only mail leaves by itself, the rest is served by hand.

    Whose hand that was says the event beside it: to acknowledge a dispute, for one, is no hand in the case.
    """

    hand: ClassVar[bool] = False

    letter: str
    kind: LetterKind
    party: str
    channel: Channel
    text: TextRef | None = None

    def evolve(self, case: Case, told: Happening) -> Case:
        letter = Letter(
            id=self.letter, kind=self.kind, party=self.party, channel=self.channel, text=self.text,
            queued_at=told.occurred_at,
        )  # fmt: skip
        return case.changed(letters=Letters(sent=(*case.letters.sent, letter)))


class LetterMoved(Event):
    """A letter's delivery state changed. `kind` stands here too, so that clocks need not look it up.

    `arrived`: with this state the letter counts as arrived, by the pack's rule for its channel, and did not
    before. `how` is set where it was served otherwise; `status` is the mail system's enhanced status code.
    `counts` is False for a letter from before the complaint was reopened, and for the reply to an earlier dispute:
    they keep no promise of this round, or of this dispute.
    """

    letter: str
    kind: LetterKind
    state: DeliveryState
    arrived: bool = False
    how: TextRef | None = None
    status: str | None = None
    counts: bool = True

    def facts(self) -> tuple[Fact, ...]:
        if not self.counts:
            return ()
        sent = _SENT_FACTS.get(self.kind, ()) if self.state is DeliveryState.SENT else ()
        return (*sent, *_ARRIVED_FACTS.get(self.kind, ())) if self.arrived else sent

    def evolve(self, case: Case, told: Happening) -> Case:
        sent = tuple(
            self._moved(letter, told) if letter.id == self.letter else letter for letter in case.letters.sent
        )
        return case.changed(letters=Letters(sent=sent))

    def _moved(self, letter: Letter, told: Happening) -> Letter:
        # A bounce takes back what counted as arrived when the first mail server took it over.
        arrived = (letter.arrived or self.arrived) and self.state is not DeliveryState.BOUNCED
        return letter.model_copy(
            update={"state": self.state, "arrived": arrived, "settled_at": told.occurred_at}
        )


def letter(case: Case, kind: LetterKind, text: TextRef | None = None) -> LetterQueued | None:
    """The letter event for the complaint's correspondent, or None where there is nobody to write to."""
    party = case.correspondent
    if party is None:
        return None
    return LetterQueued(
        letter=f"L{len(case.letters.sent) + 1}", kind=kind, party=party.id, channel=party.channel, text=text
    )


_FINAL = (DeliveryState.DELIVERED, DeliveryState.SERVED_OTHERWISE)


def _counts(case: Case, found: Letter) -> bool:
    """Whether the letter belongs to the present round, and the reply to a dispute to the present one."""
    if found.kind == "dispute_outcome" and found.id != case.dispute.reply_letter:
        return False
    reopened = case.at(Fact.REOPENED)
    return reopened is None or found.queued_at >= reopened


def _arrives(ctx: Context, channel: Channel, state: DeliveryState) -> bool:
    """Whether a letter over this channel has arrived with this state, by the pack (DESIGN, Final response)."""
    if state is DeliveryState.SENT:
        return ctx.rules.delivered_by.get(channel) is DeliveryState.SENT
    return state is DeliveryState.DELIVERED


class ReportDelivery(Command):
    """A mail system, a courier or the portal tells how far a letter has come."""

    title: ClassVar[str] = "Report delivery"
    who: ClassVar[frozenset[Role]] = frozenset({Role.ADMINISTRATOR, Role.COMPLAINANT})
    fact: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    # A fact is taken before anybody looks whether it fits, so no words may fit in here.
    letter: Annotated[str, Field(pattern=r"^L[0-9]{1,9}$")]
    state: Literal[DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED]
    # A reply code, an enhanced status code (RFC 3463), or both; never a server's words: it is kept in clear.
    status: Annotated[str, Field(pattern=rf"^({_ENHANCED}|[0-9]{{3}}( {_ENHANCED})?)$")] | None = None

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.letters.find(self.letter)
        if found is None or found.state == self.state or found.state in _FINAL:
            return  # told twice, or told late: nothing new
        if self.state is DeliveryState.SENT and found.state is not DeliveryState.QUEUED:
            return
        arrived = not found.arrived and _arrives(ctx, found.channel, self.state)
        yield LetterMoved(
            letter=found.id, kind=found.kind, state=self.state, arrived=arrived, status=self.status,
            counts=_counts(case, found),
        )  # fmt: skip


class ServeOtherwise(Command):
    """Record that a letter was served by other means: handed over, posted, read out on the telephone."""

    title: ClassVar[str] = "Record as served otherwise"
    who: ClassVar[frozenset[Role]] = HANDLING
    owner_only: ClassVar[bool] = True
    when_ended: ClassVar[bool] = True

    letter: str
    how: TextRef

    @classmethod
    def check(cls, case: Case, ctx: Context) -> None:
        if case.erased is not None:
            raise Refused("erased", "The texts of this complaint were erased; nothing can be added to it.")
        if not any(item.state not in _FINAL for item in case.letters.sent):
            raise Refused("no_letter", "No letter of this complaint is waiting to be served.")

    def decide(self, case: Case, ctx: Context) -> Iterable[Event]:
        found = case.letters.find(self.letter)
        if found is None:
            raise Refused("no_letter", f"This complaint has no letter {self.letter}.")
        if found.state in _FINAL:
            raise Refused("already_done", f"Letter {self.letter} has reached the customer already.")
        if ctx.occurred_at < found.queued_at:
            raise Refused(
                "before_start", "A letter can not be served before it was written; correct the time."
            )
        yield LetterMoved(
            letter=found.id,
            kind=found.kind,
            state=DeliveryState.SERVED_OTHERWISE,
            arrived=not found.arrived,
            how=self.how,
            counts=_counts(case, found),
        )
