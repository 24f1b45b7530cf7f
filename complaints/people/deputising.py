"""Who stands in for whom: absences, teams with their hours, deputies in order. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Self, TypeVar

from pydantic import AwareDatetime, model_validator

from complaints.base import Code, Frozen
from complaints.people.duty import Gap, Rota, Title, WeeklyHours, is_open, pieces
from policies.arithmetic.calendars import TimeZone

_T = TypeVar("_T")

NotThere = Literal["away", "off_duty"]
"""Why somebody is not to be reached: absent, or outside the hours of every team they work in."""


class AbsenceReason(StrEnum):
    """What an absence is for, as far as colleagues need to know. Why somebody is ill, or that, nobody does."""

    LEAVE = "leave"
    TRAINING = "training"
    ELSEWHERE = "elsewhere"  # at work, and not with complaints
    OTHER = "other"


class Absence(Frozen):
    """Somebody is away over the half-open span from `begins_at` to `ends_at`; `number` is its name in lists."""

    person: str
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    reason: AbsenceReason = AbsenceReason.OTHER
    number: int = 0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.begins_at:
            raise ValueError("an absence ends after it begins")
        return self

    def covers(self, at: datetime) -> bool:
        """Whether the instant lies in it; on its end they are back."""
        return self.begins_at <= at < self.ends_at


class Team(Frozen):
    """People who work together. `deputies`, in order, stand in for its supervisor; outside its `hours` its
    members are off duty (None: it has none, and they never are).
    """

    id: Code
    title: Title
    timezone: TimeZone
    supervisor: str | None = None
    deputies: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    hours: WeeklyHours | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for named in (self.deputies, self.members):
            if len(set(named)) < len(named):
                raise ValueError("somebody is named twice; each has one place")
        if self.supervisor in self.deputies:
            raise ValueError("nobody is their own deputy")
        return self


@dataclass(frozen=True, slots=True)
class Staffing:
    """What says who is there: absences by person, deputies by person in order, teams by member and by supervisor."""

    absences: Mapping[str, tuple[Absence, ...]] = field(default_factory=dict)
    deputies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    works_in: Mapping[str, tuple[Team, ...]] = field(default_factory=dict)
    leads: Mapping[str, tuple[Team, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, absences: Iterable[Absence], deputies: Mapping[str, tuple[str, ...]], teams: Iterable[Team]
    ) -> Staffing:
        """Put together for asking often."""
        away: defaultdict[str, list[Absence]] = defaultdict(list)
        works_in: defaultdict[str, list[Team]] = defaultdict(list)
        leads: defaultdict[str, list[Team]] = defaultdict(list)
        for absence in absences:
            away[absence.person].append(absence)
        for team in teams:
            for member in team.members:
                works_in[member].append(team)
            if team.supervisor is not None:
                leads[team.supervisor].append(team)
        return cls(_tuples(away), dict(deputies), _tuples(works_in), _tuples(leads))


@dataclass(frozen=True, slots=True)
class Standing:
    """Who stands for somebody: themselves, a deputy, or nobody (None), which `why` then explains.

    `instead_of` is whoever a deputy stands in for.
    """

    person: str | None
    why: NotThere | None = None
    instead_of: str | None = None


def not_there(staffing: Staffing, person: str, at: datetime, *, on_rota: bool = False) -> NotThere | None:
    """Why a person is not to be reached at an instant; None: they are there. Who works in no team with hours is
    never off duty, nor is who is reached as somebody `on_rota`: a rota has hours of its own.
    """
    if any(absence.covers(at) for absence in staffing.absences.get(person, ())):
        return "away"
    teams = staffing.works_in.get(person, ())
    if on_rota or not teams or any(is_open(team.timezone, team.hours, at) for team in teams):
        return None
    return "off_duty"


def stands_for(staffing: Staffing, person: str, at: datetime, *, on_rota: bool = False) -> Standing:
    """Who is to be reached for a person at an instant: they themselves; else the first of their deputies who is
    there, their own before those of the teams that they lead; else nobody.

    A deputy's deputies are not asked: nobody answers for somebody they never agreed to stand in for.
    """
    why = not_there(staffing, person, at, on_rota=on_rota)
    if why is None:
        return Standing(person)
    of_teams = (deputy for team in staffing.leads.get(person, ()) for deputy in team.deputies)
    for deputy in (*staffing.deputies.get(person, ()), *of_teams):
        if deputy != person and not_there(staffing, deputy, at, on_rota=on_rota) is None:
            return Standing(deputy, instead_of=person)
    return Standing(None, why)


class Unattended(Gap):
    """A span in which nobody is to be reached by a rota: nobody is planned, or who is (`planned`) is away and no
    deputy is there.
    """

    planned: tuple[str, ...] = ()


def unattended(rota: Rota, staffing: Staffing, begin: datetime, end: datetime) -> tuple[Unattended, ...]:
    """When between two instants somebody should be on duty by a rota and nobody is to be reached, in order."""
    found: list[Unattended] = []
    changes = {
        moment
        for absences in staffing.absences.values()
        for absence in absences
        for moment in (absence.begins_at, absence.ends_at)
    }
    for low, high, people in pieces(rota, begin, end, changes):
        if any(stands_for(staffing, one, low, on_rota=True).person is not None for one in people):
            continue
        if found and (found[-1].ends_at, found[-1].planned) == (low, people):
            found[-1] = Unattended(begins_at=found[-1].begins_at, ends_at=high, planned=people)
        else:
            found.append(Unattended(begins_at=low, ends_at=high, planned=people))
    return tuple(found)


def _tuples(held: Mapping[str, list[_T]]) -> dict[str, tuple[_T, ...]]:
    return {name: tuple(items) for name, items in held.items()}
