"""What every command and event leaves behind: the same after JSON, and nobody's words outside a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from complaints.base import Command, Event, Frozen, Happening, Order, Refused
from complaints.chapters.letters import ReportDelivery
from complaints.phases import Phase
from tests.complaints.making import command_for, every_event
from tests.complaints.scenes import (
    OURS,
    TO_COMPLAINTS,
    Scene,
    a_scene,
    by_name,
    give,
    order,
)
from tests.complaints.support import RECEIVED, ana
from tests.complaints.telling import told


@pytest.mark.parametrize("command", OURS.values(), ids=by_name)
def test_a_command_is_the_same_after_a_way_through_json(command: type[Command]) -> None:
    scene = a_scene(Phase.INVESTIGATING)
    sent = order(scene.case, ana, command_for(command, scene.case))
    assert Order.model_validate_json(sent.model_dump_json()) == sent
    given = [*(item.body for item in told().given), *(item.body for item in told().to_issues)]
    bodies = [body for body in given if isinstance(body, command)]
    assert bodies, "no life gives it: tests/support/every_command.py"
    for body in bodies:
        sent = order(scene.case, ana, body)
        assert Order.model_validate_json(sent.model_dump_json()) == sent


@pytest.mark.parametrize("event", tuple(every_event()), ids=lambda event: event.type)
def test_an_event_is_the_same_after_a_way_through_json(event: Event) -> None:
    happening = Happening(event=event, occurred_at=RECEIVED, recorded_at=RECEIVED, actor="ana")
    assert Happening.model_validate_json(happening.model_dump_json()) == happening


MADE_BY_US = "made by the service; a caller can not choose it"
IN_THE_CASE = "refused unless the case or its pack knows it (the test below)"

IN_COMMANDS: Mapping[str, str] = {
    "issue": IN_THE_CASE,
    "question": IN_THE_CASE,
    "remedy": IN_THE_CASE,
    "letter": IN_THE_CASE,
    "draft": IN_THE_CASE,
    "action": IN_THE_CASE,
    "outside_case": IN_THE_CASE,
    "party": IN_THE_CASE,
    "clock": IN_THE_CASE,
    "PauseClocks.reason": IN_THE_CASE,
    "ResumeClocks.reason": IN_THE_CASE,
    "into": "refused unless it is a reference with its check character",
    "complaint": "refused unless it is a reference with its check character",
    "complaints": "refused unless each is a reference with its check character",
    "systemic_issue": "the reference that the issue's own workflow tells; nobody can send this fact",
    "ReceiveComplaint.source": "an import's own name for a row; no route takes it",
    "TextRef.id": MADE_BY_US,
    "TextRef.digest": MADE_BY_US,
    "AttachmentRef.id": MADE_BY_US,
    "AttachmentRef.digest": MADE_BY_US,
    "AttachmentRef.media_type": "told from what the file begins with, not from what its sender calls it",
    "PackRef.name": MADE_BY_US,
    "PackRef.digest": MADE_BY_US,
    "Person.id": "a member of staff, as the directory attests them",
    "Person.supervisor": "a member of staff, as the directory attests them",
}
"""The fields of type str that neither a pattern nor a list of choices holds, and why they hold nobody's words."""

IN_EVENTS: Mapping[str, str] = {
    "ComplaintReceived.source": "an import's own name for a row; no route takes it",
    "Party.id": MADE_BY_US,
    "Party.language": "a command's has a pattern; older records keep what they have",
    "reference": MADE_BY_US,
    "finding": MADE_BY_US,
    "entry": MADE_BY_US,
    "key": MADE_BY_US,
    "reverses": MADE_BY_US,
    "subject": "the id of a question",
    "person": "a member of staff",
    "owner": "a member of staff",
    "to": "a member of staff",
    "tell": "roles, or members of staff",
    "passed_to": "roles, or members of staff",
    "RungUnheld.who": "a word of the pack",
    "ladder": "a ladder of the pack",
    "by": "a duration of the pack",
    "why": "one of a few words of our own",
    "Paused.reason": "a reason of the pack",
    "PauseReminded.reason": "a reason of the pack",
    "Resumed.reason": "a reason of the pack",
    "problem_type": "a type of the pack",
    "site": "a command's has a pattern",
    "department": "a command's has a pattern",
    "status": "a command's has a pattern",
    "provider_reference": "a command's has a pattern",
}
"""The same for what stands in events alone."""


def test_no_command_and_no_event_has_room_for_words_outside_a_text() -> None:
    in_commands = {field for command in OURS.values() for field in _open_strings(command)}
    in_events = {field for event in every_event() for field in _open_strings(event.__class__)}
    assert _unreviewed(in_commands, IN_COMMANDS) == set()
    assert _unreviewed(in_events, {**IN_COMMANDS, **IN_EVENTS}) == set()
    known = {name for field in in_commands | in_events for name in (field, field.partition(".")[2])}
    assert (IN_COMMANDS.keys() | IN_EVENTS.keys()) - known == set(), "reviewed, and not there any more"


def _unreviewed(fields: set[str], reviewed: Mapping[str, str]) -> set[str]:
    return {field for field in fields if not {field, field.partition(".")[2]} & reviewed.keys()}


def _open_strings(kind: type[Frozen]) -> Iterator[str]:
    """`Class.field` of each string in the type's JSON that any words fit into."""
    schema = kind.model_json_schema()
    definitions = {kind.__name__: schema, **schema.get("$defs", {})}
    for owner, node in definitions.items():
        for name, field in node.get("properties", {}).items():
            if any(_open(part) for part in _parts(field)):
                yield f"{owner}.{name}"


def _parts(node: Any) -> Iterator[Mapping[str, Any]]:
    yield node
    for key in ("anyOf", "allOf", "oneOf", "prefixItems"):
        for inner in node.get(key, ()):
            yield from _parts(inner)
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from _parts(node[key])


def _open(node: Mapping[str, Any]) -> bool:
    return node.get("type") == "string" and not {"pattern", "enum", "const", "format"} & node.keys()


TAKEN_FROM_OUTSIDE = (ReportDelivery,)
"""The facts that callers may send; all others come from the service itself."""

WEI = "Wei Zhang, 12 Garden Street"


@pytest.mark.parametrize("command", TO_COMPLAINTS, ids=by_name)
def test_words_given_for_an_id_go_nowhere(command: type[Command]) -> None:
    own = (field.split(".") for field in _open_strings(command))
    names = [name for owner, name in own if owner == command.__name__]
    assert not (command.fact and command in TAKEN_FROM_OUTSIDE and names), "taken before anybody looks at it"
    for name in names:
        if name == "systemic_issue":
            continue  # told by its own workflow, and by nobody else
        for given in told().given:
            if not isinstance(given.body, command):
                continue
            scene = Scene(given.case, given.pack)
            body = given.body.model_copy(update={name: WEI})
            try:
                happenings = give(scene, given.actor, body, at=given.at)
            except Refused:
                continue
            assert WEI not in "".join(happening.model_dump_json() for happening in happenings)
            assert happenings == ()
