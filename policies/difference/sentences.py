"""What the sentences of a comparison are made of: their subject, their form, and values said plainly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from policies.arithmetic.durations import Duration
from policies.difference.stricter import Effect, more_of_them_is_stricter, opposite, shorter_is_stricter
from policies.wording import in_words as say


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
