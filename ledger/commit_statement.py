"""The one SQL statement that a transition is committed with: all of it takes effect, or nothing.

Being one statement it is a transaction by itself and costs one round trip. Its parts hang on `head`: where
the stream does not stand where the commit expects it, `head` is empty, and so is everything after it.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from ledger.intake import intake
from ledger.outbox import CHANNEL, outbox
from ledger.tables import clocks, complaints, events, heads, systemic_issues

# None of these may be named as a column is: SQLAlchemy would take it for a value to be set.
_STREAM = bindparam("of_stream", type_=Text)
_HEAD = {
    "sequence": bindparam("new_sequence", type_=Integer),
    "hash": bindparam("new_hash", type_=LargeBinary),
    "seal": bindparam("new_seal", type_=LargeBinary),
}
_COMMANDS = bindparam("commands", type_=ARRAY(Text))

_FROM_EVENT = ("sequence", "v", "type", "occurred_at", "recorded_at", "actor", "command_id", "ordinal",
               "body", "previous", "hash")  # fmt: skip
_FROM_MESSAGE = ("dedupe", "stream", "kind", "recipient", "fallback", "channel", "letter", "template",
                 "text_id", "clock", "occurrence", "rung", "repeat", "who", "due_at", "called_at",
                 "digest")  # fmt: skip


def _rows(parameter: str, columns: list[Any]) -> FromClause:
    """The rows of a JSON array of objects, typed as the columns are."""
    given = func.jsonb_to_recordset(bindparam(parameter, type_=JSONB))
    typed = given.table_valued(*(column(c.name, c.type) for c in columns))
    return typed.render_derived(name=f"given_{parameter}", with_types=True)


def _begin() -> CTE:
    """The head of a new stream; empty where there is one already."""
    new = insert(heads).values(stream=_STREAM, **_HEAD)
    return new.on_conflict_do_nothing().returning(heads.c.sequence).cte("head")


def _advance() -> CTE:
    """The head moved on, which also locks it; empty where it stands elsewhere or knows the command."""
    known = exists().where(events.c.stream == _STREAM, events.c.command_id == func.any(_COMMANDS))
    moved = update(heads).where(
        heads.c.stream == _STREAM,
        heads.c.sequence == bindparam("from_sequence", type_=Integer),
        heads.c.hash == bindparam("from_hash", type_=LargeBinary),
        ~known,
    )
    return moved.values(_HEAD).returning(heads.c.sequence).cte("head")


def _statement(head: CTE, *, first: bool, view_table: Table = complaints) -> Select[Any]:
    stands = exists(select(head.c.sequence))

    given = _rows("events", [events.c[name] for name in _FROM_EVENT])
    written = insert(events).from_select(
        ["stream", *_FROM_EVENT], select(_STREAM, *given.c).where(stands).order_by(given.c.sequence)
    )

    of_view = [c for c in view_table.c if c.name != "changed_at"]
    view = _rows("views", of_view)
    shown = insert(view_table).from_select([c.name for c in of_view], select(*view.c).where(stands))
    shown = shown.on_conflict_do_update(
        index_elements=["reference"],
        set_={c.name: shown.excluded[c.name] for c in of_view if not c.primary_key}
        | {"changed_at": func.now()},
    )
    parts = [written.cte("written"), shown.cte("shown")]

    # Of the clocks only what is new or has changed: most commits change one or two.
    clock = _rows("clocks", list(clocks.c))
    changed = select(*clock.c).where(stands).except_(select(clocks).where(clocks.c.reference == _STREAM))
    ticking = insert(clocks).from_select([c.name for c in clocks.c], changed)
    ticking = ticking.on_conflict_do_update(
        index_elements=["reference", "clock", "occurrence"],
        set_={c.name: ticking.excluded[c.name] for c in clocks.c if not c.primary_key},
    )

    message = _rows("messages", [outbox.c[name] for name in _FROM_MESSAGE])
    queued = (
        insert(outbox)
        .from_select(list(_FROM_MESSAGE), select(*message.c).where(stands))
        .on_conflict_do_nothing(index_elements=["dedupe"])
        .returning(outbox.c.dedupe)
        .cte("queued")
    )
    ring = case((exists(select(queued.c.dedupe)), cast(func.pg_notify(CHANNEL, ""), Text)))

    if view_table is complaints:
        parts.append(ticking.cte("ticking"))
    if first:
        taken = update(intake).where(
            and_(intake.c.reference == _STREAM, intake.c.recorded_at.is_(None), stands)
        )
        parts.append(taken.values(recorded_at=func.now()).cte("taken"))
    return select(head.c.sequence, ring.label("ring")).add_cte(*parts)


FIRST = _statement(_begin(), first=True)
"""For a complaint's first commit. Gives one row where it was written, none where the stream exists."""

NEXT = _statement(_advance(), first=False)
"""For every later commit. Gives one row where it was written, else none."""

FIRST_SYSTEMIC = _statement(_begin(), first=True, view_table=systemic_issues)
NEXT_SYSTEMIC = _statement(_advance(), first=False, view_table=systemic_issues)
"""The same for systemic issues, whose read model is another table and which have no clocks."""
