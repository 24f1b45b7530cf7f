"""Moving a complaint to another pack: by a named person, with a reason, and seen before it is done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from complaints.base import Refused
from complaints.chapters.intake import Acknowledge
from complaints.chapters.migration import PackMigrated, preview
from complaints.lifecycle import fold
from complaints.messages import messages
from complaints.timing.occurrences import ClockRecalculated, ClockState, ClockWarned
from complaints.transition import transition
from policies.arithmetic.durations import Duration, Offset
from policies.pack import Applies, Pack
from policies.vocabulary import Kind
from tests.complaints.made_packs import clock, with_clocks
from tests.complaints.support import RECEIVED, Story, ana, dora, emil, olga

KEPT = clock("outcome", starts_on="received", met_by=["resolved"], duration="48 h")
OLD = with_clocks(
    KEPT,
    clock("gone", starts_on="received", met_by=["resolved"], duration="72 h"),
    clock("response", starts_on="received", met_by=["acknowledged"], duration="15 min"),
    version=1,
)
NEW = with_clocks(
    KEPT.model_copy(update={"duration": KEPT.duration.model_copy(update={"amount": 24})}),
    clock("added", starts_on="received", met_by=["closed"], duration="10 h"),
    clock("response", starts_on="received", met_by=["acknowledged"], duration="5 min"),
    version=2,
)


def before(pack: Pack = OLD) -> Story:
    story = Story.owned(pack=pack)
    story.do(ana, Acknowledge())
    return story


def test_a_migrated_complaint_counts_by_the_new_pack_from_its_original_start() -> None:
    story = before()
    story.migrate(olga, NEW)
    assert story.case.pack.version == 2
    assert story.case.clocks.find("outcome", 1).due_at == RECEIVED + timedelta(hours=24)
    assert story.case.clocks.find("added", 1).due_at == RECEIVED + timedelta(hours=10)
    assert story.case.clocks.find("gone", 1).state is ClockState.STOPPED
    met = story.case.clocks.find("response", 1)
    assert (met.state, met.frozen_due) == (ClockState.MET, RECEIVED + timedelta(minutes=15)), (
        "what is met stays"
    )


def test_a_promise_that_is_for_others_in_the_new_pack_is_explained_by_the_one_that_made_it() -> None:
    for_others = KEPT.model_copy(update={"applies_if": Applies(kinds=(Kind.SUGGESTION,))})
    story = before()
    story.migrate(olga, with_clocks(for_others, version=2))
    run = story.case.clocks.find("outcome", 1)
    assert run.state is ClockState.STOPPED
    assert run.pack is not None
    assert run.pack.version == 1


def test_the_record_says_who_moved_it_from_what_to_what() -> None:
    story = before()
    happenings = story.migrate(olga, NEW)
    moved = happenings[0].event
    assert isinstance(moved, PackMigrated)
    assert (happenings[0].actor, moved.former.version, moved.pack.version) == ("olga", 1, 2)
    assert all(told.actor == "olga" for told in happenings), "nothing of it is time's doing"


def test_a_later_version_alone_touches_no_complaint() -> None:
    story = before()
    story.wait(hours=1)
    assert story.case.pack.version == 1
    assert not story.told(ClockRecalculated)


def test_what_the_new_pack_has_as_overdue_breaches_at_once_and_is_not_forgotten_on_the_way_back() -> None:
    story = before()
    story.wait(hours=30)
    story.migrate(emil, NEW)
    story.wait(seconds=1)
    assert story.case.clocks.find("outcome", 1).breached_at == RECEIVED + timedelta(hours=24)
    story.migrate(olga, OLD)
    assert story.case.clocks.find("outcome", 1).due_at == RECEIVED + timedelta(hours=48)
    assert story.case.clocks.find("outcome", 1).breached_at is not None


def test_the_way_there_and_back_is_the_way_it_was() -> None:
    story = before()
    was = {run.clock: (run.due_at, run.state) for run in story.case.clocks.occurrences}
    story.migrate(olga, NEW)
    story.migrate(olga, OLD)
    now = {run.clock: (run.due_at, run.state) for run in story.case.clocks.occurrences}
    assert {name: now[name] for name in was} == was


def test_the_new_due_moment_has_its_own_warning_and_its_own_alarm() -> None:
    warned = KEPT.model_copy(update={"warn_at": (Offset.parse("-1 h"),)})
    longer = warned.model_copy(update={"duration": Duration.parse("60 h")})
    story = Story.owned(pack=with_clocks(warned, version=1))
    story.until(RECEIVED + timedelta(hours=47, minutes=30))
    story.migrate(olga, with_clocks(longer, version=2))
    story.until(RECEIVED + timedelta(hours=60))
    told = [told for told in story.happenings if isinstance(told.event, ClockWarned)]
    assert [one.occurred_at - RECEIVED for one in told] == [timedelta(hours=47), timedelta(hours=59)]
    cases = [fold(story.happenings[: story.happenings.index(one) + 1]) for one in told]
    keys = {m.dedupe for one, case in zip(told, cases, strict=True) for m in messages(story.pack, case, one)}
    assert len(keys) == 2, "under the same key the second warning would never go out"


def test_only_a_head_or_compliance_may_and_not_to_where_it_is() -> None:
    story = before()
    for actor in (ana, dora):
        with pytest.raises(Refused, match="not_allowed"):
            story.migrate(actor, NEW)
    with pytest.raises(Refused, match="nothing_changes"):
        story.migrate(olga, OLD)


def test_the_preview_shows_what_the_migration_then_does() -> None:
    story = before()
    case = story.case
    story.migrate(olga, NEW)
    shown = {
        change.clock: (change.change, change.before, change.after) for change in preview(case, story.case)
    }
    assert shown == {
        "outcome": ("moves", RECEIVED + timedelta(hours=48), RECEIVED + timedelta(hours=24)),
        "gone": ("stops", RECEIVED + timedelta(hours=72), None),
        "added": ("starts", None, RECEIVED + timedelta(hours=10)),
    }


def test_the_commit_of_a_migration_shows_the_next_moment_by_the_new_pack() -> None:
    story = before()
    case = story.case
    happenings = story.migrate(olga, NEW)
    commit = transition(NEW, case, case.reference, happenings)
    assert commit.view is not None
    assert commit.view.pack_version == 2
    assert commit.view.next_due_at == RECEIVED + timedelta(hours=10)
