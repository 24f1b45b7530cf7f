"""Stories that begin with a standard's pack, and what can be seen of their clocks."""

from __future__ import annotations

from typing import Any

from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.letters import LetterQueued
from complaints.chapters.triage import Reclassify
from complaints.timing.occurrences import Occurrence
from policies.vocabulary import Channel
from tests.complaints.support import RECEIVED, WEI, Story, ana, text
from tests.policies.boundary import SECOND, Step, pack_of


def received(pack: str, **classes: Any) -> Story:
    """A complaint that came in on Monday, 1 September 2025, 10:00 in Shanghai (03:00 in London)."""
    body = ReceiveComplaint(
        **{"channel": Channel.MAIL, "narrative": text("It broke."), "parties": (WEI,), **classes}
    )
    return Story(body, at=RECEIVED, pack=pack_of(pack))


def then(story: Story, *steps: Step) -> Story:
    """These steps, a second apart, from now on."""
    for step in steps:
        step(story, story.now + SECOND)
    return story


def latest(story: Story, clock: str) -> Occurrence:
    return [run for run in story.case.clocks.occurrences if run.clock == clock][-1]


def runs(story: Story, clock: str) -> int:
    return story.case.clocks.count(clock)


def classes(story: Story, **changed: Any) -> dict[str, Any]:
    """The complaint's classes as triage says them, some of them changed."""
    case = story.case
    return {
        "kind": case.kind,
        "severity": case.severity,
        "tier": case.tier,
        "feedback_class": case.feedback_class,
        "problem_type": case.problem_type,
        **changed,
    }


def reclassify(story: Story, **changed: Any) -> None:
    story.do(ana, Reclassify(**classes(story, **changed), reason=text("It is another matter.")))


def queued(story: Story) -> list[str]:
    return [event.kind for event in story.told(LetterQueued)]
