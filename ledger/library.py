"""The case library: entries in plain words, found by class and by words, kept when their complaints are erased.

An entry is stored before the complaint's record says that it was made, as texts are, and is there for readers
only once the record says so. What the record never names is swept away.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import AwareDatetime
from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    Index,
    Table,
    Text,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints.base import Frozen
from complaints.chapters.issues import CauseClass
from complaints.chapters.library import LibraryEntryMade
from ledger.metadata import metadata
from ledger.orphans import OLD_ENOUGH
from ledger.tables import events

_INSTANT = DateTime(timezone=True)

case_library = Table(
    "case_library",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False),  # of the complaint in whose record it stands; never shown
    Column("heading", Text),
    Column("lesson", Text),
    Column("cause", Text),
    Column("problem_type", Text),
    Column("pack", Text, nullable=False),
    Column("written_by", Text, nullable=False),
    Column("written_at", _INSTANT, nullable=False),  # the service's own time
    Column("withdrawn_by", Text),
    Column("withdrawn_at", _INSTANT),
    Column("withdrawn_why", Text),
    Column("created_at", _INSTANT, nullable=False, server_default=func.now()),  # real time
    CheckConstraint(
        "(withdrawn_at IS NULL) = (heading IS NOT NULL AND lesson IS NOT NULL)", name="words_until_withdrawn"
    ),
)
"""Entries of the library. Withdrawing one deletes its words; that there was one, and why it went, stays."""

Index("ix_case_library_written_at", case_library.c.written_at)

_ROW = case_library.c


class LibraryEntry(Frozen):
    """One entry. `heading` and `lesson` are None once it was withdrawn."""

    id: str
    heading: str | None
    lesson: str | None
    cause: CauseClass | None
    problem_type: str | None
    pack: str
    written_by: str
    written_at: AwareDatetime
    withdrawn_by: str | None = None
    withdrawn_at: AwareDatetime | None = None
    withdrawn_why: str | None = None


class LibraryFilters(Frozen):
    """What entries are looked for: each that is given has to fit; every word of `q` has to be in the entry."""

    cause: CauseClass | None = None
    problem_type: str | None = None
    q: str = ""


async def store(conn: AsyncConnection, reference: str, entry: LibraryEntry) -> None:
    """Keep an entry until the record of this complaint says that it was made; the same one again is no harm."""
    values = entry.model_dump() | {"reference": reference}
    await conn.execute(insert(case_library).values(values).on_conflict_do_nothing())


async def found(
    conn: AsyncConnection, filters: LibraryFilters, *, limit: int = 100
) -> tuple[LibraryEntry, ...]:
    """The entries that fit, the latest first; none that was withdrawn."""
    wanted: list[ColumnElement[bool]] = [_made(), _ROW.withdrawn_at.is_(None)]
    if filters.cause is not None:
        wanted.append(_ROW.cause == filters.cause)
    if filters.problem_type is not None:
        wanted.append(_ROW.problem_type == filters.problem_type)
    wanted += (
        or_(_ROW.heading.icontains(word, autoescape=True), _ROW.lesson.icontains(word, autoescape=True))
        for word in filters.q.split()
    )
    query = select(*_COLUMNS).where(*wanted).order_by(_ROW.written_at.desc(), _ROW.id).limit(limit)
    return tuple(LibraryEntry(**row._mapping) for row in await conn.execute(query))


async def one(conn: AsyncConnection, entry: str) -> LibraryEntry | None:
    """The entry of this id, withdrawn or not; None where there is none."""
    row = (await conn.execute(select(*_COLUMNS).where(_ROW.id == entry, _made()))).one_or_none()
    return None if row is None else LibraryEntry(**row._mapping)


async def classes(conn: AsyncConnection) -> tuple[tuple[str, str], ...]:
    """The (pack, problem type)s of which there are entries."""
    query = select(_ROW.pack, _ROW.problem_type).distinct()
    there = (_made(), _ROW.withdrawn_at.is_(None), _ROW.problem_type.is_not(None))
    rows = await conn.execute(query.where(*there).order_by(_ROW.pack, _ROW.problem_type))
    return tuple((row.pack, row.problem_type) for row in rows)


async def withdraw(conn: AsyncConnection, entry: str, *, by: str, at: datetime, why: str) -> bool:
    """Take an entry out of the library and delete its words; False where it is not there or is out already."""
    gone = (
        update(case_library)
        .where(_ROW.id == entry, _made(), _ROW.withdrawn_at.is_(None))
        .values(withdrawn_by=by, withdrawn_at=at, withdrawn_why=why, heading=None, lesson=None)
    )
    return bool((await conn.execute(gone)).rowcount)


async def sweep_library(conn: AsyncConnection, older_than: timedelta = OLD_ENOUGH) -> int:
    """Delete entries whose making never came into the record; returns how many. `older_than` is real time."""
    left = delete(case_library).where(_ROW.created_at < func.now() - older_than, ~_made())
    return (await conn.execute(left)).rowcount


_COLUMNS = tuple(_ROW[name] for name in LibraryEntry.model_fields)


def _made() -> ColumnElement[bool]:
    """Whether the record of its complaint says that the entry was made."""
    says = (
        events.c.stream == _ROW.reference,
        events.c.type == LibraryEntryMade.__name__,
        func.strpos(events.c.body, _ROW.id) > 0,
    )
    return exists().where(*says)
