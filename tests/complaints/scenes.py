"""Every command that is registered, and complaints in every stage to give it to."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, NamedTuple

import complaints
from complaints.base import Actor, Command, Happening, Order, Refused
from complaints.case import Case
from complaints.chapters.erasure import ErasePersonalData
from complaints.chapters.intake import ReceiveComplaint
from complaints.chapters.migration import MigratePack
from complaints.lifecycle import decide
from complaints.phases import Phase, phase
from complaints.systemic.issue import (
    OpenSystemicIssue,
)
from policies.pack import Pack
from tests.complaints.making import later
from tests.complaints.stages import REVIEWER as rosa  # noqa: N811 - people go by their names here
from tests.complaints.support import ana, cleo, customer, dora, emil, iris, machine, olga
from tests.complaints.telling import told
from tests.support.life_steps import COMING

for chapter in walk_packages(complaints.__path__, "complaints."):
    import_module(chapter.name)  # whoever is left out by everybody has its commands here all the same

OURS = {name: it for name, it in sorted(Command.REGISTRY.items()) if it.__module__.startswith("complaints.")}
TO_COMPLAINTS = [it for it in OURS.values() if not it.to_systemic and it is not ReceiveComplaint]
TO_ISSUES = [it for it in OURS.values() if it.to_systemic and it is not OpenSystemicIssue]
DECISIONS = [it for it in TO_COMPLAINTS if not it.fact]
FACTS = [it for it in TO_COMPLAINTS if it.fact]
OWNERS = [it for it in DECISIONS if it.owner_only]

PEOPLE = (ana, dora, emil, iris, cleo, olga, rosa, machine, customer)
"""One of each role: whoever owns the complaints of the lives, and who had no hand in them."""


def by_name(command: type[Command]) -> str:
    return command.__name__


class Scene(NamedTuple):
    """A complaint at one moment of its life."""

    case: Case
    pack: Pack


@cache
def scenes() -> tuple[Scene, ...]:
    """Complaints in every stage: as each command of the lives found them, at their ends, archived, erased."""
    found = [Scene(given.case, given.pack) for given in told().given]
    for story in told().endings:
        found.append(Scene(story.case, story.pack))
        if story.case.open or story.case.erased is not None:
            continue
        story.wait(days=400)
        assert phase(story.case) is Phase.ARCHIVED or not story.case.ended
        found.append(Scene(story.case, story.pack))
        if story.case.closure.archived_at is not None:
            story.do(olga, ErasePersonalData(reason="asked_by_the_person"))
            found.append(Scene(story.case, story.pack))
    return tuple(found)


def scenes_for(command: type[Command]) -> tuple[Scene, ...]:
    """Where the lives give this command, one of each phase, every tenth of the others, and all the late ones."""
    fitting = (Scene(given.case, given.pack) for given in told().given if isinstance(given.body, command))
    lived = scenes()[: len(told().given)]
    of_each_phase = {phase(scene.case): scene for scene in lived}.values()
    return (*fitting, *of_each_phase, *lived[::10], *scenes()[len(lived) :])


def a_scene(*phases: Phase) -> Scene:
    """A complaint in one of these phases that Ana owns or owned."""
    return next(scene for scene in scenes() if phase(scene.case) in phases and scene.case.erased is None)


def order(case: Case, actor: Actor, body: Command, **fields: Any) -> Order:
    return Order.model_validate({"id": "c1", "actor": actor, "body": body, "at": later(case), **fields})


def refusal(scene: Scene, actor: Actor, body: Command, **fields: Any) -> Refused | None:
    """Why the command is refused; None where it is not."""
    try:
        give(scene, actor, body, **fields)
    except Refused as refused:
        return refused
    return None


def give(scene: Scene, actor: Actor, body: Command, **fields: Any) -> tuple[Happening, ...]:
    other = COMING[body.pack.name] if isinstance(body, MigratePack) else None
    return decide(scene.pack, scene.case, order(scene.case, actor, body, **fields), other=other)
