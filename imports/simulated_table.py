"""A simulation at a terminal: what would have become of each clock, by kind and channel, and of all together."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from imports.simulating import Line, Simulated

_SHOWN = 5
"""Reasons of unreadable rows that are named."""


def show(console: Console, found: Simulated, language: str = "en") -> None:
    """The table, and under it what could not be read and what the figures mean."""
    table = Table(
        title=f"{found.pack} version {found.version} on {found.rows:,} rows of {found.file},"
        f" as of {found.as_of:%Y-%m-%d %H:%M} UTC",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("Clock: kind, channel", overflow="fold")
    fell_away = any(line.stopped for line in found.lines)
    away = ("Fell away",) if fell_away else ()
    for heading in ("Runs", "Met", "Late", "Overdue", "Running", *away, "Not known", "Warned", "In time"):
        table.add_column(heading, justify="right")
    for total in found.by_clock():
        lines = [line for line in found.lines if line.clock == total.clock]
        title = total.title.get(language) or total.title["en"]
        several = len(lines) > 1
        if several:
            table.add_row(Text(title), *_figures(total, fell_away=fell_away))
        for line in lines:
            which = f"{line.kind}, {line.channel}".replace("_", " ")
            named = Text(f"  {which}" if several else f"{title}: {which}")
            table.add_row(named, *_figures(line, fell_away=fell_away))
        table.add_section()
    if found.lines:
        console.print(table)
    else:
        _say(console, "No clock of this pack runs for these rows.")
    if not found.named:
        _say(
            console,
            "The complainants count as nameless, as the file leaves their names out: clocks that need somebody"
            " to answer do not run. --named tries the pack as if they had left their names.",
        )
    unreadable = sum(found.unreadable.values())
    if unreadable:
        _say(console, f"{unreadable:,} rows could not be read:")
        for reason, count in list(found.unreadable.items())[:_SHOWN]:
            _say(console, f"  {count:,}: {reason}")


def _figures(line: Line, *, fell_away: bool) -> tuple[str, ...]:
    away = (line.stopped,) if fell_away else ()
    counts = (
        line.runs,
        line.met,
        line.met_late,
        line.overdue,
        line.running,
        *away,
        line.not_known,
        line.warned,
    )
    in_time = "" if line.in_time is None else f"{line.in_time:.1f} %"
    return (*(f"{count:,}" if count else "0" for count in counts), in_time)


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
