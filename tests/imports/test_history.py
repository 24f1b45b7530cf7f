"""History: what was closed elsewhere has its true times, and nothing is said that nobody knows."""

import json
from datetime import UTC, datetime, timedelta

from complaints.base import Order, TextRef
from complaints.case import Case
from complaints.chapters.imported import ImportedClosed
from complaints.chapters.intake import ReceiveComplaint
from complaints.lifecycle import due, evolve, fold, next_wakeup
from complaints.phases import Phase
from complaints.timing.occurrences import ClockBreached, ClockState, ClockStopped
from complaints.transition import Commit
from imports.batches import IMPORTER
from imports.history import history
from policies.loading import PACKS, load_pack
from policies.pack import Pack
from policies.vocabulary import Channel, Fact, Kind
from tests.complaints.support import PACK

RECEIVED = datetime(2025, 1, 6, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OUTCOME = TextRef(id="t1", digest="0" * 64)


def _with(*clocks: dict[str, object]) -> Pack:
    """The pack with more clocks, each as `first_handling` but for what is said."""
    said = json.loads(PACK.canonical())
    (pattern,) = [clock for clock in said["clocks"] if clock["id"] == "first_handling"]
    said["clocks"] += [pattern | clock for clock in clocks]
    return Pack.from_canonical(json.dumps(said))


def told(
    after: timedelta, *, when_known: bool = True, pack: Pack = PACK, tells: tuple[Fact, ...] = ()
) -> Commit:
    body = ReceiveComplaint(channel=Channel.IMPORT, kind=Kind.COMPLAINT, source="311:1")
    order = Order(id="import/311:1", actor=IMPORTER, body=body, at=NOW, occurred_at=RECEIVED)
    closing = ImportedClosed(outcome=OUTCOME, when_known=when_known, tells=tells)
    return history(pack, "7K2M-9QF3-XA50", order, RECEIVED + after, closing)


def folded(commit: Commit) -> Case:
    return fold(commit.happenings)


def states(commit: Commit) -> dict[str, ClockState]:
    assert commit.view is not None
    return {clock.clock: clock.state for clock in commit.view.clocks}


def test_its_times_are_those_at_which_things_happened() -> None:
    commit = told(timedelta(minutes=20))
    case = folded(commit)
    assert (case.received_at, case.closure.closed_at) == (RECEIVED, RECEIVED + timedelta(minutes=20))
    assert {happening.recorded_at for happening in commit.happenings} == {NOW}
    assert all(happening.occurred_at <= RECEIVED + timedelta(minutes=20) for happening in commit.happenings)
    instants = [happening.occurred_at for happening in commit.happenings]
    assert instants == sorted(instants)


def test_it_is_archived_and_nothing_will_ever_wake_it() -> None:
    commit = told(timedelta(minutes=20))
    assert commit.view is not None
    assert (commit.view.phase, commit.view.live, commit.view.open) == (Phase.ARCHIVED, False, False)
    assert commit.view.wake_at is None
    assert next_wakeup(PACK, folded(commit)) is None
    assert due(PACK, folded(commit), NOW + timedelta(days=3650)) == ()
    assert not [clock for clock in folded(commit).clocks.occurrences if clock.running]


def test_it_calls_for_no_message() -> None:
    assert told(timedelta(days=30)).messages == ()


def test_a_clock_that_the_closing_answers_is_judged() -> None:
    assert states(told(timedelta(minutes=30)))["first_handling"] is ClockState.MET
    late = told(timedelta(minutes=30, microseconds=1))
    assert states(late)["first_handling"] is ClockState.MET_LATE
    (breach,) = [happening for happening in late.happenings if happening.event.type == "ClockBreached"]
    assert breach.occurred_at == RECEIVED + timedelta(minutes=30, microseconds=1)
    assert breach.recorded_at == NOW


def test_of_what_the_source_says_nothing_nothing_is_said() -> None:
    pack = _with({"id": "acknowledged", "met_by": ["acknowledged"]}, {"id": "after", "starts_on": "closed"})
    commit = told(timedelta(days=2), pack=pack)
    assert states(commit) == {"first_handling": ClockState.MET_LATE, "acknowledged": ClockState.STOPPED}
    breached = [told.event.clock for told in commit.happenings if isinstance(told.event, ClockBreached)]
    assert breached == ["first_handling"]
    stops = [told.occurred_at for told in commit.happenings if isinstance(told.event, ClockStopped)]
    assert stops == [RECEIVED + timedelta(days=2)]


def test_a_closing_whose_time_nobody_knows_answers_no_clock_in_time_or_late() -> None:
    pack = _with({"id": "closing", "met_by": ["closed"]})
    commit = told(timedelta(days=2), when_known=False, pack=pack)
    assert set(states(commit).values()) == {ClockState.STOPPED}
    assert not [happening for happening in commit.happenings if happening.event.type == "ClockBreached"]
    assert commit.view is not None
    assert commit.view.phase is Phase.ARCHIVED


def test_a_clock_that_only_more_than_the_closing_meets_is_not_judged() -> None:
    both: dict[str, object] = {"id": "both", "met_by": ["outcome_told", "acknowledged"], "met_when": "all"}
    commit = told(timedelta(days=2), pack=_with(both))
    assert states(commit)["both"] is ClockState.STOPPED
    breached = [told.event.clock for told in commit.happenings if isinstance(told.event, ClockBreached)]
    assert breached == ["first_handling"]


def test_a_closing_may_stand_for_a_written_response_that_had_arrived() -> None:
    pack = _with({"id": "written", "met_by": ["response_delivered"], "duration": "48 h"})
    assert states(told(timedelta(days=1), pack=pack))["written"] is ClockState.STOPPED
    tells = (Fact.RESPONSE_DELIVERED,)
    assert states(told(timedelta(days=1), pack=pack, tells=tells))["written"] is ClockState.MET
    late = told(timedelta(days=3), pack=pack, tells=tells)
    assert states(late)["written"] is ClockState.MET_LATE
    assert next_wakeup(pack, folded(late)) is None
    assert late.messages == ()


def test_no_tier_of_handling_is_entered_by_a_complaint_that_was_over_before_it_came() -> None:
    pack = load_pack(PACKS / "service-centre.yaml")
    commit = told(timedelta(days=30), pack=pack)
    case = folded(commit)
    assert case.handling_tier == 1
    assert {run.clock for run in case.clocks.occurrences if run.breached_at} >= {"tier_1_time"}
    assert not [run for run in case.clocks.occurrences if run.running]


def test_it_folds_to_what_it_says_it_is_event_by_event() -> None:
    commit = told(timedelta(days=3))
    case: Case | None = None
    for happening in commit.happenings:
        again = type(happening).model_validate_json(happening.model_dump_json())
        case = evolve(case, again)
    assert case is not None
    assert commit.view is not None
    assert (case.sequence, case.source) == (commit.view.sequence, "311:1")
