"""The forms of a team and of a rota: made from what there is and who works here, and what was typed read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from api.desk.choices import Choice
from api.desk.forms import Faulty, Field, Given
from api.desk.times import Face
from api.duty import MOST_PEOPLE, RotaInput, TeamInput, made
from api.inputs import Input
from api.problems import Problem, not_well_formed
from complaints.people.deputising import Team
from complaints.people.duty import Rota
from ledger.directory import StaffMember
from policies.arithmetic.calendars import WEEK, Weekday

_DEPUTIES = 3
_PLACES = 6
_SPARE = 3
"""Places in a rota's order that are offered beyond those taken, at least `_PLACES` in all."""
_ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth")
_DAYS: Mapping[Weekday, str] = dict(
    zip(WEEK, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
_BY_CALENDAR = "calendar"
_RANGE = re.compile(r"(\d{1,2}[:：]\d{2})\s*[-–—~～至到]\s*(\d{1,2}[:：]\d{2})")
_BETWEEN_RANGES = re.compile(r"\s*[,，;；、]\s*")
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

T = TypeVar("T")

_MISSING = "This has to be given."
_TWICE = "Somebody is named twice; each has one place."
_SAID: Mapping[str, str] = {
    "title": "At most 200 characters, in one line.",
    "starts_on": "This has to be a date such as 2026-01-31, not before 1970 nor after 2199.",
    "handover.at": "This has to be a time of day such as 09:00.",
    "handover.every": "This has to be a whole number from 1 to 52.",
}
"""What a field has to be, where the fault of a program's body would not be said in a person's words."""


@dataclass(frozen=True)
class Around:
    """What the forms are made with: who works here, and the desk's face (its zone is what a new one starts with).

    `new`: it is yet to be made, and its short name to be chosen.
    """

    people: Sequence[StaffMember]
    face: Face
    new: bool


def team_fields(
    held: Team | None, around: Around, given: Given | None = None, faults: Mapping[str, str] | None = None
) -> tuple[Field, ...]:
    """The controls of a team's form, holding what the team is, or what was typed, and what is wrong with that."""
    people = _choices(around)
    deputies = held.deputies if held else ()
    members = held.members if held else ()
    made = (
        *_called(held, around, "As colleagues know it, such as First line.", "programs call it"),
        Field("supervisor", "Supervisor", "select", required=False, choices=people,
              value=(held.supervisor or "") if held else ""),
        Field("deputies", "Deputies of the supervisor", "ticks", required=False,
              hint="Who stands in while the supervisor is away; the first who is there.",
              parts=_places("deputies", deputies, max(_DEPUTIES, len(deputies) + 1), people, "deputy")),
        Field("members", "Members", "ticks", required=False,
              parts=tuple(Field(f"members.{one.value}", one.label, "checkbox", required=False,
                                value="on" if one.value in members else "") for one in people)),
        *_when(held, around, "Outside them its members are off duty."),
    )  # fmt: skip
    return _filled(made, given, faults or {})


def rota_fields(
    held: Rota | None, around: Around, given: Given | None = None, faults: Mapping[str, str] | None = None
) -> tuple[Field, ...]:
    """The controls of a rota's form, as those of a team."""
    members = held.members if held else ()
    turns = held.handover if held else None
    today = around.face.now.astimezone(ZoneInfo(around.face.zone)).date()
    places = max(_PLACES, len(members) + _SPARE, *(_place("members", name) + 1 for name in given or {}))
    units = (
        Choice("weeks", "Every so many weeks"),
        Choice("days", "Every so many days"),
        Choice(_BY_CALENDAR, "Not by turns: by the shifts of a calendar file alone"),
    )
    made = (
        *_called(held, around, "As colleagues know it, such as Night desk.", "ladders call it"),
        Field("members", "Who takes turns", "ticks", required=False,
              hint="In this order. Who is to be left out is left out; more places come once these are taken.",
              parts=_places("members", members, places, _choices(around), "in turn")),
        Field("handover", "Hand-over", "group", required=True, parts=(
            Field("handover.unit", "How often", "select", required=True, choices=units,
                  value=turns.unit if turns else _BY_CALENDAR if held else "weeks"),
            Field("handover.every", "How many weeks or days a shift lasts", "line", required=True,
                  hint="1 to 52.", value=str(turns.every) if turns else "1"),
            Field("handover.weekday", "On which day", "select", required=True,
                  hint="Where shifts last weeks.", choices=tuple(Choice(*day) for day in _DAYS.items()),
                  value=(turns.weekday if turns else None) or Weekday.MON),
            Field("handover.at", "At what time", "time", required=True, value=turns.at if turns else "09:00"),
            Field("starts_on", "First day", "date", required=True, value=str(held.starts_on if held else today),
                  hint="Turns are counted from here. Another first day may give today's turn to somebody else."),
        )),
        *_when(held, around, "Outside them nobody has to be on duty, and nobody is told."),
    )  # fmt: skip
    return _filled(made, given, faults or {})


def read_team(id_: str, given: Given) -> Team:
    """The team that a form says. Raises Faulty, by the names of the controls."""
    told, faults = _told(given)
    deputies, supervisor = _named("deputies", given), given.get("supervisor", "")
    faults |= _doubled(deputies)
    faults |= {name: "Nobody is their own deputy." for name, who in deputies.items() if who == supervisor}
    told["deputies"] = list(deputies.values())
    told["members"] = [
        name.partition(".")[2] for name, value in given.items() if name.startswith("members.") and value
    ]
    told["supervisor"] = supervisor or None
    return _read(Team, TeamInput, id_, told, faults)


def read_rota(id_: str, given: Given) -> Rota:
    """The rota that a form says. Raises Faulty, by the names of the controls."""
    told, faults = _told(given)
    members = _named("members", given)
    faults |= _doubled(members)
    told["members"] = list(members.values())
    told["starts_on"] = given.get("starts_on", "").strip()
    if not told["starts_on"]:
        faults["starts_on"] = _MISSING
    unit = given.get("handover.unit", "")
    if unit != _BY_CALENDAR:
        every = given.get("handover.every", "").strip()
        told["handover"] = {
            "unit": unit,
            "every": int(every) if every.isascii() and every.isdecimal() and len(every) < 5 else every,
            "weekday": given.get("handover.weekday", "") if unit == "weeks" else None,
            "at": given.get("handover.at", "").strip(),
        }
    return _read(Rota, RotaInput, id_, told, faults)


def made_id(given: Given, what: str, key: str) -> str:
    """The short name that was typed; left empty one is made, of the title if that is in Latin letters.

    The same form sent twice makes the same one: what it ends in comes from the form's own `key`. Raises Faulty.
    """
    typed = given.get("id", "").strip()
    if typed and _CODE.fullmatch(typed) is None:
        raise Faulty(
            {
                "id": "Only small letters a to z, digits, hyphens and underscores, at most 63, such as first-line."
            }
        )
    title = given.get("title", "")
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] if title.isascii() else ""
    return typed or slug or f"{what}-{key[:8]}"


def compared(typed: Sequence[Field], now: Sequence[Field]) -> dict[str, str]:
    """What somebody made of a thing meanwhile, beside each control in which something else was typed."""
    held = {item.name: item for item in _leaves(now)}
    found = {}
    for item in _leaves(typed):
        value = held[item.name].value if item.name in held else ""
        if value != item.value:
            said = next((one.label for one in item.choices if one.value == value), value)
            if item.control == "checkbox":
                said = "ticked" if value else "not ticked"
            found[item.name] = f"As it stands now: {said or 'nothing'}."
    return found


def labels_of(fields: Sequence[Field]) -> dict[str, str]:
    """What each control is called where it stands alone, in a list of what to correct."""
    found = {}
    for item in fields:
        found[item.name] = item.label
        found |= {part.name: f"{item.label}, {part.label}" for part in item.parts}
    return found


def _choices(around: Around) -> tuple[Choice, ...]:
    return tuple(Choice(one.id, one.name) for one in around.people)


def _called(held: Team | Rota | None, around: Around, hint: str, callers: str) -> Iterator[Field]:
    yield Field("title", "Name", "line", required=True, hint=hint, value=held.title if held else "")
    if around.new:
        yield Field(
            "id", "Short name", "line", required=False,
            hint=f"What {callers}, for good: small letters, digits and hyphens. Left empty, one is made.",
        )  # fmt: skip


def _places(
    name: str, held: Sequence[str], count: int, people: tuple[Choice, ...], words: str
) -> tuple[Field, ...]:
    def label(number: int) -> str:
        ordinal = _ORDINALS[number] if number < len(_ORDINALS) else f"{number + 1}."
        return f"{ordinal} {words}"

    return tuple(
        Field(f"{name}.{n}", label(n), "select", required=False, choices=people,
              value=held[n] if n < len(held) else "")
        for n in range(count)
    )  # fmt: skip


def _when(held: Team | Rota | None, around: Around, outside: str) -> Iterator[Field]:
    hours = (held.hours if held else None) or {}
    yield Field(
        "timezone", "Time zone", "line", required=True, value=held.timezone if held else around.face.zone,
        hint="As the IANA database calls it, such as Asia/Shanghai. Its times of day are meant in it.",
    )  # fmt: skip
    yield Field(
        "hours", "Hours", "ticks", required=False,
        hint=f"Such as 09:00-12:00, 13:00-17:00; one that ends before it begins runs past midnight. {outside}"
        " All left empty, it has no hours: it is at all hours.",
        parts=tuple(
            Field(f"hours.{day}", words, "line", required=False,
                  value=", ".join("-".join(one) for one in hours.get(day, ())))
            for day, words in _DAYS.items()
        ),
    )  # fmt: skip


def _filled(fields: tuple[Field, ...], given: Given | None, faults: Mapping[str, str]) -> tuple[Field, ...]:
    return tuple(
        replace(
            item,
            value=item.value if given is None else given.get(item.name, ""),
            fault=faults.get(item.name, ""),
            parts=_filled(item.parts, given, faults),
        )
        for item in fields
    )


def _leaves(fields: Sequence[Field]) -> Iterator[Field]:
    for item in fields:
        yield from _leaves(item.parts) if item.parts else (item,)


def _place(part: str, name: str) -> int:
    """Which place of a list a control is; -1 for any other. What nobody was offered is not made."""
    found = re.fullmatch(rf"{part}\.(0|[1-9][0-9]{{0,3}})", name)
    return int(found[1]) if found and int(found[1]) < MOST_PEOPLE + _SPARE else -1


def _named(part: str, given: Given) -> dict[str, str]:
    """Who is named in the places of a list, by the control; places left empty close up."""
    found = sorted((_place(part, name), name) for name in given)
    return {name: given[name] for place, name in found if place >= 0 and given[name]}


def _doubled(named: Mapping[str, str]) -> dict[str, str]:
    seen: set[str] = set()
    found = {}
    for name, who in named.items():
        if who in seen:
            found[name] = _TWICE
        seen.add(who)
    return found


def _told(given: Given) -> tuple[dict[str, Any], dict[str, str]]:
    """What both forms say alike, as a program's body has it, and what is wrong with it, by control."""
    told: dict[str, Any] = {name: given.get(name, "").strip() for name in ("title", "timezone")}
    faults = {name: _MISSING for name, typed in told.items() if not typed}
    hours: dict[str, list[tuple[str, str]]] = {}
    for day, words in _DAYS.items():
        name = f"hours.{day}"
        if typed := given.get(name, "").strip():
            ranges = [_RANGE.fullmatch(part) for part in _BETWEEN_RANGES.split(typed)]
            if all(ranges):
                hours[day] = [(_time(one[1]), _time(one[2])) for one in ranges if one]
            else:
                faults[name] = f"Write {words} as 09:00-17:00, several separated by commas."
    return told | ({"hours": hours} if hours else {}), faults


def _time(typed: str) -> str:
    return typed.replace("：", ":").zfill(5)


def _read(
    model: type[T], body: type[Input], id_: str, told: Mapping[str, Any], faults: Mapping[str, str]
) -> T:
    """The thing that a program's body says. Raises Faulty with what was found before, and what the API finds."""
    try:
        read: T = made(model, id_, body.model_validate(told))
    except ValidationError as error:
        problem = not_well_formed(error.errors(include_input=False))
    except Problem as refused:
        problem = refused
    else:
        if not faults:
            return read
        raise Faulty(faults)
    found = dict(faults)
    for item in problem.members["errors"]:
        name = _control(item["at"])
        found.setdefault(name, _SAID.get(name, item["detail"]))
    raise Faulty(found)


def _control(at: str) -> str:
    """Which control holds what a program's body has at a place."""
    first, _, rest = at.removeprefix("body.").partition(".")
    inner = rest.partition(".")[0]
    if first == "handover":
        return f"{first}.{inner or 'unit'}"
    return f"{first}.{inner}" if first == "hours" and inner else first
