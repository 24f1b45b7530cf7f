"""The ladder and the timeline in words: a rung whose origin is not its ladder's says its own, no other one does."""

from __future__ import annotations

from datetime import timedelta

from api.desk.ladder import ladders_shown
from api.desk.timeline import Telling, entries
from api.desk.times import Face
from api.ladder import LadderBody, RungBody
from api.showing import Reader
from complaints.timing.ladder_view import ladder_view
from tests.complaints.support import RECEIVED, Story, ana
from tests.policies.boundary import pack_of

PACK = pack_of("on-call-example")
GUIDE = "2025年零售行業客戶服務規範指南, S2.3, which asks for tiered response and gives no times"


def overdue() -> Story:
    """Forty minutes after receipt: the third rung, which has a source of its own, has called."""
    story = Story(pack=PACK)
    story.until(RECEIVED + timedelta(minutes=40))
    return story


def test_the_ladder_shows_a_rungs_own_source_beneath_it() -> None:
    story = overdue()
    run = story.case.clocks.find("response", 1)
    found = ladder_view(PACK, story.case, run, story.happenings, story.now)
    assert found is not None
    rungs = tuple(RungBody(**dict(rung), told=()) for rung in found.rungs)
    body = LadderBody(**{**dict(found), "rungs": rungs})
    (shown,) = ladders_shown(PACK, story.case, (body,), {}, Face(PACK.timezone, story.now))
    assert "an example to copy" in shown.source
    assert [rung.source for rung in shown.rungs] == [
        "", "", f"{GUIDE} (a choice nobody has made yet), since 2025-01-01", "",
    ]  # fmt: skip


def test_the_timeline_names_the_source_of_the_rung_that_called() -> None:
    story = overdue()
    telling = Telling(PACK, {}, Face(PACK.timezone, story.now), Reader(ana, story.case.reference, ""))
    found = entries(telling, story.happenings)
    rules = {step.rule for entry in found for step in (entry.first, *entry.followed)}
    named = {rule for rule in rules if "; rung " in rule}
    promise = "on-call-example: 15 min; 2025年零售行業客戶服務規範指南, S1.1, S1.3"
    assert f"{promise}; rung 3: {GUIDE}" in named
    assert all("; rung 3: " in rule for rule in named)
