"""Packs tried on real rows: the quick judge says what the complaint's whole life would have said."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from complaints.base import Happening, Order
from complaints.case import Case
from complaints.chapters.imported import ImportedClosed
from complaints.chapters.intake import ReceiveComplaint
from complaints.lifecycle import due, evolve, fold, receive
from complaints.timing import clocks
from complaints.timing.judging import Judged, Outcome
from complaints.timing.occurrences import ClockMet, ClockState, Occurrence
from imports.batches import IMPORTER
from imports.history import closing, history, receipt
from imports.mapping import ImportedRow
from imports.reading import Row, RowError, read
from imports.simulating import AHEAD, BATCH, SOMEBODY, Simulator, simulate, tallies
from policies import loading
from policies.loading import PACKS, packs_available
from policies.pack import Pack
from policies.rules import MetWhen
from policies.vocabulary import Fact
from tests.imports.support import BANK, CALLS, NOW, call, calls, mapping

load_pack = cache(loading.load_pack)
RETAIL = load_pack(PACKS / "retail-2025.yaml")
TELLS = (Fact.RESPONSE_SENT, Fact.RESPONSE_DELIVERED)
ANSWERS = frozenset(ImportedClosed(tells=TELLS).facts())
ENDS = {
    ClockState.MET: Outcome.MET,
    ClockState.MET_LATE: Outcome.MET_LATE,
    ClockState.STOPPED: Outcome.STOPPED,
    ClockState.RUNNING: Outcome.RUNNING,
}


@cache
def real_rows() -> tuple[ImportedRow, ...]:
    """Every so many rows of the real files, as their mappings read them; their closings were written responses."""
    found = []
    for file, name, every in ((CALLS, "nyc311", 30), (BANK, "cfpb", 12)):
        said = mapping(name).model_copy(update={"closing_tells": TELLS})
        for row in islice(read(file, said.encoding, said.columns), 0, None, every):
            assert isinstance(row, Row)
            read_in = said.complaint(row, NOW)
            assert isinstance(read_in, ImportedRow)
            found.append(read_in)
    return tuple(found)


def received(row: ImportedRow, *, named: bool) -> ReceiveComplaint:
    body = receipt(row, {})
    return body.model_copy(update={"parties": (SOMEBODY,)}) if named else body


def lived(pack: Pack, row: ImportedRow, *, named: bool) -> Case:
    """The complaint as it would have lived here, with nothing done to it but what the row tells."""
    body = received(row, named=named)
    order = Order(id="lived", actor=IMPORTER, body=body, at=row.received_at)
    case = fold(receive(pack, "7K2M-9QF3-XA50", order))
    for told in due(pack, case, row.closed_at or NOW):
        case = evolve(case, told)
    if row.closed_at is None:
        return case
    at = row.closed_at
    end = Happening(event=closing(row, {}), occurred_at=at, recorded_at=at, actor=IMPORTER.id)
    case = evolve(case, end)
    for when, event in tuple(clocks.follow(pack, case, end)):
        if isinstance(event, ClockMet):
            case = evolve(case, end.model_copy(update={"event": event, "occurred_at": when}))
    return case


def answered(pack: Pack, clock: str) -> bool:
    """Whether a file that tells of the closing tells whether this clock was met."""
    rule = pack.clock(clock)
    if rule.met_when is MetWhen.ALL:
        return set(rule.met_by) <= ANSWERS
    return bool(ANSWERS & set(rule.met_by))


def as_judged(run: Occurrence) -> Judged:
    """A run of the full life, in the judge's words."""
    outcome = ENDS[run.state]
    if run.breached_at is not None and run.met_at is None:
        outcome = Outcome.OVERDUE
    due_at = run.frozen_due or run.due_at
    return Judged(run.clock, run.started_at, due_at, outcome, len(run.warned))


@pytest.mark.parametrize("named", [False, True], ids=["nameless", "named"])
@pytest.mark.parametrize("path", packs_available(), ids=lambda path: path.stem)
def test_the_judge_says_of_real_rows_what_their_whole_life_would_have_said(path: Path, named: bool) -> None:
    pack = load_pack(path)
    simulator = Simulator(pack, NOW, named=named)
    compared: Counter[Outcome] = Counter()
    for row in real_rows():
        judged = simulator.judged(row)
        if row.closed and row.closed_at is None:
            assert {run.outcome for run in judged} <= {Outcome.NOT_KNOWN}
            continue
        runs = [run for run in lived(pack, row, named=named).clocks.occurrences
                if answered(pack, run.clock) and run.stopped_at != run.started_at]  # fmt: skip
        expected = sorted(map(as_judged, runs))
        assert sorted(run for run in judged if answered(pack, run.clock)) == expected, row.source
        unanswered = {run.outcome for run in judged if not answered(pack, run.clock)}
        assert unanswered <= {Outcome.NOT_KNOWN}
        compared.update(run.outcome for run in expected)
    if any(answered(pack, rule.id) and Fact.RECEIVED is rule.starts_on for rule in pack.clocks) and named:
        assert compared[Outcome.MET] + compared[Outcome.MET_LATE] + compared[Outcome.OVERDUE] > 0


@pytest.mark.parametrize("path", packs_available(), ids=lambda path: path.stem)
def test_the_judge_says_of_closed_rows_what_their_import_puts_on_record(path: Path) -> None:
    pack = load_pack(path)
    simulator = Simulator(pack, NOW)
    tiers = {rule.id for rule in pack.clocks if rule.applies_if.handling_tiers}  # an import raises no tier
    for row in real_rows():
        if row.closed_at is None:
            continue
        order = Order(
            id="import/x", actor=IMPORTER, body=receipt(row, {}), at=NOW, occurred_at=row.received_at
        )
        commit = history(pack, "7K2M-9QF3-XA50", order, row.closed_at, closing(row, {}))
        on_record = {
            (run.clock, ENDS[run.state])
            for run in fold(commit.happenings).clocks.occurrences
            if run.state in (ClockState.MET, ClockState.MET_LATE) and run.clock not in tiers
        }
        judged = {
            (run.clock, run.outcome)
            for run in simulator.judged(row)
            if run.outcome not in (Outcome.NOT_KNOWN, Outcome.STOPPED) and run.clock not in tiers
        }
        assert judged == on_record, row.source


def test_exactly_at_the_due_moment_is_in_time(tmp_path: Path) -> None:
    rows = [
        call(1, "1/6/2025 7:00", "1/6/2025 7:30"),  # first handling: 30 minutes
        call(2, "1/6/2025 7:00", "1/6/2025 7:31"),
        call(3, "1/6/2025 7:00", "1/6/2025 7:23"),
        call(4, "1/6/2025 7:00"),
    ]
    now = datetime(2025, 1, 6, 12, 30, tzinfo=UTC)
    found = simulate(RETAIL, calls(tmp_path, *rows[:3]), mapping("nyc311"), NOW, processes=1)
    (line,) = [line for line in found.by_clock() if line.clock == "first_handling"]
    assert (line.met, line.met_late, line.warned) == (2, 1, 2)  # warned from 7:24 on
    assert line.in_time == pytest.approx(200 / 3)
    open_one = calls(tmp_path, rows[3])
    for at, outcome in ((now, "running"), (now + timedelta(microseconds=1), "overdue")):
        (line,) = simulate(RETAIL, open_one, mapping("nyc311"), at, processes=1).by_clock()
        assert getattr(line, outcome) == 1
        assert line.warned == 1


def test_what_the_file_does_not_tell_is_not_known(tmp_path: Path) -> None:
    file = calls(tmp_path, call(1, "1/6/2025 7:00", "1/6/2025 7:30"))
    nameless = simulate(RETAIL, file, mapping("nyc311"), NOW, processes=1)
    assert [line.clock for line in nameless.lines] == ["first_handling"]  # nobody to answer
    named = simulate(RETAIL, file, mapping("nyc311"), NOW, named=True, processes=1)
    assert [(line.clock, line.not_known) for line in named.lines] == [("response", 1), ("first_handling", 0)]


def test_rows_that_can_not_be_read_are_counted_with_their_reason(tmp_path: Path) -> None:
    file = calls(tmp_path, call(1, "1/6/2025 7:00"), call(2, "the other day"), "too, few")
    found = simulate(RETAIL, file, mapping("nyc311"), NOW, processes=1)
    assert found.rows == 3
    assert sum(found.unreadable.values()) == 2
    assert not [reason for reason in found.unreadable if "other day" in reason]


def test_several_processes_come_to_the_same_as_one() -> None:
    one, several = (
        simulate(RETAIL, CALLS, mapping("nyc311"), NOW, named=True, processes=count) for count in (1, 2)
    )
    assert one == several
    assert one.rows == 2981


def test_the_bar_reaches_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    file = calls(tmp_path, *(call(n, "1/6/2025 7:00") for n in range(10)))
    simulate(
        RETAIL, file, mapping("nyc311"), NOW, processes=1, progress=lambda done, of: told.append((done, of))
    )
    assert told[-1] == (11, 11)


BATCHES = 10


@pytest.mark.parametrize("processes", [1, 2])
def test_a_file_of_any_length_passes_through_in_pieces(processes: int) -> None:
    """What was taken from the file and is not judged yet never grows with the file."""
    said = mapping("nyc311")
    sample = list(islice(read(CALLS, said.encoding, said.columns), 50))
    taken = 0

    def rows() -> Iterator[Row | RowError]:
        nonlocal taken
        for _ in range(BATCHES * BATCH // len(sample)):
            for row in sample:
                taken += 1
                yield row

    done = most = 0
    for tally, _ in tallies(RETAIL, rows(), said, NOW, processes=processes):
        most = max(most, taken - done)
        done += tally.rows
    assert done == taken == BATCHES * BATCH
    assert most <= (AHEAD * processes + 1) * BATCH
