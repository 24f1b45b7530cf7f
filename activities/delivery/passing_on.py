"""Passing on: a ladder's call that reached nobody goes to whom the pure core names next, also while Temporal is away.

The workflow, when it is told, decides the same by the same functions and finds the messages under the same keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast, get_args

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases, Held
from complaints.base import SYSTEM, Actor, Order
from complaints.case import Case
from complaints.chapters.escalation import ReportUnheld
from complaints.lifecycle import decide, due, evolve
from complaints.messages import Message, messages
from complaints.timing.occurrences import Unheld
from ledger import outbox
from ledger.database import autocommit
from ledger.outbox import Untold
from policies.vocabulary import Role
from runtime.clock import Clock

_POST = Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,))


class PassingOn:
    """Looks at all calls of a complaint that reached nobody together: each alone may leave somebody to be there."""

    def __init__(self, engine: AsyncEngine, cases: Cases, clock: Clock) -> None:
        self._engine = autocommit(engine)
        self._transactions = engine
        self._cases = cases
        self._clock = clock

    async def pass_on(self, reference: str) -> int:
        """Queue what the calls that the workflow has not been told of call for; returns how many are new.

        Raises what the database raises.
        """
        async with self._engine.connect() as conn:
            rows = await outbox.unheld(conn, reference)
        held = await self._cases.read(reference) if rows else None
        if held is None:
            return 0
        orders = [order for row in rows if (order := unheld_order(row, self._clock)) is not None]
        called_for = what_unheld_calls_for(held, orders)
        async with self._transactions.begin() as conn:
            return await outbox.queue(conn, reference, called_for)


def unheld_order(row: Untold, clock: Clock) -> Order | None:
    """What the complaint's workflow is told of a call that reached nobody; None for what is no ladder's call."""
    if row.clock is None or row.occurrence is None or row.rung is None or row.who is None:
        return None
    body = ReportUnheld(
        clock=row.clock, occurrence=row.occurrence, rung=row.rung, repeat=row.repeat or 0, word=row.who,
        why=_why(row.status),
    )  # fmt: skip
    return Order(id=f"unheld/{row.id}", actor=_POST, body=body, at=clock.now())


def what_unheld_calls_for(held: Held, orders: Sequence[Order]) -> list[Message]:
    """The messages that follow from calls that reached nobody, one after the other. Pure."""
    case: Case = held.case
    latest = max((order.at for order in orders), default=None)
    for told in due(held.pack, case, latest) if latest else ():
        case = evolve(case, told)
    called_for: list[Message] = []
    for order in orders:
        for told in decide(held.pack, case, order):
            case = evolve(case, told)
            called_for += messages(held.pack, case, told)
    return called_for


def _why(status: str | None) -> Unheld:
    """Why nobody was there, as the post has settled the row; a mail that came back has a code there."""
    return cast(Unheld, status) if status in get_args(Unheld) else "unreachable"
