"""What changes for whom between two packs: one sentence for each figure that differs, rule by rule. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pydantic import BaseModel

from policies.difference.sentences import Sentence, Subject
from policies.difference.stricter import Effect
from policies.difference.words import added, changed_field, changed_rung, changed_value, removed
from policies.ladders import Ladder
from policies.pack import Pack
from policies.rules import ClockRule, Frozen, Sourced
from policies.wording.in_words import begun, text_in, whom, words


class Change(Frozen):
    """One difference. `rule` is the rule's place (`clocks.response`), `field` what of it differs.

    `effect` says what it means for the organisation, where comparing the two figures can tell.
    """

    group: str
    rule: str
    field: str | None
    sentence: str
    effect: Effect | None = None

    def __str__(self) -> str:
        return f"{self.sentence}{f' ({self.effect})' if self.effect else ''}"


class _Entry(NamedTuple):
    """A rule, or a bare value, that stands on its own in both packs, under the same key or not."""

    subject: Subject
    value: Any


_ORDER = (
    "name", "version", "title", "holds_from", "languages", "timezone", "currency", "kinds", "severities",
    "tiers", "channels", "parameters", "clocks",
    "ladders", "pause_reasons", "handling_tiers", "dispatch", "internal_review", "authority", "second_approver",
    "phases_require", "response_gate", "windows", "satisfaction", "outside_body", "automatic_reply", "outages",
    "systemic_suspected", "problem_types", "departments", "calendars", "delivered_by", "retained", "targets",
    "letters",
)  # fmt: skip

_GROUPS = {
    "authority": "Who may approve",
    "second_approver": "Who may approve",
    "response_gate": "What a final response contains",
    "phases_require": "What has to be on record",
    "windows": "How long doors stand open",
    "delivered_by": "When a letter has arrived",
    "retained": "How long texts are kept",
    "targets": "Targets",
    "handling_tiers": "Tiers of handling",
    "dispatch": "Dispatch",
    "outages": "Outages",
    "problem_types": "Problem types",
    "departments": "Departments",
    "internal_review": "Internal review",
    "automatic_reply": "Automatic reply",
    "systemic_suspected": "Suspicion of one cause",
    "satisfaction": "Satisfaction",
    "outside_body": "The outside body",
    "parameters": "Parameters",
}


def differences(old: Pack, new: Pack) -> tuple[Change, ...]:
    """Every difference between two packs, in the order of a pack's parts; empty where they say the same.

    Nothing is passed over: a field of a rule that has no sentence of its own gets a plain one.
    """
    before, after = _entries(old), _entries(new)
    keys = [*before, *(key for key in after if key not in before)]
    keys.sort(key=lambda key: _ORDER.index(key[0]) if key[0] in _ORDER else len(_ORDER))
    return tuple(change for key in keys for change in _compared(key, before.get(key), after.get(key)))


def _compared(key: tuple[str, ...], old: _Entry | None, new: _Entry | None) -> Iterator[Change]:
    if old is not None and new is not None:
        if old.value != new.value:
            yield from (
                _change(key, new.subject, name, said) for name, said in _fields(new.subject, old, new)
            )
    elif new is not None:
        yield _change(key, new.subject, None, added(new.subject, new.value))
    elif old is not None:
        yield _change(key, old.subject, None, removed(old.subject, old.value))


def _change(key: tuple[str, ...], subject: Subject, field: str | None, said: Sentence) -> Change:
    return Change(
        group=subject.group, rule=".".join(key), field=field, sentence=begun(said.text), effect=said.effect
    )


def _fields(subject: Subject, old: _Entry, new: _Entry) -> Iterator[tuple[str | None, Sentence]]:
    if type(old.value) is not type(new.value) or not isinstance(new.value, BaseModel):
        yield None, changed_value(subject, old.value, new.value)
        return
    for name in type(new.value).model_fields:
        before, after = getattr(old.value, name), getattr(new.value, name)
        if before == after:
            continue
        if isinstance(new.value, Ladder) and name == "rungs":
            yield from _rungs(subject, old.value, new.value)
        else:
            yield name, changed_field(subject, old.value, new.value, name)


def _rungs(subject: Subject, before: Ladder, after: Ladder) -> Iterator[tuple[str, Sentence]]:
    was, now = before.sourced_rungs(), after.sourced_rungs()
    for number in range(max(len(was), len(now))):
        old = was[number] if number < len(was) else None
        new = now[number] if number < len(now) else None
        # Where neither says its origin the ladder's own sentence tells of another one.
        if (old and old.rung) != (new and new.rung):
            for said in changed_rung(subject, number + 1, old, new):
                yield f"rungs[{number}]", said


# What stands on its own in a pack


def _entries(pack: Pack) -> dict[tuple[str, ...], _Entry]:
    return {key: entry for name in Pack.model_fields for key, entry in _of(pack, name, getattr(pack, name))}


def _of(pack: Pack, part: str, value: Any) -> Iterable[tuple[tuple[str, ...], _Entry]]:
    """The entries of one part, each under a key that does not hang on its place in a list."""
    if part == "clocks":
        for rule in value:
            yield (part, rule.id), _Entry(_of_clock(pack, rule), rule)
    elif part == "letters":
        for kind, by_language in value.items():
            for language, letter in by_language.items():
                name = f"the letter “{words(kind)}” in {language}"
                yield (part, kind, language), _Entry(Subject("Letters", name, part), letter)
    elif isinstance(value, tuple) and value and isinstance(value[0], Sourced):
        for at, rule in enumerate(value):
            key = _key_of(part, at, rule)
            yield (part, *key), _Entry(_subject(pack, part, rule, " ".join(map(words, key))), rule)
    elif isinstance(value, dict) and part != "title":
        for key, rule in value.items():
            yield (part, str(key)), _Entry(_subject(pack, part, rule, words(str(key))), rule)
    elif value not in (None, (), {}):
        yield (part,), _Entry(Subject(_GROUPS.get(part, "The pack"), words(part), part), value)


def _key_of(part: str, at: int, rule: Any) -> tuple[str, ...]:
    match part:
        case "authority":
            return rule.role, rule.currency
        case "targets":
            return (rule.id,)
        case "handling_tiers":
            return (str(rule.number),)
        case "outages":
            return (str(rule.grade),)
        case _:
            return (str(at + 1),)


def _of_clock(pack: Pack, rule: ClockRule) -> Subject:
    titles = {name: kind.title for name, kind in pack.problem_types.items()}
    return Subject(
        f"Clock: {text_in(rule.title, 'en')}",
        text_in(rule.title, "en"),
        "clocks",
        whom(rule.applies_if, titles),
    )


_SINGLE = {
    "ladders": "Ladder",
    "pause_reasons": "Pause",
    "calendars": "Calendar",
}


def _subject(pack: Pack, part: str, rule: Any, name: str) -> Subject:
    """How the rule is spoken of: by its title where it has one."""
    title = getattr(rule, "title", None) if isinstance(rule, BaseModel) else None
    said = f"“{text_in(title, 'en')}”" if title else name
    single = _SINGLE.get(part)
    group = f"{single}: {said.strip('“”')}" if single else _GROUPS.get(part, begun(words(part)))
    return Subject(group, said, part, currency=getattr(rule, "currency", pack.currency))
