"""The worklist: complaints by next deadline, filtered by coded values in the address, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy import cast, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.deps import Deps, DepsHere
from api.desk.clocks import State, state_of, ticks, word
from api.desk.rendering import page
from api.desk.sessions import SessionHere
from api.desk.times import Face, left
from api.desk.words import headed, said
from api.fields import Code
from api.problems import Problem
from api.showing import areas_of
from api.status import disturbances_if_known
from complaints.base import HANDLING
from complaints.phases import Phase
from ledger import access, reads
from ledger.alerts import Height, heights
from ledger.directory import Session, StaffMember
from ledger.tables import clocks as clock_runs
from ledger.tables import events
from ledger.worklist import ComplaintRow, Filters, cursor_after, sites_with_most, worklist
from policies.pack import Pack
from policies.vocabulary import Kind, Severity

router = APIRouter(include_in_schema=False)

_PAGE = 50
_SITES = 12
"""How many sites are offered to choose from; any other can be typed."""
ME = "me"


_MANY = frozenset(
    {"phase", "kind", "severity", "owner", "offered_to", "problem_type", "site", "handling_tier"}
)
"""What may be named several times."""


def given_only(values: Any) -> Any:
    """The codes without the field that was left empty, each without the blanks around it."""
    if not isinstance(values, list):
        return values
    trimmed = [value.strip() if isinstance(value, str) else value for value in values]
    return [value for value in trimmed if value != ""]


class Asked(BaseModel):
    """What the address asks for. Several values of one name mean any of them."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "closed", "all"] = "open"
    phase: list[Phase] = Field([], max_length=20)
    kind: list[Kind] = Field([], max_length=20)
    severity: list[Severity] = Field([], max_length=20)
    owner: list[Code] = Field([], max_length=20)
    offered_to: list[Code] = Field([], max_length=20)
    problem_type: list[Code] = Field([], max_length=20)
    site: Annotated[list[Code], BeforeValidator(given_only)] = Field([], max_length=40)
    handling_tier: list[Annotated[int, Field(ge=1, le=9)]] = Field([], max_length=9)
    unowned: bool = False
    overdue: bool = False
    paused: bool = False
    after: str | None = Field(None, max_length=500)

    def filters(self, session: Session) -> Filters:
        """The same as the ledger takes it."""

        def people(ids: Sequence[str]) -> tuple[str, ...]:
            return tuple(session.actor.id if id_ == ME else id_ for id_ in ids)

        return Filters(
            phase=tuple(self.phase),
            kind=tuple(self.kind),
            severity=tuple(self.severity),
            owner=people(self.owner),
            offered_to=people(self.offered_to),
            problem_type=tuple(self.problem_type),
            site=tuple(self.site),
            handling_tier=tuple(self.handling_tier),
            unowned=self.unowned,
            overdue=True if self.overdue else None,
            paused=True if self.paused else None,
            open={"open": True, "closed": False, "all": None}[self.state],
        )

    def address(self, **changes: Any) -> str:
        """The filters as a query, in coded values; what is as it is without being asked for is left out."""
        told = self.model_copy(update={"after": None, **changes}).model_dump(
            mode="json", exclude_defaults=True
        )
        return urlencode({n: "true" if v is True else v for n, v in told.items() if v}, doseq=True)

    @property
    def narrowed(self) -> bool:
        return bool(self.address())


@dataclass(frozen=True)
class View:
    """One of the ready-made lists, with how many are on it where that is counted."""

    title: str
    address: str
    count: int | None
    current: bool


@dataclass(frozen=True)
class RowShown:
    """One complaint as the worklist shows it; nothing but words."""

    reference: str
    state: State | None
    word: str
    clock: str
    due: str
    due_at: datetime | None
    remaining: str
    ticks: bool
    subject: str
    subject_state: str
    kind: str
    severity: str
    grave: bool
    about: str
    phase: str
    handling: str
    owner: str
    offered_to: str
    wrote: str
    wrote_at: datetime | None
    rung: str
    acknowledged: bool


@router.get("/desk")
async def show(deps: DepsHere, session: SessionHere, asked: Annotated[Asked, Query()]) -> Response:
    """The list, ordered by next deadline, then by reference; what is paused comes last."""
    now = deps.clock.now()
    packs = {(pack.name, pack.version): pack for pack in await deps.packs.all()}
    staff = await deps.directory.everyone()
    async with deps.reading.connect() as conn:
        try:
            found = await worklist(conn, asked.filters(session), cursor=asked.after, limit=_PAGE)
        except (ValueError, OverflowError):
            raise Problem(
                422, "bad_cursor", "This page marker is not one of ours; begin again with the first page."
            ) from None
        counts = await reads.counts(conn)
        starts = await _starts(conn, found.rows)
        subjects = await _subjects(deps, conn, session, found.rows)
        climbed = await heights(conn, [row.reference for row in found.rows], now)
        sites = await sites_with_most(conn, _SITES)
    names = {member.id: member.name for member in staff}
    zones = {pack.timezone for pack in packs.values()}
    rows = tuple(
        _row(
            row,
            packs[row.pack, row.pack_version],
            starts.get(row.reference),
            subjects=subjects,
            names=names,
            climbed=climbed.get(row.reference),
            now=now,
        )
        for row in found.rows
    )
    query = asked.address()
    return page(
        "worklist.html",
        session=session,
        disturbances=await disturbances_if_known(deps),
        rows=rows,
        asked=asked,
        more=None if found.next is None else f"/desk?{urlencode([*parse_qsl(query), ('after', found.next)])}",
        query=query,
        views=_views(asked, counts),
        counts=counts,
        phases=[(phase.value, headed(phase)) for phase in Phase],
        kinds=[(kind.value, headed(kind)) for kind in Kind],
        severities=[(severity.value, headed(severity)) for severity in Severity],
        owners=_owners(staff, session),
        problems=_problems(packs.values(), asked.problem_type),
        sites=[(site, site) for site in dict.fromkeys((*asked.site, *sites))],
        tiers=_tiers(packs.values(), asked.handling_tier),
        face=Face(next(iter(zones)) if len(zones) == 1 else "UTC", now),
        speed=deps.clock.spec.speed,
        me=ME,
    )


def listed(query: str) -> str:
    """The address of the list that a case was opened from."""
    return f"/desk?{urlencode(parse_qsl(query))}" if query else "/desk"


async def follower(deps: Deps, session: Session, reference: str, query: str) -> str | None:
    """The reference that comes after this one in the list, in the order on the screen; None at its end."""
    try:
        asked = Asked.model_validate(_several(query))
    except ValidationError:
        asked = Asked()
    async with deps.reading.connect() as conn:
        here = await reads.complaint(conn, reference)
        if here is None:
            return None
        found = await worklist(conn, asked.filters(session), cursor=cursor_after(here), limit=1)
    return found.rows[0].reference if found.rows else None


def _several(query: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in parse_qsl(query):
        if name in _MANY:
            told.setdefault(name, []).append(value)
        else:
            told[name] = value
    return told


def _views(asked: Asked, counts: reads.Counts) -> tuple[View, ...]:
    made = (
        ("All open", Asked(), counts.open),
        ("Mine", Asked(owner=[ME]), None),
        ("Offered to me", Asked(offered_to=[ME]), None),
        ("Nobody's", Asked(unowned=True), counts.unowned),
        ("Overdue", Asked(overdue=True), counts.overdue),
        ("Paused", Asked(paused=True), counts.paused),
        ("Closed", Asked(state="closed"), None),
    )
    here = asked.address()
    return tuple(View(title, view.address(), count, view.address() == here) for title, view, count in made)


def _owners(staff: Sequence[StaffMember], session: Session) -> list[tuple[str, str]]:
    others = [
        (m.id, m.name) for m in staff if m.active and HANDLING & set(m.roles) and m.id != session.actor.id
    ]
    return [(ME, f"Me ({session.name})"), *others]


def _row(
    row: ComplaintRow,
    pack: Pack,
    started_at: datetime | None,
    *,
    subjects: Mapping[str, str | None],
    names: Mapping[str, str],
    climbed: Height | None,
    now: datetime,
) -> RowShown:
    face = Face(pack.timezone, now)
    rule = None if row.next_clock is None else pack.clock(row.next_clock)
    due = row.next_due_at
    state: State | None = "paused" if row.paused and due is None else None
    if rule is not None and due is not None:
        state = state_of(pack, rule, started_at or row.received_at, due, now)
    held = row.subject_text
    return RowShown(
        reference=row.reference,
        state=state,
        word=word(state) if state else "",
        clock=rule.title["en"] if rule is not None else "",
        due=face.due(due) if due is not None else "",
        due_at=due,
        remaining=left(pack, rule, now, due) if rule is not None and due is not None else "",
        ticks=rule is not None and ticks(rule),
        subject=(subjects.get(held) if held else None) or "",
        subject_state="none"
        if held is None
        else "withheld"
        if held not in subjects
        else "shown"
        if subjects[held]
        else "erased",
        kind=headed(row.kind),
        severity=said(row.severity),
        grave=row.severity in (Severity.MAJOR, Severity.URGENT),
        about=", ".join(part for part in (_problem(pack, row.problem_type), row.site) if part),
        phase=headed(row.phase),
        handling=f"tier {row.handling_tier}" if row.handling_tier > 1 else "",
        owner=names.get(row.owner, "Somebody who has left") if row.owner else "",
        offered_to=names.get(row.offered_to, "somebody who has left") if row.offered_to else "",
        wrote=face.at(row.customer_wrote_at) if row.customer_wrote_at else "",
        wrote_at=row.customer_wrote_at,
        rung=f"Rung {climbed.rung + 1}" if climbed else "",
        acknowledged=climbed is not None and climbed.acknowledged,
    )


def _problem(pack: Pack, problem_type: str | None) -> str:
    if problem_type is None:
        return ""
    known = pack.problem_types.get(problem_type)
    return known.title["en"] if known is not None else headed(problem_type)


def _problems(packs: Iterable[Pack], chosen: Sequence[str]) -> list[tuple[str, str]]:
    """Every type of problem that a pack knows, and those asked for that none does, in words."""
    titles = {name: problem.title["en"] for pack in packs for name, problem in pack.problem_types.items()}
    for name in chosen:
        titles.setdefault(name, headed(name))
    return sorted(titles.items(), key=lambda item: item[1])


def _tiers(packs: Iterable[Pack], chosen: Sequence[int]) -> list[tuple[int, str]]:
    """The tiers of handling that packs know. What a tier is called differs from pack to pack."""
    known = {tier.number for pack in packs for tier in pack.handling_tiers}
    return [(number, f"Tier {number}") for number in sorted({1, *known, *chosen})]


async def _starts(conn: AsyncConnection, rows: Sequence[ComplaintRow]) -> dict[str, datetime]:
    """{reference: when its next clock started}, for the moment from which a deadline is near."""
    wanted = {row.reference: row.next_clock for row in rows if row.next_clock is not None}
    if not wanted:
        return {}
    c = clock_runs.c
    query = select(c.reference, c.clock, c.started_at).where(
        c.reference.in_(list(wanted)), c.due_at.is_not(None)
    )
    found = await conn.execute(query.order_by(c.occurrence))
    return {run.reference: run.started_at for run in found if wanted[run.reference] == run.clock}


async def _subjects(
    deps: Deps, conn: AsyncConnection, session: Session, rows: Sequence[ComplaintRow]
) -> dict[str, str | None]:
    """{text id: subject, or None once erased}, of those this reader may see. Each reading is noted first."""
    if not {"*", "subject"} & areas_of(session.actor):
        return {}
    recused = await _recused(conn, session.actor.id, [row.reference for row in rows])
    wanted = {
        row.subject_text: row.reference for row in rows if row.subject_text and row.reference not in recused
    }
    if not wanted:
        return {}
    now = deps.clock.now()
    noted = [
        {
            "at": now,
            "actor": session.actor.id,
            "reference": reference,
            "purpose": "worklist",
            "what": ["subject"],
        }
        for reference in wanted.values()
    ]
    await conn.execute(insert(access.access_log).values(noted))
    texts = await deps.texts.get(conn, wanted)
    return {id_: text if isinstance(text := texts.get(id_), str) else None for id_ in wanted}


async def _recused(conn: AsyncConnection, person: str, references: Sequence[str]) -> frozenset[str]:
    """The complaints among these in which this person declared a conflict of interest."""
    c = events.c
    query = select(c.stream).where(
        c.stream.in_(list(references)),
        c.type == "ConflictDeclared",
        cast(c.body, JSONB)["person"].astext == person,
    )
    return frozenset((await conn.scalars(query)).all())
