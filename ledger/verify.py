"""Verification: every stream read again, and what does not fit said in sentences (docs/ledger-format.md).

Everything is read in one snapshot and in bounded memory, while the service goes on.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from complaints.base import Frozen
from ledger.canonical import NotCanonicalError, parse
from ledger.chain import FORMAT, GENESIS, event_hash, seal_holds
from ledger.fold_check import FoldCheck
from ledger.stored import StoredEvent, select_events, stored_event
from ledger.tables import events, heads
from policies.pack import Pack

FAULTS_KEPT = 200
_ROWS_AT_ONCE = 500
_REFERENCES_AT_ONCE = 500

Checker = Callable[[AsyncConnection, Iterable[tuple[str, str]]], Awaitable[Mapping[str, str]]]
"""Compares (id, digest) pairs of the record with what is stored: {id: a sentence} for what does not fit."""


class Fault(Frozen):
    """What is wrong, in a sentence that names no personal data; `sequence` is None for a whole stream."""

    stream: str
    sequence: int | None
    sentence: str


class Report(Frozen):
    """What was checked and what is wrong. `faults` holds the first FAULTS_KEPT of `faults_found`."""

    streams: int
    events: int
    texts: int
    files: int
    views: int
    faults: tuple[Fault, ...]
    faults_found: int

    @property
    def ok(self) -> bool:
        return self.faults_found == 0

    def sentences(self) -> tuple[str, ...]:
        """The report for a person: what was checked, then every fault."""
        checked = (
            f"Checked {self.streams} streams with {self.events} events, {self.texts} texts,"
            f" {self.files} files and {self.views} rows of the read model."
        )
        if self.ok:
            return (f"{checked} Everything fits.",)
        counted = "One fault:" if self.faults_found == 1 else f"{self.faults_found} faults:"
        return (f"{checked} {counted}", *(fault.sentence for fault in self.faults))


async def verify(
    engine: AsyncEngine,
    seal_key: bytes,
    text_checker: Checker | None = None,
    stream: str | None = None,
    *,
    file_checker: Checker | None = None,
    packs: Mapping[str, Pack] | None = None,
) -> Report:
    """Reads every stream, or the one named, and reports.

    Always checked: that sequences have no gap, that each hash is that of the stored bytes and each event
    follows the one before, that each head is where its stream ends and bears our seal, that no stream is
    missing that the read model or the intake knows. With the checkers (`Texts.check` and the like) also
    each text and file that an event refers to; with `packs` (by digest: `packs.load_all`) also that the
    read model is what the events amount to.
    """
    walk = _Walk(seal_key, FoldCheck(packs) if packs is not None else None)
    async with engine.connect() as conn:
        await conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        async for row in _rows(conn, stream):
            walk.row(row)
            if walk.references_waiting >= _REFERENCES_AT_ONCE:
                await walk.check_references(conn, text_checker, file_checker)
            if walk.fold is not None and walk.fold.full:
                walk.add(Fault(stream=s, sequence=None, sentence=t) for s, t in await walk.fold.compare(conn))
        walk.end_stream()
        await walk.check_references(conn, text_checker, file_checker)
        if walk.fold is not None:
            walk.add(Fault(stream=s, sequence=None, sentence=t) for s, t in await walk.fold.compare(conn))
        async for row in await conn.stream(_MISSING, {"stream": stream}):
            walk.add([_missing(row)])
    if stream is not None and not walk.streams and not walk.found:
        walk.add([Fault(stream=stream, sequence=None, sentence=f"There is no stream {stream}.")])
    return walk.report()


async def _rows(conn: AsyncConnection, stream: str | None) -> Any:
    """Every event with the head of its stream, in order, through a cursor of the server."""
    query = select_events().add_columns(
        heads.c.sequence.label("head_sequence"), heads.c.hash.label("head_hash"), heads.c.seal
    )
    query = query.outerjoin(heads, heads.c.stream == events.c.stream)
    if stream is not None:
        query = query.where(events.c.stream == stream)
    query = query.order_by(events.c.stream, events.c.sequence)
    async with conn.stream(query.execution_options(yield_per=_ROWS_AT_ONCE)) as result:
        async for row in result:
            yield row


class _Walk:
    """One pass over all events: what it has counted, and the stream it is in."""

    def __init__(self, seal_key: bytes, fold: FoldCheck | None) -> None:
        self._seal_key = seal_key
        self.fold = fold
        self.streams = self._events = self._texts = self._files = self.found = 0
        self._faults: list[Fault] = []
        self._last: Row[Any] | None = None
        self._text_refs: dict[str, tuple[str, str, int]] = {}
        self._file_refs: dict[str, tuple[str, str, int]] = {}

    def add(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            self.found += 1
            if len(self._faults) < FAULTS_KEPT:
                self._faults.append(fault)

    def row(self, row: Row[Any]) -> None:
        if self._last is not None and self._last.stream != row.stream:
            self.end_stream()
        event = stored_event(row)
        if self._last is None:
            self.streams += 1
            before, previous = 0, GENESIS
        else:
            before, previous = self._last.sequence, self._last.hash
        self._events += 1
        faults = list(_of_event(event, before, previous))
        self.add(Fault(stream=event.stream, sequence=event.sequence, sentence=told) for told in faults)
        if not faults:
            self._refer(event)
        if self.fold is not None:
            for told in self.fold.event(event):
                self.add([Fault(stream=event.stream, sequence=event.sequence, sentence=told)])
        self._last = row

    def end_stream(self) -> None:
        last, self._last = self._last, None
        if last is None:
            return
        self.add(
            Fault(stream=last.stream, sequence=None, sentence=told) for told in _of_head(last, self._seal_key)
        )
        if self.fold is not None:
            told_by_fold = self.fold.end_stream()
            self.add(Fault(stream=last.stream, sequence=None, sentence=told) for told in told_by_fold)

    def _refer(self, event: StoredEvent) -> None:
        for kind, ref_id, digest in _references(parse(event.body)):
            refs = self._text_refs if kind == "text" else self._file_refs
            told = refs.setdefault(ref_id, (digest, event.stream, event.sequence))
            if told[0] != digest:
                self.add([_two_digests(event, kind, ref_id)])

    @property
    def references_waiting(self) -> int:
        return len(self._text_refs) + len(self._file_refs)

    async def check_references(
        self, conn: AsyncConnection, text_checker: Checker | None, file_checker: Checker | None
    ) -> None:
        if text_checker is not None:
            self._texts += await self._check(conn, text_checker, self._text_refs)
        if file_checker is not None:
            self._files += await self._check(conn, file_checker, self._file_refs)
        self._text_refs.clear()
        self._file_refs.clear()

    async def _check(
        self, conn: AsyncConnection, checker: Checker, refs: Mapping[str, tuple[str, str, int]]
    ) -> int:
        if not refs:
            return 0
        wrong = await checker(conn, [(ref_id, told[0]) for ref_id, told in refs.items()])
        for ref_id, sentence in wrong.items():
            _, stream, sequence = refs[ref_id]
            said = f"Stream {stream}, event {sequence}: {sentence}"
            self.add([Fault(stream=stream, sequence=sequence, sentence=said)])
        return len(refs)

    def report(self) -> Report:
        return Report(
            streams=self.streams,
            events=self._events,
            texts=self._texts,
            files=self._files,
            views=self.fold.compared if self.fold is not None else 0,
            faults=tuple(self._faults),
            faults_found=self.found,
        )


def _of_event(event: StoredEvent, before: int, previous: bytes) -> Iterator[str]:
    """What is wrong with one event that comes after the one numbered `before` with the hash `previous`."""
    here = f"Stream {event.stream}, event {event.sequence}:"
    if event.v != FORMAT:
        yield f"{here} it is in format {event.v}, which this version does not know."
        return
    try:
        body = parse(event.body)
    except NotCanonicalError as error:
        yield f"{here} its body is not as the service writes it. {error}"
        return
    if not isinstance(body, dict):
        yield f"{here} its body is no object."
        return
    digest = event_hash(
        event.previous,
        stream=event.stream,
        sequence=event.sequence,
        type=event.type,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        actor=event.actor,
        command=event.command,
        body=event.body,
    )
    if digest != event.hash:
        yield f"{here} its hash does not fit what is stored; the row was changed after it was written."
    if event.sequence != before + 1:
        lost, to = before + 1, event.sequence - 1
        which = f"event {lost} is" if lost == to else f"events {lost} to {to} are"
        yield f"{here} {which} missing before it."
    elif event.previous != previous:
        after = f"event {before}" if before else "the beginning of a stream"
        yield f"{here} it does not follow {after} as that is stored; one of the two was replaced."


def _of_head(last: Row[Any], seal_key: bytes) -> Iterator[str]:
    """What is wrong with the end of a stream whose last event this is."""
    here = f"Stream {last.stream}:"
    if last.head_sequence is None:
        yield f"{here} it has {last.sequence} events but no head; the head was removed."
        return
    if last.head_sequence > last.sequence:
        yield (
            f"{here} its head says {last.head_sequence} events, the record ends with {last.sequence};"
            " the tail was cut off."
        )
    elif last.head_sequence < last.sequence:
        yield (
            f"{here} its head says {last.head_sequence} events, the record goes on to {last.sequence};"
            " the head was put back, or rows were added past it."
        )
    elif last.head_hash != last.hash:
        yield f"{here} its head holds another hash than its last event; one of the two was changed."
    if not seal_holds(seal_key, last.stream, last.head_sequence, last.head_hash, last.seal):
        yield (
            f"{here} the seal of its head does not hold; the head was changed outside the service, or the"
            " master key is another one."
        )


def _references(value: object) -> Iterator[tuple[str, str, str]]:
    """Every reference in a body to a text or a file: ("text" or "file", id, digest)."""
    if isinstance(value, dict):
        if value.keys() == _TEXT_FIELDS:
            yield "text", value["id"], value["digest"]
            return
        if value.keys() == _FILE_FIELDS:
            yield "file", value["id"], value["digest"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


_TEXT_FIELDS = {"id", "digest"}
_FILE_FIELDS = {"id", "digest", "size", "media_type", "filename"}


def _two_digests(event: StoredEvent, kind: str, ref_id: str) -> Fault:
    here = f"Stream {event.stream}, event {event.sequence}:"
    return Fault(
        stream=event.stream,
        sequence=event.sequence,
        sentence=f"{here} {kind} {ref_id} is referred to with two digests.",
    )


def _missing(row: Row[Any]) -> Fault:
    said = {
        "head": f"its head says {row.sequence} events, the record holds none",
        "complaints": "the read model shows it, the record holds no event of it",
        "systemic_issues": "the read model shows it, the record holds no event of it",
        "intake": "the intake says that it was recorded, the record holds no event of it",
    }[row.known_by]
    sentence = f"Stream {row.stream}: {said}; the whole stream was removed."
    return Fault(stream=row.stream, sequence=None, sentence=sentence)


_MISSING = text(
    """
    SELECT known.* FROM (
        SELECT 'head' AS known_by, stream, sequence FROM heads
        UNION ALL SELECT 'complaints', reference, NULL FROM complaints
        UNION ALL SELECT 'systemic_issues', reference, NULL FROM systemic_issues
        UNION ALL SELECT 'intake', reference, NULL FROM intake WHERE recorded_at IS NOT NULL
    ) AS known
    WHERE (CAST(:stream AS text) IS NULL OR known.stream = CAST(:stream AS text))
        AND NOT EXISTS (SELECT FROM events WHERE events.stream = known.stream)
    ORDER BY known.stream, known_by
    """
)
