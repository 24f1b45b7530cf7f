"""Valid values for the fields of any command or event, by their types, with ids of what the case has."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from complaints.base import Command, Event, Frozen, PackRef, Person, TextRef
from complaints.case import Case
from complaints.references import reference, systemic_reference
from policies.vocabulary import Role
from tests.complaints.support import text
from tests.support.life_steps import COMING

M = TypeVar("M", bound=Frozen)

INSTANT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

_OF_CASE: Mapping[str, Callable[[Case], Iterator[str]]] = {
    "issue": lambda case: (item.id for item in case.investigation.issues),
    "question": lambda case: (item.id for item in case.investigation.questions if item.answer is None),
    "remedy": lambda case: (item.id for item in reversed(case.remedies.items)),
    "letter": lambda case: (item.id for item in reversed(case.letters.sent)),
    "draft": lambda case: (case.feedback.draft.id for _ in (1,) if case.feedback.draft is not None),
    "action": lambda case: (item.id for item in case.post_mortem.actions),
    "outside_case": lambda case: (item.id for item in reversed(case.dispute.outside)),
    "party": lambda case: (item.id for item in reversed(case.parties)),
    "clock": lambda case: (run.clock for run in case.clocks.occurrences if run.running),
    "reason": lambda case: (pause.reason for pause in case.clocks.pauses if pause.to is None),
}
"""Where a field of this name is an id: the ids that the case has, the likeliest first."""

_PACK = COMING["crm-service"]

_WORDLIKE = (
    "R1", "L1", "product", "waiting_for_customer", reference(7), systemic_reference(7), "5.1.1", "CNY", "en",
)  # fmt: skip
"""What a text that is no person's words may look like; the first that fits a pattern is taken."""


def made(kind: type[M], case: Case | None = None, **fields: Any) -> M:
    """A value of this type, every field of it set. Raises AssertionError for a type that nobody taught this."""
    values: dict[str, Any] = {}
    for name, info in kind.model_fields.items():
        annotation = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        values[name] = fields.get(name, _value(annotation, name, case))
    return kind.model_validate(values)


def _value(annotation: Any, name: str, case: Case | None) -> Any:
    for candidate in _candidates(annotation, name, case):
        try:
            return TypeAdapter(annotation).validate_python(candidate)
        except ValidationError:
            continue
    raise AssertionError(f"tests/complaints/making.py does not know how to make {name}: {annotation}")


def _candidates(annotation: Any, name: str, case: Case | None) -> Iterator[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _candidates(arguments[0], name, case)
    elif origin in (Union, types.UnionType):
        for argument in arguments:
            yield from _candidates(argument, name, case)
    elif origin is Literal:
        yield arguments[0]
    elif origin is tuple:
        yield (_value(arguments[0], name, case),)
    elif origin is dict:
        yield {_value(arguments[0], name, case): _value(arguments[1], name, case)}
    elif annotation is str:
        if case is not None and name in _OF_CASE:
            yield from _OF_CASE[name](case)
        yield from _WORDLIKE
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield next(iter(annotation))
    elif isinstance(annotation, type) and issubclass(annotation, Frozen):
        yield _VALUES[annotation] if annotation in _VALUES else made(annotation, case)
    else:
        yield from (True, 1, INSTANT, None)


_VALUES: Mapping[type[Frozen], Frozen] = {
    TextRef: text("What a person wrote."),
    Person: Person(id="rosa", roles=(Role.HANDLER,), supervisor="sven"),
    PackRef: PackRef(name=_PACK.name, version=_PACK.version, digest=_PACK.digest),
}


def command_for(command: type[Command], case: Case | None = None, **fields: Any) -> Command:
    """A well-formed command of this type, about things that the case has where it has them."""
    return made(command, case, **fields)


def every_event() -> Iterator[Event]:
    """One event of each type there is, with every field of it set."""
    for name, event in sorted(Event.REGISTRY.items()):
        if event.__module__.startswith("complaints."):
            yield made(Event.REGISTRY[name])


def later(case: Case) -> datetime:
    """An instant after everything that has happened to the case."""
    return max(case.latest_at or case.received_at, case.recorded_at) + timedelta(minutes=1)
