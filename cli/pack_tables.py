"""A pack as tables for a terminal: its promises, ladders, tiers, limits, windows, targets and choices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from policies import in_words as say
from policies.loading import spelled
from policies.pack import Pack
from policies.reviewing import choices_unmade_first
from policies.rules import ClockRule, Sourced

_Lines = Iterable[str]


def tables(pack: Pack, language: str) -> Iterator[RenderableType]:
    """The pack, part by part; parts that it does not have are left out. Its own texts are in `language`."""
    yield Text(
        f"{say.text_in(pack.title, language)}: {pack.name} version {pack.version}, holds from"
        f" {pack.holds_from}, zone {pack.timezone}, currency {pack.currency}"
    )
    yield _clocks(pack, language)
    if pack.ladders:
        yield _table(
            "How alarms climb",
            ("Ladder", "Steps", "Where it stands"),
            (
                ((say.words(name),), (say.rung(step) for step in ladder.rungs), _origin(ladder))
                for name, ladder in pack.ladders.items()
            ),
        )
    yield from _handling(pack, language)
    yield from _limits(pack)
    yield from _standing(pack, language)
    if choices := choices_unmade_first(pack):
        yield _table(
            "Choices, those that nobody has made yet first",
            ("Where", "Who chose", "What leaves it open"),
            (
                (
                    (spelled(path),),
                    (say.basis(rule.basis, rule.chosen_by),),
                    (f"{say.source(rule.source)}, since {rule.since}",),
                )
                for path, rule in choices
            ),
        )


def _clocks(pack: Pack, language: str) -> Table:
    titles = {name: kind.title for name, kind in pack.problem_types.items()}
    return _table(
        "What must have happened, and by when",
        ("Clock", "Promise", "How it runs", "Where it stands"),
        (
            (
                (say.text_in(rule.title, language), f"({rule.id})"),
                (
                    f"{say.words(rule.starts_on)} → {say.met_by(rule)}",
                    f"within {say.length(rule.duration)}"
                    + (f", calendar {rule.calendar}" if rule.calendar else ""),
                    f"for {say.whom(rule.applies_if, titles)}",
                ),
                _runs(pack, rule, language),
                _origin(rule),
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
        yield f"may be extended {say.extension(rule.extension)}"
    for offset in rule.warn_at:
        yield f"warns {say.moment(offset)}"
    if rule.ladder is not None:
        yield f"ladder: {say.words(rule.ladder)}"
    if rule.raises_tier:
        yield "a breach moves the case up a tier of handling"


def _handling(pack: Pack, language: str) -> Iterator[Table]:
    if pack.handling_tiers:
        yield _table(
            "Tiers of handling",
            ("Tier", "Held by", "Begins there", "Where it stands"),
            (
                (
                    (f"{tier.number} {say.text_in(tier.title, language)}",),
                    (say.roles(tier.held_by),),
                    () if tier.enters_if is None else (say.whom(tier.enters_if),),
                    _origin(tier),
                )
                for tier in pack.handling_tiers
            ),
        )
    if pack.dispatch:
        yield _table(
            "To whom the service gives what nobody has taken",
            ("For", "To", "Where it stands"),
            (
                (
                    (say.whom(rule.applies_if),),
                    (f"{say.words(rule.to)}s" + (f" of {rule.department}" if rule.department else ""),),
                    _origin(rule),
                )
                for rule in pack.dispatch
            ),
        )
    if pack.pause_reasons:
        yield _table(
            "Why clocks may stand still",
            ("Reason", "At most", "Ends with", "Where it stands"),
            (
                (
                    (say.text_in(reason.title, language),),
                    ("no limit" if reason.limit is None else say.length(reason.limit),),
                    (say.facts(reason.ends_on) or "a person",),
                    _origin(reason),
                )
                for reason in pack.pause_reasons.values()
            ),
        )


def _limits(pack: Pack) -> Iterator[Table]:
    if pack.authority:
        yield _table(
            "Who may approve a remedy",
            ("Role", "Up to", "Where it stands"),
            (
                ((say.words(limit.role),), (say.money(limit.up_to_minor, limit.currency),), _origin(limit))
                for limit in pack.authority
            ),
        )
    above = say.money(pack.second_approver.above_minor, pack.currency)
    gate = (say.words(item) for item in pack.response_gate.requires)
    rows = [
        (("a second person approves",), (f"above {above}",), _origin(pack.second_approver)),
        (("a final response contains",), (say.listed(gate),), _origin(pack.response_gate)),
    ]
    yield _table("What has to be there", ("What", "", "Where it stands"), rows)


def _standing(pack: Pack, language: str) -> Iterator[Table]:
    windows = pack.windows
    rows: list[tuple[_Lines, _Lines, _Lines]] = [
        ((label,), (say.length(length),), _origin(windows))
        for label, length in (
            ("to dispute an outcome", windows.dispute),
            ("to reopen", windows.reopen),
            ("until an outcome counts as confirmed", windows.confirm),
            ("until a closed complaint is archived", windows.archive_after),
            ("until the offer of a handover lapses", windows.handover_lapses),
            ("until the offer of a remedy lapses", windows.offer_lapses),
        )
    ]
    body = pack.outside_body
    outside = f"{say.length(body.time_limit)}: {say.text_in(body.name, language)}"
    rows.append((("to turn to the outside body",), (outside,), _origin(body)))
    rows.append(
        (("texts are kept after closing",), (say.length(pack.retained.keep),), _origin(pack.retained))
    )
    yield _table("How long doors stand open", ("What", "How long", "Where it stands"), rows)
    if pack.targets:
        yield _table(
            "Targets",
            ("Target", "Figure", "Measured by", "Where it stands"),
            (
                (
                    (say.text_in(target.title, language),),
                    _figures(target.at_least, target.at_most, target.unit),
                    (say.words(target.measure) + (f": {target.clock}" if target.clock else ""),),
                    _origin(target),
                )
                for target in pack.targets
            ),
        )


def _figures(at_least: int | None, at_most: int | None, unit: str) -> Iterator[str]:
    if at_least is not None:
        yield f"at least {at_least} {unit}"
    if at_most is not None:
        yield f"at most {at_most} {unit}"


def _origin(rule: Sourced) -> tuple[str, ...]:
    return (
        say.begun(say.basis(rule.basis, rule.chosen_by)),
        say.source(rule.source),
        f"since {rule.since}",
    )


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[_Lines, ...]]) -> Table:
    table = Table(title=title, title_justify="left", show_lines=True, expand=True)
    cells = [tuple("\n".join(cell) for cell in row) for row in rows]
    for at, column in enumerate(columns):
        longest = max((len(word) for row in cells for word in row[at].split()), default=0)
        table.add_column(column, overflow="fold", min_width=min(longest, _WIDEST_WORD))
    for row in cells:
        table.add_row(*map(Text, row))
    return table


_WIDEST_WORD = 24
"""Columns; a name that is longer is broken."""
