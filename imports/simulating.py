"""A pack tried on real rows: what would have become of its clocks, counted by clock, kind and channel.

Rows go through the import's mapping and the core's judge, a batch at a time, on every processor there is.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from pydantic import AwareDatetime

from complaints.base import Actor, Frozen, Order, Refused, TextRef
from complaints.chapters.imported import ImportedClosed
from complaints.chapters.intake import PartyDetails
from complaints.lifecycle import fold, receive
from complaints.timing.clocks import Classes
from complaints.timing.judging import Judge, Judged, Known, Outcome
from imports.history import closing, receipt
from imports.mapping import ImportedRow, Mapping
from imports.reading import Row, RowError, read
from policies.pack import Pack
from policies.vocabulary import Channel, Fact, Kind, Role

BATCH = 1_000
"""Rows that one process judges at a time."""

AHEAD = 2
"""Batches that are under way or waiting, for each process: no more of the file is in memory."""

Progress = Callable[[int, int], None]
"""Told how many lines of the file are done, and of how many."""

_INTAKE = Actor(id="simulation", roles=(Role.INTAKE_AGENT,))
SOMEBODY = PartyDetails(name=TextRef(id="name", digest="0" * 64))
"""A complainant who left a name."""


class Line(Frozen):
    """What became of one clock's runs for one kind over one channel. `warned` are runs that were warned of."""

    clock: str
    title: dict[str, str]
    kind: Kind
    channel: Channel
    met: int = 0
    met_late: int = 0
    overdue: int = 0
    running: int = 0
    stopped: int = 0
    not_known: int = 0
    warned: int = 0

    @property
    def runs(self) -> int:
        """How many runs there were."""
        return sum(getattr(self, outcome.value) for outcome in Outcome)

    @property
    def judged(self) -> int:
        """Runs whose due moment has come, or that were met: what a share in time is of."""
        return self.met + self.met_late + self.overdue

    @property
    def in_time(self) -> float | None:
        """Met in time, in per cent of those judged, open breaches counted; None where none is."""
        return 100 * self.met / self.judged if self.judged else None


class Simulated(Frozen):
    """What a pack would have made of the rows of a file, as of a moment.

    `unreadable` says how many rows could not be read, by reason; a reason quotes nothing of a row.
    """

    pack: str
    version: int
    digest: str
    file: str
    as_of: AwareDatetime
    named: bool
    rows: int
    unreadable: dict[str, int]
    lines: tuple[Line, ...]

    def by_clock(self) -> tuple[Line, ...]:
        """The lines of each clock added up, in the order of the pack; kind and channel are the first line's."""
        added: dict[str, Line] = {}
        for line in self.lines:
            before = added.get(line.clock)
            added[line.clock] = line if before is None else _sum(before, line)
        return tuple(added.values())


def _sum(one: Line, other: Line) -> Line:
    names = (*(outcome.value for outcome in Outcome), "warned")
    return one.model_copy(update={name: getattr(one, name) + getattr(other, name) for name in names})


# One row


class Opening(NamedTuple):
    """What the receipt of a complaint of some class makes of it: its classes, and facts, all of that instant."""

    classes: Classes
    facts: tuple[Fact, ...]


class Simulator:
    """Judges rows under one pack, as of `now`. `named`: the complainants are known, though files leave them out."""

    def __init__(self, pack: Pack, now: datetime, *, named: bool = False) -> None:
        self._pack = pack
        # The receipt itself is the core's own; without clocks it is the same at any moment, and worked out once.
        self._bare = pack.model_copy(update={"clocks": ()})
        self._judge = Judge(pack)
        self._now = now
        self._named = named
        self._openings: dict[tuple[object, ...], Opening] = {}

    def judged(self, row: ImportedRow) -> tuple[Judged, ...]:
        """What would have become of each clock, had the complaint come in alive. Raises Refused."""
        return self._judge.judged(self.known(row))

    def known(self, row: ImportedRow) -> Known:
        """What the row tells: the same as its import would put on record. Raises Refused."""
        opening = self._opening(row)
        began = dict.fromkeys(opening.facts, row.received_at)
        answers = frozenset(ImportedClosed(tells=row.closing_tells).facts())
        if not row.closed:
            return Known(opening.classes, began, {}, answers, self._now)
        end = closing(row, {})
        if row.closed_at is None:
            return Known(opening.classes, began, {}, frozenset(), row.not_before)
        ended = dict.fromkeys(end.facts(), row.closed_at)
        return Known(opening.classes, began, ended, answers, row.closed_at)

    def _opening(self, row: ImportedRow) -> Opening:
        body = receipt(row.model_copy(update={"line": 0, "source": "simulated"}), {})
        if self._named:
            body = body.model_copy(update={"parties": (SOMEBODY,)})
        key = tuple(value for name, value in body if name != "source")
        if key not in self._openings:
            order = Order(id="simulated", actor=_INTAKE, body=body, at=row.received_at)
            case = fold(receive(self._bare, "simulated", order))
            self._openings[key] = Opening(case.classes, tuple(case.facts))
        return self._openings[key]


# A batch of rows, in whatever process


class Tally(NamedTuple):
    """What a batch came to: rows, runs by clock, kind, channel and outcome, warned ones, reasons of unreadable rows."""

    rows: int
    runs: Counter[tuple[str, Kind, Channel, Outcome]]
    warned: Counter[tuple[str, Kind, Channel]]
    unreadable: Counter[str]


@dataclass
class _Desk:
    """Where a process judges."""

    simulator: Simulator
    mapping: Mapping
    now: datetime

    def tally(self, batch: list[tuple[int, dict[str, str]]]) -> Tally:
        runs: Counter[tuple[str, Kind, Channel, Outcome]] = Counter()
        warned: Counter[tuple[str, Kind, Channel]] = Counter()
        unreadable: Counter[str] = Counter()
        for line, fields in batch:
            row = self.mapping.complaint(Row.model_construct(line=line, fields=fields), self.now)
            if isinstance(row, RowError):
                unreadable[row.reason] += 1
                continue
            try:
                found = self.simulator.judged(row)
            except Refused as refused:
                unreadable[refused.sentence] += 1
                continue
            for run in found:
                runs[run.clock, row.kind, row.channel, run.outcome] += 1
                if run.warnings:
                    warned[run.clock, row.kind, row.channel] += 1
        return Tally(len(batch), runs, warned, unreadable)


_desk: list[_Desk] = []
"""The one of this process."""


def _sit_down(pack: str, mapping: str, now: datetime, named: bool) -> None:
    """Begins in a process of its own, which shares nothing with the one that started it."""
    simulator = Simulator(Pack.from_canonical(pack), now, named=named)
    _desk[:] = [_Desk(simulator, Mapping.model_validate_json(mapping), now)]


def _tally(batch: list[tuple[int, dict[str, str]]]) -> Tally:
    return _desk[0].tally(batch)


# The file as a whole


@dataclass
class _Sum:
    rows: int = 0
    runs: Counter[tuple[str, Kind, Channel, Outcome]] = field(default_factory=Counter)
    warned: Counter[tuple[str, Kind, Channel]] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)

    def add(self, tally: Tally) -> None:
        self.rows += tally.rows
        self.runs.update(tally.runs)
        self.warned.update(tally.warned)
        self.unreadable.update(tally.unreadable)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def simulate(
    pack: Pack,
    file: Path,
    mapping: Mapping,
    now: datetime,
    *,
    named: bool = False,
    processes: int | None = None,
    progress: Progress = lambda done, of: None,
) -> Simulated:
    """Try the pack on every row of a CSV file, as of `now`. Raises ImportImpossible where it can not be read.

    Rows that can not be read are counted by reason. `processes` is how many judge at once (None: as many
    as there are processors); with 1, this one does.
    """
    lines = _lines(file)
    rows = read(file, mapping.encoding, mapping.columns)
    total = _Sum()
    for tally, line in tallies(pack, rows, mapping, now, named=named, processes=processes):
        total.add(tally)
        progress(line, lines)
    progress(lines, lines)
    return Simulated(
        pack=pack.name,
        version=pack.version,
        digest=pack.digest,
        file=file.name,
        as_of=now,
        named=named,
        rows=total.rows,
        unreadable=dict(total.unreadable.most_common()),
        lines=tuple(_counted(pack, total)),
    )


def tallies(
    pack: Pack,
    rows: Iterable[Row | RowError],
    mapping: Mapping,
    now: datetime,
    *,
    named: bool = False,
    processes: int | None = None,
) -> Iterator[tuple[Tally, int]]:
    """The tallies of batches of rows, each with the line of the file it reaches to; order means nothing.

    Rows are taken only as fast as they are judged: at most AHEAD batches for each process are in memory.
    """
    at_once = processors() if processes is None else processes
    given = iter(rows)
    if at_once == 1:
        desk = _Desk(Simulator(pack, now, named=named), mapping, now)
        for batch, tally, line in _batches(given):
            yield _with(tally, desk.tally(batch)), line
        return
    begin = (pack.canonical(), mapping.model_dump_json(), now, named)
    pool = ProcessPoolExecutor(at_once, get_context("spawn"), initializer=_sit_down, initargs=begin)
    try:
        under_way: dict[Future[Tally], tuple[Tally, int]] = {}
        waiting = _batches(given)
        while True:
            for batch, wrong, line in islice(waiting, AHEAD * at_once - len(under_way)):
                under_way[pool.submit(_tally, batch)] = wrong, line
            if not under_way:
                return
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                wrong, line = under_way.pop(future)
                yield _with(wrong, future.result()), line
    finally:
        pool.shutdown(cancel_futures=True)


def _batches(rows: Iterator[Row | RowError]) -> Iterator[tuple[list[tuple[int, dict[str, str]]], Tally, int]]:
    """Batches as they go to a process, each with a tally of what could not even be read, and its last line."""
    while found := list(islice(rows, BATCH)):
        wrong = [row.reason for row in found if isinstance(row, RowError)]
        tally = Tally(len(wrong), Counter(), Counter(), Counter(wrong))
        yield [(row.line, row.fields) for row in found if isinstance(row, Row)], tally, found[-1].line


def _with(one: Tally, other: Tally) -> Tally:
    return Tally(
        one.rows + other.rows,
        one.runs + other.runs,
        one.warned + other.warned,
        one.unreadable + other.unreadable,
    )


def _counted(pack: Pack, total: _Sum) -> Iterator[Line]:
    """The lines, by the order of clocks in the pack, then kind and channel."""
    keys = {key[:3] for key in total.runs}
    for rule in pack.clocks:
        for clock, kind, channel in sorted(key for key in keys if key[0] == rule.id):
            counts = {outcome.value: total.runs[clock, kind, channel, outcome] for outcome in Outcome}
            warned = total.warned[clock, kind, channel]
            yield Line(clock=clock, title=rule.title, kind=kind, channel=channel, warned=warned, **counts)


def _lines(file: Path) -> int:
    """How many lines the file has; 0 where it can not be read, which reading it will say."""
    try:
        with file.open("rb") as raw:
            return sum(piece.count(b"\n") for piece in iter(lambda: raw.read(1 << 20), b""))
    except OSError:
        return 0
