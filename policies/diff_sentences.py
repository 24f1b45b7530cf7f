"""What the sentences of a comparison are made of: their subject, their form, and values said plainly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel

from policies import in_words as say
from policies.comparing import Effect, more_of_them_is_stricter, opposite, shorter_is_stricter
from policies.durations import Duration, Offset
from policies.rules import Applies, AuthorityLimit, Rung, Source


class Subject(NamedTuple):
    """What a sentence is about: its group, its name, the part of the pack, and for whom it is promised."""

    group: str
    name: str
    part: str
    whom: str = ""
    currency: str = ""

    @property
    def opening(self) -> str:
        """How its sentences begin."""
        return f"{self.whom}: {self.name}" if self.whom else self.name


class Sentence(NamedTuple):
    """What changed, and what that means for the organisation where it can be told."""

    text: str
    effect: Effect | None = None


Says = Callable[[Subject, Any, Any], Sentence]


def compared(
    field: str, text: str, effect: Callable[[Any, Any], Effect | None], shown: Callable[[Any], str]
) -> Says:
    """A sentence of the form `… {new} instead of {old}`; `text` has {opening}, {new} and {old}."""

    def says(subject: Subject, old: Any, new: Any) -> Sentence:
        before, after = getattr(old, field), getattr(new, field)
        filled = text.format(opening=subject.opening, new=shown(after), old=shown(before))
        return Sentence(filled, effect(before, after))

    return says


def length(value: Duration | None) -> str:
    return "no limit" if value is None else say.length(value)


def facts(value: tuple[Any, ...]) -> str:
    return say.facts(value) or "nothing"


def codes(value: tuple[str, ...]) -> str:
    return say.listed(map(say.words, value)) or "nothing"


def untold(old: Any, new: Any) -> None:
    return None


def fewer_are_stricter(old: Any, new: Any) -> Effect | None:
    return opposite(more_of_them_is_stricter(old, new))


def longer_is_stricter(old: Duration, new: Duration) -> Effect | None:
    return opposite(shorter_is_stricter(old, new))


def flag(field: str, on: str, off: str, effect_on: Effect | None) -> Says:
    def says(subject: Subject, old: Any, new: Any) -> Sentence:
        is_on = getattr(new, field)
        text = (on if is_on else off).format(opening=subject.opening)
        return Sentence(text, effect_on if is_on else opposite(effect_on))

    return says


def plainly(value: Any, subject: Subject) -> str:  # noqa: PLR0912 - one line for each kind of value
    """A value without a sentence of its own, as plainly as it can be said."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "on" if value else "off"
        case StrEnum():
            return say.words(value)
        case Duration():
            return say.length(value)
        case Offset():
            return say.moment(value)
        case Source():
            return say.source(value)
        case Applies():
            return say.whom(value)
        case Rung():
            return say.rung(value)
        case AuthorityLimit():
            return f"up to {say.money(value.up_to_minor, value.currency)}"
        case BaseModel():
            own = (name for name in type(value).model_fields if name not in _SELF_EVIDENT)
            said = (
                (name, getattr(value, name)) for name in own if getattr(value, name) not in (None, (), {})
            )
            return "; ".join(f"{say.words(name)}: {plainly(part, subject)}" for name, part in said)
        case dict() if "en" in value and all(isinstance(text, str) for text in value.values()):
            return " / ".join(f"“{text}”" for _, text in sorted(value.items()))
        case dict():
            return "; ".join(
                f"{say.words(str(key))}: {plainly(part, subject)}" for key, part in value.items()
            )
        case tuple() | list():
            return ", ".join(plainly(part, subject) for part in value) or "nothing"
        case date():
            return value.isoformat()
        case _:
            return str(value)


_SELF_EVIDENT = {"id", "basis", "source", "since", "chosen_by", "title"}
"""What a rule that came or went need not say of itself: its name is said, and its origin is in the pack."""
