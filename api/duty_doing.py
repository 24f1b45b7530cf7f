"""What is done to the plan of duty, for programs and for the desk, and who may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar
from urllib.parse import urlsplit

from api.deps import Deps
from api.duty_calendar import NotTaken, calendar_of, shifts_of
from api.problems import Problem
from complaints.base import Actor
from complaints.people.deputising import Absence, AbsenceReason, Team
from complaints.people.duty import Rota, Shift, Substitution, shifts
from ledger.duty import AHEAD, ChangedMeanwhile, DutyPlan, UnknownPeople
from policies.vocabulary import Role

PLANNERS: Final = frozenset({Role.SUPERVISOR, Role.DEPARTMENT_HEAD, Role.ADMINISTRATOR})
"""Who plans duty, and speaks for others."""
_WHO = "supervisor, department head, administrator"
_SHOWN_BACK = timedelta(days=30)

_T = TypeVar("_T")


def plans(actor: Actor) -> bool:
    """Whether this person plans duty."""
    return actor.has(*PLANNERS)


def require_planner(actor: Actor, *, unless: bool = False) -> None:
    """Raises Problem (403) for who does not plan duty, unless it is their own affair."""
    if not unless and not plans(actor):
        raise Problem(403, "not_allowed", "This is for those who plan duty only.", who=_WHO)


def rota_of(plan: DutyPlan, id_: str) -> Rota:
    """A rota of the plan. Raises Problem (404)."""
    rota = plan.rota(id_)
    if rota is None:
        raise Problem(404, "unknown_rota", "There is no rota of this id; /rotas lists them.")
    return rota


def team_of(plan: DutyPlan, id_: str) -> Team:
    """A team of the plan. Raises Problem (404)."""
    team = plan.team(id_)
    if team is None:
        raise Problem(404, "unknown_team", "There is no team of this id; /teams lists them.")
    return team


async def put_team(deps: Deps, actor: Actor, team: Team, *, seen: str | None = None) -> bool:
    """Make a team what this says; True where there was none. `seen` is the mark of what the change was made from, None
    where that does not matter. Raises Problem (403, 412, 422).
    """
    require_planner(actor)
    return await _known(deps.duty.put_team(team, actor.id, seen=seen))


async def put_rota(deps: Deps, actor: Actor, rota: Rota, *, seen: str | None = None) -> bool:
    """Make a rota what this says; True where there was none. `seen` as for a team. Raises Problem (403, 412, 422)."""
    require_planner(actor)
    return await _known(deps.duty.put_rota(rota, actor.id, seen=seen))


async def drop_team(deps: Deps, actor: Actor, id_: str, *, seen: str | None = None) -> bool:
    """Do away with a team; False where there is none. `seen` as for changing it. Raises Problem (403, 412)."""
    require_planner(actor)
    return await _known(deps.duty.drop_team(id_, actor.id, seen=seen))


async def drop_rota(deps: Deps, actor: Actor, id_: str, *, seen: str | None = None) -> bool:
    """Do away with a rota; False where there is none. `seen` as for a team. Raises Problem (403, 412)."""
    require_planner(actor)
    return await _known(deps.duty.drop_rota(id_, actor.id, seen=seen))


async def set_deputies(deps: Deps, actor: Actor, person: str, deputies: Sequence[str]) -> None:
    """Who stands in for a person, in order; they say so themselves, or who plans duty. Raises Problem (403, 422)."""
    require_planner(actor, unless=person == actor.id)
    if person in deputies or len(set(deputies)) < len(deputies):
        raise Problem(422, "bad_deputies", "Name each deputy once; nobody is their own deputy.")
    await _known(deps.duty.set_deputies(person, deputies, actor.id))


async def note_absence(
    deps: Deps, actor: Actor, *, person: str, begins_at: datetime, ends_at: datetime, reason: AbsenceReason
) -> Absence:
    """Note one's own absence, or somebody's whom one plans for. Raises Problem (403, 422)."""
    require_planner(actor, unless=person == actor.id)
    _require_span(deps, begins_at, ends_at)
    absence = Absence(person=person, begins_at=begins_at, ends_at=ends_at, reason=reason)
    number = await _known(deps.duty.add_absence(absence, actor.id))
    return absence.model_copy(update={"number": number})


async def end_absence(deps: Deps, actor: Actor, number: int) -> None:
    """It ends now; one that had not begun never was. Raises Problem (404)."""
    whose = None if plans(actor) else actor.id
    if not await deps.duty.end_absence(number, deps.clock.now(), actor.id, staff=whose):
        raise Problem(404, "unknown_absence", "There is no such absence that you may end, or it is over.")


async def take_over(
    deps: Deps, actor: Actor, rota_id: str, *, person: str, begins_at: datetime, ends_at: datetime,
    instead_of: str | None,
) -> Substitution:  # fmt: skip
    """Take duty over, as a member of the rota; who plans duty gives it to anybody. Raises Problem (403, 404, 422)."""
    rota = rota_of(await deps.duty.plan(deps.clock.now()), rota_id)
    require_planner(actor, unless=person == actor.id and person in rota.members)
    _require_span(deps, begins_at, ends_at)
    taken = Substitution(person=person, begins_at=begins_at, ends_at=ends_at, instead_of=instead_of)
    number = await _known(deps.duty.take_over(rota_id, taken, actor.id))
    if number is None:
        rota_of(DutyPlan(), rota_id)  # it was done away with meanwhile
    return taken.model_copy(update={"number": number})


async def give_back(deps: Deps, actor: Actor, rota_id: str, number: int) -> None:
    """The plan holds again from now on. Raises Problem (404)."""
    whose = None if plans(actor) else actor.id
    if not await deps.duty.end_take_over(rota_id, number, deps.clock.now(), actor.id, staff=whose):
        raise Problem(
            404, "unknown_take_over", "There is nothing here that you may give back, or it is over."
        )


async def take_in(deps: Deps, actor: Actor, rota_id: str, sent: bytes) -> tuple[Shift, ...]:
    """The shifts of a calendar, from now on in place of those the rota had. Raises Problem (403, 404, 422)."""
    require_planner(actor)
    now = deps.clock.now()
    rota = rota_of(await deps.duty.plan(now), rota_id)
    people = await deps.directory.everyone()
    try:
        found = await asyncio.to_thread(shifts_of, sent, rota, people, now, now + AHEAD)
    except NotTaken as refused:
        raise Problem(
            422, "calendar_not_taken", "Nothing of the calendar was taken in; correct what is named in errors.",
            errors=[
                {"at": f"event.{fault.event}" if fault.event else "body", "code": "event", "detail": fault.sentence}
                for fault in refused.faults
            ],
        ) from None  # fmt: skip
    await _known(deps.duty.replace_shifts(rota_id, now, found, actor.id))
    return found


async def calendar(deps: Deps, rota_id: str) -> bytes:
    """A rota's shifts, of the last 30 days and as far ahead as is planned, as iCalendar. Raises Problem (404)."""
    now = deps.clock.now()
    begin, end = now - _SHOWN_BACK, now + AHEAD
    rota = rota_of(await deps.duty.plan(begin, end), rota_id)
    plan = shifts(rota, begin, end)
    names = await deps.directory.names(shift.person for shift in plan)
    host = urlsplit(deps.settings.base_url).hostname or "redress"
    return await asyncio.to_thread(calendar_of, rota, plan, names, now, host)


def _require_span(deps: Deps, begins_at: datetime, ends_at: datetime) -> None:
    now = deps.clock.now()
    if not (
        begins_at < ends_at and now < ends_at and ends_at - begins_at <= AHEAD and begins_at <= now + AHEAD
    ):
        raise Problem(
            422, "bad_span",
            f"It has to end after it begins and in the future, at most {AHEAD.days} days later and ahead.",
        )  # fmt: skip


async def _known(change: Awaitable[_T]) -> _T:
    try:
        return await change
    except UnknownPeople:
        raise Problem(
            422, "unknown_person", "Somebody who is named does not work here; give ids of people who do."
        ) from None
    except ChangedMeanwhile:
        raise Problem(
            412,
            "changed_meanwhile",
            "Somebody changed this meanwhile. Look at how it stands now, and decide again.",
        ) from None
