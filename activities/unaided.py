"""Orders carried out without a workflow: who is called can answer while Temporal is away.

The same pure functions decide, and the same commit records, that the workflow would use. It finds what was recorded
in its place as the conflict of its next commit, and takes that for true (DESIGN, One commit per transition); it is
told of the order besides, so that it does not go on refusing by what it held before (watching/catching_up.py).
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases
from complaints.base import Order, Refused
from complaints.lifecycle import carry_out, fold
from complaints.transition import transition
from ledger import unaided
from ledger.database import autocommit
from ledger.record import Record
from runtime.clock import Clock
from workflows.client import EngineAway, Unknown
from workflows.contract import Outcome

_TRIES = 5


class Unaided:
    """Carries out orders by the record alone: those whose command says `unaided`, while the engine is away."""

    def __init__(self, engine: AsyncEngine, record: Record, cases: Cases, clock: Clock) -> None:
        self._each = autocommit(engine)
        self._record = record
        self._cases = cases
        self._clock = clock

    async def execute(self, reference: str, order: Order) -> Outcome:
        """Record the order, once however often it is sent.

        Raises Refused (the rules say no), Unknown (nothing is recorded of this complaint), EngineAway where others
        wrote each time that this was tried, and what the database raises: the order may then be sent again.
        """
        if not order.body.unaided:
            raise ValueError(f"{order.body.type} needs the complaint's workflow")
        for _ in range(_TRIES):
            known = await self._record.find_command(reference, order.id)
            if known is not None:
                return Outcome(
                    reference=reference, version=known.last, sequence=known.last, duplicate=True,
                    events=tuple(told.event.type for told in known.happenings),
                )  # fmt: skip
            outcome = await self._tried(reference, order)
            if outcome is not None:
                return outcome
        raise EngineAway("the complaint is being changed by others just now")

    async def _tried(self, reference: str, order: Order) -> Outcome | None:
        """What came of it; None where somebody else wrote meanwhile, and it has to be decided anew."""
        held = await self._cases.read(reference)
        if held is None:
            raise Unknown(reference)
        try:
            happenings = carry_out(held.pack, held.case, order.recorded(self._clock.now()))
        except Refused:
            if await self._record.find_command(reference, order.id) is not None:
                # Refused as it is on record: it was sent twice at once, or the engine took it after all.
                return None
            async with self._each.connect() as conn:
                await unaided.drop(conn, reference, order.id)
            raise
        async with self._each.connect() as conn:  # before it is recorded, lest the workflow never hears of it
            await unaided.keep(conn, reference, order)
        result = await self._record.commit(transition(held.pack, held.case, reference, happenings))
        if result.stored is not None:
            return None
        return Outcome(
            reference=reference,
            version=fold(happenings, held.case).version,
            sequence=result.sequence,
            events=tuple(told.event.type for told in happenings if told.command == order.id),
        )
