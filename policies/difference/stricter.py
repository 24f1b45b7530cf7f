"""Which of two figures of a rule asks more of the organisation: stricter, looser, or not to be told. Pure."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from policies.arithmetic.durations import Duration, Measure, Offset, Unit
from policies.rules import Applies


class Effect(StrEnum):
    """What a change means for the organisation. Absent where that cannot be told."""

    STRICTER = "stricter"
    LOOSER = "looser"


_DAYS = {Unit.CALENDAR_DAYS: 1, Unit.WEEKS: 7}
_MONTHS = {Unit.MONTHS: 1, Unit.YEARS: 12}


def less_is_stricter(old: int | None, new: int | None) -> Effect | None:
    """A limit that is lowered asks more; None on one side is no limit at all."""
    if old == new:
        return None
    if new is None:
        return Effect.LOOSER
    return Effect.STRICTER if old is None or new < old else Effect.LOOSER


def more_is_stricter(old: int | None, new: int | None) -> Effect | None:
    """A demand that is raised asks more; None on one side is no demand at all."""
    if old == new:
        return None
    if new is None:
        return Effect.LOOSER
    return Effect.STRICTER if old is None or new > old else Effect.LOOSER


def opposite(effect: Effect | None) -> Effect | None:
    """The effect where the figure works the other way round."""
    if effect is None:
        return None
    return Effect.LOOSER if effect is Effect.STRICTER else Effect.STRICTER


def shorter_is_stricter(old: Duration | None, new: Duration | None) -> Effect | None:
    """Compares durations of one measure; None where they count different things, or months with days."""
    if old is None or new is None:
        return less_is_stricter(None if old is None else 0, None if new is None else 0)
    sizes = _sizes(old, new)
    return None if sizes is None else less_is_stricter(*sizes)


def _sizes(old: Duration, new: Duration) -> tuple[int, int] | None:
    """Both in one unit, where there is one."""
    if old.measure is not new.measure:
        return None
    if old.measure in (Measure.ELAPSED, Measure.WORKING_TIME):
        return old.microseconds, new.microseconds
    if old.unit is new.unit:
        return old.amount, new.amount
    for unit in (_DAYS, _MONTHS):
        if old.unit in unit and new.unit in unit:
            return old.amount * unit[old.unit], new.amount * unit[new.unit]
    return None


def earlier_is_stricter(old: Offset, new: Offset) -> Effect | None:
    """Compares two moments around due; None where they are measured differently."""
    if old.percent is not None and new.percent is not None:
        return less_is_stricter(old.percent, new.percent)
    if old.sign != new.sign:
        return less_is_stricter(old.sign, new.sign)
    if old.size is None or new.size is None:
        return None
    effect = shorter_is_stricter(old.size, new.size)
    return effect if old.sign > 0 else opposite(effect)


def more_of_them_is_stricter(old: Collection[object], new: Collection[object]) -> Effect | None:
    """Compares two sets of demands; None where neither holds the other."""
    before, after = set(old), set(new)
    if before == after:
        return None
    if before < after:
        return Effect.STRICTER
    return Effect.LOOSER if after < before else None


def wider_is_stricter(old: Applies, new: Applies) -> Effect | None:
    """Compares for whom a promise holds; None where some were added and others left out."""
    effects = {
        _wider(getattr(old, name), getattr(new, name), excepted=name == "except_problem_types")
        for name in Applies.model_fields
        if getattr(old, name) != getattr(new, name)
    }
    return effects.pop() if len(effects) == 1 else None


def _wider(old: object, new: object, *, excepted: bool) -> Effect | None:
    """For one class: nothing said (an empty list, or None) is for all of it."""
    if old in ((), None) or new in ((), None):
        return Effect.STRICTER if new in ((), None) else Effect.LOOSER
    if isinstance(old, tuple) and isinstance(new, tuple):
        return more_of_them_is_stricter(new, old) if excepted else more_of_them_is_stricter(old, new)
    return None
