"""Alerts at the desk: what I or my team was told, and the buttons that answer what the ladders call."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api.alerts import OVERSIGHT, AlertBody, Asked, page_of_alerts
from api.commands import slug
from api.deps import Deps, DepsHere
from api.desk.case import COMMANDS
from api.desk.choices import Around, Choice, people
from api.desk.clocks import State, state_of, word
from api.desk.commands import form_back, key_of
from api.desk.forms import instant_typed
from api.desk.ladder import Told, hold_words, snoozes, told_words
from api.desk.notices import notice_shown
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere, bearer
from api.desk.times import Face, left
from api.desk.words import headed
from api.giving import give
from api.inputs import body_of
from api.ladder import LadderBody, ladders_of
from api.problems import Problem, not_well_formed
from api.reads import folded
from api.status import disturbances_if_known
from complaints.base import Command, Refused
from complaints.case import Case
from complaints.chapters.escalation import AcknowledgeAlert, ReleaseAlert, SnoozeAlert
from complaints.chapters.ownership import OfferHandover
from complaints.lifecycle import possible
from complaints.references import parse
from complaints.timing.occurrences import ClockState
from ledger import desk_news
from ledger.alerts import Wanted
from ledger.directory import Session, StaffMember
from policies.pack import Pack
from workflows.client import EngineAway

router = APIRouter(include_in_schema=False)

_PAGE = 25
ANSWERS: tuple[type[Command], ...] = (AcknowledgeAlert, SnoozeAlert, ReleaseAlert, OfferHandover)
"""What can be done from the list; all else on the complaint's own page."""
_SLUGS = frozenset(slug(command) for command in ANSWERS)
_STATES: Mapping[Wanted, str] = {
    Wanted.OPEN: "Waiting",
    Wanted.ACKNOWLEDGED: "Acknowledged",
    Wanted.ALL: "All",
}
_ENDED: Mapping[ClockState, tuple[State, str]] = {
    ClockState.MET: ("met", "Met"),
    ClockState.MET_LATE: ("late", "Met late"),
    ClockState.STOPPED: ("stopped", "Stopped"),
}


@dataclass(frozen=True)
class AlertShown:
    """One alert as the list shows it; what can be done about it is empty where nothing can."""

    id: int
    reference: str
    clock: str
    title: str
    state: State
    word: str
    due: str
    due_at: datetime | None
    remaining: str
    rung: int
    repeated: str
    told_at: datetime
    told: str
    calls: tuple[Told, ...]
    answered: str
    held: bool
    owner: str
    acknowledge: str = ""
    note_required: bool = False
    snoozes: tuple[Choice, ...] = ()
    release: bool = False
    hand_to: tuple[Choice, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class Trouble:
    """An answer that was not taken: to which alert, what was typed, and what stands in its way."""

    slug: str
    reference: str
    clock: str
    note: str
    problem: Problem
    key: str | None


@router.get("/desk/alerts")
async def show(
    deps: DepsHere,
    session: SessionHere,
    asked: Annotated[Asked, Query()],
) -> Response:
    """The alerts, the latest told first. Whoever looks at their own has seen what was new."""
    if asked.of == "me" and asked.before is None and session.new_alerts:
        async with deps.reading.connect() as conn:
            await desk_news.seen(conn, session.actor.id)
        session = session.model_copy(update={"new_alerts": 0})
    return await _listed(deps, session, asked)


@router.get("/desk/alerts/answered")
async def answered(
    deps: DepsHere,
    session: SessionHere,
    reference: Annotated[str, Query(max_length=30)] = "",
    done: Annotated[str, Query(max_length=100)] = "",
    back: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """The list once more, saying what was just done."""
    return await _listed(deps, session, _asked(back), done=done, of=reference)


@router.post("/desk/alerts/{reference}/{name}")
async def answer(deps: DepsHere, session: SessionHere, form: FormHere, reference: str, name: str) -> Response:
    """Acknowledge, snooze, release or hand over, and come back to the list."""
    if name not in _SLUGS:
        raise Problem(404)
    given = {key: value for key, value in form.items() if isinstance(value, str)}
    key, back = key_of(given), given.get("back", "")[:300]
    found = parse(reference)
    try:
        await _give(deps, session, found, COMMANDS[name], given)
    except (Refused, Problem, EngineAway) as error:
        sent = form_back(error, name, given, key)
        if sent.problem is None:
            raise
        trouble = Trouble(name, found, given.get("clock", ""), given.get("note", ""), sent.problem, sent.key)
        return await _listed(deps, session, _asked(back), trouble=trouble)
    query = urlencode({"reference": found, "done": name, "back": back})
    return RedirectResponse(f"/desk/alerts/answered?{query}#done", 303)


async def _give(
    deps: Deps, session: Session, reference: str, command: type[Command], given: Mapping[str, str]
) -> None:
    """Give the command that a button of the list stands for. Raises Refused, Problem and EngineAway."""
    case, _ = await folded(deps, reference)
    pack = await deps.packs.of(case.pack)
    sent: dict[str, Any] = {}
    if "clock" in command.model_fields:
        sent["clock"] = given.get("clock", "")
    if "note" in command.model_fields and given.get("note", "").strip():
        sent["note"] = given["note"]
    if command is SnoozeAlert:
        sent["until"] = instant_typed(given.get("until", ""), pack.timezone)
    if command is OfferHandover:
        sent |= {"to": given.get("to", "")} | (
            {"reason": given["note"]} if given.get("note", "").strip() else {}
        )
    try:
        body = body_of(command).model_validate(sent)
    except ValidationError as error:
        raise not_well_formed(error.errors(include_input=False)) from None
    await give(deps, bearer(session), reference, command, body, key=key_of(given))


async def _listed(
    deps: Deps,
    session: Session,
    asked: Asked,
    *,
    done: str = "",
    of: str = "",
    trouble: Trouble | None = None,
) -> Response:
    asked = asked.model_copy(update={"limit": _PAGE})
    found = await page_of_alerts(deps, session.actor, asked)
    staff = await deps.directory.everyone()
    rows = [await _row(deps, session, alert, staff) for alert in found.alerts]
    names = {member.id: member.name for member in staff}
    zones = {pack.timezone for pack in await deps.packs.all()}
    face = Face(next(iter(zones)) if len(zones) == 1 else "UTC", found.as_of)
    query = _query(asked)
    return page(
        "alerts.html",
        200 if trouble is None else trouble.problem.status,
        session=session,
        disturbances=await disturbances_if_known(deps),
        rows=[_kept(row, trouble) for row in rows],
        notices=[notice_shown(notice, names, face, session.actor.id) for notice in found.notices],
        asked=asked,
        views=_views(asked, session, any(member.supervisor == session.actor.id for member in staff)),
        states=[
            (title, _query(asked, state=value, before=None), asked.state == value)
            for value, title in _STATES.items()
        ],
        more=None if found.next is None else f"/desk/alerts?{_query(asked, before=found.next)}",
        query=query,
        face=face,
        done=COMMANDS[done].title if done in _SLUGS else "",
        of=of,
        trouble=trouble,
        headed=headed,
        speed=deps.clock.spec.speed,
    )


def _kept(row: AlertShown, trouble: Trouble | None) -> AlertShown:
    """The row whose answer was not taken: after an uncertain answer its key is kept."""
    if (
        trouble is None
        or trouble.key is None
        or (row.reference, row.clock) != (trouble.reference, trouble.clock)
    ):
        return row
    return replace(row, key=trouble.key)


async def _row(deps: Deps, session: Session, alert: AlertBody, staff: Sequence[StaffMember]) -> AlertShown:
    case, happenings = await folded(deps, alert.reference)
    pack = (await deps.packs.under(case)).now
    face = Face(pack.timezone, deps.clock.now())
    names = {member.id: member.name for member in staff}
    state, state_word, remaining = _state(pack, alert, case, face)
    row = AlertShown(
        id=alert.id,
        reference=alert.reference,
        clock=alert.clock,
        title=alert.title["en"],
        state=state,
        word=state_word,
        due=face.due(alert.due_at) if alert.due_at else "",
        due_at=alert.due_at,
        remaining=remaining,
        rung=alert.rung,
        repeated=f", call {alert.repeat + 1}" if alert.repeat else "",
        told_at=alert.told_at,
        told=face.at(alert.told_at),
        calls=told_words(alert.calls, names, face),
        answered=_answered(alert, names, face),
        held=alert.held,
        owner=names.get(alert.owner, "somebody who has left") if alert.owner else "",
    )
    ladders = await ladders_of(deps, case, happenings)
    mine = (item for item in ladders if (item.clock, item.occurrence) == (alert.clock, alert.occurrence))
    ladder = next(mine, None)
    if ladder is None or not ladder.running:
        return row
    return _with_answers(row, ladder, Around(case, pack, staff, face, lambda ref: "", ()), session)


def _with_answers(row: AlertShown, ladder: LadderBody, around: Around, session: Session) -> AlertShown:
    """The row with what this person may do about it now."""

    def may(command: type[Command]) -> bool:
        return possible(around.pack, around.case, command, session.actor, around.face.now) is None

    acknowledge = ladder.alarming and ladder.acknowledged_at is None and may(AcknowledgeAlert)
    return replace(
        row,
        acknowledge=hold_words(ladder, around.face) if acknowledge else "",
        note_required=ladder.note_required,
        snoozes=tuple(snoozes(ladder, around.face)) if may(SnoozeAlert) else (),
        release=ladder.held_until is not None and not ladder.expired and may(ReleaseAlert),
        hand_to=people(OfferHandover, around) if may(OfferHandover) else (),
        key=secrets.token_urlsafe(16),
    )


def _state(pack: Pack, alert: AlertBody, case: Case, face: Face) -> tuple[State, str, str]:
    """How the clock stands: its state, the word for it, and what is left."""
    if alert.clock_state in _ENDED:
        return (*_ENDED[alert.clock_state], "")
    try:
        rule = pack.clock(alert.clock)
        run = case.clocks.find(alert.clock, alert.occurrence)
    except KeyError:
        return "running", word("running"), ""
    state = state_of(pack, rule, run.started_at, run.due_at, face.now)
    return state, word(state), left(pack, rule, face.now, run.due_at) if run.due_at else ""


def _answered(alert: AlertBody, names: Mapping[str, str], face: Face) -> str:
    if not alert.held or alert.acknowledged_at is None:
        return ""
    who = names.get(alert.acknowledged_by or "", "Somebody who has left")
    until = f", holds until {face.at(alert.held_until)}" if alert.held_until else ""
    return f"{who}, {face.at(alert.acknowledged_at)}{until}"


def _asked(query: str) -> Asked:
    """What a list was asked for, from the address it had; the usual one where that can not be read."""
    try:
        return Asked.model_validate(dict(parse_qsl(query)))
    except ValidationError:
        return Asked.model_validate({})


def _query(asked: Asked, **changes: Any) -> str:
    told = asked.model_copy(update=changes).model_dump(mode="json", exclude={"limit"}, exclude_defaults=True)
    return urlencode({name: value for name, value in told.items() if value is not None})


def _views(asked: Asked, session: Session, leads: bool) -> list[tuple[str, str, bool]]:
    """Whose alerts may be looked at: mine, those of my people, everybody's."""
    known = [("Mine", "me")]
    if leads:
        known.append(("My team's", "team"))
    if session.actor.has(*OVERSIGHT):
        known.append(("Everybody's", "everyone"))
    return [(title, _query(asked, of=of, before=None), asked.of == of) for title, of in known]
