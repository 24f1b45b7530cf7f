"""A complaint told to the record step by step, as its workflow would: decide, commit, evolve."""

from __future__ import annotations

from datetime import datetime, timedelta

from complaints.base import Actor, Command, Happening, Order
from complaints.case import Case
from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.ownership import TakeOwnership
from complaints.lifecycle import decide, due, evolve, receive
from complaints.transition import Commit, CommitResult, transition
from ledger.record import Record
from policies.pack import Pack
from policies.vocabulary import Channel
from tests.complaints.support import PACK, RECEIVED, WEI, ana, iris, text


class Told:
    """One complaint. Every command is given a minute after the one before, and its id names the reference."""

    def __init__(self, record: Record, reference: str, *, at: datetime = RECEIVED, pack: Pack = PACK) -> None:
        self.record = record
        self.reference = reference
        self.pack = pack
        self.now = at
        self.case: Case | None = None
        self._orders = 0

    @property
    def held(self) -> Case:
        assert self.case is not None
        return self.case

    def receiving(self, *, source: str | None = None, actor: Actor = iris) -> Commit:
        """The commit of its receipt."""
        body = ReceiveComplaint(
            channel=Channel.MAIL,
            subject=text(f"subject of {self.reference}"),
            narrative=text(f"narrative of {self.reference}"),
            parties=(WEI,),
            source=source,
        )
        return transition(
            self.pack, None, self.reference, receive(self.pack, self.reference, self.order(actor, body))
        )

    def doing(self, actor: Actor, body: Command, *, command_id: str | None = None) -> Commit:
        """The commit of a command, on top of what is held."""
        order = self.order(actor, body, command_id)
        return transition(self.pack, self.held, self.reference, decide(self.pack, self.held, order))

    def waiting(self, span: timedelta) -> Commit:
        """The commit of what time alone makes happen within `span`."""
        self.now += span
        return transition(self.pack, self.held, self.reference, due(self.pack, self.held, self.now))

    async def send(self, commit: Commit) -> CommitResult:
        """Commit, and evolve what is on record."""
        result = await self.record.commit(commit)
        self.absorb(commit.happenings if result.stored is None else () if result.duplicate else result.stored)
        return result

    async def received(self, *, source: str | None = None) -> Told:
        await self.send(self.receiving(source=source))
        return self

    async def owned(self, actor: Actor = ana) -> Told:
        """Received, and taken by `actor`."""
        await self.received()
        await self.send(self.doing(actor, TakeOwnership()))
        return self

    def absorb(self, happenings: tuple[Happening, ...]) -> None:
        for told in happenings:
            self.case = evolve(self.case, told)

    def order(self, actor: Actor, body: Command, command_id: str | None = None) -> Order:
        self._orders += 1
        self.now += timedelta(minutes=1)
        return Order(
            id=command_id or f"{self.reference}/c{self._orders}", actor=actor, body=body, at=self.now
        )
