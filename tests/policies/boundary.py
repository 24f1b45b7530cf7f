"""One promise of one standard, told through the pure core so that it is kept, or not, by one second.

A `Promise` is a line of a digest written out by hand: when it starts, when it is due, and by which commands people
make the one and the other happen. Nothing here reads a duration or a calendar from a pack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from complaints.chapters.intake import ReceiveComplaint
from complaints.timing.occurrences import Occurrence
from policies.loading import PACKS, load_pack, publish, read_pack
from policies.pack import Pack
from policies.vocabulary import Channel
from tests.complaints.support import WEI, Story, text

SECOND = timedelta(seconds=1)

Step = Callable[[Story, datetime], object]
"""Somebody does something in a story, at that moment."""


@dataclass(frozen=True)
class Promise:
    """One clock of one pack, at its boundary. Moments are local, in the pack's zone.

    `classes` is how the complaint comes in. `earlier` steps come a second apart from the receipt on, `begins`
    makes the clock start at `starts` (None: the receipt does), `prepare` steps come a second apart after it, and
    `meets` is what meets it. `moves_up`: running past it moves the case up a tier, which takes the clock away.
    """

    line: str
    pack: str
    clock: str
    starts: str
    due: str
    meets: Step
    classes: Mapping[str, Any] = field(default_factory=dict)
    received: str = ""
    earlier: tuple[Step, ...] = ()
    begins: Step | None = None
    prepare: tuple[Step, ...] = ()
    anonymous: bool = False
    moves_up: bool = False
    parameter: str | None = None

    def __str__(self) -> str:
        return f"{self.pack}-{self.clock}-{self.starts[:16]}"


@lru_cache
def pack_of(name: str, parameter: str | None = None) -> Pack:
    """The pack of this name, published; with this parameter switched on."""
    if parameter is None:
        return load_pack(PACKS / f"{name}.yaml")
    source = read_pack(PACKS / f"{name}.yaml")
    source.data["parameters"] = {**source.data["parameters"], parameter: True}
    return publish(source)


def moment(promise: Promise, local: str) -> datetime:
    """A moment that a table gives in the pack's own zone, as an instant."""
    zone = ZoneInfo(pack_of(promise.pack).timezone)
    return datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC)


def begun(promise: Promise) -> Story:
    """The story up to a moment after the clock has started, with all done that has to come before it is met."""
    starts = moment(promise, promise.starts)
    received = moment(promise, promise.received) if promise.received else starts
    body = ReceiveComplaint(
        **{
            "channel": Channel.MAIL,
            "narrative": text("It broke."),
            "parties": () if promise.anonymous else (WEI,),
            **promise.classes,
        }
    )
    story = Story(body, at=received, pack=pack_of(promise.pack, promise.parameter))
    for number, step in enumerate(promise.earlier, start=1):
        step(story, received + number * SECOND)
    if promise.begins is not None:
        promise.begins(story, starts)
    for number, step in enumerate(promise.prepare, start=1):
        step(story, starts + number * SECOND)
    return story


def run_of(story: Story, promise: Promise) -> Occurrence:
    """The latest run of the promise's clock; an AssertionError names those there are where it has none."""
    runs = [run for run in story.case.clocks.occurrences if run.clock == promise.clock]
    assert runs, (
        f"{promise} did not start; there are {sorted({r.clock for r in story.case.clocks.occurrences})}"
    )
    return runs[-1]
