"""Any ladder, whatever people do on it: it ends, decides the same however often it is asked, and repeats nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from complaints.base import Command, Refused
from complaints.chapters.escalation import AcknowledgeAlert, ReleaseAlert, SnoozeAlert
from complaints.chapters.ownership import TakeOwnership
from complaints.chapters.pauses import PauseClocks, ResumeClocks
from complaints.lifecycle import due, fold, next_wakeup
from complaints.timing.occurrences import AcknowledgementExpired, RungClimbed
from policies.pack import Pack
from tests.complaints.support import Story, ana, ben, machine
from tests.complaints.timing.test_ladders import CLOCK, called_for, calls, climbing, unheld

WORDS = ("owner", "owner_supervisor", "role:supervisor", "role:department_head", "person:ana", "on_duty:desk")
SPANS = st.sampled_from(["20 min", "1 h", "3 h", "30 h"])


@st.composite
def ladders(draw: st.DrawFn) -> Pack:
    """Rungs in the order of their moments, as packs have them."""
    moments = sorted(draw(st.lists(st.sampled_from([-30, -6, -1, 0, 1, 4, 30]), min_size=1, max_size=5)))
    rungs: list[dict[str, Any]] = [
        {
            "at": f"{hours:+d} h" if hours else "0",
            "tell": draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True)),
            "acknowledge_within": draw(st.none() | SPANS),
            **(
                {"repeat_every": draw(SPANS), "repeat_at_most": draw(st.integers(1, 3))}
                if draw(st.booleans())
                else {}
            ),
        }
        for hours in moments
    ]
    unanswered = draw(st.sampled_from(["waits", "climbs"]))
    holds = draw(st.none() | SPANS)
    return climbing(*rungs, holds=holds, snooze_at_most=holds and "40 h", unanswered=unanswered)


def step(story: Story, what: str, hours: float) -> None:
    """Let time pass, then do this; what is refused is not done."""
    before, moment = story.case, story.now + timedelta(hours=hours)
    in_one = due(story.pack, before, moment)
    assert in_one == due(story.pack, before, moment)
    halfway = story.now + (moment - story.now) / 2
    first = due(story.pack, before, halfway, moment)
    after = fold(first, before)
    assert (*first, *due(story.pack, after, moment)) == in_one, "a watchdog that looks oftener says the same"
    story.until(moment)
    wake = next_wakeup(story.pack, story.case)
    assert wake is None or wake > moment, "all that is due was said"
    last = next(reversed(story.told(RungClimbed)), None)
    commands: dict[str, Command | None] = {
        "wait": None,
        "acknowledge": AcknowledgeAlert(clock=CLOCK.id),
        "snooze": SnoozeAlert(clock=CLOCK.id, until=moment + timedelta(hours=5)),
        "release": ReleaseAlert(clock=CLOCK.id),
        "pause": PauseClocks(reason="waiting_for_customer"),
        "resume": ResumeClocks(reason="waiting_for_customer"),
        "take": TakeOwnership(),
        "unheld": None if last is None else unheld(last.rung, last.tell[0], last.repeat),
    }  # fmt: skip
    command = commands[what]
    if command is None:
        return
    try:
        story.do({"unheld": machine, "take": ben}.get(what, ana), command)
    except Refused:
        return


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["wait", "acknowledge", "snooze", "release", "pause", "resume", "take", "unheld", "wait"]
        ),
        st.sampled_from([0.1, 1.0, 5.0, 20.0]),
    ),
    max_size=9,
)


@settings(max_examples=60, deadline=None)
@given(ladders(), STEPS)
def test_a_ladder_ends_and_says_each_thing_once(pack: Pack, steps: list[tuple[str, float]]) -> None:
    story = Story.owned(pack=pack)
    for what, hours in steps:
        step(story, what, hours)
    step(story, "resume", 1.0)
    step(story, "wait", 24.0 * 90)
    made, rungs = calls(story), pack.ladders["own"].rungs
    assert len(made) == len(set(made)), "no call is made twice"
    assert {number for number, again in made if not again} == set(range(len(rungs))), "and none is forgotten"
    keys = [message.dedupe for message in called_for(story)]
    assert len(keys) == len(set(keys))
    pauses = [(one.start, one.to) for one in story.case.clocks.pauses]
    run = story.case.clocks.find(CLOCK.id, 1)
    assert run.breached_at is not None
    for told in story.happenings:
        if (
            isinstance(told.event, RungClimbed | AcknowledgementExpired)
            and told.occurred_at < run.breached_at
        ):
            inside = [to for start, to in pauses if to is not None and start < told.occurred_at < to]
            assert not inside, "nothing is said of a time in which the clock stood still"
