"""The import at a terminal: a progress bar while it runs, and a table of what became of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from imports import running
from imports.running import ImportReport


@contextmanager
def bar(console: Console, title: str) -> Iterator[running.Progress]:
    """A progress bar for `run_import`; on what is no terminal it only says where it ended."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as shown:
        task = shown.add_task(title, total=None)

        def progress(done: int, of: int) -> None:
            shown.update(task, completed=done, total=of)

        yield progress


def show(console: Console, report: ImportReport) -> None:
    """The report as a table, and the first rows that could not be read, by line and reason."""
    table = Table(title=f"{report.rows} rows")
    table.add_column("What became of them")
    table.add_column("Rows", justify="right")
    table.add_row("open, now live complaints", str(report.opened))
    if report.waiting:
        table.add_row("  of these waiting for Temporal", str(report.waiting))
    table.add_row("closed, now history", str(report.closed))
    table.add_row("already there", str(report.already))
    table.add_row("not readable", str(report.unreadable))
    console.print(table)
    for error in report.errors:
        console.print(f"line {error.line}: {error.reason}", markup=False, highlight=False)
    more = report.unreadable - len(report.errors)
    if more:
        console.print(f"… and {more} more; --errors FILE writes them all.", markup=False, highlight=False)
