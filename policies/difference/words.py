"""How a rule is said to have changed: a sentence for what came, what went, and each figure that is another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from policies.arithmetic.calendars import Calendar
from policies.difference.clocks import OF_CLOCKS
from policies.difference.sentences import (
    Says,
    Sentence,
    Subject,
    codes,
    compared,
    facts,
    fewer_are_stricter,
    length,
    longer_is_stricter,
    untold,
)
from policies.difference.stricter import (
    Effect,
    earlier_is_stricter,
    less_is_stricter,
    more_is_stricter,
    more_of_them_is_stricter,
    shorter_is_stricter,
)
from policies.ladders import SourcedRung
from policies.letters import Letter
from policies.rules import AuthorityLimit, ClockRule, Sourced, Target
from policies.vocabulary import DeliveryState
from policies.wording import in_words as say
from policies.wording.plain_values import plainly


def added(subject: Subject, value: Any) -> Sentence:
    """A rule that was not there."""
    if isinstance(value, ClockRule):
        return Sentence(f"{subject.opening} is new: {_promise(value)}", Effect.STRICTER)
    if isinstance(value, Letter):
        return Sentence(f"{subject.name} is new")
    return Sentence(f"{subject.opening} is new: {plainly(value)}")


def removed(subject: Subject, value: Any) -> Sentence:
    """A rule that is there no more."""
    if isinstance(value, ClockRule):
        return Sentence(f"{subject.opening} is no longer promised; it was {_promise(value)}", Effect.LOOSER)
    if isinstance(value, Letter):
        return Sentence(f"{subject.name} is there no more")
    return Sentence(f"{subject.opening} is there no more; it was {plainly(value)}")


def _promise(rule: ClockRule) -> str:
    return f"due {say.length(rule.duration)} after {say.words(rule.starts_on)}, met by {say.met_by(rule)}"


def changed_value(subject: Subject, old: Any, new: Any) -> Sentence:
    """A bare value that is another."""
    if subject.part == "delivered_by":
        return Sentence(
            f"a letter over {subject.name} has arrived once it is {say.words(new)}, not {say.words(old)}",
            _later(DeliveryState, old, new),
        )
    if subject.part == "phases_require":
        return Sentence(
            f"the phase “{subject.name}” is left once there is {say.facts(new, 'and')} on record;"
            f" before: {say.facts(old, 'and')}",
            more_of_them_is_stricter(old, new),
        )
    return Sentence(f"{subject.opening} is {plainly(new)} instead of {plainly(old)}")


def changed_rung(
    subject: Subject, number: int, old: SourcedRung | None, new: SourcedRung | None
) -> Iterator[Sentence]:
    """A step of a ladder that is another, or rests on another source, or is new, or gone."""
    opening = f"step {number} of the ladder {subject.name}"
    if old is None and new is not None:
        yield Sentence(f"{opening} is new: {say.rung(new.rung)}", Effect.STRICTER)
    elif new is None and old is not None:
        yield Sentence(f"{opening} is there no more; it was: {say.rung(old.rung)}", Effect.LOOSER)
    elif old is not None and new is not None:
        was, now = (found.rung.model_copy(update=_NO_ORIGIN) for found in (old, new))
        if was != now:
            only_when = was.model_copy(update={"at": now.at}) == now
            effect = earlier_is_stricter(was.at, now.at) if only_when else None
            yield Sentence(f"{opening} is now: {say.rung(now)}; before: {say.rung(was)}", effect)
        own = old.rung.says_its_origin or new.rung.says_its_origin
        if own and (rests := say.origin(new)) != (rested := say.origin(old)):
            yield Sentence(f"{opening} is {rests}; before: {rested}")


_NO_ORIGIN: dict[str, None] = dict.fromkeys(("basis", "source", "since", "chosen_by"))


def changed_field(subject: Subject, old: BaseModel, new: BaseModel, field: str) -> Sentence:
    """A figure of a rule that is another."""
    rules = _SENTENCES.get(type(new).__name__, {})
    found = rules.get(field)
    if found is not None:
        return found(subject, old, new)
    common = _COMMON.get(field) if isinstance(new, Sourced) else None
    if common is not None:
        return common(subject, old, new)
    before, after = getattr(old, field), getattr(new, field)
    return Sentence(f"{subject.opening}: {say.words(field)} is {plainly(after)} instead of {plainly(before)}")


# What every rule says of itself


def _chosen_by(subject: Subject, old: Sourced, new: Sourced) -> Sentence:
    if old.chosen_by == say.NOBODY_YET and new.chosen_by:
        return Sentence(f"{subject.opening}: {new.chosen_by} has made this choice its own")
    return Sentence(f"{subject.opening}: chosen by {new.chosen_by or 'nobody'} instead of {old.chosen_by}")


_COMMON: Mapping[str, Says] = {
    "basis": compared("basis", "{opening}: its basis is {new} instead of {old}", untold, say.words),
    "source": compared("source", "{opening}: its source is {new} instead of {old}", untold, say.source),
    "since": compared("since", "{opening} holds from {new} instead of {old}", untold, str),
    "chosen_by": _chosen_by,
}


# Other rules


def _authority(subject: Subject, old: AuthorityLimit, new: AuthorityLimit) -> Sentence:
    amounts = (say.money(rule.up_to_minor, rule.currency) for rule in (new, old))
    return Sentence(
        f"{say.words(new.role)}s may approve remedies up to {' instead of '.join(amounts)}",
        less_is_stricter(old.up_to_minor, new.up_to_minor),
    )


def _second_approver(subject: Subject, old: Any, new: Any) -> Sentence:
    amounts = (say.money(rule.above_minor, subject.currency).strip() for rule in (new, old))
    return Sentence(
        f"a second person approves remedies above {' instead of '.join(amounts)}",
        less_is_stricter(old.above_minor, new.above_minor),
    )


def _dates(field: str, what: str) -> Says:
    """For dates by the hundred: how many came and went, and the first of them."""

    def says(subject: Subject, old: Calendar, new: Calendar) -> Sentence:
        before, after = getattr(old, field), getattr(new, field)
        came = sorted(day for day in after if before.get(day) != after[day])
        went = sorted(day for day in before if day not in after)
        parts = [
            f"{len(days)} {how} (from {days[0]})" for days, how in ((came, "set"), (went, "gone")) if days
        ]
        return Sentence(f"the calendar {subject.name}: {what}: {say.listed(parts)}")

    return says


def _at_least(subject: Subject, old: Target, new: Target) -> Sentence:
    return Sentence(
        f"the target {subject.name} is at least {new.at_least} {new.unit} instead of {old.at_least}",
        more_is_stricter(old.at_least, new.at_least),
    )


def _at_most(subject: Subject, old: Target, new: Target) -> Sentence:
    return Sentence(
        f"the target {subject.name} is at most {new.at_most} {new.unit} instead of {old.at_most}",
        less_is_stricter(old.at_most, new.at_most),
    )


def _later(states: type[StrEnum], old: Any, new: Any) -> Effect | None:
    order = [DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.DELIVERED]
    if old not in order or new not in order:
        return None
    return more_is_stricter(order.index(old), order.index(new))


_SENTENCES: Mapping[str, Mapping[str, Says]] = {
    "ClockRule": OF_CLOCKS,
    "PauseReason": {
        "limit": compared(
            "limit", "a pause for {opening} lasts {new} at most instead of {old}", shorter_is_stricter, length
        ),
        "ends_on": compared(
            "ends_on", "a pause for {opening} ends with {new} instead of {old}", more_of_them_is_stricter, facts
        ),
        "starts_on": compared(
            "starts_on", "a pause for {opening} begins by itself with {new} instead of {old}", fewer_are_stricter,
            facts,
        ),
        "remind_at": compared(
            "remind_at", "a pause for {opening}: reminders go out at {new} instead of {old} before its limit",
            untold, lambda offsets: say.listed(map(str, offsets)) or "no moment",
        ),
    },
    "AuthorityLimit": {"up_to_minor": _authority},
    "SecondApprover": {"above_minor": _second_approver},
    "ResponseGate": {
        "requires": compared(
            "requires", "a final response contains {new}; before: {old}", more_of_them_is_stricter, codes
        ),
    },
    "Windows": {
        "dispute": compared(
            "dispute", "customers may dispute an outcome for {new} instead of {old}", longer_is_stricter, length
        ),
        "reopen": compared(
            "reopen", "a complaint may be reopened for {new} instead of {old}", longer_is_stricter, length
        ),
        "confirm": compared(
            "confirm", "an outcome counts as confirmed after {new} instead of {old}", untold, length
        ),
        "archive_after": compared(
            "archive_after", "a complaint is archived after {new} instead of {old}", untold, length
        ),
        "handover_lapses": compared(
            "handover_lapses", "the offer of a handover lapses after {new} instead of {old}", untold, length
        ),
        "offer_lapses": compared(
            "offer_lapses", "customers may take a remedy for {new} instead of {old}", longer_is_stricter, length
        ),
    },
    "Satisfaction": {
        "low_score": compared(
            "low_score", "a senior looks at scores up to {new} instead of {old}", more_is_stricter, str
        ),
        "ask_after": compared(
            "ask_after", "customers are asked how content they are after {new} instead of {old}", untold,
            say.words,
        ),
    },
    "OutsideBody": {
        "time_limit": compared(
            "time_limit", "customers may turn to the outside body within {new} instead of {old}", untold, length
        ),
    },
    "Retention": {
        "keep": compared("keep", "texts are kept for {new} after closing instead of {old}", untold, length)
    },
    "Target": {"at_least": _at_least, "at_most": _at_most},
    "OutageGrade": {
        "announce_within": compared(
            "announce_within", "an outage {opening} is announced within {new} instead of {old}",
            shorter_is_stricter, length,
        ),
        "update_every": compared(
            "update_every", "an outage {opening}: news goes out every {new} instead of {old}",
            shorter_is_stricter, length,
        ),
        "over": compared(
            "over", "an outage {opening} is announced over {new} instead of {old}", more_of_them_is_stricter, codes
        ),
    },
    "HandlingTier": {
        "held_by": compared(
            "held_by", "the handling tier {opening} is held by {new} instead of {old}", untold, say.roles
        ),
    },
    "SystemicSuspicion": {
        "complaints": compared(
            "complaints", "one cause is suspected from {new} complaints on instead of {old}", less_is_stricter, str
        ),
        "sites": compared(
            "sites", "one cause is suspected from {new} sites on instead of {old}", less_is_stricter, str
        ),
        "within": compared(
            "within", "one cause is suspected of complaints within {new} instead of {old}", longer_is_stricter,
            length,
        ),
    },
    "Calendar": {
        "holidays": _dates("holidays", "holidays"),
        "working_dates": _dates("working_dates", "make-up working days"),
        "overrides": _dates("overrides", "days with hours of their own"),
    },
}  # fmt: skip
