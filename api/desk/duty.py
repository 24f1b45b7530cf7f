"""Who is on duty, at the desk: now and in the next two weeks, where nobody is, take-overs, absences, deputies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from api import duty_doing as doing
from api.deps import Deps, DepsHere
from api.desk.choices import Choice
from api.desk.forms import Field
from api.desk.rendering import page
from api.desk.sessions import FormHere, SessionHere
from api.desk.times import Face
from api.desk.words import headed
from api.duty import LOOKED_AHEAD, told
from api.duty_feed import DutyFeeds
from api.duty_told import NowBody, RotaBody, TeamBody, now_body, rota_body, team_body
from api.problems import Problem
from api.status import disturbances_if_known
from complaints.people.deputising import AbsenceReason, NotThere, not_there
from ledger.directory import Session, StaffMember
from ledger.duty import DutyPlan

router = APIRouter(include_in_schema=False)

_DEPUTIES = ("first", "second", "third")
_REASONS: Mapping[AbsenceReason, str] = {
    AbsenceReason.LEAVE: "Leave",
    AbsenceReason.TRAINING: "Training",
    AbsenceReason.ELSEWHERE: "At work elsewhere",
    AbsenceReason.OTHER: "Another reason",
}
_DONE: Mapping[str, str] = {
    "take-over": "Duty is taken over.",
    "give-back": "The plan holds again from now on.",
    "absence": "The absence is noted.",
    "back": "The absence is over.",
    "deputies": "Your deputies are noted.",
    "calendar": "The calendar's shifts hold from now on.",
    "team-made": "The team is made.",
    "team-changed": "The team is changed.",
    "team-ended": "The team is ended.",
    "rota-made": "The rota is made.",
    "rota-changed": "The rota is changed.",
    "rota-ended": "The rota is ended.",
}
_NOT_THERE: Mapping[NotThere | None, tuple[str, str]] = {
    None: ("met", "There"),
    "away": ("paused", "Away"),
    "off_duty": ("stopped", "Off duty"),
}


@dataclass(frozen=True)
class Sent:
    """A form that was not done: which, what was typed, and why not."""

    form: str
    given: Mapping[str, str]
    problem: Problem

    @property
    def faults(self) -> Sequence[str]:
        """What is wrong, item by item, where there is more to say than the one sentence."""
        return [f"{one['at']}: {one['detail']}" for one in self.problem.members.get("errors", ())]


@dataclass(frozen=True)
class Away:
    """An absence as a row. `ends` is the number that ends it; None where it is not this reader's to end."""

    name: str
    reason: str
    begins_at: datetime | None
    ends_at: datetime
    ends: int | None


@dataclass(frozen=True)
class Watch:
    """A rota as the page shows it. `mine`: the reader is a member; `feed`: their own secret address of its calendar."""

    now: NowBody
    plan: RotaBody
    mine: bool
    feed: str


@router.get("/desk/duty")
async def show(
    deps: DepsHere,
    session: SessionHere,
    *,
    done: Annotated[str, Query(max_length=20)] = "",
    rota: Annotated[str, Query(max_length=63)] = "",
    begins_at: Annotated[str, Query(max_length=20)] = "",
    ends_at: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Who is on duty; `rota` and the two moments fill in the form that takes duty over."""
    asked = {"rota": rota, "begins_at": begins_at, "ends_at": ends_at}
    return await _page(deps, session, done=done, asked=asked)


@router.post("/desk/duty/take-over")
async def take_over(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Take duty over, for oneself, or as who plans it for somebody."""
    given = _given(form)
    zone = await _zone(deps)
    try:
        await doing.take_over(
            deps, session.actor, given.get("rota", "")[:63], person=given.get("person") or session.actor.id,
            begins_at=_moment(given, "begins_at", zone), ends_at=_moment(given, "ends_at", zone), instead_of=None,
        )  # fmt: skip
    except Problem as problem:
        return await _page(deps, session, sent=Sent("take-over", given, problem))
    return _done("take-over")


@router.post("/desk/duty/give-back")
async def give_back(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Give back what was taken over."""
    given = _given(form)
    try:
        await doing.give_back(deps, session.actor, given.get("rota", "")[:63], _number(given))
    except Problem as problem:
        return await _page(deps, session, sent=Sent("give-back", given, problem))
    return _done("give-back")


@router.post("/desk/duty/absences")
async def note_absence(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Note one's own absence, or as who plans duty somebody's."""
    given = _given(form)
    zone = await _zone(deps)
    try:
        reason = given.get("reason", "")
        begins_at = (
            _moment(given, "begins_at", zone) if given.get("begins_at", "").strip() else deps.clock.now()
        )
        await doing.note_absence(
            deps, session.actor, person=given.get("person") or session.actor.id, begins_at=begins_at,
            ends_at=_moment(given, "ends_at", zone),
            reason=AbsenceReason(reason) if reason in set(AbsenceReason) else AbsenceReason.OTHER,
        )  # fmt: skip
    except Problem as problem:
        return await _page(deps, session, sent=Sent("absence", given, problem))
    return _done("absence")


@router.post("/desk/duty/absences/end")
async def end_absence(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Back now, or not away after all."""
    given = _given(form)
    try:
        await doing.end_absence(deps, session.actor, _number(given))
    except Problem as problem:
        return await _page(deps, session, sent=Sent("back", given, problem))
    return _done("back")


@router.post("/desk/duty/deputies")
async def deputies(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Say who stands in for oneself."""
    given = _given(form)
    chosen = [one for name in _DEPUTIES if (one := given.get(name, ""))]
    try:
        await doing.set_deputies(deps, session.actor, session.actor.id, chosen)
    except Problem as problem:
        return await _page(deps, session, sent=Sent("deputies", given, problem))
    return _done("deputies")


@router.post("/desk/duty/calendar")
async def take_in(deps: DepsHere, session: SessionHere, form: FormHere) -> Response:
    """Take a rota's shifts from a calendar file."""
    given, file = _given(form), form.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    await form.close()
    try:
        await doing.take_in(deps, session.actor, given.get("rota", "")[:63], content)
    except Problem as problem:
        return await _page(deps, session, sent=Sent("calendar", given, problem))
    return _done("calendar")


@router.get("/desk/duty/teams")
async def teams(
    deps: DepsHere, session: SessionHere, done: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """The teams: who leads each, who stands in, who works in it and is there now."""
    now = deps.clock.now()
    plan, names = await told(deps, now)
    staffing = plan.staffing()
    found: list[tuple[TeamBody, Mapping[str, tuple[str, str]]]] = []
    for team in plan.teams:
        people = {*team.members, *team.deputies, *((team.supervisor,) if team.supervisor else ())}
        there = {one: _NOT_THERE[not_there(staffing, one, now)] for one in people}
        found.append((team_body(team, names), there))
    return page(
        "teams.html",
        session=session,
        disturbances=await disturbances_if_known(deps),
        face=Face(await _zone(deps), now),
        teams=found,
        leads=doing.plans(session.actor),
        done=_DONE.get(done, ""),
        headed=headed,
    )


async def _page(
    deps: Deps,
    session: Session,
    *,
    done: str = "",
    asked: Mapping[str, str] | None = None,
    sent: Sent | None = None,
) -> Response:
    now = deps.clock.now()
    plan, names = await told(deps, now)
    face = Face(await _zone(deps), now)
    people = [one for one in await deps.directory.everyone() if one.active]
    feeds = DutyFeeds(deps.settings.master_key_bytes)
    me = session.actor.id
    leads = doing.plans(session.actor)
    end = now + LOOKED_AHEAD
    watches = [
        Watch(
            now=now_body(rota, plan, names, now, end),
            plan=rota_body(rota, plan, names, now, end),
            mine=me in rota.members,
            feed=deps.settings.base_url.rstrip("/") + feeds.path(rota.id, me),
        )
        for rota in plan.rotas
    ]
    theirs = [watch for watch in watches if watch.mine or leads]
    given = sent.given if sent is not None else asked or {}
    return page(
        "duty.html",
        sent.problem.status if sent is not None else 200,
        session=session,
        disturbances=await disturbances_if_known(deps),
        face=face,
        watches=watches,
        done=_DONE.get(done, ""),
        sent=sent,
        leads=leads,
        absences=_absences(plan, names, session, now),
        taking=_taking(theirs, people if leads else (), session, face, given) if theirs else (),
        leaving=_leaving(
            people if leads else (), session, face, given if sent and sent.form == "absence" else {}
        ),
        standing=_standing(plan, people, session, given if sent and sent.form == "deputies" else None),
        calendars=_rota_choices(watches) if leads else (),
        opened=sent.form if sent is not None else "take-over" if asked and asked["rota"] else "",
    )


def _absences(plan: DutyPlan, names: Mapping[str, str], session: Session, now: datetime) -> Sequence[Away]:
    may = doing.plans(session.actor)
    return [
        Away(
            name=names.get(one.person, one.person),
            reason=_REASONS[one.reason],
            begins_at=one.begins_at if one.begins_at > now else None,
            ends_at=one.ends_at,
            ends=one.number if one.number and (may or one.person == session.actor.id) else None,
        )
        for one in plan.absences
    ]


def _taking(
    watches: Sequence[Watch],
    people: Sequence[StaffMember],
    session: Session,
    face: Face,
    given: Mapping[str, str],
) -> tuple[Field, ...]:
    rotas = _rota_choices(watches)
    fields = [
        Field(
            "rota",
            "Rota",
            "select",
            required=True,
            choices=rotas,
            value=rotas[0].value if len(rotas) == 1 else "",
        ),
        *_whom("Who takes it over", people, session),
        *_span(face),
    ]
    return tuple(replace(item, value=given.get(item.name) or item.value) for item in fields)


def _leaving(
    people: Sequence[StaffMember], session: Session, face: Face, given: Mapping[str, str]
) -> tuple[Field, ...]:
    reasons = tuple(Choice(reason.value, words) for reason, words in _REASONS.items())
    begins, ends = _span(face)
    fields = [
        *_whom("Who is away", people, session),
        replace(begins, required=False, hint=f"{begins.hint} Left empty, from now on."),
        ends,
        Field(
            "reason", "What for", "select", required=True, choices=reasons, value=AbsenceReason.LEAVE.value
        ),
    ]
    return tuple(replace(item, value=given.get(item.name) or item.value) for item in fields)


def _standing(
    plan: DutyPlan, people: Sequence[StaffMember], session: Session, given: Mapping[str, str] | None
) -> tuple[Field, ...]:
    me = session.actor.id
    held = dict(zip(_DEPUTIES, plan.deputies.get(me, ()), strict=False)) if given is None else given
    choices = tuple(Choice(one.id, one.name) for one in people if one.id != me)
    return tuple(
        Field(
            name,
            f"{headed(name)} deputy",
            "select",
            required=False,
            choices=choices,
            value=held.get(name, ""),
        )
        for name in _DEPUTIES
    )


def _rota_choices(watches: Sequence[Watch]) -> tuple[Choice, ...]:
    return tuple(Choice(watch.now.id, watch.now.title) for watch in watches)


def _whom(label: str, people: Sequence[StaffMember], session: Session) -> tuple[Field, ...]:
    """Whom it is about, for who may speak for others."""
    if not people:
        return ()
    choices = tuple(Choice(one.id, one.name) for one in people)
    return (Field("person", label, "select", required=True, choices=choices, value=session.actor.id),)


def _span(face: Face) -> tuple[Field, Field]:
    hint = f"In {face.zone}."
    return (
        Field("begins_at", "From", "instant", required=True, hint=hint),
        Field("ends_at", "Until", "instant", required=True, hint=hint),
    )


async def _zone(deps: Deps) -> str:
    """The zone that the desk shows its times in: that of a published pack."""
    packs = await deps.packs.all()
    return packs[0].timezone if packs else "UTC"


def _given(form: FormData) -> dict[str, str]:
    return {name: value[:200] for name, value in form.items() if isinstance(value, str)}


def _moment(given: Mapping[str, str], name: str, zone: str) -> datetime:
    """The local time that was typed, as an instant. Raises Problem (422)."""
    try:
        typed = datetime.fromisoformat(given.get(name, "").strip())
        instant = typed.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Problem(422, "bad_moment", "Give both moments as a date and a time of day.") from None
    return instant


def _number(given: Mapping[str, str]) -> int:
    typed = given.get("number", "")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 19 else 0


def _done(what: str) -> Response:
    return RedirectResponse(f"/desk/duty?done={what}#done", 303)
