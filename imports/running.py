"""The import as a whole: a file through its mapping, batch by batch, into the record, and a report of it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from complaints.base import Actor, Frozen
from imports.batches import IMPORTER, Batches, Shells
from imports.mapping import ImportedRow, Mapping
from imports.reading import ImportImpossible, RowError, read
from ledger import packs
from policies.pack import Pack
from runtime.clock import Clock

BATCH = 100
"""Rows whose texts go into one transaction, and the most that are in memory."""

ERRORS_SHOWN = 20
"""Unreadable rows that the report names; a file of errors has them all."""

Progress = Callable[[int, int], None]
"""Told how many rows are done, and of how many."""


class ImportReport(Frozen):
    """What became of the rows. `opened`, `closed`: imported now; `already`: in since before.

    `waiting` of the opened ones are kept with their reference until Temporal is back. `errors` are the
    first of the `unreadable` rows.
    """

    rows: int
    opened: int
    closed: int
    already: int
    waiting: int
    unreadable: int
    errors: tuple[RowError, ...] = ()

    @property
    def exit_status(self) -> int:
        """0 where every row is in, 1 where some could not be read, 2 where none is."""
        if not self.unreadable:
            return 0
        return 1 if self.opened + self.closed + self.already else 2


async def run_import(
    shells: Shells,
    file: Path,
    mapping: Mapping,
    pack: Pack,
    *,
    actor: Actor = IMPORTER,
    errors: Path | None = None,
    progress: Progress = lambda done, of: None,
) -> ImportReport:
    """Import a file; what is in already stays as it is, so that it can be run again at any time.

    `pack` is published if it was not; each complaint is pinned to it. `errors` is a CSV file that gets
    the line and the reason of every row that can not be read. Raises ImportImpossible with a sentence
    where nothing can be done, or no more: the file, the pack or the database.
    """
    total = sum(1 for _ in read(file, mapping.encoding, mapping.columns))
    try:
        await _publish(shells, pack)
        batches = Batches(shells, pack, actor)
        return await _run(batches, batched(file, mapping, shells.clock), errors, lambda n: progress(n, total))
    except packs.PackChangedError as changed:
        raise ImportImpossible(str(changed)) from None
    except (SQLAlchemyError, OSError) as error:
        raise ImportImpossible(
            f"The database does not answer ({type(error).__name__}). What was imported stays; run it again."
        ) from None


async def _publish(shells: Shells, pack: Pack) -> None:
    async with shells.sql.begin() as conn:
        await packs.publish(conn, pack)


async def _run(
    batches: Batches,
    given: Iterable[tuple[list[ImportedRow], list[RowError]]],
    errors: Path | None,
    progress: Callable[[int], None],
) -> ImportReport:
    first: list[RowError] = []
    done = unreadable = 0
    with ExitStack() as stack:
        tell = stack.enter_context(_Errors(errors))
        for rows, wrong in given:
            await batches.take(rows)
            for error in wrong:
                tell(error)
            first += wrong[: ERRORS_SHOWN - len(first)]
            unreadable += len(wrong)
            done += len(rows) + len(wrong)
            progress(done)
    taken = batches.taken
    return ImportReport(
        rows=done,
        opened=taken.opened,
        closed=taken.closed,
        already=taken.already,
        waiting=taken.waiting,
        unreadable=unreadable,
        errors=tuple(first),
    )


def batched(
    file: Path, mapping: Mapping, clock: Clock, size: int = BATCH
) -> Iterator[tuple[list[ImportedRow], list[RowError]]]:
    """The complaints of a file, and the rows that can not be read, `size` together at a time."""
    rows: list[ImportedRow] = []
    wrong: list[RowError] = []
    for row in read(file, mapping.encoding, mapping.columns):
        found = row if isinstance(row, RowError) else mapping.complaint(row, clock.now())
        if isinstance(found, RowError):
            wrong.append(found)
        else:
            rows.append(found)
        if len(rows) + len(wrong) >= size:
            yield rows, wrong
            rows, wrong = [], []
    if rows or wrong:
        yield rows, wrong


class _Errors:
    """The file of errors, if one is wanted; made even where there turns out to be none."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._stack = ExitStack()

    def __enter__(self) -> Callable[[RowError], None]:
        if self._file is None:
            return lambda error: None
        try:
            opened = self._stack.enter_context(self._file.open("w", encoding="utf-8", newline=""))
        except OSError as error:
            raise ImportImpossible(f"{self._file.name} can not be written: {error.strerror}.") from None
        writer = csv.writer(opened)
        writer.writerow(["line", "reason"])

        def tell(error: RowError) -> None:
            writer.writerow([error.line, error.reason])

        return tell

    def __exit__(self, *_: object) -> None:
        self._stack.close()
