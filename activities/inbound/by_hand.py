"""What people do with mail that no machine could place: open it, give it to a complaint, make it one, drop it."""

from __future__ import annotations

import asyncio
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases
from activities.inbound.filing import Filer, Overtaken
from activities.inbound.matching import Matcher
from activities.inbound.reading import Mail, read
from complaints.base import Actor, Refused, permit_role
from complaints.chapters.conversation import WriteMessage
from complaints.chapters.intake import AddNote, ReceiveComplaint
from complaints.lifecycle import possible
from ledger import inbound, intake
from ledger.database import autocommit
from ledger.inbound import OPEN, Kept, Mails, State
from runtime.clock import Clock

DropReason = Literal["spam", "advertising", "duplicate", "private", "not_for_us", "nothing_said"]
"""Why a mail is dropped; codes, as a reason in words could name somebody."""


class Settled(Exception):  # noqa: N818 - an answer, not a fault
    """The mail waits for nobody any more; `kept` is how it stands."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(f"mail {kept.id} is {kept.state}")
        self.kept = kept


class ByHand:
    """Of two people who decide on one mail at once the second is told (Settled)."""

    def __init__(
        self,
        engine: AsyncEngine,
        mails: Mails,
        *,
        cases: Cases,
        filer: Filer,
        matcher: Matcher,
        clock: Clock,
        domain: str,
    ) -> None:
        self._engine = autocommit(engine)
        self._mails = mails
        self._cases = cases
        self._filer = filer
        self._matcher = matcher
        self._clock = clock
        self._domain = domain

    async def find(self, id: int) -> Kept:  # noqa: A002 - the field's own name
        """The mail's row. Raises KeyError where there is none."""
        async with self._engine.connect() as conn:
            found = await inbound.one(conn, id)
        if found is None:
            raise KeyError(id)
        return found

    async def open(self, kept: Kept) -> Mail:
        """What the mail says. Raises MailErased, TextDamaged. Whoever reads it has to be recorded first."""
        async with self._engine.connect() as conn:
            raw = await self._mails.open(conn, kept.id)
        return await asyncio.to_thread(read, raw, self._domain)

    async def place(self, kept: Kept, reference: str, actor: Actor, *, as_note: bool) -> Kept:
        """Give it to this complaint, as what the customer wrote or as a note. Raises Refused, KeyError, Settled.

        The complaint is told at once, or as soon as the engine is back.
        """
        command = AddNote if as_note else WriteMessage
        permit_role(command, actor)
        self._waits(kept)
        known = await self._matcher.known(reference)
        if known is None:
            raise Refused("unknown", "There is no complaint of this reference; compare it again.")
        at = self._clock.now()
        held = await self._cases.read(reference)
        refusal = None if held is None else possible(held.pack, held.case, command, actor, at)
        if refusal is not None:
            raise refusal
        mail = await self.open(kept)
        try:
            await self._filer.onto(
                kept, mail, reference, actor, at=at, not_before=known.received_at, as_note=as_note, out_of=OPEN,
                by=actor.id,
            )  # fmt: skip
        except Overtaken:
            raise Settled(await self.find(kept.id)) from None
        return await self.find(kept.id)

    async def receive(self, kept: Kept, pack: str, actor: Actor) -> intake.Pending:
        """Make it a new complaint under this pack, received when the gateway had it. Raises Refused, Settled."""
        permit_role(ReceiveComplaint, actor)
        self._waits(kept)
        mail = await self.open(kept)
        try:
            return await self._filer.receive(
                kept, mail, pack, at=self._clock.now(), actor=actor, out_of=OPEN, by=actor.id
            )
        except Overtaken:
            raise Settled(await self.find(kept.id)) from None

    async def drop(self, kept: Kept, why: DropReason, actor: Actor) -> Kept:
        """It is nothing: its content is erased in a month. Raises Settled."""
        async with self._engine.connect() as conn:
            done = await inbound.settle(
                conn, kept.id, State.DROPPED, out_of=(*OPEN, State.OVERSIZED), why=why, at=self._clock.now(),
                by=actor.id,
            )  # fmt: skip
        found = await self.find(kept.id)
        if not done:
            raise Settled(found)
        return found

    def _waits(self, kept: Kept) -> None:
        if kept.state not in OPEN:
            raise Settled(kept)
