"""Whatever the rules can do has its place and its words on the desk, and on the customer's page where it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import get_args

import pytest

from activities.delivery.wording import word
from api.desk.case import COMMANDS
from api.desk.choices import Around
from api.desk.forms import Field, fields_for
from api.desk.portal_words import Voice
from api.desk.timeline import Telling, entries
from api.desk.times import Face
from api.desk.words import CHAPTERS, about
from api.progress import progress
from api.showing import Reader
from complaints.base import Command, Happening
from complaints.chapters.letters import LetterKind
from complaints.chapters.remedies import RemedyKind
from complaints.phases import Phase
from ledger.directory import StaffMember
from policies.vocabulary import DeliveryState
from tests.complaints.making import every_event
from tests.complaints.scenes import OURS
from tests.complaints.stages import REVIEWER as rosa  # noqa: N811 - people go by their names here
from tests.complaints.support import RECEIVED, Story, ana, ben, carl, cleo, dora, emil, iris, olga
from tests.complaints.telling import told
from tests.support.life_steps import COMING, sven

ON_COMPLAINTS = [command for command in COMMANDS.values() if not command.fact]
ON_ISSUES = [it for it in OURS.values() if it.to_systemic]

_CODE = re.compile(r"[A-Za-z]_[A-Za-z]|[a-z][A-Z]|[<>{}\[\]]|\bNone\b|datetime")


def middles() -> list[Story]:
    """A complaint in the middle of its life under each pack that comes with the service."""
    stories = []
    for pack in COMING.values():
        story = Story.owned(pack=pack)
        given = next((item for item in reversed(told().given) if item.pack.name == pack.name), None)
        if given is not None:  # a life has one with more in it
            story.case = given.case
        stories.append(story)
    return stories


def around(story: Story) -> Around:
    staff = [
        StaffMember(
            id=person.id, login=person.id, name=person.id.title(), email=f"{person.id}@example.org",
            roles=person.roles, supervisor=person.supervisor, language="en", active=True,
        )
        for person in (ana, ben, cleo, dora, emil, iris, olga)
    ]  # fmt: skip
    face = Face(story.pack.timezone, story.now)
    return Around(story.case, story.pack, staff, face, lambda ref: "Some words.", tuple(COMING.values()))


def shown(fields: Iterable[Field]) -> Iterator[str]:
    """All that a form says."""
    for field in fields:
        yield from (field.label, field.hint)
        yield from (item.label for item in field.choices)
        yield from shown(field.parts)


@pytest.mark.parametrize("command", [*ON_COMPLAINTS, *ON_ISSUES], ids=lambda it: it.__name__)
def test_every_command_has_a_form_that_reads_well_under_every_pack(command: type[Command]) -> None:
    for story in middles():
        made = fields_for(command, around(story))
        assert [field.name for field in made][-1] == "occurred_at"
        wanted = {name for name, info in command.model_fields.items() if info.is_required()}
        assert wanted <= {field.name for field in made}
        assert len({field.label for field in made}) == len(made), "two fields of one name"
        assert [said for said in shown(made) if _CODE.search(said.replace(story.pack.timezone, ""))] == []
    assert not _CODE.search(about(command))


@pytest.mark.parametrize("part", ["api.app", "worker", "scheduler"])
def test_each_part_of_the_service_knows_every_command(part: str) -> None:
    ask = f"import {part}; from complaints.base import Command; print(*Command.REGISTRY)"
    known = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(known) >= OURS.keys()


@pytest.mark.parametrize("command", ON_COMPLAINTS, ids=lambda it: it.__name__)
def test_every_command_stands_under_a_heading(command: type[Command]) -> None:
    assert CHAPTERS[command.__module__.rpartition(".")[2]]


def test_every_event_is_told_in_words() -> None:
    names = {
        person.id: person.id.title() for person in (ana, ben, cleo, dora, emil, iris, olga, rosa, sven, carl)
    }
    made = [
        Happening(event=event, occurred_at=RECEIVED, recorded_at=RECEIVED, actor="ana", command=f"c{number}")
        for number, event in enumerate(every_event())
    ]
    for pack, happenings in [
        *((story.pack, story.happenings) for story in told().endings),
        (COMING["retail-2025"], made),
    ]:
        telling = Telling(pack, names, Face(pack.timezone, RECEIVED), Reader(ana, "", ""))
        told_of = entries(telling, happenings)
        steps = [step for entry in told_of for step in (entry.first, *entry.followed)]
        assert len(steps) == len(happenings)
        for step in steps:
            said = [step.title, *(words for detail in step.details for words in detail)]
            said += [quoted.label for quoted in step.quoted]
            assert [words for words in said if not words or _CODE.search(words)] == []
            assert step.title[0].isupper()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_customer_can_read_how_it_stands_whatever_has_become_of_it(language: str) -> None:
    say = Voice(language)
    steps = set()
    for given in told().given:
        standing = progress(given.pack, given.case)
        steps.add(standing.step)
        ended = standing.phase in (
            Phase.WITHDRAWN, Phase.MERGED, Phase.DECLINED, Phase.FORWARDED, Phase.DISPUTED,
        )  # fmt: skip
        assert say(f"now_{standing.phase if ended else standing.step}")
        assert say(standing.step)
    assert steps == {"received", "investigating", "deciding", "answered", "closed"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_customer_can_read_what_they_are_offered_and_written(language: str) -> None:
    say = Voice(language)
    written = [say(value) for value in (*get_args(LetterKind), *DeliveryState)]
    for words in (*written, *(word(language, kind) for kind in RemedyKind)):
        assert words
        assert not _CODE.search(words), words
        assert words.isascii() == (language == "en"), words
