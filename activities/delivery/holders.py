"""Who is there to be told: the people whom a recipient means at an instant, with deputies for who is away."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import structlog
from cryptography.exceptions import InvalidTag
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.base import Frozen
from complaints.people.deputising import Staffing, stands_for
from complaints.people.duty import is_open, on_duty
from ledger.chat_addresses import ChatSeal
from ledger.database import autocommit
from ledger.directory import Mailbox
from ledger.duty import DutyPlan, read_plan

KEPT: Final = 2.0
"""Real seconds for which what was read may be used."""

WhyNobody = Literal["nobody", "away", "off_duty"]

_log = structlog.get_logger(__name__)


class Holding(Frozen):
    """Whom a recipient means at an instant.

    Without `boxes`, `why` says it: "nobody" (no such person, role, department or rota, or a gap in it), "away",
    or "off_duty" (outside the hours). `instead_of` has the ids of those for whom a deputy stands in.
    """

    boxes: tuple[Mailbox, ...] = ()
    why: WhyNobody | None = None
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read at once: `since` is the instant from which on it says who is there."""

    until: float
    since: datetime
    boxes: dict[str, Mailbox]
    roles: dict[str, tuple[str, ...]]
    departments: dict[str, tuple[str, ...]]
    plan: DutyPlan
    staffing: Staffing


class Holders:
    """Answers who is there, out of two statements every two seconds at most."""

    def __init__(self, engine: AsyncEngine, master_key: bytes | None = None) -> None:
        """`master_key` (32 bytes) opens chat addresses; without it every Mailbox has None for its chat."""
        self._engine = autocommit(engine)
        self._seal = None if master_key is None else ChatSeal(master_key)
        self._known: _Known | None = None
        self._reading = asyncio.Lock()

    async def of(self, recipient: str, at: datetime, *, on_rota: bool = False) -> Holding:
        """Whom `staff:<id>`, `role:<role>`, `department:<name>` or `on_duty:<rota>` means at `at` (service time).

        Who is away or off duty is replaced by their deputy, if one is there, and else left out. Those on a rota are
        not asked for the hours of their teams; with `on_rota` neither is a `staff:<id>`. Raises ValueError for
        another kind of recipient.
        """
        kind, _, who = recipient.partition(":")
        if kind not in {"staff", "role", "department", "on_duty"} or not who:
            raise ValueError(
                f"a recipient is staff:<id>, role:<role>, department:<name> or on_duty:<rota>, not {kind}:…"
            )
        found = _means(await self._at(at), kind, who, at, on_rota=on_rota)
        if found.boxes:
            return found
        # Somebody may have come a moment ago: that nobody is there is said of what is known now.
        return _means(await self._at(at, anew=True), kind, who, at, on_rota=on_rota)

    async def _at(self, at: datetime, *, anew: bool = False) -> _Known:
        async with self._reading:
            known = self._known
            if anew or known is None or known.until <= time.monotonic() or at < known.since:
                known = self._known = await self._read(at)
            return known

    async def _read(self, at: datetime) -> _Known:
        until = time.monotonic() + KEPT
        async with self._engine.connect() as conn:
            rows = (await conn.execute(_PEOPLE)).all()
            plan = await _plan(conn, at)
        roles: dict[str, list[str]] = {}
        departments: dict[str, list[str]] = {}
        for row in rows:
            for role in row.roles:
                roles.setdefault(role, []).append(row.id)
            if row.department is not None:
                departments.setdefault(row.department, []).append(row.id)
        return _Known(
            until=until,
            since=at,
            boxes={row.id: self._box(row) for row in rows},
            roles={name: tuple(ids) for name, ids in roles.items()},
            departments={name: tuple(ids) for name, ids in departments.items()},
            plan=plan,
            staffing=plan.staffing(),
        )

    def _box(self, row: Any) -> Mailbox:
        chat = None
        if row.chat is not None and self._seal is not None:
            try:
                chat = self._seal.open(row.id, row.chat)
            except InvalidTag:  # kept under another master key: they still have their mail
                _log.warning("chat_address_not_readable", staff=row.id)
        return Mailbox(staff=row.id, name=row.name, address=row.email, language=row.language, chat=chat)


def _means(known: _Known, kind: str, who: str, at: datetime, *, on_rota: bool) -> Holding:
    if kind == "on_duty":
        return _on_rota(known, who, at)
    groups = {"role": known.roles, "department": known.departments}
    people = ((who,) if who in known.boxes else ()) if kind == "staff" else groups[kind].get(who, ())
    return _there(known, people, at, on_rota=on_rota)


def _on_rota(known: _Known, id_: str, at: datetime) -> Holding:
    rota = known.plan.rota(id_)
    if rota is None:
        return Holding(why="nobody")
    people = on_duty(rota, at)
    if not people and not is_open(rota.timezone, rota.hours, at):
        return Holding(why="off_duty")
    return _there(known, people, at, on_rota=True)


def _there(known: _Known, people: tuple[str, ...], at: datetime, *, on_rota: bool = False) -> Holding:
    standing = [stands_for(known.staffing, one, at, on_rota=on_rota) for one in people if one in known.boxes]
    reached = dict.fromkeys(one.person for one in standing if one.person is not None)
    boxes = tuple(known.boxes[one] for one in reached if one in known.boxes)
    if not boxes:
        reasons = {one.why for one in standing}
        return Holding(why="off_duty" if "off_duty" in reasons else "away" if standing else "nobody")
    return Holding(boxes=boxes, instead_of=tuple(one.instead_of for one in standing if one.instead_of))


async def _plan(conn: AsyncConnection, at: datetime) -> DutyPlan:
    """The plan; one that cannot be understood counts for nothing, for an alert must reach somebody."""
    try:
        return await read_plan(conn, at)
    except ValidationError as error:
        _log.error("duty_plan_not_readable", faults=[str(fault["loc"]) for fault in error.errors()[:10]])
        return DutyPlan()


_PEOPLE = text(
    "SELECT id, name, email, language, roles, department, chat FROM staff WHERE active ORDER BY id"
)
