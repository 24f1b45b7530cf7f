"""Telling complaints what mail says: the orders of placed mails, in their order, each until it was taken."""

from __future__ import annotations

from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from complaints.base import Order, Refused
from complaints.chapters.intake import AttachEvidence
from ledger import inbound, intake, reads
from ledger.database import autocommit
from ledger.inbound import State, Telling
from runtime.clock import Clock
from workflows.client import EngineAway, Unknown
from workflows.contract import Outcome

_log = structlog.get_logger(__name__)


class Executes(Protocol):
    """The engine, as far as mail needs it. Raises Refused, Unknown, EngineAway."""

    async def execute(self, reference: str, order: Order) -> Outcome | None: ...


class MailTeller:
    """Gives orders that carry their ids with them, so that one given twice is carried out once."""

    def __init__(self, engine: AsyncEngine, workflows: Executes, clock: Clock) -> None:
        self._engine = autocommit(engine)
        self._workflows = workflows
        self._clock = clock

    async def tell(self) -> int:
        """Tell what waits; returns how many mails were taken whole. While the engine is away all of it waits.

        A mail whose complaint does not take it yet holds up the later ones to that complaint, and no others.
        Raises what the database raises.
        """
        async with self._engine.connect() as conn:
            waiting = await inbound.to_tell(conn)
        held_up: set[str] = set()
        taken = 0
        for telling in waiting:
            if telling.reference in held_up:
                continue
            try:
                if await self._told(telling):
                    taken += 1
                else:
                    held_up.add(telling.reference)
            except EngineAway as error:
                _log.info(
                    "mail not told yet", reference=telling.reference, total=len(waiting), exc_info=error
                )
                break
        return taken

    async def _told(self, telling: Telling) -> bool:
        """Whether its complaint has it, or a person."""
        refused: str | None = None
        for order in telling.orders:
            try:
                outcome = await self._workflows.execute(telling.reference, order)
            except Unknown:
                return await self._never_was(telling)
            except Refused as refusal:
                if not isinstance(order.body, AttachEvidence):
                    await self._to_a_person(telling, refusal.code)
                    return True
                refused = f"file {refusal.code}"  # the mail itself stays with the complaint all the same
                continue
            if outcome is None:
                return False  # at work; asked again under the same id
        async with self._engine.connect() as conn:
            await inbound.told(conn, telling.id, refused)
        return True

    async def _never_was(self, telling: Telling) -> bool:
        """A complaint that is accepted is on record soon; one that is neither is for a person."""
        async with self._engine.connect() as conn:
            # What waits is asked first: in between it may be recorded, and must not be found in neither place.
            there = await intake.waits(conn, telling.reference) or await reads.complaint(
                conn, telling.reference
            )
        if there:
            return False
        await self._to_a_person(telling, "unknown_reference")
        return True

    async def _to_a_person(self, telling: Telling, why: str) -> None:
        async with self._engine.connect() as conn:
            await inbound.settle(conn, telling.id, State.UNPLACED, why=why, at=self._clock.now())
        _log.info("mail not taken", mail=telling.id, reference=telling.reference, code=why)
