"""Assigning: gives triaged complaints that nobody has taken to whoever may have them and has the least to do.

The choice is complaints/people/dispatching.py's. It goes to the complaint's workflow as a fact, under an id that
names where the stream stood: told twice it is done once, and where somebody took the complaint meanwhile
it changes nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.cases import Cases, Held
from complaints.base import SYSTEM, Actor, Command, Order
from complaints.people.dispatching import Candidate, Chosen, Dispatch, Nobody, ReportNobody, choose, waits
from ledger import roster
from ledger.database import autocommit
from ledger.roster import Waiting
from policies.vocabulary import Role
from runtime.clock import Clock
from workflows.client import EngineAway

_log = structlog.get_logger(__name__)
_AT_ONCE = 100
_FIRST_WAIT = 10.0
_LONGEST_WAIT = 300.0
_SERVICE = Actor(id=SYSTEM, roles=(Role.ADMINISTRATOR,))

Staffing = tuple[tuple[object, ...], ...]
"""Who there is, without how much each has to do: what decides whether there is anybody for a complaint."""


class Tells(Protocol):
    """The engine, as far as assigning needs it. Raises where Temporal does not take the fact."""

    async def tell(self, reference: str, order: Order) -> None: ...


@dataclass
class _Told:
    """What was told about a complaint, and is not on record yet. Lost with the process, it is told again."""

    sequence: int
    to: str | None
    until: float
    wait: float


@dataclass(frozen=True)
class _Nobody:
    """With which staff, and at which point of the stream, nobody was found."""

    sequence: int
    staffing: Staffing


class Assigner:
    """Looks for complaints that wait for an owner. One at a time: see hold.py."""

    def __init__(
        self,
        engine: AsyncEngine,
        cases: Cases,
        workflows: Tells,
        clock: Clock,
        *,
        first_wait: float = _FIRST_WAIT,
    ) -> None:
        """`first_wait`: real seconds until a fact that did not show in the record is told again, then doubled."""
        self._engine = autocommit(engine)
        self._cases = cases
        self._workflows = workflows
        self._clock = clock
        self._first_wait = first_wait
        self._told: dict[str, _Told] = {}
        self._nobody: dict[str, _Nobody] = {}

    async def assign(self) -> int:
        """Give what waits to whoever is there for it; returns how many were told whom they belong to.

        Where nobody is there for one, that is said once on its record, and it is tried again when staff or
        complaint change. While Temporal is away all wait. Raises what the database raises.
        """
        async with self._engine.connect() as conn:
            waiting = await roster.waiting(conn)
            if not waiting:
                self._told, self._nobody = {}, {}
                return 0
            staff = list(await roster.candidates(conn, self._clock.now()))
        still = {one.reference for one in waiting}
        self._told = {reference: told for reference, told in self._told.items() if reference in still}
        self._nobody = {reference: found for reference, found in self._nobody.items() if reference in still}
        staffing = _staffing(staff)
        given = 0
        for one in [one for one in waiting if self._news(one, staffing)][:_AT_ONCE]:
            try:
                given += await self._give(one, staff, staffing)
            except EngineAway as error:
                _log.info("not assigned yet", reference=one.reference, total=len(waiting), exc_info=error)
                break
            except Exception as error:  # the others' complaints must find their owner all the same
                _log.error("not assigned", reference=one.reference, exc_info=error)
                self._remember(one, None)
        return given

    def _news(self, one: Waiting, staffing: Staffing) -> bool:
        told = self._told.get(one.reference)
        if told is not None and told.sequence == one.sequence and told.until > time.monotonic():
            return False
        return self._nobody.get(one.reference) != _Nobody(one.sequence, staffing)

    async def _give(self, one: Waiting, staff: list[Candidate], staffing: Staffing) -> int:
        held = await self._cases.read(one.reference)
        if held is None or not waits(held.pack, held.case):  # taken since the list was made
            return 0
        match self._choice(held, self._people(staff, one.reference)):
            case Chosen(to=person, rule=rule, load=load):
                await self._tell(held, Dispatch(to=person, rule=rule, load=load))
                self._remember(one, person.id)
                await self._note(person.id, staff)
                return 1
            case Nobody(rule=rule, why=why) as nobody:
                if held.case.ownership.unplaced != why:
                    await self._tell(held, ReportNobody(rule=rule, unplaced=why))
                    self._remember(one, None)
                    _log.warning("nobody to assign it to", reference=one.reference, reason=nobody.why)
                else:
                    self._nobody[one.reference] = _Nobody(one.sequence, staffing)
        return 0

    def _people(self, staff: Sequence[Candidate], reference: str) -> list[Candidate]:
        """The staff, with what they were told is theirs and does not show in the record yet."""
        coming = Counter(told.to for other, told in self._told.items() if other != reference)
        return [
            one.model_copy(update={"load": one.load + coming[one.person.id]})
            if coming[one.person.id]
            else one
            for one in staff
        ]

    def _choice(self, held: Held, staff: Sequence[Candidate]) -> Chosen | Nobody:
        """Whom it was told to before, while they may have it: else two would hear that it is theirs."""
        before = self._told.get(held.case.reference)
        if before is not None and before.sequence == held.case.sequence:
            again = choose(held.pack, held.case, [one for one in staff if one.person.id == before.to])
            if isinstance(again, Chosen):
                return again
        return choose(held.pack, held.case, staff)

    async def _tell(self, held: Held, body: Command) -> None:
        order = Order(
            id=f"{body.type.lower()}/{held.case.reference}/{held.case.sequence}",
            actor=_SERVICE,
            body=body,
            at=self._clock.now(),
        )
        await self._workflows.tell(held.case.reference, order)

    def _remember(self, one: Waiting, to: str | None) -> None:
        before = self._told.get(one.reference)
        wait = self._first_wait if before is None else min(before.wait * 2, _LONGEST_WAIT)
        self._told[one.reference] = _Told(one.sequence, to, time.monotonic() + wait, wait)

    async def _note(self, person: str, staff: list[Candidate]) -> None:
        now = self._clock.now()
        async with self._engine.connect() as conn:
            await roster.note_assigned(conn, person, now)
        index = next(i for i, one in enumerate(staff) if one.person.id == person)
        staff[index] = staff[index].model_copy(update={"assigned_at": now})


def _staffing(staff: Sequence[Candidate]) -> Staffing:
    return tuple((one.person.id, one.person.roles, one.department, one.away) for one in staff)
