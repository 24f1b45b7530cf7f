"""A pack as sheets for people: its choices, promises, ladders, tiers, limits, windows and targets. Pure.

A terminal and the desk show the same sheets; every rule with a source stands on one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policies.checking.reviewing import choices_unmade_first
from policies.ladders import Ladder, SourcedRung
from policies.pack import Pack, Path
from policies.rules import AuthorityLimit, ClockRule, PauseReason, SecondApprover, Sourced
from policies.wording import in_words as say
from policies.wording.plain_values import plainly

Lines = tuple[str, ...]


class Sheet(NamedTuple):
    """A heading, the columns' headings, and rows of cells, each of one or more lines."""

    title: str
    columns: Lines
    rows: tuple[tuple[Lines, ...], ...]


_ORIGIN = "Where it stands"
_OWN = {
    "clocks", "ladders", "handling_tiers", "dispatch", "pause_reasons", "authority", "second_approver",
    "response_gate", "windows", "outside_body", "retained", "targets",
}  # fmt: skip
"""Parts that have a form of their own below; what else has a source is on the last sheet."""


def sheets(pack: Pack, language: str = "en") -> tuple[Sheet, ...]:
    """The pack, sheet by sheet, those that would be empty left out; its own texts are in `language`.

    What nobody has decided yet comes first: that is what whoever opens a pack has to know.
    """
    all_of_them = (
        _choices(pack),
        _clocks(pack, language),
        _ladders(pack),
        _tiers(pack, language),
        _dispatch(pack),
        _pauses(pack, language),
        _limits(pack),
        _doors(pack, language),
        _targets(pack, language),
        _known(pack),
        _others(pack),
    )
    return tuple(sheet for sheet in all_of_them if sheet.rows)


def origin(rule: Sourced) -> Lines:
    """How binding a rule is, where it stands, and since when it holds."""
    return (say.begun(say.basis(rule.basis, rule.chosen_by)), say.source(rule.source), f"since {rule.since}")


def summary(pack: Pack, rule: Sourced) -> str:
    """What a rule of the pack says, without its name and its origin, on one line."""
    match rule:
        case ClockRule():
            return (
                f"due {say.length(rule.duration)} after {say.words(rule.starts_on)}, met by {say.met_by(rule)},"
                f" for {say.whom(rule.applies_if)}"
            )
        case Ladder():
            return "; ".join((*map(say.rung, rule.rungs), *say.ladder(rule)))
        case SourcedRung():
            return say.rung(rule.rung)
        case PauseReason():
            limit = "without limit" if rule.limit is None else f"for {say.length(rule.limit)} at most"
            return f"{limit}, until {say.facts(rule.ends_on) or 'a person ends it'}"
        case AuthorityLimit():
            return f"up to {say.money(rule.up_to_minor, rule.currency)}"
        case SecondApprover():
            return f"above {say.money(rule.above_minor, pack.currency)}"
        case _:
            return plainly(rule) or "nothing more"


def named(path: Path, rule: Sourced) -> str:
    """What a rule is called: its part of the pack, and its title or its name there, counted from one in a list."""
    part, *rest = path
    title = getattr(rule, "title", None)
    steps = [str(step + 1) if isinstance(step, int) else say.words(step) for step in rest]
    own = f"“{title['en']}”" if isinstance(title, dict) else " ".join(steps)
    if "extension" in rest:
        own = " ".join(steps)
    if isinstance(rule, SourcedRung):
        own = f"{say.words(str(rest[0]))}, step {steps[-1]}"
    if isinstance(rule, AuthorityLimit):
        own = f"of {say.words(rule.role)}s, {rule.currency}"
    return say.begun(f"{_ONE.get(str(part), say.words(str(part)))} {own}".strip())


_ONE = {
    "clocks": "clock",
    "ladders": "ladder",
    "pause_reasons": "pause",
    "handling_tiers": "handling tier",
    "targets": "target",
    "outages": "outage",
    "authority": "authority",
    "windows": "how long doors stand open",
    "retained": "how long texts are kept",
    "systemic_suspected": "suspicion of one cause",
}
"""One rule of a part, as it is called."""


def _sheet(title: str, columns: Iterable[str], rows: Iterable[tuple[Iterable[str], ...]]) -> Sheet:
    return Sheet(title, (*columns,), tuple(tuple((*cell,) for cell in row) for row in rows))


def _choices(pack: Pack) -> Sheet:
    return _sheet(
        "Choices, those that nobody has made yet first",
        ("Choice", "What it says", "Who chose"),
        (
            (
                (named(path, rule),),
                (summary(pack, rule),),
                (say.begun(say.basis(rule.basis, rule.chosen_by)), f"left open: {say.source(rule.source)}",
                 f"since {rule.since}"),
            )
            for path, rule in choices_unmade_first(pack)
        ),
    )  # fmt: skip


def _clocks(pack: Pack, language: str) -> Sheet:
    titles = {name: kind.title for name, kind in pack.problem_types.items()}
    return _sheet(
        "What must have happened, and by when",
        ("Clock", "Promise", "How it runs", _ORIGIN),
        (
            (
                (say.text_in(rule.title, language), rule.id),
                (
                    f"{say.words(rule.starts_on)} → {say.met_by(rule)}",
                    f"within {say.length(rule.duration)}"
                    + (f", calendar {rule.calendar}" if rule.calendar else ""),
                    f"for {say.whom(rule.applies_if, titles)}",
                ),
                _runs(pack, rule, language),
                origin(rule),
            )
            for rule in pack.clocks
        ),
    )


def _runs(pack: Pack, rule: ClockRule, language: str) -> Iterator[str]:
    if rule.statutory:
        yield "set by law: nothing pauses it"
    if rule.pauses_on:
        titles = (say.text_in(pack.pause_reasons[name].title, language) for name in rule.pauses_on)
        yield f"pauses: {say.listed(titles, 'or')}"
    if rule.extension is not None:
        yield f"may be extended {say.extension(rule.extension)} ({say.source(rule.extension.source)})"
    for offset in rule.warn_at:
        yield f"warns {say.moment(offset)}"
    if rule.ladder is not None:
        yield f"ladder: {say.words(rule.ladder)}"
    for choice in rule.ladders_if:
        yield f"ladder for {say.whom(choice.applies_if)}: {say.words(choice.ladder)}"
    if rule.raises_tier:
        yield "a breach moves the case up a tier of handling"


def _ladders(pack: Pack) -> Sheet:
    return _sheet(
        "How alarms climb",
        ("Ladder", "Steps", _ORIGIN),
        (
            ((say.words(name),), (*map(say.rung, ladder.rungs), *say.ladder(ladder)), _origins(ladder))
            for name, ladder in pack.ladders.items()
        ),
    )


def _origins(ladder: Ladder) -> Iterator[str]:
    """The ladder's origin, and that of each step that has another."""
    yield from origin(ladder)
    for number, found in enumerate(ladder.sourced_rungs(), start=1):
        if found.rung.says_its_origin:
            yield f"step {number}: {say.origin(found)}"


def _tiers(pack: Pack, language: str) -> Sheet:
    return _sheet(
        "Tiers of handling",
        ("Tier", "Held by", "Begins there", _ORIGIN),
        (
            (
                (f"{tier.number} {say.text_in(tier.title, language)}",),
                (say.roles(tier.held_by),),
                () if tier.enters_if is None else (say.whom(tier.enters_if),),
                origin(tier),
            )
            for tier in pack.handling_tiers
        ),
    )


def _dispatch(pack: Pack) -> Sheet:
    return _sheet(
        "To whom the service gives what nobody has taken",
        ("For", "To", _ORIGIN),
        (
            (
                (say.whom(rule.applies_if),),
                (f"{say.words(rule.to)}s" + (f" of {rule.department}" if rule.department else ""),),
                origin(rule),
            )
            for rule in pack.dispatch
        ),
    )


def _pauses(pack: Pack, language: str) -> Sheet:
    return _sheet(
        "Why clocks may stand still",
        ("Reason", "At most", "Begins and ends", _ORIGIN),
        (
            (
                (say.text_in(reason.title, language),),
                ("no limit" if reason.limit is None else say.length(reason.limit),),
                (
                    f"begins with {say.facts(reason.starts_on) or 'a person'}",
                    f"ends with {say.facts(reason.ends_on) or 'a person'}",
                ),
                origin(reason),
            )
            for reason in pack.pause_reasons.values()
        ),
    )


def _limits(pack: Pack) -> Sheet:
    rows = [
        (
            (f"a {say.words(limit.role)} may approve remedies",),
            (f"up to {say.money(limit.up_to_minor, limit.currency)}",),
            origin(limit),
        )
        for limit in pack.authority
    ]
    above = say.money(pack.second_approver.above_minor, pack.currency)
    rows.append((("a second person approves remedies",), (f"above {above}",), origin(pack.second_approver)))
    gate = say.listed(say.words(item) for item in pack.response_gate.requires)
    rows.append((("a final response contains",), (gate,), origin(pack.response_gate)))
    return _sheet("Who may approve, and what has to be there", ("What", "Limit", _ORIGIN), rows)


def _doors(pack: Pack, language: str) -> Sheet:
    windows, body = pack.windows, pack.outside_body
    lengths = (
        ("to dispute an outcome", windows.dispute),
        ("to reopen", windows.reopen),
        ("until an outcome counts as confirmed", windows.confirm),
        ("until a closed complaint is archived", windows.archive_after),
        ("until the offer of a handover lapses", windows.handover_lapses),
        ("until the offer of a remedy lapses", windows.offer_lapses),
    )
    rows = [((label,), (say.length(length),), origin(windows)) for label, length in lengths]
    outside = f"{say.length(body.time_limit)}: {say.text_in(body.name, language)}"
    rows.append((("to turn to the outside body",), (outside,), origin(body)))
    kept = say.length(pack.retained.keep)
    rows.append((("texts are kept after closing",), (kept,), origin(pack.retained)))
    return _sheet("How long doors stand open", ("What", "How long", _ORIGIN), rows)


def _targets(pack: Pack, language: str) -> Sheet:
    return _sheet(
        "Targets",
        ("Target", "Figure", "Measured by", _ORIGIN),
        (
            (
                (say.text_in(target.title, language),),
                _figures(target.at_least, target.at_most, target.unit),
                (say.words(target.measure) + (f": {target.clock}" if target.clock else ""),),
                origin(target),
            )
            for target in pack.targets
        ),
    )


def _figures(at_least: int | None, at_most: int | None, unit: str) -> Iterator[str]:
    if at_least is not None:
        yield f"at least {at_least} {unit}"
    if at_most is not None:
        yield f"at most {at_most} {unit}"


def _known(pack: Pack) -> Sheet:
    """Which classes of complaint the pack knows, and how they are sorted."""
    parts = {
        "Kinds": pack.kinds,
        "Severities": pack.severities,
        "Customer tiers": pack.tiers,
        "Channels": pack.channels,
        "Problem types": tuple(f"“{kind.title['en']}”" for kind in pack.problem_types.values()),
        "Departments": tuple(f"“{title['en']}”" for title in pack.departments.values()),
        "Languages": pack.languages,
    }
    rows = (((name,), (say.listed(map(say.words, known)),)) for name, known in parts.items() if known)
    return _sheet("What the pack knows", ("What", "Which"), rows)


def _others(pack: Pack) -> Sheet:
    return _sheet(
        "Further rules",
        ("Rule", "What it says", _ORIGIN),
        (
            ((named(path, rule),), (summary(pack, rule),), origin(rule))
            for path, rule in pack.sourced()
            if path[0] not in _OWN
        ),
    )
