"""Where a pack contradicts itself: each finding says where it stands and what is wrong, as a sentence."""

from collections.abc import Iterator
from typing import NamedTuple

from policies.durations import Duration, Measure, Offset
from policies.letters import FIELDS, SUBJECT_FIELDS, Letter, fields_in
from policies.pack import Basis, ClockRule, GateItem, Pack, Path, Rung
from policies.vocabulary import Channel, DeliveryState, Fact

PHASES = (
    "received",
    "acknowledged",
    "investigating",
    "resolving",
    "responded",
    "awaiting_customer",
    "disputed",
    "closed",
)


class Finding(NamedTuple):
    """One contradiction: the path of the entry in the pack, and a sentence."""

    path: Path
    sentence: str


def contradictions(pack: Pack) -> tuple[Finding, ...]:
    """Everything by which this pack contradicts itself; empty for a sound one."""
    return (
        *_clocks(pack),
        *_ladders(pack),
        *_pause_reasons(pack),
        *_sources(pack),
        *_letters(pack),
        *_limits(pack),
        *_phases(pack),
    )


def _clocks(pack: Pack) -> Iterator[Finding]:
    if not pack.clocks:
        yield Finding(("clocks",), "a pack without a clock promises nothing")
    seen: set[str] = set()
    for at, rule in enumerate(pack.clocks):
        path: Path = ("clocks", at)
        if rule.id in seen:
            yield Finding((*path, "id"), f"there are two clocks called '{rule.id}'")
        seen.add(rule.id)
        yield from _clock(pack, rule, path)


def _clock(pack: Pack, rule: ClockRule, path: Path) -> Iterator[Finding]:
    if not rule.met_by:
        yield Finding((*path, "met_by"), f"nothing meets the clock '{rule.id}'")
    if rule.starts_on in rule.met_by:
        yield Finding((*path, "met_by"), f"'{rule.starts_on}' both starts and meets the clock '{rule.id}'")
    if rule.starts_on in rule.stops_on:
        yield Finding((*path, "stops_on"), f"'{rule.starts_on}' both starts and stops the clock '{rule.id}'")
    if both := sorted(set(rule.met_by) & set(rule.stops_on)):
        yield Finding((*path, "stops_on"), f"'{both[0]}' both meets and stops the clock '{rule.id}'")
    if rule.calendar is not None and rule.calendar not in pack.calendars:
        yield Finding((*path, "calendar"), f"the pack has no calendar called '{rule.calendar}'")
    if rule.calendar is None and _needs_calendar(rule):
        yield Finding((*path, "calendar"), f"the clock '{rule.id}' needs a calendar: {rule.duration}")
    if rule.roll and rule.duration.measure is not Measure.CIVIL:
        yield Finding((*path, "roll"), "only a duration in calendar days, weeks or months can roll on")
    if rule.statutory and rule.pauses_on:
        yield Finding((*path, "pauses_on"), f"the clock '{rule.id}' is statutory, so nothing pauses it")
    for number, reason in enumerate(rule.pauses_on):
        if reason not in pack.pause_reasons:
            yield Finding(
                (*path, "pauses_on", number), f"the pack has no reason for a pause called '{reason}'"
            )
    if rule.ladder is not None and rule.ladder not in pack.ladders:
        yield Finding((*path, "ladder"), f"the pack has no ladder called '{rule.ladder}'")
    if rule.only_if is not None and rule.only_if not in pack.parameters:
        yield Finding((*path, "only_if"), f"the pack has no parameter called '{rule.only_if}'")
    yield from _warnings(rule, path)


def _needs_calendar(rule: ClockRule) -> bool:
    return rule.roll or rule.duration.measure in (Measure.WORKING_TIME, Measure.WORKING_DAYS)


def _warnings(rule: ClockRule, path: Path) -> Iterator[Finding]:
    for number, offset in enumerate(rule.warn_at):
        where = (*path, "warn_at", number)
        if offset.sign >= 0:
            yield Finding(where, f"a warning at '{offset}' comes no earlier than the due moment")
        elif _reaches_past(offset, rule.duration):
            yield Finding(where, f"a warning at '{offset}' would come before the clock starts")
        yield from _countable(offset.size, rule.calendar is not None, where)


def _reaches_past(offset: Offset, duration: Duration) -> bool:
    """Whether an offset before due lies at or before the start, as far as the units tell."""
    if offset.percent is not None:
        return offset.percent <= -100
    size = offset.size
    if size is None or size.measure is not duration.measure:
        return False
    if size.measure in (Measure.ELAPSED, Measure.WORKING_TIME):
        return size.microseconds >= duration.microseconds
    return size.unit is duration.unit and size.amount >= duration.amount


def _countable(size: Duration | None, has_calendar: bool, path: Path) -> Iterator[Finding]:
    working = size is not None and size.measure in (Measure.WORKING_TIME, Measure.WORKING_DAYS)
    if working and not has_calendar:
        yield Finding(path, f"'{size}' needs a clock with a calendar")


def _ladders(pack: Pack) -> Iterator[Finding]:
    used = {rule.ladder for rule in pack.clocks}
    for name, ladder in pack.ladders.items():
        path: Path = ("ladders", name)
        if ladder.id != name:
            yield Finding((*path, "id"), f"the ladder '{name}' calls itself '{ladder.id}'")
        if name not in used:
            yield Finding(path, f"no clock uses the ladder '{name}'")
        has_calendar = all(rule.calendar is not None for rule in pack.clocks if rule.ladder == name)
        for number, rung in enumerate(ladder.rungs):
            yield from _rung(rung, has_calendar, (*path, "rungs", number))


def _rung(rung: Rung, has_calendar: bool, path: Path) -> Iterator[Finding]:
    if rung.repeat_at_most and rung.repeat_every is None:
        yield Finding((*path, "repeat_every"), "a rung that repeats must say after how long")
    if rung.repeat_every is not None and rung.repeat_every.is_zero:
        yield Finding((*path, "repeat_every"), "a rung cannot repeat without end at one moment")
    if rung.repeat_every is not None and not rung.repeat_at_most:
        yield Finding((*path, "repeat_at_most"), "a rung that repeats must say how often at most")
    if set(rung.over) - {Channel.MAIL}:
        yield Finding((*path, "over"), "alerts go out by mail; this rung names another channel")
    for size in (rung.at.size, rung.repeat_every, rung.acknowledge_within):
        yield from _countable(size, has_calendar, path)


def _pause_reasons(pack: Pack) -> Iterator[Finding]:
    for name, reason in pack.pause_reasons.items():
        if reason.id != name:
            yield Finding(("pause_reasons", name, "id"), f"the reason '{name}' calls itself '{reason.id}'")
        if not any(name in rule.pauses_on for rule in pack.clocks):
            yield Finding(("pause_reasons", name), f"no clock pauses for '{name}'")
        if reason.limit is not None:
            yield from _countable(reason.limit, False, ("pause_reasons", name, "limit"))


def _sources(pack: Pack) -> Iterator[Finding]:
    for path, rule in pack.sourced():
        if rule.basis is Basis.CHOICE and not rule.chosen_by:
            yield Finding((*path, "chosen_by"), "a choice must name who chose")
        if rule.basis is not Basis.CHOICE and rule.chosen_by:
            yield Finding((*path, "chosen_by"), f"nobody chose this: its basis is '{rule.basis}'")


def _letters(pack: Pack) -> Iterator[Finding]:
    for kind, by_language in pack.letters.items():
        if kind not in FIELDS:
            yield Finding(
                ("letters", kind), f"there is no letter of kind '{kind}'; there are {', '.join(FIELDS)}"
            )
            continue
        for language in pack.languages:
            if language not in by_language:
                yield Finding(("letters", kind), f"the letter is missing in '{language}'")
        for language, letter in by_language.items():
            yield from _letter(kind, letter, ("letters", kind, language))
    for kind in FIELDS:
        if kind not in pack.letters:
            yield Finding(("letters",), f"the letter '{kind}' is missing")


def _letter(kind: str, letter: Letter, path: Path) -> Iterator[Finding]:
    for name in sorted(fields_in(letter.body) - FIELDS[kind]):
        allowed = ", ".join(sorted(FIELDS[kind]))
        yield Finding((*path, "body"), f"a letter '{kind}' has no field '{name}'; it has {allowed}")
    for name in sorted(fields_in(letter.subject) - (SUBJECT_FIELDS & FIELDS[kind])):
        yield Finding((*path, "subject"), f"a subject may not tell '{name}': strangers may read it")


def _limits(pack: Pack) -> Iterator[Finding]:
    for name in type(pack.windows).model_fields:
        window = getattr(pack.windows, name)
        if isinstance(window, Duration):
            yield from _countable(window, False, ("windows", name))
    yield from _countable(pack.retention, False, ("retained", "keep"))
    seen = set()
    for at, limit in enumerate(pack.authority):
        if (limit.role, limit.currency) in seen:
            yield Finding(("authority", at), f"the role '{limit.role}' has two limits in {limit.currency}")
        seen.add((limit.role, limit.currency))
    if not any(limit.currency == pack.currency for limit in pack.authority):
        yield Finding(("authority",), f"nobody may approve a remedy in {pack.currency}")
    if GateItem.REASONS_EACH_ISSUE in pack.response_gate.requires and (
        GateItem.DECISION_EACH_ISSUE not in pack.response_gate.requires
    ):
        yield Finding(("response_gate", "requires"), "there are no reasons where there is no decision")
    if len(set(pack.languages)) != len(pack.languages) or "en" not in pack.languages:
        yield Finding(("languages",), "the languages are different ones, English (en) among them")


def _phases(pack: Pack) -> Iterator[Finding]:
    for phase in pack.phases_require:
        if phase not in PHASES:
            yield Finding(("phases_require", phase), f"there is no phase '{phase}' that may be left")
    for channel, state in pack.delivered_by.items():
        if state in (DeliveryState.QUEUED, DeliveryState.BOUNCED):
            yield Finding(("delivered_by", channel), f"a letter that is '{state}' has not arrived")
    for channel in Channel:
        if channel not in pack.delivered_by:
            yield Finding(("delivered_by",), f"nothing says when a letter over '{channel}' has arrived")
    if pack.satisfaction.ask_after is Fact.SATISFACTION_ASKED:
        yield Finding(("satisfaction", "ask_after"), "the question cannot wait for itself")
