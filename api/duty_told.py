"""The plan of duty as programs are told it: people by id and name, who is on duty, shifts, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from complaints.people.deputising import Absence, AbsenceReason, Team, Unattended, stands_for, unattended
from complaints.people.duty import Handover, Rota, Shift, Substitution, WeeklyHours, on_duty, shifts, until
from ledger.duty import AHEAD, DutyPlan

Names = Mapping[str, str]


class PersonBody(BaseModel):
    """Somebody who works here."""

    id: str = Field(examples=["usr_ben"])
    name: str = Field(examples=["Ben Okafor"])


class OnDutyBody(BaseModel):
    """Somebody on duty. `reached` is who answers for them now: themselves, a deputy while they are away, or nobody."""

    person: PersonBody
    reached: PersonBody | None


class ShiftBody(BaseModel):
    """A half-open span of somebody's duty."""

    person: PersonBody
    begins_at: AwareDatetime
    ends_at: AwareDatetime


class GapBody(BaseModel):
    """A half-open span in which nobody can be reached by the rota. `planned` are away, and no deputy is there."""

    begins_at: AwareDatetime
    ends_at: AwareDatetime
    planned: tuple[PersonBody, ...]


class TakeOverBody(ShiftBody):
    """Duty taken over by `person`, from one person or, with null, from whoever would have it."""

    number: int
    instead_of: PersonBody | None


class NowBody(BaseModel):
    """Who is on duty by a rota now, and when that changes."""

    id: str
    title: str
    timezone: str
    on_duty: tuple[OnDutyBody, ...]
    until: AwareDatetime | None
    gaps: tuple[GapBody, ...] = Field(description="In the next 14 days.")


class DutyBody(BaseModel):
    """Who is on duty now, rota by rota."""

    as_of: AwareDatetime
    rotas: tuple[NowBody, ...]


class RotaBody(BaseModel):
    """A rota, and who has it when in the span asked for."""

    id: str
    title: str
    timezone: str
    members: tuple[PersonBody, ...]
    handover: Handover | None
    starts_on: date
    hours: WeeklyHours | None
    shifts: tuple[ShiftBody, ...]
    gaps: tuple[GapBody, ...]
    take_overs: tuple[TakeOverBody, ...]


class TeamBody(BaseModel):
    """A team: who leads it, who stands in for them, who works in it, and when."""

    id: str
    title: str
    timezone: str
    supervisor: PersonBody | None
    deputies: tuple[PersonBody, ...]
    members: tuple[PersonBody, ...]
    hours: WeeklyHours | None


class AbsenceBody(BaseModel):
    """An absence over a half-open span. `number` ends it; null for one that the command line noted."""

    number: int | None
    person: PersonBody
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    reason: AbsenceReason


class DeputiesBody(BaseModel):
    """Who stands in for somebody while they are away, in this order."""

    person: PersonBody
    deputies: Annotated[tuple[PersonBody, ...], Field(description="The first who is there is asked.")]


def people_of(plan: DutyPlan) -> set[str]:
    """The ids of all who are named anywhere in a plan, for their names."""
    found = {absence.person for absence in plan.absences}
    for staff, deputies in plan.deputies.items():
        found |= {staff, *deputies}
    for team in plan.teams:
        found |= {*team.members, *team.deputies, *((team.supervisor,) if team.supervisor else ())}
    for rota in plan.rotas:
        found |= {*rota.members, *(one.person for one in (*rota.shifts, *rota.substitutions))}
        found |= {one.instead_of for one in rota.substitutions if one.instead_of}
    return found


def person(id_: str, names: Names) -> PersonBody:
    """Somebody by id and name; of whom there is no name, the id."""
    return PersonBody(id=id_, name=names.get(id_, id_))


def now_body(rota: Rota, plan: DutyPlan, names: Names, now: datetime, end: datetime) -> NowBody:
    """Who is on duty, and the gaps until `end`."""
    staffing = plan.staffing()
    standing = [(one, stands_for(staffing, one, now, on_rota=True).person) for one in on_duty(rota, now)]
    return NowBody(
        id=rota.id,
        title=rota.title,
        timezone=rota.timezone,
        on_duty=tuple(
            OnDutyBody(person=person(one, names), reached=None if who is None else person(who, names))
            for one, who in standing
        ),
        until=until(rota, now, AHEAD),
        gaps=_gaps(unattended(rota, staffing, now, end), names),
    )


def rota_body(rota: Rota, plan: DutyPlan, names: Names, begin: datetime, end: datetime) -> RotaBody:
    """A rota with what is planned between two instants."""
    return RotaBody(
        id=rota.id,
        title=rota.title,
        timezone=rota.timezone,
        members=_people(rota.members, names),
        handover=rota.handover,
        starts_on=rota.starts_on,
        hours=rota.hours,
        shifts=tuple(_shift(shift, names) for shift in shifts(rota, begin, end)),
        gaps=_gaps(unattended(rota, plan.staffing(), begin, end), names),
        take_overs=tuple(take_over_body(one, names) for one in rota.substitutions),
    )


def take_over_body(taken: Substitution, names: Names) -> TakeOverBody:
    """A take-over by name."""
    return TakeOverBody(
        **_shift(taken, names).model_dump(),
        number=taken.number,
        instead_of=person(taken.instead_of, names) if taken.instead_of else None,
    )


def team_body(team: Team, names: Names) -> TeamBody:
    """A team by name."""
    return TeamBody(
        id=team.id,
        title=team.title,
        timezone=team.timezone,
        supervisor=person(team.supervisor, names) if team.supervisor else None,
        deputies=_people(team.deputies, names),
        members=_people(team.members, names),
        hours=team.hours,
    )


def absence_body(absence: Absence, names: Names) -> AbsenceBody:
    """An absence by name."""
    return AbsenceBody(
        number=absence.number or None,
        person=person(absence.person, names),
        begins_at=absence.begins_at,
        ends_at=absence.ends_at,
        reason=absence.reason,
    )


def deputies_body(staff: str, plan: DutyPlan, names: Names) -> DeputiesBody:
    """Somebody's deputies by name."""
    return DeputiesBody(person=person(staff, names), deputies=_people(plan.deputies.get(staff, ()), names))


def _people(ids: Iterable[str], names: Names) -> tuple[PersonBody, ...]:
    return tuple(person(one, names) for one in ids)


def _shift(shift: Shift, names: Names) -> ShiftBody:
    return ShiftBody(person=person(shift.person, names), begins_at=shift.begins_at, ends_at=shift.ends_at)


def _gaps(found: Iterable[Unattended], names: Names) -> tuple[GapBody, ...]:
    return tuple(
        GapBody(begins_at=gap.begins_at, ends_at=gap.ends_at, planned=_people(gap.planned, names))
        for gap in found
    )
