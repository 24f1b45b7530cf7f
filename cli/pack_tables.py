"""A pack's sheets as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from policies.pack import Pack
from policies.wording import in_words as say
from policies.wording.sheets import Sheet, sheets

_WIDEST_WORD = 32
"""Columns; a name that is longer is broken."""


def tables(pack: Pack, language: str) -> Iterator[RenderableType]:
    """What the pack is, then a table for each of its sheets. Its own texts are in `language`."""
    yield Text(
        f"{say.text_in(pack.title, language)}: {pack.name} version {pack.version}, holds from"
        f" {pack.holds_from}, zone {pack.timezone}, currency {pack.currency}"
    )
    for sheet in sheets(pack, language):
        yield _table(sheet)


def _table(sheet: Sheet) -> Table:
    table = Table(title=sheet.title, title_justify="left", show_lines=True, expand=True)
    rows = [tuple("\n".join(cell) for cell in row) for row in sheet.rows]
    for at, column in enumerate(sheet.columns):
        longest = max((cell_len(word) for row in rows for word in row[at].split()), default=0)
        # Whole names in the first column; in the others whatever the width leaves.
        table.add_column(column, overflow="fold", min_width=None if at else min(longest, _WIDEST_WORD))
    for row in rows:
        table.add_row(*map(Text, row))
    return table
