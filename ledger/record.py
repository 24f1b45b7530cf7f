"""The record: one commit per transition, and the streams read back."""

from collections import OrderedDict
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.base import Happening
from complaints.chapters.erasure import PersonalDataErased
from complaints.transition import Commit, CommitResult
from ledger.canonical import canonical_text
from ledger.chain import FORMAT, GENESIS, event_hash, seal, seal_holds
from ledger.commit_statement import FIRST, FIRST_SYSTEMIC, NEXT, NEXT_SYSTEMIC
from ledger.customers import forget_complaint
from ledger.database import autocommit
from ledger.stored import Recorded, StoredEvent, happenings, recorded, select_events, stored
from ledger.tables import events, heads
from ledger.texts import destroy_key

_HEADS_KEPT = 20_000
_TRIES = 3


class RecordBehindError(Exception):
    """The stream holds less than the commit builds on: the database was restored from an older backup."""

    def __init__(self, stream: str, expected: int, sequence: int) -> None:
        super().__init__(
            f"{stream} should hold {expected} events and holds {sequence}: the database is older than the"
            " workflow. Recover what is missing from Temporal's history before going on."
        )


class RecordDamagedError(Exception):
    """The stream's rows do not hang together: nothing is added to them. The verification says what is wrong."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"The record of {stream} is damaged. Run the verification and look at this stream.")


class BrokenSealError(RecordDamagedError):
    """The head of the stream was written by somebody without the key: nothing is added to a forged chain."""

    def __init__(self, stream: str) -> None:
        Exception.__init__(
            self,
            f"The seal of the head of {stream} does not hold: it was changed outside the service, or the"
            " master key is another one. Run the verification and look at this stream.",
        )


class SourceTakenError(Exception):
    """A complaint from this source (file and row) is on record already, under another reference."""

    def __init__(self, source: str | None) -> None:
        super().__init__(f"{source} was imported already.")
        self.source = source


class _Head(NamedTuple):
    """Where a stream stands: its last event's sequence and hash."""

    sequence: int
    hash: bytes


class Record:
    """Appends to the streams and reads them. Safe to share between tasks; keep one per process.

    It remembers where streams end, so that a commit to a stream it has seen is a single round trip; the
    statement itself checks what was remembered, so that a stale memory costs a look and nothing else.
    """

    def __init__(self, engine: AsyncEngine, seal_key: bytes) -> None:
        """`seal_key` is `chain.derive_seal_key(master_key)`."""
        self._engine = engine
        self._each = autocommit(engine)
        self._seal_key = seal_key
        self._heads: OrderedDict[str, _Head] = OrderedDict()

    async def commit(self, commit: Commit) -> CommitResult:
        """Records the transition, or says what is recorded instead (DESIGN, One commit per transition).

        `stored` is None where all was written. A conflict is not an error: where the stream has moved on,
        `stored` holds its happenings from `expected` on, among them perhaps the command's own. Where it
        stands at `expected` but knows one of the commands from before, `duplicate` is True and `stored`
        holds that command's happenings, which lie before `expected`: they are told already.

        Raises RecordBehindError, RecordDamagedError (BrokenSealError among them), SourceTakenError,
        ValueError for a commit that does not hang together, and SQLAlchemy's errors, without any values,
        where the database fails: the same commit may then be sent again, whatever became of this one.
        """
        _check(commit)
        for _ in range(_TRIES):
            head = await self._head(commit)
            if head.sequence == commit.expected and await self._write(commit, head.hash):
                return CommitResult(sequence=commit.expected + len(commit.happenings))
            self._heads.pop(commit.stream, None)
            told = await self._told_instead(commit)
            if told is not None:
                return told
        raise RecordDamagedError(commit.stream)

    async def read(self, stream: str, after: int = 0) -> tuple[Happening, ...]:
        """The happenings of a stream after this sequence; empty where there are none. UnknownEventError."""
        return happenings(await self.read_rows(stream, after))

    async def read_rows(
        self, stream: str, after: int = 0, limit: int | None = None
    ) -> tuple[StoredEvent, ...]:
        """The events of a stream as they are stored, after this sequence."""
        async with self._each.connect() as conn:
            return await _rows(conn, stream, after, limit)

    async def find_command(self, stream: str | None, command_id: str) -> Recorded | None:
        """What a command came to, in this stream or (None) in any; None where it is not recorded."""
        async with self._each.connect() as conn:
            return await find_command(conn, stream, command_id)

    async def sequence(self, stream: str) -> int:
        """How many events the stream holds; 0 where there is none."""
        async with self._each.connect() as conn:
            found = await conn.scalar(select(heads.c.sequence).where(heads.c.stream == stream))
        return 0 if found is None else int(found)

    async def _head(self, commit: Commit) -> _Head:
        """Where the stream stands as far as is known here: GENESIS for a first commit, without a look."""
        if commit.expected == 0:
            return _Head(0, GENESIS)
        known = self._heads.get(commit.stream)
        if known is not None and known.sequence == commit.expected:
            return known
        async with self._each.connect() as conn:
            return await self._sealed_head(conn, commit.stream)

    async def _sealed_head(self, conn: AsyncConnection, stream: str) -> _Head:
        row = (await conn.execute(select(heads).where(heads.c.stream == stream))).first()
        if row is None:
            return _Head(0, GENESIS)
        # A head that somebody rewrote must not be built on: the next seal would make it good.
        if not seal_holds(self._seal_key, stream, row.sequence, row.hash, row.seal):
            raise BrokenSealError(stream)
        return _Head(row.sequence, row.hash)

    async def _write(self, commit: Commit, previous: bytes) -> bool:
        """Whether it was written; False where the stream stands elsewhere or knows the command."""
        rows, last = _event_rows(commit, previous)
        sequence = commit.expected + len(rows)
        given = {
            "of_stream": commit.stream,
            "new_sequence": sequence,
            "new_hash": last,
            "new_seal": seal(self._seal_key, commit.stream, sequence, last),
            "events": rows,
            "messages": [_message_row(commit, message) for message in commit.messages],
            **_view_rows(commit),
        }
        if commit.expected:
            given |= {"from_sequence": commit.expected, "from_hash": previous}
            given["commands"] = list(_commands(commit))
        statement = _statement(commit)
        erases = any(isinstance(told.event, PersonalDataErased) for told in commit.happenings)
        try:
            if erases:
                async with self._engine.begin() as conn:
                    written = (await conn.execute(statement, given)).first() is not None
                    if written:
                        await destroy_key(conn, commit.stream)
                        await forget_complaint(conn, commit.stream)
            else:
                async with self._each.connect() as conn:
                    written = (await conn.execute(statement, given)).first() is not None
        except IntegrityError as error:
            if getattr(error.driver_exception, "constraint_name", None) == "uq_complaints_source":
                raise SourceTakenError(commit.view.source if commit.view else None) from None
            raise
        if written:
            self._remember(commit.stream, sequence, last)
        return written

    async def _told_instead(self, commit: Commit) -> CommitResult | None:
        """What stands where the commit could not be written; None where it should be tried again."""
        async with self._each.connect() as conn:
            head = await self._sealed_head(conn, commit.stream)
            if head.sequence > commit.expected:
                rest = await _rows(conn, commit.stream, commit.expected, None)
                if not rest or rest[-1].sequence < head.sequence:
                    raise RecordDamagedError(commit.stream)
                return CommitResult(stored=happenings(rest), sequence=rest[-1].sequence)
            if head.sequence < commit.expected:
                raise RecordBehindError(commit.stream, commit.expected, head.sequence)
            for command_id in _commands(commit):
                known = await find_command(conn, commit.stream, command_id)
                if known is not None:
                    return CommitResult(stored=known.happenings, sequence=head.sequence, duplicate=True)
        return None

    def _remember(self, stream: str, sequence: int, head: bytes) -> None:
        self._heads[stream] = _Head(sequence, head)
        self._heads.move_to_end(stream)
        if len(self._heads) > _HEADS_KEPT:
            self._heads.popitem(last=False)


async def find_command(conn: AsyncConnection, stream: str | None, command_id: str) -> Recorded | None:
    """What a command came to; see Record.find_command."""
    query = (
        select_events().where(events.c.command_id == command_id).order_by(events.c.stream, events.c.sequence)
    )
    if stream is not None:
        query = query.where(events.c.stream == stream)
    found = stored(await conn.execute(query))
    return recorded(tuple(event for event in found if event.stream == found[0].stream))


async def _rows(conn: AsyncConnection, stream: str, after: int, limit: int | None) -> tuple[StoredEvent, ...]:
    query = select_events().where(events.c.stream == stream, events.c.sequence > after)
    return stored(await conn.execute(query.order_by(events.c.sequence).limit(limit)))


def _check(commit: Commit) -> None:
    if not commit.happenings:
        raise ValueError("a commit records at least one happening")
    after = (commit.stream, commit.expected + len(commit.happenings))
    for view in (commit.view, commit.systemic):
        if view is not None and (view.reference, view.sequence) != after:
            raise ValueError("the view is not of this stream after these happenings")
    if commit.view is not None and commit.systemic is not None:
        raise ValueError("a stream is a complaint's or a systemic issue's, not both")


def _commands(commit: Commit) -> dict[str, None]:
    """The ids of the commands that caused its happenings, in their order."""
    return dict.fromkeys(told.command for told in commit.happenings if told.command is not None)


def _event_rows(commit: Commit, previous: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """The rows of `events`, each chained to the one before, and the hash of the last."""
    rows: list[dict[str, Any]] = []
    ordinals: dict[str, int] = {}
    for sequence, told in enumerate(commit.happenings, start=commit.expected + 1):
        ordinal = None
        if told.command is not None:
            ordinal = ordinals[told.command] = ordinals.get(told.command, -1) + 1
        said: dict[str, Any] = {
            "sequence": sequence,
            "type": told.event.type,
            "occurred_at": told.occurred_at,
            "recorded_at": told.recorded_at,
            "actor": told.actor,
            "body": canonical_text(told.event.model_dump(mode="json")),
        }
        digest = event_hash(previous, stream=commit.stream, command=told.command, **said)
        rows.append(
            said
            | {"v": FORMAT, "command_id": told.command, "ordinal": ordinal}
            | {"previous": _bytea(previous), "hash": _bytea(digest)}
        )
        previous = digest
    return rows, previous


def _bytea(value: bytes) -> str:
    return f"\\x{value.hex()}"


def _statement(commit: Commit) -> Select[Any]:
    if commit.systemic is not None:
        return NEXT_SYSTEMIC if commit.expected else FIRST_SYSTEMIC
    return NEXT if commit.expected else FIRST


def _view_rows(commit: Commit) -> dict[str, list[dict[str, Any]]]:
    if commit.systemic is not None:
        return {"views": [commit.systemic.model_dump()]}
    if commit.view is None:
        return {"views": [], "clocks": []}
    view = commit.view.model_dump(exclude={"clocks"})
    clocks = [{"reference": commit.stream, **clock.model_dump()} for clock in commit.view.clocks]
    return {"views": [view], "clocks": clocks}


def _message_row(commit: Commit, message: Any) -> dict[str, Any]:
    row: dict[str, Any] = message.model_dump()
    row["recipient"] = row.pop("to")
    return row | {"stream": commit.stream}
