"""From each command the JSON that a caller sends for it, and from what was sent back to the command.

A command carries references to texts (`TextRef`), attested people (`Person`) and published packs (`PackRef`);
a caller sends the text itself, the id of the person, the name of the pack. The input models are made from the
command classes, so that the API, its OpenAPI document and the desk's forms can not drift from the rules.
"""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin
from uuid import UUID, uuid5

from annotated_types import MaxLen
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, create_model
from pydantic.fields import FieldInfo

from api.fields import LONGEST_LIST, Code, Flag, Instant, Number, StaffGiven, StaffId, Text, TextGiven
from api.problems import Problem, not_well_formed
from complaints.base import AttachmentRef, Command, Frozen, PackRef, Person, TextRef

C = TypeVar("C", bound=Command)

_TEXTS = UUID("6f0b6d0e-0a51-5c0f-9d3c-4f3f6a6a2f10")
"""The namespace of text ids (uuid5 of command id and field path), so that a repeated command names the same texts."""


class Input(BaseModel):
    """What a caller sends: strict about its fields, and hidden in what is printed of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PackGiven(Input):
    """A published pack by name; without a version, the one that holds today."""

    name: Code = Field(examples=["retail-2025"])
    version: Number | None = None


class Told(Input):
    """A command's body: its input and, optionally, when it took effect."""

    occurred_at: Instant | None = Field(
        None, description="When it took effect, where that was earlier than now."
    )


@cache
def input_of(model: type[Frozen]) -> type[Input]:
    """The input model of a command, or of a value inside one.

    Raises TypeError, when the API is put together, for a field of which nobody said how it is sent.
    """
    return create_model(
        f"{model.__name__}Input", __base__=Input, __doc__=model.__doc__ or None, **fields_of(model)
    )


def fields_of(model: type[Frozen], leave_out: Collection[str] = ()) -> dict[str, Any]:
    """The fields of the input model, as `create_model` takes them, without those to be left out."""
    return {
        name: (_sent(_annotation(field), f"{model.__name__}.{name}"), _default(field))
        for name, field in model.model_fields.items()
        if name not in leave_out
    }


@cache
def body_of(command: type[Command]) -> type[Told]:
    """The body of a command's route (and what a form of it is read into)."""
    if "occurred_at" in command.model_fields:
        raise TypeError(f"{command.__name__}.occurred_at hides the order's own")
    bases: Any = (input_of(command), Told)
    return cast(type[Told], create_model(command.__name__, __base__=bases, __doc__=command.__doc__ or None))


def takes_json(command: type[Command]) -> bool:
    """Whether a caller can send all of it as JSON; a file comes by its own route."""
    return not any(
        AttachmentRef in tuple(_leaves(field.annotation)) for field in command.model_fields.values()
    )


def _leaves(annotation: Any) -> Iterator[Any]:
    arguments = get_args(annotation)
    if not arguments or get_origin(annotation) is Literal:
        yield annotation
        return
    for argument in arguments:
        yield from _leaves(argument)


def _annotation(field: FieldInfo) -> Any:
    """The field's type with its constraints, which pydantic keeps apart."""
    return Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return Field(..., description=field.description)
    if field.default_factory is not None:
        return Field(default_factory=field.default_factory, description=field.description)
    default = field.default
    return Field(default, description=field.description)


def _sent(annotation: Any, where: str) -> Any:
    """The type that is sent for a command's field of this type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _constrained(arguments[0], arguments[1:], where)
    if origin in (Union, types.UnionType):
        return Union[tuple(_sent(a, where) for a in arguments)]  # noqa: UP007 - made from a tuple
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            item: Any = _sent(arguments[0], where)
            return Annotated[tuple[item, ...], MaxLen(LONGEST_LIST)]
        return tuple[tuple(_sent(a, where) for a in arguments)]  # type: ignore[misc]
    if origin is Literal or annotation is type(None):
        return annotation
    return _leaf(annotation, where)


_LEAVES: dict[Any, Any] = {
    TextRef: Text, Person: StaffId, PackRef: PackGiven, datetime: Instant, bool: Flag, int: Number, str: Code,
}  # fmt: skip


def _leaf(annotation: Any, where: str) -> Any:
    if annotation in _LEAVES:
        return _LEAVES[annotation]
    if isinstance(annotation, type):
        if issubclass(annotation, Frozen) and annotation is not AttachmentRef:
            return input_of(annotation)
        if issubclass(annotation, str):  # a StrEnum
            return annotation
    if getattr(annotation, "__name__", "") == "AwareDatetime":
        return Instant
    raise TypeError(f"{where}: nobody has said how a {annotation} is sent")


def _constrained(inner: Any, metadata: tuple[Any, ...], where: str) -> Any:
    sent = _sent(inner, where)
    if inner is str and any(_has_pattern(item) for item in metadata):
        # Its own form is narrower than a code's, and only one pattern can be checked.
        sent = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
    return Annotated[sent, *metadata]


def _has_pattern(item: Any) -> bool:
    if isinstance(item, FieldInfo):
        return any(_has_pattern(inner) for inner in item.metadata)
    return getattr(item, "pattern", None) is not None


@dataclass(frozen=True)
class Gathered:
    """What has to be stored or looked up before a command can be built: texts by their ids, staff ids, packs."""

    texts: Mapping[str, str]
    staff: frozenset[str]
    packs: frozenset[PackGiven] = frozenset()


def gather(sent: BaseModel, command_id: str) -> Gathered:
    """The texts, the people and the packs in what was sent."""
    texts: dict[str, str] = {}
    staff: set[str] = set()
    packs: set[PackGiven] = set()
    for path, value in _walk(sent, ""):
        if isinstance(value, TextGiven):
            texts[text_id(command_id, path)] = str(value)
        elif isinstance(value, StaffGiven):
            staff.add(str(value))
        elif isinstance(value, PackGiven):
            packs.add(value)
    return Gathered(texts, frozenset(staff), frozenset(packs))


def text_id(command_id: str, path: str) -> str:
    """The id of the text at this place (`parties.0.name`) of this command."""
    return str(uuid5(_TEXTS, f"{command_id}/{path}"))


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel) and not isinstance(value, PackGiven):
        for name in value.__class__.model_fields:
            yield from _walk(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}.{index}")
    else:
        yield path, value


def build(
    command: type[C],
    sent: BaseModel,
    command_id: str,
    refs: Mapping[str, TextRef],
    people: Mapping[str, Person],
    *,
    packs: Mapping[PackGiven, PackRef] | None = None,
    leave_out: Collection[str] = ("occurred_at",),
    **fixed: Any,
) -> C:
    """The command that was sent, with its texts' references and its people and packs attested.

    `leave_out` are fields of the body that are not the command's own; `fixed` are fields that nobody sends.

    Raises Problem (422) for a person whom the directory does not know, and where the command itself is
    stricter than what can be said of its JSON.
    """

    def back(value: Any, path: str) -> Any:
        if isinstance(value, PackGiven):
            return (packs or {})[value]
        if isinstance(value, BaseModel):
            return {
                name: back(getattr(value, name), f"{path}.{name}" if path else name)
                for name in value.__class__.model_fields
                if path or name not in leave_out
            }
        if isinstance(value, tuple):
            return tuple(back(item, f"{path}.{index}") for index, item in enumerate(value))
        if isinstance(value, TextGiven):
            return refs[text_id(command_id, path)]
        if isinstance(value, StaffGiven):
            if value not in people:
                raise Problem(422, "unknown_person", f"Nobody of this id works here: correct {path}.")
            return people[value]
        return value

    try:
        return command.model_validate(back(sent, "") | fixed)
    except ValidationError as error:
        raise not_well_formed(
            [{**e, "loc": ("body", *e["loc"])} for e in error.errors(include_input=False)]
        ) from None
