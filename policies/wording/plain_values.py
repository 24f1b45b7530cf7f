"""Any value of a pack, said as plainly as it can be, where it has no sentence of its own. Pure."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from policies.arithmetic.durations import Duration, Offset
from policies.ladders import Rung
from policies.rules import Applies, AuthorityLimit, Source
from policies.wording import in_words as say


def plainly(value: Any) -> str:  # noqa: PLR0912 - one line for each kind of value
    """A value without a sentence of its own, as plainly as it can be said; of a rule, what it says, not its origin."""
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
            said = ((name, getattr(value, name)) for name in own if not _usual(value, name))
            return "; ".join(f"{say.words(name)}: {plainly(part)}" for name, part in said)
        case dict() if "en" in value and all(isinstance(text, str) for text in value.values()):
            return " / ".join(f"“{text}”" for _, text in sorted(value.items()))
        case dict():
            return "; ".join(f"{say.words(str(key))}: {plainly(part)}" for key, part in value.items())
        case tuple() | list():
            return ", ".join(plainly(part) for part in value) or "nothing"
        case date():
            return value.isoformat()
        case _:
            return str(value)


_SELF_EVIDENT = {"id", "basis", "source", "since", "chosen_by", "title"}
"""What is said of a rule elsewhere: its name, and its origin."""


def _usual(value: BaseModel, field: str) -> bool:
    """Whether a rule says what it would if it did not say it."""
    return bool(getattr(value, field) == type(value).model_fields[field].default)
