"""How a promise is said to have changed: the sentences of a comparison that are about clocks."""

from __future__ import annotations

from collections.abc import Mapping

from policies.arithmetic.durations import DayRule, Offset
from policies.difference.sentences import (
    Says,
    Sentence,
    Subject,
    codes,
    compared,
    facts,
    fewer_are_stricter,
    flag,
    length,
    untold,
)
from policies.difference.stricter import (
    Effect,
    less_is_stricter,
    more_of_them_is_stricter,
    opposite,
    shorter_is_stricter,
    wider_is_stricter,
)
from policies.rules import ClockRule
from policies.wording import in_words as say


def _met_by(subject: Subject, old: ClockRule, new: ClockRule) -> Sentence:
    effect = None
    if old.met_when == new.met_when:
        effect = more_of_them_is_stricter(old.met_by, new.met_by)
        effect = effect if new.met_when == "all" else opposite(effect)
    return Sentence(f"{subject.opening} is met by {say.met_by(new)} instead of {say.met_by(old)}", effect)


def _met_when(subject: Subject, old: ClockRule, new: ClockRule) -> Sentence:
    effect = Effect.STRICTER if new.met_when == "all" else Effect.LOOSER
    much = "all of its facts are" if new.met_when == "all" else "any of its facts is"
    return Sentence(f"{subject.opening} is met once {much} there", effect)


def _applies(subject: Subject, old: ClockRule, new: ClockRule) -> Sentence:
    effect = wider_is_stricter(old.applies_if, new.applies_if)
    return Sentence(
        f"{subject.name} is promised to {say.whom(new.applies_if)} instead of {say.whom(old.applies_if)}",
        effect,
    )


def _day_rule(subject: Subject, old: ClockRule, new: ClockRule) -> Sentence:
    ends = {
        DayRule.END_OF_DAY: "at 24:00 of its last day",
        DayRule.CLOSING: "at closing time of its last day",
        DayRule.SAME_TIME: "at the time of day at which it started",
    }
    effect = None
    if DayRule.END_OF_DAY in (old.day_rule, new.day_rule):
        effect = Effect.STRICTER if old.day_rule is DayRule.END_OF_DAY else Effect.LOOSER
    return Sentence(f"{subject.opening} is due {ends[new.day_rule]} instead of {ends[old.day_rule]}", effect)


def _extension(subject: Subject, old: ClockRule, new: ClockRule) -> Sentence:
    if old.extension is None and new.extension is not None:
        return Sentence(f"{subject.opening} may be extended {say.extension(new.extension)}", Effect.LOOSER)
    if new.extension is None and old.extension is not None:
        return Sentence(f"{subject.opening} can no longer be extended", Effect.STRICTER)
    if old.extension is None or new.extension is None:
        raise ValueError("an extension that neither rule allows has not changed")
    one, other = old.extension, new.extension
    if say.extension(one) == say.extension(other):
        return Sentence(f"{subject.opening}: its extension rests on {say.source(other.source)}")
    effects = {
        shorter_is_stricter(one.by, other.by) if one.by != other.by else None,
        less_is_stricter(one.at_most, other.at_most),
    } - {None}
    return Sentence(
        f"{subject.opening} may be extended {say.extension(other)}; before: {say.extension(one)}",
        effects.pop() if len(effects) == 1 else None,
    )


def _moments(value: tuple[Offset, ...]) -> str:
    return say.listed(map(say.moment, value)) or "never"


OF_CLOCKS: Mapping[str, Says] = {
    "duration": compared(
        "duration", "{opening} is due after {new} instead of {old}", shorter_is_stricter, length
    ),
    "starts_on": compared("starts_on", "{opening} runs from {new} instead of {old}", untold, say.words),
    "met_by": _met_by,
    "met_when": _met_when,
    "stops_on": compared(
        "stops_on", "{opening} falls away with {new} instead of {old}", fewer_are_stricter, facts
    ),
    "applies_if": _applies,
    "pauses_on": compared(
        "pauses_on", "{opening} pauses for {new} instead of {old}", fewer_are_stricter, codes
    ),
    "warn_at": compared("warn_at", "{opening} warns {new} instead of {old}", untold, _moments),
    "ladder": compared(
        "ladder",
        "{opening}: alarms climb the ladder {new} instead of {old}",
        untold,
        lambda name: "of nobody" if name is None else say.words(name),
    ),
    "ladders_if": compared(
        "ladders_if",
        "{opening}: alarms of some complaints climb other ladders: {new} instead of {old}",
        untold,
        lambda choices: (
            say.listed(f"{say.words(c.ladder)} for {say.whom(c.applies_if)}" for c in choices) or "none"
        ),
    ),
    "statutory": flag(
        "statutory",
        "{opening} pauses for nothing: it is set by law",
        "{opening} is no longer set by law",
        Effect.STRICTER,
    ),
    "roll": flag(
        "roll",
        "{opening}: a last day that does not work moves to the next that does",
        "{opening}: a last day that does not work no longer moves",
        Effect.LOOSER,
    ),
    "day_rule": _day_rule,
    "extension": _extension,
    "raises_tier": flag(
        "raises_tier",
        "{opening}: a breach moves the case up to the next tier of handling",
        "{opening}: a breach no longer moves the case up",
        Effect.STRICTER,
    ),
}
"""By field."""
