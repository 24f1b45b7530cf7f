"""A complaint told step by step through the pure functions, as the workflow would, and the people in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from complaints.base import Actor, Command, Event, Happening, Order, PackRef, Person, Refused, TextRef
from complaints.case import Case
from complaints.chapters.intake import PartyDetails, ReceiveComplaint
from complaints.chapters.letters import ReportDelivery
from complaints.chapters.migration import MigratePack
from complaints.chapters.ownership import TakeOwnership
from complaints.lifecycle import decide, due, evolve, fold, next_wakeup, receive
from complaints.references import reference
from policies.loading import load_pack, packs_available
from policies.pack import Pack
from policies.vocabulary import Channel, DeliveryState, Role

PACK: Pack = load_pack(next(path for path in packs_available() if path.stem == "retail-2025"))
"""The whole pack retail-2025, as a complaint is pinned to it."""

RECEIVED = datetime(2025, 9, 1, 2, 0, tzinfo=UTC)
"""A Monday, ten in the morning in Shanghai."""

ana = Actor(id="ana", roles=(Role.HANDLER,), supervisor="dora")
ben = Actor(id="ben", roles=(Role.HANDLER,), supervisor="dora")
cleo = Actor(id="cleo", roles=(Role.APPROVER,), supervisor="emil")
carl = Actor(id="carl", roles=(Role.APPROVER,), supervisor="emil")
dora = Actor(id="dora", roles=(Role.SUPERVISOR,), supervisor="emil")
emil = Actor(id="emil", roles=(Role.DEPARTMENT_HEAD,))
iris = Actor(id="iris", roles=(Role.INTAKE_AGENT,), supervisor="dora")
olga = Actor(id="olga", roles=(Role.COMPLIANCE_OFFICER,))
machine = Actor(id="machine", roles=(Role.ADMINISTRATOR,))
"""What reports outside facts: the mail system, the payment provider."""
customer = Actor(id="party:P1", roles=(Role.COMPLAINANT,))

E = TypeVar("E", bound=Event)


def text(words: str) -> TextRef:
    """A reference to these words; the words themselves would lie encrypted elsewhere."""
    digest = hashlib.sha256(words.encode()).hexdigest()
    return TextRef(id=f"t-{digest[:12]}", digest=digest)


def person(actor: Actor) -> Person:
    """The actor as somebody else's command names them."""
    return Person(id=actor.id, roles=actor.roles, supervisor=actor.supervisor)


WEI = PartyDetails(role="customer", name=text("Wei"), address=text("wei@example.org"), channel=Channel.MAIL)
"""A customer who can be written to."""


class Story:
    """One complaint from its receipt on. Each step is a minute after the one before, unless `at` says else.

    Every happening is also sent through JSON and back, as the record and the workflow's state will do.
    """

    def __init__(
        self,
        received: ReceiveComplaint | None = None,
        *,
        at: datetime = RECEIVED,
        received_at: datetime | None = None,
        pack: Pack = PACK,
        actor: Actor = iris,
    ) -> None:
        """Recorded at `at`; received then, too, or at `received_at` before."""
        self.pack = pack
        self.now = at
        self.happenings: list[Happening] = []
        self._orders = 0
        body = received or ReceiveComplaint(channel=Channel.MAIL, narrative=text("It broke."), parties=(WEI,))
        self._record(None, receive(pack, reference(2025), self._order(actor, body, at, received_at)))

    @classmethod
    def owned(cls, *, pack: Pack = PACK, by: Actor = ana) -> Story:
        """A complaint that Wei sent and `by` owns."""
        story = cls(pack=pack)
        story.do(by, TakeOwnership())
        return story

    @classmethod
    def anonymous(cls, *, pack: Pack = PACK, by: Actor = ana) -> Story:
        """A complaint that `by` owns and that nobody can be answered for."""
        story = cls(ReceiveComplaint(channel=Channel.WEB, narrative=text("It smells.")), pack=pack)
        story.do(by, TakeOwnership())
        return story

    def do(
        self,
        actor: Actor,
        command: Command,
        at: datetime | None = None,
        *,
        occurred_at: datetime | None = None,
    ) -> tuple[Happening, ...]:
        """Give a command, after what time has brought; what it made happen. Raises Refused.

        `at` is when it reached us, `occurred_at` when it is said to have happened.
        """
        when = at or self.now + timedelta(minutes=1)
        self.until(when)
        happenings = decide(self.pack, self.case, self._order(actor, command, when, occurred_at))
        self._record(self.case, happenings)
        return happenings

    def migrate(self, actor: Actor, to: Pack, at: datetime | None = None) -> tuple[Happening, ...]:
        """Move the complaint to another pack; what that made happen. Raises Refused."""
        when = at or self.now + timedelta(minutes=1)
        self.until(when)
        ref = PackRef(name=to.name, version=to.version, digest=to.digest)
        order = self._order(actor, MigratePack(pack=ref, reason=text("It is the new one.")), when, None)
        happenings = decide(self.pack, self.case, order, other=to)  # a refusal leaves all as it is
        self.pack = to
        self._record(self.case, happenings)
        return happenings

    def refused(
        self,
        actor: Actor,
        command: Command,
        at: datetime | None = None,
        *,
        occurred_at: datetime | None = None,
    ) -> str:
        """Give a command that must be refused; the refusal's code. Its sentence is kept in `sentence`."""
        before, heard = self.case, len(self.happenings)
        when = at or self.now + timedelta(minutes=1)
        self.until(when)
        try:
            decide(self.pack, self.case, self._order(actor, command, when, occurred_at))
        except Refused as refusal:
            self.sentence = refusal.sentence
            self.who = refusal.who
            assert refusal.sentence[0].isupper() or refusal.sentence[0] == "“", refusal.sentence
            assert refusal.sentence.endswith("."), refusal.sentence
            assert self.case == before or len(self.happenings) > heard
            return refusal.code
        raise AssertionError(f"{command.type} was not refused")

    def until(self, when: datetime) -> tuple[Happening, ...]:
        """Let time pass up to and including `when`; what it made happen by itself."""
        assert when >= self.now, "a story goes forward"
        happenings = due(self.pack, self.case, when)
        if happenings:
            wake = next_wakeup(self.pack, self.case)
            assert wake is not None
            assert wake <= happenings[0].occurred_at, "woke too late for it"
        self._record(self.case, happenings)
        self.now = when
        return happenings

    def wait(self, **span: float) -> tuple[Happening, ...]:
        """Let a span pass (`hours=2`, `days=30`); what it made happen by itself."""
        return self.until(self.now + timedelta(**span))

    def deliver(self, letter: str) -> tuple[Happening, ...]:
        """The mail system tells that a letter has reached the customer."""
        return self.do(machine, ReportDelivery(letter=letter, state=DeliveryState.DELIVERED))

    def happened(self, actor: Actor, event: Event) -> None:
        """An event that is in the record by another way than today's commands, at this moment."""
        told = Happening(
            event=event, occurred_at=self.now, recorded_at=self.now, actor=actor.id, command="elsewhere"
        )
        self._record(self.case, (told,))

    def told(self, kind: type[E]) -> list[E]:
        """All events of this kind so far, in order."""
        return [told.event for told in self.happenings if isinstance(told.event, kind)]

    def _order(self, actor: Actor, body: Command, at: datetime, occurred_at: datetime | None) -> Order:
        self._orders += 1
        order = Order(id=f"c{self._orders}", actor=actor, body=body, at=at, occurred_at=occurred_at)
        assert Order.model_validate_json(order.model_dump_json()) == order
        return order

    def _record(self, case: Case | None, happenings: Sequence[Happening]) -> None:
        for told in happenings:
            again = Happening.model_validate_json(told.model_dump_json())
            assert again == told
            case = evolve(case, again)
        assert case is not None
        self.case = case
        self.happenings.extend(happenings)
        if happenings:
            assert Case.model_validate_json(case.model_dump_json()) == case
            assert fold(self.happenings) == case
            self.now = max(self.now, happenings[-1].recorded_at)
