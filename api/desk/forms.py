"""Forms made from the command classes, and what was sent in one read back into the command's body.

Nothing about a single command stands here: a field's type says which control it is, the rules say what is
possible, and the words are in `words`. So a new command has a form the moment it is registered.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

from annotated_types import Ge, Le, MaxLen
from pydantic import ValidationError

from activities.delivery.wording import sum_of
from api.desk.choices import Around, Choice, of_case, people, published
from api.desk.words import choice, label
from api.inputs import Told, body_of
from api.problems import not_well_formed
from complaints.base import Command, Frozen, Money, PackRef, Person, TextRef

Given = Mapping[str, str]
"""What was sent, by the names of the controls."""

Control = Literal[
    "text",
    "line",
    "select",
    "radios",
    "scale",
    "checkbox",
    "instant",
    "date",
    "time",
    "money",
    "group",
    "texts",
    "pack",
    "ticks",
    "rows",
]
_RADIOS_AT_MOST = 4
LANGUAGE_CHOICES = (Choice("en", "English"), Choice("zh", "中文"))
_WHEN = "occurred_at"
_CURRENCY = ".currency"


@dataclass(frozen=True)
class Field:
    """One control: its name in the form, what it is called, what it holds, what is wrong with it."""

    name: str
    label: str
    control: Control
    required: bool
    hint: str = ""
    value: str = ""
    currency: str = ""
    choices: tuple[Choice, ...] = ()
    parts: tuple[Field, ...] = ()
    fault: str = ""


class Faulty(Exception):  # noqa: N818 - an answer to a form, not an error of ours
    """What was sent is not well formed. `faults`: {name of the field: a sentence}."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("not well formed")
        self.faults = faults


def fields_for(
    command: type[Command],
    around: Around,
    given: Given | None = None,
    faults: Mapping[str, str] | None = None,
) -> tuple[Field, ...]:
    """The controls of a command's form. `given` is what was typed already, `faults` what was wrong with it."""
    found: list[Field] = []
    for name, info in command.model_fields.items():
        annotation = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        made = _control(command, name, annotation, around, start=_start(command, name, default, around))
        if made is not None:
            found.append(made)
    when = Field(
        _WHEN, "When it happened, if earlier than now", "instant", required=False,
        hint=f"In {around.face.zone}. Left empty, it is recorded as happening now.",
    )  # fmt: skip
    filled = (*found, when)
    if given is not None:
        filled = tuple(_filled(item, given) for item in filled)
    return tuple(_marked(item, faults or {}) for item in filled)


def read(command: type[Command], given: Given, around: Around) -> Told:
    """What was sent, as the body that `giving.give` takes. Raises Faulty."""
    raw: dict[str, Any] = {}
    for item in fields_for(command, around):
        value = _value(item, given, around.face.zone)
        if value is not None:
            raw[item.name] = value
    try:
        return body_of(command).model_validate(raw)
    except ValidationError as error:
        problem = not_well_formed(error.errors(include_input=False))
        raise Faulty({item["at"]: item["detail"] for item in problem.members["errors"]}) from None


# From a type to a control ---------------------------------------------------------------------------


def _control(
    command: type[Command], path: str, annotation: Any, around: Around, *, start: str
) -> Field | None:
    name = path.rpartition(".")[2]
    inner, constraints, optional = _unwrapped(annotation)
    made = Field(path, label(command, name), "line", required=not optional, value=start)
    listed = of_case(command, name, around) if inner is str else None
    if listed is not None:
        if optional and not listed:
            return None  # nothing in the case that it could name
        only = listed[0].value if len(listed) == 1 and not optional else start
        return replace(made, control="select", choices=listed, value=only)
    if inner is TextRef:
        short = name in ("name", "heading", "address", "their_reference", "payee", "body", "mediator", "to")
        return replace(made, control="line" if short else "text")
    if inner in (Person, PackRef):
        whom = people(command, around) if inner is Person else published(around)
        return replace(made, control="select" if inner is Person else "pack", choices=whom)
    if inner is bool:
        return replace(made, control="checkbox", required=False)
    if inner is Money:
        return replace(made, control="money", currency=around.pack.currency)
    if inner is int:
        return _number(made, constraints)
    if get_origin(inner) is tuple:
        return _several(made, get_args(inner)[0], constraints, _rows(command, path, inner, around))
    options = _used(command, name, around, _options(inner))
    if options:
        few = len(options) <= _RADIOS_AT_MOST and not optional
        return replace(made, control="radios" if few else "select", choices=options)
    if isinstance(inner, type) and issubclass(inner, Frozen):
        return replace(made, control="group", parts=tuple(_parts(command, path, inner, around)))
    if name == "language":
        return replace(made, control="select", choices=LANGUAGE_CHOICES)
    if getattr(inner, "__name__", "") == "AwareDatetime" or inner is datetime:
        return replace(made, control="instant", hint=f"In {around.face.zone}.")
    return made


def _parts(command: type[Command], path: str, model: type[Frozen], around: Around) -> Iterator[Field]:
    for name, info in model.model_fields.items():
        annotation = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        default = "" if info.is_required() or info.default is None else str(info.default)
        made = _control(command, f"{path}.{name}", annotation, around, start=default)
        if made is not None:
            yield made


def _several(
    made: Field,
    item_type: Any,
    constraints: tuple[Any, ...],
    rows: Callable[[int], tuple[Field, ...]] | None,
) -> Field:
    """Several of one kind: a box to tick for each choice, else a fixed number of texts or, with `rows`, of rows."""
    options = _options(item_type)
    if options:
        boxes = (Field(f"{made.name}.{o.value}", o.label, "checkbox", required=False) for o in options)
        return replace(made, control="ticks", parts=tuple(boxes))
    longest = next((item.max_length for item in constraints if isinstance(item, MaxLen)), 5)
    if rows is not None:
        groups = (Field(f"{made.name}.{n}", f"{made.label} {n + 1}", "group", required=False, parts=rows(n))
                  for n in range(longest))  # fmt: skip
        return replace(made, control="rows", parts=tuple(groups))
    parts = tuple(
        replace(
            made,
            name=f"{made.name}.{index}",
            label=f"{made.label} {index + 1}",
            control="text",
            required=False,
        )
        for index in range(longest)
    )
    return replace(made, control="texts", parts=parts)


def _rows(
    command: type[Command], path: str, inner: Any, around: Around
) -> Callable[[int], tuple[Field, ...]] | None:
    """What makes a row of a list of values that have fields of their own; None for a list of anything else."""
    item = get_args(inner)[0]
    if item is TextRef or not (isinstance(item, type) and issubclass(item, Frozen)):
        return None

    def row(number: int) -> tuple[Field, ...]:
        # A row may be left empty, and there are many: a line for each text, and nothing that has to be given.
        parts = _parts(command, f"{path}.{number}", item, around)
        return tuple(
            replace(part, required=False, control="line" if part.control == "text" else part.control)
            for part in parts
        )

    return row


def _number(made: Field, constraints: tuple[Any, ...]) -> Field:
    low = next((item.ge for item in constraints if isinstance(item, Ge)), None)
    high = next((item.le for item in constraints if isinstance(item, Le)), None)
    if isinstance(low, int) and isinstance(high, int):
        scale = tuple(Choice(str(n), str(n)) for n in range(low, high + 1))
        return replace(made, control="scale", choices=scale)
    return made


def _used(
    command: type[Command], name: str, around: Around, options: tuple[Choice, ...]
) -> tuple[Choice, ...]:
    """Of the classes of a complaint, those that its pack knows."""
    if command.__module__ != "complaints.chapters.triage" or name not in _IN_PACK:
        return options
    known = [str(value) for value in getattr(around.pack, _IN_PACK[name])]
    return tuple(option for option in options if option.value in known)


def _options(inner: Any) -> tuple[Choice, ...]:
    if get_origin(inner) is Literal:
        return tuple(Choice(str(value), choice(value)) for value in get_args(inner))
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        return tuple(Choice(value.value, choice(value)) for value in inner)
    return ()


def _unwrapped(annotation: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """The type itself, its constraints, and whether None will do."""
    constraints: tuple[Any, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *rest = get_args(annotation)
        constraints = tuple(rest)
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [item for item in get_args(annotation) if item is not type(None)]
        if len(inner) == 1:
            found, more, _ = _unwrapped(inner[0])
            return found, (*constraints, *more), True
    return annotation, constraints, False


_IN_PACK = {"kind": "kinds", "severity": "severities", "tier": "tiers"}
"""Classes of which a pack may know only some."""
_AS_IT_IS = frozenset({"kind", "severity", "tier", "feedback_class", "simple", "problem_type"})


def _start(command: type[Command], name: str, default: Any, around: Around) -> str:
    """What a control holds at first: how the case is classed now, where that is what is decided."""
    if command.__module__ == "complaints.chapters.triage" and name in _AS_IT_IS:
        default = getattr(around.case, name)
    if default is None or default == () or isinstance(default, Frozen):
        return ""
    if isinstance(default, bool):
        return "on" if default else ""
    return str(default)


# What was typed ---------------------------------------------------------------------------------------


def _filled(item: Field, given: Given) -> Field:
    if item.parts:
        return replace(item, parts=tuple(_filled(part, given) for part in item.parts))
    currency = given.get(item.name + _CURRENCY, item.currency)
    return replace(item, value=given.get(item.name, ""), currency=currency)


def _marked(item: Field, faults: Mapping[str, str]) -> Field:
    if item.parts and item.control == "group":
        return replace(item, parts=tuple(_marked(part, faults) for part in item.parts))
    fault = next(
        (said for at, said in faults.items() if at == item.name or at.startswith(f"{item.name}.")), ""
    )
    return replace(item, fault=fault)


def _value(item: Field, given: Given, zone: str) -> Any:
    """What the body takes for a control; None leaves the field out."""
    sent = given.get(item.name, "")
    match item.control:
        case "checkbox":
            return sent != ""
        case "group":
            found = {part.name.rpartition(".")[2]: _value(part, given, zone) for part in item.parts}
            return {name: value for name, value in found.items() if value is not None}
        case "rows":
            typed_in = (_value(part, given, zone) for part in item.parts)
            return [row for row in typed_in if row]
        case "ticks":
            return [part.name.rpartition(".")[2] for part in item.parts if given.get(part.name)]
        case "texts":
            typed = (given.get(part.name, "") for part in item.parts)
            return [text for text in typed if text.strip()]
    if not sent.strip():
        return None
    match item.control:
        case "instant":
            return instant_typed(sent, zone)
        case "money":
            return _money(sent, given.get(item.name + _CURRENCY, ""))
        case "scale":
            return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else sent
        case "pack":
            name, _, version = sent.strip().rpartition("@")
            return {"name": name, "version": int(version) if version.isdecimal() else version}
        case "line" | "select":
            return sent.strip()
        case _:
            return sent


def instant_typed(sent: str, zone: str) -> str:
    """The local time that was typed, with its zone; what can not be read is left to the body to refuse."""
    try:
        return datetime.fromisoformat(sent.strip()).replace(tzinfo=ZoneInfo(zone)).isoformat()
    except ValueError:
        return sent


def _money(sent: str, currency: str) -> dict[str, Any]:
    """An amount as people write it, in minor units; what can not be read is left to the body to refuse."""
    code = currency.strip().upper()
    try:
        digits = len(sum_of(Money(minor=1, currency=code)).partition(".")[2])
        minor = Decimal(sent.strip().replace(",", "")).scaleb(digits)
        exact: int | str = int(minor) if minor.is_finite() and minor == minor.to_integral_value() else sent
    except (InvalidOperation, ValidationError):
        exact = sent
    return {"minor": exact, "currency": code}
